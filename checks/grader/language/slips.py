"""Mistakes at one place of a net, by name: `halved("r")`, `slope_left_out("z1")`, `absent("y")`.

Every function takes the names of nodes and gives a `Slip`; several slips at once are a tuple of
them. A formula of a slip reads the net's values by name: `lambda at: 2 * at.x`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cached_property
from itertools import permutations, product
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

Formula = Callable[[Any], Any]


class Slip(NamedTuple):
    """What is done wrong at the nodes `at`.

    value  what the forward pass computes there: (values) -> value
    read   what the slopes read there on the way back: (values) -> value
    grad   what the node's own gradient becomes, once all of it has arrived: (gradient, values)
    back   what the node hands back: (what arrives, what is right, values) -> value
    to     only on the way to these parents
    only   only for the gradients of these parameters
    """

    at: tuple[str, ...]
    value: Formula | None = None
    read: Formula | None = None
    grad: Callable[[Any, Any], Any] | None = None
    back: Callable[[Any, Any, Any], Any] | None = None
    to: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """What two slips must not share to be made together."""
        kinds = [kind for kind in ("value", "read", "grad", "back") if getattr(self, kind)]
        return frozenset((name, kind) for name in self.at for kind in kinds)

    @property
    def keeps_apart(self) -> bool:
        """Whether it leaves what it does not change by itself, in one step, to another mistake."""
        return True


class Permuted(NamedTuple):
    """The right values in another order: those of a gradient, or those that a training returns."""

    order: tuple[int, ...]
    of: Literal["gradient", "training"] = "gradient"

    @property
    def keeps_apart(self) -> bool:
        return False

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        return frozenset({(self.of, "order")})


class Procedure:
    """A dataclass whose defaults are the right way; a wrong one differs in some field."""

    @cached_property
    def changed(self) -> dict[str, Any]:
        """The fields in which it is not the right one."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) != f.default}  # type: ignore[arg-type]

    @cached_property
    def places(self) -> frozenset[tuple[str, str]]:
        """What two wrong ones must not share to be made together."""
        return frozenset((type(self).__name__, name) for name in self.changed)

    @property
    def keeps_apart(self) -> bool:
        return True

    def __or__(self, other: Self) -> Self:
        return replace(self, **other.changed)  # type: ignore[type-var]


class Mapped(NamedTuple):
    """The same done to every returned value; `single`: or to one of them only."""

    each: Callable[[Any], Any] | None
    single: bool = False


def permuted(count: int) -> list[Permuted]:
    """Every wrong order of so many values."""
    return [Permuted(order) for order in permutations(range(count))][1:]


def returned(count: int) -> list[Permuted]:
    """Every wrong order of so many trained parameters."""
    return [Permuted(wrong.order, "training") for wrong in permuted(count)]


def scaled(factor: Any, *at: str) -> Slip:
    """The gradient that has arrived at the node goes on as `factor` times itself."""
    return Slip(at, grad=lambda g, _: factor * g)


def halved(*at: str) -> Slip:
    return scaled(0.5, *at)


def doubled(*at: str) -> Slip:
    return scaled(2.0, *at)


def negated(*at: str) -> Slip:
    return scaled(-1.0, *at)


def starting_at(*at: str) -> Slip:
    """The way back begins at these nodes, with 1."""
    return Slip(at, grad=lambda g, _: 0 * g + 1.0)


def cut(*at: str, to: tuple[str, ...] = ()) -> Slip:
    """Nothing is handed back: the path is forgotten."""
    return Slip(at, back=lambda g, right, _: 0.0 * right, to=to)


def slope_left_out(*at: str, to: tuple[str, ...] = ()) -> Slip:
    """What arrives is handed on as it is."""
    return Slip(at, back=lambda g, right, _: g + 0 * right, to=to)


def upstream_ignored(*at: str) -> Slip:
    """The local slope is handed on, as if 1 had arrived."""
    return Slip(at, back=lambda g, right, _: right / g)


def slope(*at: str, by: str | Formula, to: tuple[str, ...] = ()) -> Slip:
    """What arrives is multiplied by this in place of the local slope.

    A formula may ask for the values `at.here`, of the node itself, and `at.before`, of its parent.
    """
    read = _formula(by)
    return Slip(at, back=lambda g, right, values: g * read(values), to=to)


def multiplied(at: str, formula: str | float | Formula) -> Slip:
    """The node's own gradient is multiplied by this: ∂b with an x."""
    read = _formula(formula)
    return Slip((at,), grad=lambda g, values: g * read(values))


def added(at: str, formula: Formula) -> Slip:
    """This is added to the node's own gradient."""
    return Slip((at,), grad=lambda g, values: g + formula(values))


def becomes(at: str, formula: Formula) -> Slip:
    """The node's own gradient is this, whatever has arrived."""
    return Slip((at,), grad=lambda _, values: formula(values))


def absent(*at: str) -> Slip:
    """The value is 0 in the forward pass: the target, the bias is forgotten."""
    return Slip(at, value=lambda _: 0.0)


def computed_as(at: str, formula: str | float | Formula) -> Slip:
    """The forward pass takes this value, and so do the slopes."""
    return Slip((at,), value=_formula(formula))


def read_as(at: str, formula: str | float | Formula) -> Slip:
    """The way back takes this value; the forward pass the right one."""
    return Slip((at,), read=_formula(formula))


def only(slip: Slip, *parameters: str) -> Slip:
    """The slip made for the gradients of these parameters, not of the others."""
    return slip._replace(only=parameters)


def in_any(kind: Callable[..., Slip], *at: str) -> list[Slip]:
    """A slip at all of the places, then at each alone."""
    return [kind(*at), *(kind(place) for place in at)]


def in_some(slip: Slip, *parameters: str) -> list[Slip]:
    """The slip made for all parameters, then for every smaller choice of them."""
    choices = product((True, False), repeat=len(parameters))
    chosen = [tuple(p for p, kept in zip(parameters, c, strict=True) if kept) for c in choices]
    return [slip, *(slip._replace(only=some) for some in chosen[1:] if some)]


def _formula(formula: str | float | Formula) -> Formula:
    """A node's name, a number, or a function of the net's values."""
    if isinstance(formula, str):
        return lambda at: getattr(at, formula)
    return formula if callable(formula) else lambda at: formula
