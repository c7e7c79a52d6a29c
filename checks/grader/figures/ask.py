"""Asking a lesson file for its numbers, in a process of its own and under the time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checks.grader.grading.questions import pack
from checks.grader.language.lesson import Source
from checks.grader.records.observation import Observation
from checks.grader.running import frames
from checks.grader.running.frames import observation
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import START_UP, Server


class Undrawable(Exception):
    """Why there is no picture, in one line for the student."""


@dataclass(frozen=True)
class Sitter:
    """One lesson file that is asked for what a picture needs."""

    server: Server
    lesson_file: LessonFile
    time_limit: float

    def answer(self, exercise: str, driver: Callable[..., Any] | None, *arguments: Any) -> Any:
        """What one call returns. Raises Undrawable."""
        return self.answers(exercise, driver, [arguments])[0]

    def answers(
        self, exercise: str, driver: Callable[..., Any] | None, calls: Sequence[Sequence[Any]]
    ) -> list[Any]:
        """What the calls of an exercise return, in float64, or in float32 if they ask for it.

        `driver` runs in place of the exercise: (lesson, *arguments). Raises Undrawable.
        """
        for dtype in ("float64", "float32"):
            seen = self._ask(exercise, driver, calls, dtype)
            if seen[-1].outcome != "raised":
                break
        if seen[-1].outcome != "value":
            raise Undrawable(self._why(exercise, seen[-1]))
        return [observed.value for observed in seen]

    def _ask(
        self,
        exercise: str,
        driver: Callable[..., Any] | None,
        calls: Sequence[Sequence[Any]],
        dtype: str,
    ) -> list[Observation]:
        """The answers up to the first that is no value."""
        packer = frames.Packer()
        path = str(self.lesson_file.path)
        request = {
            "exercise": exercise,
            "driver": Source(driver).text if driver else None,
            "device": "cpu",
            "dtype": dtype,
            "calls": [[pack(part, packer) for part in arguments] for arguments in calls],
            "path": path,
        }
        job = {
            "stem": self.lesson_file.stem,
            "path": path,
            "source": self.lesson_file.source,
            "device": "cpu",
        }
        start_up = START_UP if self.server.is_fresh else 0.0
        seen: list[Observation] = []
        try:
            with self.server.child(job) as child:
                deadline = time.monotonic() + self.time_limit + start_up
                imported = observation(*child.receive(deadline))
                if imported.outcome != "value":
                    raise Undrawable(self._why("the file", imported))
                child.send(request, packer.body)
                for _ in calls:
                    deadline = time.monotonic() + self.time_limit
                    seen.append(observation(*child.receive(deadline)))
                    if seen[-1].outcome != "value":
                        break
        except frames.Late:
            seen.append(Observation("timeout"))
        except frames.Broken:
            seen.append(Observation("crashed"))
        return seen

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
        return f"{exercise} raises {seen.error_type}{where}: {message}"
