"""The words: a slip at its place as a clause, an explanation as a paragraph or as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.slips.operations import Slip
from checks.slips.tape import Made, Node, Place, Tape, bracketed


@dataclass(frozen=True)
class Story:
    """One explanation that gives the same numbers on every case.

    slips   ids of the slips
    nodes   names of the nodes at which they are made, for a picture to mark
    words   the explanation, a clause
    """

    slips: tuple[str, ...]
    nodes: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Finding:
    """What `why` found.

    right, wrong  names of the inputs whose gradients are right and wrong
    stories       what gives the same numbers, the likeliest first; empty: nothing that was tried
    remark        what can be said where there is no story, or why nothing can be said
    """

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    stories: tuple[Story, ...] = ()
    remark: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every gradient is right."""
        return bool(self.right) and not self.wrong

    def __str__(self) -> str:
        if self.agrees:
            return f"{listed(self.right, '∂')} {_agree(self.right)} with the loss."
        sentences = [self.state] if self.wrong else []
        if self.stories:
            first, *others = self.stories
            sentences.append(f"The same numbers come out if {first.words}.")
            sentences.extend(f"Or if {story.words}." for story in others)
        return " ".join([*sentences, self.remark]).strip()

    @property
    def state(self) -> str:
        """Which gradients are right, which are wrong."""
        wrong = f"{listed(self.wrong, '∂')} {_be(self.wrong)} wrong"
        right = f", {listed(self.right, '∂')} {_be(self.right)} right" if self.right else ""
        return f"{wrong}{right}."

    def _repr_html_(self) -> str:
        if self.agrees or not self.stories:
            return f"<p>{html.escape(str(self))}</p>"
        first, *others = (html.escape(story.words) for story in self.stories)
        items = "".join(f"<li>or if {words}</li>" for words in others)
        return (
            f"<p>{html.escape(self.state)} The same numbers come out if <b>{first}</b>.</p>"
            + (f"<ul>{items}</ul>" if items else "")
            + (f"<p>{html.escape(self.remark)}</p>" if self.remark else "")
        )


def told(tape: Tape, made: Made, elsewhere: Sequence[Place] = ()) -> Story:
    """A story of slips made; `elsewhere`: other places at which the same slip gives the same."""
    clauses = [_clause(tape, slip, place) for slip, place in made]
    words = " and ".join(clauses)
    here = {_at(tape, place.nodes) for _, place in made}
    others = dict.fromkeys(_at(tape, place.nodes) for place in elsewhere)
    if named := [names for names in others if names not in here][:2]:
        words += f" (or at {' or at '.join(named)})"
    nodes = [tape.nodes[n].name for _, place in made for n in place.nodes]
    return Story(tuple(slip.id for slip, _ in made), tuple(dict.fromkeys(nodes)), words)


def _clause(tape: Tape, slip: Slip, place: Place) -> str:
    """ "at h1 = σ(z1) its slope h1·(1 − h1) is left out"."""
    first, *rest = place.nodes
    node, position = tape.nodes[first], min(i for n, i in place.edges if n == first)
    words = slip.words.format(*_names(tape, node), "…", "…", **_fields(tape, node, position))
    if slip.value:
        words += " in the whole net" if slip.own else " in the forward pass"
    else:
        words += _to(tape, place)
    likewise = f", and likewise at {_at(tape, rest)}" if rest else ""
    return f"at {node.at}, {words}{likewise}"


def _names(tape: Tape, node: Node) -> list[str]:
    return [bracketed(tape.nodes[p]) for p in node.parents]


def _fields(tape: Tape, node: Node, position: int) -> Mapping[str, str]:
    """What the words of a slip may name."""
    names = _names(tape, node)
    local = node.operation.local
    if node.operation.name == "mul":
        local = "{1}" if position == 0 else "{0}"
    out = node.name if node.own_name else f"({node.name})"
    local = local and " " + local.format(*names, "…", "…", out=out)
    return {
        "out": out,
        "local": local,
        "parent": names[position] if names else node.name,
    }


def _at(tape: Tape, nodes: Sequence[int]) -> str:
    """The names of nodes, if they are few."""
    names = [tape.nodes[n].name for n in nodes]
    return listed(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])


def _to(tape: Tape, place: Place) -> str:
    """ " on the way to h1", where a node has another parent that matters."""
    targets: list[str] = []
    for n in place.nodes:
        parents = tape.nodes[n].parents
        taken = {i for node, i in place.edges if node == n}
        open_ = {i for i, p in enumerate(parents) if p in tape.differentiable}
        if parents and taken != open_:
            targets.extend(tape.nodes[parents[i]].name for i in sorted(taken & open_))
    targets = list(dict.fromkeys(targets))
    if not targets:
        return ""
    shown = targets if len(targets) < 5 else [*targets[:3], "…"]
    return f" on the way to {', '.join(shown)}"


def listed(names: Sequence[str], mark: str = "") -> str:
    marked = [mark + name for name in names]
    return " and ".join([", ".join(marked[:-1]), marked[-1]] if len(marked) > 1 else marked)


def _be(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _agree(names: Sequence[str]) -> str:
    return "agree" if len(names) > 1 else "agrees"
