"""What the name of a file says: which lesson it is, whose, and which copy of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from checks.grader.records import course

SUFFIXES = (".py", ".txt", ".ipynb", ".json")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".eml")
CLOSED = (".7z", ".rar", ".tar.xz", ".txz", ".xz", ".gz", ".msg")
LESSON = re.compile(r"(?<![a-z])less?on[\s_.\-]*0*(\d{1,2})(?!\d)")
#: (2), v2; and where no name can end: -2, and 2 after a space, as iCloud has it.
VERSION = re.compile(r"\(\s*(\d{1,3})\s*\)$|[\s_\-]v(?:ersion)?[\s_]?(\d{1,2})$")
COPY = re.compile(rf"{VERSION.pattern}|-(\d{{1,2}})$|(?<=[^\W\d_]) (\d{{1,2}})$")
DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?:[T _]\d\d\D?\d\d(?:\D?\d\d)?)?(?!\d)")
WORDS = re.compile(
    r"(?<![^\W_])(?:copy of|kopie von|copie de|copy|kopie|final|late|new|fixed|corrected|"
    r"submission|solution|homework\d*|hw\d*|assignment\d*|exercises?|old|backup|bak)(?![^\W_])"
)
#: What stands in the place of a word that says nothing about whose a file is.
CUT = "\0"
OLD = re.compile(r"(?<![a-z])(?:old|backup|bak|orig(?:inal)?)(?![a-z])")
NEW = re.compile(
    r"(?<![a-z])(?:final|new|fixed|corrected|revised|late|resubmi(?:t|tted|ssion))(?![a-z])"
)


@dataclass(frozen=True)
class Named:
    """What a file name says.

    stem    the lesson, "" if the name says none
    exact   whether it is the lesson's own file name
    copy    later copies have higher numbers
    rest    what is left without lesson and noise: of a loose file, whose it is
    """

    stem: str
    exact: bool
    copy: int
    rest: str


@lru_cache(maxsize=4096)
def read_name(name: str) -> Named:
    """Read the name of a file, without its folders."""
    plain, bare = _bare(name)
    match = LESSON.search(plain)
    stem = _stem_of(int(match[1])) if match else _by_subject(plain)
    rest = DATE.sub(CUT, VERSION.sub("", bare))
    if stem:
        subject = re.sub(r"_", r"[\\s_\\-]*", stem.split("_", 1)[1])
        rest = re.sub(rf"(?i)less?on[\s_.\-]*0*\d{{1,2}}(?:[\s_.\-]*{subject})?", CUT, rest)
        rest = re.sub(rf"(?i)(?<![a-z]){subject}(?![a-z])", CUT, rest)
    rest = re.sub(f"(?i){WORDS.pattern}", CUT, rest)
    rest = re.sub(rf"{CUT}[\s_\-]*\d{{1,2}}$", "", rest).replace(CUT, " ")
    return Named(stem, plain == stem and stem != "", _rank(plain, COPY), rest.strip(" _-.,()"))


def rank_of(path: str) -> int:
    """How late a copy is, by the names of the file and of its folders."""
    *folders, name = path.split("/")
    return read_name(name).copy + sum(_rank(_bare(folder)[0], VERSION) for folder in folders)


def _rank(plain: str, numbers: re.Pattern[str]) -> int:
    found = numbers.search(LESSON.sub(CUT, plain))
    number = int(next(filter(None, found.groups()), 0)) if found else 0
    return number + 100 * bool(NEW.search(plain)) - 200 * bool(OLD.search(plain))


def bare_name(name: str) -> str:
    """Without the endings of Python files and archives."""
    changed = True
    while changed:
        changed = False
        for suffix in sorted((*SUFFIXES, *ARCHIVES, *CLOSED), key=len, reverse=True):
            if name.casefold().endswith(suffix) and len(name) > len(suffix):
                name, changed = name[: -len(suffix)], True
                break
    return name


def is_archive(name: str) -> bool:
    """Whether a file is opened as an archive."""
    return name.casefold().endswith(ARCHIVES)


def _bare(name: str) -> tuple[str, str]:
    bare = bare_name(unicodedata.normalize("NFKC", name))
    return bare.casefold().strip(), bare


@cache
def _lessons() -> Mapping[int, str]:
    return {course.number(stem): stem for stem in course.stems()}


def _stem_of(number: int) -> str:
    return _lessons().get(number, "")


def _by_subject(plain: str) -> str:
    """sigmoid_net.py, "2 bias.py": the subject of a lesson, and nothing more than noise."""
    words = "_".join(re.findall(r"[a-z]+", WORDS.sub(" ", plain)))
    for stem in _lessons().values():
        if words == stem.split("_", 1)[1]:
            return stem
    return ""
