"""The tape: what a function did to its inputs, node by node, and back along it.

`record` runs the function once under a TorchFunctionMode and keeps every operation with its
parents; a node is called by the name of the local variable that held it when its function
returned. The engine then goes forward and backward along the tape with slips made on the way.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from checks.slips import parts
from checks.slips.operations import (
    ARITHMETIC,
    OPERATIONS,
    REFLECTED,
    Operation,
    Slip,
    Step,
    operation,
)

#: Longer formulas are cut: a name is to be read.
LONGEST_NAME = 28
POWERS = {"2": "²", "3": "³", "4": "⁴", "-1": "⁻¹", "0.5": "^½"}


@dataclass(frozen=True)
class Node:
    """One value on the way: a leaf ("input", "constant") or the result of an operation.

    index      where it stands on the tape; parents stand before it
    name       the user's own, "h1", or the formula where it has none, "w1·x1"
    own_name   whether the name is the user's
    parents    their indices, in the order of the operation
    compute    the recorded call: parent values -> value
    """

    index: int
    name: str
    own_name: bool
    operation: Operation
    parents: tuple[int, ...]
    value: Tensor
    formula: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    compute: Callable[..., Tensor] = lambda *parents: parents[0]
    sources: dict[int, Tensor] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """ "h1 = σ(z1)", or the formula alone."""
        return f"{self.name} = {self.formula}" if self.own_name and self.parents else self.name


@dataclass(frozen=True)
class Place:
    """Where a slip is made: some nodes, on the way to all of their parents or to some.

    edges  pairs (node, position of the parent); a leaf has the one edge (leaf, 0)
    """

    edges: frozenset[tuple[int, int]]

    @property
    def nodes(self) -> tuple[int, ...]:
        return tuple(sorted({node for node, _ in self.edges}))


#: Slips made, each at its place.
Made = Sequence[tuple[Slip, Place]]


@dataclass(frozen=True)
class Tape:
    """A recorded function: its nodes, parents first, and which of them are the inputs.

    differentiable  the nodes that an input with decimals leads to
    """

    nodes: tuple[Node, ...]
    inputs: Mapping[str, int]
    end: int
    differentiable: frozenset[int]

    def __getitem__(self, name: str) -> Node:
        """The node of this name."""
        for node in sorted(self.nodes, key=lambda node: (node.own_name, node.index), reverse=True):
            if node.name == name:
                return node
        raise KeyError(f"no node is called {name!r}: {', '.join(n.name for n in self.nodes)}")

    @property
    def shape(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """What has to be the same for two recordings to be of one graph."""
        return tuple((node.operation.name, node.parents) for node in self.nodes)

    def at(self, *names: str, to: str | None = None) -> Place:
        """The place of these nodes, on the way to all of their parents or to the one named."""
        found = [self[name] for name in names]
        return Place(
            frozenset(
                (node.index, i)
                for node in found
                for i, parent in enumerate(node.parents or (node.index,))
                if to is None or self.nodes[parent].name == to
            )
        )

    def uses(self, name: str) -> Place:
        """Every place at which the value of this node is an operand."""
        index = self[name].index
        return Place(
            frozenset(
                (node.index, i)
                for node in self.nodes
                if index in node.parents
                for i in range(len(node.parents))
            )
        )

    def step(
        self,
        node: Node,
        values: Sequence[Tensor],
        grads: Mapping[int, Tensor] | None = None,
    ) -> Step:
        """What a slope may read at this node."""
        parents = tuple(values[p] for p in node.parents) or (values[node.index],)
        return Step(
            node.operation,
            parents,
            values[node.index],
            node.options,
            node.compute,
            values,
            node.parents,
            node.index,
            node.sources,
            grads or {},
        )

    def slope(self, node: Node, i: int, g: Tensor) -> Tensor:
        """What `node` hands back to its parent i when g arrives."""
        return self.step(node, [each.value for each in self.nodes]).slope(i, g)

    def values(self, made: Made = (), given: Mapping[int, Tensor] | None = None) -> list[Tensor]:
        """The forward pass with slips made; `given` stands in for some leaves."""
        wrong = {n: slip for slip, place in made if slip.value for n in place.nodes}
        values = [node.value for node in self.nodes]
        changed = set(given or ()) | set(wrong)
        for index, value in (given or {}).items():
            values[index] = value
        for node in self.nodes:
            if changed.intersection(node.parents):
                changed.add(node.index)
                values[node.index] = node.compute(*(values[p] for p in node.parents))
            if node.index in wrong:
                values[node.index] = wrong[node.index].value(self.step(node, values))  # type: ignore[misc]
        return values

    def gradients(self, made: Made = ()) -> dict[str, Tensor]:
        """∂end/∂node for every node that `end` depends on, by name; with slips made.

        Raises Unfit where a slip cannot be made.
        """
        grads = self.backward(made)
        return {self.nodes[index].name: grad for index, grad in grads.items()}

    def backward(self, made: Made = ()) -> dict[int, Tensor]:
        """∂end/∂node by index. Of nodes: those between the inputs and the end."""
        values = self.values(made) if any(slip.value for slip, _ in made) else None
        values = values or [node.value for node in self.nodes]
        slips = {edge: slip for slip, place in made for edge in place.edges}
        grads = {self.end: torch.ones_like(values[self.end])}
        for index in range(self.end, -1, -1):
            if index not in grads:
                continue
            node, g = self.nodes[index], grads[index]
            step = self.step(node, values, grads)
            if not node.parents and (index, 0) in slips:
                grads[index] = slips[index, 0].hand_back(step, 0, g)
            for i, parent in enumerate(node.parents):
                if parent in self.differentiable:
                    slip = slips.get((index, i))
                    back = slip.hand_back(step, i, g) if slip else step.slope(i, g)
                    grads[parent] = grads[parent] + back if parent in grads else back
        return grads


def record(function: Callable[..., Tensor], inputs: Mapping[str, Any]) -> Tape:
    """Run `function(**inputs)` and keep what it did. Inputs that are no tensors stay what they are.

    Raises NotATape where that cannot be followed.
    """
    recorder = Recorder()
    arguments = {}
    for name, value in inputs.items():
        arguments[name] = value
        if isinstance(value, Tensor):
            arguments[name] = value.detach().clone()
            recorder.leaf(arguments[name], "input", name)
    with torch.no_grad(), recorder, named(recorder.names):
        end = function(**arguments)
    return recorder.tape(end)


class NotATape(Exception):
    """Why a function cannot be followed, in words."""


@dataclass
class Draft:
    """A node while it is being recorded; the fields are Node's."""

    operation: Operation
    parents: tuple[int, ...]
    value: Tensor
    options: Mapping[str, Any]
    compute: Callable[..., Tensor]


class Recorder(TorchFunctionMode):
    """Writes down every call of a torch function."""

    def __init__(self) -> None:
        super().__init__()
        self.drafts: list[Draft] = []
        self.index: dict[int, int] = {}
        self.inputs: dict[int, str] = {}
        self.names: list[tuple[str, Tensor]] = []
        self.alive: list[Tensor] = []

    def leaf(self, value: Tensor, kind: str, name: str) -> int:
        if kind == "input":
            self.inputs[len(self.drafts)] = name
        return self.add(Draft(OPERATIONS[kind], (), value, {"name": name}, lambda value: value))

    def add(self, draft: Draft) -> int:
        self.index[id(draft.value)] = len(self.drafts)
        self.alive.append(draft.value)
        self.drafts.append(draft)
        return len(self.drafts) - 1

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.__name__ if func.__name__ != "__get__" else func.__self__.__name__
        if name in parts.PARTS:
            with self:
                kept = {k: v for k, v in kwargs.items() if not k.startswith("_")}
                out = parts.PARTS[name](*args, **kept)
            if out is not None:
                return out
        if name in ("__setitem__", "backward") or kwargs.get("out") is not None:
            raise NotATape(f"it calls {name}, which changes tensors in place")
        row = operation(name)
        call = func
        in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
        if in_place and id(args[0]) in self.index:
            self.drafts[self.index[id(args[0])]].value = args[0].clone()
            func = _on_a_copy(func)
        out = call(*args, **kwargs)
        if not in_place and any(out is a for a in args):
            return out  # nothing was done: x.contiguous()
        results = out if isinstance(out, (tuple, list)) else (out,)
        if name in ("detach", "data", "item", "requires_grad_") or not any(
            isinstance(part, Tensor) for part in results
        ):
            return out
        lifted = list(args)
        if row.name in ARITHMETIC:
            decimals = any(isinstance(a, Tensor) and a.is_floating_point() for a in args)
            dtype = torch.float64 if decimals else None
            lifted = [a if isinstance(a, Tensor) else torch.as_tensor(a, dtype=dtype) for a in args]
            if name in REFLECTED:
                lifted.reverse()
                func = _reflected(func)
        parents: list[int] = []
        for tensor in _tensors((lifted, kwargs)):
            if id(tensor) not in self.index:
                self.leaf(tensor, "constant", _number(tensor))
            parents.append(self.index[id(tensor)])
        options = dict(zip(row.arguments, lifted, strict=False)) | kwargs
        options = {
            key: value
            for key, value in options.items()
            if not key.startswith("_") and value is not None and not _tensors(value)
        }
        if not parents:
            return out
        for position, part in enumerate(results):
            if isinstance(part, Tensor):
                several = position if isinstance(out, (tuple, list)) else None
                if row.name == "getitem":
                    options["pick"] = args[-1] if several is None else position
                compute = _call(func, lifted, kwargs, several)
                self.add(Draft(row, tuple(parents), part, dict(options), compute))
        return out

    def tape(self, end: Any) -> Tape:
        """The tape, with names."""
        if not isinstance(end, Tensor) or id(end) not in self.index:
            raise NotATape("it does not return a tensor computed from its inputs")
        given = _unique(self.names, self.index, self.inputs)
        given.setdefault(self.index[id(end)], "loss")
        nodes: list[Node] = []
        reached: set[int] = set()
        for i, draft in enumerate(self.drafts):
            starts = draft.operation.name == "input"
            if draft.value.is_floating_point() and (starts or reached.intersection(draft.parents)):
                reached.add(i)
            formula = _formula(draft, [nodes[p] for p in draft.parents])
            names = (given.get(i) or formula, i in given)
            nodes.append(Node(i, *names, formula=formula, **vars(draft)))
        places = {name: index for index, name in self.inputs.items()}
        return Tape(tuple(nodes), places, self.index[id(end)], frozenset(reached))


@contextmanager
def named(found: list[tuple[str, Tensor]]) -> Iterator[None]:
    """Note what the local variables of every function are called when it returns, inner ones first.

    torch's own functions do not count, nor do the parameters of those in `parts`.
    """
    libraries = tuple(os.path.dirname(file) for file in (torch.__file__, os.__file__, __file__))

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        file = frame.f_code.co_filename
        if event != "return" or frame.f_code.co_name.startswith("__"):
            return
        if file.startswith(libraries) and file != parts.__file__:
            return
        parameters = frame.f_code.co_argcount if file == parts.__file__ else 0
        for name in (*frame.f_code.co_varnames[parameters:], *frame.f_code.co_cellvars):
            if name == "_":
                continue
            value = frame.f_locals.get(name)
            if isinstance(value, Tensor):
                found.append((name, value))
            elif isinstance(value, (list, tuple)):
                found.extend(
                    (f"{name}[{i}]", t) for i, t in enumerate(value) if isinstance(t, Tensor)
                )

    before: Any = sys.getprofile()
    if before is not None and not callable(before):  # cProfile's, which cannot be put back
        yield
        return
    sys.setprofile(on_event)
    try:
        yield
    finally:
        sys.setprofile(before)


def _unique(
    names: Sequence[tuple[str, Tensor]], index: Mapping[int, int], inputs: Mapping[int, str]
) -> dict[int, str]:
    """One name for a node and one node for a name: inputs first, then the outermost function's.

    A name that several nodes bear (the z of a helper that is called twice) is nobody's.
    """
    last = {index[id(value)]: name for name, value in names if id(value) in index}
    last = {i: name for i, name in last.items() if name not in inputs.values()}
    bearers = Counter(last.values())
    return {i: name for i, name in last.items() if bearers[name] == 1} | dict(inputs)


def _formula(draft: Draft, parents: Sequence[Node]) -> str:
    """ "w1·x1": the operation with its parents' names; too long a one is cut."""
    if not parents:
        return str(draft.options["name"])
    if "pick" in draft.options:
        return f"{parents[0].name}[{_index(draft.options['pick'])}]"
    names = [node.name for node in parents]
    if draft.operation.name == "pow" and names[1] in POWERS:
        return f"{bracketed(parents[0])}{POWERS[names[1]]}"
    if draft.operation.name not in ("add", "sigmoid", "tanh", "relu", "exp", "log", "softmax"):
        names = [bracketed(node) for node in parents]
    if draft.operation.name == "mul" and parents[1].operation.name == "constant":
        names.reverse()  # "2·x" however it was written
    text = draft.operation.symbol.format(*names, "…", "…", out="")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def bracketed(node: Node) -> str:
    """The name of a node, in brackets where a product would tear it apart."""
    loose = node.operation.name in ("add", "sub", "neg") and not node.own_name
    return f"({node.name})" if loose else node.name


def _index(pick: Any) -> str:
    """A pick as it is written, if that is short."""
    if isinstance(pick, int):
        return str(pick)
    parts = pick if isinstance(pick, tuple) else (pick,)
    shown = [":" if part == slice(None) else str(part) for part in parts if not _tensors(part)]
    return ", ".join(shown) if len(shown) == len(parts) else "…"


def _call(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], several: int | None
) -> Callable[..., Tensor]:
    """The recorded call as a function of its tensors."""
    if not kwargs and several is None and all(isinstance(a, Tensor) for a in args):
        return func

    def compute(*parents: Tensor) -> Tensor:
        rest = iter(parents)
        out = func(*_filled(args, rest), **_filled(kwargs, rest))
        result: Tensor = out if several is None else out[several]
        return result

    return compute


def _on_a_copy(func: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, *rest, **options: func(a.clone(), *rest, **options)


def _reflected(func: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: func(b, a)


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in nested arguments, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return [t for part in value for t in _tensors(part)] if isinstance(value, (tuple, list)) else []


def _filled(value: Any, rest: Iterator[Tensor]) -> Any:
    """Nested arguments with other tensors."""
    if isinstance(value, Tensor):
        return next(rest)
    if isinstance(value, Mapping):
        return {key: _filled(part, rest) for key, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_filled(part, rest) for part in value)
    return value


def _number(value: Tensor) -> str:
    """A constant's name: the number, or its kind."""
    return f"{value.item():.4g}" if value.numel() == 1 else f"a constant {tuple(value.shape)}"
