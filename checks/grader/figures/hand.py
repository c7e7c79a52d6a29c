"""The student's gradients by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures.subject import Subject, Undrawable, close_to, tensors
from checks.grader.language.inputs import resolve
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import parts


def by_hand(
    hand: str | None, inputs: Mapping[str, Any], wrt: Sequence[str], subject: Subject
) -> dict[str, Tensor]:
    """The student's hand-written gradients by parameter, those that are wrong; none if they cannot
    be had.

    They are held against the lesson's truth: the graph beside them may be wrong itself.
    """
    if hand is None:
        return {}
    try:
        exercise = subject.exercise(hand)
        given = _values_of_parameters(exercise, inputs)
        returned = tensors(subject.answer(hand, *given))
    except (Undrawable, KeyError):
        return {}
    right = parts(exercise.truth(*(resolve(value) for value in given)))
    found = zip(wrt, returned, right, strict=False)
    return {name: yours for name, yours, truth in found if not close_to(yours, truth)}


def entry_of(hand: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The gradient of a parameter, or of one entry of it: w3 is the third of w."""
    if name in hand:
        return hand[name]
    stem = name.rstrip("0123456789")
    index = int(name[len(stem) :] or 0) - 1
    if stem in hand and 0 <= index < hand[stem].numel():
        return hand[stem].reshape(-1)[index]
    return None


def _values_of_parameters(exercise: Exercise, inputs: Mapping[str, Any]) -> list[Any]:
    """An exercise's arguments out of another one's; a model's parameters count as inputs."""
    known = dict(inputs)
    for value in map(resolve, inputs.values()):
        if isinstance(value, torch.nn.Module):
            known |= {k.split(".")[-1]: p.detach() for k, p in value.named_parameters()}
    return [known[name] for name in exercise.parameters]
