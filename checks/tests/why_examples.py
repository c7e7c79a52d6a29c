"""The four examples of docs/why.md. `python -m checks.tests.why_examples` writes the page anew."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from checks.slips import Finding, why
from checks.slips.table import TABLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "why.md"


# Layer norm: the mean and the variance hang on x as well.


def layer_norm(x: Tensor, gain: Tensor, y: Tensor) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    var = ((x - mean) ** 2).mean(-1, keepdim=True)
    x_hat = (x - mean) / torch.sqrt(var + 1e-5)
    out = gain * x_hat
    return F.mse_loss(out, y)


def layer_norm_backward(x: Tensor, gain: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    std = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = 2 * (gain * x_hat - y) / y.numel()
    d = g * gain
    return (d - d.mean(-1, keepdim=True)) / std, (g * x_hat).sum(0)


# Batch norm.


def batch_norm(x: Tensor, gain: Tensor, y: Tensor) -> Tensor:
    mean = x.mean(0)
    var = x.var(0, unbiased=False)
    std = torch.sqrt(var + 1e-5)
    x_hat = (x - mean) / std
    r = gain * x_hat - y
    return (r**2).sum()


def batch_norm_backward(x: Tensor, gain: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    n, centred = len(x), x - x.mean(0)
    std = torch.sqrt((centred**2).mean(0) + 1e-5)
    g = 2 * (gain * centred / std - y)
    d = g * gain
    d_var = (d * centred).sum(0) * 0.5 / std**3
    d_x = d / std + d_var * 2 * centred / n
    return d_x - d_x.mean(0), (g * centred / std).sum(0)


# Softmax with cross-entropy.


def classify(x: Tensor, W: Tensor, b: Tensor, labels: Tensor) -> Tensor:
    logits = x @ W + b
    return F.cross_entropy(logits, labels)


def classify_backward(x: Tensor, W: Tensor, b: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    p = torch.softmax(x @ W + b, dim=1)
    p[range(len(x)), labels] -= 1
    return x.T @ p, p.sum(0)


# Attention.


def attention(x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, y: Tensor) -> Tensor:
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    S = Q @ K.T / math.sqrt(K.shape[1])
    A = torch.softmax(S, dim=1)
    r = A @ V - y
    return 0.5 * (r**2).sum()


def attention_backward(
    x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    scale = math.sqrt(K.shape[1])
    A = torch.softmax(Q @ K.T / scale, dim=1)
    g = A @ V - y
    dS = A * (1 - A) * (g @ V.T) / scale
    return x.T @ dS @ K, x.T @ dS.T @ Q, x.T @ A.T @ g


@dataclass(frozen=True)
class Example:
    """A loss, a backward pass for it with a slip in it, and shapes for two cases."""

    title: str
    loss: Callable[..., Tensor]
    backward: Callable[..., Any]
    wrt: tuple[str, ...]
    shapes: tuple[Mapping[str, tuple[int, ...]], ...]

    def cases(self) -> list[dict[str, Tensor]]:
        dice = torch.Generator().manual_seed(1)
        return [
            {
                name: torch.randint(3, shape, generator=dice)
                if name == "labels"
                else torch.randn(shape, generator=dice, dtype=torch.float64)
                for name, shape in shapes.items()
            }
            for shapes in self.shapes
        ]

    def finding(self) -> Finding:
        return why(self.loss, self.backward, *self.cases(), wrt=self.wrt)

    def gradcheck(self) -> str:
        """What torch.autograd.gradcheck says of the same backward pass."""
        loss, backward, wrt = self.loss, self.backward, self.wrt
        case = self.cases()[0]

        class Function(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Tensor) -> Tensor:
                ctx.save_for_backward(*inputs)
                return loss(*inputs)

            @staticmethod
            def backward(ctx: Any, g: Tensor) -> Any:
                grads = dict(zip(wrt, backward(*ctx.saved_tensors), strict=True))
                return tuple(g * grads[name] if name in grads else None for name in case)

        inputs = [v.requires_grad_() if k in wrt else v for k, v in case.items()]
        try:
            torch.autograd.gradcheck(Function.apply, inputs)
        except GradcheckError as error:
            return str(error).strip()
        return "no error"


EXAMPLES = (
    Example(
        "Layer norm",
        layer_norm,
        layer_norm_backward,
        ("x", "gain"),
        ({"x": (3, 4), "gain": (4,), "y": (3, 4)}, {"x": (2, 5), "gain": (5,), "y": (2, 5)}),
    ),
    Example(
        "Batch norm",
        batch_norm,
        batch_norm_backward,
        ("x", "gain"),
        ({"x": (5, 3), "gain": (3,), "y": (5, 3)}, {"x": (4, 2), "gain": (2,), "y": (4, 2)}),
    ),
    Example(
        "Softmax with cross-entropy",
        classify,
        classify_backward,
        ("W", "b"),
        tuple({"x": (n, 2), "W": (2, 3), "b": (3,), "labels": (n,)} for n in (4, 5)),
    ),
    Example(
        "Attention",
        attention,
        attention_backward,
        ("Wq", "Wk", "Wv"),
        tuple(
            {"x": (t, 3), "Wq": (3, d), "Wk": (3, d), "Wv": (3, 2), "y": (t, 2)}
            for t, d in ((4, 2), (3, 4))
        ),
    ),
)

INTRODUCTION = """\
# `why`: the gradient check that says where

`torch.autograd.gradcheck` says that a backward pass is wrong. `why` says where, and what mistake
gives the same numbers:

```python
from checks import why

print(why(loss, gradient, *cases, wrt=("w", "b")))
```

- `loss` is ordinary PyTorch code; nothing about it is declared.
- `gradient` is the answer to be judged: a function of the same inputs that returns one gradient for
  each name of `wrt`, or a `torch.autograd.Function` whose backward is judged against the plain
  function `loss`.
- `cases` are two or more mappings from names to inputs, with different numbers and, best, with
  different shapes: one lone number always has *some* ratio to the right one.

It gives back a frozen record that prints as one paragraph (in a notebook as HTML): `right` and
`wrong` are the names of the inputs, `stories` the explanations with the names of the nodes. Each
claim is of one form, "gives the same numbers as": it is made only if it agrees on every case, entry
by entry, and what else gives the same numbers follows after "or". Of a right gradient it says that
it agrees, and nothing else.

What it knows stands in one table, [table.py](../checks/slips/table.py): each operation with how it
is written, its slope in words, its slopes as formulas, and below it the slips people make:

```text
ROWS
```

`g` is what arrives, `out` the value; a formula after `=` is a wrong value of the forward pass. To
teach it an operation, add a row there; to teach it a slip, a line. What has no row is
differentiated by PyTorch, and the slips that can be made anywhere are still found at it.

Two slips are told together only where they have to do with each other: one hands on to the other,
they are made at one product, it is the same slip twice, or one of them alone changes nothing. Any
two others that give the numbers may do so by chance. What is done in every round of a loop is one
slip; `h⟨1⟩` is the `h` of the first round.

Out of its reach are stale `.grad`, side effects, free constants, steps that depend on the numbers,
and three slips at once. A graph of more than 250 operations is searched for single slips on the way
back only, and it says so.

Four backward passes with one slip each follow. This page is written by
`python -m checks.tests.why_examples`, and a test says when it is stale.
"""


def code(*functions: Callable[..., Any]) -> str:
    return "\n\n".join(inspect.getsource(function).strip() for function in functions)


def page(*, with_gradcheck: bool = True) -> str:
    """docs/why.md; without gradcheck's numbers, which are another version's last digits."""
    rows = TABLE[TABLE.index("exp(x)") : TABLE.index("log(x)")].strip()
    parts = [INTRODUCTION.replace("ROWS", rows)]
    for example in EXAMPLES:
        said = example.gradcheck() if with_gradcheck else ""
        parts.append(
            f"## {example.title}\n\n```python\n{code(example.loss, example.backward)}\n```\n\n"
            f"`gradcheck`:\n\n```text\n{said}\n```\n\n`why`:\n\n> {example.finding()}\n"
        )
    return "\n".join(parts)


def without_gradcheck(text: str) -> str:
    return re.sub(r"```text\n.*?\n```", "```text\n\n```", text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}.")
