"""The tape: what a function did to its inputs, node by node, and back along it.

`record` runs the function once under a TorchFunctionMode and keeps every operation with its
parents; a node is called by the name of the local variable that held it when its function
returned. The engine then goes forward and backward along the tape with slips made on the way.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

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

LIBRARIES = tuple(os.path.dirname(file) for file in (torch.__file__, os.__file__, __file__))
#: Longer formulas are cut: a name is to be read.
LONGEST_NAME = 28
POWERS = {"2": "²", "3": "³", "4": "⁴", "-1": "⁻¹", "0.5": "^½"}
#: How tightly a written operation holds together.
SUM, PRODUCT, POWER, NAME = range(4)

#: A node and the position of one of its parents; a leaf has the one (leaf, 0).
Edge = tuple[int, int]
#: Where a slip is made.
Place = frozenset[Edge]
#: Slips made, each at its place.
Made = Sequence[tuple[Slip, Place]]


class NotATape(Exception):
    """Why a function cannot be followed, in words."""


def nodes_of(place: Place) -> tuple[int, ...]:
    return tuple(sorted({node for node, _ in place}))


@dataclass(frozen=True, eq=False)
class Node:
    """One value on the way: a leaf ("input", "constant") or the result of an operation.

    index      where it stands on the tape; parents stand before it
    parents    their indices, in the order of the operation
    compute    the recorded call: parent values -> value
    site       where it stands in the user's code; none for a leaf
    name       the user's own, "h1", or the formula where it has none, "w1·x1"
    own_name   whether the name is the user's
    """

    index: int
    operation: Operation
    parents: tuple[int, ...]
    value: Tensor
    options: Mapping[str, Any]
    compute: Callable[..., Tensor]
    site: Hashable = None
    name: str = ""
    formula: str = ""
    own_name: bool = False

    @property
    def at(self) -> str:
        """ "h1 = σ(z1)", or the formula alone."""
        return f"{self.name} = {self.formula}" if self.own_name and self.parents else self.name

    def within(self, tightness: int) -> str:
        """The name, in brackets if it is a formula that holds together less tightly."""
        whole = self.own_name or "pick" in self.options
        torn = not whole and _tightness(self.operation.symbol) < tightness
        return f"({self.name})" if torn else self.name


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
        """The node of this name; KeyError if there is none."""
        for node in sorted(self.nodes, key=lambda node: (node.own_name, node.index), reverse=True):
            if node.name == name:
                return node
        raise KeyError(f"no node is called {name!r}: {', '.join(n.name for n in self.nodes)}")

    def at(self, *names: str, to: str | None = None) -> Place:
        """The place of these nodes, on the way to all of their parents or to the one named."""
        return frozenset(
            (node.index, i)
            for node in map(self.__getitem__, names)
            for i, parent in enumerate(node.parents or (node.index,))
            if to in (None, self.nodes[parent].name)
        )

    def step(self, node: Node, values: Sequence[Tensor]) -> Step:
        """What a slope may read at this node."""
        return Step(
            node.operation,
            tuple(values[p] for p in node.parents) or (values[node.index],),
            values[node.index],
            node.options,
            node.compute,
            values,
        )

    def values(self, made: Made = (), start: Sequence[Tensor] = ()) -> list[Tensor]:
        """The forward pass with slips made; from other values than the recorded ones: `start`."""
        wrong = {n: slip.value for slip, place in made if slip.value for n in nodes_of(place)}
        values, changed = list(start) or [node.value for node in self.nodes], set(wrong)
        for node in self.nodes if wrong else ():
            if changed.intersection(node.parents):
                changed.add(node.index)
                values[node.index] = node.compute(*(values[p] for p in node.parents))
            if node.index in wrong:
                values[node.index] = wrong[node.index](self.step(node, values))
        return values

    def backward(self, made: Made = ()) -> dict[int, Tensor]:
        """∂end/∂node by index, of the nodes between the inputs and the end; with slips made.

        Raises Unfit where a slip cannot be made.
        """
        values = self.values(made)
        slips = {edge: slip for slip, place in made for edge in place}
        grads = {self.end: torch.ones_like(values[self.end])}
        for index in range(self.end, -1, -1):
            if index not in grads:
                continue
            node, g = self.nodes[index], grads[index]
            step = self.step(node, values)
            if not node.parents and (index, 0) in slips:
                grads[index] = slips[index, 0].hand_back(step, 0, g)
            for i, parent in enumerate(node.parents):
                if parent in self.differentiable:
                    slip = slips.get((index, i))
                    back = slip.hand_back(step, i, g) if slip else step.slope(i, g)
                    grads[parent] = grads[parent] + back if parent in grads else back
        return grads

    def gradients(self, made: Made = ()) -> dict[str, Tensor]:
        """The same by name."""
        return {self.nodes[index].name: grad for index, grad in self.backward(made).items()}


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


class Recorder(TorchFunctionMode):
    """Writes down every call of a torch function."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.index: dict[int, int] = {}
        self.names: list[tuple[str, Tensor]] = []
        self.alive: list[Tensor] = []

    def leaf(self, value: Tensor, kind: str, name: str) -> int:
        return self.add(OPERATIONS[kind], (), value, {}, lambda value: value, None, name)

    def add(self, row: Operation, parents: tuple[int, ...], value: Tensor, *rest: Any) -> int:
        self.index[id(value)] = len(self.nodes)
        self.alive.append(value)
        self.nodes.append(Node(len(self.nodes), row, parents, value, *rest))
        return len(self.nodes) - 1

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = {k: v for k, v in (kwargs or {}).items() if not k.startswith("_")}
        name = func.__name__ if func.__name__ != "__get__" else func.__self__.__name__
        if name in parts.PARTS:
            with self:
                out = parts.PARTS[name](*args, **kwargs)
            if out is not None:
                return out
        if name in ("__setitem__", "backward") or kwargs.get("out") is not None:
            raise NotATape(f"it calls {name}, which changes tensors in place")
        in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
        before = args[0].clone() if in_place else None
        out = func(*args, **kwargs)
        unchanged = not in_place and any(out is a for a in args)  # x.contiguous()
        if unchanged or name in ("data", "item", "requires_grad_"):
            return out
        if before is not None and id(args[0]) in self.index:
            changed = self.index[id(args[0])]
            self.nodes[changed] = replace(self.nodes[changed], value=before)
            self.keep(name, lambda a, *rest, **k: func(a.clone(), *rest, **k), args, kwargs, out)
        else:
            self.keep(name, func, args, kwargs, out)
        return out

    def keep(self, name: str, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """A node for every tensor that came out."""
        row, args = operation(name), list(args)
        if row.name in ARITHMETIC:
            decimals = any(isinstance(a, Tensor) and a.is_floating_point() for a in args)
            dtype = torch.float64 if decimals else None
            args = [a if isinstance(a, Tensor) else torch.as_tensor(a, dtype=dtype) for a in args]
        if name in REFLECTED:
            args, func = args[::-1], lambda a, b, call=func: call(b, a)
        given, form = tree_flatten((args, kwargs))
        slots = [k for k, part in enumerate(given) if isinstance(part, Tensor)]
        for value in (given[k] for k in slots):
            if id(value) not in self.index:
                self.leaf(value, "constant", _number(value))
        options = {
            key: value
            for key, value in (dict(zip(row.arguments, args, strict=False)) | kwargs).items()
            if value is not None and not _tensors(value)
        }
        if row.slopes and not options.keys() <= set(row.arguments):  # add with an alpha
            row = Operation(name, row.symbol)
        several = isinstance(out, (tuple, list))
        for position, value in enumerate(out if several else [out]):
            if not isinstance(value, Tensor) or not slots:
                continue
            if name in ("__getitem__", "select", "unbind", "split", "chunk"):
                options = {"pick": position if several else args[-1]}

            def compute(*parents: Tensor, position: int = position) -> Tensor:
                filled = dict(zip(slots, parents, strict=True))
                parts = [filled.get(k, part) for k, part in enumerate(given)]
                args, kwargs = tree_unflatten(parts, form)
                result: Any = func(*args, **kwargs)
                return result[position] if several else result  # type: ignore[no-any-return]

            plain = len(slots) == len(given) == len(args) and not several
            parents = tuple(self.index[id(given[k])] for k in slots)
            self.add(row, parents, value, options, func if plain else compute, call_site(position))

    def tape(self, end: Any) -> Tape:
        """The tape, with names."""
        if not isinstance(end, Tensor) or id(end) not in self.index:
            raise NotATape("it does not return a tensor computed from its inputs")
        inputs = {n.name: n.index for n in self.nodes if n.operation.name == "input"}
        given = _unique(self.names, self.index, inputs)
        given.setdefault(self.index[id(end)], "loss")
        rounds = Counter(node.site for node in self.nodes)
        named = {self.nodes[i].site: name for i, name in given.items() if self.nodes[i].site}
        for node in reversed(self.nodes):  # earlier rounds of the loop that left this name
            if node.site in named and node.index not in given:
                rounds[node.site] -= 1
                given[node.index] = f"{named[node.site]}⟨{rounds[node.site]}⟩"
        nodes: list[Node] = []
        reached: set[int] = set()
        for i, node in enumerate(self.nodes):
            starts = node.operation.name == "input"
            if node.value.is_floating_point() and (starts or reached.intersection(node.parents)):
                reached.add(i)
            formula = _formula(node, [nodes[p] for p in node.parents])
            name = given.get(i, formula)
            nodes.append(replace(node, name=name, formula=formula, own_name=i in given))
        return Tape(tuple(nodes), inputs, self.index[id(end)], frozenset(reached))


@contextmanager
def named(found: list[tuple[str, Tensor]]) -> Iterator[None]:
    """Note what the local variables of every function are called when it returns, inner ones first.

    torch's own functions do not count, nor do the parameters of those in `parts`.
    """

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        ours = code.co_filename == parts.__file__
        hidden = code.co_name.startswith("__") or code.co_name.endswith("comp>")
        if event != "return" or hidden or is_library(code):
            return
        arguments = code.co_argcount + code.co_kwonlyargcount + (code.co_flags >> 2 & 1)
        for name in (*code.co_varnames[arguments if ours else 0 :], *code.co_cellvars):
            value: Any = frame.f_locals.get(name) if name != "_" else None
            several = isinstance(value, (list, tuple))
            pairs = [(f"{name}[{i}]", v) for i, v in enumerate(value)] if several else []
            found.extend(pair for pair in (*pairs, (name, value)) if isinstance(pair[1], Tensor))

    before: Any = sys.getprofile()
    if before is not None and not callable(before):  # cProfile's, which cannot be put back
        yield
        return
    sys.setprofile(on_event)
    try:
        yield
    finally:
        sys.setprofile(before)


def is_library(code: CodeType) -> bool:
    """Whether it is torch's, Python's or of this package: not the user's, and none of `parts`."""
    return code.co_filename.startswith(LIBRARIES) and code.co_filename != parts.__file__


def call_site(position: int) -> Hashable:
    """Which call of the user's code is under way, and which of its results: the same at every round
    of a loop."""
    frame, calls = sys._getframe(1), []
    while frame.f_back and frame.f_code is not record.__code__:
        if not is_library(frame.f_code):
            calls.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return position, *calls


def _unique(
    names: Sequence[tuple[str, Tensor]], index: Mapping[int, int], inputs: Mapping[str, int]
) -> dict[int, str]:
    """One name for a node and one node for a name: inputs first, then the outermost function's.

    A name that several nodes bear (the z of a helper that is called twice) is nobody's.
    """
    last = {index[id(value)]: name for name, value in names if id(value) in index}
    bearers = Counter(last.values())
    free = {i: n for i, n in last.items() if bearers[n] == 1 and n not in inputs}
    return free | {i: name for name, i in inputs.items()}


def _formula(node: Node, parents: Sequence[Node]) -> str:
    """ "w1·x1": the operation with its parents' names; too long a one is cut."""
    if not parents:
        return node.name
    row = node.operation
    if "pick" in node.options:
        picked = _picked(node.options["pick"], parents[1:])
        return f"{parents[0].within(NAME)}[{picked}]"
    if row.name == "pow" and parents[1].name in POWERS:
        return f"{parents[0].within(NAME)}{POWERS[parents[1].name]}"
    if row.name == "mul" and parents[1].operation.name == "constant":
        parents = parents[::-1]  # "2·x" however it was written
    tightness = _tightness(row.symbol)
    asked = SUM if tightness == NAME else NAME if tightness == POWER else tightness
    names = [parent.within(asked) for parent in parents]
    mixed = row.name == "mul" and parents[-1].operation.name == "div"  # a·(b / c)
    if row.name in ("sub", "neg", "div") or mixed:
        names[-1] = parents[-1].within(asked + 1)
    text = row.symbol.format(*names, "…", "…", out="")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _tightness(symbol: str) -> int:
    """Of an operation that is written like this."""
    sign = re.sub(r"\{\w+\}", "", symbol).strip()
    if not sign or "(" in sign or sign == "||":
        return NAME
    if sign in "^√ᵀ":
        return POWER
    return SUM if sign[0] in "+−<>≥≤" or sign.startswith("if") else PRODUCT


def _picked(pick: Any, tensors: Sequence[Node]) -> str:
    """What is picked, as it is written, if that is short."""
    names = (node.name if node.own_name else "…" for node in tensors)
    shown = []
    for part in pick if isinstance(pick, tuple) else (pick,):
        if isinstance(part, slice):
            ends = [part.start, part.stop, *([] if part.step is None else [part.step])]
            shown.append(":".join("" if end is None else str(end) for end in ends))
        else:
            shown.append(next(names, "…") if _tensors(part) else str(part))
    return ", ".join(shown).replace("Ellipsis", "...")


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in nested arguments, in order."""
    return [part for part in tree_flatten(value)[0] if isinstance(part, Tensor)]


def _number(value: Tensor) -> str:
    """A constant's name: the number, or its kind."""
    return f"{value.item():.4g}" if value.numel() == 1 else f"a constant {tuple(value.shape)}"
