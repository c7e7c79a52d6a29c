"""The question: an answer, some cases, and what explains the one on all of the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from checks.slips.answer import Reading, readings
from checks.slips.search import RTOL, Candidate, Map, Trial, explanations, same, singles
from checks.slips.tape import NotATape, Tape, record
from checks.slips.words import Finding, Story, listed, told

#: More stories than these are only counted.
TOLD = 3
Inputs = Mapping[str, Any]


def why(
    loss: Callable[..., Tensor],
    gradient: Callable[..., Any] | type[torch.autograd.Function],
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
    if all(_equal(case, cases[0]) for case in cases[1:]):
        raise ValueError("why needs at least two different cases: these are the same numbers")
    exact = [{name: _exact(value) for name, value in case.items()} for case in cases]
    names = _wanted(exact[0], wrt)
    try:
        tapes = [record(_scalar(loss, case), case) for case in exact]
        for tape, case in zip(tapes, exact, strict=True):
            _compare_with_autograd(tape, loss, case, names)
        answers = [_answer(gradient, case, names) for case in exact]
        finding = explain(tapes, answers, names)
    except NotATape as reason:
        return Finding((), (), remark=f"The loss cannot be followed: {reason}.")
    if finding.wrong and not finding.stories:
        forgotten = _forgotten(tapes[0], loss, gradient, exact[0], answers[0], names)
        told_too = f"Your answer does not depend on {listed(forgotten)}." if forgotten else ""
        finding = replace(finding, remark=f"{finding.remark} {told_too}".strip())
    return finding


def explain(
    tapes: Sequence[Tape],
    answers: Sequence[Sequence[Any]],
    wrt: Sequence[str],
    *,
    two: bool = True,
) -> Finding:
    """The same for recorded losses and the answers to each, a value for each name of `wrt`.

    two  whether pairs of slips are looked for where no single one explains the answer
    """
    return Inquiry(tapes, wrt).explain(answers, two=two)


class Inquiry:
    """Recorded cases of one loss: what is found out about them serves every answer to them."""

    def __init__(self, tapes: Sequence[Tape], wrt: Sequence[str]) -> None:
        """Raises NotATape where the recordings are not of one graph or a gradient is infinite."""
        if any(tape.shape != tapes[0].shape for tape in tapes):
            raise NotATape("its steps are not the same on every case")
        self.tapes, self.wrt = tapes, wrt
        self.leaves = {name: tapes[0].inputs[name] for name in wrt}
        self.rights = [_right(tape, self.leaves.values()) for tape in tapes]
        self.scales = [_size(right[n] for n in self.leaves.values()) for right in self.rights]

    @cached_property
    def trials(self) -> list[Trial]:
        """Of the right answers."""
        return [
            Trial(tape, {leaf: right[leaf] for leaf in self.leaves.values()})
            for tape, right in zip(self.tapes, self.rights, strict=True)
        ]

    @cached_property
    def singles(self) -> list[tuple[float, Candidate]]:
        """Every single slip, and the slope that it gives on the first case."""
        return list(singles(self.trials[0]))

    @cached_property
    def alone(self) -> dict[str, Inquiry]:
        """The same, asked of one gradient only."""
        return {name: Inquiry(self.tapes, (name,)) for name in self.wrt}

    def explain(
        self, answers: Sequence[Sequence[Any]], *, two: bool = True, rtol: float = RTOL
    ) -> Finding:
        """What explains a value for each name on every case.

        rtol  how well two numbers have to agree: that of the precision of the answers
        """
        wrt, leaves, rights = self.wrt, self.leaves, self.rights
        returned = {name: [_tensor(answer[k]) for answer in answers] for k, name in enumerate(wrt)}
        flaws = [flaw for name in wrt if (flaw := _flaw(name, returned[name]))]
        if flaws:
            return Finding((), (), remark=" ".join(flaws))
        given = {name: [v for v in values if v is not None] for name, values in returned.items()}
        right_ones, wrong_ones, odd_ones = self._sorted(given, rtol)
        finding = Finding(tuple(right_ones), tuple(n for n in wrt if n not in right_ones))
        if finding.agrees:
            return finding
        trials = self._trials([n for n in wrt if n not in odd_ones], given, rtol)
        read = {
            name: readings(self.tapes, rights, leaves[name], given[name], rtol)
            for name in finding.wrong
        }
        stories = _whole(finding.wrong, read)
        if wrong_ones and all(read[name] for name in odd_ones):
            known = None if odd_ones else self.singles
            likely = explanations(trials, two=two and not stories, known=known)
            aside = [read[name][0].words for name in odd_ones]
            stories += _stories(self.tapes[0], likely, aside)
        if not any(story.nodes for _, story in stories) and len(wrt) > 1 and not odd_ones:
            stories += self._one_by_one(wrong_ones, given, rtol)
        stories.sort(key=lambda ranked: ranked[0])
        kinds = {(story.slips, story.nodes): story for _, story in reversed(stories)}
        told_ones = tuple(story for _, story in stories if story in kinds.values())
        if not told_ones:
            return replace(finding, remark=_remark(trials, finding, leaves))
        rest = len(told_ones) - TOLD
        more = f"Other explanations that give the same numbers: {rest}." if rest > 0 else ""
        return replace(finding, stories=told_ones[:TOLD], remark=more)

    def _one_by_one(
        self, wrong: Sequence[str], given: Mapping[str, Sequence[Tensor]], rtol: float
    ) -> list[tuple[float, Story]]:
        """A story for each wrong gradient, as if it were the only one."""
        rank, parts = 0.0, []
        for name in wrong:
            alone = self.alone[name]
            trials = alone._trials([name], given, rtol)
            found = explanations(trials, two=False, known=alone.singles)
            if not found:
                return []
            rank = max(rank, found[0].rank)
            story = told(self.tapes[0], found[0].made)
            parts.append(replace(story, words=f"for ∂{name} alone {story.words}"))
        ids = tuple(dict.fromkeys(id for part in parts for id in part.slips))
        nodes = tuple(dict.fromkeys(node for part in parts for node in part.nodes))
        return [(rank, Story(ids, nodes, " and ".join(part.words for part in parts)))]

    def _sorted(
        self, given: Mapping[str, Sequence[Tensor]], rtol: float
    ) -> tuple[list[str], list[str], list[str]]:
        """The names whose gradients are right, those that are wrong, those of another shape."""
        right_ones, wrong_ones, odd_ones = [], [], []
        for name, leaf in self.leaves.items():
            both = list(zip(given[name], (right[leaf] for right in self.rights), strict=True))
            if any(value.shape != expected.shape for value, expected in both):
                odd_ones.append(name)
            elif all(
                same(*pair, scale, rtol=rtol) for pair, scale in zip(both, self.scales, strict=True)
            ):
                right_ones.append(name)
            else:
                wrong_ones.append(name)
        return right_ones, wrong_ones, odd_ones

    def _trials(
        self, names: Sequence[str], given: Mapping[str, Sequence[Tensor]], rtol: float
    ) -> list[Trial]:
        """The cases with the answers for these names."""
        values = [{self.leaves[n]: given[n][k] for n in names} for k in range(len(self.tapes))]
        if len(names) == len(self.wrt):
            return [
                trial.answered(answer, rtol=rtol)
                for trial, answer in zip(self.trials, values, strict=True)
            ]
        return [
            Trial(tape, answer, rtol=rtol) for tape, answer in zip(self.tapes, values, strict=True)
        ]


def _stories(
    tape: Tape, candidates: Sequence[Candidate], aside: Sequence[str]
) -> list[tuple[float, Story]]:
    """One story for each kind of slip: the same slip at several places is one."""
    kinds: dict[tuple[tuple[str, str], ...], list[Candidate]] = {}
    for candidate in candidates:
        kind = tuple(
            (slip.id, "" if slip.id == "counted" else slip.words) for slip, _ in candidate.made
        )
        kinds.setdefault(kind, []).append(candidate)
    stories = []
    for first, *others in kinds.values():
        elsewhere = [other.made[0][1] for other in others if len(other.made) == 1]
        story = told(tape, first.made, elsewhere)
        if aside:
            story = replace(story, words=" and ".join([story.words, *aside]))
        stories.append((first.rank, story))
    return stories


def _whole(wrong: Sequence[str], read: Mapping[str, list[Reading]]) -> list[tuple[float, Story]]:
    """Every wrong gradient is another thing than a gradient: the likeliest reading of each."""
    if not all(read[name] for name in wrong):
        return []
    if len(wrong) == 1:
        return [(r.rank, Story((r.id,), (), r.words)) for r in read[wrong[0]]]
    firsts = [read[name][0] for name in wrong]
    words = " and ".join(reading.words for reading in firsts)
    ids = tuple(dict.fromkeys(reading.id for reading in firsts))
    return [(max(reading.rank for reading in firsts), Story(ids, (), words))]


def _remark(trials: Sequence[Trial], finding: Finding, leaves: Mapping[str, int]) -> str:
    """What can be said without a story: nearly right, a constant ratio, the first doubtful node."""
    wrong = [leaves[name] for name in finding.wrong if leaves[name] in trials[0].answer]
    if len(wrong) < len(finding.wrong):
        return "None of the mistakes that I know gives this shape."
    off = max(
        float((trial.answer[leaf] - trial.right[leaf]).abs().max() / trial.right[leaf].abs().max())
        for trial in trials
        for leaf in wrong
    )
    if off < 0.01:
        return f"It is nearly right: off by at most {off:.2g} of the largest entry."
    ratio = _ratio(trials, wrong)
    if ratio is not None:
        return f"On every case it is {ratio:.4g} times the right one, entry by entry."
    map_ = Map(trials[0].tape, tuple(leaves.values()))
    right = [leaves[name] for name in finding.right if _size([trials[0].right[leaves[name]]])]
    doubtful = map_.first_doubtful(right, wrong)
    known = "None of the mistakes that I know gives these numbers, alone or with one other."
    if map_.is_large:
        known = (
            f"With {len(map_.way)} operations on the way only slips on the way back were tried, "
            "one at a time; none gives these numbers."
        )
    if doubtful is None or not right:
        return known
    return (
        f"{known} {listed(finding.right)} vouch for what they share "
        f"with it; the first place for which they do not is {doubtful.at}."
    )


def _ratio(trials: Sequence[Trial], wrong: Sequence[int]) -> float | None:
    """The one factor between the answers and the right gradients, if there is one."""
    factors = []
    for trial in trials:
        for leaf in wrong:
            right = trial.right[leaf]
            factor = float((trial.answer[leaf] * right).sum() / (right * right).sum())
            if not same(trial.answer[leaf], factor * right, trial.scale):
                return None
            factors.append(factor)
    steady = max(factors) - min(factors) <= 1e-6 * max(map(abs, factors))
    return factors[0] if steady and factors[0] else None


def _right(tape: Tape, leaves: Iterable[int]) -> dict[int, Tensor]:
    """The right gradients; 0 for an input that the loss does not depend on."""
    right = tape.backward()
    for leaf in leaves:
        right.setdefault(leaf, torch.zeros_like(tape.nodes[leaf].value))
        if not bool(torch.isfinite(right[leaf]).all()):
            raise NotATape("the right gradient is not finite on every case")
    return right


def _flaw(name: str, values: Sequence[Tensor | None]) -> str:
    """What keeps an answer from being compared at all."""
    if any(value is None for value in values):
        return f"∂{name} is missing or no tensor."
    if not all(bool(torch.isfinite(value).all()) for value in values if value is not None):
        return f"∂{name} is not finite."
    return ""


def _size(tensors: Iterable[Tensor]) -> float:
    return max((float(t.abs().max()) for t in tensors if t.numel()), default=0.0)


def _tensor(value: Any) -> Tensor | None:
    """One gradient in float64; None for what is no number."""
    if value is None:
        return None
    try:
        return torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


def _exact(value: Any) -> Any:
    decimals = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().to("cpu", torch.float64) if decimals else value


def _forgotten(
    tape: Tape,
    loss: Callable[..., Tensor],
    gradient: Callable[..., Any],
    case: Inputs,
    answer: Sequence[Any],
    names: Sequence[str],
) -> list[str]:
    """The inputs on which the right gradient depends and the answer does not."""
    found = []
    right = tape.backward()
    for name, value in case.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        other = {**case, name: value * 1.25 + 0.125}
        try:
            moved = record(_scalar(loss, other), other).backward()
        except NotATape:
            continue
        leaves = [tape.inputs[each] for each in names]
        depends = any(
            not same(moved[leaf], right[leaf], _size([right[leaf]]))
            for leaf in leaves
            if leaf in moved
        )
        again = _answer(gradient, other, names)
        pairs = [(_tensor(a), _tensor(b)) for a, b in zip(answer, again, strict=True)]
        if depends and all(a is not None and b is not None and torch.equal(a, b) for a, b in pairs):
            found.append(name)
    return found


def _equal(one: Inputs, other: Inputs) -> bool:
    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, Tensor) else value

    return {k: plain(v) for k, v in one.items()} == {k: plain(v) for k, v in other.items()}


def _wanted(case: Inputs, wrt: Sequence[str] | str | None) -> tuple[str, ...]:
    """The names asked for."""
    decimals = [n for n, v in case.items() if isinstance(v, Tensor) and v.is_floating_point()]
    names = (wrt,) if isinstance(wrt, str) else tuple(decimals if wrt is None else wrt)
    unknown = [name for name in names if name not in decimals]
    if unknown or not names:
        raise ValueError(f"wrt: {', '.join(unknown) or 'nothing'} is no input with decimals")
    return names


def _positional(function: Callable[..., Any], case: Inputs) -> bool:
    """Whether a function takes the inputs by their order, because it calls them otherwise."""
    try:
        inspect.signature(function).bind(**case)
    except (TypeError, ValueError):
        return True
    return False


def _scalar(loss: Callable[..., Tensor], case: Inputs) -> Callable[..., Tensor]:
    """The loss by keyword; several numbers are weighted and summed, as by an upstream gradient."""
    positional = _positional(loss, case)

    def number(**inputs: Any) -> Tensor:
        out = loss(*inputs.values()) if positional else loss(**inputs)
        return out if out.dim() == 0 else (out * upstream_of(out)).sum()

    return number


def upstream_of(out: Tensor) -> Tensor:
    """Fixed weights for several numbers, all different, both signs."""
    dice = torch.Generator().manual_seed(11)
    return torch.randn(out.shape, generator=dice, dtype=torch.float64)


def _compare_with_autograd(
    tape: Tape, loss: Callable[..., Tensor], case: Inputs, names: Sequence[str]
) -> None:
    """The way back along the tape is PyTorch's own, or nothing is said."""
    leaves = {name: case[name].clone().requires_grad_() for name in names}
    with torch.enable_grad():
        end = _scalar(loss, case)(**{**case, **leaves})
        if not end.requires_grad:
            raise NotATape(f"it does not depend on {', '.join(names)}")
        grads = torch.autograd.grad(end, list(leaves.values()), allow_unused=True)
    if not all(bool(torch.isfinite(grad).all()) for grad in grads if grad is not None):
        raise NotATape("its gradient is not finite on every case")
    right, scale = tape.backward(), _size(grad for grad in grads if grad is not None)
    for name, grad in zip(names, grads, strict=True):
        own = right.get(tape.inputs[name])
        if grad is not None and (own is None or not same(own, grad, scale)):
            raise NotATape(f"the tape and torch.autograd differ in ∂{name}")


def _answer(gradient: Callable[..., Any], case: Inputs, names: Sequence[str]) -> Sequence[Any]:
    """What a gradient function returns, one value for each name."""
    inputs = {k: v.clone() if isinstance(v, Tensor) else v for k, v in case.items()}
    if isinstance(gradient, type) and issubclass(gradient, torch.autograd.Function):
        return _backward(gradient, inputs, names)
    positional = _positional(gradient, inputs)
    answer = gradient(*inputs.values()) if positional else gradient(**inputs)
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
    leaves = {name: inputs[name].requires_grad_() for name in names}
    with torch.enable_grad():
        out = function.apply(*inputs.values())
        end = out if out.dim() == 0 else (out * upstream_of(out)).sum()
        return torch.autograd.grad(end, list(leaves.values()), allow_unused=True)
