"""Lesson 5 · Linear regression with PyTorch's own parts: nn.Linear, nn.MSELoss, optim.SGD

The model is the line of lesson 2, for n samples at once. Each sample is a row, so the data are
columns: x and y have shape (n, 1). `nn.Linear(1, 1)` keeps a weight of shape (1, 1) (one output
times one input) and a bias of shape (1,), and computes x·weightᵀ + bias, shape (n, 1).

    x (n, 1) ────────┐
                     (@) ── (+) ── ŷ (n, 1) ──┐
    weight (1, 1) ───┘       │                (−) ── r (n, 1) ── (²) ── (mean) ── loss ()
    bias (1,) ───────────────┘    y (n, 1) ───┘

The loss is the mean squared error, nn.MSELoss: (1/n)·Σ rᵢ². *Full batch* means that all n samples
are in one gradient: one step per epoch. Backward, from right to left:

    ∂loss/∂(rᵢ²) = 1/n           each square is one n-th of the mean
    ∂loss/∂rᵢ    = (1/n) · 2rᵢ   and r = ŷ − y, so ∂loss/∂ŷᵢ is the same
    ∂loss/∂weight, ∂loss/∂bias   the last step is yours. All n samples use the same weight: what
                                 arrives along several paths adds up.

Worked example, x = (1, 3, 4), y = (2, 4, 7), weight = 1, bias = 0.5 (columns, written flat):

    forward    ŷ = (1.5, 3.5, 4.5)    r = (−0.5, −0.5, −2.5)    loss = 6.75 / 3 = 2.25
    backward   ∂loss/∂r = (−1/3, −1/3, −5/3)      ∂loss/∂weight = −8      ∂loss/∂bias = −7/3

Training with PyTorch's parts. `model.parameters()` are the weight and the bias, leaves that require
grad already; `torch.optim.SGD` changes them. Each step begins with the loss, a forward pass. Then
`optimiser.zero_grad()` clears every `.grad`, because backward *adds* to what is there;
`loss.backward()` fills them; `optimiser.step()` moves each parameter by −lr times its `.grad`.

Shapes are half of this lesson. Write the data without inner brackets, [3.3, 4.4, …], and they have
shape (15,). nn.Linear(1, 1) then takes them for one sample with 15 features and raises
"mat1 and mat2 shapes cannot be multiplied (1x15 and 1x1)". That mistake is loud. The quiet one is a
loss written by hand: (n,) minus (n, 1) is broadcast to (n, n), every target against every
prediction, and the mean of that is a number like any other.

A factor in the loss changes the training too. Lessons 1–3 use r², lesson 4 uses ½r², nn.MSELoss the
mean. The minimum is at the same place, but half the loss has half the gradient, so with the same lr
every step is half as long.

Why 100 epochs look enough and are not. The loss is a valley. Its curvatures, the eigenvalues of the
Hessian (the matrix of second derivatives), are 86.3960598 across the valley and 0.2568204 along it.
With lr = 0.01

    across   an epoch multiplies the distance to the minimum by 1 − 0.01 · 86.3960598 = 0.136
    along    …                                              by 1 − 0.01 · 0.2568204  = 0.9974318

After five epochs you are on the floor of the valley, and from there on the loss hardly moves: it
looks converged. 100 epochs later 77 % of the way along the floor is still ahead. 10000 epochs leave
0.9974318¹⁰⁰⁰⁰ = 7·10⁻¹² of it and end at the least-squares line, weight 0.2600 and bias 0.7477. A
larger lr is no way out: above 2 / 86.3960598 = 0.0231492 the steps across the valley grow, and
training diverges.

Results keep the dtype and the device of the inputs. No function changes its arguments, except
`train`, which trains the model that it is given.

After this lesson you can build and train a model from PyTorch's own parts, and say what its shapes,
its loss and its learning rate do.

Run this file to see the training log:  python exercises/lesson5_linear_regression.py
"""

import sys
from pathlib import Path

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def to_column(values: Tensor) -> Tensor:
    """The same numbers as n samples of one feature each.

    values: shape (n,).  Returns shape (n, 1).   (3.3, 4.4, 5.5) gives ((3.3), (4.4), (5.5)).
    """
    # TODO 5.1: return the values as a column
    return values.unsqueeze(1)


class LinearRegression(nn.Module):
    """ŷ = x·weightᵀ + bias, with both parameters in one `nn.Linear(1, 1)` called `self.linear`.

    Built without arguments. Called on x of shape (n, 1) it returns ŷ, shape (n, 1).
    With weight 1 and bias 0.5, the column (1, 3, 4) gives the column (1.5, 3.5, 4.5).
    """

    def __init__(self) -> None:
        super().__init__()
        # TODO 5.2: make the layer and keep it as self.linear
        # An attribute that is a layer is registered: `parameters()` finds its weight and bias.
        self.linear = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: shape (n, 1).  Returns ŷ, shape (n, 1)."""
        # TODO 5.2: return what the layer makes of x
        return self.linear(x)


def grad_by_hand(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """(∂loss/∂weight, ∂loss/∂bias) of the mean squared error, in tensor arithmetic; no autograd.

    x, y: shape (n, 1); weight: shape (1, 1); bias: shape (1,).  Returns two gradients shaped like
    the parameters, (1, 1) and (1,).   The worked example above gives ((−8)) and (−2.3333); the 15
    points at weight = 0, bias = 0 give ((−31.0774752)) and (−4.6488).
    """
    # TODO 5.3: from the residuals back to weight and bias
    # ∂loss/∂rᵢ = 2rᵢ/n. ŷᵢ = xᵢ·weight + bias, so ∂ŷᵢ/∂weight = xᵢ and ∂ŷᵢ/∂bias = 1, and each
    # parameter reaches the loss through all n samples, so the products are added:
    #     ∂loss/∂weight = Σ (2/n)·rᵢ·xᵢ = (2/n)·rᵀx,      ∂loss/∂bias = Σ (2/n)·rᵢ
    r = x @ weight.T + bias - y
    upstream = 2 * r / len(x)
    return upstream.T @ x, upstream.sum(dim=0)


def grad_by_autograd(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same two gradients at the model's own parameters, found by PyTorch.

    model: as LinearRegression, any weight and bias; x, y: shape (n, 1).  Returns gradients of shape
    (1, 1) and (1,).  The model's own `.grad` is left as it was, be that None or a tensor.
    A model with weight = 1, bias = 0 and the 15 points give ((53.5754049)) and (7.4804).
    """
    # TODO 5.4: the loss of the model's predictions, then its gradient
    # `.backward()` would add to the model's own .grad; torch.autograd.grad hands the result over.
    loss = nn.MSELoss()(model(x), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))


def train(model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int) -> Tensor:
    """Full-batch gradient descent on the mean squared error: one step an epoch, all samples in it.

    model: as LinearRegression, trained in place; x, y: shape (n, 1).  Returns losses, shape
    (epochs,): per epoch the loss before its step.  From weight = 0, bias = 0 with lr = 0.01 on the
    15 points: losses 5.9467032, 0.3378181, 0.2336981, and then weight 0.3583317, bias 0.0569571.
    """
    # TODO 5.5: for each epoch: loss, zeroed gradients, backward, step
    # Both parameters see the same linear map each epoch: d ← (I − lr·H)·d, where d is the distance
    # to the least-squares line and H, the Hessian of the loss, is 2·((mean x², mean x),
    # (mean x, 1)). Its eigenvalues are the two curvatures of the valley above.
    criterion = nn.MSELoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def closed_form(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The weight and bias of least mean squared error, without a training loop.

    x, y: shape (n, 1), not all x equal.  Returns (weight, bias), shapes (1, 1) and (1,).
    x = (1, 3, 4), y = (2, 4, 7) give ((11/7)) and (1/7); the 15 points ((0.25999)) and (0.74767).
    """
    # TODO 5.6: where both gradients are zero
    # ∂loss/∂bias = 0 says: the residuals have mean 0, so the line goes through (mean x, mean y) and
    #     bias = mean y − weight · mean x.
    # With that, ∂loss/∂weight = 0 says Σ (weight·(x − mean x) − (y − mean y))·(x − mean x) = 0, so
    #     weight = Σ (x − mean x)(y − mean y) / Σ (x − mean x)².
    x_mean, y_mean = x.mean(dim=0), y.mean(dim=0)
    dx, dy = x - x_mean, y - y_mean
    weight = (dx.T @ dy) / (dx.T @ dx)
    return weight, y_mean - weight[0] * x_mean


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
