"""Gradient descent as the lessons ask for it, and the ways in which students get the loop wrong.

The right loop is the default of every field of `Loop`; a wrong loop differs in one field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Parameters = tuple[Tensor, ...]
#: (*sample, *parameters) -> gradients, one per parameter
Gradient = Callable[..., Any]
#: (*sample, *parameters) -> scalar loss
Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class Loop:
    """How a training loop goes about it.

    zeroed      when gradients are set to zero: "each step", "each epoch" or "never"
    forgotten   the one parameter whose gradient is never zeroed, None if there is none
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
    forgotten: int | None = None
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


def descend(
    gradient: Gradient,
    loss: Loss,
    samples: Sequence[tuple[Any, ...]],
    parameters: Parameters,
    lr: float,
    epochs: int,
    loop: Loop | None = None,
) -> tuple[Any, ...]:
    """Stochastic gradient descent: (*trained parameters, losses).

    One update a sample, in the order given; `losses`, shape (epochs,), holds per epoch the loss of
    its last sample, computed before that sample's update. Full batch is one sample that is the
    whole set. `losses` is None where the loop may report anything.
    """
    loop = loop or Loop()
    rate = lr if loop.lr is None else loop.lr
    state = _State(gradient, loss, rate, loop, parameters)
    chosen = list(samples) if loop.only is None else [samples[loop.only]]
    reports = []
    for _ in range((epochs if loop.epochs is None else loop.epochs) + loop.extra):
        seen = state.epoch(chosen)
        reports.append(_report(seen, loop))
    losses = None if loop.reported == "any" else torch.stack(reports)
    return (*state.parameters, losses)


class _State:
    """Parameters and accumulated gradients between two steps."""

    def __init__(
        self, gradient: Gradient, loss: Loss, lr: float, loop: Loop, parameters: Parameters
    ) -> None:
        self.gradient, self.loss, self.lr, self.loop = gradient, loss, lr, loop
        self.start = self.parameters = parameters
        self.grads = self._zeros()

    def epoch(self, samples: Sequence[tuple[Any, ...]]) -> list[Tensor]:
        """One pass over the samples; the losses noted on the way."""
        beginning = self.parameters
        if self.loop.zeroed == "each epoch":
            self.grads = self._zeros()
        if self.loop.update != "sample":
            return self._batch(samples)
        losses = []
        for sample in samples:
            if self.loop.recorded == "before":
                losses.append(self.loss(*sample, *self.parameters))
            self._step(sample, beginning)
            if self.loop.recorded == "after":
                losses.append(self.loss(*sample, *self.parameters))
        return losses

    def _step(self, sample: tuple[Any, ...], beginning: Parameters) -> None:
        at = {"current": self.parameters, "start": self.start, "epoch": beginning}[self.loop.at]
        self._accumulate(_several(self.gradient(*sample, *at)))
        if not self.loop.sequential:
            self.parameters = tuple(map(self._moved, range(len(at)), self.parameters, self.grads))
            return
        moved = list(self.parameters)
        for i in range(len(moved)):
            grads = _several(self.gradient(*sample, *moved))
            moved[i] = self._moved(i, moved[i], grads[i])
        self.parameters = tuple(moved)

    def _batch(self, samples: Sequence[tuple[Any, ...]]) -> list[Tensor]:
        losses = [self.loss(*sample, *self.parameters) for sample in samples]
        for sample in samples:
            grads = _several(self.gradient(*sample, *self.parameters))
            self.grads = tuple(map(torch.add, self.grads, grads))
        count = len(samples) if self.loop.update == "mean" else 1
        grads = tuple(grad / count for grad in self.grads)
        self.parameters = tuple(map(self._moved, range(len(grads)), self.parameters, grads))
        if self.loop.zeroed == "each step":
            self.grads = self._zeros()
        return losses

    def _accumulate(self, grads: Parameters) -> None:
        if self.loop.zeroed == "each step":
            kept = self.loop.forgotten
            zeros = self._zeros()
            self.grads = tuple(
                old if i == kept else zero
                for i, (old, zero) in enumerate(zip(self.grads, zeros, strict=True))
            )
        self.grads = tuple(map(torch.add, self.grads, grads))

    def _moved(self, index: int, parameter: Tensor, grad: Tensor) -> Tensor:
        if self.loop.frozen in ("all", index):
            return parameter
        step = -self.lr * grad
        return parameter - step if self.loop.uphill in ("all", index) else parameter + step

    def _zeros(self) -> Parameters:
        return tuple(torch.zeros_like(parameter) for parameter in self.start)


def _several(grads: Any) -> Parameters:
    return grads if isinstance(grads, tuple) else (grads,)


def _report(losses: list[Tensor], loop: Loop) -> Tensor:
    if loop.reported == "sum":
        return torch.stack(losses).sum()
    if loop.reported == "mean":
        return torch.stack(losses).mean()
    return losses[0] if loop.reported == "first" else losses[-1]
