"""Backward passes with one line edited, written before anybody looked at what `why` says of them.

A `Pass` is a loss, a right backward by hand and edits of its source: slips as people make them.
"""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Edit:
    """A slip: what stands in the source, what the person wrote, words of a true first story."""

    old: str
    new: str
    words: str


@dataclass(frozen=True)
class Pass:
    """A loss, its backward by hand, the inputs it is judged on, and how it goes wrong.

    shapes: of the inputs, case by case; `n:` of integers below the last size, `m:` of 0 and 1,
    `p:` of probabilities that add up to one.
    """

    loss: Callable[..., Tensor]
    backward: Callable[..., Any]
    wrt: tuple[str, ...]
    shapes: tuple[Mapping[str, tuple[int, ...]], ...]
    edits: Mapping[str, Edit]

    def cases(self, seed: int = 0) -> list[dict[str, Tensor]]:
        dice = torch.Generator().manual_seed(seed)
        return [
            dict(drawn(name, shape, dice) for name, shape in shapes.items())
            for shapes in self.shapes
        ]

    def edited(self, edit: Edit) -> Callable[..., Any]:
        source = textwrap.dedent(inspect.getsource(self.backward))
        assert source.count(edit.old) == 1, (edit.old, source.count(edit.old))
        scope: dict[str, Any] = {**globals(), "Any": Any}
        exec(source.replace(edit.old, edit.new), scope)
        made: Callable[..., Any] = scope[self.backward.__name__]
        return made


def drawn(name: str, shape: tuple[int, ...], dice: torch.Generator) -> tuple[str, Tensor]:
    kind, _, bare = name.rpartition(":")
    if kind == "n":
        return bare, torch.randint(shape[-1], shape[:-1], generator=dice)
    noise = torch.randn(shape, generator=dice, dtype=torch.float64)
    if kind == "m":
        return bare, (noise > -0.5).double()
    return bare, noise.softmax(-1) if kind == "p" else noise


# RMS norm with a gain.


def rms_norm(x: Tensor, g: Tensor, t: Tensor) -> Tensor:
    ms = x.pow(2).mean(-1, keepdim=True)
    inv = torch.rsqrt(ms + 1e-6)
    y = x * inv * g
    return ((y - t) ** 2).sum() / 2


def rms_norm_backward(x: Tensor, g: Tensor, t: Tensor) -> Any:
    d = x.shape[-1]
    inv = 1 / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6)
    xn = x * inv
    dy = xn * g - t
    dg = (dy * xn).sum(0)
    dxn = dy * g
    dinv = (dxn * x).sum(-1, keepdim=True)
    dx = dxn * inv - dinv * inv**3 * x / d
    return dx, dg


RMS = Pass(
    rms_norm,
    rms_norm_backward,
    ("x", "g"),
    ({"x": (4, 3), "g": (3,), "t": (4, 3)}, {"x": (2, 5), "g": (5,), "t": (2, 5)}),
    {
        "through the norm forgotten": Edit(
            "dxn * inv - dinv * inv**3 * x / d",
            "dxn * inv",
            "at ms = mean x², no gradient is passed back",
        ),
        "1/n of the mean forgotten": Edit(
            "inv**3 * x / d", "inv**3 * x", "the 1/n of the mean is left out"
        ),
        "power of rsqrt": Edit("inv**3", "inv**2", "the square in"),
        "gain forgotten on the way back": Edit(
            "dxn = dy * g", "dxn = dy", "its slope g is left out"
        ),
        "mean over the batch for g": Edit(
            "(dy * xn).sum(0)",
            "(dy * xn).mean(0)",
            "reaches g from all entries is averaged, not summed",
        ),
    },
)


# Causal attention, scaled.


def causal(q: Tensor, k: Tensor, v: Tensor, t: Tensor) -> Tensor:
    n, d = q.shape
    scores = q @ k.T / math.sqrt(d)
    mask = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
    scores = scores.masked_fill(mask, float("-inf"))
    attn = F.softmax(scores, dim=-1)
    out = attn @ v
    return F.mse_loss(out, t)


def causal_backward(q: Tensor, k: Tensor, v: Tensor, t: Tensor) -> Any:
    n, d = q.shape
    s = q @ k.T / math.sqrt(d)
    s = s + torch.full((n, n), -1e30, dtype=s.dtype).triu(1)
    a = torch.softmax(s, -1)
    dout = 2 * (a @ v - t) / t.numel()
    dv = a.T @ dout
    da = dout @ v.T
    ds = a * (da - (da * a).sum(-1, keepdim=True))
    ds = ds / math.sqrt(d)
    dq = ds @ k
    dk = ds.T @ q
    return dq, dk, dv


CAUSAL = Pass(
    causal,
    causal_backward,
    ("q", "k", "v"),
    (
        {"q": (4, 3), "k": (4, 3), "v": (4, 3), "t": (4, 3)},
        {"q": (3, 3), "k": (3, 3), "v": (3, 2), "t": (3, 2)},
    ),
    {
        "scale forgotten": Edit("ds = ds / math.sqrt(d)", "pass", "its slope 1/1.732 is left out"),
        "Jacobian's diagonal only": Edit(
            "a * (da - (da * a).sum(-1, keepdim=True))",
            "a * (1 - a) * da",
            "depended on its own input alone",
        ),
        "mask forgotten": Edit(
            "s = s + torch.full((n, n), -1e30, dtype=s.dtype).triu(1)",
            "pass",
            "the mask is left out",
        ),
        "k not transposed": Edit(
            "dk = ds.T @ q", "dk = ds @ q", "the arriving gradient is transposed on the way to kᵀ"
        ),
        "sum over columns": Edit(
            "(da * a).sum(-1, keepdim=True)",
            "(da * a).sum(0, keepdim=True)",
            "runs along the wrong axis",
        ),
        "attention for v untransposed": Edit(
            "dv = a.T @ dout", "dv = a @ dout", "not transposed on the way to v"
        ),
    },
)


# Two heads of attention with projections.


def heads(x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, Wo: Tensor) -> Tensor:
    n, e = x.shape
    h = 2
    d = e // h
    q = (x @ Wq).view(n, h, d).transpose(0, 1)
    k = (x @ Wk).view(n, h, d).transpose(0, 1)
    v = (x @ Wv).view(n, h, d).transpose(0, 1)
    att = (q @ k.transpose(-2, -1) / d**0.5).softmax(-1)
    y = (att @ v).transpose(0, 1).reshape(n, e)
    out = y @ Wo
    end: Tensor = (out**2).mean()
    return end


def heads_backward(x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, Wo: Tensor) -> Any:
    n, e = x.shape
    h, d = 2, x.shape[1] // 2

    def split(z: Tensor) -> Tensor:
        return z.view(n, h, d).transpose(0, 1)

    def join(z: Tensor) -> Tensor:
        return z.transpose(0, 1).reshape(n, e)

    q, k, v = split(x @ Wq), split(x @ Wk), split(x @ Wv)
    a = torch.softmax(q @ k.transpose(1, 2) / d**0.5, -1)
    y = join(a @ v)
    g = 2 * (y @ Wo) / (n * e)
    gWo = y.T @ g
    gy = split(g @ Wo.T)
    gv = a.transpose(1, 2) @ gy
    ga = gy @ v.transpose(1, 2)
    gs = (ga - (ga * a).sum(-1, keepdim=True)) * a / d**0.5
    gq = gs @ k
    gk = gs.transpose(1, 2) @ q
    gx = join(gq) @ Wq.T + join(gk) @ Wk.T + join(gv) @ Wv.T
    return gx, x.T @ join(gq), x.T @ join(gk), x.T @ join(gv), gWo


HEADS = Pass(
    heads,
    heads_backward,
    ("x", "Wq", "Wk", "Wv", "Wo"),
    tuple({"x": (n, 4), "Wq": (4, 4), "Wk": (4, 4), "Wv": (4, 4), "Wo": (4, 4)} for n in (3, 5)),
    {
        "scaled by all of e": Edit("* a / d**0.5", "* a / e**0.5", "divided by 1.414 twice"),
        "path through v forgotten": Edit(
            " + join(gv) @ Wv.T", "", "at x @ Wv, no gradient is passed back"
        ),
        "output weights not transposed": Edit(
            "split(g @ Wo.T)",
            "split(g @ Wo)",
            "at out = y @ Wo, the other matrix is not transposed",
        ),
        "mean over rows only": Edit("/ (n * e)", "/ n", "number of rows, not of all entries"),
        "second head forgotten": Edit(
            "gk = gs.transpose(1, 2) @ q",
            "gk = gs.transpose(1, 2) @ q; gk[1] = 0",
            "only the first entry along axis 0 of the gradient",
        ),
    },
)


# SwiGLU, residual.


def swiglu(x: Tensor, W: Tensor, V: Tensor, U: Tensor, t: Tensor) -> Tensor:
    a = x @ W
    b = x @ V
    s = F.silu(a)
    h = s * b
    out = x + h @ U
    return F.mse_loss(out, t)


def swiglu_backward(x: Tensor, W: Tensor, V: Tensor, U: Tensor, t: Tensor) -> Any:
    a, b = x @ W, x @ V
    sig = torch.sigmoid(a)
    s = a * sig
    h = s * b
    dout = 2 * (x + h @ U - t) / t.numel()
    dU = h.T @ dout
    dh = dout @ U.T
    db = dh * s
    da = dh * b * (sig + a * sig * (1 - sig))
    dx = da @ W.T + db @ V.T
    dx = dx + dout
    return dx, x.T @ da, x.T @ db, dU


SWIGLU = Pass(
    swiglu,
    swiglu_backward,
    ("x", "W", "V", "U"),
    (
        {"x": (3, 4), "W": (4, 5), "V": (4, 5), "U": (5, 4), "t": (3, 4)},
        {"x": (2, 3), "W": (3, 3), "V": (3, 3), "U": (3, 3), "t": (2, 3)},
    ),
    {
        "slope of silu as sigmoid's": Edit(
            "(sig + a * sig * (1 - sig))",
            "sig * (1 - sig)",
            "at s = a·gate, no gradient is passed back to a",
        ),
        "slope of silu as sigmoid": Edit(
            "(sig + a * sig * (1 - sig))", "sig", "at gate = σ(a), no gradient is passed back"
        ),
        "residual forgotten": Edit(
            "dx = dx + dout",
            "pass",
            "no gradient is passed back to x",
        ),
        "gate's own value": Edit(
            "db = dh * s", "db = dh * a", "a is used in place of s on the way to b"
        ),
    },
)


# A GRU cell.


def gru(x: Tensor, h: Tensor, Wz: Tensor, Uz: Tensor, Wn: Tensor, Un: Tensor, t: Tensor) -> Tensor:
    z = torch.sigmoid(x @ Wz + h @ Uz)
    n = torch.tanh(x @ Wn + h @ Un)
    h2 = (1 - z) * n + z * h
    return 0.5 * ((h2 - t) ** 2).sum()


def gru_backward(
    x: Tensor, h: Tensor, Wz: Tensor, Uz: Tensor, Wn: Tensor, Un: Tensor, t: Tensor
) -> Any:
    z = torch.sigmoid(x @ Wz + h @ Uz)
    n = torch.tanh(x @ Wn + h @ Un)
    dh2 = (1 - z) * n + z * h - t
    dz = dh2 * (h - n)
    dn = dh2 * (1 - z)
    daz = dz * z * (1 - z)
    dan = dn * (1 - n * n)
    dh = dh2 * z + daz @ Uz.T + dan @ Un.T
    return dh, x.T @ daz, h.T @ daz, x.T @ dan, h.T @ dan


GRU = Pass(
    gru,
    gru_backward,
    ("h", "Wz", "Uz", "Wn", "Un"),
    tuple(
        {
            "x": (n, 2),
            "h": (n, 3),
            "Wz": (2, 3),
            "Uz": (3, 3),
            "Wn": (2, 3),
            "Un": (3, 3),
            "t": (n, 3),
        }
        for n in (4, 2)
    ),
    {
        "gate's negative path forgotten": Edit(
            "dh2 * (h - n)", "dh2 * h", "at 1 − z, no gradient is passed back"
        ),
        "gate's path with the sign": Edit(
            "dh2 * (h - n)", "dh2 * (h + n)", "the minus of z is forgotten"
        ),
        "direct path forgotten": Edit("dh2 * z + daz", "daz", "at z·h, no gradient is passed back"),
        "slope of tanh without square": Edit("(1 - n * n)", "(1 - n)", "1 − n"),
        "path through the gate forgotten": Edit(
            "+ daz @ Uz.T + dan", "+ dan", "at h @ Uz, no gradient is passed back"
        ),
    },
)


# Convolution by unfold.


def conv(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Tensor:
    patches = x.unfold(1, 3, 1)
    y = patches @ w + b
    out = torch.relu(y)
    return ((out - t) ** 2).mean()


def conv_backward(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Any:
    p = torch.stack([x[:, i : i + 3] for i in range(x.shape[1] - 2)], 1)
    y = p @ w + b
    dy = 2 * (y.clamp(min=0) - t) / t.numel()
    dy = dy * (y > 0)
    dw = torch.einsum("nl,nlk->k", dy, p)
    db = dy.sum()
    dx = torch.zeros_like(x)
    for i in range(y.shape[1]):
        dx[:, i : i + 3] += dy[:, i, None] * w
    return dx, dw, db


CONV = Pass(
    conv,
    conv_backward,
    ("x", "w", "b"),
    (
        {"x": (2, 6), "w": (3,), "b": (), "t": (2, 4)},
        {"x": (3, 5), "w": (3,), "b": (), "t": (3, 3)},
    ),
    {
        "relu's gate forgotten": Edit("dy = dy * (y > 0)", "pass", "at out = relu(y), its slope"),
        "windows overwrite": Edit("] += dy", "] = dy", "an entry in several windows keeps one"),
        "kernel flipped": Edit(
            "dy[:, i, None] * w", "dy[:, i, None] * w.flip(0)", "from back to front"
        ),
        "bias averaged": Edit("dy.sum()", "dy.mean()", "averaged, not summed"),
    },
)


# An embedding with a linear head and cross-entropy as a sum.


def embed(E: Tensor, W: Tensor, b: Tensor, ids: Tensor, y: Tensor) -> Tensor:
    e = E[ids]
    logits = e @ W + b
    logp = logits.log_softmax(-1)
    return -logp[torch.arange(len(y)), y].sum()


def embed_backward(E: Tensor, W: Tensor, b: Tensor, ids: Tensor, y: Tensor) -> Any:
    e = E[ids]
    logits = e @ W + b
    d = torch.softmax(logits, 1)
    d[range(len(y)), y] -= 1
    de = d @ W.T
    dE = torch.zeros_like(E)
    dE.index_add_(0, ids, de)
    return dE, e.T @ d, d.sum(0)


EMBED = Pass(
    embed,
    embed_backward,
    ("E", "W", "b"),
    (
        {"E": (4, 3), "W": (3, 5), "b": (5,), "n:ids": (7, 4), "n:y": (7, 5)},
        {"E": (3, 2), "W": (2, 4), "b": (4,), "n:ids": (8, 3), "n:y": (8, 4)},
    ),
    {
        "rows overwrite": Edit(
            "dE.index_add_(0, ids, de)", "dE[ids] = de", "an entry that is picked twice keeps one"
        ),
        "rows averaged": Edit(
            "dE.index_add_(0, ids, de)",
            "dE.index_add_(0, ids, de); dE /= ids.bincount(minlength=len(E)).clamp(min=1)[:, None]",
            "what reaches E from all entries is averaged",
        ),
        "labels forgotten": Edit("d[range(len(y)), y] -= 1", "pass", "only −softmax(logits)·Σ g"),
        "mean for sum": Edit(
            "d[range(len(y)), y] -= 1", "d[range(len(y)), y] -= 1; d = d / len(y)", "as for a mean"
        ),
        "labels added": Edit("-= 1", "+= 1", "softmax(logits) is subtracted once, not Σ g times"),
    },
)


# Binary cross-entropy with logits, L2.


def bce(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Tensor:
    z = x @ w + b
    loss = F.binary_cross_entropy_with_logits(z, t)
    return loss + 0.05 * (w**2).sum()


def bce_backward(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Any:
    p = torch.sigmoid(x @ w + b)
    dz = (p - t) / len(t)
    dw = x.T @ dz
    db = dz.sum()
    return dw + 0.1 * w, db


BCE = Pass(
    bce,
    bce_backward,
    ("w", "b"),
    (
        {"x": (5, 3), "w": (3,), "b": (), "m:t": (5,)},
        {"x": (4, 2), "w": (2,), "b": (), "m:t": (4,)},
    ),
    {
        "slope of sigmoid once more": Edit(
            "(p - t) / len(t)", "(p - t) * p * (1 - p) / len(t)", "p·(1 − p) is multiplied in twice"
        ),
        "penalty without 2": Edit("0.1 * w", "0.05 * w", "the exponent 2"),
        "penalty forgotten": Edit("dw + 0.1 * w", "dw", "at w², no gradient is passed back"),
        "bias not averaged": Edit(
            "db = dz.sum()", "db = (p - t).sum()", "multiplied by the number of rows"
        ),
        "sign": Edit("(p - t) / len(t)", "(t - p) / len(t)", "the minus is left out"),
    },
)


# Cosine similarity of pairs, contrastive.


def info_nce(a: Tensor, b: Tensor) -> Tensor:
    an = F.normalize(a, dim=-1)
    bn = F.normalize(b, dim=-1)
    sim = an @ bn.T / 0.5
    return F.cross_entropy(sim, torch.arange(len(a)))


def info_nce_backward(a: Tensor, b: Tensor) -> Any:
    na, nb = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    an, bn = a / na, b / nb
    sim = an @ bn.T / 0.5
    d = (sim.softmax(1) - torch.eye(len(a))) / len(a)
    d = d / 0.5
    dan, dbn = d @ bn, d.T @ an
    da = (dan - an * (dan * an).sum(1, keepdim=True)) / na
    db = (dbn - bn * (dbn * bn).sum(1, keepdim=True)) / nb
    return da, db


NCE = Pass(
    info_nce,
    info_nce_backward,
    ("a", "b"),
    ({"a": (3, 3), "b": (3, 3)}, {"a": (4, 2), "b": (4, 2)}),
    {
        "temperature forgotten": Edit("d = d / 0.5", "pass", "its slope 1/0.5 is left out"),
        "norm as a constant": Edit(
            "(dan - an * (dan * an).sum(1, keepdim=True)) / na",
            "dan / na",
            "at a², no gradient is passed back",
        ),
        "division by the norm forgotten": Edit(
            "(dbn - bn * (dbn * bn).sum(1, keepdim=True)) / nb",
            "(dbn - bn * (dbn * bn).sum(1, keepdim=True))",
            "is not divided by √(Σ b²)",
        ),
        "1/n forgotten": Edit(
            "torch.eye(len(a))) / len(a)", "torch.eye(len(a)))", "the 1/n of the mean is left out"
        ),
    },
)


# Group norm, focal loss, Huber, KL, dropout, pooling.


def group_norm(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Tensor:
    n, c, length = x.shape
    g = x.reshape(n, 2, -1)
    m = g.mean(-1, keepdim=True)
    v = g.var(-1, unbiased=False, keepdim=True)
    xh = ((g - m) / (v + 1e-5).sqrt()).reshape(n, c, length)
    y = w[:, None] * xh + b[:, None]
    return (y * t).sum()


def group_norm_backward(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Any:
    n, c, length = x.shape
    g = x.reshape(n, 2, -1)
    size = g.shape[-1]
    std = (g.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    xh = (g - g.mean(-1, keepdim=True)) / std
    dw = (t * xh.reshape(x.shape)).sum((0, 2))
    db = t.sum((0, 2))
    dxh = (t * w[:, None]).reshape(g.shape)
    mean_term = dxh.sum(-1, keepdim=True) / size
    var_term = xh * (dxh * xh).sum(-1, keepdim=True) / size
    dx = (dxh - mean_term - var_term) / std
    return dx.reshape(x.shape), dw, db


GROUP = Pass(
    group_norm,
    group_norm_backward,
    ("x", "w", "b"),
    (
        {"x": (3, 4, 2), "w": (4,), "b": (4,), "t": (3, 4, 2)},
        {"x": (2, 2, 3), "w": (2,), "b": (2,), "t": (2, 2, 3)},
    ),
    {
        "through the mean forgotten": Edit(
            "dxh - mean_term - var_term", "dxh - var_term", "at m = mean g, no gradient"
        ),
        "through the variance forgotten": Edit(
            "dxh - mean_term - var_term", "dxh - mean_term", "at v = var g, no gradient"
        ),
        "not divided by std": Edit(
            "dx = (dxh - mean_term - var_term) / std",
            "dx = dxh - mean_term - var_term",
            "is not divided by √",
        ),
        "first sample only for w": Edit(
            "(t * xh.reshape(x.shape)).sum((0, 2))",
            "(t * xh.reshape(x.shape))[0].sum(-1)",
            "only the first entry along axis 0 of the gradient",
        ),
        "batch not summed for b": Edit(
            "db = t.sum((0, 2))", "db = t.mean((0, 2))", "from all entries is averaged, not summed"
        ),
    },
)


def focal(x: Tensor, w: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(x @ w)
    pt = t * p + (1 - t) * (1 - p)
    return (-((1 - pt) ** 2) * torch.log(pt)).mean()


def focal_backward(x: Tensor, w: Tensor, t: Tensor) -> Any:
    p = torch.sigmoid(x @ w)
    pt = t * p + (1 - t) * (1 - p)
    dpt = 2 * (1 - pt) * pt.log() - (1 - pt) ** 2 / pt
    dp = dpt * (2 * t - 1) / len(t)
    return (x.T @ (dp * p * (1 - p)),)


FOCAL = Pass(
    focal,
    focal_backward,
    ("w",),
    ({"x": (6, 3), "w": (3,), "m:t": (6,)}, {"x": (5, 2), "w": (2,), "m:t": (5,)}),
    {
        "weight as a constant": Edit(
            "2 * (1 - pt) * pt.log() - (1 - pt) ** 2 / pt",
            "- (1 - pt) ** 2 / pt",
            "at 1 − pt, no gradient",
        ),
        "log as a constant": Edit(
            "2 * (1 - pt) * pt.log() - (1 - pt) ** 2 / pt",
            "2 * (1 - pt) * pt.log()",
            "at log(pt), no gradient",
        ),
        "inner sign": Edit(
            "2 * (1 - pt) * pt.log()",
            "-2 * (1 - pt) * pt.log()",
            "at 1 − pt, the minus of pt is forgotten",
        ),
        "slope of sigmoid forgotten": Edit(
            "dp * p * (1 - p)", "dp", "its slope p·(1 − p) is left out"
        ),
    },
)


def huber(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Tensor:
    r = x @ w + b - t
    quad = 0.5 * r**2
    lin = r.abs() - 0.5
    return torch.where(r.abs() <= 1, quad, lin).mean()


def huber_backward(x: Tensor, w: Tensor, b: Tensor, t: Tensor) -> Any:
    r = x @ w + b - t
    d = torch.where(r.abs() <= 1, r, r.sign())
    d = d / r.numel()
    return x.T @ d, d.sum(0)


HUBER = Pass(
    huber,
    huber_backward,
    ("w", "b"),
    (
        {"x": (6, 3), "w": (3, 2), "b": (2,), "t": (6, 2)},
        {"x": (5, 2), "w": (2, 3), "b": (3,), "t": (5, 3)},
    ),
    {
        "no linear part": Edit(
            "torch.where(r.abs() <= 1, r, r.sign())", "r", "quad is taken everywhere"
        ),
        "linear part without sign": Edit(
            "r.sign())", "torch.ones_like(r))", "its slope ±1 is left out"
        ),
        "branches exchanged": Edit("1, r, r.sign()", "1, r.sign(), r", "the condition is turned"),
        "bias of the last row": Edit("d.sum(0)", "d[-1]", "only the last row of the gradient"),
        "mean over rows only": Edit(
            "d = d / r.numel()", "d = d / len(r)", "number of rows, not of all entries"
        ),
    },
)


def distil(x: Tensor, W: Tensor, p: Tensor) -> Tensor:
    q = F.log_softmax(x @ W, dim=1)
    return F.kl_div(q, p, reduction="batchmean")


def distil_backward(x: Tensor, W: Tensor, p: Tensor) -> Any:
    q = torch.softmax(x @ W, 1)
    d = (q - p) / len(x)
    return d @ W.T, x.T @ d


KL = Pass(
    distil,
    distil_backward,
    ("x", "W"),
    ({"x": (4, 3), "W": (3, 5), "p:p": (4, 5)}, {"x": (3, 2), "W": (2, 2), "p:p": (3, 2)}),
    {
        "q forgotten": Edit(
            "(q - p) / len(x)", "-p / len(x)", "log softmax(x @ W), its slope is left out"
        ),
        "all entries averaged": Edit(
            "/ len(x)", "/ p.numel()", "divided by the number of columns of W"
        ),
    },
)


def dropped(x: Tensor, W: Tensor, b: Tensor, U: Tensor, keep: Tensor) -> Tensor:
    h = torch.tanh(x @ W + b)
    d = h * keep / 0.8
    pooled = d.max(0).values
    return (pooled @ U).logsumexp(-1)


def dropped_backward(x: Tensor, W: Tensor, b: Tensor, U: Tensor, keep: Tensor) -> Any:
    h = torch.tanh(x @ W + b)
    d = h * keep / 0.8
    pooled, at = d.max(0)
    s = torch.softmax(pooled @ U, -1)
    dU = torch.outer(pooled, s)
    dd = torch.zeros_like(d)
    dd[at, torch.arange(d.shape[1])] = U @ s
    dh = dd * keep / 0.8
    dz = dh * (1 - h**2)
    return x.T @ dz, dz.sum(0), dU


DROPPED = Pass(
    dropped,
    dropped_backward,
    ("W", "b", "U"),
    (
        {"x": (6, 3), "W": (3, 4), "b": (4,), "U": (4, 3), "m:keep": (6, 4)},
        {"x": (7, 2), "W": (2, 3), "b": (3,), "U": (3, 2), "m:keep": (7, 3)},
    ),
    {
        "scale forgotten": Edit("dd * keep / 0.8", "dd * keep", "its slope 1/0.8 is left out"),
        "maximum handed to everybody": Edit(
            "dd[at, torch.arange(d.shape[1])] = U @ s",
            "dd[:] = U @ s",
            "to every entry, not to the largest alone",
        ),
        "slope at the sum": Edit(
            "(1 - h**2)", "(1 - (x @ W + b) ** 2)", "with the sum in place of the activation"
        ),
    },
)

# Two moons of the exact GELU and a layer norm through autograd.Function.


def mlp_ln(x: Tensor, W: Tensor, c: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) -> Tensor:
    mu = x.mean(-1, keepdim=True)
    sigma = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
    n = (x - mu) / sigma * gamma + beta
    h = F.gelu(n @ W + c, approximate="tanh")
    return 0.5 * ((x + h - y) ** 2).mean()


def mlp_ln_backward(x: Tensor, W: Tensor, c: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) -> Any:
    mu = x.mean(-1, keepdim=True)
    sigma = (x.var(-1, unbiased=False, keepdim=True) + 1e-5) ** 0.5
    xh = (x - mu) / sigma
    n = xh * gamma + beta
    z = n @ W + c
    k = (2 / math.pi) ** 0.5
    th = torch.tanh(k * (z + 0.044715 * z**3))
    h = 0.5 * z * (1 + th)
    d = (x + h - y) / y.numel()
    dz = d * (0.5 * (1 + th) + 0.5 * z * (1 - th**2) * k * (1 + 3 * 0.044715 * z**2))
    dn = dz @ W.T
    dxh = dn * gamma
    dx = (dxh - dxh.mean(-1, keepdim=True) - xh * (dxh * xh).mean(-1, keepdim=True)) / sigma
    return dx + d, n.T @ dz, dz.sum(0), (dn * xh).sum(0), dn.sum(0)


MLP_LN = Pass(
    mlp_ln,
    mlp_ln_backward,
    ("x", "W", "c", "gamma", "beta"),
    tuple(
        {"x": (n, 4), "W": (4, 4), "c": (4,), "gamma": (4,), "beta": (4,), "y": (n, 4)}
        for n in (3, 6)
    ),
    {
        "residual forgotten": Edit(
            "return dx + d,",
            "return dx,",
            "no gradient is passed back to x",
        ),
        "gain forgotten": Edit("dxh = dn * gamma", "dxh = dn", "its slope gamma is left out"),
        "normalised x for n": Edit(
            "n.T @ dz", "xh.T @ dz", "(x − mu) / sigma is used in place of n"
        ),
        "inner slope of gelu": Edit(
            " * (1 + 3 * 0.044715 * z**2))", ")", "what stands inside its tanh"
        ),
        "bias averaged": Edit("dz.sum(0),", "dz.mean(0),", "averaged, not summed"),
    },
)

PASSES: Mapping[str, Pass] = {
    "RMS norm": RMS,
    "causal attention": CAUSAL,
    "two heads": HEADS,
    "SwiGLU": SWIGLU,
    "GRU": GRU,
    "convolution": CONV,
    "embedding": EMBED,
    "BCE": BCE,
    "InfoNCE": NCE,
    "group norm": GROUP,
    "focal loss": FOCAL,
    "Huber": HUBER,
    "KL": KL,
    "dropout and pooling": DROPPED,
    "norm, GELU, residual": MLP_LN,
}
