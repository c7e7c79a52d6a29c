"""Notebooks as text: a lesson file becomes one, and one becomes a lesson file.

A notebook is the JSON of nbformat 4.5, so nothing has to be installed to write or read it.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from checks.grader.records.lesson_text import Piece, parsed, pieces_of
from checks.grader.records.verdict import LessonReport

SETUP = """\
# The course lies in this notebook's folder or above it. Elsewhere, on Colab say, upload its wheel
# (backprop_exercises-….whl) beside this notebook first.
import sys
from importlib.util import find_spec
from pathlib import Path

here = Path.cwd()
sys.path += [str(up) for up in (here, *here.parents) if (up / "checks" / "grader").is_dir()]
if find_spec("checks") is None:
    %pip install --quiet backprop_exercises*.whl

from checks import check, pictures, program"""


def notebook_of(stem: str, source: str, exercises: Collection[str]) -> str:
    """The lesson file as a notebook: its text, a cell per function, a check after each exercise,
    pictures.

    Raises SyntaxError.
    """
    text, pieces = pieces_of(source)
    lesson = stem.partition("_")[0].removeprefix("lesson")
    cells = [*_text_cells(text), _code(SETUP), _code(_imports(pieces))]
    for piece in pieces:
        if piece.name:
            cells.append(_code(piece.text))
        if piece.name in exercises:
            cells.append(_code(f'check("{lesson}.{piece.name}", {piece.name})'))
    cells += [
        _text("Everything at once, as this notebook has it:"),
        _code(f"check({lesson}, globals())"),
        _text("The lesson's program, with your functions:"),
        _code(f"program({lesson}, globals())"),
        _text("And what your functions look like:"),
        _code(f"pictures({lesson}, globals())"),
    ]
    numbered = [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {
        "cells": numbered,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def source_of(notebook: str) -> str:
    """The lesson file that a notebook holds. Raises ValueError for text that is no notebook."""
    try:
        whole = json.loads(notebook)
        # nbformat 3 had worksheets
        cells = whole["cells"] if "cells" in whole else whole["worksheets"][0]["cells"]
        texts = [
            _joined(cell.get("source", cell.get("input", "")))
            for cell in cells
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as problem:
        raise ValueError("is no notebook") from problem
    return source_of_cells(texts)


def source_of_cells(cells: Sequence[str]) -> str:
    """The definitions of code cells, in order, as the text of a lesson file.

    Kept are imports, functions, classes and the names that these use; what only tries something
    out (a call, a print, a training that takes an hour) is not run when the file is graded. A cell
    that is no Python keeps only itself out.
    """
    texts = list(map(_without_magics, cells))
    found = [
        (number, statement, text)
        for number, text in enumerate(texts, start=1)
        if (tree := parsed(text)) is not None
        for statement in tree.body
    ]
    needed = _globals_used([statement for _, statement, _ in found])
    kept = [
        f"# cell {number}\n{_segment(text, statement)}"
        for number, statement, text in found
        if _defines(statement) or needed & set(_bound(statement))
    ]
    return "\n\n\n".join(kept) + "\n"


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def told_by_cell(lesson: LessonReport, source: str) -> LessonReport:
    """The report on a notebook's text, with cells in place of lines, which nobody could find."""

    def cell(found: re.Match[str]) -> str:
        above = source.splitlines()[: int(found[1])]
        heads = [line for line in above if line.startswith("# cell ")]
        return f"code {heads[-1].removeprefix('# ')}" if heads else found[0]

    verdicts = [
        replace(verdict, message=re.sub(r"\bline (\d+)\b", cell, verdict.message), line=None)
        for verdict in lesson.verdicts
    ]
    return replace(lesson, verdicts=tuple(verdicts))


def _defines(statement: ast.stmt) -> bool:
    """Whether a statement belongs to the lesson: not what a notebook needs to be one."""
    if isinstance(statement, ast.Import):
        roots = {alias.name.partition(".")[0] for alias in statement.names}
    elif isinstance(statement, ast.ImportFrom):
        roots = {(statement.module or "").partition(".")[0]}
    elif isinstance(statement, ast.Try):  # `try: import torch`, as the lesson files begin
        return all(isinstance(part, (ast.Import, ast.ImportFrom)) for part in statement.body)
    else:
        return isinstance(statement, _DEFINITIONS)
    return not roots & {"checks", "IPython", "google"}


def _segment(text: str, statement: ast.stmt) -> str:
    """A statement as it was written, with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    if not decorators:
        return ast.get_source_segment(text, statement) or ""
    return "\n".join(text.splitlines()[decorators[0].lineno - 1 : statement.end_lineno])


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that an assignment gives a value."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _globals_used(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that functions and classes take from around them."""
    definitions = [s for s in statements if isinstance(s, _DEFINITIONS)]
    text = "\n".join(map(ast.unparse, definitions))
    tables = list(symtable.symtable(text, "notebook", "exec").get_children())
    used: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return used


def _without_magics(cell: str) -> str:
    """A cell without what is IPython and not Python: %time, !pip, a question mark at the end."""
    lines = cell.splitlines()
    if lines and lines[0].startswith("%%"):
        lines = lines[1:]
    return "\n".join(
        re.sub(r"\S.*", "pass", line) if re.match(r"\s*[%!?]|.*\w\?+$", line) else line
        for line in lines
    )


def _imports(pieces: Sequence[Piece]) -> str:
    """The imports of a lesson file, without what only its program needs."""
    tree = ast.parse("\n".join(piece.text for piece in pieces if not piece.name))
    statements = [
        s for node in tree.body for s in (node.body if isinstance(node, ast.Try) else [node])
    ]
    texts = [ast.unparse(statement) for statement in statements]
    return "\n".join(
        text for text in texts if text not in ("import sys", "from pathlib import Path")
    )


def _text_cells(text: str) -> list[dict[str, Any]]:
    """A docstring as Markdown: its first line is the title; drawings and tables stay."""
    title, _, rest = text.partition("\n")
    paragraphs = [p for p in rest.strip("\n").split("\n\n") if not p.startswith("Run this file")]
    spaced = re.sub(r"(?m)^(\S.*)\n(?= {4})", r"\1\n\n", "\n\n".join(paragraphs))
    return [_text(f"# {title}\n\n{spaced}")]


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)
