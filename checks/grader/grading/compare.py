"""Compare one answer with the truth. Pure: an observation in, the first fault or nothing out.

The order is: missing → not started → raised → time limit → type → shape → dtype, device → not
finite → value → side effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.explain import (
    meaning,
    reshaped,
    shape_reason,
    told_error,
    told_shape,
)
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import aligned, close, parts, tensor_of
from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.records.tolerances import RTOL
from checks.grader.records.verdict import Settings, Status


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
            told = f"Expected a dict with the keys {_listed(expected)}; yours is {describe(value)}."
            first = next(iter(expected))
            advice = f'`{{"{first}": …, …}}` is one: a key, a colon, its value.'
            return Fault("error", told, "type", advice)
        if set(value) != set(expected):
            message = f"Your dict has the keys {_listed(value)}, expected {_listed(expected)}."
            return Fault("error", message, "type")
    elif isinstance(expected, tuple) and (
        not isinstance(value, tuple) or len(value) != len(expected)
    ):
        values = ", ".join(exercise.quantities)
        told = f"Expected {len(expected)} values: ({values}); yours is {describe(value)}."
        return Fault("error", told, "type", _counted(exercise.quantities, value))
    pairs = zip(parts(expected), aligned(expected, value), strict=True)
    for name, (wanted, got) in zip(exercise.quantities, pairs, strict=True):
        fault = _kind(name, wanted, got, _like(exercise))
        if fault:
            return fault
    return None


def _counted(names: Sequence[str], value: Any) -> str:
    """What to try where there are more or fewer values than names."""
    typed = ", ".join(names)
    how = f"`return {typed}`" if typed.replace(", ", "").isalnum() else "commas between them"
    match value:
        case Array():
            return f"Return all of them, in this order: {how}."
        case tuple() if 0 < len(value) < len(names):
            missing = len(names) - len(value)
            return f"{missing} {'is' if missing == 1 else 'are'} missing."
        case tuple() if len(value) > len(names):
            return (
                f"Each of the {len(names)} is one value. Where several numbers belong to one, "
                "`torch.stack([…])` makes one tensor of them."
            )
    return advice_on(value)


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
        return Fault("error", told, "type", _as_int(got))
    if isinstance(got, Array):
        return None
    fault = _type_fault(f"a tensor for {name}", got, like)
    several = isinstance(got, tuple) and len(got) > 1 and all(isinstance(v, Array) for v in got)
    if several and not wanted.shape:
        return replace(fault, advice="One number is asked for: which of yours is it?")
    return fault


def _as_int(got: Any) -> str:
    match got:
        case float():
            return "Counts are whole: `/` gives a float, `//` an int."
        case Array() | Foreign():
            return (
                "`int(…)` makes a Python int of it; counting with Python's own numbers needs none."
            )
    return advice_on(got)


def _type_fault(wanted: str, got: Any, like: str = "x") -> Fault:
    told = f"Expected {wanted}; yours is {describe(got)}."
    return Fault("error", told, "type", advice_on(got, like))


def describe(value: Any) -> str:
    """What a returned value is, in words."""
    match value:
        case Array():
            return f"a tensor of shape {tuple(value.values.shape)}"
        case Foreign("numpy.ndarray"):
            return "a NumPy array"
        case Foreign("builtin_function_or_method"):
            return "a method"
        case Foreign(name):
            if " " in name:
                return name
            of_theirs = "." in name and not name.startswith(("torch.", "numpy."))
            return f"an object of class {name.split('.')[-1]}" if of_theirs else f"a {name}"
        case None:
            return "None"
        case tuple():
            return _several(value)
        case dict():
            return f"a dict with the keys {_listed(value)}"
        case bool():
            return "a bool"
        case float() | int():
            return f"a Python {type(value).__name__} ({value:.6g})"
    return type(value).__name__


def _several(values: Sequence[Any]) -> str:
    """A tuple or a list: both travel as one."""
    if len(values) == 1:
        return "a list or tuple of one value"
    count = "an empty list" if not values else f"a list or tuple of {len(values)}"
    kinds = {Array: "tensors", float: "Python floats", type(None): "None"}
    same = {
        f"{value.type_name.split('.')[-1]}s"
        if isinstance(value, Foreign)
        else kinds.get(type(value), "values")
        for value in values
    }
    return count if not values else f"{count} {same.pop() if len(same) == 1 else 'values'}"


def advice_on(value: Any, like: str = "x") -> str:
    """What to try where an answer is not of the kind that is asked for."""
    match value:
        case None:
            return "Which value does the function hand back with `return`?"
        case Foreign("numpy.ndarray"):
            return "Stay in torch: a NumPy array has left the graph, the dtype and the device."
        case Foreign("function" | "method" | "builtin_function_or_method"):
            return "That is the function itself: the brackets that call it, `(…)`, are missing."
        case Foreign("generator" | "map" | "zip" | "filter"):
            return "It makes its values one by one: `list(…)`, and `torch.stack` for a tensor."
        case Foreign("str"):
            return "A text is no tensor: leave out the quotation marks, or the `str(…)`, around it."
        case Foreign("coroutine"):
            return "`async def` makes a function that has to be waited for: write `def`."
        case Foreign("set"):
            return "A set has no order: leave the braces { } out."
        case dict():
            return "Return the values alone, with commas between them, in this order."
        case Foreign("torch.Size"):
            return "That is a shape, not a tensor of that shape."
        case bool():
            return "A comparison, `==` or `<`, gives True or False."
        case float() | int():
            return "Return the 0-d tensor itself, without `.item()` or `float(…)`."
        case tuple() if len(value) == 1:
            return "Take the value out of it: its entry `[0]`."
        case tuple() if value and all(isinstance(v, Array) for v in value):
            return "`torch.stack([…])` makes one tensor of several of the same shape."
        case tuple() if value and all(isinstance(v, (int, float)) for v in value):
            return (
                f"Keep the tensors, without `.item()`, and stack them: `torch.stack(…)`. Of plain "
                f"numbers `torch.tensor(…, dtype={like}.dtype)` makes a tensor."
            )
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
            return _shape_fault(exercise, name, tensors)
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
    exercise: Exercise, name: str, tensors: Sequence[tuple[str, Tensor, Array]]
) -> Fault:
    """A wrong shape; the first thing to see is whether all is well but for order or shape."""
    yours = [tuple(got.values.shape) for _, _, got in tensors]
    wanted = [tuple(value.shape) for _, value, _ in tensors]
    at = [quantity for quantity, _, _ in tensors].index(name)
    told = told_shape(name, yours[at], wanted[at])
    if yours != wanted and sorted(yours) == sorted(wanted) and len(set(wanted)) == len(wanted):
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
    return Fault("error", told, "shape", shape_reason(name, yours[at], wanted[at], unit))


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
            "The next backward would add to it.",
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
