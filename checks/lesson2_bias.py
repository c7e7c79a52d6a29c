"""Lesson 2, weight and bias: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.exercises import gradients, squared_loss
from checks.grader.language.figure import Graph, Losses, Surface
from checks.grader.language.inputs import Dice, column
from checks.grader.language.lesson import Exercise, Witness, lesson
from checks.grader.language.linear import curvatures, draw_training, trained
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
    slope_left_out,
    upstream_ignored,
)
from checks.grader.language.training import Training, in_every_step, returned
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


def train_by_matrix(
    xs: Tensor, ys: Tensor, w: Tensor, b: Tensor, lr: float, epochs: int
) -> tuple[Any, ...]:
    features = torch.stack((xs, torch.ones_like(xs)), dim=1)
    return trained(features, ys, torch.stack((w, b)), lr, epochs)


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """Prediction and residual are never small against what they are made of."""
    while True:
        x, y, w, b = (dice.number(name) for name in ("x", "y", "w", "b"))
        prediction = forward(x, w, b)
        if min(abs(prediction), abs(prediction - y)) > CANCELLED:
            return {"x": x, "y": y, "w": w, "b": b}


def draw_samples(dice: Dice) -> Mapping[str, Any]:
    return draw_training(dice, train_by_matrix, nodes.wrt, count=3)


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


def data() -> tuple[Tensor, Tensor]:
    """xs and ys of the notes, shape (3,)."""
    return column("lesson2_bias", "x"), column("lesson2_bias", "y")


def after(epochs: int) -> tuple[float, ...]:
    """w and b after some epochs on the notes' data."""
    w, b, _ = train(*data(), *START, LR, epochs)
    return w.item(), b.item()


def mean_loss(parameters: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """Over the whole data; `parameters` is (w, b), shape (2,)."""
    w, b = parameters
    return torch.mean((xs * w + b - ys) ** 2)


CLAIMS = {
    "residual": lambda: (forward(number(1.0), *START) - 2.0).item(),
    "gradients_of_epoch_0": lambda: train.gradients_of_an_epoch(*data(), *START, LR, 1),
    "after_epoch_0": lambda: after(1),
    "after_100": lambda: after(100),
    "after_1000": lambda: after(1000),
    "curvatures": lambda: curvatures(mean_loss, 2, *data()),
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
        Surface("train", TRAINING, ("w", "b"), ("w", "b"), mean_loss, given={"epochs": 100}),
    ),
    exercises=(
        Exercise("forward", forward, ("ŷ",), wrong=FORWARD_SLIPS, slipped=nodes.node("y_hat")),
        squared_loss(nodes, loss, {"bias_forgotten": absent("b")}),
        *gradients(nodes, gradient, SLIPS),
        train.exercise(
            Witness("powers of the epoch's matrix", train_by_matrix),
            wrong=STEP_SLIPS | train.loops(0.01),
            draw=draw_samples,
        ),
    ),
)
