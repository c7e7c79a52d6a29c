"""By hand or by autograd: what the text of a function says. Reads the syntax tree, runs nothing.

It follows calls to functions and classes of the same file. It cannot see what is hidden behind
`getattr`, `exec` or another file; the worker's watch sees those at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from checks.grader.grading.reading import parsed
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import parts
from checks.grader.records.observation import Array, Observation

#: Parts of torch that differentiate, and the names in them that do not.
AUTOGRAD = ("torch.autograd", "torch.func", "functorch")
#: Parts of a dotted name that are read: a student's has five.
PARTS = 32
OWN_ENGINE = "Here the gradients are to come from the engine in your file, and from it alone."
HARMLESS = ("no_grad", "inference_mode", "set_grad_enabled", "functional_call", "vmap", "Variable")


def autograd_in(source: str, function: str) -> str | None:
    """The first use of autograd that `function` can reach, as the student wrote it, or None."""
    outline = _outlined(source)
    if outline is None:
        return None
    definitions, aliases, own_backward = outline
    for name in _reachable(function, definitions):
        for node in ast.walk(definitions[name]):
            if _uses_autograd(node, aliases) and not (own_backward and _calls_backward(node)):
                return f"`{_written(node)[:60]}` in line {getattr(node, 'lineno', '?')}"
    return None


def _written(node: ast.AST) -> str:
    """A piece of the tree as text; its type where it is too deep, or holds too long a number."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return f"a long {type(node).__name__.lower()}"


def other_method(source: str | None, exercise: Exercise, seen: Sequence[Observation]) -> str:
    """What shows that an exercise was not done by the method asked for; empty if nothing does."""
    if exercise.method == "by_engine":
        found = autograd_in(source or "", exercise.name)
        if found:
            return f"{found} is how PyTorch is asked for gradients. {OWN_ENGINE}"
        if any(answer.autograd for answer in seen):
            return f"PyTorch's autograd ran during the call. {OWN_ENGINE}"
    if exercise.method == "by_hand":
        found = autograd_in(source or "", exercise.name)
        if found:
            return (
                f"{found} belongs to autograd, and here the chain rule is to be written out in "
                "tensor arithmetic, without it."
            )
        if any(answer.autograd for answer in seen):
            return (
                "PyTorch's autograd ran during the call. Write the chain rule out in tensor "
                "arithmetic here."
            )
    answered = [answer for answer in seen if answer.outcome == "value"]
    unrun = exercise.method == "by_autograd" and answered and not answered[0].autograd
    if unrun and _holds_a_tensor(answered[0].value):
        return (
            "autograd never ran: this looks like a formula typed in. Let PyTorch find the "
            "gradient: a leaf that requires grad, forward, then `.backward()` or "
            "`torch.autograd.grad`."
        )
    return ""


def _holds_a_tensor(value: Any) -> bool:
    return any(isinstance(part, Array) for part in parts(value))


@lru_cache(maxsize=8)
def _outlined(source: str) -> tuple[dict[str, ast.stmt], dict[str, str], bool] | None:
    """Functions and classes, aliases, and whether a class has a backward of its own."""
    tree = parsed(source)
    if tree is None:
        return None
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    definitions: dict[str, ast.stmt] = {
        node.name: node for node in tree.body if isinstance(node, functions)
    }
    own_backward = any(
        isinstance(node, ast.FunctionDef) and node.name == "backward"
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef)
        for node in kind.body
    )
    return definitions, dict(_aliases(tree)), own_backward


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Imported name -> dotted name in torch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _reachable(start: str, definitions: Mapping[str, ast.stmt]) -> list[str]:
    found: dict[str, None] = {}  # in the order they are found
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in found:
            found[name] = None
            waiting += [n.id for n in ast.walk(definitions[name]) if isinstance(n, ast.Name)]
    return list(found)


def _uses_autograd(node: ast.AST, aliases: dict[str, str]) -> bool:
    match node:
        case ast.keyword(arg="requires_grad", value=value):
            return not _is_false(value)
        case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=args):
            return not (args and _is_false(args[0]))
        case ast.Assign(targets=[ast.Attribute(attr="requires_grad")], value=value):
            return not _is_false(value)
        case ast.Call() if _calls_backward(node):
            return True
        case ast.Attribute() | ast.Name():
            dotted = _dotted(node, aliases)
            inside = any(dotted.startswith(f"{module}.") for module in AUTOGRAD)
            return dotted == "torch.enable_grad" or (inside and not dotted.endswith(HARMLESS))
    return False


def _calls_backward(node: ast.AST) -> bool:
    """`.backward(…)`: autograd's, unless the file has a class with a backward of its own."""
    match node:
        case ast.Call(func=ast.Attribute(attr="backward")):
            return True
    return False


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < PARTS:
        names.append(node.attr)
        node = node.value
    first = aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""
    return ".".join([first, *reversed(names)])
