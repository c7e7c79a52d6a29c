"""Where slips can be made: the ways from the inputs to the end, and what belongs together there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from torch import Tensor

from checks.slips.operations import Slip
from checks.slips.tape import Node, Place, Tape

#: With more nodes on the ways only slips on the way back are looked for, and no pairs.
LARGE = 250
#: What takes many entries together.
REDUCTIONS = frozenset({"sum", "mean", "var", "amax", "logsumexp"})


class Graph:
    """Where slips can be made: the ways from the wanted inputs to the end, and what is mixed up.

    behind   for each node the nodes behind it and itself, as bits
    way      the nodes on the ways
    edges    of each, those towards the inputs; (leaf, 0) for a leaf
    users    for each node the edges on which it is an operand
    """

    def __init__(self, tape: Tape, leaves: Sequence[int], reached: Mapping[int, Tensor]) -> None:
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

        bearers = Counter(node.name for node in self.way)
        for node in self.way:
            formula = 0.0 if node.own_name else 0.15 if bearers[node.name] == 1 else 0.2
            add(self.edges[node.index], formula)
            for edge in self.edges[node.index]:
                add([edge], 0.3 + formula)
            uses = self.users[node.index]
            for kept in uses if len(uses) > 2 and not self.is_large else ():
                add(set(uses) - {kept}, 0.5)
        for penalty, nodes in self.groups():
            edges = {edge for node in nodes for edge in self.edges[node.index]}
            to_leaf = {(n, i) for n, i in edges if self.is_leaf(self.tape.nodes[n].parents[i])}
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

    def root(self, node: Node) -> Node:
        """The node whose entries these are."""
        while node.parents and node.operation.moves:
            node = self.tape.nodes[node.parents[0]]
        return node

    def is_leaf(self, index: int) -> bool:
        """An input, or an entry of one."""
        return not self.root(self.tape.nodes[index]).parents

    def kind(self, node: Node) -> str:
        root = self.root(node)
        return "computed" if root.parents else "parameter" if root.index in self.leaves else "data"

    def forward(self) -> Iterator[tuple[Slip, Place, float]]:
        """Slips in the value of a node."""
        for node in () if self.is_large else self.used:
            place = frozenset((node.index, i) for i in range(max(len(node.parents), 1)))
            for order, slip in enumerate(node.operation.slips):
                if slip.value and node.value.is_floating_point():
                    yield slip, place, 1.5 + 0.01 * order
                    if node.index in self.edges:
                        yield replace(slip, own=True), place, 1.6 + 0.01 * order
