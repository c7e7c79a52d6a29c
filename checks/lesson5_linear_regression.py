"""Lesson 5, linear regression: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.descent import descend
from checks.grader.language.exercises import exercise, gradients
from checks.grader.language.figure import Fit, Graph, Losses, Surface
from checks.grader.language.inputs import Dice, columns
from checks.grader.language.lesson import Built, Source, Witness, lesson
from checks.grader.language.linear import curvatures, hessian, trained_on_all
from checks.grader.language.log import stages
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    Permuted,
    Slip,
    absent,
    becomes,
    computed_as,
    halved,
    in_some,
    slope,
    slope_left_out,
)
from checks.grader.language.training import Training, in_every_step
from checks.grader.language.truth import gradient_of, number, witnesses

STEM = "lesson5_linear_regression"
LR = 0.01
SMALL = 0.2

Both = tuple[Tensor, Tensor]


# ── what is right: the net node by node, and the closed forms ──────────────────────────────────


@net("weight", "bias")
def nodes(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    z = x @ weight.T
    y_hat = z + bias
    r = y_hat - y
    squares = r.square()
    return squares.mean()


def shaped(weight: Tensor, bias: Tensor) -> Both:
    """As nn.Linear(1, 1) holds them."""
    return weight.reshape(1, 1), bias.reshape(1)


def to_column(values: Tensor) -> Tensor:
    return values.reshape(-1, 1)


def line(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x * weight + bias


def loss(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ((line(x, weight, bias) - y) ** 2).mean()


def gradient(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Both:
    r = line(x, weight, bias) - y
    return shaped((2 * r * x).mean(), (2 * r).mean())


def gradient_of_model(model: nn.Module, x: Tensor, y: Tensor) -> Both:
    return gradient(x, y, *parameters_of(model))


def design(x: Tensor) -> Tensor:
    """A row (x, 1) for each sample, shape (n, 2)."""
    return torch.cat([x, torch.ones_like(x)], dim=1)


def closed_form(x: Tensor, y: Tensor) -> Both:
    """Both gradients zero: the normal equations."""
    table = design(x)
    return shaped(*torch.linalg.solve(table.T @ table, table.T @ y))


def least_squares(x: Tensor, y: Tensor) -> Both:
    """The same line by orthogonal factors, without the normal equations."""
    return shaped(*torch.linalg.lstsq(design(x), y).solution)


# ── models, ours and the student's ─────────────────────────────────────────────────────────────


def make_model(
    weight: Tensor,
    bias: Tensor,
    weight_grad: Tensor | None = None,
    bias_grad: Tensor | None = None,
) -> nn.Module:
    """a model"""

    class LinearRegression(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)  # type: ignore[no-any-return]

    model = LinearRegression().to(weight)
    model.linear.weight.data.copy_(weight)
    model.linear.bias.data.copy_(bias)
    model.linear.weight.grad, model.linear.bias.grad = weight_grad, bias_grad
    return model


def use_class(lesson: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Any:
    """Two of the student's models, each with parameters of its own; what the first makes of x."""
    models = (model, _) = (lesson.LinearRegression(), lesson.LinearRegression())
    if not isinstance(model, nn.Module):
        raise TypeError("LinearRegression has to be a subclass of nn.Module")
    if not isinstance(linear := getattr(model, "linear", None), nn.Linear):
        found = "missing" if linear is None else f"of type {type(linear).__name__}"
        raise TypeError(f"`self.linear` is {found}, expected an nn.Linear(1, 1)")
    if (sizes := (linear.in_features, linear.out_features)) != (1, 1):
        raise ValueError(f"`self.linear` is nn.Linear{sizes}: one number goes in, one comes out")
    if linear.bias is None:
        raise ValueError("`self.linear` has no bias, so every line goes through the origin")
    if linear.weight.dtype != torch.get_default_dtype():
        made = f"`self.linear` is made in {linear.weight.dtype}"
        raise ValueError(f"{made}: leave out the cast, who uses the model chooses its dtype")
    if {*model.parameters()} != {linear.weight, linear.bias}:
        names = ", ".join(name for name, _ in model.named_parameters()) or "none"
        raise ValueError(
            f"the model's parameters are {names}, expected linear.weight and "
            "linear.bias alone: make one layer, in `__init__`, and keep it as `self.linear`"
        )
    with torch.no_grad():
        for each, values in zip(models, ((weight, bias), (-3 * weight, 2 * bias)), strict=True):
            each.to(x)
            each.linear.weight.copy_(values[0])
            each.linear.bias.copy_(values[1])
    prediction = model(x)
    if isinstance(prediction, Tensor) and not prediction.requires_grad:
        raise ValueError(
            "your model's answer is cut off from its parameters, so it could never be trained: is "
            "there a `detach`, a `.data` or a `no_grad` in `forward`?"
        )
    return prediction


def parameters_of(model: nn.Module) -> Both:
    """Weight and bias of a checker's model, without a graph."""
    weight, bias = model.parameters()
    return weight.detach(), bias.detach()


def use_train(lesson: Any, model: Any, x: Tensor, y: Tensor, lr: float, epochs: int) -> Any:
    """The parameters that the student's loop leaves in the model, and its losses."""
    losses = lesson.train(model, x, y, lr, epochs)
    return model.linear.weight, model.linear.bias, losses


train = Training(
    nodes, loss, gradient, ("x", "y"), by_sample=False, held_by=("model", parameters_of)
)


# ── other ways to the same ─────────────────────────────────────────────────────────────────────


def gradient_by_autograd(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    loss = nn.functional.mse_loss(model(x), y)
    return torch.autograd.grad(loss, list(model.parameters()))


def train_by_map(
    model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int
) -> tuple[Tensor, ...]:
    start = torch.cat([parameter.reshape(-1) for parameter in parameters_of(model)])
    trained, losses = trained_on_all(design(x), y[:, 0], start, lr, epochs)
    return (*shaped(*trained), losses)


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice, *, used: bool = False) -> Mapping[str, Any]:
    """Points that lie near no line, and parameters far from the best. Of used models every second
    has been through a backward: its .grad is not None."""
    count = 5 + dice.trial
    while True:
        x, y = dice.tensor(count, 1), dice.tensor(count, 1)
        weight, bias = shaped(dice.number("weight"), dice.number("bias"))
        if tells(x.mean(), y.mean()) and tells(*gradient(x, y, weight, bias)):
            break
    grads = (dice.tensor(1, 1), dice.tensor(1)) if used and dice.trial % 2 else ()
    model = Built(Source(make_model), (weight, bias, *grads))
    return {"x": x, "y": y, "weight": weight, "bias": bias, "model": model}


def draw_training(dice: Dice) -> Mapping[str, Any]:
    """Few steps, neither so small that nothing happens nor so large that they diverge."""
    while True:
        inputs = draw(dice)
        weight, bias, lr = inputs["weight"], inputs["bias"], dice.factor(0.03, 0.08)
        epochs = 3 + dice.trial % 2
        for _ in range(epochs):
            grads = gradient(inputs["x"], inputs["y"], weight, bias)
            weight, bias = weight - lr * grads[0], bias - lr * grads[1]
        if tells(weight, bias, *grads):
            return {**inputs, "lr": lr, "epochs": epochs}


def draw_points(dice: Dice) -> Mapping[str, Any]:
    """Points whose best line has neither slope nor intercept near 0."""
    while True:
        inputs = draw(dice)
        if tells(*closed_form(inputs["x"], inputs["y"])):
            return inputs


def tells(*numbers: Tensor) -> bool:
    """Whether no number is so near 0 that it loses float32's digits or hides a mistake."""
    return all(abs(number.item()) > SMALL for number in numbers)


# ── where students slip ────────────────────────────────────────────────────────────────────────


#: (n, 1) against (n,), the target or the prediction flat: a residual for every pair of samples.
CROSSED = (lambda at: at.y_hat - at.y.squeeze(1), lambda at: at.y_hat.squeeze(1) - at.y)


def over_n(values: Tensor) -> Tensor:
    """The mean of n values; n times too much of (n, n) values."""
    return values.sum() / len(values)


def crossed(residual: Any, of_weight: Any, of_bias: Any) -> tuple[Slip, Slip]:
    """Both gradients from residuals of every prediction against every target."""
    return (
        becomes("weight", lambda at: of_weight(2 * residual(at) * at.x).reshape(1, 1)),
        becomes("bias", lambda at: of_bias(2 * residual(at)).reshape(1)),
    )


def of_weight(formula: Any) -> tuple[Slip, Slip]:
    """∂weight is this, and ∂bias may be anything."""
    return becomes("weight", formula), becomes("bias", lambda at: None)


def of_product(residual: Any, shape: tuple[int, ...]) -> tuple[Slip, Slip]:
    """∂weight as a product of matrices, one entry a sample."""
    return of_weight(lambda at: (2 / len(at.x) * at.x.T @ residual(at)).reshape(shape))


def of_columns(residual: Any) -> tuple[Slip, Slip]:
    """∂bias as one mean for each column."""
    return (
        becomes("weight", lambda at: (2 * residual(at) * at.x).mean().reshape(1, 1)),
        becomes("bias", lambda at: 2 * residual(at).mean(dim=0)),
    )


SUMMED = Slip(
    ("loss",), value=lambda at: at.squares.sum(), grad=lambda g, at: g * at.squares.numel()
)
REDUCED = ((Tensor.mean, Tensor.mean), (over_n, over_n), (over_n, Tensor.mean))
SLIPS = {
    "missing_factor_2": in_some(halved("r"), "weight", "bias"),
    "sign_flipped": Mapped(Tensor.neg, single=True),
    "missing_input_factor": slope_left_out("z"),
    "target_ignored": absent("y"),
    "loss_returned": [lambda **at: shaped(*[loss(**at)] * 2), lambda **at: (loss(**at),) * 2],
    "bias_like_weight": slope("y_hat", by="x", to=("bias",)),
    "order_swapped": [Permuted((1, 0)), lambda **at: shaped(*gradient(**at)[::-1])],
    "sum_not_mean": in_some(SUMMED, "weight", "bias"),
    "size_typed_in": lambda **at: tuple(len(at["x"]) / 15 * part for part in gradient(**at)),
    "broadcast_residual": [
        computed_as("r", CROSSED[0]),
        *(crossed(CROSSED[0], *reduced) for reduced in REDUCED[1:]),
        *(crossed(CROSSED[1], *reduced) for reduced in REDUCED),
        *(
            of_product(residual, shape)
            for residual in CROSSED
            for shape in ((1, -1), (-1, 1), (-1,))
        ),
        *(of_columns(residual) for residual in CROSSED),
    ],
    "not_averaged": [
        of_weight(lambda at: 2.0 * at.r * at.x),
        of_weight(lambda at: 2 / len(at.x) * at.r * at.x),
        becomes("bias", lambda at: 2.0 * at.r),
        becomes("bias", lambda at: 2 / len(at.x) * at.r),
    ],
}
STEP_SLIPS = in_every_step(SLIPS, without=("order_swapped", "not_averaged", "size_typed_in"))
STEP_SLIPS["broadcast_residual"] = STEP_SLIPS["broadcast_residual"][:6]


def of_model(formula: Any) -> Any:
    """A whole wrong formula, with a model in place of its parameters; a slip as it is."""
    if isinstance(formula, list):
        return [of_model(one) for one in formula]
    if not callable(formula) or hasattr(formula, "places"):
        return formula

    def wrong(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        weight, bias = parameters_of(model)
        return formula(x=x, y=y, weight=weight, bias=bias)

    return wrong


def on_top_of_grad(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """The gradient added to what the model's own .grad held before."""
    return tuple(
        grad if parameter.grad is None else grad + parameter.grad
        for grad, parameter in zip(gradient_of_model(model, x, y), model.parameters(), strict=True)
    )


def sample_by_sample(model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int) -> Any:
    """A step for each sample; the losses may be any."""
    samples = list(zip(x.split(1), y.split(1), strict=True))
    start = parameters_of(model)
    *trained, _ = descend(lambda *at: (loss(*at), gradient(*at)), samples, start, lr, epochs)
    return (*trained, None)


def through(slope: Tensor, x: Tensor, y: Tensor) -> Both:
    """The line of a slope through the mean of the points."""
    return shaped(slope, y.mean() - slope * x.mean())


def spread(x: Tensor, y: Tensor) -> Tensor:
    """The mean of (x − mean x)(y − mean y)."""
    return ((x - x.mean()) * (y - y.mean())).mean()


CLASS_SLIPS = {
    "shared_layer": lambda x, weight, bias: line(x, -3 * weight, 2 * bias),
    "input_added": lambda x, weight, bias: line(x, weight, bias) + x,
    "activation_added": [
        lambda x, weight, bias, bend=bend: bend(line(x, weight, bias))
        for bend in (torch.relu, torch.sigmoid, torch.tanh)
    ],
}
CLOSED_FORM_SLIPS = {
    "order_swapped": [
        lambda x, y: closed_form(x, y)[::-1],
        lambda x, y: shaped(*closed_form(x, y)[::-1]),
    ],
    "sign_flipped": lambda x, y: shaped(closed_form(x, y)[0], 2 * y.mean() - closed_form(x, y)[1]),
    "no_intercept": lambda x, y: ((x.T @ y) / (x.T @ x), torch.zeros_like(y[0])),
    "not_centred": lambda x, y: through((x * y).sum() / (x**2).sum(), x, y),
    "unbiased_variance": [
        lambda x, y: through(spread(x, y) / spread(x, x) * (1 - 1 / len(x)), x, y),
        lambda x, y: through(spread(x, y) / spread(x, x) / (1 - 1 / len(x)), x, y),
    ],
    "regressed_x_on_y": lambda x, y: closed_form(y, x),
    "correlation_returned": lambda x, y: through(
        spread(x, y) / (spread(x, x) * spread(y, y)).sqrt(), x, y
    ),
}

# ── what the notes state ───────────────────────────────────────────────────────────────────────


def points() -> Both:
    """x and y of the notes, shapes (15, 1)."""
    table = torch.tensor(columns(STEM, ["x", "y"]), dtype=torch.float64)
    return table[:, :1], table[:, 1:]


def at(weight: float, bias: float) -> nn.Module:
    return make_model(*shaped(number(weight), number(bias)))


#: The weight and bias that the notes print.
NOTES = shaped(number(0.3645), number(0.0204))


def flat(*tensors: Tensor) -> tuple[float, ...]:
    return tuple(number for tensor in tensors for number in tensor.reshape(-1).tolist())


def along_and_across() -> tuple[float, ...]:
    """The curvatures of the valley."""
    return curvatures(train.mean_loss, 2, *points())


def after(epochs: int) -> tuple[float, ...]:
    """Weight and bias after full-batch training from (0, 0)."""
    x, y = points()
    return flat(trained_on_all(design(x), y[:, 0], torch.zeros(2).double(), LR, epochs)[0])


def distance_in_valley(weight: Tensor, bias: Tensor) -> tuple[float, float]:
    """How far a point is from the minimum: along the valley, across it."""
    x, y = points()
    best = closed_form(x, y)
    away = torch.cat([(weight - best[0]).reshape(1), bias - best[1]])
    along, across = torch.linalg.eigh(hessian(design(x))).eigenvectors.T @ away
    return abs(along.item()), abs(across.item())


def epochs_to_notes_point() -> str:
    """From the farthest usual start, weight and bias within ±1, to where the notes stopped."""
    there, _ = distance_in_valley(*NOTES)
    corners = [parameters_of(at(w, b)) for w in (-1.0, 1.0) for b in (-1.0, 1.0)]
    farthest = max(distance_in_valley(*corner)[0] for corner in corners)
    epochs = math.log(there / farthest) / math.log(1 - LR * along_and_across()[0])
    return f"{math.ceil(epochs)} epochs"


def start_of_10000_epochs() -> str:
    """How far away training began if the notes' point were what 10000 epochs leave."""
    there, _ = distance_in_valley(*NOTES)
    return f"{there / (1 - LR * along_and_across()[0]) ** 10_000:.0e} away from the minimum"


def in_float32() -> str:
    """Where 10000 epochs stop when a step no longer changes the last digit."""
    x, y = (values.float() for values in points())
    weight, bias, _ = train(at(0.0, 0.0).float(), x, y, LR, 10_000)
    gap = max(abs(a - b) for a, b in zip(flat(weight, bias), after(10_000), strict=True))
    return "right to 4 digits, not to 6" if 1e-6 < gap < 5e-5 else f"{gap:.1e} off"


def without_brackets() -> str:
    """What nn.Linear(1, 1) says to data of shape (15,)."""
    try:
        at(0.0, 0.0)(points()[0].squeeze(1))
    except RuntimeError as error:
        return str(error)
    return "no error"


def half_the_loss() -> str:
    """What a ½ in front of the mean does to the first step from (0, 0)."""
    weight, bias = (parameter.requires_grad_() for parameter in parameters_of(at(0.0, 0.0)))
    whole, half = (
        torch.autograd.grad(factor * loss(*points(), weight, bias), weight)[0].item() * -LR
        for factor in (1.0, 0.5)
    )
    return f"the first step in weight is {half:.6f} in place of {whole:.6f}"


def loss_and_gradients(weight: float) -> tuple[float, ...]:
    """Of the line through the origin with this slope."""
    model = at(weight, 0.0)
    return flat(loss(*points(), *parameters_of(model)), *gradient_by_autograd(model, *points()))


CLAIMS = {
    "least_squares_line": lambda: flat(
        *closed_form(*points()), loss(*points(), *closed_form(*points()))
    ),
    "at_zero": lambda: loss_and_gradients(0.0),
    "at_one": lambda: loss_and_gradients(1.0),
    "after_10000": lambda: after(10_000),
    "loss_of_notes": lambda: loss(*points(), *NOTES).item(),
    "loss_there": lambda: loss(*points(), *NOTES),
    "off_the_floor": lambda: round(distance_in_valley(*NOTES)[1], 5),
    "epochs_to_notes_point": epochs_to_notes_point,
    "start_of_10000_epochs": start_of_10000_epochs,
    "curvatures": along_and_across,
    "diverges_from": lambda: 2 / along_and_across()[1],
    "left_of_an_epoch": lambda: 1 - LR * along_and_across()[0],
    "left_of_100_epochs": lambda: (1 - LR * along_and_across()[0]) ** 100,
    "in_float32": in_float32,
    "without_brackets": without_brackets,
    "shape_of_broadcast": lambda: str(tuple((points()[0].squeeze(1) - points()[1]).shape)),
    "half_the_loss": half_the_loss,
}


def program(lesson: ModuleType, device: str) -> None:
    """The notes' 10000 epochs on the 15 points, and the line that needs none."""
    table = torch.tensor(columns(STEM, ["x", "y"]), device=device)
    x, y = lesson.to_column(table[:, 0]), lesson.to_column(table[:, 1])
    model = lesson.LinearRegression().to(device)
    four = torch.full((1, 1), 4.0, device=device)
    print(f"predict (before training) 4 → {model(four).item():.4f}")
    until = (100, *range(1000, 10_001, 1000))
    for epoch, line, loss in stages(
        lambda line, n: (line, lesson.train(model, x, y, LR, n)), model.linear, *until
    ):
        weight, bias = line.weight.item(), line.bias.item()
        print(f"  epoch {epoch:>5}   loss {loss:.6f}   weight {weight:.4f}   bias {bias:.4f}")
    print(f"predict (after training) 4 → {model(four).item():.4f}")
    weight, bias = lesson.closed_form(x, y)
    print(f"least squares, no training: weight {weight.item():.4f}, bias {bias.item():.4f}")


TRAINING = "three epochs on the 15 points"
LONG = {"epochs": 10000}
FLOOR = (0.1689152551, "least squares: no line has a smaller loss")
FIGURES = (
    Graph(
        "grad_by_autograd",
        "the 15 points, weight = 1, bias = 0",
        wrt=nodes.wrt,
        names={"ŷ": lambda model, x: model(x), "r": lambda model, x, y: model(x) - y},
    ),
    Losses("train", TRAINING, given=LONG, floor=FLOOR),
    Surface("train", TRAINING, nodes.wrt, ("weight", "bias"), train.mean_loss, given=LONG),
    Fit("train", TRAINING, best=least_squares, early=100, given=LONG),
)
LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        exercise(
            to_column,
            "column",
            Witness("stacked", lambda values: torch.stack(values.split(1))),
            draw=lambda dice: {"values": dice.tensor(5 + dice.trial)},
            wrong={"row_not_column": lambda values: values.reshape(1, -1)},
        ),
        exercise(
            line,
            "ŷ",
            Witness("nn.Linear", lambda x, weight, bias: make_model(weight, bias)(x)),
            name="LinearRegression",
            driver=use_class,
            wrong=CLASS_SLIPS,
        ),
        gradients(nodes, gradient, SLIPS)[0],
        exercise(
            gradient_of_model,
            ("∂loss/∂weight", "∂loss/∂bias"),
            *witnesses(gradient_by_autograd, of_model(gradient_of(nodes, *nodes.wrt)[1].evaluate)),
            name="grad_by_autograd",
            method="by_autograd",
            draw=partial(draw, used=True),
            wrong={id: of_model(wrong) for id, wrong in SLIPS.items()}
            | {"not_zeroed": on_top_of_grad},
            slipped=lambda *slips: of_model(nodes.gradient(*slips)),
        ),
        train.exercise(
            Witness("autograd", train.by_autograd),
            Witness("map", train_by_map),
            driver=use_train,
            may_change=("model",),
            draw=draw_training,
            wrong=STEP_SLIPS
            | train.loops(0.01, 0.001, 0.1)
            | {"sample_not_batch": sample_by_sample},
        ),
        exercise(
            closed_form,
            ("weight", "bias"),
            least_squares,
            draw=draw_points,
            slack=10.0,
            wrong=CLOSED_FORM_SLIPS,
        ),
    ),
)
