"""Lesson 4, a net of sigmoids: what is right, and where students slip. The words are in data/.

The closed forms are written in matrices, the net unit by unit, so that an index that is wrong in
one is not wrong in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.exercises import exercise, gradients
from checks.grader.language.figure import Graph, Losses, Net
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Witness, lesson
from checks.grader.language.log import ROUNDS, stages
from checks.grader.language.net import net
from checks.grader.language.slips import (
    Mapped,
    Permuted,
    Slip,
    absent,
    computed_as,
    cut,
    doubled,
    halved,
    in_any,
    negated,
    only,
    read_as,
    scaled,
    slope,
    slope_left_out,
    starting_at,
)
from checks.grader.language.training import Training, in_every_step
from checks.grader.language.truth import gradient_of
from checks.grader.records.answer import close

WEIGHTS = tuple(f"w{i}" for i in range(1, 9))
GRADIENTS = tuple(f"∂loss/∂{name}" for name in WEIGHTS)
HIDDEN_WEIGHTS, OUTPUT_WEIGHTS = WEIGHTS[:4], WEIGHTS[4:]


# ── what is right: the net unit by unit, and the closed forms ──────────────────────────────────


@net("w", x=2, y=2, w=8)
def nodes(x: Tensor, y: Tensor, w: Tensor) -> Any:
    x1, x2 = x
    y1, y2 = y
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    p1, p2, p3, p4 = w1 * x1, w2 * x1, w3 * x2, w4 * x2
    z1, z2 = p1 + p3, p2 + p4
    h1, h2 = z1.sigmoid(), z2.sigmoid()
    p5, p6, p7, p8 = w5 * h1, w6 * h1, w7 * h2, w8 * h2
    z3, z4 = p5 + p7, p6 + p8
    o1, o2 = z3.sigmoid(), z4.sigmoid()
    r1, r2 = o1 - y1, o2 - y2
    return (r1.square() + r2.square()) / 2


def sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-z))


def sigmoid_slope(a: Tensor) -> Tensor:
    return a * (1 - a)


def slope_by_autograd(a: Tensor) -> Tensor:
    """The slope of torch.sigmoid at the z whose activation is a."""
    z = torch.logit(a).requires_grad_()
    slope: Tensor = torch.autograd.grad(torch.sigmoid(z).sum(), z)[0]
    return slope


def layers(w: Tensor) -> tuple[Tensor, Tensor]:
    """The weights as two matrices: row = where an arrow starts, column = where it ends."""
    return w[:4].reshape(2, 2), w[4:].reshape(2, 2)


def forward(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    first, second = layers(w)
    h = sigmoid(x @ first)
    return h, sigmoid(h @ second)


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return 0.5 * ((forward(x, w)[1] - y) ** 2).sum()


def gradient(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """∂loss/∂w, shape (8,)."""
    _, second = layers(w)
    h, o = forward(x, w)
    grad_s = (o - y) * o * (1 - o)
    grad_z = (second @ grad_s) * h * (1 - h)
    return torch.cat([torch.outer(x, grad_z).reshape(-1), torch.outer(h, grad_s).reshape(-1)])


def update(w: Tensor, grad: Tensor, step: float) -> Tensor:
    return w - step * grad


train = Training(nodes, loss, gradient, ("x", "y"), by_sample=False, rate="step", epochs="rounds")


def forward_by_units(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    h = [torch.sigmoid(w[j] * x[0] + w[j + 2] * x[1]) for j in range(2)]
    o = [torch.sigmoid(w[j + 4] * h[0] + w[j + 6] * h[1]) for j in range(2)]
    return torch.stack(h), torch.stack(o)


def implied(
    answer: Tensor, *, x: Tensor, y: Tensor, w: Tensor
) -> Mapping[str, tuple[Tensor, Tensor]]:
    """What a returned gradient says of the sums z4, z3, z2, z1 and of the weights into them.

    Each weight's gradient is that of its sum times what it multiplies there, so the two weights
    into a sum tell its gradient twice. If they contradict each other, a weight is at fault.
    """
    _, second = layers(w)
    h, o = forward(x, w)
    grad_first, grad_second = layers(answer)
    right = (o - y) * sigmoid_slope(o)
    output = _of_sums(grad_second, h, right)
    right_hidden = (second @ output) * sigmoid_slope(h)
    hidden = _of_sums(grad_first, x, right_hidden)
    found = {}
    for names, weights, sums, expected, grads, inputs in (
        (("z3", "z4"), WEIGHTS[4:], output, right, grad_second, h),
        (("z1", "z2"), WEIGHTS[:4], hidden, right_hidden, grad_first, x),
    ):
        for j, name in enumerate(names):
            before = {"z1": "h1", "z2": "h2", "z3": "o1", "z4": "o2"}[name]
            found[f"∂loss/∂{name} (it comes from ∂loss/∂{before})"] = (sums[j], expected[j])
        for name, yours, at in zip(
            weights, grads.reshape(-1), torch.outer(inputs, sums).reshape(-1), strict=True
        ):
            found[f"∂loss/∂{name}"] = (yours, at)
    return found


def _of_sums(grads: Tensor, inputs: Tensor, right: Tensor) -> Tensor:
    """The gradients of two sums, from those of the weights into them; the right one in doubt."""
    quotients = grads / inputs[:, None]
    sums = []
    for j in range(2):
        one, other = quotients[:, j]
        sums.append((one + other) / 2 if close(one, other, rtol=1e-3) else right[j])
    return torch.stack(sums)


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


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


# ── where students slip ────────────────────────────────────────────────────────────────────────


def in_layers(wrong: Callable[..., Slip]) -> list[Slip]:
    """A slip at both layers of units, or at one."""
    return [wrong("h1", "h2", "o1", "o2"), wrong("h1", "h2"), wrong("o1", "o2")]


def in_a_layer_of_weights(wrong: Callable[..., Slip]) -> list[Slip]:
    return [wrong(*HIDDEN_WEIGHTS), wrong(*OUTPUT_WEIGHTS)]


def sloped(by: Callable[[Any], Any]) -> list[Slip]:
    """Another slope of the sigmoid; at.before is the sum z, at.here the activation."""
    return in_layers(lambda *units: slope(*units, by=by))


def exchanged(kind: Callable[[str, str], Slip], *pairs: tuple[str, str]) -> tuple[Slip, ...]:
    return tuple(slip for a, b in pairs for slip in (kind(a, b), kind(b, a)))


def slope_of_activation(a: Any) -> Any:
    """σ′ of an activation, as if it were a sum."""
    s = sigmoid(torch.as_tensor(a))
    return s * (1 - s) if isinstance(a, Tensor) else (s * (1 - s)).item()


W23, W67 = ("w2", "w3"), ("w6", "w7")
#: The net reads exchanged weights; the gradient is returned in an exchanged order; w6 and w7 are
#: exchanged on the way from the outputs to the hidden units alone.
READS = [exchanged(computed_as, *pairs) for pairs in ((W23,), (W67,), (W23, W67))]
WRITES = [
    Permuted((0, 2, 1, 3, 4, 5, 6, 7)),
    Permuted((0, 1, 2, 3, 4, 6, 5, 7)),
    Permuted((0, 2, 1, 3, 4, 6, 5, 7)),
]
BACK = exchanged(read_as, W67)
SLIPS = {
    "extra_factor_2": [*in_any(doubled, "r1", "r2"), *in_a_layer_of_weights(doubled)],
    "sign_flipped": [
        Mapped(Tensor.neg),
        *in_any(negated, "r1", "r2")[1:],
        *in_a_layer_of_weights(negated),
        negated("w2", "w4"),
    ],
    "missing_input_factor": [
        slope_left_out("p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", to=WEIGHTS),
        slope_left_out("p1", "p2", "p3", "p4"),
        slope_left_out("p5", "p6", "p7", "p8", to=WEIGHTS),
    ],
    "target_ignored": absent("y1", "y2"),
    "order_swapped": [Permuted((4, 5, 6, 7, 0, 1, 2, 3)), Permuted((4, 6, 5, 7, 0, 2, 1, 3))],
    "missing_output_slope": [
        slope_left_out("o1", "o2"),
        *(only(slope_left_out("o1", "o2"), *w) for w in (OUTPUT_WEIGHTS, HIDDEN_WEIGHTS)),
        *in_any(slope_left_out, "o1", "o2")[1:],
    ],
    "missing_hidden_slope": in_any(slope_left_out, "h1", "h2"),
    "slope_of_activation": sloped(lambda at: slope_of_activation(at.here)),
    "one_path_only": [
        cut(*paths, to=("h1", "h2"))
        for paths in (
            *(("p6", "p8"), ("p6", "p7"), ("p5", "p8"), ("p5", "p7")),
            *(("p6",), ("p5",), ("p8",), ("p7",)),
        )
    ],
    "hidden_sign": negated("w1", "w3"),
    "crossed_wiring": [
        *((*reads, writes) for reads, writes in zip(READS, WRITES, strict=True)),
        BACK,
        *WRITES,
        *READS,
        *((*BACK, *reads) for reads in READS[1:]),
        *((*BACK, writes) for writes in WRITES[1:]),
    ],
    "missing_weight_factor": slope_left_out("p5", "p6", "p7", "p8", to=("h1", "h2")),
    "weight_gradient_passed_on": (
        slope("p5", "p6", by="h1", to=("h1",)),
        slope("p7", "p8", by="h2", to=("h2",)),
    ),
    "wrong_layer_input": (
        slope("p5", "p6", by="x1", to=("w5", "w6")),
        slope("p7", "p8", by="x2", to=("w7", "w8")),
    ),
    "half_a_slope": [*sloped(lambda at: 1 - at.here), *sloped(lambda at: at.here)],
    "slope_at_sum": sloped(lambda at: at.before * (1 - at.before)),
    "tanh_slope": sloped(lambda at: 1 - at.here**2),
    "one_output_only": [scaled(0.0, "r2"), scaled(0.0, "r1")],
    "loss_left_out": starting_at("o1", "o2"),
    "graph_cut": cut("h1", "h2"),
    "halved": halved("r1", "r2"),
}
#: A layer without its sigmoid.
HIDDEN_LINEAR = (computed_as("h1", "z1"), computed_as("h2", "z2"))
OUTPUT_LINEAR = (computed_as("o1", "z3"), computed_as("o2", "z4"))
LINEAR = [HIDDEN_LINEAR, OUTPUT_LINEAR, (*HIDDEN_LINEAR, *OUTPUT_LINEAR)]


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def of_outputs(wrong: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A wrong loss, from the outputs and the targets."""
    return lambda x, y, w: wrong(forward(x, w)[1], y)


def squares(*factors: float) -> Callable[..., Tensor]:
    """The squares added up with other factors than ½ and ½."""
    return of_outputs(lambda o, y: (numbers(*factors) * (o - y) ** 2).sum())


LOSS_SLIPS = {
    "extra_factor_2": [squares(1.0, 1.0), squares(1.0, 0.5), squares(0.5, 1.0)],
    "target_ignored": absent("y1", "y2"),
    "crossed_wiring": READS,
    "one_output_only": [squares(0.5, 0.0), squares(0.0, 0.5)],
    "halved_loss": squares(0.25, 0.25),
    "not_squared": [
        of_outputs(lambda o, y: 0.5 * (o - y).sum()),
        of_outputs(lambda o, y: 0.5 * (o - y).abs().sum()),
    ],
    "square_of_sum": of_outputs(lambda o, y: 0.5 * (o - y).sum() ** 2),
    "order_swapped": lambda x, y, w: (0.5 * (forward(x, w)[0] - y) ** 2).sum(),
    "not_summed": of_outputs(lambda o, y: 0.5 * (o - y) ** 2),
    "sigmoid_missing": LINEAR,
}
FORWARD_SLIPS = {
    "order_swapped": lambda x, w: forward(x, w)[::-1],
    "crossed_wiring": READS,
    "sigmoid_missing": LINEAR,
    "other_activation": [
        lambda x, w, f=first, g=second: (h := f(x @ layers(w)[0]), g(h @ layers(w)[1]))
        for other in (torch.tanh, torch.relu)
        for first, second in ((other, other), (other, sigmoid), (sigmoid, other))
    ],
    "sums_returned": [
        lambda x, w: (torch.logit(forward(x, w)[0]), torch.logit(forward(x, w)[1])),
        lambda x, w: (torch.logit(forward(x, w)[0]), forward(x, w)[1]),
    ],
}
UPDATE_SLIPS = {
    "ascent": lambda w, grad, step: w + step * grad,
    "lr_ignored": [lambda w, grad, step, own=own: w - own * grad for own in (1.0, 0.01, 0.1, 0.5)],
    "not_updated": lambda w, grad, step: w,
    "change_returned": [lambda w, grad, step: -step * grad, lambda w, grad, step: step * grad],
}


def both_layers(*slips: Slip) -> Callable[..., tuple[Tensor, Tensor]]:
    """What `forward` returns with slips made in the net."""
    units = nodes.node("h1", "h2", "o1", "o2")(*slips)

    def wrong(**inputs: Tensor) -> tuple[Tensor, Tensor]:
        h1, h2, o1, o2 = units(**inputs)
        return torch.stack([h1, h2]), torch.stack([o1, o2])

    return wrong


LOOPS = train.loops(0.01, 0.1, 0.5)
LOOPS["one_after_the_other"].append(train.moved_first(dict(enumerate(WEIGHTS[4:], start=4))))

# ── what the notes state ───────────────────────────────────────────────────────────────────────


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
    inputs = dict(zip(("x", "y", "w"), worked(), strict=True))
    by_autograd, by_differences = (
        witness.evaluate(**inputs)[[0, 2]] for witness in gradient_of(nodes, "w")
    )
    correct = gradient(**inputs)[[0, 2]]
    assert close(by_differences, correct, rtol=1e-6)
    sign = "" if close(by_autograd, correct, rtol=1e-6) else "the negatives of "
    listed = ", ".join(f"{value:.6f}" for value in correct.tolist()).replace("-", "−")
    return f"autograd's are {sign}the correct values ({listed})"


def floor_of_loss() -> float:
    """The loss with o1 at its target and o2 as low as a sigmoid goes."""
    _, y, _ = worked()
    return 0.5 * (sigmoid(numbers(-torch.inf)) - y[1]).item() ** 2


def as_mean_squared_error() -> str:
    x, y, w = worked()
    mean = torch.nn.MSELoss()(forward(x, w)[1], y)
    return "the same number" if close(mean, loss(x, y, w), rtol=1e-12) else "another number"


CLAIMS = {
    "whose_sign": whose_sign,
    "losses_before": lambda: losses_before(1, 2, 10, 50, 100, 1000),
    "lowest_output": lambda: sigmoid(numbers(-torch.inf)).item(),
    "floor_of_loss": floor_of_loss,
    "as_mean_squared_error": as_mean_squared_error,
    "most_printed_formula": lambda: gradient(*worked())[0].item(),
}


def program(lesson: ModuleType, device: str) -> None:
    """The notes' training log: the gradient, then 1000 rounds with step 1."""
    x, y, w = (values.float().to(device) for values in worked())
    by_hand, by_autograd = lesson.grad_by_hand(x, y, w), lesson.grad_by_autograd(x, y, w)
    print("gradient at the start    by hand     autograd")
    for name, hand, auto in zip(GRADIENTS, by_hand.tolist(), by_autograd.tolist(), strict=True):
        print(f"  {name:<18} {hand:>12.6f} {auto:>12.6f}")
    for until, now, loss in stages(lambda w, n: lesson.train(x, y, w, 1.0, n), w, *ROUNDS):
        o1, o2 = lesson.forward(x, now)[1].tolist()
        print(f"  round {until:>4}   loss = {loss:.7f}   after it o = ({o1:.4f}, {o2:.4f})")
    print(f"targets ({y[0].item():g}, {y[1].item():g}): below 0 no sigmoid can go")


NODES = (*"x1 x2 y1 y2".split(), *WEIGHTS, *"z1 z2 z3 z4 h1 h2 o1 o2 r1 r2".split())  # noqa: SIM905
WORKED = "x = (0.5, 0.3), y = (0.23, −0.07)"
NET = Net(
    "loss",
    WORKED,
    layers=(("x1", "x2"), ("h1", "h2"), ("o1", "o2")),
    edges=(
        *(("x1", "h1"), ("x1", "h2"), ("x2", "h1"), ("x2", "h2")),
        *(("h1", "o1"), ("h1", "o2"), ("h2", "o1"), ("h2", "o2")),
    ),
)
FIGURES = (
    Graph(
        "loss",
        WORKED,
        wrt=("w",),
        names={
            **nodes.named(**{name: name for name in NODES}),
            "h": lambda x, w: forward(x, w)[0],
            "o": lambda x, w: forward(x, w)[1],
            "r": lambda x, y, w: forward(x, w)[1] - y,
        },
        net=NET,
    ),
    NET,
    Losses(
        "train",
        "three rounds with step 1",
        given={"rounds": 1000},
        floor=(0.5 * 0.07**2, "floor ½·0.07²: σ stays above 0 and cannot reach −0.07"),
    ),
)

LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        exercise(
            sigmoid,
            "σ(z)",
            Witness("torch.sigmoid", lambda z: torch.sigmoid(z)),
            draw=draw_sums,
            wrong={
                "sign_flipped": lambda z: torch.sigmoid(-z),
                "sigmoid_slope_returned": lambda z: sigmoid_slope(sigmoid(z)),
                "other_activation": [
                    lambda z: torch.tanh(z),
                    lambda z: torch.relu(z),
                    lambda z: 2 * torch.sigmoid(z) - 1,
                ],
            },
        ),
        exercise(
            sigmoid_slope,
            "σ′(z)",
            Witness("autograd", slope_by_autograd),
            draw=draw_activations,
            wrong={
                "sign_flipped": Mapped(Tensor.neg),
                "slope_of_activation": lambda a: slope_of_activation(a),
                "half_a_slope": [lambda a: 1 - a, lambda a: a],
                "tanh_slope": lambda a: 1 - a**2,
            },
        ),
        exercise(
            forward,
            ("h", "o"),
            forward_by_units,
            labels={"h": ("h1", "h2"), "o": ("o1", "o2")},
            slipped=both_layers,
            wrong=FORWARD_SLIPS,
        ),
        exercise(
            loss, "loss", Witness("unit by unit", nodes), slipped=nodes.node(), wrong=LOSS_SLIPS
        ),
        *gradients(nodes, gradient, SLIPS, labels={"∂loss/∂w": GRADIENTS}, nodes=implied),
        exercise(
            update,
            "w",
            Witness("torch.sub", lambda w, grad, step: torch.sub(w, grad, alpha=step)),
            draw=draw_update,
            labels={"w": WEIGHTS},
            wrong=UPDATE_SLIPS,
        ),
        train.exercise(
            Witness("autograd", train.by_autograd),
            wrong=LOOPS | in_every_step(SLIPS),
            labels={"w": WEIGHTS},
        ),
    ),
)
