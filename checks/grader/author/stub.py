"""A stub is its solution with the bodies cut off at their TODO comments.

So stubs cannot drift from solutions, and a stub can be put back without a copy of it being kept;
where there are no solutions, data/stubs/ holds the copies.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import time
from pathlib import Path

from checks.grader.records.course import DATA, ROOT, home

#: Where a student's copy of the course, and a wheel, keep the stubs as they were.
STUBS = DATA / "stubs"
TODO = re.compile(r"^(?P<indent> +)# (?P<todo>TODO (?P<id>\d+\.\d+): (?P<text>.+))$")


def cut(solution: str) -> str:
    """The stub of a solution: from its TODO comment on, every body becomes NotImplementedError."""
    lines = solution.splitlines()
    out: list[str] = []
    end_of_body = 0
    ends = _function_ends(solution)
    for number, line in enumerate(lines, start=1):
        if number <= end_of_body:
            continue
        out.append(line)
        match = TODO.match(line)
        if match:
            out.append(f'{match["indent"]}raise NotImplementedError("{match["todo"]}")')
            end_of_body = min(end for start, end in ends if start < number <= end)
    return "\n".join(out) + "\n"


def todo_ids(text: str) -> list[str]:
    """The ids of the TODO comments, in order: ["1.1", "1.2", …]."""
    return [match["id"] for match in map(TODO.match, text.splitlines()) if match]


def pristine(stem: str) -> str | None:
    """The stub of a lesson: cut from its solution, as the copy carries it, or the newest in git."""
    solution = ROOT / "solutions" / f"{stem}.py"
    if solution.exists():
        return cut(solution.read_text(encoding="utf-8"))
    carried = STUBS / f"{stem}.py"
    if carried.exists():
        return carried.read_text(encoding="utf-8")
    path = f"exercises/{stem}.py"
    for commit in _git("log", "--format=%H", "--", path).split():
        text = _git("show", f"{commit}:{path}")
        if text and _is_untouched(text):
            return text
    return None


def put_back(stem: str, exercises: Path) -> Path | None:
    """Write the stub over the student's file, whose content is kept beside it.

    Returns the backup, None if there was no file. Raises LookupError if no stub can be found.
    """
    text = pristine(stem)
    if text is None:
        raise LookupError(
            f"no stub of {stem} can be found: there is no solutions/{stem}.py, no "
            f"data/stubs/{stem}.py and no git history that holds it"
        )
    path = exercises / f"{stem}.py"
    backup = None
    if path.exists():
        backup = _free_name(path)
        shutil.copy2(path, backup)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return backup


def _free_name(path: Path) -> Path:
    """lesson1_linear.backup-20260131-235959.py, numbered if that is taken.

    The ending keeps an editor's colours; the name is no lesson's, so nothing grades it.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = path.with_name(f"{path.stem}.backup-{stamp}.py")
    count = 1
    while name.exists():
        count += 1
        name = path.with_name(f"{path.stem}.backup-{stamp}-{count}.py")
    return name


def _function_ends(source: str) -> list[tuple[int, int]]:
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    ]


def _is_untouched(text: str) -> bool:
    ids = todo_ids(text)
    return bool(ids) and all(f'NotImplementedError("TODO {id}:' in text for id in ids)


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(home()), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout


def write_stubs() -> None:
    """Write every stub of exercises/ anew from solutions/: for authors, not for students."""
    for path in sorted((ROOT / "solutions").glob("lesson*.py")):
        text = cut(path.read_text(encoding="utf-8"))
        (ROOT / "exercises" / path.name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_stubs()
