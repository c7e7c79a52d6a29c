"""Functions that are recorded in their parts, so that a slip inside them can be named.

Each is the textbook formula of the torch function of the same name; the names of its local
variables become names of the nodes. None stands for "not this variant": it stays in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, where
from torch.nn.functional import one_hot


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    z = x @ weight.T
    return z if bias is None else z + bias


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "batchmean":
        return losses.sum() / len(losses)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


def reduced(of_entries: Callable[..., Tensor | None]) -> Callable[..., Tensor | None]:
    """A loss of each entry as PyTorch's function, which sums or averages; not with weights."""

    def loss(y_hat: Tensor, y: Tensor, *, reduction: str = "mean", **rest: Any) -> Tensor | None:
        options = {k: v for k, v in rest.items() if v is not None and v is not False}
        known = options.keys() <= {"delta", "beta"}
        losses = of_entries(y_hat, y, **options) if known else None
        return None if losses is None else _reduced(losses, reduction)

    return loss


def squared(y_hat: Tensor, y: Tensor) -> Tensor:
    r = y_hat - y
    return r**2


def absolute(y_hat: Tensor, y: Tensor) -> Tensor:
    r = y_hat - y
    return r.abs()


def huber(y_hat: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    r = y_hat - y
    size = r.abs()
    return where(size < delta, 0.5 * r**2, delta * (size - 0.5 * delta))


def smooth(y_hat: Tensor, y: Tensor, beta: float = 1.0) -> Tensor:
    r = y_hat - y
    size = r.abs()
    return where(size < beta, 0.5 * r**2 / beta, size - 0.5 * beta)


def surprise(p: Tensor, y: Tensor) -> Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log())


def surprise_of_logits(z: Tensor, y: Tensor) -> Tensor:
    p = z.sigmoid()
    return surprise(p, y)


def kl(log_q: Tensor, p: Tensor) -> Tensor | None:
    return None if bool((p <= 0).any()) else p * (p.log() - log_q)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    **rest: Any,
) -> Tensor | None:
    """Of whole classes or of probabilities, shape (n, classes) or (classes,)."""
    if rest.get("weight") is not None or logits.dim() > 2:
        return None
    log_p = logits.log_softmax(-1)
    if not (label_smoothing or target.is_floating_point()):
        return nll_loss(log_p, target, reduction=reduction, **rest)
    q = target
    if not target.is_floating_point():
        q = one_hot(target, logits.shape[-1]).to(logits.dtype)
    if label_smoothing:
        hard = q
        q = (1 - label_smoothing) * hard + label_smoothing / logits.shape[-1]
    losses = -(q * log_p).sum(-1)
    return _reduced(losses, reduction)


def nll_loss(
    log_p: Tensor, target: Tensor, *, reduction: str = "mean", **rest: Any
) -> Tensor | None:
    ignored = (target == rest.get("ignore_index", -100)).any()
    if rest.get("weight") is not None or log_p.dim() > 2 or ignored:
        return None
    picked = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return _reduced(-picked, reduction)


def layer_norm(
    x: Tensor,
    normalized_shape: tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    x_hat = _standardised(x, tuple(range(-len(normalized_shape), 0)), eps)
    return _affine(x_hat, weight, bias)


def batch_norm(
    x: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if not training or x.dim() > 2:
        return None
    x_hat = _standardised(x, (0,), eps)
    return _affine(x_hat, weight, bias)


def rms_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    mean_square = (x**2).mean(tuple(range(-len(normalized_shape), 0)), keepdim=True)
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


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any
) -> Tensor | None:
    if rest or any(options.values()):
        return None
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    weights = scores.softmax(-1)
    return weights @ value


def leaky_relu(z: Tensor, negative_slope: float = 0.01, **_: Any) -> Tensor:
    return where(z > 0, z, negative_slope * z)


def elu(z: Tensor, alpha: float = 1.0, **_: Any) -> Tensor:
    return where(z > 0, z, alpha * (z.exp() - 1))


def std(x: Tensor, *arguments: Any, **options: Any) -> Tensor:
    var = x.var(*arguments, **options)
    return var.sqrt()


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


def silu(z: Tensor, **_: Any) -> Tensor:
    gate = z.sigmoid()
    return z * gate


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


def addmm(c: Tensor, a: Tensor, b: Tensor, **options: Any) -> Tensor | None:
    return None if options else c + a @ b


PARTS: Mapping[str, Callable[..., Tensor | None]] = {
    "linear": linear,
    "mse_loss": reduced(squared),
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
    "layer_norm": layer_norm,
    "batch_norm": batch_norm,
    "rms_norm": rms_norm,
    "huber_loss": reduced(huber),
    "smooth_l1_loss": reduced(smooth),
    "l1_loss": reduced(absolute),
    "binary_cross_entropy": reduced(surprise),
    "leaky_relu": leaky_relu,
    "elu": elu,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "binary_cross_entropy_with_logits": reduced(surprise_of_logits),
    "std": std,
    "norm": norm,
    "normalize": normalize,
    "cosine_similarity": cosine_similarity,
    "kl_div": reduced(kl),
    "silu": silu,
    "einsum": einsum,
    "addmm": addmm,
    "addmv": addmm,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / x.sqrt(),
    "log1p": lambda x: (1 + x).log(),
    "logit": lambda p: (p / (1 - p)).log(),
    "log_sigmoid": lambda z: z.sigmoid().log(),
}
