"""A lesson file as a notebook: the JSON of nbformat 4.5, which needs nothing installed."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from checks.grader.records.lesson_text import Piece, pieces_of

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
