"""Lesson 8, an engine: graphs of nodes, what is right on them, and where engines go wrong.

A graph travels as numbers: `values`, `parents` and `slopes` of its nodes, parents first, and the
`ends` from which to go backward, one after the other. Both sides make their own nodes of it.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product, starmap
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from checks.grader.language.figure import Graph, Losses
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Built, Claim, Exercise, Lesson, Mistake, Source, Witness
from checks.grader.language.truth import gradient_of
from checks.lesson4_sigmoid_net import LESSON as NET

#: A graph as both sides know it; see the top of this file.
Spec = dict[str, Any]
#: A handing on: (the node, the place of the parent among its parents).
Step = tuple[int, int]
#: A wrong walk of more steps on a small graph follows every path, and there are too many.
MOST_STEPS = 10_000


# ── graphs, named by their first line ──────────────────────────────────────────────────────────


def product_node(at: Tensor) -> Spec:
    """z = x·w at (x, w) ="""
    x, w = at
    return {
        "values": [x, w, x * w],
        "parents": [(), (), (0, 1)],
        "slopes": [(), (), (w, x)],
        "ends": [2, 2, 0],
    }


def shared(at: Tensor) -> Spec:
    """f = e·c, where e = c + a and c = a·b, at (a, b) ="""
    a, b = at
    c, e, one = a * b, a * b + a, torch.ones_like(a)
    return {
        "values": [a, b, c, e, e * c],
        "parents": [(), (), (0, 1), (2, 0), (3, 2)],
        "slopes": [(), (), (b, a), (one, one), (c, e)],
        "ends": [4, 4, 2],
    }


def square(at: Tensor) -> Spec:
    """a·a, one node that is both parents, at a ="""
    a = at[0]
    return {
        "values": [a, a * a],
        "parents": [(), (0, 0)],
        "slopes": [(), (a, a)],
        "ends": [1, 1, 1],
    }


def lone_leaf(at: Tensor) -> Spec:
    """a leaf, and nothing else, of value ="""
    return {"values": [at[0]], "parents": [()], "slopes": [()], "ends": [0, 0, 0]}


def doubled(at: Tensor) -> Spec:
    """x doubled 60 times by n = n + n (61 nodes, 2⁶⁰ paths), x ="""
    one = torch.ones_like(at[0])
    return {
        "values": [at[0] * 2**k for k in range(61)],
        "parents": [(), *((k, k) for k in range(60))],
        "slopes": [(), *[(one, one)] * 60],
        "ends": [60, 60, 30],
    }


def chain(at: Tensor) -> Spec:
    """x + 0 + 0 + … + 0, a chain of 20000 additions of a constant, x ="""
    return {
        "values": [at[0]] * 20001,
        "parents": [(), *((k,) for k in range(20000))],
        "slopes": [(), *[(torch.ones_like(at[0]),)] * 20000],
        "ends": [20000, 5, 2],
    }


def random_graph(leaves: Tensor, slopes: Tensor, edges: Tensor) -> Spec:
    """a random graph; its leaves, its slopes, and from which parent to which node each leads:"""
    values: list[Any] = list(leaves.unbind())
    pairs = [(int(parent), int(node)) for parent, node in edges.tolist()]
    nodes = range(pairs[-1][1] + 1)
    parents = [tuple(p for p, node in pairs if node == i) for i in nodes]
    own = [tuple(slopes[k] for k, (_, node) in enumerate(pairs) if node == i) for i in nodes]
    for i in nodes[len(values) :]:
        values.append(sum(slope * values[p] for slope, p in zip(own[i], parents[i], strict=True)))
    last = len(nodes) - 1
    return {
        "values": values,
        "parents": parents,
        "slopes": own,
        "ends": [last, last, last - 1],
        "every": list(nodes),
    }


# ── what runs in the student's process ─────────────────────────────────────────────────────────


def given_class(lesson: Any) -> Any:
    """The student's Node, if it is the one that was given."""
    kind, value = getattr(lesson, "Node", None), torch.ones(())
    says = "`Node` is given complete, and is not to be changed"
    if kind is None:
        raise RuntimeError(f"{says}: your file has no class of this name")
    node = kind(value)
    if (
        node.value is not value
        or tuple(node.parents)
        or tuple(node.slopes)
        or node.grad is not None
    ):
        raise RuntimeError(
            f"{says}: in your file `Node(value)` does not begin with this value, no parents, no "
            "slopes and `.grad` None"
        )
    return kind


def parts_of(lesson: Any, name: str, *given: Any) -> tuple[Any, ...]:
    """Value, slopes, and whether the parents are right, of a node that an operation makes."""
    Node = given_class(lesson)
    arguments: list[Any] = []
    for one in given:
        if isinstance(one, Tensor):
            same = [node for node in arguments if torch.equal(node.value, one)]
            arguments.append(same[0] if same else Node(one))
        else:
            arguments.append(one)
    made = getattr(lesson, name)(*arguments)
    if not isinstance(made, Node):
        kind = "None: is there a `return`?" if made is None else f"a {type(made).__name__}."
        raise TypeError(f"`{name}` has to return a Node, and returned {kind}")
    parents = [node for node in arguments if isinstance(node, Node)]
    if len(made.slopes) != len(parents):
        raise ValueError(
            f"one slope for each parent: the node of `{name}` should have {len(parents)}, and has "
            f"{len(made.slopes)}"
        )
    for what, part in (("the value", made.value), *(("each slope", s) for s in made.slopes)):
        if not isinstance(part, Tensor):
            raise TypeError(
                f"{what} of the node of `{name}` has to be a 0-d tensor, and is a Python "
                f"{type(part).__name__}. `torch.ones_like(a.value)` is a 1 of the right kind."
            )
    right = [id(node) for node in made.parents] == [id(node) for node in parents]
    return made.value, *made.slopes, right


def use_add(lesson: Any, a: Tensor, b: Tensor) -> Any:
    return parts_of(lesson, "add", a, b)


def use_multiply(lesson: Any, a: Tensor, b: Tensor) -> Any:
    return parts_of(lesson, "multiply", a, b)


def use_power(lesson: Any, a: Tensor, n: float) -> Any:
    return parts_of(lesson, "power", a, n)


def use_sigmoid(lesson: Any, a: Tensor) -> Any:
    return parts_of(lesson, "sigmoid", a)


def nodes_of(lesson: Any, end: Any) -> tuple[list[Any], Any]:
    """The nodes of a graph, and a way to call a function that stops who follows every path."""
    Given, most, looks = given_class(lesson), 50_000 if len(end["values"]) < 100 else 10**9, [0]

    class Node(Given):  # type: ignore[misc, valid-type]
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
        looks[0] = 0
        try:
            return getattr(lesson, name)(node)
        except Exception:
            if looks[0] <= most:
                raise
        raise RuntimeError(
            f"on a graph of {len(nodes)} nodes `{name}` asked 50000 times for the parents of a "
            "node and had still not come to an end. Each node needs one visit: remember which "
            "nodes you have been at."
        )

    nodes: list[Any] = []
    for value, parents, slopes in zip(end["values"], end["parents"], end["slopes"]):  # noqa: B905
        nodes.append(Node(value, tuple(nodes[i] for i in parents), slopes))
        nodes[-1].place = len(nodes)
    return nodes, call


def list_nodes(lesson: Any, end: Any) -> Any:
    """The order before every end, as places in the graph; −1 for what is no node of it."""
    nodes, call = nodes_of(lesson, end)
    places = {id(node): i for i, node in enumerate(nodes)}
    orders = []
    for i in end.get("every", end["ends"][:1]):
        order = call("topological_order", nodes[i])
        if not hasattr(order, "__iter__"):
            kind = "None: is there a `return`?" if order is None else f"a {type(order).__name__}."
            raise TypeError(
                f"`topological_order` has to return a list of nodes, and returned {kind}"
            )
        orders.append(torch.tensor([places.get(id(node), -1) for node in order]))
    return tuple(orders)


def go_backward(lesson: Any, end: Any) -> Any:
    """What the leaves hold after each of three calls, and whether all other nodes hold None."""
    nodes, call = nodes_of(lesson, end)
    leaves = [node for node, parents in zip(nodes, end["parents"]) if not parents]  # noqa: B905
    numbers = [*end["values"], *{id(s): s for own in end["slopes"] for s in own}.values()]
    before = torch.stack(numbers)
    held: list[Tensor] = []
    for start in end["ends"]:
        call("backward", nodes[start])
        grads = [
            torch.zeros_like(leaf.value) if leaf.grad is None else leaf.grad for leaf in leaves
        ]
        for grad in grads:
            if not isinstance(grad, Tensor) or grad.shape != ():
                kind = f"a tensor of shape {tuple(grad.shape)}" if isinstance(grad, Tensor) else ""
                raise TypeError(
                    "the `.grad` of a leaf has to be a 0-d tensor, shape (), and is "
                    f"{kind or 'a Python ' + type(grad).__name__}."
                )
        if not held:
            if len(nodes) > 1 and all(node.grad is None for node in nodes):
                raise ValueError(
                    "after `backward(end)` the `.grad` of every leaf is still None. The gradients "
                    "go there; nothing is returned."
                )
            inner = all(node.grad is None for node in nodes if node not in leaves)
            behind, new = set(), [nodes[start]]
            while new:
                node = new.pop()
                new += [parent for parent in node.own_parents if parent not in behind]
                behind.update(new)
            behind.add(nodes[start])
            beside = all(leaf.grad is None for leaf in leaves if leaf not in behind)
        held.append(torch.stack(grads))
    if not torch.equal(before, torch.stack(numbers)):
        raise ValueError(
            "`backward` changed values or slopes of the graph: somewhere a tensor is changed in "
            "place (`+=`, `*=`) that is still in use. Write `a = a + b`."
        )
    return (*held, inner, beside)


def right_functions(Node: Any) -> dict[str, Any]:
    """Another engine, right and written otherwise, for functions that are judged on their own."""

    def power(a: Any, n: Any) -> Any:
        return Node(a.value.pow(n), (a,), (n * a.value.pow(n - 1),))

    def sigmoid(a: Any) -> Any:
        s = 1 / (1 + torch.exp(-a.value))
        return Node(s, (a,), (s - s * s,))

    def topological_order(end: Any) -> Any:
        """Last to first: who has handed on to all of its children comes next."""
        waiting, new = {end: 0}, [end]
        while new:
            for parent in new.pop().parents:
                if parent not in waiting:
                    new.append(parent)
                waiting[parent] = waiting.get(parent, 0) + 1
        order, ready = [], [end]
        while ready:
            order.append(ready.pop())
            for parent in order[-1].parents:
                waiting[parent] -= 1
                if not waiting[parent]:
                    ready.append(parent)
        return order[::-1]

    def backward(end: Any) -> None:
        sums = {end: torch.ones_like(end.value)}
        for node in topological_order(end)[::-1]:
            for parent, slope in zip(node.parents, node.slopes):  # noqa: B905
                sums[parent] = sums.get(parent, 0) + sums[node] * slope
            if not node.parents:
                node.grad = sums[node] if node.grad is None else node.grad + sums[node]

    def net_gradients(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        first, second = w[:4].reshape(2, 2), w[4:].reshape(2, 2)
        h = torch.sigmoid(x @ first)
        o = torch.sigmoid(h @ second)
        s = (o - y) * o * (1 - o)
        hidden = torch.outer(x, (second @ s) * h * (1 - h))
        return torch.cat([hidden.reshape(-1), torch.outer(h, s).reshape(-1)])

    def add(a: Any, b: Any) -> Any:
        return Node(a.value + b.value, (a, b), (torch.ones_like(a.value),) * 2)

    def multiply(a: Any, b: Any) -> Any:
        return Node(a.value * b.value, (a, b), (b.value, a.value))

    return {
        "add": add, "multiply": multiply, "power": power, "sigmoid": sigmoid,
        "topological_order": topological_order, "backward": backward,
        "net_gradients": net_gradients,
    }  # fmt: skip


def with_right(lesson: Any, name: str, right: Any, run: Any) -> Any:
    """A call with right functions in place of the student's functions before `name`."""
    around = getattr(getattr(lesson, name), "__globals__", vars(lesson))
    own = {key: around[key] for key in right if key in around}
    around.update(right)
    try:
        return run()
    finally:
        for key in right:
            around.pop(key)
        around.update(own)


def go_backward_apart(lesson: Any, end: Any) -> Any:
    def topological_order(end: Any) -> Any:
        """The nodes in the order in which they were made."""
        found, new = {end}, [end]
        while new:
            more = [parent for parent in new.pop().own_parents if parent not in found]
            found.update(more)
            new += more
        return sorted(found, key=lambda node: node.place)

    right = {"topological_order": topological_order}
    return with_right(lesson, "backward", right, lambda: go_backward(lesson, end))


def net_gradients_apart(lesson: Any, x: Tensor, y: Tensor, w: Tensor) -> Any:
    right = right_functions(given_class(lesson))
    del right["net_gradients"]
    return with_right(lesson, "net_gradients", right, lambda: lesson.net_gradients(x, y, w))


def train_apart(lesson: Any, x: Tensor, y: Tensor, w: Tensor, step: float, rounds: int) -> Any:
    right = right_functions(given_class(lesson))
    return with_right(lesson, "train", right, lambda: lesson.train(x, y, w, step, rounds))


# ── what is right, and the steps in which engines differ ───────────────────────────────────────


def behind(end: Spec, start: int) -> list[int]:
    """The nodes that one depends on, and itself, parents first."""
    needed = [False] * start + [True]
    for node in range(start, -1, -1):
        if needed[node]:
            for parent in end["parents"][node]:
                needed[parent] = True
    return [node for node, is_needed in enumerate(needed) if is_needed]


def in_order(end: Spec, start: int) -> Iterator[Step]:
    """Who hands on when: every node once, after everything that was computed from it."""
    return by_nodes(end, behind(end, start)[::-1])


def by_nodes(end: Spec, nodes: Sequence[int]) -> Iterator[Step]:
    """Each node hands on to all of its parents at once; a leaf has its turn, too."""
    return ((node, k) for node in nodes for k in range(len(end["parents"][node]) or 1))


@dataclass(frozen=True)
class Engine:
    """How a backward goes about it; a wrong one differs from the right one in one field.

    steps     who hands on when: (graph, start) -> steps
    seed      what arrives at the end: 1, its value, nothing; 1 at every node; 1 added to what is
              there from the call before
    hands_on  (what arrived, the slope) -> what the parent gets
    arrives   what the second to arrive at a node does with the first; only at nodes with parents,
              or only at leaves, if it says so
    leaf      a leaf's `.grad` gets the new gradient added to it, or replaced by it
    keeps     what arrived stays after the call: nowhere; in a dict for the next call; in `.grad` of
              every node for the next call; in `.grad` of every node for nobody
    late      what arrives at a leaf after its own turn: it counts, or is lost
    once      a node that is both parents gets one share
    alone     a leaf that is the end itself gets its 1
    """

    steps: Callable[[Spec, int], Iterator[Step]] = in_order
    seed: Literal["one", "value", "nothing", "everywhere", "added"] = "one"
    hands_on: Callable[[float, float], float] = operator.mul
    arrives: Literal["added", "replaces", "replaces inside", "replaces leaf", "is lost"] = "added"
    leaf: Literal["added", "replaced"] = "added"
    keeps: Literal["nothing", "dict", "grads", "shown"] = "nothing"
    late: Literal["counts", "is lost"] = "counts"
    once: bool = False
    alone: bool = True


def backward(end: Spec, *, engine: Engine = Engine()) -> tuple[Any, ...]:  # noqa: B008
    """What the leaves hold after each call; that the others hold nothing, inside and beside."""
    parents = end["parents"]
    slopes = [tuple(map(float, own)) for own in end["slopes"]]
    grads = {leaf: 0.0 for leaf, own in enumerate(parents) if not own}
    kept: dict[int, float] = {}
    held = []
    for start in end["ends"]:
        sums = kept if engine.keeps in ("dict", "grads") else {}
        _seed(sums, end, start, engine)
        taken: dict[int, float] = {}
        for node, k in engine.steps(end, start):
            own = parents[node]
            if not own:
                taken[node] = sums.get(node, 0.0)
            elif not (engine.once and own[k] in own[:k]):
                part = engine.hands_on(sums.get(node, 0.0), slopes[node][k])
                _arrive(sums, own[k], part, engine, is_leaf=not parents[own[k]])
        if parents[start] or engine.alone:
            for leaf in grads.keys() & set(behind(end, start)):
                new = taken.get(leaf, 0.0) if engine.late == "is lost" else sums.get(leaf, 0.0)
                grads[leaf] = new if engine.leaf == "replaced" else grads[leaf] + new
        held.append(torch.tensor(list(grads.values()), dtype=torch.float64))
    return (*held, engine.keeps in ("nothing", "dict") or not any(parents), True)


def _seed(sums: dict[int, float], end: Spec, start: int, engine: Engine) -> None:
    if engine.seed == "everywhere":
        sums.update(dict.fromkeys(behind(end, start), 1.0))
    first = {"value": float(end["values"][start]), "nothing": 0.0}.get(engine.seed, 1.0)
    sums[start] = first + (sums.get(start, 0.0) if engine.seed == "added" else 0.0)


def _arrive(
    sums: dict[int, float], parent: int, part: float, engine: Engine, *, is_leaf: bool
) -> None:
    replaces = {"replaces": True, "replaces inside": not is_leaf, "replaces leaf": is_leaf}
    if replaces.get(engine.arrives) or parent not in sums:
        sums[parent] = part
    elif engine.arrives != "is lost":
        sums[parent] += part


def in_all(gradient: Callable[[Spec, int], Tensor]) -> Callable[..., tuple[Any, ...]]:
    """A witness that knows of gradients alone: calls add up."""

    def evaluate(end: Spec) -> tuple[Any, ...]:
        found = {start: gradient(end, start) for start in set(end["ends"])}
        first, second, third = (found[start] for start in end["ends"])
        return first, first + second, first + second + third, True, True

    return evaluate


def linear(end: Spec, start: int, leaves: Sequence[Any]) -> Any:
    """The graph as what its slopes say: every node is the weighted sum of its parents."""
    values: list[Any] = []
    given = iter(leaves)
    for own, slopes in zip(end["parents"][: start + 1], end["slopes"], strict=False):
        parts = [slope * values[p] for p, slope in zip(own, slopes, strict=True)]
        values.append(sum(parts[1:], parts[0]) if parts else next(given))
    return values[start]


def by_autograd(end: Spec, start: int) -> Tensor:
    count = sum(not own for own in end["parents"])
    leaves = [torch.ones((), dtype=torch.float64, requires_grad=True) for _ in range(count)]
    value = linear(end, start, leaves)
    grads = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    return torch.stack(grads)


def by_differences(end: Spec, start: int) -> Tensor:
    """With a step of 1: of weighted sums that is exact."""
    count = sum(not own for own in end["parents"])
    plain = {**end, "slopes": [tuple(map(float, own)) for own in end["slopes"]]}
    found = []
    for i in range(count):
        up, down = ([side * (k == i) for k in range(count)] for side in (1.0, -1.0))
        found.append((linear(plain, start, up) - linear(plain, start, down)) / 2)
    return torch.tensor(found, dtype=torch.float64)


def topological_order(end: Spec) -> tuple[bool, ...]:
    return (True,) * len(ORDER)


def is_order(end: Spec) -> tuple[bool, ...]:
    """The order of the other witness, read like a student's."""
    every = end.get("every", end["ends"][:1])
    found: tuple[bool, ...] = read_order(
        tuple(torch.tensor(behind(end, i)) for i in every), end=end
    )
    return found


#: What a list of nodes has to be; the answer to `topological_order`, read by `read_order`.
ORDER = (
    "every node that end needs",
    "each of them once",
    "nothing else",
    "end comes last",
    "parents before children",
)


def read_order(answer: Any, *, end: Spec) -> Any:
    """Whether the lists of nodes are what they have to be: many orders are right."""
    lists = [one.long().tolist() for one in answer]
    starts = end.get("every", end["ends"][:1])
    return tuple(all(column) for column in zip(*map(_facts, lists, starts, [end] * len(starts))))  # noqa: B905


def _facts(order: list[int], start: int, end: Spec) -> tuple[bool, ...]:
    wanted, parents = set(behind(end, start)), end["parents"]
    place = {node: i for i, node in enumerate(order)}
    early = any(
        place[p] > i for i, n in enumerate(order) if n >= 0 for p in parents[n] if p in place
    )
    once = len(order) == len(set(order)) or -1 in order
    return (
        wanted <= set(order),
        once,
        set(order) <= wanted,
        bool(order) and order[-1] == start,
        not early,
    )


# ── random inputs ──────────────────────────────────────────────────────────────────────────────


def draw(dice: Dice) -> Mapping[str, Any]:
    """Numbers for the operations, and a graph that hides no mistake."""
    a, b = dice.number("a"), dice.number("b")
    n = (3, -2, 2.5, 4)[dice.trial]
    return {"a": a, "b": b, "n": n, "end": draw_graph(dice)}


def draw_power(dice: Dice) -> Mapping[str, Any]:
    """A base above 0 where the exponent is not whole."""
    n = (3, -2, 2.5, -1)[dice.trial]
    a = dice.number("a", high=1.9)
    return {"a": a.abs() if isinstance(n, float) else a, "n": n}


#: How many nodes the random graphs have at least, trial by trial, and three more at most.
SIZES = (8, 13, 22, 37)


def draw_graph(dice: Dice) -> Built:
    """Between 8 and 40 nodes. The last but one needs the first leaf, and the last does not."""
    while True:
        size, leaves = SIZES[dice.trial] + dice.integer(0, 3), 3 + dice.trial
        edges = _draw_edges(dice, size, leaves)
        own = [tuple(p for p, node in edges if node == i) for i in range(size)]
        if not _is_tangled({"parents": own}):
            continue
        slopes = dice.tensor(len(edges), low=0.3, high=1.8)
        for k in range(1, len(edges)):
            if edges[k] == edges[k - 1]:
                slopes[k] = slopes[k - 1]  # of a·a, both slopes are a
        arguments = (dice.tensor(leaves), slopes, torch.tensor(edges, dtype=torch.float64))
        if _is_telling(random_graph(*arguments)):
            return Built(Source(random_graph), arguments)


def _draw_edges(dice: Dice, size: int, leaves: int) -> list[tuple[int, int]]:
    """Every node of the last's graph is needed by a later one, as far as chance allows."""
    edges: list[tuple[int, int]] = []
    free = list(range(1, leaves))
    for node in range(leaves, size):
        last = min(node - 1, size - 3)
        near = dice.integer(max(1, last - 5), last)
        one = 0 if node == size - 2 else free.pop(0) if free and dice.integer(0, 2) else near
        other = dice.integer(1, last)
        kind = dice.integer(0, 7)
        own = (one,) if kind == 0 else (one, one) if kind == 1 else (one, other)
        edges += [(parent, node) for parent in own]
        free = [n for n in (*free, node) if n not in own and n != size - 2]
    return edges


def _is_tangled(end: Spec) -> bool:
    """All leaves but the first matter; paths meet, and not too many; orders go wrong."""
    parents, last = end["parents"], len(end["parents"]) - 1
    inner = behind(end, last)
    paths = [0] * last + [1]
    for node in range(last, -1, -1):
        for parent in parents[node]:
            paths[parent] += paths[node]
    needed = {leaf for leaf in range(1, last) if not parents[leaf]}
    twice = any(len(own) == 2 and own[0] == own[1] for own in (parents[i] for i in inner))
    if not needed <= set(inner) or 0 in inner or not twice or sum(paths) > 3000:
        return False
    return all(
        any(not _facts(order(end, start), start, end)[-1] for start in range(last + 1))
        for order in (_marked_early, partial(_marked_early, flip=True))
    )


def _is_telling(end: Spec) -> bool:
    """No gradient of a leaf is small, and wrong walks find other ones."""
    first = backward(end)[0][1:].abs()
    if first.min() < 0.02 * first.max():
        return False
    walks = (*WRONG_WALKS, *ENDLESS_WALKS) if len(end["parents"]) > 11 else WRONG_WALKS[:1]
    wrong = (backward(end, engine=Engine(steps=walk))[0][1:].abs() for walk in walks)
    return all(bool(((one - first).abs() > 1e-2 * first.max()).any()) for one in wrong)


def _marked_early(end: Spec, start: int, *, flip: bool = False) -> list[int]:
    """An order that is nearly right: depth first, with nodes marked as they are found."""
    order, seen, waiting = [], {start}, [(start, False)]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            order.append(node)
            continue
        waiting.append((node, True))
        own = end["parents"][node]
        for parent in own[::-1] if flip else own:
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, False))
    return order


# ── wrong ideas ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Walk:
    """From the end to parents of parents, without an order. As `Engine.steps`.

    takes      the next node: the one that waits longest, the one that came last, or (as a function
               that calls itself for a parent and then hands on to the next) depth first
    marks      when a node counts as visited: as it is found, as it is taken, never
    flip       parents from last to first
    recursive  a function that calls itself, and stops at long chains
    """

    takes: Literal["first", "last", "deep"]
    marks: Literal["found", "taken", "never"]
    flip: bool = False
    recursive: bool = False

    def __call__(self, end: Spec, start: int) -> Iterator[Step]:
        if self.recursive and len(end["parents"]) > 1000:
            raise RecursionError
        steps = self._deep(end, start, {start}) if self.takes == "deep" else self._wide(end, start)
        for count, step in enumerate(steps):
            if count > MOST_STEPS and len(end["parents"]) < 100:
                raise RuntimeError("every path is followed")
            yield step

    def _wide(self, end: Spec, start: int) -> Iterator[Step]:
        waiting, seen = deque([start]), {start} if self.marks == "found" else set()
        while waiting:
            node = waiting.popleft() if self.takes == "first" else waiting.pop()
            if self.marks == "taken" and node in seen:
                continue
            yield from by_nodes(end, [node])
            own = end["parents"][node]
            seen.add(node)
            for parent in own[::-1] if self.flip else own:
                if self.marks != "found" or parent not in seen:
                    waiting.append(parent)
                    if self.marks == "found":
                        seen.add(parent)

    def _deep(self, end: Spec, node: int, seen: set[int]) -> Iterator[Step]:
        own = end["parents"][node]
        if not own:
            yield node, 0
        for k, parent in enumerate(own):
            yield node, k
            if self.marks == "never" or parent not in seen:
                seen.add(parent)
                yield from self._deep(end, parent, seen)


def forwards(end: Spec, start: int) -> Iterator[Step]:
    """The right order, from the wrong side."""
    return by_nodes(end, behind(end, start))


WRONG_WALKS = (
    Walk("first", "found"),
    Walk("last", "taken"),
    Walk("last", "taken", flip=True),
    Walk("last", "taken", flip=True, recursive=True),
    Walk("last", "found"),
    Walk("last", "found", flip=True),
    Walk("deep", "taken", recursive=True),
)
ENDLESS_WALKS = (
    Walk("first", "never"),
    Walk("last", "never"),
    Walk("last", "never", flip=True),
    Walk("last", "never", flip=True, recursive=True),
    Walk("deep", "never", recursive=True),
)


def wrong_engines(
    id: str, says: str, first: Engine, *others: Engine, formulas: Sequence[Any] = ()
) -> Mistake:
    """A mistake whose first variant is also tried together with another mistake's."""
    alone = (partial(backward, engine=engine) for engine in others)
    return Mistake(id, says, swaps=({"engine": first},), formulas=(*alone, *formulas))


def key_error(end: Spec) -> Any:
    """Leaves first, and nothing has arrived at them."""
    if len(end["parents"]) > 1:
        raise KeyError
    return backward(end)


def path_by_path(*, recursive: bool) -> Callable[[Spec], Any]:
    """Right wherever it comes to an end: every path brings its own product of slopes."""

    def formula(end: Spec) -> Any:
        if len(end["parents"]) == 61 or (recursive and len(end["parents"]) > 1000):
            raise RecursionError
        return backward(end)

    return formula


def endless_orders() -> tuple[Callable[[Spec], Any], ...]:
    """Right where paths are few."""

    def formula(recursive: bool) -> Callable[[Spec], Any]:
        def read(end: Spec) -> Any:
            if len(end["parents"]) == 61 or (recursive and len(end["parents"]) > 1000):
                raise RecursionError
            return topological_order(end)

        return read

    return formula(False), formula(True)


def orders(*on_random: bool | None) -> tuple[Callable[[Spec], Any], ...]:
    """What is wrong with the lists on some random graph or on more; on the small ones anything."""

    def formula(raises: tuple[bool, bool], wrong: tuple[bool, ...]) -> Callable[[Spec], Any]:
        def read(end: Spec) -> Any:
            size = len(end["parents"])
            if (size == 61 and raises[0]) or (size > 1000 and raises[1]):
                raise RecursionError
            if "every" not in end:
                return (None,) * len(ORDER)
            trial = sum(size >= least for least in SIZES[1:])
            return on_random if wrong[trial] else topological_order(end)

        return read

    some = [wrong for wrong in product((True, False), repeat=len(SIZES)) if any(wrong)]
    return tuple(starmap(formula, product(product((False, True), repeat=2), some)))


ORDER_MISTAKES = (
    Mistake(
        "visited_twice",
        "Some node is in your list more than once: several paths lead to it, and it is listed for "
        "each. How do you know that you have been at a node before?",
        formulas=(*orders(True, False, True, None, None), *orders(True, False, True, None, True)),
    ),
    Mistake(
        "visited_twice",
        "Your list is right where paths are few, and it is never finished where there are 2⁶⁰ of "
        "them. Visit each node once, not once for each path.",
        formulas=endless_orders(),
    ),
    Mistake(
        "order_not_topological",
        "`end` is not the last of your list. Parents come before what is computed from them, so "
        "the list begins with leaves and `end` closes it. Is it the wrong way round?",
        formulas=orders(True, True, True, False, False),
    ),
    Mistake(
        "order_not_topological",
        "Every node is in your list once, and some node stands before one of its own parents. A "
        "node that is found early on a short path may be needed again at the end of a long one: "
        "list a node only after all of its parents are listed.",
        formulas=orders(True, True, True, True, False),
    ),
    Mistake(
        "nodes_left_out",
        "Nodes are missing from your list. Leaves belong to it, `end` itself does, and every "
        "parent of every node.",
        formulas=orders(False, True, True, None, None),
    ),
)
BACKWARD_MISTAKES = (
    wrong_engines(
        "seed_forgotten",
        "What arrives at `end` is ∂end/∂end. What is the slope of a number with respect to itself?",
        Engine(seed="nothing"),
        Engine(seed="value"),
    ),
    wrong_engines(
        "seed_everywhere",
        "Only at `end` a 1 is there from the beginning. At every other node nothing is, until "
        "something arrives.",
        Engine(seed="everywhere"),
    ),
    wrong_engines(
        "upstream_ignored",
        "The slopes are handed on without what arrived at the node. The chain rule multiplies the "
        "two.",
        Engine(hands_on=lambda upstream, slope: slope),
    ),
    wrong_engines(
        "slopes_added",
        "What arrived and the slope are added. Along a path the chain rule multiplies; it adds "
        "where paths meet.",
        Engine(hands_on=operator.add),
    ),
    wrong_engines(
        "slope_left_out",
        "What arrives at a node is handed on as it is. What does a node's slope do to it?",
        Engine(hands_on=lambda upstream, slope: upstream),
    ),
    wrong_engines(
        "slope_divided",
        "What arrived is divided by the slope. If z moves three times as fast as x, does a change "
        "of x matter three times as much to the end, or a third as much?",
        Engine(hands_on=operator.truediv),
    ),
    wrong_engines(
        "accumulation_missed",
        "Something that arrives takes the place of what was there. Where paths meet gradients add "
        "up, and so do the gradients of one `backward` after another in a leaf's `.grad`.",
        Engine(leaf="replaced"),
        *(
            Engine(arrives=kind, leaf=leaf)
            for kind in ("replaces", "replaces inside", "replaces leaf", "is lost")
            for leaf in ("replaced", "added")
        ),
    ),
    wrong_engines(
        "interior_grads_kept",
        "The first `backward` is right. What arrived then at nodes with parents is still there in "
        "the second, and is handed on once more. It has to be gone when `backward` returns.",
        Engine(keeps="grads", leaf="replaced"),
        Engine(keeps="grads", leaf="replaced", seed="added"),
        Engine(keeps="dict", leaf="replaced"),
        Engine(keeps="dict"),
        Engine(keeps="dict", leaf="replaced", seed="added"),
        Engine(keeps="dict", seed="added"),
    ),
    wrong_engines(
        "interior_grads_kept",
        "Nodes with parents hold a `.grad` after `backward`. Only leaves keep theirs; what arrives "
        "elsewhere is on its way, and a dict can hold it until it is handed on.",
        Engine(keeps="shown"),
    ),
    wrong_engines(
        "same_parent_once",
        "A node that is both parents of an operation, as in a·a, gets one share. It has two places "
        "there, and a share for each.",
        Engine(once=True),
    ),
    wrong_engines(
        "end_is_leaf_missed",
        "If `end` is a leaf itself, its own `.grad` gets 1: nothing is handed on, and yet a 1 has "
        "arrived.",
        Engine(alone=False),
    ),
    wrong_engines(
        "order_not_topological",
        "A node hands on before all has arrived that will arrive. Its turn comes after everything "
        "that was computed from it: go through the topological order, from its end.",
        Engine(steps=forwards),
        *(Engine(steps=walk, late=late) for walk in WRONG_WALKS for late in ("counts", "is lost")),
        *(Engine(steps=walk, keeps="grads", leaf="replaced") for walk in WRONG_WALKS),
        formulas=(key_error,),
    ),
    wrong_engines(
        "visited_twice",
        "A node hands on each time that a path reaches it, and hands on again what it had handed "
        "on before. It has one turn, when all has arrived.",
        *(Engine(steps=walk) for walk in ENDLESS_WALKS),
        *(Engine(steps=walk, keeps="grads", leaf="replaced") for walk in ENDLESS_WALKS),
    ),
    Mistake(
        "visited_twice",
        "The sum over all paths is right, and there may be 2⁶⁰ of them. Add up at a node what "
        "arrives, and hand it on once.",
        formulas=(path_by_path(recursive=False), path_by_path(recursive=True)),
    ),
)


# ── operations ─────────────────────────────────────────────────────────────────────────────────


def add(a: Tensor, b: Tensor) -> tuple[Any, ...]:
    one = torch.ones_like(a)
    return a + b, one, one, True


def multiply(a: Tensor, b: Tensor) -> tuple[Any, ...]:
    return a * b, b, a, True


def power(
    a: Tensor, n: int | float, *, front: bool = True, lowered: bool = True
) -> tuple[Any, ...]:
    return a**n, (n if front else 1) * a ** (n - lowered), True


def sigmoid(
    a: Tensor, *, slope: Callable[[Tensor, Tensor], Tensor] = lambda a, s: s * (1 - s)
) -> tuple[Any, ...]:
    s = 1 / (1 + torch.exp(-a))
    return s, slope(a, s), True


def found_by(compute: Callable[..., Tensor], *wrt: str) -> tuple[Witness, ...]:
    """Value and slopes of PyTorch's own operation, from autograd and from differences."""

    def full(slopes: Witness) -> Witness:
        def evaluate(**inputs: Any) -> tuple[Any, ...]:
            found = slopes.evaluate(**inputs)
            return compute(**inputs), *(found if isinstance(found, tuple) else (found,)), True

        return Witness(slopes.name, evaluate)

    return tuple(map(full, gradient_of(compute, *wrt)))


def operation(truth: Callable[..., Any], compute: Callable[..., Tensor], **words: Any) -> Exercise:
    """An exercise on one operation: value, a slope for each parent, the parents."""
    (name, names), wrt = words.pop("name"), words.pop("wrt")
    return Exercise(
        truth.__name__,
        points=1,
        truth=truth,
        quantities=(name, *(f"∂({name})/∂{parent}" for parent in wrt), f"parents are {names}"),
        witnesses=found_by(compute, *wrt),
        method="by_hand",
        driver=DRIVERS[truth.__name__],
        needs=(given_class, parts_of),
        **words,
    )


DRIVERS: Mapping[str, Callable[..., Any]] = {
    "add": use_add,
    "multiply": use_multiply,
    "power": use_power,
    "sigmoid": use_sigmoid,
}
OPERATIONS = (
    operation(
        add,
        lambda a, b: torch.add(a, b),
        name=("a + b", "(a, b)"),
        wrt="ab",
        idea="Value a + b, parents (a, b), and a slope for each: if a moves by 1, so does a + b.",
        hints=(
            "`a.value` and `b.value` are tensors. Their sum is the value of a new Node.",
            "Node(value, parents, slopes): the parents are the nodes a and b, in this order.",
            "A slope is a 0-d tensor of the kind of the values. `torch.ones_like` makes a 1 so.",
        ),
        mistakes=(
            Mistake(
                "slopes_of_product",
                "These are slopes of a product. How far does a + b move if a moves by 1?",
                formulas=(lambda a, b: (a + b, b, a, True), lambda a, b: (a + b, a, b, True)),
            ),
        ),
    ),
    operation(
        multiply,
        lambda a, b: torch.mul(a, b),
        name=("a·b", "(a, b)"),
        wrt="ab",
        idea="Lesson 1's node z = x·w: what is ∂z/∂x, and what is ∂z/∂w?",
        hints=(
            "You did this in lesson 1: `multiply_backward`, without the upstream gradient.",
            "The parents are (a, b): the first slope belongs to a, the second to b.",
            "If b stays, a·b grows b times as fast as a.",
        ),
        mistakes=(
            Mistake(
                "slopes_swapped",
                "The two slopes are exchanged. Hold b still and move a: how fast does a·b move?",
                formulas=(lambda a, b: (a * b, a, b, True),),
            ),
            Mistake(
                "slopes_of_sum",
                "Slopes of 1 belong to a sum. If b stays and a moves by 1, how far does a·b move?",
                formulas=(lambda a, b: (a * b, torch.ones_like(a), torch.ones_like(b), True),),
            ),
        ),
    ),
    operation(
        power,
        lambda a, n: torch.pow(a, n),
        name=("aⁿ", "(a,)"),
        wrt="a",
        draw=draw_power,
        idea="The rule for powers: the exponent comes down in front, and is one lower above.",
        hints=(
            "n is a constant, a plain Python number: there is one parent, and one slope.",
            "What is the slope of a²? Of a³? The exponent appears twice in it.",
            "`(a,)` is a tuple of one; `(a)` is just a.",
        ),
        mistakes=(
            Mistake(
                "exponent_not_in_front",
                "The exponent is lowered, and it is missing in front: what is the slope of a²?",
                swaps=({"front": False},),
            ),
            Mistake(
                "exponent_not_lowered",
                "n stands in front, and the exponent above is still n: what is the slope of a²?",
                swaps=({"lowered": False},),
            ),
        ),
    ),
    operation(
        sigmoid,
        lambda a: torch.sigmoid(a),
        name=("σ(a)", "(a,)"),
        wrt="a",
        draw=lambda dice: {"a": dice.number("a", high=4.5)},
        idea="Lesson 4: the slope of σ can be written with its value alone.",
        hints=(
            "Lesson 4 has both: `sigmoid` and `sigmoid_slope`.",
            "Compute the value once. Is it finite at ±1000? `torch.sigmoid` is.",
            "The slope is a product of two factors, each between 0 and 1.",
        ),
        mistakes=(
            Mistake(
                "half_a_slope",
                "The slope of a sigmoid is a product of two factors; one of them is missing.",
                swaps=({"slope": lambda a, s: s}, {"slope": lambda a, s: 1 - s}),
            ),
            Mistake(
                "slope_of_activation",
                "Your slope sends the value σ(a) through the sigmoid once more.",
                swaps=({"slope": lambda a, s: torch.sigmoid(s) * (1 - torch.sigmoid(s))},),
            ),
            Mistake(
                "slope_at_sum",
                "Your slope puts a where the value σ(a) belongs.",
                swaps=({"slope": lambda a, s: a * (1 - a)},),
            ),
            Mistake(
                "tanh_slope",
                "1 − s² is the slope of tanh. What is that of σ?",
                swaps=({"slope": lambda a, s: 1 - s**2},),
            ),
        ),
    ),
)


# ── the claims, the program, the pictures ──────────────────────────────────────────────────────


def at(graph: Callable[[Tensor], Spec], *values: float) -> Spec:
    return graph(torch.tensor(values, dtype=torch.float64))


def second_time(engine: Engine) -> tuple[float, ...]:
    return tuple(backward(at(shared, 2, -3), engine=engine)[1].tolist())


def second_time_in_torch() -> tuple[float, ...]:
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, -3.0))
    c = a * b
    f = (c + a) * c
    f.backward(retain_graph=True)
    f.backward()
    return a.grad.item(), b.grad.item()  # type: ignore[union-attr]


CLAIMS = (
    Claim("f = e·c: after a second backward, in torch.autograd", "48, −40", second_time_in_torch),
    Claim(
        "the same in an engine that keeps every node's gradient and hands it on again",
        "90, −72",
        lambda: second_time(Engine(keeps="grads", leaf="replaced")),
    ),
    Claim(
        "the same in one that adds up the seed as well",
        "114, −92",
        lambda: second_time(Engine(keeps="grads", leaf="replaced", seed="added")),
    ),
    Claim(
        "x doubled 60 times: ∂/∂x",
        "1152921504606846976",
        lambda: backward(at(doubled, 1.5))[0].item(),
    ),
    Claim(
        "20000 additions of a constant, in torch.autograd: ∂/∂x",
        "1",
        lambda: by_autograd(at(chain, 1.5), 20000).item(),
    ),
)


def program(lesson: ModuleType, device: str) -> None:
    """Lesson 4's net, trained by the student's engine and by torch.autograd, side by side."""
    numbers = ((0.5, 0.3), (0.23, -0.07), (0.2, -0.4, 0.5, 0.6, 0.1, -0.5, -0.3, 0.8))
    x, y, w = (torch.tensor(values, device=device) for values in numbers)
    own, theirs = w, w

    def loss(w: Tensor) -> Tensor:
        first, second = w[:4].reshape(2, 2), w[4:].reshape(2, 2)
        return (0.5 * (torch.sigmoid(torch.sigmoid(x @ first) @ second) - y) ** 2).sum()

    def gradient(w: Tensor) -> Tensor:
        leaf = w.clone().requires_grad_()
        return torch.autograd.grad(loss(leaf), leaf)[0]

    print("gradient at the start   your engine   torch.autograd")
    pairs = zip(lesson.net_gradients(x, y, w).tolist(), gradient(w).tolist(), strict=True)
    for i, (mine, right) in enumerate(pairs, start=1):
        print(f"  ∂loss/∂w{i}           {mine:>14.7f} {right:>16.7f}")
    print("\nloss before round       your engine   torch.autograd")
    done = 0
    for until in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        own, losses = lesson.train(x, y, own, 1.0, until - done)
        for _ in range(until - done):
            before, theirs = loss(theirs), theirs - gradient(theirs)
        done = until
        print(f"  {until:>4}                {losses[-1].item():>14.7f} {before.item():>16.7f}")
    print(f"\nThe largest difference between the trained weights: {(own - theirs).abs().max():.1e}")


def picture_of_net() -> Graph:
    """Lesson 4's graph, with its names, as it is recorded by nodes."""
    graph = next(figure for figure in NET.figures if isinstance(figure, Graph))
    half = torch.tensor(0.5, dtype=torch.float64)
    names = {**graph.names, "½": lambda: half}
    return replace(graph, exercise="net_gradients", names=names, hand=None, engine=True)


# ── the lesson ─────────────────────────────────────────────────────────────────────────────────

OF_NET = {exercise.name: exercise for exercise in NET.exercises}
APART = (given_class, right_functions, with_right)
LESSON = Lesson(
    title="Autograd of your own",
    draw=draw,
    claims=CLAIMS,
    program=program,
    figures=(
        picture_of_net(),
        *(figure for figure in NET.figures if isinstance(figure, Losses)),
    ),
    exercises=(
        *OPERATIONS,
        Exercise(
            "topological_order",
            points=3,
            truth=topological_order,
            quantities=ORDER,
            witnesses=(Witness("another order", is_order),),
            method="by_hand",
            driver=list_nodes,
            needs=(given_class, nodes_of),
            reads=read_order,
            idea="Go from `end` to parents of parents; list a node once all of its parents are "
            "listed.",
            hints=(
                "Write the list for the example at the top with a pencil: why can c not come "
                "before b?",
                "Every node once: a set of the nodes that you have been at tells.",
                "Keep a list of what is still to do. When you come to a node, its parents have to "
                "be listed first, so the node itself has to wait: how can your list say “later”?",
                "Two kinds of things to do are enough: visit a node, and list it. What you put on "
                "the list first is done last.",
            ),
            mistakes=ORDER_MISTAKES,
        ),
        Exercise(
            "backward",
            points=4,
            truth=backward,
            quantities=(
                ".grad of the leaves",
                "after a second backward",
                "after a third one",
                "nodes with parents keep None",
                "other leaves keep None",
            ),
            witnesses=(
                Witness("autograd", in_all(by_autograd)),
                Witness("differences", in_all(by_differences)),
            ),
            method="by_hand",
            driver=go_backward,
            mended=go_backward_apart,
            needs=(given_class, nodes_of, go_backward, with_right),
            idea="When a node's turn comes, all has arrived that will arrive. It hands on to each "
            "parent what arrived times the slope; a leaf keeps it.",
            hints=(
                "Do the example at the top by hand: from f to e and c, from e to c and a, from c "
                "to a and b. What did you have to remember on the way?",
                "A dict from node to what has arrived there so far is all that is needed. What is "
                "in it at the beginning?",
                "Go through the topological order from its end. For each parent and its slope, add "
                "what arrived times the slope to what the parent has.",
                "A leaf's `.grad` is None or a tensor, and the two cases differ. The dict begins "
                "anew with every call.",
            ),
            mistakes=BACKWARD_MISTAKES,
        ),
        replace(
            OF_NET["grad_by_hand"],
            name="net_gradients",
            points=2,
            draw=NET.draw,
            mended=net_gradients_apart,
            needs=APART,
            idea="Build lesson 4's loss of nodes, call `backward` on it, and read the `.grad` of "
            "the eight weights.",
            hints=(
                "Make a Node of every number: x1, x2, w1 … w8. `for value in w` gives 0-d tensors.",
                "z1 = w1·x1 + w3·x2 is add(multiply(…), multiply(…)); the drawing is in lesson 4.",
                "There is no subtraction: o − y is o + (−y), and −y is data, a leaf.",
                "After `backward(loss)`, `torch.stack` puts the eight gradients in a row.",
            ),
        ),
        replace(
            OF_NET["train"],
            points=1,
            draw=NET.draw,
            method="by_hand",
            mended=train_apart,
            needs=APART,
            hints=(
                "Build the graph anew in every round, from the w of this round.",
                "The value of the loss's node is what `losses` notes, before the update.",
                "New leaves have `.grad` None: nothing has to be zeroed.",
            ),
        ),
    ),
)
