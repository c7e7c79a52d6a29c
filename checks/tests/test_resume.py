"""Nothing that was graded is lost, graded twice or mixed up, however a run ends."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
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


def write_three(folder: Path) -> None:
    """A right lesson, a wrong one, and one that is not begun."""
    hand_in(folder, "anna", lesson1_linear=solution(STEM))
    hand_in(folder, "ben", lesson1_linear=HALF)
    hand_in(folder, "cleo", lesson1_linear="# nothing yet\n")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A class of three, and its results."""
    folder, out = tmp_path_factory.mktemp("three"), tmp_path_factory.mktemp("whole")
    write_three(folder)
    assert run_here(str(folder), "1", "--out", str(out), "--seed", "1").returncode == 0
    return folder, out


def test_a_journal_that_ends_anywhere_is_gone_on_with(
    three: tuple[Path, Path], tmp_path: Path
) -> None:
    """What a run leaves that is killed at any moment: a result without its line, half a line, a
    file that was about to take its place."""
    folder, whole = three
    journal = (whole / "journal.jsonl").read_bytes()
    lines = journal.splitlines(keepends=True)
    cuts = [0, 1, len(lines[0]) - 1, len(lines[0]), len(lines[0]) + 20, len(journal) - 2]
    for number, cut in enumerate(cuts):
        out = tmp_path / str(number)
        shutil.copytree(whole, out)
        (out / "journal.jsonl").write_bytes(journal[:cut])
        (out / "results" / ".cleo.json.part").write_text('{"points":')
        (out / ("grades.csv" if number % 2 else "results/anna.json")).unlink()
        assert run_here(str(folder), "1", "--out", str(out), "--seed", "1").returncode == 0
        assert contents(out) == contents(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB. Skips where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_of_results_is_one_line_and_the_same_command_goes_on(
    three: tuple[Path, Path], small_disk: Path
) -> None:
    folder, whole = three
    out = small_disk / "out"
    ballast = small_disk / "ballast"
    out.mkdir()
    for left in (0, 1, 3, 6):  # pages of 4 KiB
        ballast.write_bytes(b"")
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(bytes(max(0, free - (left << 12))))
        told = run_here(str(folder), "1", "--out", str(out), "--seed", "1")
        unkept = told.returncode == 1
        last = (told.stdout if unkept else told.stderr).strip().splitlines()[-1]
        assert last.startswith("Not graded" if unkept else "checks: cannot"), told
        assert "No space left" in last, told
        written = {name: data for name, data in contents(out).items() if "results/" in name}
        assert written.items() <= contents(whole).items(), "half a result was written"
    ballast.unlink()
    (small_disk / "out").mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert run_here(str(folder), "1", "--out", str(out), "--seed", "1").returncode == 0
    assert contents(out) == contents(whole)


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
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_leaves_no_process(
    how: signal.Signals, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1", "--jobs", "2")
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 3, seconds=180)
    family = descendants(process.pid)
    process.send_signal(how)
    process.wait(30)
    assert len(list(out.glob("results/*.json"))) < SIZE, "it was too late to disturb"
    assert len(family) >= 4
    wait_for(lambda: not any(map(is_running, family)), seconds=20)
    assert run(*arguments).returncode == 0
    assert contents(out) == contents(whole)


#: Processes of a run, by a word of their command line; a child is a server's.
KINDS = {"main": "checks", "pool": "spawn_main", "server": "checks.grader.running", "child": ""}


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("moment", range(3))
@pytest.mark.parametrize("whom", KINDS)
def test_a_process_that_is_killed_at_any_moment_changes_nothing(
    whom: str, moment: int, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1", "--jobs", "2")
    later, is_killed = random.Random(f"{whom} {moment}").uniform(0.0, 1.0), False
    while not is_killed:  # a run that was over before is made again, and is disturbed earlier
        shutil.rmtree(out, ignore_errors=True)
        process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_for(lambda pid=process.pid: bool(victims(pid, whom)), seconds=180)
        time.sleep(later)
        is_killed = killed(process, whom)
        later /= 2
        status = process.wait(300)
    assert status in (0, 1) or whom == "main"
    if status:
        assert run(*arguments).returncode == 0
    assert contents(out) == contents(whole)


def killed(process: subprocess.Popen[bytes], whom: str) -> bool:
    """End one process of a run that still goes on; False if it is over."""
    while process.poll() is None:
        for victim in victims(process.pid, whom)[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


def victims(pid: int, whom: str) -> list[int]:
    if whom == "main":
        return [pid]
    family = descendants(pid)
    if whom != "child":
        return [each for each in family if KINDS[whom] in command_line(each)]
    servers = [each for each in family if KINDS["server"] in command_line(each)]
    return [child for server in servers for child in descendants(server)]


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


class Cluster:
    """A Dask scheduler on loopback, and its workers."""

    def __init__(self) -> None:
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
        self.scheduler = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", *options],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert self.scheduler.stderr is not None
        line = next(line for line in self.scheduler.stderr if "Scheduler at:" in line)
        self.address = line.split()[-1]
        self.workers: list[subprocess.Popen[bytes]] = []

    def hire(self, **environment: str) -> None:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        self.workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_worker", self.address, *options],
                cwd=ROOT,
                env=os.environ | environment,
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        )

    def close(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def dask_cluster() -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    cluster = Cluster()
    yield cluster
    cluster.close()


@POSIX
@pytest.mark.slow
def test_a_cluster_gives_the_same_even_if_a_worker_is_killed(
    dask_cluster: Cluster, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    dask_cluster.hire()
    dask_cluster.hire()
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1")
    process = subprocess.Popen(
        command(*arguments, "--scheduler", dask_cluster.address),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 3, seconds=180)
    dask_cluster.workers[0].kill()
    assert process.wait(300) == 0
    assert contents(out) == contents(whole)


@POSIX
@pytest.mark.slow
def test_a_worker_without_torch_is_named_and_the_other_one_grades(
    dask_cluster: Cluster, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "torch.py").write_text("raise ImportError('No module named torch')")
    dask_cluster.hire(PYTHONPATH=f"{tmp_path / 'lacking'}:{ROOT}")
    dask_cluster.hire()
    from distributed import Client

    with Client(dask_cluster.address) as client:
        client.wait_for_workers(2, timeout=180)
    done = run(
        *(str(folder), "1", "--out", str(out), "--seed", "1"),
        *("--scheduler", dask_cluster.address),
    )
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("checks:")]
    assert len(told) == 1 and "cannot grade: No module named torch" in told[0], done.stderr
    assert "Traceback" not in done.stderr
    assert contents(out) == contents(whole)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("whom", ["scheduler", "every worker"])
def test_a_cluster_that_is_killed_is_one_line_and_the_same_command_goes_on(
    whom: str, dask_cluster: Cluster, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    dask_cluster.hire()
    arguments = (str(folder), "1", "--out", str(out), "--seed", "1")
    process = subprocess.Popen(
        command(*arguments, "--scheduler", dask_cluster.address),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 1, seconds=180)
    (dask_cluster.scheduler if whom == "scheduler" else dask_cluster.workers[0]).kill()
    said, told = process.communicate(timeout=300)
    assert process.returncode == 1, told
    assert "Traceback" not in told
    gone = "scheduler at" if whom == "scheduler" else "no worker that can grade is left"
    assert gone in said.splitlines()[-1], (said, told)
    assert run(*arguments).returncode == 0
    assert contents(out) == contents(whole)


@POSIX
@pytest.mark.slow
def test_a_cluster_without_a_worker_is_one_line(dask_cluster: Cluster, tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "anna")
    done = run(
        *(str(tmp_path / "in"), "1", "--out", str(tmp_path / "o")),
        *("--scheduler", dask_cluster.address),
    )
    assert done.returncode == 2
    assert "can grade (none is there)" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


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
