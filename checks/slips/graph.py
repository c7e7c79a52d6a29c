"""Where slips can be made: the ways from the inputs to the end, and what belongs together there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from checks.slips.tape import Edge, Node, Place, Tape, nodes_of

#: With more nodes on the ways only slips on the way back are looked for, and no pairs.
LARGE = 250
#: What takes many entries together.
REDUCTIONS = frozenset({"sum", "mean", "var", "amax", "logsumexp"})


class Graph:
    """Where slips can be made: the ways from the wanted inputs to the end, and what is mixed up.

    behind   for each node the nodes behind it and itself
    way      the nodes on the ways
    edges    of each, those towards the inputs; (leaf, 0) for a leaf
    users    for each node the edges on which it is an operand
    """

    def __init__(self, tape: Tape, leaves: Sequence[int], reached: Iterable[int]) -> None:
        self.tape, self.leaves, self.behind = tape, leaves, list[set[int]]()
        for node in tape.nodes:
            self.behind.append({node.index}.union(*(self.behind[p] for p in node.parents)))
        self.used = [node for node in tape.nodes if node.index in self.behind[tape.end]]
        on_way = {n for n in reached if self.behind[n].intersection(leaves)}
        self.way = [node for node in self.used if node.index in on_way]
        self.edges: dict[int, list[Edge]] = {}
        self.users: dict[int, list[Edge]] = defaultdict(list)
        for node in self.way:
            edges = [
                (node.index, i)
                for i, p in enumerate(node.parents)
                if p in reached and self.behind[p].intersection(leaves)
            ]
            self.edges[node.index] = edges or [(node.index, 0)]
            for edge in edges:
                self.users[node.parents[edge[1]]].append(edge)
        self.is_large = len(self.way) > LARGE

    def parent(self, edge: Edge) -> int:
        """What gets a gradient over this edge; a leaf its own."""
        index, i = edge
        return (self.tape.nodes[index].parents or (index,))[i]

    def beyond(self, place: Place) -> set[int]:
        """The nodes that get their gradients from what is handed back at a place."""
        return set().union(*(self.behind[self.parent(edge)] for edge in place))

    def is_nested(self, place: Place) -> bool:
        """Whether one node of the place lies behind another."""
        nodes = nodes_of(place)
        return len(nodes) > 1 and not self.beyond(place).isdisjoint(nodes)

    def first_doubtful(self, right: Iterable[int], wrong: Iterable[int]) -> Node | None:
        """Going back, the first node that only wrong gradients come through."""
        for node in reversed(self.way):
            behind = self.behind[node.index]
            if node.parents and behind.intersection(wrong) and behind.isdisjoint(right):
                return node
        return None

    def places(self) -> Mapping[Place, float]:
        """One node, one edge, all uses but one, groups; each with what it costs in likelihood."""
        found: dict[Place, float] = {}

        def add(edges: Iterable[Edge], penalty: float) -> None:
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
            to_leaf = {edge for edge in edges if self.is_leaf(self.parent(edge))}
            add(edges, penalty)
            by_position = ([edge for edge in edges if edge[1] == i] for i in {i for _, i in edges})
            for some in (*by_position, to_leaf, edges - to_leaf):
                add(some, penalty + 0.1)
        return found

    def groups(self) -> Iterator[tuple[float, Sequence[Node]]]:
        """The statistics, layers, rounds of a loop, all of one operation, the inputs of one node:
        two or more."""
        height: dict[int, int] = {}
        alike: dict[object, list[Node]] = defaultdict(list)
        operations: dict[str, list[Node]] = defaultdict(list)
        for node in self.way:
            height[node.index] = 1 + max((height.get(p, 0) for p in node.parents), default=0)
            alike[node.operation.name, height[node.index]].append(node)
            alike[node.site].append(node)
            operations[node.operation.name].append(node)
        inputs = [
            [self.tape.nodes[p] for p in dict.fromkeys(node.parents) if p in self.edges]
            for node in self.way
        ]
        averages = [n for n in self.way if n.operation.name in REDUCTIONS and n.value.dim()]
        kinds = (
            (0.3, [averages]),
            (0.4, alike.values()),
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
