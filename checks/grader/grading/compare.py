"""Compare one answer with the truth. Pure: an observation in, the first fault or nothing out.

The order is: missing → not started → raised → time limit → type → shape → dtype, device → not
finite → value → side effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.explain import explain_error, explain_shape
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import aligned, close, parts, tensor_of
from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.records.verdict import Settings, Status

#: Relative to the size of the answer (see truth.close). torch.testing.assert_close starts at 1.3e-6
#: for float32; right work in another order of operations needs about five times that.
RTOL = {"float32": 1e-5, "float64": 1e-7}


@dataclass(frozen=True)
class Fault:
    """The first thing that is not right about an answer. `message` speaks to the student."""

    status: Status
    message: str
    kind: str  # "value", "shape", "raised", … : what diagnosis may build on


def compare(
    exercise: Exercise, expected: Any, seen: Observation, settings: Settings
) -> Fault | None:
    """The fault of one call, None if it is right."""
    fault = _outcome(exercise, seen, settings)
    if fault is None:
        fault = _structure(exercise, expected, seen.value)
    if fault is None:
        fault = _values(exercise, expected, seen, settings)
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
                f"There is no function `{exercise.name}` in your file. Has it been renamed?",
                "missing",
            )
        case "not_started":
            return Fault("not_started", seen.message or "Not started yet.", "not_started")
        case "raised":
            ours = exercise.driver is not None and seen.line is None
            said = seen.message[:1].upper() + seen.message[1:]
            return Fault("error", said if ours else explain_error(seen), "raised")
        case "timeout":
            return Fault(
                "timeout",
                f"Your code was still running after {settings.time_limit:g} seconds. Look for a "
                "loop that never ends, or far more steps than were asked for.",
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
            return _type_fault(f"a dict with the keys {_listed(expected)}", value)
        if set(value) != set(expected):
            message = f"Your dict has the keys {_listed(value)}, expected {_listed(expected)}."
            return Fault("error", message, "type")
    elif isinstance(expected, tuple) and (
        not isinstance(value, tuple) or len(value) != len(expected)
    ):
        values = ", ".join(exercise.quantities)
        wanted = f"{len(expected)} values: ({values})"
        if isinstance(value, tuple):
            return Fault("error", f"Expected {wanted}; yours is {describe(value)}.", "type")
        return _type_fault(wanted, value)
    pairs = zip(parts(expected), aligned(expected, value), strict=True)
    for name, (wanted, got) in zip(exercise.quantities, pairs, strict=True):
        fault = _kind(name, wanted, got)
        if fault:
            return fault
    return None


def _kind(name: str, wanted: Any, got: Any) -> Fault | None:
    if isinstance(wanted, bool):
        message = (
            f"Expected True or False for {name}; yours is {describe(got)}. A comparison gives a "
            "bool: `… is not None`, say."
        )
        return None if isinstance(got, bool) else Fault("error", message, "type")
    if isinstance(wanted, int):
        whole = isinstance(got, Array) and got.values.ndim == 0 and got.dtype.startswith("int")
        plain = isinstance(got, int) and not isinstance(got, bool)
        message = (
            f"Expected a Python int for {name}; yours is {describe(got)}. Counts are whole: `/` "
            "gives a float, `//` an int."
        )
        return None if plain or whole else Fault("error", message, "type")
    return None if isinstance(got, Array) else _type_fault(f"a tensor for {name}", got)


def _type_fault(wanted: str, got: Any) -> Fault:
    return Fault("error", f"Expected {wanted}; yours is {describe(got)}.{_advice(got)}", "type")


def describe(value: Any) -> str:
    """What a returned value is, in words."""
    match value:
        case Array():
            return f"a tensor of shape {tuple(value.values.shape)}"
        case Foreign("numpy.ndarray"):
            return "a NumPy array"
        case Foreign(name):
            return name if " " in name else f"a {name}"
        case None:
            return "None"
        case tuple():
            return f"{len(value)} values" if len(value) != 1 else "a tuple of one value"
        case dict():
            return f"a dict with the keys {_listed(value)}"
        case bool():
            return "a bool"
        case float() | int():
            return f"a Python {type(value).__name__} ({value:.6g})"
    return type(value).__name__


def _advice(value: Any) -> str:
    match value:
        case None:
            return (
                " Is there a `return`? If it returns a `.grad`: that is None until a backward "
                "fills it, and on every tensor that is not a leaf."
            )
        case Foreign("numpy.ndarray"):
            return " Stay in torch: a NumPy array has left the graph, the dtype and the device."
        case float() | int():
            return " Return the 0-d tensor itself, without `.item()` or `float(…)`."
        case tuple() if len(value) == 1:
            return " Is there a comma after the value?"
    return ""


def _listed(keys: Any) -> str:
    return ", ".join(f'"{key}"' for key in keys) or "(none)"


def _values(
    exercise: Exercise, expected: Any, seen: Observation, settings: Settings
) -> Fault | None:
    """Shape, then dtype and device, then finite, then value; each over all quantities."""
    value = seen.value
    triples = zip(exercise.quantities, parts(expected), aligned(expected, value), strict=True)
    tensors = [(name, w, g) for name, w, g in triples if isinstance(w, Tensor)]
    for name, w, g in tensors:
        if g.values.shape != w.shape:
            message = explain_shape(name, tuple(g.values.shape), tuple(w.shape))
            return Fault("error", message, "shape")
    for name, _, g in tensors:
        fault = _place(name, g, seen.forward_mode, settings)
        if fault:
            return fault
    for name, _, g in tensors:
        if not bool(torch.isfinite(g.values).all()):
            return Fault("wrong", _not_finite(name, g.values), "not finite")
    right = right_quantities(exercise, expected, value, settings)
    if all(right):
        return None
    return Fault("wrong", "", "value")


def _place(name: str, got: Array, forward_mode: bool, settings: Settings) -> Fault | None:
    # Forward mode itself makes float64 of float32 where a 0-d tensor meets a Python float, as in
    # 0.5 * (…).sum() (seen in PyTorch 2.6 to 2.13).
    excused = forward_mode and got.dtype == "float64"
    if got.dtype != settings.dtype and not excused:
        message = (
            f"{name} has dtype {got.dtype}, expected {settings.dtype}: results keep the dtype of "
            "the inputs. A new tensor needs `dtype=x.dtype`, a cast needs undoing."
        )
        return Fault("error", message, "dtype")
    numbered = ":" in settings.device
    if (got.device if numbered else got.device.split(":")[0]) != settings.device:
        message = (
            f"{name} is on {got.device}, expected {settings.device}: results stay on the device "
            "of the inputs. A new tensor needs `device=x.device`."
        )
        return Fault("error", message, "device")
    return None


def _not_finite(name: str, values: Tensor) -> str:
    if bool(torch.isnan(values).any()):
        return (
            f"{name} is nan (not a number). That comes from 0/0, ∞ − ∞ or ∞/∞: which step "
            "overflows or divides by zero?"
        )
    return f"{name} is infinite: which step overflows or divides by zero?"


def _side_effects(exercise: Exercise, seen: Observation) -> Fault | None:
    names = list(exercise.parameters)
    changed = _named(names, seen.changed, exercise.may_change)
    if changed:
        return Fault(
            "wrong",
            f"The result is right, but your function changed its argument {changed}. The caller "
            "still needs it: work on a copy, or make a new one.",
            "changed",
        )
    grads = _named(names, seen.grads, exercise.may_change)
    if grads:
        return Fault(
            "wrong",
            f"The result is right, but your function changed the `.grad` of its argument {grads}. "
            "The next backward would add to it: use `torch.autograd.grad`, or a leaf of your own "
            "(`.detach().clone().requires_grad_()`).",
            "grad left",
        )
    return None


def _named(names: Sequence[str], indices: Sequence[int], allowed: Sequence[str]) -> str:
    found = [names[i] for i in indices if 0 <= i < len(names) and names[i] not in allowed]
    return " and ".join(f"`{name}`" for name in found)
