"""What a name that Python does not know, or an attribute, may have been meant for. Pure."""

from __future__ import annotations

import ast
import builtins
import re
from difflib import get_close_matches

import torch

from checks.grader.grading.reading import Reading, bound
from checks.grader.records.observation import Observation

#: What beginners call `.grad`.
GRAD = ("gradient", "gradients", "grads", "derivative")


def unknown_name(found: Reading | None, seen: Observation) -> str:
    """What a name that Python does not know may have been meant for."""
    match = re.search(r"'(?P<owner>[^']+)'.* has no attribute '(?P<name>\w+)'", seen.message)
    if match:
        here = _uncalled_owner(found, match["name"], seen) if "function" in match["owner"] else ""
        return here or _no_attribute(match["owner"], match["name"])
    match = re.search(r"name '([^']+)' is not defined|variable '([^']+)'", seen.message)
    name = (match[1] or match[2]) if match else ""
    if not name:
        return ""
    if seen.error_type == "UnboundLocalError":
        return _unbound(found, name)
    known = set(dir(builtins)) - {n for n in dir(builtins) if n[0].isupper()}
    if found is not None:
        known |= set(found.definitions) | {"torch", "nn"}
        known |= bound(found.function) if found.function is not None else set()
    return _meant(name, found, known)


def _uncalled_owner(found: Reading | None, name: str, seen: Observation) -> str:
    """`loss.backward()`, where `loss` is the function."""
    for node in found.nodes if found is not None else ():
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if (
                attr == name and node.lineno == seen.line
            ):
                takes = Reading(owner, found.tree).parameters or ("…",)  # type: ignore[union-attr]
                return f"`{owner}` is the function itself. Call it: `{owner}({', '.join(takes)})`."
    return ""


def _meant(name: str, found: Reading | None, known: set[str]) -> str:
    if "·" in name:
        typed = " * ".join(name.split("·")).strip()
        return f"`·` is a printed sign that Python takes for a letter: type `*`, as in `{typed}`."
    if name == "nn":
        return "`nn` is not imported here: add `from torch import nn` at the top of the file."
    other = {"np": "numpy", "numpy": "numpy", "math": "math", "plt": "matplotlib", "F": "torch"}
    if name in other and name not in known:
        return f"`{name}` is not imported here: stay with torch, or import it at the top."
    if name in ("e", "exp"):
        return "eᶻ is `torch.exp(z)`."
    own = bound(found.function) if found is not None and found.function is not None else set()
    for first in own:
        rest = name.removeprefix(first)
        if rest != name and rest in own:
            return f"Is it a product? Python needs the sign: `{first} * {rest}`."
    if name in ("true", "false", "none", "null"):
        right = {"true": "True", "false": "False"}.get(name, "None")
        return f"Python writes `{right}`."
    same = [other for other in known if other.lower() == name.lower()]
    close = same or get_close_matches(name, known - {name}, 1, 0.7)
    if close:
        return f"Did you mean `{close[0]}`?"
    if callable(getattr(torch, name, None)):
        return f"It is a function of torch: `torch.{name}(…)`."
    if found is not None and found.function is not None:
        return (
            f"Nothing in `{found.name}` gives `{name}` a value. What it gets: "
            f"{', '.join(found.parameters)}."
        )
    return ""


def _unbound(found: Reading | None, name: str) -> str:
    if found is None:
        return ""
    given = [
        node.lineno
        for node in found.nodes
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    if name in found.definitions and given:
        return (
            f"Line {given[0]} gives the name `{name}` to a value, so inside this function the "
            f"function `{name}` cannot be called. Give the value another name, as in "
            f"`value = {name}(…)`."
        )
    return (
        f"`{name}` is used before it has a value here: give it one above, before the loop or the "
        "`if` that it stands in."
    )


def _no_attribute(owner: str, name: str) -> str:
    if owner in ("function", "method", "builtin_function_or_method"):
        return "A function stands here that was not called: the brackets, `(…)`, are missing."
    if owner == "Tensor" and len(name) <= 2 and not hasattr(torch.Tensor, name):
        return f"`.{name}` asks for a part of the tensor: a product is written `… * {name}`."
    if owner == "tuple" and name in ("backward", "detach", "item", "shape"):
        return "This is a tuple of several values: take one of them, or unpack it, `a, b = …`."
    if owner.endswith("Loss"):
        return (
            "This is the loss function, not a loss: give a name to what it returns, "
            "`value = …(prediction, target)`, and use that."
        )
    if name == "zero_grad" and owner == "Tensor":
        return "A tensor's gradient is zeroed by `.grad.zero_()`, or let go by `.grad = None`."
    if owner == "list":
        return "This is a Python list: `torch.stack(…)` makes one tensor of a list of tensors."
    if name == "append":
        return "A tensor does not grow: collect in a list, `losses = []`, and stack it at the end."
    if name in GRAD and owner == "Tensor":
        return "A leaf's gradient is its `.grad`."
    kinds: dict[str, object] = {"Tensor": torch.Tensor, "torch": torch, "torch.nn": torch.nn}
    known = kinds.get(owner)
    close = get_close_matches(name, dir(known), 1, 0.7) if known is not None else []
    return f"Did you mean `.{close[0]}`?" if close else ""
