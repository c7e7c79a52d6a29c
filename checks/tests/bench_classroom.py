"""How fast a class is graded, how much memory it takes, and whether a killed run loses anything.

    python -m checks.tests.bench_classroom [--submissions 1000] [--memory 100 10000] [--kills 20]

Compared in one run, as seconds of the processor, which a busy machine does not change: the
classroom with its sandbox; as many processes that know the truth and fork for every submission,
without a sandbox, archives, results or pages; and a pytest process for each submission. Submissions
that loop or end their process are left out of the class: with them it is a measure of time limits.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from checks.grader.records.course import ROOT, stems
from checks.tests.classes import write_class

if TYPE_CHECKING:
    from checks.grader.records.observation import Observation
    from checks.grader.running.inside.autograd_log import AutogradLog
    from checks.grader.running.messages import Calls

JOBS = 2
QUIET = subprocess.DEVNULL  # PyTorch's warnings about the students' code
PR_SET_CHILD_SUBREAPER = 36  # of Linux: orphans become children of this process
AT_MOST = 1.3  # × the time of forking without a sandbox
AT_LEAST = 30.0  # × faster than a pytest process for each
GROWTH = 1.2  # × the memory of a small class
DISTINCT = 20


def classroom(folder: Path, out: Path, *options: str) -> list[str]:
    """The command, with the same seed every time."""
    base = [sys.executable, "-m", "checks", "classroom", str(folder), "--out", str(out)]
    return [*base, "--seed", "1", "--jobs", str(JOBS), *options]


def grade_in_process(folder: Path) -> int:
    """Grade one submission in this very process, as a grader without isolation does; its points."""
    from checks.grader.grading.grade import grade
    from checks.grader.grading.questions import questions_of
    from checks.grader.records.verdict import Settings
    from checks.grader.running.intake import read_lesson_file
    from checks.grader.running.session import ProcessSession

    points = 0
    for stem in stems():
        submission = read_lesson_file(folder, stem)
        if submission.source is not None:
            session = cast(ProcessSession, Direct(submission.source, stem))
            points += grade(session, questions_of(stem, Settings(seed=1)), submission).points
    return points


class Direct:
    """In the place of a judge's session: calls the student's functions, no process between."""

    def __init__(self, source: str, stem: str) -> None:
        from checks.grader.running.inside import worker
        from checks.grader.running.messages import Import

        self._lesson, self._imported = worker._import(Import(stem, f"/{stem}.py", source))
        self._watch = _watch()

    def imported(self) -> Observation:
        return self._imported

    def ask(self, calls: Calls, meanwhile: Callable[[], object]) -> list[Observation]:
        from checks.grader.running.inside import worker
        from checks.grader.running.messages import made_harmless

        seen: list[Observation] = []
        for arguments in calls.calls:
            self._watch.ran.clear()
            one = worker.call(self._lesson, calls, arguments, "")
            seen.append(made_harmless(self._watch.told(one)))
            if seen[-1].outcome in ("missing", "not_started"):
                break
            meanwhile()
        return seen

    def close(self) -> None:
        """Nothing was started."""


@lru_cache(maxsize=1)
def _watch() -> AutogradLog:
    from checks.grader.running.inside.autograd_log import AutogradLog

    return AutogradLog()


def forking(folder: Path, share: int) -> None:
    """Grade every JOBS-th submission of a class in a fork of this process; print the points."""
    from checks.grader.running.inside import worker

    worker.prepare()
    students = sorted(folder.iterdir())[share::JOBS]
    grade_in_process(students[0])  # so that no fork computes the truth
    points = 0
    for student in students:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, str(grade_in_process(student)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            points += int(pipe.read())
        os.waitpid(pid, 0)
    print(points)


def seconds(*commands: Sequence[str]) -> float:
    """What the processor takes for commands that run side by side, and all that they leave."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [subprocess.Popen(c, cwd=ROOT, stdout=QUIET, stderr=QUIET) for c in commands]
    codes = [process.wait() for process in running]
    assert not any(codes)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def speed(size: int, pytest_runs: int, folder: Path) -> bool:
    """Print the three times and their ratios; whether they are what was aimed at."""
    write_class(folder / "in", size, broken=0.0)
    confined = seconds(classroom(folder / "in", folder / "out", "--sandbox", "require"))
    graded = len(list((folder / "out" / "results").iterdir()))
    module = [sys.executable, "-m", "checks.tests.bench_classroom"]
    shares = (["--forking", str(folder / "in"), "--share", str(i)] for i in range(JOBS))
    forked = seconds(*([*module, *share] for share in shares))
    test = folder / "test_submission.py"
    singles = []
    for student in random.Random(1).sample(sorted((folder / "in").iterdir()), pytest_runs):
        test.write_text(
            "from pathlib import Path\n"
            "from checks.tests.bench_classroom import grade_in_process\n"
            f"def test_points():\n    assert grade_in_process(Path({str(student)!r})) >= 0\n"
        )
        singles.append(seconds([sys.executable, "-m", "pytest", "-q", str(test)]))
    single = statistics.median(singles)
    ratio, gain = confined / forked, single / (confined / size)
    print(f"{graded} of {size} submissions graded, {len(stems())} lessons each, {JOBS} processes")
    print(f"  with the sandbox          {confined:8.1f} s   {1000 * confined / size:7.0f} ms each")
    print(f"  a fork each, no sandbox   {forked:8.1f} s   {1000 * forked / size:7.0f} ms each")
    print(f"  a pytest process each                  {1000 * single:7.0f} ms each (median)")
    print(f"  {ratio:.2f} × the time of forking without a sandbox (aim: at most {AT_MOST})")
    print(f"  {gain:.0f} × faster than a pytest process each (aim: at least {AT_LEAST:.0f})")
    return graded == size and ratio <= AT_MOST and gain >= AT_LEAST


def memory(sizes: Sequence[int], folder: Path) -> bool:
    """Print the peak memory of the main process for each size; whether it grows by rows alone.

    Of the submissions DISTINCT are different: how many are graded does not matter to it.
    """
    write_class(folder / "few", DISTINCT, lessons=["lesson1_linear"], broken=0.0)
    few = sorted((folder / "few").iterdir())
    peaks = []
    for size in sizes:
        for i in range(size):
            (folder / f"in{size}" / f"student{i:05}").mkdir(parents=True)
            name = "lesson1_linear.py"
            os.link(few[i % DISTINCT] / name, folder / f"in{size}" / f"student{i:05}" / name)
        peaks.append(_peak(classroom(folder / f"in{size}", folder / f"out{size}", "1")))
        print(f"  {size:6} submissions: the main process took {peaks[-1] / 1024:.0f} MiB")
    print(f"  {max(peaks) / peaks[0]:.2f} × (aim: at most {GROWTH})")
    return max(peaks) <= GROWTH * peaks[0]


def _peak(command: Sequence[str]) -> int:
    """Kilobytes that the main process of a command took at most."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=QUIET, stderr=QUIET)
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in status if "VmHWM" in line)])
        time.sleep(0.1)
    assert process.returncode == 0
    return peak


def kills(count: int, folder: Path) -> bool:
    """Kill a run at random moments, let it end, compare every file."""
    size, dice = 40, random.Random(1)
    write_class(folder / "in", size, lessons=["lesson1_linear"], broken=0.0)
    started = time.perf_counter()
    subprocess.run(classroom(folder / "in", folder / "whole"), cwd=ROOT, stdout=subprocess.DEVNULL)
    length = time.perf_counter() - started
    same = disturbed = 0
    for i in range(count):
        command = classroom(folder / "in", folder / f"out{i}")
        process = subprocess.Popen(command, cwd=ROOT, stdout=QUIET, stderr=QUIET)
        time.sleep(dice.uniform(0.05, 0.7 * length))
        process.send_signal(signal.SIGKILL)
        disturbed += process.wait() != 0
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        same += _files(folder / f"out{i}") == _files(folder / "whole")
    print(f"  killed {disturbed} of {count} times; {same} of {count} ended with the same files")
    return same == count


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def main() -> int:
    """0 if every aim is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--pytest-runs", type=int, default=7)
    parser.add_argument("--memory", type=int, nargs="*", default=[100, 10_000])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--forking", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--share", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.forking:
        forking(options.forking, options.share)
        return 0
    reached = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.submissions:
            reached.append(speed(options.submissions, options.pytest_runs, folder / "speed"))
        if options.memory:
            print("memory")
            reached.append(memory(options.memory, folder / "memory"))
        if options.kills:
            print("kill -9")
            reached.append(kills(options.kills, folder / "kills"))
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
