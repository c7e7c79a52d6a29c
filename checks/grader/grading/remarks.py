"""What a student's own text adds to a fault: the sentence that says what to change, and where.

Each sentence is said only where the syntax tree shows what it says; elsewhere the plain words of
`compare` and `explain` stand. Pure.
"""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

from checks.grader.grading.compare import Fault
from checks.grader.grading.misdone import collected, endless, idle_line, kept, loop, misdone
from checks.grader.grading.names import unknown_name
from checks.grader.grading.raised import loss_module, raised
from checks.grader.grading.reading import (
    Reading,
    called,
    in_place,
    is_empty,
    leaves,
    left_over_raise,
    reading,
    text_of,
    tree_of,
)
from checks.grader.grading.without_gradient import returned_nothing
from checks.grader.language.lesson import Exercise
from checks.grader.records.observation import Foreign, Observation

TODO = re.compile(r"#\s*(TODO .+)")


def remark(source: str | None, exercise: Exercise, fault: Fault, seen: Observation) -> str:
    """What the text of the function says about a fault; empty where it says nothing."""
    found = reading(source, exercise.name)
    if found is None or found.function is None:
        return _no_function(found, exercise) if found is not None else ""
    match fault.kind:
        case "type":
            return _other_kind(found, exercise, seen)
        case "shape":
            return loop(found) or idle_line(found) or collected(found)
        case "second call":
            return kept(found)
        case "timeout":
            return endless(found)
        case "raised":
            return raised(found, exercise, seen)
        case "value" | "not finite":
            return misdone(found) or _typed_in(found)
        case "changed" | "grad left":
            return _left_behind(found, fault.kind, exercise, seen)
    return ""


def unstarted(source: str | None, name: str) -> str | None:
    """What to say of a function whose body holds nothing yet; None if it holds something."""
    found = reading(source, name)
    if found is None or source is None or not is_empty(found.definitions[name]):
        return None
    node = found.definitions[name]
    lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
    todo = next((match[1] for line in lines if (match := TODO.search(line))), "")
    return todo.strip() or "Not started yet."


def at_import(source: str | None, imported: Observation) -> str:
    """What a name that was not known at the top of the file may have been meant for."""
    tree = tree_of(source) if source is not None else None
    if tree is None or imported.error_type not in ("NameError", "AttributeError"):
        return ""
    return unknown_name(Reading("", tree), imported)


def not_reached(source: str | None, exercise: Exercise, fault: Fault) -> str:
    """What the text says of a function that is missing or still raises its stub's error."""
    tree = tree_of(source) if source is not None else None
    if tree is None:
        return ""
    if fault.kind == "missing":
        return _elsewhere(tree, exercise.name)
    found = reading(source, exercise.name)
    if found is None:
        return ""
    same = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == exercise.name
    ]
    if len(same) > 1:
        return (
            f"`{exercise.name}` is defined twice, in lines {same[0]} and {same[-1]}: Python takes "
            "the last. Delete the one that is not yours."
        )
    left = left_over_raise(found)
    if left is not None:
        return (
            f"You have written something here, and `raise NotImplementedError` still stands in "
            f"line {left.lineno}: delete that line."
        )
    return ""


def _elsewhere(tree: ast.Module, name: str) -> str:
    """Where a missing function may be: inside another one, or under a name much like its own."""
    for outer in tree.body:
        for node in ast.walk(outer):
            inside = node is not outer and isinstance(node, (ast.FunctionDef, ast.ClassDef))
            if inside and node.name == name:  # type: ignore[attr-defined]
                return (
                    f"Line {node.lineno} defines `{name}` inside `{getattr(outer, 'name', '…')}`, "  # type: ignore[attr-defined]
                    "because it is indented: begin its `def` at the left margin."
                )
    names = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    close = get_close_matches(name, names, 1, 0.75)
    if close:
        return f"`{close[0]}` looks much like it: is that the one? Then give it the name back."
    return ""


def _no_function(found: Reading, exercise: Exercise) -> str:
    """A class, or something asynchronous, where a plain function is asked for."""
    node = found.definitions[found.name]
    if isinstance(node, ast.FunctionDef) or exercise.name[0].isupper():
        return ""
    word = "class" if isinstance(node, ast.ClassDef) else "async def"
    return (
        f"Line {node.lineno} begins with `{word}`, and a function is asked for: "
        f"`def {exercise.name}({', '.join(exercise.parameters)}):`, with a `return`."
    )


def _other_kind(found: Reading, exercise: Exercise, seen: Observation) -> str:
    module = isinstance(seen.value, Foreign) and seen.value.type_name.endswith("Loss")
    return (
        returned_nothing(found, seen.value)
        or loop(found)
        or _by_math(found, seen)
        or _wrapped(found, seen)
        or _one_of_several(found, len(exercise.quantities))
        or _typed_in(found)
        or (loss_module(found) if module else "")
    )


def _one_of_several(found: Reading, wanted: int) -> str:
    """`return a` and then `return b`; `torch.tensor([a, b])` for `a, b`."""
    returned = [node for node in found.returns() if node.value is not None]
    if wanted < 2 or not returned:
        return ""
    at_once = f"`return {', '.join(text_of(node.value, 30) for node in returned)}`"  # type: ignore[arg-type]
    body = found.function.body if found.function is not None else []
    if len(returned) == wanted and all(node in body for node in returned):
        return (
            f"A function ends at its first `return`, in line {returned[0].lineno}, and what comes "
            f"after is never run. Return all at once: {at_once}."
        )
    value = found.resolved(returned[-1].value)  # type: ignore[arg-type]
    match value:
        case ast.Call(args=[ast.List(elts=listed) | ast.Tuple(elts=listed)]) if len(
            listed
        ) == wanted and called(value).startswith("torch."):
            alone = ", ".join(text_of(each, 30) for each in listed)
            return (
                f"`{called(value)}` in line {value.lineno} makes one tensor of them: "
                f"`return {alone}`."
            )
    return ""


def _typed_in(found: Reading) -> str:
    """`return 2 * r, 1`: a number that stands there whatever the inputs are."""
    for node in found.returns():
        for entry in getattr(node.value, "elts", [node.value]):
            if isinstance(entry, ast.Constant) and type(entry.value) in (int, float):
                return (
                    f"Line {node.lineno} returns {entry.value!r} whatever the arguments are: "
                    "compute it from them."
                )
    return ""


def _by_math(found: Reading, seen: Observation) -> str:
    """`math.pow(…)`, whose result is a Python number."""
    for node in found.nodes if isinstance(seen.value, (int, float)) else ():
        if called(node).startswith(("math.", "np.", "numpy.")) and isinstance(node, ast.Call):
            return (
                f"`{called(node)}` in line {node.lineno} gives a plain number. Python's signs, as "
                "in `a ** 2`, and the functions of torch give tensors."
            )
    return ""


def _wrapped(found: Reading, seen: Observation) -> str:
    """Whether a tuple of one comes from `torch.autograd.grad` or from a comma."""
    if not (isinstance(seen.value, tuple) and len(seen.value) == 1):
        return ""
    for node in found.returns():
        if node.value is None:
            continue
        value = found.resolved(node.value)
        if called(value).split(".")[-1] == "grad":
            return (
                "`torch.autograd.grad` gives a tuple, with one gradient for each input: take its "
                "entry `[0]`."
            )
        if isinstance(value, ast.Tuple):
            return f"A comma after the value in line {value.lineno} makes a tuple of it."
    return ""


def _left_behind(found: Reading, kind: str, exercise: Exercise, seen: Observation) -> str:
    for name in exercise.parameters:
        if kind == "grad left" and name in leaves(found) and name not in _made(found):
            return (
                f"`{name}` is the caller's tensor. Begin with a leaf of your own, "
                f"`{name} = {name}.detach().clone().requires_grad_()`, and leave the rest as it is."
            )
        place = in_place(found, name) if kind == "changed" else None
        if place is not None and name not in exercise.may_change:
            copy = f"{name} = {name}.detach().clone()"
            copy += ".requires_grad_()" if name in leaves(found) else ""
            return (
                f"`{text_of(place)}` in line {place.lineno} works in place, on the caller's "
                f"tensor. Begin with a copy, `{copy}`, and leave the rest as it is."
            )
    return _changed_in_a_loop(found, exercise, seen) if kind == "changed" else ""


def _changed_in_a_loop(found: Reading, exercise: Exercise, seen: Observation) -> str:
    """`for p, g in zip(parameters, gradients): p -= lr * g`."""
    names = [name for i, name in enumerate(exercise.parameters) if i in seen.changed]
    changed = ", ".join(name for name in names if name not in exercise.may_change)
    copies = f"{changed} = {changed}.detach().clone()"
    if "," in changed:
        copies = f"{changed} = (t.detach().clone() for t in ({changed}))"
    for each in (node for node in found.nodes if isinstance(node, ast.For)):
        of_the_loop = {n.id for n in ast.walk(each.target) if isinstance(n, ast.Name)}
        for node in each.body:
            match node:
                case ast.AugAssign(target=ast.Name(id=name)) if name in of_the_loop and changed:
                    return (
                        f"`{text_of(node)}` in line {node.lineno} works in place, on the caller's "
                        f"tensors, which the loop goes through. Begin with copies, `{copies}`, and "
                        "leave the rest as it is."
                    )
    return ""


def _made(found: Reading) -> set[str]:
    return {name for name in leaves(found) if found.assigned(name)}
