"""The logs of trainings, as the programs of lessons print them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

EPOCHS = (1, 2, 3, 5, 10, 20, 30, 40, 50, 75, 100)
ROUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
#: What is predicted before and after, and the epochs after which it is.
PREDICTED, AFTER = 4.0, (100, 1000)


def training_log(
    data: Callable[[], tuple[Tensor, ...]],
    start: Mapping[str, float],
    lr: float,
    epochs: tuple[int, ...] = EPOCHS,
) -> Callable[[Any, str], None]:
    """A lesson's program: train the student's `train`, with a line after so many epochs.

    start  name -> the scalar that training starts from, in the order of `train`'s arguments
    """

    def program(lesson: Any, device: str) -> None:
        xs, ys = (values.float().to(device) for values in data())
        x = torch.tensor(PREDICTED, device=device)
        trained = [torch.tensor(value, device=device) for value in start.values()]
        print(f"predict (before training) {x:g} → {lesson.forward(x, *trained).item():g}")
        done = 0
        for until in epochs:
            *trained, losses = lesson.train(xs, ys, *trained, lr, until - done)
            done = until
            print(_line(until, dict(zip(start, trained, strict=True)), losses[-1]))
            if until in AFTER:
                prediction = lesson.forward(x, *trained).item()
                print(f"predict (after {until} epochs) {x:g} → {prediction:.7f}")

    return program


def stages(
    train: Callable[[Any, int], tuple[Any, Tensor]], start: Any, *until: int
) -> Iterator[tuple[int, Any, float]]:
    """A training that goes on from stage to stage: (rounds so far, trained, the last loss).

    train  (where to start, how many rounds) -> (trained, losses)
    """
    done = 0
    for rounds in until:
        start, losses = train(start, rounds - done)
        done = rounds
        yield rounds, start, losses[-1].item()


def _line(epoch: int, parameters: Mapping[str, Tensor], loss: Tensor) -> str:
    """`  epoch   10   w =  1.982345   loss = 1.234e-03`, in columns."""
    values = "".join(f"   {name} = {value.item():9.6f}" for name, value in parameters.items())
    return f"  epoch {epoch:>4}{values}   loss = {loss.item():.3e}"
