"""Slips that take something from another place of the graph.

Each is yielded with its place and its rank: the lower, the likelier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from checks.slips.graph import Graph
from checks.slips.operations import Slip, Slope, Step, Unfit, count
from checks.slips.tape import Node, Place

#: How many values may stand in for one.
STAND_INS = 8
#: What reads its operands on the way back.
READERS = frozenset({"mul", "div", "matmul", "pow", "outer"})
#: What is kept of an axis of which the rest is forgotten.
PARTS = {
    "only the last": slice(-1, None),
    "only the first": slice(0, 1),
    "all but the last": slice(0, -1),
    "all but the first": slice(1, None),
}
#: The ids of these slips.
FAR = frozenset({"read_as", "copied", "factor", "counted", "part_only"})

Found = Iterator[tuple[Slip, Place, float]]


def elsewhere(graph: Graph) -> Found:
    if not graph.is_large:
        yield from stand_ins(graph)
        yield from copied(graph)
        yield from factors(graph)
        yield from parts_of(graph)
    yield from counts(graph)


def stand_ins(graph: Graph) -> Found:
    """Another value read where one belongs."""
    uses: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for user in graph.way:  # a value is read for what goes to its fellow operands
        for parent in set(user.parents) if user.operation.name in READERS else ():
            edges = graph.edges[user.index]
            uses[parent] += [edge for edge in edges if user.parents[edge[1]] != parent]
    for index in [n for n in uses if uses[n]]:
        node, here = graph.tape.nodes[index], uses[index]
        for other in _alike(graph, index):
            words = f"{other.name} is used in place of {node.name}"
            slip = read_as(index, other.index, words)
            for place in {frozenset(here), *(frozenset({edge}) for edge in here)}:
                yield slip, place, 4.0 + 0.1 * len(place)


def read_as(index: int, other: int, words: str) -> Slip:
    """On the way back, the value of another node is read."""

    def back(step: Step, i: int, g: Tensor) -> Tensor:
        parents = tuple(step.values[other if n == index else n] for n in step.indices)
        if any(a.shape != b.shape for a, b in zip(parents, step.parents, strict=True)):
            raise Unfit
        return replace(step, parents=parents).slope(i, g)

    return Slip("read_as", words, back)


def _alike(graph: Graph, index: int) -> list[Node]:
    """What may be mistaken for a node: data for data, a parameter for a parameter; what it goes
    into in two steps; for what is computed, what it came from and others of its operation."""
    node = graph.tape.nodes[index]
    kind, found = graph.kind(node), []
    for other in graph.used:
        if other.index == index or other.value.shape != node.value.shape:
            continue
        if other.operation.name == "constant" or not other.value.is_floating_point():
            continue
        grown = index in other.parents or any(
            index in graph.tape.nodes[p].parents for p in other.parents
        )
        alike = graph.kind(other) == kind
        if kind == "computed":
            alike = other.operation.name == node.operation.name
            before = graph.behind[index] >> other.index & 1
            alike |= bool(before) and graph.kind(other) != "parameter"
        if alike or grown or other.index in node.parents:
            found.append(other)
    near = sorted(found, key=lambda other: abs(other.index - index))
    return sorted(near, key=lambda other: other.index not in node.parents)[:STAND_INS]


def copied(graph: Graph) -> Found:
    """The slope of another node of the same operation: a line that was copied."""

    def slope_at(other: Node) -> Slope:
        return lambda step, i, g: graph.tape.step(other, step.values).slope(i, g)

    curved = [n for n in graph.way if n.operation.local and len(n.parents) == 1]
    for node in curved:
        for other in curved:
            if other.operation is node.operation and other is not node:
                slip = Slip("copied", f"the slope of {other.name} is used", slope_at(other))
                yield slip, frozenset(graph.edges[node.index]), 4.0


def factors(graph: Graph) -> Found:
    """Another value of the net as a factor in the gradient of an input, or as a divisor."""

    def back(index: int, divide: bool) -> Slope:
        def times(step: Step, i: int, g: Tensor) -> Tensor:
            out = g / step.values[index] if divide else g * step.values[index]
            if out.shape != g.shape:
                raise Unfit
            return out

        return times

    leaves = [node for node in graph.way if graph.is_leaf(node.index)]
    for other in graph.used:
        named = other.own_name or (len(leaves) < 4 and other.parents)
        if not named or other.index == graph.tape.end or not other.value.is_floating_point():
            continue
        words = f"{{gradient}} is divided by {other.name}, or lacks a factor {other.name}"
        for divide in (True, False):
            slip = Slip("factor", words, back(other.index, divide))
            for leaf in leaves:
                yield slip, frozenset(graph.edges[leaf.index]), 4.5
            words = f"{{gradient}} has a factor {other.name} too many"


def counts(graph: Graph) -> Found:
    """A length of an input as a factor or a divisor, at the end or at one input."""

    def back(index: int, axis: int, power: int) -> Slope:
        return lambda step, i, g: step.slope(i, g) * step.values[index].shape[axis] ** power

    def mean_of(index: int, axis: int) -> Slope:
        def back(step: Step, i: int, g: Tensor) -> Tensor:
            over = count(*step.parents, **{k: v for k, v in step.options.items() if k == "dim"})
            return step.slope(i, g) * over / step.values[index].shape[axis]

        return back

    means = [node.index for node in graph.way if node.operation.name == "mean"]
    ends = [graph.edges[i] for i in {graph.tape.end, *graph.leaves} if i in graph.edges]
    for name, index in graph.tape.inputs.items():
        for axis, size in enumerate(graph.tape.nodes[index].value.shape):
            entries = {0: "rows", 1: "columns"}.get(axis, f"entries along axis {axis}")
            for verb, power in (("multiplied", 1), ("divided", -1)) if size > 1 else ():
                words = f"{{gradient}} is {verb} by the number of {entries} of {name}"
                slip = Slip("counted", words, back(index, axis, power))
                yield from ((slip, frozenset(edges), 3.2) for edges in ends)
            words = f"1/n is taken with n the number of {entries} of {name}"
            slip = Slip("wrong_count", words, mean_of(index, axis))
            yield from ((slip, frozenset(graph.edges[n]), 3.1) for n in means)


def parts_of(graph: Graph) -> Found:
    """Only the first or the last part of what arrives counts, where it should be summed or whole:
    a loop that overwrites, a head that is forgotten."""

    def back(index: tuple[slice, ...]) -> Slope:
        def cut_out(step: Step, i: int, g: Tensor) -> Tensor:
            kept = torch.zeros_like(g)
            kept[index] = g[index]
            return step.slope(i, kept)

        return cut_out

    for node in graph.way:
        edges, places = graph.edges[node.index], set[Place]()
        if node.own_name and node.parents:
            places.add(frozenset(edges))
        for edge in edges if node.parents else ():
            parent = graph.tape.nodes[node.parents[edge[1]]]
            small = parent.value.numel() < node.value.numel()
            if small or (graph.is_leaf(parent.index) and node.operation.name in READERS):
                places.add(frozenset([edge]))
        for axis, size in enumerate(node.value.shape if places else ()):
            entry = f"entry along axis {axis}" if node.value.dim() > 2 else ("row", "column")[axis]
            entry = entry if node.value.dim() > 1 else "entry"
            for part, kept in PARTS.items() if size > 1 else ():
                words = f"{part} {entry} of the gradient that arrives is passed back{{to}}"
                slip = Slip("part_only", words, back((slice(None),) * axis + (kept,)))
                for place in places:
                    yield slip, place, 3.3
