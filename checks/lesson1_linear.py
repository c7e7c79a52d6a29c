"""Lesson 1, one weight: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from checks.grader.descent import Loop, descend
from checks.grader.inputs import Dice
from checks.grader.lesson import Exercise, Lesson, Mistake
from checks.grader.training import prefixes_of, training_mistakes
from checks.grader.truth import gradient_of

Slope = Callable[[Tensor], Tensor]


def forward(x: Tensor, w: Tensor) -> Tensor:
    return x * w


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return (x * w - y) ** 2


def multiply_backward(
    x: Tensor,
    w: Tensor,
    upstream: Tensor,
    *,
    chain: Callable[[Tensor, Tensor], Tensor] = Tensor.mul,
) -> tuple[Tensor, Tensor]:
    return chain(upstream, w), chain(upstream, x)


def upstream_times_product(x: Tensor, w: Tensor, upstream: Tensor) -> Tensor:
    """A loss whose slope at z = x·w is the upstream gradient."""
    return upstream * (x * w)


def gradient(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    *,
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    factor: float = 2.0,
    input_slope: Slope = lambda x: x,
) -> Tensor:
    """∂loss/∂w = 2 · (ŷ − y) · x, with each step open to a mistake."""
    return factor * residual(x * w, y) * input_slope(x)


def train(
    xs: Tensor,
    ys: Tensor,
    w: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    **steps: Any,
) -> tuple[Any, ...]:
    def at(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return gradient(x, y, w, **steps)

    samples = list(zip(xs, ys, strict=True))
    return descend(at, loss, samples, (w,), lr, epochs, loop)


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs; the residual is never small against the prediction."""
    samples = 3 + dice.trial % 2
    while True:
        x, y, w = dice.number("x"), dice.number("y"), dice.number("w")
        if abs(x * w - y) > 0.3:
            break
    return {
        "x": x,
        "y": y,
        "w": w,
        "upstream": dice.number("upstream"),
        "xs": dice.tensor(samples),
        "ys": dice.tensor(samples),
        "lr": dice.factor(0.011, 0.03),
        "epochs": samples + 1 + dice.trial // 2,
    }


MISSING_FACTOR = Mistake(
    "missing_factor_2",
    "The answer is exactly half of the right one: what is the derivative of r²?",
    swaps=({"factor": 1.0},),
)
SIGN = Mistake(
    "sign_flipped",
    "The answer has exactly the opposite sign: is the residual ŷ − y or y − ŷ?",
    each=Tensor.neg,
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "The chain stops one step early, at ŷ. What is the slope of x·w with respect to w?",
    swaps=({"input_slope": lambda x: x**0},),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y does not take part in your gradient. The derivative of r² is 2r: what is r?",
    swaps=({"residual": lambda prediction, y: prediction},),
)
LOSS_RETURNED = Mistake(
    "loss_returned",
    "This is the loss itself. The gradient says how fast the loss changes when w does.",
    formulas=(loss,),
)
GRADIENT_MISTAKES = (MISSING_FACTOR, SIGN, MISSING_INPUT, TARGET_IGNORED, LOSS_RETURNED)

LESSON = Lesson(
    title="One weight: ŷ = x·w",
    draw=draw,
    exercises=(
        Exercise(
            "forward",
            points=1,
            truth=forward,
            quantities=("ŷ",),
            idea="The model is a line through the origin: one input, one weight.",
            hints=(
                "Which two values meet at the first node of the graph, and what does it do?",
                "The node is marked (·): it multiplies. Return its value.",
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
                    "not_squared",
                    "This is the residual ŷ − y before the last node of the graph: what does the "
                    "node (²) do?",
                    formulas=(
                        lambda x, y, w: x * w - y,
                        lambda x, y, w: y - x * w,
                        lambda x, y, w: (x * w - y).abs(),
                    ),
                ),
                Mistake(
                    "halved_loss",
                    "This is half of the loss. Some books put a ½ in front; this lesson does not.",
                    formulas=(lambda x, y, w: 0.5 * (x * w - y) ** 2,),
                ),
            ),
        ),
        Exercise(
            "multiply_backward",
            points=3,
            truth=multiply_backward,
            quantities=("∂L/∂x", "∂L/∂w"),
            witnesses=gradient_of(upstream_times_product, "x", "w"),
            idea="Each input's gradient is the upstream gradient times its own local slope.",
            hints=(
                "If x grows by a little, by how much does z = x·w grow? That is ∂z/∂x.",
                "The local slopes are ∂z/∂x = w and ∂z/∂w = x.",
                "∂L/∂x = ∂L/∂z · ∂z/∂x. You are given ∂L/∂z; it is called upstream.",
            ),
            mistakes=(
                Mistake(
                    "order_swapped",
                    "Both values are right and in the wrong order: ∂L/∂x comes first. Which factor "
                    "is the slope of x·w in x?",
                    formulas=(lambda x, w, upstream: (upstream * x, upstream * w),),
                ),
                Mistake(
                    "upstream_ignored",
                    "These are the local slopes ∂z/∂x and ∂z/∂w. How much of a change in z "
                    "arrives at L?",
                    swaps=({"chain": lambda upstream, slope: slope},),
                ),
                SIGN,
            ),
        ),
        Exercise(
            "grad_by_hand",
            points=3,
            truth=gradient,
            quantities=("∂loss/∂w",),
            witnesses=gradient_of(loss, "w"),
            method="by_hand",
            idea="Walk from the loss back to w and multiply the slopes: of r², of ŷ − y, of x·w.",
            hints=(
                "Three nodes lie between the loss and w. What is the slope of each?",
                "r² has slope 2r, r = ŷ − y has slope 1 in ŷ, ŷ = x·w has slope x in w.",
                "Compute r once. The gradient is the product of the three slopes.",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "grad_by_autograd",
            points=3,
            truth=gradient,
            quantities=("∂loss/∂w",),
            witnesses=gradient_of(loss, "w"),
            method="by_autograd",
            idea="Autograd gives the gradient of what you compute: is that the loss?",
            hints=(
                "Autograd follows tensors that require grad. Does your w?",
                "Copy first, so that the caller's w is left alone: "
                "`w.detach().clone().requires_grad_()`.",
                "Compute the loss from the copy, call `.backward()`, read the copy's `.grad`.",
            ),
            mistakes=GRADIENT_MISTAKES,
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=("w", "losses"),
            idea="Per sample: loss, gradient at the current w, then w ← w − lr·gradient.",
            hints=(
                "Two loops: over the epochs, and inside it over the samples in their order.",
                "The step goes against the gradient and is lr times as long.",
                "Note the loss before the step; after the inner loop the last one noted belongs to "
                "the epoch. `torch.stack` makes one tensor of them.",
            ),
            mistakes=(*training_mistakes(parameters=("w",)), *GRADIENT_MISTAKES),
            prefixes=prefixes_of("xs", "ys"),
        ),
    ),
)
