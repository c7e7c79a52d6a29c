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
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from checks.slips.elsewhere import FAR, elsewhere
from checks.slips.graph import Graph
from checks.slips.operations import ANYWHERE, CUT, Slip, Unfit
from checks.slips.tape import Made, Place, Tape, nodes_of

#: The step of a central difference that balances rounding against truncation.
STEP = 6e-6
#: How well an answer has to agree, and before that the one number along u: that of float64.
RTOL = 1e-6
#: How many explanations are checked in full, how many steps the slips in the forward pass and those
#: at places behind each other, and how many trials the pairs may cost.
CHECKED, REPLAYS, PAIRS = 24, 15_000, 40_000

#: What each input gets, by index.
Grads = Mapping[int, Tensor]


@dataclass(frozen=True)
class Candidate:
    """Slips at their places.

    change         in the slope along u
    rank           the lower, the likelier
    nodes, behind  those at which they are made, those that get their gradients from them, as bits
    """

    made: Made
    change: float
    rank: float
    nodes: int = 0
    behind: int = 0


class Case:
    """One case: the tape of the loss there, its right gradients, how it moves along u."""

    def __init__(self, tape: Tape, leaves: Sequence[int]) -> None:
        self.tape, self.values = tape, [node.value for node in tape.nodes]
        self.right = tape.backward()
        for leaf in leaves:  # the loss may not depend on it
            self.right.setdefault(leaf, torch.zeros_like(self.values[leaf]))
        self.scale = largest(self.right[leaf] for leaf in leaves)
        dice = torch.Generator().manual_seed(7)
        self.u = {
            leaf: torch.rand(self.values[leaf].shape, generator=dice, dtype=torch.float64) + 0.5
            for leaf in leaves
        }
        self.start = self.along(self.right)
        self.passed: dict[tuple[int, int], float] = {}

    def along(self, grads: Grads) -> float:
        """The slope of an answer along u."""
        return sum(float((grads[leaf] * u).sum()) for leaf, u in self.u.items() if leaf in grads)

    @cached_property
    def lanes(self) -> list[list[Tensor]]:
        """Every value a small step along u, forth and back."""
        steps = ({n: self.values[n] + s * STEP * u for n, u in self.u.items()} for s in (1, -1))
        return [self.tape.values(given=step) for step in steps]

    @cached_property
    def tangents(self) -> list[Tensor]:
        """∂node/∂u of every node."""
        lanes = zip(self.tape.nodes, *self.lanes, strict=True)
        return [
            torch.nan_to_num((forth - back) / (2 * STEP), posinf=0.0, neginf=0.0)
            if node.index in self.tape.differentiable
            else torch.zeros_like(node.value)
            for node, forth, back in lanes
        ]

    def change(self, slip: Slip, edge: tuple[int, int], grads: Grads | None = None) -> float:
        """What the slip changes in the slope along u if made at one edge. Raises Unfit.

        grads  what arrives; the right gradients if None
        """
        index, i = edge
        node, known = self.tape.nodes[index], self.passed if grads is None else {}
        step, g = self.tape.step(node, self.values), (grads or self.right)[index]
        tangent = self.tangents[node.parents[i] if node.parents else index]
        if edge not in known:
            known[edge] = float((step.slope(i, g) * tangent).sum())
        if slip.back is None and slip.value is None:
            return (slip.times - 1) * known[edge]
        return float((slip.hand_back(step, i, g) * tangent).sum()) - known[edge]

    def change_forward(self, slip: Slip, place: Place) -> float:
        """The same for a slip in the forward pass, by differences. Raises Unfit."""
        wrong, nodes = slip.value, set(nodes_of(place))
        assert wrong is not None
        lanes = [list(lane) for lane in (*self.lanes, self.values)]
        changed = set(nodes)
        for node in self.tape.nodes[min(nodes) : self.tape.end + 1]:
            if changed.intersection(node.parents):
                changed.add(node.index)
                for lane in lanes:
                    lane[node.index] = node.compute(*[lane[p] for p in node.parents])
            if node.index in nodes:
                made = [wrong(self.tape.step(node, lane)) for lane in lanes]
                if not slip.own:  # the value is shifted, the slopes stay the right ones
                    made = [lane[node.index] + made[2] - lanes[2][node.index] for lane in lanes]
                for lane, value in zip(lanes, made, strict=True):
                    lane[node.index] = value
        forth, back = (float(lane[self.tape.end]) for lane in lanes[:2])
        return (forth - back) / (2 * STEP) - self.start

    def agrees(self, answer: Grads, grads: Grads, rtol: float) -> bool:
        """Whether an answer is this, entry by entry."""
        return all(
            leaf in grads and same(value, grads[leaf], self.scale, rtol=rtol)
            for leaf, value in answer.items()
        )


def largest(tensors: Iterable[Tensor]) -> float:
    return max((float(t.abs().max()) for t in tensors if t.numel()), default=0.0)


def same(value: Tensor, expected: Tensor, scale: float, *, rtol: float = RTOL) -> bool:
    """Same shape, finite and |value − expected| ≤ rtol · (|expected| + max|expected|).

    scale  the size of all gradients together: what is nothing beside it may differ by rounding
    """
    if value.shape != expected.shape:
        return False
    if not bool(torch.isfinite(value).all() and torch.isfinite(expected).all()):
        return False  # infinities agree with everything
    size = expected.abs()
    bound = rtol * (size + largest([size])) + 1e-12 * scale
    return bool(((value - expected).abs() <= bound).all())


class Search:
    """The slips of one loss on its cases; what is found out serves every answer to them."""

    def __init__(self, tapes: Sequence[Tape], leaves: Sequence[int]) -> None:
        self.cases = [Case(tape, leaves) for tape in tapes]
        self.first = self.cases[0]
        self.graph = Graph(tapes[0], leaves, self.first.right)

    def find(self, answers: Sequence[Grads], *, rtol: float, two: bool) -> list[Candidate]:
        """What gives the answers, one for each case, the likeliest first.

        Slips at single places before those at places behind each other, before pairs if `two`.
        """
        first = self.first
        wanted = first.along(answers[0]) - first.start
        near = rtol * (abs(wanted + first.start) + abs(first.start) + first.scale)
        right = sum(
            1 << leaf
            for leaf, value in answers[0].items()
            if same(value, first.right[leaf], first.scale, rtol=rtol)
        )
        two = two and not self.graph.is_large
        sources: list[Callable[[], Iterable[Candidate]]]
        sources = [lambda: self.singles, lambda: self.nested]
        sources += [lambda: self.pairs(wanted, near, right)] if two else []
        for source in sources:
            likely = [each for each in source() if abs(each.change - wanted) <= near]
            likely.sort(key=lambda candidate: candidate.rank)
            if found := [c for c in likely[:CHECKED] if self.explains(c.made, answers, rtol)]:
                return found
        return []

    def explains(self, made: Made, answers: Sequence[Grads], rtol: float) -> bool:
        """Whether these slips give the answers on every case."""
        try:
            return all(
                case.agrees(answer, case.tape.backward(made), rtol)
                for case, answer in zip(self.cases, answers, strict=True)
            )
        except Unfit:
            return False

    @cached_property
    def singles(self) -> list[Candidate]:
        """Every slip at every place whose nodes do not lie behind each other."""
        found = [
            each
            for place, penalty in self.graph.places.items()
            if not self.graph.is_nested(place)
            for each in self._made(place, penalty)
        ]
        for slip, place, rank in elsewhere(self.graph):
            found.extend(self._tried(slip, place, rank))
        budget = REPLAYS
        for slip, place, rank in self.graph.forward():
            budget -= self.first.tape.end - min(place)[0]
            if budget < 0:
                break
            found.extend(self._tried(slip, place, rank))
        return found

    @cached_property
    def nested(self) -> list[Candidate]:
        """Every slip at places behind each other."""
        places = self.graph.places.items()
        budget, found = REPLAYS, []
        for place, penalty in sorted(places, key=lambda one: one[1]):
            if self.graph.is_nested(place) and budget > 0:
                made = list(self._made(place, penalty))
                budget -= len(made) * len(self.graph.way)
                found.extend(made)
        return found

    def _made(self, place: Place, penalty: float) -> Iterator[Candidate]:
        """The slips that can be made at a place: those of the row, those that fit anywhere."""
        rows = {self.first.tape.nodes[n].operation.name for n, _ in place}
        own = self.first.tape.nodes[min(place)[0]].operation.slips if len(rows) == 1 else ()
        ranked = {slip: 1 + 0.01 * order for order, slip in enumerate(own)}
        for slip, rank in {**ranked, **ANYWHERE}.items():
            if slip.value is None and len(place) > slip.both:
                yield from self._tried(slip, place, rank + penalty)

    def _tried(self, slip: Slip, place: Place, rank: float) -> Iterator[Candidate]:
        """With what it changes; nothing where it cannot be made."""
        made = ((slip, place),)
        try:
            if slip.value:
                change = self.first.change_forward(slip, place)
            elif self.graph.is_nested(place):
                change = self.first.along(self.first.tape.backward(made)) - self.first.start
            else:
                change = sum(self.first.change(slip, edge) for edge in place)
        except Unfit:
            return
        yield Candidate(made, change, rank, *self.graph.bits(place))

    def pairs(self, wanted: float, near: float, right: int) -> Iterator[Candidate]:
        """Two slips on the way back that together change what is wanted, and nothing that is right.

        Where neither lies behind the other their changes add up. Where one does, what arrives at
        the lower one is what the upper one has made of it.
        """
        known: dict[float, Candidate] = {}
        for one in sorted(self.singles, key=lambda each: each.rank):
            ((slip, place),) = one.made
            backward = slip.id not in FAR and not slip.value
            size = round(one.change / (self.first.scale or 1.0), 8)
            # a maximum that is subtracted changes nothing as long as the rest is right
            kept = size or (slip is CUT and self._is_maximum(place))
            if kept and backward and not (one.behind | one.nodes) & right:
                known.setdefault(size, one)  # each change once
        yield from _side_by_side(list(known.values()), wanted, near)
        yield from self._one_behind_the_other(list(known.values())[: math.isqrt(PAIRS)])

    def _is_maximum(self, place: Place) -> bool:
        return {self.first.tape.nodes[n].operation.name for n, _ in place} == {"amax"}

    def _one_behind_the_other(self, known: Sequence[Candidate]) -> Iterator[Candidate]:
        case = self.first
        for upper in known:
            lower = [c for c in known if c.nodes & upper.behind and not c.behind & upper.nodes]
            try:
                grads = case.tape.backward(upper.made) if lower else {}
            except Unfit:
                continue
            start = case.along(grads) - case.start
            for one in lower:
                ((slip, place),) = one.made
                try:
                    change = sum(case.change(slip, edge, grads) for edge in place)
                except (Unfit, KeyError):
                    continue
                made = (*upper.made, *one.made)
                yield Candidate(made, start + change, upper.rank + one.rank)


def _side_by_side(known: list[Candidate], wanted: float, near: float) -> Iterator[Candidate]:
    """Pairs neither of which lies behind the other: sorted, so that each finds its complement."""
    by_change = sorted(known, key=lambda one: one.change)
    changes = [one.change for one in by_change]
    for one in known:
        rest = wanted - one.change
        first, last = bisect_left(changes, rest - near), bisect_right(changes, rest + near)
        for other in by_change[first:last]:
            apart = not (one.nodes & other.behind or other.nodes & one.behind)
            if apart and not one.made[0][1] & other.made[0][1] and one.rank <= other.rank:
                yield Candidate((*one.made, *other.made), wanted, one.rank + other.rank)
