"""`watch` as a student meets it: in a terminal, with real files saved under it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.grader.author.stub import cut
from checks.grader.commands.hints import memory_of_hints
from checks.grader.records.course import ROOT, number, stems
from checks.tests.submissions import solution
from checks.tests.typed import Typed, typed

if sys.platform == "win32":
    pytest.skip("needs pseudo terminals", allow_module_level=True)

import termios

from checks.tests.watching import CLEAR, LONG, Watching, replace_file

__all__ = ["typed"]  # a fixture

STEM = stems()[0]
RIGHT = solution(STEM)
STUB = cut(RIGHT)
TIME_LIMIT = 4


def wrong(mark: str) -> str:
    """A lesson that is right but for its last function, which raises the mark."""
    return f"{_without_program(RIGHT)}\ndef train(*arguments):\n    raise ValueError({mark!r})\n"


def hanging(pid_file: Path) -> str:
    """A lesson whose last function never ends; its process writes down who it is."""
    loop = f"    open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n    while True: pass\n"
    return f"import os\n{_without_program(RIGHT)}\ndef train(*arguments):\n{loop}"


def _without_program(text: str) -> str:
    return text.partition('\nif __name__ == "__main__":')[0]


class Grader:
    """A running watch and the file under it."""

    def __init__(self, watching: Watching, path: Path) -> None:
        self.watching, self.path = watching, path

    def save(self, text: str) -> None:
        replace_file(self.path, text)

    def sees(self, wanted: str) -> str:
        return self.watching.wait_for(wanted)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    path = tmp_path_factory.mktemp("exercises") / f"{STEM}.py"
    path.write_text(STUB, encoding="utf-8")
    arguments = ("--from", str(path.parent), "--time-limit", str(TIME_LIMIT))
    with Watching(str(number(STEM)), *arguments) as watching:
        yield Grader(watching, path)


@pytest.fixture
def grader(running: Grader) -> Grader:
    """The running watch, showing the untouched stub."""
    running.save(wrong("next test"))
    running.sees("next test")
    running.save(STUB)
    running.sees("Next: forward\n")
    running.watching.forget()
    return running


def test_a_save_brings_the_verdict(grader: Grader) -> None:
    grader.save(wrong("first"))
    screen = grader.sees("raised ValueError")
    assert "✗ train" in screen and "✓ grad_by_hand" in screen


def test_a_save_in_place_brings_the_verdict_too(grader: Grader) -> None:
    grader.path.write_text(wrong("in place"), encoding="utf-8")
    grader.sees("in place")


def test_the_screen_is_cleared_before_each_verdict(grader: Grader) -> None:
    grader.save(wrong("one"))
    grader.sees("one")
    grader.save(wrong("two"))
    assert "one" not in grader.sees("two")
    assert CLEAR in grader.watching.text


def test_the_screen_says_what_a_fresh_check_says(grader: Grader, typed: Typed) -> None:
    grader.save(wrong("the same"))
    screen = grader.sees("the same")
    fresh = typed("check", "--from", str(grader.path)).out
    verdict = [line for line in fresh.splitlines() if re.match(r"Lesson|  \S", line)]
    assert len(verdict) > 8, fresh
    assert [line for line in verdict if line not in screen.splitlines()] == []


def test_a_file_written_in_two_strokes_is_graded_once_it_is_whole(grader: Grader) -> None:
    text = wrong("whole")
    with grader.path.open("w", encoding="utf-8") as file:
        file.write(text[: len(text) // 2] + "\n(")
        file.flush()
        time.sleep(0.04)
        file.seek(0)
        file.write(text)
    grader.sees("whole")
    assert "cannot be imported" not in grader.watching.text


def test_a_file_that_stays_half_written_is_said_to_be_and_then_recovers(grader: Grader) -> None:
    grader.save(STUB + "\ndef half(:\n")
    grader.sees("cannot be imported")
    grader.save(wrong("recovered"))
    grader.sees("recovered")


def test_a_deleted_file_is_missed_and_found_again(grader: Grader) -> None:
    grader.path.unlink()
    grader.sees(f"There is no file {grader.path.name}")
    grader.save(wrong("found"))
    grader.sees("found")


def test_a_file_that_an_editor_removes_for_a_moment_is_not_missed(grader: Grader) -> None:
    grader.path.unlink()
    time.sleep(0.03)
    grader.save(wrong("replaced"))
    grader.sees("replaced")
    assert "There is no file" not in grader.watching.text


def test_a_save_ends_the_wait_for_code_that_hangs(grader: Grader, tmp_path: Path) -> None:
    grader.save(hanging(tmp_path / "pid"))
    grader.sees("still running")
    grader.save(wrong("freed"))
    grader.sees("freed")
    assert "time limit" not in grader.watching.text
    _assert_gone(int((tmp_path / "pid").read_text()))


def test_code_that_hangs_meets_its_time_limit(grader: Grader, tmp_path: Path) -> None:
    grader.save(hanging(tmp_path / "pid"))
    assert f"after {TIME_LIMIT} seconds" in grader.sees("✗ train +time limit")


def test_a_save_of_a_file_that_the_lesson_imports_counts(grader: Grader) -> None:
    helper = grader.path.with_name("helper.py")
    helper.write_text("MARK = 'before'\n", encoding="utf-8")
    text = wrong("x").replace("ValueError('x')", "ValueError(helper.MARK)")
    grader.save(f"import helper\n{text}")
    grader.sees("before")
    helper.write_text("MARK = 'afterwards'\n", encoding="utf-8")
    grader.sees("afterwards")


def test_n_shows_the_next_open_exercise_and_comes_round(grader: Grader) -> None:
    names = re.findall(r"^def (\w+)", STUB, re.MULTILINE)
    for name in [*names[1:], names[0]]:
        grader.watching.press("n")
        grader.sees(f"Next: {name}\n")


def test_a_save_stays_with_the_exercise_that_was_chosen(grader: Grader) -> None:
    grader.watching.press("n")
    grader.sees("Next: loss\n")
    grader.watching.forget()
    grader.save(STUB + "\n# saved again\n")
    grader.sees("Next: loss\n")


def test_l_lists_every_lesson_in_a_line(grader: Grader) -> None:
    grader.watching.press("l")
    screen = grader.sees(r"points\n\n\[1\] open a lesson  \[b\]ack to lesson 1")
    assert screen.startswith(f"Lesson {number(STEM)} · ") and "forward" not in screen
    grader.watching.press("b")
    grader.sees("Next: forward\n")


def test_an_exercise_that_breaks_is_shown_even_if_another_was_chosen(grader: Grader) -> None:
    done = "def forward(x, w):\n    return x * w\n"
    grader.save(STUB + done)
    grader.sees("✓ forward(.|\n)*Next: loss\n")
    grader.watching.press("n")
    grader.sees("Next: multiply_backward\n")
    grader.save(STUB + done.replace("x * w", "x + w"))
    assert "Next: multiply_backward" not in grader.sees("✗ forward(.|\n)*forward at x")
    grader.save(STUB + done)
    grader.sees("✓ forward(.|\n)*Next: multiply_backward\n")


def test_code_that_hangs_takes_the_place_of_what_was_said_before(
    grader: Grader, tmp_path: Path
) -> None:
    grader.save(STUB + "\ndef half(:\n")
    grader.sees("cannot be imported")
    grader.save(hanging(tmp_path / "pid"))
    assert "cannot be imported" not in grader.sees("still running")
    grader.save(wrong("freed"))
    grader.sees("freed")


@pytest.mark.skipif(len(stems()) < 2, reason="there is only one lesson")
def test_after_the_lesson_that_was_asked_for_the_next_one_comes(tmp_path: Path) -> None:
    first, second = stems()[:2]
    for stem in (first, second):
        (tmp_path / f"{stem}.py").write_text(cut(solution(stem)), encoding="utf-8")
    with Watching(first, "--from", str(tmp_path)) as watching:
        watching.wait_for("Next: forward")
        replace_file(tmp_path / f"{first}.py", solution(first))
        watching.wait_for(f"complete(.|\n)*Lesson {number(second)} · (.|\n)*Next: ")
        watching.forget()
        watching.press("1")
        watching.wait_for(r"Lesson 1 is complete\.\n\n\[h\]int")
        watching.press("q")
        assert watching.ended() == 0  # what was asked for is passed


def test_h_shows_a_hint_below_the_verdict(grader: Grader) -> None:
    memory = memory_of_hints()
    kept = memory.read_bytes() if memory.exists() else None
    grader.watching.press("h")
    try:
        assert "Next: forward" in grader.sees(r"Hint \d of \d for forward")
    finally:
        memory.unlink() if kept is None else memory.write_bytes(kept)


def test_other_keys_and_arrow_keys_do_nothing(grader: Grader) -> None:
    grader.watching.press("xyz\x1b[A\x1bOn")
    grader.watching.forget()
    grader.save(wrong("still here"))
    grader.sees("still here")


def _start(tmp_path: Path, text: str) -> Watching:
    (tmp_path / f"{STEM}.py").write_text(text, encoding="utf-8")
    return Watching(str(number(STEM)), "--from", str(tmp_path))


def test_after_a_pause_it_has_its_keys_again_and_ctrl_c_leaves_the_terminal_as_it_was(
    tmp_path: Path,
) -> None:
    with _start(tmp_path, STUB) as watching:
        watching.wait_for("uit")
        in_use = watching.modes_now()
        assert in_use != watching.modes
        watching.process.send_signal(signal.SIGSTOP)
        termios.tcsetattr(watching.theirs, termios.TCSANOW, watching.modes)  # as a shell does
        watching.forget()
        watching.process.send_signal(signal.SIGCONT)
        watching.wait_for("uit")
        assert watching.modes_now() == in_use
        watching.press("\x03")
        _assert_left(watching, 1)


def test_q_during_code_that_hangs_ends_both(tmp_path: Path) -> None:
    with _start(tmp_path, hanging(tmp_path / "pid")) as watching:
        watching.wait_for("still running")
        watching.press("q")
        _assert_left(watching, 1)
        _assert_gone(int((tmp_path / "pid").read_text()))


def test_being_terminated_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with _start(tmp_path, STUB) as watching:
        watching.wait_for("uit")
        watching.process.send_signal(signal.SIGTERM)
        assert watching.ended() == 128 + signal.SIGTERM
        assert watching.modes_now() == watching.modes


def _assert_left(watching: Watching, status: int) -> None:
    assert watching.ended() == status
    assert "oodbye" in watching.screen and "Traceback" not in watching.text
    assert watching.modes_now() == watching.modes


@pytest.mark.skipif(len(stems()) < 2, reason="there is only one lesson")
def test_a_complete_lesson_leads_to_the_next_a_broken_one_back_and_the_last_to_goodbye(
    tmp_path: Path,
) -> None:
    first, second = stems()[:2]
    for stem in (first, second):
        (tmp_path / f"{stem}.py").write_text(cut(solution(stem)), encoding="utf-8")
    with Watching(first, second, "--from", str(tmp_path)) as watching:
        watching.wait_for(f"Lesson {number(first)} · ")
        replace_file(tmp_path / f"{first}.py", solution(first))
        watching.wait_for(f"complete(.|\n)*Lesson {number(second)} · (.|\n)*Next: ")
        replace_file(tmp_path / f"{first}.py", cut(solution(first)))
        watching.wait_for(f"^Lesson {number(first)} · (.|\n)*Next: ")
        replace_file(tmp_path / f"{second}.py", solution(second))
        watching.wait_for(f"Lesson {number(second)} is complete(.|\n)*Lesson {number(first)} · ")
        replace_file(tmp_path / f"{first}.py", solution(first))
        _assert_left(watching, 0)
        assert "everything is done" in watching.screen


def test_without_a_terminal_it_prints_plain_text_and_reads_no_keys(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.py"
    path.write_text(STUB, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "checks", "watch", "1", "--from", str(path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        shown = ""
        while "Ctrl-C to leave" not in shown:
            line = process.stdout.readline()
            assert line, f"it has ended: {shown}"
            shown += line
        replace_file(path, RIGHT)
        rest, _ = process.communicate(timeout=LONG)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "goodbye" in rest
    assert "\x1b" not in shown + rest and "[q]uit" not in shown + rest


def _assert_gone(pid: int, *, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")
