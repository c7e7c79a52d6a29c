"""The text of a file that may hold a student's work, read as Python reads it."""

from __future__ import annotations

import ast
import codecs
import html
import io
import json
import re
import tokenize
from typing import Any

from checks.grader.running.intake import Unreadable

#: Beginnings of the names of codecs that make text of bytes and do nothing else.
CODECS = ("utf", "ascii", "latin", "iso8859", "cp", "koi8", "gb", "big5", "shift_jis", "euc", "mac")
MAGIC = re.compile(r"^(\s*)([%!?].*|.*\?\s*)$")
#: First lines of notebook cells that hold Python all the same.
TIMED = re.compile(r"%%(?:time|timeit|capture)\b.*\n?")
BLOCK = re.compile(r"(?i)<(?:br|/p|/div|/pre|/li)\s*/?>")
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEAD = re.compile(r"^(?:def|class)\s", re.MULTILINE)
#: What a file is that begins like this, whatever it is called.
KINDS = {
    b"%PDF": "a PDF",
    b"{\\rtf": "rich text (save it as plain text)",
    b"PK\x03\x04": "a zip file or an office document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"version https://git-lfs": "a pointer of Git LFS",
}
TAG = re.compile(r"<[^<>]{0,1000}>")


def text_of(path: str, data: bytes) -> str:
    """The Python text of a file: of a notebook its cells. Raises Unreadable."""
    name = path.casefold()
    kind = next((kind for magic, kind in KINDS.items() if data.startswith(magic)), "")
    if kind:
        raise Unreadable(f"is {kind} and not Python text.")
    text = decoded(data)
    is_json = text.lstrip("\ufeff \r\n\t").startswith("{")
    if ".ipynb" in name and (is_json or not HEAD.search(text)):
        return of_notebook(text)
    if is_json and '"nbformat"' in text:
        return of_notebook(text)
    if name.endswith(".md"):
        return "\n".join(FENCED.findall(text)) or text
    if name.endswith((".html", ".htm")):
        return html.unescape(TAG.sub("", BLOCK.sub("\n", text))).replace("\xa0", " ")
    return text


def decoded(data: bytes) -> str:
    """As Python decodes it: BOM, then the declaration of PEP 263, then UTF-8; else UTF-16."""
    wide = "utf-32" if data.startswith(codecs.BOM_UTF32_LE) else _wide(data)
    if wide:
        return _decode(data, wide)
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        name = codecs.lookup(declared).name.replace("-", "_").replace("utf_8_sig", "utf_8")
    except (SyntaxError, LookupError, ValueError):
        name, declared = "", ""
    if not name:
        return _decode(data, "utf-8-sig")
    if not name.replace("_", "").startswith(tuple(c.replace("_", "") for c in CODECS)):
        raise Unreadable(f"declares an encoding that is none of text: {declared}.")
    return _decode(data, declared)


def _wide(data: bytes) -> str:
    """The name of the encoding if it is UTF-16, with a mark or without one."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:400]
    half = len(head) // 2
    odd, even = head[1::2].count(0), head[::2].count(0)
    if half >= 4 and odd > 0.6 * half and even < 0.2 * half:
        return "utf-16-le"
    if half >= 4 and even > 0.6 * half and odd < 0.2 * half:
        return "utf-16-be"
    return ""


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        kind = "UTF-8" if encoding.startswith("utf-8") else encoding
        raise Unreadable(f"is not {kind} text (byte {error.start}). Save it as UTF-8.") from error


def of_notebook(text: str) -> str:
    """The code cells, without magics, and of what is not a definition only what these use.

    A notebook is a diary: what was tried out between the functions belongs to no lesson, and where
    it fails it would take the functions with it.
    """
    try:
        cells = [_without_magics(cell) for cell in _cells(text)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable("is not a notebook that can be read.") from error
    return definitions("\n\n".join(cell for cell in cells if cell.strip()) + "\n")


def _cells(text: str) -> list[str]:
    try:
        import nbformat
    except ImportError:
        notebook: Any = json.loads(text)
    else:
        try:
            notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        except Exception:  # whatever it raises: what Jupyter cannot open may still be read
            notebook = json.loads(text)
    sources = [c["source"] for c in notebook["cells"] if c["cell_type"] == "code"]
    return [s if isinstance(s, str) else "".join(s) for s in sources]


def _without_magics(cell: str) -> str:
    cell = TIMED.sub("", cell.lstrip("\n"), count=1) if cell.lstrip().startswith("%%") else cell
    if cell.lstrip().startswith("%%") or _tree(cell) is not None:
        return "" if cell.lstrip().startswith("%%") else cell
    lines = cell.split("\n")
    return "\n".join(MAGIC.sub(r"\1pass  # a magic", line) for line in lines)


def definitions(text: str, *, without: frozenset[int] = frozenset()) -> str:
    """Functions, classes, imports, and the assignments these use; the lines stay where they are.

    without   lines on which definitions begin that are to go as well
    A text that is no Python comes back as it is.
    """
    tree = _tree(text)
    if tree is None:
        return text
    kept, assigned = [], []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.lineno not in without:
                kept.append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if not _of_the_course(node):
                kept.append(node)  # type: ignore[arg-type]
        elif isinstance(node, ast.Try) and _is_guarded_import(node):
            kept.append(node)  # type: ignore[arg-type]
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            assigned.append(node)
    used = {name for node in kept for name in _names(node)}
    for assignment in reversed(assigned):
        if _names(assignment, ast.Store) & used:
            kept.append(assignment)  # type: ignore[arg-type]
            used |= _names(assignment)
    return _lines_of(text, kept)


def _is_guarded_import(node: ast.Try) -> bool:
    """`try: import torch`, as the lesson files begin."""
    return all(isinstance(part, (ast.Import, ast.ImportFrom)) for part in node.body)


def _lines_of(text: str, nodes: list[Any]) -> str:
    wanted: set[int] = set()
    for node in nodes:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        wanted.update(range(first, (node.end_lineno or first) + 1))
    lines = text.split("\n")
    return "\n".join(line if i in wanted else "" for i, line in enumerate(lines, 1)) + "\n"


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(node: ast.AST, context: type[ast.expr_context] = ast.Load) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def _of_the_course(node: ast.Import | ast.ImportFrom) -> bool:
    names = (
        [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    )
    return any(name.split(".")[0] == "checks" for name in names)
