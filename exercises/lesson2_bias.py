"""Lesson 2 · Weight and bias: ŷ = x·w + b, loss = (ŷ − y)²

A line that need not go through the origin: the bias b lifts it. One more node, one more parameter.
(Parameters are what training may change: here w and b.)

    x ──┐
        (·) ── z ──┐
    w ──┘          (+) ── ŷ ──┐
              b ───┘          (−) ── r ── (²) ── loss
                         y ───┘

Backward, each node multiplies the gradient that arrives from the right by its local slope:

    ∂loss/∂r  = 2r                       the derivative of r²
    ∂loss/∂ŷ  = ∂loss/∂r · 1             r = ŷ − y, so ∂r/∂ŷ = 1
    ∂loss/∂z  = ∂loss/∂ŷ · ∂ŷ/∂z         a sum: if z grows by a little, by how much does ŷ grow?
    ∂loss/∂b  = ∂loss/∂ŷ · ∂ŷ/∂b         the same question for b
    ∂loss/∂w  = ∂loss/∂z · ∂z/∂w         lesson 1's last step

The gradient that arrives at ŷ goes on along two ways, and each way has its own local slopes. Which
of the two passes a node where x takes part?

Worked example, x = 1, y = 2, w = 1, b = 2:

    forward    z = 1      ŷ = 3      r = 1      loss = 1
    backward   ∂loss/∂r = 2      ∂loss/∂ŷ = 2      ∂loss/∂w = 2      ∂loss/∂b = 2

Both gradients are 2 here because x = 1: an example in which many wrong formulas look right. At
x = 3, y = 5, w = −1.5, b = 0.5 they differ: ŷ = −4, r = −9, loss = 81, ∂loss/∂w = −54,
∂loss/∂b = −18.

Why training is slow. The data 1, 2, 3 and 2, 4, 6 lie on the line with w = 2, b = 0. From w = 1,
b = 2 with lr = 0.01, 100 epochs reach only w = 1.5907, b = 0.9716. Drawn over w and b, the mean
loss is a long narrow valley: its curvature, the second derivative, is 11.093 across the valley and
0.2404 along it. A wrong line that is about right in the middle of the data lies on the floor of the
valley: its loss is small, so its gradient is small, so the steps are small. 1000 epochs reach
w = 1.99953, b = 0.00113. A larger lr is no way out: it has to be small enough for the steep
direction, and the flat one has to wait.

All values are tensors without axes, shape (), unless a shape is given. Results keep the dtype and
the device of the inputs. No function changes its arguments.

After this lesson you can send one gradient along two ways of a graph, train two parameters, and say
why a small loss does not mean that training is over.

Run this file to see the training log:  python exercises/lesson2_bias.py
"""

import sys
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The prediction ŷ = x·w + b.

    x, w, b: shape ().  Returns ŷ, shape ().   x = 1, w = 1, b = 2 gives 3.
    """
    # TODO 2.1: return the prediction ŷ
    raise NotImplementedError("TODO 2.1: return the prediction ŷ")


def loss(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The squared residual (ŷ − y)².

    x, y, w, b: shape ().  Returns the loss, shape ().   x = 1, y = 2, w = 1, b = 2 gives 1.
    """
    # TODO 2.2: return the squared difference of prediction and target
    raise NotImplementedError("TODO 2.2: return the squared difference of prediction and target")


def grad_by_hand(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """∂loss/∂w and ∂loss/∂b by the chain rule, written out in tensor arithmetic; no autograd here.

    x, y, w, b: shape ().  Returns (∂loss/∂w, ∂loss/∂b), each of shape ().
    x = 3, y = 5, w = −1.5, b = 0.5 gives (−54, −18).
    """
    # TODO 2.3: walk backwards: from r to ŷ, then to w and to b
    raise NotImplementedError("TODO 2.3: walk backwards: from r to ŷ, then to w and to b")


def grad_by_autograd(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The same (∂loss/∂w, ∂loss/∂b), found by PyTorch.

    x, y, w, b: shape ().  Returns two tensors of shape ().  Leaves no `.grad` on the arguments:
    make leaves of your own with `.detach().clone().requires_grad_()`.
    """
    # TODO 2.4: make two leaves, go forward, let autograd go backward
    raise NotImplementedError("TODO 2.4: make two leaves, go forward, let autograd go backward")


def train(
    xs: Tensor, ys: Tensor, w: Tensor, b: Tensor, lr: float, epochs: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Stochastic gradient descent, one sample at a time in the order given.

    xs, ys: shape (s,); w, b: shape ().  Returns (w, b, losses): the trained parameters, each of
    shape (), and losses, shape (epochs,): per epoch the loss of its last sample, computed before
    that sample's update.
    Data 1, 2, 3 and 2, 4, 6 from w = 1, b = 2 with lr = 0.01: the gradients of the first epoch are
    (2, 2), (−0.24, −0.12), (−6.4296, −2.1432); after it w = 1.046696, b = 2.002632.
    """
    # TODO 2.5: for each epoch and sample: loss, gradients, steps
    raise NotImplementedError("TODO 2.5: for each epoch and sample: loss, gradients, steps")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
