"""A student's copy of the course: what the repository has for a student, and nothing else.

It is made from the repository, from another copy, or from an installed wheel, always the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from checks.grader.author.stub import STUBS, pristine
from checks.grader.records.course import CARRIED, CHECKS, DATA, stems
from checks.grader.records.misuse import Misuse

#: What stands below this line in the Makefile and in pyproject.toml is not copied.
NOT_FOR_STUDENTS = "# --- For instructors and developers"
LEFT_OUT_OF_CHECKS = shutil.ignore_patterns("tests", "course", "gradescope", "__pycache__")
LEFT_OUT_OF_DATA = shutil.ignore_patterns("figures", "stubs", "student")


def write_copy(folder: Path) -> None:
    """Write the copy into a folder. Raises Misuse where something would be overwritten."""
    texts = _texts()
    taken = [path for path in ("checks", "data", *texts) if (folder / path).exists()]
    if taken:
        raise Misuse(f"{folder / taken[0]} is already there, and nothing is overwritten")
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="\n")
        shutil.copytree(CHECKS, folder / "checks", ignore=LEFT_OUT_OF_CHECKS)
        shutil.copytree(DATA, folder / "data", ignore=LEFT_OUT_OF_DATA, dirs_exist_ok=True)
    except OSError as error:
        raise Misuse(f"cannot write {folder}: {error.strerror}") from error


def _texts() -> dict[str, str]:
    """What each file of the copy says, beside those that are copied as they are."""
    texts = {
        "README.md": _read(DATA / "student" / "README.md"),
        "Makefile": _for_students(CARRIED / "Makefile"),
        "pyproject.toml": _for_students(CARRIED / "pyproject.toml"),
        "LICENSE": _read(CARRIED / "LICENSE"),
        "data/student/README.md": _read(DATA / "student" / "README.md"),
    }
    conftest = CARRIED / "exercises" / "conftest.py"
    stubs = {"conftest.py": _read(conftest if conftest.exists() else STUBS / "conftest.py")}
    stubs |= {f"{stem}.py": _stub(stem) for stem in stems()}
    for name, text in stubs.items():
        texts[f"exercises/{name}"] = texts[f"data/stubs/{name}"] = text
    return texts


def _stub(stem: str) -> str:
    text = pristine(stem)
    if text is None:
        raise Misuse(f"this copy of the course has lost the stub of {stem}")
    return text


def _for_students(path: Path) -> str:
    return _read(path).partition(NOT_FOR_STUDENTS)[0].rstrip() + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misuse(
            f"this copy of the course cannot be copied: {path}: {error.strerror}"
        ) from error
