"""The tape of checks.slips: what is recorded, what it is called, what comes back along it."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from checks.slips import OPERATIONS, NotATape, Slip, record
from checks.slips.operations import CUT, HALVED, NEGATED, SLOPE_LEFT_OUT

EXACT = 1e-12


def of_row(row: str, id: str, which: int = 0) -> Slip:
    return [slip for slip in OPERATIONS[row].slips if slip.id == id][which]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quadratic(x: Any, y: Any, w1: Any, w2: Any, b: Any) -> Tensor:
    x2 = x.square()
    z1 = w1 * x2
    z2 = w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    loss: Tensor = r.square()
    return loss


CASE = {name: numbers(seed=i + 3) for i, name in enumerate(("x", "y", "w1", "w2", "b"))}


def many(x: Tensor, W: Tensor, b: Tensor, gain: Tensor, t: Tensor) -> Tensor:
    """Most of the table in one function."""
    z = F.linear(x, W, b)
    h = F.layer_norm(z, (3,), gain, b)
    a = torch.relu(h) + F.gelu(h) + F.gelu(h, approximate="tanh") + h.std(0)
    c = torch.cat([a, h], 1)
    c = torch.stack([c, c[:, [0, 0, 1, 2, 3, 4]]], 0).mean(0)
    total = c.max(1).values.sum() + c.var(1).sum() + c.amax() + c.norm()
    total = total + (c.softmax(0) * c.log_softmax(1)).sum() + torch.where(c > 0, c, 0.0).sum()
    total += torch.einsum("ij,kj->ik", c, c).tanh().mean() + (1 - c).abs().mean()
    total = total + (1 / (1 + torch.exp(-c))).sum() + (2**c).mean() + c.logsumexp(1).sum()
    total = (
        total + torch.outer(b, gain).sum() + torch.dot(b, gain) + torch.mv(W.T, b).sigmoid().sum()
    )
    total = total + (c.abs() + 1).log().sqrt().mean() + c.T.flatten().unsqueeze(0).squeeze().sum()
    total = total + torch.bmm(c[None], c.mT[None]).mean() + c.expand(2, *c.shape).mean()
    total = total + c.masked_fill(c > 1, 0.0).sum() + sum(part.mean() for part in c.split(2, 1))
    end: Tensor = total + F.cross_entropy(c, t) + F.mse_loss(a, h)
    return end


MANY = {
    "x": numbers(5, 4),
    "W": numbers(3, 4, seed=1),
    "b": numbers(3, seed=2),
    "gain": numbers(3, seed=3),
    "t": torch.tensor([0, 1, 2, 3, 1]),
}


def by_autograd(function: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    leaves = {
        name: value.clone().requires_grad_(value.is_floating_point())
        for name, value in inputs.items()
    }
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    grads = torch.autograd.grad(function(**leaves), list(wanted.values()))
    return dict(zip(wanted, grads, strict=True))


@pytest.mark.parametrize(("function", "inputs"), [(quadratic, CASE), (many, MANY)])
def test_the_way_back_along_the_tape_is_autograds(function: Any, inputs: dict[str, Tensor]) -> None:
    grads = record(function, inputs).gradients()
    for name, expected in by_autograd(function, inputs).items():
        torch.testing.assert_close(grads[name], expected, rtol=EXACT, atol=EXACT)


IN_PARTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "label smoothing": lambda x, w: F.cross_entropy(
        x * w, torch.tensor([0, 2, 1]), label_smoothing=0.1
    ),
    "batch norm": lambda x, w: F.batch_norm(x, None, None, w, w + 1, training=True) ** 3,
    "rms norm": lambda x, w: F.rms_norm(x, (4,), w, eps=1e-3) ** 3,
    "huber": lambda x, w: F.huber_loss(2 * x, w.expand(3, 4), delta=0.7),
    "smooth l1": lambda x, w: F.smooth_l1_loss(2 * x, w.expand(3, 4), beta=0.7, reduction="sum"),
    "l1": lambda x, w: F.l1_loss(x * w, x * x),
    "bce": lambda x, w: F.binary_cross_entropy((x * w).sigmoid(), x.sigmoid()),
    "leaky relu": lambda x, w: F.leaky_relu(x * w, 0.2) ** 2,
    "elu": lambda x, w: F.elu(x * w, 1.3) ** 2,
    "einsum": lambda x, w: torch.einsum("ab, cb -> ca", x, x * w) ** 2,
}


@pytest.mark.parametrize("name", IN_PARTS)
def test_a_function_in_its_parts_is_the_function(name: str) -> None:
    """Its value and its gradients; and it was taken apart."""

    def loss(x: Tensor, w: Tensor) -> Tensor:
        out: Tensor = IN_PARTS[name](x, w).sum()
        return out

    inputs = {"x": numbers(3, 4), "w": numbers(4, seed=1)}
    tape = record(loss, inputs)
    torch.testing.assert_close(tape.nodes[tape.end].value, loss(**inputs), rtol=EXACT, atol=EXACT)
    for leaf, expected in by_autograd(loss, inputs).items():
        torch.testing.assert_close(tape.gradients()[leaf], expected, rtol=EXACT, atol=EXACT)
    assert {tape.nodes[n].operation.name for n in tape.differentiable} <= OPERATIONS.keys()


def test_nodes_bear_the_names_of_the_local_variables() -> None:
    tape = record(quadratic, CASE)
    assert tape["z1"].at == "z1 = w1·x2"
    assert tape["x2"].at == "x2 = x²"
    assert tape["loss"].at == "loss = r²"
    assert tape.end == tape["loss"].index


def test_a_name_that_two_nodes_bear_names_neither() -> None:
    def squash(z: Tensor) -> Tensor:
        return z.sigmoid()

    def loss(w: Tensor) -> Tensor:
        return squash(squash(w * 2) + 1)

    formulas = [node.name for node in record(loss, {"w": numbers()}).nodes]
    assert [formulas[i] for i in (-4, -2, -1)] == ["σ(2·w)", "σ(2·w) + 1", "loss"]


def test_names_are_found_in_code_without_a_file() -> None:
    """In a notebook's cell, and for variables that an inner function takes."""
    room: dict[str, Any] = {}
    exec("def loss(w):\n    a = w * 2\n    b = a.exp()\n    return (lambda: a + b)()\n", room)
    tape = record(room["loss"], {"w": numbers()})
    assert tape["a"].at == "a = 2·w" and tape["b"].at == "b = exp(a)"


def test_an_input_keeps_its_name_when_the_loss_takes_it_for_something_else() -> None:
    def loss(x: Any, w: Any) -> Any:
        x = x * w
        w = x.clone()
        return (x + w).exp()

    inputs = {"x": numbers(), "w": numbers(seed=1)}
    grads = record(loss, inputs).gradients()
    for name, expected in by_autograd(loss, inputs).items():
        torch.testing.assert_close(grads[name], expected, rtol=EXACT, atol=EXACT)


def test_a_profile_that_is_running_is_left_alone() -> None:
    profile = cProfile.Profile()
    profile.enable()
    try:
        assert record(quadratic, CASE).end
        numbers()
    finally:
        profile.disable()
    assert numbers.__code__ in {entry.code for entry in profile.getstats()}


def test_the_loss_may_change_tensors_of_its_own_in_place() -> None:
    def loss(w: Tensor) -> Tensor:
        total = w.sum() * 0
        for factor in (1.0, 2.0):
            total += (w * factor).square().sum()
        return total

    inputs = {"w": numbers(3)}
    torch.testing.assert_close(record(loss, inputs).gradients()["w"], 10 * inputs["w"])


def test_writing_into_a_slice_is_refused_in_words() -> None:
    def loss(w: Tensor) -> Tensor:
        out = torch.zeros(3)
        out[0] = w
        return out.sum()

    with pytest.raises(NotATape, match="in place"):
        record(loss, {"w": numbers()})


def test_inputs_are_left_as_they_are() -> None:
    given = {name: value.clone() for name, value in CASE.items()}
    record(quadratic, given)
    assert all(torch.equal(given[name], CASE[name]) for name in CASE)


def right() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y, w1, w2, b = CASE.values()
    r = w1 * x**2 + w2 * x + b - y
    return x, y, 2 * r, r


@pytest.mark.parametrize(
    ("slip", "names", "to", "expected"),
    [
        (HALVED, ["r"], None, lambda x, y, g, r: (r * x**2, r * x, r)),
        (NEGATED, ["r"], None, lambda x, y, g, r: (-g * x**2, -g * x, -g)),
        (SLOPE_LEFT_OUT, ["z1", "z2"], None, lambda x, y, g, r: (g, g, g)),
        (SLOPE_LEFT_OUT, ["z1"], "w1", lambda x, y, g, r: (g, g * x, g)),
        (CUT, ["z2"], None, lambda x, y, g, r: (g * x**2, 0 * x, g)),
        (
            of_row("sub", "left_out"),
            ["r"],
            None,
            lambda x, y, g, r: (*(2 * (r + y) * k for k in (x**2, x, x**0)),),
        ),
        (
            of_row("pow", "exponent_not_in_front"),
            ["loss"],
            None,
            lambda x, y, g, r: (r * x**2, r * x, r),
        ),
    ],
)
def test_a_slip_at_a_place_gives_its_wrong_gradients(
    slip: Slip, names: list[str], to: str | None, expected: Any
) -> None:
    tape = record(quadratic, CASE)
    grads = tape.gradients([(slip, tape.at(*names, to=to))])
    for name, value in zip(("w1", "w2", "b"), expected(*right()), strict=True):
        torch.testing.assert_close(grads[name], value, rtol=EXACT, atol=EXACT)


def test_two_slips_are_made_at_once() -> None:
    tape, (x, _, _, r) = record(quadratic, CASE), right()
    grads = tape.gradients([(HALVED, tape.at("r")), (NEGATED, tape.at("z2"))])
    torch.testing.assert_close(grads["w2"], -r * x, rtol=EXACT, atol=EXACT)


def test_a_node_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="'z9'"):
        record(quadratic, CASE).at("z9")
