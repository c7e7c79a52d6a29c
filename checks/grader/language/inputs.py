"""The inputs of the checks: worked examples from data/ and seeded random draws.

A draw must not hide a mistake: nothing is near 0, ±1 or ±2 (at x = 2, x² = 2x), every variable
takes both signs within the trials, and numbers have two decimals so that they read well.
"""

from __future__ import annotations

import csv
import importlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.lesson import Built, Exercise, Lesson, Source, read_data
from checks.grader.records.answer import Answer
from checks.grader.records.course import DATA

TRIALS = 4


@dataclass(frozen=True)
class Case:
    """One call of a student's function.

    inputs    by parameter name, tensors in float64 on the CPU
    expected  the literal from data/, None for a random draw
    """

    name: str
    inputs: Mapping[str, Any]
    expected: Answer | None = None


class Dice:
    """Random inputs of one trial. The same seed, lesson and trial give the same draw everywhere."""

    def __init__(self, seed: int, lesson: str, trial: int) -> None:
        self.trial = trial
        self._seed = f"{seed}/{lesson}"
        self._random = random.Random(f"{self._seed}/{trial}")
        self._signs: dict[str, list[int]] = {}

    def number(self, name: str, low: float = 0.3, high: float = 2.8) -> Tensor:
        """A scalar, shape (). Its sign is balanced over the trials, per name."""
        return torch.tensor(self._sign(name) * self._magnitude(low, high), dtype=torch.float64)

    def tensor(self, *shape: int, low: float = 0.3, high: float = 2.8) -> Tensor:
        """Entries of both signs, all of different magnitude."""
        count = 1
        for size in shape:
            count *= size
        magnitudes: set[float] = set()
        while len(magnitudes) < count:
            magnitudes.add(self._magnitude(low, high))
        ordered = sorted(magnitudes)
        self._random.shuffle(ordered)
        signs = [1 if (i + self.trial) % 2 else -1 for i in range(count)]
        self._random.shuffle(signs)
        entries = [sign * value for sign, value in zip(signs, ordered, strict=True)]
        return torch.tensor(entries, dtype=torch.float64).reshape(shape)

    def factor(self, low: float, high: float) -> float:
        """A plain Python number between low and high: a learning rate, a step, a factor."""
        return round(self._random.uniform(low, high), 4)

    def integer(self, low: int, high: int) -> int:
        """A plain Python int, both ends included."""
        return self._random.randint(low, high)

    def _magnitude(self, low: float, high: float) -> float:
        while True:
            value = round(self._random.uniform(low, high), 2)
            if value > 0.05 and all(abs(value - special) > 0.08 for special in (0.5, 1.0, 2.0)):
                return value

    def _sign(self, name: str) -> int:
        if name not in self._signs:
            signs = [-1, 1] * (TRIALS // 2)
            random.Random(f"{self._seed}/{name}").shuffle(signs)
            self._signs[name] = signs
        return self._signs[name][self.trial % TRIALS]


def cases(stem: str, lesson: Lesson, exercise: Exercise, seed: int) -> tuple[Case, ...]:
    """The worked examples of data/, then the random trials."""
    worked = [
        Case(
            example["name"],
            {
                name: _value(stem, example["given"][name], annotation)
                for name, annotation in exercise.parameters.items()
            },
            expected=example["expect"].get(exercise.name),
        )
        for example in read_data(stem)["example"]
        if exercise.name in (*example["expect"], *example.get("ask", ()))
    ]
    draw = exercise.draw or lesson.draw
    drawn = [
        Case(f"trial {trial}", {name: values[name] for name in exercise.parameters})
        for trial, values in enumerate(_draws(draw, stem, seed), start=1)
    ]
    return (*worked, *drawn)


@lru_cache(maxsize=64)  # the exercises of a lesson share their draws
def _draws(
    draw: Callable[[Dice], Mapping[str, Any]], stem: str, seed: int
) -> tuple[Mapping[str, Any], ...]:
    return tuple(draw(Dice(seed, stem, trial)) for trial in range(TRIALS))


def rounded(inputs: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The inputs as the student's dtype holds them, in float64: the truth starts from these."""
    return {name: _rounded(value, dtype) for name, value in inputs.items()}


def resolve(value: Any) -> Any:
    """What a student's function receives, on the judge's side: sources become functions."""
    if isinstance(value, Source):
        return value.function
    if isinstance(value, Built):
        return value.source.function(*value.arguments)
    return value


def _rounded(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype).to(torch.float64)
    if isinstance(value, Built):
        return Built(value.source, tuple(_rounded(part, dtype) for part in value.arguments))
    return value


def _value(stem: str, raw: Any, annotation: str) -> Any:
    """A value of data/ as the parameter's annotation wants it."""
    if isinstance(raw, dict) and "csv" in raw:
        raw = columns(stem, raw["csv"])
    if isinstance(raw, str):  # a function of the check file
        return Source(_function(stem, raw))
    if isinstance(raw, dict):  # built by a function of the check file
        tensors = (torch.tensor(part, dtype=torch.float64) for part in raw["with"])
        return Built(Source(_function(stem, raw["build"])), tuple(tensors))
    if annotation in ("int", "list[int]", "int | float"):
        return raw
    if annotation == "float":
        return float(raw)
    return torch.tensor(raw, dtype=torch.float64)


def _function(stem: str, name: str) -> Callable[..., Any]:
    """Of the check file, or of a module that it imports: "powers" or "maps.powers"."""
    found: Callable[..., Any] = attrgetter(name)(importlib.import_module(f"checks.{stem}"))
    return found


def table(stem: str, *names: str) -> tuple[Tensor, ...]:
    """Columns of data/<stem>.csv, shape (n,) each, as float32 holds them, in float64."""
    return tuple(torch.tensor(columns(stem, name)).double() for name in names)


def columns(stem: str, names: str | list[str]) -> Any:
    """A column of data/<stem>.csv as a list of numbers, or several columns as rows."""
    with (DATA / f"{stem}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if isinstance(names, str):
        return [float(row[names]) for row in rows]
    return [[float(row[name]) for name in names] for row in rows]
