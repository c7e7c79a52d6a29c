"""What the text of a lesson file says, without running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

#: The paragraph of a lesson's text that says what it is for.
GOAL = "After this lesson you can "


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, None where there is none."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def goal_of(source: str | None) -> str:
    """What somebody can do after the lesson, as its text says; "" if it does not."""
    tree = parsed(source or "")
    text = (ast.get_docstring(tree) if tree else "") or ""
    goals = [" ".join(p.split()) for p in text.split("\n\n") if p.startswith(GOAL)]
    return goals[0].removeprefix(GOAL) if goals else ""


def docstring_of(source: str | None, name: str) -> str:
    """The docstring of a function or class of the file; "" if there is none."""
    tree = parsed(source or "")
    for node in tree.body if tree else ():
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return ast.get_docstring(node) or ""
    return ""


@dataclass(frozen=True)
class Piece:
    """One stretch of a lesson file: the name that it defines, "" for none, and its text."""

    name: str
    text: str


def pieces_of(source: str) -> tuple[str, Sequence[Piece]]:
    """The text at the top of a lesson file, and its definitions and imports in order.

    Comments above a definition belong to it. What runs the file as a program is left out.
    Raises SyntaxError.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    pieces: list[Piece] = []
    end = 0
    for node in tree.body:
        start, end = end, node.end_lineno or node.lineno
        if _is_text(node) or _is_program(node):
            continue
        text = "\n".join(lines[start:end]).strip("\n")
        pieces.append(Piece(getattr(node, "name", ""), text))
    return ast.get_docstring(tree) or "", pieces


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
