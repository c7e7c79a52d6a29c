"""The comparison itself: what other graders let through must not pass here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.grading.compare import compare
from checks.grader.grading.table import rows
from checks.grader.language.lesson import Exercise
from checks.grader.language.truth import Truth
from checks.grader.records.answer import close
from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.records.tolerances import RTOL
from checks.grader.records.verdict import Settings


def exercise(*quantities: str) -> Exercise:
    return Exercise("grad", lambda x: x, quantities, points=1, idea="Think.", hints=("a", "b"))


def array(values: Any, dtype: str = "float32", device: str = "cpu") -> Array:
    return Array(torch.as_tensor(values, dtype=torch.float64), dtype, device)


def status(expected: Any, value: Any, **seen: Any) -> str | None:
    names = ("a", "b", "c")[: len(expected) if isinstance(expected, (tuple, dict)) else 1]
    fault = compare(exercise(*names), expected, Observation("value", value, **seen), Settings())
    return fault.status if fault else None


def t(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_of_2_001_is_rejected_where_2_is_right(dtype: str) -> None:
    assert not close(t(2.001), t(2.0), rtol=RTOL[dtype])
    assert not close(t(2.0001), t(2.0), rtol=RTOL[dtype])
    assert close(t(2.0 + 2e-6 if dtype == "float32" else 2.0), t(2.0), rtol=RTOL[dtype])


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1.0, 1e6])
def test_zeros_never_pass_however_small_the_answer(size: float) -> None:
    assert not close(t([0.0, 0.0]), t([size, -size]), rtol=RTOL["float32"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.empty(3, 0), torch.ones(3, 1)),
        (torch.tensor(1.0), torch.ones(4)),
        (torch.ones(1), torch.ones(4)),
        (torch.ones(2, 2), torch.ones(4)),
        (torch.empty(0), torch.tensor(1.0)),
    ],
)
def test_nothing_broadcasts(value: Tensor, expected: Tensor) -> None:
    assert not close(value.double(), expected.double(), rtol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_wrong(value: float) -> None:
    assert not close(t(value), t(1.0), rtol=1e-5)
    assert status(t(1.0), array(value)) == "wrong"


def test_one_wrong_component_among_many_is_found() -> None:
    right = torch.linspace(1, 2, 50, dtype=torch.float64)
    wrong = right.clone()
    wrong[17] *= 1.0001
    assert not close(wrong, right, rtol=RTOL["float32"])


@pytest.mark.parametrize(
    ("expected", "value", "verdict"),
    [
        (t(1.0), array(1.0), None),
        (t(1.0), array(2.0), "wrong"),
        (t(1.0), 1.0, "error"),
        (t(1.0), None, "error"),
        (t(1.0), Foreign("numpy.ndarray"), "error"),
        (t(1.0), (array(1.0),), "error"),
        (t(1.0), {"a": array(1.0)}, "error"),
        (t(1.0), array([1.0]), "error"),
        (t(1.0), array(1.0, dtype="float64"), "error"),
        (t(1.0), array(1.0, device="cuda:0"), "error"),
        ((t(1.0), t(2.0)), (array(1.0), array(2.0)), None),
        ((t(1.0), t(2.0)), (array(2.0), array(1.0)), "wrong"),
        ((t(1.0), t(2.0)), (array(1.0),), "error"),
        ((t(1.0), t(2.0)), (), "error"),
        ((t(1.0), t(2.0)), (array(1.0), array(2.0), array(3.0)), "error"),
        ((t(1.0), t(2.0)), array([1.0, 2.0]), "error"),
        ({"a": t(1.0)}, {"a": array(1.0)}, None),
        ({"a": t(1.0), "b": t(2.0)}, {"b": array(2.0), "a": array(1.0)}, None),
        ({"a": t(1.0)}, {"b": array(1.0)}, "error"),
        ({"a": t(1.0)}, {}, "error"),
        (197, 197, None),
        (197, 196, "wrong"),
        (197, True, "error"),
        (197, 197.0, "error"),
        ((True, False), (True, False), None),
        ((True, False), (True, True), "wrong"),
        ((True, False), (1, 0), "error"),
    ],
    ids=repr,
)
def test_an_answer_gets_its_status(expected: Any, value: Any, verdict: str | None) -> None:
    assert status(expected, value) == verdict


def test_a_wrong_shape_comes_before_a_wrong_dtype_and_a_wrong_value() -> None:
    fault = compare(
        exercise("a"),
        t([1.0, 2.0]),
        Observation("value", array([[9.0]], dtype="float64")),
        Settings(),
    )
    assert fault is not None
    assert fault.kind == "shape"


def test_side_effects_count_only_when_the_value_is_right() -> None:
    assert status(t(1.0), array(1.0), changed=(0,)) == "wrong"
    assert status(t(1.0), array(1.0), grads=(0,)) == "wrong"
    assert status(t(1.0), array(1.0), changed=(9,)) is None  # no such argument: a forged index


def rights(value: Any, expected: Any, dtype: Any = "float32") -> list[bool]:
    """Which rows of the table of an answer are right."""
    truth = Truth({}, expected, None, None)
    names = ("a", "b")[: len(expected) if isinstance(expected, tuple) else 1]
    table = rows(exercise(*names), truth, Observation("value", value), Settings(dtype=dtype))
    return [row.is_right for row in table]


def test_the_table_takes_an_entry_for_wrong_where_the_judge_does() -> None:
    off = [1.0 + 3e-6, 0.5]
    assert rights(array(off), t([1.0, 2.0])) == [True, False]
    assert rights(array(off, "float64"), t([1.0, 2.0]), "float64") == [False, False]


def test_no_entry_of_a_right_value_is_wrong_and_each_of_another_shape_is() -> None:
    assert rights((array([1e-9, 1.0]), array(3.0)), (t([0.0, 1.0]), t(2.0))) == [True, True, False]
    assert rights(array([[1.0, 2.0]]), t([1.0, 2.0])) == [False, False]
    assert rights(array([float("nan"), 2.0]), t([1.0, 2.0])) == [False, True]
