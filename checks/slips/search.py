"""The search: which slips, made at which places, give the numbers of an answer.

A slip is tried by one number first: the slope of the answer along a random direction u of the
inputs. What a node hands back counts ⟨what it hands back, ∂parent/∂u⟩ there, so a slip on the way
back costs one product of one node, and what it changes is followed only as far as another slip.
What passes is made on every case and compared entry by entry. Everything is bounded by count and
never by a clock: the same answer gets the same words on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from checks.slips.candidates import candidates, of_rows
from checks.slips.graph import Graph
from checks.slips.operations import CUT, Slip, Step, Unfit
from checks.slips.tape import Edge, Made, Place, Tape, nodes_of

#: The step of a central difference that balances rounding against truncation.
STEP = 6e-6
#: How well an answer has to agree, and before that the one number along u: that of float64.
RTOL = 1e-6
#: How many explanations are checked in full, how many steps the slips in the forward pass and those
#: at places behind each other may cost, and of how many slips pairs are tried.
CHECKED, REPLAYS, PAIRED = 24, 20_000, 300

#: What each input gets, by index.
Grads = Mapping[int, Tensor]


class Candidate(NamedTuple):
    """Slips at their places, and what they change in the slope along u.

    rank  the lower, the likelier
    """

    rank: float
    change: float
    made: Made


class Case:
    """One case: the tape of the loss there, its right gradients, how it moves along u."""

    def __init__(self, tape: Tape, leaves: Sequence[int]) -> None:
        self.tape, self.values = tape, [node.value for node in tape.nodes]
        self.right = tape.backward()
        self.graph = Graph(tape, leaves, self.right)
        for leaf in leaves:  # the loss may not depend on it
            self.right.setdefault(leaf, torch.zeros_like(self.values[leaf]))
        self.scale = largest(self.right[leaf] for leaf in leaves)
        dice = torch.Generator().manual_seed(7)
        self.u = {
            leaf: torch.rand(self.values[leaf].shape, generator=dice, dtype=torch.float64) + 0.5
            for leaf in leaves
        }
        self.start = self.along(self.right)
        self.known: dict[tuple[Slip | None, Edge], float] = {}

    def along(self, grads: Grads) -> float:
        """The slope of an answer along u."""
        return sum(float((grads[leaf] * u).sum()) for leaf, u in self.u.items() if leaf in grads)

    @cached_property
    def lanes(self) -> list[list[Tensor]]:
        """Every value a small step along u, forth and back."""
        return [
            self.tape.values(
                [(moved(sign * STEP * u), frozenset([(leaf, 0)])) for leaf, u in self.u.items()]
            )
            for sign in (1, -1)
        ]

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

    def step(self, edge: Edge) -> Step:
        return self.tape.step(self.tape.nodes[edge[0]], self.values)

    def handed(self, slip: Slip | None, edge: Edge, g: Tensor) -> Tensor:
        """What goes back over an edge when g arrives, a slip made there or none. Raises Unfit."""
        step = self.step(edge)
        return slip.hand_back(step, edge[1], g) if slip else step.slope(edge[1], g)

    def share(self, slip: Slip | None, edge: Edge) -> float:
        """What the right gradient that arrives at an edge adds there to the slope along u."""
        if slip and slip.times:
            return slip.times(self.step(edge)) * self.share(None, edge)
        if (slip, edge) not in self.known:
            handed = self.handed(slip, edge, self.right[edge[0]])
            self.known[slip, edge] = float((handed * self.tangents[self.graph.parent(edge)]).sum())
        return self.known[slip, edge]

    def change(self, made: Made) -> float:
        """What slips change in the slope along u. Raises Unfit.

        On the way back, what a slip changes is followed as far as the next; from there on it counts
        what it is along u.
        """
        if made[0][0].value:
            return self.change_forward(*made[0])
        slips = {edge: slip for slip, place in made for edge in place}
        places = {n for n, _ in slips}
        more: dict[int, Tensor] = {}  # what arrives too much
        total, waiting = 0.0, set(places)
        while waiting:
            index = max(waiting)
            waiting.remove(index)
            for edge in self.graph.edges[index]:
                slip, parent = slips.get(edge), self.graph.parent(edge)
                followed = parent != index and not self.graph.behind[parent].isdisjoint(places)
                if slip and index not in more and not followed:
                    total += self.share(slip, edge) - self.share(None, edge)
                elif slip or index in more:
                    off = self.off(slip, edge, more.get(index))
                    if followed:
                        more[parent] = more.get(parent, 0) + off
                        waiting.add(parent)
                    else:
                        total += float((off * self.tangents[parent]).sum())
        return total

    def off(self, slip: Slip | None, edge: Edge, more: Tensor | None) -> Tensor:
        """What goes back over an edge too much, a slip made there or none, if more arrives."""
        right = self.right[edge[0]]
        if slip is None and more is not None:
            return self.handed(None, edge, more)
        arrives = right if more is None else right + more
        return self.handed(slip, edge, arrives) - self.handed(None, edge, right)

    def change_forward(self, slip: Slip, place: Place) -> float:
        """The same for a slip in the value of a node, by differences."""
        (index,) = nodes_of(place)
        if not slip.own:  # the value is shifted, the slopes stay the right ones
            wrong = self.tape.values([(slip, place)])[index]
            slip = moved(wrong - self.values[index])
        forth, back = (
            self.tape.values([(slip, place)], lane)[self.tape.end] for lane in self.lanes
        )
        return float(forth - back) / (2 * STEP) - self.start

    def agrees(self, answer: Grads, grads: Grads, rtol: float) -> bool:
        """Whether an answer is this, entry by entry."""
        return all(
            leaf in grads and same(value, grads[leaf], self.scale, rtol=rtol)
            for leaf, value in answer.items()
        )


def moved(by: Tensor) -> Slip:
    """A value that is off by a constant."""
    return Slip("moved", "", value=lambda step: step.out + by)


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
        self.graph = self.first.graph

    def find(self, answers: Sequence[Grads], *, rtol: float, two: bool) -> list[Candidate]:
        """What gives the answers, one for each case, the likeliest first; pairs only if `two` and
        no single slip does."""
        first = self.first
        if any(value.shape != first.right[leaf].shape for leaf, value in answers[0].items()):
            return []
        wanted = first.along(answers[0]) - first.start
        near = rtol * (abs(wanted + first.start) + abs(first.start) + first.scale)
        right = {
            leaf
            for leaf, value in answers[0].items()
            if same(value, first.right[leaf], first.scale, rtol=rtol)
        }
        pairs = self.pairs(right) if two else ()
        for tried in (lambda: self.apart, lambda: self.nested, lambda: pairs):
            likely = [one for one in tried() if abs(one.change - wanted) <= near]
            likely.sort(key=lambda one: one.rank)
            if found := [one for one in likely[:CHECKED] if self.explains(one.made, answers, rtol)]:
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

    def tried(self, rank: float, made: Made) -> Iterator[Candidate]:
        """With what it changes; nothing where it cannot be made."""
        try:
            yield Candidate(rank, self.first.change(made), made)
        except Unfit:
            return

    @cached_property
    def likely(self) -> list[tuple[Slip, Place, float]]:
        """Every slip at every place, the likelier first."""
        return sorted(candidates(self.graph, self.matters), key=lambda each: each[2])

    @cached_property
    def apart(self) -> list[Candidate]:
        """Those at nodes that do not lie behind each other."""
        return [*self.singles(nested=False)]

    @cached_property
    def nested(self) -> list[Candidate]:
        return [*self.singles(nested=True)]

    def singles(self, *, nested: bool) -> Iterator[Candidate]:
        budget = REPLAYS
        for slip, place, rank in self.likely:
            if self.graph.is_nested(place) == nested:
                budget -= max(place)[0] - min(place)[0]
                budget -= len(self.graph.way) if slip.value else 0
                if budget > 0:
                    yield from self.tried(rank, ((slip, place),))

    def matters(self, slip: Slip, edge: Edge) -> bool:
        """Whether a slip changes anything at one edge."""
        try:
            return self.first.share(slip, edge) != self.first.share(None, edge)
        except Unfit:
            return False

    def pairs(self, right: set[int]) -> Iterator[Candidate]:
        """Two slips on the way back that have to do with each other, and with nothing right."""
        pool: dict[tuple[int, float], Candidate] = {}
        for slip, place, rank in sorted(of_rows(self.graph), key=lambda each: each[2]):
            node, *others = nodes_of(place)
            if others or self.graph.is_large or not right.isdisjoint(self.graph.beyond(place)):
                continue
            for one in self.tried(rank, ((slip, place),)):
                if one.change or self.is_harmless(slip, node):
                    pool.setdefault((node, round(one.change / (self.first.scale or 1.0), 8)), one)
        for one, other in combinations(list(pool.values())[:PAIRED], 2):
            if self.are_related(*one.made[0], *other.made[0]):
                yield from self.tried(one.rank + other.rank, (*one.made, *other.made))

    def is_harmless(self, slip: Slip, node: int) -> bool:
        """A maximum that is subtracted changes nothing as long as the rest is right."""
        return slip is CUT and self.first.tape.nodes[node].operation.name == "amax"

    def are_related(self, slip: Slip, place: Place, slip2: Slip, place2: Place) -> bool:
        """One hands on to the other, or they are at one product; the same slip twice; or one is
        harmless. Any two others that give the numbers do so by chance."""
        ((node, _), *_), ((node2, _), *_) = place, place2
        if node == node2:
            is_sum = self.first.tape.nodes[node].operation.name in ("add", "sub")
            return place.isdisjoint(place2) and not is_sum
        upper, lower = (place, node2) if node > node2 else (place2, node)
        if any(self.graph.parent(edge) == lower for edge in upper):
            return True
        twice = slip.id == slip2.id and not self.graph.is_nested(place | place2)
        return twice or self.is_harmless(slip, node) or self.is_harmless(slip2, node2)
