"""Lesson 6 · What autograd records, keeps and forgets

While you compute with a tensor that requires grad, PyTorch writes down what you do: each result
holds a `grad_fn`, the operation that made it, which knows the operations before it. That record is
the graph.

    x ─────────── (+2) ──────── (²) ──────── (·3) ──────── (mean) ── L = mean(3·(x + 2)²)
    leaf          AddBackward   PowBackward  MulBackward   MeanBackward
    holds .grad   └──── results: each has a grad_fn, none holds its gradient ────┘

`L.backward()` walks this graph from right to left. It starts with the upstream gradient 1, each
node multiplies by its local slope, and what arrives at the leaf is *added* to its `.grad`:

    ∂L/∂(one entry of the mean) = 1/n       then · 3       the last two steps are yours:
    what are the derivatives of (x + 2)² and of x + 2?

With x = ones(2, 2), so n = 4, every entry of x.grad is 4.5.

Four words, once more and exactly:

    leaf            a tensor that no operation of the graph made: it has no grad_fn. Data and
                    parameters are leaves, and so is what `.detach()` gives and what is computed
                    under `torch.no_grad()`, where nothing is recorded.
    requires_grad   whether autograd follows the tensor. You set it on a leaf, and every result
                    computed from that leaf has it too.
    grad_fn         the operation that made the tensor; None on a leaf.
    .grad           filled by backward on leaves that require grad, and on nothing else: through
                    every other tensor the gradient only passes. There `.grad` is None, unless you
                    called `retain_grad()` before backward.

What is kept. Gradients add up: a second backward adds to `.grad`, which is why a training loop sets
it to zero.

What is forgotten. A graph is for one use: backward frees what the graph saved. x² saved x, so a
second backward through it raises "Trying to backward through the graph a second time"; x.sum()
saved nothing, so it does not. `backward(retain_graph=True)` keeps the graph for another walk.

Vectors. Let f take n numbers to m numbers. Its derivative is the Jacobian J, shape (m, n): row i is
the gradient of f(x)ᵢ. Backward does not compute J. It is given one number per output, v of shape
(m,), and computes vᵀJ, shape (n,), the vector–Jacobian product. `y.backward(v)` says: "∂L/∂y is v;
what is ∂L/∂x?" For a y of shape () v is 1 and may be left out. With v = (0, …, 1, …, 0) you get one
row of J.

    f(x) = (2x).view(2, 2) at x = (1, 2, 3, 4), v = ((1, 0.1), (0.01, 0.001)):
    vᵀJ = (2, 0.2, 0.02, 0.002)

Directions. ∇f is the gradient of an f with one output, all its derivatives in one vector. The slope
of f along a direction is ∇f · (the vector of length 1 in that direction). Of all directions, that
of ∇f itself is the steepest.

    f(a, b) = a² + 3b² at (1, 2):  ∇f = (2, 12).
    Along u = (3, 4), which has length 5, the slope is 10.8.
    The steepest slope is ‖∇f‖ = √148 ≈ 12.17, along (2, 12)/√148.

Behind autograd's back. Under `torch.no_grad()` nothing is recorded: to backward, what is computed
there is a constant. `.data` changes a value without a record. With y = 2x that is harmless, since
the derivative 2 does not depend on x. With y = x² the graph saved x itself and uses the changed
value: multiply x.data by factor, and backward gives 2·factor·x where 2x is right. No error, no
warning: a wrong gradient in silence. The same edit under no_grad, `x.mul_(factor)`, is noticed, and
backward raises "one of the variables needed for gradient computation has been modified by an
inplace operation". So change values under no_grad, and leave `.data` alone.

The functions below leave their arguments as they are: work on a leaf of your own,
`x.detach().clone().requires_grad_()`. `f` is a function that you call; it is made of PyTorch
operations, so autograd can follow it. Results keep the dtype and the device of the inputs.

After this lesson you can say what `.grad` will hold before you look, and get Jacobians and slopes
along any direction out of backward.

Run this file to predict what autograd keeps, and see:  python exercises/lesson6_autograd.py
"""

import sys
from collections.abc import Callable
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def describe(t: Tensor) -> tuple[bool, bool, bool]:
    """What autograd knows of a tensor: (is_leaf, requires_grad, has_grad_fn).

    t: any shape.  Returns three Python bools.
    torch.ones(2) gives (True, False, False).
    """
    # TODO 6.1: ask the tensor for the three things
    raise NotImplementedError("TODO 6.1: ask the tensor for the three things")


def grad_of_mean(x: Tensor) -> Tensor:
    """The gradient of mean(3·(x + 2)²) at x.

    x: any shape, n entries.  Returns the gradient, shape of x.   ones(2, 2) gives 4.5 everywhere.
    """
    # TODO 6.2: make a leaf, compute the mean, go backward
    raise NotImplementedError("TODO 6.2: make a leaf, compute the mean, go backward")


def grad_after_second_backward(x: Tensor) -> Tensor:
    """What `.grad` holds when two backward passes ran on one leaf and nothing was zeroed.

    First the backward of mean(3·(x + 2)²), then the backward of x.sum().
    x: any shape.  Returns `.grad`, shape of x.   ones(2, 2) gives 5.5 everywhere.
    """
    # TODO 6.3: one leaf, two losses, two backward passes
    raise NotImplementedError("TODO 6.3: one leaf, two losses, two backward passes")


def grad_after_zeroing(x: Tensor) -> Tensor:
    """The same two backward passes, with the gradient set to zero between them.

    x: any shape.  Returns `.grad`, shape of x.   ones(2, 2) gives 1 everywhere.
    """
    # TODO 6.4: as before, with the gradient zeroed in between
    raise NotImplementedError("TODO 6.4: as before, with the gradient zeroed in between")


def power_grad(k: Tensor, x: Tensor, b: Tensor) -> Tensor:
    """∂(k**x + b)/∂k: here the base k is the variable, x and b are constants.

    k, x, b: shape (), k > 0.  Returns the slope, shape ().   k = 2, x = 3, b = 4 gives 12.
    """
    # TODO 6.5: which of the three has to require grad? Go backward
    raise NotImplementedError("TODO 6.5: which of the three has to require grad? Go backward")


def vector_jacobian_product(f: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """vᵀJ, where J is the Jacobian of f at x: v is the upstream gradient of f(x).

    f: takes a tensor of the shape of x; x: any shape; v: shape of f(x).
    Returns vᵀJ, shape of x: the sum over all entries of f(x) of v times that entry's gradient.
    """
    # TODO 6.6: go forward through f, then backward with v
    raise NotImplementedError("TODO 6.6: go forward through f, then backward with v")


def jacobian(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Jacobian of f at x, row by row: entry (i, j) is ∂f(x)ᵢ/∂xⱼ.

    f: takes shape (n,) to shape (m,); x: shape (n,).  Returns J, shape (m, n).
    f(a, b) = (a², a·b, b³) at (2, 3) gives ((4, 0), (3, 2), (0, 27)).
    """
    # TODO 6.7: one vector-Jacobian product per row
    raise NotImplementedError("TODO 6.7: one vector-Jacobian product per row")


def grad_with_blocked_branch(x: Tensor) -> Tensor:
    """The gradient of x² + x³ when x³ is computed under torch.no_grad().

    x: shape ().  Returns what backward finds, shape ().   x = 1 gives 2; unblocked it would be 5.
    """
    # TODO 6.8: x³ under no_grad, x² as usual; add, go backward
    raise NotImplementedError("TODO 6.8: x³ under no_grad, x² as usual; add, go backward")


def grad_through_data_edit(x: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """Build y = 2·x, then multiply the value of x by factor through `.data`, then go backward.

    x: shape (1,); factor: a Python number.  Returns (x_after, grad), each of shape (1,): the leaf's
    value after the edit, and its `.grad`.   x = ones(1), factor = 100 gives (100, 2).
    """
    # TODO 6.9: build y, edit the leaf's .data, go backward from y
    raise NotImplementedError("TODO 6.9: build y, edit the leaf's .data, go backward from y")


def directional_derivative(f: Callable[[Tensor], Tensor], x: Tensor, u: Tensor) -> Tensor:
    """The slope of f at x along the direction of u: how much f rises per unit of length.

    f: takes shape (n,) to a scalar, shape (); x, u: shape (n,); u need not have length 1.
    Returns the slope, shape ().   f(a, b) = a² + 3b² at (1, 2) along (3, 4) gives 10.8.
    """
    # TODO 6.10: gradient, unit vector, dot product
    raise NotImplementedError("TODO 6.10: gradient, unit vector, dot product")


def steepest_direction(f: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Where f rises fastest at x: the unit vector of that direction, and the slope along it.

    f: takes shape (n,) to a scalar, shape (); x: shape (n,), where the gradient is not zero.
    Returns (direction, slope), shapes (n,) and ().
    f(a, b) = a² + 3b² at (1, 2) gives (2, 12)/√148 and √148. Descent goes the opposite way.
    """
    # TODO 6.11: along which unit vector is the slope largest?
    raise NotImplementedError("TODO 6.11: along which unit vector is the slope largest?")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
