"""Which file of a student is which lesson: by its name, else by what it defines.

A stub never wins over work; among several that are work, names go before contents, and then the
fullest, the newest, the one nearest to the top is taken. What was taken, and why, is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from checks.grader.classroom import anatomy
from checks.grader.classroom.contents import LIKELY, Read, base
from checks.grader.classroom.names import CLOSED, rank_of, read_name
from checks.grader.classroom.texts import definitions, text_of
from checks.grader.records.course import number
from checks.grader.running.intake import Unreadable

How = Literal["given", "exact", "name", "content"]
SURE = {"given": "given", "exact": "sure", "name": "likely", "content": "by content"}
SHOWN = 5  # names of files in a sentence
#: Why a file was taken and not another one, by what decided (`Candidate.rank`).
REASONS = (
    *("as it was given, one", "as it can be read, one", "as its name is a lesson's, one"),
    *("the fullest", "the last attempt", "as it lies outside solutions/, one"),
    *("by its name the latest", "the nearest to the top", "by its exact name, one", "the newest"),
    "by its name the last",
)


@dataclass(frozen=True)
class Code:
    """The code that is graded for a lesson, and the file that it comes from."""

    path: str
    text: str


@dataclass(frozen=True)
class NoCode:
    """Why there is no code to be graded for a lesson: never without a sentence.

    unread  whether something was handed in that could not be read
    """

    reason: str
    unread: bool = False

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("a lesson without code needs a reason")


@dataclass(frozen=True)
class Use:
    """A line of matching.csv: a file, the lesson it is taken for ("" for none), how sure, why."""

    path: str
    stem: str
    sure: str
    why: str


@dataclass(frozen=True)
class Matched:
    """What each lesson that was asked for is graded on, what is to be said, every file's use."""

    lessons: Mapping[str, Code | NoCode]
    notes: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A file that may be a lesson's. `problem` says why it has no text."""

    file: Read
    stem: str
    how: How
    text: str = ""
    problem: str = ""

    @property
    def path(self) -> str:
        return self.file.path

    @cached_property
    def written(self) -> int:
        return anatomy.written(self.text, self.stem)

    @cached_property
    def rank(self) -> tuple[object, ...]:
        """The highest is taken."""
        folders = self.path.split("/")[:-1]
        worth = 2 if self.written else 1 if self.problem else 0
        return (
            self.how == "given",
            worth,
            self.how != "content",
            self.written,
            self.file.attempt,
            "solutions" not in folders,
            rank_of(self.path),
            -len(folders),
            self.how == "exact",
            self.file.time // 60,
            _natural(self.path),
        )


@dataclass
class Match:
    """The matching of one student's files.

    given  what a person said: by path, the lesson or "" for none
    passed what was not looked into
    """

    files: Sequence[Read]
    stems: Sequence[str]
    names: Sequence[str] = ()
    troubles: Sequence[str] = ()
    passed: Sequence[str] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> Matched:
        """Match every lesson."""
        self._texts: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        for file in self.files:
            self._read(file)
        found: dict[str, list[Candidate]] = {stem: [] for stem in self.stems}
        for candidate in self._by_name():
            if candidate.stem in found:
                found[candidate.stem].append(candidate)
        missing = {s for s in self.stems if not any(c.written for c in found[s])}
        for candidate in self._by_content(missing):
            found[candidate.stem].append(candidate)
        chosen = {s: max(of, key=lambda c: c.rank) for s, of in found.items() if of}
        lessons: dict[str, Code | NoCode] = {}
        for stem in self.stems:
            taken = chosen.get(stem)
            if taken is None:
                reason = self._nothing(stem, chosen.values())
                lessons[stem] = NoCode(reason, bool(self.troubles))
            elif taken.problem:
                lessons[stem] = NoCode(f"{base(taken.path)} {taken.problem}".rstrip("."), True)
            elif not taken.text.strip():
                lessons[stem] = NoCode(f"there is no code in {base(taken.path)}")
            else:
                lessons[stem] = Code(taken.path, taken.text)
        notes = [n for s, taken in chosen.items() for n in _notes(taken, found[s])]
        return Matched(lessons, tuple(notes), tuple(self._uses(chosen, found)))

    def _read(self, file: Read) -> None:
        if file.problem:
            self._problems[file.path] = file.problem
            return
        try:
            self._texts[file.path] = text_of(file.path, file.data)
        except Unreadable as problem:
            self._problems[file.path] = str(problem)

    def _by_name(self) -> Iterable[Candidate]:
        for file in self.files:
            if file.path in self.given:
                stem, how = self.given[file.path], "given"
            else:
                named = read_name(base(file.path))
                stem, how = named.stem, "exact" if named.exact else "name"
            if not stem:
                continue
            text, problem = self._texts.get(file.path, ""), self._problems.get(file.path, "")
            prose = not file.path.casefold().endswith(LIKELY) and not anatomy.pieces(text)
            if how == "name" and prose:
                continue
            if how != "exact":
                text = _of_lesson(text, stem)
            yield Candidate(file, stem, how, text, problem)  # type: ignore[arg-type]

    def _by_content(self, missing: set[str]) -> Iterable[Candidate]:
        if not missing:
            return
        for file in self.files:
            text = self._texts.get(file.path, "")
            own = read_name(base(file.path)).stem
            if not text or file.path in self.given:
                continue
            for stem in anatomy.lessons_of(text):
                if stem in missing and stem != own:
                    yield Candidate(file, stem, "content", _of_lesson(text, stem))

    def _nothing(self, stem: str, chosen: Iterable[Candidate]) -> str:
        """Why no file is this lesson's."""
        taken = {candidate.path for candidate in chosen}
        unread = [
            f"{path} {problem}".rstrip(".")
            for path, problem in self._problems.items()
            if path not in taken and not read_name(base(path)).stem
        ]
        why = [*self.troubles, *unread][:SHOWN]
        closed = [name for name in self.names if name.casefold().endswith(CLOSED)]
        if closed:
            why.append(f"{closed[0]} is an archive of a kind that is not opened: pack it as zip")
        seen = [n for n in dict.fromkeys(self.names) if n not in taken and n not in closed]
        why += self._too_little(stem, taken)
        if seen and not why:
            why.append(f"seen: {_some(seen)}")
        if not (seen or why or taken):
            but = f" but {_some(self.passed)}, which is not looked into" if self.passed else ""
            why.append(f"there is nothing in it{but}")
        return "; ".join([f"no file that defines lesson {number(stem)}'s functions", *why])

    def _too_little(self, stem: str, taken: Iterable[str]) -> Iterable[str]:
        """Of a file that defines a function or two of a lesson and says nowhere which one it is."""
        for path in sorted(self._texts.keys() - set(taken))[:SHOWN]:
            text = self._texts[path]
            names = [p.name for p in anatomy.pieces(text) if anatomy.is_of(p, stem)]
            if names and not read_name(base(path)).stem and not anatomy.lessons_of(text):
                yield f"{path} defines {', '.join(names[:SHOWN])} alone: call it {stem}.py"

    def _uses(
        self, chosen: Mapping[str, Candidate], found: Mapping[str, list[Candidate]]
    ) -> Iterable[Use]:
        """Each file once for every lesson that it is taken for, or once with the reason why not."""
        for path in dict.fromkeys([*(file.path for file in self.files), *self.names]):
            of = [c for candidates in found.values() for c in candidates if c.path == path]
            taken = [c for c in of if chosen.get(c.stem) is c]
            for candidate in taken:
                yield Use(path, candidate.stem, SURE[candidate.how], _why(candidate))
            if not taken:
                yield Use(path, "", "not used", self._why_not(path, of, chosen))

    def _why_not(
        self, path: str, candidates: list[Candidate], chosen: Mapping[str, Candidate]
    ) -> str:
        if candidates:
            first = candidates[0]
            kind = "" if first.written else "a stub; "
            return f"{kind}{chosen[first.stem].path} was taken for {first.stem}"
        if path in self.given:
            return "given"
        if path in self._problems:
            return self._problems[path].rstrip(".")
        if path in self._texts:
            return "it defines the functions of no lesson that was asked for"
        return "not a file that holds Python"


def _of_lesson(text: str, stem: str) -> str:
    """Of a text that holds several lessons, what is this one's."""
    strangers = anatomy.others(text, stem)
    if not strangers and len(anatomy.lessons_of(text)) < 2:
        return text
    return definitions(text, without=strangers)


def _why(candidate: Candidate) -> str:
    reasons = {
        "given": "given",
        "exact": "the name of the file",
        "name": "the name of the file, changed",
        "content": "the functions that it defines",
    }
    stub = "" if candidate.written or candidate.problem else "; a stub"
    return reasons[candidate.how] + stub


def _notes(taken: Candidate, found: list[Candidate]) -> Iterable[str]:
    """What somebody should know of the choice."""
    lesson = f"lesson {number(taken.stem)}"
    if taken.how == "content":
        yield f"{lesson} was found in {taken.path} by its functions"
    if anatomy.is_given(taken.text, taken.stem):
        yield f"{lesson} is the course's own solution, word for word"
    others = [c for c in found if c is not taken and (c.text, c.problem) != (taken.text, "")]
    works = [c for c in others if c.written or c.problem]
    names = ", ".join(c.path for c in (works or others)[:SHOWN])
    if works:
        decides = zip(taken.rank, max(c.rank for c in works), strict=True)
        differ = (why for why, (one, two) in zip(REASONS, decides, strict=True) if one != two)
        why = next(differ, "one")
        yield f"{lesson}: {taken.path} was graded, {why} of {len(works) + 1}; not {names}"
        for other in works[:SHOWN]:
            lacks = sorted(_functions(other) - _functions(taken))
            if lacks:
                yield f"{lesson}: {other.path} has {', '.join(lacks)}, which {taken.path} lacks"
    elif others and taken.written:
        yield f"{lesson}: {taken.path} was graded; not the stub {names}"


def _functions(candidate: Candidate) -> set[str]:
    """The functions of the lesson that a file has written."""
    found = anatomy.pieces(candidate.text)
    return {p.name for p in found if p.written and anatomy.is_of(p, candidate.stem)}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key by which x2 comes before x10."""
    parts = re.findall(r"\d{1,18}|\D+", text)
    return tuple((int(p), "") if p.isdecimal() else (-1, p) for p in parts)
