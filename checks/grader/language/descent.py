"""Gradient descent as the lessons ask for it, and the ways in which students get the loop wrong.

The right loop is the default of every field of `Loop`; a wrong loop differs in one field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from checks.grader.language.slips import Procedure

#: A float, or a tensor of a whole layer.
Number = Any
Numbers = tuple[Number, ...]
#: (*sample, *parameters) -> (loss, one gradient per parameter)
Step = Callable[..., tuple[Number, Numbers]]


@dataclass(frozen=True)
class Loop(Procedure):
    """How a training loop goes about it.

    zeroed      when gradients are set to zero: "each step", "each epoch" or "never"
    forgotten   the parameters whose gradients are never zeroed
    uphill      the parameters whose step has the wrong sign: "none", "all" or an index
    update      after each "sample", or once an "epoch" with the "sum" or the "mean"
    extra       epochs too many (1) or too few (−1)
    recorded    when the loss is noted: "before" or "after" the update
    reported    what an epoch reports: the loss of its "last" or "first" sample, their "sum", "mean"
    at          where the gradient is taken: at the "current" parameters, those at the "start" of
                training, or those at the start of the "epoch"
    lr          a learning rate in place of the one asked for
    epochs      a number of epochs in place of the one asked for
    only        the one sample used, None for all
    frozen      the parameters that are never updated: "none", "all" or an index
    sequential  each parameter is updated before the next one's gradient is taken
    """

    zeroed: Literal["each step", "each epoch", "never"] = "each step"
    forgotten: tuple[int, ...] = ()
    uphill: Literal["none", "all"] | int = "none"
    update: Literal["sample", "sum", "mean"] = "sample"
    extra: int = 0
    recorded: Literal["before", "after"] = "before"
    reported: Literal["last", "first", "sum", "mean", "any"] = "last"
    at: Literal["current", "start", "epoch"] = "current"
    lr: float | None = None
    epochs: int | None = None
    only: int | None = None
    frozen: Literal["none", "all"] | int = "none"
    sequential: bool = False

    @property
    def keeps_apart(self) -> bool:
        return not self.sequential


RIGHT = Loop()


def descend(
    step: Step,
    samples: Sequence[Numbers],
    parameters: Numbers,
    lr: float,
    epochs: int,
    loop: Loop = RIGHT,
) -> tuple[Any, ...]:
    """Stochastic gradient descent: (*trained parameters, losses).

    One update a sample, in the order given; `losses`, shape (epochs,), holds per epoch the loss of
    its last sample, computed before that sample's update. Full batch is one sample that is the
    whole set. `losses` is None where the loop may report anything.
    """
    state = _State(step, lr if loop.lr is None else loop.lr, loop, parameters)
    chosen = list(samples) if loop.only is None else [samples[loop.only]]
    rounds = (epochs if loop.epochs is None else loop.epochs) + loop.extra
    losses = [_report(state.epoch(chosen), loop) for _ in range(rounds)]
    if loop.reported == "any":
        return (*state.parameters, None)
    tensors = bool(losses) and isinstance(losses[0], Tensor)
    stacked = torch.stack(losses) if tensors else torch.tensor(losses, dtype=torch.float64)
    return (*state.parameters, stacked)


class _State:
    """Parameters and accumulated gradients between two steps."""

    def __init__(self, step: Step, lr: float, loop: Loop, parameters: Numbers) -> None:
        self.step, self.lr, self.loop = step, lr, loop
        self.start = self.parameters = parameters
        self.grads = self._zeros()

    def epoch(self, samples: Sequence[Numbers]) -> list[Number]:
        """One pass over the samples; the losses noted on the way."""
        beginning = self.parameters
        if self.loop.zeroed == "each epoch":
            self.grads = self._zeros()
        if self.loop.update != "sample":
            return self._batch(samples)
        losses = []
        for sample in samples:
            loss = self._advance(sample, beginning)
            if self.loop.recorded == "after":
                loss, _ = self.step(*sample, *self.parameters)
            losses.append(loss)
        return losses

    def _advance(self, sample: Numbers, beginning: Numbers) -> Number:
        """One step; the loss before it."""
        at = {"current": self.parameters, "start": self.start, "epoch": beginning}[self.loop.at]
        loss, grads = self.step(*sample, *at)
        if self.loop.at != "current":
            loss, _ = self.step(*sample, *self.parameters)
        self._accumulate(grads)
        if not self.loop.sequential:
            self.parameters = self._moved(self.grads)
            return loss
        moved = list(self.parameters)
        for i in range(len(moved)):
            _, grads = self.step(*sample, *moved)
            moved[i] = self._one_moved(i, moved[i], grads[i])
        self.parameters = tuple(moved)
        return loss

    def _batch(self, samples: Sequence[Numbers]) -> list[Number]:
        losses = []
        for sample in samples:
            loss, grads = self.step(*sample, *self.parameters)
            losses.append(loss)
            self.grads = tuple(old + new for old, new in zip(self.grads, grads, strict=True))
        count = len(samples) if self.loop.update == "mean" else 1
        self.parameters = self._moved(tuple(grad / count for grad in self.grads))
        if self.loop.zeroed == "each step":
            self.grads = self._zeros()
        return losses

    def _accumulate(self, grads: Numbers) -> None:
        if self.loop.zeroed == "each step":
            if not self.loop.forgotten:
                self.grads = grads
                return
            kept = self.loop.forgotten
            self.grads = tuple(
                old + new if i in kept else new
                for i, (old, new) in enumerate(zip(self.grads, grads, strict=True))
            )
            return
        self.grads = tuple(old + new for old, new in zip(self.grads, grads, strict=True))

    def _moved(self, grads: Numbers) -> Numbers:
        return tuple(
            self._one_moved(i, parameter, grad)
            for i, (parameter, grad) in enumerate(zip(self.parameters, grads, strict=True))
        )

    def _one_moved(self, index: int, parameter: Number, grad: Number) -> Number:
        if self.loop.frozen in ("all", index):
            return parameter
        step = self.lr * grad
        return parameter + step if self.loop.uphill in ("all", index) else parameter - step

    def _zeros(self) -> Numbers:
        return tuple(0 * parameter for parameter in self.start)


def _report(losses: list[Number], loop: Loop) -> Number:
    if loop.reported == "sum":
        return sum(losses)
    if loop.reported == "mean":
        return sum(losses) / len(losses)
    return losses[0] if loop.reported == "first" else losses[-1]
