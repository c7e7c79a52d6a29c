"""Messages that students meet, raised here by PyTorch itself, each with its explanation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from checks.grader.grading.explain import (
    meaning,
    reshaped,
    shape_reason,
    told_error,
)
from checks.grader.records.observation import Observation


def _leaf(value: float = 1.0) -> Tensor:
    return torch.tensor([value], requires_grad=True)


def _second_backward() -> None:
    loss = (_leaf() ** 2).sum()
    loss.backward()
    loss.backward()


def _in_place_on_a_leaf() -> None:
    w = _leaf()
    w -= 1


def _in_place_on_an_entry_of_a_leaf() -> None:
    w = _leaf()
    w[0] -= 1


def _saved_value_overwritten() -> None:
    a = _leaf() * 1
    b = a * a
    a.add_(1)
    b.sum().backward()


def _gradient_of_a_rebound_leaf() -> None:
    w = _leaf() * 1
    w.sum().backward()
    w - 0.1 * w.grad  # type: ignore[operator]


ERRORS: list[tuple[Callable[[], object], str]] = [
    (lambda: nn.Linear(1, 1)(torch.ones(15)), "columns of A"),
    (lambda: torch.ones(2, 3) @ torch.ones(2), "columns of A"),
    (lambda: torch.ones(3) @ torch.ones(2), "columns of A"),
    (lambda: torch.tensor(1.0) @ torch.ones(2), "A scalar multiplies with `*`"),
    (lambda: torch.mm(torch.ones(3), torch.ones(3, 1)), "number of dimensions"),
    (lambda: torch.outer(torch.ones(2, 1), torch.ones(2)), "number of dimensions"),
    (lambda: torch.tensor(1.0).backward(), "No graph leads to this value"),
    (_second_backward, "A backward frees what the graph saved"),
    (_in_place_on_a_leaf, "with torch.no_grad()"),
    (_in_place_on_an_entry_of_a_leaf, "with torch.no_grad()"),
    (_saved_value_overwritten, "saved for backward was overwritten"),
    (lambda: torch.autograd.grad(_leaf().sum(), _leaf()), "from this very tensor"),
    (lambda: torch.autograd.grad(_leaf().sum(), torch.ones(1)), "from this very tensor"),
    (lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(), "float32 meets float64"),
    (lambda: nn.Linear(1, 1)(torch.ones(2, 1).double()), "float32 meets float64"),
    (lambda: torch.ones(2).dot(torch.ones(2).double()), "float32 meets float64"),
    (lambda: torch.ones(2, requires_grad=True).mul(2).backward(), "starts from one number"),
    (lambda: _leaf().numpy(), "NumPy leaves the graph"),
    (_gradient_of_a_rebound_leaf, "Something is None here"),
    (lambda: torch.ones(1).grad.zero_(), "Something is None here"),  # type: ignore[union-attr]
    (lambda: torch.ones(2) + torch.ones(3), "the product of matrices"),
    (lambda: torch.ones(2).item(), "A single number was wanted"),
    (lambda: bool(torch.ones(2) > 0), "A single number was wanted"),
    (lambda: torch.stack([]), "The list is empty"),
    (lambda: torch.stack([1.0]), "a Python number where a tensor is wanted"),  # type: ignore[list-item]
    (lambda: (1.0).backward(), "a Python number where a tensor is wanted"),  # type: ignore[attr-defined]
    (lambda: torch.tensor(1).requires_grad_(), "Whole numbers have no gradient"),
    (lambda: torch.tensor(1.0)[0], "it has no entries"),
    (lambda: list(torch.tensor(1.0)), "it has no entries"),
]


@pytest.mark.parametrize(("raises", "words"), ERRORS, ids=[words for _, words in ERRORS])
@pytest.mark.filterwarnings("ignore")
def test_an_error_of_pytorch_is_explained(raises: Callable[[], object], words: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: B017
        raises()
    assert words in meaning(str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        # CUDA's and older releases' wording, which this machine cannot raise.
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0",
        "One of the differentiated Tensors appears to not have been used in the graph.",
        "expected scalar type Double but found Float",
        "expected m1 and m2 to have the same dtype, but got: double != float",
    ],
)
def test_the_wording_of_other_devices_and_releases_is_known(message: str) -> None:
    assert meaning(message)


def test_an_unknown_error_is_shown_as_it_is() -> None:
    seen = Observation("raised", error_type="ValueError", message="what now?", line=7)
    assert told_error(seen) == "Your code raised ValueError (line 7): what now?"


def test_the_original_message_stands_before_the_explanation() -> None:
    message = "mat1 and mat2 shapes cannot be multiplied (1x15 and 1x1)"
    seen = Observation("raised", error_type="RuntimeError", message=message, line=3)
    assert told_error(seen) == f"Your code raised RuntimeError (line 3): {message}."
    assert "(n, 1)" in meaning(message)


@pytest.mark.parametrize(
    ("yours", "expected", "words"),
    [
        ((15,), (15, 1), "second dimension, of size 1"),
        ((15, 15), (15, 1), "broadcasts to (n, n)"),
        ((3, 3), (3,), "outer product"),
        ((3, 2), (2, 3), "transposed"),
        ((3,), (), "a sum or a mean over the entries missing"),
        ((), (3,), "one for each entry was asked for"),
        ((1, 3), (3,), "dimension of size 1"),
        ((1, 1), (1,), "dimension of size 1"),
        ((4,), (3,), "the shape of every step"),
    ],
)
def test_a_wrong_shape_is_explained(
    yours: tuple[int, ...], expected: tuple[int, ...], words: str
) -> None:
    assert words in shape_reason("ŷ", yours, expected)


@pytest.mark.parametrize(
    ("yours", "words"),
    [
        ((), "collect them in a list"),
        ((12,), "3 for each of the 4 epochs"),
        ((3,), "no more and no fewer"),
        ((4, 1), "shape (4,), is asked for"),
    ],
)
def test_losses_of_a_wrong_shape_are_counted(yours: tuple[int, ...], words: str) -> None:
    assert words in shape_reason("losses", yours, (4,))


def test_right_numbers_are_told_how_to_get_their_shape() -> None:
    assert "`.reshape(1, 1)`" in reshaped((), (1, 1))
    assert "`.reshape(2)`" in reshaped((2, 1), (2,))
    assert "`[0][0]`" in reshaped((1, 1), ())
