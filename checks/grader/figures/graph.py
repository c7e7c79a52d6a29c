"""The computation graph as the lesson knows it: recorded nodes with names, and without plumbing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from checks.grader.records.observation import Array

#: How well a node's value has to agree with a formula to bear its name.
NAME_RTOL = 1e-5
LONGEST_LABEL = 18
#: Operations that move values about and compute nothing.
PLUMBING = frozenset((
    "getitem", "select", "index", "get", "view", "reshape", "squeeze", "unsqueeze", "flatten",
    "ravel", "t", "transpose", "permute", "unbind", "split", "chunk", "stack", "cat", "hstack",
    "vstack", "expand", "broadcast_to", "clone", "contiguous", "to", "float", "double", "alias",
    "as_tensor", "tensor", "detach", "iter",
))  # fmt: skip
#: How an operation is written. A digit after the colon says how tightly an operand has to hold
#: together to go without brackets: 1 a sum, 2 a product, 3 a power, 4 a name.
WRITTEN = {
    "add": "{0:1} + {1:1}", "radd": "{0:1} + {1:1}",
    "sub": "{0:1} − {1:2}", "subtract": "{0:1} − {1:2}", "rsub": "{1:1} − {0:2}",
    "mul": "{0:2}·{1:2}", "rmul": "{0:2}·{1:2}", "multiply": "{0:2}·{1:2}",
    "matmul": "{0:2}·{1:2}", "mv": "{0:2}·{1:2}", "mm": "{0:2}·{1:2}", "dot": "{0:2}·{1:2}",
    "neg": "−{0:2}", "negative": "−{0:2}", "sum": "Σ {0:3}", "mean": "mean {0:3}",
    "div": "{0:2}/{1:3}", "true_divide": "{0:2}/{1:3}", "rdiv": "{1:2}/{0:3}",
    "rtruediv": "{1:2}/{0:3}", "reciprocal": "1/{0:3}",
    "square": "{0:4}²", "pow": "{0:4}^{1:4}", "rpow": "{1:4}^{0:4}",
    "exp": "exp({0:1})", "log": "log({0:1})", "sqrt": "√({0:1})", "sigmoid": "σ({0:1})",
    "tanh": "tanh({0:1})", "mse_loss": "mean ({0:1} − {1:2})²",
}  # fmt: skip
#: How tightly the written operation holds together; a name holds at 4.
HOLDS = {
    **dict.fromkeys(("add", "radd", "sub", "subtract", "rsub", "neg", "negative"), 1),
    **dict.fromkeys(("square", "pow", "rpow"), 3),
    **dict.fromkeys(("exp", "log", "sqrt", "sigmoid", "tanh"), 4),
}
COMMUTES = frozenset(("mul", "rmul", "multiply"))
POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Malformed(Exception):
    """What came back from the student's process is not a graph."""


@dataclass(frozen=True)
class Node:
    """One value of the graph.

    name     as the lesson calls it, "" for a value it has no name for
    parents  what it was computed from: indices of nodes (int) and plain numbers (float)
    grad     the gradient of the root at this node, None where no gradient arrives
    whole    whether the parents are the operands themselves, not values they were put together from
    """

    operation: str
    value: Tensor | None
    grad: Tensor | None
    parents: tuple[int | float, ...]
    name: str = ""
    whole: bool = True

    @property
    def sources(self) -> tuple[int, ...]:
        """The indices among the parents, each once, in order."""
        found = (parent for parent in self.parents if isinstance(parent, int))
        return tuple(dict.fromkeys(found))


def read(answer: object) -> tuple[Node, ...]:
    """The nodes of a recorded graph, sources before what they feed. Raises Malformed."""
    if not isinstance(answer, dict) or not answer:
        raise Malformed("there is no value with a gradient")
    nodes: list[Node] = []
    for key, part in answer.items():
        match part:
            case {"value": Array() | None as value, "grad": Array() | None as grad}:
                parents = part.get("parents")
            case _:
                raise Malformed("a node is not a node")
        if not isinstance(parents, tuple) or not all(map(_is_parent(len(nodes)), parents)):
            raise Malformed("a node has no parents")
        operation = str(key).partition(" ")[2]
        if not re.fullmatch(r"\w{1,40}", operation):
            raise Malformed("an operation has no name")
        nodes.append(Node(operation, _values(value), _values(grad), parents))
    return tuple(nodes)


def named(
    nodes: Sequence[Node], twins: Sequence[Node], values: Mapping[str, tuple[Tensor, Tensor]]
) -> tuple[Node, ...]:
    """The nodes with the names of the values that they hold; −name where the sign is opposite.

    twins   the same graph at other inputs, where no two named values are equal
    values  name -> its value in `nodes` and in `twins`
    A node of another shape than its formula is recognised all the same.
    """
    free = dict(values)
    result = list(nodes)
    if [(n.operation, n.sources) for n in nodes] != [(n.operation, n.sources) for n in twins]:
        return tuple(result)
    for sign, prefix in ((1, ""), (-1, "−")):
        for i, (node, twin) in enumerate(zip(nodes, twins, strict=True)):
            for name, (here, there) in list(free.items()):
                if result[i].name or not (_same(node, sign * here) and _same(twin, sign * there)):
                    continue
                result[i] = replace(node, name=prefix + name)
                del free[name]
    return tuple(result)


def folded(nodes: Sequence[Node], most: int) -> tuple[Node, ...]:
    """The graph without plumbing that has no name, and without sources that only feed plumbing.

    If it still has more than `most` nodes, only sources, names and the root are left.
    """
    simple = _without(nodes, lambda node: node.operation in PLUMBING or node.value is None)
    if len(simple) <= most:
        return simple
    return _without(simple, lambda node: bool(node.parents))


def _without(nodes: Sequence[Node], is_dull: Callable[[Node], bool]) -> tuple[Node, ...]:
    """The graph without nameless dull nodes; their parents feed their children instead."""
    stands_for: list[tuple[int | float, ...]] = []
    kept: dict[int, Node] = {}
    for i, node in enumerate(nodes):
        through = tuple(q for p in node.parents for q in _through(p, stands_for))
        last = i == len(nodes) - 1
        if is_dull(node) and not node.name and not last:
            stands_for.append(tuple(q for q in through if isinstance(q, int)))
            continue
        stands_for.append((i,))
        if node.operation in PLUMBING and node.name and all(_is_source(kept, q) for q in through):
            through = ()  # a named entry of a vector is a source of its own
        whole = node.whole and all(
            isinstance(p, float) or (len(stands_for[p]) == 1 and _is_whole(nodes, p, stands_for))
            for p in node.parents
        )
        kept[i] = replace(node, parents=through, whole=whole)
    used = {p for node in kept.values() for p in node.sources} | {len(nodes) - 1}
    index = {old: new for new, old in enumerate(i for i in kept if i in used)}
    return tuple(
        replace(
            kept[i], parents=tuple(index[p] if isinstance(p, int) else p for p in kept[i].parents)
        )
        for i in index
    )


def _through(
    parent: int | float, stands_for: Sequence[tuple[int | float, ...]]
) -> Iterable[int | float]:
    return stands_for[parent] if isinstance(parent, int) else (parent,)


def _is_whole(
    nodes: Sequence[Node], index: int, stands_for: Sequence[tuple[int | float, ...]]
) -> bool:
    """Whether what is drawn in place of a node holds the node's values, in whatever shape."""
    if stands_for[index] == (index,):
        return True
    drawn, value = nodes[int(stands_for[index][0])].value, nodes[index].value
    return nodes[index].operation in PLUMBING | {"TBackward0"} and (
        value is None or drawn is None or value.numel() == drawn.numel()
    )


def label(nodes: Sequence[Node], index: int) -> str:
    """What stands on a node: "ŷ = x·w", or what is known of it."""
    node = nodes[index]
    formula = _formula(nodes, index)
    if not formula or len(formula) > LONGEST_LABEL:
        return node.name or node.operation
    return formula if node.name in ("", formula, node.operation) else f"{node.name} = {formula}"


def _formula(nodes: Sequence[Node], index: int) -> str:
    """The operation on its operands, "" where that cannot be written."""
    node = nodes[index]
    template = WRITTEN.get(node.operation, "")
    operands = [_operand(nodes, parent) for parent in node.parents]
    if not node.whole or not template or template.count("{") > len(operands):
        return ""
    if any(not operand.text for operand in operands):
        return ""
    if node.operation in COMMUTES and isinstance(node.parents[1], float):
        operands = operands[::-1]  # numbers go first
    if node.operation == "pow" and operands[1].text.isdigit():
        return f"{operands[0]:4}{operands[1].text.translate(POWERS)}"
    return template.format(*operands)


@dataclass(frozen=True)
class _Operand:
    """A formula inside another one; format it with the tightness that the place asks for."""

    text: str
    holds: int

    def __format__(self, asked: str) -> str:
        return self.text if self.holds >= int(asked) else f"({self.text})"


def _operand(nodes: Sequence[Node], parent: int | float) -> _Operand:
    if isinstance(parent, float):
        return _Operand(f"{parent:.4g}".replace("-", "−"), 4 if parent >= 0 else 1)
    node = nodes[parent]
    if node.name:
        return _Operand(node.name, 4 if node.name[0] != "−" else 1)
    return _Operand(_formula(nodes, parent), HOLDS.get(node.operation, 2))


def _values(array: Array | None) -> Tensor | None:
    return None if array is None else array.values


def _is_source(kept: Mapping[int, Node], parent: int | float) -> bool:
    return isinstance(parent, float) or not kept[parent].sources


def _is_parent(count: int) -> Callable[[object], bool]:
    return lambda part: type(part) is float or (type(part) is int and 0 <= part < count)


def _same(node: Node, value: Tensor) -> bool:
    if node.value is None or node.value.numel() != value.numel():
        return False
    seen, right = node.value.reshape(-1), value.detach().reshape(-1).to(torch.float64)
    return torch.allclose(seen, right, rtol=NAME_RTOL, atol=NAME_RTOL * 1e-3)
