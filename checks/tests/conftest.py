"""What the tests share."""

from __future__ import annotations

import pytest

from checks.grader.running.server import Server
from checks.tests.classes import server_of_all


@pytest.fixture(scope="session")
def server() -> Server:
    """One server for all tests."""
    return server_of_all()
