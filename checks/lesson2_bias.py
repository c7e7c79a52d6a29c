"""Lesson 2, weight and bias: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
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
START = (1.0, 2.0)
#: A trained parameter near 0 would lose float32's digits, and a loss near 0 hides mistakes.
SMALL = 0.25
#: A prediction or residual this small would be the difference of two larger numbers.
CANCELLED = 0.5


def forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x * w + b


def without_bias(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x * w


def loss(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x * w + b - y) ** 2


def prediction_alone(prediction: Tensor, y: Tensor) -> Tensor:
    return prediction


def gradients(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    b: Tensor,
    *,
    model: Callable[[Tensor, Tensor, Tensor], Tensor] = forward,
    residuals: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (Tensor.sub, Tensor.sub),
    factors: tuple[float, ...] = (2.0, 2.0),
    weight_slope: Callable[[Tensor, Tensor], Tensor] = lambda x, w: x,
    bias_slope: Callable[[Tensor], Tensor] = torch.ones_like,
    order: tuple[int, ...] = (0, 1),
) -> tuple[Tensor, ...]:
    """(∂loss/∂w, ∂loss/∂b) = 2 · (ŷ − y) · (x, 1), with each step open to a mistake."""
    arriving = [f * r(model(x, w, b), y) for f, r in zip(factors, residuals, strict=True)]
    grads = (arriving[0] * weight_slope(x, w), arriving[1] * bias_slope(x))
    return tuple(grads[i] for i in order)


def train(
    xs: Tensor,
    ys: Tensor,
    w: Tensor,
    b: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    downhill: Callable[..., tuple[Tensor, ...]] = gradients,
    noted: Callable[..., Tensor] = loss,
    returned: tuple[int, ...] = (0, 1),
    **steps: Any,
) -> tuple[Any, ...]:
    """Training with each step open to a mistake; `noted` is the loss that is written down."""

    def at(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        return downhill(x, y, w, b, **steps)

    samples = list(zip(xs, ys, strict=True))
    *parameters, losses = descend(at, noted, samples, (w, b), lr, epochs, loop)
    return (*(parameters[i] for i in returned), losses)


def train_by_matrix(
    xs: Tensor, ys: Tensor, w: Tensor, b: Tensor, lr: float, epochs: int
) -> tuple[Any, ...]:
    features = torch.stack((xs, torch.ones_like(xs)), dim=1)
    return trained(features, ys, torch.stack((w, b)), lr, epochs)


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs; prediction and residual are never small against what they are made of."""
    while True:
        x, y, w, b = (dice.number(name) for name in ("x", "y", "w", "b"))
        prediction = forward(x, w, b)
        if min(abs(prediction), abs(prediction - y)) > CANCELLED:
            return {"x": x, "y": y, "w": w, "b": b}


def draw_training(dice: Dice) -> Mapping[str, Any]:
    """Three or four samples of both signs and some epochs that end far from 0 and from rest."""
    count = 3 + dice.trial % 2
    while True:
        inputs: dict[str, Any] = {
            "xs": dice.tensor(count),
            "ys": dice.tensor(count),
            "w": dice.number("w"),
            "b": dice.number("b"),
            "lr": dice.factor(0.011, 0.03),
            "epochs": count + 1 + dice.trial // 2,
        }
        w, b, losses = train_by_matrix(**inputs)
        if min(abs(w), abs(b), losses.min()) > SMALL:
            return inputs


MISSING_FACTOR = Mistake(
    "missing_factor_2",
    "What you have is exactly half of the right value: what is the derivative of r²?",
    swaps=some_or_all("factors", 2.0, 1.0, 2),
)
SIGN = Mistake(
    "sign_flipped",
    "The sign is exactly opposite: is the residual ŷ − y or y − ŷ?",
    each=Tensor.neg,
    single=True,
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "On its way to w the chain stops one step early, at x·w. What is the slope of x·w with "
    "respect to w?",
    swaps=({"weight_slope": lambda x, w: torch.ones_like(x)},),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y does not take part. The derivative of r² is 2r: what is r?",
    swaps=some_or_all("residuals", Tensor.sub, prediction_alone, 2),
)
LOSS_RETURNED = Mistake(
    "loss_returned",
    "This is the loss itself. A gradient says how fast the loss changes when a parameter does.",
    formulas=(lambda x, y, w, b: (loss(x, y, w, b),) * 2,),
)
BIAS_LIKE_WEIGHT = Mistake(
    "bias_like_weight",
    "Your ∂loss/∂b carries a factor x. Follow the way from b to the loss: does x take part in any "
    "node on it?",
    swaps=({"bias_slope": lambda x: x},),
)
ORDER = Mistake(
    "order_swapped",
    "The two values have changed places: ∂loss/∂w comes first. Which of the two depends on x?",
    swaps=({"order": (1, 0)},),
)
UPSTREAM_IGNORED = Mistake(
    "upstream_ignored",
    "These are the slopes of ŷ in w and in b. How much of a change in ŷ arrives at the loss?",
    formulas=(lambda x, y, w, b: (x, torch.ones_like(x)),),
)
WRONG_VARIABLE = Mistake(
    "wrong_variable",
    "Your ∂loss/∂w is the slope of the loss in x. The data stand still: which letter is being "
    "trained?",
    swaps=({"weight_slope": lambda x, w: w},),
)
BIAS_FORGOTTEN = Mistake(
    "bias_forgotten",
    "The bias is missing from ŷ: this would be right for lesson 1's model, ŷ = x·w.",
    swaps=({"model": without_bias},),
)
GRADIENT_MISTAKES = (
    MISSING_FACTOR,
    SIGN,
    MISSING_INPUT,
    TARGET_IGNORED,
    LOSS_RETURNED,
    BIAS_LIKE_WEIGHT,
    ORDER,
    UPSTREAM_IGNORED,
    WRONG_VARIABLE,
    BIAS_FORGOTTEN,
)
#: In a training a wrong formula is at work in every step. Where autograd takes the steps it is the
#: loss that is wrong, and that one is written down too. The rarer variants are whole formulas:
#: trying them together with every wrong loop would take too long.
STEP_MISTAKES = (
    replace(
        MISSING_FACTOR,
        says="Your steps are half as long as they should be: what is the derivative of r²?",
        formulas=tuple(partial(train, **swap) for swap in MISSING_FACTOR.swaps[1:]),
        swaps=(
            MISSING_FACTOR.swaps[0],
            {"factors": (1.0, 1.0), "noted": lambda x, y, w, b: loss(x, y, w, b) / 2},
        ),
    ),
    replace(
        MISSING_INPUT,
        says="The steps of w use a gradient that stops one node early, at x·w.",
    ),
    replace(
        TARGET_IGNORED,
        says="The target y does not take part in your steps. The derivative of r² is 2r: what is "
        "r?",
        formulas=tuple(partial(train, **swap) for swap in TARGET_IGNORED.swaps[1:]),
        swaps=(
            TARGET_IGNORED.swaps[0],
            {
                "residuals": (prediction_alone, prediction_alone),
                "noted": lambda x, y, w, b: forward(x, w, b) ** 2,
            },
        ),
    ),
    replace(
        BIAS_LIKE_WEIGHT,
        says="The steps of b carry a factor x. Follow the way from b to the loss: does x take part "
        "in any node on it?",
    ),
    replace(
        ORDER,
        says="w and b have changed places, in the steps or in what you return.",
        swaps=(),
        formulas=(partial(train, order=(1, 0)), partial(train, returned=(1, 0))),
    ),
    replace(
        UPSTREAM_IGNORED,
        says="Your steps follow the slopes of ŷ alone. How much of a change in ŷ arrives at the "
        "loss?",
        swaps=({"downhill": lambda x, y, w, b: (x, torch.ones_like(x))},),
        formulas=(),
    ),
    replace(
        WRONG_VARIABLE,
        says="The steps of w follow the slope of the loss in x. The data stand still: which letter "
        "is being trained?",
    ),
    replace(
        BIAS_FORGOTTEN,
        swaps=(
            {"model": without_bias},
            {
                "model": without_bias,
                "noted": lambda x, y, w, b: (without_bias(x, w, b) - y) ** 2,
            },
        ),
    ),
)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def data() -> tuple[Tensor, Tensor]:
    """xs and ys of the notes, shape (3,)."""
    xs, ys = (torch.tensor(columns("lesson2_bias", name)).double() for name in ("x", "y"))
    return xs, ys


def gradients_of_epoch_0() -> tuple[float, ...]:
    """∂w and ∂b of each sample, one after the other."""
    w, b = map(number, START)
    seen: list[float] = []
    for x, y in zip(*data(), strict=True):
        grad_w, grad_b = gradients(x, y, w, b)
        seen += [grad_w.item(), grad_b.item()]
        w, b = w - LR * grad_w, b - LR * grad_b
    return tuple(seen)


def after(epochs: int) -> tuple[float, ...]:
    """w and b after some epochs on the notes' data."""
    xs, ys = data()
    w, b = map(number, START)
    w, b, _ = train(xs, ys, w, b, LR, epochs)
    return w.item(), b.item()


def curvatures() -> tuple[float, ...]:
    """The eigenvalues of the mean loss' second derivatives in w and b, the smaller one first."""
    xs, ys = data()

    def mean_loss(parameters: Tensor) -> Tensor:
        return loss(xs, ys, parameters[0], parameters[1]).mean()

    hessian = torch.autograd.functional.hessian(mean_loss, torch.zeros(2, dtype=torch.float64))
    return tuple(torch.linalg.eigvalsh(hessian).tolist())


def predicted_after(epochs: int) -> float:
    w, b = map(number, after(epochs))
    return forward(number(4.0), w, b).item()


CLAIMS = (
    Claim(
        "x = 1, y = 2, w = 1, b = 2: r",
        "1",
        lambda: (forward(number(1.0), *map(number, START)) - 2.0).item(),
    ),
    Claim(
        "training, (∂w, ∂b) of each sample of epoch 0",
        "(2, 2), (−0.24, −0.12), (−6.4296, −2.1432)",
        gradients_of_epoch_0,
    ),
    Claim("training, (w, b) after epoch 0", "(1.046696, 2.002632)", lambda: after(1)),
    Claim("training, (w, b) after 100 epochs", "(1.5906776, 0.9716459)", lambda: after(100)),
    Claim("training, (w, b) after 1000 epochs", "(1.99953, 0.00113)", lambda: after(1000)),
    Claim("the mean loss' two curvatures", "0.2404 and 11.093", curvatures),
)


def program(lesson: ModuleType, device: str) -> None:
    """The notes' training log: 100 epochs from w = 1, b = 2; then what 1000 would reach."""
    xs, ys = (values.float().to(device) for values in data())
    w, b = (torch.tensor(value, device=device) for value in START)
    four = torch.tensor(4.0, device=device)
    print(f"predict (before training) 4 → {lesson.forward(four, w, b).item():g}")
    done = 0
    for until in (1, 2, 3, 5, 10, 20, 30, 40, 50, 75, 100, 1000):
        w, b, losses = lesson.train(xs, ys, w, b, LR, until - done)
        done = until
        print(
            f"  epoch {until:>4}   w = {w.item():.6f}   b = {b.item():.6f}   "
            f"loss = {losses[-1].item():.3e}"
        )
        if until >= 100:
            prediction = lesson.forward(four, w, b).item()
            print(f"predict (after {until} epochs) 4 → {prediction:.7f}")


def mean_loss(parameters: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """Over the whole data; `parameters` is (w, b), shape (2,)."""
    w, b = parameters
    return torch.mean((xs * w + b - ys) ** 2)


FIGURES = (
    Graph(
        "loss",
        "x = 3, y = 5, w = −1.5, b = 0.5",
        wrt=("w", "b"),
        names={"z": without_bias, "ŷ": forward, "r": lambda x, y, w, b: x * w + b - y},
    ),
    Losses("train", "three epochs on 1, 2, 3", given={"epochs": 100}),
    Surface(
        "train",
        "three epochs on 1, 2, 3",
        parameters=("w", "b"),
        axes=("w", "b"),
        loss=mean_loss,
        given={"epochs": 100},
    ),
)


LESSON = Lesson(
    title="Weight and bias: ŷ = x·w + b",
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
            idea="Lesson 1's product x·w, lifted by the bias.",
            hints=(
                "Follow the graph from the left: which node comes first, and which after it?",
                "First the node (·), then the node (+), which adds the bias.",
            ),
            mistakes=(
                Mistake(
                    "bias_forgotten",
                    "This is lesson 1's prediction. Which value has not taken part yet?",
                    formulas=(without_bias,),
                ),
                Mistake(
                    "added_too_early",
                    "The bias is added before the multiplication. In which order stand the nodes "
                    "(·) and (+) in the graph?",
                    formulas=(lambda x, w, b: x * (w + b), lambda x, w, b: (x + b) * w),
                ),
                Mistake(
                    "bias_for_weight",
                    "Weight and bias have changed places: which of the two meets x?",
                    formulas=(lambda x, w, b: x * b + w,),
                ),
            ),
        ),
        Exercise(
            "loss",
            points=1,
            truth=loss,
            quantities=("loss",),
            idea="The loss is the residual r = ŷ − y, squared; the bias is part of ŷ.",
            hints=(
                "You have a function for ŷ already. Call it, with all it needs.",
                "Subtract the target from the prediction, then square the difference.",
            ),
            mistakes=(
                Mistake(
                    "target_ignored",
                    "The target y does not take part. The loss measures how far ŷ is from it.",
                    formulas=(lambda x, y, w, b: forward(x, w, b) ** 2,),
                ),
                Mistake(
                    "bias_forgotten",
                    "This would be right if ŷ were x·w alone: what else is part of ŷ?",
                    formulas=(lambda x, y, w, b: (without_bias(x, w, b) - y) ** 2,),
                ),
                Mistake(
                    "not_squared",
                    "This is the residual ŷ − y before the last node of the graph: what does the "
                    "node (²) do?",
                    formulas=(
                        lambda x, y, w, b: forward(x, w, b) - y,
                        lambda x, y, w, b: y - forward(x, w, b),
                        lambda x, y, w, b: (forward(x, w, b) - y).abs(),
                    ),
                ),
                Mistake(
                    "halved_loss",
                    "This is half of the loss. Some books put a ½ in front; this lesson does not.",
                    formulas=(lambda x, y, w, b: 0.5 * loss(x, y, w, b),),
                ),
            ),
        ),
        Exercise(
            "grad_by_hand",
            points=2,
            truth=gradients,
            quantities=("∂loss/∂w", "∂loss/∂b"),
            witnesses=gradient_of(loss, "w", "b"),
            method="by_hand",
            idea="One gradient arrives at ŷ; the way to w and the way to b each have slopes of "
            "their own.",
            hints=(
                "Up to ŷ everything is as in lesson 1. Compute ∂loss/∂ŷ once, with a name.",
                "The node (+) passes on what it receives: the slope of z + b is 1 in z and in b.",
                "Only the way to w passes a product. What is the slope of x·w in w?",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "grad_by_autograd",
            points=1,
            truth=gradients,
            quantities=("∂loss/∂w", "∂loss/∂b"),
            witnesses=gradient_of(loss, "w", "b"),
            method="by_autograd",
            idea="Autograd gives the gradient of what you compute, to the leaf that you ask.",
            hints=(
                "As in lesson 1, with two leaves: a copy of w and a copy of b.",
                "Compute the loss from both copies. One backward is enough for both.",
                "Then read `.grad` of each, in the order (w, b).",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=("w", "b", "losses"),
            witnesses=(Witness("powers of the epoch's matrix", train_by_matrix),),
            idea="Per sample: loss, both gradients at the current (w, b), then both steps.",
            hints=(
                "Lesson 1's two loops: over the epochs, and inside it over the samples.",
                "Take both gradients before you change either parameter.",
                "Note the loss before the steps; after the inner loop the last one noted belongs "
                "to the epoch.",
            ),
            mistakes=(*STEP_MISTAKES, *training_mistakes(parameters=("w", "b"))),
            prefixes=prefixes_of("xs", "ys"),
            draw=draw_training,
        ),
    ),
)
