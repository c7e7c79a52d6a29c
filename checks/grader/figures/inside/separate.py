"""Two trainings on the same data from the same start: with the activation, and without."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def separate(lesson: Any, names: list[str], grid: Tensor, *arguments: Any) -> dict[str, Any]:
    """Two trainings on the same data from the same start: with the activation, and without.

    names      the exercises: train, forward, forward without activation, collapse
    grid       points to predict at, shape (g, n)
    arguments  of train: xs, ys, the parameters, lr, epochs
    The net without activation has no exercise that trains it: autograd does, on full batches, which
    settle on the best line where single samples do not.
    """
    train, forward, linear, collapse = (getattr(lesson, name) for name in names)
    xs, ys, *start, lr, epochs = arguments

    def mean_loss(predict: Any, parameters: Any) -> Tensor:
        answers = torch.stack([predict(x, *parameters) for x in xs])
        return torch.mean((0.5 * (answers - ys) ** 2).sum(dim=1))

    trained = [part.detach() for part in list(train(*arguments))[:-1]]
    straight = [part.detach().clone().requires_grad_() for part in start]
    descent = torch.optim.SGD(straight, lr=lr)
    for _ in range(epochs):
        descent.zero_grad()
        mean_loss(linear, straight).backward()
        descent.step()
    with torch.no_grad():
        weight, bias = collapse(*straight)
        return {
            "losses": torch.stack([mean_loss(linear, straight), mean_loss(forward, trained)]),
            "weight": weight,
            "bias": bias,
            "bent": torch.stack([forward(point, *trained) for point in grid]),
        }
