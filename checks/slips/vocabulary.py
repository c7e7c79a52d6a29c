"""Mistakes in a gradient, declared by name: `halved("r")`, `slope_left_out("z1", "z2")`.

Each gives a function of the tape, (tape) -> (slip, place), so that one declaration holds for every
recording of the graph. `apply` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from checks.slips import operations
from checks.slips.operations import Slip
from checks.slips.tape import Place, Tape

Declared = Callable[[Tape], tuple[Slip, Place]]


def apply(tape: Tape, *declared: Declared) -> dict[str, Tensor]:
    """∂end/∂node for every node between the inputs and the end, by name, with these slips made.

    Raises KeyError for a name the tape does not know, Unfit where a slip cannot be made.
    """
    return tape.gradients([slip(tape) for slip in declared])


def slip(made: Slip, *names: str, to: str | None = None) -> Declared:
    """Any slip at these nodes, on the way to all of their parents or to the one named."""
    return lambda tape: (made, tape.at(*names, to=to))


def of_row(id: str, *names: str, to: str | None = None, which: int = 0) -> Declared:
    """A slip that stands in the table with the operation of these nodes, the which-th of its id."""

    def find(tape: Tape) -> tuple[Slip, Place]:
        row = tape[names[0]].operation
        found = [each for each in row.slips if each.id == id]
        if not found:
            raise KeyError(f"{row.name} has no slip {id!r}")
        return found[which], tape.at(*names, to=to)

    return find


def halved(*names: str, to: str | None = None) -> Declared:
    """What is handed back is half of what it must be."""
    return slip(operations.HALVED, *names, to=to)


def doubled(*names: str, to: str | None = None) -> Declared:
    """What is handed back is twice what it must be."""
    return slip(operations.DOUBLED, *names, to=to)


def negated(*names: str, to: str | None = None) -> Declared:
    """The sign is turned."""
    return slip(operations.NEGATED, *names, to=to)


def cut(*names: str, to: str | None = None) -> Declared:
    """Nothing is handed back: the path is forgotten."""
    return slip(operations.CUT, *names, to=to)


def slope_left_out(*names: str, to: str | None = None) -> Declared:
    """What arrives is handed on as it is."""
    return slip(operations.SLOPE_LEFT_OUT, *names, to=to)


def upstream_ignored(*names: str, to: str | None = None) -> Declared:
    """The local slope alone is handed on, not multiplied by what arrives."""
    return slip(operations.UPSTREAM_IGNORED, *names, to=to)


def absent(*names: str) -> Declared:
    """The value is 0 in the forward pass: the target, the bias is forgotten."""
    return slip(operations.ABSENT, *names)


def multiplied(name: str, *, by: str, times: float = 1.0) -> Declared:
    """The gradient of a leaf carries the value of another node as a factor: ∂b with an x."""

    def find(tape: Tape) -> tuple[Slip, Place]:
        factor = tape[by].index
        words = f"it is multiplied by {by}"
        made = Slip("multiplied", words, lambda step, i, g: g * step.values[factor] * times)
        return made, tape.at(name)

    return find


def read_as(name: str, other: str, *, times: float = 1.0) -> Declared:
    """Where the way back needs the value of `name`, it takes that of `other`: x for x²."""

    def find(tape: Tape) -> tuple[Slip, Place]:
        index, stand_in = tape[name].index, tape[other].index

        def value(values: Sequence[Tensor]) -> Tensor:
            return times * values[stand_in]

        return operations.read_as(index, value, f"{other} is read for {name}"), tape.uses(name)

    return find


def computed_as(name: str, other: str, *, times: float = 1.0) -> Declared:
    """The forward pass takes the value of `other` for `name`; the slopes stay the right ones."""

    def find(tape: Tape) -> tuple[Slip, Place]:
        stand_in = tape[other].index
        words = f"the value of {other} is taken"
        return Slip("computed_as", words, value=lambda s: times * s.values[stand_in]), tape.at(name)

    return find
