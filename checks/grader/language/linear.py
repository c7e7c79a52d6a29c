"""Gradient descent on a model that is linear in its parameters, without a gradient.

The second way to a training's result, for the lessons whose prediction is ŷ = φ·θ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.inputs import Dice


@dataclass(frozen=True)
class ByMatrix:
    """A training of one step a sample on (φ·θ − y)², without a gradient.

    A step takes θ to θ − 2·lr·(φ·θ − y)·φ, which is one matrix on the vector (θ, 1); an epoch is
    the product of its samples' matrices.

    names     of the parameters θ
    features  x -> φ, a column of shape (s,) for each parameter
    """

    names: tuple[str, ...]
    features: Callable[[Tensor], Sequence[Tensor]]

    def __call__(
        self, *, xs: Tensor, ys: Tensor, lr: float, epochs: int, **start: Tensor
    ) -> tuple[Tensor, ...]:
        """(*θ, losses): scalars, and shape (epochs,)."""
        features = torch.stack(tuple(self.features(xs)), dim=1)
        residuals = torch.cat((features, -ys[:, None]), dim=1)  # a row on (θ, 1) is φ·θ − y
        slopes = torch.cat((features, torch.zeros_like(ys)[:, None]), dim=1)
        identity = torch.eye(len(self.names) + 1, dtype=ys.dtype)
        steps = identity - 2 * lr * slopes[:, :, None] * residuals[:, None, :]
        up_to_last = identity
        for step in steps[:-1]:
            up_to_last = step @ up_to_last
        epoch = steps[-1] @ up_to_last
        state = torch.stack([*(start[name] for name in self.names), torch.ones_like(ys[0])])
        losses = []
        for _ in range(epochs):
            losses.append((residuals[-1] @ up_to_last @ state) ** 2)
            state = epoch @ state
        return (*state[:-1], torch.stack(losses))

    def draws(
        self, count: int, *, high: float = 2.8, lr: tuple[float, float] = (0.011, 0.03)
    ) -> Callable[[Dice], dict[str, Any]]:
        """`count` samples of both signs, or one more, and epochs that end far from 0 and from rest.

        A trained parameter near 0 would lose float32's digits, and a loss near 0 hides mistakes.
        """

        def draw(dice: Dice) -> dict[str, Any]:
            samples = count + dice.trial % 2
            while True:
                inputs: dict[str, Any] = {
                    "xs": dice.tensor(samples, high=high),
                    "ys": dice.tensor(samples),
                    **{name: dice.number(name) for name in self.names},
                    "lr": dice.factor(*lr),
                    "epochs": samples + 1 + dice.trial // 2,
                }
                *trained, losses = self(**inputs)
                if min(*(abs(one) for one in trained), losses.min()) > 0.25:
                    return inputs

        return draw


def trained_on_all(
    features: Tensor, targets: Tensor, start: Tensor, lr: float, epochs: int
) -> tuple[Tensor, Tensor]:
    """(θ, losses) of one step an epoch on the mean of (φ·θ − y)²: shapes (p,) and (epochs,).

    A step takes d, the distance to the minimum, to (I − lr·H)·d, and d costs ½·dᵀ·H·d.

    features (s, p), the φ of one sample a row; targets (s,); start (p,); s ≥ p.
    """
    lowest = torch.linalg.lstsq(features, targets[:, None]).solution[:, 0]
    floor = torch.mean((features @ lowest - targets) ** 2)
    h = hessian(features)
    shrink = torch.eye(len(start), dtype=start.dtype) - lr * h
    losses, away = [], start - lowest
    for _ in range(epochs):
        losses.append(floor + away @ h @ away / 2)
        away = shrink @ away
    return lowest + away, torch.stack(losses)


def hessian(features: Tensor) -> Tensor:
    """Second derivatives of the mean of (φ·θ − y)² in θ, shape (p, p): no y and no θ is in them."""
    return 2 * features.T @ features / len(features)


def curvatures(mean_loss: Callable[..., Tensor], parameters: int, *data: Any) -> tuple[float, ...]:
    """The eigenvalues of a quadratic mean loss' second derivatives, the smallest first.

    mean_loss  of the parameters in one vector, and of the data
    """
    at = torch.zeros(parameters, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda flat: mean_loss(flat, *data), at)
    return tuple(torch.linalg.eigvalsh(hessian).tolist())
