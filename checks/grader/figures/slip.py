"""The place at which a slip gives the student's wrong numbers, found as `why` finds it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from checks.grader.figures.recording import Node, label, named
from checks.grader.figures.subject import Subject
from checks.grader.grading.evidence import Evidence
from checks.grader.grading.places import Told, slip_in_the_graph
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.language.inputs import resolve
from checks.grader.language.net import Net
from checks.grader.records.verdict import Settings

OPENING = "The same numbers come out if"


def slip_of(exercise: str, subject: Subject) -> Told | None:
    """What gives the numbers of an exercise on every case of a check, None if nothing does."""
    settings = Settings(time_limit=subject.time_limit)
    (question,) = restricted(questions_of(subject.stem, settings), exercise).all
    if question.exercise.net is None or subject.session.imported().outcome != "value":
        return None
    seen = question.read(subject.session.ask(question.calls, question.establish))
    pairs = zip(question.truths, seen[: len(question.cases)], strict=False)
    return slip_in_the_graph(question.exercise, [Evidence(*pair) for pair in pairs], settings)


def said(told: Told, whose: str, nodes: Sequence[Node], shown: Sequence[Node]) -> str:
    """The words of a slip beside a picture that holds the numbers of `whose`, in its names."""
    words = told.words.replace(OPENING, f"The numbers of {whose} come out if", 1)
    drawn = {node.place: node.name or label(shown, i) for i, node in enumerate(shown)}
    for place in {node.place for node in nodes} - {""}:
        if place not in drawn:
            words = re.sub(rf"\b{place} = ", "", words)
        elif re.fullmatch(r"\w+\W?", drawn[place]):
            words = re.sub(rf"\b{place}\b", drawn[place], words)
    return words


def with_places(
    nodes: Sequence[Node],
    twins: Sequence[Node],
    net: Net | None,
    inputs: Mapping[str, Any],
    others: Mapping[str, Any],
) -> tuple[Node, ...]:
    """The nodes with what the lesson's net calls the values that they hold, shown or not.

    twins  the same graph at the inputs `others`
    """
    if net is None or not set(net.inputs) <= inputs.keys():
        return tuple(nodes)
    here, there = _values(net, inputs), _values(net, others)
    values = {name: (here[name], there[name]) for name in here if name in there}
    found = named([replace(node, name="") for node in nodes], twins, values)
    return tuple(
        replace(node, place=one.name.removeprefix("−"))
        for node, one in zip(nodes, found, strict=True)
    )


def nodes_at(nodes: Sequence[Node], places: Sequence[str], shown: frozenset[int]) -> frozenset[int]:
    """The shown nodes at these places; where one is folded away, the shown ones it feeds."""
    at = {i for i, node in enumerate(nodes) if node.place and node.place in places}
    at |= {len(nodes) - 1} if "loss" in places else set()
    for i, node in enumerate(nodes):  # what is folded away comes before what it feeds
        if i not in at and any(source in at - shown for source in node.sources):
            at.add(i)
    return frozenset(at & shown)


def _values(net: Net, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    given = {name: resolve(inputs[name]) for name in net.inputs}
    return {
        name: value
        for name in net.names
        if name != "loss" and isinstance(value := net.value(name)(**given), Tensor)
    }
