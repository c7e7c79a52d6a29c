"""The files of a student, out of folders and archives, without being led astray by them.

Links, devices and pipes are not followed or opened. Nothing is unpacked to disk but by the bytes
that are read here; an archive that tries to leave its folder is refused as a whole. The bounds
count what may be a lesson file: a virtual environment or a checkpoint beside the work is passed by.
"""

from __future__ import annotations

import bz2
import email
import email.policy
import gzip
import io
import os
import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from checks.grader.classroom.names import CLOSED, is_archive, read_name
from checks.grader.classroom.shown import cell
from checks.grader.running.intake import MAX_SOURCE, Unreadable, opened

MAX_FILES = 500  # that may be lesson files and are read
MAX_BYTES = 16 << 20  # of them together
LISTED = 100_000  # names in one submission that are looked at
MAX_DEPTH = 20  # folders
NESTED = 3  # archives in archives
MAX_ARCHIVE = 64 << 20  # of an archive within another one
MAX_UNPACKED = 256 << 20  # of a tar file
MAX_READ = 8 << 20  # at once, so that no archive says how much memory it takes
LIKELY = (".py", ".ipynb")
POSSIBLE = (".txt", ".text", ".md", ".json", ".html", ".htm", "")
#: Within a name whose ending is none of these: lesson1.py.bak, lesson1.pyw, lesson1.py_.
PYTHON = re.compile(r"\.(?:py|ipynb)(?![co]\b|d\b|i\b)")
UNLIKELY = 3
CLUTTER = ("__pycache__", "__MACOSX", "node_modules", "site-packages")
TRACES = (".DS_Store", ".keep", ".gitkeep", ".localized")  # of a system, and nobody's work


#: What damaged archives make their readers raise.
DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
    OSError,
)


class Refused(Exception):
    """An archive that is not opened. The message says why."""


@dataclass(frozen=True)
class Member:
    """One file: its path within the submission, when it was changed (0: unknown), how to open it.

    on_disk  whether it is a file by itself and not a part of an archive
    origin   where it lies in what was downloaded; the path if it is empty
    flat     of an archive: what it holds is named without the archive's own name
    """

    path: str
    time: float
    open: Callable[[], IO[bytes]]
    on_disk: bool = False
    origin: str = ""
    flat: bool = False

    @property
    def inside(self) -> str:
        """What the paths within an archive begin with."""
        return "" if self.flat else f"{self.path}/"

    def read(self, limit: int = MAX_SOURCE) -> bytes:
        """The content. Raises FileNotFoundError, Unreadable or Refused."""
        with self.open() as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Unreadable(f"is larger than {limit >> 20} MiB.")
        return data


@dataclass(frozen=True)
class Read:
    """A file that was read, or `problem`: why not, in words that follow its name.

    attempt  of a platform that tells attempts apart, in an order of strings
    origin   where it lies in what was downloaded
    """

    path: str
    data: bytes = b""
    problem: str = ""
    time: float = 0.0
    attempt: str = ""
    origin: str = ""


@dataclass
class Collected:
    """What was found: files that may be lesson files, all names, what went wrong.

    names  path and origin of every file
    passed  files and folders that are not looked into: hidden ones, programs, the course's own
    apart  origins that are not wanted, as cells name them
    """

    files: list[Read] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    passed: dict[str, None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    left_out: int = 0
    apart: frozenset[str] = frozenset()

    def take(self, members: Iterable[Member], attempt: str = "", only: str = "") -> None:
        """List every file, open archives, then read what may be a lesson file, likeliest first.

        only  the one origin that is wanted, as a cell names it; "" for all
        """
        with ExitStack() as held:
            every = list(self._opened(members, NESTED, held))
            found = [member for member in every if not clutter(member.path)]
            found = _without_course(_without_environments(found))
            self._pass_by(every, found)
            if self.apart or only:
                named = [(cell(_origin(member)), member) for member in found]
                found = [m for name, m in named if name not in self.apart and only in ("", name)]
            self.names |= {m.path: _origin(m) for m in found if not m.path.endswith("/")}
            wanted = sorted(((likeliness(m.path), m) for m in found), key=_near)
            for likely, member in wanted:
                if likely < UNLIKELY:
                    self._read(member, likely, attempt)

    def _pass_by(self, every: Iterable[Member], found: Iterable[Member]) -> None:
        """Note what is left out, by the folder at which it begins."""
        kept = {folder for member in found for folder in (member.path, *_folders(member.path))}
        for member in every:
            steps = (*_folders(member.path), member.path.rstrip("/"))
            hidden = next((step for step in steps if clutter(base(step))), "")
            first = hidden or next((step for step in steps if step not in kept), "")
            if first and not first.startswith("__MACOSX") and base(first) not in TRACES:
                self.passed[first] = None

    def _read(self, member: Member, likely: int, attempt: str) -> None:
        size = sum(len(file.data) for file in self.files)
        if len(self.files) >= MAX_FILES or size > MAX_BYTES:
            self.left_out += 1
            return
        data, problem = b"", ""
        try:
            data = member.read()
        except FileNotFoundError:
            return
        except Refused as refusal:
            self.refused.append(str(refusal))
            return
        except Unreadable as error:
            problem = str(error)
        except DAMAGE:
            problem = "cannot be unpacked: it is damaged."
        if size + len(data) > MAX_BYTES:
            self.left_out += 1
        elif not problem or likely < 2:
            origin = _origin(member)
            self.files.append(Read(member.path, data, problem, member.time, attempt, origin))

    def _opened(self, members: Iterable[Member], depth: int, held: ExitStack) -> Iterator[Member]:
        """The files, and in the place of an archive what it holds."""
        for member in members:
            if not is_archive(base(member.path)) or clutter(member.path):
                yield member
                continue
            try:
                if depth == 0:
                    raise Refused(f"archives lie more than {NESTED} deep in each other")
                yield from self._opened(archived(member, held), depth - 1, held)
            except (Refused, Unreadable) as refusal:
                self.refused.append(f"{member.path} was not opened: {refusal}".rstrip("."))
            except DAMAGE:
                self.refused.append(f"{member.path} was not opened: it is damaged")


def from_folder(root: Path, path: str) -> Iterator[Member]:
    """One file, which is then called `path`, or everything below a folder."""
    if root.is_dir() and not root.is_symlink():
        return _walk(root)
    return iter([_on_disk(root, path)])


def archived(member: Member, held: ExitStack) -> Iterator[Member]:
    """The members of an archive, by its content. Raises Refused, Unreadable and DAMAGE."""
    if member.on_disk:
        file: IO[bytes] = held.enter_context(member.open())
    else:
        file = io.BytesIO(member.read(MAX_ARCHIVE))
    head = file.read(512)
    file.seek(0)
    if head.startswith((b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")):
        raise Refused("7z, rar and xz archives are not read: pack it as zip")
    if head.startswith((b"\x1f\x8b", b"BZh")) or head[257:262] == b"ustar":
        return _tarred(_unpacked(file, head, held), member, held)
    if member.path.casefold().endswith(".eml"):
        return _attached(file.read(MAX_ARCHIVE), member)
    if not head.startswith(b"PK"):
        raise Refused("it is damaged, or not an archive at all")
    archive = held.enter_context(zipfile.ZipFile(Careful(file)))
    return in_zip(archive, archive.infolist(), member)


def in_zip(
    archive: zipfile.ZipFile, infos: Iterable[zipfile.ZipInfo], within: Member | None = None
) -> Iterator[Member]:
    """Members of an open zip file, which may lie within another one. Raises Refused."""
    last = {}
    for info in infos:
        name = _safe(member_name(info))
        if not info.filename.endswith("/"):  # is_dir() of an empty name raises
            last[name] = info
    for name, info in last.items():
        yield _member(within, name, _zip_time(info), partial(_open_zipped, archive, info))


def _member(
    within: Member | None, name: str, time: float, opening: Callable[[], IO[bytes]]
) -> Member:
    if within is None:
        return Member(name, time, opening)
    return Member(within.inside + name, time, opening, origin=f"{_origin(within)}/{name}")


def _origin(member: Member) -> str:
    return member.origin or member.path


def _open_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        raise Unreadable("is a link or a device.")
    if info.flag_bits & 1:
        raise Unreadable("is encrypted: pack it without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("is compressed in a way that is not read: pack it as an ordinary zip.")
    return archive.open(info)


def _zip_time(info: zipfile.ZipInfo) -> float:
    year, *rest = info.date_time
    return sum(n * s for n, s in zip((year - 1970, *rest), UNITS, strict=True)) if year else 0.0


#: Seconds in a year, a month, … for an order of dates; nothing else is made of them.
UNITS = (372 * 86400.0, 31 * 86400.0, 86400.0, 3600.0, 60.0, 1.0)


def _unpacked(file: IO[bytes], head: bytes, held: ExitStack) -> IO[bytes]:
    """The tar file within a compressed one."""
    if head.startswith(b"\x1f\x8b"):
        stream: IO[bytes] = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
    elif head.startswith(b"BZh"):
        stream = bz2.BZ2File(file)
    else:
        return file
    whole = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    while data := stream.read(1 << 20):
        whole.write(data)
        if whole.tell() > MAX_UNPACKED:
            raise Refused(f"it unpacks to more than {MAX_UNPACKED >> 20} MiB")
    whole.seek(0)
    return whole


def _tarred(file: IO[bytes], within: Member, held: ExitStack) -> Iterator[Member]:
    opening_tar = tarfile.open(fileobj=Careful(file), mode="r:")  # noqa: SIM115
    archive = held.enter_context(opening_tar)
    for info in islice(archive, LISTED):
        name = _safe(info.name)
        if not info.isdir():
            opening = partial(_open_tarred, archive, info)
            yield _member(within, name, float(info.mtime), opening)


def _open_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info) if info.isreg() and not info.issparse() else None
    if file is None:
        raise Unreadable("is a link or a device.")
    return file


def _attached(data: bytes, within: Member) -> Iterator[Member]:
    """The attachments of an e-mail."""
    for part in email.message_from_bytes(data, policy=email.policy.default).walk():
        content = part.get_payload(decode=True)
        if part.get_filename() and isinstance(content, bytes):
            name = _safe(str(part.get_filename()))
            yield _member(within, name, 0.0, partial(io.BytesIO, content))


def member_name(info: zipfile.ZipInfo) -> str:
    """The name of a member; UTF-8 that is not declared as such, as macOS writes it, is read."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _safe(name: str) -> str:
    """The path of a member. Raises Refused for what no honest archive holds."""
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    if plain.startswith("/") or plain[1:2] == ":" or ".." in parts or "\0" in plain:
        raise Refused(f"it holds a path that leaves its folder: {name[:80]!r}")
    return "/".join(part for part in parts if part not in ("", "."))


def likeliness(path: str) -> int:
    """0 for a lesson file by its name, 1 for Python, 2 for text, 3 for what is not read."""
    name = base(path).casefold()
    suffix = os.path.splitext(name)[1]
    odd = name.endswith(CLOSED) or not PYTHON.search(name)
    if suffix not in LIKELY and suffix not in POSSIBLE and odd:
        return UNLIKELY
    return 0 if read_name(name).stem else 1 if suffix in LIKELY else 2


def _near(pair: tuple[int, Member]) -> tuple[int, int, str]:
    return pair[0], pair[1].path.count("/"), pair[1].path


def base(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def clutter(path: str) -> bool:
    """Whether a path is in a folder of programs, or hidden."""
    return any(part.startswith(".") or part in CLUTTER for part in path.split("/"))


def _without_environments(members: list[Member]) -> list[Member]:
    """Without virtual environments: folders with a pyvenv.cfg."""
    ends = len("pyvenv.cfg")
    environments = tuple(m.path[:-ends] for m in members if base(m.path) == "pyvenv.cfg")
    return [m for m in members if not (environments and m.path.startswith(environments))]


def _without_course(members: list[Member]) -> list[Member]:
    """Without the course's own folders: checks/, and the solutions/ beside it."""
    folders = {folder for m in members for folder in _folders(m.path)}
    own = {folder for folder in folders if base(folder) == "checks"}
    own |= {f"{folder.removesuffix('checks')}solutions" for folder in own}
    return [m for m in members if not own.intersection(_folders(m.path))]


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _on_disk(path: Path, name: str) -> Member:
    try:
        time = path.lstat().st_mtime
    except OSError:
        time = 0.0
    return Member(name, time, lambda: opened(path, follow_links=False), on_disk=True)


def _walk(root: Path) -> Iterator[Member]:
    """Every file below a folder, those near to the top first. No link is taken."""
    level, count = [(root, "")], 0
    for _ in range(MAX_DEPTH):
        below: list[tuple[Path, str]] = []
        for folder, prefix in level:
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                yield _unreadable(prefix.rstrip("/") or folder.name, error.strerror)
                continue
            if any(entry.name == "pyvenv.cfg" for entry in entries):
                continue
            for entry in entries:
                count += 1
                if count > LISTED:
                    return
                if clutter(entry.name):
                    yield _on_disk(Path(entry.path), prefix + entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    below.append((Path(entry.path), f"{prefix}{entry.name}/"))
                else:
                    yield _on_disk(Path(entry.path), prefix + entry.name)
        level = below
    for _, prefix in level[:1]:
        yield _unreadable(prefix.rstrip("/"), f"folders lie more than {MAX_DEPTH} deep")


def _unreadable(path: str, why: object) -> Member:
    def fail() -> IO[bytes]:
        raise Refused(f"the folder {path} cannot be read: {why}")

    return Member(f"{path}/", 0.0, fail)


class Careful(io.BufferedIOBase):
    """A file, of which no more than MAX_READ is read at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int | None = -1) -> bytes:
        wanted = MAX_READ + 1 if size is None or size < 0 else size
        if size is not None and size > MAX_READ:
            raise Refused("its table of contents is too large")
        data = self._file.read(wanted)
        if len(data) > MAX_READ:
            raise Refused("its table of contents is too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
