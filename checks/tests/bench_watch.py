"""From saving a file to the verdict on the screen of `watch`, per lesson.

The file is a real file, the screen that of a real (pseudo) terminal. Each save differs from the
last and its mark has to appear on the screen. Two kinds of work: all right but one function, and
every function that uses it wrong as well, which sets the diagnosis to work.

    python -m checks.tests.bench_watch [LESSON …]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, find_all
from checks.tests.submissions import patched, solution
from checks.tests.watching import Watching, replace_file

SAVES = 20
TARGET = 0.150


def one_wrong(stem: str, mark: str) -> str:
    """The solution with its first function raising; the others go on using the right one."""
    name = load(stem).exercises[0].name
    return patched(stem, name, f"def {name}(*arguments):\n    raise ValueError({mark!r})\n")


def all_wrong(stem: str, mark: str) -> str:
    """The solution with its first function raising, for every other function as well."""
    name = load(stem).exercises[0].name
    text = solution(stem).partition('\nif __name__ == "__main__":')[0]
    return f"{text}\ndef {name}(*arguments):\n    raise ValueError({mark!r})\n"


def measure(stem: str, work: Callable[[str, str], str]) -> list[float]:
    """Seconds from the start of each save to its verdict."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{stem}.py"
        path.write_text(work(stem, "ready"), encoding="utf-8")
        with Watching(stem, "--from", folder) as watching:
            watching.wait_for("ready")
            for i in range(SAVES):
                text = work(stem, f"save {i} of {SAVES}")
                watching.forget()
                start = time.perf_counter()
                replace_file(path, text)
                watching.wait_for(f"save {i} of {SAVES}")
                seconds.append(time.perf_counter() - start)
    return seconds


def main(names: list[str]) -> None:
    print(f"From save to verdict under watch, {SAVES} saves each, in ms (target: median ≤ 150)")
    print(f"{'lesson':<30}{'work':<12}{'median':>8}{'p90':>8}{'max':>8}")
    for stem in find_all(names):
        if not (ROOT / "solutions" / f"{stem}.py").exists():
            continue
        for work in (one_wrong, all_wrong):
            ms = sorted(1000 * second for second in measure(stem, work))
            median, p90 = statistics.median(ms), ms[int(0.9 * len(ms))]
            late = "" if median <= 1000 * TARGET else "  too slow"
            kind = work.__name__.replace("_", " ")
            print(f"{stem:<30}{kind:<12}{median:>8.0f}{p90:>8.0f}{ms[-1]:>8.0f}{late}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
