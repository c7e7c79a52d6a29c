"""Gradient descent on a model that is linear in its parameters, without a gradient.

The second way to a training's result, for the lessons whose prediction is ŷ = φ·θ.
"""

from __future__ import annotations

import torch
from torch import Tensor


def trained(
    features: Tensor, targets: Tensor, start: Tensor, lr: float, epochs: int
) -> tuple[Tensor, ...]:
    """(*θ, losses) of one step a sample on (φ·θ − y)²: p scalars and shape (epochs,).

    A step takes θ to θ − 2·lr·(φ·θ − y)·φ, which is one matrix on the vector (θ, 1); an epoch is
    the product of its samples' matrices.

    features (s, p), the φ of one sample a row; targets (s,); start (p,); s ≥ 1.
    """
    residuals = torch.cat((features, -targets[:, None]), dim=1)  # a row on (θ, 1) is φ·θ − y
    slopes = torch.cat((features, torch.zeros_like(targets)[:, None]), dim=1)
    identity = torch.eye(len(start) + 1, dtype=start.dtype)
    steps = identity - 2 * lr * slopes[:, :, None] * residuals[:, None, :]
    up_to_last = identity
    for step in steps[:-1]:
        up_to_last = step @ up_to_last
    epoch = steps[-1] @ up_to_last
    state = torch.cat((start, torch.ones_like(start[:1])))
    losses = []
    for _ in range(epochs):
        losses.append((residuals[-1] @ up_to_last @ state) ** 2)
        state = epoch @ state
    return (*state[:-1], torch.stack(losses))
