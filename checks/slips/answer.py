"""What an answer is as a whole, whatever the graph: another thing, another shape, another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from checks.slips.operations import Unfit, fit
from checks.slips.search import Case, same
from checks.slips.tape import PRODUCT
from checks.slips.words import Story

#: With its rank: the lower, the likelier.
Ranked = tuple[float, Story]
#: Rank, id and words.
Reading = Iterator[tuple[float, str, str]]


def readings(
    cases: Sequence[Case], leaf: int, given: Sequence[Tensor], rtol: float
) -> list[Ranked]:
    """What the answers for one input are on every case, if not its gradient; likeliest first."""
    first, *others = (
        {words: (rank, id) for rank, id, words in _readings(case, leaf, value, rtol)}
        for case, value in zip(cases, given, strict=True)
    )
    shared = sorted((*first[words], words) for words in set(first).intersection(*others))
    return [(rank, Story((id,), (), words)) for rank, id, words in shared]


def _readings(case: Case, leaf: int, value: Tensor, rtol: float) -> Reading:
    nodes, wanted = case.tape.nodes, case.right[leaf]
    name, end = nodes[leaf].name, nodes[case.tape.end]

    def is_(other: Tensor) -> bool:
        return same(value, other, case.scale, rtol=rtol)

    def is_ordered(one: Tensor, other: Tensor) -> bool:
        return same(one.flatten().sort()[0], other.flatten().sort()[0], case.scale, rtol=rtol)

    if is_(end.value) or is_(end.value.expand(wanted.shape)):
        the = "the loss" if end.name == "loss" else end.name
        words = f"the value of {the} itself is returned as the gradient of {name}"
        yield 0.2, "loss_returned", words
        return
    swapped = value.shape != wanted.shape  # then only an input's gradient or a shape is thought of
    for node in nodes:
        at_hand = node.index in case.right and node.index not in (leaf, case.tape.end)
        if at_hand and not (swapped and node.parents) and is_(case.right[node.index]):
            rank = 0.4 if swapped else 2.6 if node.parents else 1.2
            words = f"∂loss/∂{node.within(PRODUCT)} is returned for {name}"
            yield rank, "another_gradient", words
    if swapped:
        yield from _reshaped(value, wanted, name, case.scale, rtol)
        return
    if value.dim() == 2 and is_(wanted.mT):
        yield 1.3, "transposed", f"∂{name} is transposed"
    elif value.numel() > 1 and is_ordered(value, wanted):
        yield 1.4, "permuted", f"∂{name} holds the right numbers in another order"
    for node in nodes:
        named = node.own_name or node.index == leaf
        if named and node is not end and node.value.is_floating_point() and is_(node.value):
            words = f"the value of {node.name} is returned as the gradient of {name}"
            yield 1.6, "value_returned", words


def _reshaped(value: Tensor, wanted: Tensor, name: str, scale: float, rtol: float) -> Reading:
    """Right numbers in a shape that is not that of the input."""
    if value.dim() == 2 and same(value.mT, wanted, scale, rtol=rtol):
        yield 0.4, "transposed", f"∂{name} is transposed"
        return
    if value.numel() == wanted.numel():
        if same(value.reshape(wanted.shape), wanted, scale, rtol=rtol):
            yield 0.5, "shape", f"∂{name} holds the right numbers in another shape"
        return
    try:
        total = fit(value, wanted)
    except Unfit:
        return
    broadcast = f"over what {name} was broadcast to"
    if same(total, wanted, scale, rtol=rtol):
        yield 0.3, "not_summed", f"∂{name} is not summed {broadcast}"
    elif same(total * (wanted.numel() / value.numel()), wanted, scale, rtol=rtol):
        yield 0.6, "not_averaged", f"∂{name} is not averaged {broadcast}"
