"""What the tests share."""

from __future__ import annotations

import signal

import pytest

from checks.grader.running.server import Server
from checks.tests.classes import server_of_all

#: These wait for time limits, saves and signals while others compute.
WAITING = {f"checks.tests.test_{name}" for name in ("machine", "sandbox", "statuses", "watch")}


def pytest_configure() -> None:
    """What is started in the background, as by nohup, ignores Ctrl-C, and so would all that the
    tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait come first: pytest-xdist gives them to one process, beside which the others
    have the cores, and no long wait is left to the end."""
    items.sort(key=lambda item: getattr(item, "module", pytest).__name__ not in WAITING)


@pytest.fixture(scope="session")
def server() -> Server:
    """One server for all tests."""
    return server_of_all()
