"""Backward passes as people write them: right in several styles, wrong in one place each.

Every problem has a loss in ordinary PyTorch and gradients by hand. A wrong one says what is wrong
with it: words that the first explanation has to contain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Gradient = Callable[..., Any]


@dataclass(frozen=True)
class Problem:
    """A loss, its inputs and gradients for it.

    shapes  of the inputs on each case; an int n stands for a class label below n for each row
    wrong   name -> (gradient, words the first story must contain, every group one of which)
    """

    loss: Callable[..., Tensor]
    shapes: tuple[Mapping[str, tuple[int, ...]], ...]
    wrt: tuple[str, ...]
    right: Mapping[str, Gradient]
    wrong: Mapping[str, tuple[Gradient, tuple[str, ...]]] = field(default_factory=dict)

    def cases(self, seed: int = 0) -> list[dict[str, Tensor]]:
        dice = torch.Generator().manual_seed(seed)
        drawn = []
        for shapes in self.shapes:
            case = {}
            for name, shape in shapes.items():
                if name == "labels":
                    case[name] = torch.randint(shape[1], shape[:1], generator=dice)
                else:
                    case[name] = torch.randn(shape, generator=dice, dtype=torch.float64)
            drawn.append(case)
        return drawn


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    return F.one_hot(labels, like.shape[1]).to(like.dtype)


# Softmax with cross-entropy: a linear layer in front.


def ce_loss(x: Tensor, W: Tensor, b: Tensor, labels: Tensor) -> Tensor:
    logits = x @ W + b
    return F.cross_entropy(logits, labels)


def ce(
    x: Tensor,
    W: Tensor,
    b: Tensor,
    labels: Tensor,
    *,
    delta: Callable[[Tensor, Tensor], Tensor] = lambda p, y: (p - y) / len(p),
    bias: Callable[[Tensor], Tensor] = lambda d: d.sum(0),
    weight: Callable[[Tensor, Tensor], Tensor] = lambda x, d: x.T @ d,
    dim: int = 1,
) -> tuple[Tensor, Tensor]:
    logits = x @ W + b
    p = torch.softmax(logits, dim)
    d = delta(p, one_hot(labels, logits))
    return weight(x, d), bias(d)


def ce_by_rows(x: Tensor, W: Tensor, b: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Row by row, with explicit exponentials."""
    gW, gb = torch.zeros_like(W), torch.zeros_like(b)
    for row, label in zip(x, labels, strict=True):
        e = torch.exp(row @ W + b - (row @ W + b).max())
        p = e / e.sum()
        p[label] -= 1
        gW += torch.outer(row, p) / len(x)
        gb += p / len(x)
    return gW, gb


CE = Problem(
    ce_loss,
    (
        {"x": (5, 3), "W": (3, 4), "b": (4,), "labels": (5, 4)},
        {"x": (6, 3), "W": (3, 3), "b": (3,), "labels": (6, 3)},
    ),
    ("W", "b"),
    {"vectorised": ce, "row by row": ce_by_rows},
    {
        "not divided by n": (lambda **k: ce(**k, delta=lambda p, y: p - y), ("1/n",)),
        "sign": (lambda **k: ce(**k, delta=lambda p, y: (y - p) / len(p)), ("sign", "minus")),
        "target forgotten": (
            lambda **k: ce(**k, delta=lambda p, y: p / len(p)),
            ("only −softmax(logits)",),
        ),
        "softmax forgotten": (
            lambda **k: ce(**k, delta=lambda p, y: -y / len(p)),
            ("its slope is left out",),
        ),
        "wrong axis": (lambda **k: ce(**k, dim=0), ("axis",)),
        "bias averaged": (lambda **k: ce(**k, bias=lambda d: d.mean(0)), ("averaged",)),
        "halved": (lambda **k: ce(**k, delta=lambda p, y: (p - y) / 2 / len(p)), ("half",)),
        "divided by classes": (
            lambda **k: ce(**k, delta=lambda p, y: (p - y) / p.numel()),
            ("divided by",),
        ),
    },
)


# Softmax as a layer, then a squared error.


def sm_loss(x: Tensor, y: Tensor) -> Tensor:
    p = torch.softmax(x, dim=-1)
    return ((p - y) ** 2).mean()


def sm(x: Tensor, y: Tensor, *, jacobian: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    p = torch.softmax(x, dim=-1)
    return jacobian(p, 2 * (p - y) / p.numel(), x)


def sm_by_jacobian(x: Tensor, y: Tensor) -> Tensor:
    """The whole Jacobian of each row."""
    rows = []
    for row, target in zip(x, y, strict=True):
        p = torch.softmax(row, 0)
        J = torch.diag(p) - torch.outer(p, p)
        rows.append(J @ (2 * (p - target) / x.numel()))
    return torch.stack(rows)


SOFTMAX = Problem(
    sm_loss,
    ({"x": (4, 3), "y": (4, 3)}, {"x": (2, 5), "y": (2, 5)}),
    ("x",),
    {
        "jacobian": sm_by_jacobian,
        "short": lambda x, y: sm(
            x, y, jacobian=lambda p, g, x: p * (g - (p * g).sum(-1, keepdim=True))
        ),
    },
    {
        "diagonal only": (
            lambda x, y: sm(x, y, jacobian=lambda p, g, x: g * p * (1 - p)),
            ("depended on its own input alone", "one alone"),
        ),
        "not subtracted": (
            lambda x, y: sm(x, y, jacobian=lambda p, g, x: g * p),
            ("not subtracted",),
        ),
        "wrong axis": (
            lambda x, y: sm(x, y, jacobian=lambda p, g, x: p * (g - (p * g).sum(0, keepdim=True))),
            ("axis",),
        ),
        "slope left out": (
            lambda x, y: sm(x, y, jacobian=lambda p, g, x: g),
            ("p = softmax(x), its slope",),
        ),
        "sum of g": (
            lambda x, y: sm(x, y, jacobian=lambda p, g, x: p * (g - g.sum(-1, keepdim=True))),
            ("Σ g is subtracted",),
        ),
        "2 forgotten": (
            lambda x, y: sm(
                x, y, jacobian=lambda p, g, x: p * (g - (p * g).sum(-1, keepdim=True)) / 2
            ),
            ("exponent",),
        ),
    },
)


# Layer norm, written out, with a squared error behind it.


def ln_loss(x: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) -> Tensor:
    mu = x.mean(-1, keepdim=True)
    var = ((x - mu) ** 2).mean(-1, keepdim=True)
    x_hat = (x - mu) / torch.sqrt(var + 1e-5)
    out = gamma * x_hat + beta
    return ((out - y) ** 2).mean()


def ln_builtin(x: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) -> Tensor:
    out = F.layer_norm(x, gamma.shape, gamma, beta)
    return F.mse_loss(out, y)


def ln(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    y: Tensor,
    *,
    through_mean: bool = True,
    through_var: bool = True,
    scaled: bool = True,
    std_power: int = 1,
    gain: Callable[[Tensor, Tensor], Tensor] = lambda g, x_hat: (g * x_hat).sum(0),
    shift: Callable[[Tensor], Tensor] = lambda g: g.sum(0),
    unbiased: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    mu = x.mean(-1, keepdim=True)
    std = torch.sqrt(x.var(-1, keepdim=True, unbiased=unbiased) + 1e-5)
    x_hat = (x - mu) / std
    g = 2 * (gamma * x_hat + beta - y) / x.numel()
    d = g * gamma if scaled else g
    back = d
    if through_mean:
        back = back - d.mean(-1, keepdim=True)
    if through_var:
        back = back - x_hat * (d * x_hat).mean(-1, keepdim=True)
    return back / std**std_power, gain(g, x_hat), shift(g)


def ln_by_parts(x: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Node by node, as a course on backpropagation has it."""
    n = x.shape[-1]
    mu = x.sum(-1, keepdim=True) / n
    c = x - mu
    var = (c * c).sum(-1, keepdim=True) / n
    inv = (var + 1e-5) ** -0.5
    x_hat = c * inv
    g_out = 2 * (x_hat * gamma + beta - y) / y.numel()
    g_hat = g_out * gamma
    g_inv = (g_hat * c).sum(-1, keepdim=True)
    g_var = g_inv * -0.5 * (var + 1e-5) ** -1.5
    g_c = g_hat * inv + g_var * 2 * c / n
    g_x = g_c - g_c.sum(-1, keepdim=True) / n
    return g_x, (g_out * x_hat).sum(0), g_out.sum(0)


LN_WRONG: Mapping[str, tuple[Gradient, tuple[str, ...]]] = {
    "variance held constant": (
        lambda **k: ln(**k, through_var=False),
        ("constant",),
    ),
    "mean held constant": (lambda **k: ln(**k, through_mean=False), ("mean",)),
    "both held constant": (
        lambda **k: ln(**k, through_mean=False, through_var=False),
        ("constant",),
    ),
    "gamma left out": (
        lambda **k: ln(**k, scaled=False),
        ("slope gamma", "gamma·x_hat", "x_hat·gamma"),
    ),
    "divided by the variance": (lambda **k: ln(**k, std_power=2), ("divided by",)),
    "not divided": (lambda **k: ln(**k, std_power=0), ("not divided by",)),
    "gain without x_hat": (
        lambda **k: ln(**k, gain=lambda g, x_hat: g.sum(0)),
        ("slope x_hat", "its slope"),
    ),
    "shift averaged": (lambda **k: ln(**k, shift=lambda g: g.mean(0)), ("averaged",)),
}
LN_RIGHT = {"short": ln, "by parts": ln_by_parts}
LN_SHAPES = (
    {"x": (4, 6), "gamma": (6,), "beta": (6,), "y": (4, 6)},
    {"x": (3, 5), "gamma": (5,), "beta": (5,), "y": (3, 5)},
)
LAYER_NORM = Problem(ln_loss, LN_SHAPES, ("x", "gamma", "beta"), LN_RIGHT, LN_WRONG)
BUILTIN_NORM = Problem(
    ln_builtin,
    LN_SHAPES,
    ("x", "gamma", "beta"),
    LN_RIGHT,
    {
        **LN_WRONG,
        "n − 1": (lambda **k: ln(**k, unbiased=True), ("n",)),
    },
)


# Batch norm with torch.var.


def bn_loss(x: Tensor, gamma: Tensor, beta: Tensor, v: Tensor) -> Tensor:
    mean = x.mean(0)
    var = x.var(0, unbiased=False)
    std = (var + 1e-5).sqrt()
    x_hat = (x - mean) / std
    out = x_hat * gamma + beta
    return (out * v).sum()


def bn(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    v: Tensor,
    *,
    var_slope: Callable[[Tensor, int], Tensor] = lambda c, n: 2 * c / n,
    std_slope: Callable[[Tensor], Tensor] = lambda std: -0.5 * std**-3,
    through_mean: bool = True,
    axis: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    n = len(x)
    c = x - x.mean(0)
    std = torch.sqrt((c * c).mean(0) + 1e-5)
    x_hat = c / std
    d_hat = v * gamma
    d_var = (d_hat * c).sum(0) * std_slope(std)
    d_x = d_hat / std + d_var * var_slope(c, n)
    if through_mean:
        d_x = d_x - (d_hat / std).mean(0)
    return d_x, (v * x_hat).sum(axis), v.sum(0)


BATCH_NORM = Problem(
    bn_loss,
    (
        {"x": (6, 3), "gamma": (3,), "beta": (3,), "v": (6, 3)},
        {"x": (5, 4), "gamma": (4,), "beta": (4,), "v": (5, 4)},
    ),
    ("x", "gamma", "beta"),
    {"by parts": bn},
    {
        "2 of the variance": (lambda **k: bn(**k, var_slope=lambda c, n: c / n), ("2",)),
        "n of the variance": (lambda **k: bn(**k, var_slope=lambda c, n: 2 * c), ("1/n",)),
        "n − 1": (lambda **k: bn(**k, var_slope=lambda c, n: 2 * c / (n - 1)), ("n − 1",)),
        "mean held constant": (lambda **k: bn(**k, through_mean=False), ("mean",)),
        "sign of the std": (lambda **k: bn(**k, std_slope=lambda s: 0.5 * s**-3), ("minus",)),
        "power of the std": (lambda **k: bn(**k, std_slope=lambda s: -0.5 * s**-2), ("s",)),
    },
)


# Attention.


def attention_loss(x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, y: Tensor) -> Tensor:
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    S = Q @ K.T / math.sqrt(K.shape[1])
    A = torch.softmax(S, dim=1)
    out = A @ V
    return 0.5 * ((out - y) ** 2).sum()


def attention(
    x: Tensor,
    Wq: Tensor,
    Wk: Tensor,
    Wv: Tensor,
    y: Tensor,
    *,
    softmax: Callable[[Tensor, Tensor], Tensor] = lambda A, g: (
        A * (g - (A * g).sum(1, keepdim=True))
    ),
    scale: float = 0.5,
    key: Callable[[Tensor, Tensor], Tensor] = lambda dS, Q: dS.T @ Q,
    value: Callable[[Tensor, Tensor], Tensor] = lambda A, g: A.T @ g,
    query_scale: float | None = None,
    query_input: bool = True,
) -> tuple[Tensor, ...]:
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    d = math.sqrt(K.shape[1])
    A = torch.softmax(Q @ K.T / d, 1)
    g = A @ V - y
    dA = g @ V.T
    dS = softmax(A, dA) * d ** (-2 * scale)
    dQ = dS @ K if query_scale is None else dS @ K * query_scale
    dK = key(dS, Q)
    return x.T @ dQ, x.T @ dK, x.T @ value(A, g)


ATTENTION = Problem(
    attention_loss,
    tuple(
        {"x": (t, 4), "Wq": (4, d), "Wk": (4, d), "Wv": (4, 3), "y": (t, 3)}
        for t, d in ((5, 3), (3, 5))
    ),
    ("Wq", "Wk", "Wv"),
    {"by hand": attention},
    {
        "scale forgotten": (lambda **k: attention(**k, scale=0), ("slope", "/")),
        "scale twice": (lambda **k: attention(**k, scale=1), ("twice",)),
        "softmax entry by entry": (
            lambda **k: attention(**k, softmax=lambda A, g: A * (1 - A) * g),
            ("its own input alone",),
        ),
        "softmax half": (
            lambda **k: attention(**k, softmax=lambda A, g: A * g),
            ("not subtracted",),
        ),
        "softmax axis": (
            lambda **k: attention(**k, softmax=lambda A, g: A * (g - (A * g).sum(0, keepdim=True))),
            ("axis",),
        ),
        "key not transposed": (
            lambda **k: attention(**k, key=lambda dS, Q: dS @ Q),
            ("transposed",),
        ),
        "value not transposed": (
            lambda **k: attention(**k, value=lambda A, g: A @ g),
            ("transposed",),
        ),
        "query negated": (lambda **k: attention(**k, query_scale=-1.0), ("sign",)),
    },
)


# A multilayer perceptron.


def mlp_loss(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, W3: Tensor
) -> Tensor:
    z1 = x @ W1 + b1
    h1 = torch.tanh(z1)
    z2 = h1 @ W2 + b2
    h2 = torch.relu(z2)
    y_hat = h2 @ W3
    return F.mse_loss(y_hat, y)


def mlp(
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    W3: Tensor,
    *,
    tanh: Callable[[Tensor, Tensor], Tensor] = lambda z, h: 1 - h**2,
    gate: Callable[[Tensor, Tensor], Tensor] = lambda z, g: (z > 0) * g,
    back: Callable[[Tensor], Tensor] = lambda W: W.T,
    first: Callable[[Tensor, Tensor], Tensor] = lambda x, h: x,
    bias: Callable[[Tensor], Tensor] = lambda g: g.sum(0),
    middle: Callable[[Tensor, Tensor], Tensor] = lambda h1, z1: h1,
    residual: Callable[[Tensor, Tensor], Tensor] = lambda y_hat, y: 2 * (y_hat - y) / y.numel(),
) -> tuple[Tensor, ...]:
    z1 = x @ W1 + b1
    h1 = z1.tanh()
    z2 = h1 @ W2 + b2
    h2 = z2.clamp(min=0)
    g = residual(h2 @ W3, y)
    gW3 = h2.T @ g
    g2 = gate(z2, g @ W3.T)
    gW2, gb2 = middle(h1, z1).T @ g2, bias(g2)
    g1 = (g2 @ back(W2)) * tanh(z1, h1)
    return first(x, h1).T @ g1, bias(g1), gW2, gb2, gW3


def mlp_by_samples(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, W3: Tensor
) -> tuple[Tensor, ...]:
    """One sample at a time, gradients added up."""
    totals = [torch.zeros_like(p) for p in (W1, b1, W2, b2, W3)]
    for row, target in zip(x, y, strict=True):
        h1 = torch.tanh(row @ W1 + b1)
        z2 = h1 @ W2 + b2
        h2 = torch.relu(z2)
        g = 2 * (h2 @ W3 - target) / y.numel()
        g2 = (W3 @ g) * (z2 > 0)
        g1 = (W2 @ g2) * (1 - h1 * h1)
        for total, one in zip(
            totals,
            (torch.outer(row, g1), g1, torch.outer(h1, g2), g2, torch.outer(h2, g)),
            strict=True,
        ):
            total += one
    return tuple(totals)


MLP = Problem(
    mlp_loss,
    tuple(
        {
            "x": (n, 3),
            "y": (n, 2),
            "W1": (3, 4),
            "b1": (4,),
            "W2": (4, 4),
            "b2": (4,),
            "W3": (4, 2),
        }
        for n in (6, 5)
    ),
    ("W1", "b1", "W2", "b2", "W3"),
    {"batched": mlp, "one by one": mlp_by_samples},
    {
        "gate forgotten": (lambda **k: mlp(**k, gate=lambda z, g: g), ("h2 = relu(z2)",)),
        "gate of the gradient": (
            lambda **k: mlp(**k, gate=lambda z, g: g * (g > 0)),
            ("where it is itself positive",),
        ),
        "tanh of the sum": (lambda **k: mlp(**k, tanh=lambda z, h: 1 - z**2), ("1 − z1²",)),
        "tanh forgotten": (lambda **k: mlp(**k, tanh=lambda z, h: h**0), ("h1 = tanh(z1)",)),
        "slope of sigmoid": (lambda **k: mlp(**k, tanh=lambda z, h: h * (1 - h)), ("that of σ",)),
        "tanh without the square": (lambda **k: mlp(**k, tanh=lambda z, h: 1 - h), ("1 − h1",)),
        "not transposed": (lambda **k: mlp(**k, back=lambda W: W), ("not transposed",)),
        "biases averaged": (lambda **k: mlp(**k, bias=lambda g: g.mean(0)), ("averaged",)),
        "sum for the activation": (
            lambda **k: mlp(**k, middle=lambda h, z: z),
            ("z1 is used in place of h1",),
        ),
        "target forgotten": (
            lambda **k: mlp(**k, residual=lambda p, y: 2 * p / y.numel()),
            ("y is left out",),
        ),
        "residual turned round": (
            lambda **k: mlp(**k, residual=lambda p, y: 2 * (y - p) / y.numel()),
            ("sign", "y − y_hat"),
        ),
        "mean over rows only": (
            lambda **k: mlp(**k, residual=lambda p, y: 2 * (p - y) / len(y)),
            ("rows",),
        ),
        "2 forgotten": (
            lambda **k: mlp(**k, residual=lambda p, y: (p - y) / y.numel()),
            ("exponent 2",),
        ),
    },
)


# A gated residual network: ELU-free, two branches and a gate.


def grn_loss(x: Tensor, W: Tensor, U: Tensor, G: Tensor, y: Tensor) -> Tensor:
    a = F.gelu(x @ W)
    u = a @ U
    gate = torch.sigmoid(x @ G)
    out = x + gate * u
    r = out - y
    return 0.5 * r.square().sum()


def phi(z: Tensor) -> tuple[Tensor, Tensor]:
    return 0.5 * (1 + torch.erf(z / math.sqrt(2))), torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def grn(
    x: Tensor,
    W: Tensor,
    U: Tensor,
    G: Tensor,
    y: Tensor,
    *,
    skip: bool = True,
    through_gate: bool = True,
    gelu: Callable[[Tensor], Tensor] = lambda z: phi(z)[0] + z * phi(z)[1],
    gated: bool = True,
    gate_slope: Callable[[Tensor], Tensor] = lambda s: s * (1 - s),
    gate_input: bool = True,
) -> tuple[Tensor, ...]:
    z = x @ W
    a = z * phi(z)[0]
    u = a @ U
    s = torch.sigmoid(x @ G)
    r = x + s * u - y
    du = r * s if gated else r
    ds = (r * u if gate_input else r) * gate_slope(s)
    dz = (du @ U.T) * gelu(z)
    dx = dz @ W.T
    if through_gate:
        dx = dx + ds @ G.T
    if skip:
        dx = dx + r
    return dx, x.T @ dz, a.T @ du, x.T @ ds


GRN = Problem(
    grn_loss,
    (
        {"x": (4, 3), "W": (3, 5), "U": (5, 3), "G": (3, 3), "y": (4, 3)},
        {"x": (2, 4), "W": (4, 3), "U": (3, 4), "G": (4, 4), "y": (2, 4)},
    ),
    ("x", "W", "U", "G"),
    {"by hand": grn},
    {
        "skip forgotten": (lambda **k: grn(**k, skip=False), ("out = x + ",)),
        "gate's path forgotten": (lambda **k: grn(**k, through_gate=False), ("x @ G",)),
        "Φ alone": (lambda **k: grn(**k, gelu=lambda z: phi(z)[0]), ("Φ(",)),
        "φ without z": (lambda **k: grn(**k, gelu=lambda z: phi(z)[0] + phi(z)[1]), ("φ",)),
        "gate forgotten": (lambda **k: grn(**k, gated=False), ("gate",)),
        "gate's slope forgotten": (
            lambda **k: grn(**k, gate_slope=lambda s: s**0),
            ("gate·(1 − gate)",),
        ),
        "u forgotten in the gate": (lambda **k: grn(**k, gate_input=False), ("slope u",)),
    },
)

PROBLEMS: Mapping[str, Problem] = {
    "cross-entropy": CE,
    "softmax": SOFTMAX,
    "layer norm": LAYER_NORM,
    "F.layer_norm": BUILTIN_NORM,
    "batch norm": BATCH_NORM,
    "attention": ATTENTION,
    "MLP": MLP,
    "GRN": GRN,
}
