"""Lesson 6, autograd: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language import exercises, maps, tensors
from checks.grader.language.figure import Graph
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Built, Exercise, Source, Variants, Witness, lesson
from checks.grader.language.maps import Map, contract, draw_map, jacobian
from checks.grader.language.net import net
from checks.grader.language.predict import predict
from checks.grader.language.slips import Mapped, added, halved
from checks.grader.language.truth import gradient_of, jacobian_of, number, witnesses

# ── what is right ──────────────────────────────────────────────────────────────────────────────


def describe(t: Tensor) -> tuple[bool, bool, bool]:
    return t.is_leaf, t.requires_grad, t.grad_fn is not None


def describe_by_trying(t: Tensor) -> tuple[bool, bool, bool]:
    """A tensor requires grad if something can be differentiated by it, and is then either a leaf
    or the result of a node; one that does not require grad is a leaf without a node."""
    requires = outcome(lambda: torch.autograd.grad((t * t).sum(), t)) == "no error"
    made_by_a_node = requires and t.grad_fn is not None
    return not made_by_a_node, requires, made_by_a_node


def mean_loss(x: Tensor) -> Tensor:
    return (3 * (x + 2) ** 2).mean()


def grad_of_mean(x: Tensor) -> Tensor:
    """∂/∂xᵢ mean(3·(x + 2)²) = 3 · 2 · (xᵢ + 2) / n."""
    return 6 * (x + 2) / x.numel()


def grad_after_second_backward(x: Tensor) -> Tensor:
    return grad_of_mean(x) + 1


def grad_after_zeroing(x: Tensor) -> Tensor:
    return torch.ones_like(x)


def two_backwards(x: Tensor, *, zeroed: bool) -> Tensor:
    """What a leaf really holds after both."""
    leaf = x.detach().clone().requires_grad_()
    mean_loss(leaf).backward()
    if zeroed:
        leaf.grad = None
    leaf.sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def power(k: Tensor, x: Tensor, b: Tensor) -> Tensor:
    return k**x + b


def power_grad(k: Tensor, x: Tensor, b: Tensor) -> Tensor:
    return x * k ** (x - 1)


def vector_jacobian_product(f: Map, x: Tensor, v: Tensor) -> Tensor:
    return contract(v, jacobian(f, x), v.ndim)


def weighted_sum(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """vᵀf(x), whose gradient is vᵀJ."""
    return (v * f(x)).sum()


@net("x")
def unblocked_branch(x: Tensor) -> Tensor:
    """The branch that the graph knows of."""
    return x.square()


def blocked_sum(x: Tensor) -> Tensor:
    square = x**2
    with torch.no_grad():
        cube = x**3
    return square + cube


def sum_beside_a_constant(x: Tensor, nudge: Tensor) -> Tensor:
    """x² + x³ where only the x of x² moves."""
    return (x + nudge) ** 2 + x**3


def grad_with_blocked_branch(x: Tensor) -> Tensor:
    return 2 * x


def grad_through_data_edit(x: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    return factor * x, torch.full_like(x, 2.0)


def data_edit(x: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """The edit as it happens."""
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    return leaf.detach(), torch.autograd.grad(y.sum(), leaf)[0]


def difference_before_the_edit(x: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """The slope of y, built before the edit, by central differences."""
    h = 1e-6
    return x * factor, (2 * (x + h) - 2 * (x - h)) / (2 * h)


def directional_derivative(f: Map, x: Tensor, u: Tensor) -> Tensor:
    return torch.dot(jacobian(f, x), u / u.norm())


def on_the_line(f: Map, x: Tensor, u: Tensor, distance: Tensor) -> Tensor:
    """f at a distance from x in the direction of u."""
    return f(x + distance * u / u.norm())


def steepest_direction(f: Map, x: Tensor) -> tuple[Tensor, Tensor]:
    gradient = jacobian(f, x)
    return gradient / gradient.norm(), gradient.norm()


by_autograd, by_differences = gradient_of(lambda f, x: f(x), "x")


def steepest_of(slopes: Tensor) -> tuple[Tensor, Tensor]:
    """The direction along which unit steps rise the most, from a gradient, and how much."""
    return nn.functional.normalize(slopes, dim=0), (slopes @ slopes).sqrt()


# ── random inputs ──────────────────────────────────────────────────────────────────────────────

#: Trial by trial: two of different sizes that are not square and keep apart J and its transpose,
#: a square one where only values do, and matrices on one side or the other.
PRODUCTS = ((maps.wave, (3,)), (maps.ring, (3,)), (maps.row_products, (2, 3)), (maps.table, (3,)))
JACOBIANS = ((maps.wave, (3,)), (maps.ring, (3,)), (maps.powers, (2,)), (maps.ring, (4,)))
SCALARS = ((maps.ripple, (4,)), (maps.bowl, (2,)), (maps.box, (3,)), (maps.cubes, (5,)))


def draw(dice: Dice) -> Mapping[str, Any]:
    """Tensors of several shapes, all with a different number of entries."""
    shapes = ((2, 3), (5,), (3, 3), (4, 1, 2))
    return {"x": dice.tensor(*shapes[dice.trial])}


def draw_tensor_to_describe(dice: Dice) -> Mapping[str, Any]:
    kind = tensors.KINDS[dice.integer(0, len(tensors.KINDS) - 1)]
    return {"t": Built(Source(kind), (dice.tensor(2 + dice.trial),))}


def draw_power(dice: Dice) -> Mapping[str, Any]:
    """A positive base: a negative one has no real power with a broken exponent."""
    return {"k": dice.number("k").abs(), "x": dice.number("x"), "b": dice.number("b")}


def draw_product(dice: Dice) -> Mapping[str, Any]:
    inputs = draw_map(PRODUCTS, dice)
    f, x = inputs["f"].function, inputs["x"]
    return {**inputs, "v": dice.tensor(*f(x).shape)}


def draw_edit(dice: Dice) -> Mapping[str, Any]:
    sign = 1.0 if dice.trial % 2 else -1.0
    return {"x": dice.number("x").reshape(1), "factor": sign * dice.factor(2.3, 9.7)}


def draw_direction(dice: Dice) -> Mapping[str, Any]:
    """u is far from a unit vector, from the gradient and from a right angle to it."""
    while True:
        inputs = draw_map(SCALARS, dice)
        f, x = inputs["f"].function, inputs["x"]
        u = dice.tensor(*x.shape)
        cosine = torch.cosine_similarity(jacobian(f, x), u, dim=0).abs()
        if 0.3 < cosine < 0.9 and u.norm() > 1.3:
            return {**inputs, "u": u}


# ── where students slip ────────────────────────────────────────────────────────────────────────

NEGATED = Mapped(Tensor.neg)
ones = torch.ones_like
FACTS: Mapping[str, Callable[[Tensor], bool]] = {
    "leaf": lambda t: t.is_leaf,
    "requires": lambda t: t.requires_grad,
    "node": lambda t: t.grad_fn is not None,
    "grad": lambda t: kept(t) == "set",
    "requiring-leaf": lambda t: t.requires_grad and t.is_leaf,
    "requires-not": lambda t: not t.requires_grad,
    "no-node": lambda t: t.grad_fn is None,
}


def told(*answers: str) -> list[Variants]:
    """Descriptions of a tensor by the facts that stand in an answer, in their order."""
    return [
        lambda t, answer=answer: tuple(FACTS[fact](t) for fact in answer.split())
        for answer in answers
    ]


def summed(x: Tensor) -> Tensor:
    return 6 * (x + 2)


def apply_forwards(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """J·v in place of vᵀJ: it needs a v of the shape of x."""
    if v.shape != x.shape:
        raise ValueError("J·v wants v in the shape of x")
    return contract(jacobian(f, x), v, x.ndim)


def apply_forwards_flat(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """The same with J as a matrix and v as a vector."""
    matrix = jacobian(f, x).reshape(v.numel(), x.numel())
    return contract(matrix, v.reshape(-1), 1).reshape(x.shape)


def of_slopes(*wrong: Callable[..., Any]) -> list[Variants]:
    """Wrong answers, each made from the right Jacobian or gradient and from what else is given."""
    return [lambda f, x, one=one, **given: one(jacobian(f, x), **given) for one in wrong]


def edited(*wrong: Callable[[Tensor, float], tuple[Any, Any]]) -> list[Variants]:
    """Wrong pairs of x after the edit and the slope, which may be one number for all entries."""
    return [
        lambda x, factor, one=one: (one(x, factor)[0], one(x, factor)[1] * ones(x)) for one in wrong
    ]


def row_for_each_input(j: Tensor) -> Tensor:
    """As many rows as x has entries, which may be more than there are."""
    rows, columns = j.shape
    if columns > rows:
        raise IndexError(f"index {rows} is out of bounds for dimension 0 with size {rows}")
    return j[:columns]


unit = partial(nn.functional.normalize, dim=0)
sum_of_sizes = partial(torch.linalg.vector_norm, ord=1)
largest_size = partial(torch.linalg.vector_norm, ord=float("inf"))

WRONG: Mapping[str, Mapping[str, Variants]] = {
    "describe": {
        "order_swapped": told("requires leaf node", "leaf node requires"),
        "leaf_taken_as_requires_grad": told(
            "requires requires node",
            "leaf leaf node",
            "requiring-leaf requires node",
            "requires-not requires node",
        ),
        "grad_fn_taken_as_requires_grad": told("leaf requires requires", "leaf node node"),
        "grad_taken_as_grad_fn": told("leaf requires grad", "leaf grad node"),
        "has_grad_fn_inverted": told("leaf requires no-node"),
    },
    "grad_of_mean": {
        "missing_factor_2": Mapped(lambda gradient: gradient / 2),
        "sign_flipped": NEGATED,
        "loss_returned": [mean_loss, lambda x: 3 * (x + 2) ** 2],
        "sum_not_mean": summed,
        "mean_over_one_dimension": [lambda x, d=d: summed(x) / x.shape[d] for d in (0, -1)],
        "outer_factor_missed": lambda x: grad_of_mean(x) / 3,
        "inside_missed": lambda x: 6 * x / x.numel(),
    },
    "grad_after_second_backward": {
        "missing_factor_2": lambda x: grad_of_mean(x) / 2 + 1,
        "sign_flipped": NEGATED,
        "sum_not_mean": lambda x: summed(x) + 1,
        "accumulation_missed": ones,
        "second_backward_missed": grad_of_mean,
        "mean_not_sum": lambda x: grad_of_mean(x) + 1 / x.numel(),
        "same_loss_twice": [lambda x: 2 * grad_of_mean(x), lambda x: 2 * ones(x)],
    },
    "grad_after_zeroing": {
        "sign_flipped": NEGATED,
        "not_zeroed": grad_after_second_backward,
        "zeroed_too_late": torch.zeros_like,
        "second_backward_missed": grad_of_mean,
        "mean_not_sum": lambda x: ones(x) / x.numel(),
    },
    "power_grad": {
        "sign_flipped": NEGATED,
        "loss_returned": [power, lambda k, x, b: k**x],
        "exponent_not_lowered": lambda k, x, b: x * k**x,
        "exponent_not_in_front": lambda k, x, b: k ** (x - 1),
        "constant_kept": [
            lambda k, x, b: power_grad(k, x, b) + b,
            lambda k, x, b: power_grad(k, x, b) + 1,
        ],
        "wrong_variable": [
            lambda k, x, b: k**x * k.log(),
            lambda k, x, b: ones(b),
            lambda k, x, b: power_grad(k, x, b) + k**x * k.log() + 1,
        ],
        "differentiated_twice": lambda k, x, b: x * (x - 1) * k ** (x - 2),
    },
    "vector_jacobian_product": {
        "sign_flipped": NEGATED,
        "loss_returned": weighted_sum,
        "upstream_ignored": [
            lambda f, x, v: vector_jacobian_product(f, x, ones(v)),
            lambda f, x, v: vector_jacobian_product(f, x, ones(v) / v.numel()),
        ],
        "jacobian_transposed": [apply_forwards, apply_forwards_flat],
        "mean_not_sum": lambda f, x, v: vector_jacobian_product(f, x, v / v.numel()),
        "jacobian_returned": of_slopes(lambda j, v: j),
    },
    "jacobian": {
        "sign_flipped": NEGATED,
        "not_zeroed": of_slopes(lambda j: j.cumsum(0)),
        "jacobian_transposed": of_slopes(lambda j: j.T),
        "rows_aliased": of_slopes(
            lambda j: j[-1].expand_as(j),
            lambda j: j[0].expand_as(j),
            lambda j: j.sum(0).expand_as(j),
        ),
        "rows_for_inputs": of_slopes(row_for_each_input),
        "rows_added": of_slopes(lambda j: j.sum(0)),
        "first_row_only": of_slopes(lambda j: j[:1], lambda j: j[0]),
    },
    "grad_with_blocked_branch": {
        "missing_factor_2": halved("loss"),
        "sign_flipped": NEGATED,
        "loss_returned": [lambda x: x**2 + x**3, lambda x: x**2],
        "not_blocked": [
            added("x", lambda at: 3 * at.x**2),
            added("x", lambda at: at.x**2),
            added("x", lambda at: 2 * at.x**2),
        ],
        "other_branch_blocked": lambda x: 3 * x**2,
    },
    "grad_through_data_edit": {
        "sign_flipped": Mapped(Tensor.neg, single=True),
        "order_swapped": lambda x, factor: (2 * ones(x), factor * x),
        "edit_recorded": edited(lambda x, c: (c * x, 2 * c), lambda x, c: (c * x, c)),
        "edit_missed": edited(lambda x, c: (x, 2)),
        "square_not_double": edited(lambda x, c: (c * x, 2 * c * x), lambda x, c: (c * x, 2 * x)),
        "y_in_place_of_x": edited(lambda x, c: (2 * x, 2), lambda x, c: (2 * c * x, 2)),
        "own_slope_only": edited(lambda x, c: (c * x, 1)),
    },
    "directional_derivative": {
        "sign_flipped": NEGATED,
        "loss_returned": lambda f, x, u: f(x),
        "direction_not_normalised": of_slopes(lambda g, u: g @ u),
        "gradient_normalised": of_slopes(lambda g, u: unit(g) @ u, lambda g, u: unit(g) @ unit(u)),
        "wrong_norm": of_slopes(
            lambda g, u: g @ u / (u @ u),
            lambda g, u: g @ u / sum_of_sizes(u),
            lambda g, u: g @ u / largest_size(u),
            lambda g, u: g @ u / u.sum(),
        ),
        "direction_ignored": of_slopes(lambda g, u: g.norm(), lambda g, u: g.sum()),
        "difference_not_derivative": [
            lambda f, x, u: f(x + u) - f(x),
            lambda f, x, u: f(x + unit(u)) - f(x),
            lambda f, x, u: (f(x + u) - f(x)) / u.norm(),
        ],
        "not_summed": of_slopes(lambda g, u: g * unit(u), lambda g, u: g * u),
        "gradient_returned": of_slopes(lambda g, u: g),
    },
    "steepest_direction": {
        "sign_flipped": Mapped(Tensor.neg, single=True),
        "loss_returned": lambda f, x: (unit(jacobian(f, x)), f(x)),
        "order_swapped": lambda f, x: steepest_direction(f, x)[::-1],
        "direction_not_normalised": of_slopes(lambda g: (g, g.norm()), lambda g: (g, g @ g)),
        "slope_squared": of_slopes(
            lambda g: (unit(g), g @ g),
            lambda g: (g / (g @ g), g @ g),
            lambda g: (g / (g @ g), g.norm()),
        ),
        "wrong_norm": of_slopes(
            lambda g: (unit(g), sum_of_sizes(g)),
            lambda g: (unit(g), g.sum()),
            lambda g: (unit(g), largest_size(g)),
            lambda g: (g / sum_of_sizes(g), sum_of_sizes(g)),
            lambda g: (g / largest_size(g), largest_size(g)),
            lambda g: (g / sum_of_sizes(g), g.norm()),
            lambda g: (g / largest_size(g), g.norm()),
        ),
        "unit_slope": of_slopes(lambda g: (unit(g), number(1.0))),
    },
}

# ── the claims of the notes ────────────────────────────────────────────────────────────────────


def slope(loss: Map, *at: float) -> Any:
    """What autograd makes of a loss at a number, or at a vector."""
    x = torch.tensor(at, dtype=torch.float64) if len(at) > 1 else number(*at)
    return gradient_of(loss, "x")[0].evaluate(x=x).tolist()


def outcome(step: Callable[[], Any]) -> str:
    try:
        step()
    except RuntimeError as error:
        return type(error).__name__
    return "no error"


def kept(t: Tensor) -> str:
    with warnings.catch_warnings():  # torch warns when the .grad of a non-leaf is read
        warnings.simplefilter("ignore")
        return "None" if t.grad is None else "set"


def gradients_kept() -> str:
    x = number(3.0).requires_grad_()
    node, asked = 2 * x, 5 * x
    asked.retain_grad()
    (node * asked).backward()
    return f"leaf {kept(x)}, node {kept(node)}, node with retain_grad() {kept(asked)}"


def variable_or_requires_grad() -> str:
    wrapped, asking = torch.autograd.Variable(number(3.0)), number(3.0).requires_grad_()
    alone, without = (
        "no gradient" if outcome((x * x).backward) == "RuntimeError" else "a gradient"
        for x in (wrapped, asking)
    )
    return f"Variable alone: {alone}; no Variable: {without}"


def square_after(edit: Map) -> float:
    """The gradient of x² at 3, where x is edited between the two passes."""
    x = number(3.0).requires_grad_()
    y = x**2
    edit(x)
    y.backward()
    return float(x.grad)  # type: ignore[arg-type]


def twice(loss: Map, **how: bool) -> float:
    """What .grad holds at 3 after two passes back over the same graph."""
    x = number(3.0).requires_grad_()
    value = loss(x)
    value.backward(**how)
    value.backward()
    return float(x.grad)  # type: ignore[arg-type]


def blocked_sum_forward_mode() -> float:
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(number(1.0), number(1.0))
        return float(torch.autograd.forward_ad.unpack_dual(blocked_sum(dual)).tangent)


CLAIMS: Mapping[str, Callable[[], Any]] = {
    "gradients_kept": gradients_kept,
    "variable_or_requires_grad": variable_or_requires_grad,
    "second_backward_through_square": lambda: outcome(lambda: twice(lambda x: x**2)),
    "second_backward_through_sum": lambda: outcome(lambda: twice(Tensor.sum)),
    "twice_with_retained_graph": lambda: twice(lambda x: x**2, retain_graph=True),
    "square_after_data_edit": lambda: square_after(lambda x: x.data.mul_(100)),
    "square_after_edit_under_no_grad": lambda: outcome(
        lambda: square_after(torch.no_grad()(lambda x: x.mul_(100)))
    ),
    "gradient_of_the_unblocked_sum": lambda: slope(lambda x: x**2 + x**3, 1.0),
    "blocked_sum_forward_mode": blocked_sum_forward_mode,
    "gradient_of_the_bowl": lambda: slope(maps.bowl, 1.0, 2.0),
}


def program(lesson: Any, device: str) -> None:
    """What autograd keeps: first predicted by the student, then shown."""
    x = torch.ones(2, 2, device=device)
    asking = torch.ones(2, 2, device=device, requires_grad=True)
    print(f"{'':<26}{'is_leaf':>9}{'requires_grad':>15}{'has_grad_fn':>13}")
    for name, t in (
        ("torch.ones(2, 2)", x),
        ("x with requires_grad", asking),
        ("2 * x", 2 * asking),
        ("(2 * x).detach()", (2 * asking).detach()),
    ):
        is_leaf, requires_grad, has_grad_fn = lesson.describe(t)
        print(f"{name:<26}{is_leaf!s:>9}{requires_grad!s:>15}{has_grad_fn!s:>13}")
    print("\nWhat will .grad hold? Predict, then see. x = ones(2, 2):")
    predict("\nAfter the backward of mean(3·(x+2)²)", lesson.grad_of_mean(x))
    predict("\nAfter the backward of x.sum() as well", lesson.grad_after_second_backward(x))
    predict("\nAfter both, zeroed in between", lesson.grad_after_zeroing(x))
    one = torch.ones((), device=device)
    predict(
        "\nx = 1: after the backward of x² + x³, with x³ computed under no_grad",
        lesson.grad_with_blocked_branch(one),
    )
    after, grad = lesson.grad_through_data_edit(torch.ones(1, device=device), 100.0)
    predict("\nx = 1: y = 2·x, then x.data *= 100, then the backward of y", grad)
    print(f"  and x is {after.item():g}")

    numbers = partial(torch.tensor, dtype=torch.float32, device=device)
    print("\n∂(k**x + b)/∂k at k = 2, x = 3, b = 4:", lesson.power_grad(*numbers([2, 3, 4])).item())
    v = numbers([[1, 0.1], [0.01, 0.001]])
    product = lesson.vector_jacobian_product(maps.doubled_square, numbers([1, 2, 3, 4]), v)
    print("vᵀJ of f(x) = (2x).view(2, 2):", [round(entry, 6) for entry in product.tolist()])
    print("J of (a², a·b, b³) at (2, 3):", lesson.jacobian(maps.powers, numbers([2, 3])).tolist())
    slope = lesson.directional_derivative(maps.bowl, numbers([1, 2]), numbers([3, 4]))
    print(f"\nf(a, b) = a² + 3b² at (1, 2): slope {slope.item():.4f} along (3, 4)")
    (a, b), steepest = lesson.steepest_direction(maps.bowl, numbers([1, 2]))
    print(f"steepest: slope {steepest:.4f} along ({a:.4f}, {b:.4f})")


FIGURES = (
    Graph("grad_of_mean", "x = ones(2, 2)", wrt=("x",), root="mean", hand=None),
    Graph(
        "grad_with_blocked_branch",
        "x = −3",
        wrt=("x",),
        names={"x²": lambda x: x**2, "x³": lambda x: x**3},
        root="sum",
        hand=None,
        file="blocked",
    ),
)


def exercise(truth: Callable[..., Any], *given: Any, **fields: Any) -> Exercise:
    """Of a gradient, which the student's function asks autograd for unless `fields` say so not."""
    wrong, method = WRONG[truth.__name__], fields.pop("method", "by_autograd")
    return exercises.exercise(truth, *given, method=method, wrong=wrong, **fields)


LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        exercise(
            describe,
            ("is_leaf", "requires_grad", "has_grad_fn"),
            describe_by_trying,
            method=None,
            draw=draw_tensor_to_describe,
        ),
        exercise(grad_of_mean, "gradient", *gradient_of(mean_loss, "x")),
        exercise(
            grad_after_second_backward,
            "gradient",
            Witness("autograd", partial(two_backwards, zeroed=False)),
            gradient_of(lambda x: mean_loss(x) + x.sum(), "x")[1],
        ),
        exercise(
            grad_after_zeroing,
            "gradient",
            Witness("autograd", partial(two_backwards, zeroed=True)),
            gradient_of(lambda x: x.sum(), "x")[1],
        ),
        exercise(power_grad, "∂/∂k", *gradient_of(power, "k"), draw=draw_power),
        exercise(
            vector_jacobian_product, "vᵀJ", *gradient_of(weighted_sum, "x"), draw=draw_product
        ),
        exercise(
            jacobian, "J", *jacobian_of(lambda f, x: f(x), "x"), draw=partial(draw_map, JACOBIANS)
        ),
        exercise(
            grad_with_blocked_branch,
            "gradient",
            gradient_of(blocked_sum, "x")[0],
            gradient_of(sum_beside_a_constant, "nudge")[1],
            draw=lambda dice: {"x": dice.number("x")},
            slipped=unblocked_branch.gradient,
        ),
        exercise(
            grad_through_data_edit,
            ("x_after", "grad"),
            *witnesses(data_edit, difference_before_the_edit),
            draw=draw_edit,
        ),
        exercise(
            directional_derivative,
            "slope",
            *gradient_of(on_the_line, "distance"),
            draw=draw_direction,
        ),
        exercise(
            steepest_direction,
            ("direction", "slope"),
            *witnesses(
                lambda f, x: steepest_of(by_autograd.evaluate(f=f, x=x)),
                lambda f, x: steepest_of(by_differences.evaluate(f=f, x=x)),
            ),
            draw=draw_direction,
        ),
    ),
)
