"""The ideas of mistakes in a few words, for lists of them."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@lru_cache(maxsize=1)
def labels() -> dict[str, str]:
    """Id -> label, of every mistake that a lesson of the course declares."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return found


def label_of(id: str, times: int = 1) -> str:
    """The label of a mistake, and how often it was met if that was more than once."""
    said = labels().get(id, id.replace("_", " "))
    return said if times < 2 else f"{said} ({times} times)"
