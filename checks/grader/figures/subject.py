"""The lesson file that is drawn: asked for its numbers in a process of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.questions import arguments
from checks.grader.language.inputs import cases
from checks.grader.language.lesson import Exercise, Lesson, load
from checks.grader.records.answer import close, parts
from checks.grader.records.course import number
from checks.grader.records.observation import Array, Observation
from checks.grader.records.verdict import Settings
from checks.grader.running.intake import LessonFile
from checks.grader.running.messages import Calls
from checks.grader.running.server import Server
from checks.grader.running.session import ProcessSession

#: A student's number is shown beside the right one where it is further off than this.
DIFFERS_RTOL = 1e-4
#: What grows beyond this has diverged.
TOO_LARGE = 1e9


class Undrawable(Exception):
    """Why there is no picture, in one line for the student."""


@dataclass(frozen=True)
class Subject:
    """A lesson and the lesson file that is drawn; `session` is the conversation with it."""

    stem: str
    lesson: Lesson
    lesson_file: LessonFile
    session: ProcessSession
    time_limit: float

    def exercise(self, name: str) -> Exercise:
        return next(one for one in self.lesson.exercises if one.name == name)

    def inputs(self, wanted: Any) -> dict[str, Any]:
        """The inputs of a figure's worked example."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        case = next(case for case in drawn if case.name == wanted.example)
        return {**case.inputs, **wanted.given}

    def other_inputs(self, wanted: Any) -> dict[str, Any]:
        """Inputs at which no two values are equal by chance."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        return dict(next(case for case in drawn if case.expected is None).inputs)

    def title(self, what: str) -> str:
        return f"Lesson {number(self.stem)} · {what}"

    def answer(
        self, exercise: str, *arguments: Any, driver: ModuleType | None = None, dtype: str = ""
    ) -> Any:
        """What one call returns. Raises Undrawable."""
        return self.answers(exercise, [arguments], driver=driver, dtype=dtype)[0]

    def answers(
        self,
        exercise: str,
        calls: Sequence[Sequence[Any]],
        *,
        driver: ModuleType | None = None,
        dtype: str = "",
    ) -> list[Any]:
        """What the calls of an exercise return, in float64, or in float32 if they ask for it.

        driver  a module of `inside`, whose last function runs in place of the exercise:
                (lesson, *arguments)
        Raises Undrawable.
        """
        for kind in (dtype,) if dtype else ("float64", "float32"):
            seen = self._ask(exercise, driver, calls, kind)
            if seen[-1].outcome != "raised":
                break
        if seen[-1].outcome != "value":
            raise Undrawable(self._why(exercise, seen[-1]))
        return [observed.value for observed in seen]

    def _ask(
        self, exercise: str, driver: ModuleType | None, calls: Sequence[Sequence[Any]], dtype: str
    ) -> list[Observation]:
        """The answers up to the first that is no value."""
        imported = self.session.imported()
        if imported.outcome != "value":
            raise Undrawable(self._why("the file", imported))
        text = inspect.getsource(driver) if driver else None
        asked = Calls(exercise, tuple(map(arguments, calls)), dtype, driver=text)
        return self.session.ask(asked, lambda: None)

    def _why(self, exercise: str, seen: Observation) -> str:
        where = f" (line {seen.line})" if seen.line else ""
        match seen.outcome:
            case "missing":
                return f"there is no {exercise} in {self.lesson_file.path.name}"
            case "not_started":
                return f"Still open: {seen.message or exercise}{where}"
            case "timeout":
                return f"{exercise} took longer than {self.time_limit:g} seconds"
            case "crashed":
                return f"the process ended inside {exercise}"
        message = " ".join(seen.message.split())[:120]
        if seen.error_type == "TooLarge":  # it is the recorder that raises it
            return f"no graph of {exercise} can be drawn: {message}"
        return f"{exercise} raises {seen.error_type}{where}: {message}"


@contextmanager
def subject_of(server: Server, lesson_file: LessonFile, time_limit: float) -> Iterator[Subject]:
    """A lesson file with the process that answers for it, which is ended at last."""
    session = ProcessSession(server, lesson_file, Settings(time_limit=time_limit))
    stem = lesson_file.stem
    try:
        yield Subject(stem, load(stem), lesson_file, session, time_limit)
    finally:
        session.close()


def parameters(formula: Callable[..., Any]) -> list[str]:
    """The names of the inputs that a formula takes."""
    return [
        name
        for name, parameter in inspect.signature(formula).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


def tensors(answer: Any) -> list[Tensor]:
    """The returned tensors, in float64. Raises Undrawable if something else came back."""
    values = [part.values if isinstance(part, Array) else part for part in parts(answer)]
    if not values or not all(isinstance(value, (Tensor, float, int)) for value in values):
        raise Undrawable("what came back is not made of tensors")
    return [torch.as_tensor(value, dtype=torch.float64) for value in values]


def finite(values: Tensor) -> Tensor:
    """The values, if a picture can show them. Raises Undrawable."""
    if not bool((values.abs() < TOO_LARGE).all()):
        raise Undrawable("the numbers grow beyond all bounds: does training go downhill?")
    return values


def close_to(value: Tensor, right: Tensor) -> bool:
    """Whether a student's number is the right one, in whatever shape."""
    right = right.detach().to(torch.float64)
    return value.numel() == right.numel() and close(
        value.reshape(-1), right.reshape(-1), rtol=DIFFERS_RTOL
    )


def pair(values: Tensor) -> tuple[float, float]:
    """Two entries as plain numbers."""
    first, second = values.tolist()
    return first, second
