"""Lesson 1, one weight: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.descent import Loop, descend
from checks.grader.language.figure import Graph, Losses
from checks.grader.language.inputs import Dice, columns
from checks.grader.language.lesson import Claim, Exercise, Lesson, Mistake, Witness, some_or_all
from checks.grader.language.linear import trained
from checks.grader.language.loops import prefixes_of, training_mistakes
from checks.grader.language.truth import gradient_of

LR = 0.01
#: A trained parameter near 0 would lose float32's digits, and a loss near 0 hides mistakes.
SMALL = 0.25


def forward(x: Tensor, w: Tensor) -> Tensor:
    return x * w


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return (x * w - y) ** 2


def times(upstream: Tensor, slope: Tensor) -> Tensor:
    return upstream * slope


def slope_alone(upstream: Tensor, slope: Tensor) -> Tensor:
    return slope


def multiply_backward(
    x: Tensor,
    w: Tensor,
    upstream: Tensor,
    *,
    chains: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (times, times),
    swapped: bool = False,
) -> tuple[Tensor, Tensor]:
    grad_x, grad_w = chains[0](upstream, w), chains[1](upstream, x)
    return (grad_w, grad_x) if swapped else (grad_x, grad_w)


def upstream_times_product(x: Tensor, w: Tensor, upstream: Tensor) -> Tensor:
    """A loss whose slope at z = x·w is the upstream gradient."""
    return upstream * (x * w)


def prediction_alone(prediction: Tensor, y: Tensor) -> Tensor:
    return prediction


def gradient(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    *,
    factor: float = 2.0,
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    slope: Callable[[Tensor, Tensor], Tensor] = lambda x, w: x,
) -> Tensor:
    """∂loss/∂w = 2 · (ŷ − y) · x, with each step open to a mistake."""
    return factor * residual(x * w, y) * slope(x, w)


def train(
    xs: Tensor,
    ys: Tensor,
    w: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    downhill: Callable[..., Tensor] = gradient,
    noted: Callable[[Tensor, Tensor, Tensor], Tensor] = loss,
    **steps: Any,
) -> tuple[Any, ...]:
    """Training with each step open to a mistake; `noted` is the loss that is written down."""

    def at(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return downhill(x, y, w, **steps)

    samples = list(zip(xs, ys, strict=True))
    return descend(at, noted, samples, (w,), lr, epochs, loop)


def train_by_matrix(xs: Tensor, ys: Tensor, w: Tensor, lr: float, epochs: int) -> tuple[Any, ...]:
    return trained(xs[:, None], ys, w[None], lr, epochs)


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs; the residual is never small against the prediction."""
    while True:
        x, y, w = dice.number("x"), dice.number("y"), dice.number("w")
        if abs(x * w - y) > 0.3:
            return {"x": x, "y": y, "w": w, "upstream": dice.number("upstream")}


def draw_training(dice: Dice) -> Mapping[str, Any]:
    """Three or four samples of both signs and some epochs that end far from 0 and from rest."""
    count = 3 + dice.trial % 2
    while True:
        inputs: dict[str, Any] = {
            "xs": dice.tensor(count),
            "ys": dice.tensor(count),
            "w": dice.number("w"),
            "lr": dice.factor(0.011, 0.03),
            "epochs": count + 1 + dice.trial // 2,
        }
        w, losses = train_by_matrix(**inputs)
        if w.abs() > SMALL and losses.min() > SMALL:
            return inputs


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
    swaps=({"slope": lambda x, w: x**0},),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y does not take part in your gradient. The derivative of r² is 2r: what is r?",
    swaps=({"residual": prediction_alone},),
)
LOSS_RETURNED = Mistake(
    "loss_returned",
    "This is the loss itself. The gradient says how fast the loss changes when w does.",
    formulas=(loss,),
)
UPSTREAM_IGNORED = Mistake(
    "upstream_ignored",
    "This is the slope of ŷ in w. How much of a change in ŷ arrives at the loss?",
    formulas=(lambda x, y, w: x,),
)
WRONG_VARIABLE = Mistake(
    "wrong_variable",
    "This is the slope of the loss in x. The data stand still: which letter is being trained?",
    swaps=({"slope": lambda x, w: w},),
)
GRADIENT_MISTAKES = (
    MISSING_FACTOR,
    SIGN,
    MISSING_INPUT,
    TARGET_IGNORED,
    LOSS_RETURNED,
    UPSTREAM_IGNORED,
    WRONG_VARIABLE,
)
#: In a training a wrong formula is at work in every step. Where autograd takes the steps it is the
#: loss that is wrong, and that one is written down too.
STEP_MISTAKES = (
    replace(
        MISSING_FACTOR,
        says="Every step is half as long as it should be: what is the derivative of r²?",
        swaps=(
            {"factor": 1.0},
            {"factor": 1.0, "noted": lambda x, y, w: 0.5 * (x * w - y) ** 2},
        ),
    ),
    replace(MISSING_INPUT, says="Each step uses a gradient that stops one node early, at ŷ."),
    replace(
        TARGET_IGNORED,
        says="The target y does not take part in your steps. The derivative of r² is 2r: what is "
        "r?",
        swaps=(
            {"residual": prediction_alone},
            {"residual": prediction_alone, "noted": lambda x, y, w: (x * w) ** 2},
        ),
    ),
    replace(
        UPSTREAM_IGNORED,
        says="Your steps follow the slope of ŷ alone. How much of a change in ŷ arrives at the "
        "loss?",
        swaps=({"downhill": lambda x, y, w: x},),
        formulas=(),
    ),
    WRONG_VARIABLE,
)


def data() -> tuple[Tensor, Tensor]:
    """xs and ys of the notes, shape (3,)."""
    xs, ys = (torch.tensor(columns("lesson1_linear", name)).double() for name in ("x", "y"))
    return xs, ys


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def slopes_of_a_product() -> str:
    """At the node z = x·w: its local slopes, and the gradients for an upstream gradient of 5."""
    x, w = number(2.0).requires_grad_(), number(3.0).requires_grad_()
    slope_x, slope_w = torch.autograd.grad(x * w, (x, w))
    grad_x, grad_w = torch.autograd.grad(x * w, (x, w), grad_outputs=number(5.0))
    return (
        f"∂z/∂w = {slope_w:g}, ∂z/∂x = {slope_x:g}; "
        f"with upstream 5, ∂L/∂w = {grad_w:g}, ∂L/∂x = {grad_x:g}"
    )


def along_the_graph(x: float, y: float, w: float) -> tuple[float, ...]:
    """r, ∂loss/∂r and ∂loss/∂ŷ, by autograd."""
    prediction = (number(x) * number(w)).requires_grad_()
    r = prediction - y
    slopes = torch.autograd.grad(r**2, (r, prediction))
    return (r.item(), *(slope.item() for slope in slopes))


def gradients_of_epoch_0() -> tuple[float, ...]:
    w, gradients = number(1.0), []
    for x, y in zip(*data(), strict=True):
        gradients.append(gradient(x, y, w).item())
        w = w - LR * gradients[-1]
    return tuple(gradients)


def after(epochs: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """w and the losses after some epochs on the notes' data from w = 1."""
    xs, ys = data()
    w, losses = train(xs.to(dtype), ys.to(dtype), torch.tensor(1.0, dtype=dtype), LR, epochs)
    return w, losses


def what_shrinks() -> str:
    """w after k epochs, from the error 2 − w of each of the first ten."""
    errors = [2 - after(k)[0].item() for k in range(1, 11)]
    ratios = [later / earlier for earlier, later in zip(errors, errors[1:], strict=False)]
    steady = max(ratios) - min(ratios) < 1e-9 and abs(errors[0] - ratios[0]) < 1e-9
    return f"w = 2 − {ratios[0]:.6f}ᵏ" if steady else f"errors {errors}"


def what_item_prints() -> str:
    """Without its parentheses; the address is another one in every run."""
    return str((4 * after(100)[0]).item).split(" at ")[0] + ">"


CLAIMS = (
    Claim(
        "z = x·w at x = 2, w = 3: the local slopes",
        "∂z/∂w = 10, ∂z/∂x = 15",
        slopes_of_a_product,
        stands=False,
    ),
    Claim("x = 1, y = 2, w = 1: r", "−1", lambda: along_the_graph(1.0, 2.0, 1.0)[0]),
    Claim(
        "x = 2, y = 4, w = 1: r, ∂loss/∂r, ∂loss/∂ŷ",
        "(−2, −4, −4)",
        lambda: along_the_graph(2.0, 4.0, 1.0),
    ),
    Claim("z = x·w at x = 2, w = 3: z", "6", lambda: forward(number(2.0), number(3.0)).item()),
    Claim("training, the gradients of epoch 0", "(−2, −7.84, −16.2288)", gradients_of_epoch_0),
    Claim("training, w after epoch 0", "1.260688", lambda: after(1)[0].item()),
    Claim("training, losses[0]", "7.31594304", lambda: after(1)[1].item()),
    Claim("training, after k epochs", "w = 2 − 0.739312ᵏ", what_shrinks),
    Claim("training, prediction at 4 before", "4", lambda: forward(number(4.0), number(1.0))),
    Claim("training, prediction at 4 after 100 epochs", "8", lambda: (4 * after(100)[0]).item()),
    Claim(
        "the same in float32",
        "7.9999986",
        lambda: (4 * after(100, torch.float32)[0]).item(),
    ),
    Claim(
        "print('predict (after training)', 4, forward(4).item) prints",
        "8",
        what_item_prints,
        stands=False,
    ),
    Claim(
        '"loss: {:%.6f}" % loss is',
        "loss: 7.315943",
        lambda: "loss: {:%.6f}" % after(1)[1].item(),  # noqa: UP031
        stands=False,
    ),
)


def program(lesson: ModuleType, device: str) -> None:
    """The notes' training log: 100 epochs from w = 1."""
    xs, ys = (values.float().to(device) for values in data())
    w, four = torch.tensor(1.0, device=device), torch.tensor(4.0, device=device)
    print(f"predict (before training) 4 → {lesson.forward(four, w).item():g}")
    done = 0
    for until in (1, 2, 3, 5, 10, 20, 30, 40, 50, 75, 100):
        w, losses = lesson.train(xs, ys, w, LR, until - done)
        done = until
        print(f"  epoch {until:>3}   w = {w.item():.6f}   loss = {losses[-1].item():.3e}")
    print(f"predict (after training) 4 → {lesson.forward(four, w).item():.7f}")


FIGURES = (
    Graph(
        "loss",
        "x = 2, y = 4, w = 1",
        wrt=("w",),
        names={"ŷ": forward, "r": lambda x, y, w: x * w - y},
    ),
    Losses("train", "three epochs on 1, 2, 3", given={"epochs": 100}),
)

LESSON = Lesson(
    title="One weight: ŷ = x·w",
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
                    "target_ignored",
                    "The target y does not take part. The loss measures how far ŷ is from it.",
                    formulas=(lambda x, y, w: (x * w) ** 2,),
                ),
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
            points=2,
            truth=multiply_backward,
            quantities=("∂L/∂x", "∂L/∂w"),
            witnesses=gradient_of(upstream_times_product, "x", "w"),
            method="by_hand",
            idea="Each input's gradient is the upstream gradient times its own local slope.",
            hints=(
                "If x grows by a little, by how much does z = x·w grow? That is ∂z/∂x.",
                "The local slopes are ∂z/∂x = w and ∂z/∂w = x.",
                "∂L/∂x = ∂L/∂z · ∂z/∂x. You are given ∂L/∂z; it is called upstream.",
            ),
            mistakes=(
                replace(SIGN, says="The sign is opposite. What in this node would turn a sign?"),
                Mistake(
                    "order_swapped",
                    "The two values have changed places: ∂L/∂x comes first. Which factor is the "
                    "slope of x·w in x?",
                    swaps=({"swapped": True},),
                ),
                Mistake(
                    "upstream_ignored",
                    "A local slope says how z changes. How much of a change in z arrives at L?",
                    swaps=some_or_all("chains", times, slope_alone, 2),
                ),
                Mistake(
                    "slopes_added",
                    "Along a path slopes are multiplied, not added: if z moves L five times as "
                    "far, and x moves z three times as far, how far does x move L?",
                    swaps=({"chains": (torch.add, torch.add)},),
                ),
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
            points=2,
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
            mistakes=(*STEP_MISTAKES, *training_mistakes(parameters=("w",))),
            witnesses=(Witness("powers of the epoch's matrix", train_by_matrix),),
            prefixes=prefixes_of("xs", "ys"),
            draw=draw_training,
        ),
    ),
)
