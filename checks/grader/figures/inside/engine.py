"""The graph that the student's own engine builds, when it goes backward for the first time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

MOST = 60  # nodes
#: The engine's functions and the operations that they are.
OPERATIONS = {"add": "add", "multiply": "mul", "power": "pow", "sigmoid": "sigmoid"}


class TooLarge(Exception):
    """A graph of so many nodes is not drawn."""


def ordered(end: Any) -> list[Any]:
    """Everything behind `end`, parents first, each once."""
    found: dict[int, Any] = {}
    waiting = [(end, False)]
    while waiting:
        node, is_done = waiting.pop()
        if id(node) in found:
            continue
        if is_done:
            found[id(node)] = node
            continue
        waiting.append((node, True))
        waiting += [(parent, False) for parent in reversed(node.parents)]
        if len(found) > MOST or len(waiting) > MOST**2:
            raise TooLarge(f"it has more than {MOST} nodes")
    return list(found.values())


def graph(end: Any, made: dict[int, tuple[str, list[float]]]) -> dict[str, Any]:
    order = ordered(end)
    index = {id(node): i for i, node in enumerate(order)}
    found: dict[str, Any] = {}
    for node in order:
        name, numbers = made.get(id(node), ("leaf", []))
        grad = node.grad if isinstance(node.grad, Tensor) and not node.parents else None
        found[f"{len(found)} {name}"] = {
            "value": node.value.detach(),
            "grad": grad,
            "parents": (*(index[id(parent)] for parent in node.parents), *numbers),
            "flows": True,
            "places": None,
        }
    return found


def record(lesson: Any, function: str, moves: list[str], *arguments: Any) -> dict[str, Any]:
    """The graph behind the first end that the student's `backward` is given; `moves` is not used.

    Returns what the recorder of autograd's graph returns, with the gradients that the engine leaves
    on the leaves.
    """
    made: dict[int, tuple[str, list[float]]] = {}
    kept: list[Any] = []  # a node that is gone would give its id to another one
    before = {name: getattr(lesson, name) for name in (*OPERATIONS, "backward")}

    def noted(name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            node = before[name](*given)
            kept.append(node)
            numbers = [float(part) for part in given if isinstance(part, (int, float))]
            made.setdefault(id(node), (OPERATIONS[name], numbers))
            return node

        return call

    ends: list[Any] = []

    def backward(end: Any, *rest: Any, **more: Any) -> Any:
        ends.append(end)  # it may call itself, with more arguments than the lesson asks for
        return before["backward"](end, *rest, **more)

    try:
        for name in OPERATIONS:
            setattr(lesson, name, noted(name))
        lesson.backward = backward
        getattr(lesson, function)(*arguments)
    finally:
        for name, own in before.items():
            setattr(lesson, name, own)
    return graph(ends[0], made) if ends else {}
