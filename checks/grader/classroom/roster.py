"""Who has handed something in: one entry per student of a folder of submissions."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

MAX_NAME = 180  # bytes of a file name that is made from a student's name


@dataclass(frozen=True)
class Entry:
    """One submission: the student's name as it is shown, and the file name it was found under."""

    student: str
    name: str
    note: str = ""

    @property
    def result_name(self) -> str:
        """The name of the student's JSON file."""
        name = self.student.replace("/", "_")
        if len(name.encode()) > MAX_NAME:
            cut = name.encode()[:MAX_NAME].decode(errors="ignore")
            name = f"{cut}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return f"{name}.json"


def roster(folder: Path, apart_from: Path) -> tuple[list[Entry], list[str]]:
    """The submissions in order, and the names of what is none. Raises OSError.

    Two submissions of one student, a folder and a zip file say, are both kept: the second one under
    its file name, and both with a note.
    """
    found: list[tuple[str, str]] = []
    others: list[str] = []
    own = os.path.realpath(apart_from)  # unlike resolve(), it takes a link to itself for a name
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.startswith(".") or os.path.realpath(entry.path) == own:
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            is_zip = entry.name.lower().endswith(".zip") and not entry.is_dir()
            if is_folder and entry.name not in ("__pycache__", "__MACOSX"):
                found.append((shown(entry.name), entry.name))
            elif is_zip:
                found.append((shown(entry.name[:-4]), entry.name))
            else:
                others.append(shown(entry.name))
    return _entries(sorted(found)), sorted(others)


def shown(name: str) -> str:
    """A file name as text for people: one Unicode form, nothing that steers a terminal."""
    name = os.fsencode(name).decode("utf-8", "replace")
    name = unicodedata.normalize("NFC", name)
    return "".join("�" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in name)


def _entries(found: list[tuple[str, str]]) -> list[Entry]:
    count = Counter(student for student, _ in found)
    taken: set[str] = set()
    entries = []
    for student, name in found:
        note = ""
        if count[student] > 1:
            note = f"handed in {count[student]} times; each is graded"
        unique, number = student, 2
        while unique in taken:
            unique = shown(name) if number == 2 else f"{student} ({number})"
            number += 1
        taken.add(unique)
        entries.append(Entry(unique, name, note))
    return sorted(entries, key=lambda entry: (entry.student, entry.name))
