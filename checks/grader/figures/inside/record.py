"""The autograd graph of a call, as it is when the call returns or differentiates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

MOST = 60  # nodes
#: Entries are told apart by their operand and by their place in it.
OPERAND = 1_000_000
#: What no operation made: the same tensor again, or something that is stored with it.
PASSED_ON = frozenset(("requires_grad_", "retain_grad", "grad"))

#: A node of autograd and the number of its output, or a value without gradient and 0.
Key = tuple[Any, int]
UNKNOWN: Key = (None, 0)
autograd: Any = torch.autograd


class TooLarge(Exception):
    """A graph of so many nodes is not drawn."""


class Call:
    """A call that returned a tensor. An operand is a key or a plain number."""

    def __init__(self, name: str, value: Tensor, operands: list[Any], places: Tensor | None):
        self.name, self.value, self.operands, self.places = name, value, operands, places


class Seen(TorchFunctionMode):
    """Notes every call of a torch function, those without gradient as well.

    moves  names of the functions that only move entries about
    """

    def __init__(self, moves: list[str]) -> None:
        super().__init__()
        self.moves = frozenset(moves)
        self.made: dict[Key, Call] = {}
        self.without_gradient: dict[int, tuple[Tensor, Key]] = {}  # the tensor keeps its id alive

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        arguments = [*args, *(kwargs or {}).values()]
        operands = [self.origin(part) for part in flat(arguments) if is_operand(part)]
        name = getattr(call, "__name__", "?")
        if name == "__get__":  # an attribute: x.T
            name = call.__self__.__name__
        places = moved(call, args, kwargs or {}) if name in self.moves else []
        result = call(*args, **(kwargs or {}))
        if name not in PASSED_ON and any(isinstance(part, tuple) for part in operands):
            for i, out in enumerate(flat(result)):
                if isinstance(out, Tensor):
                    self.note(out, name, operands, places[i] if i < len(places) else None)
        return result

    def note(self, out: Tensor, name: str, operands: list[Any], places: Tensor | None) -> None:
        value = out.detach().clone()
        key = (value, 0) if out.grad_fn is None else (out.grad_fn, out.output_nr)
        if out.grad_fn is None:
            if out.requires_grad:
                return  # a leaf
            self.without_gradient[id(out)] = out, key
        self.made.setdefault(key, Call(name, value, operands, places))

    def origin(self, part: Any) -> Any:
        """Where an operand comes from, noted before the call may change it in place."""
        if not isinstance(part, Tensor):
            return float(part)
        if part.grad_fn is not None:
            return part.grad_fn, part.output_nr
        if part.requires_grad:
            with torch.enable_grad():
                view: Any = part.view_as(part)
            # the node that collects the leaf's gradient; torch.func's leaves have none
            return view.grad_fn.next_functions[0] if view.grad_fn else UNKNOWN
        if id(part) not in self.without_gradient:
            self.without_gradient[id(part)] = part, (part.detach().clone(), 0)
        return self.without_gradient[id(part)][1]

    def parents(self, key: Key) -> list[Any]:
        """What a value was computed from: keys and plain numbers, in the order of the call."""
        call = self.made.get(key)
        operands = call.operands if call else []
        if isinstance(key[0], Tensor):
            return [operand for operand in operands if operand is not UNKNOWN]
        edges = [edge for edge in key[0].next_functions if edge[0] is not None]
        found, used = [], []
        for operand in operands:
            ways = [edge for edge in edges if self.leads_to(edge, operand)]
            used += ways
            if ways or isinstance(operand, float) or isinstance(operand[0], Tensor):
                found.append(operand)
        return found + [edge for edge in edges if edge not in used]

    def leads_to(self, edge: Any, operand: Any) -> bool:
        """Whether an edge arrives at an operand, over nodes that no Python call made."""
        if edge[0] is None or edge == operand:
            return edge[0] is not None
        further = () if edge in self.made else edge[0].next_functions
        return any(self.leads_to(each, operand) for each in further)

    def order(self, end: Key) -> dict[Key, list[Any]]:
        """Everything behind `end` with its parents, parents first."""
        visited: dict[Key, list[Any]] = {}
        done: dict[Key, list[Any]] = {}

        def visit(key: Key) -> None:
            if key in visited:
                return
            visited[key] = self.parents(key)
            if len(visited) > MOST:
                raise TooLarge(f"it has more than {MOST} nodes")
            for parent in visited[key]:
                if not isinstance(parent, float):
                    visit(parent)
            done[key] = visited[key]

        visit(end)
        return done

    def graph(self, root: Tensor) -> dict[str, Any]:
        """Everything that `root` was computed from, with the gradients of root."""
        order = self.order((root.grad_fn, root.output_nr))
        received = gradients(root, {key[0] for key in order if not isinstance(key[0], Tensor)})
        index = {key: i for i, key in enumerate(order)}
        found: dict[str, Any] = {}
        for (node, output), parents in order.items():
            call = self.made.get((node, output))
            value: Any
            if isinstance(node, Tensor):
                name, value = call.name if call else "constant", node
            elif hasattr(node, "variable"):
                name, value = "leaf", node.variable
            else:
                name = call.name if call else node.name().rpartition(":")[2]
                value = call.value if call else None
            found[f"{len(found)} {name}"] = {
                "value": value,
                "grad": received.get(node, (None,) * (output + 1))[output],
                "parents": tuple(p if isinstance(p, float) else index[p] for p in parents),
                "flows": not isinstance(node, Tensor),
                "places": call.places if call else None,
            }
        return found


def flat(parts: Any) -> list[Any]:
    many = isinstance(parts, (tuple, list))
    return [leaf for part in parts for leaf in flat(part)] if many else [parts]


def is_operand(part: Any) -> bool:
    return isinstance(part, (Tensor, int, float)) and not isinstance(part, bool)


def moved(call: Callable[..., Any], args: Any, kwargs: Any) -> list[Tensor]:
    """Where the entries of each result come from: the entries' own numbers are sent the way."""
    operand = -1

    def number(part: Any) -> Any:
        nonlocal operand
        if isinstance(part, (tuple, list)):
            return type(part)([number(each) for each in part])
        operand += is_operand(part)
        if not isinstance(part, Tensor) or not part.is_floating_point():
            return part
        own = torch.arange(part.numel(), dtype=torch.float64) + OPERAND * operand
        return own.reshape(part.shape)

    try:
        found = flat(call(*number(args), **{key: number(part) for key, part in kwargs.items()}))
    except Exception:  # a function that cannot be called twice
        return []
    return [part for part in found if isinstance(part, Tensor)] if len(found) < MOST else []


def gradients(root: Tensor, nodes: set[Any]) -> dict[Any, Any]:
    """node -> the gradient of root at each of its outputs, None where none arrives."""
    leaves = [node for node in nodes if hasattr(node, "variable")]
    received: dict[Any, Any] = {}

    def hook(node: Any) -> Any:
        return node.register_prehook(lambda grads: received.update({node: grads}))

    handles = [hook(node) for node in nodes if node not in leaves]
    variables = [leaf.variable for leaf in leaves]
    ones = torch.ones_like(root)
    grads = torch.autograd.grad(root, variables, ones, retain_graph=True, allow_unused=True)
    for handle in handles:
        handle.remove()
    return received | {leaf: (grad,) for leaf, grad in zip(leaves, grads)}  # noqa: B905


def watching(call: Callable[[], Any], moves: list[str]) -> dict[str, Any]:
    """The graph of the first backward inside a call, or else of what the call returns."""
    seen, graph = Seen(moves), dict[str, Any]()
    engine = autograd._engine_run_backward

    def watched(tensors: Any, *rest: Any, **more: Any) -> Any:
        if not graph and tensors[0].grad_fn is not None:
            autograd._engine_run_backward = engine
            graph.update(seen.graph(tensors[0]))
        return engine(tensors, *rest, **more)

    autograd._engine_run_backward = watched
    try:
        with seen:
            result = call()
    finally:
        autograd._engine_run_backward = engine
    if not graph and isinstance(result, Tensor) and result.grad_fn is not None:
        graph.update(seen.graph(result))
    return graph


def record(lesson: Any, function: str, moves: list[str], *arguments: Any) -> dict[str, Any]:
    """The autograd graph of a call: its root is what the call returns, or else what it
    differentiates first.

    Returns {"<index> <operation>": {"value", "grad", "parents", "flows", "places"}} from sources to
    root. A parent is the index of a node (int) or a number that the operation took (float). Values
    of nodes that no Python call returned are None, and so are gradients of what no gradient flows
    to, which `flows` tells too. `places` of an operation that only moves entries about, else None:
    operand · OPERAND + entry, for each entry of the value.
    """
    plain = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
    leaves = [a.requires_grad_() if isinstance(a, Tensor) else a for a in arguments]
    try:
        return watching(lambda: getattr(lesson, function)(*leaves), moves)
    except RuntimeError:  # an argument changed in place, say, which a leaf does not allow
        return watching(lambda: getattr(lesson, function)(*plain), moves)
