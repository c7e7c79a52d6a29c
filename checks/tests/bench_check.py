"""How long a check takes, as a ratio to `import torch` in the same run. Run by `make bench`.

The promise: at most 1.15 × on the solutions, 1.05 × on the stubs, 1.45 × on trainings that no
mistake explains.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checks.grader.records.course import ROOT, stems
from checks.tests.submissions import bank, patched


def seconds(arguments: list[str]) -> float:
    """The wall time of one command."""
    start = time.perf_counter()
    subprocess.run(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def write_wrong_work(folder: Path, *, explained: bool) -> None:
    """One wrong submission of every lesson: the bank's last with an id, or its last without one.

    Without an id every formula is tried in vain; of those the trainings take longest.
    """
    folder.mkdir()
    for stem in stems():
        wrong = [p for p in bank(stem) if p.status == "wrong" and bool(p.ids) == explained]
        patch = ([p for p in wrong if p.exercise == "train" and not explained] or wrong)[-1]
        text = patched(stem, patch.exercise, patch.code)
        (folder / f"{stem}.py").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    check = [sys.executable, "-m", "checks", "check", "--from"]
    with tempfile.TemporaryDirectory() as name:
        wrong, unexplained = Path(name) / "wrong", Path(name) / "unexplained"
        write_wrong_work(wrong, explained=True)
        write_wrong_work(unexplained, explained=False)
        commands = {
            "import torch": [sys.executable, "-c", "import torch"],
            "check solutions": [*check, "solutions"],
            "check stubs": [*check, "exercises"],
            "check wrong work": [*check, str(wrong)],
            "check unexplained": [*check, str(unexplained)],
        }
        for command in commands.values():  # warm the disk cache
            seconds(command)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):  # in turn, so that a slow moment of the machine meets all alike
            for name, command in commands.items():
                times[name].append(seconds(command))
    base = {how: how(times["import torch"]) for how in (statistics.median, min)}
    for name, measured in times.items():
        median, least = (how(measured) / base[how] for how in base)
        spread = f"{min(measured):.2f}–{max(measured):.2f} s"
        print(f"{name:<18} {median:4.2f} × import torch, of the fastest {least:4.2f} ×  ({spread})")


if __name__ == "__main__":
    main()
