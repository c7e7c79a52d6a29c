"""Lesson 3 · A quadratic: ŷ = w1·x² + w2·x + b, loss = (ŷ − y)²

A curve in x, with three parameters: two weights and a bias.

    x² ──┐
         (·) ── z1 ──┐
    w1 ──┘           │
                     (+) ── z ──┐
    x ───┐           │          (+) ── ŷ ──┐
         (·) ── z2 ──┘    b ────┘          (−) ── r ── (²) ── loss
    w2 ──┘                            y ───┘

Backward, each node multiplies the gradient that arrives from the right by its local slope:

    ∂loss/∂r  = 2r
    ∂loss/∂ŷ  = ∂loss/∂r · 1             r = ŷ − y, so ∂r/∂ŷ = 1
    ∂loss/∂z  = ∂loss/∂ŷ · 1             a sum hands on what it receives …
    ∂loss/∂z1 = ∂loss/∂z · 1             … to each of its inputs, undivided
    ∂loss/∂z2 = ∂loss/∂z · 1
    ∂loss/∂b, ∂loss/∂w1, ∂loss/∂w2       yours: which node stands between each of them and its
                                         neighbour in the list above?

We look for the derivatives with respect to the weights. The data do not change, so nothing here is
differentiated with respect to x, and x² is a number like any other.

Worked example, x = 2, y = 9, w1 = w2 = 2, b = 1:

    forward    z1 = 8     z2 = 4     z = 12     ŷ = 13     r = 4     loss = 16
    backward   every node from r to z1 and z2 has the gradient 8;
               ∂loss/∂w1 = 32     ∂loss/∂w2 = 16     ∂loss/∂b = 8

x = 2 hides mistakes, since x² = 2x there. At x = 3, y = 5, w1 = 0.5, w2 = −2, b = 2.5: ŷ = 1,
r = −4, loss = 16, every node gradient is −8, ∂loss/∂w1 = −72, ∂loss/∂w2 = −24, ∂loss/∂b = −8.

What autograd keeps. After `.backward()` only leaves hold a gradient in `.grad`. z1, z2, z, ŷ and r
are not leaves: they were computed from others. Their gradients are passed on and let go, and their
`.grad` is None, unless you called `.retain_grad()` on them before the backward pass.

Why training is slow. The data 1, 2, 3 and 2, 4, 6 are met exactly by (w1, w2, b) = (0, 2, 0). From
(1, 1, 1) with lr = 0.01, 100 epochs reach (0.2404, 0.9267, 0.9914), with a last loss of 0.0063
that looks like success; the prediction at x = 4 is 8.5442, not 8. The mean loss has the curvatures
0.0150, 1.043 and 75.6: three points hardly tell a straight line from a slight curve, so in that
direction there is hardly any slope. The steepest direction, 5000 times as curved, sets the limit
for lr.

All values are tensors without axes, shape (), unless a shape is given. Results keep the dtype and
the device of the inputs. No function changes its arguments.

After this lesson you can follow a gradient through every node of a graph and ask PyTorch for the
gradient at a node that is not a leaf.

Run this file to see the training log:  python exercises/lesson3_quadratic.py
"""

import sys
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def forward(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    """The prediction ŷ = w1·x² + w2·x + b.

    x, w1, w2, b: shape ().  Returns ŷ, shape ().   x = 3, w1 = 0.5, w2 = −2, b = 2.5 gives 1.
    """
    # TODO 3.1: return the prediction ŷ
    raise NotImplementedError("TODO 3.1: return the prediction ŷ")


def loss(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    """The squared residual (ŷ − y)².

    x, y, w1, w2, b: shape ().  Returns the loss, shape ().
    x = 3, y = 5, w1 = 0.5, w2 = −2, b = 2.5 gives 16.
    """
    # TODO 3.2: return the squared difference of prediction and target
    raise NotImplementedError("TODO 3.2: return the squared difference of prediction and target")


def node_gradients(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> dict[str, Tensor]:
    """∂loss/∂node for the five nodes inside the graph, found by PyTorch.

    x, y, w1, w2, b: shape ().  Returns a dict of tensors of shape () with the keys "z1" (= w1·x²),
    "z2" (= w2·x), "z" (= z1 + z2), "y_hat" (= z + b) and "r" (= ŷ − y).  Leaves no `.grad` on the
    arguments.  x = 2, y = 9, w1 = w2 = 2, b = 1 gives 8 for each.
    """
    # TODO 3.3: compute node by node, keep their gradients, go backward
    raise NotImplementedError("TODO 3.3: compute node by node, keep their gradients, go backward")


def grad_by_hand(
    x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The three gradients by the chain rule, written out in tensor arithmetic; no autograd here.

    x, y, w1, w2, b: shape ().  Returns (∂loss/∂w1, ∂loss/∂w2, ∂loss/∂b), each of shape ().
    x = 3, y = 5, w1 = 0.5, w2 = −2, b = 2.5 gives (−72, −24, −8).
    """
    # TODO 3.4: walk backwards: from r to z1, z2 and b, then to w1 and w2
    raise NotImplementedError("TODO 3.4: walk backwards: from r to z1, z2 and b, then to w1 and w2")


def grad_by_autograd(
    x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The same (∂loss/∂w1, ∂loss/∂w2, ∂loss/∂b), found by PyTorch.

    x, y, w1, w2, b: shape ().  Returns three tensors of shape ().  Leaves no `.grad` on the
    arguments: make leaves of your own with `.detach().clone().requires_grad_()`.
    """
    # TODO 3.5: make three leaves, go forward, let autograd go backward
    raise NotImplementedError("TODO 3.5: make three leaves, go forward, let autograd go backward")


def train(
    xs: Tensor, ys: Tensor, w1: Tensor, w2: Tensor, b: Tensor, lr: float, epochs: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Stochastic gradient descent, one sample at a time in the order given.

    xs, ys: shape (s,); w1, w2, b: shape ().  Returns (w1, w2, b, losses): the trained parameters,
    each of shape (), and losses, shape (epochs,): per epoch the loss of its last sample, computed
    before that sample's update.
    Data 1, 2, 3 and 2, 4, 6 from w1 = w2 = b = 1 with lr = 0.01: the gradients of the first epoch
    are (2, 2, 2), (22.88, 11.44, 5.72), (77.0472, 25.6824, 8.5608); after it w1 = −0.019272,
    w2 = 0.608776, b = 0.837192.
    """
    # TODO 3.6: for each epoch and sample: loss, gradients, steps
    raise NotImplementedError("TODO 3.6: for each epoch and sample: loss, gradients, steps")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
