"""Hostile submissions: what a student's file may try, and what the judge has to say about it.

Each *.txt holds programs, each of which begins with a line

    # --- what it does | STATUS | MESSAGE [| always]

STATUS (one, or several with | as in a regular expression) is that of the exercise `forward`, and
MESSAGE a regular expression that its message has to match, so that a program which fails for
another reason than the one it is here for is noticed. `always` marks what has to be withstood
without a sandbox, too. The program is added to a lesson whose functions are all wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HEADER = re.compile(r"^# --- (?P<fields>.+)$", re.MULTILINE)
STEM = "lesson1_linear"

WRONG = """
import gc
import socket

def channel():
    return next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0)

def _zero(*arguments):
    return arguments[0] * 0

forward = loss = multiply_backward = grad_by_hand = grad_by_autograd = train = _zero
"""


@dataclass(frozen=True)
class Attack:
    """One hostile program. `status` and `message` are regular expressions."""

    name: str
    status: str
    message: str
    always: bool
    code: str

    def __str__(self) -> str:
        return self.name.replace(" ", "-")

    def source(self, places: Mapping[str, str]) -> str:
        """The lesson file; @NAME@ in the program stands for a place."""
        code = self.code
        for name, place in places.items():
            code = code.replace(f"@{name}@", place)
        return WRONG + code


def attacks() -> list[Attack]:
    """All of them."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        heads = list(HEADER.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            name, *fields = re.split(r"\s+\|(?:\s+|$)", head["fields"])
            status, message, always = (*fields, "", "", "")[:3]
            code = text[head.end() : end]
            found.append(Attack(name.strip(), status, message, always.strip() == "always", code))
    return found
