"""What a text is made of: the functions that it defines at its top level, and which are written.

Read by lines and not by a syntax tree, so that a file with a syntax error is known as well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from checks.grader.records import course

HEAD = re.compile(r"^(?:async[ \t]+)?(def|class)[ \t]+(\w+)[ \t]*(\(?)", re.MULTILINE)
NEXT = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
TODO = re.compile(r"TODO (\d+)\.\d+")
STRINGS = re.compile(r"(\"\"\"|''')(?:(?!\1).)*(?:\1|\Z)", re.DOTALL)
EMPTY = re.compile(r"^\s*(?:raise NotImplementedError.*|pass|\.\.\.|#.*)?$")
LONGEST = 1_500  # characters of a snippet


@dataclass(frozen=True)
class Piece:
    """A function or a class at the top level."""

    name: str
    is_class: bool
    line: int
    source: str

    @cached_property
    def parameters(self) -> int | None:
        """How many a function has, None for a class."""
        return None if self.is_class else len(_parameters(self.source))

    @cached_property
    def written(self) -> bool:
        """Whether there is more in it than a docstring and NotImplementedError."""
        if "NotImplementedError" not in self.source and "return " in self.source:
            return True
        body = self.source if self.is_class else _after_head(self.source)
        lines = STRINGS.sub("", body).split("\n")
        if self.is_class:
            lines = [x for x in lines[1:] if not re.match(r"\s*(def|super\(\))", x)]
        return any(not EMPTY.match(line) for line in lines)


@lru_cache(maxsize=32)
def pieces(text: str) -> tuple[Piece, ...]:
    """The functions and classes of a text, in order."""
    found = []
    for head in HEAD.finditer(text):
        after = NEXT.search(text, head.end())
        source = text[head.start() : after.start() if after else len(text)]
        line = text.count("\n", 0, head.start()) + 1
        found.append(Piece(head[2], head[1] == "class", line, source.rstrip() + "\n"))
    return tuple(found)


def _parameters(source: str) -> list[str]:
    inside, depth, names = "", 0, []
    for character in source[source.find("(") + 1 : 4_000]:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                break
        if character == "," and depth == 0:
            names.append(inside)
            inside = ""
        else:
            inside += character
    names.append(inside)
    return [name for name in names if name.strip() and name.strip() not in "*/"]


def _after_head(source: str) -> str:
    """The body of a function: what follows the colon after its parameters."""
    depth = 0
    for at, character in enumerate(source):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == ":" and depth <= 0:
            return source[at + 1 :]
    return ""


@cache
def lessons() -> Mapping[str, Mapping[str, int | None]]:
    """The functions that each lesson asks for, with their numbers of parameters: from the stubs."""
    asked = {}
    for stem in course.stems():
        path = course.ROOT / "exercises" / f"{stem}.py"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        asked[stem] = {piece.name: piece.parameters for piece in pieces(text)}
    return asked


@cache
def _solution(stem: str) -> str:
    path = course.ROOT / "solutions" / f"{stem}.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def is_given(text: str, stem: str) -> bool:
    """Whether a text is the course's own solution."""
    own = _solution(stem)
    return bool(own) and text.split() == own.split()


def written(text: str, stem: str) -> int:
    """How many of the lesson's functions are more than stubs."""
    asked = lessons()[stem]
    return sum(piece.written for piece in pieces(text) if not asked or piece.name in asked)


def lessons_of(text: str) -> list[str]:
    """The lessons whose functions a text defines: all that it holds for the most part."""
    found = pieces(text)
    numbers = {int(number) for number in TODO.findall(text)}
    share = {stem: _share(found, asked) for stem, asked in lessons().items()}
    best = max(share.values(), default=0.0)
    for stem in share:
        share[stem] += (course.number(stem) in numbers) * bool(share[stem])
    taken: list[str] = []
    for stem in sorted(share, key=lambda stem: -share[stem]):
        if share[stem] and share[stem] >= min(0.6, max(best, 0.3)):
            own = [p for p in found if is_of(p, stem) and not any(is_of(p, t) for t in taken)]
            if own:
                taken.append(stem)
    return sorted(taken, key=course.number)


def is_of(piece: Piece, stem: str) -> bool:
    """Whether it is a function of the lesson, by name and number of parameters."""
    asked = lessons()[stem]
    return piece.name in asked and asked[piece.name] == piece.parameters


def _share(found: Sequence[Piece], asked: Mapping[str, int | None]) -> float:
    """How much of a lesson is defined: by name and parameters whole, by name alone a quarter."""
    names = {piece.name for piece in found if piece.name in asked}
    whole = {p.name for p in found if p.name in asked and asked[p.name] == p.parameters}
    if len(names) == 1 and not whole:
        return 0.0
    return (len(whole) + 0.25 * len(names - whole)) / max(1, len(asked))


def others(text: str, stem: str) -> frozenset[int]:
    """The lines on which functions begin that bear a name of this lesson and are of another.

    Where both have the same parameters, those are this lesson's that stand nearest to what only
    this lesson has, and then those that stand furthest from what only others have.
    """
    found = pieces(text)
    among = lessons_of(text)
    owners = [[one for one in among if is_of(piece, one)] for piece in found]
    own = [i for i, of in enumerate(owners) if of == [stem]]
    foreign = [i for i, of in enumerate(owners) if len(of) == 1 and of != [stem]]

    def strangeness(i: int) -> tuple[int, int]:
        return _distance(i, own), -_distance(i, foreign)

    mine: dict[str, int] = {}
    for i, piece in enumerate(found):
        if is_of(piece, stem):
            before = mine.get(piece.name, i)
            mine[piece.name] = i if strangeness(i) <= strangeness(before) else before
    return frozenset(p.line for i, p in enumerate(found) if mine.get(p.name, i) != i)


def _distance(place: int, places: Sequence[int]) -> int:
    return min((abs(place - other) for other in places), default=0)


def snippet(text: str, name: str) -> str:
    """A function without comments, strings and types: it shows the idea and nobody's name."""
    found = [piece.source for piece in pieces(text) if piece.name == name]
    if not found:
        return ""
    try:
        tree = ast.parse(found[-1])
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_string(body[0]):
                body[:1] = [] if len(body) > 1 else [ast.Pass()]
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = "…"
            if isinstance(node, ast.arg):
                node.annotation = None
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                node.returns = None
        return ast.unparse(ast.fix_missing_locations(tree))[:LONGEST]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
