"""Functions that are recorded in their parts, so that a slip inside them can be named.

Each is the textbook formula of the torch function of the same name; the names of its local
variables become names of the nodes. None stands for "not this variant": it stays in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor, where
from torch.nn.functional import one_hot

Part = Callable[..., Tensor | None]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    z = x @ weight.T
    return z if bias is None else z + bias


# Losses, entry by entry.


def loss(of_entries: Part) -> Part:
    """PyTorch's function of a loss of each entry, which averages or sums; not with weights."""

    @wraps(of_entries)
    def whole(y_hat: Tensor, y: Tensor, reduction: str = "mean", **rest: Any) -> Tensor | None:
        options = {k: v for k, v in rest.items() if v is not None and v is not False}
        known = options.keys() <= {"delta", "beta"}
        losses = of_entries(y_hat, y, **options) if known else None
        return None if losses is None else _reduced(losses, reduction)

    return whole


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "batchmean":
        return losses.sum() / len(losses)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


@loss
def mse_loss(y_hat: Tensor, y: Tensor) -> Tensor:
    r = y_hat - y
    return r**2


@loss
def l1_loss(y_hat: Tensor, y: Tensor) -> Tensor:
    r = y_hat - y
    return r.abs()


@loss
def huber_loss(y_hat: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    r = y_hat - y
    size = r.abs()
    return where(size < delta, 0.5 * r**2, delta * (size - 0.5 * delta))


@loss
def smooth_l1_loss(y_hat: Tensor, y: Tensor, beta: float = 1.0) -> Tensor:
    r = y_hat - y
    size = r.abs()
    return where(size < beta, 0.5 * r**2 / beta, size - 0.5 * beta)


@loss
def binary_cross_entropy(p: Tensor, y: Tensor) -> Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log())


@loss
def binary_cross_entropy_with_logits(z: Tensor, y: Tensor) -> Tensor:
    p = z.sigmoid()
    return -(y * p.log() + (1 - y) * (1 - p).log())


@loss
def kl_div(log_q: Tensor, p: Tensor) -> Tensor | None:
    return None if bool((p <= 0).any()) else p * (p.log() - log_q)


def cross_entropy(
    logits: Tensor, target: Tensor, reduction: str = "mean", **rest: Any
) -> Tensor | None:
    """Of whole classes or of probabilities, shape (n, classes) or (classes,)."""
    smoothing = rest.pop("label_smoothing", 0.0)
    log_p = logits.log_softmax(-1)
    if not (smoothing or target.is_floating_point()):
        return nll_loss(log_p, target, reduction, **rest)
    if rest.get("weight") is not None or logits.dim() > 2:
        return None
    q = target
    if not target.is_floating_point():
        q = one_hot(target, logits.shape[-1]).to(logits.dtype)
    if smoothing:
        hard = q
        q = (1 - smoothing) * hard + smoothing / logits.shape[-1]
    losses = -(q * log_p).sum(-1)
    return _reduced(losses, reduction)


def nll_loss(log_p: Tensor, target: Tensor, reduction: str = "mean", **rest: Any) -> Tensor | None:
    ignored = (target == rest.get("ignore_index", -100)).any()
    if rest.get("weight") is not None or log_p.dim() > 2 or ignored:
        return None
    picked = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return _reduced(-picked, reduction)


# Norms.


def layer_norm(
    x: Tensor, shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    x_hat = _standardised(x, tuple(range(-len(shape), 0)), eps)
    return _affine(x_hat, weight, bias)


def batch_norm(
    x: Tensor, *_: Any, weight: Any = None, bias: Any = None, training: bool = False, **rest: Any
) -> Tensor | None:
    if not training or x.dim() > 2:
        return None
    x_hat = _standardised(x, (0,), rest.get("eps", 1e-5))
    return _affine(x_hat, weight, bias)


def rms_norm(x: Tensor, shape: Sequence[int], weight: Any = None, eps: Any = None) -> Tensor:
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    mean_square = (x**2).mean(tuple(range(-len(shape), 0)), keepdim=True)
    rms = (mean_square + eps).sqrt()
    return _affine(x / rms, weight, None)


def _standardised(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    var = (centred**2).mean(dims, keepdim=True)
    std = (var + eps).sqrt()
    return centred / std


def _affine(x_hat: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = x_hat if weight is None else x_hat * weight
    return scaled if bias is None else scaled + bias


def norm(
    x: Tensor, p: Any = None, dim: Any = None, keepdim: bool = False, **_: Any
) -> Tensor | None:
    if p not in (None, 2, 2.0, "fro"):
        return None
    squares = x**2
    total = squares.sum() if dim is None else squares.sum(dim, keepdim=keepdim)
    return total.sqrt()


def normalize(x: Tensor, p: float = 2.0, dim: int = 1, **_: Any) -> Tensor | None:
    if p != 2:
        return None
    squares = x**2
    norm = squares.sum(dim, keepdim=True).sqrt()
    return x / norm


def cosine_similarity(a: Tensor, b: Tensor, dim: int = 1, **_: Any) -> Tensor:
    dot = (a * b).sum(dim)
    norm_a, norm_b = (a**2).sum(dim).sqrt(), (b**2).sum(dim).sqrt()
    return dot / (norm_a * norm_b)


# Activations and products.


def leaky_relu(z: Tensor, negative_slope: float = 0.01, **_: Any) -> Tensor:
    return where(z > 0, z, negative_slope * z)


def elu(z: Tensor, alpha: float = 1.0, **_: Any) -> Tensor:
    return where(z > 0, z, alpha * (z.exp() - 1))


def silu(z: Tensor, **_: Any) -> Tensor:
    gate = z.sigmoid()
    return z * gate


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any
) -> Tensor | None:
    if rest or any(options.values()):
        return None
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    weights = scores.softmax(-1)
    return weights @ value


def einsum(equation: str, *operands: Tensor) -> Tensor | None:
    """A product of two that sums over one letter, as a matmul: "bid,bjd->bij"."""
    letters, _, end = equation.replace(" ", "").partition("->")
    left, _, right = letters.partition(",")
    both = [c for c in left if c in right and c in end]
    summed = [c for c in left if c in right and c not in end]
    rows, columns = ([c for c in one if c not in both + summed] for one in (left, right))
    if len(operands) != 2 or sorted(end) != sorted(both + rows + columns) or "." in letters:
        return None
    if not len(summed) == len(rows) == len(columns) == 1 or len(left) > len(both) + 2:
        return None
    return _permuted(
        _permuted(operands[0], left, [*both, *rows, *summed])
        @ _permuted(operands[1], right, [*both, *summed, *columns]),
        [*both, *rows, *columns],
        end,
    )


def _permuted(x: Tensor, letters: Sequence[str], wanted: Sequence[str]) -> Tensor:
    axes = [letters.index(letter) for letter in wanted]
    return x if axes == sorted(axes) else x.permute(axes)


PARTS: Mapping[str, Part] = {
    **{
        part.__name__: part
        for part in (
            *(linear, mse_loss, l1_loss, huber_loss, smooth_l1_loss, kl_div),
            *(binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, nll_loss),
            *(layer_norm, batch_norm, rms_norm, norm, normalize, cosine_similarity),
            *(leaky_relu, elu, silu, scaled_dot_product_attention, einsum),
        )
    },
    "std": lambda x, *arguments, **options: x.var(*arguments, **options).sqrt(),
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / x.sqrt(),
    "log1p": lambda x: (1 + x).log(),
    "log_sigmoid": lambda z: z.sigmoid().log(),
}
