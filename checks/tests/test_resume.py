"""Nothing that was graded is lost, graded twice or mixed up, however a run ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.grader.classroom.lock import LOCK, only_run
from checks.grader.records.course import ROOT
from checks.grader.records.misuse import Misuse
from checks.tests.classes import (
    Here,
    command,
    contents,
    grades,
    hand_in,
    run,
    run_here,
    write_class,
)
from checks.tests.submissions import patched, solution

STEM = "lesson1_linear"
HALF = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and signals of POSIX")
SIZE = 16


def test_what_is_graded_is_not_graded_again_and_what_changed_is(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("anna", "ben"):
        hand_in(folder, name, lesson1_linear=f"# {name}\n" + solution(STEM))
    assert run_here(str(folder), "1", "--out", str(out)).returncode == 0
    seed = json.loads((out / "run.json").read_text())["seed"]
    first = {path: path.stat().st_ino for path in (out / "results").iterdir()}
    (folder / "ben" / f"{STEM}.py").write_text(HALF, encoding="utf-8")
    assert run_here(str(folder), "1", "--out", str(out)).returncode == 0
    second = {path: path.stat().st_ino for path in (out / "results").iterdir()}
    assert {path.stem for path in first if first[path] == second[path]} == {"anna"}
    assert json.loads((out / "run.json").read_text())["seed"] == seed
    assert grades(out)["ben"]["total"] == "9"


def test_the_same_content_of_two_students_is_graded_once(tmp_path: Path) -> None:
    folder, here = tmp_path / "in", Here()
    for name in ("anna", "ben", "carl", "dora"):
        hand_in(folder, name, lesson1_linear=HALF)
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1")
    assert run_here(*arguments, executor=here).returncode == 0
    assert {row["total"] for row in grades(out).values()} == {"9"} and len(grades(out)) == 4
    assert here.taken == 2, "the second was read while the first was graded"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A class, and its results."""
    folder = tmp_path_factory.mktemp("in")
    write_class(folder, SIZE, lessons=[STEM], broken=0.0)
    out = tmp_path_factory.mktemp("out")
    done = run_here(str(folder), "1", "--out", str(out), "--seed", "1", "--sandbox", "auto")
    assert done.returncode == 0, done.stderr
    return folder, out


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_run_that_was_interrupted_grades_the_rest_and_nothing_twice(
    n: int, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    arguments = (str(folder), "1", "--out", str(tmp_path), "--seed", "1", "--sandbox", "auto")
    assert run_here(*arguments, executor=Here(n)).returncode == 1
    kept = len(list(tmp_path.glob("results/*.json")))
    rest = Here()
    assert run_here(*arguments, executor=rest).returncode == 0
    assert kept in (n - 1, n) or n == 0
    assert rest.taken == SIZE - kept
    assert contents(tmp_path) == contents(whole)


@POSIX
@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_run_that_was_ended_at_any_moment_goes_on_to_the_same_files(
    how: signal.Signals, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1", "--jobs", "1")
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 1, seconds=60)
    family = descendants(process.pid)
    process.send_signal(how)
    process.wait(30)
    assert len(list(out.glob("results/*.json"))) < SIZE, "it was too late to disturb"
    assert len(family) >= 3
    wait_for(lambda: not any(map(is_running, family)), seconds=20)
    assert run(*arguments).returncode == 0
    assert contents(out) == contents(whole)


@POSIX
@pytest.mark.slow
def test_a_worker_that_dies_loses_nothing(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1", "--jobs", "2")
    process = subprocess.Popen(command(*arguments), cwd=ROOT)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 1, seconds=60)
    worker = next(p for p in descendants(process.pid) if "spawn_main" in command_line(p))
    os.kill(worker, signal.SIGKILL)
    assert process.wait(120) == 0
    assert contents(out) == contents(whole)


def wait_for(condition: Any, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [own for child in map(int, children) for own in (child, *descendants(child))]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def dask_cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two worker processes on loopback."""
    pytest.importorskip("distributed")
    python = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    scheduler = subprocess.Popen(
        [*python, *options], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert scheduler.stderr is not None
    line = next(line for line in scheduler.stderr if "Scheduler at:" in line)
    address = line.split()[-1]
    python = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    workers = [
        subprocess.Popen(
            [*python, *options], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    yield address, workers
    scheduler.kill()
    scheduler.wait()
    for worker in workers:
        worker.kill()
        worker.wait()


@POSIX
@pytest.mark.slow
def test_a_cluster_gives_the_same_even_if_a_worker_is_killed(
    dask_cluster: tuple[str, list[subprocess.Popen[bytes]]],
    undisturbed: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    address, workers = dask_cluster
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1", "--scheduler", address)
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 3, seconds=90)
    workers[0].kill()
    assert process.wait(180) == 0
    assert contents(out) == contents(whole)


def test_there_is_one_line_when_no_scheduler_is_there(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    hand_in(tmp_path / "in", "anna")
    done = run_here(
        str(tmp_path / "in"), "1", "--out", str(tmp_path / "o"), "--scheduler", "tcp://127.0.0.1:1"
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("checks: there is no Dask scheduler")


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with only_run(tmp_path):
        with pytest.raises(Misuse, match=f"process {os.getpid()}"), only_run(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
    assert not list(tmp_path.iterdir())


@POSIX
def test_the_lock_of_a_run_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    text = (
        "import os, sys; from pathlib import Path; from checks.grader.classroom.lock import *\n"
        "with only_run(Path(sys.argv[1])): os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", text, str(tmp_path)], cwd=ROOT)
    assert (tmp_path / LOCK).exists()
    with only_run(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_the_results_of_who_has_left_are_removed(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    hand_in(folder, "anna")
    hand_in(folder, "ben")
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1")
    assert run_here(*arguments).returncode == 0
    (folder / "ben").rmdir()
    assert run_here(*arguments).returncode == 0
    assert list(grades(out)) == ["anna"]
    assert [path.name for path in out.rglob("*") if "ben" in path.name] == []
