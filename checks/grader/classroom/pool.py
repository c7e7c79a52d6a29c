"""Where the work of a class is done: processes of this machine, or of a Dask cluster.

Both are a concurrent.futures.Executor, so whoever hands out the work cannot tell them apart.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from checks.grader.records.misuse import Misuse


@dataclass
class Pool:
    """An executor and how many tasks it is good to have under way."""

    executor: Executor
    width: int
    start: Callable[[], Executor]

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a task. A pool that lost a process is replaced by a new one."""
        try:
            return self.executor.submit(function, *arguments)
        except BrokenProcessPool:
            self.executor.shutdown(wait=False)
            self.executor = self.start()
            return self.executor.submit(function, *arguments)


@contextmanager
def processes(jobs: int) -> Iterator[Pool]:
    """A pool of `jobs` processes on this machine."""
    method = multiprocessing.get_context("spawn")

    def start() -> Executor:
        return ProcessPoolExecutor(jobs, mp_context=method, initializer=_live_with_the_parent)

    pool = Pool(start(), 2 * jobs, start)
    try:
        yield pool
    except BaseException:
        pool.executor.shutdown(wait=False, cancel_futures=True)
        raise
    pool.executor.shutdown()


@contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """The workers of a running Dask scheduler. Raises Misuse if there is none at the address."""
    try:
        from distributed import Client
    except ImportError as error:
        raise Misuse("--scheduler needs Dask: pip install -e '.[cluster]'") from error
    try:
        client = Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise Misuse(f"there is no Dask scheduler at {address}") from error
    with client:
        threads = sum(client.ncores().values())

        def start() -> Executor:
            executor: Executor = client.get_executor(pure=False, retries=3)
            return executor

        yield Pool(start(), 2 * max(1, threads), start)


def _live_with_the_parent() -> None:
    """Ctrl-C is for the parent; and when the parent dies, however it dies, so does this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
