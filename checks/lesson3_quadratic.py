"""Lesson 3, a quadratic: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.descent import Loop, descend
from checks.grader.language.figure import Graph, Losses, Surface
from checks.grader.language.inputs import Dice, columns
from checks.grader.language.lesson import Claim, Exercise, Lesson, Mistake, Witness, some_or_all
from checks.grader.language.linear import trained
from checks.grader.language.loops import prefixes_of, training_mistakes
from checks.grader.language.truth import gradient_of

LR = 0.01
NODES = ("z1", "z2", "z", "y_hat", "r")
#: A trained parameter near 0 would lose float32's digits, and a loss near 0 hides mistakes.
SMALL = 0.25
#: A prediction or residual may not be a smaller part of the terms that it is made of.
CANCELLED = 0.15


def forward(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return w1 * x**2 + w2 * x + b


def without_bias(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return w1 * x**2 + w2 * x


def powers_exchanged(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return w1 * x + w2 * x**2 + b


def doubled(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    """x·2 in place of x²."""
    return w1 * 2 * x + w2 * x + b


def unsquared(x: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return w1 * x + w2 * x + b


def loss(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> Tensor:
    return (w1 * x**2 + w2 * x + b - y) ** 2


def nudged_loss(
    x: Tensor,
    y: Tensor,
    w1: Tensor,
    w2: Tensor,
    b: Tensor,
    z1: Tensor | float = 0.0,
    z2: Tensor | float = 0.0,
    z: Tensor | float = 0.0,
    y_hat: Tensor | float = 0.0,
    r: Tensor | float = 0.0,
) -> Tensor:
    """The loss when something is added to a node: its slope in that is the node's gradient."""
    first, second = w1 * x**2 + z1, w2 * x + z2
    prediction = (first + second + z) + b + y_hat
    return (prediction - y + r) ** 2


def prediction_alone(prediction: Tensor, y: Tensor) -> Tensor:
    return prediction


def node_gradients(
    x: Tensor,
    y: Tensor,
    w1: Tensor,
    w2: Tensor,
    b: Tensor,
    *,
    model: Callable[..., Tensor] = forward,
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    factor: float = 2.0,
) -> dict[str, Tensor]:
    """2 · (ŷ − y) at every node: from r to z1 and z2 all slopes are 1."""
    arriving = factor * residual(model(x, w1, w2, b), y)
    return dict.fromkeys(NODES, arriving)


def node_values(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, b: Tensor) -> dict[str, Tensor]:
    z1, z2 = w1 * x**2, w2 * x
    z = z1 + z2
    return {"z1": z1, "z2": z2, "z": z, "y_hat": z + b, "r": z + b - y}


def gradients(
    x: Tensor,
    y: Tensor,
    w1: Tensor,
    w2: Tensor,
    b: Tensor,
    *,
    model: Callable[..., Tensor] = forward,
    residuals: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (Tensor.sub,) * 3,
    factors: tuple[float, ...] = (2.0, 2.0, 2.0),
    square_slope: Callable[[Tensor, Tensor], Tensor] = lambda x, w1: x**2,
    linear_slope: Callable[[Tensor, Tensor], Tensor] = lambda x, w2: x,
    bias_slope: Callable[[Tensor], Tensor] = torch.ones_like,
    order: tuple[int, ...] = (0, 1, 2),
) -> tuple[Tensor, ...]:
    """2 · (ŷ − y) · (x², x, 1), with each step open to a mistake."""
    prediction = model(x, w1, w2, b)
    slopes = (square_slope(x, w1), linear_slope(x, w2), bias_slope(x))
    grads = [
        factor * residual(prediction, y) * slope
        for factor, residual, slope in zip(factors, residuals, slopes, strict=True)
    ]
    return tuple(grads[i] for i in order)


def train(
    xs: Tensor,
    ys: Tensor,
    w1: Tensor,
    w2: Tensor,
    b: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    downhill: Callable[..., tuple[Tensor, ...]] = gradients,
    noted: Callable[..., Tensor] = loss,
    returned: tuple[int, ...] = (0, 1, 2),
    **steps: Any,
) -> tuple[Any, ...]:
    """Training with each step open to a mistake; `noted` is the loss that is written down."""

    def at(*values: Tensor) -> tuple[Tensor, ...]:
        return downhill(*values, **steps)

    samples = list(zip(xs, ys, strict=True))
    *parameters, losses = descend(at, noted, samples, (w1, w2, b), lr, epochs, loop)
    return (*(parameters[i] for i in returned), losses)


def train_by_matrix(
    xs: Tensor, ys: Tensor, w1: Tensor, w2: Tensor, b: Tensor, lr: float, epochs: int
) -> tuple[Any, ...]:
    features = torch.stack((xs**2, xs, torch.ones_like(xs)), dim=1)
    return trained(features, ys, torch.stack((w1, w2, b)), lr, epochs)


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs; prediction and residual are never small against what they are made of."""
    while True:
        x, y, w1, w2, b = (dice.number(name) for name in ("x", "y", "w1", "w2", "b"))
        prediction = forward(x, w1, w2, b)
        terms = forward(x.abs(), w1.abs(), w2.abs(), b.abs()) + y.abs()
        if min(abs(prediction), abs(prediction - y)) > CANCELLED * terms:
            return {"x": x, "y": y, "w1": w1, "w2": w2, "b": b}


def draw_training(dice: Dice) -> Mapping[str, Any]:
    """Four or five samples of both signs and some epochs that end far from 0 and from rest."""
    count = 4 + dice.trial % 2
    while True:
        inputs: dict[str, Any] = {
            "xs": dice.tensor(count, high=1.9),
            "ys": dice.tensor(count),
            **{name: dice.number(name) for name in ("w1", "w2", "b")},
            "lr": dice.factor(0.011, 0.02),
            "epochs": count + 1 + dice.trial // 2,
        }
        *parameters, losses = train_by_matrix(**inputs)
        if min(*(abs(parameter) for parameter in parameters), losses.min()) > SMALL:
            return inputs


MISSING_FACTOR = Mistake(
    "missing_factor_2",
    "What you have is exactly half of the right value: what is the derivative of r²?",
    swaps=some_or_all("factors", 2.0, 1.0, 3),
)
SIGN = Mistake(
    "sign_flipped",
    "The sign is exactly opposite: is the residual ŷ − y or y − ŷ?",
    swaps=some_or_all("factors", 2.0, -2.0, 3)[1:],  # all three: `each`, on top of any mistake
    each=Tensor.neg,
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "The chain stops one step early, at z1 or z2. What is the slope of w·(something) in w?",
    swaps=(
        {"square_slope": lambda x, w1: x**0, "linear_slope": lambda x, w2: x**0},
        {"square_slope": lambda x, w1: x**0},
        {"linear_slope": lambda x, w2: x**0},
    ),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y does not take part. The derivative of r² is 2r: what is r?",
    swaps=some_or_all("residuals", Tensor.sub, prediction_alone, 3),
)
LOSS_RETURNED = Mistake(
    "loss_returned",
    "This is the loss itself. A gradient says how fast the loss changes when a parameter does.",
    formulas=(lambda x, y, w1, w2, b: (loss(x, y, w1, w2, b),) * 3,),
)
BIAS_LIKE_WEIGHT = Mistake(
    "bias_like_weight",
    "Your ∂loss/∂b carries a power of x. Follow the way from b to the loss: does x take part in "
    "any node on it?",
    swaps=({"bias_slope": lambda x: x}, {"bias_slope": lambda x: x**2}),
)
WRONG_POWER = Mistake(
    "wrong_power",
    "A weight's gradient carries the wrong power of x. Its slope is what it is multiplied by in "
    "ŷ; x is not the letter to differentiate by.",
    swaps=(
        {"square_slope": lambda x, w1: x},
        {"square_slope": lambda x, w1: 2 * x},
        {"square_slope": lambda x, w1: 2 * x, "linear_slope": lambda x, w2: x**0},
        {"linear_slope": lambda x, w2: x**2},
        {"model": doubled, "square_slope": lambda x, w1: 2 * x},
        {"model": unsquared, "square_slope": lambda x, w1: x},
        {"model": doubled},
        {"model": unsquared},
    ),
)
ORDER = Mistake(
    "order_swapped",
    "Every value is there, in the wrong order: ∂loss/∂w1, ∂loss/∂w2, ∂loss/∂b is asked for.",
    swaps=tuple({"order": order} for order in permutations(range(3)) if order != (0, 1, 2)),
)
UPSTREAM_IGNORED = Mistake(
    "upstream_ignored",
    "These are the slopes of ŷ in w1, w2 and b. How much of a change in ŷ arrives at the loss?",
    formulas=(lambda x, y, w1, w2, b: (x**2, x, x**0),),
)
WRONG_VARIABLE = Mistake(
    "wrong_variable",
    "A weight's gradient is made with a slope in x. The data stand still: which letter is being "
    "trained?",
    swaps=(
        {"square_slope": lambda x, w1: 2 * w1 * x, "linear_slope": lambda x, w2: w2},
        {"square_slope": lambda x, w1: 2 * w1 * x},
        {"linear_slope": lambda x, w2: w2},
    ),
)
BIAS_FORGOTTEN = Mistake(
    "bias_forgotten",
    "The bias is missing from ŷ, and so from the residual.",
    swaps=({"model": without_bias},),
)
POWERS_EXCHANGED = Mistake(
    "powers_exchanged",
    "x and x² have changed places in ŷ: which of them belongs to w1?",
    swaps=(
        {"model": powers_exchanged},
        {
            "model": powers_exchanged,
            "square_slope": lambda x, w1: x,
            "linear_slope": lambda x, w2: x**2,
        },
    ),
)
GRADIENT_MISTAKES = (
    MISSING_FACTOR,
    SIGN,
    MISSING_INPUT,
    TARGET_IGNORED,
    LOSS_RETURNED,
    BIAS_LIKE_WEIGHT,
    WRONG_POWER,
    ORDER,
    UPSTREAM_IGNORED,
    WRONG_VARIABLE,
    BIAS_FORGOTTEN,
    POWERS_EXCHANGED,
)
NODE_MISTAKES = (
    replace(MISSING_FACTOR, swaps=({"factor": 1.0},)),
    replace(SIGN, swaps=(), single=True),
    replace(TARGET_IGNORED, swaps=({"residual": prediction_alone},)),
    replace(
        LOSS_RETURNED,
        says="This is the loss itself. A gradient says how fast the loss changes when a node does.",
        formulas=(lambda x, y, w1, w2, b: dict.fromkeys(NODES, loss(x, y, w1, w2, b)),),
    ),
    replace(
        UPSTREAM_IGNORED,
        says="These are slopes from each node to the next. A gradient is the slope all the way to "
        "the loss.",
        formulas=(
            lambda x, y, w1, w2, b: {
                **dict.fromkeys(NODES, x**0),
                "r": 2 * (forward(x, w1, w2, b) - y),
            },
            lambda x, y, w1, w2, b: dict.fromkeys(NODES, x**0),
        ),
    ),
    BIAS_FORGOTTEN,
    replace(
        POWERS_EXCHANGED,
        swaps=({"model": powers_exchanged},),
    ),
    replace(
        WRONG_POWER,
        says="Your z1 is made with another power of x: what stands beside w1?",
        swaps=({"model": doubled}, {"model": unsquared}),
    ),
    Mistake(
        "values_not_gradients",
        "These are the values of the nodes, from the forward pass. Asked for is how fast the loss "
        "changes with each.",
        formulas=(node_values,),
    ),
    Mistake(
        "one_step_too_far",
        "At z1 and z2 you have gone on to w1 and w2. The gradient at a node stops at the node.",
        formulas=(
            lambda x, y, w1, w2, b: {
                **node_gradients(x, y, w1, w2, b),
                **dict(zip(NODES, gradients(x, y, w1, w2, b)[:2], strict=False)),
            },
        ),
    ),
)
#: In a training a wrong formula is at work in every step. Where autograd takes the steps it is the
#: loss that is wrong, and that one is written down too. The rarer variants are whole formulas:
#: trying them together with every wrong loop would take seconds.
STEP_MISTAKES = (
    replace(
        MISSING_FACTOR,
        says="Your steps are half as long as they should be: what is the derivative of r²?",
        formulas=tuple(partial(train, **swap) for swap in MISSING_FACTOR.swaps[1:]),
        swaps=(
            MISSING_FACTOR.swaps[0],
            {
                "factors": (1.0, 1.0, 1.0),
                "noted": lambda x, y, w1, w2, b: loss(x, y, w1, w2, b) / 2,
            },
        ),
    ),
    replace(
        MISSING_INPUT,
        says="The steps of a weight use a gradient that stops one node early, at z1 or z2.",
    ),
    replace(
        TARGET_IGNORED,
        says="The target y does not take part in your steps. The derivative of r² is 2r: what is "
        "r?",
        swaps=(
            {"residuals": (prediction_alone,) * 3},
            {
                "residuals": (prediction_alone,) * 3,
                "noted": lambda x, y, w1, w2, b: forward(x, w1, w2, b) ** 2,
            },
        ),
    ),
    replace(
        BIAS_LIKE_WEIGHT,
        says="The steps of b carry a power of x. Follow the way from b to the loss: does x take "
        "part in any node on it?",
    ),
    replace(
        WRONG_POWER,
        says="The steps of a weight carry the wrong power of x. A weight's slope is what it is "
        "multiplied by in ŷ.",
        swaps=WRONG_POWER.swaps[:2],
        formulas=tuple(partial(train, **swap) for swap in WRONG_POWER.swaps[2:]),
    ),
    replace(
        ORDER,
        says="w1, w2 and b have changed places, in the steps or in what you return.",
        swaps=(),
        formulas=tuple(
            partial(train, **{step: swap["order"]})
            for step in ("order", "returned")
            for swap in ORDER.swaps
        ),
    ),
    replace(
        UPSTREAM_IGNORED,
        says="Your steps follow the slopes of ŷ alone. How much of a change in ŷ arrives at the "
        "loss?",
        swaps=({"downhill": lambda x, y, w1, w2, b: (x**2, x, x**0)},),
        formulas=(),
    ),
    replace(
        BIAS_FORGOTTEN,
        swaps=(
            {"model": without_bias},
            {
                "model": without_bias,
                "noted": lambda x, y, w1, w2, b: (without_bias(x, w1, w2, b) - y) ** 2,
            },
        ),
    ),
)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def data() -> tuple[Tensor, Tensor]:
    """xs and ys of the notes, shape (3,)."""
    xs, ys = (torch.tensor(columns("lesson3_quadratic", name)).double() for name in ("x", "y"))
    return xs, ys


def worked() -> dict[str, Tensor]:
    """The notes' example, with the b that they leave out."""
    return {"x": number(2.0), "y": number(9.0), **dict.fromkeys(("w1", "w2"), number(2.0))}


def values_along_the_graph() -> tuple[float, ...]:
    """z1, z2, z, ŷ, r and the loss of the notes' example."""
    inputs = {**worked(), "b": number(1.0)}
    return (*(value.item() for value in node_values(**inputs).values()), loss(**inputs).item())


def missing_b() -> str:
    """The b that takes the notes' example to their ŷ = 13."""
    x, _, w1, w2 = worked().values()
    return f"b = {13.0 - without_bias(x, w1, w2, number(0.0)):g}"


def gradients_of_epoch_0() -> tuple[float, ...]:
    """∂w1, ∂w2 and ∂b of each sample, one after the other."""
    w1, w2, b = number(1.0), number(1.0), number(1.0)
    seen: list[float] = []
    for x, y in zip(*data(), strict=True):
        grads = gradients(x, y, w1, w2, b)
        seen += [grad.item() for grad in grads]
        w1, w2, b = (p - LR * grad for p, grad in zip((w1, w2, b), grads, strict=True))
    return tuple(seen)


def after(epochs: int) -> tuple[Tensor, ...]:
    """w1, w2, b and the losses after some epochs on the notes' data from (1, 1, 1)."""
    xs, ys = data()
    one = number(1.0)
    return train(xs, ys, one, one, one, LR, epochs)


def parameters_after(epochs: int) -> tuple[float, ...]:
    return tuple(parameter.item() for parameter in after(epochs)[:3])


def curvatures() -> tuple[float, ...]:
    """The eigenvalues of the mean loss' second derivatives, the smallest first."""
    xs, ys = data()

    def mean_loss(parameters: Tensor) -> Tensor:
        w1, w2, b = parameters
        return loss(xs, ys, w1, w2, b).mean()

    hessian = torch.autograd.functional.hessian(mean_loss, torch.zeros(3, dtype=torch.float64))
    return tuple(torch.linalg.eigvalsh(hessian).tolist())


def minimum() -> tuple[float, ...]:
    """Where the loss of all three points is 0: three equations for w1, w2, b."""
    xs, ys = data()
    found = torch.linalg.solve(torch.stack((xs**2, xs, xs**0), dim=1), ys)
    return tuple(round(value, 9) + 0.0 for value in found.tolist())  # + 0.0: no −0


CLAIMS = (
    Claim(
        "x = 2, y = 9, w1 = w2 = 2: the value of b that makes ŷ = 13",
        "not given",
        missing_b,
        stands=False,
    ),
    Claim(
        "x = 2, y = 9, w1 = w2 = 2, b = 1: z1, z2, z, ŷ, r, loss",
        "(8, 4, 12, 13, 4, 16)",
        values_along_the_graph,
    ),
    Claim(
        "training, (∂w1, ∂w2, ∂b) of each sample of epoch 0",
        "(2, 2, 2), (22.88, 11.44, 5.72), (77.0472, 25.6824, 8.5608)",
        gradients_of_epoch_0,
    ),
    Claim(
        "training, (w1, w2, b) after epoch 0",
        "(−0.019272, 0.608776, 0.837192)",
        lambda: parameters_after(1),
    ),
    Claim(
        "training, (w1, w2, b) after 100 epochs",
        "(0.2403819, 0.9266762, 0.9913544)",
        lambda: parameters_after(100),
    ),
    Claim("training, the last of 100 losses", "0.006318", lambda: after(100)[-1][-1].item()),
    Claim(
        "training, prediction at 4 after 100 epochs",
        "8.5442",
        lambda: forward(number(4.0), *after(100)[:3]).item(),
    ),
    Claim("the mean loss' three curvatures", "0.0150, 1.043 and 75.6", curvatures),
    Claim("the minimum (w1, w2, b)", "(0, 2, 0)", minimum),
)


def program(lesson: ModuleType, device: str) -> None:
    """The notes' training log: 100 epochs from w1 = w2 = b = 1."""
    xs, ys = (values.float().to(device) for values in data())
    four = torch.tensor(4.0, device=device)
    parameters = (torch.tensor(1.0, device=device),) * 3
    print(f"predict (before training) 4 → {lesson.forward(four, *parameters).item():g}")
    done = 0
    for until in (1, 2, 3, 5, 10, 20, 30, 40, 50, 75, 100):
        *parameters, losses = lesson.train(xs, ys, *parameters, LR, until - done)
        done = until
        w1, w2, b = (parameter.item() for parameter in parameters)
        print(
            f"  epoch {until:>3}   w1 = {w1:9.6f}   w2 = {w2:.6f}   b = {b:.6f}   "
            f"loss = {losses[-1].item():.3e}"
        )
    print(f"predict (after training) 4 → {lesson.forward(four, *parameters).item():.7f}")


def loss_over_data(parameters: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """The mean loss; `parameters` is (w1, w2, b), shape (3,)."""
    return torch.mean((forward(xs, *parameters) - ys) ** 2)


TRAINING = "three epochs on 1, 2, 3"
FIGURES = (
    Graph(
        "loss",
        "x = 2, y = 9, w1 = w2 = 2, b = 1",
        wrt=("w1", "w2", "b"),
        names={
            "z1": lambda x, w1: w1 * x**2,
            "z2": lambda x, w2: w2 * x,
            "z": without_bias,
            "ŷ": forward,
            "r": lambda x, y, w1, w2, b: forward(x, w1, w2, b) - y,
        },
    ),
    Losses("train", TRAINING, given={"epochs": 100}),
    Surface(
        "train",
        TRAINING,
        parameters=("w1", "w2", "b"),
        axes=("w2", "b"),
        loss=loss_over_data,
        given={"epochs": 100},
    ),
)


LESSON = Lesson(
    title="A quadratic: ŷ = w1·x² + w2·x + b",
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        Exercise(
            "forward",
            points=1,
            truth=forward,
            quantities=("ŷ",),
            idea="Three terms: w1 meets x², w2 meets x, b stands alone.",
            hints=(
                "Two products first, z1 and z2. Then two sums.",
                "In Python x² is `x ** 2` or `x * x`; `x ^ 2` is something else.",
            ),
            mistakes=(
                Mistake(
                    "wrong_power",
                    "Another power of x stands beside w1. At x = 3, what is x²?",
                    formulas=(doubled, unsquared),
                ),
                Mistake(
                    "bias_forgotten",
                    "One of the three terms is missing: which letter has not taken part?",
                    formulas=(without_bias,),
                ),
                Mistake(
                    "powers_exchanged",
                    "x and x² have changed places: which of them belongs to w1?",
                    formulas=(powers_exchanged,),
                ),
                Mistake(
                    "product_squared",
                    "The weight is squared as well. Which comes first, the power or the product?",
                    formulas=(lambda x, w1, w2, b: (w1 * x) ** 2 + w2 * x + b,),
                ),
            ),
        ),
        Exercise(
            "loss",
            points=1,
            truth=loss,
            quantities=("loss",),
            idea="The loss is the residual r = ŷ − y, squared.",
            hints=(
                "You have a function for ŷ already. Call it.",
                "Subtract the target from the prediction, then square the difference.",
            ),
            mistakes=(
                Mistake(
                    "target_ignored",
                    "The target y does not take part. The loss measures how far ŷ is from it.",
                    formulas=(lambda x, y, w1, w2, b: forward(x, w1, w2, b) ** 2,),
                ),
                Mistake(
                    "bias_forgotten",
                    "The bias is missing from ŷ, and so from the loss.",
                    formulas=(lambda x, y, w1, w2, b: (without_bias(x, w1, w2, b) - y) ** 2,),
                ),
                Mistake(
                    "not_squared",
                    "This is the residual ŷ − y before the last node of the graph: what does the "
                    "node (²) do?",
                    formulas=(
                        lambda x, y, w1, w2, b: forward(x, w1, w2, b) - y,
                        lambda x, y, w1, w2, b: y - forward(x, w1, w2, b),
                        lambda x, y, w1, w2, b: (forward(x, w1, w2, b) - y).abs(),
                    ),
                ),
                Mistake(
                    "halved_loss",
                    "This is half of the loss. Some books put a ½ in front; this lesson does not.",
                    formulas=(lambda x, y, w1, w2, b: 0.5 * loss(x, y, w1, w2, b),),
                ),
            ),
        ),
        Exercise(
            "node_gradients",
            points=3,
            truth=node_gradients,
            quantities=("∂loss/∂z1", "∂loss/∂z2", "∂loss/∂z", "∂loss/∂ŷ", "∂loss/∂r"),
            witnesses=gradient_of(nudged_loss, *NODES),
            method="by_autograd",
            idea="Compute each node once, from the nodes before it, then ask autograd for its "
            "gradient.",
            hints=(
                "Give each of the five nodes a name of its own, and build the loss from them.",
                "There is no graph unless something requires grad: start from copies of w1, w2, b "
                "that do.",
                "A node is no leaf: its `.grad` stays None unless you call `.retain_grad()` on it "
                "before the backward.",
                "Or ask for them all at once: `torch.autograd.grad(loss, [the five nodes])`.",
            ),
            mistakes=NODE_MISTAKES,
        ),
        Exercise(
            "grad_by_hand",
            points=3,
            truth=gradients,
            quantities=("∂loss/∂w1", "∂loss/∂w2", "∂loss/∂b"),
            witnesses=gradient_of(loss, "w1", "w2", "b"),
            method="by_hand",
            idea="The same gradient arrives at z1, z2 and b. What each parameter adds is its own "
            "local slope.",
            hints=(
                "The nodes (−), (+) and (+) have slope 1: what arrives at z1, z2 and b?",
                "z1 is a product of w1 and x². What did lesson 1 say of a product's slopes?",
                "The data stand still: differentiate by w1, not by x, and treat x² as a number.",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "grad_by_autograd",
            points=1,
            truth=gradients,
            quantities=("∂loss/∂w1", "∂loss/∂w2", "∂loss/∂b"),
            witnesses=gradient_of(loss, "w1", "w2", "b"),
            method="by_autograd",
            idea="Autograd gives the gradient of what you compute, to the leaf that you ask.",
            hints=(
                "As in lesson 2, with three leaves.",
                "One loss from the three copies, one backward.",
                "Return the gradients in the order w1, w2, b.",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=("w1", "w2", "b", "losses"),
            witnesses=(Witness("powers of the epoch's matrix", train_by_matrix),),
            idea="Per sample: loss, all gradients at the current parameters, then all steps.",
            hints=(
                "Lesson 2's loops, with one parameter more.",
                "Take all gradients before you change any parameter.",
                "Note the loss before the steps; after the inner loop the last one noted belongs "
                "to the epoch.",
            ),
            mistakes=(*STEP_MISTAKES, *training_mistakes(parameters=("w1", "w2", "b"))),
            prefixes=prefixes_of("xs", "ys"),
            draw=draw_training,
        ),
    ),
)
