"""The question: an answer, some cases, and what explains the one on all of the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from checks.slips.answer import Ranked, readings
from checks.slips.search import RTOL, Candidate, Search, largest, same
from checks.slips.tape import NotATape, Tape, record
from checks.slips.words import Finding, Story, listed, told

#: More stories than these are only counted.
TOLD = 3
#: How many times the right gradient an answer may differ from it and be called nearly right.
NEARLY = 0.01
Inputs = Mapping[str, Any]
#: The answers for each name, on every case.
Given = Mapping[str, Sequence[Tensor]]
Gradient = Callable[..., Any] | type[torch.autograd.Function]


def why(
    loss: Callable[..., Tensor],
    gradient: Gradient,
    *cases: Inputs,
    wrt: Sequence[str] | str | None = None,
) -> Finding:
    """Where a hand-written gradient goes wrong, and what mistake gives the same numbers.

    loss      PyTorch code, a function of the inputs; several numbers are weighted and summed
    gradient  what is judged: a function of the same inputs that returns ∂loss/∂(each of wrt), or a
              torch.autograd.Function whose backward is judged against the plain function `loss`
    cases     two or more mappings from names to inputs; one lone number always has some ratio to
              the right one. They are computed in float64
    wrt       the inputs asked for, in the order of the answer; all with decimals if None

    A mistake is named only if it gives the same numbers on every case. Raises ValueError for
    fewer than two cases or a name that is no input.
    """
    if len(cases) < 2:
        raise ValueError("why needs at least two cases: one always has some ratio to the right one")
    plain = [{k: v.tolist() if isinstance(v, Tensor) else v for k, v in c.items()} for c in cases]
    if all(case == plain[0] for case in plain[1:]):
        raise ValueError("why needs at least two different cases: these are the same numbers")
    exact = [{name: _exact(value) for name, value in case.items()} for case in cases]
    decimals = [n for n, v in exact[0].items() if isinstance(v, Tensor) and v.is_floating_point()]
    names = (wrt,) if isinstance(wrt, str) else tuple(decimals if wrt is None else wrt)
    unknown = [name for name in names if name not in decimals]
    if unknown or not names:
        raise ValueError(f"wrt: {', '.join(unknown) or 'nothing'} is no input with decimals")
    asked = Question(loss, gradient, names)
    try:
        inquiry = Inquiry([asked.tape(case) for case in exact], names)
    except NotATape as reason:
        return Finding((), (), remark=f"The loss cannot be followed: {reason}.")
    finding = inquiry.explain([asked.answer(case) for case in exact])
    forgotten = []
    if finding.wrong and not finding.stories:
        forgotten = [name for name in decimals if asked.forgets(name, exact[0])]
    if forgotten:
        remark = f"{finding.remark} Your answer does not depend on {listed(forgotten)}."
        finding = replace(finding, remark=remark.strip())
    return finding


class Inquiry:
    """Recorded cases of one loss: what is found out about them serves every answer to them."""

    def __init__(self, tapes: Sequence[Tape], wrt: Sequence[str]) -> None:
        """Raises NotATape where the recordings are not of one graph or a gradient is infinite."""
        shapes = [[(node.operation.name, node.parents) for node in tape.nodes] for tape in tapes]
        if any(shape != shapes[0] for shape in shapes):
            raise NotATape("its steps are not the same on every case")
        self.tapes, self.wrt = tapes, wrt
        self.leaves = {name: tapes[0].inputs[name] for name in wrt}
        self.search = Search(tapes, list(self.leaves.values()))
        self.cases = self.search.cases
        if not all(case.right[n].isfinite().all() for case in self.cases for n in case.u):
            raise NotATape("the right gradient is not finite on every case")

    @cached_property
    def alone(self) -> dict[str, Inquiry]:
        """The same, asked of one gradient only."""
        return {name: Inquiry(self.tapes, (name,)) for name in self.wrt}

    def explain(
        self, answers: Sequence[Sequence[Any]], *, two: bool = True, rtol: float = RTOL
    ) -> Finding:
        """What explains the answers, one for each case, with a value for each name of `wrt`.

        two   whether pairs of slips are looked for where no single one explains them
        rtol  how well two numbers have to agree: that of the precision of the answers
        """
        given, flaws = dict[str, list[Tensor]](), list[str]()
        for k, name in enumerate(self.wrt):
            values = [_tensor(answer[k]) for answer in answers]
            given[name] = [value for value in values if value is not None]
            if len(given[name]) < len(values):
                flaws.append(f"∂{name} is missing or no tensor.")
            elif not all(value.isfinite().all() for value in given[name]):
                flaws.append(f"∂{name} is not finite.")
        if flaws:
            return Finding((), (), remark=" ".join(flaws))
        right = tuple(name for name in self.wrt if self._is_right(name, given[name], rtol))
        finding = Finding(right, tuple(name for name in self.wrt if name not in right))
        if finding.agrees:
            return finding
        stories = self._stories(finding.wrong, given, rtol, two)
        ones = dict[object, Story]()
        for _, story in sorted(stories, key=lambda ranked: ranked[0]):
            ones.setdefault((story.slips, story.nodes), story)
        if not ones:
            return replace(finding, remark=self._remark(finding, given))
        more = f"Other explanations that give the same numbers: {len(ones) - TOLD}."
        first = tuple(ones.values())[:TOLD]
        return replace(finding, stories=first, remark=more if len(ones) > TOLD else "")

    def _is_right(self, name: str, values: Sequence[Tensor], rtol: float) -> bool:
        return all(
            same(value, case.right[self.leaves[name]], case.scale, rtol=rtol)
            for value, case in zip(values, self.cases, strict=True)
        )

    def _stories(self, wrong: Sequence[str], given: Given, rtol: float, two: bool) -> list[Ranked]:
        """What all wrong gradients have in common; what each of them is for itself."""
        read = {name: readings(self.cases, self.leaves[name], given[name], rtol) for name in wrong}
        stories = self._slips(given, rtol, two and not all(read.values()))
        if stories or len(self.wrt) == 1:
            return stories + _of_each(read)
        alone = {
            name: [
                (rank, replace(story, words=f"for ∂{name} alone, {story.words}"))
                for rank, story in self.alone[name]._slips(given, rtol, two=False)
            ]
            for name in wrong
        }
        both = {name: read[name] or alone[name] for name in wrong}
        return [*_of_each(read), *(_of_each(alone) or _of_each(both))]

    def _slips(self, given: Given, rtol: float, two: bool) -> list[Ranked]:
        """One story for each kind of slip: the same slip at several places is one."""
        answers = [
            {leaf: given[name][k] for name, leaf in self.leaves.items()}
            for k in range(len(self.tapes))
        ]
        kinds: dict[object, list[Candidate]] = {}
        for candidate in self.search.find(answers, rtol=rtol, two=two):
            kind = tuple((s.id, "" if s.id == "counted" else s.words) for s, _ in candidate.made)
            kinds.setdefault(kind, []).append(candidate)
        return [
            (first.rank, told(self.tapes[0], first.made, [one.made[0][1] for one in others]))
            for first, *others in kinds.values()
        ]

    def _remark(self, finding: Finding, given: Given) -> str:
        """What can be said without a story: nearly right, a steady ratio, a first doubtful node."""
        pairs = [
            (value, case.right[self.leaves[name]])
            for name in finding.wrong
            for value, case in zip(given[name], self.cases, strict=True)
        ]
        if any(value.shape != right.shape for value, right in pairs):
            return "None of the mistakes that I know gives this shape."
        off = max(float((v - r).abs().max() / r.abs().max()) for v, r in pairs)
        if off < NEARLY:
            return f"It is nearly right: off by at most {off:.2g} of the largest entry."
        ratios = [float((v * r).sum() / (r * r).sum()) for v, r in pairs]
        if ratios[0] and all(same(v, ratios[0] * r, 0) for v, r in pairs):
            return f"On every case it is {ratios[0]:.4g} times the right one, entry by entry."
        graph = self.search.graph
        words = "None of the mistakes that I know gives these numbers, alone or with one other."
        if graph.is_large:
            words = (
                f"With {len(graph.way)} operations on the way only slips on the way back were "
                "tried, one at a time; none gives these numbers."
            )
        vouching = [n for n in finding.right if self.cases[0].right[self.leaves[n]].any()]
        wrong = [self.leaves[name] for name in finding.wrong]
        doubtful = graph.first_doubtful([self.leaves[name] for name in vouching], wrong)
        if doubtful is None or not vouching:
            return words
        share = "vouch for what they share" if len(vouching) > 1 else "vouches for what it shares"
        return (
            f"{words} {listed(vouching, '∂')} {share} with it; the first place for which that is "
            f"not so is {doubtful.at}."
        )


def _of_each(found: Mapping[str, list[Ranked]]) -> list[Ranked]:
    """What one gradient is; of several, the likeliest of each in one story."""
    if not all(found.values()):
        return []
    if len(found) == 1:
        return list(*found.values())
    firsts = [each[0] for each in found.values()]
    ids = dict.fromkeys(id for _, story in firsts for id in story.slips)
    nodes = dict.fromkeys(node for _, story in firsts for node in story.nodes)
    words = " and ".join(story.words for _, story in firsts)
    return [(max(rank for rank, _ in firsts), Story(tuple(ids), tuple(nodes), words))]


@dataclass(frozen=True)
class Question:
    """The loss and the answer, as functions of the same inputs, and the inputs asked for."""

    loss: Callable[..., Tensor]
    gradient: Gradient
    wrt: Sequence[str]

    def tape(self, case: Inputs) -> Tape:
        """The loss, followed: the way back is PyTorch's own, or nothing is said."""
        grads = self.right(case)
        if not all(grad.isfinite().all() for grad in grads):
            raise NotATape("its gradient is not finite on every case")
        tape = record(lambda **inputs: _number(_called(self.loss, inputs)), case)
        own = tape.backward()
        for name, grad in zip(self.wrt, grads, strict=True):
            mine = own.get(tape.inputs[name], torch.zeros_like(grad))
            if not same(mine, grad, largest(grads)):
                raise NotATape(f"the tape and torch.autograd differ in ∂{name}")
        return tape

    def right(self, case: Inputs) -> list[Tensor]:
        """The gradients that PyTorch gives."""
        return self._by_autograd(lambda inputs: _called(self.loss, inputs), case)

    def answer(self, case: Inputs) -> Sequence[Any]:
        """What the gradient function returns, one value for each name."""
        gradient, names = self.gradient, self.wrt
        if isinstance(gradient, type) and issubclass(gradient, torch.autograd.Function):
            return self._by_autograd(lambda inputs: gradient.apply(*inputs.values()), case)
        inputs = {k: v.clone() if isinstance(v, Tensor) else v for k, v in case.items()}
        answer = _called(gradient, inputs)
        if isinstance(answer, Mapping):
            return [answer.get(name) for name in names]
        parts = list(answer) if isinstance(answer, (tuple, list)) else [answer]
        if len(parts) != len(names):
            raise ValueError(f"{len(names)} gradients are asked for, the answer has {len(parts)}")
        return parts

    def forgets(self, name: str, case: Inputs) -> bool:
        """Whether the right gradient depends on this input and the answer does not."""
        other = {**case, name: case[name] * 1.25 + 0.125}
        right, moved = self.right(case), self.right(other)
        if all(same(a, b, largest([a])) for a, b in zip(moved, right, strict=True)):
            return False
        here, there = (map(_tensor, self.answer(each)) for each in (case, other))
        pairs = zip(here, there, strict=True)
        return all(a is not None and b is not None and torch.equal(a, b) for a, b in pairs)

    def _by_autograd(self, function: Callable[[Inputs], Tensor], case: Inputs) -> list[Tensor]:
        leaves = {name: case[name].clone().requires_grad_() for name in self.wrt}
        with torch.enable_grad():
            end = _number(function({**case, **leaves}))
            if not end.requires_grad:
                raise NotATape(f"it does not depend on {', '.join(self.wrt)}")
            grads = torch.autograd.grad(end, list(leaves.values()), allow_unused=True)
        zeros = map(torch.zeros_like, leaves.values())
        return [zero if grad is None else grad for grad, zero in zip(grads, zeros, strict=True)]


def _called(function: Callable[..., Any], inputs: Inputs) -> Any:
    """By keyword, or in their order where the function calls its inputs otherwise."""
    try:
        inspect.signature(function).bind(**inputs)
    except (TypeError, ValueError):
        return function(*inputs.values())
    return function(**inputs)


def _number(out: Tensor) -> Tensor:
    """Several numbers are weighted, all differently, and summed, as by an upstream gradient."""
    dice = torch.Generator().manual_seed(11)
    weights = torch.randn(out.shape, generator=dice, dtype=torch.float64)
    return out if out.dim() == 0 else (out * weights).sum()


def _exact(value: Any) -> Any:
    decimals = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().to("cpu", torch.float64) if decimals else value


def _tensor(value: Any) -> Tensor | None:
    """One gradient in float64; None for what is no number."""
    try:
        return torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return None
