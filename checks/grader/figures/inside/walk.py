"""A training, stopped now and then to look at its parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def walk(lesson: Any, function: str, places: list[int], counts: list[int], *arguments: Any) -> Any:
    """The parameters of a training run, flattened: at the start, and after each count of epochs.

    `places` are the positions of the parameters among the arguments, in the order of the result;
    none if the first argument is a module that is trained in place. The last argument is the number
    of epochs. Returns shape (1 + len(counts), parameters).
    """
    now = list(arguments)

    def parameters() -> Tensor:
        held = [now[i] for i in places] if places else list(now[0].parameters())
        return torch.cat([torch.as_tensor(part).detach().clone().reshape(-1) for part in held])

    path = [parameters()]
    for count in counts:
        result = getattr(lesson, function)(*now[:-1], count)
        for place, part in zip(places, result if places else ()):  # noqa: B905
            now[place] = part.detach()
        path.append(parameters())
    return torch.stack(path)
