"""Lesson 3, a quadratic: what is right, and where students slip. The words are in data/."""

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
from checks.grader.language.log import training_log
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    absent,
    computed_as,
    halved,
    in_any,
    in_some,
    multiplied,
    negated,
    permuted,
    read_as,
    returned,
    slope,
    slope_left_out,
    upstream_ignored,
)
from checks.grader.language.training import Training, in_every_step
from checks.grader.language.truth import gradient_of, number

LR, ONES = 0.01, (number(1.0),) * 3
NODES = ("z1", "z2", "z", "y_hat", "r")
#: A prediction or residual may not be a smaller part of the terms that it is made of.
CANCELLED = 0.15


# ── what is right: the net node by node, and the closed forms ──────────────────────────────────


@net("w1", "w2", "b")
def nodes(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    x2 = x.square()
    z1 = w1 * x2
    z2 = w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    return r.square()


def forward(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return w1 * x**2 + w2 * x + b


def loss(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return (w1 * x**2 + w2 * x + b - y) ** 2


def gradient(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    arriving = 2 * (w1 * x**2 + w2 * x + b - y)
    return arriving * x**2, arriving * x, arriving


def node_gradients(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> dict[str, Tensor]:
    """From r to z1 and z2 all slopes are 1."""
    return dict.fromkeys(NODES, 2 * (w1 * x**2 + w2 * x + b - y))


train = Training(nodes, loss, gradient, ("xs", "ys"))


by_matrix = ByMatrix(nodes.wrt, lambda x: (x**2, x, torch.ones_like(x)))


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """Prediction and residual are never small against what they are made of."""
    while True:
        x, y, w1, w2, b = (dice.number(name) for name in ("x", "y", "w1", "w2", "b"))
        prediction = forward(x, w1, w2, b)
        terms = forward(x.abs(), w1.abs(), w2.abs(), b.abs()) + y.abs()
        if min(abs(prediction), abs(prediction - y)) > CANCELLED * terms:
            return {"x": x, "y": y, "w1": w1, "w2": w2, "b": b}


# ── where students slip ────────────────────────────────────────────────────────────────────────

DOUBLED = computed_as("x2", lambda at: 2 * at.x)  # x·2 in place of x²
UNSQUARED = computed_as("x2", "x")
RIGHT_SLOPE = read_as("x2", lambda at: at.x**2)
POWERS_EXCHANGED = (
    computed_as("z1", lambda at: at.w1 * at.x),
    computed_as("z2", lambda at: at.w2 * at.x**2),
)
SLIPS = {
    "missing_factor_2": in_some(halved("r"), "w1", "w2", "b"),
    "sign_flipped": [Mapped(Tensor.neg), *in_some(negated("r"), "w1", "w2", "b")[1:]],
    "missing_input_factor": in_any(slope_left_out, "z1", "z2"),
    "target_ignored": in_some(absent("y"), "w1", "w2", "b"),
    "loss_returned": lambda x, y, w1, w2, b: (loss(x, y, w1, w2, b),) * 3,
    "bias_like_weight": [multiplied("b", "x"), multiplied("b", "x2")],
    "wrong_power": [
        read_as("x2", "x"),
        read_as("x2", lambda at: 2 * at.x),
        (read_as("x2", lambda at: 2 * at.x), slope_left_out("z2")),
        slope("z2", by="x2"),
        DOUBLED,
        UNSQUARED,
        (DOUBLED, RIGHT_SLOPE),
        (UNSQUARED, RIGHT_SLOPE),
    ],
    "order_swapped": permuted(3),
    "upstream_ignored": upstream_ignored("y_hat"),
    "wrong_variable": [
        (slope("z1", by=lambda at: 2 * at.w1 * at.x), slope("z2", by="w2")),
        slope("z1", by=lambda at: 2 * at.w1 * at.x),
        slope("z2", by="w2"),
    ],
    "bias_forgotten": absent("b"),
    "powers_exchanged": [
        POWERS_EXCHANGED,
        (*POWERS_EXCHANGED, slope("z1", by="x"), slope("z2", by="x2")),
    ],
}
NODE_SLIPS = {
    "missing_factor_2": halved("r"),
    "sign_flipped": Mapped(Tensor.neg, single=True),
    "target_ignored": absent("y"),
    "loss_returned": lambda x, y, w1, w2, b: dict.fromkeys(NODES, loss(x, y, w1, w2, b)),
    "upstream_ignored": [
        lambda **inputs: node_gradients(**inputs) | dict.fromkeys(NODES[:-1], number(1.0)),
        lambda **inputs: dict.fromkeys(NODES, number(1.0)),
    ],
    "bias_forgotten": absent("b"),
    "powers_exchanged": POWERS_EXCHANGED,
    "wrong_power": [DOUBLED, UNSQUARED],
    "values_not_gradients": lambda **inputs: {name: nodes.value(name)(**inputs) for name in NODES},
    "one_step_too_far": lambda **inputs: {
        **node_gradients(**inputs),
        **dict(zip(NODES, gradient(**inputs)[:2], strict=False)),
    },
}
FORWARD_SLIPS = {
    "wrong_power": [DOUBLED, UNSQUARED],
    "bias_forgotten": absent("b"),
    "powers_exchanged": POWERS_EXCHANGED,
    "product_squared": lambda x, w1, w2, b: (w1 * x) ** 2 + w2 * x + b,
}
STEP_SLIPS = in_every_step(SLIPS, without=("sign_flipped", "wrong_variable", "powers_exchanged"))
STEP_SLIPS["order_swapped"] = [*permuted(3), *returned(3)]

# ── what the notes state ───────────────────────────────────────────────────────────────────────


data = partial(table, "lesson3_quadratic", "x", "y")


def worked(b: float) -> dict[str, Tensor]:
    """The notes' example, with the b that they leave out."""
    return {name: number(v) for name, v in zip(nodes.inputs, (2.0, 9.0, 2.0, 2.0, b), strict=True)}


def after(epochs: int) -> tuple[Tensor, ...]:
    """w1, w2, b and the losses after some epochs on the notes' data from (1, 1, 1)."""
    return train(*data(), *ONES, LR, epochs)


def minimum() -> tuple[float, ...]:
    """Where the loss of all three points is 0: three equations for w1, w2, b."""
    xs, ys = data()
    found = torch.linalg.solve(torch.stack((xs**2, xs, xs**0), dim=1), ys)
    return tuple(round(value, 9) + 0.0 for value in found.tolist())  # + 0.0: no −0


CLAIMS = {
    "missing_b": lambda: f"b = {13.0 - nodes.value('y_hat')(**worked(b=0.0)):g}",
    "values_along_the_graph": lambda: (
        *(nodes.value(name)(**worked(b=1.0)).item() for name in NODES),
        loss(**worked(b=1.0)).item(),
    ),
    "gradients_of_epoch_0": lambda: train.gradients_of_an_epoch(*data(), *ONES, LR, 1),
    "after_epoch_0": lambda: [parameter.item() for parameter in after(1)[:3]],
    "after_100": lambda: [parameter.item() for parameter in after(100)[:3]],
    "last_loss": lambda: after(100)[-1][-1].item(),
    "prediction": lambda: forward(number(4.0), *after(100)[:3]).item(),
    "curvatures": lambda: curvatures(train.mean_loss, 3, *data()),
    "minimum": minimum,
}


WORKED, TRAINING = "x = 2, y = 9, w1 = w2 = 2, b = 1", "three epochs on 1, 2, 3"
NAMES = nodes.named(z1="z1", z2="z2", z="z", y_hat="ŷ", r="r")
LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=training_log(data, dict.fromkeys(nodes.wrt, 1.0), LR),
    figures=(
        Graph("loss", WORKED, wrt=nodes.wrt, names=NAMES),
        Losses("train", TRAINING, given={"epochs": 100}),
        Surface("train", TRAINING, nodes.wrt, ("w2", "b"), train.mean_loss, given={"epochs": 100}),
    ),
    exercises=(
        exercise(forward, "ŷ", slipped=nodes.node("y_hat"), wrong=FORWARD_SLIPS),
        squared_loss(nodes, loss, {"bias_forgotten": absent("b")}),
        exercise(
            node_gradients,
            ("∂loss/∂z1", "∂loss/∂z2", "∂loss/∂z", "∂loss/∂ŷ", "∂loss/∂r"),
            *gradient_of(nodes.nudged(*NODES), *NODES),
            method="by_autograd",
            slipped=nodes.node_gradients(*NODES),
            wrong=NODE_SLIPS,
        ),
        *gradients(nodes, gradient, SLIPS),
        train.exercise(
            Witness("powers of the epoch's matrix", by_matrix),
            wrong=STEP_SLIPS | train.loops(0.01),
            draw=by_matrix.draws(4, high=1.9, lr=(0.011, 0.02)),
        ),
    ),
)
