"""The mistakes of training loops, for every lesson that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checks.grader.language.descent import Loop
from checks.grader.language.lesson import Mistake


def training_mistakes(
    parameters: Sequence[str],
    *,
    by_sample: bool = True,
    learning_rates: Sequence[float] = (0.01,),
    lr: str = "lr",
    epochs: str = "epochs",
) -> tuple[Mistake, ...]:
    """The loops that students get wrong.

    parameters      their names, for the one that is forgotten
    by_sample       whether the lesson asks for a step after each sample, or for full batches
    learning_rates  numbers that students type in place of lr
    lr, epochs      what the lesson calls the learning rate and the number of rounds
    """
    epoch = epochs.removesuffix("s")
    indices = range(len(parameters))
    several = indices if len(parameters) > 1 else range(0)
    loops: list[tuple[str, str, list[Loop]]] = [
        (
            "not_zeroed",
            "This is what happens when gradients add up: `.backward()` adds to `.grad`, so it has "
            "to be set to zero before every backward, for every parameter.",
            [
                Loop(zeroed="never"),
                *([Loop(zeroed="each epoch")] if by_sample else []),
                *(Loop(forgotten=i) for i in several),
            ],
        ),
        (
            "ascent",
            "The step goes uphill. The gradient points to where the loss grows: which sign takes "
            "you down?",
            [Loop(uphill="all"), *(Loop(uphill=i) for i in several)],
        ),
        (
            "off_by_one_epoch",
            f"Your loop runs one {epoch} too many or too few. How far does your `range` go?",
            [Loop(extra=1, reported="any"), Loop(extra=-1, reported="any")],
        ),
        (
            "loss_after_update",
            "The parameters are right; the losses are those after the step. Note the loss before "
            "you change the parameters it was computed from.",
            [Loop(recorded="after")],
        ),
        (
            "not_updated",
            "The parameters, or one of them, come out as they went in. Is the new value assigned, "
            "and to the name that you return?",
            [Loop(frozen="all", reported="any"), *(Loop(frozen=i) for i in several)],
        ),
        (
            "stale_gradient",
            "The gradient is taken at old parameters. After every step it has to be computed anew, "
            "from the parameters as they are now.",
            # Taken at the start of each epoch it gives what batch_not_sample gives, which is the
            # more common idea.
            [Loop(at="start", reported="any")],
        ),
        (
            "lr_ignored",
            f"Your steps do not use the {lr} you are given.",
            [Loop(lr=1.0), *(Loop(lr=rate) for rate in learning_rates)],
        ),
        (
            "epochs_ignored",
            f"Your loop does not use the number of {epochs} you are given.",
            [Loop(epochs=count, reported="any") for count in (1, 10, 100)],
        ),
    ]
    if by_sample:
        loops += [
            (
                "batch_not_sample",
                "One step an epoch, from all samples together. Here the parameters move after "
                "every sample, and the next sample sees them moved.",
                [Loop(update=kind, reported="any") for kind in ("sum", "mean")]
                + [Loop(update="sum", zeroed="never", reported="any")],
            ),
            (
                "other_loss_reported",
                "The parameters are right; the losses are others. Per epoch the loss of its last "
                "sample is asked for, not that of the first, a sum or a mean.",
                [Loop(reported=kind) for kind in ("first", "sum", "mean")],
            ),
            (
                "one_sample_only",
                "Only one of the samples is used. Every epoch goes through all of them.",
                [Loop(only=0, reported="any"), Loop(only=-1, reported="any")],
            ),
        ]
    if several:
        loops.append(
            (
                "one_after_the_other",
                "The first parameter is already changed when the gradient of the next is taken. "
                "Take all gradients at the same point, then step.",
                [Loop(sequential=True)],
            )
        )
    return tuple(
        Mistake(name, says, swaps=tuple({"loop": loop} for loop in wrong))
        for name, says, wrong in loops
    )


def prefixes_of(
    *samples: str, epochs: str = "epochs"
) -> Callable[..., tuple[tuple[str, Mapping[str, Any]], ...]]:
    """Smaller trainings that show where it goes wrong: one epoch over the first 1, 2, … samples.

    samples  the names of the arguments that hold one entry per sample; none: the first epoch is
             the first step
    epochs   the name of the argument that holds the number of epochs
    """
    epoch = epochs.removesuffix("s")

    def smaller(**inputs: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        count = len(inputs[samples[0]]) if samples else 0
        first = [(f"sample {k}", {s: inputs[s][:k] for s in samples}) for k in range(1, count + 1)]
        if not samples:
            first = [(f"the first {epoch}", {})]
        return (
            *((covers, {**inputs, **cut, epochs: 1}) for covers, cut in first),
            (f"the second {epoch}", {**inputs, epochs: 2}),
        )

    return smaller
