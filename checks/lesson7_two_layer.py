"""Lesson 7, two layers in matrices: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.descent import Loop, descend
from checks.grader.language.figure import Graph, Losses, Separation
from checks.grader.language.inputs import Dice, cases
from checks.grader.language.lesson import Claim, Exercise, Lesson, Mistake, Witness
from checks.grader.language.loops import prefixes_of, training_mistakes
from checks.grader.language.truth import gradient_of

Layer = Callable[[Tensor, Tensor, Tensor], Tensor]
Map = Callable[[Tensor], Tensor]
Product = Callable[[Tensor, Tensor], Tensor]
Gradients = tuple[Tensor, Tensor, Tensor, Tensor]

#: The steps of the forward pass that a mistake may swap.
NET = ("first", "activation", "second", "output")
PARAMETERS = ("W1", "b1", "W2", "b2")
GRADIENTS = tuple(f"∂loss/∂{name}" for name in PARAMETERS)


def same(value: Tensor) -> Tensor:
    return value


def affine(W: Tensor, v: Tensor, b: Tensor) -> Tensor:
    return W @ v + b


def without_bias(W: Tensor, v: Tensor, b: Tensor) -> Tensor:
    return W @ v


def transposed(W: Tensor, v: Tensor, b: Tensor) -> Tensor:
    return W.T @ v + b


def collapse(
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    *,
    weights: Product = lambda W1, W2: W2 @ W1,
    carried: Product = lambda b1, W2: W2 @ b1,
    own: Product = lambda b2, W2: b2,
) -> tuple[Tensor, Tensor]:
    """(W2·W1, W2·b1 + b2), with each term open to a mistake."""
    return weights(W1, W2), carried(b1, W2) + own(b2, W2)


def forward(
    x: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    *,
    first: Layer = affine,
    activation: Map = torch.sigmoid,
    second: Layer = affine,
    output: Map = same,
) -> Tensor:
    return output(second(W2, activation(first(W1, x, b1)), b2))


def forward_linear(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, **net: Any) -> Tensor:
    return forward(x, W1, b1, W2, b2, **{"activation": same, **net})


def half_of_squares(residual: Tensor) -> Tensor:
    return 0.5 * (residual * residual).sum()


def loss(
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    *,
    residual: Product = Tensor.sub,
    reduced: Map = half_of_squares,
    **net: Any,
) -> Tensor:
    return reduced(residual(forward(x, W1, b1, W2, b2, **net), y))


def sigmoid_slope(h: Tensor, z: Tensor) -> Tensor:
    return h * (1 - h)


def gradient(
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    *,
    first: Layer = affine,
    activation: Map = torch.sigmoid,
    second: Layer = affine,
    output: Map = same,
    residual: Product = Tensor.sub,
    scale: Callable[[int], float] = lambda outputs: 1.0,
    output_slope: Map = torch.ones_like,
    back: Product = lambda W2, upstream: W2.T @ upstream,
    slope: Product = sigmoid_slope,
    outer_1: Product = torch.outer,
    outer_2: Product = torch.outer,
) -> Gradients:
    """(∂W1, ∂b1, ∂W2, ∂b2), from ŷ back to the first layer, with each step open to a mistake."""
    z = first(W1, x, b1)
    h = activation(z)
    y_hat = output(second(W2, h, b2))
    grad_y_hat = scale(len(y)) * residual(y_hat, y) * output_slope(y_hat)
    grad_z = back(W2, grad_y_hat) * slope(h, z)
    return outer_1(grad_z, x), grad_z, outer_2(grad_y_hat, h), grad_y_hat


def nodes(
    answer: Gradients,
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
) -> Mapping[str, tuple[Tensor, Tensor]]:
    """A bias has slope 1, so ∂b2 is the gradient at ŷ and ∂b1 the one at z."""
    grad_W1, grad_b1, grad_W2, grad_b2 = answer
    h = torch.sigmoid(W1 @ x + b1)
    return {
        "∂loss/∂ŷ (which ∂loss/∂b2 equals)": (grad_b2, W2 @ h + b2 - y),
        "∂loss/∂W2": (grad_W2, torch.outer(grad_b2, h)),
        "∂loss/∂z, before σ (which ∂loss/∂b1 equals)": (
            grad_b1,
            W2.T @ grad_b2 * h * (1 - h),
        ),
        "∂loss/∂W1": (grad_W1, torch.outer(grad_b1, x)),
    }


def count_parameters(
    sizes: list[int],
    *,
    weights: Callable[[int, int], int] = lambda n, m: n * m,
    biases: Callable[[int, int], int] = lambda n, m: m,
    more: Callable[[list[int]], int] = lambda sizes: 0,
) -> int:
    return sum(weights(n, m) + biases(n, m) for n, m in pairwise(sizes)) + more(sizes)


def train(
    xs: Tensor,
    ys: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    reduced: Map = half_of_squares,
    **steps: Any,
) -> tuple[Any, ...]:
    net = {name: step for name, step in steps.items() if name in NET}

    def at(*point: Tensor) -> Gradients:
        return gradient(*point, **steps)

    def noted(*point: Tensor) -> Tensor:
        return loss(*point, reduced=reduced, **net)

    samples = list(zip(xs, ys, strict=True))
    return descend(at, noted, samples, (W1, b1, W2, b2), lr, epochs, loop)


def train_moving_W2_first(
    xs: Tensor,
    ys: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    lr: float,
    epochs: int,
) -> tuple[Any, ...]:
    """The backward pass goes through a W2 that has already made its step."""

    def at(*point: Tensor) -> Gradients:
        moved = point[4] - lr * gradient(*point)[2]
        return gradient(*point, back=lambda W2, upstream: moved.T @ upstream)

    samples = list(zip(xs, ys, strict=True))
    return descend(at, loss, samples, (W1, b1, W2, b2), lr, epochs)


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
        "x": x,
        "y": y,
        "W1": W1,
        "b1": b1,
        "W2": W2,
        "b2": b2,
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


def columns_one_by_one(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """A linear layer read off from outside: b is what 0 gives, a column what a unit vector adds."""
    b = forward_linear(torch.zeros_like(W1[0]), W1, b1, W2, b2)
    units = torch.eye(W1.shape[1], dtype=W1.dtype)
    return torch.stack([forward_linear(e, W1, b1, W2, b2) - b for e in units], dim=1), b


def in_layers(between: Map) -> Witness:
    """The net in PyTorch's own layers."""

    def evaluate(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
        return nn.functional.linear(between(nn.functional.linear(x, W1, b1)), W2, b2)

    return Witness("nn.functional.linear", evaluate)


def loss_by_torch(x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    y_hat = in_layers(torch.special.expit).evaluate(x, W1, b1, W2, b2)
    return nn.functional.mse_loss(y_hat, y, reduction="sum") / 2


def counted_by_torch(sizes: list[int]) -> int:
    layers = [nn.Linear(n, m, device="meta") for n, m in pairwise(sizes)]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def ordered(function: Callable[..., tuple[Any, ...]], *order: int) -> Callable[..., Any]:
    """The right values in another order."""

    def formula(**inputs: Any) -> tuple[Any, ...]:
        answer = function(**inputs)
        return tuple(answer[i] for i in order)

    return formula


def varied(steps: Callable[..., Mapping[str, Any]]) -> Callable[..., Gradients]:
    """The gradient with steps that depend on the inputs."""
    return lambda **inputs: gradient(**inputs, **steps(**inputs))


def either_or_both(wrong: Callable[..., Any], *steps: str) -> tuple[Mapping[str, Any], ...]:
    """A wrong step in the first layer, in the second, in both."""
    first, second = steps
    return ({first: wrong}, {second: wrong}, {first: wrong, second: wrong})


BIAS_FORGOTTEN = Mistake(
    "bias_forgotten",
    "A bias is missing. Each layer is a matrix times its input plus a vector of its own.",
    swaps=either_or_both(without_bias, "first", "second"),
)
WEIGHT_TRANSPOSED_FORWARD = Mistake(
    "weight_transposed",
    "A matrix stands transposed. W1 has shape (m, n), one row for each hidden node: how does it "
    "meet an x of shape (n,)? A square net hides this from the shapes, not from the values.",
    swaps=either_or_both(transposed, "first", "second"),
)
ACTIVATION_MISSING = Mistake(
    "activation_missing",
    "There is no σ between the two layers, so both together are one linear layer.",
    swaps=({"activation": same},),
)
OTHER_ACTIVATION = Mistake(
    "other_activation",
    "The function between the layers is not σ. This lesson uses σ(z) = 1/(1 + e⁻ᶻ).",
    swaps=({"activation": torch.tanh}, {"activation": torch.relu}),
)
ACTIVATION_ON_OUTPUT = Mistake(
    "activation_on_output",
    "The output goes through σ. Here only the hidden layer does; ŷ may be any number.",
    swaps=(
        {"output": torch.sigmoid},
        {"activation": same, "output": torch.sigmoid},
    ),
)

EXTRA_FACTOR = Mistake(
    "extra_factor_2",
    "This is exactly double the right value: what does the ½ in front of ‖ŷ − y‖² do?",
    swaps=({"scale": lambda outputs: 2.0},),
    each=lambda value: 2 * value,
    single=True,
)
SIGN = Mistake(
    "sign_flipped",
    "The sign is exactly the opposite one: does the backward pass begin with ŷ − y or with y − ŷ, "
    "and does any later step change the sign?",
    swaps=({"back": lambda W2, upstream: -(W2.T @ upstream)},),
    each=Tensor.neg,
    single=True,
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "The chain stops before the weights. W[i, j] is multiplied by the j-th input of its layer, so "
    "that input is the last local slope: what goes into this layer?",
    swaps=tuple(
        swap
        for stopped in (
            lambda upstream, v: torch.outer(upstream, torch.ones_like(v)),
            lambda upstream, v: upstream,
            lambda upstream, v: upstream.unsqueeze(1),
        )
        for swap in either_or_both(stopped, "outer_1", "outer_2")
    ),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y takes no part in this. What is the slope of ½‖ŷ − y‖² in ŷ?",
    swaps=({"residual": lambda y_hat, y: y_hat},),
)
MISSING_SLOPE = Mistake(
    "missing_hidden_slope",
    "The way back goes past σ as if it were not there. What is its local slope, between h and z?",
    swaps=({"slope": lambda h, z: torch.ones_like(h)},),
)
SLOPE_OF_ACTIVATION = Mistake(
    "slope_of_activation",
    "σ is applied once too often: h is σ(z) already. Which form of the slope takes h, and which "
    "takes z?",
    swaps=({"slope": lambda h, z: torch.sigmoid(h) * (1 - torch.sigmoid(h))},),
)


def turned(upstream: Tensor, v: Tensor) -> Tensor:
    return torch.outer(v, upstream)


WEIGHT_TRANSPOSED = Mistake(
    "weight_transposed",
    "A matrix stands transposed. A gradient has the shape of its parameter; and forward W2 takes m "
    "numbers to k, so what takes k numbers back to m? A square net hides this from the shapes, "
    "not from the values.",
    swaps=tuple(
        {**outer, **back}
        for outer in ({}, *either_or_both(turned, "outer_1", "outer_2"))
        for back in ({}, {"back": torch.mv})
        if outer or back
    ),
)
MEAN_NOT_SUM = Mistake(
    "mean_not_sum",
    "This belongs to a mean over the outputs. ‖ŷ − y‖² is a sum, with ½ in front.",
    swaps=({"scale": lambda outputs: 2 / outputs}, {"scale": lambda outputs: 1 / outputs}),
)
OUTPUT_SLOPE = Mistake(
    "output_slope_added",
    "A slope of σ is taken at the output. In this net ŷ does not go through σ: what lies between "
    "W2·h + b2 and ŷ?",
    swaps=(
        {"output_slope": lambda y_hat: y_hat * (1 - y_hat)},
        {"output_slope": lambda y_hat: torch.sigmoid(y_hat) * (1 - torch.sigmoid(y_hat))},
    ),
)
NO_ACTIVATION = Mistake(
    "activation_missing",
    "This is the backward pass of the net without σ between the layers.",
    swaps=({"activation": same, "slope": lambda h, z: torch.ones_like(h)},),
)
ACTIVATION_ON_OUTPUT_TOO = Mistake(
    "activation_on_output",
    "The output goes through σ. Here only the hidden layer does; ŷ may be any number.",
    swaps=(
        {"output": torch.sigmoid, "output_slope": lambda y_hat: y_hat * (1 - y_hat)},
        {"output": torch.sigmoid},
    ),
)
WRONG_SLOPE = Mistake(
    "wrong_hidden_slope",
    "The local slope of σ is not the one you use. In terms of h = σ(z), σ′ has two factors, and "
    "neither is z.",
    swaps=(
        {"slope": lambda h, z: h},
        {"slope": lambda h, z: 1 - h},
        {"slope": lambda h, z: z * (1 - z)},
        {"slope": lambda h, z: 1 - h * h},
    ),
)
WRONG_INPUT = Mistake(
    "wrong_layer_input",
    "A weight gradient takes its factor from the wrong layer. The input of the first layer is x; "
    "what is the input of the second?",
    formulas=(
        varied(lambda x, **_: {"outer_2": lambda upstream, h: torch.outer(upstream, x)}),
        varied(
            lambda x, W1, b1, **_: {
                "outer_2": lambda upstream, h: torch.outer(upstream, W1 @ x + b1)
            }
        ),
        varied(
            lambda x, W1, b1, **_: {
                "outer_1": lambda upstream, x: torch.outer(upstream, torch.sigmoid(W1 @ x + b1))
            }
        ),
    ),
)
WRONG_WEIGHT = Mistake(
    "wrong_weight",
    "The way from ŷ back to h does not go through W2 as it should. Which matrix lies between h "
    "and ŷ?",
    swaps=(
        {"back": lambda W2, upstream: upstream},
        {"back": lambda W2, upstream: upstream.sum() * torch.ones_like(W2[0])},
        {"back": lambda W2, upstream: W2.sum(0)},
        {"back": lambda W2, upstream: W2.T @ (upstream * upstream)},
    ),
    formulas=(
        varied(lambda W1, **_: {"back": lambda W2, upstream: W1 @ upstream}),
        varied(lambda W1, **_: {"back": lambda W2, upstream: W1.T @ upstream}),
    ),
)
NOT_OUTER = Mistake(
    "elementwise_not_outer",
    "Two vectors are multiplied entry by entry where every output meets every input: ∂loss/∂W has "
    "a row for each output and a column for each input.",
    swaps=either_or_both(torch.mul, "outer_1", "outer_2"),
)
ORDER_SWAPPED = Mistake(
    "order_swapped",
    "The gradients are right and in another order: ∂W1, ∂b1, ∂W2, ∂b2 is asked for.",
    formulas=tuple(
        ordered(gradient, *order)
        for order in ((2, 3, 0, 1), (0, 2, 1, 3), (1, 0, 3, 2), (3, 2, 1, 0))
    ),
)
GRADIENT_MISTAKES = (
    EXTRA_FACTOR,
    SIGN,
    MISSING_INPUT,
    TARGET_IGNORED,
    MISSING_SLOPE,
    SLOPE_OF_ACTIVATION,
    WEIGHT_TRANSPOSED,
    MEAN_NOT_SUM,
    OUTPUT_SLOPE,
    NO_ACTIVATION,
    ACTIVATION_ON_OUTPUT_TOO,
    BIAS_FORGOTTEN,
    WRONG_SLOPE,
    WRONG_INPUT,
    WRONG_WEIGHT,
    NOT_OUTER,
    ORDER_SWAPPED,
)

#: The slips of the backward pass that are likely when it is written again inside the loop, where
#: the losses may be noted with the same slip or come from the right function.
IN_TRAINING = (
    replace(
        EXTRA_FACTOR,
        says="Every step is exactly twice as long as it should be: what does the ½ in front of "
        "‖ŷ − y‖² do?",
        swaps=(
            {"scale": lambda outputs: 2.0},
            {"scale": lambda outputs: 2.0, "reduced": lambda r: (r * r).sum()},
        ),
        each=None,
    ),
    TARGET_IGNORED,
    MISSING_SLOPE,
    SLOPE_OF_ACTIVATION,
    replace(WEIGHT_TRANSPOSED, swaps=({"back": torch.mv},)),
    replace(
        MEAN_NOT_SUM,
        swaps=(
            {"scale": lambda outputs: 2 / outputs},
            {"scale": lambda outputs: 2 / outputs, "reduced": lambda r: (r * r).mean()},
            {"scale": lambda outputs: 1 / outputs, "reduced": lambda r: 0.5 * (r * r).mean()},
        ),
    ),
    NO_ACTIVATION,
    replace(ACTIVATION_ON_OUTPUT_TOO, swaps=ACTIVATION_ON_OUTPUT_TOO.swaps[:1]),
)

#: Enough for the net with σ to learn XOR from the worked example's parameters.
EPOCHS = 1000


def xor(device: str) -> dict[str, Any]:
    """The arguments of `train` in the worked example, in float32 on a device."""
    worked = cases("lesson7_two_layer", LESSON, LESSON.exercises[-1], seed=0)[0]
    return {
        name: value.to(device, torch.float32) if isinstance(value, Tensor) else value
        for name, value in worked.inputs.items()
    }


def line_through(xs: Tensor, ys: Tensor) -> Tensor:
    """The answers of the best linear layer, by least squares, shape (s, k)."""
    with_one = torch.cat([xs, torch.ones_like(xs[:, :1])], dim=1).double().cpu()
    solution: Tensor = torch.linalg.lstsq(with_one, ys.double().cpu()).solution
    return with_one @ solution


def mean_loss(answers: Tensor, ys: Tensor) -> float:
    """The mean over the samples of ½‖ŷ − y‖²."""
    residuals = answers.double().cpu() - ys.double().cpu()
    return float((0.5 * residuals**2).sum(dim=1).mean())


def program(lesson: Any, device: str) -> None:
    """XOR with and without σ, both from the parameters of the worked example."""
    example = xor(device)
    xs, ys, lr = example["xs"], example["ys"], example["lr"]
    net = tuple(example[name] for name in PARAMETERS)
    W, b = lesson.collapse(*net)
    print(f"Two layers without σ are one layer: W = {written(W)}, b = {written(b)}")
    print(f"The best such layer on XOR has mean loss {mean_loss(line_through(xs, ys), ys):.6f}\n")
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


def written(value: Tensor) -> str:
    """A tensor as a line of text."""
    return str(value.tolist()).replace("[", "(").replace("]", ")")


def shape_of_the_hidden_layer() -> str:
    """Which of W·X and Wᵀ·X is defined for the weights of a layer from 5 to 6 nodes."""
    X, W1 = torch.zeros(5), nn.Linear(5, 6).weight
    fits = [name for name, W in (("W1", W1), ("W1ᵀ", W1.T)) if W.shape[1] == len(X)]
    return f"H = {' or '.join(fits)}·X with W1 of {W1.shape[0]}×{W1.shape[1]}"


def drawn_collapse_error() -> float:
    """The largest difference between two linear layers and the one they collapse into."""
    inputs = draw(Dice(0, "collapse", 0))
    net = [inputs[name] for name in PARAMETERS]
    W, b = collapse(*net)
    return float((W @ inputs["x"] + b - forward_linear(inputs["x"], *net)).abs().max())


def xor_by_net() -> str:
    """Whether the trained net with σ comes below the best line on XOR."""
    example = xor("cpu")
    xs, ys = example["xs"], example["ys"]
    *net, _ = train(**(example | {"epochs": EPOCHS}))
    reached = mean_loss(torch.stack([forward(x, *net) for x in xs]), ys)
    return "below" if reached < mean_loss(line_through(xs, ys), ys) else "not below"


def activations(x: Tensor, W1: Tensor, b1: Tensor) -> Tensor:
    return torch.sigmoid(affine(W1, x, b1))


XOR = "three epochs on XOR from the worked example's parameters"
FIGURES = (
    Graph(
        "loss",
        "the worked example: two inputs, two hidden nodes, one output",
        wrt=PARAMETERS,
        names={
            "z": lambda x, W1, b1: affine(W1, x, b1),
            "h": activations,
            "ŷ": forward,
            "r": lambda x, y, W1, b1, W2, b2: forward(x, W1, b1, W2, b2) - y,
        },
    ),
    Losses("train", XOR, given={"epochs": EPOCHS}),
    Separation("train", XOR, given={"epochs": EPOCHS}),
)


LESSON = Lesson(
    title="Two layers: ŷ = W2·σ(W1·x + b1) + b2",
    draw=draw,
    program=program,
    figures=FIGURES,
    claims=(
        Claim(
            "the layer from 5 to 6 nodes, with W1 of m×n: m outputs, n inputs",
            "H = W1ᵀ·X with W1 of 6×5",
            shape_of_the_hidden_layer,
            stands=False,
        ),
        Claim(
            "from 5 inputs to 6 hidden nodes are so many weights",
            "30",
            lambda: nn.Linear(5, 6).weight.numel(),
        ),
        Claim(
            "two linear layers and the one they collapse into differ by",
            "0.0000000000",
            drawn_collapse_error,
        ),
        Claim(
            "the best line's mean loss on XOR",
            "0.125",
            lambda: mean_loss(line_through(xor("cpu")["xs"], xor("cpu")["ys"]), xor("cpu")["ys"]),
        ),
        Claim(
            "where the net with σ ends on XOR: below the best line's loss or not",
            "below",
            xor_by_net,
        ),
    ),
    exercises=(
        Exercise(
            "forward_linear",
            points=1,
            truth=forward_linear,
            quantities=("ŷ",),
            witnesses=(in_layers(same),),
            idea="Each layer is a matrix times its input plus a bias; the second takes what the "
            "first returns.",
            hints=(
                "Take one layer at a time: what does the first one make of x, and what shape has "
                "it?",
                "`A @ v` is the matrix product. W1 has a row for each hidden node, so it stands on "
                "the left.",
                "The result of the first layer, bias included, takes the place of x in the second.",
            ),
            mistakes=(
                BIAS_FORGOTTEN,
                WEIGHT_TRANSPOSED_FORWARD,
                Mistake(
                    "activation_added",
                    "There is a σ in it. This function is the net without one.",
                    swaps=({"activation": torch.sigmoid}, {"output": torch.sigmoid}),
                ),
            ),
        ),
        Exercise(
            "collapse",
            points=2,
            truth=collapse,
            quantities=("W", "b"),
            witnesses=(Witness("forward_linear column by column", columns_one_by_one),),
            idea="Expand W2·(W1·x + b1) + b2: what multiplies x, and what is left over?",
            hints=(
                "Multiply out W2·(W1·x + b1) + b2, as you would with numbers, but keep the order.",
                "x is met by W1 first and by W2 second. In a product of matrices the one that acts "
                "first stands on the right.",
                "b1 is added before the second layer, so it goes through the second layer too. "
                "Does b2?",
            ),
            mistakes=(
                Mistake(
                    "collapse_order",
                    "Which layer acts first, and on what? Of two matrices in a product the right "
                    "one acts first, and b1 is added before the second layer acts.",
                    swaps=tuple(
                        {**weights, **carried}
                        for weights in ({}, {"weights": lambda W1, W2: W1 @ W2})
                        for carried in (
                            {},
                            {"carried": lambda b1, W2: b1},
                            {"carried": lambda b1, W2: W2.T @ b1},
                        )
                        if weights or carried
                    ),
                    formulas=(
                        lambda W1, b1, W2, b2: (W1 @ W2, W1 @ b1 + b2),
                        lambda W1, b1, W2, b2: (W2 @ W1, W1 @ b1 + b2),
                        lambda W1, b1, W2, b2: (W1 @ W2, W1 @ b2 + b1),
                        lambda W1, b1, W2, b2: (W2 @ W1, W1 @ b2 + b1),
                    ),
                ),
                Mistake(
                    "weight_transposed",
                    "A matrix stands transposed: W has a row for each output and a column for each "
                    "input, like W1 and W2.",
                    swaps=(
                        {"weights": lambda W1, W2: (W2 @ W1).T},
                        {"weights": lambda W1, W2: W2.T @ W1},
                        {"weights": lambda W1, W2: W2 @ W1.T},
                    ),
                ),
                Mistake(
                    "bias_forgotten",
                    "A part of the bias is missing. Put x = 0 into both layers: what comes out?",
                    swaps=(
                        {"carried": lambda b1, W2: torch.zeros_like(W2[:, 0])},
                        {"own": lambda b2, W2: torch.zeros_like(b2)},
                    ),
                ),
                Mistake(
                    "bias_through_second_layer",
                    "b2 is added after the second layer has acted: does W2 still get hold of it?",
                    swaps=({"own": lambda b2, W2: W2 @ b2},),
                ),
                Mistake(
                    "order_swapped",
                    "Both values are right and in the other order: (W, b) is asked for.",
                    formulas=(ordered(collapse, 1, 0),),
                ),
            ),
        ),
        Exercise(
            "forward",
            points=1,
            truth=forward,
            quantities=("ŷ",),
            witnesses=(in_layers(torch.special.expit),),
            idea="The hidden layer goes through σ, the output layer does not.",
            hints=(
                "It is forward_linear with one function more. Where does it stand?",
                "`torch.sigmoid` acts on each entry of z = W1·x + b1, after the bias is added.",
                "W2 meets h = σ(z). Nothing comes after the second bias.",
            ),
            mistakes=(
                WEIGHT_TRANSPOSED_FORWARD,
                BIAS_FORGOTTEN,
                ACTIVATION_MISSING,
                ACTIVATION_ON_OUTPUT,
                OTHER_ACTIVATION,
            ),
        ),
        Exercise(
            "loss",
            points=1,
            truth=loss,
            quantities=("loss",),
            witnesses=(Witness("nn.functional.mse_loss", loss_by_torch),),
            idea="‖v‖² is the sum of the squares of v's entries; the loss is half of it, for "
            "v = ŷ − y.",
            hints=(
                "You have a function for ŷ already. Call it.",
                "Square the differences one by one, then add them up: the loss is one number.",
                "A mean divides by the number of outputs. The ½ stays whatever that number is.",
            ),
            mistakes=(
                Mistake(
                    "extra_factor_2",
                    "This is exactly twice the loss: is there a ½ in front of the sum?",
                    swaps=({"reduced": lambda r: (r * r).sum()},),
                ),
                Mistake(
                    "mean_not_sum",
                    "This is a mean over the outputs. ‖ŷ − y‖² is a sum, with ½ in front.",
                    swaps=(
                        {"reduced": lambda r: (r * r).mean()},
                        {"reduced": lambda r: 0.5 * (r * r).mean()},
                    ),
                ),
                Mistake(
                    "target_ignored",
                    "The target y takes no part in this. The loss measures how far ŷ is from it.",
                    swaps=({"residual": lambda y_hat, y: y_hat},),
                ),
                Mistake(
                    "not_squared",
                    "Something is not squared: ‖v‖² has no root, and the differences are squared "
                    "one by one before they are added.",
                    swaps=(
                        {"reduced": lambda r: 0.5 * torch.linalg.vector_norm(r)},
                        {"reduced": torch.linalg.vector_norm},
                        {"reduced": lambda r: 0.5 * r.sum() ** 2},
                        {"reduced": lambda r: 0.5 * r.abs().sum()},
                        {"reduced": lambda r: 0.5 * r.sum()},
                        {"reduced": torch.sum},
                    ),
                ),
                Mistake(
                    "not_summed",
                    "There is one number for each output. The loss is one number: their sum.",
                    swaps=({"reduced": lambda r: 0.5 * r * r}, {"reduced": lambda r: r * r}),
                ),
                ACTIVATION_MISSING,
                ACTIVATION_ON_OUTPUT,
                BIAS_FORGOTTEN,
            ),
        ),
        Exercise(
            "grad_by_hand",
            points=4,
            truth=gradient,
            quantities=GRADIENTS,
            witnesses=gradient_of(loss, *PARAMETERS),
            method="by_hand",
            idea="Each gradient is the upstream gradient times the local slope: find the one at ŷ, "
            "then the one at z, and keep both.",
            hints=(
                "Write the shapes under everything: each gradient has the shape of its parameter, "
                "and ∂loss/∂ŷ, ∂loss/∂h, ∂loss/∂z have those of ŷ, h, z.",
                "A bias is added, so its gradient is the one at the node it is added to. A weight "
                "W[i, j] multiplies input j into output i: one row for each output, "
                "`torch.outer`.",
                "From ŷ back to h every output counts: the sum over i of W2[i, j]·∂loss/∂ŷ[i] is a "
                "product with W2 turned round.",
                "From h back to z is entry by entry, with the slope h(1 − h). Then the first layer "
                "is like the second, with x as its input.",
            ),
            mistakes=GRADIENT_MISTAKES,
            nodes=nodes,
        ),
        Exercise(
            "grad_by_autograd",
            points=1,
            truth=gradient,
            quantities=GRADIENTS,
            witnesses=gradient_of(loss, *PARAMETERS),
            method="by_autograd",
            idea="Autograd gives the gradient of what you compute: is that ½‖ŷ − y‖² of this net?",
            hints=(
                "Autograd follows tensors that require grad. Which four should?",
                "Make a leaf of each, so that the caller's tensors are left alone: "
                "`W1.detach().clone().requires_grad_()`.",
                "One backward from the loss fills the `.grad` of all four leaves; "
                "`torch.autograd.grad` returns them instead.",
            ),
            mistakes=GRADIENT_MISTAKES,
            nodes=nodes,
        ),
        Exercise(
            "count_parameters",
            points=1,
            truth=count_parameters,
            quantities=("number of parameters",),
            witnesses=(Witness("nn.Linear", counted_by_torch),),
            idea="Between two neighbouring layers every node meets every node; each node that is "
            "computed has a bias.",
            hints=(
                "From 5 to 6 nodes there are 6·5 weights. How many biases?",
                "Go over neighbouring pairs of sizes and add up what each pair brings.",
                "A net with s sizes has s − 1 layers of weights: `zip(sizes, sizes[1:])`.",
            ),
            mistakes=(
                Mistake(
                    "bias_forgotten",
                    "These are the weights alone. Each node that is computed has a bias too.",
                    swaps=({"biases": lambda n, m: 0}, {"biases": lambda n, m: 1}),
                ),
                Mistake(
                    "biases_for_inputs",
                    "You count biases for the input layer. The inputs are given, not computed.",
                    swaps=(
                        {"more": lambda sizes: sizes[0]},
                        {"biases": lambda n, m: n},
                        {"biases": lambda n, m: n + m},
                    ),
                ),
                Mistake(
                    "layer_left_out",
                    "A layer is missing at one end. How many pairs of neighbours are there?",
                    formulas=(
                        lambda sizes: count_parameters(sizes[:-1]),
                        lambda sizes: count_parameters(sizes[1:]),
                        lambda sizes: count_parameters(sizes) - sizes[-1],
                    ),
                ),
                Mistake(
                    "weights_forgotten",
                    "You count nodes. Between two layers every node meets every node: n·m weights.",
                    formulas=(lambda sizes: sum(sizes), lambda sizes: sum(sizes[1:])),
                ),
                Mistake(
                    "sum_for_product",
                    "Every one of n nodes meets every one of m: is that n + m weights?",
                    swaps=(
                        {"weights": lambda n, m: n + m},
                        {"weights": lambda n, m: n + m, "biases": lambda n, m: 0},
                    ),
                ),
            ),
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=(*PARAMETERS, "losses"),
            idea="Per sample: loss, four gradients at the current parameters, then four steps.",
            hints=(
                "Two loops: over the epochs, and inside it over the samples in their order.",
                "Take all four gradients before you move any parameter: they belong to one point.",
                "Each parameter goes against its own gradient, lr times as long; `-=` would change "
                "the caller's tensors.",
                "Note the loss before the steps; after the inner loop the last one noted belongs "
                "to the epoch. `torch.stack` makes one tensor of them.",
            ),
            mistakes=(
                *training_mistakes(parameters=PARAMETERS, learning_rates=(0.01, 0.1, 0.5)),
                Mistake(
                    "second_layer_moved_first",
                    "The gradient goes back to h through a W2 that has already moved. Finish the "
                    "backward pass before the first step.",
                    formulas=(train_moving_W2_first,),
                ),
                *IN_TRAINING,
                Mistake(
                    "order_swapped",
                    "The values are right and in another order: W1, b1, W2, b2, losses is asked "
                    "for.",
                    formulas=tuple(
                        ordered(train, *order)
                        for order in ((4, 0, 1, 2, 3), (2, 3, 0, 1, 4), (0, 2, 1, 3, 4))
                    ),
                ),
            ),
            prefixes=prefixes_of("xs", "ys"),
        ),
    ),
)
