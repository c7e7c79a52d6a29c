"""The question: an answer, some cases, and what explains the one on all of the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from checks.slips.answer import Reading, readings
from checks.slips.search import RTOL, Candidate, Search, largest, same
from checks.slips.tape import NotATape, Tape, record
from checks.slips.words import Finding, Story, listed, told

#: More stories than these are only counted.
TOLD = 3
#: How many times the right gradient an answer may differ from it and be called nearly right.
NEARLY = 0.01
Inputs = Mapping[str, Any]
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
    if all(_plain(case) == _plain(cases[0]) for case in cases[1:]):
        raise ValueError("why needs at least two different cases: these are the same numbers")
    exact = [{name: _exact(value) for name, value in case.items()} for case in cases]
    names = _wanted(exact[0], wrt)
    try:
        tapes = [record(_scalar(loss, case), case) for case in exact]
        for tape, case in zip(tapes, exact, strict=True):
            _compare_with_autograd(tape, loss, case, names)
        answers = [_answer(gradient, case, names) for case in exact]
        finding = Inquiry(tapes, names).explain(answers)
    except NotATape as reason:
        return Finding((), (), remark=f"The loss cannot be followed: {reason}.")
    if finding.wrong and not finding.stories:
        forgotten = [n for n in _floats(exact[0]) if _forgets(n, loss, gradient, exact[0], names)]
        told_too = f"Your answer does not depend on {listed(forgotten)}." if forgotten else ""
        finding = replace(finding, remark=f"{finding.remark} {told_too}".strip())
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
        given = {
            name: [_tensor(answer[k]) for answer in answers] for k, name in enumerate(self.wrt)
        }
        if flaws := [flaw for name, values in given.items() if (flaw := _flaw(name, values))]:
            return Finding((), (), remark=" ".join(flaws))
        known = {name: [v for v in values if v is not None] for name, values in given.items()}
        kinds = {name: self._kind(name, values, rtol) for name, values in known.items()}
        right, odd = (tuple(n for n in self.wrt if kinds[n] == k) for k in ("right", "odd"))
        finding = Finding(right, tuple(n for n in self.wrt if n not in right))
        if finding.agrees:
            return finding
        read = {n: readings(self.cases, self.leaves[n], known[n], rtol) for n in finding.wrong}
        stories = _whole(finding.wrong, read)
        if all(read[name] for name in odd) and len(odd) < len(finding.wrong):
            rest = [name for name in self.wrt if name not in odd]
            asked = Inquiry(self.tapes, rest) if odd else self
            likely = asked._find(known, rtol, two and not stories)
            stories += _stories(self.tapes[0], likely, [read[name][0].words for name in odd])
        if not any(story.nodes for _, story in stories) and len(self.wrt) > 1 and not odd:
            stories += self._one_by_one(finding.wrong, known, rtol)
        stories.sort(key=lambda ranked: ranked[0])
        kinds_told = {(story.slips, story.nodes): story for _, story in reversed(stories)}
        ones = tuple(story for _, story in stories if story in kinds_told.values())
        if not ones:
            return replace(finding, remark=self._remark(finding, known))
        more = f"Other explanations that give the same numbers: {len(ones) - TOLD}."
        return replace(finding, stories=ones[:TOLD], remark=more if len(ones) > TOLD else "")

    def _kind(self, name: str, values: Sequence[Tensor], rtol: float) -> str:
        """Whether an answer is right, wrong, or odd: of another shape."""
        pairs = [
            (v, c.right[self.leaves[name]], c.scale)
            for v, c in zip(values, self.cases, strict=True)
        ]
        if any(value.shape != right.shape for value, right, _ in pairs):
            return "odd"
        return "right" if all(same(*pair, rtol=rtol) for pair in pairs) else "wrong"

    def _find(
        self, given: Mapping[str, Sequence[Tensor]], rtol: float, two: bool
    ) -> list[Candidate]:
        answers = [
            {leaf: given[name][k] for name, leaf in self.leaves.items()}
            for k in range(len(self.tapes))
        ]
        return self.search.find(answers, rtol=rtol, two=two)

    def _one_by_one(
        self, wrong: Sequence[str], given: Mapping[str, Sequence[Tensor]], rtol: float
    ) -> list[tuple[float, Story]]:
        """A story for each wrong gradient, as if it were the only one."""
        found = {name: self.alone[name]._find(given, rtol, False)[:1] for name in wrong}
        if not all(found.values()):
            return []
        parts = {name: told(self.tapes[0], first.made) for name, (first,) in found.items()}
        words = " and ".join(f"for ∂{name} alone, {part.words}" for name, part in parts.items())
        ids = tuple(dict.fromkeys(id for part in parts.values() for id in part.slips))
        nodes = tuple(dict.fromkeys(node for part in parts.values() for node in part.nodes))
        return [(max(first.rank for (first,) in found.values()), Story(ids, nodes, words))]

    def _remark(self, finding: Finding, given: Mapping[str, Sequence[Tensor]]) -> str:
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


def _stories(
    tape: Tape, candidates: Sequence[Candidate], aside: Sequence[str]
) -> list[tuple[float, Story]]:
    """One story for each kind of slip: the same slip at several places is one."""
    kinds: dict[tuple[tuple[str, str], ...], list[Candidate]] = {}
    for candidate in candidates:
        kind = [(s.id, "" if s.id == "counted" else s.words) for s, _ in candidate.made]
        kinds.setdefault(tuple(kind), []).append(candidate)
    stories = []
    for first, *others in kinds.values():
        elsewhere = [one.made[0][1] for one in others if len(one.made) == 1]
        story = told(tape, first.made, elsewhere)
        stories.append((first.rank, replace(story, words=" and ".join([story.words, *aside]))))
    return stories


def _whole(wrong: Sequence[str], read: Mapping[str, list[Reading]]) -> list[tuple[float, Story]]:
    """Every wrong gradient is another thing than a gradient: the likeliest reading of each."""
    if not all(read[name] for name in wrong):
        return []
    if len(wrong) == 1:
        return [(r.rank, Story((r.id,), (), r.words)) for r in read[wrong[0]]]
    firsts = [read[name][0] for name in wrong]
    ids = tuple(dict.fromkeys(reading.id for reading in firsts))
    words = " and ".join(reading.words for reading in firsts)
    return [(max(reading.rank for reading in firsts), Story(ids, (), words))]


# The loss and the answer, as functions of the same inputs.


def _flaw(name: str, values: Sequence[Tensor | None]) -> str:
    """What keeps an answer from being compared at all."""
    if any(value is None for value in values):
        return f"∂{name} is missing or no tensor."
    finite = all(value.isfinite().all() for value in values if value is not None)
    return "" if finite else f"∂{name} is not finite."


def _tensor(value: Any) -> Tensor | None:
    """One gradient in float64; None for what is no number."""
    try:
        return torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


def _exact(value: Any) -> Any:
    decimals = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().to("cpu", torch.float64) if decimals else value


def _plain(case: Inputs) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in case.items()}


def _floats(case: Inputs) -> list[str]:
    return [n for n, v in case.items() if isinstance(v, Tensor) and v.is_floating_point()]


def _wanted(case: Inputs, wrt: Sequence[str] | str | None) -> tuple[str, ...]:
    """The names asked for."""
    names = (wrt,) if isinstance(wrt, str) else tuple(_floats(case) if wrt is None else wrt)
    unknown = [name for name in names if name not in _floats(case)]
    if unknown or not names:
        raise ValueError(f"wrt: {', '.join(unknown) or 'nothing'} is no input with decimals")
    return names


def _called(function: Callable[..., Any], inputs: Inputs) -> Any:
    """By keyword, or in their order where the function calls its inputs otherwise."""
    try:
        inspect.signature(function).bind(**inputs)
    except (TypeError, ValueError):
        return function(*inputs.values())
    return function(**inputs)


def _scalar(loss: Callable[..., Tensor], case: Inputs) -> Callable[..., Tensor]:
    """The loss by keyword; several numbers are weighted and summed, as by an upstream gradient."""

    def number(**inputs: Any) -> Tensor:
        out: Tensor = _called(loss, inputs)
        return out if out.dim() == 0 else (out * upstream_of(out)).sum()

    return number


def upstream_of(out: Tensor) -> Tensor:
    """Fixed weights for several numbers, all different, both signs."""
    dice = torch.Generator().manual_seed(11)
    return torch.randn(out.shape, generator=dice, dtype=torch.float64)


def _right(loss: Callable[..., Tensor], case: Inputs, names: Sequence[str]) -> list[Tensor]:
    """The gradients that PyTorch gives."""
    leaves = {name: case[name].clone().requires_grad_() for name in names}
    with torch.enable_grad():
        end = _scalar(loss, case)(**{**case, **leaves})
        if not end.requires_grad:
            raise NotATape(f"it does not depend on {', '.join(names)}")
        grads = torch.autograd.grad(end, list(leaves.values()), allow_unused=True)
    zeros = map(torch.zeros_like, leaves.values())
    return [zero if grad is None else grad for grad, zero in zip(grads, zeros, strict=True)]


def _compare_with_autograd(
    tape: Tape, loss: Callable[..., Tensor], case: Inputs, names: Sequence[str]
) -> None:
    """The way back along the tape is PyTorch's own, or nothing is said."""
    grads, own = _right(loss, case, names), tape.backward()
    if not all(grad.isfinite().all() for grad in grads):
        raise NotATape("its gradient is not finite on every case")
    for name, grad in zip(names, grads, strict=True):
        mine = own.get(tape.inputs[name], torch.zeros_like(grad))
        if not same(mine, grad, largest(grads)):
            raise NotATape(f"the tape and torch.autograd differ in ∂{name}")


def _forgets(
    name: str, loss: Callable[..., Tensor], gradient: Gradient, case: Inputs, names: Sequence[str]
) -> bool:
    """Whether the right gradient depends on this input and the answer does not."""
    other = {**case, name: case[name] * 1.25 + 0.125}
    right, moved = (_right(loss, each, names) for each in (case, other))
    if all(same(a, b, largest([a])) for a, b in zip(moved, right, strict=True)):
        return False
    here, there = (map(_tensor, _answer(gradient, each, names)) for each in (case, other))
    pairs = zip(here, there, strict=True)
    return all(a is not None and b is not None and torch.equal(a, b) for a, b in pairs)


def _answer(gradient: Gradient, case: Inputs, names: Sequence[str]) -> Sequence[Any]:
    """What a gradient function returns, one value for each name."""
    inputs = {k: v.clone() if isinstance(v, Tensor) else v for k, v in case.items()}
    if isinstance(gradient, type) and issubclass(gradient, torch.autograd.Function):
        return _backward(gradient, inputs, names)
    answer = _called(gradient, inputs)
    if isinstance(answer, Mapping):
        return [answer.get(name) for name in names]
    parts = list(answer) if isinstance(answer, (tuple, list)) else [answer]
    if len(parts) != len(names):
        raise ValueError(f"{len(names)} gradients are asked for, the answer has {len(parts)}")
    return parts


def _backward(
    function: type[torch.autograd.Function], inputs: Inputs, names: Sequence[str]
) -> Sequence[Any]:
    """What the backward of a torch.autograd.Function hands back."""
    leaves = [inputs[name].requires_grad_() for name in names]
    with torch.enable_grad():
        out = function.apply(*inputs.values())
        end = out if out.dim() == 0 else (out * upstream_of(out)).sum()
        return torch.autograd.grad(end, leaves, allow_unused=True)
