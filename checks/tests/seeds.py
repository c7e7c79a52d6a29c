"""Seeds that a test runs through: a few at every change, all of them in `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from checks.grader.records.verdict import Settings


def few_or_all_seeds(count: int, few: int = 1) -> pytest.MarkDecorator:
    """Parametrizes a test with `seeds`: the first few, and, marked slow, the others."""
    others = pytest.param(range(few, count), marks=pytest.mark.slow, id="other-seeds")
    return pytest.mark.parametrize("seeds", [pytest.param(range(few), id="seeds"), others])


def both_dtypes(seeds: Iterable[int]) -> Iterator[Settings]:
    """Every seed in float32 and in float64."""
    for seed in seeds:
        yield Settings(dtype="float32", seed=seed)
        yield Settings(dtype="float64", seed=seed)
