"""Lesson 6, autograd: what is right, and where students slip. The words are in data/."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.figure import Graph
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Built, Exercise, Source, Variants, Witness, lesson
from checks.grader.language.net import net
from checks.grader.language.predict import predict
from checks.grader.language.slips import Mapped, added, halved
from checks.grader.language.truth import gradient_of, number

Map = Callable[[Tensor], Tensor]


# ── tensors to describe: made in the student's process, named by their first line ──────────────


def plain(values: Tensor) -> Tensor:
    """t = torch.tensor(…)"""
    return values


def leaf(values: Tensor) -> Tensor:
    """t = torch.tensor(…, requires_grad=True)"""
    return values.clone().requires_grad_()


def parameter(values: Tensor) -> Tensor:
    """t = nn.Parameter(torch.tensor(…))"""
    return nn.Parameter(values.clone())


def leaf_after_backward(values: Tensor) -> Tensor:
    """t = torch.tensor(…, requires_grad=True), after (t * t).sum().backward()"""
    t = values.clone().requires_grad_()
    (t * t).sum().backward()
    return t


def double_of_leaf(values: Tensor) -> Tensor:
    """t = 2 * x, where x requires grad"""
    return 2 * values.clone().requires_grad_()


def double_of_plain(values: Tensor) -> Tensor:
    """t = 2 * x, where x does not require grad"""
    return 2 * values


def double_that_retains(values: Tensor) -> Tensor:
    """t = 2 * x with t.retain_grad(), after t.sum().backward(); x requires grad"""
    t = 2 * values.clone().requires_grad_()
    t.retain_grad()
    t.sum().backward()
    return t


def detached_double(values: Tensor) -> Tensor:
    """t = (2 * x).detach(), where x requires grad"""
    return (2 * values.clone().requires_grad_()).detach()


def double_under_no_grad(values: Tensor) -> Tensor:
    """t = 2 * x under torch.no_grad(), where x requires grad"""
    with torch.no_grad():
        return 2 * values.clone().requires_grad_()


# ── maps f with their Jacobians by hand; no Python factor meets a 0-d tensor ───────────────────


def doubled_square(x: Tensor) -> Tensor:
    """f(x) = (2x).view(2, 2)"""
    return (2 * x).view(2, 2)


def powers(x: Tensor) -> Tensor:
    """f(a, b) = (a², a·b, b³)"""
    a, b = x[0], x[1]
    return torch.stack((a * a, a * b, b * b * b))


def wave(x: Tensor) -> Tensor:
    """f(a, b, c) = (a·b, b·sin(c))"""
    a, b, c = x[0], x[1], x[2]
    return torch.stack((a * b, b * c.sin()))


def ring(x: Tensor) -> Tensor:
    """f(x)ᵢ = xᵢ²·xᵢ₊₁, and after the last entry comes the first"""
    return x * x * x.roll(-1)


def row_products(x: Tensor) -> Tensor:
    """f(X) = (x₁·x₂, x₁·x₁), products of the rows x₁ and x₂ of X"""
    return torch.stack(((x[0] * x[1]).sum(), (x[0] * x[0]).sum()))


def table(x: Tensor) -> Tensor:
    """f(x)ᵢⱼ = xᵢ·xⱼ for i = 1, 2 and every j"""
    return x[:2].unsqueeze(1) * x


def bowl(x: Tensor) -> Tensor:
    """f(a, b) = a² + 3b²"""
    a, b = x[:1], x[1:]
    return (a * a + 3 * b * b).sum()


def box(x: Tensor) -> Tensor:
    """f(a, b, c) = a·b·c"""
    return x[0] * x[1] * x[2]


def ripple(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ²·sin(xᵢ₊₁)"""
    return (x[:-1] * x[:-1] * x[1:].sin()).sum()


def cubes(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ³"""
    return (x * x * x).sum()


def rows(*entries: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([torch.stack(row) for row in entries])


def ring_jacobian(x: Tensor) -> Tensor:
    following = torch.eye(len(x), dtype=x.dtype).roll(1, dims=1)
    return torch.diag(2 * x * x.roll(-1)) + (x * x).unsqueeze(1) * following


def table_jacobian(x: Tensor) -> Tensor:
    one = torch.eye(len(x), dtype=x.dtype)
    left = torch.einsum("ik,j->ijk", one[:2], x)
    return left + torch.einsum("jk,i->ijk", one, x[:2])


def ripple_gradient(x: Tensor) -> Tensor:
    slopes = torch.zeros_like(x)
    slopes[:-1] += 2 * x[:-1] * x[1:].sin()
    slopes[1:] += x[:-1] ** 2 * x[1:].cos()
    return slopes


#: f -> its Jacobian by hand, of shape (*shape of f(x), *shape of x).
SLOPES: Mapping[Map, Map] = {
    doubled_square: lambda x: 2 * torch.eye(4, dtype=x.dtype).view(2, 2, 4),
    powers: lambda x: rows((2 * x[0], 0 * x[0]), (x[1], x[0]), (0 * x[0], 3 * x[1] ** 2)),
    wave: lambda x: rows((x[1], x[0], 0 * x[0]), (0 * x[0], x[2].sin(), x[1] * x[2].cos())),
    ring: ring_jacobian,
    row_products: lambda x: rows((x[1], x[0]), (2 * x[0], 0 * x[0])),
    table: table_jacobian,
    bowl: lambda x: torch.stack((2 * x[0], 6 * x[1])),
    box: lambda x: torch.stack((x[1] * x[2], x[0] * x[2], x[0] * x[1])),
    ripple: ripple_gradient,
    cubes: lambda x: 3 * x**2,
}


# ── what is right ──────────────────────────────────────────────────────────────────────────────


def describe(t: Tensor) -> tuple[bool, bool, bool]:
    return t.is_leaf, t.requires_grad, t.grad_fn is not None


def describe_by_trying(t: Tensor) -> tuple[bool, bool, bool]:
    """A tensor requires grad if something can be differentiated by it, and is then either a leaf
    or the result of a node; one that does not require grad is a leaf without a node."""
    try:
        torch.autograd.grad((t * t).sum(), t)
    except RuntimeError:
        return True, False, False
    made_by_a_node = t.grad_fn is not None
    return not made_by_a_node, True, made_by_a_node


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


def contract(left: Tensor, right: Tensor, indices: int) -> Tensor:
    """The sum over the last indices of left and the first of right."""
    product: Tensor = torch.tensordot(left, right, dims=indices)
    return product


def vector_jacobian_product(f: Map, x: Tensor, v: Tensor) -> Tensor:
    return contract(v, SLOPES[f](x), v.ndim)


def weighted_sum(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """vᵀf(x), whose gradient is vᵀJ."""
    return (v * f(x)).sum()


def jacobian(f: Map, x: Tensor) -> Tensor:
    return SLOPES[f](x)


def component(f: Map, x: Tensor, row: int) -> Tensor:
    return f(x)[row]


ROW_BY_AUTOGRAD, ROW_BY_DIFFERENCES = gradient_of(component, "x")


def rows_by(row_of: Witness) -> Callable[..., Tensor]:
    """A Jacobian put together from rows, each the gradient of one component."""
    return lambda f, x: torch.stack([row_of.evaluate(f=f, x=x, row=i) for i in range(len(f(x)))])


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
    return torch.dot(SLOPES[f](x), u / u.norm())


def on_the_line(f: Map, x: Tensor, u: Tensor, distance: Tensor) -> Tensor:
    """f at a distance from x in the direction of u."""
    return f(x + distance * u / u.norm())


def steepest_direction(f: Map, x: Tensor) -> tuple[Tensor, Tensor]:
    gradient = SLOPES[f](x)
    return gradient / gradient.norm(), gradient.norm()


def value_at(f: Map, x: Tensor) -> Tensor:
    return f(x)


GRADIENT_BY_AUTOGRAD, GRADIENT_BY_DIFFERENCES = gradient_of(value_at, "x")


def steepest_by(gradient: Witness) -> Callable[..., tuple[Tensor, Tensor]]:
    """The direction along which unit steps rise the most, from another gradient."""

    def steepest(f: Map, x: Tensor) -> tuple[Tensor, Tensor]:
        slopes = gradient.evaluate(f=f, x=x)
        return nn.functional.normalize(slopes, dim=0), (slopes @ slopes).sqrt()

    return steepest


# ── random inputs ──────────────────────────────────────────────────────────────────────────────

KINDS = (
    plain,
    leaf,
    parameter,
    leaf_after_backward,
    double_of_leaf,
    double_of_plain,
    double_that_retains,
    detached_double,
    double_under_no_grad,
)
#: Trial by trial: two of different sizes that are not square and keep apart J and its transpose,
#: a square one where only values do, and matrices on one side or the other.
PRODUCTS = ((wave, (3,)), (ring, (3,)), (row_products, (2, 3)), (table, (3,)))
JACOBIANS = ((wave, (3,)), (ring, (3,)), (powers, (2,)), (ring, (4,)))
SCALARS = ((ripple, (4,)), (bowl, (2,)), (box, (3,)), (cubes, (5,)))


def draw(dice: Dice) -> Mapping[str, Any]:
    """Tensors of several shapes, all with a different number of entries."""
    shapes = ((2, 3), (5,), (3, 3), (4, 1, 2))
    return {"x": dice.tensor(*shapes[dice.trial])}


def draw_tensor_to_describe(dice: Dice) -> Mapping[str, Any]:
    kind = KINDS[dice.integer(0, len(KINDS) - 1)]
    return {"t": Built(Source(kind), (dice.tensor(2 + dice.trial),))}


def draw_power(dice: Dice) -> Mapping[str, Any]:
    """A positive base: a negative one has no real power with a broken exponent."""
    return {"k": dice.number("k").abs(), "x": dice.number("x"), "b": dice.number("b")}


def draw_product(dice: Dice) -> Mapping[str, Any]:
    f, shape = PRODUCTS[dice.trial]
    x = dice.tensor(*shape)
    return {"f": Source(f), "x": x, "v": dice.tensor(*f(x).shape)}


def draw_jacobian(dice: Dice) -> Mapping[str, Any]:
    f, shape = JACOBIANS[dice.trial]
    return {"f": Source(f), "x": dice.tensor(*shape)}


def draw_blocked(dice: Dice) -> Mapping[str, Any]:
    return {"x": dice.number("x")}


def draw_edit(dice: Dice) -> Mapping[str, Any]:
    sign = 1.0 if dice.trial % 2 else -1.0
    return {"x": dice.number("x").reshape(1), "factor": sign * dice.factor(2.3, 9.7)}


def draw_direction(dice: Dice) -> Mapping[str, Any]:
    """u is far from a unit vector, from the gradient and from a right angle to it."""
    f, shape = SCALARS[dice.trial]
    while True:
        x, u = dice.tensor(*shape), dice.tensor(*shape)
        cosine = torch.cosine_similarity(SLOPES[f](x), u, dim=0).abs()
        if 0.3 < cosine < 0.9 and u.norm() > 1.3:
            return {"f": Source(f), "x": x, "u": u}


# ── where students slip ────────────────────────────────────────────────────────────────────────

NEGATED = Mapped(Tensor.neg)


def ones(x: Tensor) -> Tensor:
    return torch.ones_like(x)


def summed(x: Tensor) -> Tensor:
    return 6 * (x + 2)


def apply_forwards(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """J·v in place of vᵀJ: it needs a v of the shape of x."""
    if v.shape != x.shape:
        raise ValueError("J·v wants v in the shape of x")
    return contract(SLOPES[f](x), v, x.ndim)


def apply_forwards_flat(f: Map, x: Tensor, v: Tensor) -> Tensor:
    """The same with J as a matrix and v as a vector."""
    matrix = SLOPES[f](x).reshape(v.numel(), x.numel())
    return contract(matrix, v.reshape(-1), 1).reshape(x.shape)


def of_jacobian(wrong: Map) -> Callable[..., Tensor]:
    return lambda f, x: wrong(SLOPES[f](x))


def repeated(row: Map) -> Callable[..., Tensor]:
    """A Jacobian whose rows all are the same."""
    return of_jacobian(lambda matrix: row(matrix).repeat(len(matrix), 1))


def along(wrong: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A wrong directional derivative, from the gradient and u."""
    return lambda f, x, u: wrong(SLOPES[f](x), u)


def steepest(direction: Map, slope: Map) -> Callable[..., tuple[Tensor, Tensor]]:
    """A wrong direction, a wrong slope, or both, from the gradient."""
    return lambda f, x: (direction(SLOPES[f](x)), slope(SLOPES[f](x)))


def unit(vector: Tensor) -> Tensor:
    return vector.div(vector.norm())


def square(vector: Tensor) -> Tensor:
    return vector @ vector


def sum_of_sizes(vector: Tensor) -> Tensor:
    return vector.abs().sum()


def largest_size(vector: Tensor) -> Tensor:
    return vector.abs().max()


WRONG: Mapping[str, Mapping[str, Variants]] = {
    "describe": {
        "order_swapped": [
            lambda t: (t.requires_grad, t.is_leaf, t.grad_fn is not None),
            lambda t: (t.is_leaf, t.grad_fn is not None, t.requires_grad),
        ],
        "leaf_taken_as_requires_grad": [
            lambda t: (t.requires_grad, t.requires_grad, t.grad_fn is not None),
            lambda t: (t.is_leaf, t.is_leaf, t.grad_fn is not None),
            lambda t: (t.requires_grad and t.is_leaf, t.requires_grad, t.grad_fn is not None),
            lambda t: (not t.requires_grad, t.requires_grad, t.grad_fn is not None),
        ],
        "grad_fn_taken_as_requires_grad": [
            lambda t: (t.is_leaf, t.requires_grad, t.requires_grad),
            lambda t: (t.is_leaf, t.grad_fn is not None, t.grad_fn is not None),
        ],
        "grad_taken_as_grad_fn": [
            lambda t: (t.is_leaf, t.requires_grad, kept(t) == "set"),
            lambda t: (t.is_leaf, kept(t) == "set", t.grad_fn is not None),
        ],
        "has_grad_fn_inverted": lambda t: (t.is_leaf, t.requires_grad, t.grad_fn is None),
    },
    "grad_of_mean": {
        "missing_factor_2": Mapped(lambda gradient: gradient / 2),
        "sign_flipped": NEGATED,
        "loss_returned": [mean_loss, lambda x: 3 * (x + 2) ** 2],
        "sum_not_mean": summed,
        "mean_over_one_dimension": [
            lambda x: summed(x) / x.shape[0],
            lambda x: summed(x) / x.shape[-1],
        ],
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
            lambda k, x, b: torch.ones_like(b),
            lambda k, x, b: x * k ** (x - 1) + k**x * k.log() + 1,
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
        "jacobian_returned": lambda f, x, v: SLOPES[f](x),
    },
    "jacobian": {
        "sign_flipped": NEGATED,
        "not_zeroed": of_jacobian(lambda matrix: matrix.cumsum(0)),
        "jacobian_transposed": of_jacobian(lambda matrix: matrix.T),
        "rows_aliased": [
            repeated(lambda matrix: matrix[-1]),
            repeated(lambda matrix: matrix[0]),
            repeated(lambda matrix: matrix.sum(0)),
        ],
        "rows_added": of_jacobian(lambda matrix: matrix.sum(0)),
        "first_row_only": [
            of_jacobian(lambda matrix: matrix[:1]),
            of_jacobian(lambda matrix: matrix[0]),
        ],
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
        "edit_recorded": [
            lambda x, factor: (factor * x, 2 * factor * ones(x)),
            lambda x, factor: (factor * x, factor * ones(x)),
        ],
        "edit_missed": lambda x, factor: (x, 2 * ones(x)),
        "square_not_double": [
            lambda x, factor: (factor * x, 2 * factor * x),
            lambda x, factor: (factor * x, 2 * x),
        ],
        "y_in_place_of_x": [
            lambda x, factor: (2 * x, 2 * ones(x)),
            lambda x, factor: (2 * factor * x, 2 * ones(x)),
        ],
        "own_slope_only": lambda x, factor: (factor * x, ones(x)),
    },
    "directional_derivative": {
        "sign_flipped": NEGATED,
        "loss_returned": lambda f, x, u: f(x),
        "direction_not_normalised": along(torch.dot),
        "gradient_normalised": [
            along(lambda g, u: unit(g) @ u),
            along(lambda g, u: unit(g) @ unit(u)),
        ],
        "wrong_norm": [
            along(lambda g, u: g @ u / (u @ u)),
            along(lambda g, u: g @ u / sum_of_sizes(u)),
            along(lambda g, u: g @ u / largest_size(u)),
            along(lambda g, u: g @ u / u.sum()),
        ],
        "direction_ignored": [along(lambda g, u: g.norm()), along(lambda g, u: g.sum())],
        "difference_not_derivative": [
            lambda f, x, u: f(x + u) - f(x),
            lambda f, x, u: f(x + unit(u)) - f(x),
            lambda f, x, u: (f(x + u) - f(x)) / u.norm(),
        ],
        "not_summed": [along(lambda g, u: g * unit(u)), along(lambda g, u: g * u)],
        "gradient_returned": along(lambda g, u: g),
    },
    "steepest_direction": {
        "sign_flipped": Mapped(Tensor.neg, single=True),
        "loss_returned": lambda f, x: (unit(SLOPES[f](x)), f(x)),
        "order_swapped": lambda f, x: steepest_direction(f, x)[::-1],
        "direction_not_normalised": [
            steepest(lambda g: g, Tensor.norm),
            steepest(lambda g: g, square),
        ],
        "slope_squared": [
            steepest(unit, square),
            steepest(lambda g: g / square(g), square),
            steepest(lambda g: g / square(g), Tensor.norm),
        ],
        "wrong_norm": [
            steepest(unit, sum_of_sizes),
            steepest(unit, torch.sum),
            steepest(unit, largest_size),
            steepest(lambda g: g / sum_of_sizes(g), sum_of_sizes),
            steepest(lambda g: g / largest_size(g), largest_size),
            steepest(lambda g: g / sum_of_sizes(g), Tensor.norm),
            steepest(lambda g: g / largest_size(g), Tensor.norm),
        ],
        "unit_slope": steepest(unit, lambda g: number(1.0)),
    },
}

# ── the claims of the notes ────────────────────────────────────────────────────────────────────


def three() -> Tensor:
    return torch.tensor(3.0, dtype=torch.float64, requires_grad=True)


def outcome(step: Callable[[], Any]) -> str:
    try:
        step()
    except RuntimeError as error:
        return type(error).__name__
    return "no error"


def second_backward(loss: Map) -> str:
    value = loss(three())
    value.backward()
    return outcome(value.backward)


def kept(t: Tensor) -> str:
    with warnings.catch_warnings():  # torch warns when the .grad of a non-leaf is read
        warnings.simplefilter("ignore")
        return "None" if t.grad is None else "set"


def gradients_kept() -> str:
    x = three()
    node, asked = 2 * x, 5 * x
    asked.retain_grad()
    (node * asked).backward()
    return f"leaf {kept(x)}, node {kept(node)}, node with retain_grad() {kept(asked)}"


def differentiable(x: Tensor) -> str:
    return "a gradient" if outcome((x * x).backward) == "no error" else "no gradient"


def variable_or_requires_grad() -> str:
    wrapped = torch.autograd.Variable(three().detach())
    return f"Variable alone: {differentiable(wrapped)}; no Variable: {differentiable(three())}"


def square_after_data_edit() -> float:
    x = three()
    y = x**2
    x.data *= 100
    return float(*torch.autograd.grad(y, x))


def square_after_edit_under_no_grad() -> str:
    x = three()
    y = x**2
    with torch.no_grad():
        x.mul_(100)
    return outcome(y.backward)


def twice_with_retained_graph() -> float:
    x = three()
    y = x**2
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad is not None
    return float(x.grad)


def blocked_sum_forward_mode() -> float:
    with torch.autograd.forward_ad.dual_level():
        one = torch.ones((), dtype=torch.float64)
        dual = torch.autograd.forward_ad.make_dual(one, one)
        return float(torch.autograd.forward_ad.unpack_dual(blocked_sum(dual)).tangent)


def gradient_of_the_unblocked_sum() -> float:
    one = torch.ones((), dtype=torch.float64, requires_grad=True)
    return float(*torch.autograd.grad(one**2 + one**3, one))


def gradient_of_the_bowl() -> tuple[float, ...]:
    x = torch.tensor((1.0, 2.0), dtype=torch.float64, requires_grad=True)
    return tuple(torch.autograd.grad(bowl(x), x)[0].tolist())


CLAIMS: Mapping[str, Callable[[], Any]] = {
    "gradients_kept": gradients_kept,
    "variable_or_requires_grad": variable_or_requires_grad,
    "second_backward_through_square": partial(second_backward, lambda x: x**2),
    "second_backward_through_sum": partial(second_backward, Tensor.sum),
    "twice_with_retained_graph": twice_with_retained_graph,
    "square_after_data_edit": square_after_data_edit,
    "square_after_edit_under_no_grad": square_after_edit_under_no_grad,
    "gradient_of_the_unblocked_sum": gradient_of_the_unblocked_sum,
    "blocked_sum_forward_mode": blocked_sum_forward_mode,
    "gradient_of_the_bowl": gradient_of_the_bowl,
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

    def numbers(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    k, x_value, b = numbers(2, 3, 4)
    print("\n∂(k**x + b)/∂k at k = 2, x = 3, b = 4:", lesson.power_grad(k, x_value, b).item())
    v = numbers(1, 0.1, 0.01, 0.001).view(2, 2)
    product = lesson.vector_jacobian_product(doubled_square, numbers(1, 2, 3, 4), v)
    print("vᵀJ of f(x) = (2x).view(2, 2):", [round(entry, 6) for entry in product.tolist()])
    print("J of (a², a·b, b³) at (2, 3):", lesson.jacobian(powers, numbers(2, 3)).tolist())
    slope = lesson.directional_derivative(bowl, numbers(1, 2), numbers(3, 4))
    print(f"\nf(a, b) = a² + 3b² at (1, 2): slope {slope.item():.4f} along (3, 4)")
    direction, steepest = lesson.steepest_direction(bowl, numbers(1, 2))
    along = ", ".join(f"{entry:.4f}" for entry in direction.tolist())
    print(f"steepest: slope {steepest.item():.4f} along ({along})")


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


def exercise(truth: Callable[..., Any], *quantities: str, **fields: Any) -> Exercise:
    """All but `describe` ask for a gradient of autograd's."""
    name = truth.__name__
    return Exercise(
        name,
        truth,
        quantities,
        WRONG[name],
        method=None if name == "describe" else "by_autograd",
        **fields,
    )


LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        exercise(
            describe,
            *("is_leaf", "requires_grad", "has_grad_fn"),
            draw=draw_tensor_to_describe,
            witnesses=(Witness("by trying", describe_by_trying),),
        ),
        exercise(grad_of_mean, "gradient", witnesses=gradient_of(mean_loss, "x")),
        exercise(
            grad_after_second_backward,
            "gradient",
            witnesses=(
                Witness("autograd", partial(two_backwards, zeroed=False)),
                gradient_of(lambda x: mean_loss(x) + x.sum(), "x")[1],
            ),
        ),
        exercise(
            grad_after_zeroing,
            "gradient",
            witnesses=(
                Witness("autograd", partial(two_backwards, zeroed=True)),
                gradient_of(lambda x: x.sum(), "x")[1],
            ),
        ),
        exercise(power_grad, "∂/∂k", draw=draw_power, witnesses=gradient_of(power, "k")),
        exercise(
            vector_jacobian_product,
            "vᵀJ",
            draw=draw_product,
            witnesses=gradient_of(weighted_sum, "x"),
        ),
        exercise(
            jacobian,
            "J",
            draw=draw_jacobian,
            witnesses=(
                Witness("autograd", rows_by(ROW_BY_AUTOGRAD)),
                Witness("differences", rows_by(ROW_BY_DIFFERENCES)),
            ),
        ),
        exercise(
            grad_with_blocked_branch,
            "gradient",
            draw=draw_blocked,
            slipped=unblocked_branch.gradient,
            witnesses=(
                gradient_of(blocked_sum, "x")[0],
                gradient_of(sum_beside_a_constant, "nudge")[1],
            ),
        ),
        exercise(
            grad_through_data_edit,
            *("x_after", "grad"),
            draw=draw_edit,
            witnesses=(
                Witness("autograd", data_edit),
                Witness("differences", difference_before_the_edit),
            ),
        ),
        exercise(
            directional_derivative,
            "slope",
            draw=draw_direction,
            witnesses=gradient_of(on_the_line, "distance"),
        ),
        exercise(
            steepest_direction,
            *("direction", "slope"),
            draw=draw_direction,
            witnesses=(
                Witness("autograd", steepest_by(GRADIENT_BY_AUTOGRAD)),
                Witness("differences", steepest_by(GRADIENT_BY_DIFFERENCES)),
            ),
        ),
    ),
)
