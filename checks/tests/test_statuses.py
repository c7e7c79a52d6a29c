"""Misbehaving submissions, each with the status and the words it must get.

All of them spoil one function of lesson 1; the exercises after it must still be graded.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.grader.grading.grade import grade_all
from checks.grader.records.verdict import Settings, Status
from checks.grader.running.intake import read_file
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, patched, solution, verdict_of

STEM = "lesson1_linear"
SHORT = Settings(time_limit=1.5)
HEAD = "def grad_by_hand(x, y, w):\n    "

#: name, body of grad_by_hand, status, a piece of the message
BODIES: list[tuple[str, str, Status, str]] = [
    ("loops for ever", "while True: pass", "timeout", "still running after 1.5 seconds"),
    (
        "loops and catches everything",
        "while True:\n        try: sum(iter(int, 1))\n        except BaseException: pass",
        "timeout",
        "never ends",
    ),
    ("sleeps", "import time; time.sleep(60)", "timeout", "still running"),
    ("calls sys.exit", "sys.exit(0)", "error", "called exit"),
    ("calls os._exit", "import os; os._exit(0)", "crashed", "died"),
    ("kills itself", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crashed", "died"),
    ("reads address 0", "import ctypes; ctypes.string_at(0)", "crashed", "died"),
    ("closes every descriptor", "import os; os.closerange(0, 64)", "crashed", "died"),
    (
        "writes bytes on the judge's pipe",
        "import os; os.write(3, b'x' * 100); return x",
        "crashed",
        "died",
    ),
    (
        "sends a frame that claims to be huge",
        "import os; os.write(3, b'\\xff' * 8); return x",
        "crashed",
        "died",
    ),
    (
        "sends a right-looking frame before its time",
        "import os, struct, json\n"
        "    h = {'nonce': 'guess', 'outcome': 'value', 'value': {'plain': 1}}\n"
        "    h = json.dumps(h).encode()\n"
        "    os.write(3, struct.pack('<II', len(h), 0) + h); return x",
        "crashed",
        "died",
    ),
    ("recurses for ever", "return grad_by_hand(x, y, w)", "error", "RecursionError"),
    ("returns nothing", "2 * (x * w - y) * x", "error", "Is there a `return`?"),
    ("returns nan", "return x * float('nan')", "wrong", "nan (not a number)"),
    ("returns infinity", "return x / (x - x)", "wrong", "infinite"),
    ("returns zero", "return x * 0", "wrong", "Every component is zero"),
    ("returns a NumPy array", "return (2 * (x * w - y) * x).numpy()", "error", "NumPy array"),
    ("returns a Python float", "return (2 * (x * w - y) * x).item()", "error", "0-d tensor"),
    ("returns a string", "return 'done'", "error", "yours is a str"),
    ("returns a tuple of one", "return (2 * (x * w - y) * x,)", "error", "comma"),
    ("returns shape (1,)", "return (2 * (x * w - y) * x).reshape(1)", "error", "shape (1,)"),
    ("returns an empty tensor", "return torch.empty(0)", "error", "shape (0,)"),
    ("returns float64", "return (2 * (x * w - y) * x).double()", "error", "dtype float64"),
    ("returns integers", "return (2 * (x * w - y) * x).long()", "error", "dtype int64"),
    ("returns a complex tensor", "return (2 * (x * w - y) * x) + 0j", "error", "complex"),
    ("returns a sparse tensor", "return (x * w).reshape(1).to_sparse()", "error", "layout"),
    ("returns a meta tensor", "return (x * w).to('meta')", "error", "meta"),
    ("returns a huge tensor", "return torch.zeros(1).expand(3_000_000_000)", "error", "elements"),
    (
        "returns a subclass that always agrees",
        "class Yes(torch.Tensor):\n"
        "        def __eq__(self, other): return torch.tensor(True)\n"
        "    return (x * 0).as_subclass(Yes)",
        "error",
        "subclass",
    ),
    ("raises", "raise ValueError('what now?')", "error", "what now?"),
    (
        "raises something whose text raises",
        "class Mean(Exception):\n        def __str__(self): raise SystemExit\n    raise Mean",
        "error",
        "Mean",
    ),
    ("raises KeyboardInterrupt", "raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
    ("adds None", "return w + None", "error", "Something is None here"),
    (
        "changes its argument",
        "w.mul_(2); w.div_(2).add_(1); r = x * (w - 1) - y; return 2 * r * x",
        "wrong",
        "changed its argument `w`",
    ),
    (
        "leaves a gradient behind",
        "w.grad = torch.zeros_like(w); return 2 * (x * w - y) * x",
        "wrong",
        "`.grad` of its argument `w`",
    ),
    (
        "remembers the last call",
        "seen = globals().setdefault('seen', []); seen.append(float(x))\n"
        "    return 2 * (x * w - y) * x * (1 if seen.count(float(x)) == 1 else 2)",
        "wrong",
        "second call",
    ),
    (
        "lets autograd work",
        "v = w.detach().clone().requires_grad_(); loss(x, y, v).backward(); return v.grad",
        "wrong_method",
        "requires_grad_",
    ),
    (
        "hides autograd from the reader",
        "v = w.detach().clone(); getattr(v, 'requires_' + 'grad_')()\n"
        "    return getattr(torch, 'auto' + 'grad').grad(loss(x, y, v), v)[0]",
        "wrong_method",
        "autograd ran during the call",
    ),
    ("uses torch.func", "return torch.func.grad(loss, 2)(x, y, w)", "wrong_method", "torch.func"),
    (
        "asks another function to use autograd",
        "return grad_by_autograd(x, y, w)",
        "wrong_method",
        "autograd",
    ),
    ("is not started", "raise NotImplementedError('TODO 1.4')", "not_started", "TODO 1.4"),
]


@pytest.mark.parametrize(
    ("body", "status", "words"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
def test_a_function_that(body: str, status: Status, words: str, server: Server) -> None:
    source = patched(STEM, "grad_by_hand", HEAD + body)
    settings = SHORT if status == "timeout" else Settings()
    report = grade_text(server, STEM, source, settings)
    verdict = verdict_of(report, "grad_by_hand")
    assert verdict.status == status, verdict
    assert words in verdict.message
    assert verdict.points == 0
    others = {v.status for v in report.verdicts if v.exercise != "grad_by_hand"}
    assert others == {"passed"}, report.verdicts


#: name, text around the solution, status of every exercise, a piece of the message
FILES: list[tuple[str, str, Status, str]] = [
    ("a syntax error", "def broken(:\n", "error", "SyntaxError (line 1)"),
    ("an import that raises", "import no_such_module\n", "error", "ModuleNotFoundError (line 1)"),
    ("an import that exits", "import sys; sys.exit()\n", "error", "called exit"),
    ("an import that hangs", "while True: pass\n", "timeout", "While your file was imported"),
    ("an import that dies", "import os; os._exit(1)\n", "crashed", "While your file was imported"),
    ("a null character", "x = '\0'\n", "error", "cannot be imported"),
    ("an import that is not started", "raise NotImplementedError\n", "error", "cannot be imported"),
]


@pytest.mark.parametrize(
    ("text", "status", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_a_file_with(text: str, status: Status, words: str, server: Server) -> None:
    settings = SHORT if status == "timeout" else Settings()
    report = grade_text(server, STEM, text + solution(STEM), settings)
    assert {verdict.status for verdict in report.verdicts} == {status}
    assert all(words in verdict.message for verdict in report.verdicts), report.verdicts[0]


#: Right work that looks unusual: name, body of grad_by_hand
FINE = [
    ("prints megabytes", "print('x' * 5_000_000); return 2 * (x * w - y) * x"),
    ("writes to both streams", "print(1, file=sys.stderr); return 2 * (x * w - y) * x"),
    ("closes standard output", "sys.stdout.close(); print(2); return 2 * (x * w - y) * x"),
    ("writes to the descriptors", "import os; os.write(1, b'x' * 9); return 2 * (x * w - y) * x"),
    ("warns", "import warnings; warnings.warn('careful'); return 2 * (x * w - y) * x"),
    ("returns a tensor that requires grad", "return (2 * (x * w - y) * x).requires_grad_(True)"),
    ("reckons in float64", "return (2 * (x.double() * w - y) * x).to(x.dtype)"),
    (
        "reckons in Python floats",
        "return x.new_tensor(2 * (x.item() * w.item() - y.item()) * x.item())",
    ),
    ("returns a parameter", "return torch.nn.Parameter(2 * (x * w - y) * x)"),
    ("switches recording off", "torch.set_grad_enabled(False); return 2 * (x * w - y) * x"),
]


@pytest.mark.parametrize("body", [row[1] for row in FINE], ids=[row[0] for row in FINE])
def test_nothing_is_held_against_a_function_that(body: str, server: Server) -> None:
    if "requires_grad_(True)" in body:  # by hand, the name itself is refused
        source = patched(STEM, "forward", "def forward(x, w):\n    return (x * w).requires_grad_()")
    else:
        source = patched(STEM, "grad_by_hand", HEAD + body)
    report = grade_text(server, STEM, source)
    assert {v.status for v in report.verdicts} == {"passed"}, report.verdicts


def test_a_formula_typed_again_is_no_autograd(server: Server) -> None:
    code = "def grad_by_autograd(x, y, w):\n    return 2 * (x * w - y) * x"
    report = grade_text(server, STEM, patched(STEM, "grad_by_autograd", code))
    verdict = verdict_of(report, "grad_by_autograd")
    assert (verdict.status, verdict.points) == ("wrong_method", 0)
    assert "autograd never ran" in verdict.message


def test_a_missing_function_is_an_error_and_the_rest_is_graded(server: Server) -> None:
    report = grade_text(server, STEM, solution(STEM).replace("def multiply_backward", "def other"))
    verdict = verdict_of(report, "multiply_backward")
    assert verdict.status == "error"
    assert "no function `multiply_backward`" in verdict.message
    assert report.points == report.max_points - verdict.max_points


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is not UTF-8"),
        (lambda path: path.write_bytes(b"#" * (1 << 20) + b"##"), "larger than 1 MiB"),
        (lambda path: __import__("os").mkfifo(path), "is not a regular file"),
    ],
    ids=["missing", "a folder", "not text", "too large", "a FIFO"],
)
def test_a_file_that_cannot_be_read_is_an_error(
    make: object, words: str, tmp_path: Path, server: Server
) -> None:
    path = tmp_path / f"{STEM}.py"
    make(path)  # type: ignore[operator]
    report = grade_all(server, [read_file(path, STEM)], Settings())
    assert {v.status for v in report.lessons[0].verdicts} == {"error"}
    assert all(words in v.message for v in report.lessons[0].verdicts)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path, server: Server) -> None:
    path = tmp_path / f"{STEM}.py"
    path.write_bytes(b"\xef\xbb\xbf" + solution(STEM).replace("\n", "\r\n").encode())
    assert grade_all(server, [read_file(path, STEM)], Settings()).passed
