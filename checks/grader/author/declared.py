"""What is declared wrong in a lesson's files: for its author, before a student meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from checks.grader.grading.diagnose import RAISED, Variant, variants
from checks.grader.language.inputs import Case, cases
from checks.grader.language.lesson import Exercise, Lesson, each_of, is_formula, read_data
from checks.grader.language.slips import Mapped
from checks.grader.language.truth import Truth, establish
from checks.grader.records.answer import float64s


def problems(stem: str, lesson: Lesson) -> Iterator[str]:
    """One line for each thing that cannot be meant."""
    data = read_data(stem)
    names = {exercise.name for exercise in lesson.exercises}
    if not lesson.title:
        yield f"data/{stem}.toml has no title"
    for section in ("exercise", "says"):
        for name, entry in data.get(section, {}).items():
            if isinstance(entry, dict) and name not in names:
                yield f"data/{stem}.toml: [{section}.{name}], and there is no such exercise"
    claimed, computed = len(data.get("claim", {})), len(lesson.claims)
    if claimed and claimed != computed:
        yield f"data/{stem}.toml has {claimed} claims, {computed} of them with a computation"
    for exercise in lesson.exercises:
        for problem in _of_exercise(stem, lesson, exercise):
            yield f"{exercise.name}: {problem}"


def _of_exercise(stem: str, lesson: Lesson, exercise: Exercise) -> Iterator[str]:
    if exercise.points < 1:
        yield "no points"
    if not exercise.idea:
        yield "no idea to think about"
    if not 2 <= len(exercise.hints) <= 4:
        yield f"{len(exercise.hints)} hints; two to four are wanted"
    for mistake in exercise.mistakes:
        if not mistake.says:
            yield f"the mistake {mistake.id} has no words"
        if not (mistake.variants or mistake.formulas or mistake.each):
            yield f"the mistake {mistake.id} is nothing that can be computed"
    for id, declared in exercise.wrong.items():
        for one in each_of(declared):
            parts = one if type(one) is tuple else (one,)
            slips = all(hasattr(part, "places") for part in parts)
            if not (slips or is_formula(one) or isinstance(one, Mapped)):
                yield f"{one!r}, of {id}, is neither a slip, a loop nor a formula"
    drawn = cases(stem, lesson, exercise, seed=0)
    truths = [establish(exercise, case, torch.float64) for case in drawn]
    for case, truth in zip(drawn, truths, strict=True):
        if case.expected is not None and not _same_form(case, truth):
            yield f"{case.name!r}: the literal {case.expected} has another form than the answer"
    for place, variant in enumerate(variants(exercise)):
        failure = _failure(variant, truths)
        if failure:
            id = variant.mistakes[0].id
            yield f"variant {place + 1}, of {id}, raises for every input: {failure}"


def _failure(variant: Variant, truths: list[Truth]) -> str:
    """What a formula raises if it never gives a value; "" if it does."""
    error: Any = None
    for truth in truths:
        try:
            variant.predict(truth)
        except RAISED as raised:
            error = raised
        except Exception as raised:  # what no student's code raises is the author's own mistake
            return f"{type(raised).__name__}: {raised}"
        else:
            return ""
    return f"{type(error).__name__}: {error}" if error else ""


def _same_form(case: Case, truth: Truth) -> bool:
    """Whether a literal has as many parts as the answer, and each as many numbers."""
    right = [part.numel() for part in float64s(truth.by_hand)]
    try:
        literal = [part.numel() for part in float64s(case.expected)]
    except (TypeError, ValueError):
        return False
    return literal == right or (len(right) == 1 and sum(literal) == right[0])
