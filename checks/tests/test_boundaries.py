"""What one submission does stays with it: odd answers, odd files, odd archives end no run."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from checks.grader.grading.judge import UNJUDGED
from checks.grader.grading.method import autograd_in
from checks.grader.grading.reading import line_of
from checks.grader.records.verdict import LessonReport
from checks.grader.running import frames, messages
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, patched, solution, verdict_of
from checks.tests.typed import Typed, typed

__all__ = ["typed"]  # a fixture

STEM = "lesson1_linear"
TUPLES = "lesson2_bias"
#: An exercise that returns a tuple, right at first, and something else when it is called again.
ONCE = """
_seen = {{}}
def grad_by_hand(x, y, w, b):
    key = (float(x), float(y), float(w), float(b))
    if key in _seen:
        {again}
    _seen[key] = True
    return _right_grad_by_hand(x, y, w, b)
"""
AGAIN = {
    "raises": "raise RuntimeError('already computed')",
    "returns one value": "return x",
    "returns None": "return None",
    "returns three values": "return x, x, x",
    "returns a dict": "return {'w': x}",
    "returns text": "return 'done', 'done'",
    "ends its process": "import os; os._exit(3)",
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_a_second_answer_of_another_form_is_judged(again: str, server: Server) -> None:
    code = ONCE.format(again=again)
    report = grade_text(server, TUPLES, patched(TUPLES, "grad_by_hand", code))
    verdict = verdict_of(report, "grad_by_hand")
    assert verdict.status in ("wrong", "crashed")
    assert UNJUDGED not in verdict.message
    assert report.points == report.max_points - verdict.max_points


#: What stands in `forward` beside the right answer, where the reader of the text stumbled.
ODD_TEXT = {
    "1500 attributes": f"    if False:\n        torch{'.autograd' * 1500}\n",
    "a sum of 600 terms": f"    if False:\n        torch.autograd.grad({'+'.join(['x'] * 600)})\n",
    "a number of 5000 digits": f"    if False:\n        torch.autograd.grad(0x{'f' * 5000})\n",
    "200 brackets": f"    if False:\n        {'(' * 150}x{')' * 150}\n",
}


@pytest.mark.parametrize("odd", ODD_TEXT.values(), ids=ODD_TEXT)
def test_an_odd_text_beside_the_right_answer_is_judged(odd: str, server: Server) -> None:
    code = f"def grad_by_hand(x, y, w):\n{odd}    return 2 * (x * w - y) * x\n"
    report = grade_text(server, STEM, patched(STEM, "grad_by_hand", code))
    assert verdict_of(report, "grad_by_hand").status in ("passed", "wrong_method", "error")
    assert UNJUDGED not in verdict_of(report, "grad_by_hand").message
    assert report.points >= report.max_points - 3


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "a." * 60_000 + "a",
        "x = " + "-" * 100_000 + "1",
        "x = " + "(" * 100_000,
        "x = " + "[" * 90 + "]" * 90,
        "def f():\n" + "".join(f"    a{i}\n" for i in range(20_000)),
        "".join(f"def f{i}(): f{i + 1}()\n" for i in range(10_000)),
        "x = '" + "中" * 349_000 + "'",
        "\0",
        "\ud800",
    ],
    ids=["attributes", "signs", "brackets", "lists", "names", "calls", "Chinese", "NUL", "half"],
)
def test_the_text_of_any_file_is_read_in_a_moment(source: str, *, moment: float = 5.0) -> None:
    code = f"import time\n{source}"
    started = time.process_time()
    assert autograd_in(code, "f0") is None
    assert line_of(code, "f0") in (None, 2)
    assert time.process_time() - started < moment


#: What a process may send in place of an answer.
FRAMES = {
    "half a surrogate pair": b'{"nonce": "N", "outcome": "raised", "type": "\xed\xa0\x80", "m": 1}',
    "an escaped half": b'{"nonce": "N", "outcome": "raised", "message": "\\ud800\\udbff"}',
    "an enormous empty shape": (
        b'{"nonce": "N", "outcome": "value", "value": {"tensor": [0, 16777216, 16777216, 16777216,'
        b' 16777216, 16777216, 16777216, 16777216], "at": 0, "dtype": "float32", "device": "cpu"}}'
    ),
}
SEND = """
import inspect, os, struct
nonce = next(f.frame.f_locals["request"].nonce for f in inspect.stack()
             if "request" in f.frame.f_locals)
text = {text!r}.replace(b"N", nonce.encode(), 1)
import gc, socket
sock = next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0)
def forward(x, w):
    nonce = next(f.frame.f_locals["request"].nonce for f in inspect.stack()
                 if "request" in f.frame.f_locals)
    sock.sendall(struct.pack("<II", len(text), 0) + {text!r}.replace(b"N", nonce.encode(), 1))
    os._exit(0)
"""


@pytest.mark.parametrize("what", FRAMES)
def test_an_odd_frame_becomes_a_verdict_that_every_output_can_hold(
    what: str, server: Server
) -> None:
    source = solution(STEM).partition('\nif __name__ == "__main__":')[0]
    # the length that is announced is that of the text with the nonce in it
    code = SEND.format(text=FRAMES[what])
    report = grade_text(server, STEM, f"{source}\n{code}")
    verdict = verdict_of(report, "forward")
    assert verdict.status in ("error", "crashed")
    assert UNJUDGED not in verdict.message
    json.dumps([v.message for v in report.verdicts], ensure_ascii=False).encode()
    _is_writable(report)


def _is_writable(report: LessonReport) -> None:
    from checks.grader.records.verdict import Report, Settings
    from checks.grader.reports.export import junit
    from checks.grader.reports.gradescope import gradescope
    from checks.grader.reports.terminal import Ink, render

    whole = Report(Settings(), (report,))
    render(whole, Ink(), every_message=True).encode()
    junit(whole).encode()
    json.dumps(gradescope(whole), ensure_ascii=False).encode()
    json.dumps(whole.as_json(), ensure_ascii=False).encode()


def test_leaves_that_share_a_body_take_no_more_memory_than_it_has() -> None:
    body = bytes(1 << 20)
    leaf = {"tensor": [1 << 17], "at": 0, "dtype": "float32", "device": "cpu"}
    tracemalloc.start()
    with pytest.raises(frames.Broken):
        messages.unpack({"tuple": [leaf] * 64}, body)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_what_a_judge_cannot_judge_is_nobodys_mistake_and_ends_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checks.grader.grading import judge

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(judge, "compare", fail)
    report = grade_text(server, STEM, solution(STEM))
    assert {v.status for v in report.verdicts} == {"course_error"}
    assert all(f"{UNJUDGED} (MemoryError in " in v.message for v in report.verdicts)
    _is_writable(report)


@pytest.mark.parametrize("size", [260 << 10, 1_000_000])
@pytest.mark.parametrize("letter", ["x", "中", "\t"])
def test_a_file_of_any_size_that_is_taken_in_is_graded(
    letter: str, size: int, server: Server
) -> None:
    padding = letter * (size // len(letter.encode()))
    source = f"{solution(STEM)}\n# {padding}\n"
    report = grade_text(server, STEM, source)
    assert report.points == report.max_points


def test_check_ends_with_a_report_and_without_a_traceback(tmp_path: Path, typed: Typed) -> None:
    code = ONCE.format(again=AGAIN["raises"])
    (tmp_path / f"{TUPLES}.py").write_text(patched(TUPLES, "grad_by_hand", code), encoding="utf-8")
    done = typed("check", "2", "--from", str(tmp_path))
    assert (done.status, done.err) == (1, "")
    assert "second call" in done.out and "Traceback" not in done.out
