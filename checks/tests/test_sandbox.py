"""Hostile submissions: no undeserved point, the judge alive, the next student unharmed.

Nothing stays behind, either. What needs the kernel's help is skipped, by name, where the kernel
does not give it.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.grader.classroom.marking import Grader
from checks.grader.classroom.submission import Submission
from checks.grader.grading.grade import grade
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.records.course import ROOT, stems
from checks.grader.records.verdict import LessonReport, Settings
from checks.grader.running import sandbox
from checks.grader.running.attacks import ATTACKS as TRIAL
from checks.grader.running.attacks import succeeding
from checks.grader.running.intake import LessonFile
from checks.grader.running.sandbox import lacking
from checks.grader.running.server import Server, remove
from checks.grader.running.session import single_session
from checks.tests.hostile import STEM, Attack, attacks
from checks.tests.submissions import bank, patched, solution

ATTACKS = attacks()
TRACE = "hostile-was-here"
#: Where an attack would leave its trace.
PLACES = ("/tmp", "/dev/shm", "/var/tmp", str(Path.home()), str(ROOT), str(ROOT / "exercises"))
#: Where CHECKS_REQUIRE_SANDBOX=1, as in CI, a machine without a sandbox fails and skips nothing.
REQUIRED = os.environ.get("CHECKS_REQUIRE_SANDBOX") == "1"
needs_sandbox = pytest.mark.skipif(
    bool(lacking()) and not REQUIRED, reason=f"no sandbox: {'; '.join(lacking())}"
)
#: Seconds. Right work needs hundredths of one.
TIME_LIMIT = 0.8
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[dict[str, str]]:
    """What attacks aim at: the course, another submission, the results of the run."""
    folder = Path(tempfile.mkdtemp())
    (folder / "submissions" / "other").mkdir(parents=True)
    (folder / "submissions" / "other" / f"{STEM}.py").write_text(solution(STEM), encoding="utf-8")
    (folder / "out" / "results").mkdir(parents=True)
    yield {
        "ROOT": str(ROOT),
        "HOME": str(Path.home()),
        "SUBMISSIONS": str(folder / "submissions"),
        "OUT": str(folder / "out"),
        "JUDGE": str(os.getpid()),
    }
    remove(folder)


@pytest.fixture(scope="module")
def secret() -> Iterator[None]:
    """Something in the environment of the instructor."""
    os.environ["COURSE_SECRET"] = "of the instructor"
    yield
    del os.environ["COURSE_SECRET"]


@pytest.fixture(scope="module")
def confined(secret: None) -> Iterator[Grader]:
    with Grader(Settings(time_limit=TIME_LIMIT), "require") as grader:
        yield grader


@pytest.fixture(scope="module")
def patient(confined: Grader) -> Grader:
    """The same grader with the usual time limit."""
    grader = copy.copy(confined)
    grader._settings = Settings()
    return grader


@pytest.fixture(scope="module")
def open_desk() -> Iterator[Grader]:
    with Grader(Settings(time_limit=TIME_LIMIT), "off") as grader:
        yield grader


def _grade(grader: Grader, source: str) -> LessonReport:
    submission = Submission({f"{STEM}.py": source.encode("utf-8", "surrogatepass")})
    return grader.report(submission, [STEM]).lessons[0]


def _assert_withstood(grader: Grader, attack: Attack, places: dict[str, str]) -> None:
    report = _grade(grader, attack.source(places))
    forward = report.verdicts[0]
    assert report.points == 0, report
    assert re.fullmatch(attack.status, forward.status), forward
    assert re.search(attack.message, forward.message), forward
    assert _left_behind(grader, places) == []
    assert _grade(grader, solution(STEM)).points == report.max_points, "the next student is harmed"


def _left_behind(grader: Grader, places: dict[str, str]) -> list[str]:
    """Files and processes that nobody needs any more."""
    folders = [*map(Path, PLACES), Path(places["OUT"]) / "results"]
    traces = [str(path) for folder in folders for path in folder.glob(f"{TRACE}*")]
    traces += map(str, (Path(places["OUT"]) / "results").iterdir())
    rooms = [str(path) for path in grader.folder.iterdir()]
    return traces + rooms + [f"process {pid}" for pid in _children(grader.server.pid)]


def _children(pid: int) -> list[str]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return listing.read_text().split() if listing.exists() else []


@needs_sandbox
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_is_withstood(
    attack: Attack, confined: Grader, elsewhere: dict[str, str]
) -> None:
    _assert_withstood(confined, attack, elsewhere)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.always], ids=str)
def test_an_attack_is_withstood_without_a_sandbox(
    attack: Attack, open_desk: Grader, elsewhere: dict[str, str]
) -> None:
    _assert_withstood(open_desk, attack, elsewhere)


def test_attacks_are_many_and_all_different() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60
    assert len({attack.code for attack in ATTACKS}) == len(ATTACKS)


@pytest.fixture(scope="module")
def confining(confined: Grader) -> Iterator[tuple[Server, Path]]:
    """The server with a sandbox, and a room for its children."""
    room = confined.folder / "right"
    room.mkdir()
    yield confined.server, room
    remove(room)


@needs_sandbox
@pytest.mark.parametrize("stem", stems())
def test_right_work_passes_in_the_sandbox(stem: str, confining: tuple[Server, Path]) -> None:
    server, room = confining
    questions = questions_of(stem, Settings())
    right = [
        (patch.exercise, patched(stem, patch.exercise, patch.code))
        for patch in bank(stem)
        if patch.status == "passed"
    ]
    files = [LessonFile(stem, room / f"{stem}.py", source, room=room) for _, source in right]
    whole = LessonFile(stem, room / f"{stem}.py", solution(stem), room=room)
    with single_session(server, whole, Settings()) as session:
        assert session is not None
        assert all(verdict.passed for verdict in grade(session, questions, whole).verdicts)
        for (exercise, source), lesson_file in zip(right, files, strict=True):
            session.turn_to(lesson_file)
            verdict = grade(session, restricted(questions, exercise), lesson_file).verdicts[0]
            assert verdict.passed, (source, verdict)


HONEST = {
    "a picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('loss.png')",
    "a log": "open('log.txt', 'a').write('begun')",
    "a temporary file": "import tempfile\ntempfile.TemporaryFile().write(b'x')",
    "a thread": "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
    "numpy": "import numpy as np\nnp.linalg.inv(np.eye(200) + 1)",
    "linear algebra": "import torch\ntorch.linalg.solve(torch.eye(200), torch.ones(200))",
    "more threads in torch": "import torch\ntorch.set_num_threads(2)\ntorch.ones(10**6).sum()",
    "torch.func": "import torch\ntorch.func.vmap(torch.func.grad(torch.sin))(torch.ones(3))",
    "an optimiser": "import torch\ntorch.optim.Adam([torch.ones(2, requires_grad=True)]).step()",
    "a data loader": "from torch.utils.data import DataLoader\nlist(DataLoader(range(9), 3))",
    "time and chance": "import random, time\nrandom.random()\ntime.sleep(0.01)",
    "itself": "open(__file__).read()",
    "a module beside it": "import helper\nassert helper.one == 1",
}


@needs_sandbox
@pytest.mark.parametrize("what", HONEST)
def test_honest_code_may_use(what: str, patient: Grader) -> None:
    source = solution(STEM).partition('\nif __name__ == "__main__":')[0] + "\n" + HONEST[what]
    files = {f"{STEM}.py": source.encode(), "helper.py": b"one = 1\n"}
    report = patient.report(Submission(files), [STEM]).lessons[0]
    assert report.points == report.max_points, report.verdicts[0].message


@needs_sandbox
def test_the_trial_before_a_class_finds_a_sandbox_that_holds(
    confined: Grader, tmp_path: Path
) -> None:
    assert succeeding(confined.server, tmp_path) == []


@on_linux
def test_the_trial_before_a_class_finds_that_there_is_no_sandbox(
    open_desk: Grader, tmp_path: Path
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    open_to = set(succeeding(open_desk.server, room))
    assert open_to >= set(TRIAL) - {"looking into its parent"}


@on_linux
def test_what_a_daemon_without_a_sandbox_leaves_is_ended(open_desk: Grader, tmp_path: Path) -> None:
    marker = f"daemon-{os.getpid()}"
    source = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(tmp_path / "daemon")!r}, "w").write(str(os.getpid()))
        os.execvp("sleep", ["{marker}", "3600"])
    os._exit(0)
time.sleep(0.2)
"""
    _grade(open_desk, source)
    assert int((tmp_path / "daemon").read_text()) > 1, "there was no daemon"
    lines = (_command_line(pid) for pid in os.listdir("/proc") if pid.isdigit())
    assert not [line for line in lines if marker in line]


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


@on_linux
@pytest.mark.parametrize("closed", [False, True])
def test_a_deep_or_closed_tree_of_folders_is_removed(closed: bool, tmp_path: Path) -> None:
    code = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')"
    top = tmp_path / "top"
    top.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=top, check=True)
    if closed:
        (top / "d").chmod(0)
    remove(top)
    assert not top.exists()


#: A mount namespace in which root's home holds Python only and can be entered by anybody; the paths
#: stay as they are. $1 is the top folder of a Python under a home, the rest what is run as nobody.
READABLE = """
set -e
shown=$(mktemp -d)
chmod 755 "$shown"
mkdir -p "$shown/${1#$HOME/}"
mount --bind "$1" "$shown/${1#$HOME/}"
mount --rbind "$shown" "$HOME"
shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""


def _as_nobody(*command: str) -> list[str]:
    """A command line that runs as nobody, with this Python. Skips where that cannot be had."""
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("these tests run as an ordinary user already, or setpriv is missing")
    home, python = Path.home(), Path(sys.base_prefix).resolve()
    if home in python.parents:
        top = home / python.relative_to(home).parts[0]
        become = ["unshare", "--mount", "bash", "-c", READABLE, "bash", str(top)]
    probe = subprocess.run([*become, sys.executable, "-c", "import torch"], capture_output=True)
    if probe.returncode and not REQUIRED:
        pytest.skip(f"this Python cannot be reached by an ordinary user: {probe.stderr[-200:]!r}")
    return [*become, *command]


@needs_sandbox
@pytest.mark.slow
def test_attacks_are_withstood_as_an_ordinary_user(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The rest of this file runs as whoever runs it; as root, all of it runs as nobody, too."""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        tests = "test_an_attack or trial or honest"
        command = _as_nobody(
            *("env", f"HOME={home}", f"TMPDIR={home}", f"PYTHONPATH={ROOT}"),
            *(sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider"),
            *(__file__, "-m", "not slow", "-k", tests),
        )
        run = subprocess.run(command, cwd=home, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-500:]
        passed = re.search(r"^(\d+) passed", run.stdout, re.MULTILINE)
        assert passed and int(passed[1]) > len(ATTACKS), run.stdout


class Killed:
    """A list of system calls whose first trial somebody kills."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def load(self) -> None:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def test_who_is_killed_while_trying_says_nothing_of_the_kernel(tmp_path: Path) -> None:
    assert sandbox._loads(Killed(tmp_path / "tried"))
    assert (tmp_path / "tried").exists()
