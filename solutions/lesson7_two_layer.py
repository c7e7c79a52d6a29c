"""Lesson 7 · Two layers in matrices: ŷ = W2·σ(W1·x + b1) + b2, loss = ½‖ŷ − y‖²

A layer takes every input to every output, each with a weight of its own. Written as one matrix it
has a row for each output and a column for each input: from 5 inputs to 6 hidden units, W1 has
shape (6, 5) and holds 30 weights, and z = W1·x + b1. There is no transpose on the way forward.
nn.Linear(5, 6).weight has shape (6, 5) too.

    x ── (W1·) ── (+b1) ── z ── (σ) ── h ── (W2·) ── (+b2) ── ŷ ── (−y) ── (½‖ ‖²) ── loss
    (n,)                  (m,)        (m,)                   (k,)

*Why σ?* Without it two layers are no more than one. Take the brackets of W2·(W1·x + b1) + b2 away,
and you find one matrix that multiplies x and one vector that is added. A third linear layer would
collapse in the same way, and a tenth.

And one layer is not enough. XOR asks for f(0,0) = 0, f(0,1) = 1, f(1,0) = 1, f(1,1) = 0. Every
layer without σ has f(0,0) + f(1,1) = f(0,1) + f(1,0): the terms with x1, x2 and b are the same on
both sides. XOR wants 0 on the left and 2 on the right. The best such layer answers ½ everywhere and
keeps the loss ½·(½)² = 1/8 for each sample, however long it is trained. With σ in between, the
hidden layer bends the plane first, and two hidden units are enough.

*Backward*, from right to left. Each gradient has the shape of the tensor it belongs to. One entry
at a time:

    ∂loss/∂ŷ[i]     = ŷ[i] − y[i]                       the ½ and the 2 of the square cancel
    ∂loss/∂W2[i, j] = ∂loss/∂ŷ[i] · h[j]                ŷ[i] contains W2[i, j]·h[j]
    ∂loss/∂b2[i]    = ∂loss/∂ŷ[i]
    ∂loss/∂h[j]     = Σᵢ ∂loss/∂ŷ[i] · W2[i, j]         h[j] reaches the loss through every ŷ[i]
    ∂loss/∂z[j]     = ∂loss/∂h[j] · h[j]·(1 − h[j])     σ′(z), written with h = σ(z)

Which matrix product is the sum over i? It runs over the rows of W2, while W2·h sums over the
columns. The first layer is yours: W1 and b1 are to z what W2 and b2 are to ŷ.

Worked example, x = (1, 2), y = (1), with two inputs, two hidden units and one output:

    W1 = ((1, −1), (0.5, 0.25))    b1 = (0, −1)    W2 = ((2, −1))    b2 = (0.5)

    forward    z = (−1, 0)    h = (0.2689, 0.5)    ŷ = 0.5379    loss = 0.1068
    backward   ∂loss/∂ŷ = −0.4621      ∂loss/∂W2 = (−0.1243, −0.2311)
               ∂loss/∂h = (−0.9242, 0.4621)    ∂loss/∂z = (−0.1817, 0.1155)
               ∂loss/∂W1 = ((−0.1817, −0.3634), (0.1155, 0.2311))

Here n = m, so the shape does not betray a transposed W1. Try your formulas on sizes that are all
different: with n ≠ m ≠ k the shapes alone tell you most of what is wrong.

Results keep the dtype and the device of the inputs. No function changes its arguments.

After this lesson you can write the forward and the backward pass of a stack of layers in matrices,
and say why there has to be a σ in between.

Run this file to see a line and a net on XOR:  python exercises/lesson7_two_layer.py
"""

import sys
from itertools import pairwise
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def forward_linear(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    """Two layers without σ between them: ŷ = W2·(W1·x + b1) + b2.

    x: shape (n,); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).  Returns ŷ, shape (k,).
    The worked example gives (−1.5).
    """
    # TODO 7.1: two layers, each a matrix times its input, plus a bias
    return W2 @ (W1 @ x + b1) + b2


def collapse(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """The one linear layer that does what `forward_linear` does: W·x + b for every x.

    W1: shape (m, n); b1: (m,); W2: (k, m); b2: (k,).  Returns (W, b), shapes (k, n) and (k,).
    The worked example gives W = ((1.5, −2.25)), b = (1.5).
    """
    # TODO 7.2: expand the brackets: what meets x, and what is left
    # W2·(W1·x + b1) + b2 = (W2·W1)·x + (W2·b1 + b2)
    return W2 @ W1, W2 @ b1 + b2


def forward(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    """The net: ŷ = W2·σ(W1·x + b1) + b2. The output has no σ: it may be any number.

    x: shape (n,); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).  Returns ŷ, shape (k,).
    The worked example gives (0.5379).
    """
    # TODO 7.3: the same two layers with torch.sigmoid between them
    return W2 @ torch.sigmoid(W1 @ x + b1) + b2


def loss(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    """½‖ŷ − y‖²: half the sum of the squared differences.

    x: shape (n,); y: (k,); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).  Returns the loss, shape ().
    The worked example gives 0.1068.
    """
    # TODO 7.4: half the sum over the outputs of the squared difference
    # ½ meets the vector: where a Python number meets a 0-d result, PyTorch's forward mode may
    # turn float32 into float64.
    return (0.5 * (forward(x, W1, b1, W2, b2) - y) ** 2).sum()


def grad_by_hand(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradient of the loss by the chain rule, written out in tensor arithmetic; no autograd.

    x: shape (n,); y: (k,); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).
    Returns (∂W1, ∂b1, ∂W2, ∂b2), each shaped like its parameter. The worked example gives
    ∂b1 = (−0.1817, 0.1155) and ∂b2 = (−0.4621).
    """
    # TODO 7.5: forward, keeping h; then back, from ŷ to W1 and b1
    # ∂loss/∂h[j] = Σᵢ W2[i, j]·∂loss/∂ŷ[i] sums over the rows of W2: that is W2ᵀ·∂loss/∂ŷ.
    # ∂loss/∂W2[i, j] = ∂loss/∂ŷ[i]·h[j] is an outer product, and so is ∂loss/∂W1.
    h = torch.sigmoid(W1 @ x + b1)
    grad_y_hat = W2 @ h + b2 - y
    grad_h = W2.T @ grad_y_hat
    grad_z = grad_h * h * (1 - h)
    return torch.outer(grad_z, x), grad_z, torch.outer(grad_y_hat, h), grad_y_hat


def grad_by_autograd(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same four gradients, found by PyTorch.

    x: shape (n,); y: (k,); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).
    Returns (∂W1, ∂b1, ∂W2, ∂b2), each shaped like its parameter. Leaves no `.grad` on the
    arguments.
    """
    # TODO 7.6: make four leaves, go forward, let autograd go back
    leaves = [parameter.detach().clone().requires_grad_() for parameter in (W1, b1, W2, b2)]
    return torch.autograd.grad(loss(x, y, *leaves), leaves)


def count_parameters(sizes: list[int]) -> int:
    """How many numbers a fully connected net learns: all weights and all biases.

    sizes: nodes per layer, the inputs first. A layer from n to m nodes has weights of shape (m, n)
    and biases of shape (m,).  Returns a Python int.   [5, 6, 6, 6, 6, 5] gives 197.
    """
    # TODO 7.7: add up weights and biases over all neighbouring layers
    # The inputs are given, not computed: they have no biases.
    return sum(n * m + m for n, m in pairwise(sizes))


def train(
    xs: Tensor,
    ys: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    lr: float,
    epochs: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Stochastic gradient descent, one sample at a time in the order given.

    xs: shape (s, n); ys: (s, k); W1: (m, n); b1: (m,); W2: (k, m); b2: (k,).
    Returns (W1, b1, W2, b2, losses): the trained parameters, and losses, shape (epochs,): per epoch
    the loss of its last sample, computed before that sample's update.
    """
    # TODO 7.8: for each epoch and sample: loss, gradients, steps
    # All four gradients belong to the same point: take them together, then step.
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            before = loss(x, y, W1, b1, W2, b2)
            grad_W1, grad_b1, grad_W2, grad_b2 = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1 = W1 - lr * grad_W1, b1 - lr * grad_b1
            W2, b2 = W2 - lr * grad_W2, b2 - lr * grad_b2
        losses.append(before)
    return W1, b1, W2, b2, torch.stack(losses)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
