"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.grader.running.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests, in a process of its own: pytest may have threads by now."""
    with Server("exec") as running:
        yield running
