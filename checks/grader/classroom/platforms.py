"""How learning platforms name what they export: whose a file is, what it was called, which attempt.

Each pattern was taken from the platform's own downloads. Names that fit none are told by the caller
from the folder that they name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from checks.grader.classroom.names import read_name

MOODLE = re.compile(
    r"(?P<student>.+)_(?P<id>\d+)_(?P<kind>assignsubmission|assignfeedback)_"
    r"(?P<plugin>[a-z]+)(?:_(?P<file>.*))?"
)
CANVAS = re.compile(
    r"(?:(?P<student>[^\W_][^_]*)(?:_LATE)?_(?P<id>\d{2,})|(?:LATE_)?(?P<nameless>anon_[a-z\d]{5}))_"
    r"(?:\d{2,}_(?P<file>.+)|(?P<typed>text|link)\.html)",
    re.IGNORECASE,
)
BLACKBOARD = re.compile(
    r".+_(?P<student>[^_]+)_attempt_(?P<date>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?"
)
BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-\d+ - (?P<student>.+?) - (?P<date>[^-]*\d{4}[^-]*?)(?: - (?P<file>.+))?"
)
DATED = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d[ T_]\d\d\D?\d\d(?:\D?\d\d)?\w?) ?- ?(?P<student>[^.]+)"
)
GRADESCOPE = "submission_metadata.yml"
#: Files that platforms put beside the work.
RECEIPTS = ("index.html", GRADESCOPE, "manifest.txt")
DATES = ("%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p", "%d %B, %Y %H%M", "%d %b, %Y %H%M")


@dataclass(frozen=True)
class Who:
    """Whose something is.

    key     the same for everything of one student
    file    what the student called it, "" for a folder
    weak    a receipt: it counts only where there is nothing else
    nobody  it is not the student's at all (comments of teachers)
    """

    platform: str
    key: tuple[str, ...]
    student: str
    id: str = ""
    file: str = ""
    attempt: str = ""
    weak: bool = False
    nobody: bool = False


def recognised(name: str) -> Who | None:
    """What the name of a file or folder at the top of an export says."""
    for read in (_moodle, _blackboard, _brightspace, _canvas, _dated):
        who = read(name)
        if who is not None:
            return who
    return None


def _moodle(name: str) -> Who | None:
    match = MOODLE.fullmatch(name)
    if not match:
        return None
    nobody = match["kind"] == "assignfeedback" or match["plugin"] == "comments"
    student, id = match["student"], match["id"]
    key = ("moodle", student, id)
    return Who("moodle", key, student, id, match["file"] or "", nobody=nobody)


def _canvas(name: str) -> Who | None:
    match = CANVAS.fullmatch(name)
    if not match:
        return None
    student, id = match["student"] or match["nameless"], match["id"] or ""
    file = match["file"] or f"{match['typed']}.html"
    copy = f"{max(0, read_name(file).copy):03}"
    return Who("canvas", ("canvas", student, id), student, id, file, copy)


def _blackboard(name: str) -> Who | None:
    match = BLACKBOARD.fullmatch(name)
    if not match:
        return None
    student, file = match["student"], match["file"] or ""
    key = ("blackboard", student)
    return Who(
        "blackboard", key, student, student, file or "receipt.txt", match["date"], weak=not file
    )


def _brightspace(name: str) -> Who | None:
    match = BRIGHTSPACE.fullmatch(name)
    if not match:
        return None
    key = ("brightspace", match["student"], match["id"])
    attempt = _sortable(match["date"])
    return Who("brightspace", key, match["student"], match["id"], match["file"] or "", attempt)


def _dated(name: str) -> Who | None:
    """A folder for each attempt, as CodeGrade and others call it."""
    match = DATED.fullmatch(name)
    if not match:
        return None
    return Who("", ("dated", match["student"]), match["student"], attempt=match["date"])


def _sortable(date: str) -> str:
    for form in DATES:
        try:
            return datetime.strptime(date.strip(), form).strftime("%Y-%m-%d-%H-%M")
        except ValueError:
            continue
    return date


def submitters(metadata: str) -> Iterator[tuple[str, str, str, str]]:
    """Folder, name, id and e-mail of each who handed in, from Gradescope's metadata.

    Read line by line: of YAML the file uses keys and plain or quoted scalars.
    """
    folder, inside = "", False
    person: dict[str, str] = {}
    for line in metadata.splitlines():
        if re.match(r"\S+:\s*$", line) and not line.startswith(("-", " ", ":")):
            yield from _person(folder, person)
            folder, inside, person = line.strip()[:-1].strip("'\""), False, {}
        elif re.match(r"  :?\w", line):
            yield from _person(folder, person)
            inside, person = line.strip() in (":submitters:", "submitters:"), {}
        elif inside:
            if line.lstrip().startswith("- "):
                yield from _person(folder, person)
                person = {}
            match = re.match(r"\s*(?:- )?:?(name|sid|email):\s*(.*)$", line)
            if match:
                person[match[1]] = _scalar(match[2])
    yield from _person(folder, person)


def _person(folder: str, person: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    if folder and person.get("name", person.get("email")):
        name = person.get("name") or person["email"]
        yield folder, name, person.get("sid", ""), person.get("email", "")


def _scalar(text: str) -> str:
    text = text.strip()
    if text[:1] == text[-1:] and text[:1] in ("'", '"') and len(text) > 1:
        quote = text[0]
        text = text[1:-1]
        if quote == "'":
            return text.replace("''", "'")
        return re.sub(
            r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))",
            lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3],
            text,
        )
    return "" if text in ("null", "~", "|-", "''") else text
