"""Names of files and words of students as text for people: anywhere, and in a spreadsheet."""

from __future__ import annotations

import os
import re
import unicodedata

#: What begins a formula: at the start of a cell, or where another separator of cells may begin one.
FORMULA = re.compile(r"(^|[;\t\r\n|])([\s\ufeff]*)(?=[=+\-@＝＋－＠﹢﹣﹦﹫])")


def shown(name: str) -> str:
    """A file name as text for people: one Unicode form, nothing that steers a terminal."""
    name = os.fsencode(name).decode("utf-8", "replace")
    name = unicodedata.normalize("NFC", name)
    return "".join("�" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in name)


def cell(text: str) -> str:
    """Text that a spreadsheet takes for text: nothing that steers a terminal, no formula."""
    return FORMULA.sub(r"\1\2'", shown(FORMULA.sub(r"\1\2'", text)))


def cell_again(text: str) -> str:
    """The cell that was written, after a spreadsheet may have taken its apostrophe."""
    return cell(text.removeprefix("'"))
