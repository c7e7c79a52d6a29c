"""The text of a file that may hold a student's work, read as Python reads it."""

from __future__ import annotations

import codecs
import html
import io
import re
import tokenize

from checks.grader.records.cells import (
    lesson_part,
    source_of,
    source_of_cells,
    without_magics,
)
from checks.grader.records.lesson_text import parsed
from checks.grader.running.intake import Unreadable

#: Beginnings of the names of codecs that make text of bytes and do nothing else.
CODECS = ("utf", "ascii", "latin", "iso8859", "cp", "koi8", "gb", "big5", "shift_jis", "euc", "mac")
BLOCK = re.compile(r"(?i)<(?:br|/p|/div|/pre|/li)\s*/?>")
PREFORMATTED = re.compile(r"(?is)<pre\b[^>]*>(.*?)</pre>")
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
    text = re.sub(r"\r\n?", "\n", decoded(data))
    is_json = text.lstrip("\ufeff \n\t").startswith("{")
    if (
        is_json
        and ('"nbformat"' in text or ".ipynb" in name)
        or (".ipynb" in name and not HEAD.search(text))
    ):
        return _of_notebook(text)
    if name.endswith(".md"):
        return "\n".join(FENCED.findall(text)) or text
    if name.endswith((".html", ".htm")):
        return _of_page(text)
    plain = without_magics(text)
    exported = "get_ipython()" in text or (plain != text and parsed(plain))
    return definitions(plain) if exported else text


def _of_notebook(text: str) -> str:
    try:
        return source_of(text)
    except ValueError as error:
        raise Unreadable("is not a notebook that can be read.") from error


def _of_page(page: str) -> str:
    """What was typed into a form; of a notebook that was saved as a page its cells."""
    text = _shown(page)
    cells = [_shown(cell) for cell in PREFORMATTED.findall(page)]
    return source_of_cells(cells) if cells and parsed(text) is None else text


def _shown(page: str) -> str:
    return html.unescape(TAG.sub("", BLOCK.sub("\n", page))).replace("\xa0", " ")


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


def definitions(text: str, *, without: frozenset[int] = frozenset()) -> str:
    """What of a text belongs to a lesson; the lines stay where they are.

    without   lines on which definitions begin that are to go as well
    A text that is no Python comes back as it is.
    """
    tree = parsed(text)
    if tree is None:
        return text
    wanted: set[int] = set()
    for node in lesson_part([node for node in tree.body if node.lineno not in without]):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        wanted.update(range(first, (node.end_lineno or first) + 1))
    lines = text.split("\n")
    return "\n".join(line if i in wanted else "" for i, line in enumerate(lines, 1)) + "\n"
