"""Lesson 6, what autograd records: what is right, which mistakes have a name, what to say."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.language.figure import Graph
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Built, Claim, Exercise, Lesson, Mistake, Source, Witness
from checks.grader.language.truth import gradient_of

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


def doubled_square_jacobian(x: Tensor) -> Tensor:
    return 2 * torch.eye(4, dtype=x.dtype).view(2, 2, 4)


def powers(x: Tensor) -> Tensor:
    """f(a, b) = (a², a·b, b³)"""
    a, b = x[0], x[1]
    return torch.stack((a * a, a * b, b * b * b))


def powers_jacobian(x: Tensor) -> Tensor:
    a, b = x.tolist()
    return torch.tensor(((2 * a, 0), (b, a), (0, 3 * b**2)), dtype=x.dtype)


def wave(x: Tensor) -> Tensor:
    """f(a, b, c) = (a·b, b·sin(c))"""
    a, b, c = x[0], x[1], x[2]
    return torch.stack((a * b, b * c.sin()))


def wave_jacobian(x: Tensor) -> Tensor:
    a, b, c = x
    zero = torch.zeros_like(a)
    rows = (torch.stack((b, a, zero)), torch.stack((zero, c.sin(), b * c.cos())))
    return torch.stack(rows)


def ring(x: Tensor) -> Tensor:
    """f(x)ᵢ = xᵢ²·xᵢ₊₁, and after the last entry comes the first"""
    return x * x * x.roll(-1)


def ring_jacobian(x: Tensor) -> Tensor:
    following = torch.eye(len(x), dtype=x.dtype).roll(1, dims=1)
    return torch.diag(2 * x * x.roll(-1)) + (x * x).unsqueeze(1) * following


def row_products(x: Tensor) -> Tensor:
    """f(X) = (x₁·x₂, x₁·x₁), products of the rows x₁ and x₂ of X"""
    return torch.stack(((x[0] * x[1]).sum(), (x[0] * x[0]).sum()))


def row_products_jacobian(x: Tensor) -> Tensor:
    first, second = x
    return torch.stack(
        (torch.stack((second, first)), torch.stack((2 * first, torch.zeros_like(first))))
    )


def table(x: Tensor) -> Tensor:
    """f(x)ᵢⱼ = xᵢ·xⱼ for i = 1, 2 and every j"""
    return x[:2].unsqueeze(1) * x


def table_jacobian(x: Tensor) -> Tensor:
    one = torch.eye(len(x), dtype=x.dtype)
    left = torch.einsum("ik,j->ijk", one[:2], x)
    return left + torch.einsum("jk,i->ijk", one, x[:2])


def bowl(x: Tensor) -> Tensor:
    """f(a, b) = a² + 3b²"""
    a, b = x[:1], x[1:]
    return (a * a + 3 * b * b).sum()


def bowl_gradient(x: Tensor) -> Tensor:
    return torch.stack((2 * x[0], 6 * x[1]))


def box(x: Tensor) -> Tensor:
    """f(a, b, c) = a·b·c"""
    return x[0] * x[1] * x[2]


def box_gradient(x: Tensor) -> Tensor:
    a, b, c = x
    return torch.stack((b * c, a * c, a * b))


def ripple(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ²·sin(xᵢ₊₁)"""
    return (x[:-1] * x[:-1] * x[1:].sin()).sum()


def ripple_gradient(x: Tensor) -> Tensor:
    slopes = torch.zeros_like(x)
    slopes[:-1] += 2 * x[:-1] * x[1:].sin()
    slopes[1:] += x[:-1] ** 2 * x[1:].cos()
    return slopes


def cubes(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ³"""
    return (x * x * x).sum()


def cubes_gradient(x: Tensor) -> Tensor:
    return 3 * x**2


#: f -> its Jacobian by hand, of shape (*shape of f(x), *shape of x).
SLOPES: Mapping[Map, Map] = {
    doubled_square: doubled_square_jacobian,
    powers: powers_jacobian,
    wave: wave_jacobian,
    ring: ring_jacobian,
    row_products: row_products_jacobian,
    table: table_jacobian,
    bowl: bowl_gradient,
    box: box_gradient,
    ripple: ripple_gradient,
    cubes: cubes_gradient,
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


def entries(x: Tensor) -> float:
    return float(x.numel())


def grad_of_mean(
    x: Tensor,
    *,
    factor: float = 6.0,
    inside: Map = lambda x: x + 2,
    count: Callable[[Tensor], float] = entries,
) -> Tensor:
    """∂/∂xᵢ mean(3·(x + 2)²) = 3 · 2 · (xᵢ + 2) / n."""
    return factor * inside(x) / count(x)


def grad_after_second_backward(
    x: Tensor, *, first: Map = grad_of_mean, second: Map = torch.ones_like
) -> Tensor:
    return first(x) + second(x)


def grad_after_zeroing(
    x: Tensor, *, first: Map = torch.zeros_like, second: Map = torch.ones_like
) -> Tensor:
    return first(x) + second(x)


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


def power_grad(
    k: Tensor,
    x: Tensor,
    b: Tensor,
    *,
    brought_down: Callable[[Tensor], Tensor | float] = lambda x: x,
    lowered_by: float = 1.0,
    constant: Callable[[Tensor], Tensor | float] = lambda b: 0.0,
) -> Tensor:
    """∂(kˣ + b)/∂k = x · kˣ⁻¹ + 0."""
    power_of_k: Tensor = k ** (x - lowered_by)
    return brought_down(x) * power_of_k + constant(b)


def contract(left: Tensor, right: Tensor, indices: int) -> Tensor:
    """The sum over the last indices of left and the first of right."""
    product: Tensor = torch.tensordot(left, right, dims=indices)
    return product


def vector_jacobian_product(f: Map, x: Tensor, v: Tensor, *, upstream: Map = lambda v: v) -> Tensor:
    return contract(upstream(v), SLOPES[f](x), v.ndim)


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


def blocked_sum(x: Tensor) -> Tensor:
    square = x**2
    with torch.no_grad():
        cube = x**3
    return square + cube


def sum_beside_a_constant(x: Tensor, nudge: Tensor) -> Tensor:
    """x² + x³ where only the x of x² moves."""
    return (x + nudge) ** 2 + x**3


def grad_with_blocked_branch(
    x: Tensor,
    *,
    square: Map = lambda x: 2 * x,
    cube: Map = torch.zeros_like,
) -> Tensor:
    """The slope of each branch that the graph knows of."""
    return square(x) + cube(x)


def grad_through_data_edit(
    x: Tensor,
    factor: float,
    *,
    after: Callable[[Tensor, float], Tensor] = lambda x, factor: factor * x,
    slope: Callable[[Tensor, float], Tensor] = lambda x, factor: torch.full_like(x, 2.0),
) -> tuple[Tensor, Tensor]:
    return after(x, factor), slope(x, factor)


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


def directional_derivative(
    f: Map,
    x: Tensor,
    u: Tensor,
    *,
    gradient: Map = lambda gradient: gradient,
    length: Callable[[Tensor], Tensor | float] = Tensor.norm,
) -> Tensor:
    """∇f · u / ‖u‖."""
    return gradient(SLOPES[f](x)) @ u / length(u)


def on_the_line(f: Map, x: Tensor, u: Tensor, distance: Tensor) -> Tensor:
    """f at a distance from x in the direction of u."""
    return f(x + distance * u / u.norm())


def steepest_direction(
    f: Map,
    x: Tensor,
    *,
    direction: Map = lambda gradient: gradient / gradient.norm(),
    slope: Map = Tensor.norm,
) -> tuple[Tensor, Tensor]:
    """∇f / ‖∇f‖ and ‖∇f‖."""
    return direction(SLOPES[f](x)), slope(SLOPES[f](x))


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


# ── wrong ideas ────────────────────────────────────────────────────────────────────────────────

SIGN = Mistake(
    "sign_flipped",
    "Exactly the opposite sign: where does a minus come in?",
    each=Tensor.neg,
)
FORGOTTEN_N = Mistake(
    "sum_not_mean",
    "The mean's share is n times too large: backward through a mean gives each of the n entries "
    "only a part of the upstream gradient. Did you take a sum in its place?",
    swaps=({"count": lambda x: 1.0},),
)


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


def repeated(row: Callable[[Tensor], Tensor]) -> Callable[[Map, Tensor], Tensor]:
    """A Jacobian whose rows all are the same."""
    return lambda f, x: row(SLOPES[f](x)).repeat(len(f(x)), 1)


def unit(vector: Tensor) -> Tensor:
    return vector.div(vector.norm())


def sum_of_sizes(vector: Tensor) -> Tensor:
    return vector.abs().sum()


def largest_size(vector: Tensor) -> Tensor:
    return vector.abs().max()


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


CLAIMS = (
    Claim(
        "every node between start and end stores its gradient",
        "leaf set, node set, node with retain_grad() set",
        gradients_kept,
        stands=False,
    ),
    Claim(
        "Variable is what makes a tensor differentiable",
        "Variable alone: a gradient; no Variable: no gradient",
        variable_or_requires_grad,
        stands=False,
    ),
    Claim(
        "a second backward through x²",
        "RuntimeError",
        partial(second_backward, lambda x: x**2),
    ),
    Claim("a second backward through x.sum()", "no error", partial(second_backward, Tensor.sum)),
    Claim(
        "x² at x = 3, backward twice with retain_graph=True: the gradients add up to",
        "12",
        twice_with_retained_graph,
    ),
    Claim(
        "y = x² at x = 3, then x.data times 100: the gradient is silently 2·100·x, not 6",
        "600",
        square_after_data_edit,
    ),
    Claim(
        "y = x² at x = 3, then the same edit under no_grad: backward ends in",
        "RuntimeError",
        square_after_edit_under_no_grad,
    ),
    Claim("x² + x³ at x = 1, nothing blocked", "5", gradient_of_the_unblocked_sum),
    Claim(
        "x² + x³ at x = 1, x³ under no_grad, in forward mode: not blocked either",
        "5",
        blocked_sum_forward_mode,
    ),
    Claim("the gradient of a² + 3b² at (1, 2)", "(2, 12)", gradient_of_the_bowl),
)


def program(lesson: Any, device: str) -> None:
    """What autograd keeps, shown with the numbers of the lesson's text."""
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
    print("\nWhat .grad holds at x = ones(2, 2)")
    print("  after backward of mean(3·(x+2)²)   ", lesson.grad_of_mean(x).tolist())
    print("  after backward of x.sum() as well  ", lesson.grad_after_second_backward(x).tolist())
    print("  the same, zeroed in between        ", lesson.grad_after_zeroing(x).tolist())

    def numbers(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    k, x_value, b = numbers(2, 3, 4)
    print("\n∂(k**x + b)/∂k at k = 2, x = 3, b = 4:", lesson.power_grad(k, x_value, b).item())
    v = numbers(1, 0.1, 0.01, 0.001).view(2, 2)
    product = lesson.vector_jacobian_product(doubled_square, numbers(1, 2, 3, 4), v)
    print("vᵀJ of f(x) = (2x).view(2, 2):", [round(entry, 6) for entry in product.tolist()])
    print("J of (a², a·b, b³) at (2, 3):", lesson.jacobian(powers, numbers(2, 3)).tolist())
    one = torch.ones((), device=device)
    print("x² + x³ at 1, x³ under no_grad:", lesson.grad_with_blocked_branch(one).item())
    after, grad = lesson.grad_through_data_edit(numbers(1), 100.0)
    print("y = 2·x, then x.data *= 100: x is", after.item(), "and the gradient", grad.item())
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


LESSON = Lesson(
    title="What autograd records and forgets",
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=FIGURES,
    exercises=(
        Exercise(
            "describe",
            points=1,
            truth=describe,
            quantities=("is_leaf", "requires_grad", "has_grad_fn"),
            draw=draw_tensor_to_describe,
            witnesses=(Witness("by trying", describe_by_trying),),
            idea="Each of the three is a question to the tensor itself. Print them for x, for "
            "2 * x and for (2 * x).detach().",
            hints=(
                "Two of the three are attributes with just these names.",
                "grad_fn is a node of the graph or None, and you are asked for a bool.",
                "`something is not None` is a bool.",
            ),
            mistakes=(
                Mistake(
                    "order_swapped",
                    "The right things in the wrong order: it is (is_leaf, requires_grad, "
                    "has_grad_fn).",
                    formulas=(
                        lambda t: (t.requires_grad, t.is_leaf, t.grad_fn is not None),
                        lambda t: (t.is_leaf, t.grad_fn is not None, t.requires_grad),
                    ),
                ),
                Mistake(
                    "leaf_taken_as_requires_grad",
                    "Being a leaf and requiring grad are two things. Data and a parameter are "
                    "both leaves; which of them does autograd follow?",
                    formulas=(
                        lambda t: (t.requires_grad, t.requires_grad, t.grad_fn is not None),
                        lambda t: (t.is_leaf, t.is_leaf, t.grad_fn is not None),
                        lambda t: (
                            t.requires_grad and t.is_leaf,
                            t.requires_grad,
                            t.grad_fn is not None,
                        ),
                        lambda t: (not t.requires_grad, t.requires_grad, t.grad_fn is not None),
                    ),
                ),
                Mistake(
                    "grad_fn_taken_as_requires_grad",
                    "Requiring grad and having a grad_fn are two things. A leaf that you asked to "
                    "require grad: which node made it?",
                    formulas=(
                        lambda t: (t.is_leaf, t.requires_grad, t.requires_grad),
                        lambda t: (t.is_leaf, t.grad_fn is not None, t.grad_fn is not None),
                    ),
                ),
                Mistake(
                    "grad_taken_as_grad_fn",
                    "`.grad` and `.grad_fn` are two things: one is the gradient that backward "
                    "left, the other is the node that made the tensor.",
                    formulas=(
                        lambda t: (t.is_leaf, t.requires_grad, kept(t) == "set"),
                        lambda t: (t.is_leaf, kept(t) == "set", t.grad_fn is not None),
                    ),
                ),
                Mistake(
                    "has_grad_fn_inverted",
                    "Your third value is True just where the tensor has no grad_fn.",
                    formulas=(lambda t: (t.is_leaf, t.requires_grad, t.grad_fn is None),),
                ),
            ),
        ),
        Exercise(
            "grad_of_mean",
            points=1,
            truth=grad_of_mean,
            quantities=("gradient",),
            witnesses=gradient_of(mean_loss, "x"),
            idea="Walk back node by node: mean, times 3, square, plus 2. What is each one's slope?",
            hints=(
                "You need a tensor of your own that requires grad, with the values of x.",
                "`x.detach().clone().requires_grad_()` is such a leaf. Compute the mean from it.",
                "`.backward()` on the mean fills the leaf's `.grad`.",
            ),
            mistakes=(
                Mistake(
                    "missing_factor_2",
                    "Every component is half of the right one: what is the derivative of a square?",
                    swaps=({"factor": 3.0},),
                ),
                SIGN,
                Mistake(
                    "loss_returned",
                    "These are values of the function. The gradient says how fast its mean changes "
                    "when an entry of x does.",
                    formulas=(mean_loss, lambda x: 3 * (x + 2) ** 2),
                ),
                FORGOTTEN_N,
                Mistake(
                    "mean_over_one_dimension",
                    "Your mean divides by the length of one dimension. The mean runs over every "
                    "entry of x, whatever its shape.",
                    swaps=(
                        {"count": lambda x: float(x.shape[0])},
                        {"count": lambda x: float(x.shape[-1])},
                    ),
                ),
                Mistake(
                    "outer_factor_missed",
                    "The 3 in front of the square has not reached the gradient.",
                    swaps=({"factor": 2.0},),
                ),
                Mistake(
                    "inside_missed",
                    "The slope of the square is taken at x. What is it that is squared?",
                    swaps=({"inside": lambda x: x},),
                ),
            ),
        ),
        Exercise(
            "grad_after_second_backward",
            points=1,
            truth=grad_after_second_backward,
            quantities=("gradient",),
            witnesses=(
                Witness("autograd", partial(two_backwards, zeroed=False)),
                gradient_of(lambda x: mean_loss(x) + x.sum(), "x")[1],
            ),
            idea="Both backward passes must end in the same leaf, and its `.grad` is read at last.",
            hints=(
                "Use one leaf for both losses, and read its `.grad` only at the end.",
                "backward does not write the gradient into `.grad`: it adds it to what is there.",
            ),
            mistakes=(
                Mistake(
                    "missing_factor_2",
                    "The mean's share is half of the right one: what is the derivative of a "
                    "square?",
                    swaps=({"first": partial(grad_of_mean, factor=3.0)},),
                ),
                SIGN,
                Mistake(
                    "sum_not_mean",
                    FORGOTTEN_N.says,
                    swaps=({"first": summed},),
                ),
                Mistake(
                    "accumulation_missed",
                    "This is the gradient of the second backward alone. What does backward do with "
                    "a `.grad` that is there already?",
                    swaps=({"first": torch.zeros_like},),
                ),
                Mistake(
                    "second_backward_missed",
                    "This is the gradient of the mean alone: the backward of x.sum() has not "
                    "reached it.",
                    swaps=({"second": torch.zeros_like},),
                ),
                Mistake(
                    "mean_not_sum",
                    "The second loss is the sum of x. Is yours its mean?",
                    swaps=({"second": lambda x: torch.ones_like(x) / x.numel()},),
                ),
                Mistake(
                    "same_loss_twice",
                    "This is twice the gradient of one loss. There are two: the mean first, then "
                    "x.sum().",
                    swaps=({"second": grad_of_mean}, {"first": torch.ones_like}),
                ),
            ),
        ),
        Exercise(
            "grad_after_zeroing",
            points=1,
            truth=grad_after_zeroing,
            quantities=("gradient",),
            witnesses=(
                Witness("autograd", partial(two_backwards, zeroed=True)),
                gradient_of(lambda x: x.sum(), "x")[1],
            ),
            idea="Three steps on one leaf: backward, zero its gradient, backward again.",
            hints=(
                "Between the two backward passes the leaf's `.grad` is set to zero, in place.",
                "`.grad` is a tensor, and tensors have `zero_()`. Setting `.grad` to None is as "
                "good.",
                "Zero the gradient, not the leaf, and only once: before the second backward.",
            ),
            mistakes=(
                SIGN,
                Mistake(
                    "not_zeroed",
                    "Both gradients are still in it, one added to the other. Which tensor was set "
                    "to zero, and when?",
                    swaps=({"first": grad_of_mean},),
                ),
                Mistake(
                    "zeroed_too_late",
                    "Everything is zero: the gradient was zeroed after the second backward as "
                    "well, or the second backward never came.",
                    swaps=({"second": torch.zeros_like},),
                ),
                Mistake(
                    "second_backward_missed",
                    "This is the gradient of the mean, which should be gone. The second loss is "
                    "x.sum().",
                    swaps=({"first": grad_of_mean, "second": torch.zeros_like},),
                ),
                Mistake(
                    "mean_not_sum",
                    "The second loss is the sum of x. Is yours its mean?",
                    swaps=({"second": lambda x: torch.ones_like(x) / x.numel()},),
                ),
            ),
        ),
        Exercise(
            "power_grad",
            points=1,
            truth=power_grad,
            quantities=("∂/∂k",),
            draw=draw_power,
            witnesses=gradient_of(power, "k"),
            idea="Only k varies. x and b stay what they are.",
            hints=(
                "Which of the three tensors has to require grad?",
                "The variable is the base. By hand this is the power rule.",
                "Make a leaf from k, compute the power and add b, go backward, read the leaf's "
                "`.grad`.",
            ),
            mistakes=(
                SIGN,
                Mistake(
                    "loss_returned",
                    "This is the value of the power. The slope says how fast it changes with k.",
                    formulas=(power, lambda k, x, b: k**x),
                ),
                Mistake(
                    "exponent_not_lowered",
                    "The exponent came down in front, and it is still x above: how does the power "
                    "rule go on?",
                    swaps=({"lowered_by": 0.0},),
                ),
                Mistake(
                    "exponent_not_in_front",
                    "The exponent is lowered by one. The power rule also multiplies.",
                    swaps=({"brought_down": lambda x: 1.0},),
                ),
                Mistake(
                    "constant_kept",
                    "b takes part in your answer. What is the slope of a constant?",
                    swaps=({"constant": lambda b: b}, {"constant": lambda b: 1.0}),
                ),
                Mistake(
                    "wrong_variable",
                    "This is the slope in another variable. Asked for is the slope in the base k.",
                    formulas=(
                        lambda k, x, b: k**x * k.log(),
                        lambda k, x, b: torch.ones_like(b),
                        lambda k, x, b: x * k ** (x - 1) + k**x * k.log() + 1,
                    ),
                ),
                Mistake(
                    "differentiated_twice",
                    "This is the slope of the slope: one derivative too many.",
                    formulas=(lambda k, x, b: x * (x - 1) * k ** (x - 2),),
                ),
            ),
        ),
        Exercise(
            "vector_jacobian_product",
            points=2,
            truth=vector_jacobian_product,
            quantities=("vᵀJ",),
            draw=draw_product,
            witnesses=gradient_of(weighted_sum, "x"),
            idea="v arrives from the right, one number per entry of f(x); vᵀJ leaves to the left, "
            "one number per entry of x.",
            hints=(
                "Call f on a leaf of your own. What does backward need when f(x) is not a scalar?",
                "Backward takes the upstream gradient as its argument, in the shape of f(x).",
                "vᵀJ is also the gradient of the scalar (v * f(x)).sum(): either way is right.",
            ),
            mistakes=(
                SIGN,
                Mistake(
                    "loss_returned",
                    "This is vᵀf(x), a value. Its gradient is asked for.",
                    formulas=(weighted_sum,),
                ),
                Mistake(
                    "upstream_ignored",
                    "v does not take part: every entry of f(x) counts the same in your answer.",
                    swaps=(
                        {"upstream": torch.ones_like},
                        {"upstream": lambda v: torch.ones_like(v) / v.numel()},
                    ),
                ),
                Mistake(
                    "jacobian_transposed",
                    "This is J·v, the way forward: it takes a change of x to a change of f(x). "
                    "Backward goes the other way, with v on the left of J.",
                    formulas=(apply_forwards, apply_forwards_flat),
                ),
                Mistake(
                    "mean_not_sum",
                    "The answer is divided by the number of entries of f(x). vᵀJ is a sum over "
                    "them; where does a mean come in?",
                    swaps=({"upstream": lambda v: v / v.numel()},),
                ),
                Mistake(
                    "jacobian_returned",
                    "This is the whole Jacobian. It is still to be multiplied by v from the left.",
                    formulas=(lambda f, x, v: SLOPES[f](x),),
                ),
            ),
        ),
        Exercise(
            "jacobian",
            points=1,
            truth=jacobian,
            quantities=("J",),
            draw=draw_jacobian,
            witnesses=(
                Witness("autograd", rows_by(ROW_BY_AUTOGRAD)),
                Witness("differences", rows_by(ROW_BY_DIFFERENCES)),
            ),
            idea="Row i belongs to f(x)ᵢ, column j to xⱼ: m rows, n columns.",
            hints=(
                "You have vᵀJ already. Which v picks out a single row of J?",
                "v = (1, 0, …, 0) gives the first row. How many rows are there?",
                "The rows of torch.eye(m), with the dtype and device of x, are the v you need.",
                "Collect the rows in a list; torch.stack makes a matrix of them.",
            ),
            mistakes=(
                SIGN,
                Mistake(
                    "not_zeroed",
                    "Each row holds the rows above it as well: `.grad` is not zeroed between two "
                    "backward passes, so they add up.",
                    formulas=(lambda f, x: SLOPES[f](x).cumsum(0),),
                ),
                Mistake(
                    "jacobian_transposed",
                    "This is Jᵀ: your vector-Jacobian products stand as columns. Which index of "
                    "J belongs to f(x)?",
                    formulas=(lambda f, x: SLOPES[f](x).T,),
                ),
                Mistake(
                    "rows_aliased",
                    "All rows are the same. Two ways lead there: every row is the same `.grad` "
                    "tensor, which goes on changing (`.clone()` it), or every row is the gradient "
                    "of the same number.",
                    formulas=(
                        repeated(lambda matrix: matrix[-1]),
                        repeated(lambda matrix: matrix[0]),
                        repeated(lambda matrix: matrix.sum(0)),
                    ),
                ),
                Mistake(
                    "rows_added",
                    "This is the sum of all rows: one backward with v = (1, …, 1). J has a row for "
                    "each entry of f(x).",
                    formulas=(lambda f, x: SLOPES[f](x).sum(0),),
                ),
                Mistake(
                    "first_row_only",
                    "Only the first row is there. Does the `return` stand inside the loop?",
                    formulas=(lambda f, x: SLOPES[f](x)[:1], lambda f, x: SLOPES[f](x)[0]),
                ),
            ),
        ),
        Exercise(
            "grad_with_blocked_branch",
            points=1,
            truth=grad_with_blocked_branch,
            quantities=("gradient",),
            draw=draw_blocked,
            witnesses=(
                gradient_of(blocked_sum, "x")[0],
                gradient_of(sum_beside_a_constant, "nudge")[1],
            ),
            idea="The value has two parts. Which of them does the graph know?",
            hints=(
                "What is computed inside `with torch.no_grad():` has no grad_fn.",
                "Compute x² outside of the block and x³ inside, then add the two outside.",
                "Backward sees x³ as a constant. What is left to differentiate?",
            ),
            mistakes=(
                Mistake(
                    "missing_factor_2",
                    "The answer is exactly half of the right one: what is the derivative of a "
                    "square?",
                    swaps=({"square": lambda x: x},),
                ),
                SIGN,
                Mistake(
                    "loss_returned",
                    "This is a value of the function. Its gradient is asked for.",
                    formulas=(lambda x: x**2 + x**3, lambda x: x**2),
                ),
                Mistake(
                    "not_blocked",
                    "The branch x³ has been differentiated too, or a part of it. Is all of x³ "
                    "computed inside the no_grad block?",
                    swaps=(
                        {"cube": lambda x: 3 * x**2},
                        {"cube": lambda x: x**2},
                        {"cube": lambda x: 2 * x**2},
                    ),
                ),
                Mistake(
                    "other_branch_blocked",
                    "This is the slope of x³ alone: the wrong branch is blocked.",
                    swaps=({"square": torch.zeros_like, "cube": lambda x: 3 * x**2},),
                ),
            ),
        ),
        Exercise(
            "grad_through_data_edit",
            points=1,
            truth=grad_through_data_edit,
            quantities=("x_after", "grad"),
            draw=draw_edit,
            witnesses=(
                Witness("autograd", data_edit),
                Witness("differences", difference_before_the_edit),
            ),
            idea="The graph was built before the edit, and an edit by `.data` is not recorded.",
            hints=(
                "Order matters: leaf, y, edit, backward.",
                "`leaf.data` shares its memory with the leaf; `*=` on it changes the leaf's value.",
                "x_after is the value of the leaf at the end, grad is its `.grad`.",
            ),
            mistakes=(
                Mistake(
                    "sign_flipped",
                    SIGN.says,
                    each=Tensor.neg,
                    single=True,
                ),
                Mistake(
                    "order_swapped",
                    "The two results are in the wrong order: x_after comes first.",
                    formulas=(lambda x, factor: (torch.full_like(x, 2.0), factor * x),),
                ),
                Mistake(
                    "edit_recorded",
                    "The factor is in your gradient, as if the edit were a part of y. Was it "
                    "recorded? Use `.data`, and build y first.",
                    swaps=(
                        {"slope": lambda x, factor: torch.full_like(x, 2.0 * factor)},
                        {"slope": lambda x, factor: torch.full_like(x, factor)},
                    ),
                ),
                Mistake(
                    "edit_missed",
                    "x_after is still the old value. `.data` shares memory with the leaf, a clone "
                    "does not; and the change has to be in place.",
                    swaps=({"after": lambda x, factor: x},),
                ),
                Mistake(
                    "square_not_double",
                    "Your gradient depends on x, as that of x² would. Here y is 2·x.",
                    swaps=(
                        {"slope": lambda x, factor: 2 * factor * x},
                        {"slope": lambda x, factor: 2 * x},
                    ),
                ),
                Mistake(
                    "y_in_place_of_x",
                    "Your first result is y. Asked for is x after the edit.",
                    swaps=(
                        {"after": lambda x, factor: 2 * x},
                        {"after": lambda x, factor: 2 * factor * x},
                    ),
                ),
                Mistake(
                    "own_slope_only",
                    "The gradient is 1, the slope of x itself. Backward starts at y.",
                    swaps=({"slope": lambda x, factor: torch.ones_like(x)},),
                ),
            ),
        ),
        Exercise(
            "directional_derivative",
            points=1,
            truth=directional_derivative,
            quantities=("slope",),
            draw=draw_direction,
            witnesses=gradient_of(on_the_line, "distance"),
            idea="A slope is rise per unit of length: the gradient's dot product with a vector of "
            "length 1.",
            hints=(
                "Start with the gradient of f at x. Autograd gives it.",
                "How long is u? The slope must not change when u is made twice as long.",
                "Divide u by its length (`u.norm()`), then take the dot product with the gradient.",
            ),
            mistakes=(
                SIGN,
                Mistake(
                    "loss_returned",
                    "This is the value of f at x. Its slope is asked for.",
                    formulas=(lambda f, x, u: f(x),),
                ),
                Mistake(
                    "direction_not_normalised",
                    "This is the rise along the whole of u, and u is not one unit long. A slope is "
                    "per unit of length.",
                    swaps=({"length": lambda u: 1.0},),
                ),
                Mistake(
                    "gradient_normalised",
                    "The gradient has been divided by its length. Only the direction is brought to "
                    "length 1: the gradient's length is what the slope is made of.",
                    swaps=(
                        {"gradient": unit, "length": lambda u: 1.0},
                        {"gradient": unit},
                    ),
                ),
                Mistake(
                    "wrong_norm",
                    "u has been divided by something that is not its length. The length is the "
                    "root of the sum of the squares.",
                    swaps=(
                        {"length": lambda u: u @ u},
                        {"length": sum_of_sizes},
                        {"length": largest_size},
                        {"length": torch.sum},
                    ),
                ),
                Mistake(
                    "direction_ignored",
                    "u does not take part. Your number belongs to another direction.",
                    formulas=(
                        lambda f, x, u: SLOPES[f](x).norm(),
                        lambda f, x, u: SLOPES[f](x).sum(),
                    ),
                ),
                Mistake(
                    "difference_not_derivative",
                    "This is the rise of f over a whole step along u. The slope at x is the limit "
                    "for small steps: the gradient knows it.",
                    formulas=(
                        lambda f, x, u: f(x + u) - f(x),
                        lambda f, x, u: f(x + unit(u)) - f(x),
                        lambda f, x, u: (f(x + u) - f(x)) / u.norm(),
                    ),
                ),
                Mistake(
                    "not_summed",
                    "These are the terms of the dot product. One number is asked for: their sum.",
                    formulas=(
                        lambda f, x, u: SLOPES[f](x) * unit(u),
                        lambda f, x, u: SLOPES[f](x) * u,
                    ),
                ),
                Mistake(
                    "gradient_returned",
                    "This is the gradient. How much of it points along u?",
                    formulas=(lambda f, x, u: SLOPES[f](x),),
                ),
            ),
        ),
        Exercise(
            "steepest_direction",
            points=1,
            truth=steepest_direction,
            quantities=("direction", "slope"),
            draw=draw_direction,
            witnesses=(
                Witness("autograd", steepest_by(GRADIENT_BY_AUTOGRAD)),
                Witness("differences", steepest_by(GRADIENT_BY_DIFFERENCES)),
            ),
            idea="Of all unit vectors, the one along the gradient has the largest dot product with "
            "it.",
            hints=(
                "The dot product of the gradient and a unit vector is ‖∇f‖ times the cosine of "
                "their angle. When is a cosine largest?",
                "The direction is the gradient, brought to length 1.",
                "The slope along it is the gradient's length.",
            ),
            mistakes=(
                Mistake(
                    "sign_flipped",
                    "That is the way down. Asked for is the steepest way up, and a slope "
                    "upwards is positive.",
                    each=Tensor.neg,
                    single=True,
                ),
                Mistake(
                    "loss_returned",
                    "Your second value is f at x. The slope along your direction is asked for.",
                    formulas=(lambda f, x: (unit(SLOPES[f](x)), f(x)),),
                ),
                Mistake(
                    "order_swapped",
                    "The two results are in the wrong order: the direction comes first.",
                    formulas=(lambda f, x: steepest_direction(f, x)[::-1],),
                ),
                Mistake(
                    "direction_not_normalised",
                    "Your direction is the gradient at its full length. Asked for is a unit "
                    "vector: length 1.",
                    swaps=(
                        {"direction": lambda gradient: gradient},
                        {
                            "direction": lambda gradient: gradient,
                            "slope": lambda gradient: gradient @ gradient,
                        },
                    ),
                ),
                Mistake(
                    "slope_squared",
                    "The sum of the squares is there without its root: a length is the root.",
                    swaps=(
                        {"slope": lambda gradient: gradient @ gradient},
                        {
                            "direction": lambda gradient: gradient / (gradient @ gradient),
                            "slope": lambda gradient: gradient @ gradient,
                        },
                        {"direction": lambda gradient: gradient / (gradient @ gradient)},
                    ),
                ),
                Mistake(
                    "wrong_norm",
                    "The gradient's length is not the sum of its entries and not the largest of "
                    "them: it is the root of the sum of their squares.",
                    swaps=(
                        {"slope": sum_of_sizes},
                        {"slope": torch.sum},
                        {"slope": largest_size},
                        {"direction": lambda g: g / sum_of_sizes(g), "slope": sum_of_sizes},
                        {"direction": lambda g: g / largest_size(g), "slope": largest_size},
                        {"direction": lambda g: g / sum_of_sizes(g)},
                        {"direction": lambda g: g / largest_size(g)},
                    ),
                ),
                Mistake(
                    "unit_slope",
                    "Your slope is the length of the unit vector, 1. How long is the gradient?",
                    swaps=({"slope": lambda gradient: torch.ones(()).double()},),
                ),
            ),
        ),
    ),
)
