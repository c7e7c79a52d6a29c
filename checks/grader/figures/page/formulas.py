"""What is written at a step: a node's operation, and what it hands back, with places for numbers.

A place is ⟦3⟧ for node 3, ⟦3:0⟧ for its first entry; ⟦g⟧ is the gradient that arrives. The page
fills in names or numbers. Symbols, and slopes of one operand, are those of the table of slips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from checks.grader.figures.inside.record import OPERAND
from checks.grader.figures.recording import HOLDS, Node, written
from checks.grader.records.numbers import digits

#: What is handed back to each operand when {g} arrives: for what is not g·slope of one operand.
SLOPES: Mapping[str, tuple[str, ...]] = {
    "add": ("{g}·1", "{g}·1"),
    "sub": ("{g}·1", "{g}·(−1)"),
    "mul": ("{g}·{1}", "{g}·{0}"),
    "div": ("{g}·1/{1}", "{g}·(−{0}/{1}²)"),
    "neg": ("{g}·(−1)",),
    "outer": ("{g} @ {1}", "{g}ᵀ @ {0}"),
    "sum": ("{g}·1",),
    "mean": ("{g}·1/{n}",),
    "mse_loss": ("{g}·2·({0} − {1})/{n}", "{g}·(−2)·({0} − {1})/{n}"),
    "mse_sum": ("{g}·2·({0} − {1})", "{g}·(−2)·({0} − {1})"),
    "linear": ("{g} @ {1}", "{g}ᵀ @ {0}", "{g}·1"),
    "square": ("{g}·2·{0}",),
    "reciprocal": ("{g}·(−1/{0}²)",),
}
#: The same of a @ b by the dimensions of a and b.
PRODUCTS: Mapping[tuple[int, int], tuple[str, str]] = {
    (1, 1): ("{g}·{1}", "{g}·{0}"),
    (2, 1): ("{g} ⊗ {1}", "{0}ᵀ @ {g}"),
    (1, 2): ("{1} @ {g}", "{0} ⊗ {g}"),
    (2, 2): ("{g} @ {1}ᵀ", "{0}ᵀ @ {g}"),
}
#: More ways than these from one node to the next are not written out.
MOST_WAYS = 4
#: Longer formulas, in characters with their places, are not written out either.
LONGEST = 150
ENTRIES = 4
RAISED = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Writer:
    """Formulas over a recorded graph, of which some nodes are shown."""

    def __init__(self, nodes: Sequence[Node], shown: frozenset[int]) -> None:
        self.nodes, self.shown = nodes, shown

    def formula(self, index: int) -> str:
        """The operation of a node on what is shown of its operands; "" if it cannot be written."""
        if not self.nodes[index].sources:
            return ""
        text = self._moved(index) or written(self.nodes, index, self._name)
        return text if len(text) <= LONGEST else ""

    def ways(self, child: int) -> dict[int, str]:
        """What a shown node hands back to each shown node behind it, over those between."""
        found: dict[int, list[str]] = {}
        node = self.nodes[child]
        if not node.flows or node.grad is None:  # nothing arrives that could be handed on
            return {}
        self._back(child, "⟦g⟧", found)
        return {
            parent: " + ".join(terms)
            if all(terms) and len(terms) <= MOST_WAYS and len("".join(terms)) <= LONGEST
            else ""
            for parent, terms in found.items()
        }

    def _back(self, index: int, g: str, found: dict[int, list[str]]) -> None:
        node = self.nodes[index]
        for i, parent in enumerate(node.operands):
            if isinstance(parent, float) or not self.nodes[parent].flows:
                continue
            text = self._handed(index, i, g) if g else ""
            if parent in self.shown:
                found.setdefault(parent, []).append(text)
            else:
                self._back(parent, text, found)

    def _handed(self, index: int, i: int, g: str) -> str:
        """What a node hands back to its operand i when g arrives; "" if it cannot be written."""
        node = self.nodes[index]
        parent = self.nodes[int(node.operands[i])]
        if node.value is None or parent.value is None:
            return ""
        if node.moves:
            return _picked(node, i, g, parent.value)
        template = self._template(node, i)
        if not template:
            return ""
        operands = [self._operand(part) for part in node.operands]
        out = self._name(index) or f"({self.formula(index)})"
        count = str(parent.value.numel() // max(node.value.numel(), 1))
        if not all(operands) and ("{0}" in template or "{1}" in template):
            return ""
        g = g.removesuffix("·1")
        tight = f"({g})" if " + " in g else g
        if template == "{g}·1" and g != "⟦g⟧":
            text = g
        else:
            text = template.format(*operands, g=tight, out=out, n=count)
        summed = template == "{g}·1" or node.row.name not in PRODUCTS_OF
        reduced = summed and node.value.numel() > parent.value.numel()
        return f"Σ ({text})" if reduced else text

    def _template(self, node: Node, i: int) -> str:
        row = node.row
        dims = tuple(
            0 if isinstance(p, float) or (v := self.nodes[p].value) is None else v.dim()
            for p in node.operands
        )
        if row.name == "linear" and i == 1 and dims[0] == 1:
            return "{g} ⊗ {0}"  # of one sample
        if row.name == "matmul":
            return PRODUCTS[dims][i] if len(dims) == 2 and dims in PRODUCTS else ""
        if row.name == "pow":
            return _power(node.operands[1]) if i == 0 else ""
        if row.local:
            local = f"({row.local})" if " − " in row.local.split("(")[0] else row.local
            return f"{{g}}·{local}"
        slopes = SLOPES.get(row.name, ())
        return slopes[i] if i < len(slopes) else ""

    def _operand(self, parent: int | float) -> str:
        """An operand as a factor."""
        if isinstance(parent, float):
            text = digits(parent, 6)
            return f"({text})" if parent < 0 else text
        text = self._name(parent)
        if text:
            return text
        text = self.formula(parent)
        return f"({text})" if text and HOLDS.get(self.nodes[parent].row.name, 4) < 3 else text

    def _name(self, index: int) -> str:
        """The place of a node that is shown; what stands for one that moves entries; or ""."""
        return f"⟦{index}⟧" if index in self.shown else self._moved(index)

    def _moved(self, index: int) -> str:
        """The entries that a moving node picks and puts together, as far as they can be written."""
        node = self.nodes[index]
        if not node.moves or node.value is None or node.places is None:
            return ""
        places = [int(place) for place in node.places.reshape(-1).tolist()]
        operands = {place // OPERAND for place in places}
        if len(operands) == 1:
            parent = node.parents[operands.pop()]
            whole = [place % OPERAND for place in places] == list(range(len(places)))
            value = None if isinstance(parent, float) else self.nodes[parent].value
            if whole and value is not None and value.numel() == len(places):
                return self._operand(parent)
        if len(places) > ENTRIES:
            return ""
        texts = [self._entry(node.parents[p // OPERAND], p % OPERAND) for p in places]
        if not all(texts):
            return ""
        return texts[0] if node.value.dim() == 0 else f"({', '.join(texts)})"

    def _entry(self, parent: int | float, entry: int) -> str:
        value = None if isinstance(parent, float) else self.nodes[parent].value
        if isinstance(parent, float) or value is None or value.numel() == 1:
            return self._operand(parent)
        return f"⟦{parent}:{entry}⟧" if parent in self.shown else ""


#: What comes out of these has as many entries as it has by nature, not by repeating.
PRODUCTS_OF = frozenset(("matmul", "outer", "linear"))


def _power(exponent: int | float) -> str:
    """The slope of {0}ⁿ, n a number."""
    if not isinstance(exponent, float):
        return ""
    if exponent == 2:
        return "{g}·2·{0}"
    n, lower = (digits(number, 6) for number in (exponent, exponent - 1))
    front = f"({n})" if exponent < 0 else n
    return f"{{g}}·{front}·{{0}}{lower.translate(RAISED) if '.' not in lower else '^' + lower}"


def _picked(node: Node, i: int, g: str, parent: Tensor) -> str:
    """Each entry's gradient goes back to where the entry came from."""
    assert node.value is not None
    if node.places is None or node.value.numel() == parent.numel() == 1:
        return g
    places = [int(place) for place in node.places.reshape(-1).tolist()]
    here = [k for k, place in enumerate(places) if place // OPERAND == i]
    if parent.numel() == 1 and g == "⟦g⟧" and len(here) <= ENTRIES:
        return " + ".join(f"⟦g:{k}⟧" for k in here)
    return g if len(here) == len(places) == parent.numel() else ""
