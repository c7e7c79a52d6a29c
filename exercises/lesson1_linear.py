"""Lesson 1 · One weight: ŷ = x·w, loss = (ŷ − y)²

The model predicts ŷ = x·w, a line through the origin. x is the input, y the target that the
prediction should meet, and w, the weight, is the number that we may choose. The loss says how wrong
a prediction is: it is the square of the residual r = ŷ − y. To train the model is to change w until
the loss is small.

    x ──┐
        (·) ── ŷ ──┐
    w ──┘          (−) ── r ── (²) ── loss
              y ───┘

This drawing is the computation graph. Forward, from left to right, each node in brackets computes
its value from the values that reach it.

∂loss/∂w, the derivative of the loss with respect to w, is what training needs to know: how steeply
the loss rises when w grows a little and everything else stays the same. If it is −8, then raising w
by 0.001 lowers the loss by about 0.008. It is called the gradient of the loss with respect to w.

Backward, from right to left, each node receives ∂loss/∂(its value), its *upstream gradient*,
multiplies it by its own *local slope*, and hands the product on. That is the chain rule, one node
at a time:

    ∂loss/∂r  = 2r                       the derivative of r²
    ∂loss/∂ŷ  = ∂loss/∂r · ∂r/∂ŷ         r = ŷ − y, so ∂r/∂ŷ = 1
    ∂loss/∂w  = ∂loss/∂ŷ · ∂ŷ/∂w         yours: what is the derivative of x·w with respect to w?

Worked example, x = 2, y = 4, w = 1:

    forward    ŷ = 2      r = −2           loss = 4
    backward   ∂loss/∂r = −4      ∂loss/∂ŷ = −4      ∂loss/∂w = −8

The gradient is negative: the loss falls when w grows. And so it should, since w = 2 is right.

Local slope and gradient are easily mixed up. At the node z = x·w with x = 2, w = 3 the local slopes
are ∂z/∂x = 3 and ∂z/∂w = 2. If the upstream gradient ∂L/∂z is 5, where L is whatever the graph ends
in, then the gradients are ∂L/∂x = 15 and ∂L/∂w = 10.

PyTorch can do the backward pass for you; that part of it is called autograd. You mark the tensor
whose gradient you want with `.requires_grad_()`. It is then a *leaf* of the graph: a tensor that
was not computed from others. PyTorch writes down what you compute from it, `.backward()` on the
result walks that record from right to left, and the gradient arrives in the leaf's `.grad`:

    leaf = torch.tensor(3.0).requires_grad_()
    (leaf ** 2).backward()
    leaf.grad                            # tensor(6.), the derivative of a² at a = 3

Gradient descent takes steps against the gradient, which is downhill: w ← w − lr·∂loss/∂w. The
learning rate lr says how far. *Stochastic* gradient descent, SGD, takes a step after every single
sample (x, y). Once through all the samples is an *epoch*.

All values are tensors without axes, shape (), unless a shape is given. Results keep the dtype and
the device of the inputs. No function changes its arguments.

After this lesson you can write a backward pass by hand, get the same gradient from autograd, and
train with it.

Run this file to see the training log:  python exercises/lesson1_linear.py
"""

import sys
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def forward(x: Tensor, w: Tensor) -> Tensor:
    """The prediction ŷ = x·w.

    x, w: shape ().  Returns ŷ, shape ().   x = 2, w = 1 gives 2.
    """
    # TODO 1.1: return the prediction ŷ
    raise NotImplementedError("TODO 1.1: return the prediction ŷ")


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """The squared residual (ŷ − y)².

    x, y, w: shape ().  Returns the loss, shape ().   x = 2, y = 4, w = 1 gives 4.
    """
    # TODO 1.2: return the squared difference of prediction and target
    raise NotImplementedError("TODO 1.2: return the squared difference of prediction and target")


def multiply_backward(x: Tensor, w: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """Backward through the single node z = x·w, given upstream = ∂L/∂z.

    x, w, upstream: shape ().  Returns (∂L/∂x, ∂L/∂w), each of shape (), in tensor arithmetic.
    x = 2, w = 3, upstream = 5 gives (15, 10).
    """
    # TODO 1.3: multiply the upstream gradient by each local slope
    raise NotImplementedError("TODO 1.3: multiply the upstream gradient by each local slope")


def grad_by_hand(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """∂loss/∂w by the chain rule, written out in tensor arithmetic; no autograd here.

    x, y, w: shape ().  Returns ∂loss/∂w, shape ().   x = 2, y = 4, w = 1 gives −8.
    """
    # TODO 1.4: walk the graph backwards: from r to ŷ to w
    raise NotImplementedError("TODO 1.4: walk the graph backwards: from r to ŷ to w")


def grad_by_autograd(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """The same ∂loss/∂w, found by PyTorch.

    x, y, w: shape ().  Returns ∂loss/∂w, shape ().  Leaves no `.grad` on the arguments: make a
    leaf of your own with `w.detach().clone().requires_grad_()`, a copy of w (clone) that no graph
    knows yet (detach).
    """
    # TODO 1.5: make a leaf, go forward, let autograd go backward
    raise NotImplementedError("TODO 1.5: make a leaf, go forward, let autograd go backward")


def train(xs: Tensor, ys: Tensor, w: Tensor, lr: float, epochs: int) -> tuple[Tensor, Tensor]:
    """Stochastic gradient descent, one sample at a time in the order given: w ← w − lr·∂loss/∂w.

    xs, ys: shape (s,), s samples; w: shape ().  Returns (w, losses): the trained w, shape (), and
    losses, shape (epochs,): per epoch the loss of its last sample, computed before that sample's
    update. `torch.stack(numbers)` makes one tensor of a list of tensors and keeps their dtype.
    Data 1, 2, 3 and 2, 4, 6 from w = 1 with lr = 0.01: the gradients of the first epoch are −2,
    −7.84, −16.2288; w after it is 1.260688; losses[0] = 7.31594304.
    """
    # TODO 1.6: for each epoch, for each sample: loss, gradient, step
    raise NotImplementedError("TODO 1.6: for each epoch, for each sample: loss, gradient, step")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
