"""What may have been done wrong: slips at places of a graph, each with its rank.

The lower the rank, the likelier; a slip of a row has about 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from checks.slips.graph import Graph
from checks.slips.operations import ANYWHERE, Operation, Slip, Slope, Step, Unfit, count
from checks.slips.tape import Edge, Node, Place

#: How many values may stand in for one.
STAND_INS = 8
#: What is kept of an axis of which the rest is forgotten.
KEPT = {
    "only the last": slice(-1, None),
    "only the first": slice(0, 1),
    "all but the last": slice(0, -1),
    "all but the first": slice(1, None),
}

Candidates = Iterator[tuple[Slip, Place, float]]
Matters = Callable[[Slip, Edge], bool]


def candidates(graph: Graph, matters: Matters) -> Candidates:
    """Every slip at every place; `matters` says whether one changes anything at one edge."""
    yield from of_rows(graph)
    yield from counts(graph)
    if not graph.is_large:
        yield from forward(graph)
        yield from stand_ins(graph, matters)
        yield from factors(graph)
        yield from parts_of(graph)


def of_rows(graph: Graph) -> Candidates:
    """On the way back, the slips of the row and those that fit anywhere."""
    for place, penalty in graph.places().items():
        rows = {graph.tape.nodes[n].operation for n, _ in place}
        slips = rows.pop().slips if len(rows) == 1 else ()
        ranked = {slip: 1 + 0.01 * order for order, slip in enumerate(slips) if slip.back}
        for slip, rank in {**ranked, **ANYWHERE}.items():
            yield slip, place, rank + penalty


def forward(graph: Graph) -> Candidates:
    """In the value of a node, with the slopes of the right value or with its own."""
    for node in graph.used:
        place = frozenset((node.index, i) for i in range(max(len(node.parents), 1)))
        for order, slip in enumerate(node.operation.slips):
            if slip.value and node.value.is_floating_point():
                yield slip, place, 1.5 + 0.01 * order
                if node.index in graph.edges:
                    yield replace(slip, own=True), place, 1.6 + 0.01 * order


def stand_ins(graph: Graph, matters: Matters) -> Candidates:
    """Another value read where one belongs: by what it goes into, or by its own slope."""

    def reads(row: Operation) -> bool:
        return row.elementwise or row.name in ("matmul", "outer")

    for node in graph.used:
        near = [
            edge
            for user in graph.way
            if (node is user or node.index in user.parents) and reads(user.operation)
            for edge in graph.edges[user.index]
        ]
        for other in _alike(graph, node) if near else ():
            words = f"{other.name} is used in place of {node.name}"
            slip = Slip("read_as", words, _read_as(node.index, other.index))
            reading = [edge for edge in near if matters(slip, edge)]
            together = [frozenset(reading)] if reading else []
            for place in {*together, *(frozenset([edge]) for edge in reading)}:
                yield slip, place, 4.0 + 0.1 * len(place)


def _read_as(index: int, other: int) -> Slope:
    def back(step: Step, i: int, g: Tensor) -> Tensor:
        value, read = step.values[index], step.values[other]
        parents = tuple(read if parent is value else parent for parent in step.parents)
        out = read if step.out is value else step.out
        return replace(step, parents=parents, out=out).slope(i, g)

    return back


def _alike(graph: Graph, node: Node) -> list[Node]:
    """What may be mistaken for a node: data for data, a parameter for a parameter; what it goes
    into in two steps; for what is computed, what it came from and others of its operation."""
    nodes, kind, found = graph.tape.nodes, graph.kind(node), []
    for other in graph.used:
        if other is node or other.value.shape != node.value.shape:
            continue
        if other.operation.name == "constant" or not other.value.is_floating_point():
            continue
        grown = any(node.index in nodes[p].parents for p in (other.index, *other.parents))
        alike = graph.kind(other) == kind
        if kind == "computed":
            alike = other.operation is node.operation or (
                other.index in graph.behind[node.index] and graph.kind(other) != "parameter"
            )
        if alike or grown or other.index in node.parents:
            found.append(other)
    found.sort(key=lambda one: (one.index not in node.parents, abs(one.index - node.index)))
    return found[:STAND_INS]


def factors(graph: Graph) -> Candidates:
    """Another value of the net as a factor in the gradient of an input or of what
    it goes into, or as a divisor."""

    def times(index: int, power: int) -> Slope:
        def back(step: Step, i: int, g: Tensor) -> Tensor:
            arrives = g * step.values[index] ** power
            if arrives.shape != g.shape:
                raise Unfit
            return step.slope(i, arrives)

        return back

    leaves = [node for node in graph.way if not node.parents]
    parents = {n: map(graph.parent, edges) for n, edges in graph.edges.items()}
    inner = [node for node in graph.way if not all(map(graph.is_leaf, parents[node.index]))]
    for other in graph.used:
        named = other.own_name or (len(leaves) < 4 and other.parents)
        if not named or other.index == graph.tape.end or not other.value.is_floating_point():
            continue
        divided = f"{{gradient}} is divided by {other.name}, or lacks a factor {other.name}"
        for power, words in (
            (-1, divided),
            (1, f"{{gradient}} has a factor {other.name} too many"),
        ):
            slip = Slip("factor", words, times(other.index, power))
            users = [node for node in inner if other.index in node.parents]
            for node in (*leaves, *users):
                yield slip, frozenset(graph.edges[node.index]), 4.5


def counts(graph: Graph) -> Candidates:
    """A length of an input as a factor or a divisor."""

    def times(index: int, axis: int, power: int) -> Callable[[Step], float]:
        return lambda step: float(step.values[index].shape[axis] ** power)

    def mean_of(index: int, axis: int) -> Slope:
        def back(step: Step, i: int, g: Tensor) -> Tensor:
            over = count(step.parents[0], step.options.get("dim"))
            return step.slope(i, g) * over / step.values[index].shape[axis]

        return back

    means = [node.index for node in graph.way if node.operation.name == "mean"]
    for name, index in graph.tape.inputs.items():
        for axis, size in enumerate(graph.tape.nodes[index].value.shape):
            entries = {0: "rows", 1: "columns"}.get(axis, f"entries along axis {axis}")
            for verb, power in (("multiplied", 1), ("divided", -1)) if size > 1 else ():
                words = f"{{gradient}} is {verb} by the number of {entries} of {name}"
                slip = Slip("counted", words, times=times(index, axis, power))
                for n, edges in graph.edges.items():
                    at_an_end = n == graph.tape.end or n in graph.leaves
                    yield slip, frozenset(edges), 3.2 if at_an_end else 3.5
            words = f"1/n is taken with n the number of {entries} of {name}"
            slip = Slip("wrong_count", words, mean_of(index, axis))
            yield from ((slip, frozenset(graph.edges[n]), 3.1) for n in means)


def parts_of(graph: Graph) -> Candidates:
    """Only the first or the last part of what arrives counts, where it should be summed or whole:
    a loop that overwrites, a head that is forgotten."""

    def back(index: tuple[slice, ...]) -> Slope:
        def cut_out(step: Step, i: int, g: Tensor) -> Tensor:
            kept = torch.zeros_like(g)
            kept[index] = g[index]
            return step.slope(i, kept)

        return cut_out

    for node in graph.way:
        edges = graph.edges[node.index] if node.parents else []
        places = {frozenset([edge]) for edge in edges if len(node.parents) > 1}
        if node.own_name and edges:
            places.add(frozenset(edges))
        for axis, size in enumerate(node.value.shape if places else ()):
            entry = f"entry along axis {axis}" if node.value.dim() > 2 else ("row", "column")[axis]
            entry = entry if node.value.dim() > 1 else "entry"
            for part, kept in KEPT.items() if size > 1 else ():
                words = f"{part} {entry} of the gradient that arrives is passed back{{to}}"
                slip = Slip("part_only", words, back((slice(None),) * axis + (kept,)))
                for place in places:
                    yield slip, place, 3.3
