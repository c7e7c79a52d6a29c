"""The net by itself: its gradient with a slip made is the formula that somebody writes by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.language.net import net
from checks.grader.language.slips import (
    Permuted,
    Slip,
    absent,
    added,
    becomes,
    computed_as,
    cut,
    doubled,
    halved,
    multiplied,
    negated,
    only,
    read_as,
    slope,
    slope_left_out,
    starting_at,
    upstream_ignored,
)
from checks.grader.language.truth import gradient_of, number
from checks.grader.records.answer import agree

X, Y, W, B = 1.7, -0.6, -1.3, 0.45
Z = X * W + B
R = Z**2 - Y  # the residual of ŷ = (x·w + b)²


@net("w", "b")
def parabola(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    product = x * w
    z = product + b
    y_hat = z.square()
    r = y_hat - y
    return r.square()


@net("weights", weights=3)
def taken_apart(x: Tensor, weights: Any) -> Any:
    """A vector as single numbers; the first of them is used twice."""
    hidden = (weights[0] * x).sigmoid()
    out = hidden * weights[1] + weights[2] * weights[0]
    return out.square()


@net("weight", "bias")
def layer(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Matrices, and a bias that is broadcast over the samples."""
    z = x @ weight.T
    out = z + bias
    return out.square().mean()


def given() -> dict[str, Tensor]:
    return {"x": number(X), "y": number(Y), "w": number(W), "b": number(B)}


def gradient(*slips: Slip | Permuted) -> tuple[float, ...]:
    return tuple(float(value) for value in parabola.gradient(*slips)(**given()))


def by_hand(along: float) -> tuple[float, float]:
    """∂loss/∂w and ∂loss/∂b when this arrives at z."""
    return along * X, along


ARRIVING = 2 * R * 2 * Z  # ∂loss/∂z
SLIPS = {
    "none": ((), by_hand(ARRIVING)),
    "halved": ((halved("r"),), by_hand(R * 2 * Z)),
    "doubled": ((doubled("z"),), by_hand(2 * ARRIVING)),
    "negated": ((negated("y_hat"),), by_hand(-ARRIVING)),
    "starting_at": ((starting_at("y_hat"),), by_hand(2 * Z)),
    "cut": ((cut("z", to=("product",)),), (0.0, ARRIVING)),
    "slope_left_out": ((slope_left_out("y_hat"),), by_hand(2 * R)),
    "slope_left_out of the product": ((slope_left_out("product"),), (ARRIVING, ARRIVING)),
    "upstream_ignored": ((upstream_ignored("product"),), (X, ARRIVING)),
    "slope": ((slope("y_hat", by=lambda at: 3 * at.z),), by_hand(2 * R * 3 * Z)),
    "multiplied": ((multiplied("b", "x"),), (ARRIVING * X, ARRIVING * X)),
    "added": ((added("w", lambda at: at.x),), (ARRIVING * X + X, ARRIVING)),
    "becomes": ((becomes("b", lambda at: at.r),), (ARRIVING * X, R)),
    "absent": ((absent("y"),), by_hand(2 * Z**2 * 2 * Z)),
    "computed_as": ((computed_as("y_hat", "z"),), by_hand(2 * (Z - Y) * 2 * Z)),
    "read_as": ((read_as("x", "w"),), (ARRIVING * W, ARRIVING)),
    "only": ((only(halved("r"), "w"),), (R * 2 * Z * X, ARRIVING)),
    "two at once": ((halved("r"), absent("y")), by_hand(Z**2 * 2 * Z)),
    "permuted": ((Permuted((1, 0)),), (ARRIVING, ARRIVING * X)),
}


@pytest.mark.parametrize(("slips", "expected"), SLIPS.values(), ids=SLIPS)
def test_a_gradient_with_a_slip_is_the_formula_by_hand(
    slips: tuple[Slip | Permuted, ...], expected: tuple[float, float]
) -> None:
    assert gradient(*slips) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("described", "inputs"),
    [
        (parabola, {"x": X, "y": Y, "w": W, "b": B}),
        (taken_apart, {"x": X, "weights": [0.4, -1.2, 0.8]}),
        (layer, {"x": [[0.3, -1.0], [2.0, 0.7]], "weight": [[0.5, -0.4]], "bias": [0.2]}),
    ],
    ids=["numbers", "a vector taken apart", "matrices"],
)
def test_without_a_slip_it_is_autograds_gradient(
    described: Any, inputs: dict[str, Any], *, tolerance: float = 1e-12
) -> None:
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in inputs.items()}
    right = gradient_of(described, *described.wrt)[0].evaluate(**tensors)
    assert agree(right, described.gradient()(**tensors), rtol=tolerance)


def test_a_value_that_is_computed_wrong_reaches_the_nodes_after_it() -> None:
    values = parabola.values((X, Y, W, B), [absent("b")])
    product = X * W
    expected = {"z": product, "y_hat": product**2, "r": product**2 - Y}
    assert {name: values[parabola.place(name)] for name in expected} == pytest.approx(expected)


def test_a_value_that_is_only_read_wrong_leaves_the_forward_pass_right() -> None:
    assert parabola.values((X, Y, W, B), [read_as("x", "w")]) == parabola.values((X, Y, W, B))


def test_a_node_can_be_asked_for_by_name() -> None:
    assert parabola.value("r")(**given()).item() == pytest.approx(R)
    assert parabola.node("z", "r")()(**given())[0].item() == pytest.approx(Z)


def test_gradients_of_nodes_come_by_name() -> None:
    found = parabola.node_gradients("z", "r")(halved("r"))(**given())
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {"z": ARRIVING / 2, "r": R}
    )


def test_the_names_are_the_inputs_and_then_the_nodes_in_order() -> None:
    assert parabola.names == ("x", "y", "w", "b", "product", "z", "y_hat", "r", "loss")


@pytest.mark.parametrize("make", [halved, absent, cut, slope_left_out])
def test_a_slip_at_a_node_that_is_not_there_says_which_there_are(
    make: Callable[[str], Slip],
) -> None:
    with pytest.raises(KeyError, match="parabola has no node 'residual'; it has x, y, w, b"):
        gradient(make("residual"))
