"""What the text adds to an exception: what in the line is not what it was taken for. Pure."""

from __future__ import annotations

import ast
import re

import torch

from checks.grader.grading.names import unknown_name
from checks.grader.grading.reading import Reading, bound, called, leaves, text_of
from checks.grader.grading.without_gradient import no_graph, none_used
from checks.grader.language.lesson import Exercise
from checks.grader.records.observation import Observation


def raised(found: Reading, exercise: Exercise, seen: Observation) -> str:
    message, line = seen.message, seen.line
    if "is not iterable" in message or "optimizer" in message or "SGD" in message:
        return _optimiser_of(found)
    if message.endswith("object is not callable"):
        return _value_called(found, line)
    if "`self." in message:
        return _misnamed_init(found) or _kept_elsewhere(found, message)
    if "values to unpack" in message or "0-d tensor" in message:
        return _unzipped(found) or _added_to_list(found, line)
    misnamed = _misnamed_init(found)
    if misnamed:
        return misnamed
    if "does not require grad" in message or "can't retain_grad" in message:
        return no_graph(found, exercise)
    if "in-place operation" in message and _zeroed_itself(found):
        return _zeroed_itself(found)
    if "NoneType" in message:
        return none_used(found, line)
    if seen.error_type in ("NameError", "UnboundLocalError", "AttributeError"):
        return unknown_name(found, seen)
    if seen.error_type == "RecursionError":
        return _calls_itself(found)
    if seen.error_type == "TypeError":
        return _wrong_call(found, exercise, seen) or loss_module(found)
    return loss_module(found) if "Boolean value of Tensor" in message else ""


def _unzipped(found: Reading) -> str:
    """`for x, y in xs, ys:`, which takes xs apart first."""
    for node in found.nodes:
        if isinstance(node, ast.For) and isinstance(node.iter, (ast.Tuple, ast.List)):
            names = ", ".join(map(text_of, node.iter.elts))
            return (
                f"The loop in line {node.lineno} takes `{text_of(node.iter.elts[0])}` as a whole "
                f"first: `zip({names})` gives their entries side by side."
            )
    return ""


def _added_to_list(found: Reading, line: int | None) -> str:
    """`losses += l`, which takes l for a list."""
    for node in found.nodes:
        match node:
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add()) if node.lineno == line:
                if any(isinstance(value, ast.List) for _, value in found.assigned(name)):
                    return f"`{name}` is a list: `{name}.append({text_of(node.value)})` adds one."
    return ""


def _misnamed_init(found: Reading) -> str:
    for node in ast.walk(found.definitions[found.name]):
        if isinstance(node, ast.FunctionDef) and node.name in ("_init_", "init", "__int__"):
            return (
                f"`{node.name}` in line {node.lineno} is not what Python calls when an object is "
                "made: that is `__init__`, with two underscores on each side."
            )
    return ""


def _value_called(found: Reading, line: int | None) -> str:
    """`leaf.grad()`, `w1(x)`: brackets behind something that is no function."""
    for node in found.nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=name), lineno=here) if (
                here == line and not callable(getattr(torch.Tensor, name, len))
            ):
                return f"`{text_of(node.func)}` is a value, not a method: leave out the brackets."
            case ast.Call(func=ast.Name(id=name), args=[factor], lineno=here) if (
                here == line and name in bound(found.function)  # type: ignore[arg-type]
            ):
                taken = [n for n, value in found.assigned(name) if called(value) == name]
                if taken:
                    return (
                        f"Line {taken[0]} gives the name `{name}` to a value, and from there on it "
                        "is no function: give the value another name."
                    )
                inner = text_of(factor)
                inner = inner if isinstance(factor, ast.Name) else f"({inner})"
                return f"`{text_of(node)}` is a call. A product needs its sign: `{name} * {inner}`."
    return ""


def _kept_elsewhere(found: Reading, message: str) -> str:
    """A layer that was given another name, or one that ends with `__init__`."""
    wanted = message.split("`")[1].removeprefix("self.")
    for node in ast.walk(found.definitions[found.name]):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if called(
                made
            ).endswith("Linear"):
                return (
                    f"`{name}` in line {node.lineno} is a name of `__init__` alone: write "
                    f"`self.{wanted} = …`."
                )
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.Call() as made) if (
                called(made).endswith("Linear") and target.attr != wanted
            ):
                return (
                    f"Line {node.lineno} keeps the layer as `{text_of(target)}`: call it "
                    f"`self.{wanted}`, in `forward` too."
                )
    return ""


def _optimiser_of(found: Reading) -> str:
    """`SGD(model, …)`: the model in place of its parameters; `SGD(w, b, …)`: no list."""
    for node in found.nodes:
        if isinstance(node, ast.Call) and called(node).split(".")[-1] in ("SGD", "Adam"):
            given = node.args[0] if node.args else None
            names = [text_of(arg) for arg in node.args if isinstance(arg, ast.Name)]
            if names and set(names) <= set(leaves(found)):
                return (
                    f"`{called(node)}` is given what it moves as one list: `[{', '.join(names)}]`."
                )
            if isinstance(given, ast.Name) and given.id in found.parameters:
                return (
                    f"`{called(node)}` is given what it moves: `{given.id}.parameters()`, with "
                    "its brackets."
                )
    return ""


def _zeroed_itself(found: Reading) -> str:
    """`leaf.zero_()` for `leaf.grad.zero_()`."""
    for call in found.calls("zero_"):
        target = call.func.value  # type: ignore[attr-defined]
        if isinstance(target, ast.Name):
            return (
                f"`{text_of(call)}` in line {call.lineno} sets the tensor itself to zero. Its "
                f"gradient is zeroed by `{target.id}.grad.zero_()`."
            )
    return ""


def _calls_itself(found: Reading) -> str:
    for node in found.nodes:
        if called(node) == found.name:
            return (
                f"Line {node.lineno} calls `{found.name}` inside `{found.name}` itself, and that "  # type: ignore[attr-defined]
                "never ends: did you mean another function?"
            )
    return ""


def _wrong_call(found: Reading, exercise: Exercise, seen: Observation) -> str:
    """A function that is called with other arguments than it takes."""
    if re.search(r"positional argument|unexpected keyword", seen.message) is None:
        return _uncalled(found, seen)
    name = seen.message.split("(")[0].split(".")[-1]
    if name == exercise.name and seen.line is None:
        wanted = ", ".join(exercise.parameters)
        return (
            f"The course calls it with ({wanted}); yours takes ({', '.join(found.parameters)}). "
            f"Its first line has to stay as it was: `def {name}({wanted}):`."
        )
    if name == "__init__" and seen.line is None:
        return "The course builds it without arguments: `def __init__(self):`."
    definition = found.definitions.get(name)
    if isinstance(definition, ast.FunctionDef):
        takes = ", ".join(arg.arg for arg in definition.args.args)
        calls = [node for node in found.nodes if called(node) == name]
        written = f"`{text_of(calls[0])}`: " if calls else ""
        return f"{written}`{name}` takes ({takes}), in this order."
    return ""


def _uncalled(found: Reading, seen: Observation) -> str:
    for node in found.nodes:
        if not isinstance(node, (ast.BinOp, ast.UnaryOp)) or node.lineno != seen.line:
            continue
        for side in (getattr(node, "left", None), getattr(node, "right", None)):
            is_function = isinstance(side, ast.Name) and side.id in found.definitions
            if is_function and "'function'" in seen.message:
                takes = Reading(side.id, found.tree).parameters  # type: ignore[union-attr]
                return (
                    f"`{text_of(side)}` is the function itself. Call it: "  # type: ignore[arg-type]
                    f"`{text_of(side)}({', '.join(takes)})`."  # type: ignore[arg-type]
                )
            value = found.resolved(side) if isinstance(side, ast.expr) else None
            several = "'tuple'" in seen.message and value is not None
            if several and called(value) in found.definitions:  # type: ignore[arg-type]
                return _returns_several(found, called(value))  # type: ignore[arg-type]
    return ""


def _returns_several(found: Reading, name: str) -> str:
    for node in Reading(name, found.tree).returns():
        if isinstance(node.value, ast.Tuple):
            names = ", ".join(chr(ord("a") + i) for i in range(len(node.value.elts)))
            return (
                f"`{name}` returns {len(node.value.elts)} values: unpack them first, "
                f"`{names} = {name}(…)`."
            )
    return ""


def loss_module(found: Reading) -> str:
    """`nn.MSELoss(prediction, y)`: the module is made with what it should be called with."""
    for node in found.nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = called(node).split(".")[-1]
        if name in ("Sigmoid", "Tanh", "ReLU", "Softmax"):
            return (
                f"`{called(node)}(…)` in line {node.lineno} makes a layer and does not apply it. "
                f"Two brackets: `{called(node)}()(z)`; or the function, `torch.{name.lower()}(z)`."
            )
        if name.endswith("Loss") and name[0].isupper():
            return (
                f"`{called(node)}(…)` in line {node.lineno} makes a loss function and does not "
                f"compute one. Two brackets: `{called(node)}()(prediction, target)`."
            )
    return ""
