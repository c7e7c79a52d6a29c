"""Functions of one tensor with their Jacobians by hand, for exercises that are handed an f.

An f travels to the student's process as source text, so it stands alone. No Python factor meets a
0-d tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Source

Map = Callable[[Tensor], Tensor]


def doubled_square(x: Tensor) -> Tensor:
    """f(x) = (2x).view(2, 2)"""
    return (2 * x).view(2, 2)


def powers(x: Tensor) -> Tensor:
    """f(a, b) = (a², a·b, b³)"""
    a, b = x[0], x[1]
    return torch.stack((a * a, a * b, b * b * b))


def wave(x: Tensor) -> Tensor:
    """f(a, b, c) = (a·b, b·sin(c))"""
    a, b, c = x[0], x[1], x[2]
    return torch.stack((a * b, b * c.sin()))


def ring(x: Tensor) -> Tensor:
    """f(x)ᵢ = xᵢ²·xᵢ₊₁, and after the last entry comes the first"""
    return x * x * x.roll(-1)


def row_products(x: Tensor) -> Tensor:
    """f(X) = (x₁·x₂, x₁·x₁), products of the rows x₁ and x₂ of X"""
    return torch.stack(((x[0] * x[1]).sum(), (x[0] * x[0]).sum()))


def table(x: Tensor) -> Tensor:
    """f(x)ᵢⱼ = xᵢ·xⱼ for i = 1, 2 and every j"""
    return x[:2].unsqueeze(1) * x


def bowl(x: Tensor) -> Tensor:
    """f(a, b) = a² + 3b²"""
    a, b = x[:1], x[1:]
    return (a * a + 3 * b * b).sum()


def box(x: Tensor) -> Tensor:
    """f(a, b, c) = a·b·c"""
    return x[0] * x[1] * x[2]


def ripple(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ²·sin(xᵢ₊₁)"""
    return (x[:-1] * x[:-1] * x[1:].sin()).sum()


def cubes(x: Tensor) -> Tensor:
    """f(x) = Σ xᵢ³"""
    return (x * x * x).sum()


def _rows(*entries: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([torch.stack(row) for row in entries])


def _of_ring(x: Tensor) -> Tensor:
    following = torch.eye(len(x), dtype=x.dtype).roll(1, dims=1)
    return torch.diag(2 * x * x.roll(-1)) + (x * x).unsqueeze(1) * following


def _of_table(x: Tensor) -> Tensor:
    one = torch.eye(len(x), dtype=x.dtype)
    left = torch.einsum("ik,j->ijk", one[:2], x)
    return left + torch.einsum("jk,i->ijk", one, x[:2])


def _of_ripple(x: Tensor) -> Tensor:
    slopes = torch.zeros_like(x)
    slopes[:-1] += 2 * x[:-1] * x[1:].sin()
    slopes[1:] += x[:-1] ** 2 * x[1:].cos()
    return slopes


_JACOBIANS: Mapping[Map, Map] = {
    doubled_square: lambda x: 2 * torch.eye(4, dtype=x.dtype).view(2, 2, 4),
    powers: lambda x: _rows((2 * x[0], 0 * x[0]), (x[1], x[0]), (0 * x[0], 3 * x[1] ** 2)),
    wave: lambda x: _rows((x[1], x[0], 0 * x[0]), (0 * x[0], x[2].sin(), x[1] * x[2].cos())),
    ring: _of_ring,
    row_products: lambda x: _rows((x[1], x[0]), (2 * x[0], 0 * x[0])),
    table: _of_table,
    bowl: lambda x: torch.stack((2 * x[0], 6 * x[1])),
    box: lambda x: torch.stack((x[1] * x[2], x[0] * x[2], x[0] * x[1])),
    ripple: _of_ripple,
    cubes: lambda x: 3 * x**2,
}


def jacobian(f: Map, x: Tensor) -> Tensor:
    """The Jacobian of a map of this module, by hand; shape (*shape of f(x), *shape of x).

    Of an f that gives a scalar it is the gradient. Raises KeyError for any other f.
    """
    return _JACOBIANS[f](x)


def contract(left: Tensor, right: Tensor, indices: int) -> Tensor:
    """The sum over the last indices of left and the first of right."""
    product: Tensor = torch.tensordot(left, right, dims=indices)
    return product


def draw_map(choices: Sequence[tuple[Map, tuple[int, ...]]], dice: Dice) -> Mapping[str, Any]:
    """The f of this trial and an x of the shape that stands beside it."""
    f, shape = choices[dice.trial]
    return {"f": Source(f), "x": dice.tensor(*shape)}
