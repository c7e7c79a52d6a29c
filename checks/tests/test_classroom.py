"""The classroom: what goes in, and what comes out for the instructor and for each student."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from checks.grader.classroom.exports import Entry, Export, Part
from checks.grader.classroom.gradebook import Gradebook, Line
from checks.grader.classroom.marking import Rules
from checks.grader.classroom.matching import Code
from checks.grader.classroom.page import write_page
from checks.grader.classroom.progress import Progress
from checks.grader.classroom.result import LessonResult, Result
from checks.grader.classroom.roster import Person, enrolled
from checks.grader.classroom.shown import cell, shown
from checks.grader.classroom.submission import Submission
from checks.grader.classroom.tomorrow import LINES, chosen
from checks.grader.records.course import ROOT
from checks.grader.records.verdict import Settings
from checks.tests.classes import Page, command, grades, hand_in, open_grader, result, run_here
from checks.tests.submissions import patched, solution
from checks.tests.ways import zipped

STEM = "lesson1_linear"
TWO = ("lesson1_linear", "lesson2_bias")
HALF = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n")
ALSO = HALF.replace("    return (x * w - y) * x\n", "    r = x * w - y\n    return r * x\n")
ODD = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return 7.25 * x + 1.5 * y\n")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and signals of POSIX")
SAYS = "exactly half"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One small class, graded once: the folder of results and what was printed."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "anna", lesson1_linear=solution(STEM), lesson2_bias=solution(TWO[1]))
    hand_in(folder, "Zoë 李 Ωλ", lesson1_linear=HALF)
    hand_in(folder, "=1+1", lesson1_linear=HALF)
    hand_in(folder, "jane", lesson1_linear=ALSO + "# Jane Doe was here\n")
    hand_in(folder, "<b>bold", lesson1_linear="raise ValueError('<script>alert(1)</script>')")
    hand_in(folder, "deep/exercises", lesson1_linear=solution(STEM))
    hand_in(folder, "none")
    hand_in(folder, "more", lesson1_linear=ODD, notes="1/0")
    hand_in(folder, "twice", lesson1_linear=ODD, other="1")
    (folder / "zip.zip").write_bytes(zipped({f"{STEM}.py": solution(STEM)}))
    (folder / "evil.zip").write_bytes(zipped({f"../{STEM}.py": solution(STEM)}))
    (folder / "readme.txt").write_text("not a submission")
    roster = folder.parent / "roster.csv"
    roster.write_text(
        "Student,ID,SIS Login ID,Email\n"
        '"Roe, Anna",9001,anna,anna@example.edu\n'
        "Missing Person,9002,missing,\n",
        encoding="utf-16",
    )
    out = tmp_path_factory.mktemp("graded")
    options = ("--out", str(out), "--seed", "3", "--roster", str(roster))
    done = run_here(str(folder), "1", "2", *options)
    assert done.returncode == 0, done.stderr
    return out, done.stdout + done.stderr


def source_of(out: Path, name: str) -> str:
    return (out / name).read_text(encoding="utf-8")


def test_every_student_has_a_row_with_points_and_maximum_per_lesson(
    graded: tuple[Path, str],
) -> None:
    table = grades(graded[0])
    per_lesson = [name for stem in TWO for name in (stem, f"{stem}_max")]
    head = ["student", "id", "email", *per_lesson, "total", "total_max", "notes"]
    assert list(table["none"]) == head
    assert {row["total_max"] for row in table.values()} == {"20"}
    assert {name: int(row["total"]) for name, row in table.items()} == {
        "Anna Roe": 20,
        "Missing Person": 0,
        "Zoë 李 Ωλ": 9,
        "'=1+1": 9,
        "jane": 9,
        "<b>bold": 0,
        "deep": 12,
        "none": 0,
        "more": 9,
        "twice": 9,
        "zip": 12,
        "evil": 0,
    }


def test_a_spreadsheet_reads_the_names_of_the_table(graded: tuple[Path, str]) -> None:
    assert (graded[0] / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_roster_brings_ids_and_who_handed_in_nothing(graded: tuple[Path, str]) -> None:
    table = grades(graded[0])
    assert (table["Anna Roe"]["id"], table["Anna Roe"]["email"]) == ("9001", "anna@example.edu")
    assert table["Missing Person"]["notes"] == "lessons 1–2: nothing was handed in"
    assert "not on the roster" in table["zip"]["notes"]


def test_every_student_has_a_result_in_the_schema_of_check(graded: tuple[Path, str]) -> None:
    report = result(graded[0], "Zoë 李 Ωλ")
    assert list(report) == ["schema", "device", "dtype", "seed", "points", "max_points", "lessons"]
    assert [lesson["lesson"] for lesson in report["lessons"]] == list(TWO)
    exercise = report["lessons"][0]["exercises"][3]
    assert exercise["misconception"] == "missing_factor_2"
    assert report["seed"] == 3


def test_whoever_lost_points_is_told_why_everywhere(graded: tuple[Path, str]) -> None:
    out, printed = graded
    last = printed[: printed.index("Of no student")].splitlines()[-1]
    page = Page(source_of(out, "report.html")).text
    told = 0
    for student, row in grades(out).items():
        name = student.removeprefix("'")
        own = Page(source_of(out, f"feedback/{Entry(name).feedback_name}")).text
        assert name in page and name in own
        for lesson in result(out, name)["lessons"]:
            if lesson["points"] == lesson["max_points"]:
                continue
            said = lesson["reason"]
            told += 1
            assert bool(said) != bool(lesson["file"])
            if said:
                seen = said.partition("; ")[2] or said
                assert seen in row["notes"] and seen in page and seen in last and seen in own
                assert name in last
            else:
                lost = [e for e in lesson["exercises"] if e["status"] != "passed"]
                assert all(e["message"] and e["exercise"] in row["notes"] for e in lost)
                assert lost and all(e["exercise"] in own for e in lost)
    assert told > len(grades(out)), "all but one lack lesson 2, and some have lesson 1 wrong"


def test_a_lesson_that_was_not_handed_in_is_not_started(graded: tuple[Path, str]) -> None:
    lesson = result(graded[0], "none")["lessons"][0]
    assert {e["status"] for e in lesson["exercises"]} == {"not_started"}
    assert lesson["reason"] == "no file that defines lesson 1's functions; there is nothing in it"


def test_what_is_no_submission_is_named(graded: tuple[Path, str]) -> None:
    assert "Of no student, by the name: readme.txt" in graded[1]


def test_the_page_is_one_file_without_network_or_script(graded: tuple[Path, str]) -> None:
    page = Page(source_of(graded[0], "report.html"))
    assert "script" not in page.tags and "b" not in page.tags
    assert not [url for url in page.links if not url.startswith("feedback/")]
    assert "<b>bold" in page.text


def test_the_page_links_to_pages_that_exist(graded: tuple[Path, str]) -> None:
    page = Page(source_of(graded[0], "report.html"))
    assert page.links
    assert all((graded[0] / unquote(link)).is_file() for link in page.links)


def test_the_page_begins_with_what_most_share_in_the_words_of_the_course(
    graded: tuple[Path, str],
) -> None:
    source = source_of(graded[0], "report.html")
    first = source[: source.index("<h2>Points</h2>")]
    text = Page(first).text
    assert "3 students" in text and "missing_factor_2" in text and SAYS in text
    assert first.count("<pre>") == 2 and "return r * x" in first
    assert "Jane" not in first, "a snippet is anonymous"
    assert "2 students give exactly this" in text


def test_identical_files_are_named(graded: tuple[Path, str]) -> None:
    text = Page(source_of(graded[0], "report.html")).text
    after = text[text.index("Identical files", text.index("Submissions to look at")) :]
    assert after.index("=1+1") < after.index("Errors")


def test_a_page_to_hand_back_shows_the_numbers_and_the_code(graded: tuple[Path, str]) -> None:
    page = Page(source_of(graded[0], "feedback/jane.html"))
    assert "9 of 20 points" in page.text and "∂loss/∂w" in page.text
    assert "return r * x" in page.text and "No code was run" in page.text
    assert not page.links


def test_a_wrong_gradient_is_shown_in_the_graph_of_the_student_s_own_code(
    graded: tuple[Path, str],
) -> None:
    out, _ = graded
    source = source_of(out, "feedback/jane.html")
    (story,) = result(out, "jane")["lessons"][0]["graphs"]
    w = next(node for node in story["nodes"] if node["name"] == "w")
    assert w["yours"]["data"] == [w["grad"]["data"][0] / 2]
    assert source.count('class="step-through"') == 1 and "∂loss/∂" in source
    own = re.search("<style>(.*?)</style>", source, re.DOTALL)
    assert own is not None
    digest = base64.b64encode(hashlib.sha256(own[1].encode()).digest()).decode()
    policy = source[source.index("Content-Security-Policy") :].partition(">")[0]
    assert digest in policy and "unsafe" not in policy and " style=" not in source


def test_where_no_gradient_is_wrong_a_page_needs_no_script(graded: tuple[Path, str]) -> None:
    assert "script" not in Page(source_of(graded[0], "feedback/Anna Roe.html")).tags
    assert "graphs" not in result(graded[0], "Anna Roe")["lessons"][0]


def test_graphs_are_left_out_for_everybody_where_nobody_wants_them(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "jane", lesson1_linear=HALF)
    arguments = (str(tmp_path / "in"), "1", "2", "--out", str(tmp_path / "out"), "--seed", "3")
    for options, shown_in_page in ((), True), (("--no-graphs",), False), (("--graphs",), True):
        assert run_here(*arguments, *options).returncode == 0
        assert ("graphs" in result(tmp_path / "out", "jane")["lessons"][0]) == shown_in_page
        page = source_of(tmp_path / "out", "feedback/jane.html")
        assert ('class="step-through"' in page) == shown_in_page


def test_canvas_and_moodle_get_what_they_import(graded: tuple[Path, str]) -> None:
    rows = list(csv.reader(io.StringIO(source_of(graded[0], "canvas.csv"))))
    assert rows[0][:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert rows[1][5:] == ["12", "8", "20"] and rows[1][0].strip() == "Points Possible"
    assert ["Anna Roe", "9001", "", "anna", "", "12", "8", "20"] in rows
    sheet = list(csv.DictReader(io.StringIO(source_of(graded[0], "moodle.csv"))))
    needed = {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"}
    assert needed <= set(sheet[0])
    anna = next(row for row in sheet if row["Full name"] == "Anna Roe")
    assert (anna["Email address"], anna["Grade"]) == ("anna@example.edu", "20")


def test_ids_of_platforms_reach_their_gradebooks(tmp_path: Path) -> None:
    for name in ("roe_12_34_x.py", "Al Roe_7_assignsubmission_file_x.py"):
        (tmp_path / name).write_text("")
    canvas, moodle = sorted(Export(tmp_path, tmp_path / "out").entries, key=lambda e: e.platform)
    assert (canvas.student, canvas.platform, canvas.platform_id) == ("roe", "canvas", "12")
    assert (moodle.student, moodle.platform, moodle.platform_id) == ("Al Roe", "moodle", "7")


def test_a_person_of_the_roster_who_hands_in_under_two_names_is_one_student() -> None:
    jane, bo = Person("Jane Doe", "9001", login="jdoe7"), Person("Bo Li", "9002")
    one = Entry("Doe, Jane", (Part("Doe, Jane"),))
    two = Entry("jdoe7", (Part("jdoe7.zip", "jdoe7.zip"),))
    (li, doe) = enrolled([one, two, Entry("Bo Li", (Part("b"),))], [jane, bo, bo])
    assert (li.student, li.note, doe.student) == ("Bo Li", "", "Jane Doe")
    assert {part.name for part in doe.parts} == {"Doe, Jane", "jdoe7.zip"}
    assert doe.note == "handed in as Doe, Jane as well"


def test_namesakes_of_a_platform_are_not_one_student_of_the_roster() -> None:
    entries = [Entry("Jane Doe", (Part(id),), platform="canvas", platform_id=id) for id in "12"]
    known = enrolled(entries, [Person("Jane Doe", "9001")])
    notes = sorted(entry.note for entry in known)
    assert notes == ["", "the one of this name on the roster handed in besides"]


def test_a_dry_run_says_what_is_whose_and_its_file_can_be_corrected(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    hand_in(folder, "anna", lesson1_linear=solution(STEM), scratch=solution(TWO[1]))
    (folder / "mystery.docx.py").write_text(solution(STEM), encoding="utf-8")
    (folder / "x.txt").write_text("?")
    done = run_here(str(folder), "1", "2", "--dry-run", "--out", str(out))
    assert done.returncode == 0, done.stderr
    path = out / "matching.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert {(r["file"], r["student"], r["lesson"], r["how sure"]) for r in rows} == {
        ("anna/lesson1_linear.py", "anna", "lesson1_linear", "sure"),
        ("anna/scratch.py", "anna", "lesson2_bias", "by content"),
        ("mystery.docx.py", "mystery.docx", "lesson1_linear", "by content"),
        ("x.txt", "", "", "not used"),
    }
    assert all(row["why"] for row in rows) and not (out / "grades.csv").exists()
    path.write_text(
        "file,student,lesson\nmystery.docx.py,ben,1\nmystery.docx.py,cleo,1\nanna/scratch.py,anna,\n",
        encoding="utf-8",
    )
    arguments = (str(folder), "1", "2", "--out", str(out), "--seed", "3")
    assert run_here(*arguments, "--match", str(path)).returncode == 0
    table = {name: row["total"] for name, row in grades(out).items() if row["total"] != "0"}
    assert table == {"anna": "12", "ben": "12", "cleo": "12"}  # a file may be two students'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,student\n", "columns file, student, lesson"),
        ("file,student,lesson\nno.py,anna,1\n", "names 'no.py', which is not there"),
        ("file,student,lesson\na/x.py,anna,99\n", "line 2: there is no lesson '99'"),
        ('file,student,lesson\n"' + "x" * 200_000, "is no CSV file"),
    ],
)
def test_a_matching_file_that_is_wrong_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "a", x="")
    path = tmp_path / "m.csv"
    path.write_text(text + ("x,y\n" if text.count("\n") == 1 else ""))
    done = run_here(
        str(tmp_path / "in"), "--dry-run", "--match", str(path), "--out", str(tmp_path / "o")
    )
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_roster_that_is_no_table_is_one_line(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "a", x="")
    roster = tmp_path / "roster.csv"
    roster.write_text('name\n"' + "x" * 200_000, encoding="utf-8")
    arguments = (str(tmp_path / "in"), "--out", str(tmp_path / "o"), "--roster", str(roster))
    done = run_here(*arguments)
    assert done.returncode == 2 and "is no CSV file" in done.stderr


@POSIX
def test_what_a_dry_run_wrote_is_taken_back_whatever_the_names(tmp_path: Path) -> None:
    names = (
        "Mu\u0308ller",
        os.fsdecode(b"J\xe4ger"),
        "a;=b",
        "=x",
        "a\u200bb",
        "two\nlines",
        " in",
    )
    for name in names:
        hand_in(tmp_path / "in", name, x="1")
    out = tmp_path / "out"
    arguments = (str(tmp_path / "in"), "1", "--dry-run", "--out", str(out))
    assert run_here(*arguments).returncode == 0

    def whose() -> list[tuple[str, str]]:
        text = (out / "matching.csv").read_text(encoding="utf-8")
        return [(row["file"], row["student"]) for row in csv.DictReader(io.StringIO(text))]

    first = whose()
    assert run_here(*arguments, "--match", str(out / "matching.csv")).returncode == 0
    assert whose() == first and len(first) == len(names)


def test_results_do_not_go_among_the_submissions(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "a", x="")
    done = run_here(str(tmp_path / "in"), "--out", str(tmp_path / "in" / "." / "a" / ".."))
    assert done.returncode == 2 and "a folder of their own" in done.stderr
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a"]


def test_no_name_of_a_student_leads_to_the_file_of_another_or_out_of_the_folder() -> None:
    names = ("a/b", "a_b", "a\\b", "..", "../x", "a:b", "é" * 99 + "1", "é" * 99 + "2")
    files = [Entry(name).result_name for name in names]
    assert len(set(files)) == len(names)
    assert not any(Path(file).name != file or ":" in file or "\\" in file for file in files)


@POSIX
def test_names_that_steer_a_terminal_are_shown_without_that() -> None:
    assert shown("a\x1b[2J\n\u202eb\x9b") == "a�[2J��b�"
    assert shown("Zoë") == shown("Zoe\u0308") == "Zoë"
    assert shown(os.fsdecode(b"M\xfcller")) == "M�ller"


@POSIX
def test_a_folder_whose_name_is_not_utf_8_is_graded(tmp_path: Path) -> None:
    folder = tmp_path / "in" / os.fsdecode(b"M\xfcller")
    hand_in(folder, os.fsdecode(b"\xe4"), lesson1_linear=HALF)
    (tmp_path / "in" / "itself").symlink_to("itself")
    arguments = (str(tmp_path / "in"), "1", "--out", str(tmp_path / "out"), "--seed", "3")
    assert run_here(*arguments).returncode == 0
    assert grades(tmp_path / "out")["M�ller"]["total"] == "9"


@POSIX
def test_students_whose_names_look_alike_stay_apart(tmp_path: Path) -> None:
    for name in ("a\x01", "a\x02", "Zoë", "Zoe\u0308", "x" * 250):
        (tmp_path / name).mkdir()
    entries = Export(tmp_path, tmp_path / "out").entries
    assert len(entries) == 5
    assert len({entry.result_name for entry in entries}) == 5
    assert all(len(entry.result_name.encode()) < 200 for entry in entries)


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", " =1", "＝1", "\ufeff=1", "x;=1+1;", "a\t=1"]
)
def test_a_cell_that_begins_like_a_formula_is_text(text: str) -> None:
    plain = cell(text)
    at = next(i for i, c in enumerate(plain) if c in "=+-@＝")
    assert plain[at - 1] == "'"


def lesson_result(**changes: Any) -> LessonResult:
    exercise = {
        "exercise": "loss",
        "status": "wrong",
        "points": 0,
        "max_points": 3,
        "misconception": None,
        "message": "why",
        "case": {"x": 1.0},
        "comparison": [{"quantity": "q", "yours": 1.0, "autograd": None, "by_hand": 2.0}],
    }
    fields: dict[str, Any] = {
        "stem": STEM,
        "title": "title",
        "points": 0,
        "max_points": 3,
        "file": "a.py",
        "reason": "",
        "digest": "",
        "exercises": [exercise | changes.pop("exercise", {})],
    }
    return LessonResult(**(fields | changes))


def book_of(*results: LessonResult) -> Gradebook:
    book = Gradebook([STEM])
    for i, lesson in enumerate(results):
        book.add(Line(f"s{i}", "k", 9), Entry(f"s{i}", (Part("a"),)), Result((lesson,)))
    return book


def test_hostile_texts_reach_the_page_only_as_text(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\x1b[2J'\"&\u202e"
    row = {"quantity": evil, "yours": evil, "autograd": evil, "by_hand": 1.0}
    named = {"misconception": evil, "message": evil, "says": evil, "code": evil}
    nameless = {"case": {evil: evil}, "comparison": [row]}
    lessons = [lesson_result(title=evil, file=evil, exercise=e) for e in (named, named)]
    lessons += [lesson_result(exercise=nameless, digest=evil) for _ in range(2)]
    lessons += [lesson_result(file="", reason=evil)]
    book = book_of(*lessons)
    book.add_lost(Entry(evil), evil)
    book.lost[evil] = evil
    with open(tmp_path / "p.html", "w", encoding="utf-8") as file:
        write_page(book, Rules(1, 10.0, "auto", "v"), file)
    source = (tmp_path / "p.html").read_text(encoding="utf-8")
    page = Page(source)
    assert "img" not in page.tags and page.text.count("<img src=x") >= 9
    assert "\x1b" not in source and "\u202e" not in source


def test_what_to_teach_fits_on_a_page_however_much_there_is() -> None:
    book = Gradebook([f"lesson{n}_x" for n in range(1, 9)])
    code = "\n".join(["a long line of code " * 4] * 30)
    for n, stem in enumerate(book.stems):
        for i in range(12):
            wrong = {"misconception": f"m{i % 4}", "says": "word " * 60, "code": f"{code}{i}"}
            lesson = lesson_result(stem=stem, exercise=wrong)
            book.add(Line("s", "k", 0), Entry(f"s{n}-{i}"), Result((lesson,)))
    taken = chosen(book)
    items = [item for of in taken.values() for item in of]
    lines = sum(i.lines + i.with_code * i.lines_of_code for i in items) + 2.3 * len(taken)
    assert items and lines <= LINES - 5


def test_without_a_terminal_there_is_a_line_a_minute_and_no_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


def test_messages_name_no_folder_that_is_another_one_next_time(tmp_path: Path) -> None:
    source = "import os\nopen(os.path.abspath('missing.txt'))\n"
    submission = Submission({}, {STEM: Code(f"{STEM}.py", source)})
    texts = []
    for _ in range(2):
        with open_grader(Settings(seed=1)) as grader:
            texts.append(grader.grade(submission).report)
    assert "missing.txt" in texts[0]
    assert texts[0] == texts[1]


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
