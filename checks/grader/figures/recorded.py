"""What is recorded of one call, under the lesson's names, with the student's own gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures import engine, recording
from checks.grader.figures.hand import by_hand, entry_of
from checks.grader.figures.inside import engine as inside_engine
from checks.grader.figures.inside import record
from checks.grader.figures.slip import nodes_at, said, slip_of, with_places
from checks.grader.figures.subject import Subject, Undrawable, close_to, parameters
from checks.grader.language import figure
from checks.grader.language.inputs import resolve
from checks.grader.language.net import Net
from checks.grader.records.answer import float64s

#: A graph of more nodes than this is drawn with named nodes only.
MOST_NODES = 22


@dataclass(frozen=True)
class Recorded:
    """A recorded call under the lesson's names.

    nodes  all of them, and `shown` those that are drawn (their `index` is that in `nodes`)
    data   of those shown, the ones without a parameter in them
    yours  the student's gradients of the parameters, where they can be had, and
    right  the right ones, where the graph itself is asked for its gradients
    whose  what gave the student's gradients: "your grad_by_hand"
    slip   what gives the wrong ones of them, "" if that is not known or none is wrong, and
    at     the shown nodes at which it is made (their `index`)
    """

    nodes: tuple[recording.Node, ...]
    shown: tuple[recording.Node, ...]
    data: frozenset[int]
    yours: Mapping[str, Tensor]
    right: Mapping[str, Tensor]
    whose: str
    note: str
    slip: str = ""
    at: frozenset[int] = frozenset()

    def compared(self, i: int) -> tuple[Tensor, Tensor | None] | None:
        """The right gradient of the shown node i, and the student's where it is another one.

        None for a node that gets none, or whose gradient is of no use: data.
        """
        node = self.shown[i]
        if i in self.data or node.grad is None:
            return None
        right, yours = entry_of(self.right, node.name), entry_of(self.yours, node.name)
        if right is not None:
            return right, (None if close_to(node.grad, right) else node.grad)
        wrong = yours is not None and not close_to(yours, node.grad)
        return node.grad, (yours if wrong else None)


def recorded(wanted: figure.Graph, subject: Subject, *, brief: bool = False) -> Recorded:
    """What autograd records of a call. Raises Undrawable.

    brief  do not look for the place of a slip, which takes longer than all the rest
    """
    inputs, others = subject.inputs(wanted), subject.other_inputs(wanted)
    calls = [[wanted.exercise, recording.MOVES, *given.values()] for given in (inputs, others)]
    driver = inside_engine if wanted.engine else record
    answers = subject.answers(wanted.exercise, calls, driver=driver)
    try:
        here, there = map(recording.read, answers)
    except recording.Malformed as problem:
        raise Undrawable(f"no graph of {wanted.exercise} can be drawn: {problem}") from problem
    values = _values(wanted, inputs), _values(wanted, others)
    pairs = {name: (values[0][name], values[1][name]) for name in values[0]}
    nodes = recording.named(here, there, pairs)
    nodes = with_places(nodes, there, _net(wanted, subject), inputs, others)
    if not nodes[-1].name:
        nodes = (*nodes[:-1], replace(nodes[-1], name=wanted.root))
    yours, right, whose = _compared(wanted, inputs, nodes, subject)
    if wanted.engine:
        nodes = engine.with_gradients(engine.without_constants(nodes, there))
    nodes = recording.simplified(nodes)
    shown = recording.folded(nodes, MOST_NODES)
    data = frozenset(_data(shown, set(inputs) - set(wanted.wrt)))
    note = _note(wanted, inputs, here[-1], subject)
    if note:  # the gradients of a graph with another end are no measure of anything
        yours = {}
    found = Recorded(nodes, shown, data, yours, right, whose, note)
    return found if brief else _with_slip(wanted, found, subject)


def _asked(wanted: figure.Graph) -> str:
    """The exercise whose gradients are held against those of the graph."""
    return wanted.exercise if wanted.hand is None else wanted.hand


def _net(wanted: figure.Graph, subject: Subject) -> Net | None:
    return subject.exercise(_asked(wanted)).net


def _with_slip(wanted: figure.Graph, found: Recorded, subject: Subject) -> Recorded:
    """The same with what gives the student's numbers, if some of them are wrong."""
    compared = [found.compared(i) for i in range(len(found.shown))]
    if not any(pair is not None and pair[1] is not None for pair in compared):
        return found
    told = slip_of(_asked(wanted), subject)
    if told is None:
        return found
    shown = frozenset(node.index for node in found.shown)
    return replace(
        found,
        slip=said(told, found.whose, found.nodes, found.shown),
        at=nodes_at(found.nodes, told.nodes, shown),
    )


def _compared(
    wanted: figure.Graph,
    inputs: Mapping[str, Any],
    nodes: Sequence[recording.Node],
    subject: Subject,
) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor], str]:
    """The student's gradients, the right ones where the graph's are the student's, and whose."""
    if wanted.engine:
        return engine.own_gradients(nodes), {}, "your engine"
    if wanted.hand is None:
        return {}, _right(wanted, inputs, subject), "the graph of your code"
    yours = by_hand(wanted.hand, inputs, wanted.wrt, subject)
    return yours, {}, f"your {wanted.hand}"


def _right(wanted: figure.Graph, inputs: Mapping[str, Any], subject: Subject) -> dict[str, Tensor]:
    """The right gradients of an exercise that returns those of its own graph, by parameter."""
    truth = subject.exercise(wanted.exercise).truth
    answer = float64s(truth(*(resolve(value) for value in inputs.values())))
    return dict(zip(wanted.wrt, answer, strict=True))


def _values(wanted: figure.Graph, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """What the lesson has a name for: the inputs, a model's parameters, the formulas."""
    known: dict[str, Tensor] = {}
    resolved = {name: resolve(value) for name, value in inputs.items()}
    for name, value in resolved.items():
        if isinstance(value, torch.nn.Module):
            known |= {key.split(".")[-1]: part for key, part in value.named_parameters()}
        elif isinstance(value, Tensor):
            known[name] = value
    for name, formula in wanted.names.items():
        known[name] = formula(*(resolved[parameter] for parameter in parameters(formula)))
    return known


def _data(nodes: Sequence[recording.Node], names: set[str]) -> set[int]:
    """The nodes without a parameter in them: data, its entries (x1 of x), what is made of it."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if node.sources:
            is_data = all(source in found for source in node.sources)
        else:
            name = node.name.removeprefix("−")
            is_data = name in names or name.rstrip("0123456789") in names
        if is_data:
            found.add(i)
    return found


def is_cut_off(node: recording.Node) -> bool:
    """Whether autograd took it for a constant."""
    return node.operation == "constant" or not node.flows


def _note(
    wanted: figure.Graph, inputs: Mapping[str, Any], root: recording.Node, subject: Subject
) -> str:
    """A sentence if the value at the end is not the lesson's."""
    exercise = subject.exercise(wanted.exercise)
    if wanted.exercise != wanted.root or root.value is None:
        return ""  # the exercise returns a gradient: its graph's end is not its answer
    right = exercise.truth(*(resolve(value) for value in inputs.values()))
    if not isinstance(right, Tensor) or close_to(root.value, right):
        return ""
    return f"This is the graph of your code. Its {wanted.root} should be {_short(right)} here."


def _short(value: Tensor) -> str:
    return f"{value.item():.4g}".replace("-", "−") if value.numel() == 1 else str(value.tolist())
