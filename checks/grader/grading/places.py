"""Which slip at which place of the lesson's graph gives the numbers of a wrong answer.

Asked only where no declared mistake explains an answer. A slip is told only if it gives the same
numbers on every case, with all others that do; its id stands in the report only if they all share
it. The graph is followed, and its slips are tried, once for each exercise: another wrong answer to
the same questions costs a look-up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from checks.grader.grading.compare import compare
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.language.lesson import Exercise
from checks.grader.language.net import Net
from checks.grader.language.training import Training
from checks.grader.records.answer import aligned, tensor_of
from checks.grader.records.tolerances import RTOL, SEARCH_RTOL, STEPS
from checks.grader.records.verdict import Settings

if TYPE_CHECKING:  # a check of right answers never loads the search
    from checks.slips import Inquiry

#: Fewer cases may agree by chance.
FEWEST = 2


@dataclass(frozen=True)
class Told:
    """What gives the same numbers.

    ids    of the slip; none where slips of several kinds do
    nodes  the names of the nodes at which the likeliest one is made
    """

    ids: tuple[str, ...]
    words: str
    nodes: tuple[str, ...]


def slip_in_the_graph(
    exercise: Exercise, evidence: Sequence[Evidence], settings: Settings
) -> Told | None:
    """The single slips that explain every case; None where none does, or there is no graph."""
    if exercise.net is None or any(item.seen.outcome != "value" for item in evidence):
        return None
    net = exercise.net
    by_case = {}
    for item in evidence:
        inputs = item.truth.inputs
        answer = [tensor_of(part) for part in aligned(item.truth.by_hand, item.seen.value)]
        if len(answer) != len(net.wrt):
            return None
        by_case[tuple(_numbers(inputs[name].tolist()) for name in net.inputs)] = answer
    return _told(net, by_case, RTOL[settings.dtype] * exercise.slack)


def slip_in_every_step(
    exercise: Exercise, prefixes: Sequence[Prefix], settings: Settings
) -> Told | None:
    """The same for a training: how far each step went, divided by the rate, is its gradient."""
    training = exercise.truth
    if not isinstance(training, Training) or any(p.seen.outcome != "value" for p in prefixes):
        return None
    first = prefixes[0]
    if compare(exercise, first.truth.by_hand, first.seen, settings) is None:
        return None
    calls = []
    for prefix in prefixes:
        *trained, _ = aligned(prefix.truth.by_hand, prefix.seen.value)
        calls.append((prefix.truth.inputs, [tensor_of(part) for part in trained]))
    steps = training.steps(calls)
    by_case = {tuple(_numbers(value.tolist()) for value in at): grads for at, grads in steps}
    told = _told(training.net, by_case, STEPS * RTOL[settings.dtype] * exercise.slack)
    if told is None:
        return None
    words = re.sub(
        "is returned (for|as the gradient of)", "is taken for the gradient of", told.words
    )
    return replace(told, words=f"In every step: {words[0].lower()}{words[1:]}")


def _told(net: Net, by_case: Mapping[tuple[Any, ...], Sequence[Any]], rtol: float) -> Told | None:
    # The case with the most digits comes first: many slips agree on round numbers.
    cases = tuple(sorted(by_case, key=lambda case: (-len(repr(case)), repr(case))))
    zero = not any(value is not None and value.any() for part in by_case.values() for value in part)
    inquiry = None if zero or len(cases) < FEWEST else _inquiry(net, cases)
    if inquiry is None:  # and that every number is zero has been said
        return None
    answers = [by_case[case] for case in cases]
    finding = inquiry.explain(answers, two=False, rtol=max(rtol, SEARCH_RTOL))
    if not finding.stories:
        return None
    first, *others = finding.stories
    shared = all(story.slips == first.slips for story in others) and not finding.remark
    words = " ".join(
        (
            f"The same numbers come out if {first.words}.",
            *(f"Or if {story.words}." for story in others),
            finding.remark,
        )
    )
    ids = first.slips if shared and len(first.slips) == 1 else ()
    return Told(ids, words.replace("y_hat", "ŷ").strip(), first.nodes)


def _numbers(value: Any) -> Any:
    """Nested lists as tuples, which a cache can know again."""
    return tuple(map(_numbers, value)) if isinstance(value, list) else value


@lru_cache(maxsize=32)
def _inquiry(net: Net, cases: tuple[Any, ...]) -> Inquiry | None:
    """The graph on these cases, ready for answers; None where it cannot be followed."""
    from checks.slips import Inquiry, NotATape, record

    try:
        return Inquiry([record(net.loss, _tensors(net, case)) for case in cases], net.wrt)
    except NotATape:
        return None


def _tensors(net: Net, case: Sequence[Any]) -> dict[str, Tensor]:
    return {
        name: torch.tensor(value, dtype=torch.float64)
        for name, value in zip(net.inputs, case, strict=True)
    }
