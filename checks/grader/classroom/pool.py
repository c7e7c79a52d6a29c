"""Where the work of a class is done: processes of this machine, or of a Dask cluster.

Both are a concurrent.futures.Executor, so whoever hands out the work cannot tell them apart.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from checks.grader.records.misuse import Misuse

JOINING, READY = 20.0, 180.0  # seconds for a first worker to be there, for workers to be ready
MEMORY = 2 << 30  # bytes of its own that a judge may take; twenty times what a class needs


class Gone(Exception):
    """Nobody is left to grade. The message says why."""


@dataclass
class Pool:
    """An executor and how many tasks it is good to have under way.

    start   another executor in the place of one that broke
    gone    why nobody can be waited for any more; "" while there is somebody
    unable  who is there and cannot grade, and why
    """

    executor: Executor
    width: int
    start: Callable[[], Executor]
    gone: Callable[[], str] = str
    unable: Mapping[str, str] = field(default_factory=dict)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a task. A pool that lost a process is replaced by a new one. Raises Gone."""
        try:
            return self.executor.submit(function, *arguments)
        except BrokenProcessPool:
            self.executor.shutdown(wait=False)
            self.executor = self.start()
            return self.executor.submit(function, *arguments)
        except Exception as error:  # Dask has a class of its own for each way to lose a scheduler
            raise Gone(self.gone() or f"{type(error).__name__}: {error}") from error


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
def cluster(address: str, ready: Callable[[], Any], patience: float = JOINING) -> Iterator[Pool]:
    """The workers of a running Dask scheduler that can grade.

    ready   called on each of them; raises what stands in the way of grading there
    Raises Misuse if there is no scheduler at the address, or no worker that can.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise Misuse("--scheduler needs Dask: pip install -e '.[cluster]'") from error
    try:
        client = Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise Misuse(f"there is no Dask scheduler at {address}") from error
    with _closing(client):
        able, unable = _tried(client, ready, patience)
        if not able:
            whys = [f"{where}: {why}" for where, why in unable.items()]
            raise Misuse(f"no worker at {address} can grade ({'; '.join(whys) or 'none is there'})")

        def start() -> Executor:
            executor: Executor = client.get_executor(pure=False, retries=3, workers=list(able))
            return executor

        def gone() -> str:
            if client.status != "running":
                return f"the Dask scheduler at {address} is gone"
            there = client.scheduler_info(n_workers=-1)["workers"]
            return "" if able.keys() & there.keys() else "no worker that can grade is left"

        yield Pool(start(), 2 * max(1, sum(able.values())), start, gone, unable)


@contextmanager
def _closing(client: Any) -> Iterator[None]:
    """Leave the cluster; a scheduler that is gone is left all the same."""
    for name in logging.root.manager.loggerDict:  # some have levels of their own
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)  # its tracebacks, not ours
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)


def _tried(
    client: Any, ready: Callable[[], Any], patience: float
) -> tuple[dict[str, int], dict[str, str]]:
    """Workers that can grade, with their threads, and those that cannot, with the reason."""
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1, timeout=patience)
    threads: dict[str, int] = dict(client.ncores())
    asked = {
        where: client.submit(ready, workers=[where], allow_other_workers=False, pure=False)
        for where in threads
    }
    able, unable = {}, {}
    for where, future in asked.items():
        try:
            future.result(timeout=READY)
            able[where] = threads[where]
        except Exception as error:
            unable[where] = f"{error or type(error).__name__}"[:200]
            future.cancel()
    return able, unable


def _live_with_the_parent() -> None:
    """Ctrl-C is for the parent; when the parent dies, however it dies, so does this process; and
    it ends its own work before it takes the memory of others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limit on this system
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, hard))
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
