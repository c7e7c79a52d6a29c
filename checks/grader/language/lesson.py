"""What a lesson's check file is made of: exercises, truth, mistakes, words.

A check file holds numbers, formulas and words; everything here is a frozen record of them.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from checks.grader.language.slips import Mapped
from checks.grader.records.answer import Answer
from checks.grader.records.course import DATA

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from checks.grader.language.figure import Figure
    from checks.grader.language.inputs import Dice
    from checks.grader.language.net import Net

Method = Literal["by_hand", "by_autograd", "by_engine"]


@dataclass(frozen=True)
class Source:
    """An argument that is a function. It travels to the student's process as source text.

    Of a `partial`, the first arguments, which are plain values, travel with it.
    """

    function: Callable[..., Any]

    @property
    def text(self) -> str:
        if not isinstance(self.function, partial):
            return _text_of(self.function)
        whole, given = self.function.func, "".join(f"{value!r}, " for value in self.function.args)
        call = f"{whole.__name__}({given}*rest)"
        return f"{_text_of(whole)}\n\ndef call(*rest):\n    return {call}\n"

    @property
    def name(self) -> str:
        return self.function.__name__

    def __str__(self) -> str:
        """The formula as a student reads it: the first line of the docstring."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]


@cache
def _text_of(function: Callable[..., Any]) -> str:
    """Read once: after an update of the course, a long run would find other lines in the file."""
    return inspect.getsource(function)


@dataclass(frozen=True)
class Built:
    """An argument made where it is used: `source` called with `arguments` (a model, say)."""

    source: Source
    arguments: tuple[Tensor, ...]


@dataclass(frozen=True)
class Mistake:
    """One idea that students get wrong, as the formulas it leads to.

    id        the name in the report; the table of ids is in the README
    says      what the student reads: the idea, never the answer
    variants  each a tuple of what is done wrong at once: slips of a net, the order of an answer,
              the loop of a training; those of two mistakes are also tried together
    formulas  variants, each a whole wrong formula with the exercise's parameters; a quantity
              returned as None may hold anything
    each      a map over every returned tensor; tried alone, on one quantity at a time if `single`,
              and on top of every other mistake
    """

    id: str
    says: str
    variants: tuple[tuple[Any, ...], ...] = ()
    formulas: tuple[Callable[..., Answer], ...] = ()
    each: Callable[[Tensor], Tensor] | None = None
    single: bool = False


#: What a check file declares under an id: one variant, or a list of them. A variant is a slip, a
#: wrong order, a wrong loop, a tuple of those made at once, a whole wrong formula, or a `Mapped`.
Variants = Any


def declared(id: str, says: str, variants: Variants) -> Mistake:
    """The mistake that a check file declares as id -> variants."""
    each = each_of(variants)
    mapped = next((one for one in each if isinstance(one, Mapped)), Mapped(None))
    made = [one if type(one) is tuple else (one,) for one in each]
    return Mistake(
        id,
        says,
        variants=tuple(parts for parts in made if all(hasattr(part, "places") for part in parts)),
        formulas=tuple(one for one in each if is_formula(one)),
        each=mapped.each,
        single=mapped.single,
    )


def each_of(variants: Variants) -> list[Any]:
    """One variant, or a list of them, as a list."""
    return variants if isinstance(variants, list) else [variants]


def is_formula(variant: Any) -> bool:
    return callable(variant) and not hasattr(variant, "places")


@dataclass(frozen=True)
class Witness:
    """A second way to the truth. `evaluate` takes the exercise's inputs by keyword."""

    name: str
    evaluate: Callable[..., Answer]


@dataclass(frozen=True)
class Exercise:
    """One function of a lesson and everything that judges it.

    truth       the closed form, by hand, in float64 on the CPU; its positional parameters and their
                annotations are those of the student's function
    quantities  the name of each returned value, e.g. ("∂loss/∂w", "∂loss/∂b")
    labels      component names of a quantity that is a vector, e.g. ∂w1 … ∂w8
    witnesses   independent ways to the same answer; all must agree or nobody is judged
    wrong       id -> what students write in its place; the words are in the data. What one idea
                leads to may need several sentences: "id/which" is the id with words of its own
    net         the net whose gradients are asked for by hand: slips at its nodes are looked for
                where no mistake explains an answer
    slipped     (*slips) -> the answer, a function of the inputs, with these slips made
    points, idea, hints, mistakes   filled in from the lesson's data
    idea        one sentence to think about when the answer is wrong and no mistake explains it
    hints       two to four, mild to explicit, never the solution
    driver      a function (lesson, *arguments) that runs in the student's process in place of the
                plain call, for exercises that are more than one call
    mended      the same with right functions in place of the student's functions before this one;
                asked only after a failure: what fails only because of them is told so
    needs       functions that `driver` and `mended` call; their texts travel in front
    reads       (answer, **inputs) -> answer: what an answer amounts to, where many are right
    whole       its mistakes cannot be told from those of what it calls: while something that it
                calls is wrong, none of its own is named
    may_change  arguments that the function is asked to change
    nodes       the gradients at intermediate nodes, in the order of the backward pass:
                (answer, **inputs) -> {node: (the value that `answer` implies, the value that is
                right given the nodes before it)}
    prefixes    smaller calls that show at which step training goes wrong: (**inputs) ->
                ((what the student reads, inputs), …); only called after a failure
    draw        replaces the lesson's draw for this exercise
    same_values pairs of ids, the more common one first, whose formulas no input can tell apart
    slack       how much wider the tolerance is, for an exercise that loses digits by nature
    """

    name: str
    truth: Callable[..., Answer]
    quantities: tuple[str, ...]
    wrong: Mapping[str, Variants] = field(default_factory=dict)
    net: Net | None = None
    slipped: Callable[..., Callable[..., Answer]] | None = None
    points: int = 0
    idea: str = ""
    hints: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    witnesses: tuple[Witness, ...] = ()
    method: Method | None = None
    driver: Callable[..., Answer] | None = None
    mended: Callable[..., Answer] | None = None
    needs: tuple[Callable[..., Any], ...] = ()
    reads: Callable[..., Answer] | None = None
    may_change: tuple[str, ...] = ()
    nodes: Callable[..., Mapping[str, tuple[Tensor, Tensor]]] | None = None
    prefixes: Callable[..., tuple[tuple[str, Mapping[str, Any]], ...]] | None = None
    draw: Callable[[Dice], Mapping[str, Any]] | None = None
    same_values: tuple[tuple[str, str], ...] = ()
    slack: float = 1.0

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Parameter name -> annotation, in the order of the call."""
        return {
            name: str(parameter.annotation)
            for name, parameter in inspect.signature(self.truth).parameters.items()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }


@dataclass(frozen=True)
class Claim:
    """A sentence that can be true or false, and the computation that decides.

    says      the claim, in one line
    notes     what the study notes print; numbers are compared to the digits printed
    verified  computes the true value, as text or as numbers
    stands    whether the claim holds; the course corrects those that do not
    """

    says: str
    notes: str
    verified: Callable[[], Any]
    stands: bool = True


@dataclass(frozen=True)
class Lesson:
    """One lesson. `draw` gives the random inputs of every exercise by parameter name.

    figures   the pictures that can be drawn of a lesson file, by `python -m checks draw`
    """

    title: str
    exercises: tuple[Exercise, ...]
    draw: Callable[[Dice], Mapping[str, Any]]
    claims: tuple[Claim, ...] = ()
    program: Callable[[Any, str], None] | None = None
    figures: tuple[Figure, ...] = ()


def lesson(
    module: str,
    *,
    draw: Callable[[Dice], Mapping[str, Any]],
    exercises: Sequence[Exercise],
    claims: Mapping[str, Callable[[], Any]] | None = None,
    program: Callable[[Any, str], None] | None = None,
    figures: tuple[Figure, ...] = (),
) -> Lesson:
    """A lesson with the words of its data file: title, points, ideas, hints, claims, mistakes.

    module  `__name__` of the check file
    claims  name -> the computation that decides the claim of this name in the data
    """
    data = read_data(module.rpartition(".")[2])
    words = Words(data)
    return Lesson(
        data.get("title", ""),
        tuple(words.filled_in(exercise) for exercise in exercises),
        draw,
        tuple(
            Claim(claim["says"], claim["notes"], (claims or {})[name], claim.get("stands", True))
            for name, claim in data.get("claim", {}).items()
            if name in (claims or {})
        ),
        program,
        figures,
    )


class Words:
    """What students read of a lesson: its own words first, then those that all lessons share."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.exercises, self.own = data.get("exercise", {}), data.get("says", {})

    def filled_in(self, exercise: Exercise) -> Exercise:
        """The exercise with its words. One of another lesson keeps those of its mistakes, where
        this lesson has none of its own."""
        words, own = self.exercises.get(exercise.name, {}), self.own.get(exercise.name, {})
        return replace(
            exercise,
            points=words.get("points", 0),
            idea=words.get("idea", ""),
            hints=tuple(words.get("hints", ())),
            mistakes=tuple(replace(m, says=own.get(m.id, m.says)) for m in exercise.mistakes)
            or tuple(
                declared(id.partition("/")[0], self.says(exercise.name, id), variants)
                for id, variants in exercise.wrong.items()
            ),
        )

    def says(self, exercise: str, id: str) -> str:
        """Of this exercise before any, of this lesson before all; "" if nobody has words for it."""
        shared = shared_words()
        for place in (self.own.get(exercise, {}), shared.get(exercise, {})):
            if isinstance(place.get(id), str):
                return str(place[id])
        found = next((w for place in (self.own, shared) if isinstance(w := place.get(id), str)), "")
        return f"{self.exercises.get(exercise, {}).get('before', '')} {found}".strip()


@lru_cache(maxsize=1)
def shared_words() -> dict[str, Any]:
    """words.toml: an id and its sentence, for all exercises or for those of one name."""
    words: dict[str, Any] = tomllib.loads(
        Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    )
    return words


def load(stem: str) -> Lesson:
    """The lesson of checks/<stem>.py."""
    lesson = importlib.import_module(f"checks.{stem}").LESSON
    assert isinstance(lesson, Lesson)
    return lesson


@lru_cache(maxsize=64)
def read_data(stem: str) -> dict[str, Any]:
    """data/<stem>.toml as it stands."""
    text = (DATA / f"{stem}.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    return data
