"""Notebooks read as lesson files, and whatever else a notebook was turned into."""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import replace

from checks.grader.records.lesson_text import parsed
from checks.grader.records.verdict import LessonReport, Report

#: What stands above each piece of a notebook in the text that is graded.
HEAD = "# code cell {} of the notebook"
HEADS = re.compile(HEAD.format(r"(\d+)"))
MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|\w+[ \t]*=[ \t]*[%!].*|[\w.]+\?+[ \t]*)$", re.MULTILINE)
DEFINED = re.compile(r"^(?:def|class)[ \t]+(\w+)", re.MULTILINE)
#: A function in a cell that is no Python.
UNREADABLE = """\
def {}(*_, **__):
    raise SyntaxError("Python cannot read the cell that defines it")"""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
IMPORTS = (ast.Import, ast.ImportFrom)


def source_of(notebook: str) -> str:
    """The lesson file that a notebook holds. Raises ValueError for text that is no notebook."""
    try:
        whole = json.loads(notebook)
        # before nbformat 4 there were worksheets, and a cell had an input
        sheets = [whole] if "cells" in whole else whole["worksheets"]
        texts = [
            "".join(cell.get("source", cell.get("input", "")))
            for sheet in sheets
            for cell in sheet["cells"]
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError("is no notebook") from problem
    return source_of_cells(texts)


def source_of_cells(cells: Sequence[str]) -> str:
    """What of code cells belongs to a lesson, in order, as the text of a lesson file.

    A cell that is no Python keeps only itself out; its functions say so when they are called.
    """
    texts = [without_magics(cell) for cell in cells]
    trees = [parsed(text) for text in texts]
    cell_of = {
        statement: number
        for number, tree in enumerate(trees)
        for statement in (tree.body if tree else ())
    }
    kept = [
        (cell_of[statement], _segment(texts[cell_of[statement]], statement))
        for statement in lesson_part(list(cell_of))
    ]
    defined = {getattr(statement, "name", "") for statement in cell_of}
    for number, text in enumerate(texts):
        names = dict.fromkeys(DEFINED.findall(text)) if trees[number] is None else {}
        kept += [(number, UNREADABLE.format(name)) for name in names if name not in defined]
    return "\n\n\n".join(f"{HEAD.format(cell + 1)}\n{piece}" for cell, piece in kept) + "\n"


def told_by_cells(report: Report, sources: Iterable[str | None]) -> Report:
    """The report on texts of which some are made of cells: there with cells in place of lines,
    which nobody could find.
    """
    told = [
        _by_cell(lesson, source or "")
        for lesson, source in zip(report.lessons, sources, strict=True)
    ]
    return replace(report, lessons=tuple(told))


def _by_cell(lesson: LessonReport, source: str) -> LessonReport:
    if not HEADS.search(source):
        return lesson

    def cell(found: re.Match[str]) -> str:
        above = "\n".join(source.splitlines()[: int(found[1])])
        heads: list[str] = HEADS.findall(above)
        return f"code cell {heads[-1]}" if heads else found[0]

    verdicts = [
        replace(verdict, message=re.sub(r"\bline (\d+)\b", cell, verdict.message), line=None)
        for verdict in lesson.verdicts
    ]
    return replace(lesson, verdicts=tuple(verdicts))


def without_magics(text: str) -> str:
    """Python as a notebook has it without what is the notebook's: %time, !pip, a question mark."""
    if text.lstrip().startswith("%%"):
        text = text.lstrip().partition("\n")[2]
    return MAGIC.sub(r"\1pass", text) if MAGIC.search(text) and not parsed(text) else text


def lesson_part(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Functions, classes, imports, and the assignments that these use.

    What only tries something out (a call, a print, a training that takes an hour) is left out, and
    so are the imports that a notebook needs to be one.
    """
    kept = {statement for statement in statements if _defines(statement)}
    used = _globals_used([statement for statement in statements if statement in kept])
    for statement in reversed(statements):
        if isinstance(statement, ASSIGNMENTS) and _names(statement, ast.Store) & used:
            kept.add(statement)
            used |= _names(statement, ast.Load)
    return [statement for statement in statements if statement in kept]


def _defines(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Try):  # `try: import torch`, as the lesson files begin
        return all(isinstance(part, IMPORTS) for part in statement.body)
    if isinstance(statement, ast.ImportFrom):
        modules = [statement.module or ""]
    elif isinstance(statement, ast.Import):
        modules = [alias.name for alias in statement.names]
    else:
        return isinstance(statement, DEFINITIONS)
    return not {module.partition(".")[0] for module in modules} & {"checks", "IPython", "google"}


def _globals_used(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that functions and classes take from around them."""
    try:
        top = symtable.symtable("\n".join(map(ast.unparse, statements)), "lesson", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it can be read, and not run
        return {name for statement in statements for name in _names(statement, ast.Load)}
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return used


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def _segment(text: str, statement: ast.stmt) -> str:
    """A statement as it was written, with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    if not decorators:
        return ast.get_source_segment(text, statement) or ""
    return "\n".join(text.splitlines()[decorators[0].lineno - 1 : statement.end_lineno])
