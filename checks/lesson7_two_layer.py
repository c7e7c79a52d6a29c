"""Lesson 7, two layers: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.exercises import exercise, gradients
from checks.grader.language.figure import Graph, Losses, Separation
from checks.grader.language.inputs import Dice, cases
from checks.grader.language.lesson import lesson
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    Permuted,
    Slip,
    absent,
    becomes,
    computed_as,
    doubled,
    multiplied,
    negated,
    slope,
    slope_left_out,
)
from checks.grader.language.training import Training

Gradients = tuple[Tensor, Tensor, Tensor, Tensor]


# ── what is right: the net node by node, and the closed forms ──────────────────────────────────


@net("W1", "b1", "W2", "b2")
def nodes(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    a1 = W1 @ x
    z = a1 + b1
    h = z.sigmoid()
    a2 = W2 @ h
    y_hat = a2 + b2
    r = y_hat - y
    return 0.5 * r.square().sum()


def forward_linear(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    return W2 @ (W1 @ x + b1) + b2


def collapse(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    return W2 @ W1, W2 @ b1 + b2


def forward(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    return W2 @ torch.sigmoid(W1 @ x + b1) + b2


def loss(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    return 0.5 * ((forward(x, W1, b1, W2, b2) - y) ** 2).sum()


def gradient(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Gradients:
    """(∂W1, ∂b1, ∂W2, ∂b2), from ŷ back to the first layer."""
    h = torch.sigmoid(W1 @ x + b1)
    grad_y_hat = W2 @ h + b2 - y
    grad_z = (W2.T @ grad_y_hat) * h * (1 - h)
    return torch.outer(grad_z, x), grad_z, torch.outer(grad_y_hat, h), grad_y_hat


def count_parameters(sizes: list[int]) -> int:
    return sum(n * m + m for n, m in pairwise(sizes))


train = Training(nodes, loss, gradient, ("xs", "ys"))


def implied(answer: Gradients, **at: Tensor) -> Mapping[str, tuple[Tensor, Tensor]]:
    """A bias has slope 1, so ∂b2 is the gradient at ŷ and ∂b1 the one at z."""
    grad_W1, grad_b1, grad_W2, grad_b2 = answer
    h, residual = (nodes.value(name)(**at) for name in ("h", "r"))
    grad_z = at["W2"].T @ grad_b2 * h * (1 - h)
    return {
        "∂loss/∂ŷ (which ∂loss/∂b2 equals)": (grad_b2, residual),
        "∂loss/∂W2": (grad_W2, torch.outer(grad_b2, h)),
        "∂loss/∂z, before σ (which ∂loss/∂b1 equals)": (grad_b1, grad_z),
        "∂loss/∂W1": (grad_W1, torch.outer(grad_b1, at["x"])),
    }


# ── other ways to the same ─────────────────────────────────────────────────────────────────────


def columns_one_by_one(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """A linear layer read off from outside: b is what 0 gives, a column what a unit vector adds."""
    b = forward_linear(torch.zeros_like(W1[0]), W1, b1, W2, b2)
    units = torch.eye(W1.shape[1], dtype=W1.dtype)
    return torch.stack([forward_linear(e, W1, b1, W2, b2) - b for e in units], dim=1), b


def in_layers(between: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The net in PyTorch's own layers."""

    def by_torch(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
        return nn.functional.linear(between(nn.functional.linear(x, W1, b1)), W2, b2)

    return by_torch


def loss_by_torch(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    y_hat = in_layers(torch.special.expit)(x, W1, b1, W2, b2)
    return nn.functional.mse_loss(y_hat, y, reduction="sum") / 2


def counted_by_torch(sizes: list[int]) -> int:
    layers = [nn.Linear(n, m, device="meta") for n, m in pairwise(sizes)]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


# ── random inputs ──────────────────────────────────────────────────────────────────────────────

#: (n, m, k, samples, epochs) of each trial: n, m, k all different, then a square net, where a
#: transposed matrix has the right shape and only its values show it. The steps are few, because
#: uphill every one of them makes rounding errors grow.
SIZES = ((3, 4, 2, 5, 4), (4, 2, 3, 5, 3), (2, 3, 5, 4, 3), (3, 3, 3, 4, 5))


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs; σ is nowhere flat, no residual is small, no hidden gradient cancels."""
    n, m, k, samples, epochs = SIZES[dice.trial % len(SIZES)]
    while True:
        x, y = dice.tensor(n, low=0.3, high=1.6), dice.tensor(k, low=0.3, high=1.6)
        W1, b1 = dice.tensor(m, n, low=0.2, high=0.95), dice.tensor(m, low=0.2, high=0.95)
        W2, b2 = dice.tensor(k, m, low=0.2, high=1.2), dice.tensor(k, low=0.2, high=0.95)
        z = W1 @ x + b1
        residual = W2 @ torch.sigmoid(z) + b2 - y
        carried = W2.T @ residual
        if z.abs().max() < 2.5 and residual.abs().min() > 0.3 and carried.abs().min() > 0.2:
            break
    return {
        **dict(zip(nodes.inputs, (x, y, W1, b1, W2, b2), strict=True)),
        "sizes": draw_sizes(dice),
        "xs": dice.tensor(samples, n, low=0.3, high=1.6),
        "ys": dice.tensor(samples, k, low=0.3, high=1.6),
        "lr": dice.factor(0.02, 0.05),
        "epochs": epochs,
    }


def draw_sizes(dice: Dice) -> list[int]:
    """Layers from inputs to outputs; neighbours differ, and so do both ends."""
    while True:
        sizes = [dice.integer(2, 9) for _ in range(3 + dice.trial)]
        if all(n != m for n, m in pairwise(sizes)) and sizes[0] != sizes[-1]:
            return sizes


# ── where students slip ────────────────────────────────────────────────────────────────────────


def ordered(function: Callable[..., tuple[Any, ...]], *order: int) -> Callable[..., Any]:
    """The right values in another order."""

    def formula(**inputs: Any) -> tuple[Any, ...]:
        answer = function(**inputs)
        return tuple(answer[i] for i in order)

    return formula


def either_or_both(first: Any, second: Any) -> list[Any]:
    return [first, second, (first, second)]


def back(wrong: Callable[[Tensor, Any], Tensor]) -> Slip:
    """Another way from ŷ to h: of the gradient at ŷ and the net's values."""
    return Slip(("a2",), back=lambda g, right, at: wrong(g, at) + 0 * right, to=("h",))


def weights(wrong: Callable[[Tensor, Tensor], Tensor]) -> list[Any]:
    """Another ∂W from the gradient of its sum and its input, in one layer or in both."""
    return either_or_both(
        becomes("W1", lambda at: wrong(at.d("z"), at.x)),
        becomes("W2", lambda at: wrong(at.d("y_hat"), at.h)),
    )


TURNED = weights(lambda g, v: torch.outer(v, g))
NOT_TURNED_BACK = back(lambda g, at: at.W2 @ g)
NO_SIGMOID = computed_as("h", "z")
SIGMOID_ON_OUTPUT = computed_as("y_hat", lambda at: torch.sigmoid(at.a2 + at.b2))
BIAS_FORGOTTEN = either_or_both(absent("b1"), absent("b2"))
TRANSPOSED = either_or_both(
    computed_as("a1", lambda at: at.W1.T @ at.x), computed_as("a2", lambda at: at.W2.T @ at.h)
)
SLIPS = {
    "extra_factor_2": [Mapped(lambda value: 2 * value, single=True), doubled("r")],
    "sign_flipped": [Mapped(Tensor.neg, single=True), negated("h")],
    "missing_input_factor": [
        *weights(lambda g, v: torch.outer(g, torch.ones_like(v))),
        *weights(lambda g, v: g),
        *weights(lambda g, v: g.unsqueeze(1)),
    ],
    "target_ignored": absent("y"),
    "missing_hidden_slope": slope_left_out("h"),
    "slope_of_activation": slope(
        "h", by=lambda at: torch.sigmoid(at.h) * (1 - torch.sigmoid(at.h))
    ),
    "weight_transposed": [
        NOT_TURNED_BACK,
        *TURNED,
        *((*parts, NOT_TURNED_BACK) for parts in (TURNED[:1], TURNED[1:2], TURNED[2])),
    ],
    "mean_not_sum": [
        multiplied("r", lambda at: 2 / len(at.y)),
        multiplied("r", lambda at: 1 / len(at.y)),
    ],
    "output_slope_added": [
        multiplied("y_hat", lambda at: at.y_hat * (1 - at.y_hat)),
        multiplied("y_hat", lambda at: torch.sigmoid(at.y_hat) * (1 - torch.sigmoid(at.y_hat))),
    ],
    "activation_missing": (NO_SIGMOID, slope_left_out("h")),
    "activation_on_output": [
        (SIGMOID_ON_OUTPUT, multiplied("y_hat", lambda at: at.y_hat * (1 - at.y_hat))),
        SIGMOID_ON_OUTPUT,
    ],
    "bias_forgotten": BIAS_FORGOTTEN,
    "wrong_hidden_slope": [
        slope("h", by="h"),
        slope("h", by=lambda at: 1 - at.h),
        slope("h", by=lambda at: at.z * (1 - at.z)),
        slope("h", by=lambda at: 1 - at.h * at.h),
    ],
    "wrong_layer_input": [
        becomes("W2", lambda at: torch.outer(at.d("y_hat"), at.x)),
        becomes("W2", lambda at: torch.outer(at.d("y_hat"), at.z)),
        becomes("W1", lambda at: torch.outer(at.d("z"), at.h)),
    ],
    "wrong_weight": [
        back(lambda g, at: g),
        back(lambda g, at: g.sum() * torch.ones_like(at.h)),
        back(lambda g, at: at.W2.sum(0)),
        back(lambda g, at: at.W2.T @ (g * g)),
        back(lambda g, at: at.W1 @ g),
        back(lambda g, at: at.W1.T @ g),
    ],
    "elementwise_not_outer": weights(lambda g, v: g * v),
    "order_swapped": [
        Permuted(order) for order in ((2, 3, 0, 1), (0, 2, 1, 3), (1, 0, 3, 2), (3, 2, 1, 0))
    ],
}
#: The slips that are likely when the backward pass is written again inside the loop.
IN_TRAINING = (
    *("target_ignored", "missing_hidden_slope", "slope_of_activation", "mean_not_sum"),
    *("activation_missing", "activation_on_output"),
)
LINEAR_SLIPS = {
    "bias_forgotten": BIAS_FORGOTTEN,
    "weight_transposed": TRANSPOSED,
    "activation_added": [forward, computed_as("y_hat", lambda at: torch.sigmoid(at.a2 + at.b2))],
}
FORWARD_SLIPS = {
    "bias_after_activation": computed_as("h", lambda at: torch.sigmoid(at.a1) + at.b1),
    "weight_transposed": TRANSPOSED,
    "bias_forgotten": BIAS_FORGOTTEN,
    "activation_missing": NO_SIGMOID,
    "activation_on_output": [SIGMOID_ON_OUTPUT, (NO_SIGMOID, SIGMOID_ON_OUTPUT)],
    "other_activation": [
        computed_as("h", lambda at: torch.tanh(at.z)),
        computed_as("h", lambda at: torch.relu(at.z)),
    ],
}


def of_residual(wrong: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A wrong loss of ŷ − y."""
    return lambda x, y, W1, b1, W2, b2: wrong(forward(x, W1, b1, W2, b2) - y)


LOSS_SLIPS = {
    "extra_factor_2": of_residual(lambda r: (r * r).sum()),
    "mean_not_sum": [
        of_residual(lambda r: (r * r).mean()),
        of_residual(lambda r: 0.5 * (r * r).mean()),
    ],
    "target_ignored": absent("y"),
    "not_squared": [
        of_residual(lambda r: 0.5 * torch.linalg.vector_norm(r)),
        of_residual(lambda r: torch.linalg.vector_norm(r)),
        of_residual(lambda r: 0.5 * r.sum() ** 2),
        of_residual(lambda r: 0.5 * r.abs().sum()),
        of_residual(lambda r: 0.5 * r.sum()),
        of_residual(lambda r: r.sum()),
    ],
    "not_summed": [of_residual(lambda r: 0.5 * r * r), of_residual(lambda r: r * r)],
    **{id: FORWARD_SLIPS[id] for id in ("activation_missing", "activation_on_output")},
    "bias_forgotten": BIAS_FORGOTTEN,
}
COLLAPSE_SLIPS = {
    "collapse_order": [
        lambda W1, b1, W2, b2, weights=weights, carried=carried: (
            weights(W1, W2),
            carried(b1, W2) + b2,
        )
        for weights in (lambda W1, W2: W2 @ W1, lambda W1, W2: W1 @ W2)
        for carried in (lambda b, W2: W2 @ b, lambda b, W2: b, lambda b, W2: W2.T @ b)
    ][1:]
    + [
        lambda W1, b1, W2, b2: (W1 @ W2, W1 @ b1 + b2),
        lambda W1, b1, W2, b2: (W2 @ W1, W1 @ b1 + b2),
        lambda W1, b1, W2, b2: (W1 @ W2, W1 @ b2 + b1),
        lambda W1, b1, W2, b2: (W2 @ W1, W1 @ b2 + b1),
    ],
    "weight_transposed": [
        lambda W1, b1, W2, b2: ((W2 @ W1).T, W2 @ b1 + b2),
        lambda W1, b1, W2, b2: (W2.T @ W1, W2 @ b1 + b2),
        lambda W1, b1, W2, b2: (W2 @ W1.T, W2 @ b1 + b2),
    ],
    "bias_forgotten": [
        lambda W1, b1, W2, b2: (W2 @ W1, b2),
        lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1),
    ],
    "bias_through_second_layer": lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + W2 @ b2),
    "order_swapped": ordered(collapse, 1, 0),
}


def counted(weights: Callable[[int, int], int], biases: Callable[[int, int], int]) -> Any:
    """A count with another number of weights or biases for each pair of layers."""
    return lambda sizes: sum(weights(n, m) + biases(n, m) for n, m in pairwise(sizes))


COUNT_SLIPS = {
    "bias_forgotten": [counted(mul, lambda n, m: 0), counted(mul, lambda n, m: 1)],
    "biases_for_inputs": [
        lambda sizes: count_parameters(sizes) + sizes[0],
        counted(mul, lambda n, m: n),
        counted(mul, lambda n, m: n + m),
    ],
    "layer_left_out": [
        lambda sizes: count_parameters(sizes[:-1]),
        lambda sizes: count_parameters(sizes[1:]),
        lambda sizes: count_parameters(sizes) - sizes[-1],
    ],
    "weights_forgotten": [lambda sizes: sum(sizes), lambda sizes: sum(sizes[1:])],
    "sum_for_product": [
        counted(lambda n, m: n + m, lambda n, m: m),
        counted(lambda n, m: n + m, lambda n, m: 0),
    ],
}


TRAIN_SLIPS = {
    **train.loops(0.01, 0.1, 0.5),
    "second_layer_moved_first": train.moved_first({2: "W2"}),
    "extra_factor_2": doubled("r"),
    **{id: SLIPS[id] for id in IN_TRAINING},
    "weight_transposed": NOT_TURNED_BACK,
    "order_swapped": [
        ordered(train, *order) for order in ((4, 0, 1, 2, 3), (2, 3, 0, 1, 4), (0, 2, 1, 3, 4))
    ],
}

# ── XOR, and what the notes state ──────────────────────────────────────────────────────────────

#: Enough for the net with σ to learn XOR from the worked example's parameters.
EPOCHS = 1000


def xor(device: str) -> dict[str, Any]:
    """The arguments of `train` in the worked example, in float32 on a device."""
    worked = cases("lesson7_two_layer", LESSON, LESSON.exercises[-1], seed=0)[0]
    return {
        name: value.to(device, torch.float32) if isinstance(value, Tensor) else value
        for name, value in worked.inputs.items()
    }


def mean_loss(answers: Tensor, ys: Tensor) -> float:
    """The mean over the samples of ½‖ŷ − y‖²."""
    residuals = answers.double().cpu() - ys.double().cpu()
    return float((0.5 * residuals**2).sum(dim=1).mean())


def loss_of_best_line(xs: Tensor, ys: Tensor) -> float:
    """The mean loss of the best linear layer, by least squares."""
    with_one = torch.cat([xs, torch.ones_like(xs[:, :1])], dim=1).double().cpu()
    return mean_loss(with_one @ torch.linalg.lstsq(with_one, ys.double().cpu()).solution, ys)


def program(lesson: Any, device: str) -> None:
    """XOR with and without σ, both from the parameters of the worked example."""
    example = xor(device)
    xs, ys, lr = example["xs"], example["ys"], example["lr"]
    net = tuple(example[name] for name in nodes.wrt)
    W, b = lesson.collapse(*net)
    layer = f"W = {W.tolist()}, b = {b.tolist()}".translate(str.maketrans("[]", "()"))
    print(f"Two layers without σ are one layer: {layer}")
    print(f"The best such layer on XOR has mean loss {loss_of_best_line(xs, ys):.6f}\n")
    print("epoch   without σ     with σ      (mean loss)")
    linear = net
    for epoch in range(0, EPOCHS + 1, 100):
        without, with_ = (
            mean_loss(torch.stack([f(x, *layers).detach() for x in xs]), ys)
            for f, layers in ((lesson.forward_linear, linear), (lesson.forward, net))
        )
        print(f"{epoch:5d}   {without:.6f}    {with_:.6f}")
        if epoch < EPOCHS:
            linear = descend_without_sigma(lesson.forward_linear, xs, ys, linear, lr, 100)
            net = tuple(lesson.train(xs, ys, *net, lr, 100)[:4])
    print("\n   x1   x2    y   ŷ without σ   ŷ with σ")
    for x, y in zip(xs, ys, strict=True):
        answers = lesson.forward_linear(x, *linear).item(), lesson.forward(x, *net).item()
        print(f"{x[0]:5.0f}{x[1]:5.0f}{y.item():5.0f}{answers[0]:14.4f}{answers[1]:11.4f}")


def descend_without_sigma(
    forward_linear: Callable[..., Tensor],
    xs: Tensor,
    ys: Tensor,
    start: tuple[Tensor, ...],
    lr: float,
    epochs: int,
) -> tuple[Tensor, ...]:
    """Full batches on the mean loss: they settle on the best line, single samples do not."""
    leaves = tuple(parameter.detach().clone().requires_grad_() for parameter in start)
    optimiser = torch.optim.SGD(leaves, lr=lr)
    for _ in range(epochs):
        optimiser.zero_grad()
        answers = torch.stack([forward_linear(x, *leaves) for x in xs])
        (0.5 * ((answers - ys) ** 2).sum(dim=1).mean()).backward()
        optimiser.step()
    return tuple(leaf.detach() for leaf in leaves)


def shape_of_the_hidden_layer() -> str:
    """Which of W·X and Wᵀ·X is defined for the weights of a layer from 5 to 6 nodes."""
    X, W1 = torch.zeros(5), nn.Linear(5, 6).weight
    fits = [name for name, W in (("W1", W1), ("W1ᵀ", W1.T)) if W.shape[1] == len(X)]
    return f"H = {' or '.join(fits)}·X with W1 of {W1.shape[0]}×{W1.shape[1]}"


def drawn_collapse_error() -> float:
    """The largest difference between two linear layers and the one they collapse into."""
    inputs = draw(Dice(0, "collapse", 0))
    net = [inputs[name] for name in nodes.wrt]
    W, b = collapse(*net)
    return float((W @ inputs["x"] + b - forward_linear(inputs["x"], *net)).abs().max())


def xor_by_net() -> str:
    """Whether the trained net with σ comes below the best line on XOR."""
    example = xor("cpu")
    xs, ys = example["xs"], example["ys"]
    *net, _ = train(**(example | {"epochs": EPOCHS}))
    reached = mean_loss(torch.stack([forward(x, *net) for x in xs]), ys)
    return "below" if reached < loss_of_best_line(xs, ys) else "not below"


CLAIMS = {
    "shape_of_the_hidden_layer": shape_of_the_hidden_layer,
    "weights_from_5_to_6": lambda: nn.Linear(5, 6).weight.numel(),
    "drawn_collapse_error": drawn_collapse_error,
    "best_line_on_xor": lambda: loss_of_best_line(xor("cpu")["xs"], xor("cpu")["ys"]),
    "xor_by_net": xor_by_net,
}
XOR = "three epochs on XOR from the worked example's parameters"
WORKED = "the worked example: two inputs, two hidden nodes, one output"
LESSON = lesson(
    __name__,
    draw=draw,
    program=program,
    claims=CLAIMS,
    figures=(
        Graph("loss", WORKED, wrt=nodes.wrt, names=nodes.named(z="z", h="h", y_hat="ŷ", r="r")),
        Losses("train", XOR, given={"epochs": EPOCHS}),
        Separation("train", XOR, given={"epochs": EPOCHS}),
    ),
    exercises=(
        exercise(
            forward_linear,
            "ŷ",
            in_layers(lambda value: value),
            slipped=lambda *slips: nodes.node("y_hat")(NO_SIGMOID, *slips),
            wrong=LINEAR_SLIPS,
        ),
        exercise(collapse, ("W", "b"), columns_one_by_one, wrong=COLLAPSE_SLIPS),
        exercise(
            forward,
            "ŷ",
            in_layers(torch.special.expit),
            slipped=nodes.node("y_hat"),
            wrong=FORWARD_SLIPS,
        ),
        exercise(loss, "loss", loss_by_torch, slipped=nodes.node(), wrong=LOSS_SLIPS),
        *gradients(nodes, gradient, SLIPS, nodes=implied),
        exercise(count_parameters, "number of parameters", counted_by_torch, wrong=COUNT_SLIPS),
        train.exercise(wrong=TRAIN_SLIPS),
    ),
)
