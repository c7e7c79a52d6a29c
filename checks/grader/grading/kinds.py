"""What an answer of another kind than the one asked for is, in words, and what to try. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from checks.grader.records.observation import Array, Foreign

Shape = tuple[int, ...]


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
            return f"a dict with the keys {listed(value)}"
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
    kinds = {Array: "tensors", float: "Python floats", type(None): "None", tuple: "lists or tuples"}
    same = {
        f"{value.type_name.split('.')[-1]}s"
        if isinstance(value, Foreign)
        else kinds.get(type(value), "values")
        for value in values
    }
    return count if not values else f"{count} {same.pop() if len(same) == 1 else 'values'}"


def listed(keys: Any) -> str:
    return ", ".join(f'"{key}"' for key in keys) or "(none)"


def advice_on_keys(wanted: Iterable[str], yours: Iterable[str]) -> str:
    """What is missing in a dict and what is not asked for."""
    missing = [key for key in wanted if key not in yours]
    more = [key for key in yours if key not in wanted]
    told = f"Missing: {listed(missing)}." if missing else ""
    return f"{told} Not asked for: {listed(more)}.".strip() if more else told


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
        case Foreign(name) if name.endswith(".Node"):
            return (
                "A Node is no tensor: its `.value` is one, and after a backward so is its `.grad`."
            )
        case bool():
            return "A comparison, `==` or `<`, gives True or False."
        case float():
            return "Return the 0-d tensor itself, without `.item()` or `float(…)`."
        case int():
            return "Return the 0-d tensor itself, without `.item()` or `int(…)`."
        case tuple():
            return _advice_on_several(value, like)
    return ""


def _advice_on_several(values: Sequence[Any], like: str) -> str:
    nested = bool(values) and all(isinstance(value, tuple) for value in values)
    entries = tuple(_entries(values))
    if len(values) == 1:
        return "Take the value out of it: its entry `[0]`."
    if entries and all(isinstance(entry, Array) for entry in entries):
        if nested:
            return (
                "`torch.stack([torch.stack(row) for row in …])` makes one tensor of a list of "
                "lists. Where there is a tensor already, `.reshape(…)` gives it another shape."
            )
        return "`torch.stack([…])` makes one tensor of several of the same shape."
    if entries and all(isinstance(entry, (int, float)) for entry in entries):
        number = "`.tolist()`" if nested else "`.item()` or `.tolist()`"
        return (
            f"Keep the tensors, without {number}, and stack them: `torch.stack(…)`. Of plain "
            f"numbers `torch.tensor(…, dtype={like}.dtype)` makes a tensor."
        )
    if entries and all(
        isinstance(entry, Foreign) and entry.type_name == "str" for entry in entries
    ):
        return "A text is no tensor: keep the tensors themselves, and stack them: `torch.stack(…)`."
    if entries and all(_is_node(entry) for entry in entries):
        return (
            "A Node is no tensor: take what is asked for out of each, its `.value` or, after a "
            "backward, its `.grad`, and `torch.stack([…])` makes one tensor of these."
        )
    return ""


def _is_node(value: Any) -> bool:
    return isinstance(value, Foreign) and value.type_name.endswith(".Node")


def _entries(values: Iterable[Any]) -> Iterator[Any]:
    """What stands in lists and in lists inside them."""
    for value in values:
        if isinstance(value, tuple):
            yield from _entries(value)
        else:
            yield value


def one_for_several(name: str, wanted: Shape, value: Any) -> str:
    """What to try where one tensor is asked for and a list or a tuple came; empty for others."""
    if not isinstance(value, tuple) or len(value) < 2:
        return ""
    shapes = [tuple(v.values.shape) for v in value if isinstance(v, Array)]
    tensors_only = len(shapes) == len(value)
    if tensors_only and len(set(shapes)) == 1 and wanted == (len(value), *shapes[0]):
        return ""
    if shapes.count(wanted) == 1:
        return f"One value is asked for: return {name} alone."
    if tensors_only and wanted in ((), *shapes):
        return (
            "One number is asked for: which of yours is it?"
            if not wanted
            else (f"One value is asked for: which of yours is {name}?")
        )
    vectors = tensors_only and all(len(shape) == 1 for shape in shapes)
    if vectors and wanted == (sum(shape[0] for shape in shapes),):
        return "`torch.cat([…])` makes one vector of vectors, one after another."
    return ""


def counted(names: Sequence[str], value: Any) -> str:
    """What to try where there are more or fewer values than names."""
    typed = ", ".join(names)
    how = f"`return {typed}`" if typed.replace(", ", "").isalnum() else "commas between them"
    match value:
        case Array():
            return f"Return all of them, in this order: {how}."
        case tuple() if len(tuple(_entries(value))) == len(names) != len(value):
            return (
                "They are as many, but some stand in a list or tuple of their own: a star takes "
                "them out of it, as in `return *several, last`."
            )
        case tuple() if 0 < len(value) < len(names):
            missing = len(names) - len(value)
            return f"{missing} {'is' if missing == 1 else 'are'} missing."
        case tuple() if len(value) > len(names):
            return (
                f"Each of the {len(names)} is one value. Where several numbers belong to one, "
                "`torch.stack([…])` makes one tensor of them."
            )
        case Foreign("generator" | "map" | "zip" | "filter"):
            return "It makes its values one by one: `list(…)` makes them all."
    return advice_on(value)


def as_int(got: Any) -> str:
    """What to try where a Python int is asked for."""
    match got:
        case float():
            return "Counts are whole: `/` gives a float, `//` an int."
        case Array() | Foreign():
            return (
                "`int(…)` makes a Python int of it; counting with Python's own numbers needs none."
            )
    return advice_on(got)
