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
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from checks.slips.operations import (
    ABSENT,
    ANYWHERE,
    AVERAGED,
    CUT,
    SLOPE_LEFT_OUT,
    Slip,
    Step,
    Unfit,
    counted,
    factor,
    read_as,
    skipped,
)
from checks.slips.tape import Made, Node, Place, Tape

#: The step of a central difference that balances rounding against truncation.
STEP = 6e-6
#: How well an answer has to agree, and before that the one number along u: that of float64.
RTOL = 1e-6
#: How many values of a node may stand in for another's.
STAND_INS = 8
#: How many steps the slips at places behind each other, how many the forward slips and how many
#: trials the pairs may cost.
REPLAYS, PAIRS = 15_000, 40_000
#: With more nodes on the ways only slips on the way back are looked for, and no pairs.
LARGE = 250
#: What takes many entries together.
REDUCTIONS = frozenset({"sum", "mean", "var", "amax", "logsumexp"})
#: What reads its operands on the way back.
READERS = frozenset({"mul", "div", "matmul", "pow", "outer"})
#: The slips that are likelier than those of a row.
LIKELY = {CUT: 0.4, SLOPE_LEFT_OUT: 0.5, AVERAGED: 0.9}
#: How many explanations are checked in full.
CHECKED = 24


@dataclass(frozen=True)
class Candidate:
    """Slips at their places; the lower the rank, the likelier."""

    made: Made
    rank: float


class Trial:
    """One case: the tape of the loss there, and the answer for some of its inputs."""

    def __init__(self, tape: Tape, answer: Mapping[int, Tensor], *, rtol: float = RTOL) -> None:
        self.tape, self.answer, self.rtol = tape, answer, rtol
        self.values = [node.value for node in tape.nodes]
        self.right = tape.backward()
        self.scale = max((float(self.right[leaf].abs().max()) for leaf in answer), default=0.0)
        self.seen: dict[tuple[Slip, tuple[int, int]], float | None] = {}

    def answered(self, answer: Mapping[int, Tensor], *, rtol: float) -> Trial:
        """Another answer to the same case, for the same inputs: what is known of it stays known."""
        other = copy(self)
        other.answer, other.rtol = answer, rtol
        vars(other).pop("target", None)
        return other

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
        moved = [
            {leaf: self.values[leaf] + side * STEP * u for leaf, u in self.direction.items()}
            for side in (1, -1)
        ]
        return self.tape.values(given=moved[0]), self.tape.values(given=moved[1])

    @cached_property
    def tangents(self) -> list[Tensor]:
        """∂node/∂u of every node."""
        found: list[Tensor] = []
        for node in self.tape.nodes:
            still = torch.zeros_like(node.value)
            moved = [found[p] for p in node.parents]
            parents = [self.values[p] for p in node.parents]
            found.append(
                tangent(node.compute, parents, moved, still)
                if parents
                else self.direction.get(node.index, still)
            )
        return found

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
        return abs(slope - self.target) <= self.rtol * size

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
        step = self.tape.step(node, self.values, grads)
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
            step, g = self.tape.step(node, self.values, self.right), self.right[index]
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
        return same(self.answer[leaf], self.right[leaf], self.scale, rtol=self.rtol)

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
                else:  # the value is shifted, the slopes stay the right ones
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
            leaf in grads and same(value, grads[leaf], self.scale, rtol=self.rtol)
            for leaf, value in self.answer.items()
        )


def tangent(
    compute: Callable[..., Tensor],
    parents: Sequence[Tensor],
    moved: Sequence[Tensor],
    still: Tensor,
) -> Tensor:
    """How an operation moves when its parents do: a central difference of this operation alone."""
    size = sum(float(t.norm()) for t in moved if t.is_floating_point())
    if not size or not still.is_floating_point():
        return still
    step = STEP / size
    forth, back = (
        compute(
            *[
                parent + side * t if t.is_floating_point() else parent
                for parent, t in zip(parents, moved, strict=True)
            ]
        )
        for side in (step, -step)
    )
    return torch.nan_to_num((forth - back) / (2 * step), posinf=0.0, neginf=0.0)


def same(value: Tensor, expected: Tensor, scale: float, *, rtol: float = RTOL) -> bool:
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


def explanations(
    trials: Sequence[Trial], *, two: bool, known: Sequence[tuple[float, Candidate]] | None = None
) -> list[Candidate]:
    """What gives the answer on every case, the likeliest first: single slips, else pairs.

    known  the `singles` of the first case, if they have been followed for another answer
    """
    for source in (singles, pairs) if two else (singles,):
        first = trials[0]
        slopes = known if known is not None and source is singles else source(first)
        near = sorted(
            (candidate for slope, candidate in slopes if first.is_near(slope)),
            key=lambda candidate: candidate.rank,
        )
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


def pairs(trial: Trial) -> Iterator[tuple[float, Candidate]]:
    """Two slips on the way back that together give the same slope along u.

    Where neither lies behind the other their changes add up. Where one does, what arrives at the
    lower one is what the upper one has made of it.
    """
    map_ = Map(trial.tape, tuple(trial.answer))
    if map_.is_large:
        return
    known = list(_effective(trial, map_))
    known.sort(key=lambda single: single.rank)
    for candidate in (
        *_side_by_side(trial, known),
        *_one_behind_the_other(trial, map_, known[: math.isqrt(PAIRS)]),
    ):
        yield trial.target, candidate


def _effective(trial: Trial, map_: Map) -> Iterator[Single]:
    """Single slips that change something, and nothing that is right; each change once."""
    right = sum(1 << leaf for leaf in trial.answer if trial.is_right(leaf))
    seen: set[float] = set()
    for place, penalty in sorted(map_.places.items(), key=lambda found: found[1]):
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
    width = trial.rtol * (abs(trial.target) + abs(trial.start) + trial.scale)
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


def singles(trial: Trial) -> Iterator[tuple[float, Candidate]]:
    """Every slip at every place, with the slope along u that it gives; whatever the answer is."""
    map_ = Map(trial.tape, tuple(trial.answer))
    budget = REPLAYS
    for place, penalty in map_.places.items():
        for slip, rank in slips_on_the_way_back(trial.tape, place):
            span = max(place.nodes) - min(place.nodes) if map_.is_nested(place) else 0
            budget -= span
            if budget <= 0 and span:
                continue
            slope = _slope_back(trial, map_, slip, place)
            if slope is not None:
                yield slope, Candidate(((slip, place),), rank + penalty)
    for slip, place, rank in map_.elsewhere():
        slope = _slope_back(trial, map_, slip, place)
        if slope is not None:
            yield slope, Candidate(((slip, place),), rank)
    budget = REPLAYS
    for slip, place, rank in map_.forward():
        budget -= trial.tape.end - min(place.nodes)
        if budget < 0:
            return
        try:
            yield trial.slope_forward(slip, place), Candidate(((slip, place),), rank)
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
            yield slip, LIKELY.get(slip, 2 + 0.2 * order)


#: index of a node -> what is read for it
Readers = dict[int, Callable[[Sequence[Tensor]], Tensor]]


class Map:
    """Where slips can be made: the ways from the wanted inputs to the end, and what is mixed up.

    way      the nodes on them
    edges    of each, those towards the inputs; (leaf, 0) for a leaf
    users    for each node the edges on which it is an operand
    behind   for each node the nodes behind it and itself, as bits
    """

    def __init__(self, tape: Tape, leaves: tuple[int, ...]) -> None:
        self.tape, self.leaves = tape, leaves
        self.behind: list[int] = []
        for node in tape.nodes:
            bits = 1 << node.index
            for parent in node.parents:
                bits |= self.behind[parent]
            self.behind.append(bits)
        wanted = sum(1 << leaf for leaf in leaves)
        before_end = self.behind[tape.end]
        self.used = [node for node in tape.nodes if before_end >> node.index & 1]
        self.way = [
            node
            for node in self.used
            if self.behind[node.index] & wanted and node.index in tape.differentiable
        ]
        on_way = {node.index for node in self.way}
        self.edges: dict[int, list[tuple[int, int]]] = {}
        self.users: dict[int, list[tuple[int, int]]] = {node.index: [] for node in tape.nodes}
        for node in self.way:
            edges = [(node.index, i) for i, p in enumerate(node.parents) if p in on_way]
            self.edges[node.index] = edges or [(node.index, 0)]
            for edge in edges:
                self.users[node.parents[edge[1]]].append(edge)
        self.is_large = len(self.way) > LARGE

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
        if len(nodes) == 1:
            return False
        together = sum(1 << n for n in nodes)
        return any(self.behind[n] & (together ^ (1 << n)) for n in nodes)

    @cached_property
    def places(self) -> Mapping[Place, float]:
        """One node, one edge, a layer, the inputs of one node, all of one operation.

        Each with what it costs in likelihood.
        """
        found: dict[Place, float] = {}

        def add(edges: Iterable[tuple[int, int]], penalty: float) -> None:
            place = Place(frozenset(edges))
            if place.edges:
                found[place] = min(penalty, found.get(place, penalty))

        for node in self.way:
            formula = 0.0 if node.own_name else 0.15
            add(self.edges[node.index], formula)
            for edge in self.edges[node.index]:
                add([edge], 0.3 + formula)
            uses = self.users[node.index]
            for kept in uses if len(uses) > 2 and not self.is_large else ():
                add(set(uses) - {kept}, 0.5)
        for penalty, nodes in self.groups():
            edges = [edge for node in nodes for edge in self.edges[node.index]]
            to_leaf = {(n, i) for n, i in edges if self._is_leaf(self.tape.nodes[n].parents[i])}
            by_position = ([edge for edge in edges if edge[1] == i] for i in {i for _, i in edges})
            add(edges, penalty)
            for some in (*by_position, to_leaf, set(edges) - to_leaf):
                add(some, penalty + 0.1)
        return found

    def groups(self) -> Iterator[tuple[float, Sequence[Node]]]:
        """The statistics, layers, all of one operation, the inputs of one node: two or more."""
        height: dict[int, int] = {}
        layers: dict[tuple[str, int], list[Node]] = {}
        operations: dict[str, list[Node]] = {}
        for node in self.way:
            height[node.index] = 1 + max((height.get(p, 0) for p in node.parents), default=0)
            layers.setdefault((node.operation.name, height[node.index]), []).append(node)
            operations.setdefault(node.operation.name, []).append(node)
        inputs = (
            [self.tape.nodes[p] for p in dict.fromkeys(node.parents) if p in height]
            for node in self.way
        )
        averages = [n for n in self.way if n.operation.name in REDUCTIONS and n.value.dim()]
        for penalty, groups in (
            (0.3, [averages]),
            (0.4, layers.values()),
            (0.5, operations.values()),
            (0.5, inputs),
        ):
            for group in groups:
                nodes = [node for node in group if node.parents]
                if len(nodes) > 1:
                    yield penalty, nodes

    def _is_leaf(self, index: int) -> bool:
        """An input, or an entry of one."""
        return not self.tape.nodes[self._root(index)].parents

    def _root(self, index: int) -> int:
        """The node whose entries these are."""
        while self.tape.nodes[index].parents and self.tape.nodes[index].operation.moves:
            index = self.tape.nodes[index].parents[0]
        return index

    def _kind(self, node: Node) -> str:
        if not self._is_leaf(node.index):
            return "computed"
        return "parameter" if self._root(node.index) in self.leaves else "data"

    def elsewhere(self) -> Iterator[tuple[Slip, Place, float]]:
        """Slips on the way back that take something from another place of the graph."""
        if not self.is_large:
            yield from self._stand_ins()
            yield from self._copied()
            yield from self._factors()
            yield from self._skips()
        yield from self._counts()

    def _stand_ins(self) -> Iterator[tuple[Slip, Place, float]]:
        """Another value read, its slope, or two parameters exchanged."""
        uses = {node.index: self._uses(node) for node in self.tape.nodes}
        for node in self.tape.nodes:
            here = uses[node.index]
            if not here:
                continue
            slips = []
            if node.operation.elementwise:
                readers: Readers = {node.index: partial(self._slope_of, node)}
                slips.append(read_as(readers, f"the slope of {node.name} is read for {node.name}"))
            for other in self._others(node):
                readers = {node.index: _value(other.index)}
                slips.append(read_as(readers, f"{other.name} is read for {node.name}"))
                if other.index < node.index and self._kind(other) == "parameter":
                    both = Place(frozenset(here + uses[other.index]))
                    readers = {node.index: _value(other.index), other.index: _value(node.index)}
                    yield read_as(readers, f"{node.name} and {other.name} are exchanged"), both, 4.3
            for edges in {frozenset(here), *(frozenset({edge}) for edge in here)}:
                for slip in slips:
                    yield slip, Place(edges), 4.0 + 0.1 * len(edges)

    def _copied(self) -> Iterator[tuple[Slip, Place, float]]:
        """The slope of another node of the same operation: a line that was copied."""
        curved = [n for n in self.way if n.operation.local and len(n.parents) == 1]
        for node in curved:
            for other in curved:
                if other.operation is node.operation and other.index != node.index:
                    back = partial(self._slope_at, other)
                    slip = Slip("copied", f"the slope of {other.name} is taken", back=back)
                    yield slip, Place(frozenset(self.edges[node.index])), 4.0

    def _slope_at(self, other: Node, step: Step, i: int, g: Tensor) -> Tensor:
        return self.tape.step(other, step.values).slope(i, g)

    def _uses(self, node: Node) -> list[tuple[int, int]]:
        """The edges on which the value of a node is read on the way back: its fellow operands'."""
        return [
            edge
            for user in dict.fromkeys(self.operands.get(node.index, ()))
            for edge in self.edges[user]
            if self.tape.nodes[user].parents[edge[1]] != node.index
        ]

    @cached_property
    def operands(self) -> Mapping[int, list[int]]:
        """For a node those on the way that read it on the way back."""
        found: dict[int, list[int]] = {}
        for node in self.way:
            for parent in node.parents if node.operation.name in READERS else ():
                found.setdefault(parent, []).append(node.index)
        return found

    def _slope_of(self, node: Node, values: Sequence[Tensor]) -> Tensor:
        return self.tape.step(node, values).slope(0, torch.ones_like(node.value))

    def _others(self, node: Node) -> list[Node]:
        """What may be mistaken for a node: data for data, a parameter for a parameter; for what is
        computed, what it was computed from or goes into, and others of its operation."""
        kind, found = self._kind(node), []
        for other in self.used:
            if other.index == node.index or other.value.shape != node.value.shape:
                continue
            if other.operation.name == "constant" or not other.value.is_floating_point():
                continue
            alike = self._kind(other) == kind
            if kind == "computed":
                alike = other.operation.name == node.operation.name
                alike |= self._kind(other) != "parameter" and (
                    bool(self.behind[node.index] >> other.index & 1) or node.index in other.parents
                )
            if alike:
                found.append(other)
        return sorted(found, key=lambda other: abs(other.index - node.index))[:STAND_INS]

    def _factors(self) -> Iterator[tuple[Slip, Place, float]]:
        """Another value of the net as a factor in the gradient of an input, or as a divisor."""
        leaves = [node for node in self.way if self._is_leaf(node.index)]
        for other in self.used:
            named = other.own_name or (len(leaves) < 4 and other.parents)
            if not named or other.index == self.tape.end or not other.value.is_floating_point():
                continue
            for divide in (False, True):
                slip = factor(other.index, other.name, divide=divide)
                for leaf in leaves:
                    yield slip, Place(frozenset(self.edges[leaf.index])), 4.5

    def _counts(self) -> Iterator[tuple[Slip, Place, float]]:
        """A length of an input as a factor or a divisor, at the end or at one input."""
        ends = [Place(frozenset(self.edges[i])) for i in {self.tape.end, *self.leaves}]
        for index in self.tape.inputs.values():
            node = self.tape.nodes[index]
            for axis, size in enumerate(node.value.shape):
                for divide in (False, True) if size > 1 else ():
                    slip = counted(index, axis, node.name, divide=divide)
                    yield from ((slip, place, 3.2) for place in ends)

    def _skips(self) -> Iterator[tuple[Slip, Place, float]]:
        """On one of several ways, what arrived one or two slopes nearer to the loss."""
        once: dict[int, int] = {}
        for node in reversed(self.way):
            if len(self.users[node.index]) == 1:
                user = self.tape.nodes[self.users[node.index][0][0]]
                if not user.operation.moves and user.operation.name not in ("add", "sub"):
                    once[node.index] = user.index
                elif user.index in once:
                    once[node.index] = once[user.index]
        twice = {n: once[m] for n, m in once.items() if m in once}
        for later, words in ((once, "next slope"), (twice, "next two slopes")):
            slip = skipped(later, f"the {words} towards the loss is passed over")
            for place, penalty in self.places.items():
                if len(place.edges) < sum(len(self.edges[n]) for n in place.nodes):
                    yield slip, place, 3.6 + penalty

    def forward(self) -> Iterator[tuple[Slip, Place, float]]:
        """Slips in the value of a node, a layer, all of one operation."""
        ones: list[tuple[float, Sequence[Node]]] = [(0.0, [node]) for node in self.used]
        for penalty, group in () if self.is_large else (*ones, *self.groups()):
            first = group[0]
            row, positions = first.operation, range(max(len(first.parents), 1))
            if not first.value.is_floating_point() or any(n.operation is not row for n in group):
                continue
            place = Place(frozenset((node.index, i) for node in group for i in positions))
            for order, slip in enumerate(row.slips):
                if slip.value:
                    yield slip, place, 1.5 + 0.01 * order + penalty
                    if first.index in self.edges:
                        yield replace(slip, own=True), place, 1.6 + 0.01 * order + penalty
            if row.name != "constant" and self._is_leaf(first.index):
                yield ABSENT, place, 3.0 + penalty


def _value(index: int) -> Callable[[Sequence[Tensor]], Tensor]:
    return lambda values: values[index]
