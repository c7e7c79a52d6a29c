"""The words: a slip at its place as a clause, an explanation as a paragraph or as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from checks.slips.operations import Slip
from checks.slips.tape import POWER, PRODUCT, Made, Place, Tape, nodes_of

#: The slope of an operation of two, towards the one and towards the other.
FACTORS = {"mul": ("{1}", "{0}"), "div": ("1/{1}", "−{0}/{1}²")}


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

    @property
    def state(self) -> str:
        """Which gradients are right, which are wrong."""
        if self.agrees:
            verb = "agree" if len(self.right) > 1 else "agrees"
            return f"{listed(self.right, '∂')} {verb} with the loss."
        named = ((self.wrong, "wrong"), (self.right, "right"))
        parts = [
            f"{listed(names, '∂')} {'are' if len(names) > 1 else 'is'} {word}"
            for names, word in named
            if names
        ]
        return f"{', '.join(parts)}." if parts else ""

    def __str__(self) -> str:
        starts = ("The same numbers come out if", *["Or if"] * len(self.stories))
        told = [f"{a} {story.words}." for a, story in zip(starts, self.stories, strict=False)]
        return " ".join(part for part in (self.state, *told, self.remark) if part)

    def _repr_html_(self) -> str:
        words = [html.escape(story.words) for story in self.stories]
        first = f" The same numbers come out if <b>{words[0]}</b>." if words else ""
        items = "".join(f"<li>or if {each}</li>" for each in words[1:])
        rest = f"<ul>{items}</ul>" if items else ""
        return f"<p>{html.escape(self.state)}{first}</p>{rest}<p>{html.escape(self.remark)}</p>"


def told(tape: Tape, made: Made, elsewhere: Sequence[Place] = ()) -> Story:
    """A story of slips made; `elsewhere`: other places at which the same slip gives the same."""
    words = " and ".join(_clause(tape, slip, place) for slip, place in made)
    here = {n for _, place in made for n in nodes_of(place)}
    others = dict.fromkeys(
        _at(tape, place) for place in elsewhere if not here <= {*nodes_of(place)}
    )
    if named := list(others)[:2]:
        words += f" (or at {' or at '.join(named)})"
    nodes = [tape.nodes[n].name for _, place in made for n in nodes_of(place)]
    return Story(tuple(slip.id for slip, _ in made), tuple(dict.fromkeys(nodes)), words)


def _clause(tape: Tape, slip: Slip, place: Place) -> str:
    """ "at h1 = σ(z1), its slope h1·(1 − h1) is left out"."""
    first, *rest = nodes_of(place)
    node, position = tape.nodes[first], min(i for n, i in place if n == first)
    names = [tape.nodes[p].within(PRODUCT) for p in node.parents]
    local = FACTORS.get(node.operation.name, (node.operation.local,) * 2)[min(position, 1)]
    targets = _targets(tape, place)
    to = f" to {targets}" if targets else ""
    fields = {
        "out": node.within(POWER),
        "parent": names[position] if names else node.name,
        "to": to,
        "gradient": f"the gradient passed back{to}" if names else "the gradient",
    }
    fields["local"] = local and " " + local.format(*names, "…", "…", **fields)
    words = re.sub(r"\(\(([^()]*)\)\)", r"(\1)", slip.words.format(*names, "…", "…", **fields))
    if slip.value:
        words += " in the forward and the backward pass" if slip.own else " in the forward pass"
    elif to and not any(f"{of}{targets}" in words for of in ("to ", "of ", "reaches ")):
        words += f" on the way{to}"
    if re.search(r"\bg\b", slip.words):
        words += " (g is the gradient that arrives)"
    likewise = f", and likewise at {_few(tape, rest)}" if rest else ""
    return f"at {node.at}, {words}{likewise}"


def _at(tape: Tape, place: Place) -> str:
    """Its nodes; and where to, where that matters."""
    targets = _targets(tape, place)
    return _few(tape, nodes_of(place)) + (targets and f" on the way to {targets}")


def _targets(tape: Tape, place: Place) -> str:
    """ "h1", where a node has another parent that matters."""
    targets: list[int] = []
    for n in nodes_of(place):
        parents = tape.nodes[n].parents
        taken = {i for node, i in place if node == n}
        open_ = {i for i, p in enumerate(parents) if p in tape.differentiable}
        if parents and taken != open_:
            targets += [parents[i] for i in sorted(taken & open_)]
    return _few(tape, targets)


def _few(tape: Tape, nodes: Sequence[int]) -> str:
    """Their names, each once; the first of many."""
    names = list(dict.fromkeys(tape.nodes[n].name for n in nodes))
    return listed(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])


def listed(names: Sequence[str], mark: str = "") -> str:
    marked = [mark + name for name in names]
    return " and ".join([", ".join(marked[:-1]), *marked[-1:]] if marked[1:] else marked)
