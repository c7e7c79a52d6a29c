"""The computation graph as the lesson knows it: recorded nodes with names, and without plumbing."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from checks.grader.records.numbers import digits
from checks.grader.records.observation import Array
from checks.slips import Operation
from checks.slips.operations import ALIASES, OPERATIONS, REFLECTED
from checks.slips.operations import operation as row_of

#: How well a node's value has to agree with a formula to bear its name.
NAME_RTOL = 1e-5
LONGEST_LABEL = 18
#: What slips has no row for and only hands a value on.
PASSED_ON = frozenset(("detach", "data", "tensor", "as_tensor", "iter", "TBackward0"))
#: Functions that are kept in one piece, though slips takes them apart.
IN_ONE_PIECE = {
    "mse_loss": Operation("mse_loss", "mean ({0} − {1})²"),
    "mse_sum": Operation("mse_sum", "Σ ({0} − {1})²"),
    "linear": Operation("linear", "{0} @ {1}ᵀ + {2}"),
    "square": Operation("square", "{0}²"),
    "reciprocal": Operation("reciprocal", "1/{0}"),
}
#: How tightly a written operation holds together: 1 a sum, 2 a product, 3 a power, 4 a name.
HOLDS = {
    **dict.fromkeys(("add", "sub", "neg", "linear"), 1),
    **dict.fromkeys(("mul", "matmul", "div", "sum", "mean", "mse_loss", "mse_sum"), 2),
    **dict.fromkeys(("pow", "square"), 3),
}
#: How tightly its operands have to hold together to go without brackets.
ASKS: Mapping[str, tuple[int, ...]] = {
    "add": (1, 1),
    "sub": (1, 2),
    "neg": (2,),
    "mul": (2, 2),
    "matmul": (2, 2),
    "div": (2, 3),
    "sum": (3,),
    "mean": (3,),
    "mse_loss": (1, 2),
    "mse_sum": (1, 2),
    "linear": (2, 2, 1),
    "reciprocal": (3,),
}
POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Malformed(Exception):
    """What came back from the student's process is not a graph."""


@dataclass(frozen=True)
class Node:
    """One value of the graph.

    operation  the name of the torch function, "leaf" or "constant"
    name       as the lesson calls it, "" for a value it has no name for
    parents    what it was computed from: indices of nodes (int) and plain numbers (float)
    grad       the gradient of the root at this node, None where no gradient arrives
    flows      whether autograd recorded it, so that a gradient can flow to it
    places     of an operation that moves entries, where each came from: operand · 10⁶ + entry
    index      where it stands in the whole recording
    whole      whether the parents are the operands themselves, not values they were put together
               from
    place      what the lesson's net calls this value, "" if it does not have it
    """

    operation: str
    value: Tensor | None
    grad: Tensor | None
    parents: tuple[int | float, ...]
    name: str = ""
    flows: bool = True
    places: Tensor | None = None
    index: int = 0
    whole: bool = True
    place: str = ""

    @property
    def row(self) -> Operation:
        """The operation's row in the table of slips."""
        return IN_ONE_PIECE.get(self.operation) or row_of(self.operation)

    @property
    def operands(self) -> tuple[int | float, ...]:
        """The parents in the order in which the row is written: 1 − x is x.__rsub__(1)."""
        return self.parents[::-1] if self.operation in REFLECTED else self.parents

    @property
    def moves(self) -> bool:
        """Whether it moves values about and computes nothing."""
        return self.row.moves or self.operation in PASSED_ON

    @property
    def sources(self) -> tuple[int, ...]:
        """The indices among the parents, each once, in order."""
        found = (parent for parent in self.parents if isinstance(parent, int))
        return tuple(dict.fromkeys(found))


#: The torch functions that only move entries about; the recorder follows each entry.
MOVES = sorted(
    {name for name, row in ALIASES.items() if OPERATIONS[row].moves}
    | {name for name, row in OPERATIONS.items() if row.moves}
    | PASSED_ON
)


def read(answer: object) -> tuple[Node, ...]:
    """The nodes of a recorded graph, sources before what they feed. Raises Malformed."""
    if not isinstance(answer, dict) or not answer:
        raise Malformed("there is no value with a gradient")
    nodes: list[Node] = []
    for key, part in answer.items():
        match part:
            case {
                "value": Array() | None as value,
                "grad": Array() | None as grad,
                "places": Array() | None as places,
                "flows": bool(flows),
            }:
                parents = part.get("parents")
            case _:
                raise Malformed("something in it is no tensor of real numbers")
        if not isinstance(parents, tuple) or not all(map(_is_parent(len(nodes)), parents)):
            raise Malformed("a node has no parents")
        operation = str(key).partition(" ")[2]
        if not re.fullmatch(r"\w{1,40}", operation):
            raise Malformed("an operation has no name")
        tensors = _values(value), _values(grad), parents
        nodes.append(Node(operation, *tensors, "", flows, _values(places), len(nodes)))
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


def simplified(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The graph with 1/(1 + exp(−z)) as the one operation that it is, σ(z).

    And with mse_loss called by what it does, which its `reduction` decides.
    """
    users = Counter(source for node in nodes for source in node.sources)
    inner = [not node.name and users[i] == 1 for i, node in enumerate(nodes)]

    def only(i: int | float, row: str, *numbers: float) -> int | float:
        """The operand of an operation with one operand besides these numbers, or else NaN."""
        if isinstance(i, float) or not inner[i] or nodes[i].row.name != row:
            return math.nan
        operands = nodes[i].operands
        rest = [p for p in operands if p not in numbers or not isinstance(p, float)]
        return rest[0] if len(rest) == 1 == len(operands) - len(numbers) else math.nan

    result = list(nodes)
    for i, node in enumerate(nodes):
        if node.row.name == "div" and node.operands[:1] == (1.0,) and len(node.operands) == 2:
            z = only(only(only(node.operands[1], "add", 1.0), "exp"), "neg")
            if isinstance(z, int):
                result[i] = replace(node, operation="sigmoid", parents=(z,))
        if node.operation == "mse_loss":
            result[i] = replace(node, operation=_squares(nodes, node))
    kept = _without(result, lambda node: False, sever=False)
    return tuple(replace(node, index=i) for i, node in enumerate(kept))


def _squares(nodes: Sequence[Node], node: Node) -> str:
    """Whether squared differences are averaged, added up, or something else again."""
    a, b = (nodes[p].value for p in node.sources[:2]) if len(node.sources) > 1 else (None, None)
    if a is None or b is None or node.value is None or node.value.dim():
        return "squared_differences"
    squares = (a - b).square()
    names = {"mse_loss": squares.mean(), "mse_sum": squares.sum()}
    alike = [name for name, value in names.items() if torch.allclose(value, node.value)]
    return alike[0] if alike else "squared_differences"


def folded(nodes: Sequence[Node], most: int) -> tuple[Node, ...]:
    """The graph without plumbing that has no name, and without sources that only feed plumbing.

    If it still has more than `most` nodes, only sources, names, functions such as σ and the root
    are left.
    """
    simple = _without(nodes, lambda node: node.moves or node.value is None)
    if len(simple) <= most:
        return simple
    return _without(simple, lambda node: bool(node.parents) and not node.row.local)


def _without(
    nodes: Sequence[Node], is_dull: Callable[[Node], bool], *, sever: bool = True
) -> tuple[Node, ...]:
    """The graph without nameless dull nodes; their parents feed their children instead.

    sever  make a named entry of a vector a source of its own
    """
    stands_for: list[tuple[int | float, ...]] = []
    kept: dict[int, Node] = {}
    for i, node in enumerate(nodes):
        through = tuple(q for p in node.parents for q in _through(p, stands_for))
        last = i == len(nodes) - 1
        if is_dull(node) and not node.name and not last:
            stands_for.append(tuple(q for q in through if isinstance(q, int)))
            continue
        stands_for.append((i,))
        if sever and node.moves and node.name and all(_is_source(kept, q) for q in through):
            through = ()
        whole = node.whole and all(
            isinstance(p, float) or (len(stands_for[p]) == 1 and _is_whole(nodes, p, stands_for))
            for p in node.parents
        )
        kept[i] = replace(node, parents=through, whole=whole)
    used = {len(nodes) - 1}
    for i in reversed(kept):
        used |= set(kept[i].sources if i in used else ())
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
    return nodes[index].moves and (value is None or drawn is None or value.numel() == drawn.numel())


def label(nodes: Sequence[Node], index: int) -> str:
    """What stands on a node: "ŷ = x·w", or what is known of it."""
    node = nodes[index]
    formula = written(nodes, index, lambda i: nodes[i].name)
    if not formula or len(formula) > LONGEST_LABEL:
        known = node.row.symbol.format("…") if node.row.local else node.operation
        return node.name or known
    return formula if node.name in ("", formula, node.operation) else f"{node.name} = {formula}"


def written(nodes: Sequence[Node], index: int, name: Callable[[int], str]) -> str:
    """The operation on its operands, "" where that cannot be written.

    name  what a node is called in the formula, "" to write its own formula there
    """
    node = nodes[index]
    symbol = node.row.symbol
    operands = [_operand(nodes, parent, name) for parent in node.operands]
    several = symbol.count("{")
    more = len(operands) - several  # torch.add(a, b, alpha=2) is more than its symbol says
    if not node.whole or "…" in symbol or more < 0 or (more and several > 1):
        return ""
    if not operands or any(not operand.text for operand in operands):
        return ""
    if node.row.name == "mul" and isinstance(node.operands[1], float):
        operands = operands[::-1]  # numbers go first
    if node.row.name == "pow" and operands[1].text.isdigit():
        return f"{operands[0].held(4)}{operands[1].text.translate(POWERS)}"
    asks = ASKS.get(node.row.name, (1 if "(" in symbol else 4,))
    held = [operand.held(asks[min(i, len(asks) - 1)]) for i, operand in enumerate(operands)]
    return symbol.format(*held)


@dataclass(frozen=True)
class _Operand:
    """A formula inside another one."""

    text: str
    holds: int

    def held(self, asked: int) -> str:
        """In brackets where it holds together less tightly than the place asks for."""
        return self.text if self.holds >= asked else f"({self.text})"


def _operand(nodes: Sequence[Node], parent: int | float, name: Callable[[int], str]) -> _Operand:
    if isinstance(parent, float):
        return _Operand(digits(parent, 4), 4 if parent >= 0 else 1)
    called = name(parent)
    if called:
        return _Operand(called, 4 if called[0] != "−" else 1)
    row = nodes[parent].row
    return _Operand(
        written(nodes, parent, name), HOLDS.get(row.name, 4 if "(" in row.symbol else 2)
    )


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
