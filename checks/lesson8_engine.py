"""Lesson 8, an engine: what is right on graphs of nodes, where engines go wrong. Words in data/.

A graph travels as numbers: `values`, `parents` and `slopes` of its nodes, parents first, and the
`ends` from which to go backward, one after the other. Both sides make their own nodes of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from itertools import product, starmap
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from checks import lesson4_sigmoid_net as net
from checks.grader.language import graphs
from checks.grader.language.engine import (
    DEEPEST,
    EARLY,
    ENDLESS,
    RIGHT,
    Engine,
    Spec,
    by_autograd,
    by_differences,
    forwards,
    in_all,
)
from checks.grader.language.exercises import exercise
from checks.grader.language.figure import Graph, Losses
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Exercise, Variants, Witness, lesson
from checks.grader.language.log import ROUNDS, stages
from checks.grader.language.slips import Slip, absent
from checks.grader.language.truth import gradient_of

# ── what runs in the student's process ─────────────────────────────────────────────────────────


def given_class(lesson: Any) -> Any:
    """The student's Node, if it is the one that was given."""
    kind, value = getattr(lesson, "Node", None), torch.ones(())
    says = "`Node` is given complete, and is not to be changed"
    if kind is None:
        raise RuntimeError(f"{says}: your file has no class of this name")
    node = kind(value)
    if node.value is not value or [*node.parents, *node.slopes] or node.grad is not None:
        raise RuntimeError(
            f"{says}: in your file `Node(value)` does not begin with this value, no parents, no "
            "slopes and `.grad` None"
        )
    return kind


def returned(what: str, made: Any) -> TypeError:
    kind = "None: is there a `return`?" if made is None else f"a {type(made).__name__}."
    return TypeError(f"{what}, and returned {kind}")


def parts_of(name: str, lesson: Any, *given: Any) -> tuple[Any, ...]:
    """Value, slopes, and whether the parents are right, of a node that an operation makes."""
    Node = given_class(lesson)
    arguments: list[Any] = []
    for one in given:
        same = [a for a in arguments if isinstance(one, Tensor) and torch.equal(a.value, one)]
        arguments.append(same[0] if same else Node(one) if isinstance(one, Tensor) else one)
    made = getattr(lesson, name)(*arguments)
    if not isinstance(made, Node):
        raise returned(f"`{name}` has to return a Node", made)
    parents = [node for node in arguments if isinstance(node, Node)]
    if len(made.slopes) != len(parents):
        raise ValueError(
            f"one slope for each parent: the node of `{name}` should have {len(parents)}, and has "
            f"{len(made.slopes)}. A node is made by `Node(value, parents, slopes)`"
        )
    for what, part in (("the value", made.value), *(("each slope", s) for s in made.slopes)):
        if not isinstance(part, Tensor):
            raise TypeError(
                f"{what} of the node of `{name}` has to be a 0-d tensor, and is a "
                + (
                    "Node: the number of a node is its `.value`."
                    if isinstance(part, Node)
                    else f"Python {type(part).__name__}. `torch.ones_like(a.value)` is a 1 of the "
                    "right kind."
                )
            )
    right = [id(node) for node in made.parents] == [id(node) for node in parents]
    return made.value, *made.slopes, right


def nodes_of(lesson: Any, end: Any) -> tuple[list[Any], Any]:
    """The nodes of a graph, and a way to call a function that stops who follows every path."""
    Given, most, looks = given_class(lesson), 50_000, [0]

    class Counted(Given):  # type: ignore[misc, valid-type]
        """Counts how often somebody asks for parents."""

        @property
        def parents(self) -> Any:
            looks[0] += 1
            if looks[0] > most:
                raise RuntimeError("every path is followed")
            return self.own_parents

        @parents.setter
        def parents(self, parents: Any) -> None:
            self.own_parents = parents

    def call(name: str, node: Any) -> Any:
        try:
            return getattr(lesson, name)(node)
        except Exception:
            if looks[0] <= most:
                raise
        finally:
            looks[0] = 0
        raise RuntimeError(
            f"on a graph of {len(nodes)} nodes `{name}` asked 50000 times for the parents of a "
            "node and had still not come to an end. Each node needs one visit: remember which "
            "nodes you have been at."
        )

    nodes: list[Any] = []
    Node = Counted if len(end["values"]) < 100 else Given  # a long chain has one path
    for value, parents, slopes in zip(end["values"], end["parents"], end["slopes"]):  # noqa: B905
        nodes.append(Node(value, tuple([nodes[i] for i in parents]), slopes))
    return nodes, call


def all_behind(nodes: list[Any], end: Any) -> list[Any]:
    """Those of the nodes that one depends on, and itself, in the order in which they were made."""
    found, new = {end}, [end]
    while new:
        more = [parent for parent in new.pop().parents if parent not in found]
        found.update(more)
        new += more
    return [node for node in nodes if node in found]


def list_nodes(lesson: Any, end: Any) -> Any:
    """The order before every end, as places in the graph; −1 for what is no node of it."""
    Given, (nodes, call) = given_class(lesson), nodes_of(lesson, end)
    places = {id(node): i for i, node in enumerate(nodes)}
    orders = []
    for i in end.get("every", end["ends"][:1]):
        order = call("topological_order", nodes[i])
        wanted = "`topological_order` has to return a list of nodes"
        if not hasattr(order, "__iter__"):
            raise returned(wanted, order)
        if isinstance(order, (set, frozenset)):
            raise TypeError(f"{wanted}, and returned a set, which has no order")
        order = list(order)
        if order and not any(isinstance(node, Given) for node in order):
            raise TypeError(
                f"{wanted}, and the list holds {type(order[0]).__name__}s. Put the nodes "
                "themselves in it."
            )
        orders.append(torch.tensor([places.get(id(node), -1) for node in order]))
    return tuple(orders)


def check_grads(grads: list[Any]) -> None:
    for grad in grads:
        if isinstance(grad, Tensor) and grad.shape == ():
            continue
        kind = (
            f"Python {type(grad).__name__}. `torch.ones_like(end.value)` is a 1 of the right kind."
        )
        if isinstance(grad, Tensor):
            kind = f"tensor of shape {tuple(grad.shape)}."
        raise TypeError(f"the `.grad` of a leaf has to be a 0-d tensor, shape (), and is a {kind}")


def go_backward(lesson: Any, end: Any) -> Any:
    """What the leaves hold after each of three calls, and whether all other nodes hold None."""
    return held_by_leaves(*nodes_of(lesson, end), end)


def held_by_leaves(nodes: list[Any], call: Any, end: Any) -> Any:
    leaves = [node for node in nodes if not node.parents]
    given = [*end["values"], *(slope for own in end["slopes"] for slope in own)]
    numbers = list({id(number): number for number in given}.values())
    before = torch.stack(numbers)
    held: list[Tensor] = []
    for start in end["ends"]:
        call("backward", nodes[start])
        grads = [torch.zeros_like(n.value) if n.grad is None else n.grad for n in leaves]
        check_grads(grads)
        if not held:
            if len(nodes) > 1 and all(node.grad is None for node in nodes):
                raise ValueError(
                    "after `backward(end)` the `.grad` of every leaf is still None. The gradients "
                    "go there; nothing is returned."
                )
            inner = all(node.grad is None for node in nodes if node.parents)
            needed = set(all_behind(nodes, nodes[start]))
            beside = all(leaf.grad is None for leaf in leaves if leaf not in needed)
        held.append(torch.stack(grads))
    if not torch.equal(before, torch.stack(numbers)):
        raise ValueError(
            "`backward` changed values or slopes of the graph: somewhere a tensor is changed in "
            "place (`+=`, `*=`) that is still in use. Write `a = a + b`."
        )
    return (*held, inner, beside)


def go_backward_apart(lesson: Any, end: Any) -> Any:
    """With a right order in place of the student's. It knows the nodes of this graph and no others,
    so that a file that keeps it for later has gained nothing."""
    nodes, call = nodes_of(lesson, end)
    around = getattr(lesson.backward, "__globals__", vars(lesson))
    own = around.get("topological_order")
    around["topological_order"] = lambda end: all_behind(nodes, end)
    try:
        return held_by_leaves(nodes, call, end)
    finally:
        around["topological_order"] = own


def through_nodes(name: str, lesson: Any, *given: Any) -> Any:
    """The answer of a function that has to make nodes on its way to it."""
    Given = given_class(lesson)
    made: list[None] = []
    begin = Given.__init__

    def counted(self: Any, *values: Any, **named: Any) -> None:
        made.append(None)
        begin(self, *values, **named)

    Given.__init__ = counted
    try:
        answer = getattr(lesson, name)(*given)
    finally:
        Given.__init__ = begin
    if not made:
        raise RuntimeError(
            f"`{name}` has made no Node: here the gradients come from your own engine. Build the "
            "loss of nodes, go backward from it, and read the `.grad` of the weights."
        )
    return answer


# ── what is right ──────────────────────────────────────────────────────────────────────────────

#: What `backward` has done to `.grad`.
HELD = (
    ".grad of the leaves",
    "after a second backward",
    "after a third one",
    "nodes with parents keep None",
    "other leaves keep None",
)


def add(a: Tensor, b: Tensor) -> tuple[Any, ...]:
    one = torch.ones_like(a)
    return a + b, one, one, True


def multiply(a: Tensor, b: Tensor) -> tuple[Any, ...]:
    return a * b, b, a, True


def power(a: Tensor, n: int | float) -> tuple[Any, ...]:
    return a**n, n * a ** (n - 1), True


def sigmoid(a: Tensor) -> tuple[Any, ...]:
    s = 1 / (1 + torch.exp(-a))
    return s, s * (1 - s), True


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """Numbers for the operations, and a graph that hides no mistake."""
    return {"a": dice.number("a"), "b": dice.number("b"), "end": graphs.draw_graph(dice)}


def draw_power(dice: Dice) -> Mapping[str, Any]:
    """A base above 0 where the exponent is not whole."""
    n, a = (3, -2, 2.5, -1)[dice.trial], dice.number("a", high=1.9)
    return {"a": a.abs() if isinstance(n, float) else a, "n": n}


# ── where engines go wrong ─────────────────────────────────────────────────────────────────────


def engines(first: Engine, *others: Engine) -> list[Any]:
    """Wrong engines under one id; the first is also tried together with another mistake."""
    return [first, *(partial(other.__call__) for other in others)]


def never_ending(right: Callable[..., Any]) -> list[Any]:
    """Right where paths are few; and the same by a function that calls itself."""

    def stopped(is_recursive: bool, end: Spec) -> Any:
        size = len(end["parents"])
        if size == 61 or (is_recursive and size > DEEPEST):
            raise RecursionError
        return right(end)

    return [partial(stopped, False), partial(stopped, True)]


def key_error(end: Spec) -> Any:
    """Leaves first, and nothing has arrived at them."""
    if len(end["parents"]) > 1:
        nodes = zip(end["values"], end["parents"], strict=True)
        raise KeyError(*(f"Node({value.item():g})" for value, own in nodes if not own))
    return RIGHT(end)


def orders(*on_random: bool | None) -> list[Any]:
    """What is wrong with the lists on some random graph or on more; on the small ones anything."""

    def listed(raises: tuple[bool, bool], wrong: tuple[bool, ...], end: Spec) -> Any:
        size = len(end["parents"])
        if (size == 61 and raises[0]) or (size > DEEPEST and raises[1]):
            raise RecursionError
        if "every" not in end:
            return (None,) * len(graphs.ORDER)
        trial = sum(size >= least for least in graphs.SIZES[1:])
        return on_random if wrong[trial] else graphs.topological_order(end)

    some = [wrong for wrong in product((True, False), repeat=len(graphs.SIZES)) if any(wrong)]
    return list(starmap(partial(partial, listed), product(product((False, True), repeat=2), some)))


ORDER_MISTAKES: dict[str, Variants] = {
    "visited_twice": orders(True, False, True, None, None) + orders(True, False, True, None, True),
    "visited_twice/endless": never_ending(graphs.topological_order),
    "order_not_topological/reversed": orders(True, True, True, False, False),
    "order_not_topological": orders(True, True, True, True, False),
    "nodes_left_out": orders(False, True, True, None, None),
}
ARRIVES: Sequence[Any] = ("replaces", "replaces inside", "replaces leaf", "is lost")
SUMMED_UP: dict[str, Any] = {"keeps": "grads", "leaf": "replaced"}
BACKWARD_MISTAKES: dict[str, Variants] = {
    "seed_forgotten": engines(Engine(seed="nothing"), Engine(seed="value")),
    "seed_everywhere": Engine(seed="everywhere"),
    "upstream_ignored": Engine(hands_on=lambda upstream, slope: slope),
    "slopes_added": Engine(hands_on=operator.add),
    "slope_left_out": Engine(hands_on=lambda upstream, slope: upstream),
    "slope_divided": Engine(hands_on=operator.truediv),
    "accumulation_missed": engines(
        Engine(leaf="replaced"),
        *(Engine(arrives=kind, leaf="replaced") for kind in ARRIVES),
        *(Engine(arrives=kind) for kind in ARRIVES),
    ),
    "interior_grads_kept": engines(
        Engine(**SUMMED_UP),
        Engine(**SUMMED_UP, seed="added"),
        Engine(keeps="dict", leaf="replaced"),
        Engine(keeps="dict"),
        Engine(keeps="dict", leaf="replaced", seed="added"),
        Engine(keeps="dict", seed="added"),
    ),
    "interior_grads_kept/shown": Engine(keeps="shown"),
    "same_parent_once": engines(Engine(twice="first"), Engine(twice="last")),
    "slope_of_first_place": Engine(twice="first again"),
    "end_is_leaf_missed": Engine(alone=False),
    "order_not_topological": [
        *engines(
            Engine(steps=forwards),
            *(Engine(steps=walk) for walk in EARLY),
            *(Engine(steps=walk, late="is lost") for walk in EARLY),
            *(Engine(steps=walk, **SUMMED_UP) for walk in EARLY),
        ),
        key_error,
    ],
    "visited_twice": engines(
        *(Engine(steps=walk) for walk in ENDLESS),
        *(Engine(steps=walk, **SUMMED_UP) for walk in ENDLESS),
    ),
    "visited_twice/endless": never_ending(RIGHT),
}


def combined(*wrong: Engine) -> Callable[..., tuple[Any, ...]]:
    return reduce(operator.or_, wrong, RIGHT).__call__


def power_without(*slips: Slip) -> Callable[..., tuple[Any, ...]]:
    absent = {name for slip in slips for name in slip.at}
    front, lower = "front" not in absent, "lower" not in absent
    return lambda a, n: (a**n, (n if front else 1) * a ** (n - lower), True)


def sloped(*slopes: Callable[[Tensor, Tensor], Tensor]) -> list[Any]:
    """Other slopes of the sigmoid, of a and its value s."""
    return [lambda a, slope=slope: ((s := sigmoid(a)[0]), slope(a, s), True) for slope in slopes]


def operation(
    truth: Callable[..., Any], compute: Callable[..., Tensor], name: str, **fields: Any
) -> Exercise:
    """An exercise on one operation: value, a slope for each parent, the parents. Its witnesses are
    PyTorch's own operation, and autograd and differences of it."""
    wrt = ("a", "b") if "b" in name else ("a",)

    def full(slopes: Witness) -> Witness:
        def evaluate(**inputs: Any) -> tuple[Any, ...]:
            found = slopes.evaluate(**inputs)
            return compute(**inputs), *(found if isinstance(found, tuple) else (found,)), True

        return Witness(slopes.name, evaluate)

    listed = "(a, b)" if len(wrt) == 2 else "(a,)"
    return exercise(
        truth,
        (name, *(f"∂({name})/∂{parent}" for parent in wrt), f"parents are {listed}"),
        *map(full, gradient_of(compute, *wrt)),
        method="by_engine",
        driver=partial(parts_of, truth.__name__),
        needs=(given_class, returned),
        **fields,
    )


def through_engine(name: str, of_net: str) -> Exercise:
    """An exercise of lesson 4, done by the student's engine."""
    theirs = next(one for one in net.LESSON.exercises if one.name == of_net)
    own = replace(theirs, name=name, draw=net.draw, method="by_engine")
    return replace(own, driver=partial(through_nodes, name), needs=(given_class,))


# ── the claims, the program ────────────────────────────────────────────────────────────────────


def at(graph: Callable[[Tensor], Spec], *values: float) -> Spec:
    return graph(torch.tensor(values, dtype=torch.float64))


def second_time(engine: Engine) -> tuple[float, ...]:
    return tuple(engine(at(graphs.shared, 2, -3))[1].tolist())


def second_time_in_torch() -> tuple[float, ...]:
    a, b = leaves = [torch.tensor(value, requires_grad=True) for value in (2.0, -3.0)]
    c = a * b
    f = (c + a) * c
    f.backward(retain_graph=True)
    f.backward()
    return tuple(leaf.grad.item() for leaf in leaves if leaf.grad is not None)


CLAIMS = {
    "second_in_torch": second_time_in_torch,
    "second_when_kept": lambda: second_time(Engine(**SUMMED_UP)),
    "second_with_seed_added": lambda: second_time(Engine(**SUMMED_UP, seed="added")),
    "doubled_sixty_times": lambda: RIGHT(at(graphs.doubled, 1.5))[0].item(),
    "long_chain": lambda: by_autograd(at(graphs.chain, 1.5), 20000).item(),
}


def program(lesson: ModuleType, device: str) -> None:
    """Lesson 4's net, trained by the student's engine and by torch.autograd, side by side."""
    x, y, w = (values.float().to(device) for values in net.worked())
    leaf = w.clone().requires_grad_()
    right = torch.autograd.grad(net.loss(x, y, leaf), leaf)[0].tolist()
    print("gradient at the start   your engine   torch.autograd")
    mine = lesson.net_gradients(x, y, w).tolist()
    for name, one, other in zip(net.GRADIENTS, mine, right, strict=True):
        print(f"  {name}           {one:>14.7f} {other:>16.7f}")
    print("\nloss before round       your engine   torch.autograd")
    own = [*stages(lambda w, n: lesson.train(x, y, w, 1.0, n), w, *ROUNDS)]
    theirs = [*stages(lambda w, n: net.train.by_autograd(x, y, w, 1.0, n), w, *ROUNDS)]
    for (until, _, loss), (_, _, other) in zip(own, theirs, strict=True):
        print(f"  {until:>4}                {loss:>14.7f} {other:>16.7f}")
    apart = (own[-1][1] - theirs[-1][1]).abs().max()
    print(f"\nThe largest difference between the trained weights: {apart:.1e}")


# ── the lesson ─────────────────────────────────────────────────────────────────────────────────

LESSON = lesson(
    __name__,
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=tuple(
        replace(figure, exercise="net_gradients", hand=None, engine=True)
        if isinstance(figure, Graph)
        else figure
        for figure in net.FIGURES
        if isinstance(figure, Graph | Losses)
    ),
    exercises=(
        operation(
            add,
            lambda a, b: torch.add(a, b),
            "a + b",
            wrong={
                "slopes_of_product": [
                    lambda a, b: (a + b, b, a, True),
                    lambda a, b: (a + b, a, b, True),
                ]
            },
        ),
        operation(
            multiply,
            lambda a, b: torch.mul(a, b),
            "a·b",
            wrong={
                "slopes_swapped": lambda a, b: (a * b, a, b, True),
                "slopes_of_sum": lambda a, b: (a * b, *add(a, b)[1:]),
            },
        ),
        operation(
            power,
            lambda a, n: torch.pow(a, n),
            "aⁿ",
            draw=draw_power,
            slipped=power_without,
            wrong={
                "exponent_not_in_front": absent("front"),
                "exponent_not_lowered": absent("lower"),
            },
        ),
        operation(
            sigmoid,
            lambda a: torch.sigmoid(a),
            "σ(a)",
            draw=lambda dice: {"a": dice.number("a", high=4.5)},
            wrong={
                "half_a_slope": sloped(lambda a, s: s, lambda a, s: 1 - s),
                "slope_of_activation": sloped(lambda a, s: sigmoid(s)[1]),
                "slope_at_sum": sloped(lambda a, s: a * (1 - a)),
                "tanh_slope": sloped(lambda a, s: 1 - s**2),
            },
        ),
        exercise(
            graphs.topological_order,
            graphs.ORDER,
            Witness("another order", graphs.is_order),
            method="by_engine",
            driver=list_nodes,
            needs=(given_class, returned, nodes_of),
            reads=graphs.read_order,
            wrong=ORDER_MISTAKES,
        ),
        exercise(
            RIGHT,
            HELD,
            Witness("autograd", in_all(by_autograd)),
            Witness("differences", in_all(by_differences)),
            name="backward",
            method="by_engine",
            driver=go_backward,
            mended=go_backward_apart,
            needs=(given_class, nodes_of, all_behind, check_grads, held_by_leaves),
            slipped=combined,
            wrong=BACKWARD_MISTAKES,
        ),
        through_engine("net_gradients", "grad_by_hand"),
        through_engine("train", "train"),
    ),
)
