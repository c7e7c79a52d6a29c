"""The graph of the student's own engine, made comparable to one of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from checks.grader.figures.recording import Node
from checks.slips import Step, Unfit


def without_constants(nodes: Sequence[Node], twins: Sequence[Node]) -> tuple[Node, ...]:
    """Nameless leaves that hold the same at other inputs become plain numbers: ½, −1.

    Their users have them as numbers among their parents; they themselves stay, and feed nothing.
    """
    numbers = {
        i: node.value.item()
        for i, (node, twin) in enumerate(zip(nodes, twins, strict=False))
        if not (node.parents or node.name)
        and node.value is not None
        and twin.value is not None
        and node.value.numel() == 1
        and torch.equal(node.value, twin.value)
    }
    return tuple(
        replace(
            node,
            parents=tuple(numbers.get(p, p) if isinstance(p, int) else p for p in node.parents),
        )
        for node in nodes
    )


def with_gradients(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The right gradients of the last node, by the table's slopes, in place of the engine's own."""
    grads: dict[int, Tensor] = {}
    if nodes[-1].value is not None:
        grads[len(nodes) - 1] = torch.ones_like(nodes[-1].value)
    for i in reversed(range(len(nodes))):
        step = step_of(nodes, i)
        if i not in grads or step is None:
            continue
        for k, parent in enumerate(nodes[i].operands):
            if isinstance(parent, int):
                part = step.slope(k, grads[i])
                grads[parent] = grads[parent] + part if parent in grads else part
    return tuple(replace(node, grad=grads.get(i)) for i, node in enumerate(nodes))


def step_of(nodes: Sequence[Node], i: int) -> Step | None:
    """A node at work on its values, as the table of slips wants it; None where one is missing."""
    node = nodes[i]
    values = [_value(nodes, parent) for parent in node.operands]
    known = tuple(value for value in values if value is not None)
    if node.value is None or len(known) < len(values):
        return None
    return Step(node.row, known, node.value, {}, _unknown)


def own_gradients(nodes: Sequence[Node]) -> dict[str, Tensor]:
    """The gradients that the engine left on the named leaves."""
    return {node.name: node.grad for node in nodes if node.name and node.grad is not None}


def _value(nodes: Sequence[Node], parent: int | float) -> Tensor | None:
    if isinstance(parent, float):
        return torch.tensor(parent, dtype=torch.float64)
    return nodes[parent].value


def _unknown(*parents: Tensor) -> Tensor:
    raise Unfit
