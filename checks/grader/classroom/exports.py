"""Who has handed something in: one entry per student of a folder, or of a platform's export."""

from __future__ import annotations

import email.policy
import hashlib
import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from itertools import groupby
from pathlib import Path

from checks.grader.classroom import anatomy
from checks.grader.classroom.contents import (
    DAMAGE,
    LIKELY,
    Careful,
    Member,
    Refused,
    clutter,
    from_folder,
    in_zip,
    member_name,
)
from checks.grader.classroom.lock import is_results
from checks.grader.classroom.names import ARCHIVES, CLOSED, bare_name, read_name
from checks.grader.classroom.platforms import GRADESCOPE, RECEIPTS, recognised, submitters
from checks.grader.classroom.shown import cell, shown
from checks.grader.classroom.submission import Submission, Taken, submission_of
from checks.grader.classroom.texts import text_of
from checks.grader.records.misuse import Misuse
from checks.grader.running.intake import Unreadable, opened

MAX_NAME = 180  # bytes of a file name that is made from a student's name
#: What some system has in no name of a file.
NO_NAME = re.compile(r'[\\/:*?"<>|]')
FEW = 20  # archives at the top that are asked whether they hold a class
#: Folders of one student's, and not students.
PARTS = re.compile(
    r"(?i)(?:(?:exercise|solution|check|data|doc|src|lib|venv|env|figure|picture|lesson|homework|"
    r"assignment|work|old|new|backup|final|draft|copy|attempt|try|class|version|week|hw|part|"
    r"submission|abgabe|übung|(?:submitted|working) file)(?:s|n|en)?[\s_\-]*\d*|v\d+|"
    r"(?:drive-)?download|onedrive|gradebook)(?:[\s_\-.].*)?|.+-\d{8}t\d{6}z-.*"
)
#: Of these, folders of a lesson or of an attempt each.
WEEKS = re.compile(
    r"(?i)(?:(?:lesson|week|homework|hw|assignment|exercise|übung|version|attempt|try)[\s_\-]*|v)\d+"
)
COPIED = re.compile(r"(.+?) ?\(\d{1,2}\)")  # by a browser
DEEPEST = 4  # folders around a class
DRAFTS, HANDED_IN = "Working files", "Submitted files"  # as Teams keeps them


@dataclass(frozen=True, order=True)
class Part:
    """Something at the top of an export: where it is, what the student called it, which attempt.

    archive  the archive in the folder that holds it, "" for the folder itself
    only     the one file of it that is meant, "" for all
    """

    name: str
    file: str = ""
    attempt: str = ""
    archive: str = ""
    only: str = ""

    @property
    def origin(self) -> str:
        """Where it lies in what was downloaded."""
        return f"{self.archive}/{self.name}" if self.archive else self.name


@dataclass(frozen=True)
class Entry:
    """One student: the name as it is shown, what was handed in, what is known of the person.

    platform, platform_id  the export that it comes from, and the id that is used there
    apart  files among the parts that are another student's
    """

    student: str
    parts: tuple[Part, ...] = ()
    note: str = ""
    id: str = ""
    email: str = ""
    login: str = ""
    platform: str = ""
    platform_id: str = ""
    apart: frozenset[str] = frozenset()

    @property
    def stem(self) -> str:
        """The name of the student's files, without the ending."""
        name = NO_NAME.sub("_", self.student).encode()[:MAX_NAME].decode(errors="ignore")
        if name != self.student:  # another one may be called so
            name += f"-{hashlib.sha256(self.student.encode()).hexdigest()[:8]}"
        return name

    @property
    def result_name(self) -> str:
        return f"{self.stem}.json"

    @property
    def feedback_name(self) -> str:
        return f"{self.stem}.html"


@dataclass(frozen=True)
class Top:
    """A name at the top of an export."""

    name: str
    is_folder: bool
    archive: str = ""

    @property
    def is_archive(self) -> bool:
        return not self.is_folder and self.name.casefold().endswith((*ARCHIVES, *CLOSED))


class Export:
    """A folder of submissions or an archive of them, as it was downloaded.

    entries  the students, in order
    ignored  the names of what is nobody's
    Raises OSError, Misuse.
    """

    def __init__(self, source: Path, apart_from: Path) -> None:
        self._held = ExitStack()
        self._zips: dict[str, tuple[zipfile.ZipFile, dict[str, list[zipfile.ZipInfo]]]] = {}
        # unlike resolve(), realpath() takes a link to itself for a name
        self._source, self._apart = source, os.path.realpath(apart_from)
        tops = self._in_folder(source) if source.is_dir() else self._in_archive("", source)
        self.ignored: list[str] = []
        self._tops = self._opened(tops)
        self.entries = _entries(self._found(self._tops))

    def submission(
        self, entry: Entry, stems: Sequence[str], given: Mapping[str, str] | None = None
    ) -> Submission:
        """Read what a student handed in."""
        alone = len(entry.parts) == 1
        parts = [Taken(self._members(p, alone), p.attempt, p.only) for p in entry.parts]
        return submission_of(parts, stems, given, entry.apart)

    def part_of(self, origin: str) -> Part | None:
        """The part at the top that a file lies in, which is named as a cell names it."""
        parts = map(self._part, self._tops)
        fitting = [part for part in parts if _lies_in(origin, cell(part.origin))]
        return max(fitting, key=lambda part: len(part.origin), default=None)

    def close(self) -> None:
        self._held.close()

    def _in_folder(self, folder: Path, prefix: str = "") -> list[Top]:
        with os.scandir(folder) as listing:
            return [
                Top(prefix + entry.name, entry.is_dir(follow_symlinks=False))
                for entry in listing
                if not clutter(entry.name)
                and os.path.realpath(entry.path) != self._apart
                and not is_results(Path(entry.path))
            ]

    def _in_archive(self, name: str, path: Path, *, beside: bool = False) -> list[Top]:
        """The tops of a zip file; of one that packs a folder of a class, those of the folder.

        beside  it lies beside what holds a class, and one student makes a class
        """
        try:
            archive = self._held.enter_context(zipfile.ZipFile(Careful(opened(path))))
            infos = [i for i in archive.infolist() if not i.filename.endswith("/")]
            for _ in in_zip(archive, infos):
                pass  # every name is looked at before one is believed
        except (Refused, Unreadable, *DAMAGE) as error:
            raise Misuse(f"cannot open {str(path)!r}: it is not a zip file that is read") from error
        start, by_files = "", _is_nobodys(path.name)
        for _ in range(DEEPEST):
            grouped, folders = _grouped(infos, start)
            tops = [Top(top, top in folders, name) for top in grouped]
            self._zips[name] = archive, grouped
            is_class = self._is_class(tops, by_files=by_files) or beside and self._are_people(tops)
            if not start or is_class:
                found, kept = tops, grouped
            if len(tops) != 1 or not tops[0].is_folder:
                break
            start = f"{tops[0].name}/"
        self._zips[name] = archive, kept
        return found

    def _opened(self, tops: list[Top]) -> list[Top]:
        """With archives and folders that hold a class, as platforms pack it, in their places."""
        solid = [top for top in tops if top.is_folder or top.is_archive]
        if {DRAFTS, HANDED_IN} <= {base_of(top.name) for top in solid}:
            self.ignored.append(DRAFTS)
            tops = [top for top in tops if base_of(top.name) != DRAFTS]
            return self._opened(tops)
        # an archive may lie beside the folder that it was unpacked to
        alone = len({_same(bare_name(base_of(top.name))) for top in solid}) == 1
        folders = [top for top in solid if top.is_folder and not top.archive][:FEW]
        nobodys = alone or all(_is_nobodys(top.name) for top in solid)
        if nobodys and self._source.is_dir() and not self._is_class(tops, by_folders=False):
            found = {top: self._within(top, DEEPEST) for top in folders}
            if any(found.values()):
                found |= {t: self._people(self._inside(t)) for t, held in found.items() if not held}
                inside = [top for held in found.values() for top in held]
                tops = [top for top in tops if not found.get(top)]
                tops += self._opened(inside) if alone else inside
        zips = [t for t in solid if t.name.casefold().endswith(".zip") and not t.archive]
        if len(zips) > FEW:
            return tops
        zips = [top for top in zips if recognised(base_of(top.name)) is None]
        found = {top: self._class_in_zip(top, alone) for top in zips}
        for top, held in found.items():
            if not held and any(found.values()) and _is_nobodys(top.name):
                found[top] = self._people(self._of_zip(top, beside=True))
            if not found[top]:
                self._zips.pop(top.name, None)
        tops = [top for top in tops if not found.get(top)]
        return tops + [top for held in found.values() for top in held]

    def _class_in_zip(self, top: Top, alone: bool) -> list[Top]:
        inside, nobodys = self._of_zip(top), _is_nobodys(top.name)
        is_class = self._is_class(inside, by_folders=alone or nobodys, by_files=nobodys)
        return inside if is_class else []

    def _within(self, top: Top, depth: int) -> list[Top]:
        """The class that a folder holds, which may lie in folders around it; none if it holds none.

        Of one student alone, in a folder that is called like nobody, that student.
        """
        inside = self._inside(top)
        nobodys = _is_nobodys(top.name)
        if self._is_class(inside, by_files=nobodys):
            return inside
        solid = [top for top in inside if top.is_folder or top.is_archive]
        if depth == 0 or len(solid) != 1 or not solid[0].is_folder:
            return []
        if any(read_name(base_of(t.name)).stem for t in inside if t not in solid):
            return []
        somebodys = nobodys and not _is_nobodys(solid[0].name)
        return self._within(solid[0], depth - 1) or (solid if somebodys else [])

    def _inside(self, top: Top) -> list[Top]:
        return self._in_folder(self._source / top.name, f"{top.name}/")

    def _people(self, tops: list[Top]) -> list[Top]:
        """All of it, if every piece is called after somebody."""
        return tops if self._are_people(tops) else []

    def _are_people(self, tops: list[Top]) -> bool:
        solid = [top for top in tops if top.is_folder or top.is_archive]
        named = all(self._named(top) for top in tops if top not in solid)
        return named and not any(_is_nobodys(top.name) for top in solid)

    def _named(self, top: Top) -> str:
        """The student that a loose file is called after, "" for other files."""
        named = not top.is_folder and not top.is_archive and not recognised(base_of(top.name))
        return self._whose(top) if named else ""

    def _of_zip(self, top: Top, *, beside: bool = False) -> list[Top]:
        try:
            return self._in_archive(top.name, self._source / top.name, beside=beside)
        except (Misuse, OSError):
            return []

    def _is_class(
        self, tops: list[Top], *, by_folders: bool = True, by_files: bool = False
    ) -> bool:
        """Whether names are those of several students' submissions, and not one student's files.

        by_folders  take folders that are called like nothing else for those of students
        by_files    take loose files that are called after several people for theirs
        """
        names = [base_of(top.name) for top in tops]
        if GRADESCOPE in names or any(recognised(name) for name in names):
            return True
        if by_files and len({whose for top in tops if (whose := self._named(top))}) > 1:
            return True
        people = [t for t in tops if t.is_folder or t.is_archive]
        if not by_folders or len(people) < 2:
            return False
        if self._prefix_of_clones(people):
            return True
        return not any(_is_nobodys(top.name) for top in people) and not any(
            read_name(name).stem for name in names
        )

    def _found(self, tops: list[Top]) -> Iterator[tuple[tuple[str, ...], Entry]]:
        """What everything at the top is, as entries that are still to be put together."""
        folders = {base_of(top.name) for top in tops if top.is_folder}
        archives = any(top.is_archive for top in tops)
        if {"checks", "exercises"} <= folders:
            archive = tops[0].archive
            part = Part("", archive=archive)
            yield ("the folder",), Entry(self._own_name, (part,))
            return
        if (
            not archives
            and len(folders) > 1
            and all(WEEKS.fullmatch(name) or read_name(name).exact for name in folders)
        ):
            yield ("the folder",), Entry(self._own_name, tuple(self._part(top) for top in tops))
            return
        gradescope = {top.archive: top for top in tops if base_of(top.name) == GRADESCOPE}
        people = {
            archive: _submitters(self._data(top).decode("utf-8-sig", "replace"))
            for archive, top in gradescope.items()
        }
        rest: list[Top] = []
        for top in sorted(tops, key=lambda top: (top.name, top.archive)):
            name = base_of(top.name)
            who = recognised(name)
            if name in people.get(top.archive, {}):
                for entry in people[top.archive][name]:
                    part = Part(top.name, archive=top.archive)
                    yield ("gradescope", entry.student, entry.id), replace(entry, parts=(part,))
            elif who is None:
                rest.append(top)
            elif not who.nobody:
                part = Part(top.name, who.file, who.attempt, top.archive)
                yield (
                    (*who.key, "weak" if who.weak else ""),
                    Entry(shown(who.student), (part,), platform=who.platform, platform_id=who.id),
                )
        yield from self._others(rest)

    @property
    def _own_name(self) -> str:
        """Of the one student whose folder or archive it is."""
        return shown(Path(os.path.realpath(self._source)).stem)

    def _others(self, tops: list[Top]) -> Iterator[tuple[tuple[str, ...], Entry]]:
        """Folders and archives of students without a platform, and loose files."""
        start = self._prefix_of_clones(tops)
        whose: dict[Top, str] = {}
        for top in tops:
            if top.is_folder or top.is_archive:
                plain = self._sender(top) or _owner(base_of(top.name), top.is_folder)
                whose[top] = plain.removeprefix(start) or plain
            else:
                whose[top] = self._whose(top)
        lessons = any(read_name(base_of(top.name)).stem for top in tops)
        if lessons and not any(whose.values()):
            parts = tuple(self._part(top) for top in tops)
            yield ("the folder",), Entry(self._own_name, parts)
            return
        names = Counter(_same(name) for top, name in whose.items() if top.is_folder)
        names.update({_same(name) for name in whose.values()} - names.keys())
        for top, name in whose.items():
            key = _same(name)
            if top.is_folder and names[key] > 1:
                key = name  # somebody has told these apart
            elif (found := COPIED.fullmatch(key)) and not _is_nobodys(top.name):
                key = found[1] if found[1] in names else key
            if name:
                yield (key,), Entry(shown(name).strip(), (self._part(top),))
            elif base_of(top.name) not in RECEIPTS:
                self.ignored.append(shown(base_of(top.name)))

    def _whose(self, top: Top) -> str:
        """The student that the name of a loose file tells, "" if it tells none."""
        name = base_of(top.name)
        named = read_name(name)
        if not named.rest:
            return ""
        if named.stem:
            return named.rest
        if name.casefold().endswith((*LIKELY, ".txt")):
            try:
                text = text_of(name, next(iter(self._members(self._part(top)))).read())
            except (OSError, Unreadable, Refused, *DAMAGE):
                return named.rest if name.casefold().endswith(LIKELY) else ""
            return named.rest if anatomy.lessons_of(text) else ""
        return ""

    def _sender(self, top: Top) -> str:
        """Who sent an e-mail that is called like nobody: "Homework 1.eml"."""
        if not top.name.casefold().endswith(".eml") or not _is_nobodys(top.name):
            return ""
        message = BytesHeaderParser(policy=email.policy.default).parsebytes(self._data(top))
        name, address = parseaddr(str(message["From"] or ""))
        return name or address

    def _prefix_of_clones(self, tops: list[Top]) -> str:
        """assignment- of the folders assignment-student that GitHub Classroom clones."""
        names = [base_of(top.name) for top in tops if top.is_folder and not top.archive]
        start = os.path.commonprefix(names)
        start = start[: start.rfind("-") + 1]
        if len(names) < 2 or not start:
            return ""
        folders = (self._source / top.name for top in tops if top.is_folder and not top.archive)
        clones = all((f / ".git").exists() or (f / "exercises").is_dir() for f in folders)
        return start if clones else ""

    def _part(self, top: Top) -> Part:
        return Part(top.name, "" if top.is_folder else base_of(top.name), archive=top.archive)

    def _data(self, top: Top) -> bytes:
        """A file at the top, nothing if it cannot be read."""
        try:
            return next(iter(self._members(self._part(top)))).read(8 << 20)
        except (StopIteration, OSError, Unreadable, Refused, *DAMAGE):
            return b""

    def _members(self, part: Part, alone: bool = False) -> Iterator[Member]:
        """The files of a part, under the names that the student gave them."""
        if part.archive in self._zips:
            archive, grouped = self._zips[part.archive]
            infos = grouped.get(part.name) or [i for of in grouped.values() for i in of]
            members = in_zip(archive, infos)
            cut = len(part.name) + 1 if part.name else 0
        else:
            name = part.file or base_of(part.name)
            members, cut = from_folder(self._source / part.name, name), 0
        for member in members:
            path = member.path[cut:] or part.file or base_of(part.name)
            is_part = bool(part.file) and path == part.file
            below = "" if is_part else f"/{path}" if part.name else path
            yield replace(member, path=path, origin=part.origin + below, flat=alone and is_part)


def base_of(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]


def _grouped(
    infos: Iterable[zipfile.ZipInfo], start: str
) -> tuple[dict[str, list[zipfile.ZipInfo]], set[str]]:
    """The members by the folder or file below `start` that they are in, and which are folders."""
    grouped: dict[str, list[zipfile.ZipInfo]] = {}
    folders = set()
    for info in infos:
        path = member_name(info).replace("\\", "/").removeprefix("./")
        top, slash, _ = path.removeprefix(start).partition("/")
        if path.startswith(start) and not clutter(top):
            grouped.setdefault(start + top, []).append(info)
            if slash:
                folders.add(start + top)
    return grouped, folders


def _submitters(metadata: str) -> dict[str, list[Entry]]:
    """Who handed in each folder of a Gradescope export."""
    people: dict[str, list[Entry]] = {}
    for folder, name, id, mail in submitters(metadata):
        entry = Entry(shown(name), id=id, email=mail, platform="gradescope", platform_id=id)
        people.setdefault(folder, []).append(entry)
    return people


def _entries(found: Iterable[tuple[tuple[str, ...], Entry]]) -> list[Entry]:
    """Everything of one student in one entry; students of one name under different names."""
    together: dict[tuple[str, ...], list[Entry]] = {}
    for key, entry in found:
        weak = key[-1] == "weak"
        plain = key[:-1] if key[-1] in ("", "weak") and len(key) > 1 else key
        together.setdefault((*plain, "weak") if weak else plain, []).append(entry)
    _merge_assignments(together)
    for key in [key for key in together if key[-1] == "weak"]:
        receipts = together.pop(key)
        together.setdefault(key[:-1], receipts)
    merged = []
    for of in together.values():
        parts = tuple(part for entry in of for part in entry.parts)
        solid = [shown(part.origin) for part in parts if not of[0].platform and _is_solid(part)]
        note = f"handed in as {' and '.join(solid)}" if len(solid) > 1 else ""
        first = min(of, key=lambda entry: len(entry.student))  # anna, and not "anna (1)"
        merged.append(replace(first, parts=parts, note=note))
    return unique(merged)


def _merge_assignments(together: dict[tuple[str, ...], list[Entry]]) -> None:
    """One student of a name in several downloads of Moodle, which counts them anew in each."""
    by_name: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for key in together:
        if key[0] == "moodle":
            by_name.setdefault(key[:2], []).append(key)
    for keys in by_name.values():
        downloads = [{_download(p) for entry in together[key] for p in entry.parts} for key in keys]
        if sum(map(len, downloads)) == len(set[str]().union(*downloads)):
            for key in keys[1:]:
                together[keys[0]] += together.pop(key)


def _download(part: Part) -> str:
    return part.archive or part.name.rpartition("/")[0]


def _same(name: str) -> str:
    """One text for all ways to write a name: capitals, spaces, the code points of an ü."""
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _is_nobodys(name: str) -> bool:
    """Whether a folder or an archive is called like a part of somebody's work, or a download."""
    return PARTS.fullmatch(base_of(name)) is not None


def _owner(name: str, is_folder: bool) -> str:
    """The student whom a folder or an archive is called after: anna-main, anna_lesson1.zip."""
    if is_folder:
        return re.sub(r"-(?:main|master)$", "", name)
    named = read_name(name)
    bare = named.rest if named.stem and named.rest else bare_name(name)
    return re.sub(r"-(?:main|master)$", "", bare)


def _lies_in(origin: str, top: str) -> bool:
    return origin == top or origin.startswith(f"{top}/")


def _is_solid(part: Part) -> bool:
    return not part.file or part.file.casefold().endswith((*ARCHIVES, *CLOSED))


def unique(entries: Sequence[Entry]) -> list[Entry]:
    """Each under a name of its own, in order; of namesakes all are told apart."""
    ordered = sorted(entries, key=lambda e: (e.student, e.platform_id, e.parts[:1]))
    taken: set[str] = set()
    named = []
    for student, group in groupby(ordered, key=lambda entry: entry.student):
        namesakes = list(group)
        for number, entry in enumerate(namesakes, 1):
            name, id = student, entry.platform_id or entry.id
            if len(namesakes) > 1 and id:
                name = f"{student} ({id})"
            while name.casefold() in taken:
                number += number == 1
                name = f"{student} ({number})"
                number += 1
            taken.add(name.casefold())
            named.append(replace(entry, student=name))
    return sorted(named, key=lambda entry: (entry.student, entry.parts[:1]))
