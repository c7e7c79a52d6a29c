"""Compare one answer with the truth. Pure: an observation in, the first fault or nothing out.

The order is: missing → not started → raised → time limit → type → shape → dtype, device → not
finite → value → side effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.explain import meaning, reshaped, shape_reason, told_error, told_shape
from checks.grader.grading.kinds import (
    advice_on,
    advice_on_keys,
    as_int,
    counted,
    describe,
    listed,
    one_for_several,
)
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import aligned, close, parts, tensor_of
from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.records.tolerances import RTOL
from checks.grader.records.verdict import Settings, Status

NOTHING_GIVEN: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Fault:
    """The first thing that is not right about an answer.

    message   what is not right, to the student
    kind      "value", "shape", "raised", …: what diagnosis may build on
    advice    what to try, where nothing better can be read from the student's text
    excerpt   the line that Python cannot read, and a caret below the place
    """

    status: Status
    message: str
    kind: str
    advice: str = ""
    excerpt: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"{self.message} {self.advice}".strip()


def compare(
    exercise: Exercise,
    expected: Any,
    seen: Observation,
    settings: Settings,
    inputs: Mapping[str, Any] = NOTHING_GIVEN,
) -> Fault | None:
    """The fault of one call, None if it is right.

    inputs  what the call was given, with whose shapes a wrong one may be compared
    """
    fault = _outcome(exercise, seen, settings)
    if fault is None:
        fault = _structure(exercise, expected, seen.value)
    if fault is None:
        fault = _values(exercise, expected, seen, settings, inputs)
    return fault or _side_effects(exercise, seen)


def right_quantities(
    exercise: Exercise, expected: Any, value: Any, settings: Settings
) -> tuple[bool, ...]:
    """Per quantity, whether it is right."""
    got = aligned(expected, value)
    wanted = parts(expected)
    if len(got) != len(wanted):
        return (False,) * len(wanted)
    rtol = RTOL[settings.dtype] * exercise.slack
    return tuple(_is_right(e, g, rtol) for e, g in zip(wanted, got, strict=True))


def _is_right(expected: Any, value: Any, rtol: float) -> bool:
    if not isinstance(expected, Tensor):
        got = tensor_of(value)
        return got is not None and got.ndim == 0 and got.item() == float(expected)
    got = tensor_of(value)
    return got is not None and close(got, expected, rtol=rtol)


def _outcome(exercise: Exercise, seen: Observation, settings: Settings) -> Fault | None:
    match seen.outcome:
        case "missing":
            return Fault(
                "error",
                f"There is no function `{exercise.name}` in your file.",
                "missing",
                "Has it been renamed?",
            )
        case "not_started":
            return Fault("not_started", seen.message or "Not started yet.", "not_started")
        case "raised":
            ours = exercise.driver is not None and seen.line is None
            if ours:
                said = seen.message[:1].upper() + seen.message[1:]
                said = said if said.endswith((".", "?", "!")) else f"{said}."
                return Fault("error", said, "raised", meaning(seen.message))
            return Fault(
                "error", told_error(seen), "raised", meaning(seen.message, seen.error_type)
            )
        case "timeout":
            limit = seen.seconds or settings.time_limit
            return Fault(
                "timeout",
                f"Your code was still running after {limit:g} second{'' if limit == 1 else 's'}. "
                "Look for a loop that never ends, or far more steps than were asked for.",
                "timeout",
            )
        case "crashed":
            return Fault(
                "crashed",
                "The Python process died while it ran your code"
                + (f" ({seen.message})." if seen.message else ".")
                + " Look for os._exit, endless recursion or huge tensors.",
                "crashed",
            )
    return None


def _structure(exercise: Exercise, expected: Any, value: Any) -> Fault | None:
    """Wrong type: not the right number of results, or results of another kind."""
    if isinstance(expected, dict):
        if not isinstance(value, dict):
            told = f"Expected a dict with the keys {listed(expected)}; yours is {describe(value)}."
            first = next(iter(expected))
            advice = f'`{{"{first}": …, …}}` is one: a key, a colon, its value.'
            return Fault("error", told, "type", advice)
        if set(value) != set(expected):
            message = f"Your dict has the keys {listed(value)}, expected {listed(expected)}."
            return Fault("error", message, "type", advice_on_keys(expected, value))
    elif isinstance(expected, tuple) and (
        not isinstance(value, tuple) or len(value) != len(expected)
    ):
        values = ", ".join(exercise.quantities)
        told = f"Expected {len(expected)} values: ({values}); yours is {describe(value)}."
        return Fault("error", told, "type", counted(exercise.quantities, value))
    pairs = zip(parts(expected), aligned(expected, value), strict=True)
    for name, (wanted, got) in zip(exercise.quantities, pairs, strict=True):
        fault = _kind(name, wanted, got, _like(exercise))
        if fault:
            return fault
    return None


def _like(exercise: Exercise) -> str:
    """The first argument that is a tensor: what results share their dtype and device with."""
    tensors = (name for name, kind in exercise.parameters.items() if kind == "Tensor")
    return next(tensors, "x")


def _kind(name: str, wanted: Any, got: Any, like: str) -> Fault | None:
    if isinstance(wanted, bool):
        if isinstance(got, bool):
            return None
        told = f"Expected True or False for {name}; yours is {describe(got)}."
        advice = "A comparison gives a bool: `… is not None`, say."
        if isinstance(got, Foreign) and got.type_name == "str":
            advice = "Leave out what makes a text of it."
        return Fault("error", told, "type", advice)
    if isinstance(wanted, int):
        if isinstance(got, int) and not isinstance(got, bool):
            return None
        told = f"Expected a Python int for {name}; yours is {describe(got)}."
        return Fault("error", told, "type", as_int(got))
    if isinstance(got, Array):
        return None
    fault = _type_fault(f"a tensor for {name}", got, like)
    advice = one_for_several(name, tuple(wanted.shape), got)
    return replace(fault, advice=advice) if advice else fault


def _type_fault(wanted: str, got: Any, like: str = "x") -> Fault:
    told = f"Expected {wanted}; yours is {describe(got)}."
    return Fault("error", told, "type", advice_on(got, like))


def _values(
    exercise: Exercise,
    expected: Any,
    seen: Observation,
    settings: Settings,
    inputs: Mapping[str, Any],
) -> Fault | None:
    """Shape, then dtype and device, then finite, then value; each over all quantities."""
    value = seen.value
    triples = zip(exercise.quantities, parts(expected), aligned(expected, value), strict=True)
    tensors = [(name, w, g) for name, w, g in triples if isinstance(w, Tensor)]
    for name, w, g in tensors:
        if g.values.shape != w.shape:
            return _shape_fault(exercise, name, tensors, inputs)
    for name, _, g in tensors:
        fault = _place(name, g, seen.forward_mode, settings, _like(exercise))
        if fault:
            return fault
    if all(right_quantities(exercise, expected, value, settings)):
        return None
    for name, _, g in tensors:
        if not bool(torch.isfinite(g.values).all()):
            return _not_finite(name, g.values)
    return Fault("wrong", "", "value")


def _shape_fault(
    exercise: Exercise,
    name: str,
    tensors: Sequence[tuple[str, Tensor, Array]],
    inputs: Mapping[str, Any],
) -> Fault:
    """A wrong shape; the first thing to see is whether all is well but for order or shape."""
    yours = [tuple(got.values.shape) for _, _, got in tensors]
    wanted = [tuple(value.shape) for _, value, _ in tensors]
    at = [quantity for quantity, _, _ in tensors].index(name)
    told = told_shape(name, yours[at], wanted[at])
    if yours != wanted and sorted(yours) == sorted(wanted):
        order = ", ".join(quantity for quantity, _, _ in tensors)
        advice = f"The shapes fit in another order: return ({order})."
        return Fault("error", told, "shape", advice)
    _, value, got = tensors[at]
    if got.values.numel() == value.numel():
        rtol = RTOL["float32"] * exercise.slack
        if close(got.values.reshape(value.shape), value, rtol=rtol):
            return Fault("error", told, "shape", reshaped(yours[at], wanted[at]))
    if "losses" in exercise.quantities and name != "losses" and len(yours[at]) > len(wanted[at]):
        advice = (
            "Is there one for each sample? Take the samples one at a time, and step after each."
        )
        return Fault("error", told, "shape", advice)
    unit = "round" if "rounds" in exercise.parameters else "epoch"
    shapes = {n: tuple(v.shape) for n, v in inputs.items() if isinstance(v, Tensor)}
    advice = shape_reason(name, yours[at], wanted[at], unit, shapes)
    return Fault("error", told, "shape", advice)


def _place(
    name: str, got: Array, forward_mode: bool, settings: Settings, like: str
) -> Fault | None:
    # Forward mode itself makes float64 of float32 where a 0-d tensor meets a Python float, as in
    # 0.5 * (…).sum() (seen in PyTorch 2.6 to 2.13).
    excused = forward_mode and got.dtype == "float64"
    if got.dtype != settings.dtype and not excused:
        told = (
            f"{name} has dtype {got.dtype}, expected {settings.dtype}: results keep the dtype of "
            "the inputs."
        )
        advice = f"A new tensor needs `dtype={like}.dtype`; a cast, such as `.double()`, can go."
        if got.dtype == "bool":
            advice = "A comparison, `==` or `<`, gives True or False for each entry."
        return Fault("error", told, "dtype", advice)
    numbered = ":" in settings.device
    if (got.device if numbered else got.device.split(":")[0]) != settings.device:
        message = (
            f"{name} is on {got.device}, expected {settings.device}: results stay on the device "
            f"of the inputs. A new tensor needs `device={like}.device`."
        )
        return Fault("error", message, "device")
    return None


def _not_finite(name: str, values: Tensor) -> Fault:
    if bool(torch.isnan(values).any()):
        why = "0/0, ∞ − ∞, ∞/∞ and the root or the logarithm of a negative number give that"
        return Fault(
            "wrong", f"{name} is nan (not a number).", "not finite", f"{why}: which is it?"
        )
    advice = "Which step overflows or divides by zero?"
    return Fault("wrong", f"{name} is infinite.", "not finite", advice)


def _side_effects(exercise: Exercise, seen: Observation) -> Fault | None:
    names = list(exercise.parameters)
    changed = _named(names, seen.changed, exercise.may_change)
    if changed:
        return Fault(
            "wrong",
            f"The result is right, but your function changed its {changed}. The caller "
            f"still needs {'them' if ' and ' in changed else 'it'}.",
            "changed",
            "Work on a copy, or make a new one: `w = w − …` does, `w -= …` changes the old.",
        )
    grads = _named(names, seen.grads, exercise.may_change)
    if grads:
        return Fault(
            "wrong",
            f"The result is right, but your function changed the `.grad` of its {grads}. "
            "The caller finds another gradient there than before.",
            "grad left",
            _without_grad(exercise),
        )
    return None


def _without_grad(exercise: Exercise) -> str:
    """How to get a gradient that is left on no argument."""
    if any(kind != "Tensor" and name == "model" for name, kind in exercise.parameters.items()):
        return "`torch.autograd.grad(loss, …)` returns gradients and leaves every `.grad` alone."
    return "Compute the loss from a leaf of your own (`.detach().clone().requires_grad_()`)."


def _named(names: Sequence[str], indices: Sequence[int], allowed: Sequence[str]) -> str:
    found = [names[i] for i in indices if 0 <= i < len(names) and names[i] not in allowed]
    if not found:
        return ""
    *first, last = [f"`{name}`" for name in found]
    return f"arguments {', '.join(first)} and {last}" if first else f"argument {last}"
