"""Predict, then run: what is asked, and what is made of the answer."""

from __future__ import annotations

import sys

import pytest
import torch

from checks.grader.language import predict as module
from checks.grader.language.predict import predict

HOLDS = torch.full((2, 2), 4.5)


def told(said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(module, "_is_attended", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: said)
    predict("What does .grad hold?", HOLDS)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("4.5", "[[4.5, 4.5], [4.5, 4.5]], as you said\n"),
        ("4,5", "as you said"),
        ("−1", "and you said -1: why?"),
        ("four", "'four' is no number"),
        ("", "4.5]]\n"),
    ],
)
def test_a_prediction_is_held_against_what_came(
    said: str,
    answered: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answered in told(said, monkeypatch, capsys)


def test_without_anybody_there_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("asked"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    predict("What does .grad hold?", HOLDS)
    assert "it holds [[4.5" in capsys.readouterr().out


def test_an_input_that_ends_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(module, "_is_attended", lambda: True)
    monkeypatch.setattr("builtins.input", ended)
    predict("What does .grad hold?", HOLDS)
    assert "it holds [[4.5" in capsys.readouterr().out
