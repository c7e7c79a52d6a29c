"""Predict, then run: a program asks what a computation will give before it shows what it gave."""

from __future__ import annotations

import contextlib
import sys

import torch
from torch import Tensor

from checks.grader.records.tolerances import PREDICTED


def predict(question: str, answer: Tensor) -> None:
    """Ask for a prediction where somebody can answer, then show what came, and whether they agree.

    The prediction is one number for every entry of the answer. Without a terminal or a notebook's
    input field nothing is asked.
    """
    print(question)
    said = _asked("  your prediction for each entry: ") if _is_attended() else ""
    print(f"  it holds {answer.tolist()}{_compared(said, answer)}")


def _is_attended() -> bool:
    """Whether there is a terminal on both ends, or a kernel of Jupyter."""
    return "ipykernel" in sys.modules or (sys.stdin.isatty() and sys.stdout.isatty())


def _asked(prompt: str) -> str:
    # A kernel without an input field raises a NotImplementedError.
    with contextlib.suppress(EOFError, OSError, NotImplementedError):
        return input(prompt).strip()
    print()
    return ""


def _compared(said: str, answer: Tensor) -> str:
    if not said:
        return ""
    try:
        number = float(said.replace("−", "-").replace(",", "."))
    except ValueError:
        return f"; {said!r} is no number"
    agrees = torch.allclose(answer, torch.full_like(answer, number), rtol=PREDICTED, atol=PREDICTED)
    return ", as you said" if agrees else f", and you said {number:g}: why?"
