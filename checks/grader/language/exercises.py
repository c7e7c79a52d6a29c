"""Exercises as lessons write them: any function, a squared loss, a gradient in both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checks.grader.language.lesson import Exercise, Variants, Witness
from checks.grader.language.net import Net
from checks.grader.language.slips import absent
from checks.grader.language.truth import gradient_of


def exercise(
    truth: Callable[..., Any],
    quantities: str | tuple[str, ...],
    *ways: Witness | Callable[..., Any],
    **fields: Any,
) -> Exercise:
    """The exercise of the truth's name; `ways` are its witnesses, a function by its own name."""
    witnesses = tuple(
        way if isinstance(way, Witness) else Witness(way.__name__.replace("_", " "), way)
        for way in ways
    )
    names = (quantities,) if isinstance(quantities, str) else quantities
    name = fields.pop("name", None) or truth.__name__
    return Exercise(name, truth, names, witnesses=witnesses, **fields)


def squared_loss(
    net: Net, loss: Callable[..., Any], wrong: Mapping[str, Variants] | None = None
) -> Exercise:
    """`loss` of a net whose last node is the square of its node r."""
    r = net.value("r")
    common: dict[str, Variants] = {
        "target_ignored": absent("y"),
        "not_squared": [lambda **at: r(**at), lambda **at: -r(**at)],
        "absolute_value": lambda **at: r(**at).abs(),
        "halved_loss": lambda **at: loss(**at) / 2,
        "doubled_not_squared": lambda **at: 2 * r(**at),
        "target_added": lambda **at: loss(**at | {"y": -at["y"]}),
    }
    return Exercise("loss", loss, ("loss",), wrong=common | dict(wrong or {}), slipped=net.node())


def gradients(
    net: Net, by_hand: Callable[..., Any], wrong: Mapping[str, Variants], **fields: Any
) -> tuple[Exercise, Exercise]:
    """`grad_by_hand` and `grad_by_autograd` of a net; `by_hand` is the closed form."""
    quantities = tuple(f"∂loss/∂{name}" for name in net.wrt)
    witnesses = gradient_of(net, *net.wrt)
    hand, autograd = (
        Exercise(
            f"grad_{method}",
            by_hand,
            quantities,
            wrong=wrong,
            net=net if method == "by_hand" else None,
            slipped=net.gradient,
            witnesses=witnesses,
            method=method,
            **fields,
        )
        for method in ("by_hand", "by_autograd")
    )
    return hand, autograd
