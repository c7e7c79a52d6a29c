"""Graphs of nodes as both sides know them: examples, random ones, what an order has to be.

A graph is written down as in `engine`; `every` names more nodes whose order is asked for.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from checks.grader.language.engine import EARLY, ENDLESS, RIGHT, Engine, Spec, behind
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Built, Source

#: What a list of nodes has to be; the answer to `topological_order`, read by `read_order`.
ORDER = (
    "every node that end needs",
    "each of them once",
    "nothing else",
    "end comes last",
    "parents before children",
)
#: How many nodes the random graphs have at least, trial by trial, and three more at most.
SIZES = (8, 13, 22, 37)


# ── worked examples, named by their first line ──────────────────────────────────────────────────


def product_node(at: Tensor) -> Spec:
    """z = x·w at (x, w) ="""
    x, w = at
    values, parents, slopes = [x, w, x * w], [(), (), (0, 1)], [(), (), (w, x)]
    return {"values": values, "parents": parents, "slopes": slopes, "ends": [2, 2, 0]}


def shared(at: Tensor) -> Spec:
    """f = e·c, where e = c + a and c = a·b, at (a, b) ="""
    (a, b), one = at, torch.ones_like(at[0])
    values = [a, b, c := a * b, e := c + a, e * c]
    parents, slopes = [(), (), (0, 1), (2, 0), (3, 2)], [(), (), (b, a), (one, one), (c, e)]
    return {"values": values, "parents": parents, "slopes": slopes, "ends": [4, 4, 2]}


def square(at: Tensor) -> Spec:
    """a·a, one node that is both parents, at a ="""
    a = at[0]
    values, parents, slopes = [a, a * a], [(), (0, 0)], [(), (a, a)]
    return {"values": values, "parents": parents, "slopes": slopes, "ends": [1, 1, 1]}


def lone_leaf(at: Tensor) -> Spec:
    """a leaf, and nothing else, of value ="""
    return {"values": [at[0]], "parents": [()], "slopes": [()], "ends": [0, 0, 0]}


def doubled(at: Tensor) -> Spec:
    """x doubled 60 times by n = n + n (61 nodes, 2⁶⁰ paths), x ="""
    one, values = torch.ones_like(at[0]), [at[0] * 2**k for k in range(61)]
    parents, slopes = [(), *((k, k) for k in range(60))], [(), *[(one, one)] * 60]
    return {"values": values, "parents": parents, "slopes": slopes, "ends": [60, 60, 30]}


def chain(at: Tensor) -> Spec:
    """x + 0 + 0 + … + 0, a chain of 20000 additions of a constant, x ="""
    one, values = torch.ones_like(at[0]), [at[0]] * 20001
    parents, slopes = [(), *zip(range(20000))], [(), *[(one,)] * 20000]
    return {"values": values, "parents": parents, "slopes": slopes, "ends": [20000, 5, 2]}


# ── orders, and random graphs ───────────────────────────────────────────────────────────────────


def topological_order(end: Spec) -> tuple[bool, ...]:
    return (True,) * len(ORDER)


def is_order(end: Spec) -> Any:
    """The order of the other witness, read like a student's."""
    every = end.get("every", end["ends"][:1])
    return read_order(tuple(torch.tensor(behind(end, i)) for i in every), end=end)


def read_order(answer: Any, *, end: Spec) -> Any:
    """Whether the lists of nodes are what they have to be: many orders are right."""
    if not isinstance(answer, tuple) or not all(isinstance(one, Tensor) for one in answer):
        return answer  # more than can travel, say: it is compared as it is
    size, starts = len(end["parents"]), end.get("every", end["ends"][:1])
    lists = [one.long().reshape(-1).tolist() for one in answer]
    known = [[i if 0 <= i < size else -1 for i in order] for order in lists]
    pairs = zip(known, starts, strict=False)
    return tuple(map(all, zip(*(order_facts(order, i, end) for order, i in pairs), strict=True)))


def order_facts(order: list[int], start: int, end: Spec) -> tuple[bool, ...]:
    """What `ORDER` says of one list, with −1 for what is no node of the graph."""
    wanted = set(behind(end, start))
    once = len(order) == len(set(order)) or -1 in order
    last = bool(order) and order[-1] == start
    return wanted <= set(order), once, set(order) <= wanted, last, not _is_early(order, end)


def _is_early(order: list[int], end: Spec) -> bool:
    """Whether some node comes before one of its parents."""
    place = {node: i for i, node in enumerate(order)}
    return any(
        place.get(parent, -1) > i
        for i, node in enumerate(order)
        if node >= 0
        for parent in end["parents"][node]
    )


def random_graph(leaves: Tensor, slopes: Tensor, edges: Tensor) -> Spec:
    """a random graph; its leaves, its slopes, and from which parent to which node each leads:"""
    pairs = [(int(parent), int(node)) for parent, node in edges.tolist()]
    nodes, last = range(pairs[-1][1] + 1), pairs[-1][1]
    parents = [tuple(p for p, node in pairs if node == i) for i in nodes]
    own = [tuple(slopes[k] for k, (_, node) in enumerate(pairs) if node == i) for i in nodes]
    values: list[Any] = list(leaves.unbind())
    for i in nodes[len(values) :]:
        values.append(sum(slope * values[p] for slope, p in zip(own[i], parents[i], strict=True)))
    graph = {"values": values, "parents": parents, "slopes": own}
    return graph | {"ends": [last, last, last - 1], "every": list(nodes)}


def draw_graph(dice: Dice) -> Built:
    """Between 8 and 40 nodes. The last but one needs the first leaf, and the last does not."""
    while True:
        size, leaves = SIZES[dice.trial] + dice.integer(0, 3), 3 + dice.trial
        edges = _draw_edges(dice, size, leaves)
        own = [tuple(p for p, node in edges if node == i) for i in range(size)]
        if not _is_tangled({"parents": own}):
            continue
        slopes = dice.tensor(len(edges), low=0.3, high=1.8)
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
        other, kind = dice.integer(1, last), dice.integer(0, 7)
        own = (one,) if kind == 0 else (one, one) if kind == 1 else (one, other)
        edges += [(parent, node) for parent in own]
        free = [n for n in (*free, node) if n not in own and n != size - 2]
    return edges


def _is_tangled(end: Spec) -> bool:
    """All leaves but the first matter; paths meet, and not too many; orders go wrong."""
    parents, last = end["parents"], len(end["parents"]) - 1
    inner, paths = behind(end, last), [0] * last + [1]
    needed = {leaf for leaf in range(1, last) if not parents[leaf]}
    twice = any(len(own) == 2 and own[0] == own[1] for own in (parents[i] for i in inner))
    if not needed <= set(inner) or 0 in inner or not twice:
        return False
    for node in inner[::-1]:
        for parent in parents[node]:
            paths[parent] += paths[node]
    if sum(paths) > 3000:
        return False
    late = range(last, -1, -1)  # what needs many nodes goes wrong first
    return all(any(_is_early(_marked_early(end, at, way), end) for at in late) for way in (1, -1))


def _is_telling(end: Spec) -> bool:
    """No gradient of a leaf is small, and wrong walks find other ones."""
    first = RIGHT(end)[0][1:].abs()
    walks = (*EARLY, *ENDLESS) if len(end["parents"]) > 11 else EARLY[:1]
    wrong = (Engine(steps=walk)(end)[0][1:].abs() for walk in walks)
    return bool(first.min() >= 0.02 * first.max()) and all(
        bool(((one - first).abs() > 1e-2 * first.max()).any()) for one in wrong
    )


def _marked_early(end: Spec, start: int, way: int) -> list[int]:
    """An order that is nearly right: depth first, with nodes marked as they are found."""
    order, seen, waiting = [], {start}, [(start, False)]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            order.append(node)
            continue
        new = [p for p in dict.fromkeys(end["parents"][node][::way]) if p not in seen]
        seen.update(new)
        waiting += [(node, True), *((parent, False) for parent in new)]
    return order
