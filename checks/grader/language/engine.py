"""Going backward through a graph of nodes, and the ways in which engines get it wrong.

The right engine is the default of every field of `Engine`; a wrong engine differs in one field.
A graph is what travels of it: `values`, `parents` and `slopes` of its nodes, parents first, and the
`ends` from which to go backward, one after the other.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from checks.grader.language.slips import Procedure

Spec = dict[str, Any]
#: A handing on: (the node, the place of the parent among its parents).
Step = tuple[int, int]
#: A wrong walk of more steps on a small graph follows every path, and there are too many.
MOST_STEPS, SMALL = 10_000, 100
#: The longest chain that a function which calls itself can follow.
DEEPEST = 1000


def behind(graph: Spec, start: int) -> list[int]:
    """The nodes that one depends on, and itself, parents first."""
    needed = [False] * start + [True]
    for node in range(start, -1, -1):
        if needed[node]:
            for parent in graph["parents"][node]:
                needed[parent] = True
    return [node for node, is_needed in enumerate(needed) if is_needed]


def by_nodes(graph: Spec, nodes: Sequence[int]) -> Iterator[Step]:
    """Each node hands on to all of its parents at once; a leaf has its turn, too."""
    return ((node, k) for node in nodes for k in range(len(graph["parents"][node]) or 1))


def in_order(graph: Spec, start: int) -> Iterator[Step]:
    """Who hands on when: every node once, after everything that was computed from it."""
    return by_nodes(graph, behind(graph, start)[::-1])


def forwards(graph: Spec, start: int) -> Iterator[Step]:
    """The right order, from the wrong side."""
    return by_nodes(graph, behind(graph, start))


@dataclass(frozen=True)
class Walk:
    """From the end to parents of parents, without an order. As `Engine.steps`.

    takes      the next node: the one that waits longest, the one that came last, or (as a function
               that calls itself for a parent and then hands on to the next) depth first
    marks      when a node counts as visited: as it is found, as it is taken, never
    flip       parents from last to first
    recursive  a function that calls itself, and stops at long chains
    """

    takes: Literal["first", "last", "deep"]
    marks: Literal["found", "taken", "never"]
    flip: bool = False
    recursive: bool = False

    def __call__(self, graph: Spec, start: int) -> Iterator[Step]:
        size = len(graph["parents"])
        if self.recursive and size > DEEPEST:
            raise RecursionError
        deep = self.takes == "deep"
        steps = self._deep(graph, start, {start}) if deep else self._wide(graph, start)
        for count, step in enumerate(steps):
            if count > MOST_STEPS and size < SMALL:
                raise RuntimeError("every path is followed")
            yield step

    def _wide(self, graph: Spec, start: int) -> Iterator[Step]:
        waiting, seen = deque([start]), {start} if self.marks == "found" else set()
        while waiting:
            node = waiting.popleft() if self.takes == "first" else waiting.pop()
            if self.marks == "taken" and node in seen:
                continue
            yield from by_nodes(graph, [node])
            own = graph["parents"][node]
            seen.add(node)
            for parent in own[::-1] if self.flip else own:
                if self.marks != "found" or parent not in seen:
                    waiting.append(parent)
                    if self.marks == "found":
                        seen.add(parent)

    def _deep(self, graph: Spec, node: int, seen: set[int]) -> Iterator[Step]:
        own = graph["parents"][node]
        if not own:
            yield node, 0
        for k, parent in enumerate(own):
            yield node, k
            if self.marks == "never" or parent not in seen:
                seen.add(parent)
                yield from self._deep(graph, parent, seen)


#: Walks that let a node hand on before all has arrived, and walks that go along every path.
EARLY = (
    Walk("first", "found"),
    Walk("last", "taken"),
    Walk("last", "taken", flip=True),
    Walk("last", "taken", flip=True, recursive=True),
    Walk("last", "found"),
    Walk("last", "found", flip=True),
    Walk("deep", "taken", recursive=True),
)
ENDLESS = (
    Walk("first", "never"),
    Walk("last", "never"),
    Walk("last", "never", flip=True),
    Walk("last", "never", flip=True, recursive=True),
    Walk("deep", "never", recursive=True),
)


@dataclass(frozen=True)
class Engine(Procedure):
    """How a backward goes about it; a variant of a mistake, as `Loop` is in a training.

    steps     who hands on when: (graph, start) -> steps
    seed      what arrives at the end: 1, its value, nothing; 1 at every node; 1 added to what is
              there from the call before
    hands_on  (what arrived, the slope) -> what the parent gets
    arrives   what the second to arrive at a node does with the first; only at nodes with parents,
              or only at leaves, if it says so
    leaf      a leaf's `.grad` gets the new gradient added to it, or replaced by it
    keeps     what arrived stays after the call: nowhere; in a dict for the next call; in `.grad` of
              every node for the next call; in `.grad` of every node for nobody
    late      what arrives at a leaf after its own turn: it counts, or is lost
    twice     a node that is both parents gets: a share for each place, that of the first place, of
              the last, that of the first once more
    alone     a leaf that is the end itself gets its 1
    """

    steps: Callable[[Spec, int], Iterator[Step]] = in_order
    seed: Literal["one", "value", "nothing", "everywhere", "added"] = "one"
    hands_on: Callable[[float, float], float] = operator.mul
    arrives: Literal["added", "replaces", "replaces inside", "replaces leaf", "is lost"] = "added"
    leaf: Literal["added", "replaced"] = "added"
    keeps: Literal["nothing", "dict", "grads", "shown"] = "nothing"
    late: Literal["counts", "is lost"] = "counts"
    twice: Literal["both", "first", "last", "first again"] = "both"
    alone: bool = True

    def __call__(self, end: Spec) -> tuple[Any, ...]:
        """What the leaves hold after each call; that the others hold nothing, inside and beside.

        The gradients have shape (leaves,), in float64.
        """
        parents = end["parents"]
        slopes = numbers(end, max(end["ends"]))
        grads = {leaf: 0.0 for leaf, own in enumerate(parents) if not own}
        kept: dict[int, float] = {}
        held = []
        for start in end["ends"]:
            sums = kept if self.keeps in ("dict", "grads") else {}
            self._seed(sums, end, start)
            taken: dict[int, float] = {}
            for node, k in self.steps(end, start):
                own = parents[node]
                if not own:
                    taken[node] = sums.get(node, 0.0)
                else:
                    for place in self._places(own, k) if len(own) > 1 else (0,):
                        part = self.hands_on(sums.get(node, 0.0), slopes[node][place])
                        self._arrive(sums, own[k], part, is_leaf=not parents[own[k]])
            if parents[start] or self.alone:
                for leaf in grads.keys() & set(behind(end, start)):
                    new = (taken if self.late == "is lost" else sums).get(leaf, 0.0)
                    grads[leaf] = new if self.leaf == "replaced" else grads[leaf] + new
            held.append(torch.tensor(list(grads.values()), dtype=torch.float64))
        return (*held, self.keeps in ("nothing", "dict") or not any(parents), True)

    def _places(self, own: Sequence[int], k: int) -> Sequence[int]:
        """Whose slopes are handed on when place k has its turn."""
        first = own.index(own[k])
        match self.twice:
            case "first":
                return [k] if k == first else []
            case "last":
                return [] if own[k] in own[k + 1 :] else [k]
            case "first again":
                return [first]
        return [k]

    def _seed(self, sums: dict[int, float], end: Spec, start: int) -> None:
        if self.seed == "everywhere":
            sums.update(dict.fromkeys(behind(end, start), 1.0))
        first = {"value": float(end["values"][start]), "nothing": 0.0}.get(self.seed, 1.0)
        sums[start] = first + (sums.get(start, 0.0) if self.seed == "added" else 0.0)

    def _arrive(self, sums: dict[int, float], parent: int, part: float, *, is_leaf: bool) -> None:
        replaces = {"replaces": True, "replaces inside": not is_leaf, "replaces leaf": is_leaf}
        if replaces.get(self.arrives) or parent not in sums:
            sums[parent] = part
        elif self.arrives != "is lost":
            sums[parent] += part


RIGHT = Engine()


def numbers(graph: Spec, end: int) -> list[tuple[float, ...]]:
    """The slopes up to an end as Python numbers; a long chain repeats one tuple, read once."""
    slopes = graph["slopes"][: end + 1]
    distinct = {id(own): own for own in slopes}
    read = {key: tuple(map(float, own)) for key, own in distinct.items()}
    return [read[id(own)] for own in slopes]


# ── two witnesses that know of no order: the graph as nested weighted sums ─────────────────────


def linear(graph: Spec, start: int, leaves: Sequence[Any], slopes: Sequence[Any]) -> Any:
    """The graph as what its slopes say: every node is the weighted sum of its parents."""
    values: list[Any] = []
    given = iter(leaves)
    for own, weights in zip(graph["parents"][: start + 1], slopes, strict=False):
        if weights == (1,):  # 1 · value is value: a long chain costs nothing
            values.append(values[own[0]])
            continue
        parts = [weight * values[p] for p, weight in zip(own, weights, strict=True)]
        values.append(sum(parts[1:], parts[0]) if parts else next(given))
    return values[start]


def by_autograd(graph: Spec, start: int) -> Tensor:
    count = sum(not own for own in graph["parents"])
    leaves = [torch.ones((), dtype=torch.float64, requires_grad=True) for _ in range(count)]
    value = linear(graph, start, leaves, numbers(graph, start))
    grads = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    return torch.stack(grads)


def by_differences(graph: Spec, start: int) -> Tensor:
    """With a step of 1: of weighted sums that is exact."""
    count = sum(not own for own in graph["parents"])
    slopes, found = numbers(graph, start), []
    for i in range(count):
        up, down = ([side * (k == i) for k in range(count)] for side in (1.0, -1.0))
        found.append((linear(graph, start, up, slopes) - linear(graph, start, down, slopes)) / 2)
    return torch.tensor(found, dtype=torch.float64)


def in_all(gradient: Callable[[Spec, int], Tensor]) -> Callable[..., tuple[Any, ...]]:
    """A witness that knows of gradients alone: calls add up."""

    def evaluate(end: Spec) -> tuple[Any, ...]:
        found = {start: gradient(end, start) for start in set(end["ends"])}
        first, second, third = (found[start] for start in end["ends"])
        return first, first + second, first + second + third, True, True

    return evaluate
