"""The numbers of a computation graph, and of a net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures import graph
from checks.grader.figures.ask import Undrawable
from checks.grader.figures.numbers import GraphNumbers, Nested, NetNumbers, NodeNumbers
from checks.grader.figures.record import record
from checks.grader.figures.subject import Subject, close_to, finite, parameters, tensors
from checks.grader.language import figure
from checks.grader.language.inputs import resolve
from checks.grader.language.lesson import Exercise

#: A graph of more nodes than this is drawn with named nodes only.
MOST_NODES = 22
#: A tensor of more entries is not written out, not even in part.
MOST_ENTRIES = 4096


def graph_numbers(wanted: figure.Graph, subject: Subject) -> GraphNumbers:
    """The named graph with values, gradients, the student's own. Raises Undrawable."""
    inputs, others = subject.inputs(wanted), subject.other_inputs(wanted)
    calls = [[wanted.exercise, *given.values()] for given in (inputs, others)]
    answers = subject.sitter.answers(wanted.exercise, wanted.recorder or record, calls)
    try:
        here, there = map(graph.read, answers)
    except graph.Malformed as problem:
        raise Undrawable(f"{wanted.exercise} leaves no graph: {problem}") from problem
    values = _values(wanted, inputs), _values(wanted, others)
    pairs = {name: (values[0][name], values[1][name]) for name in values[0]}
    nodes = graph.folded(graph.named(here, there, pairs), MOST_NODES)
    if not nodes[-1].name:
        nodes = (*nodes[:-1], replace(nodes[-1], name=wanted.root))
    hand = _by_hand(wanted.hand, inputs, wanted.wrt, subject)
    data = _data(nodes, set(inputs) - set(wanted.wrt))
    shown = tuple(_node(nodes, i, i in data, hand) for i in range(len(nodes)))
    title = subject.title(f"graph of {wanted.exercise} at {wanted.example}")
    return GraphNumbers(title, wanted.root, shown, _note(wanted, inputs, here[-1], subject))


def net_numbers(wanted: figure.Net, subject: Subject) -> NetNumbers:
    """The units' values, the weights and their gradients. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    x, y, w = (inputs[name] for name in (wanted.inputs, wanted.targets, wanted.weights))
    nodes = _read(subject.sitter.answer(wanted.exercise, record, wanted.exercise, *inputs.values()))
    leaf = next((n for n in nodes if n.operation == "leaf" and _same(n.value, w)), None)
    if leaf is None or leaf.grad is None:
        raise Undrawable(f"no gradient arrives at {wanted.weights} in {wanted.exercise}")
    activations = torch.cat(
        [part.reshape(-1) for part in tensors(subject.sitter.answer(wanted.forward, None, x, w))]
    ).tolist()
    units = [unit for layer in wanted.layers[1:] for unit in layer]
    if len(activations) != len(units):
        raise Undrawable(f"{wanted.forward} should return {len(units)} activations here")
    yours = _by_hand(wanted.hand, inputs, (wanted.weights,), subject)
    edges = tuple(
        (a, b, weight, grad, _if_wrong(_entry_of(yours, f"{wanted.weights}{i}"), leaf.grad[i - 1]))
        for i, ((a, b), weight, grad) in enumerate(
            zip(wanted.edges, w.tolist(), finite(leaf.grad).tolist(), strict=True), start=1
        )
    )
    loss = nodes[-1].value
    return NetNumbers(
        subject.title(f"the net, its {len(edges)} weights and their gradients"),
        wanted.layers,
        dict(zip((*wanted.layers[0], *units), [*x.tolist(), *activations], strict=True)),
        dict(zip(wanted.layers[-1], y.tolist(), strict=True)),
        edges,
        float("nan") if loss is None else loss.item(),
    )


def _read(answer: object) -> tuple[graph.Node, ...]:
    try:
        return graph.read(answer)
    except graph.Malformed as problem:
        raise Undrawable(f"there is no graph: {problem}") from problem


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


def _by_hand(
    hand: str | None, inputs: Mapping[str, Any], wrt: Sequence[str], subject: Subject
) -> dict[str, Tensor]:
    """The student's hand-written gradients by parameter; empty if they cannot be had."""
    if hand is None:
        return {}
    try:
        exercise = subject.exercise(hand)
        given = _values_of_parameters(exercise, inputs)
        returned = tensors(subject.sitter.answer(hand, None, *given))
    except (Undrawable, KeyError):
        return {}
    return dict(zip(wrt, returned, strict=False))


def _values_of_parameters(exercise: Exercise, inputs: Mapping[str, Any]) -> list[Any]:
    """An exercise's arguments out of another one's; a model's parameters count as inputs."""
    known = dict(inputs)
    for value in map(resolve, inputs.values()):
        if isinstance(value, torch.nn.Module):
            known |= {k.split(".")[-1]: p.detach() for k, p in value.named_parameters()}
    return [known[name] for name in exercise.parameters]


def _data(nodes: Sequence[graph.Node], names: set[str]) -> set[int]:
    """The nodes without a parameter in them: data, its entries (x1 of x), what is made of it."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if node.sources:
            is_data = all(source in found for source in node.sources)
        else:
            is_data = node.name in names or node.name.rstrip("0123456789") in names
        if is_data:
            found.add(i)
    return found


def _node(
    nodes: Sequence[graph.Node], i: int, is_data: bool, hand: Mapping[str, Tensor]
) -> NodeNumbers:
    """The gradient of data is of no use, and left out."""
    node = nodes[i]
    value = torch.tensor(float("nan")) if node.value is None else node.value
    grad = None if is_data else node.grad
    yours = _entry_of(hand, node.name)
    wrong = yours is not None and grad is not None and not close_to(yours, grad)
    return NodeNumbers(
        graph.label(nodes, i),
        _plain(value),
        None if grad is None else _plain(grad),
        _plain(yours) if wrong and yours is not None else None,
        node.sources,
        not node.sources,
        node.operation == "constant" and not is_data,
    )


def _entry_of(hand: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The gradient of a parameter, or of one entry of it: w3 is the third of w."""
    if name in hand:
        return hand[name]
    stem = name.rstrip("0123456789")
    index = int(name[len(stem) :] or 0) - 1
    if stem in hand and 0 <= index < hand[stem].numel():
        return hand[stem].reshape(-1)[index]
    return None


def _if_wrong(yours: Tensor | None, right: Tensor) -> float | None:
    """The student's number if it is not the right one."""
    return None if yours is None or close_to(yours, right) else yours.item()


def _note(
    wanted: figure.Graph, inputs: Mapping[str, Any], root: graph.Node, subject: Subject
) -> str:
    """A sentence if the value at the end is not the lesson's."""
    exercise = subject.exercise(wanted.exercise)
    if wanted.exercise != wanted.root or root.value is None:
        return ""  # the exercise returns a gradient: its graph's end is not its answer
    right = exercise.truth(*(resolve(value) for value in inputs.values()))
    if not isinstance(right, Tensor) or close_to(root.value, right):
        return ""
    return f"This is the graph of your code. Its {wanted.root} should be {_short(right)} here."


def _same(value: Tensor | None, other: Tensor) -> bool:
    return value is not None and value.shape == other.shape and torch.allclose(value, other)


def _plain(value: Tensor) -> Nested:
    """A number, or nested tuples of them. Raises Undrawable for very many."""
    if value.numel() > MOST_ENTRIES:
        raise Undrawable(f"a node of the graph holds {value.numel()} numbers")

    def frozen(part: Any) -> Nested:
        return tuple(map(frozen, part)) if isinstance(part, list) else float(part)

    return frozen(value.tolist())


def _short(value: Tensor) -> str:
    return f"{value.item():.4g}".replace("-", "−") if value.numel() == 1 else str(value.tolist())
