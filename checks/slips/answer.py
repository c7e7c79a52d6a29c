"""What an answer is as a whole, whatever the graph: another thing, another shape, another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from checks.slips.operations import Unfit, fit
from checks.slips.search import RTOL, same
from checks.slips.tape import Node, Tape, bracketed


class Reading(NamedTuple):
    """One thing that an answer may be instead of its gradient; the lower the rank, the likelier."""

    id: str
    words: str
    rank: float


def readings(
    tapes: Sequence[Tape],
    rights: Sequence[dict[int, Tensor]],
    leaf: int,
    given: Sequence[Tensor],
    rtol: float = RTOL,
) -> list[Reading]:
    """What the answers for one input are on every case, if not its gradient; likeliest first."""
    each = [
        {reading.words: reading for reading in _readings(tape, right, leaf, value, rtol)}
        for tape, right, value in zip(tapes, rights, given, strict=True)
    ]
    fitting = set(each[0]).intersection(*each[1:])
    return sorted(
        (each[0][words] for words in fitting), key=lambda reading: (reading.rank, reading)
    )


def _readings(
    tape: Tape, right: dict[int, Tensor], leaf: int, value: Tensor, rtol: float
) -> Iterator[Reading]:
    wanted, name = right[leaf], tape.nodes[leaf].name
    scale = max(float(grad.abs().max()) for grad in right.values() if grad.numel())

    def is_(other: Tensor) -> bool:
        return same(value, other, scale, rtol=rtol)

    end = tape.nodes[tape.end]
    if is_(end.value) or is_(end.value.expand(wanted.shape)):
        yield Reading(
            "loss_returned", f"the value of {_the(end)} itself is returned for {name}", 0.2
        )
        return
    if value.shape != wanted.shape:
        for other, index in tape.inputs.items():
            if index in right and is_(right[index]):
                yield Reading("another_gradient", f"∂loss/∂{other} is returned for {name}", 0.4)
        yield from _reshaped(value, wanted, name, scale)
        return
    if value.dim() == 2 and is_(wanted.mT):
        yield Reading("transposed", f"∂{name} is transposed", 1.3)
    elif value.numel() > 1 and same(
        value.flatten().sort()[0], wanted.flatten().sort()[0], scale, rtol=rtol
    ):
        yield Reading("permuted", f"∂{name} holds the right numbers in another order", 1.4)
    for node in tape.nodes:
        if node.operation.name == "constant" or node.index in (leaf, tape.end):
            continue
        leafness = 0.0 if not node.parents else 1.4  # an input's gradient is mixed up more easily
        if node.index in right and is_(right[node.index]):
            yield Reading(
                "another_gradient",
                f"∂loss/∂{bracketed(node)} is returned for {name}",
                1.2 + leafness,
            )
    for node in tape.nodes:
        if node.index != tape.end and (node.own_name or node.index == leaf) and is_(node.value):
            yield Reading("value_returned", f"the value of {node.name} is returned for {name}", 1.6)


def _the(end: Node) -> str:
    """A loss is called so, another end by its name."""
    return "the loss" if end.name == "loss" else end.name


def _reshaped(value: Tensor, wanted: Tensor, name: str, scale: float) -> Iterator[Reading]:
    """Right numbers in a shape that is not that of the input."""
    if value.dim() == 2 and same(value.mT, wanted, scale):
        yield Reading("transposed", f"∂{name} is transposed", 0.4)
    elif value.numel() == wanted.numel() and same(value.reshape(wanted.shape), wanted, scale):
        yield Reading("shape", f"∂{name} holds the right numbers in another shape", 0.5)
    else:
        try:
            total = fit(value, wanted)
        except Unfit:
            return
        if same(total, wanted, scale):
            yield Reading(
                "not_summed", f"∂{name} is not summed over what {name} was broadcast to", 0.3
            )
        elif value.numel() > wanted.numel():
            mean = total * (wanted.numel() / value.numel())
            if same(mean, wanted, scale):
                yield Reading(
                    "not_averaged",
                    f"∂{name} is not averaged over what {name} was broadcast to",
                    0.6,
                )
