"""What a student's processes take that the kernel does not bound by itself: disk and threads."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

MAX_WRITTEN = 64 << 20  # bytes
MAX_FILES = 2_000
MAX_THREADS = 128
BLOCK = 512  # bytes, the unit of st_blocks on every system


def takes_too_much(folder: Path, processes: Collection[int], free: int) -> bool:
    """Whether students' code has written more to the folder, or runs more threads, than it may.

    Disk is counted by the blocks that are taken, also of files that have lost their name and live
    on in an open descriptor or in a mapping.

    free   the bytes that were free on the disk before the first of the processes
    """
    if any(_threads(pid) > MAX_THREADS for pid in processes):
        return True
    size = count = 0
    for taken in _named(folder):
        size, count = size + taken, count + 1
        if size > MAX_WRITTEN or count > MAX_FILES:
            return True
    if free_on(folder) > free - MAX_WRITTEN:
        return False  # nobody has taken so much, with or without a name
    return size + sum(sum(_nameless(pid, folder).values()) for pid in processes) > MAX_WRITTEN


def free_on(folder: Path) -> int:
    """The bytes that are free where the folder lies."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[17])
    return 0


def _named(folder: Path) -> Iterator[int]:
    """The bytes that each file and folder takes; too many for what cannot be looked into: a folder
    that is closed to us, or deeper than a name can be long.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    yield _taken(entry)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it has gone meanwhile
        except OSError:
            yield MAX_WRITTEN + 1


def _taken(entry: os.DirEntry[str]) -> int:
    with contextlib.suppress(OSError):
        return entry.stat(follow_symlinks=False).st_blocks * BLOCK
    return 0


def _nameless(pid: int, folder: Path) -> dict[int, int]:
    """The bytes of files without a name that a process still holds, by inode."""
    held: dict[int, int] = {}
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                seen = os.stat(entry.path)
                if seen.st_nlink == 0:
                    held[seen.st_ino] = seen.st_blocks * BLOCK
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/maps", "rb") as maps:
        for line in maps:
            if line.endswith(b" (deleted)\n") and os.fsencode(folder) in line:
                span, _, _, _, inode, _ = line.split(maxsplit=5)
                start, _, end = span.partition(b"-")
                length = int(end, 16) - int(start, 16)
                held[int(inode)] = max(held.get(int(inode), 0), length)
    return held
