"""What a row of the table means: a step at a node, a slip made there, and how the rows are read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from checks.slips.table import NAMES, TABLE

#: Written with the operands exchanged: 1 − x is x.__rsub__(1).
REFLECTED = frozenset({"__rsub__", "rsub", "__rtruediv__", "__rdiv__", "__rpow__", "__rmatmul__"})
#: Arithmetic in which a Python number is an operand like any other.
ARITHMETIC = frozenset({"add", "sub", "mul", "div", "pow", "where", "gt", "lt", "ge", "le"})


class Unfit(Exception):
    """A slip does not make sense at this place: the shapes do not allow it."""


@dataclass(frozen=True)
class Step:
    """One node at work on one set of numbers: what a slope, right or wrong, may read.

    compute  the recorded call, parents -> out
    values   the value of every node of the graph, by index
    """

    operation: Operation
    parents: tuple[Tensor, ...]
    out: Tensor
    options: Mapping[str, Any]
    compute: Callable[..., Tensor]
    values: Sequence[Tensor] = ()

    def slope(self, i: int, g: Tensor) -> Tensor:
        """What parent i gets when g arrives, in the parent's shape."""
        if not self.operation.slopes:
            return by_autograd(self.compute, self.parents, i, g)
        return fit(of_parent(self.operation.slopes, i)(self, i, g), self.parents[i])


#: (step, position of the parent, what arrives) -> what the parent gets
Slope = Callable[[Step, int, Tensor], Tensor]


@dataclass(frozen=True)
class Slip:
    """One mistake that can be made at a node.

    words  what is done wrong
    back   the wrong slope; None: the right one
    value  the wrong value in the forward pass; None: the right one
    own    the slopes are those of the wrong value, not of the right one
    times  what is handed back is this multiple of the right thing; None: it is not one
    """

    id: str
    words: str
    back: Slope | None = None
    value: Callable[[Step], Tensor] | None = None
    own: bool = False
    times: Callable[[Step], float] | None = None

    def hand_back(self, step: Step, i: int, g: Tensor) -> Tensor:
        """What parent i gets, the slip made; raises Unfit where it cannot be made."""
        if self.back is not None:
            try:
                return fit(self.back(step, i, g), step.parents[i])
            except (RuntimeError, IndexError, TypeError) as error:
                raise Unfit from error
        if self.times:
            return self.times(step) * step.slope(i, g)
        if self.own and (value := self.value):
            return by_autograd(lambda *p: value(replace(step, parents=p)), step.parents, i, g)
        return replace(step, out=step.compute(*step.parents)).slope(i, g)


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    symbol       how it is written, with {0}, {1} for the parents
    slopes       one for each parent; none: torch.autograd
    local        the slope in words
    arguments    names of the positional arguments
    elementwise  what is handed back is g · slope, entry by entry
    moves        entries are only moved, repeated or picked: no arithmetic
    """

    name: str
    symbol: str
    slopes: tuple[Slope, ...] = ()
    slips: tuple[Slip, ...] = ()
    local: str = ""
    arguments: tuple[str, ...] = ()
    elementwise: bool = False
    moves: bool = False


def of_parent(slopes: Sequence[Slope], i: int) -> Slope:
    """The last one stands for the rest."""
    return slopes[min(i, len(slopes) - 1)]


def read(table: str) -> Iterator[Operation]:
    """The rows of a table. A line that is indented further goes on with the one before."""
    joined = re.sub(r"\n {8,}", " ", table).strip()
    for block in re.split(r"\n(?! )", joined):
        (call, symbol, local, code), *lines = map(columns, block.split("\n"))
        name, _, arguments = call.rstrip(")").partition("(")
        moves = code == "moves"
        slopes = () if moves else slopes_of(code, arguments)
        slips = tuple(slip_of(arguments, *line) for line in lines)
        names = tuple(re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", arguments))
        elementwise = re.match(r"-?g [*/] ", code) is not None
        yield Operation(name, symbol, slopes, slips, local, names, elementwise, moves)


def columns(line: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=\s)\|(?=\s|$)", line)]


def slopes_of(code: str, arguments: str) -> tuple[Slope, ...]:
    return tuple(slope_of(part, arguments) for part in code.split(" ; ") if part)


def slope_of(code: str, arguments: str) -> Slope:
    """A formula of the table as a function of a step."""
    if "step" in code:
        made: Slope = eval(f"lambda step, i, g: {code}", globals())
        return made
    formula = eval(f"lambda g, out, {arguments}: {code}", globals())
    return lambda step, i, g: formula(g, step.out, *step.parents, **step.options)


def slip_of(arguments: str, id: str, words: str, code: str) -> Slip:
    if not code.startswith("= "):
        slopes = slopes_of(code, arguments)
        return Slip(id, words, lambda step, i, g: of_parent(slopes, i)(step, i, g))
    formula = slope_of(code[2:], arguments)

    def value(step: Step) -> Tensor:
        try:
            out = formula(step, 0, step.out)
        except (RuntimeError, IndexError, TypeError) as error:
            raise Unfit from error
        if out.shape != step.out.shape:
            raise Unfit
        return out

    return Slip(id, words, value=value)


# What the formulas of the table call.

where, ones = torch.where, torch.ones_like


def fit(g: Tensor, like: Tensor) -> Tensor:
    """g in the shape of `like`: what was broadcast is summed, one number for many is repeated."""
    if g.shape == like.shape:
        return g
    try:
        return g.sum_to_size(like.shape) if g.dim() >= like.dim() else g.expand(like.shape)
    except RuntimeError as error:
        raise Unfit from error


def by_autograd(
    compute: Callable[..., Tensor], parents: Sequence[Tensor], i: int, g: Tensor
) -> Tensor:
    """The slope of an operation without a row."""
    with torch.enable_grad():
        leaf = parents[i].detach().requires_grad_()
        out = compute(*parents[:i], leaf, *parents[i + 1 :])
        if not out.requires_grad:
            return torch.zeros_like(leaf)
        # of a sum: with grad_outputs, PyTorch would import sympy first (a second)
        return torch.autograd.grad((out * g).sum(), leaf)[0]


def overwritten(step: Step, i: int, g: Tensor, *, first: bool = False) -> Tensor:
    """Each entry's gradient goes back to where the entry came from; the last or the first stays.

    Where it came from is found by sending the entries' own numbers along the same way.
    """
    numbers = [0 * other if other.is_floating_point() else other for other in step.parents]
    count = torch.arange(1.0, numbers[i].numel() + 1, dtype=torch.float64)
    numbers[i] = count.reshape(numbers[i].shape)
    places = step.compute(*numbers).round().long() - 1
    back = torch.zeros(count.shape, dtype=g.dtype)
    pairs = [
        (int(k), each) for k, each in zip(places.flatten(), g.flatten(), strict=True) if k >= 0
    ]
    for k, each in reversed(pairs) if first else pairs:
        back[k] = each
    return back.reshape(numbers[i].shape)


def left(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """g·bᵀ, for vectors too."""
    if b.dim() == 1:
        return g.unsqueeze(-1) * b
    return b @ g if a.dim() == 1 and b.dim() == 2 else g @ b.mT


def right(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """aᵀ·g, for vectors too."""
    if a.dim() == 1:
        return g * a if b.dim() == 1 else a.unsqueeze(-1) * g.unsqueeze(-2)
    return (a.mT @ g.unsqueeze(-1)).squeeze(-1) if b.dim() == 1 else a.mT @ g


def turned(step: Step, dims: int) -> Callable[..., Tensor]:
    """A convolution with its kernel turned round along the last axes."""
    axes = tuple(range(-dims, 0))
    return lambda x, kernel, *bias: step.compute(x, kernel.flip(axes), *bias)


def axes(x: Tensor, dim: Any = None) -> tuple[int, ...]:
    """The axes that a reduction takes together, all for None."""
    if dim is None or dim == () or dim == []:
        return tuple(range(x.dim()))
    return tuple(d % max(x.dim(), 1) for d in (dim if isinstance(dim, Sequence) else (dim,)))


def wide(g: Tensor, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """What a reduction hands back before its factor: g once for every entry it was made of."""
    for d in sorted(axes(x, dim)):
        g = g if keepdim or g.dim() == x.dim() else g.unsqueeze(d)
    return g.expand(x.shape)


def count(x: Tensor, dim: Any = None) -> int:
    """How many entries a reduction takes together."""
    return math.prod(x.shape[d] for d in axes(x, dim))


def off(x: Tensor, dim: Any) -> Tensor:
    return x - x.mean(axes(x, dim), keepdim=True)


def dof(x: Tensor, dim: Any, unbiased: Any, correction: Any, exchanged: int = 0) -> float:
    """What a variance divides by: n − 1 or n; or the other of the two."""
    less = correction if correction is not None else int(unbiased is not False)
    return float(count(x, dim) - abs(exchanged - less))


def other(x: Tensor, dim: int) -> int:
    """Another axis than dim, for slips that take the wrong one."""
    if x.dim() < 2:
        raise Unfit
    return -2 if dim % x.dim() == x.dim() - 1 else -1


def cdf(x: Tensor, approximate: str = "none") -> Tensor:
    """Φ(x), or the formula with tanh that stands for it."""
    if approximate == "none":
        return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def pdf(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def gelu_slope(x: Tensor, approximate: str = "none", inner: float = 1.0) -> Tensor:
    """Φ(x) + x·φ(x), or that of the formula with tanh."""
    p = cdf(x, approximate)
    if approximate == "none":
        return p + x * pdf(x)
    k = math.sqrt(2 / math.pi) * (1 + inner * 3 * 0.044715 * x**2)
    return p + 2 * x * p * (1 - p) * k


OPERATIONS: Mapping[str, Operation] = {row.name: row for row in read(TABLE)}
ALIASES: Mapping[str, str] = {
    name: row
    for row, _, names in (line.partition(": ") for line in NAMES.strip().splitlines())
    for name in names.split()
}


def operation(name: str) -> Operation:
    """The row of a PyTorch function's name; without one, its slope is left to torch.autograd."""
    name = ALIASES.get(name, name)
    return OPERATIONS.get(name) or Operation(name, f"{name}({{0}}, …)")


# Slips that can be made anywhere.


def _slope_left_out(step: Step, i: int, g: Tensor) -> Tensor:
    row, same = step.operation, step.parents[i].shape == step.out.shape
    plain = row.moves or row.name in ("add", "sub", "neg", "detach", "input")
    if not row.elementwise and (plain or not same):
        raise Unfit
    return g


def _slope_twice(step: Step, i: int, g: Tensor) -> Tensor:
    if not step.operation.elementwise or step.parents[i].shape != step.out.shape:
        raise Unfit
    return step.slope(i, step.slope(i, g))


def _averaged(step: Step, i: int, g: Tensor) -> Tensor:
    if step.operation.moves:
        return step.slope(i, g) / step.slope(i, torch.ones_like(g)).clamp(min=1)
    times = step.out.numel() / max(step.parents[i].numel(), 1)
    if times <= 1 or step.operation.name not in ARITHMETIC:
        raise Unfit
    return step.slope(i, g) / times


CUT = Slip("cut", "no gradient is passed back{to}, as if it were a constant", times=lambda _: 0)
NEGATED = Slip("negated", "{gradient} has the wrong sign", times=lambda _: -1)
HALVED = Slip("halved", "{gradient} is half of what it must be", times=lambda _: 0.5)
DOUBLED = Slip("doubled", "{gradient} is twice what it must be", times=lambda _: 2)
SLOPE_LEFT_OUT = Slip("slope_left_out", "its slope{local} is left out", back=_slope_left_out)
SLOPE_TWICE = Slip("slope_twice", "its slope{local} is multiplied in twice", back=_slope_twice)
UPSTREAM_IGNORED = Slip(
    "upstream_ignored",
    "only its own slope is passed back{to}, not multiplied by the gradient that arrives",
    back=lambda step, i, g: step.slope(i, torch.ones_like(g)),
)
AVERAGED = Slip(
    "averaged", "what reaches {parent} from all entries is averaged, not summed", back=_averaged
)

#: With their ranks: the lower, the likelier. Those of a row have 1.
ANYWHERE: Mapping[Slip, float] = {
    CUT: 0.4,
    SLOPE_LEFT_OUT: 0.5,
    AVERAGED: 0.9,
    NEGATED: 2.4,
    HALVED: 2.6,
    DOUBLED: 2.8,
    UPSTREAM_IGNORED: 3.0,
    SLOPE_TWICE: 3.4,
}
