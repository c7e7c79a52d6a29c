"""The operations: each with its symbol, its slopes, and the slips people make in them.

A row reads: name, symbol, then for each parent what is handed back to it when `g` = ∂loss/∂out
arrives, then the slips. A slope is a function (g, out, *parents, **options); it may return the
shape of `out`, the engine sums what was broadcast. To add an operation, add a row; to add a slip,
add a line to its row. What has no row is differentiated by torch.autograd.

Formulas: I. Goodfellow et al., Deep Learning (2016), 6.5; softmax and matmul as in
M. Giles, Collected matrix derivative results (2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

#: (g, out, *parents, **options) -> what one parent gets
Slope = Callable[..., Tensor]


class Unfit(Exception):
    """A slip does not make sense at this place: the shapes do not allow it."""


@dataclass(frozen=True)
class Step:
    """One node at work on one set of numbers: what a slope, right or wrong, may read.

    compute  the recorded call, parents -> out
    values   the value of every node of the graph, by index
    indices  which of them are the parents
    index    which of them this node is
    grads    what has arrived so far on the way back, by index
    sources  for an operation that moves entries: where they come from, kept once it is known
    """

    operation: Operation
    parents: tuple[Tensor, ...]
    out: Tensor
    options: Mapping[str, Any]
    compute: Callable[..., Tensor]
    values: Sequence[Tensor] = ()
    indices: tuple[int, ...] = ()
    index: int = -1
    sources: dict[int, Tensor] = field(default_factory=dict)
    grads: Mapping[int, Tensor] = field(default_factory=dict)

    def slope(self, i: int, g: Tensor) -> Tensor:
        """What parent i gets when g arrives, in the parent's shape."""
        if self.operation.moves:
            return moved(self, i, g)
        if not self.operation.slopes:
            return by_autograd(self.compute, self.parents, i, g)
        slope = self.operation.slopes[min(i, len(self.operation.slopes) - 1)]
        return fit(slope(g, self.out, *self.parents, **self.options), self.parents[i])


@dataclass(frozen=True)
class Slip:
    """One mistake that can be made at a node.

    words  what is done wrong, to follow "at h1 = σ(z1): "; {out}, {0}, {1} are the names there
    back   the wrong slope: (step, i, g) -> what parent i gets; None: the right one
    value  the wrong value in the forward pass: (step) -> out; None: the right one
    own    the slopes are those of the wrong value, not of the right one
    """

    id: str
    words: str
    back: Callable[[Step, int, Tensor], Tensor] | None = None
    value: Callable[[Step], Tensor] | None = None
    own: bool = False

    def hand_back(self, step: Step, i: int, g: Tensor) -> Tensor:
        """What parent i gets, the slip made; raises Unfit where it cannot be made."""
        if self.back is not None:
            try:
                return fit(self.back(step, i, g), step.parents[i])
            except (RuntimeError, IndexError) as error:
                raise Unfit from error
        if self.value is None:
            return step.slope(i, g)
        if self.own:
            value = self.value
            return by_autograd(lambda *p: value(replace(step, parents=p)), step.parents, i, g)
        return replace(step, out=step.compute(*step.parents)).slope(i, g)


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    symbol       how it is written, with {0}, {1} for the parents
    slopes       one for each parent; none: torch.autograd
    local        the slope in words, for an operation that works entry by entry
    arguments    names of the positional arguments, by which `slopes` takes the options
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


def fit(g: Tensor, like: Tensor) -> Tensor:
    """g in the shape of `like`: what was broadcast is summed, one number for many is repeated."""
    if g.shape == like.shape:
        return g
    try:
        if g.dim() >= like.dim():
            return g.sum_to_size(like.shape)
        return g.expand(like.shape)
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


def moved(step: Step, i: int, g: Tensor, *, overwrite: bool = False) -> Tensor:
    """Each entry's gradient goes back to where the entry came from, and adds up there.

    Where it came from is found by sending the entries' own numbers along the same way.
    """
    parent = step.parents[i]
    if i not in step.sources:
        numbers = [
            torch.zeros_like(other) if other.is_floating_point() else other
            for other in step.parents
        ]
        numbers[i] = torch.arange(1.0, parent.numel() + 1, dtype=torch.float64).reshape(
            parent.shape
        )
        step.sources[i] = step.compute(*numbers).round().long() - 1
    places = step.sources[i]
    here = places >= 0
    back = torch.zeros(parent.numel(), dtype=g.dtype)
    if overwrite:
        back[places[here]] = g[here]
    else:
        back.index_add_(0, places[here], g[here])
    return back.reshape(parent.shape)


def wrong(id: str, words: str, *slopes: Slope) -> Slip:
    """A slip in the slopes, written like a row's: one for each parent, the last for the rest."""

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        return slopes[min(i, len(slopes) - 1)](g, step.out, *step.parents, **step.options)

    return Slip(id, words, back=back)


def computes(id: str, words: str, value: Callable[..., Tensor]) -> Slip:
    """A slip in the forward pass: (*parents, **options) -> the wrong value."""

    def forward(step: Step) -> Tensor:
        try:
            out = value(*step.parents, **step.options)
        except (RuntimeError, IndexError) as error:
            raise Unfit from error
        if out.shape != step.out.shape:
            raise Unfit
        return out

    return Slip(id, words, value=forward)


# The slopes that do not fit on a line.


def matmul_left(g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """g·bᵀ, for vectors too."""
    if b.dim() == 1:
        return g.unsqueeze(-1) * b
    return b @ g if a.dim() == 1 and b.dim() == 2 else g @ b.mT


def matmul_right(g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """aᵀ·g, for vectors too."""
    if a.dim() == 1:
        return g * a if b.dim() == 1 else a.unsqueeze(-1) * g.unsqueeze(-2)
    return (a.mT @ g.unsqueeze(-1)).squeeze(-1) if b.dim() == 1 else a.mT @ g


def widened(g: Tensor, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """What a reduction hands back before its factor: g once for every entry it was made of."""
    for d in sorted(axes(x, dim)):
        g = g if keepdim or g.dim() == x.dim() else g.unsqueeze(d)
    return g.expand(x.shape)


def axes(x: Tensor, dim: Any = None) -> tuple[int, ...]:
    """The axes that a reduction takes together, all for None."""
    if dim is None or dim == () or dim == []:
        return tuple(range(x.dim()))
    return tuple(d % max(x.dim(), 1) for d in (dim if isinstance(dim, Sequence) else (dim,)))


def count(x: Tensor, dim: Any = None) -> int:
    """How many entries a reduction takes together."""
    return math.prod(x.shape[d] for d in axes(x, dim))


def degrees(x: Tensor, dim: Any, unbiased: Any, correction: Any) -> float:
    """What a variance divides by."""
    less = correction if correction is not None else float(unbiased is not False)
    return float(count(x, dim) - less)


def other_axis(x: Tensor, dim: int) -> int:
    """Another axis than dim, for slips that take the wrong one."""
    if x.dim() < 2:
        raise Unfit
    return -2 if dim % x.dim() == x.dim() - 1 else -1


def normal_cdf(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def normal_pdf(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def gelu_slope(g: Tensor, out: Tensor, x: Tensor, approximate: str = "none") -> Tensor:
    """Φ(x) + x·φ(x), or that of the formula with tanh."""
    if approximate == "none":
        return g * (normal_cdf(x) + x * normal_pdf(x))
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t, slope = torch.tanh(inner), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


def var_slope(
    g: Tensor,
    out: Tensor,
    x: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    correction: Any = None,
) -> Tensor:
    """2·(x − mean)/(n − 1), or over n."""
    off = x - x.mean(axes(x, dim), keepdim=True)
    return widened(g, x, dim, keepdim) * 2 * off / degrees(x, dim, unbiased, correction)


def turned(x: Tensor, dim: Any = None, unbiased: Any = None, **options: Any) -> Tensor:
    """The variance with the other divisor: n for n − 1, n − 1 for n."""
    biased = options.pop("correction", None) == 0 or unbiased is False
    return x.var(axes(x, dim), correction=int(biased), **options)


TWO_ARGUMENTS = ("input", "other")
REDUCTION = ("input", "dim", "keepdim")


# fmt: off
TABLE = (
    Operation("add", "{0} + {1}", (lambda g, out, a, b: g, lambda g, out, a, b: g), (
        computes("left_out", "{1} is left out", lambda a, b: a + 0 * b),
        computes("left_out", "{0} is left out", lambda a, b: 0 * a + b),
    )),
    Operation("sub", "{0} − {1}", (lambda g, out, a, b: g, lambda g, out, a, b: -g), (
        wrong("sign_lost", "the minus of {1} is forgotten", lambda g, *_: g),
        computes("left_out", "{1} is left out", lambda a, b: a + 0 * b),
        computes("turned_round", "{1} − {0} is taken", lambda a, b: b - a),
        computes("sign_lost", "{0} + {1} is taken", lambda a, b: a + b),
    )),
    Operation("mul", "{0}·{1}", (lambda g, out, a, b: g * b, lambda g, out, a, b: g * a), (
        wrong("own_value",
            "what is handed back is multiplied by the factor itself, not by the other one",
            lambda g, out, a, b: g * a, lambda g, out, a, b: g * b),
        wrong("divided", "what is handed back is divided by the other factor, not multiplied by it",
            lambda g, out, a, b: g / b, lambda g, out, a, b: g / a),
        wrong("slope_added", "the other factor is added to what arrives, not multiplied with it",
            lambda g, out, a, b: g + b, lambda g, out, a, b: g + a),
        computes("left_out", "{1} is left out", lambda a, b: a + 0 * b),
        computes("left_out", "{0} is left out", lambda a, b: 0 * a + b),
    ), elementwise=True),
    Operation("div", "{0} / {1}", (lambda g, out, a, b: g / b,
        lambda g, out, a, b: -g * a / (b * b)), (
        wrong("sign_lost", "the minus of −{0}/{1}² is forgotten", lambda g, out, a, b: g / b,
            lambda g, out, a, b: g * a / (b * b)),
        wrong("square_left_out", "the square in −{0}/{1}² is left out", lambda g, out, a, b: g / b,
            lambda g, out, a, b: -g * a / b),
        wrong("numerator_left_out", "the numerator in −{0}/{1}² is left out",
            lambda g, out, a, b: g / b, lambda g, out, a, b: -g / (b * b)),
        wrong("multiplied", "what is handed to {0} is multiplied by {1}, not divided by it",
            lambda g, out, a, b: g * b, lambda g, out, a, b: -g * a / (b * b)),
        wrong("denominator_squared", "what is handed to {0} is divided by {1} twice",
            lambda g, out, a, b: g / (b * b), lambda g, out, a, b: -g * a / (b * b)),
        computes("left_out", "{1} is left out", lambda a, b: a + 0 * b),
    ), elementwise=True),
    Operation("pow", "{0}^{1}", (lambda g, out, a, n: g * n * a ** (n - 1),
        lambda g, out, a, n: g * out * a.log()), (
        wrong("exponent_not_in_front", "the exponent {1} does not come in front of the slope",
            lambda g, out, a, n: g * a ** (n - 1), lambda g, out, a, n: g * a.log()),
        wrong("exponent_not_lowered", "the exponent {1} is not lowered by one",
            lambda g, out, a, n: g * n * out, lambda g, out, a, n: g * a ** (n - 1) * a.log()),
        computes("left_out", "the exponent {1} is left out", lambda a, n: a + 0 * n),
    ), elementwise=True),
    Operation("exp", "exp({0})", (lambda g, out, x: g * out,), (
        wrong("slope_of_input", "{0} stands for the slope exp({0})", lambda g, out, x: g * x),
        wrong("slope_twice", "exp is taken once more", lambda g, out, x: g * out.exp()),
    ), local="exp({0})", elementwise=True),
    Operation("log", "log({0})", (lambda g, out, x: g / x,), (
        wrong("divided", "{0} stands for the slope 1/{0}", lambda g, out, x: g * x),
        wrong("slope_of_value", "1/{out} stands for the slope 1/{0}", lambda g, o, x: g / o),
    ), local="1/{0}", elementwise=True),
    Operation("sqrt", "√{0}", (lambda g, out, x: g / (2 * out),), (
        wrong("half_left_out", "the ½ of its slope 1/(2·√{0}) is left out", lambda g, o, x: g / o),
        wrong("root_left_out", "1/(2·{0}) stands for the slope", lambda g, o, x: g / (2 * x)),
        wrong("divided", "√{0} stands for the slope", lambda g, o, x: g * o),
        wrong("divided", "√{0}/2 stands for the slope", lambda g, o, x: g * o / 2),
        computes("left_out", "the root is left out", lambda x: x),
    ), local="1/(2·√{0})", elementwise=True),
    Operation("neg", "−{0}", (lambda g, out, x: -g,), (
        computes("sign_lost", "the minus is left out", lambda x: x),
    )),
    Operation("abs", "|{0}|", (lambda g, out, x: g * x.sign(),), local="±1", elementwise=True),
    Operation("sigmoid", "σ({0})", (lambda g, out, z: g * out * (1 - out),), (
        wrong("slope_of_sum",
            "its slope is written {0}·(1 − {0}), with the sum in place of the activation",
            lambda g, out, z: g * z * (1 - z)),
        wrong("slope_of_activation",
            "its slope is taken at {out}, as if {out} were the sum and not the activation",
            lambda g, out, z: g * out.sigmoid() * (1 - out.sigmoid())),
        wrong("half_a_slope", "of its slope only {out} is there", lambda g, out, z: g * out),
        wrong("half_a_slope", "of its slope only 1 − {out} is there", lambda g, o, z: g * (1 - o)),
        wrong("slope_of_another", "its slope is that of tanh, 1 − {out}²",
            lambda g, out, z: g * (1 - out * out)),
        wrong("sign_lost", "its slope is written {out}·(1 + {out})",
            lambda g, out, z: g * out * (1 + out)),
        computes("left_out", "σ is left out", lambda z: z),
        computes("another_function", "tanh is taken", torch.tanh),
    ), local="{out}·(1 − {out})", elementwise=True),
    Operation("tanh", "tanh({0})", (lambda g, out, z: g * (1 - out * out),), (
        wrong("slope_of_sum",
            "its slope is written 1 − {0}², with the sum in place of the activation",
            lambda g, out, z: g * (1 - z * z)),
        wrong("slope_of_activation",
            "its slope is taken at {out}, as if {out} were the sum and not the activation",
            lambda g, out, z: g * (1 - out.tanh() ** 2)),
        wrong("square_left_out", "its slope is written 1 − {out}", lambda g, o, z: g * (1 - o)),
        wrong("half_a_slope", "of its slope only {out}² is there", lambda g, o, z: g * o * o),
        wrong("sign_lost", "its slope is written 1 + {out}²", lambda g, o, z: g * (1 + o * o)),
        wrong("slope_of_another", "its slope is that of σ, {out}·(1 − {out})",
            lambda g, out, z: g * out * (1 - out)),
        computes("left_out", "tanh is left out", lambda z: z),
        computes("another_function", "σ is taken", torch.sigmoid),
    ), local="1 − {out}²", elementwise=True),
    Operation("relu", "relu({0})", (lambda g, out, z: g * (z > 0),), (
        wrong("gate_of_gradient",
            "it is open where the arriving gradient is positive, not where {0} is",
            lambda g, out, z: g * (g > 0)),
        wrong("slope_of_value", "{out} itself stands for the slope", lambda g, o, z: g * o),
        wrong("slope_of_sum", "{0} itself stands for the slope", lambda g, o, z: g * z),
        wrong("gate_turned", "it is open where {0} is negative", lambda g, o, z: g * (z < 0)),
        computes("left_out", "relu is left out", lambda z: z),
    ), local="1 where {0} > 0, else 0", elementwise=True),
    Operation("gelu", "gelu({0})", (gelu_slope,), (
        wrong("half_a_slope", "of its slope only Φ({0}) is there, {0}·φ({0}) is missing",
            lambda g, out, x, **_: g * normal_cdf(x)),
        wrong("half_a_slope", "of its slope only {0}·φ({0}) is there, Φ({0}) is missing",
            lambda g, out, x, **_: g * x * normal_pdf(x)),
        wrong("factor_left_out",
            "its slope is written Φ({0}) + φ({0}), without the {0} in front of φ",
            lambda g, out, x, **_: g * (normal_cdf(x) + normal_pdf(x))),
        wrong("slope_of_another", "its slope is that of relu", lambda g, o, x, **_: g * (x > 0)),
        wrong("slope_of_another", "its slope is that of the other formula for gelu",
            lambda g, out, x, approximate="none": gelu_slope(g, out, x,
            "tanh" if approximate == "none" else "none")),
        computes("another_function", "relu is taken", lambda x, **_: x.relu()),
    ), local="Φ({0}) + {0}·φ({0})", elementwise=True),
    Operation("softmax", "softmax({0})", (lambda g, out, x, dim: out * (g - (g * out).sum(dim,
        keepdim=True)),), (
        wrong("entry_by_entry",
            "its slope is written {out}·(1 − {out}), as if each entry hung on one alone",
            lambda g, out, x, dim: g * out * (1 - out)),
        wrong("others_left_out", "what the entries share, Σ g·{out}, is not subtracted",
            lambda g, out, x, dim: g * out),
        wrong("factor_left_out", "{out} in front of (g − Σ g·{out}) is left out",
            lambda g, out, x, dim: g - (g * out).sum(dim, keepdim=True)),
        wrong("factor_left_out", "Σ g is subtracted where Σ g·{out} belongs",
            lambda g, out, x, dim: out * (g - g.sum(dim, keepdim=True))),
        wrong("mean_for_sum", "the mean of g·{out} is subtracted, not its sum",
            lambda g, out, x, dim: out * (g - (g * out).mean(dim, keepdim=True))),
        wrong("wrong_axis", "Σ g·{out} runs along the wrong axis",
            lambda g, out, x, dim: out * (g - (g * out).sum(other_axis(x, dim), keepdim=True))),
        wrong("whole_sum", "Σ g·{out} runs over all entries, not along each row",
            lambda g, out, x, dim: out * (g - (g * out).sum())),
        wrong("sign_lost", "Σ g·{out} is added, not subtracted",
            lambda g, out, x, dim: out * (g + (g * out).sum(dim, keepdim=True))),
        computes("wrong_axis", "the wrong axis is taken",
            lambda x, dim: x.softmax(other_axis(x, dim))),
        computes("left_out", "softmax is left out", lambda x, dim: x),
    ), arguments=("input", "dim")),
    Operation("log_softmax", "log softmax({0})", (lambda g, out, x, dim: g - out.exp() * g.sum(dim,
        keepdim=True),), (
        wrong("sum_left_out", "softmax({0}) is subtracted once, not Σ g times",
            lambda g, out, x, dim: g - out.exp()),
        wrong("others_left_out", "softmax({0})·Σ g is not subtracted", lambda g, out, x, dim: g),
        wrong("target_left_out",
            "only softmax({0})·Σ g is handed back, what arrives at the entry itself is not",
            lambda g, out, x, dim: -out.exp() * g.sum(dim, keepdim=True)),
        wrong("exp_left_out", "{out} is subtracted where softmax({0}) belongs",
            lambda g, out, x, dim: g - out * g.sum(dim, keepdim=True)),
        wrong("entry_by_entry", "each entry is taken to hang on one alone: g·(1 − softmax({0}))",
            lambda g, out, x, dim: g * (1 - out.exp())),
        wrong("sign_lost", "softmax({0})·Σ g is added, not subtracted",
            lambda g, out, x, dim: g + out.exp() * g.sum(dim, keepdim=True)),
        wrong("sum_for_softmax", "exp({0}) is subtracted where softmax({0}) belongs",
            lambda g, out, x, dim: g - x.exp() * g.sum(dim, keepdim=True)),
        wrong("sum_for_softmax", "{0} is subtracted where softmax({0}) belongs",
            lambda g, out, x, dim: g - x * g.sum(dim, keepdim=True)),
        wrong("sum_for_softmax", "σ({0}) is subtracted where softmax({0}) belongs",
            lambda g, out, x, dim: g - x.sigmoid() * g.sum(dim, keepdim=True)),
        wrong("wrong_axis", "Σ g runs along the wrong axis",
            lambda g, out, x, dim: g - out.exp() * g.sum(other_axis(x, dim), keepdim=True)),
        wrong("wrong_axis", "the softmax in its slope runs along the wrong axis",
            lambda g, out, x, dim: g - x.softmax(other_axis(x, dim)) * g.sum(dim, keepdim=True)),
        wrong("whole_sum", "the softmax in its slope runs over all entries, not along each row",
            lambda g, out, x, dim: g - x.flatten().softmax(0).reshape(x.shape) * g.sum(dim,
            keepdim=True)),
        computes("wrong_axis", "the wrong axis is taken",
            lambda x, dim: x.log_softmax(other_axis(x, dim))),
        computes("log_left_out", "the log is left out", lambda x, dim: x.softmax(dim)),
    ), arguments=("input", "dim")),
    Operation("logsumexp", "logsumexp({0})", (lambda g, out, x, dim=None, keepdim=False: widened(g,
        x, dim, keepdim) * (x - widened(out, x, dim, keepdim)).exp(),), arguments=REDUCTION),
    Operation("matmul", "{0} @ {1}", (matmul_left, matmul_right), (
        wrong("slope_left_out", "the other matrix is left out, as if all its entries were 1",
            lambda g, out, a, b: matmul_left(g, out, a, torch.ones_like(b)),
            lambda g, out, a, b: matmul_right(g, out, torch.ones_like(a), b)),
        wrong("not_transposed", "the other matrix is not transposed on the way back",
            lambda g, out, a, b: g @ b, lambda g, out, a, b: a @ g),
        wrong("transposed", "what is handed back is transposed",
            lambda g, out, a, b: matmul_left(g, out, a, b).mT,
            lambda g, out, a, b: matmul_right(g, out, a, b).mT),
        wrong("order", "the product is taken in the other order", lambda g, out, a, b: b.mT @ g,
            lambda g, out, a, b: g @ a.mT),
        wrong("order", "the product is taken in the other order, and not transposed",
            lambda g, out, a, b: b @ g, lambda g, out, a, b: g @ a),
        wrong("entry_by_entry", "the product is taken entry by entry", lambda g, out, a, b: g * b,
            lambda g, out, a, b: g * a),
        wrong("gradient_transposed", "the arriving gradient is transposed",
            lambda g, out, a, b: matmul_left(g.mT, out, a, b),
            lambda g, out, a, b: matmul_right(g.mT, out, a, b)),
        computes("transposed", "{1} is transposed", lambda a, b: a @ b.mT),
        computes("order", "{1} @ {0} is taken", lambda a, b: b @ a),
    )),
    Operation("outer", "{0} ⊗ {1}", (lambda g, out, a, b: g @ b, lambda g, out, a, b: g.mT @ a), (
        wrong("transposed", "the arriving gradient is not transposed where it must be",
            lambda g, out, a, b: g.mT @ b, lambda g, out, a, b: g @ a),
    )),
    Operation("sum", "Σ {0}", (lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim,
        keepdim),), (
        wrong("mean_for_sum",
            "what is handed back is divided by the number of entries, as for a mean",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / count(x, dim)),
        computes("mean_for_sum", "a mean is taken",
            lambda x, dim=None, keepdim=False: x.mean(axes(x, dim), keepdim=keepdim)),
    ), arguments=REDUCTION),
    Operation("mean", "mean {0}", (lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim,
        keepdim) / count(x, dim),), (
        wrong("sum_not_mean", "the 1/n of the mean is left out",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim)),
        wrong("wrong_count", "1/n is taken with the number of rows, not of all entries averaged",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / x.shape[0]),
        wrong("wrong_count", "1/n is taken with the number of columns, not of all entries averaged",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / x.shape[-1]),
        wrong("wrong_count", "1/n is taken with the number of all entries of {0}",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / x.numel()),
        wrong("wrong_count", "1/(n − 1) stands for 1/n",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / (count(x,
            dim) - 1)),
        computes("wrong_count", "1/(n − 1) stands for 1/n",
            lambda x, dim=None, keepdim=False: x.sum(axes(x, dim), keepdim=keepdim) / (count(x,
            dim) - 1)),
        computes("sum_not_mean", "a sum is taken",
            lambda x, dim=None, keepdim=False: x.sum(axes(x, dim), keepdim=keepdim)),
    ), arguments=REDUCTION),
    Operation("var", "var {0}", (var_slope,), (
        wrong("half_left_out", "the 2 of its slope 2·({0} − mean)/n is left out",
            lambda *a, **o: var_slope(*a, **o) / 2),
        wrong("mean_left_out", "the mean in its slope 2·({0} − mean)/n is left out",
            lambda g, out, x, dim=None, unbiased=None, keepdim=False, correction=None: widened(g, x,
            dim, keepdim) * 2 * x / degrees(x, dim, unbiased, correction)),
        wrong("sum_not_mean", "the 1/n of its slope is left out",
            lambda g, out, x, dim=None, unbiased=None, keepdim=False, correction=None: var_slope(g,
            out, x, dim, unbiased, keepdim, correction) * degrees(x, dim, unbiased, correction)),
        wrong("wrong_count", "n and n − 1 are exchanged in its slope",
            lambda g, out, x, dim=None, unbiased=None, keepdim=False, correction=None: var_slope(g,
            out, x, dim, unbiased, keepdim, correction) * degrees(x, dim, unbiased,
            correction) / (2 * count(x, dim) - 1 - degrees(x, dim, unbiased, correction))),
        computes("wrong_count", "n and n − 1 are exchanged", turned),
    ), arguments=("input", "dim", "unbiased", "keepdim")),
    Operation("amax", "max {0}", (), (
        wrong("to_all", "the gradient goes back to every entry, not to the largest alone",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim)),
        wrong("to_all", "the gradient is shared out evenly, and does not go to the largest alone",
            lambda g, out, x, dim=None, keepdim=False: widened(g, x, dim, keepdim) / count(x, dim)),
    ), arguments=REDUCTION),
    Operation("masked_fill", "masked {0}", (lambda g, out, x, mask, value=0: g.masked_fill(mask,
        0),), (
        wrong("mask_left_out", "the mask is left out", lambda g, *_, **__: g),
        computes("mask_left_out", "the mask is left out", lambda x, mask, value=0: x),
    ), arguments=("input", "mask", "value")),
    Operation("where", "where({0}, {1}, {2})", (lambda g, out, c, a, b: g * 0,
        lambda g, out, c, a, b: g * c, lambda g, out, c, a, b: g * ~c), (
        wrong("mask_left_out", "the condition is left out", lambda g, *_, **__: g),
    )),
    *(Operation(name, symbol, moves=True) for name, symbol in (("view", "{0} reshaped"),
        ("transpose", "{0}ᵀ"), ("expand", "{0} repeated"), ("clone", "{0}"), ("cat", "[{0}, …]"))),
    Operation("getitem", "{0}[…]", (), (
        Slip("accumulation_missed",
            "an entry that is picked twice keeps one of its gradients, they are not added up",
            back=lambda step, i, g: moved(step, i, g, overwrite=True)),
    ), moves=True),
    Operation("input", "{out}", (lambda g, out, x, **_: g,)),
    Operation("constant", "{out}", ()),
)
# fmt: on

OPERATIONS: Mapping[str, Operation] = {row.name: row for row in TABLE}

#: Other names of the same operation, in-place ones included.
ALIASES: Mapping[str, str] = {
    name: row
    for row, names in {
        "add": "__add__ __radd__ __iadd__ add_",
        "sub": "__sub__ __rsub__ __isub__ subtract rsub sub_",
        "mul": "__mul__ __rmul__ __imul__ multiply mul_",
        "div": "__truediv__ __rtruediv__ __rdiv__ __itruediv__ __idiv__ divide true_divide div_",
        "pow": "__pow__ __rpow__ float_power pow_",
        "neg": "__neg__ negative",
        "abs": "__abs__ absolute",
        "sigmoid": "expit sigmoid_",
        "tanh": "tanh_",
        "relu": "relu_",
        "exp": "exp_",
        "matmul": "__matmul__ __rmatmul__ mm mv bmm dot vdot inner",
        "outer": "ger",
        "amax": "max",
        "masked_fill": "masked_fill_",
        "clone": "contiguous to double float type_as alias positive __pos__",
        "view": "reshape flatten ravel unsqueeze squeeze unflatten view_as reshape_as atleast_2d",
        "transpose": "T mT t permute swapaxes movedim adjoint H mH",
        "expand": "expand_as broadcast_to repeat tile repeat_interleave",
        "cat": "stack concat concatenate hstack vstack column_stack",
        "getitem": "__getitem__ select unbind split chunk narrow gather index_select take "
        "take_along_dim diagonal diag flip roll masked_select",
    }.items()
    for name in names.split()
}
#: Written with the operands exchanged: 1 − x is x.__rsub__(1).
REFLECTED = frozenset({"__rsub__", "rsub", "__rtruediv__", "__rdiv__", "__rpow__", "__rmatmul__"})
#: Arithmetic in which a Python number is an operand like any other.
ARITHMETIC = frozenset({"add", "sub", "mul", "div", "pow", "where"})


def operation(name: str) -> Operation:
    """The row of a PyTorch function's name; without one, its slope is left to torch.autograd."""
    name = ALIASES.get(name, name)
    return OPERATIONS.get(name) or Operation(name, f"{name}({{0}}, …)")


# Slips that can be made anywhere.


def _slope_left_out(step: Step, i: int, g: Tensor) -> Tensor:
    plain = step.operation.moves or step.operation.name in ("add", "sub", "neg", "input")
    same_shape = step.parents[i].shape == step.out.shape and not plain
    if not step.operation.elementwise and not same_shape:
        raise Unfit
    return g


def _slope_twice(step: Step, i: int, g: Tensor) -> Tensor:
    if not step.operation.elementwise or step.parents[i].shape != step.out.shape:
        raise Unfit
    return step.slope(i, step.slope(i, g))


def _averaged(step: Step, i: int, g: Tensor) -> Tensor:
    times = step.out.numel() / max(step.parents[i].numel(), 1)
    if step.operation.moves or times <= 1 or step.operation.name not in ARITHMETIC:
        raise Unfit
    return step.slope(i, g) / times


def times(factor: float, id: str, words: str) -> Slip:
    """What is handed back is a multiple of the right thing."""
    return Slip(id, words, back=lambda step, i, g: factor * step.slope(i, g))


CUT = times(0, "cut", "nothing is handed back, as if it were a constant")
NEGATED = times(-1, "negated", "the sign is turned")
HALVED = times(0.5, "halved", "what is handed back is half of what it must be")
DOUBLED = times(2, "doubled", "what is handed back is twice what it must be")
SLOPE_LEFT_OUT = Slip("slope_left_out", "its slope{local} is left out", back=_slope_left_out)
SLOPE_TWICE = Slip("slope_twice", "its slope{local} stands there twice", back=_slope_twice)
UPSTREAM_IGNORED = Slip(
    "upstream_ignored",
    "only its own slope is handed back, not multiplied by what arrives",
    back=lambda step, i, g: step.slope(i, torch.ones_like(g)),
)
AVERAGED = Slip(
    "averaged",
    "what reaches {parent} from all entries is averaged, not summed",
    back=_averaged,
)
ABSENT = Slip("absent", "it is left out, as if it were 0", value=lambda step: 0 * step.out)


def factor(index: int, name: str, *, divide: bool = False) -> Slip:
    """The gradient of an input carries the value of a node as a factor that is not its own."""

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        out = g / step.values[index] if divide else g * step.values[index]
        if out.shape != g.shape:
            raise Unfit
        return out

    words = f"it is multiplied by {name} once too often"
    if divide:
        words = f"it is divided by {name}, or a factor {name} is left out"
    return Slip("factor", words, back=back)


def counted(index: int, axis: int, name: str, *, divide: bool) -> Slip:
    """A factor or a divisor too many: how long an input is."""

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        size = step.values[index].shape[axis]
        return step.slope(i, g) / size if divide else step.slope(i, g) * size

    rows = "rows" if axis == 0 else "columns" if axis == 1 else f"entries along axis {axis}"
    verb = "divided" if divide else "multiplied"
    return Slip("counted", f"what is handed back is {verb} by the number of {rows} of {name}", back)


def skipped(later: Mapping[int, int], words: str) -> Slip:
    """What arrived at a later node, nearer to the loss, is handed on in place of what arrives here.

    later  index of a node -> index of the later one
    """

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        arrived = step.grads.get(later.get(step.index, -1))
        if arrived is None or arrived.shape != g.shape:
            raise Unfit
        return step.slope(i, arrived)

    return Slip("skipped", words, back=back)


def read_as(stand_ins: Mapping[int, Callable[[Sequence[Tensor]], Tensor]], words: str) -> Slip:
    """On the way back, other values are read where those of some nodes belong; made at their uses.

    stand_ins  index of a node -> what is read for it, from the values of all nodes
    """

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        parents = tuple(
            stand_ins[n](step.values) if n in stand_ins else parent
            for n, parent in zip(step.indices, step.parents, strict=True)
        )
        if any(a.shape != b.shape for a, b in zip(parents, step.parents, strict=True)):
            raise Unfit
        return replace(step, parents=parents).slope(i, g)

    return Slip("read_as", words, back=back)


ANYWHERE = (
    SLOPE_LEFT_OUT,
    CUT,
    NEGATED,
    HALVED,
    DOUBLED,
    UPSTREAM_IGNORED,
    AVERAGED,
    SLOPE_TWICE,
    ABSENT,
)
