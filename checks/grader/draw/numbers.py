"""From a declared figure to the numbers of its picture: asks the lesson file, draws nothing.

Each record here holds all that its picture shows, as plain numbers and text; it is what tests hold
against golden values and what a picture carries inside its file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from checks.grader.course import number
from checks.grader.draw import figure, graph
from checks.grader.draw.ask import Sitter, Undrawable
from checks.grader.draw.record import record, separate, walk
from checks.grader.frames import Array
from checks.grader.inputs import cases, resolve
from checks.grader.lesson import Exercise, Lesson
from checks.grader.truth import close, float64s, parts

#: A student's number is shown beside the right one where it is further off than this.
DIFFERS_RTOL = 1e-4
#: A graph of more nodes than this is drawn with named nodes only.
MOST_NODES = 22
#: What grows beyond this has diverged.
TOO_LARGE = 1e9
#: A tensor of more entries is not written out, not even in part.
MOST_ENTRIES = 4096
#: A path is drawn through at most so many points.
MOST_POINTS = 120

Nested = float | tuple[Any, ...]


@dataclass(frozen=True)
class NodeNumbers:
    """A node of a graph. `shape` is that of value and grad; `yours` is the student's gradient."""

    label: str
    value: Nested
    grad: Nested | None
    yours: Nested | None
    parents: tuple[int, ...]
    is_source: bool
    is_cut_off: bool


@dataclass(frozen=True)
class GraphNumbers:
    title: str
    root: str
    nodes: tuple[NodeNumbers, ...]
    note: str


@dataclass(frozen=True)
class NetNumbers:
    """`values` of the units by name; edges are (from, to, weight, gradient, yours)."""

    title: str
    layers: tuple[tuple[str, ...], ...]
    values: Mapping[str, float]
    targets: Mapping[str, float]
    edges: tuple[tuple[str, str, float, float, float | None], ...]
    loss: float


@dataclass(frozen=True)
class LossesNumbers:
    """`right` is empty where the student's losses are right."""

    title: str
    losses: tuple[float, ...]
    right: tuple[float, ...]
    floor: tuple[float, str] | None


@dataclass(frozen=True)
class SurfaceNumbers:
    """A quadratic ½·dᵀSd + least around `minimum`, d in the two axes; `path` over it.

    curvature   S
    curvatures  of the loss in all parameters, small to large
    valley      the direction of the smallest one in the two axes
    """

    title: str
    axes: tuple[str, str]
    others: tuple[str, ...]
    path: tuple[tuple[float, float], ...]
    epochs: int
    minimum: tuple[float, float]
    least: float
    curvature: tuple[tuple[float, float], tuple[float, float]]
    curvatures: tuple[float, ...]
    valley: tuple[float, float]


@dataclass(frozen=True)
class FitNumbers:
    """Lines are (weight, bias)."""

    title: str
    points: tuple[tuple[float, float], ...]
    line: tuple[float, float]
    epochs: int
    early_line: tuple[float, float]
    early: int
    best: tuple[float, float]
    loss: float
    least: float


@dataclass(frozen=True)
class SeparationNumbers:
    """Predictions of both nets on a grid over two inputs, rows from low to high second input."""

    title: str
    points: tuple[tuple[float, float], ...]
    targets: tuple[float, ...]
    axis: tuple[float, ...]
    straight: tuple[tuple[float, ...], ...]
    bent: tuple[tuple[float, ...], ...]
    losses: tuple[float, float]
    least: float


Numbers = (
    GraphNumbers | NetNumbers | LossesNumbers | SurfaceNumbers | FitNumbers | SeparationNumbers
)


@dataclass(frozen=True)
class Subject:
    """A lesson and the file that is drawn."""

    stem: str
    lesson: Lesson
    sitter: Sitter

    def exercise(self, name: str) -> Exercise:
        return next(one for one in self.lesson.exercises if one.name == name)

    def inputs(self, wanted: Any) -> dict[str, Any]:
        """The inputs of a figure's worked example."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        case = next(case for case in drawn if case.name == wanted.example)
        return {**case.inputs, **wanted.given}

    def other_inputs(self, wanted: Any) -> dict[str, Any]:
        """Inputs at which no two values are equal by chance."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        return dict(next(case for case in drawn if case.expected is None).inputs)

    def title(self, wanted: Any, what: str) -> str:
        return f"Lesson {number(self.stem)} · {what}"


@singledispatch
def numbers(wanted: Any, subject: Subject) -> Numbers:
    """The numbers of one figure of one lesson file. Raises Undrawable."""
    raise TypeError(wanted)


@numbers.register
def _graph(wanted: figure.Graph, subject: Subject) -> GraphNumbers:
    inputs, others = subject.inputs(wanted), subject.other_inputs(wanted)
    calls = [[wanted.exercise, *given.values()] for given in (inputs, others)]
    answers = subject.sitter.answers(wanted.exercise, record, calls)
    try:
        here, there = map(graph.read, answers)
    except graph.Malformed as problem:
        raise Undrawable(f"{wanted.exercise} leaves no graph: {problem}") from problem
    values = _values(wanted, inputs), _values(wanted, others)
    pairs = {name: (values[0][name], values[1][name]) for name in values[0]}
    nodes = graph.folded(graph.named(here, there, pairs), MOST_NODES)
    if not nodes[-1].name:
        nodes = (*nodes[:-1], replace(nodes[-1], name=wanted.root))
    hand = _by_hand(wanted.hand, inputs, wanted.wrt, subject)
    data = _data(nodes, set(inputs) - set(wanted.wrt))
    shown = tuple(_node(nodes, i, i in data, hand) for i in range(len(nodes)))
    title = subject.title(wanted, f"graph of {wanted.exercise} at {wanted.example}")
    return GraphNumbers(title, wanted.root, shown, _note(wanted, inputs, here[-1], subject))


def _values(wanted: figure.Graph, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """What the lesson has a name for: the inputs, a model's parameters, the formulas."""
    known: dict[str, Tensor] = {}
    resolved = {name: resolve(value) for name, value in inputs.items()}
    for name, value in resolved.items():
        if isinstance(value, torch.nn.Module):
            known |= {key.split(".")[-1]: part for key, part in value.named_parameters()}
        elif isinstance(value, Tensor):
            known[name] = value
    for name, formula in wanted.names.items():
        known[name] = formula(*(resolved[parameter] for parameter in _parameters(formula)))
    return known


def _parameters(formula: Callable[..., Any]) -> list[str]:
    """The names of the inputs that a formula takes."""
    return [
        name
        for name, parameter in inspect.signature(formula).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


def _by_hand(
    hand: str | None, inputs: Mapping[str, Any], wrt: Sequence[str], subject: Subject
) -> dict[str, Tensor]:
    """The student's hand-written gradients by parameter; empty if they cannot be had."""
    if hand is None:
        return {}
    try:
        exercise = subject.exercise(hand)
        given = _values_of_parameters(exercise, inputs)
        tensors = _tensors(subject.sitter.answer(hand, None, *given))
    except (Undrawable, KeyError):
        return {}
    return dict(zip(wrt, tensors, strict=False))


def _values_of_parameters(exercise: Exercise, inputs: Mapping[str, Any]) -> list[Any]:
    """An exercise's arguments out of another one's; a model's parameters count as inputs."""
    known = dict(inputs)
    for value in map(resolve, inputs.values()):
        if isinstance(value, torch.nn.Module):
            known |= {k.split(".")[-1]: p.detach() for k, p in value.named_parameters()}
    return [known[name] for name in exercise.parameters]


def _data(nodes: Sequence[graph.Node], names: set[str]) -> set[int]:
    """The nodes without a parameter in them: data, its entries (x1 of x), what is made of it."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if node.sources:
            is_data = all(source in found for source in node.sources)
        else:
            is_data = node.name in names or node.name.rstrip("0123456789") in names
        if is_data:
            found.add(i)
    return found


def _node(
    nodes: Sequence[graph.Node], i: int, is_data: bool, hand: Mapping[str, Tensor]
) -> NodeNumbers:
    """The gradient of data is of no use, and left out."""
    node = nodes[i]
    value = torch.tensor(float("nan")) if node.value is None else node.value
    grad = None if is_data else node.grad
    yours = _entry_of(hand, node.name)
    wrong = yours is not None and grad is not None and not _close(yours, grad)
    return NodeNumbers(
        graph.label(nodes, i),
        _plain(value),
        None if grad is None else _plain(grad),
        _plain(yours) if wrong and yours is not None else None,
        node.sources,
        not node.sources,
        node.operation == "constant" and not is_data,
    )


def _if_wrong(yours: Tensor | None, right: Tensor) -> float | None:
    """The student's number if it is not the right one."""
    return None if yours is None or _close(yours, right) else yours.item()


def _entry_of(hand: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The gradient of a parameter, or of one entry of it: w3 is the third of w."""
    if name in hand:
        return hand[name]
    stem = name.rstrip("0123456789")
    index = int(name[len(stem) :] or 0) - 1
    if stem in hand and 0 <= index < hand[stem].numel():
        return hand[stem].reshape(-1)[index]
    return None


def _note(
    wanted: figure.Graph, inputs: Mapping[str, Any], root: graph.Node, subject: Subject
) -> str:
    """A sentence if the value at the end is not the lesson's."""
    exercise = subject.exercise(wanted.exercise)
    if exercise.witnesses or exercise.method or root.value is None:
        return ""  # the exercise returns a gradient: its graph's end is not its answer
    right = exercise.truth(*(resolve(value) for value in inputs.values()))
    if not isinstance(right, Tensor) or _close(root.value, right):
        return ""
    return f"This is the graph of your code. Its {wanted.root} should be {_short(right)} here."


@numbers.register
def _net(wanted: figure.Net, subject: Subject) -> NetNumbers:
    inputs = subject.inputs(wanted)
    x, y, w = (inputs[name] for name in (wanted.inputs, wanted.targets, wanted.weights))
    nodes = _read(subject.sitter.answer(wanted.exercise, record, wanted.exercise, *inputs.values()))
    leaf = next((n for n in nodes if n.operation == "leaf" and _same(n.value, w)), None)
    if leaf is None or leaf.grad is None:
        raise Undrawable(f"no gradient arrives at {wanted.weights} in {wanted.exercise}")
    activations = torch.cat(
        [part.reshape(-1) for part in _tensors(subject.sitter.answer(wanted.forward, None, x, w))]
    ).tolist()
    units = [unit for layer in wanted.layers[1:] for unit in layer]
    if len(activations) != len(units):
        raise Undrawable(f"{wanted.forward} should return {len(units)} activations here")
    yours = _by_hand(wanted.hand, inputs, (wanted.weights,), subject)
    edges = tuple(
        (a, b, weight, grad, _if_wrong(_entry_of(yours, f"{wanted.weights}{i}"), leaf.grad[i - 1]))
        for i, ((a, b), weight, grad) in enumerate(
            zip(wanted.edges, w.tolist(), _finite(leaf.grad).tolist(), strict=True), start=1
        )
    )
    loss = nodes[-1].value
    return NetNumbers(
        subject.title(wanted, f"the net, its {len(edges)} weights and their gradients"),
        wanted.layers,
        dict(zip((*wanted.layers[0], *units), [*x.tolist(), *activations], strict=True)),
        dict(zip(wanted.layers[-1], y.tolist(), strict=True)),
        edges,
        float("nan") if loss is None else loss.item(),
    )


@numbers.register
def _losses(wanted: figure.Losses, subject: Subject) -> LossesNumbers:
    inputs = subject.inputs(wanted)
    answer = subject.sitter.answer(wanted.exercise, None, *inputs.values())
    losses = _tensors(answer)[-1].reshape(-1)
    if not bool(((losses > 0) & losses.isfinite()).any()):
        raise Undrawable(f"{wanted.exercise} returns no loss above 0")
    exercise = subject.exercise(wanted.exercise)
    right = float64s(exercise.truth(*(resolve(value) for value in inputs.values())))[-1]
    same = losses.shape == right.shape and torch.allclose(losses, right, rtol=1e-3, atol=1e-6)
    return LossesNumbers(
        subject.title(wanted, f"training, {len(right)} epochs"),
        tuple(losses.tolist()),
        () if same else tuple(right.tolist()),
        wanted.floor,
    )


@numbers.register
def _surface(wanted: figure.Surface, subject: Subject) -> SurfaceNumbers:
    inputs = subject.inputs(wanted)
    path, epochs = _path(wanted, inputs, subject)
    _finite(path)
    if path.shape[1] != len(wanted.parameters):
        raise Undrawable(f"{wanted.exercise} should train {len(wanted.parameters)} numbers here")
    shown = [wanted.parameters.index(axis) for axis in wanted.axes]
    minimum, least, hessian = _bowl(wanted, inputs)
    values, vectors = torch.linalg.eigh(hessian)
    valley = vectors[shown, 0]
    curvature = _best_for_others(hessian, shown)
    return SurfaceNumbers(
        subject.title(wanted, f"{epochs} epochs on the mean loss"),
        wanted.axes,
        tuple(name for name in wanted.parameters if name not in wanted.axes),
        tuple((a, b) for a, b in path[:, shown].tolist()),
        epochs,
        _pair(minimum[shown]),
        least,
        (_pair(curvature[0]), _pair(curvature[1])),
        tuple(values.tolist()),
        _pair(valley * torch.sign(valley[0]) / valley.norm()),
    )


def _bowl(wanted: figure.Surface, inputs: Mapping[str, Any]) -> tuple[Tensor, float, Tensor]:
    """Minimum of the quadratic loss, its value there, and its Hessian."""
    data = [inputs[name] for name in _parameters(wanted.loss)[1:]]

    def loss(flat: Tensor) -> Tensor:
        return wanted.loss(flat, *data)

    origin = torch.zeros(len(wanted.parameters), dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(loss, origin)
    slope = torch.autograd.functional.jacobian(loss, origin)
    assert isinstance(hessian, Tensor) and isinstance(slope, Tensor)
    minimum = torch.round(-torch.linalg.solve(hessian, slope), decimals=12)  # 2, not 1.999…96
    return minimum, loss(minimum).item(), hessian


def _best_for_others(hessian: Tensor, shown: Sequence[int]) -> Tensor:
    """The curvature in two parameters if the others always take their best: Schur's complement."""
    rest = [i for i in range(len(hessian)) if i not in shown]
    curvature = hessian[shown][:, shown]
    if not rest:
        return curvature
    across = hessian[shown][:, rest]
    own = torch.linalg.solve(hessian[rest][:, rest], across.T)
    return curvature - torch.mm(across, own)


@numbers.register
def _fit(wanted: figure.Fit, subject: Subject) -> FitNumbers:
    inputs = subject.inputs(wanted)
    columns = [inputs[name] for name in _parameters(wanted.best)]
    x, y = (column.reshape(-1) for column in columns)
    stops = [wanted.early, inputs["epochs"] - wanted.early]
    answer = subject.sitter.answer(
        wanted.exercise, walk, wanted.exercise, _places(subject, wanted), stops, *inputs.values()
    )
    path = _finite(_tensors(answer)[0])
    if path.shape != (3, 2):
        raise Undrawable(f"{wanted.exercise} should train a weight and a bias")
    best = torch.cat([part.reshape(-1) for part in wanted.best(*columns)])

    def loss(line: Tensor) -> float:
        return float((line[0] * x + line[1] - y).square().mean())

    return FitNumbers(
        subject.title(wanted, f"{len(x)} points and the line through them"),
        tuple(zip(x.tolist(), y.tolist(), strict=True)),
        _pair(path[2]),
        inputs["epochs"],
        _pair(path[1]),
        wanted.early,
        _pair(best),
        loss(path[2]),
        loss(best),
    )


@numbers.register
def _separation(wanted: figure.Separation, subject: Subject) -> SeparationNumbers:
    inputs = subject.inputs(wanted)
    points, targets = (inputs[name] for name in list(inputs)[:2])
    low, high = points.min().item(), points.max().item()
    margin = 0.35 * (high - low)
    axis = torch.linspace(low - margin, high + margin, 41, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis).flip(1)  # rows of equal second input
    names = [wanted.exercise, wanted.forward, wanted.linear, wanted.collapse]
    answer = subject.sitter.answer(wanted.exercise, separate, names, grid, *inputs.values())
    if not isinstance(answer, dict) or set(answer) != {"losses", "weight", "bias", "bent"}:
        raise Undrawable(f"{wanted.exercise} does not give two nets")
    losses, weight, bias, bent = (
        _finite(_tensors(answer[k])[0]) for k in ("losses", "weight", "bias", "bent")
    )
    if weight.shape != (1, 2) or bias.shape != (1,) or bent.numel() != len(grid):
        raise Undrawable(f"{wanted.collapse} or {wanted.forward} has another shape here")
    ones = torch.cat([points, torch.ones(len(points), 1, dtype=points.dtype)], dim=1)
    best = torch.linalg.lstsq(ones, targets).solution
    least = (0.5 * (ones @ best - targets).square().sum(dim=1)).mean().item()
    straight = grid @ weight[0] + bias
    return SeparationNumbers(
        subject.title(wanted, "what each net can separate"),
        tuple((a, b) for a, b in points.tolist()),
        tuple(targets.reshape(-1).tolist()),
        tuple(axis.tolist()),
        _rows(straight, len(axis)),
        _rows(bent.reshape(-1), len(axis)),
        _pair(losses),
        least,
    )


def _path(wanted: Any, inputs: Mapping[str, Any], subject: Subject) -> tuple[Tensor, int]:
    """The parameters at the start and after more and more epochs, shape (k, p), and the epochs."""
    *_, epochs = inputs.values()
    stops = torch.linspace(0, 1, MOST_POINTS).pow(3).mul(epochs).ceil().int().unique().tolist()
    if epochs < MOST_POINTS:
        stops = list(range(epochs + 1))
    counts = [b - a for a, b in zip(stops, stops[1:], strict=False)]
    places = _places(subject, wanted)
    answer = subject.sitter.answer(
        wanted.exercise, walk, wanted.exercise, places, counts, *inputs.values()
    )
    path = _tensors(answer)[0]
    if path.ndim != 2 or len(path) != len(counts) + 1:
        raise Undrawable(f"{wanted.exercise} does not return its parameters")
    return path, epochs


def _places(subject: Subject, wanted: Any) -> list[int]:
    """Where the trained parameters stand among the arguments: those that the exercise returns."""
    exercise = subject.exercise(wanted.exercise)
    names = list(exercise.parameters)
    return [names.index(quantity) for quantity in exercise.quantities if quantity in names]


def _read(answer: object) -> tuple[graph.Node, ...]:
    try:
        return graph.read(answer)
    except graph.Malformed as problem:
        raise Undrawable(f"there is no graph: {problem}") from problem


def _tensors(answer: Any) -> list[Tensor]:
    """The returned tensors, in float64. Raises Undrawable if something else came back."""
    values = [part.values if isinstance(part, Array) else part for part in parts(answer)]
    if not values or not all(isinstance(value, (Tensor, float, int)) for value in values):
        raise Undrawable("what came back is not made of tensors")
    return [torch.as_tensor(value, dtype=torch.float64) for value in values]


def _finite(values: Tensor) -> Tensor:
    """The values, if a picture can show them. Raises Undrawable."""
    if not bool((values.abs() < TOO_LARGE).all()):
        raise Undrawable("the numbers grow beyond all bounds: does training go downhill?")
    return values


def _same(value: Tensor | None, other: Tensor) -> bool:
    return value is not None and value.shape == other.shape and torch.allclose(value, other)


def _close(value: Tensor, right: Tensor) -> bool:
    right = right.detach().to(torch.float64)
    return value.numel() == right.numel() and close(
        value.reshape(-1), right.reshape(-1), rtol=DIFFERS_RTOL
    )


def _plain(value: Tensor) -> Nested:
    """A number, or nested tuples of them. Raises Undrawable for very many."""
    if value.numel() > MOST_ENTRIES:
        raise Undrawable(f"a node of the graph holds {value.numel()} numbers")

    def frozen(part: Any) -> Nested:
        return tuple(map(frozen, part)) if isinstance(part, list) else float(part)

    return frozen(value.tolist())


def _short(value: Tensor) -> str:
    return f"{value.item():.4g}".replace("-", "−") if value.numel() == 1 else str(value.tolist())


def _pair(values: Tensor) -> tuple[float, float]:
    first, second = values.tolist()
    return first, second


def _rows(values: Tensor, count: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.reshape(count, -1).tolist())
