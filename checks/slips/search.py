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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from checks.slips.operations import (
    ABSENT,
    ANYWHERE,
    Slip,
    Step,
    Unfit,
    counted,
    factor,
    read_as,
    skipped,
)
from checks.slips.tape import Made, Node, Place, Tape, nodes_of

#: The step of a central difference that balances rounding against truncation.
STEP = 6e-6
#: How well an answer has to agree, and before that the one number along u: that of float64.
RTOL = 1e-6
#: How many values may stand in for one, how many explanations are checked in full, how many steps
#: the forward slips and how many trials the pairs may cost.
STAND_INS, CHECKED, REPLAYS, PAIRS = 8, 24, 15_000, 40_000
#: With more nodes on the ways only slips on the way back are looked for, and no pairs.
LARGE = 250
#: What takes many entries together; what reads its operands on the way back.
REDUCTIONS = frozenset({"sum", "mean", "var", "amax", "logsumexp"})
READERS = frozenset({"mul", "div", "matmul", "pow", "outer"})

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
    def tangents(self) -> list[Tensor]:
        """∂node/∂u of every node."""
        found: list[Tensor] = []
        for node in self.tape.nodes:
            still = torch.zeros_like(node.value)
            parents, moved = ([of[p] for p in node.parents] for of in (self.values, found))
            own = self.u.get(node.index, still)
            found.append(tangent(node.compute, parents, moved, still) if parents else own)
        return found

    def change(self, slip: Slip, edge: tuple[int, int], grads: Grads | None = None) -> float:
        """What the slip changes in the slope along u if made at one edge. Raises Unfit.

        grads  what arrives; the right gradients if None
        """
        index, i = edge
        node, known = self.tape.nodes[index], self.passed if grads is None else {}
        arriving = self.right if grads is None else grads
        step, g = self.tape.step(node, self.values, arriving), arriving[index]
        tangent = self.tangents[node.parents[i] if node.parents else index]
        if edge not in known:
            known[edge] = float((step.slope(i, g) * tangent).sum())
        if slip.back is None and slip.value is None:
            return (slip.times - 1) * known[edge]
        return float((slip.hand_back(step, i, g) * tangent).sum()) - known[edge]

    @cached_property
    def lanes(self) -> list[list[Tensor]]:
        """Every value a small step along u, forth and back."""
        steps = ({n: self.values[n] + s * STEP * u for n, u in self.u.items()} for s in (1, -1))
        return [self.tape.values(given=step) for step in steps]

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


def tangent(
    compute: Callable[..., Tensor], parents: list[Tensor], moved: list[Tensor], still: Tensor
) -> Tensor:
    """How an operation moves when its parents do: a central difference of this operation alone."""
    size = sum(float(t.norm()) for t in moved if t.is_floating_point())
    if not size or not still.is_floating_point():
        return still
    forth, back = (
        compute(
            *(
                parent + side * STEP / size * t if t.is_floating_point() else parent
                for parent, t in zip(parents, moved, strict=True)
            )
        )
        for side in (1, -1)
    )
    return torch.nan_to_num((forth - back) / (2 * STEP / size), posinf=0.0, neginf=0.0)


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
        pairs = self.pairs(wanted, near, right) if two and not self.graph.is_large else ()
        sources: Iterable[Callable[[], Iterable[Candidate]]] = (
            lambda: self.singles,
            lambda: self.nested,
            lambda: pairs,
        )
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
        for slip, place, rank in self.graph.elsewhere():
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
        for rank, slip in (*((1 + 0.01 * k, s) for k, s in enumerate(own)), *GENERAL):
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
            backward = one.made[0][0].id not in FAR and not one.made[0][0].value
            size = round(one.change / self.first.scale, 8)
            if size and backward and not (one.behind | one.nodes) & right:
                known.setdefault(size, one)  # each change once
        yield from _side_by_side(list(known.values()), wanted, near)
        yield from self._one_behind_the_other(list(known.values())[: math.isqrt(PAIRS)])

    def _one_behind_the_other(self, known: Sequence[Candidate]) -> Iterator[Candidate]:
        case = self.first
        for upper in known:
            lower = [c for c in known if c.nodes & upper.behind and not c.behind & upper.nodes]
            try:
                grads = case.tape.backward(upper.made) if lower else {}
            except Unfit:
                continue
            for one in lower:
                ((slip, place),) = one.made
                try:
                    change = sum(case.change(slip, edge, grads) for edge in place)
                except (Unfit, KeyError):
                    continue
                made = (*upper.made, *one.made)
                yield Candidate(
                    made, case.along(grads) - case.start + change, upper.rank + one.rank
                )


def _side_by_side(known: list[Candidate], wanted: float, near: float) -> Iterator[Candidate]:
    """Pairs neither of which lies behind the other: sorted, so that each finds its complement."""
    by_change = sorted(known, key=lambda one: one.change)
    changes = [one.change for one in by_change]
    for one in known:
        rest = wanted - one.change
        for other in by_change[
            bisect_left(changes, rest - near) : bisect_right(changes, rest + near)
        ]:
            apart = not (one.nodes & other.behind or other.nodes & one.behind)
            if apart and not one.made[0][1] & other.made[0][1] and one.rank <= other.rank:
                yield Candidate((*one.made, *other.made), wanted, one.rank + other.rank)


GENERAL = tuple((rank, slip) for slip, rank in ANYWHERE.items())
#: Slips that take something from elsewhere: not for pairs.
FAR = frozenset({"read_as", "copied", "factor", "counted", "skipped"})


class Graph:
    """Where slips can be made: the ways from the wanted inputs to the end, and what is mixed up.

    behind   for each node the nodes behind it and itself, as bits
    way      the nodes on the ways
    edges    of each, those towards the inputs; (leaf, 0) for a leaf
    users    for each node the edges on which it is an operand
    """

    def __init__(self, tape: Tape, leaves: Sequence[int], reached: Grads) -> None:
        self.tape, self.leaves, self.behind = tape, leaves, list[int]()
        for node in tape.nodes:
            bits = 1 << node.index
            for parent in node.parents:
                bits |= self.behind[parent]
            self.behind.append(bits)
        wanted = sum(1 << leaf for leaf in leaves)
        self.used = [n for n in tape.nodes if self.behind[tape.end] >> n.index & 1]
        self.way = [n for n in self.used if n.index in reached and self.behind[n.index] & wanted]
        on_way = {node.index for node in self.way}
        self.edges: dict[int, list[tuple[int, int]]] = {}
        self.users: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for node in self.way:
            edges = [(node.index, i) for i, p in enumerate(node.parents) if p in on_way]
            self.edges[node.index] = edges or [(node.index, 0)]
            for edge in edges:
                self.users[node.parents[edge[1]]].append(edge)
        self.is_large = len(self.way) > LARGE

    def bits(self, place: Place) -> tuple[int, int]:
        """The nodes of a place, and those behind it."""
        nodes, behind = 0, 0
        for n, i in place:
            nodes |= 1 << n
            parents = self.tape.nodes[n].parents
            behind |= self.behind[parents[i]] if parents else 0
        return nodes, behind

    def is_nested(self, place: Place) -> bool:
        """Whether one node of the place lies behind another."""
        nodes, behind = self.bits(place)
        return bool(nodes & behind)

    def first_doubtful(self, right: Iterable[int], wrong: Iterable[int]) -> Node | None:
        """Going back, the first node that only wrong gradients come through."""
        vouched, blamed = (sum(1 << leaf for leaf in leaves) for leaves in (right, wrong))
        for node in reversed(self.way):
            behind = self.behind[node.index]
            if node.parents and behind & blamed and not behind & vouched:
                return node
        return None

    @cached_property
    def places(self) -> Mapping[Place, float]:
        """One node, one edge, all uses but one, groups; each with what it costs in likelihood."""
        found: dict[Place, float] = {}

        def add(edges: Iterable[tuple[int, int]], penalty: float) -> None:
            if place := frozenset(edges):
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
            edges = {edge for node in nodes for edge in self.edges[node.index]}
            to_leaf = {(n, i) for n, i in edges if self._is_leaf(self.tape.nodes[n].parents[i])}
            add(edges, penalty)
            by_position = ([edge for edge in edges if edge[1] == i] for i in {i for _, i in edges})
            for some in (*by_position, to_leaf, edges - to_leaf):
                add(some, penalty + 0.1)
        return found

    def groups(self) -> Iterator[tuple[float, Sequence[Node]]]:
        """The statistics, layers, all of one operation, the inputs of one node: two or more."""
        height: dict[int, int] = {}
        layers: dict[tuple[str, int], list[Node]] = defaultdict(list)
        operations: dict[str, list[Node]] = defaultdict(list)
        for node in self.way:
            height[node.index] = 1 + max((height.get(p, 0) for p in node.parents), default=0)
            layers[node.operation.name, height[node.index]].append(node)
            operations[node.operation.name].append(node)
        inputs = [
            [self.tape.nodes[p] for p in dict.fromkeys(node.parents) if p in height]
            for node in self.way
        ]
        averages = [n for n in self.way if n.operation.name in REDUCTIONS and n.value.dim()]
        kinds = (
            (0.3, [averages]),
            (0.4, layers.values()),
            (0.5, operations.values()),
            (0.5, inputs),
        )
        for penalty, groups in kinds:
            for group in groups:
                nodes = [node for node in group if node.parents]
                if len(nodes) > 1:
                    yield penalty, nodes

    def _root(self, node: Node) -> Node:
        """The node whose entries these are."""
        while node.parents and node.operation.moves:
            node = self.tape.nodes[node.parents[0]]
        return node

    def _is_leaf(self, index: int) -> bool:
        """An input, or an entry of one."""
        return not self._root(self.tape.nodes[index]).parents

    def _kind(self, node: Node) -> str:
        root = self._root(node)
        return "computed" if root.parents else "parameter" if root.index in self.leaves else "data"

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
        uses: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for user in self.way:  # a value is read for what goes to its fellow operands
            for parent in set(user.parents) if user.operation.name in READERS else ():
                edges = self.edges[user.index]
                uses[parent] += [e for e in edges if user.parents[e[1]] != parent]
        for index in [n for n in uses if uses[n]]:
            node, here = self.tape.nodes[index], uses[index]
            slips = [
                read_as({index: _value(other)}, f"{other.name} is read for {node.name}")
                for other in self._others(node)
            ]
            if node.operation.elementwise:
                slope = self._slope_of(node)
                slips.append(
                    read_as({index: slope}, f"the slope of {node.name} is read for {node.name}")
                )
            for place in {frozenset(here), *(frozenset({edge}) for edge in here)}:
                for slip in slips:
                    yield slip, place, 4.0 + 0.1 * len(place)
            for other in self._others(node):
                if other.index < index and self._kind(other) == "parameter":
                    both = {index: _value(other), other.index: _value(node)}
                    slip = read_as(both, f"{node.name} and {other.name} are exchanged")
                    yield slip, frozenset(here + uses[other.index]), 4.3

    def _slope_of(self, node: Node) -> Callable[[Sequence[Tensor]], Tensor]:
        ones = torch.ones_like(node.value)
        return lambda values: self.tape.step(node, values).slope(0, ones)

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
                near = self.behind[node.index] >> other.index & 1 or node.index in other.parents
                alike = other.operation.name == node.operation.name
                alike |= bool(near) and self._kind(other) != "parameter"
            if alike:
                found.append(other)
        return sorted(found, key=lambda other: abs(other.index - node.index))[:STAND_INS]

    def _copied(self) -> Iterator[tuple[Slip, Place, float]]:
        """The slope of another node of the same operation: a line that was copied."""
        curved = [n for n in self.way if n.operation.local and len(n.parents) == 1]
        for node in curved:
            for other in curved:
                if other.operation is node.operation and other is not node:
                    slip = Slip(
                        "copied", f"the slope of {other.name} is taken", self._slope_at(other)
                    )
                    yield slip, frozenset(self.edges[node.index]), 4.0

    def _slope_at(self, other: Node) -> Callable[[Step, int, Tensor], Tensor]:
        return lambda step, i, g: self.tape.step(other, step.values).slope(i, g)

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
                    yield slip, frozenset(self.edges[leaf.index]), 4.5

    def _counts(self) -> Iterator[tuple[Slip, Place, float]]:
        """A length of an input as a factor or a divisor, at the end or at one input."""
        ends = [frozenset(self.edges[i]) for i in {self.tape.end, *self.leaves} if i in self.edges]
        for name, index in self.tape.inputs.items():
            for axis, size in enumerate(self.tape.nodes[index].value.shape):
                for divide in (False, True) if size > 1 else ():
                    slip = counted(index, axis, name, divide=divide)
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
                if len(place) < sum(len(self.edges[n]) for n in nodes_of(place)):
                    yield slip, place, 3.6 + penalty

    def forward(self) -> Iterator[tuple[Slip, Place, float]]:
        """Slips in the value of a node, a layer, all of one operation."""
        ones: list[tuple[float, Sequence[Node]]] = [(0.0, [node]) for node in self.used]
        for penalty, group in () if self.is_large else (*ones, *self.groups()):
            first, row = group[0], group[0].operation
            if not first.value.is_floating_point() or any(n.operation is not row for n in group):
                continue
            place = frozenset((n.index, i) for n in group for i in range(max(len(n.parents), 1)))
            for order, slip in enumerate(row.slips):
                if slip.value:
                    yield slip, place, 1.5 + 0.01 * order + penalty
                    if first.index in self.edges:
                        yield replace(slip, own=True), place, 1.6 + 0.01 * order + penalty
            if row.name != "constant" and self._is_leaf(first.index):
                yield ABSENT, place, 3.0 + penalty


def _value(node: Node) -> Callable[[Sequence[Tensor]], Tensor]:
    return lambda values: values[node.index]
