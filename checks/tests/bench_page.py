"""How large a lesson's page is and how long it takes to make. Run by `make bench`.

The promise, on the machine it was measured on: under 200 KB, and made within 2 s beyond the time
that `import torch` takes. Both times are those of the processor, of all processes together, and
the second is told as a ratio to the first as well: a machine that is busy is slower at both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks.grader.language.figure import Graph
from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, number, stems

MOST_BYTES = 200_000
MOST_SECONDS = 2.0


def processor_time(*arguments: str) -> float:
    """Seconds of the processor for a Python program and the processes that it starts."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    torch = min(processor_time("-c", "import torch") for _ in range(3))
    print(f"import torch: {torch:.2f} s of the processor")
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for stem in stems():
            if not any(isinstance(one, Graph) for one in load(stem).figures):
                continue
            draw = ("draw", str(number(stem)), "--html", "--from", "solutions", "--out", folder)
            taken = min(processor_time("-m", "checks", *draw) for _ in range(2))
            size = (Path(folder) / f"{stem.split('_')[0]}.html").stat().st_size
            print(
                f"{stem}: {size // 1000} KB, {taken:.2f} s, {taken - torch:.2f} s beyond torch, "
                f"{taken / torch:.2f} × import torch"
            )
            if size > MOST_BYTES or taken - torch > MOST_SECONDS:
                missed.append(stem)
    print(f"missed: {', '.join(missed)}" if missed else "every page keeps both promises")


if __name__ == "__main__":
    main()
