"""A class in which everybody else does something odd: the honest ones have their points."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT
from checks.tests.submissions import patched, solution
from checks.tests.test_boundaries import AGAIN, FRAMES, ODD_TEXT, ONCE, SEND

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory and disk of Linux"),
]
STEM, TUPLES = "lesson1_linear", "lesson2_bias"
SIZE = 60
MEMORY, DISK = 3 << 30, "50m"
#: Programs that are put behind a right lesson file.
ODD_PROGRAMS = {
    "loop": "while True: pass",
    "exit": "import os; os._exit(0)",
    "stop": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "memory": "held = [bytearray(1 << 26) for _ in range(64)]",
    "disk": "\n".join(
        ("import os", "for i in range(900):", "    f = os.open(f'f{i}', 66)",
         "    os.write(f, b'x' * (4 << 20)); os.unlink(f'f{i}')", "    i < 40 or os.close(f)")
    ),
    "threads": "\n".join(
        ("import threading, time", "threading.stack_size(65536)", "while True:",
         "    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()")
    ),
    "output": "print('\\ud800\\x1b[2J' * 100_000)",
    "large": f"# {'中' * 340_000}",
}  # fmt: skip


def lesson(program: str) -> str:
    return f"{solution(STEM).partition(chr(10) + 'if __name__')[0]}\n{program}\n"


def write_odd_class(folder: Path) -> list[str]:
    """A class of SIZE; the honest students in it."""
    odd = {f"odd-{name}": lesson(program) for name, program in ODD_PROGRAMS.items()}
    odd |= {f"frame-{name}": lesson(SEND.format(text=text)) for name, text in FRAMES.items()}
    for name, text in ODD_TEXT.items():
        code = f"def grad_by_hand(x, y, w):\n{text}    return 2 * (x * w - y) * x\n"
        odd[f"text-{name}"] = patched(STEM, "grad_by_hand", code)
    for name, source in odd.items():
        (folder / name).mkdir()
        (folder / name / f"{STEM}.py").write_text(source, "utf-8", "surrogatepass")
    for name, again in AGAIN.items():
        (folder / f"again-{name}").mkdir()
        code = patched(TUPLES, "grad_by_hand", ONCE.format(again=again))
        (folder / f"again-{name}" / f"{TUPLES}.py").write_text(code, encoding="utf-8")
    write_odd_archives(folder)
    named = folder / os.fsdecode(b"M\xfcller")
    named.mkdir()
    (named / os.fsdecode(b"\xff")).mkdir()
    (named / os.fsdecode(b"\xff") / f"{STEM}.py").symlink_to("/etc/passwd")
    (folder / "itself").symlink_to("itself")
    honest = [f"honest{i:02}" for i in range(SIZE - len(list(folder.iterdir())))]
    for i, name in enumerate(honest):
        (folder / name).mkdir()
        (folder / name / f"{STEM}.py").write_text(f"# {i}\n{solution(STEM)}", encoding="utf-8")
    return honest


def write_odd_archives(folder: Path) -> None:
    """A damaged LZMA member, and a bomb of 4 GiB."""
    with zipfile.ZipFile(folder / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{STEM}.py", solution(STEM))
    data = bytearray((folder / "lzma.zip").read_bytes())
    data[200:260] = bytes(60)
    (folder / "lzma.zip").write_bytes(data)
    with (
        zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_BZIP2) as archive,
        archive.open(f"{STEM}.py", "w") as file,
    ):
        for _ in range(64):
            file.write(bytes(1 << 24))
    assert (folder / "bomb.zip").stat().st_size < 1 << 20


@pytest.fixture(scope="module")
def results() -> Iterator[Path]:
    """A disk of 50 MiB where root can have one; a folder elsewhere."""
    folder = Path("/tmp") / f"results-{os.getpid()}"
    folder.mkdir()
    size = f"size={DISK}"
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True
        ).returncode
        == 0
    )
    yield folder
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def group() -> Iterator[Path | None]:
    """A cgroup with 3 GiB, where root can have one."""
    path = Path("/sys/fs/cgroup/memory") / f"odd-{os.getpid()}"
    try:
        path.mkdir()
        (path / "memory.limit_in_bytes").write_text(str(MEMORY))
    except OSError:
        yield None
        return
    yield path
    path.rmdir()


def test_every_honest_student_of_an_odd_class_has_the_points(
    results: Path, group: Path | None, tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    honest = write_odd_class(folder)
    command = [sys.executable, "-m", "checks", "classroom", str(folder), "--out"]
    command += [str(results / "out"), "--jobs", "2", "--seed", "1", "--time-limit", "5"]
    join = f"echo $$ > {group}/cgroup.procs; " if group else ""
    done = subprocess.run(
        ["bash", "-c", f'{join}exec "$@"', "bash", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert "Traceback" not in done.stderr, done.stderr
    with open(results / "out" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    points = {row["student"]: row["total"] for row in rows}
    full = str(sum(exercise.points for exercise in load(STEM).exercises))
    wrong = {name: points.get(name) for name in honest if points.get(name) != full}
    assert not wrong, done.stderr
    lost = [line for line in done.stderr.splitlines() if line.startswith("Not graded")]
    assert done.returncode == (1 if lost else 0), done.stderr
    seen = len(points) + len([line for line in lost if line.split(": ")[1] not in points])
    assert seen >= SIZE - 1, (sorted(points), done.stderr)  # a link to itself is no submission


@pytest.mark.parametrize("whom", ["server", "child"])
def test_a_run_whose_server_or_child_is_killed_ends_with_the_same_files(
    whom: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    for i in range(12):
        (folder / f"s{i}").mkdir(parents=True)
        code = f"# {i}\n{solution(STEM)}" if i % 3 else lesson("import time; time.sleep(0.4)")
        (folder / f"s{i}" / f"{STEM}.py").write_text(code, encoding="utf-8")
    files = []
    for disturbed in (False, True):
        out = tmp_path / f"out{disturbed}"
        command = [sys.executable, "-m", "checks", "classroom", str(folder), "--out", str(out)]
        process = subprocess.Popen([*command, "--seed", "1", "--jobs", "2"], cwd=ROOT)
        killed = 0
        while process.poll() is None:
            if disturbed and killed < 5 and len(list(out.glob("results/*.json"))) > 1:
                killed += _kill_one(process.pid, whom)
            time.sleep(0.05)
        assert process.returncode == 0 or disturbed
        assert killed or not disturbed
        if process.returncode:  # killed so often that somebody was not graded: the same again
            subprocess.run(process.args, cwd=ROOT, check=True)
        files.append({p.name: p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert files[0] == files[1]


def _kill_one(pid: int, whom: str) -> int:
    """Kill a server of a run, or a process of a student; 1 if there was one."""
    for judge in _children(pid):
        for server in _children(judge):
            if "checks.grader.running" in _command(server):
                victims = [server] if whom == "server" else _children(server)
                for victim in victims[:1]:
                    os.kill(victim, signal.SIGKILL)
                    return 1
    return 0


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for listing in found for child in listing.read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
