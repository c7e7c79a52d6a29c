"""What a student handed in, read without being led astray: a folder or a zip file of it.

Links, devices and pipes are not followed or opened. An archive that tries to leave its folder, that
holds links, or that unpacks to far more than lessons need is refused as a whole, with the reason.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from checks.grader.running.intake import MAX_SOURCE, Unreadable, contents

MAX_FILES = 500
MAX_BYTES = 16 << 20
MAX_DEPTH = 3  # <student>/exercises/lesson1_linear.py, and one folder more from some programs
LISTED = 2_000  # entries of a folder that are looked at
END_OF_ZIP = b"PK\x05\x06"


class Refused(Exception):
    """An archive that is not opened. The message says why."""


@dataclass(frozen=True)
class Submission:
    """One student's files by path ("lesson1_linear.py", "week 1/lesson1_linear.py").

    problems  lesson files that are there and cannot be read, by path, and why
    refused   why nothing of it was read; empty if it was
    notes     what the instructor should know
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same content."""
        total = hashlib.sha256()
        for part in (self.refused, *self.notes):
            total.update(_field(part.encode(errors="replace")))
        for path in sorted({*self.files, *self.problems}):
            total.update(_field(path.encode(errors="replace")))
            total.update(_field(self.problems.get(path, "").encode(errors="replace")))
            total.update(_field(self.files.get(path, b"")))
        return total.hexdigest()

    def find(self, stem: str) -> str | None:
        """The path of a lesson file; the one nearest to the top if there are several."""
        found = self._all(stem)
        return found[0] if found else None

    def doubles(self, stem: str) -> list[str]:
        """Other files of the same lesson with another content."""
        first, *others = self._all(stem) or [""]
        return [path for path in others if self.files.get(path) != self.files.get(first)]

    def _all(self, stem: str) -> list[str]:
        wanted = f"{stem}.py"
        found = (p for p in (*self.files, *self.problems) if _base(p).casefold() == wanted)
        return sorted(found, key=lambda path: (path.count("/"), path))


def open_submission(path: Path) -> Submission:
    """Read a folder or a zip file."""
    try:
        if path.is_dir():
            return _from_folder(path)
        return _from_archive(path)
    except Refused as refusal:
        return Submission(refused=str(refusal))
    except OSError as error:
        return Submission(refused=f"it cannot be read: {error.strerror}")


def _from_folder(root: Path) -> Submission:
    files: dict[str, bytes] = {}
    problems: dict[str, str] = {}
    size, left_out = 0, 0
    for path in _walk(root, MAX_DEPTH):
        name = path.relative_to(root).as_posix()
        try:
            data = contents(path, follow_links=False)
        except FileNotFoundError:
            continue
        except Unreadable as problem:
            if _is_lesson(name):
                problems[name] = str(problem)
            continue
        if len(files) >= MAX_FILES or size + len(data) > MAX_BYTES:
            left_out += 1
            continue
        size += len(data)
        files[name] = data
    notes = (f"{left_out} files were not read: too many or too large",) if left_out else ()
    return Submission(files, problems, notes=notes)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Every entry that is no folder, the files of a folder before its folders. No link is taken."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(islice(listing, LISTED), key=lambda entry: entry.name)
    except OSError:
        return
    wanted = [entry for entry in entries if not _is_clutter(entry.name)]
    for entry in wanted:
        if not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
    for entry in wanted:
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth - 1)


def _from_archive(path: Path) -> Submission:
    if stat.S_ISLNK(path.lstat().st_mode) or not path.is_file():
        raise Refused("it is not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise Refused(f"the archive is larger than {MAX_BYTES >> 20} MiB")
    _count_members(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            for member in members:
                _check(member)
            return _unpacked(archive, [m for m in members if not _any_clutter(m.filename)])
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError) as error:
        raise Refused("it is not a zip file, or it is damaged") from error
    except (NotImplementedError, RuntimeError, zipfile.LargeZipFile) as error:
        raise Refused("its compression or encryption is not supported") from error


def _count_members(path: Path) -> None:
    """Refuse a directory of millions of members before it is read into memory."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16) - 22))
        tail = file.read()
    at = tail.find(END_OF_ZIP)
    while at >= 0:
        if int.from_bytes(tail[at + 10 : at + 12], "little") > LISTED:
            raise Refused(f"it has more than {LISTED} members")
        if int.from_bytes(tail[at + 12 : at + 16], "little") > 1 << 20:
            raise Refused("its directory is larger than 1 MiB")
        at = tail.find(END_OF_ZIP, at + 1)


def _check(member: zipfile.ZipInfo) -> None:
    """Refuse what no honest archive holds."""
    name = member.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or name[1:2] == ":" or ".." in parts or "\0" in name:
        raise Refused(f"it holds a path that leaves its folder: {member.filename[:80]!r}")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("its compression is not supported")  # zipfile bounds no other while it reads
    mode = member.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise Refused(f"it holds a link or a device: {member.filename[:80]!r}")


def _unpacked(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Submission:
    """Never more than MAX_BYTES are unpacked, whatever the archive says of itself."""
    files: dict[str, bytes] = {}
    problems: dict[str, str] = {}
    size = 0
    if len(members) > MAX_FILES:
        raise Refused(f"it has more than {MAX_FILES} files")
    for member in members:
        name = str(PurePosixPath(member.filename.replace("\\", "/")))
        if name in files:
            raise Refused(f"it holds two files called {name[:80]!r}")
        with archive.open(member) as file:
            data = file.read(MAX_BYTES - size + 1)
        size += len(data)
        if size > MAX_BYTES:
            raise Refused(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
        if len(data) <= MAX_SOURCE:
            files[name] = data
        elif _is_lesson(name):
            problems[name] = "is larger than 1 MiB."
    return Submission(files, problems)


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _is_lesson(path: str) -> bool:
    name = _base(path).casefold()
    return name.startswith("lesson") and name.endswith(".py")


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name in ("__pycache__", "__MACOSX")


def _any_clutter(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return len(parts) > MAX_DEPTH or any(_is_clutter(part) for part in parts)
