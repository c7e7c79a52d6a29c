"""The training that a lesson asks for: what is right, and what a slip in every step leads to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from inspect import Parameter
from itertools import combinations
from operator import or_
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.descent import RIGHT, Loop, Numbers, descend
from checks.grader.language.lesson import Exercise, Variants, Witness, each_of
from checks.grader.language.net import Net, plain
from checks.grader.language.slips import Permuted, Slip, read_as

Closed = Callable[..., Any]


class Training:
    """SGD on a net: `samples`, then the trained parameters, a rate and a number of epochs.

    loss, gradient  the closed forms, (*sample, *parameters) -> value; what is right comes of them
    samples         the arguments that hold the data
    held_by         an argument that holds the parameters in their place, and how to read them
    by_sample       one step for each of their entries; otherwise the whole of them is one sample
    """

    def __init__(
        self,
        net: Net,
        loss: Closed,
        gradient: Closed,
        samples: Sequence[str],
        *,
        by_sample: bool = True,
        held_by: tuple[str, Callable[[Any], Sequence[Tensor]]] | None = None,
        rate: str = "lr",
        epochs: str = "epochs",
    ) -> None:
        self.net, self.loss, self.gradient = net, loss, gradient
        self.samples, self.by_sample = tuple(samples), by_sample
        self.rate, self.epochs, self.held_by = rate, epochs, held_by
        # Wrong loops share their first steps: what is equal is computed once.
        self._remembered = lru_cache(maxsize=4096)(net.run)
        self._known: dict[tuple[float, ...], Tensor] = {}
        annotated = {
            **({held_by[0]: "Module"} if held_by else {}),
            **dict.fromkeys((*samples, *(() if held_by else net.wrt)), "Tensor"),
            rate: "float",
            epochs: "int",
        }
        self.__signature__ = inspect.Signature(
            [
                Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
                for name, kind in annotated.items()
            ]
        )

    def __call__(self, *args: Any, **inputs: Any) -> tuple[Any, ...]:
        """The right training, by the closed forms: (*parameters, losses)."""
        given = self._with_parameters(self.__signature__.bind(*args, **inputs).arguments)

        def step(*at: Any) -> tuple[Any, Numbers]:
            grads = self.gradient(*at)
            return self.loss(*at), grads if isinstance(grads, tuple) else (grads,)

        start = tuple(plain(given[name]) for name in self.net.wrt)
        samples = self._data(given)
        *trained, losses = descend(step, samples, start, given[self.rate], given[self.epochs])
        like = [given[name] for name in self.net.wrt]
        answers = (
            value if isinstance(value, Tensor) else old.new_tensor(value)
            for value, old in zip(trained, like, strict=True)
        )
        return (*answers, losses)

    def by_autograd(self, *args: Any, **inputs: Any) -> tuple[Any, ...]:
        """The same by torch.autograd on the net, which the closed forms know nothing of."""
        given = self._with_parameters(self.__signature__.bind(*args, **inputs).arguments)
        parameters, losses = [given[name] for name in self.net.wrt], []
        for _ in range(given[self.epochs]):
            for sample in self._samples(given):
                leaves = [parameter.clone().requires_grad_() for parameter in parameters]
                loss = self.net(*sample, *leaves)
                pairs = zip(parameters, torch.autograd.grad(loss, leaves), strict=True)
                parameters = [parameter - given[self.rate] * grad for parameter, grad in pairs]
            losses.append(loss.detach())
        return (*parameters, torch.stack(losses))

    @property
    def mean_loss(self) -> Callable[..., Tensor]:
        """(parameters in one vector, *samples) -> the mean over all samples."""

        def mean_loss(parameters: Tensor, *samples: Tensor) -> Tensor:
            mean: Tensor = self.loss(*samples, *parameters).mean()
            return mean

        names = ("parameters", *self.samples)
        vars(mean_loss)["__signature__"] = inspect.Signature(
            [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        )
        return mean_loss

    def gradients_of_an_epoch(self, *args: Any) -> tuple[float, ...]:
        """The gradients of each sample of the first epoch, one after the other."""
        seen: list[Any] = []

        def step(*at: Any) -> tuple[Any, Numbers]:
            grads = self.gradient(*at)
            seen.extend(several := grads if isinstance(grads, tuple) else (grads,))
            return self.loss(*at), several

        given = self.__signature__.bind(*args).arguments
        start = tuple(plain(given[name]) for name in self.net.wrt)
        descend(step, self._data(given), start, given[self.rate], 1)
        return tuple(seen)

    def slipped(self, *parts: Any) -> Callable[..., Any]:
        """The training with these slips in every step and this loop around them."""
        orders = [part for part in parts if isinstance(part, Permuted) and part.of == "training"]
        slips = tuple(p for p in parts if isinstance(p, Slip | Permuted) and p not in orders)
        loop = reduce(or_, (part for part in parts if isinstance(part, Loop)), RIGHT)

        def wrong(**given: Any) -> tuple[Any, ...]:
            inputs = self._with_parameters(given)
            *trained, losses = descend(
                lambda *at: self._step(at, slips),
                self._data(inputs),
                self._flat(inputs),
                inputs[self.rate],
                inputs[self.epochs],
                loop,
            )
            several = self.net.parts(trained)
            for wrong in orders:
                several = tuple(several[i] for i in wrong.order)
            return (*several, losses)

        return wrong

    def moved_first(self, moved: Mapping[int, str]) -> Callable[..., Any]:
        """The training where some parameters step before the way back goes through them.

        moved  place in the gradient -> the name of its node
        """

        def wrong(**given: Any) -> tuple[Any, ...]:
            def step(*at: Any) -> tuple[Any, Numbers]:
                start = at[len(self.samples) :]
                loss, right = self._step(at, ())
                after = {i: start[i] - given[self.rate] * right[i] for i in moved}
                slips = tuple(read_as(moved[i], after[i]) for i in moved)
                _, others = self.net.run(self._grouped(at), slips)
                return loss, tuple(right[i] if i in moved else g for i, g in enumerate(others))

            data, start = self._data(given), self._flat(given)
            *trained, losses = descend(step, data, start, given[self.rate], given[self.epochs])
            return (*self.net.parts(trained), losses)

        return wrong

    def _with_parameters(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if self.held_by is None:
            return dict(inputs)
        name, parameters = self.held_by
        return {**inputs, **dict(zip(self.net.wrt, parameters(inputs[name]), strict=True))}

    def _samples(self, inputs: Mapping[str, Any]) -> list[tuple[Tensor, ...]]:
        columns = [inputs[name] for name in self.samples]
        if not self.by_sample:
            return [tuple(columns)]
        return list(zip(*map(torch.unbind, columns), strict=True))

    def _data(self, inputs: Mapping[str, Any]) -> list[Numbers]:
        """The samples; numbers in float64 as Python's, which are ten times as fast."""
        columns = [inputs[name] for name in self.samples]
        if self.by_sample and columns[0].dtype == torch.float64 and columns[0].ndim == 1:
            return list(zip(*(column.tolist() for column in columns), strict=True))
        return list(self._samples(inputs))

    def _flat(self, inputs: Mapping[str, Any]) -> Numbers:
        numbers: list[Any] = []
        for name in self.net.wrt:
            value = inputs[name]
            numbers.extend(value.tolist() if name in self.net.sizes else (plain(value),))
        return tuple(numbers)

    def _step(self, at: Numbers, slips: tuple[Any, ...]) -> tuple[Any, Numbers]:
        return self._remembered(tuple(map(self._same, self._grouped(at))), slips)

    def _same(self, value: Any) -> Any:
        """The first of all tensors that are equal to this one: a cache knows it again."""
        if not isinstance(value, Tensor):
            return value
        if len(self._known) > 4096:
            self._known.clear()
        return self._known.setdefault((*value.shape, *value.flatten().tolist()), value)

    def _grouped(self, at: Sequence[Any]) -> tuple[Any, ...]:
        """Sample and parameters as the net's inputs: vectors taken apart are tuples of numbers."""
        count = len(self.samples)
        inputs: list[Any] = list(at[:count])
        for i, name in enumerate(self.net.inputs[:count]):
            if name in self.net.sizes and isinstance(inputs[i], Tensor):
                inputs[i] = tuple(inputs[i].tolist())
        rest = iter(at[count:])
        for name in self.net.wrt:
            size = self.net.sizes.get(name)
            inputs.append(tuple(next(rest) for _ in range(size)) if size else next(rest))
        return tuple(inputs)

    def exercise(
        self, *witnesses: Witness, wrong: Mapping[str, Variants], **fields: Any
    ) -> Exercise:
        """The exercise `train`, with the mistakes of its steps and of every loop."""
        return Exercise(
            "train",
            self,
            (*self.net.wrt, "losses"),
            wrong=wrong,
            slipped=self.slipped,
            witnesses=witnesses,
            prefixes=self.smaller,
            **fields,
        )

    def smaller(self, **inputs: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Where it goes wrong: one epoch over the first 1, 2, … samples, then two epochs."""
        epoch, names = self.epochs.removesuffix("s"), self.samples
        first = [(f"the first {epoch}", inputs)]
        if self.by_sample:
            count = len(inputs[names[0]])
            first = [
                (f"sample {k}", {**inputs, **{name: inputs[name][:k] for name in names}})
                for k in range(1, count + 1)
            ]
        return (
            *((covers, {**cut, self.epochs: 1}) for covers, cut in first),
            (f"the second {epoch}", {**inputs, self.epochs: 2}),
        )

    def steps(
        self, calls: Sequence[tuple[Mapping[str, Any], Sequence[Tensor | None]]]
    ) -> list[tuple[list[Tensor], list[Tensor]]]:
        """The net's inputs at each step of the first epoch, and the gradient it amounts to.

        calls  the inputs of `smaller` and the parameters that came of them
        """
        found: list[tuple[list[Tensor], list[Tensor]]] = []
        given = self._with_parameters(calls[0][0])
        before = [torch.as_tensor(given[name], dtype=torch.float64) for name in self.net.wrt]
        for inputs, trained in calls[:-1] if self.by_sample else calls:
            after = [value.double() for value in trained if value is not None]
            if [v.shape for v in after] != [v.shape for v in before]:
                return []
            columns = [inputs[name] for name in self.samples]
            sample = [column[-1] for column in columns] if self.by_sample else columns
            grads = [(a - b) / inputs[self.rate] for a, b in zip(before, after, strict=True)]
            found.append(([*sample, *before], grads))
            before = after
        return found

    def loops(self, *rates: float) -> dict[str, Variants]:
        """The loops that students get wrong; `rates` are numbers typed in place of the rate."""
        count = len(self._names())
        several: Sequence[int] = range(count) if count > 1 else ()
        wrong: dict[str, list[Loop]] = {
            "not_zeroed": [
                Loop(zeroed="never"),
                *([Loop(zeroed="each epoch")] if self.by_sample else []),
                *(Loop(forgotten=(i,)) for i in several),
                *(Loop(forgotten=pair) for pair in combinations(several, 2) if 2 < count < 5),
            ],
            "ascent": [Loop(uphill="all"), *(Loop(uphill=i) for i in several)],
            "off_by_one_epoch": [Loop(extra=1, reported="any"), Loop(extra=-1, reported="any")],
            "loss_after_update": [Loop(recorded="after")],
            "not_updated": [
                Loop(frozen="all", reported="any"),
                *(Loop(frozen=i) for i in several),
            ],
            # Taken at the start of each epoch it gives what batch_not_sample gives, which is the
            # more common idea.
            "stale_gradient": [Loop(at="start", reported="any")],
            "lr_ignored": [Loop(lr=1.0), *(Loop(lr=rate) for rate in rates)],
            "epochs_ignored": [Loop(epochs=n, reported="any") for n in (1, 10, 100)],
        }
        if self.by_sample:
            wrong |= {
                "batch_not_sample": [
                    *(Loop(update=kind, reported="any") for kind in ("sum", "mean")),
                    Loop(update="sum", zeroed="never", reported="any"),
                ],
                "other_loss_reported": [Loop(reported=kind) for kind in ("first", "sum", "mean")],
                "one_sample_only": [Loop(only=i, reported="any") for i in (0, -1)],
            }
        if several:
            wrong["one_after_the_other"] = [Loop(sequential=True)]
        return dict(wrong)

    def _names(self) -> list[str]:
        """Each number or matrix that is stepped by itself."""
        return [f"{name}{i}" for name in self.net.wrt for i in range(self.net.sizes.get(name, 1))]


def in_every_step(
    wrong: Mapping[str, Variants], *, without: Sequence[str] = ()
) -> dict[str, Variants]:
    """The slips of a gradient, made in every step of a training."""
    found: dict[str, Variants] = {}
    for id, variants in wrong.items():
        slips = [
            variant
            for variant in each_of(variants)
            if all(
                isinstance(part, Slip | Permuted)
                for part in (variant if type(variant) is tuple else (variant,))
            )
        ]
        if slips and id not in without:
            found[id] = slips
    return found
