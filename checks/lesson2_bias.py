"""Lesson 2, weight and bias: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.exercises import exercise, gradients, squared_loss
from checks.grader.language.figure import Graph, Losses, Surface
from checks.grader.language.inputs import Dice, table
from checks.grader.language.lesson import Witness, lesson
from checks.grader.language.linear import ByMatrix, curvatures
from checks.grader.language.log import EPOCHS, training_log
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    absent,
    halved,
    in_some,
    multiplied,
    permuted,
    read_as,
    returned,
    slope_left_out,
    upstream_ignored,
)
from checks.grader.language.training import Training, in_every_step
from checks.grader.language.truth import number

LR = 0.01
START = (number(1.0), number(2.0))
#: A prediction or residual this small would be the difference of two larger numbers.
CANCELLED = 0.5


# ── what is right: the net node by node, and the closed forms ──────────────────────────────────


@net("w", "b")
def nodes(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    z = x * w
    y_hat = z + b
    r = y_hat - y
    return r.square()


def forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x * w + b


def loss(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x * w + b - y) ** 2


def gradient(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    arriving = 2 * (x * w + b - y)
    return arriving * x, arriving


train = Training(nodes, loss, gradient, ("xs", "ys"))


by_matrix = ByMatrix(nodes.wrt, lambda x: (x, torch.ones_like(x)))


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """Prediction and residual are never small against what they are made of."""
    while True:
        x, y, w, b = (dice.number(name) for name in ("x", "y", "w", "b"))
        prediction = forward(x, w, b)
        if min(abs(prediction), abs(prediction - y)) > CANCELLED:
            return {"x": x, "y": y, "w": w, "b": b}


# ── where students slip ────────────────────────────────────────────────────────────────────────

SLIPS = {
    "missing_factor_2": in_some(halved("r"), "w", "b"),
    "sign_flipped": Mapped(Tensor.neg, single=True),
    "missing_input_factor": slope_left_out("z"),
    "target_ignored": in_some(absent("y"), "w", "b"),
    "loss_returned": lambda x, y, w, b: (loss(x, y, w, b),) * 2,
    "bias_like_weight": multiplied("b", "x"),
    "order_swapped": permuted(2),
    "upstream_ignored": upstream_ignored("y_hat"),
    "wrong_variable": read_as("x", "w"),
    "bias_forgotten": absent("b"),
}
FORWARD_SLIPS = {
    "bias_forgotten": absent("b"),
    "added_too_early": [lambda x, w, b: x * (w + b), lambda x, w, b: (x + b) * w],
    "bias_for_weight": lambda x, w, b: x * b + w,
}
STEP_SLIPS = in_every_step(SLIPS)
STEP_SLIPS["order_swapped"] = [*permuted(2), *returned(2)]

# ── what the notes state ───────────────────────────────────────────────────────────────────────


data = partial(table, "lesson2_bias", "x", "y")


def after(epochs: int) -> tuple[float, ...]:
    """w and b after some epochs on the notes' data."""
    w, b, _ = train(*data(), *START, LR, epochs)
    return w.item(), b.item()


CLAIMS = {
    "residual": lambda: (forward(number(1.0), *START) - 2.0).item(),
    "gradients_of_epoch_0": lambda: train.gradients_of_an_epoch(*data(), *START, LR, 1),
    "after_epoch_0": lambda: after(1),
    "after_100": lambda: after(100),
    "after_1000": lambda: after(1000),
    "curvatures": lambda: curvatures(train.mean_loss, 2, *data()),
}


TRAINING = "three epochs on 1, 2, 3"
NAMES = nodes.named(z="z", y_hat="ŷ", r="r")
LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=training_log(data, {"w": 1.0, "b": 2.0}, LR, (*EPOCHS, 1000)),
    figures=(
        Graph("loss", "x = 3, y = 5, w = −1.5, b = 0.5", wrt=("w", "b"), names=NAMES),
        Losses("train", TRAINING, given={"epochs": 100}),
        Surface("train", TRAINING, ("w", "b"), ("w", "b"), train.mean_loss, given={"epochs": 100}),
    ),
    exercises=(
        exercise(forward, "ŷ", slipped=nodes.node("y_hat"), wrong=FORWARD_SLIPS),
        squared_loss(nodes, loss, {"bias_forgotten": absent("b")}),
        *gradients(nodes, gradient, SLIPS),
        train.exercise(
            Witness("powers of the epoch's matrix", by_matrix),
            wrong=STEP_SLIPS | train.loops(0.01),
            draw=by_matrix.draws(3),
        ),
    ),
)
