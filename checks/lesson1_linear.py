"""Lesson 1, one weight: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.exercises import exercise, gradients, squared_loss
from checks.grader.language.figure import Graph, Losses
from checks.grader.language.inputs import Dice, table
from checks.grader.language.lesson import Witness, lesson
from checks.grader.language.linear import ByMatrix
from checks.grader.language.log import training_log
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    Permuted,
    absent,
    halved,
    in_some,
    read_as,
    slope_left_out,
    upstream_ignored,
)
from checks.grader.language.training import Training, in_every_step
from checks.grader.language.truth import gradient_of, number

LR = 0.01


# ── what is right: the net node by node, and the closed forms ──────────────────────────────────


@net("w")
def nodes(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    y_hat = x * w
    r = y_hat - y
    return r.square()


@net("x", "w")
def product(x: Tensor, w: Tensor, upstream: Tensor) -> Tensor:
    """A loss whose slope at z = x·w is the upstream gradient."""
    z = x * w
    L = upstream * z
    return L  # noqa: RET504 (the name of the node)


def forward(x: Tensor, w: Tensor) -> Tensor:
    return x * w


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return (x * w - y) ** 2


def multiply_backward(x: Tensor, w: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    return upstream * w, upstream * x


def gradient(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return 2 * (x * w - y) * x


train = Training(nodes, loss, gradient, ("xs", "ys"))


by_matrix = ByMatrix(nodes.wrt, lambda x: (x,))


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """The residual is never small against the prediction."""
    while True:
        x, y, w = dice.number("x"), dice.number("y"), dice.number("w")
        if abs(x * w - y) > 0.3:
            return {"x": x, "y": y, "w": w, "upstream": dice.number("upstream")}


# ── where students slip ────────────────────────────────────────────────────────────────────────

SLIPS = {
    "missing_factor_2": halved("r"),
    "sign_flipped": Mapped(Tensor.neg),
    "missing_input_factor": slope_left_out("y_hat"),
    "target_ignored": absent("y"),
    "loss_returned": loss,
    "upstream_ignored": upstream_ignored("y_hat"),
    "wrong_variable": read_as("x", "w"),
}
PRODUCT_SLIPS = {
    "sign_flipped": Mapped(Tensor.neg),
    "order_swapped": Permuted((1, 0)),
    "upstream_ignored": in_some(upstream_ignored("z"), "x", "w"),
    "slopes_added": lambda x, w, upstream: (upstream + w, upstream + x),
}

# ── what the notes state ───────────────────────────────────────────────────────────────────────


def slopes_of_a_product() -> str:
    """At the node z = x·w: its local slopes, and the gradients for an upstream gradient of 5."""
    x, w = number(2.0).requires_grad_(), number(3.0).requires_grad_()
    slope_x, slope_w = torch.autograd.grad(x * w, (x, w))
    grad_x, grad_w = torch.autograd.grad(x * w, (x, w), grad_outputs=number(5.0))
    return (
        f"∂z/∂w = {slope_w:g}, ∂z/∂x = {slope_x:g}; "
        f"with upstream 5, ∂L/∂w = {grad_w:g}, ∂L/∂x = {grad_x:g}"
    )


def along_the_graph(x: float, y: float, w: float) -> tuple[float, ...]:
    """r, ∂loss/∂r and ∂loss/∂ŷ, by autograd."""
    prediction = (number(x) * number(w)).requires_grad_()
    r = prediction - y
    slopes = torch.autograd.grad(r**2, (r, prediction))
    return (r.item(), *(slope.item() for slope in slopes))


data = partial(table, "lesson1_linear", "x", "y")


def after(epochs: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """w and the losses after some epochs on the notes' data from w = 1."""
    xs, ys = data()
    w, losses = train(xs.to(dtype), ys.to(dtype), torch.tensor(1.0, dtype=dtype), LR, epochs)
    return w, losses


def what_shrinks() -> str:
    """w after k epochs, from the error 2 − w of each of the first ten."""
    errors = [2 - after(k)[0].item() for k in range(1, 11)]
    ratios = [later / earlier for earlier, later in zip(errors, errors[1:], strict=False)]
    steady = max(ratios) - min(ratios) < 1e-9 and abs(errors[0] - ratios[0]) < 1e-9
    return f"w = 2 − {ratios[0]:.6f}ᵏ" if steady else f"errors {errors}"


CLAIMS = {
    "slopes_of_a_product": slopes_of_a_product,
    "residual": lambda: along_the_graph(1.0, 2.0, 1.0)[0],
    "along_the_graph": lambda: along_the_graph(2.0, 4.0, 1.0),
    "product": lambda: forward(number(2.0), number(3.0)).item(),
    "gradients_of_epoch_0": lambda: train.gradients_of_an_epoch(*data(), number(1.0), LR, 1),
    "after_epoch_0": lambda: after(1)[0].item(),
    "first_loss": lambda: after(1)[1].item(),
    "what_shrinks": what_shrinks,
    "prediction_before": lambda: forward(number(4.0), number(1.0)),
    "prediction_after": lambda: (4 * after(100)[0]).item(),
    "in_float32": lambda: (4 * after(100, torch.float32)[0]).item(),
    # without its parentheses; the address is another one in every run
    "what_item_prints": lambda: str((4 * after(100)[0]).item).split(" at ")[0] + ">",
    "what_a_percent_prints": lambda: "loss: {:%.6f}" % after(1)[1].item(),  # noqa: UP031
}


LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=training_log(data, {"w": 1.0}, LR),
    figures=(
        Graph("loss", "x = 2, y = 4, w = 1", wrt=("w",), names=nodes.named(y_hat="ŷ", r="r")),
        Losses("train", "three epochs on 1, 2, 3", given={"epochs": 100}),
    ),
    exercises=(
        exercise(forward, "ŷ", wrong={"added_not_multiplied": lambda x, w: x + w}),
        squared_loss(nodes, loss),
        exercise(
            multiply_backward,
            ("∂L/∂x", "∂L/∂w"),
            *gradient_of(product, "x", "w"),
            method="by_hand",
            net=product,
            slipped=product.gradient,
            wrong=PRODUCT_SLIPS,
        ),
        *gradients(nodes, gradient, SLIPS),
        train.exercise(
            Witness("powers of the epoch's matrix", by_matrix),
            wrong=in_every_step(SLIPS) | train.loops(0.01),
            draw=by_matrix.draws(3),
        ),
    ),
)
