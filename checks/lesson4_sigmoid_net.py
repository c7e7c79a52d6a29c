"""Lesson 4, a net of sigmoids: what is right, which mistakes have a name, what to say.

The truth is written in matrices, its witnesses unit by unit, so that an index that is wrong in one
is not wrong in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.descent import Loop, descend
from checks.grader.language.figure import Graph, Losses, Net
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Claim, Exercise, Lesson, Mistake, Witness
from checks.grader.language.loops import prefixes_of, training_mistakes
from checks.grader.language.truth import gradient_of
from checks.grader.records.answer import close

Order = Sequence[int]
#: (z, a) -> slope of the activation, from the sum z and the activation a
Slope = Callable[[Tensor, Tensor], Tensor]

WEIGHTS = tuple(f"w{i}" for i in range(1, 9))
GRADIENTS = tuple(f"∂loss/∂{name}" for name in WEIGHTS)
STRAIGHT: Order = range(8)
#: w2 and w3, w6 and w7, or both exchanged.
CROSSED: tuple[Order, ...] = (
    (0, 2, 1, 3, 4, 5, 6, 7),
    (0, 1, 2, 3, 4, 6, 5, 7),
    (0, 2, 1, 3, 4, 6, 5, 7),
)


def sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-z))


def sigmoid_slope(a: Tensor) -> Tensor:
    return a * (1 - a)


def slope_by_autograd(a: Tensor) -> Tensor:
    """The slope of torch.sigmoid at the z whose activation is a."""
    z = torch.logit(a).requires_grad_()
    slope: Tensor = torch.autograd.grad(torch.sigmoid(z).sum(), z)[0]
    return slope


def identity(z: Tensor) -> Tensor:
    return z


def layers(w: Tensor) -> tuple[Tensor, Tensor]:
    """The weights as two matrices: row = where an arrow starts, column = where it ends."""
    return w[:4].reshape(2, 2), w[4:].reshape(2, 2)


def forward(
    x: Tensor,
    w: Tensor,
    *,
    reads: Order = STRAIGHT,
    hidden: Callable[[Tensor], Tensor] = sigmoid,
    output: Callable[[Tensor], Tensor] = sigmoid,
) -> tuple[Tensor, Tensor]:
    """Both layers; `reads` is the order in which the net takes the weights."""
    first, second = layers(w[list(reads)])
    h = hidden(x @ first)
    return h, output(h @ second)


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """½ Σ (o − y)², unit by unit."""
    x1, x2 = x
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    h1, h2 = torch.sigmoid(w1 * x1 + w3 * x2), torch.sigmoid(w2 * x1 + w4 * x2)
    o1, o2 = torch.sigmoid(w5 * h1 + w7 * h2), torch.sigmoid(w6 * h1 + w8 * h2)
    return 0.5 * (o1 - y[0]) ** 2 + 0.5 * (o2 - y[1]) ** 2


def forward_by_units(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    h = [torch.sigmoid(w[j] * x[0] + w[j + 2] * x[1]) for j in range(2)]
    o = [torch.sigmoid(w[j + 4] * h[0] + w[j + 6] * h[1]) for j in range(2)]
    return torch.stack(h), torch.stack(o)


def squared(r: Tensor) -> Tensor:
    return 0.5 * r**2


def loss_by_steps(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    *,
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    each: Callable[[Tensor], Tensor] = squared,
    total: Callable[[Tensor], Tensor] = Tensor.sum,
    **net: Any,
) -> Tensor:
    """The loss with each step open to a mistake."""
    _, o = forward(x, w, **net)
    return total(each(residual(o, y)))


def slope_in_a(z: Tensor, a: Tensor) -> Tensor:
    return a * (1 - a)


def gradient(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    *,
    reads: Order = STRAIGHT,
    writes: Order = STRAIGHT,
    residual: Callable[[Tensor, Tensor], Tensor] = Tensor.sub,
    output_slope: Slope = slope_in_a,
    passed_slope: Slope | None = None,
    back: Callable[[Tensor], Tensor] = identity,
    hidden_slope: Slope = slope_in_a,
    output_input: Callable[[Tensor], Tensor] = identity,
    hidden_input: Callable[[Tensor], Tensor] = identity,
    scale: Tensor | float = 1.0,
) -> Tensor:
    """∂loss/∂w, shape (8,), with each step open to a mistake.

    reads, writes  the order in which the net takes the weights, in which the gradient is returned
    passed_slope   the slope of the outputs on the way to the hidden units, if it is another
    back           the second matrix as the backward pass takes it
    """
    first, second = layers(w[list(reads)])
    z = x @ first
    h = sigmoid(z)
    s = h @ second
    o = sigmoid(s)
    r = residual(o, y)
    grad_s = r * output_slope(s, o)
    passed = r * (passed_slope or output_slope)(s, o)
    grad_z = (back(second) @ passed) * hidden_slope(z, h)
    weights = (torch.outer(hidden_input(x), grad_z), torch.outer(output_input(h), grad_s))
    flat = torch.cat([part.reshape(-1) for part in weights])
    return (scale * flat)[list(writes)]


def update(w: Tensor, grad: Tensor, step: float, *, direction: float = -1.0) -> Tensor:
    return w + direction * step * grad


def train(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    step: float,
    rounds: int,
    *,
    loop: Loop | None = None,
    apart: bool = False,
    downhill: Callable[..., Tensor] = gradient,
    noted: Callable[..., Tensor] = loss_by_steps,
    **steps: Any,
) -> tuple[Any, ...]:
    """Training with each step open to a mistake.

    apart  eight parameters of one number each, for the loops that forget one of them
    noted  the loss that is written down
    """

    def whole(*arguments: Tensor) -> Tensor:
        return downhill(*arguments, **steps)

    if not apart:
        return descend(whole, noted, [(x, y)], (w,), step, rounds, loop)

    def each(x: Tensor, y: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        return whole(x, y, torch.stack(weights)).unbind()

    def of_all(x: Tensor, y: Tensor, *weights: Tensor) -> Tensor:
        return noted(x, y, torch.stack(weights))

    *trained, losses = descend(each, of_all, [(x, y)], w.unbind(), step, rounds, loop)
    return torch.stack(trained), losses


def train_with_updated_weights(
    x: Tensor, y: Tensor, w: Tensor, step: float, rounds: int
) -> tuple[Any, ...]:
    """w5 … w8 take their step before the gradient goes through them to the hidden units."""

    def one_after_the_other(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        output = gradient(x, y, w)[4:]
        moved = (w[4:] - step * output).reshape(2, 2)
        return torch.cat([gradient(x, y, w, back=lambda second: moved)[:4], output])

    return train(x, y, w, step, rounds, downhill=one_after_the_other)


def train_by_autograd(
    x: Tensor, y: Tensor, w: Tensor, step: float, rounds: int
) -> tuple[Tensor, Tensor]:
    losses = []
    for _ in range(rounds):
        leaf = w.detach().clone().requires_grad_()
        value = loss(x, y, leaf)
        w = w - step * torch.autograd.grad(value, leaf)[0]
        losses.append(value.detach())
    return w, torch.stack(losses)


def nodes(
    answer: Tensor, *, x: Tensor, y: Tensor, w: Tensor
) -> Mapping[str, tuple[Tensor, Tensor]]:
    """What a returned gradient says of the sums z4, z3, z2, z1 and of the weights into them.

    Each weight's gradient is that of its sum times what it multiplies there, so the two weights
    into a sum tell its gradient twice. If they contradict each other, a weight is at fault.
    """
    _, second = layers(w)
    h, o = forward(x, w)
    grad_first, grad_second = layers(answer)
    right = (o - y) * slope_in_a(o, o)
    output = _implied(grad_second, h, right)
    right_hidden = (second @ output) * slope_in_a(h, h)
    hidden = _implied(grad_first, x, right_hidden)
    found = {}
    for names, weights, sums, expected, grads, inputs in (
        (("z3", "z4"), WEIGHTS[4:], output, right, grad_second, h),
        (("z1", "z2"), WEIGHTS[:4], hidden, right_hidden, grad_first, x),
    ):
        for j, name in enumerate(names):
            found[f"∂loss/∂{name}"] = (sums[j], expected[j])
        for name, yours, at in zip(
            weights, grads.reshape(-1), torch.outer(inputs, sums).reshape(-1), strict=True
        ):
            found[f"∂loss/∂{name}"] = (yours, at)
    return found


def _implied(grads: Tensor, inputs: Tensor, right: Tensor) -> Tensor:
    """The gradients of two sums, from those of the weights into them; the right one in doubt."""
    quotients = grads / inputs[:, None]
    sums = []
    for j in range(2):
        one, other = quotients[:, j]
        sums.append((one + other) / 2 if close(one, other, rtol=1e-3) else right[j])
    return torch.stack(sums)


def draw(dice: Dice) -> Mapping[str, Any]:
    """Random inputs at which every unit works, off its middle, and every weight matters."""
    names = ("x1", "x2", "y1", "y2", *WEIGHTS)
    signs = torch.stack([dice.number(name) for name in names]).sign()
    while True:
        x, y, w = (signs * dice.tensor(12, high=1.6).abs()).split((2, 2, 8))
        if _is_telling(x, y, w):
            break
    rounds = 3 + dice.trial + dice.integer(0, 1)
    return {"x": x, "y": y, "w": w, "step": dice.factor(0.35, 0.85), "rounds": rounds}


def _is_telling(x: Tensor, y: Tensor, w: Tensor) -> bool:
    """No unit saturated or near ½, no two alike, no residual and no component small."""
    h, o = forward(x, w)
    (h1, h2), (o1, o2) = h.tolist(), o.tolist()
    if not all(0.1 < unit < 0.9 and abs(unit - 0.5) > 0.03 for unit in (h1, h2, o1, o2)):
        return False
    if abs(h1 - h2) < 0.04 or abs(o1 - o2) < 0.04 or (o - y).abs().min() < 0.2:
        return False
    grads = gradient(x, y, w).abs()
    return bool(grads.min() > 0.02 * grads.max())


def draw_sums(dice: Dice) -> Mapping[str, Any]:
    """Sums z of every shape."""
    return {"z": dice.tensor(*((), (5,), (2, 3), (3, 1, 2))[dice.trial], high=4.5)}


def draw_activations(dice: Dice) -> Mapping[str, Any]:
    """Activations of every shape, between 0 and 1 and off the middle."""
    shape = ((3,), (), (4, 2), (2, 1, 3))[dice.trial]
    return {"a": dice.tensor(*shape, low=0.1, high=0.94).abs()}


def draw_update(dice: Dice) -> Mapping[str, Any]:
    """A w, a gradient that need not be that of any loss, and a step."""
    return {"w": dice.tensor(8), "grad": dice.tensor(8), "step": dice.factor(0.35, 0.85)}


def ones(values: Tensor) -> Tensor:
    return torch.ones_like(values)


def flat(z: Tensor, a: Tensor) -> Tensor:
    """The slope of a unit whose sigmoid is forgotten on the way back."""
    return torch.ones_like(a)


def flat_at(unit: int) -> Slope:
    """The slope forgotten at one of two units only."""
    here = torch.arange(2) == unit
    return lambda z, a: torch.where(here, 1.0, slope_in_a(z, a))


def slope_of_a(z: Tensor, a: Tensor) -> Tensor:
    return slope_in_a(a, sigmoid(a))


def in_layers(wrong: Slope) -> tuple[Mapping[str, Any], ...]:
    """A wrong slope in both layers, or in one."""
    hidden, output = {"hidden_slope": wrong}, {"output_slope": wrong}
    return ({**hidden, **output}, hidden, output)


def weights_kept(*paths: tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """The second matrix with only these arrows (hidden unit, output) to go back along."""
    kept = torch.zeros(2, 2, dtype=torch.float64)
    for path in paths:
        kept[path] = 1.0
    return lambda second: second * kept


def factors(hidden: float, output: float) -> Tensor:
    """One factor for each layer's four components."""
    return torch.tensor([hidden] * 4 + [output] * 4, dtype=torch.float64)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def residual_times(first: float, second: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda o, y: (o - y) * numbers(first, second)


ONE_PATH = (
    *([(0, j), (1, k)] for j in (0, 1) for k in (0, 1)),  # both hidden units through one output
    *([(0, j), (1, 0), (1, 1)] for j in (0, 1)),  # only h1, or only h2
    *([(0, 0), (0, 1), (1, k)] for k in (0, 1)),
)

EXTRA_FACTOR = Mistake(
    "extra_factor_2",
    "This is exactly double, in all components or in some: the loss has a ½ in front of each "
    "square. What is the slope of ½r²?",
    swaps=(
        {"scale": 2.0},
        {"residual": residual_times(2, 1)},
        {"residual": residual_times(1, 2)},
        {"scale": factors(2, 1)},
        {"scale": factors(1, 2)},
    ),
)
SIGN = Mistake(
    "sign_flipped",
    "Every component has exactly the opposite sign: is the residual o − y or y − o?",
    each=Tensor.neg,
)
SIGN_OF_SOME = Mistake(
    "sign_flipped",
    "The sign turns on one of the ways back through the net. Is each residual o − y, and does "
    "each layer take its sign from what arrives from the right?",
    swaps=(
        {"residual": residual_times(-1, 1)},
        {"residual": residual_times(1, -1)},
        {"scale": factors(-1, 1)},
        {"scale": factors(1, -1)},
        {"scale": torch.cat([numbers(1, -1, 1, -1), torch.ones(4)])},
    ),
)
MISSING_INPUT = Mistake(
    "missing_input_factor",
    "The chain stops at the sums z. A weight's gradient is that of its sum times what the weight "
    "multiplies there: what is it?",
    swaps=(
        {"hidden_input": ones, "output_input": ones},
        {"hidden_input": ones},
        {"output_input": ones},
    ),
)
TARGET_IGNORED = Mistake(
    "target_ignored",
    "The target y does not take part in your gradient. The slope of ½r² is r: what is r?",
    swaps=({"residual": lambda o, y: o},),
)
ORDER_SWAPPED = Mistake(
    "order_swapped",
    "The values are right and their order is not: w1 … w4 come first, although the backward pass "
    "reaches them last.",
    swaps=({"writes": (4, 5, 6, 7, 0, 1, 2, 3)}, {"writes": (4, 6, 5, 7, 0, 2, 1, 3)}),
)
MISSING_OUTPUT_SLOPE = Mistake(
    "missing_output_slope",
    "Going back, o's sigmoid is skipped: on some way from the loss to z3 and z4 its slope is "
    "missing. A change in z3 does not arrive at o1 in full.",
    swaps=(
        {"output_slope": flat},
        {"output_slope": flat, "passed_slope": slope_in_a},
        {"passed_slope": flat},
        *({"output_slope": flat_at(i)} for i in range(2)),
    ),
)
MISSING_HIDDEN_SLOPE = Mistake(
    "missing_hidden_slope",
    "Going back, h's sigmoid is skipped: between ∂loss/∂h and ∂loss/∂z a slope is missing.",
    swaps=({"hidden_slope": flat}, *({"hidden_slope": flat_at(i)} for i in range(2))),
)
SLOPE_OF_ACTIVATION = Mistake(
    "slope_of_activation",
    "h and o are activations: they have been through the sigmoid. Your slope sends them through "
    "it once more. What is σ′ when σ(z) is known already?",
    swaps=in_layers(slope_of_a),
)
ONE_PATH_ONLY = Mistake(
    "one_path_only",
    "A hidden unit feeds both outputs, and on the way back one of the two is forgotten. What do "
    "gradients do where paths meet?",
    swaps=tuple({"back": weights_kept(*paths)} for paths in ONE_PATH),
)
HIDDEN_SIGN = Mistake(
    "hidden_sign",
    "∂w1 and ∂w3 have the opposite sign, all else is right. A textbook prints them so, and it is "
    "wrong: if h1 grows, does the loss grow or fall?",
    swaps=({"scale": torch.cat([numbers(-1, 1, -1, 1), torch.ones(4)])},),
)
CROSSED_WIRING = Mistake(
    "crossed_wiring",
    "Two arrows are exchanged: w2 and w3, or w6 and w7. Follow each with a finger: w2 leads from "
    "x1 to h2, w3 from x2 to h1; w6 from h1 to o2, w7 from h2 to o1.",
    swaps=(
        *({"reads": order, "writes": order} for order in CROSSED),  # a crossed net, all the way
        *({"writes": order} for order in CROSSED),  # the right net, crossed on return
        {"back": Tensor.t},  # w6 and w7 only on the way from the outputs to the hidden units
        *({"reads": order} for order in CROSSED),  # a crossed net, taken for the right one
        *({"back": Tensor.t, "reads": order} for order in CROSSED[1:]),
        *({"back": Tensor.t, "writes": order} for order in CROSSED[1:]),
    ),
)
MISSING_WEIGHT = Mistake(
    "missing_weight_factor",
    "From z3 and z4 the gradient reaches h through the weights. Yours arrives as if w5 … w8 were "
    "all 1.",
    swaps=({"back": ones},),
)
HALF_A_SLOPE = Mistake(
    "half_a_slope",
    "The slope of a sigmoid is a product of two factors; one of them is missing.",
    swaps=(*in_layers(lambda z, a: 1 - a), *in_layers(lambda z, a: a)),
)
SLOPE_AT_SUM = Mistake(
    "slope_at_sum",
    "Your slope puts the sum z where the activation a = σ(z) belongs.",
    swaps=in_layers(lambda z, a: z * (1 - z)),
)
TANH_SLOPE = Mistake(
    "tanh_slope",
    "1 − a² is the slope of another squashing function, tanh. What is that of σ?",
    swaps=in_layers(lambda z, a: 1 - a**2),
)
ONE_OUTPUT_ONLY = Mistake(
    "one_output_only",
    "Only one of the two outputs takes part. The loss adds up both.",
    swaps=({"residual": residual_times(1, 0)}, {"residual": residual_times(0, 1)}),
)
LOSS_LEFT_OUT = Mistake(
    "loss_left_out",
    "This is the gradient of the outputs themselves. How does the loss change with each of them?",
    swaps=({"residual": lambda o, y: ones(o)},),
)
GRAPH_CUT = Mistake(
    "graph_cut",
    "No gradient arrives before h: the way back ends there. With autograd, something has taken h "
    "out of the graph (`.detach()`, `.data`, `.item()`, `torch.tensor(…)`, no_grad).",
    swaps=({"scale": factors(0, 1)},),
)
HALVED = Mistake(
    "halved",
    "Every component is half of the right one. The ½ of the loss is there already; a mean over the "
    "two outputs takes it a second time.",
    swaps=({"scale": 0.5},),
)
#: The mistakes of a gradient, and how many of their variants, the first ones, are also tried
#: together with another mistake: the rest is too rare to meet one.
RANKED = (
    (EXTRA_FACTOR, 1),
    (SIGN, 0),
    (SIGN_OF_SOME, 0),
    (MISSING_INPUT, 3),
    (TARGET_IGNORED, 1),
    (ORDER_SWAPPED, 0),
    (MISSING_OUTPUT_SLOPE, 3),
    (MISSING_HIDDEN_SLOPE, 1),
    (SLOPE_OF_ACTIVATION, 3),
    (ONE_PATH_ONLY, 4),
    (HIDDEN_SIGN, 1),
    (CROSSED_WIRING, 7),
    (MISSING_WEIGHT, 0),
    (HALF_A_SLOPE, 0),
    (SLOPE_AT_SUM, 0),
    (TANH_SLOPE, 0),
    (ONE_OUTPUT_ONLY, 0),
    (LOSS_LEFT_OUT, 0),
    (GRAPH_CUT, 0),
    (HALVED, 0),
)


def ranked(mistake: Mistake, together: int, computation: Callable[..., Any]) -> Mistake:
    """A mistake whose variants beyond the first ones stand alone."""
    alone = tuple(partial(computation, **swap) for swap in mistake.swaps[together:])
    return replace(mistake, swaps=mistake.swaps[:together], formulas=(*mistake.formulas, *alone))


GRADIENT_MISTAKES = tuple(ranked(mistake, count, gradient) for mistake, count in RANKED)
LOSS_MISTAKES = (
    Mistake(
        "extra_factor_2",
        "This is exactly double, at one output or at both: each square has a ½ in front.",
        swaps=(
            {"each": torch.square},
            {"each": lambda r: r**2 * numbers(1.0, 0.5)},
            {"each": lambda r: r**2 * numbers(0.5, 1.0)},
        ),
    ),
    Mistake(
        "target_ignored",
        "The target y does not take part. The loss measures how far the outputs are from it.",
        swaps=({"residual": lambda o, y: o},),
    ),
    Mistake(
        "crossed_wiring",
        CROSSED_WIRING.says,
        swaps=tuple({"reads": order} for order in CROSSED),
    ),
    Mistake(
        "one_output_only",
        ONE_OUTPUT_ONLY.says,
        swaps=({"total": lambda squares: squares[0]}, {"total": lambda squares: squares[1]}),
    ),
    Mistake(
        "halved_loss",
        "This is half of the loss: ½ of each square is asked for and the two are added, not "
        "averaged.",
        swaps=({"each": lambda r: 0.25 * r**2},),
    ),
    Mistake(
        "not_squared",
        "The residuals are not squared. Without the square one too large and one too small cancel.",
        swaps=({"each": lambda r: 0.5 * r}, {"each": lambda r: 0.5 * r.abs()}),
    ),
    Mistake(
        "square_of_sum",
        "The residuals are added first and then squared, so that one too large and one too small "
        "cancel. Square each, then add.",
        swaps=({"each": identity, "total": lambda r: 0.5 * r.sum() ** 2},),
    ),
    Mistake(
        "not_summed",
        "These are the two parts of the loss, one per output. The loss is their sum.",
        swaps=({"total": identity},),
    ),
    Mistake(
        "sigmoid_missing",
        "A layer goes on without its sigmoid.",
        swaps=(
            {"hidden": identity},
            {"output": identity},
            {"hidden": identity, "output": identity},
        ),
    ),
)


LOSS_WAYS = {mistake.id: mistake.swaps for mistake in LOSS_MISTAKES}
#: Where autograd takes the steps it is the loss that is wrong, and that one is written down too:
#: the steps of the loss for the first variants of a mistake of the gradient.
OWN_LOSSES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "extra_factor_2": LOSS_WAYS["extra_factor_2"],
    "target_ignored": LOSS_WAYS["target_ignored"],
    "crossed_wiring": LOSS_WAYS["crossed_wiring"],
    "one_output_only": LOSS_WAYS["one_output_only"],
    "halved": LOSS_WAYS["halved_loss"],
}


def in_steps(mistake: Mistake, together: int) -> Mistake:
    """A mistake of the gradient made in every step of a training."""
    own = [
        partial(train, noted=partial(loss_by_steps, **wrong), **swap)
        for wrong, swap in zip(OWN_LOSSES.get(mistake.id, ()), mistake.swaps, strict=False)
    ]
    says = f"Your steps follow another gradient than that of the loss. {mistake.says}"
    return ranked(replace(mistake, says=says, formulas=tuple(own)), together, train)


#: A gradient whose sign is flipped as a whole goes uphill, which has a name of its own.
STEP_MISTAKES = tuple(
    in_steps(mistake, min(count, 1)) for mistake, count in RANKED if mistake is not SIGN
)


#: The wrong loops that are also tried together with a wrong gradient.
COMMON_LOOPS = ("not_zeroed", "ascent", "off_by_one_epoch", "loss_after_update")


def of_weights(mistake: Mistake) -> Mistake:
    """A wrong loop over w as a whole, and over eight numbers of which one is treated otherwise."""
    whole = tuple(swap for swap in mistake.swaps if not _tells_weights_apart(swap["loop"]))
    single = (swap for swap in mistake.swaps if _tells_weights_apart(swap["loop"]))
    apart = tuple(partial(train, apart=True, **swap) for swap in single)
    together = len(whole) if mistake.id in COMMON_LOOPS else 0
    return ranked(replace(mistake, swaps=whole, formulas=apart), together, train)


def _tells_weights_apart(loop: Loop) -> bool:
    numbered = (loop.forgotten, loop.uphill, loop.frozen)
    return loop.sequential or any(isinstance(index, int) for index in numbered)


LOOP_MISTAKES = (
    *map(
        of_weights,
        training_mistakes(
            WEIGHTS,
            by_sample=False,
            learning_rates=(0.01, 0.1, 0.5),
            lr="step",
            epochs="rounds",
        ),
    ),
    Mistake(
        "one_after_the_other",
        "w5 … w8 take their step before the gradient goes back through them to h. It has to go "
        "through the weights of the forward pass: take the whole gradient first, then step.",
        formulas=(train_with_updated_weights,),
    ),
)


def worked() -> tuple[Tensor, Tensor, Tensor]:
    """x, y, w of the notes."""
    w = numbers(0.2, -0.4, 0.5, 0.6, 0.1, -0.5, -0.3, 0.8)
    return numbers(0.5, 0.3), numbers(0.23, -0.07), w


def losses_before(*updates: int) -> tuple[float, ...]:
    """The losses before these updates, counted from 1, with step 1."""
    _, losses = train(*worked(), 1.0, max(updates))
    return tuple(losses[k - 1].item() for k in updates)


def whose_sign() -> str:
    """∂w1 and ∂w3 of autograd held against the chain rule and against central differences."""
    x, y, w = worked()
    inputs = {"x": x, "y": y, "w": w}
    by_autograd, by_differences = (
        witness.evaluate(**inputs)[[0, 2]] for witness in gradient_of(loss, "w")
    )
    correct = gradient(x, y, w)[[0, 2]]
    assert close(by_differences, correct, rtol=1e-6)
    sign = "" if close(by_autograd, correct, rtol=1e-6) else "the negatives of "
    listed = ", ".join(f"{value:.6f}" for value in correct.tolist()).replace("-", "−")
    return f"autograd's are {sign}the correct values ({listed})"


def lowest_output() -> float:
    """What the sigmoid gives for the most negative sum there is."""
    return sigmoid(numbers(-torch.inf)).item()


def floor_of_loss() -> float:
    """The loss with o1 at its target and o2 as low as a sigmoid goes."""
    _, y, _ = worked()
    return squared(torch.stack([y[0], numbers(lowest_output())[0]]) - y).sum().item()


def as_mean_squared_error() -> str:
    x, y, w = worked()
    mean = torch.nn.MSELoss()(forward(x, w)[1], y)
    return "the same number" if close(mean, loss(x, y, w), rtol=1e-12) else "another number"


CLAIMS = (
    Claim(
        "∂w1 and ∂w3 of the worked example",
        "autograd's are the negatives of the correct values",
        whose_sign,
        stands=False,
    ),
    Claim(
        "the losses before update 1, 2, 10, 50, 100, 1000",
        "0.2097098, 0.1950326, 0.1108230, 0.0211245, 0.0103428, 0.0031852",
        lambda: losses_before(1, 2, 10, 50, 100, 1000),
    ),
    Claim("target y2: the lowest output a sigmoid can reach", "−0.07", lowest_output, stands=False),
    Claim("y2 = −0.07: the loss never falls below", "0.00245", floor_of_loss),
    Claim("nn.MSELoss() on the two outputs is", "the same number", as_mean_squared_error),
)


def program(lesson: ModuleType, device: str) -> None:
    """The notes' training log: the gradient, then 1000 rounds with step 1."""
    x, y, w = (values.float().to(device) for values in worked())
    by_hand, by_autograd = lesson.grad_by_hand(x, y, w), lesson.grad_by_autograd(x, y, w)
    print("gradient at the start    by hand     autograd")
    for name, hand, auto in zip(GRADIENTS, by_hand.tolist(), by_autograd.tolist(), strict=True):
        print(f"  {name:<18} {hand:>12.6f} {auto:>12.6f}")
    done = 0
    for until in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        w, losses = lesson.train(x, y, w, 1.0, until - done)
        done = until
        _, (o1, o2) = lesson.forward(x, w)
        print(
            f"  round {until:>4}   loss = {losses[-1].item():.7f}   "
            f"after it o = ({o1.item():.4f}, {o2.item():.4f})"
        )
    print(f"targets ({y[0].item():g}, {y[1].item():g}): below 0 no sigmoid can go")


GRAD_BY_HAND = Exercise(
    "grad_by_hand",
    points=5,
    truth=gradient,
    quantities=("∂loss/∂w",),
    labels={"∂loss/∂w": GRADIENTS},
    witnesses=gradient_of(loss, "w"),
    method="by_hand",
    idea="Go back node by node: o, then z3 and z4, then h along both arrows, then z1, z2.",
    hints=(
        "Start with the two outputs: ∂loss/∂z3 is the residual times the slope of the sigmoid "
        "there. Check it against the numbers at the top of the file.",
        "The weights into z3 come next: a weight's gradient is ∂loss/∂z3 times the activation it "
        "multiplies.",
        "h1 feeds z3 through w5 and z4 through w6. Both bring back a part, and the parts add up.",
        "From ∂loss/∂h1 through its sigmoid to z1, and from z1 to w1 and w3, which multiply x1 and "
        "x2. Return all eight in the order w1 … w8.",
    ),
    mistakes=GRADIENT_MISTAKES,
    nodes=nodes,
)
GRAD_BY_AUTOGRAD = replace(
    GRAD_BY_HAND,
    name="grad_by_autograd",
    points=2,
    method="by_autograd",
    idea="Autograd gives the gradient of what you compute: is that the loss, and of w?",
    hints=(
        "Autograd follows tensors that require grad, through every step that uses them.",
        "Copy w first, so that the caller's is left alone, and compute the loss from the copy.",
        "Eight weights in one leaf have one `.grad` of shape (8,).",
    ),
)


def entry(name: str, index: int) -> Callable[..., Tensor]:
    """One component of an input, as the net's picture calls it."""
    return {"x": lambda x: x[index], "y": lambda y: y[index], "w": lambda w: w[index]}[name]


def unit(index: int, *, squashed: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """z1 … z4, or h1, h2, o1, o2."""

    def value(x: Tensor, w: Tensor) -> Tensor:
        first, second = layers(w)
        z = torch.cat([x @ first, sigmoid(x @ first) @ second])
        return sigmoid(z)[index] if squashed else z[index]

    return value


WORKED = "x = (0.5, 0.3), y = (0.23, −0.07)"
FIGURES = (
    Graph(
        "loss",
        WORKED,
        wrt=("w",),
        names={
            **{f"x{i + 1}": entry("x", i) for i in range(2)},
            **{f"y{i + 1}": entry("y", i) for i in range(2)},
            **{f"w{i + 1}": entry("w", i) for i in range(8)},
            **{f"z{i + 1}": unit(i, squashed=False) for i in range(4)},
            **{name: unit(i, squashed=True) for i, name in enumerate(("h1", "h2", "o1", "o2"))},
            "h": lambda x, w: forward(x, w)[0],
            "o": lambda x, w: forward(x, w)[1],
            "r1": lambda x, y, w: (forward(x, w)[1] - y)[0],
            "r2": lambda x, y, w: (forward(x, w)[1] - y)[1],
            "r": lambda x, y, w: forward(x, w)[1] - y,
        },
    ),
    Net(
        "loss",
        WORKED,
        layers=(("x1", "x2"), ("h1", "h2"), ("o1", "o2")),
        edges=(
            *(("x1", "h1"), ("x1", "h2"), ("x2", "h1"), ("x2", "h2")),
            *(("h1", "o1"), ("h1", "o2"), ("h2", "o1"), ("h2", "o2")),
        ),
    ),
    Losses(
        "train",
        "three rounds with step 1",
        given={"rounds": 1000},
        floor=(0.5 * 0.07**2, "floor ½·0.07²: σ stays above 0 and cannot reach −0.07"),
    ),
)


LESSON = Lesson(
    title="A net of sigmoids with eight weights",
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        Exercise(
            "sigmoid",
            points=1,
            truth=sigmoid,
            draw=draw_sums,
            quantities=("σ(z)",),
            witnesses=(Witness("torch.sigmoid", lambda z: torch.sigmoid(z)),),
            idea="σ(z) = 1 / (1 + e⁻ᶻ): large z gives 1, very negative z gives 0, z = 0 gives ½.",
            hints=(
                "What is σ at 0, and where does it go for large positive and negative z?",
                "If you divide one exponential by another, both can be infinite at z = ±1000, and "
                "∞/∞ is nan. Which way of writing σ has only one of them?",
                "torch.exp works entry by entry, so z may have any shape.",
            ),
            mistakes=(
                Mistake(
                    "sign_flipped",
                    "This is σ(−z): yours falls where σ rises. Look at the exponent's sign.",
                    formulas=(lambda z: torch.sigmoid(-z),),
                ),
                Mistake(
                    "sigmoid_slope_returned",
                    "This is the slope of the sigmoid. Here its value is asked for.",
                    formulas=(lambda z: sigmoid_slope(sigmoid(z)),),
                ),
                Mistake(
                    "other_activation",
                    "This is another squashing function. The sigmoid runs from 0 to 1, through ½.",
                    formulas=(
                        lambda z: torch.tanh(z),
                        lambda z: torch.relu(z),
                        lambda z: 2 * torch.sigmoid(z) - 1,
                    ),
                ),
            ),
        ),
        Exercise(
            "sigmoid_slope",
            points=1,
            truth=sigmoid_slope,
            draw=draw_activations,
            quantities=("σ′(z)",),
            witnesses=(Witness("autograd", slope_by_autograd),),
            idea="The slope is steepest at a = ½ and flattens out towards a = 0 and a = 1.",
            hints=(
                "Differentiate 1/(1 + e⁻ᶻ) on paper; you get e⁻ᶻ/(1 + e⁻ᶻ)².",
                "Split that into two factors. One is a itself. What is the other, written with a?",
            ),
            mistakes=(
                replace(SIGN, says="The sign is the opposite one. The sigmoid rises everywhere."),
                replace(
                    SLOPE_OF_ACTIVATION,
                    says="a has been through the sigmoid already, and yours sends it through once "
                    "more. How do you write σ′ with a as it is?",
                    swaps=(),
                    formulas=(lambda a: slope_of_a(a, a),),
                ),
                replace(
                    HALF_A_SLOPE,
                    swaps=(),
                    formulas=(lambda a: 1 - a, lambda a: a),
                ),
                replace(TANH_SLOPE, swaps=(), formulas=(lambda a: 1 - a**2,)),
            ),
        ),
        Exercise(
            "forward",
            points=2,
            truth=forward,
            quantities=("h", "o"),
            labels={"h": ("h1", "h2"), "o": ("o1", "o2")},
            witnesses=(Witness("unit by unit", forward_by_units),),
            idea="Follow the arrows: what arrives at a unit is added up, then squashed.",
            hints=(
                "Write z1 … z4 first; the drawing at the top of the file says what goes into each.",
                "`w1, w2, w3, w4, w5, w6, w7, w8 = w` gives every weight its name.",
                "h1 = σ(z1), and z3 is computed from h1 and h2, not from x. `torch.stack` makes a "
                "tensor of two numbers.",
            ),
            mistakes=(
                replace(
                    ORDER_SWAPPED,
                    says="The values are right; the hidden units come first, then the outputs.",
                    swaps=(),
                    formulas=(lambda x, w: forward(x, w)[::-1],),
                ),
                replace(CROSSED_WIRING, swaps=tuple({"reads": order} for order in CROSSED)),
                Mistake(
                    "sigmoid_missing",
                    "A layer goes on without its sigmoid.",
                    swaps=(
                        {"hidden": identity, "output": identity},
                        {"hidden": identity},
                        {"output": identity},
                    ),
                ),
                Mistake(
                    "other_activation",
                    "A layer has another squashing function than the sigmoid.",
                    swaps=tuple(
                        swap
                        for other in (torch.tanh, torch.relu)
                        for swap in (
                            {"hidden": other, "output": other},
                            {"hidden": other},
                            {"output": other},
                        )
                    ),
                ),
                Mistake(
                    "sums_returned",
                    "The sums z are returned in place of the activations.",
                    formulas=(
                        lambda x, w: (torch.logit(forward(x, w)[0]), torch.logit(forward(x, w)[1])),
                        lambda x, w: (torch.logit(forward(x, w)[0]), forward(x, w)[1]),
                    ),
                ),
            ),
        ),
        Exercise(
            "loss",
            points=1,
            truth=loss_by_steps,
            quantities=("loss",),
            witnesses=(Witness("unit by unit", loss),),
            idea="Half of each output's squared residual, added up over both outputs.",
            hints=(
                "You have a function for h and o already. Which of the two meets y?",
                "Square each residual, halve it, add the two: the result has shape ().",
            ),
            mistakes=LOSS_MISTAKES,
        ),
        GRAD_BY_HAND,
        GRAD_BY_AUTOGRAD,
        Exercise(
            "update",
            points=1,
            truth=update,
            draw=draw_update,
            quantities=("w",),
            labels={"w": WEIGHTS},
            witnesses=(Witness("torch.sub", lambda w, grad, step: torch.sub(w, grad, alpha=step)),),
            idea="One step against the gradient, `step` times as long as it.",
            hints=(
                "The gradient points uphill. Where do you want to go?",
                "Make a new tensor: `-=` would change the w of whoever called you.",
            ),
            mistakes=(
                Mistake(
                    "ascent",
                    "The step goes uphill. The gradient points to where the loss grows: which "
                    "sign takes you down?",
                    swaps=({"direction": 1.0},),
                ),
                Mistake(
                    "lr_ignored",
                    "Your update does not use the step it is given.",
                    formulas=(
                        lambda w, grad, step: w - grad,
                        lambda w, grad, step: w - 0.01 * grad,
                        lambda w, grad, step: w - 0.1 * grad,
                        lambda w, grad, step: w - 0.5 * grad,
                    ),
                ),
                Mistake(
                    "not_updated",
                    "This is w as it came in. Is the new value the one that you return?",
                    formulas=(lambda w, grad, step: w,),
                ),
                Mistake(
                    "change_returned",
                    "This is the change alone. Add it to where you stand.",
                    formulas=(
                        lambda w, grad, step: -step * grad,
                        lambda w, grad, step: step * grad,
                    ),
                ),
            ),
        ),
        Exercise(
            "train",
            points=3,
            truth=train,
            quantities=("w", "losses"),
            labels={"w": WEIGHTS},
            witnesses=(Witness("autograd", train_by_autograd),),
            idea="Per round: note the loss, take the gradient at the current w, update w.",
            hints=(
                "One loop over the rounds; the three things it does are functions above.",
                "Take the gradient at the w of this round, and let the next round see the new one.",
                "Note the loss before the update. `torch.stack` makes one tensor of the losses.",
            ),
            mistakes=(*LOOP_MISTAKES, *STEP_MISTAKES),
            prefixes=prefixes_of(epochs="rounds"),
        ),
    ),
)
