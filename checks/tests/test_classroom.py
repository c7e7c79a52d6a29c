"""The classroom: what goes in, what comes out, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from checks.grader.classroom.gradebook import Gradebook, Line, cell
from checks.grader.classroom.marking import Rules
from checks.grader.classroom.page import write_page
from checks.grader.classroom.progress import Progress
from checks.grader.classroom.roster import Entry, roster, shown
from checks.grader.classroom.submission import MAX_BYTES, Submission, open_submission
from checks.grader.records.course import ROOT, stems
from checks.tests.classes import write_class
from checks.tests.submissions import patched, solution

STEM = "lesson1_linear"
HALF = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and signals of POSIX")


def run(*arguments: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    """`python -m checks classroom` with these arguments."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "checks", "classroom", *arguments]


def hand_in(folder: Path, student: str, **files: str) -> Path:
    """Write a student's lesson files."""
    (folder / student).mkdir(parents=True)
    for stem, text in files.items():
        (folder / student / f"{stem}.py").write_text(text, encoding="utf-8")
    return folder / student


def grades(out: Path) -> dict[str, dict[str, str]]:
    """grades.csv by student."""
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def result(out: Path, student: str) -> Any:
    return json.loads((out / "results" / f"{student}.json").read_text(encoding="utf-8"))


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One small class, graded once: the folder of results and what was printed."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "anna", lesson1_linear=solution(STEM))
    hand_in(folder, "Zoë 李 Ωλ", lesson1_linear=HALF)
    hand_in(folder, "=1+1", lesson1_linear=HALF)
    hand_in(folder, "<b>bold", lesson1_linear="raise ValueError('<script>alert(1)</script>')")
    hand_in(folder, "deep/exercises", lesson1_linear=solution(STEM))
    hand_in(folder, "none")
    hand_in(folder, "more", lesson1_linear=solution(STEM), notes="1/0")
    (folder / "zip.zip").write_bytes(zipped({f"{STEM}.py": solution(STEM)}))
    (folder / "anna.zip").write_bytes(zipped({f"{STEM}.py": HALF}))
    (folder / "evil.zip").write_bytes(zipped({f"../{STEM}.py": solution(STEM)}))
    (folder / "readme.txt").write_text("not a submission")
    out = tmp_path_factory.mktemp("graded")
    done = run(str(folder), "--out", str(out), "--jobs", "2", "--seed", "3")
    assert done.returncode == 0, done.stderr
    return out, done.stdout + done.stderr


def zipped(files: dict[str, str]) -> bytes:
    """An archive in memory."""
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_every_student_has_a_row_with_points_per_lesson(graded: tuple[Path, str]) -> None:
    table = grades(graded[0])
    assert list(table["anna"]) == ["student", *stems(), "total", "notes"]
    assert {name: int(row["total"]) for name, row in table.items()} == {
        "anna": 12,
        "anna.zip": 9,
        "Zoë 李 Ωλ": 9,
        "'=1+1": 9,
        "<b>bold": 0,
        "deep": 12,
        "none": 0,
        "more": 12,
        "zip": 12,
        "evil": 0,
    }


def test_every_student_has_a_result_in_the_schema_of_check(graded: tuple[Path, str]) -> None:
    report = result(graded[0], "Zoë 李 Ωλ")
    assert list(report) == ["schema", "device", "dtype", "seed", "points", "max_points", "lessons"]
    assert [lesson["lesson"] for lesson in report["lessons"]] == stems()
    exercise = report["lessons"][0]["exercises"][3]
    assert exercise["misconception"] == "missing_factor_2"
    assert report["seed"] == 3


def test_a_lesson_that_was_not_handed_in_is_not_started(graded: tuple[Path, str]) -> None:
    lesson = result(graded[0], "none")["lessons"][0]
    assert {e["status"] for e in lesson["exercises"]} == {"not_started"}
    assert lesson["exercises"][0]["message"] == f"There is no file {STEM}.py."


def test_a_student_who_handed_in_twice_has_two_rows_with_a_note(graded: tuple[Path, str]) -> None:
    table = grades(graded[0])
    assert table["anna"]["notes"] == table["anna.zip"]["notes"] != ""


def test_a_refused_archive_scores_nothing_and_says_why(graded: tuple[Path, str]) -> None:
    assert "leaves its folder" in grades(graded[0])["evil"]["notes"]
    assert result(graded[0], "evil")["points"] == 0


def test_what_is_no_submission_is_named(graded: tuple[Path, str]) -> None:
    assert "readme.txt" in graded[1]


def test_the_page_is_one_file_without_network_or_script(graded: tuple[Path, str]) -> None:
    page = Page((graded[0] / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and "b" not in page.tags
    assert not [url for url in page.links if not url.startswith("results/")]
    assert "missing_factor_2" in page.text
    assert "<b>bold" in page.text


def test_the_page_links_to_results_that_exist(graded: tuple[Path, str]) -> None:
    from urllib.parse import unquote

    page = Page((graded[0] / "report.html").read_text(encoding="utf-8"))
    assert page.links
    assert all((graded[0] / unquote(link)).is_file() for link in page.links)


class Page(HTMLParser):
    """The tags, links and texts of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.py", "a/../../x.py", "C:\\x.py", "\\\\host\\x.py", "..\\x.py"]
)
def test_an_archive_that_leaves_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{STEM}.py": "1", name: "2"}))
    submission = open_submission(tmp_path / "a.zip")
    assert "leaves its folder" in submission.refused and not submission.files


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_an_archive_with_a_link_or_a_device_is_refused(kind: int, tmp_path: Path) -> None:
    member = zipfile.ZipInfo(f"{STEM}.py")
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert "link or a device" in open_submission(tmp_path / "a.zip").refused


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    text = "0" * MAX_BYTES
    (tmp_path / "a.zip").write_bytes(zipped({"a.txt": text, "b.txt": text}))
    assert "unpacks to more" in open_submission(tmp_path / "a.zip").refused


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": "0" * 2 * MAX_BYTES}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the size in its directory
    (tmp_path / "a.zip").write_bytes(data)
    assert open_submission(tmp_path / "a.zip").refused


def test_an_archive_of_very_many_members_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{i}.py": "" for i in range(3000)}))
    assert "members" in open_submission(tmp_path / "a.zip").refused


def test_an_archive_with_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.py", "1")
        archive.writestr("a.py", "2")
    assert "two files" in open_submission(tmp_path / "a.zip").refused


@pytest.mark.parametrize("cut", [0, 1, 20, 60, 100])
def test_a_damaged_archive_is_refused(cut: int, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{STEM}.py": "1" * 500})[:cut])
    assert open_submission(tmp_path / "a.zip").refused


def test_an_archive_with_any_byte_changed_is_read_or_refused(tmp_path: Path) -> None:
    data = zipped({f"{STEM}.py": solution(STEM), "sub/notes.txt": "x"})
    dice = random.Random(0)
    for _ in range(300):
        changed = bytearray(data)
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (tmp_path / "a.zip").write_bytes(changed)
        assert isinstance(open_submission(tmp_path / "a.zip"), Submission)


def test_file_names_in_archives_may_be_in_any_script(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"Übung 李/{STEM}.py": "1"}))
    assert open_submission(tmp_path / "a.zip").find(STEM) == f"Übung 李/{STEM}.py"


@POSIX
def test_links_and_pipes_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    hand_in(outside, "x", lesson2_bias="secret")
    folder = hand_in(tmp_path, "anna")
    (folder / f"{STEM}.py").symlink_to(ROOT / "solutions" / f"{STEM}.py")
    (folder / "sub").symlink_to(outside / "x")
    os.mkfifo(folder / "lesson3_quadratic.py")
    submission = open_submission(folder)
    assert not submission.files
    assert set(submission.problems) == {f"{STEM}.py", "lesson3_quadratic.py"}


def test_the_file_nearest_to_the_top_is_graded(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna/old", lesson1_linear="old")
    (tmp_path / "anna" / f"{STEM}.py").write_text("new")
    submission = open_submission(tmp_path / "anna")
    assert submission.find(STEM) == f"{STEM}.py"
    assert submission.doubles(STEM) == [f"old/{STEM}.py"]


def test_a_digest_tells_contents_apart() -> None:
    submissions = [
        Submission({"a": b"1"}),
        Submission({"a": b"2"}),
        Submission({"b": b"1"}),
        Submission({"a": b"", "b": b"1"}),
        Submission(refused="why"),
        Submission(problems={"a": "1"}),
    ]
    assert len({submission.digest for submission in submissions}) == len(submissions)


@POSIX
def test_names_that_steer_a_terminal_are_shown_without_that() -> None:
    assert shown("a\x1b[2J\n\u202eb") == "a�[2J��b"
    assert shown("Zoë") == shown("Zoe\u0308") == "Zoë"
    assert shown(os.fsdecode(b"M\xfcller")) == "M�ller"


@POSIX
def test_students_whose_names_look_alike_stay_apart(tmp_path: Path) -> None:
    for name in ("a\x01", "a\x02", "Zoë", "Zoe\u0308", "x" * 250):
        (tmp_path / name).mkdir()
    entries, _ = roster(tmp_path, tmp_path / "out")
    assert len(entries) == 5
    assert len({entry.result_name for entry in entries}) == 5
    assert all(len(entry.result_name.encode()) < 200 for entry in entries)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_a_cell_that_begins_like_a_formula_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_hostile_texts_reach_the_page_only_as_text(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\x1b[2J'\"&\u202e"
    entry = Entry(evil, "a")
    exercise = {
        "exercise": "loss",
        "status": "wrong",
        "points": 0,
        "max_points": 3,
        "misconception": evil,
        "message": evil,
    }
    lesson = {"lesson": STEM, "title": evil, "exercises": [exercise]}
    book = Gradebook(lost=[evil])
    book.add(Line(evil, "k", 9), entry, {"points": 0, "max_points": 3, "lessons": [lesson]})
    with open(tmp_path / "p.html", "w", encoding="utf-8") as file:
        write_page(book, Rules(1, 10.0, "auto", "v"), file)
    source = (tmp_path / "p.html").read_text(encoding="utf-8")
    page = Page(source)
    assert "img" not in page.tags and page.text.count("<img src=x") >= 5
    assert "\x1b" not in source and "\u202e" not in source


def test_without_a_terminal_there_is_a_line_a_minute_and_no_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import io

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = Progress(100, stream)
    for _ in range(30):
        now[0] += 10.0
        progress.step()
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0] == "7 of 100, 0.1 a second, 15 min 30 s left"


def test_what_is_graded_is_not_graded_again_and_what_changed_is(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("anna", "ben"):
        hand_in(folder, name, lesson1_linear=f"# {name}\n" + solution(STEM))
    assert run(str(folder), "--out", str(out)).returncode == 0
    seed = json.loads((out / "run.json").read_text())["seed"]
    first = {path: path.stat().st_ino for path in (out / "results").iterdir()}
    (folder / "ben" / f"{STEM}.py").write_text(HALF, encoding="utf-8")
    assert run(str(folder), "--out", str(out)).returncode == 0
    second = {path: path.stat().st_ino for path in (out / "results").iterdir()}
    assert {path.stem for path in first if first[path] == second[path]} == {"anna"}
    assert json.loads((out / "run.json").read_text())["seed"] == seed
    assert grades(out)["ben"]["total"] == "9"


def test_messages_name_no_folder_that_is_another_one_next_time(tmp_path: Path) -> None:
    texts = []
    for name in ("in", "other"):
        source = "import os\nopen(os.path.abspath('missing.txt'))\n"
        hand_in(tmp_path / name, "anna", lesson1_linear=source)
        out = tmp_path / f"{name}-out"
        assert run(str(tmp_path / name), "--out", str(out), "--seed", "1").returncode == 0
        texts.append((out / "results" / "anna.json").read_text(encoding="utf-8"))
    assert "missing.txt" in texts[0]
    assert texts[0] == texts[1]


def test_the_same_content_of_two_students_is_graded_once(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    sleeper = "import time\ntime.sleep(3600)\n"
    for name in map(str, range(12)):
        hand_in(folder, name, lesson1_linear=sleeper)
    started = time.monotonic()
    done = run(str(folder), "--out", str(out), "--jobs", "1", "--time-limit", "3")
    assert done.returncode == 0, done.stderr
    assert len(grades(out)) == 12
    assert time.monotonic() - started < 30, "each waited for its own time limit"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A class of 24, and its results."""
    folder = tmp_path_factory.mktemp("in")
    write_class(folder, 24, lessons=[STEM], broken=0.0)
    out = tmp_path_factory.mktemp("out")
    done = run(str(folder), "--out", str(out), "--seed", "1", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return folder, out


@POSIX
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_at_any_moment_goes_on_to_the_same_files(
    how: signal.Signals, undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "--out", str(out), "--seed", "1", "--jobs", "2")
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 3, seconds=60)
    family = descendants(process.pid)
    process.send_signal(how)
    process.wait(30)
    assert len(list(out.glob("results/*.json"))) < 24, "it was too late to disturb"
    assert len(family) >= 4
    wait_for(lambda: not any(map(is_running, family)), seconds=20)
    assert run(*arguments).returncode == 0
    assert contents(out) == contents(whole)


@POSIX
def test_a_worker_that_dies_loses_nothing(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "--out", str(out), "--seed", "1", "--jobs", "2")
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
def test_a_cluster_gives_the_same_even_if_a_worker_is_killed(
    dask_cluster: tuple[str, list[subprocess.Popen[bytes]]],
    undisturbed: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    address, workers = dask_cluster
    folder, whole = undisturbed
    out = tmp_path / "out"
    arguments = (str(folder), "--out", str(out), "--seed", "1", "--scheduler", address)
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.glob("results/*.json"))) > 3, seconds=90)
    workers[0].kill()
    assert process.wait(180) == 0
    assert contents(out) == contents(whole)


def test_there_is_one_line_when_no_scheduler_is_there(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    hand_in(tmp_path / "in", "anna")
    done = run(
        str(tmp_path / "in"), "--out", str(tmp_path / "o"), "--scheduler", "tcp://127.0.0.1:1"
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("checks: there is no Dask scheduler")


@pytest.mark.parametrize("arguments", [("missing",), (".", "--jobs", "0"), (".", "--sandbox", "x")])
def test_misuse_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        command(*arguments, "--out", str(tmp_path / "out")),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr


def test_gradescope_gets_one_test_per_exercise(tmp_path: Path) -> None:
    folder = hand_in(tmp_path, "submission", lesson1_linear=HALF)
    check = [sys.executable, "-m", "checks", "check", "1", "--from", str(folder)]
    files = {"--gradescope": tmp_path / "results.json", "--junit": tmp_path / "junit.xml"}
    options = [part for option, path in files.items() for part in (option, str(path))]
    done = subprocess.run([*check, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    report = json.loads(files["--gradescope"].read_text(encoding="utf-8"))
    assert report["score"] == 9 == sum(test["score"] for test in report["tests"])
    keys = {"score", "max_score", "status", "name", "output", "tags", "visibility"}
    assert all(keys <= set(test) for test in report["tests"])
    failed = [test for test in report["tests"] if test["status"] == "failed"]
    assert [test["tags"] for test in failed] == [["missing_factor_2"]]
    suite = ET.parse(files["--junit"]).getroot()[0]
    assert suite.get("tests") == "6" and suite.get("failures") == "1"


@POSIX
def test_the_gradescope_scripts_grade_a_submission(tmp_path: Path) -> None:
    for name in ("checks", "data"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name)
    (tmp_path / "results").mkdir()
    (tmp_path / "venv").symlink_to(sys.prefix)
    hand_in(tmp_path, "submission", lesson1_linear=solution(STEM))
    script = ROOT / "checks" / "gradescope" / "run_autograder"
    environment = os.environ | {"AUTOGRADER": str(tmp_path)}
    done = subprocess.run([script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert report["score"] == 12
