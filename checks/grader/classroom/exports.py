"""Who has handed something in: one entry per student of a folder, or of a platform's export."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
from checks.grader.classroom.names import ARCHIVES, CLOSED, bare_name, read_name
from checks.grader.classroom.platforms import GRADESCOPE, RECEIPTS, recognised, submitters
from checks.grader.classroom.submission import Submission, Taken, submission_of
from checks.grader.classroom.texts import text_of
from checks.grader.records.misuse import Misuse
from checks.grader.running.intake import Unreadable, opened

MAX_NAME = 180  # bytes of a file name that is made from a student's name
FEW = 20  # archives at the top that are asked whether they hold a class
#: Folders of one student's, and not students.
PARTS = re.compile(
    r"(?i)(?:(?:exercise|solution|check|data|doc|src|lib|venv|env|figure|picture|lesson|homework|"
    r"assignment|work|old|new|backup|final|draft|copy|attempt|try|class|version|week|hw|part|"
    r"submission|abgabe|übung|(?:submitted|working) file)(?:s|n|en)?[\s_\-]*\d*|v\d+)"
    r"(?:[\s_\-.].*)?"
)
#: Of these, folders of a lesson each.
WEEKS = re.compile(r"(?i)(?:lesson|week|homework|hw|assignment|exercise|übung)[\s_\-]*\d+")
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
        name = self.student.replace("/", "_")
        if len(name.encode()) > MAX_NAME:
            cut = name.encode()[:MAX_NAME].decode(errors="ignore")
            name = f"{cut}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
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
        """The part at the top that a file lies in."""
        fitting = [
            self._part(top) for top in self._tops if _lies_in(origin, self._part(top).origin)
        ]
        return max(fitting, key=lambda part: len(part.origin), default=None)

    def close(self) -> None:
        self._held.close()

    def _in_folder(self, folder: Path, prefix: str = "") -> list[Top]:
        with os.scandir(folder) as listing:
            return [
                Top(prefix + entry.name, entry.is_dir(follow_symlinks=False))
                for entry in listing
                if not clutter(entry.name) and os.path.realpath(entry.path) != self._apart
            ]

    def _in_archive(self, name: str, path: Path) -> list[Top]:
        """The tops of a zip file; of one that packs a folder of a class, those of the folder."""
        try:
            archive = self._held.enter_context(zipfile.ZipFile(Careful(opened(path))))
            infos = [i for i in archive.infolist() if not i.filename.endswith("/")]
            for _ in in_zip(archive, infos):
                pass  # every name is looked at before one is believed
        except (Refused, Unreadable, *DAMAGE) as error:
            raise Misuse(f"cannot open {str(path)!r}: it is not a zip file that is read") from error
        start = ""
        while True:
            grouped, folders = _grouped(infos, start)
            tops = [Top(top, top in folders, name) for top in grouped]
            if start and not self._is_class(tops):
                break
            self._zips[name] = archive, grouped
            found = tops
            if len(tops) != 1 or not tops[0].is_folder:
                break
            start = f"{tops[0].name}/"
        return found

    def _opened(self, tops: list[Top]) -> list[Top]:
        """With archives and folders that hold a class, as platforms pack it, in their places."""
        solid = [top for top in tops if top.is_folder or top.is_archive]
        if {DRAFTS, HANDED_IN} <= {base_of(top.name) for top in solid}:
            self.ignored.append(DRAFTS)
            tops = [top for top in tops if base_of(top.name) != DRAFTS]
            return self._opened(tops)
        on_disk = self._source.is_dir() and not self._is_class(tops, by_folders=False)
        if solid and on_disk and all(top.is_folder and not top.archive for top in solid):
            alone = len(solid) == 1
            if alone or all(PARTS.fullmatch(base_of(top.name)) for top in solid):
                found = {top: self._within(top, DEEPEST) for top in solid[:FEW]}
                if any(found.values()):
                    rest = [top for top in tops if not found.get(top)]
                    inside = [top for held in found.values() for top in held]
                    return rest + (self._opened(inside) if alone else inside)
        zips = [t for t in solid if t.name.casefold().endswith(".zip") and not t.archive]
        if len(zips) > FEW:
            return tops
        for top in zips:
            if recognised(base_of(top.name)) is None:
                inside = self._of_zip(top)
                nobodys = len(solid) == 1 or PARTS.fullmatch(base_of(top.name)) is not None
                if self._is_class(inside, by_folders=nobodys):
                    tops = [t for t in tops if t is not top] + inside
                else:
                    self._zips.pop(top.name, None)
        return tops

    def _within(self, top: Top, depth: int) -> list[Top]:
        """The class that a folder holds, which may lie in folders around it; none if it holds none.

        Of one student alone, in a folder that is called like nobody, that student.
        """
        inside = self._in_folder(self._source / top.name, f"{top.name}/")
        nobodys = PARTS.fullmatch(base_of(top.name)) is not None
        if self._is_class(inside):
            return inside
        if nobodys and len({whose for t in inside if (whose := self._named(t))}) > 1:
            return inside
        solid = [top for top in inside if top.is_folder or top.is_archive]
        if depth == 0 or len(solid) != 1 or not solid[0].is_folder:
            return []
        if any(read_name(base_of(t.name)).stem for t in inside if t not in solid):
            return []
        somebodys = nobodys and not PARTS.fullmatch(base_of(solid[0].name))
        return self._within(solid[0], depth - 1) or (solid if somebodys else [])

    def _named(self, top: Top) -> str:
        """The student that a loose file is called after, "" for other files."""
        named = not top.is_folder and not top.is_archive and not recognised(base_of(top.name))
        return self._whose(top) if named else ""

    def _of_zip(self, top: Top) -> list[Top]:
        try:
            return self._in_archive(top.name, self._source / top.name)
        except (Misuse, OSError):
            return []

    def _is_class(self, tops: list[Top], *, by_folders: bool = True) -> bool:
        """Whether names are those of several students' submissions, and not one student's files.

        by_folders  take folders that are called like nothing else for those of students
        """
        names = [base_of(top.name) for top in tops]
        if GRADESCOPE in names or any(recognised(name) for name in names):
            return True
        people = [t for t in tops if t.is_folder or t.is_archive]
        if (
            not by_folders
            or len(people) < 2
            or any(PARTS.fullmatch(base_of(top.name)) for top in people)
        ):
            return False
        return not any(read_name(base_of(t.name)).stem for t in tops)

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
        people = {archive: _people(self._text(top), top) for archive, top in gradescope.items()}
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
        loose: list[Top] = []
        for top in tops:
            name = base_of(top.name)
            if top.is_folder or top.is_archive:
                plain = _owner(name, top.is_folder)
                plain = plain.removeprefix(start) or plain
                yield (plain,), Entry(shown(plain), (self._part(top),))
            else:
                loose.append(top)
        whose = {top: self._whose(top) for top in loose}
        lessons = any(read_name(base_of(top.name)).stem for top in loose)
        if lessons and loose == tops and not any(whose.values()):
            parts = tuple(self._part(top) for top in loose)
            yield ("the folder",), Entry(self._own_name, parts)
            return
        for top in loose:
            if whose[top]:
                yield (whose[top],), Entry(shown(whose[top]), (self._part(top),))
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

    def _text(self, top: Top) -> str:
        try:
            member = next(iter(self._members(Part(top.name, GRADESCOPE, archive=top.archive))))
            return text_of(GRADESCOPE, member.read(8 << 20))
        except (StopIteration, OSError, Unreadable, Refused, *DAMAGE):
            return ""

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


def shown(name: str) -> str:
    """A file name as text for people: one Unicode form, nothing that steers a terminal."""
    name = os.fsencode(name).decode("utf-8", "replace")
    name = unicodedata.normalize("NFC", name)
    return "".join("�" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in name)


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


def _people(metadata: str, top: Top) -> dict[str, list[Entry]]:
    """Who handed in each folder of a Gradescope export."""
    people: dict[str, list[Entry]] = {}
    for folder, name, id, email in submitters(metadata):
        entry = Entry(shown(name), id=id, email=email, platform="gradescope", platform_id=id)
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
        merged.append(replace(of[0], parts=parts, note=note))
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
