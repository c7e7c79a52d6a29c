"""What diagnosis works on: cases with what was right and what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from checks.grader.language.truth import Truth
from checks.grader.records.observation import Observation


@dataclass(frozen=True)
class Evidence:
    """One case: what was right, what was seen."""

    truth: Truth
    seen: Observation


@dataclass(frozen=True)
class Prefix:
    """A smaller call of a failed training: what it covers, what was right, what was seen."""

    covers: str
    truth: Truth
    seen: Observation
