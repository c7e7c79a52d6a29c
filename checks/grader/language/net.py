"""One description of a net: its loss as a function of named nodes, followed once by symbols.

    @net("w1", "w2", "b")
    def nodes(x, y, w1, w2, b):
        x2 = x.square()
        z1 = w1 * x2
        ...
        return r.square()

The function is ordinary tensor arithmetic, and calling it gives the loss: torch.autograd and
central differences are taken of it. Its local variables name the nodes, at which a slip can be made
(language/slips.py); the gradient with slips made runs on plain numbers or on tensors.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.slips import Permuted, Slip

Number = Any  # a float or a Tensor; lists of floats only as inputs


@dataclass(frozen=True)
class Operation:
    """A value and, for each parent, what is handed back to it when g arrives."""

    value: Callable[..., Number]
    slopes: tuple[Callable[..., Number], ...]


def _of(value: Number) -> Any:
    """Whose functions a value needs."""
    return torch if isinstance(value, Tensor) else math


def _sigmoid(z: Number) -> Number:
    return torch.sigmoid(z) if isinstance(z, Tensor) else 1 / (1 + math.exp(-z))


OPERATIONS = {
    "add": Operation(lambda a, b: a + b, (lambda g, out, a, b: g, lambda g, out, a, b: g)),
    "sub": Operation(lambda a, b: a - b, (lambda g, out, a, b: g, lambda g, out, a, b: -g)),
    "mul": Operation(lambda a, b: a * b, (lambda g, out, a, b: g * b, lambda g, out, a, b: g * a)),
    "div": Operation(
        lambda a, b: a / b, (lambda g, out, a, b: g / b, lambda g, out, a, b: -g * out / b)
    ),
    "exp": Operation(lambda a: _of(a).exp(a), (lambda g, out, a: g * out,)),
    "log": Operation(lambda a: _of(a).log(a), (lambda g, out, a: g / a,)),
    "square": Operation(lambda a: a * a, (lambda g, out, a: g * 2 * a,)),
    "sigmoid": Operation(_sigmoid, (lambda g, out, a: g * out * (1 - out),)),
    "matmul": Operation(
        lambda a, b: a @ b,
        (
            lambda g, out, a, b: torch.outer(g, b) if b.ndim == 1 else g @ b.T,
            lambda g, out, a, b: a.T @ g,
        ),
    ),
    "t": Operation(lambda a: a.T, (lambda g, out, a: g.T,)),
    "sum": Operation(lambda a: a.sum(), (lambda g, out, a: g.expand(a.shape),)),
    "mean": Operation(lambda a: a.mean(), (lambda g, out, a: g.expand(a.shape) / a.numel(),)),
}


@dataclass(frozen=True)
class Node:
    """What was computed: the operation (None: an input or a constant) and its parents' places."""

    operation: str | None
    parents: tuple[int, ...] = ()
    constant: float | None = None


class Symbol:
    """Stands for a value while the function is followed; every operation adds a node."""

    def __init__(self, nodes: list[Node], node: Node) -> None:
        self.nodes, self.index = nodes, len(nodes)
        nodes.append(node)

    def _apply(self, operation: str, *others: Any) -> Symbol:
        operands = [
            other if isinstance(other, Symbol) else Symbol(self.nodes, Node(None, (), other))
            for other in others
        ]
        return Symbol(self.nodes, Node(operation, tuple(o.index for o in operands)))

    def __add__(self, other: Any) -> Symbol:
        return self._apply("add", self, other)

    def __sub__(self, other: Any) -> Symbol:
        return self._apply("sub", self, other)

    def __mul__(self, other: Any) -> Symbol:
        return self._apply("mul", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self._apply("add", other, self)

    def __rmul__(self, other: Any) -> Symbol:
        return self._apply("mul", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        if isinstance(other, Symbol):
            return self._apply("div", self, other)
        return self._apply("mul", self, 1 / other)

    def __matmul__(self, other: Any) -> Symbol:
        return self._apply("matmul", self, other)

    def square(self) -> Symbol:
        return self._apply("square", self)

    def exp(self) -> Symbol:
        return self._apply("exp", self)

    def log(self) -> Symbol:
        return self._apply("log", self)

    def sigmoid(self) -> Symbol:
        return self._apply("sigmoid", self)

    def sum(self) -> Symbol:
        return self._apply("sum", self)

    def mean(self) -> Symbol:
        return self._apply("mean", self)

    @property
    def T(self) -> Symbol:
        return self._apply("t", self)


class Net:
    """A loss, its named nodes, and the gradients that slips lead to.

    wrt      the inputs that are trained, in the order of the gradient
    sizes    inputs that are vectors taken apart: name -> how many numbers
    """

    def __init__(self, loss: Callable[..., Any], wrt: tuple[str, ...], sizes: Mapping[str, int]):
        self.loss, self.wrt, self.sizes = loss, wrt, sizes
        self.inputs = tuple(inspect.signature(loss).parameters)
        self._right_values = lru_cache(maxsize=256)(self.values)
        self.__name__, self.__doc__ = loss.__name__, loss.__doc__

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        return self.loss(*args, **inputs)

    @cached_property
    def _followed(self) -> tuple[tuple[Node, ...], dict[str, int], int, tuple[range, ...]]:
        """The nodes, the place of each name, the end's place, the places of each input."""
        nodes: list[Node] = []
        symbols: list[Any] = []
        for name in self.inputs:
            leaves = [Symbol(nodes, Node(None)) for _ in range(self.sizes.get(name, 1))]
            symbols.append(leaves if name in self.sizes else leaves[0])
        found: dict[str, Any] = {}
        end = _with_locals(self.loss, symbols, found)
        places = {name: s.index for name, s in found.items() if isinstance(s, Symbol)}
        places.setdefault("loss", end.index)
        ranges, start = [], 0
        for name in self.inputs:
            ranges.append(range(start, start + self.sizes.get(name, 1)))
            start = ranges[-1].stop
        return tuple(nodes), places, end.index, tuple(ranges)

    @property
    def names(self) -> tuple[str, ...]:
        """Inputs and nodes that have a name, in the order of the computation."""
        places = self._followed[1]
        return tuple(sorted(places, key=places.__getitem__))

    def leaves(self, name: str) -> tuple[int, ...]:
        """The places of an input's numbers, or that of a node."""
        _, places, _, ranges = self._followed
        if name in self.inputs:
            return tuple(ranges[self.inputs.index(name)])
        return (places[name],)

    def place(self, name: str) -> int:
        """Raises KeyError, with the names there are, for one that the net does not have."""
        places = self._followed[1]
        if name not in places:
            raise KeyError(f"{self.__name__} has no node {name!r}; it has {', '.join(places)}")
        return places[name]

    def value(self, name: str) -> Callable[..., Any]:
        """A node as a function of the net's inputs."""
        signature = inspect.signature(self.loss)

        def of_inputs(*args: Any, **inputs: Any) -> Any:
            found: dict[str, Any] = {}
            given = signature.bind(*args, **inputs).arguments
            _with_locals(self.loss, [given[key] for key in self.inputs], found)
            return found[name]

        of_inputs.__signature__ = signature  # type: ignore[attr-defined]
        return of_inputs

    def named(self, **shown: str) -> dict[str, Callable[..., Any]]:
        """Nodes as a picture names them -> the node as a function of the inputs."""
        return {name: self.value(node) for node, name in shown.items()}

    def nudged(self, *names: str) -> Callable[..., Any]:
        """The loss when something is added to nodes: its slope in that is the node's gradient."""

        def loss(**inputs: Any) -> Any:
            nudges = {self.place(name): inputs.get(name, 0.0) for name in names}
            values = self.values([inputs[name] for name in self.inputs], nudges=nudges)
            return values[self._followed[2]]

        return loss

    def values(
        self,
        inputs: Sequence[Number],
        slips: Sequence[Slip] = (),
        nudges: Mapping[int, Number] | None = None,
    ) -> list[Number]:
        """The value of every node, with the slips made that the forward pass makes."""
        ranges = self._followed[3]
        values: list[Number] = []
        for given, places in zip(inputs, ranges, strict=True):
            values.extend(given if len(places) > 1 else (given,))
        made = {place: slip.value for slip in slips if slip.value for place in self._at(slip)}
        reader = Reader(self, values)
        if made:
            as_given = Reader(self, list(values))
            for place in [place for place in made if place < len(values)]:
                values[place] = _like(values[place], made[place](as_given))
        for place, value, parents in self._forward:
            if len(parents) == 2:
                result = value(values[parents[0]], values[parents[1]])
            else:
                result = value(values[parents[0]]) if parents else value()
            values.append(_like(result, made[place](reader)) if place in made else result)
            if nudges and place in nudges:
                values[place] = values[place] + nudges[place]
        return values

    @cached_property
    def _forward(self) -> list[tuple[int, Callable[..., Number], tuple[int, ...]]]:
        """How each node that is no input is computed."""
        nodes, _, _, ranges = self._followed
        return [
            (
                place,
                OPERATIONS[node.operation].value
                if node.operation
                else lambda constant=node.constant: constant,
                node.parents,
            )
            for place, node in enumerate(nodes)
            if place >= ranges[-1].stop
        ]

    def run(
        self, inputs: Sequence[Number], slips: Sequence[Slip | Permuted] = ()
    ) -> tuple[Number, tuple[Number, ...]]:
        """The loss and its gradient in every number of `wrt`, the slips made."""
        loss, grads = self._run(inputs, [slip for slip in slips if isinstance(slip, Slip)])
        for slip in slips:
            if isinstance(slip, Permuted):
                grads = tuple(grads[i] for i in slip.order)
        return loss, grads

    def _run(
        self, inputs: Sequence[Number], slips: Sequence[Slip]
    ) -> tuple[Number, tuple[Number, ...]]:
        """A slip made for some parameters only leaves the gradients of the others as they are."""
        some = [slip for slip in slips if slip.only is not None]
        if not some:
            is_right = not any(slip.value for slip in slips)  # on the way forward
            values = self._right_values(tuple(inputs)) if is_right else self.values(inputs, slips)
            found = self._backward(values, slips)
            return values[self._followed[2]], tuple(found[p] for p in self.trained)
        everywhere = [slip for slip in slips if slip.only is None]
        loss, right = self._run(inputs, everywhere)
        grads = list(right)
        for leaves in dict.fromkeys(slip.only for slip in some):
            at = {place for name in leaves or () for place in self.leaves(name)}
            extra = [slip._replace(only=None) for slip in some if slip.only == leaves]
            loss, wrong = self._run(inputs, [*everywhere, *extra])
            grads = [
                w if p in at else g for p, g, w in zip(self.trained, grads, wrong, strict=True)
            ]
        return loss, tuple(grads)

    @cached_property
    def trained(self) -> tuple[int, ...]:
        return tuple(place for name in self.wrt for place in self.leaves(name))

    def _at(self, slip: Slip) -> tuple[int, ...]:
        return tuple(self.place(name) for name in slip.at)

    @cached_property
    def _way_back(self) -> list[tuple[int, tuple[int, ...], list[tuple[int, Any]]]]:
        """From the end: place, parents, and of those the ones on the way to what is trained."""
        nodes, _, end, _ = self._followed
        reached = set(self.trained)
        for place, node in enumerate(nodes):
            if reached.intersection(node.parents):
                reached.add(place)
        return [
            (
                place,
                node.parents,
                [
                    (parent, slope)
                    for parent, slope in zip(
                        node.parents, OPERATIONS[node.operation].slopes, strict=True
                    )
                    if parent in reached
                ],
            )
            for place in range(end, -1, -1)
            if (node := nodes[place]).operation is not None and place in reached
        ]

    def _backward(self, values: list[Number], slips: Sequence[Slip]) -> dict[int, Number]:
        """∂loss/∂node for every node on the way to what is trained, by its place."""
        reader, read = Reader(self, values), values
        on_grads: dict[int, list[Slip]] = {}
        on_edges: dict[int, list[Slip]] = {}
        for slip in slips:
            for place in self._at(slip):
                if slip.grad is not None:
                    on_grads.setdefault(place, []).append(slip)
                if slip.back is not None:
                    on_edges.setdefault(place, []).append(slip)
                if slip.read is not None:
                    read = list(read) if read is values else read
                    read[place] = slip.read(reader)
        end = self._followed[2]
        one = values[end]
        tensors = isinstance(one, Tensor)
        grads: dict[int, Number] = {end: torch.ones_like(one) if tensors else 1.0}
        for place, parents, ways in self._way_back:
            if place not in grads:
                continue
            for slip in on_grads.pop(place, ()):
                grads[place] = slip.grad(grads[place], reader)  # type: ignore[misc]
            g, out, operands = grads[place], read[place], [read[p] for p in parents]
            for parent, slope in ways:
                handed = slope(g, out, *operands)
                if tensors:
                    handed = _fit(handed, values[parent])
                for slip in on_edges.get(place, ()):
                    if not slip.to or parent in map(self.place, slip.to):
                        reader.here, reader.before = values[place], values[parents[0]]
                        handed = slip.back(g, handed, reader)  # type: ignore[misc]
                        handed = _fit(handed, values[parent]) if tensors else handed
                grads[parent] = grads[parent] + handed if parent in grads else handed
        reader.grads = grads
        for place, made in on_grads.items():  # inputs
            for slip in made:
                grads[place] = slip.grad(grads[place], reader)  # type: ignore[misc]
        return grads

    def parts(self, numbers: Sequence[Number]) -> tuple[Number, ...]:
        """A number for each leaf -> a value for each trained input."""
        found, rest = [], iter(numbers)
        for name in self.wrt:
            size = self.sizes.get(name)
            found.append(_vector([next(rest) for _ in range(size)]) if size else next(rest))
        return tuple(found)

    def _apart(self, name: str, value: Number) -> Number:
        return tuple(value.tolist()) if name in self.sizes else plain(value)

    def gradient(self, *slips: Slip | Permuted) -> Callable[..., Any]:
        """The gradient with these slips made, as a function of the inputs."""

        def wrong(**inputs: Any) -> Any:
            _, grads = self.run([self._apart(name, inputs[name]) for name in self.inputs], slips)
            parts = self.parts(grads)
            return parts[0] if len(parts) == 1 else parts

        return wrong

    def node(self, *names: str) -> Callable[..., Callable[..., Any]]:
        """Slips -> the values of these nodes, or of the loss, a function of the inputs."""

        def slipped(*slips: Slip) -> Callable[..., Any]:
            def wrong(**inputs: Any) -> Any:
                given = [inputs.get(key, self._nothing(key)) for key in self.inputs]
                values = self.values(given, slips)
                found = tuple(values[self.place(name)] for name in names)
                return found[0] if len(found) == 1 else found or values[self._followed[2]]

            return wrong

        return slipped

    def _nothing(self, name: str) -> Tensor:
        """For an input that an exercise does not have, and that its nodes do not need."""
        return torch.zeros(self.sizes.get(name, ()), dtype=torch.float64)

    def node_gradients(self, *names: str) -> Callable[..., Callable[..., Any]]:
        """Slips -> ∂loss/∂node by name, a function of the inputs."""

        def slipped(*slips: Slip) -> Callable[..., Any]:
            def wrong(**inputs: Any) -> Any:
                values = self.values([inputs[name] for name in self.inputs], slips)
                grads = self._backward(values, slips)
                return {name: grads[self.place(name)] for name in names}

            return wrong

        return slipped


class Reader:
    """The values of the nodes by name, for the formulas of slips: at.x, at.h1.

    here, before  the value of the node on whose way back the formula is asked, of its first parent
    """

    def __init__(self, net: Net, values: Sequence[Number]) -> None:
        self._net, self._values = net, values
        self.grads: dict[int, Number] = {}
        self.here: Number = None
        self.before: Number = None

    def d(self, name: str) -> Number:
        """The gradient at a node: for the formulas of an input's gradient, which come last."""
        return self.grads[self._net.place(name)]

    def __getattr__(self, name: str) -> Number:
        return self._values[self._net.place(name)]


def net(*wrt: str, **sizes: int) -> Callable[[Callable[..., Any]], Net]:
    """The net that a function describes; `wrt` are trained, `sizes` are vectors taken apart."""
    return lambda loss: Net(loss, wrt, sizes)


def plain(value: Number) -> Number:
    """Small tensors as Python numbers: arithmetic on them is ten times as fast."""
    if isinstance(value, Tensor) and value.ndim == 0 and value.dtype == torch.float64:
        return value.item()
    return value


def _with_locals(
    function: Callable[..., Any], arguments: Sequence[Any], found: dict[str, Any]
) -> Any:
    """Call a function and keep its local variables."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        return function(*arguments)
    finally:
        sys.setprofile(before)


def _like(right: Number, wrong: Number) -> Number:
    """A plain number in the place of a tensor fills it."""
    fills = isinstance(right, Tensor) and not isinstance(wrong, Tensor)
    return torch.full_like(right, wrong) if fills else wrong


def _vector(numbers: list[Number]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def _fit(handed: Number, like: Number) -> Number:
    """What is handed back in the parent's shape: what was broadcast is summed."""
    if not isinstance(handed, Tensor) or not isinstance(like, Tensor):
        return handed
    return handed if handed.shape == like.shape else handed.sum_to_size(like.shape)
