"""By hand or by autograd: what the text of a function says. Reads the syntax tree, runs nothing.

It follows calls to functions and classes of the same file. It cannot see what is hidden behind
`getattr`, `exec` or another file; the worker's watch sees those at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

#: Parts of torch that differentiate, and the names in them that do not.
AUTOGRAD = ("torch.autograd", "torch.func", "functorch")
HARMLESS = ("no_grad", "inference_mode", "set_grad_enabled", "functional_call", "vmap")


def autograd_in(source: str, function: str) -> str | None:
    """The first use of autograd that `function` can reach, as the student wrote it, or None."""
    outline = _outlined(source)
    if outline is None:
        return None
    definitions, aliases, own_backward = outline
    for name in _reachable(function, definitions):
        for node in ast.walk(definitions[name]):
            if _uses_autograd(node, aliases) and not (own_backward and _calls_backward(node)):
                return f"`{ast.unparse(node)[:60]}` in line {getattr(node, 'lineno', '?')}"
    return None


def line_of(source: str | None, name: str) -> int | None:
    """The line where a student works on a function: its TODO if it is there, or its first."""
    tree = _parsed(source) if source is not None else None
    if source is None or tree is None:
        return None
    lines = source.splitlines()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                if "# TODO" in lines[number - 1]:
                    return number
            return node.lineno
    return None


@lru_cache(maxsize=8)  # each exercise of a lesson asks about the same file
def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=8)
def _outlined(source: str) -> tuple[dict[str, ast.stmt], dict[str, str], bool] | None:
    """Functions and classes, aliases, and whether a class has a backward of its own."""
    tree = _parsed(source)
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
    found: list[str] = []
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in found:
            found.append(name)
            waiting += [n.id for n in ast.walk(definitions[name]) if isinstance(n, ast.Name)]
    return found


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
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, aliases)}.{node.attr}"
    return ""
