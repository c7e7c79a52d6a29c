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
COPY = re.compile(r"\(\s*(\d{1,3})\s*\)$|-(\d{1,2})$|[\s_\-]v(?:ersion)?[\s_]?(\d{1,2})$")
WORDS = re.compile(
    r"(?<![^\W_])(?:copy of|kopie von|copie de|copy|kopie|final|late|new|fixed|corrected|"
    r"submission|solution|homework\d*|hw\d*|assignment\d*|exercises?|old|backup|bak)(?![^\W_])"
)
OLD = re.compile(r"(?<![a-z])(?:old|backup|bak|orig(?:inal)?)(?![a-z])")
NEW = re.compile(r"(?<![a-z])(?:final|new|fixed|corrected)(?![a-z])")


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
    copies = COPY.search(plain)
    stem = _stem_of(int(match[1])) if match else _by_subject(plain)
    rank = int(next(filter(None, copies.groups()), 0)) if copies else 0
    rank += 100 * bool(NEW.search(plain)) - 200 * bool(OLD.search(plain))
    rest = COPY.sub("", bare)
    if stem:
        subject = re.sub(r"_", r"[\\s_\\-]*", stem.split("_", 1)[1])
        rest = re.sub(rf"(?i)less?on[\s_.\-]*0*\d{{1,2}}(?:[\s_.\-]*{subject})?", " ", rest)
        rest = re.sub(rf"(?i)(?<![a-z]){subject}(?![a-z])", " ", rest)
    rest = re.sub(f"(?i){WORDS.pattern}", " ", rest)
    return Named(stem, plain == stem and stem != "", rank, rest.strip(" _-.,()"))


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
