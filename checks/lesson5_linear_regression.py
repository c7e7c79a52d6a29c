"""Lesson 5, linear regression: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.descent import Loop, descend
from checks.grader.language.figure import Fit, Graph, Losses, Surface
from checks.grader.language.inputs import Dice, columns
from checks.grader.language.lesson import Built, Claim, Exercise, Lesson, Mistake, Source, Witness
from checks.grader.language.loops import prefixes_of, training_mistakes
from checks.grader.language.truth import gradient_of

STEM = "lesson5_linear_regression"
LR = 0.01
SMALL = 0.2

Map = Callable[[Tensor], Tensor]
Both = tuple[Tensor, Tensor]


def to_column(values: Tensor, *, shape: tuple[int, ...] = (-1, 1)) -> Tensor:
    return values.reshape(shape)


def stacked(values: Tensor) -> Tensor:
    return torch.stack([value.reshape(1) for value in values])


def line(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x @ weight.T + bias


def make_model(
    weight: Tensor,
    bias: Tensor,
    weight_grad: Tensor | None = None,
    bias_grad: Tensor | None = None,
) -> nn.Module:
    """a model with this weight and bias"""

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
    models = (lesson.LinearRegression(), lesson.LinearRegression())
    model = models[0]
    if not isinstance(model, nn.Module):
        raise TypeError("LinearRegression has to be a subclass of nn.Module")
    linear = getattr(model, "linear", None)
    if not isinstance(linear, nn.Linear):
        found = "missing" if linear is None else f"of type {type(linear).__name__}"
        raise TypeError(f"`self.linear` is {found}, expected an nn.Linear(1, 1)")
    sizes = (linear.in_features, linear.out_features)
    if sizes != (1, 1):
        raise ValueError(f"`self.linear` is nn.Linear{sizes}: one number goes in, one comes out")
    if linear.bias is None:
        raise ValueError("`self.linear` has no bias, so every line goes through the origin")
    if {*model.parameters()} != {linear.weight, linear.bias}:
        names = [name for name, _ in model.named_parameters()]
        raise ValueError(
            f"the model's parameters are {', '.join(names) or 'none'}, expected linear.weight and "
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


def loss(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ((line(x, weight, bias) - y) ** 2).mean()


def prediction_alone(prediction: Tensor, y: Tensor) -> Tensor:
    return prediction


def with_flat_target(prediction: Tensor, y: Tensor) -> Tensor:
    """(n, 1) against (n,): ŷᵢ − yⱼ at (i, j)."""
    return prediction - y.squeeze(1)


def with_flat_prediction(prediction: Tensor, y: Tensor) -> Tensor:
    """(n,) against (n, 1): ŷⱼ − yᵢ at (i, j)."""
    return prediction.squeeze(1) - y


CROSSED = (with_flat_target, with_flat_prediction)


def itself(values: Tensor) -> Tensor:
    return values


def sum_over_n(values: Tensor) -> Tensor:
    """The mean of n values; n times too much of (n, n) values."""
    return values.sum() / len(values)


def gradient(
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    factors: tuple[float, float] = (2.0, 2.0),
    slopes: tuple[Map, Map] = (itself, torch.ones_like),
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    reduce: tuple[Map, Map] = (torch.mean, torch.mean),
    arrange: Callable[[Tensor, Tensor], Both] = lambda w, b: (w, b),
) -> Both:
    """mean(2·(ŷ − y)·x) and mean(2·(ŷ − y)·1), with each step open to a mistake."""
    r = residual(line(x, weight, bias), y)
    along_weight = factors[0] * reduce[0](r * slopes[0](x))
    along_bias = factors[1] * reduce[1](r * slopes[1](x))
    return arrange(along_weight.reshape(1, 1), along_bias.reshape(1))


def gradient_of_model(model: nn.Module, x: Tensor, y: Tensor, **steps: Any) -> Both:
    return gradient(x, y, *parameters_of(model), **steps)


def gradient_by_autograd(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    loss = nn.functional.mse_loss(model(x), y)
    return torch.autograd.grad(loss, list(model.parameters()))


def gradient_by_differences(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    weight, bias = parameters_of(model)
    _, differences = gradient_of(loss, "weight", "bias")
    return differences.evaluate(x=x, y=y, weight=weight, bias=bias)


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    lr: float,
    epochs: int,
    *,
    loop: Loop | None = None,
    samples: Callable[[Tensor, Tensor], Sequence[Both]] = lambda x, y: [(x, y)],
    **steps: Any,
) -> tuple[Any, ...]:
    """The whole set is the one sample. Losses of a wrong gradient may be those of a wrong loss."""

    def at(*sample: Tensor) -> Both:
        return gradient(*sample, **steps)

    chosen = samples(x, y)
    weight, bias, losses = descend(at, loss, chosen, parameters_of(model), lr, epochs, loop)
    return weight, bias, None if steps or len(chosen) > 1 else losses


def use_train(lesson: Any, model: Any, x: Tensor, y: Tensor, lr: float, epochs: int) -> Any:
    """The parameters that the student's loop leaves in the model, and its losses."""
    losses = lesson.train(model, x, y, lr, epochs)
    return model.linear.weight, model.linear.bias, losses


def train_by_autograd(
    model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int
) -> tuple[Tensor, ...]:
    parameters: tuple[Tensor, ...] = parameters_of(model)
    losses = []
    for _ in range(epochs):
        leaves = [parameter.clone().requires_grad_() for parameter in parameters]
        losses.append(nn.functional.mse_loss(nn.functional.linear(x, *leaves), y))
        grads = torch.autograd.grad(losses[-1], leaves)
        parameters = tuple((p - lr * g).detach() for p, g in zip(leaves, grads, strict=True))
    return (*parameters, torch.stack(losses).detach())


def hessian(x: Tensor) -> Tensor:
    """Second derivatives of the loss in (weight, bias), shape (2, 2); they depend on x alone."""
    mean, square = x.mean(), (x**2).mean()
    return 2 * torch.stack([square, mean, mean, torch.ones_like(mean)]).reshape(2, 2)


def train_by_map(
    model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int
) -> tuple[Tensor, ...]:
    """dₖ = (I − lr·H)ᵏ·d₀ is the distance to the minimum, and ½·dᵀ·H·d what it costs."""
    lowest = least_squares(x, y)
    start, end = (torch.cat([w.reshape(1), b]) for w, b in (parameters_of(model), lowest))
    h = hessian(x)
    shrink = torch.eye(2, dtype=x.dtype) - lr * h
    ways = [torch.linalg.matrix_power(shrink, k) @ (start - end) for k in range(epochs + 1)]
    losses = [loss(x, y, *lowest) + d @ h @ d / 2 for d in ways[:-1]]
    weight, bias = end + ways[-1]
    return weight.reshape(1, 1), bias.reshape(1), torch.stack(losses)


def closed_form(
    x: Tensor,
    y: Tensor,
    *,
    arrange: Callable[[Tensor, Tensor], Both] = lambda w, b: (w, b),
) -> Both:
    """Both gradients zero: the normal equations."""
    table = torch.cat([x, torch.ones_like(x)], dim=1)
    weight, bias = torch.linalg.solve(table.T @ table, table.T @ y)
    return arrange(weight.reshape(1, 1), bias)


def least_squares(x: Tensor, y: Tensor) -> Both:
    """The same line by orthogonal factors, without the normal equations."""
    table = torch.cat([x, torch.ones_like(x)], dim=1)
    weight, bias = torch.linalg.lstsq(table, y).solution
    return weight.reshape(1, 1), bias


def through(slope: Tensor, x: Tensor, y: Tensor) -> Both:
    """The line of a slope through the mean of the points."""
    return slope.reshape(1, 1), (y.mean() - slope * x.mean()).reshape(1)


def spread(x: Tensor, y: Tensor) -> Tensor:
    """The mean of (x − mean x)(y − mean y)."""
    return ((x - x.mean()) * (y - y.mean())).mean()


def draw(dice: Dice) -> Mapping[str, Any]:
    """Points that lie near no line, and parameters far from the best."""
    count = 5 + dice.trial
    while True:
        x, y = dice.tensor(count, 1), dice.tensor(count, 1)
        weight, bias = dice.number("weight").reshape(1, 1), dice.number("bias").reshape(1)
        if tells(x.mean(), y.mean()) and tells(*gradient(x, y, weight, bias)):
            break
    model = Built(Source(make_model), (weight, bias))
    return {"x": x, "y": y, "weight": weight, "bias": bias, "model": model}


def draw_values(dice: Dice) -> Mapping[str, Any]:
    return {"values": dice.tensor(5 + dice.trial)}


def draw_models(dice: Dice) -> Mapping[str, Any]:
    """Every second model has been used before: its .grad is not None."""
    inputs = draw(dice)
    if dice.trial % 2 == 0:
        return inputs
    used = (inputs["weight"], inputs["bias"], dice.tensor(1, 1), dice.tensor(1))
    return {**inputs, "model": Built(Source(make_model), used)}


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


MISSING_FACTOR = Mistake(
    "missing_factor_2",
    "Exactly half of the right gradient: what is the derivative of r²? The mean squared error has "
    "no ½ in front that would cancel it.",
    swaps=({"factors": (1.0, 1.0)}, {"factors": (1.0, 2.0)}, {"factors": (2.0, 1.0)}),
)
SIGN = Mistake(
    "sign_flipped",
    "The size is right, the sign is the opposite one: is the residual ŷ − y or y − ŷ?",
    each=Tensor.neg,
    single=True,
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "For the weight the chain stops one step early, at ŷ. If the weight grows a little, by how "
    "much does each ŷᵢ grow?",
    swaps=({"slopes": (torch.ones_like, torch.ones_like)},),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The targets y do not take part in this gradient. The loss squares a difference: which?",
    swaps=({"residual": prediction_alone},),
)
BIAS_LIKE_WEIGHT = Mistake(
    "bias_like_weight",
    "∂loss/∂bias is multiplied by x as well. If the bias grows a little, by how much does each ŷᵢ "
    "grow?",
    swaps=({"slopes": (itself, itself)},),
)
ORDER_SWAPPED = Mistake(
    "order_swapped",
    "The right numbers in the wrong order: the weight comes first, then the bias.",
    swaps=(
        {"arrange": lambda w, b: (b, w)},
        {"arrange": lambda w, b: (b.reshape(1, 1), w.reshape(1))},
    ),
)
SUM_NOT_MEAN = Mistake(
    "sum_not_mean",
    "n times too large, n the number of samples: the loss is the mean of the squared residuals, "
    "not their sum.",
    swaps=(
        {"reduce": (torch.sum, torch.sum)},
        {"reduce": (torch.sum, torch.mean)},
        {"reduce": (torch.mean, torch.sum)},
    ),
)
BROADCAST = Mistake(
    "broadcast_residual",
    "Somewhere (n,) meets (n, 1), and that broadcasts to (n, n): every target against every "
    "prediction. Print the shapes of ŷ, of y and of their difference.",
    swaps=tuple(
        {"residual": crossed} | reduced
        for crossed in CROSSED
        for reduced in (
            {},
            {"reduce": (sum_over_n, sum_over_n)},
            {"reduce": (sum_over_n, torch.mean)},
        )
    ),
)


def gradient_mistakes(adapted: Callable[..., Callable[..., Any]]) -> tuple[Mistake, ...]:
    """The mistakes of a gradient; `adapted` gives their formulas the exercise's parameters."""

    def loss_of_each(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Both:
        value = loss(x, y, weight, bias)
        return value.reshape(1, 1), value.reshape(1)

    def loss_twice(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Both:
        value = loss(x, y, weight, bias)
        return value, value

    def crossed_shapes(crossed: Callable[..., Tensor], shape: tuple[int, ...]) -> Any:
        def grads(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Any:
            r = crossed(line(x, weight, bias), y)
            return (2 / len(x) * x.T @ r).reshape(shape), None

        return grads

    def crossed_bias(crossed: Callable[..., Tensor]) -> Any:
        def grads(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Both:
            r = crossed(line(x, weight, bias), y)
            return (2 * r * x).mean().reshape(1, 1), 2 * r.mean(dim=0)

        return grads

    def per_sample(factor: Callable[[int], float], *, only_bias: bool) -> Any:
        def grads(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> Any:
            r = factor(len(x)) * (line(x, weight, bias) - y)
            right = gradient(x, y, weight, bias)[0]
            return (right, r) if only_bias else (r * x, None)

        return grads

    shapes = ((1, -1), (-1, 1), (-1,))
    broadcast = replace(
        BROADCAST,
        formulas=(
            *(adapted(crossed_shapes(c, shape)) for c in CROSSED for shape in shapes),
            *(adapted(crossed_bias(c)) for c in CROSSED),
        ),
    )
    return (
        MISSING_FACTOR,
        SIGN,
        MISSING_INPUT,
        TARGET_IGNORED,
        Mistake(
            "loss_returned",
            "This is the loss itself. A gradient says how fast the loss changes when the weight, "
            "when the bias does.",
            formulas=(adapted(loss_of_each), adapted(loss_twice)),
        ),
        BIAS_LIKE_WEIGHT,
        ORDER_SWAPPED,
        SUM_NOT_MEAN,
        broadcast,
        Mistake(
            "not_averaged",
            "There is one value per sample here. All samples use the same weight and the same "
            "bias: what happens to the contributions of several paths to one node?",
            formulas=tuple(
                adapted(per_sample(factor, only_bias=only_bias))
                for only_bias in (False, True)
                for factor in (lambda n: 2.0, lambda n: 2 / n)
            ),
        ),
    )


def of_model(formula: Callable[..., Any]) -> Callable[..., Any]:
    return lambda model, x, y: formula(x, y, *parameters_of(model))


def on_top_of_grad(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """The gradient added to what the model's own .grad held before."""
    return tuple(
        grad if parameter.grad is None else grad + parameter.grad
        for grad, parameter in zip(gradient_of_model(model, x, y), model.parameters(), strict=True)
    )


def one_by_one(x: Tensor, y: Tensor) -> list[Both]:
    return list(zip(x.split(1), y.split(1), strict=True))


#: What the loops of the other lessons are told does not fit a model that is trained in place.
SAID_HERE = {
    "not_updated": "The model comes out as it went in, or one of its parameters does. Who changes "
    "`model.linear.weight` and `model.linear.bias` themselves, not a copy or a new name?",
}
LOOP_MISTAKES = tuple(
    replace(mistake, says=SAID_HERE.get(mistake.id, mistake.says))
    for mistake in training_mistakes(
        ("weight", "bias"), by_sample=False, learning_rates=(0.01, 0.001, 0.1)
    )
)
STEP_MISTAKES = (
    replace(
        MISSING_FACTOR,
        says="Every step is half as long as it should be: the mean squared error has no ½ in "
        "front. What is the derivative of r²?",
    ),
    MISSING_INPUT,
    TARGET_IGNORED,
    BIAS_LIKE_WEIGHT,
    replace(
        SUM_NOT_MEAN,
        says="Every step is n times too long, n the number of samples: the loss is the mean of the "
        "squared residuals, not their sum.",
    ),
    BROADCAST,
)
SAMPLE_NOT_BATCH = Mistake(
    "sample_not_batch",
    "The model moves after every sample, as in the lessons before. Full batch means: one gradient "
    "of the mean over all samples, one step an epoch.",
    swaps=({"samples": one_by_one},),
)


def points() -> Both:
    """x and y of the notes, shapes (15, 1)."""
    table = torch.tensor(columns(STEM, ["x", "y"]), dtype=torch.float64)
    return table[:, :1], table[:, 1:]


def at_notes_point() -> Both:
    """The weight and bias that the notes print."""
    return torch.tensor([[0.3645]], dtype=torch.float64), torch.tensor([0.0204]).double()


def at(weight: float, bias: float) -> nn.Module:
    return make_model(
        torch.tensor([[weight]], dtype=torch.float64), torch.tensor([bias], dtype=torch.float64)
    )


def flat(*tensors: Tensor) -> tuple[float, ...]:
    return tuple(number for tensor in tensors for number in tensor.reshape(-1).tolist())


def curvatures() -> tuple[float, ...]:
    """Along the valley and across it."""
    return flat(torch.linalg.eigvalsh(hessian(points()[0])))


def after(epochs: int) -> tuple[float, ...]:
    """Weight and bias after full-batch training from (0, 0), by the linear map of an epoch."""
    x, y = points()
    start, end = torch.zeros(2, dtype=x.dtype), torch.cat([w.reshape(1) for w in closed_form(x, y)])
    shrink = torch.eye(2, dtype=x.dtype) - LR * hessian(x)
    return flat(end + torch.linalg.matrix_power(shrink, epochs) @ (start - end))


def distance_in_valley(weight: Tensor, bias: Tensor) -> tuple[float, float]:
    """How far a point is from the minimum: along the valley, across it."""
    x, y = points()
    best = closed_form(x, y)
    away = torch.cat([(weight - best[0]).reshape(1), bias - best[1]])
    along, across = torch.linalg.eigh(hessian(x)).eigenvectors.T @ away
    return abs(along.item()), abs(across.item())


def epochs_to_notes_point() -> str:
    """From the farthest usual start, weight and bias within ±1, to where the notes stopped."""
    there, _ = distance_in_valley(*at_notes_point())
    corners = [parameters_of(at(w, b)) for w in (-1.0, 1.0) for b in (-1.0, 1.0)]
    farthest = max(distance_in_valley(*corner)[0] for corner in corners)
    epochs = math.log(there / farthest) / math.log(1 - LR * curvatures()[0])
    return f"{math.ceil(epochs)} epochs"


def start_of_10000_epochs() -> str:
    """How far away training began if the notes' point were what 10000 epochs leave."""
    there, _ = distance_in_valley(*at_notes_point())
    return f"{there / (1 - LR * curvatures()[0]) ** 10_000:.0e} away from the minimum"


def in_float32() -> str:
    """Where 10000 epochs stop when a step no longer changes the last digit."""
    x, y = (values.float() for values in points())
    model = at(0.0, 0.0).float()
    weight, bias, _ = train(model, x, y, LR, 10_000)
    gap = max(abs(a - b) for a, b in zip(flat(weight, bias), after(10_000), strict=True))
    return "right to 4 digits, not to 6" if 1e-6 < gap < 5e-5 else f"{gap:.1e} off"


def without_brackets() -> str:
    """What nn.Linear(1, 1) says to data of shape (15,)."""
    try:
        at(0.0, 0.0)(points()[0].squeeze(1))
    except RuntimeError as error:
        return str(error)
    return "no error"


def shape_of_broadcast() -> str:
    x, y = points()
    return str(tuple((x.squeeze(1) - y).shape))


def half_the_loss() -> str:
    """What a ½ in front of the mean does to the first step from (0, 0)."""
    x, y = points()
    weight, bias = (parameter.requires_grad_() for parameter in parameters_of(at(0.0, 0.0)))
    whole, half = (
        torch.autograd.grad(factor * loss(x, y, weight, bias), weight)[0].item() * -LR
        for factor in (1.0, 0.5)
    )
    return f"the first step in weight is {half:.6f} in place of {whole:.6f}"


def diverges_from() -> float:
    return 2 / curvatures()[1]


CLAIMS = (
    Claim(
        "the points: weight, bias and mean squared error of least squares",
        "(0.2599898981, 0.7476652638, 0.1689152551)",
        lambda: flat(*closed_form(*points()), loss(*points(), *closed_form(*points()))),
    ),
    Claim(
        "weight = 0, bias = 0: loss, ∂loss/∂weight, ∂loss/∂bias",
        "(5.9467032, −31.0774752, −4.6488)",
        lambda: flat(
            loss(*points(), *parameters_of(at(0.0, 0.0))),
            *gradient_by_autograd(at(0.0, 0.0), *points()),
        ),
    ),
    Claim(
        "weight = 1, bias = 0: loss, ∂loss/∂weight, ∂loss/∂bias",
        "(17.1956681, 53.5754049, 7.4804)",
        lambda: flat(
            loss(*points(), *parameters_of(at(1.0, 0.0))),
            *gradient_by_autograd(at(1.0, 0.0), *points()),
        ),
    ),
    Claim(
        "lr = 0.01, 10000 epochs end at weight, bias",
        "(0.3645, 0.0204)",
        lambda: after(10_000),
        stands=False,
    ),
    Claim(
        "the loss at (0.3645, 0.0204) is that of least squares",
        "0.1689",
        lambda: loss(*points(), *at_notes_point()).item(),
        stands=False,
    ),
    Claim("the loss at (0.3645, 0.0204)", "0.2382", lambda: loss(*points(), *at_notes_point())),
    Claim(
        "(0.3645, 0.0204) lies off the floor of the valley by",
        "0.00001",
        lambda: round(distance_in_valley(*at_notes_point())[1], 5),
    ),
    Claim(
        "(0.3645, 0.0204) is passed, from any weight and bias within ±1, after at most",
        "10000 epochs",
        epochs_to_notes_point,
        stands=False,
    ),
    Claim(
        "to end there, 10000 epochs must have started",
        "1e+11 away from the minimum",
        start_of_10000_epochs,
    ),
    Claim(
        "curvatures along and across the valley (eigenvalues of the Hessian)",
        "(0.2568204, 86.3960598)",
        curvatures,
    ),
    Claim("training diverges above lr", "0.0231492", diverges_from),
    Claim(
        "an epoch at lr = 0.01 leaves of the way along the valley",
        "0.9974318",
        lambda: 1 - LR * curvatures()[0],
    ),
    Claim(
        "100 epochs leave of it",
        "0.773",
        lambda: (1 - LR * curvatures()[0]) ** 100,
    ),
    Claim("10000 epochs in float32 are", "right to 4 digits, not to 6", in_float32),
    Claim(
        "data of shape (15,) in nn.Linear(1, 1) raises",
        "mat1 and mat2 shapes cannot be multiplied (1x15 and 1x1)",
        without_brackets,
    ),
    Claim("(15,) minus (15, 1) has shape", "(15, 15)", shape_of_broadcast),
    Claim(
        "a loss with ½ differs only by the 2 that is divided out",
        "the first step in weight is 0.310775 in place of 0.310775",
        half_the_loss,
        stands=False,
    ),
)


def program(lesson: ModuleType, device: str) -> None:
    """The notes' 10000 epochs on the 15 points, and the line that needs none."""
    table = torch.tensor(columns(STEM, ["x", "y"]), device=device)
    x, y = lesson.to_column(table[:, 0]), lesson.to_column(table[:, 1])
    model = lesson.LinearRegression().to(device)
    four = torch.full((1, 1), 4.0, device=device)
    print(f"predict (before training) 4 → {model(four).item():.4f}")
    done = 0
    for until in (100, *range(1000, 10_001, 1000)):
        losses = lesson.train(model, x, y, LR, until - done)
        done = until
        weight, bias = model.linear.weight.item(), model.linear.bias.item()
        print(
            f"  epoch {until:>5}   loss {losses[-1].item():.6f}   "
            f"weight {weight:.4f}   bias {bias:.4f}"
        )
    print(f"predict (after training) 4 → {model(four).item():.4f}")
    weight, bias = lesson.closed_form(x, y)
    print(f"least squares, no training: weight {weight.item():.4f}, bias {bias.item():.4f}")


def loss_at(parameters: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a line given as (weight, bias), shape (2,)."""
    return loss(x, y, parameters[:1].reshape(1, 1), parameters[1:])


TRAINING = "three epochs on the 15 points"
FIGURES = (
    Graph(
        "grad_by_autograd",
        "the 15 points, weight = 1, bias = 0",
        wrt=("weight", "bias"),
        names={"ŷ": lambda model, x: model(x), "r": lambda model, x, y: model(x) - y},
    ),
    Losses(
        "train",
        TRAINING,
        given={"epochs": 10000},
        floor=(0.1689152551, "least squares: no line has a smaller loss"),
    ),
    Surface(
        "train",
        TRAINING,
        parameters=("weight", "bias"),
        axes=("weight", "bias"),
        loss=loss_at,
        given={"epochs": 10000},
    ),
    Fit("train", TRAINING, best=least_squares, early=100, given={"epochs": 10000}),
)


LESSON = Lesson(
    title="Linear regression with nn and optim",
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        Exercise(
            "to_column",
            points=1,
            truth=to_column,
            quantities=("column",),
            witnesses=(Witness("stacked", stacked),),
            draw=draw_values,
            idea="The same n numbers, each in a row of its own.",
            hints=(
                "A batch has one row per sample and one column per feature. How many of each?",
                "The numbers stay; a dimension of size 1 is added, and not in front.",
                "`unsqueeze`, `reshape` and `view` can all do it. Print the shape you get.",
            ),
            mistakes=(
                Mistake(
                    "row_not_column",
                    "This is one sample with n features. Here there are n samples with one "
                    "feature: which dimension comes first?",
                    swaps=({"shape": (1, -1)},),
                ),
            ),
        ),
        Exercise(
            "LinearRegression",
            points=2,
            truth=line,
            quantities=("ŷ",),
            witnesses=(
                Witness("nn.Linear", lambda x, weight, bias: make_model(weight, bias)(x).detach()),
            ),
            driver=use_class,
            idea="The model hands x to its one layer and returns what comes out.",
            hints=(
                "`__init__` makes the parts, `forward` uses them. There is one part here.",
                "How many numbers does one sample put into the layer, and how many come out? "
                "nn.Linear takes these two.",
                "In `forward`, call the layer that you kept like a function.",
            ),
            mistakes=(
                Mistake(
                    "shared_layer",
                    "Two models built one after the other have the same layer: training one trains "
                    "the other. Make the layer in `__init__`, so that each has its own.",
                    formulas=(lambda x, weight, bias: line(x, -3 * weight, 2 * bias),),
                ),
                Mistake(
                    "input_added",
                    "Your answer is the line plus x itself. The model is the line alone.",
                    formulas=(lambda x, weight, bias: line(x, weight, bias) + x,),
                ),
                Mistake(
                    "activation_added",
                    "A non-linearity bends the line. Regression returns what the layer returns.",
                    formulas=tuple(
                        lambda x, weight, bias, bend=bend: bend(line(x, weight, bias))
                        for bend in (torch.relu, torch.sigmoid, torch.tanh)
                    ),
                ),
            ),
        ),
        Exercise(
            "grad_by_hand",
            points=3,
            truth=gradient,
            quantities=("∂loss/∂weight", "∂loss/∂bias"),
            witnesses=gradient_of(loss, "weight", "bias"),
            method="by_hand",
            idea="Per sample it is lesson 2's gradient; the loss is the mean over the samples, and "
            "so is its gradient.",
            hints=(
                "For one sample you know both gradients from lesson 2. What does the mean over n "
                "samples do to them?",
                "Compute r = ŷ − y once; it has shape (n, 1). ∂loss/∂rᵢ is 2rᵢ/n.",
                "ŷᵢ has slope xᵢ in the weight and 1 in the bias; add up over the samples.",
                "Adding up products of two columns is a product of matrices, (1, n) @ (n, 1), and "
                "gives the shape (1, 1) at once. `sum(dim=0)` of a column gives (1,).",
            ),
            mistakes=gradient_mistakes(lambda formula: formula),
        ),
        Exercise(
            "grad_by_autograd",
            points=1,
            truth=gradient_of_model,
            quantities=("∂loss/∂weight", "∂loss/∂bias"),
            witnesses=(
                Witness("autograd", gradient_by_autograd),
                Witness("differences", gradient_by_differences),
            ),
            method="by_autograd",
            draw=draw_models,
            idea="Autograd gives the gradient of what you compute: is that the mean squared error "
            "of model(x) against y?",
            hints=(
                "The model's parameters require grad already. Which loss are they in?",
                "`nn.MSELoss()(prediction, target)` is the loss, a scalar.",
                "`.backward()` adds to the `.grad` of the model. `torch.autograd.grad(loss, …)` "
                "returns the gradients and leaves `.grad` alone.",
            ),
            mistakes=(
                *gradient_mistakes(of_model),
                Mistake(
                    "not_zeroed",
                    "Where the model came with a `.grad`, yours is that plus the gradient: "
                    "`.backward()` adds. Ask for the gradient in a way that adds to nothing.",
                    formulas=(on_top_of_grad,),
                ),
            ),
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=("weight", "bias", "losses"),
            witnesses=(Witness("autograd", train_by_autograd), Witness("map", train_by_map)),
            driver=use_train,
            may_change=("model",),
            draw=draw_training,
            idea="Per epoch: the loss of all samples, its gradient, one step of −lr·gradient on "
            "the model's own parameters.",
            hints=(
                "One loop, over the epochs. All n samples go through the model together.",
                "`torch.optim.SGD(model.parameters(), lr=lr)` takes the steps; it needs to know "
                "them all before the loop.",
                "Four lines in the loop: the loss, `zero_grad()`, `backward()`, `step()`. Which "
                "order?",
                "Note the loss of every epoch without its graph (`.detach()`); `torch.stack` makes "
                "one tensor of them.",
            ),
            mistakes=(*STEP_MISTAKES, *LOOP_MISTAKES, SAMPLE_NOT_BATCH),
            prefixes=prefixes_of(),
        ),
        Exercise(
            "closed_form",
            points=2,
            truth=closed_form,
            quantities=("weight", "bias"),
            witnesses=(Witness("lstsq", least_squares),),
            draw=draw_points,
            idea="At the minimum both gradients are zero: two linear equations in weight and bias.",
            hints=(
                "At the bottom of the loss, what do ∂loss/∂weight and ∂loss/∂bias equal?",
                "∂loss/∂bias = 0 says that the residuals add up to 0. Through which point does the "
                "line go then?",
                "Or in matrices: put a column of ones beside x, so that ŷ is one product. "
                "`torch.linalg.lstsq` solves that in the least-squares sense.",
            ),
            mistakes=(
                ORDER_SWAPPED,
                Mistake(
                    "no_intercept",
                    "This is the best line through the origin. The bias takes part in the "
                    "minimum as well: where is its column of ones?",
                    formulas=(lambda x, y: ((x.T @ y) / (x.T @ x), torch.zeros_like(y[0])),),
                ),
                Mistake(
                    "not_centred",
                    "The line goes through the mean of the points, and its slope is another one: "
                    "measure x and y from their means before you multiply them.",
                    formulas=(lambda x, y: through((x * y).sum() / (x**2).sum(), x, y),),
                ),
                Mistake(
                    "unbiased_variance",
                    "One of the two averages divides by n, the other by n − 1 (torch.var and "
                    "torch.std do unless told otherwise).",
                    formulas=(
                        lambda x, y: through(spread(x, y) / spread(x, x) * (1 - 1 / len(x)), x, y),
                        lambda x, y: through(spread(x, y) / spread(x, x) / (1 - 1 / len(x)), x, y),
                    ),
                ),
                Mistake(
                    "regressed_x_on_y",
                    "This line predicts x from y. Which of the two is given, and which is wanted?",
                    formulas=(lambda x, y: closed_form(y, x),),
                ),
                Mistake(
                    "correlation_returned",
                    "This slope is the correlation of x and y: it is divided by the spread of y "
                    "too. A slope has the unit of y per unit of x.",
                    formulas=(
                        lambda x, y: through(
                            spread(x, y) / (spread(x, x) * spread(y, y)).sqrt(), x, y
                        ),
                    ),
                ),
            ),
            slack=10.0,
        ),
    ),
)
