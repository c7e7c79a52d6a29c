"""What is asked of a lesson file: the cases of each exercise, the messages, the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.diagnose import Variant, remembered, variants
from checks.grader.language.inputs import Case, cases, rounded
from checks.grader.language.lesson import Built, Exercise, Lesson, Source, load
from checks.grader.language.truth import Truth, establish
from checks.grader.records.observation import Array, Observation
from checks.grader.records.verdict import Settings
from checks.grader.running.messages import Calls, Function, Made


@dataclass(frozen=True)
class Question:
    """One exercise ready to be asked: its cases, the calls, the truth (computed when needed)."""

    exercise: Exercise
    cases: tuple[Case, ...]
    settings: Settings

    @cached_property
    def truths(self) -> tuple[Truth, ...]:
        return tuple(establish(self.exercise, case, self.dtype) for case in self.cases)

    def establish(self) -> tuple[Truth, ...]:
        """What is right, heard now and not when the first answer is compared."""
        return self.truths

    def read(self, seen: Sequence[Observation]) -> list[Observation]:
        """The answers to the calls as they are compared."""
        reads = self.exercise.reads
        if reads is None:
            return list(seen)
        every = [truth.inputs for truth in (*self.truths, self.truths[self.again])]
        return [
            replace(one, value=reads(_as_tensors(one.value), **inputs))
            if one.outcome == "value"
            else one
            for one, inputs in zip(seen, every, strict=False)
        ]

    @property
    def with_mended(self) -> Question:
        """The same question, with right functions in place of those before this one."""
        mended = replace(self, exercise=replace(self.exercise, driver=self.exercise.mended))
        vars(mended)["truths"] = self.truths  # what is right stays, and has been computed
        return mended

    @cached_property
    def calls(self) -> Calls:
        """Every case, then one once more: a second call must give the same answer."""
        return self.asking([*self.cases, self.cases[self.again]])

    @cached_property
    def again(self) -> int:
        """The case that is asked again: the first; or the last, twice in a row, where no shape
        comes twice in a row before, for what is kept while the shapes stay the same.
        """
        shapes = [[_shape(value) for value in case.inputs.values()] for case in self.cases]
        same = any(one == next for one, next in pairwise((*shapes, shapes[0])))
        return 0 if same else len(self.cases) - 1

    @cached_property
    def smaller(self) -> Question | None:
        """Smaller calls, which show at which step a training goes wrong; None if there are none."""
        if self.exercise.prefixes is None:
            return None
        calls = self.exercise.prefixes(**self.cases[-1].inputs)
        return replace(self, cases=tuple(Case(covers, inputs) for covers, inputs in calls))

    @cached_property
    def wrong(self) -> tuple[Variant, ...]:
        """Every single mistake; what it gives is computed once for a whole class."""
        return tuple(map(remembered, variants(self.exercise)))

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self.settings.dtype == "float64" else torch.float32

    def asking(self, cases: Sequence[Case]) -> Calls:
        every = (rounded(case.inputs, self.dtype) for case in cases)
        return Calls(
            self.exercise.name,
            tuple(arguments(inputs[name] for name in self.exercise.parameters) for inputs in every),
            self.settings.dtype,
            self.settings.device,
            self._driver_text(),
        )

    def _driver_text(self) -> str | None:
        driver = self.exercise.driver
        if driver is None:
            return None
        needs = [part for part in self.exercise.needs if part is not driver]
        return "\n\n".join(Source(part).text for part in (*needs, driver))


@dataclass(frozen=True)
class Questions:
    """One lesson ready to be asked; the same for every lesson file graded with these settings."""

    stem: str
    lesson: Lesson
    all: tuple[Question, ...]
    settings: Settings


@lru_cache(maxsize=64)
def questions_of(stem: str, settings: Settings) -> Questions:
    """Draw the inputs of one lesson. They, and the truth, are the same for a whole class."""
    lesson = load(stem)
    all = tuple(
        Question(exercise, cases(stem, lesson, exercise, settings.seed), settings)
        for exercise in lesson.exercises
    )
    return Questions(stem, lesson, all, settings)


def restricted(questions: Questions, exercise: str) -> Questions:
    """The questions of one exercise only."""
    return replace(questions, all=tuple(s for s in questions.all if s.exercise.name == exercise))


def _as_tensors(value: Any) -> Any:
    """What a process answered, with tensors in place of the arrays that travelled."""
    if isinstance(value, Array):
        return value.values
    return tuple(map(_as_tensors, value)) if isinstance(value, tuple) else value


def _shape(value: Any) -> Any:
    """What stays the same when only numbers differ."""
    if isinstance(value, Built):
        return [_shape(part) for part in value.arguments]
    return tuple(value.shape) if isinstance(value, Tensor) else None


def arguments(values: Iterable[Any]) -> tuple[Any, ...]:
    """Arguments as they travel: a function as its text."""
    return tuple(_argument(value) for value in values)


def _argument(value: Any) -> Any:
    if isinstance(value, Source):
        return Function(value.text)
    if isinstance(value, Built):
        return Made(value.source.text, arguments(value.arguments))
    return value
