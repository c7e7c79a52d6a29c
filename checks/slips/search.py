"""The search: which slips, made at which places, give the numbers of an answer.

A slip is tried by one number first: the slope of the answer along a random direction u of the
inputs. What a node hands back counts ⟨what it hands back, ∂parent/∂u⟩ there, so a slip on the way
back costs one product of one node, and a group of places a sum. What passes is made on every case
and compared entry by entry. Everything is bounded by count and never by a clock: the same answer
gets the same words on every machine.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from checks.slips.operations import (
    ABSENT,
    ANYWHERE,
    CUT,
    SLOPE_LEFT_OUT,
    Slip,
    Unfit,
    factor,
    read_as,
)
from checks.slips.tape import Made, Node, Place, Tape

#: The step of a central difference that balances rounding against truncation.
STEP = 6e-6
#: One number along u has to agree this well before the whole answer is compared.
SIEVE = 1e-6
#: How many values of a node may stand in for another's.
STAND_INS = 8
#: How many operations the forward slips, and how many trials the pairs may cost.
REPLAYS, PAIRS = 40_000, 40_000
#: How many explanations are checked in full.
CHECKED = 24


@dataclass(frozen=True)
class Candidate:
    """Slips at their places; the lower the rank, the likelier."""

    made: Made
    rank: float


class Trial:
    """One case: the tape of the loss there, and the answer for some of its inputs."""

    def __init__(self, tape: Tape, answer: Mapping[int, Tensor]) -> None:
        self.tape, self.answer = tape, answer
        self.values = [node.value for node in tape.nodes]
        self.right = tape.backward()
        self.scale = max(float(self.right[leaf].abs().max()) for leaf in answer)
        self.seen: dict[tuple[Slip, tuple[int, int]], float | None] = {}

    @cached_property
    def direction(self) -> dict[int, Tensor]:
        """u, one number for every entry that is asked for."""
        dice = torch.Generator().manual_seed(7)
        return {
            leaf: torch.rand(value.shape, generator=dice, dtype=torch.float64) + 0.5
            for leaf, value in self.answer.items()
        }

    @cached_property
    def lanes(self) -> tuple[list[Tensor], list[Tensor]]:
        """Every value a small step along u, forth and back."""
        inputs = {leaf: self.values[leaf] for leaf in self.answer}
        moved = [
            {leaf: value + side * STEP * self.direction[leaf] for leaf, value in inputs.items()}
            for side in (1, -1)
        ]
        return self.tape.values(given=moved[0]), self.tape.values(given=moved[1])

    @cached_property
    def tangents(self) -> list[Tensor]:
        """∂node/∂u of every node."""
        return [
            torch.nan_to_num((forth - back) / (2 * STEP), posinf=0.0, neginf=0.0)
            if forth.is_floating_point()
            else forth
            for forth, back in zip(*self.lanes, strict=True)
        ]

    def along(self, grads: Mapping[int, Tensor]) -> float:
        """The slope of an answer along u."""
        return sum(float((grads[leaf] * u).sum()) for leaf, u in self.direction.items())

    @cached_property
    def target(self) -> float:
        return self.along(self.answer)

    @cached_property
    def start(self) -> float:
        return self.along(self.right)

    def is_near(self, slope: float) -> bool:
        """Whether the one number agrees."""
        size = abs(self.target) + abs(self.start) + self.scale
        return abs(slope - self.target) <= SIEVE * size

    def change(self, slip: Slip, edge: tuple[int, int]) -> float | None:
        """What the slip changes in the slope along u if made at one edge; None: it cannot be."""
        key = (slip, edge)
        if key not in self.seen:
            try:
                self.seen[key] = self.handed(slip, edge, self.right)
            except Unfit:
                self.seen[key] = None
        return self.seen[key]

    def handed(self, slip: Slip, edge: tuple[int, int], grads: Mapping[int, Tensor]) -> float:
        """The same where `grads` arrive. Raises Unfit where the slip cannot be made."""
        index, i = edge
        node = self.tape.nodes[index]
        step = self.tape.step(node, self.values)
        parent = node.parents[i] if node.parents else index
        wrong = slip.hand_back(step, i, grads[index]) - step.slope(i, grads[index])
        return float((wrong * self.tangents[parent]).sum())

    def change_nested(self, slip: Slip, place: Place, behind: Sequence[int]) -> float:
        """The same for a slip at places that lie behind each other. Raises Unfit.

        Only the change in what arrives is sent back, and no further than the last of the places.
        """
        places, total = sum(1 << n for n in place.nodes), 0.0
        changes: dict[int, Tensor] = {}
        for index in range(max(place.nodes), min(place.nodes) - 1, -1):
            node, change = self.tape.nodes[index], changes.get(index)
            if change is None and not places >> index & 1:
                continue
            step, g = self.tape.step(node, self.values), self.right[index]
            for i, parent in enumerate(node.parents or (index,)):
                if (index, i) in place.edges:
                    arriving = g if change is None else g + change
                    back = slip.hand_back(step, i, arriving) - step.slope(i, g)
                elif change is not None and parent in self.tape.differentiable:
                    back = step.slope(i, change)
                else:
                    continue
                if node.parents and behind[parent] & places:
                    changes[parent] = changes[parent] + back if parent in changes else back
                else:
                    total += float((back * self.tangents[parent]).sum())
        return total

    def is_right(self, leaf: int) -> bool:
        """Whether the answer for this input is right."""
        return same(self.answer[leaf], self.right[leaf], self.scale)

    def slope_forward(self, slip: Slip, place: Place) -> float:
        """The slope along u with a slip in the forward pass, by differences. Raises Unfit."""
        wrong, nodes = slip.value, set(place.nodes)
        assert wrong is not None
        lanes = [list(lane) for lane in (*self.lanes, *(() if slip.own else (self.values,)))]
        changed = set(nodes)
        for node in self.tape.nodes[min(nodes) : self.tape.end + 1]:
            if changed.intersection(node.parents):
                changed.add(node.index)
                for lane in lanes:
                    lane[node.index] = node.compute(*[lane[p] for p in node.parents])
            if node.index in nodes:
                if slip.own:
                    for lane in lanes:
                        lane[node.index] = wrong(self.tape.step(node, lane))
                else:
                    shift = wrong(self.tape.step(node, lanes[-1])) - lanes[-1][node.index]
                    for lane in lanes:
                        lane[node.index] = lane[node.index] + shift
        return float(lanes[0][self.tape.end] - lanes[1][self.tape.end]) / (2 * STEP)

    def explains(self, made: Made) -> bool:
        """Whether these slips give the answer, entry by entry."""
        try:
            grads = self.tape.backward(made)
        except Unfit:
            return False
        return all(
            leaf in grads and same(value, grads[leaf], self.scale)
            for leaf, value in self.answer.items()
        )


def same(value: Tensor, expected: Tensor, scale: float, *, rtol: float = 1e-6) -> bool:
    """Same shape, finite and |value − expected| ≤ rtol · (|expected| + max|expected|).

    scale  the size of all gradients together: what is nothing beside it may differ by rounding
    """
    if value.shape != expected.shape:
        return False
    if not bool(torch.isfinite(value).all() and torch.isfinite(expected).all()):
        return False  # infinities agree with everything
    if value.numel() == 0:
        return True
    size = expected.abs()
    bound = rtol * (size + size.max()) + 1e-12 * scale
    return bool(((value - expected).abs() <= bound).all())


def explanations(trials: Sequence[Trial], *, two: bool) -> list[Candidate]:
    """What gives the answer on every case, the likeliest first: single slips, else pairs."""
    for source in (singles, pairs) if two else (singles,):
        near = sorted(source(trials[0]), key=lambda candidate: candidate.rank)
        found = [
            candidate
            for candidate in near[:CHECKED]
            if all(trial.explains(candidate.made) for trial in trials)
        ]
        if found:
            return found
    return []


@dataclass(frozen=True)
class Single:
    """A slip at a place, and what it changes in the slope along u."""

    slip: Slip
    place: Place
    change: float
    rank: float
    nodes: int
    behind: int


def pairs(trial: Trial) -> Iterator[Candidate]:
    """Two slips on the way back that together give the same slope along u.

    Where neither lies behind the other their changes add up. Where one does, what arrives at the
    lower one is what the upper one has made of it.
    """
    map_ = Map(trial.tape, tuple(trial.answer))
    known = list(_effective(trial, map_))
    known.sort(key=lambda single: single.rank)
    yield from _side_by_side(trial, known)
    yield from _one_behind_the_other(trial, map_, known[: math.isqrt(PAIRS)])


def _effective(trial: Trial, map_: Map) -> Iterator[Single]:
    """Single slips that change something, and nothing that is right; each change once."""
    right = sum(1 << leaf for leaf in trial.answer if trial.is_right(leaf))
    seen: set[float] = set()
    for place, penalty in sorted(map_.places(), key=lambda found: found[1]):
        nodes, behind = sum(1 << n for n in place.nodes), 0
        for n, i in place.edges:
            node = map_.tape.nodes[n]
            behind |= map_.behind[node.parents[i]] if node.parents else 0
        if map_.is_nested(place) or (behind | nodes) & right:
            continue
        for slip, rank in slips_on_the_way_back(map_.tape, place):
            slope = _slope_back(trial, map_, slip, place)
            change = 0.0 if slope is None else slope - trial.start
            size = round(change / trial.scale, 8)
            if size and size not in seen:
                seen.add(size)
                yield Single(slip, place, change, rank + penalty, nodes, behind)


def _side_by_side(trial: Trial, known: Sequence[Single]) -> Iterator[Candidate]:
    """Pairs neither of which lies behind the other: sorted, so that each finds its complement."""
    by_change = sorted(known, key=lambda single: single.change)
    changes = [single.change for single in by_change]
    width = SIEVE * (abs(trial.target) + abs(trial.start) + trial.scale)
    for one in known:
        wanted = trial.target - trial.start - one.change
        first = bisect_left(changes, wanted - width)
        for other in by_change[first : bisect_right(changes, wanted + width)]:
            apart = not (one.nodes & other.behind or other.nodes & one.behind)
            if apart and not one.place.edges & other.place.edges and one.rank <= other.rank:
                made = ((one.slip, one.place), (other.slip, other.place))
                yield Candidate(made, one.rank + other.rank)


def _one_behind_the_other(trial: Trial, map_: Map, known: Sequence[Single]) -> Iterator[Candidate]:
    """Pairs in which the lower slip is made on what the upper one hands on."""
    for upper in known:
        lower = [one for one in known if one.nodes & upper.behind and not one.behind & upper.nodes]
        if not lower:
            continue
        try:
            grads = trial.tape.backward([(upper.slip, upper.place)])
        except Unfit:
            continue
        start = trial.along(grads)
        for one in lower:
            try:
                change = sum(trial.handed(one.slip, edge, grads) for edge in one.place.edges)
            except (Unfit, KeyError):
                continue
            if trial.is_near(start + change):
                made = ((upper.slip, upper.place), (one.slip, one.place))
                yield Candidate(made, upper.rank + one.rank)


def singles(trial: Trial) -> Iterator[Candidate]:
    """Every slip at every place that gives the same slope along u."""
    map_ = Map(trial.tape, tuple(trial.answer))
    for place, penalty in map_.places():
        for slip, rank in slips_on_the_way_back(trial.tape, place):
            slope = _slope_back(trial, map_, slip, place)
            if slope is not None and trial.is_near(slope):
                yield Candidate(((slip, place),), rank + penalty)
    for slip, place, rank in (*map_.stand_ins(), *map_.factors()):
        slope = _slope_back(trial, map_, slip, place)
        if slope is not None and trial.is_near(slope):
            yield Candidate(((slip, place),), rank)
    budget = REPLAYS
    for slip, place, rank in map_.forward():
        budget -= trial.tape.end - min(place.nodes)
        if budget < 0:
            return
        try:
            if trial.is_near(trial.slope_forward(slip, place)):
                yield Candidate(((slip, place),), rank)
        except Unfit:
            continue


def _slope_back(trial: Trial, map_: Map, slip: Slip, place: Place) -> float | None:
    """The slope along u with a slip on the way back."""
    if map_.is_nested(place):
        try:
            return trial.start + trial.change_nested(slip, place, map_.behind)
        except Unfit:
            return None
    changes = [trial.change(slip, edge) for edge in place.edges]
    known = [change for change in changes if change is not None]
    return trial.start + sum(known) if len(known) == len(changes) else None


def slips_on_the_way_back(tape: Tape, place: Place) -> Iterator[tuple[Slip, float]]:
    """The slips that can be made at a place: those of the row, those that fit anywhere."""
    rows = {tape.nodes[n].operation.name: tape.nodes[n].operation for n in place.nodes}
    if len(rows) == 1:
        (row,) = rows.values()
        for order, slip in enumerate(row.slips):
            if slip.back:
                yield slip, 1 + 0.01 * order
    for order, slip in enumerate(ANYWHERE):
        if slip.back:
            yield slip, (0.4 if slip is CUT else 0.5 if slip is SLOPE_LEFT_OUT else 2 + 0.2 * order)


class Map:
    """Which places a graph has on the ways from the wanted inputs to the end."""

    def __init__(self, tape: Tape, leaves: tuple[int, ...]) -> None:
        self.tape, self.leaves = tape, leaves
        behind = _ancestors(tape)
        wanted = sum(1 << leaf for leaf in leaves)
        self.behind = behind
        self.way = [
            node
            for node in tape.nodes
            if (behind[tape.end] >> node.index) & 1 and behind[node.index] & wanted
        ]
        on_way = {node.index for node in self.way}
        self.edges = {
            node.index: [(node.index, i) for i, p in enumerate(node.parents) if p in on_way]
            if node.parents
            else [(node.index, 0)]
            for node in self.way
        }

        self.readers = [
            edge
            for node in self.way
            if node.operation.name in READERS
            for edge in self.edges[node.index]
        ]

    def first_doubtful(self, right: Sequence[int], wrong: Sequence[int]) -> Node | None:
        """Going back, the first node that only wrong gradients come through."""
        vouched, blamed = sum(1 << leaf for leaf in right), sum(1 << leaf for leaf in wrong)
        for node in reversed(self.way):
            behind = self.behind[node.index]
            if node.parents and behind & blamed and not behind & vouched:
                return node
        return None

    def is_nested(self, place: Place) -> bool:
        """Whether one node of the place lies behind another."""
        nodes = place.nodes
        together = sum(1 << n for n in nodes)
        return any(self.behind[n] & (together ^ (1 << n)) for n in nodes)

    def places(self) -> list[tuple[Place, float]]:
        """One node, one edge, a layer, the inputs of one node, all of one operation.

        Each with what it costs in likelihood; every place once.
        """
        found: dict[Place, float] = {}

        def add(edges: Iterable[tuple[int, int]], penalty: float) -> None:
            place = Place(frozenset(edges))
            if place.edges:
                found[place] = min(penalty, found.get(place, penalty))

        for node in self.way:
            formula = 0.0 if node.own_name else 0.15
            add(self.edges[node.index], formula)
            if len(self.edges[node.index]) > 1:
                for edge in self.edges[node.index]:
                    add([edge], 0.3 + formula)
        for penalty, nodes in self.groups():
            edges = [edge for node in nodes for edge in self.edges[node.index]]
            add(edges, penalty)
            for i in {i for _, i in edges}:
                add([edge for edge in edges if edge[1] == i], penalty + 0.1)
            to_leaf = [e for e in edges if self._is_leaf(self.tape.nodes[e[0]].parents[e[1]])]
            add(to_leaf, penalty + 0.1)
            add(set(edges) - set(to_leaf), penalty + 0.1)
        for node in self.way:
            uses = [e for n in self.way for e in self.edges[n.index] if _parent(n, e) == node.index]
            for kept in uses if len(uses) > 2 else ():
                add(set(uses) - {kept}, 0.5)
        return list(found.items())

    def groups(self) -> Iterator[tuple[float, Sequence[Node]]]:
        """Layers, the inputs of one node, all of one operation: two nodes or more."""
        height: dict[int, int] = {}
        by_layer: dict[tuple[str, int], list[Node]] = {}
        by_operation: dict[str, list[Node]] = {}
        for node in self.way:
            above = [height[p] for p in node.parents if p in height]
            height[node.index] = 1 + max(above, default=0)
            if node.parents:
                name = node.operation.name
                by_layer.setdefault((name, height[node.index]), []).append(node)
                by_operation.setdefault(name, []).append(node)
        inputs = [
            [self.tape.nodes[p] for p in dict.fromkeys(node.parents) if p in height]
            for node in self.way
        ]
        statistics = [
            node
            for node in self.way
            if node.operation.name in REDUCTIONS and node.value.dim() and node.parents
        ]
        for penalty, groups in (
            (0.3, [statistics]),
            (0.4, by_layer.values()),
            (0.5, by_operation.values()),
            (0.5, inputs),
        ):
            for nodes in groups:
                nodes = [node for node in nodes if node.parents]
                if len(nodes) > 1:
                    yield penalty, nodes

    def _is_leaf(self, index: int) -> bool:
        """An input, or an entry of one."""
        node = self.tape.nodes[index]
        return not node.parents or (node.operation.moves and self._is_leaf(node.parents[0]))

    def _root(self, index: int) -> int:
        node = self.tape.nodes[index]
        return self._root(node.parents[0]) if node.parents and node.operation.moves else index

    def stand_ins(self) -> Iterator[tuple[Slip, Place, float]]:
        """Another value read on the way back: data for data, a parameter for a parameter, what the
        value was computed from or goes into, its slope; or two values exchanged."""
        uses = {node.index: self._uses(node) for node in self.tape.nodes}
        for node in self.tape.nodes:
            if not uses[node.index]:
                continue
            places = {frozenset(uses[node.index]), *(frozenset({e}) for e in uses[node.index])}
            for slip in self._slips_of_reading(node):
                yield from ((slip, Place(place), 4.0 + 0.1 * len(place)) for place in places)
            for other in self.others(node):
                both = frozenset(uses[node.index] + uses[other.index])
                if (
                    other.index < node.index
                    and self._kind(other) == "parameter"
                    and uses[other.index]
                ):
                    words = f"{node.name} and {other.name} are exchanged"
                    readers = {node.index: _value(other.index), other.index: _value(node.index)}
                    yield read_as(readers, words), Place(both), 4.3

    def _uses(self, node: Node) -> list[tuple[int, int]]:
        """The edges on which the value of a node is read on the way back."""
        return [
            (user, i)
            for user, i in self.readers
            if node.index in self.tape.nodes[user].parents
            and self.tape.nodes[user].parents[i] != node.index
        ]

    def _slips_of_reading(self, node: Node) -> Iterator[Slip]:
        for other in self.others(node):
            words = f"{other.name} is read for {node.name}"
            yield read_as({node.index: _value(other.index)}, words)
        if node.operation.elementwise:
            words = f"the slope of {node.name} is read for {node.name}"
            yield read_as({node.index: partial(self._slope_of, node)}, words)

    def _slope_of(self, node: Node, values: Sequence[Tensor]) -> Tensor:
        return self.tape.step(node, values).slope(0, torch.ones_like(node.value))

    def factors(self) -> Iterator[tuple[Slip, Place, float]]:
        """Another value of the net as a factor in the gradient of an input, or as a divisor."""
        leaves = [node for node in self.way if self._is_leaf(node.index)]
        for other in self.tape.nodes[: self.tape.end]:
            if other.value.is_floating_point() and (other.own_name or len(leaves) < 4):
                for divide in (False, True):
                    slip = factor(other.index, other.name, divide=divide)
                    for leaf in leaves:
                        place = Place(frozenset(self.edges[leaf.index]))
                        yield slip, place, 4.5 if other.own_name else 4.8

    def others(self, node: Node) -> list[Node]:
        """What may be mistaken for a node."""
        kind = self._kind(node)
        found = []
        for other in self.tape.nodes:
            if other.index == node.index or other.value.shape != node.value.shape:
                continue
            if other.operation.name == "constant" or not other.value.is_floating_point():
                continue
            near = (
                self.behind[node.index] >> other.index & 1
                or (kind == "computed" and node.index in other.parents)
            ) and self._kind(other) != "parameter"
            alike = self._kind(other) == kind and (
                kind != "computed" or other.operation.name == node.operation.name
            )
            if near or alike:
                found.append(other)
        found.sort(key=lambda other: abs(other.index - node.index))
        return found[:STAND_INS]

    def _kind(self, node: Node) -> str:
        if not self._is_leaf(node.index):
            return "computed"
        return "parameter" if self._root(node.index) in self.leaves else "data"

    def forward(self) -> list[tuple[Slip, Place, float]]:
        """Slips in the value of a node, a layer, all of one operation."""
        found = []
        on_end = self.behind[self.tape.end]
        nodes = [node for node in self.tape.nodes if on_end >> node.index & 1]
        places: list[tuple[list[Node], float]] = [([node], 0.0) for node in nodes]
        places += [(list(group), penalty) for penalty, group in self.groups()]
        for group, penalty in places:
            rows = {node.operation.name for node in group}
            place = Place(frozenset((node.index, i) for node in group for i in _positions(node)))
            if len(rows) > 1 or not group[0].value.is_floating_point():
                continue
            row = group[0].operation
            for order, slip in enumerate(row.slips):
                if slip.value:
                    found.append((slip, place, 1.5 + 0.01 * order + penalty))
                    if group[0].index in self.edges:
                        found.append((replace(slip, own=True), place, 1.6 + 0.01 * order + penalty))
            if row.name != "constant" and self._is_leaf(group[0].index):
                found.append((ABSENT, place, 3.0 + penalty))
        return found


#: What takes many entries together.
REDUCTIONS = frozenset({"sum", "mean", "var", "amax", "logsumexp"})
#: What reads its operands on the way back.
READERS = frozenset({"mul", "div", "matmul", "pow", "outer"})


def _value(index: int) -> Callable[[Sequence[Tensor]], Tensor]:
    return lambda values: values[index]


def _positions(node: Node) -> range:
    return range(max(len(node.parents), 1))


def _parent(node: Node, edge: tuple[int, int]) -> int:
    return node.parents[edge[1]] if node.parents else -1


def _ancestors(tape: Tape) -> list[int]:
    """For every node the set of nodes behind it and itself, as bits."""
    behind: list[int] = []
    for node in tape.nodes:
        bits = 1 << node.index
        for parent in node.parents:
            bits |= behind[parent]
        behind.append(bits)
    return behind
