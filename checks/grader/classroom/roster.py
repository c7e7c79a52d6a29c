"""The list of a class, as a CSV file: ids, e-mail addresses, and who handed in nothing.

A gradebook exported from Canvas or the grading sheet of Moodle is one as it is; so is any table
with a column for the name, an id, a login or an e-mail address under a usual heading.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checks.grader.classroom.exports import Entry, unique
from checks.grader.classroom.shown import shown
from checks.grader.classroom.texts import decoded
from checks.grader.records.misuse import Misuse
from checks.grader.running.intake import Unreadable

MAX_ROSTER = 16 << 20
#: Headings by what they hold; the first that a table has is taken.
HEADINGS = {
    "name": ("name", "student", "full name", "student name", "display name", "vollständiger name"),
    "first": ("first name", "firstname", "given name", "vorname", "forename"),
    "last": ("last name", "lastname", "surname", "family name", "nachname"),
    "id": ("sis user id", "student id", "id number", "sid", "id", "orgdefinedid", "org defined id"),
    "email": ("email", "e-mail", "email address", "e-mail address", "mail"),
    "login": ("sis login id", "username", "login", "login id", "user name", "github username"),
    "platform": ("id", "identifier", "canvas id", "user id"),
}


@dataclass(frozen=True)
class Person:
    """A line of the roster. `platform` is the id that the platform's own files carry."""

    name: str
    id: str = ""
    email: str = ""
    login: str = ""
    platform: str = ""

    @property
    def keys(self) -> set[str]:
        """What names this person and nobody else."""
        mail = {self.email, self.email.partition("@")[0]} if self.email else set()
        return {key.casefold() for key in {self.id, self.login, self.platform, *mail} if key}


def read_roster(path: Path) -> list[Person]:
    """The people of a CSV file. Raises Misuse."""
    try:
        data = path.read_bytes()[:MAX_ROSTER]
        text = decoded(data)
    except OSError as error:
        raise Misuse(f"cannot read the roster {str(path)!r}: {error.strerror}") from error
    except Unreadable:
        text = data.decode("cp1252", errors="replace")
    text = text.removeprefix("\ufeff")
    first = text.splitlines()[0] if text.strip() else ""
    mark = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
    except csv.Error as error:
        raise Misuse(f"the roster {str(path)!r} is no CSV file: {error}") from error
    columns = _columns([cell.strip().casefold() for cell in rows[0]] if rows else [])
    if not {"name", "last", "id", "email", "login"} & columns.keys():
        raise Misuse(
            f"the roster {str(path)!r} has no heading that is known: name, id, email or login"
        )
    people = [_person(row, columns) for row in rows[1:] if any(cell.strip() for cell in row)]
    return [person for person in people if person.name]


def _columns(headings: Sequence[str]) -> dict[str, int]:
    columns = {}
    for what, names in HEADINGS.items():
        known = [name for name in names if name in headings]
        if known:
            columns[what] = headings.index(known[0])
    return columns


def _person(row: list[str], columns: dict[str, int]) -> Person:
    def cell(what: str) -> str:
        at = columns.get(what, len(row))
        return shown(row[at].strip()) if at < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    if name.count(",") == 1:  # "Doe, Jane", as Canvas writes it
        last, first = name.split(",")
        name = f"{first.strip()} {last.strip()}"
    if name.casefold() in ("points possible", "student, test", "test student"):
        name = ""
    else:
        name = name or cell("login") or cell("id") or cell("email")
    platform = cell("platform").removeprefix("Participant ").strip()
    return Person(name, cell("id"), cell("email"), cell("login"), platform)


def enrolled(entries: Sequence[Entry], people: Sequence[Person]) -> list[Entry]:
    """The entries with what the roster knows of them, and one for each who handed in nothing.

    Of a person who handed in under two names there is one entry.
    """
    people = list(dict.fromkeys(people))
    found: dict[Person, Entry] = {}
    waiting = list(entries)
    for told in (_by_key, _by_name):
        still = []
        for entry in waiting:
            fitting = [person for person in people if told(entry, person)]
            free = [person for person in fitting if person not in found] or fitting
            if len(free) == 1 and _is_one(entry, found.get(free[0])):
                found[free[0]] = _known(entry, free[0], found.get(free[0]))
            else:
                still.append(entry)
        waiting = still
    strangers = [replace(e, note=_joined(e.note, _unknown(e, people))) for e in waiting]
    missing = [_known(Entry(p.name), p) for p in people if p not in found]
    return unique([*found.values(), *strangers, *missing])


def _unknown(entry: Entry, people: Sequence[Person]) -> str:
    """Why nobody on the roster is taken for this student."""
    named = sum(_by_key(entry, person) or _by_name(entry, person) for person in people)
    if named > 1:
        return f"{named} on the roster have this name, and which of them it is cannot be told"
    return "the one of this name on the roster handed in besides" if named else "not on the roster"


def _is_one(entry: Entry, other: Entry | None) -> bool:
    """Whether two entries can be one person's: the platform has not told them apart."""
    return other is None or entry.platform_id in ("", other.platform_id) or not other.platform_id


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _known(entry: Entry, person: Person, other: Entry | None = None) -> Entry:
    """An entry under the name of the roster, with what the person has handed in besides."""
    entry = replace(
        entry,
        student=person.name,
        id=person.id or person.platform or entry.id,
        email=person.email or entry.email,
        login=person.login,
        platform_id=entry.platform_id or person.platform,
        note=_joined(entry.note, f"handed in as {entry.student} as well" if other else ""),
    )
    if other is None:
        return entry
    named = other if other.platform_id else entry
    note = _joined(other.note, entry.note)
    return replace(named, parts=(*other.parts, *entry.parts), note=note)


def _by_key(entry: Entry, person: Person) -> bool:
    """An id, a login or an address: as the whole name, or as a word of it."""
    own = {entry.platform_id, entry.id, entry.email, entry.email.partition("@")[0]}
    own |= {entry.student}
    if {key.casefold() for key in own if key} & person.keys:
        return True
    words = set(re.split(r"[^\w@.]+|_", entry.student.casefold()))
    return any(len(key) > 3 and key in words for key in person.keys)


def _by_name(entry: Entry, person: Person) -> bool:
    """The same words in any order, or written as one as Canvas does."""
    ours, theirs = _words(entry.student), _words(person.name)
    if not ours or not theirs:
        return False
    if Counter(ours) == Counter(theirs):
        return True
    squashed = "".join(ours)
    return squashed in {"".join(theirs[i:] + theirs[:i]) for i in range(len(theirs))}


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", re.sub(r"\([^)]*\)", "", name).casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"\w+", plain.replace("_", " "))
