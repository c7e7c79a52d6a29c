"""Which of several faults to mend first: a function that others call comes before them. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from checks.grader.grading.reading import (
    Reading,
    called,
    is_empty,
    left_over_raise,
    reading,
    unfinished,
)
from checks.grader.records.verdict import Verdict

STATES = {
    "not_started": "is not started",
    "wrong": "is wrong",
    "error": "has an error",
    "timeout": "does not come to an end",
    "crashed": "crashes",
}


def with_first_to_mend(
    verdicts: Sequence[Verdict], source: str | None, whole: Set[str] = frozenset()
) -> tuple[Verdict, ...]:
    """The verdicts; what calls a function that gives wrong values says so before all else.

    whole  exercises of which nothing more can be said until then, and no mistake named
    """
    spoiled = {verdict.exercise: verdict for verdict in verdicts if _spoils(verdict)}
    return tuple(
        _pointed(verdict, spoiled, source, is_whole=verdict.exercise in whole)
        for verdict in verdicts
    )


def _spoils(verdict: Verdict) -> bool:
    """Whether other functions get something wrong from this one: not if only its method is."""
    if verdict.status == "wrong":
        return bool(verdict.comparison)
    return verdict.status in STATES


def _pointed(
    verdict: Verdict, spoiled: dict[str, Verdict], source: str | None, *, is_whole: bool
) -> Verdict:
    found = reading(source, verdict.exercise)
    if verdict.exercise not in spoiled or found is None or _is_own(verdict, found):
        return verdict
    reached = {definition.name for definition in found.reached[1:]}
    first = next((name for name in spoiled if name in reached and name != verdict.exercise), None)
    if first is None or verdict.exercise in {d.name for d in Reading(first, found.tree).reached}:
        return verdict
    words = (
        f"`{first}` {STATES[spoiled[first].status]}, and `{verdict.exercise}` calls it"
        f"{_through(found, first)}: mend `{first}` first."
    )
    if is_whole:
        return replace(verdict, message=words, misconception=None)
    if verdict.misconception is not None or _raised_inside(verdict, found):
        words = f"{words} {verdict.message}"
    return replace(verdict, message=words)


def _is_own(verdict: Verdict, found: Reading) -> bool:
    """A stub, or a file that cannot be run: nothing that another function did."""
    hollow = is_empty(found.definitions[found.name]) or left_over_raise(found) is not None
    own_stub = found.function is not None and _is_stub(found)
    return verdict.status == "not_started" and (hollow or own_stub)


def _is_stub(found: Reading) -> bool:
    return any(unfinished(node) for node in found.nodes)


def _through(found: Reading, helper: str) -> str:
    """By which function it is called, where that is not the function itself."""
    names = {called(node).split(".")[0] for node in found.nodes}
    if helper in names:
        return ""
    for definition in found.reached[1:]:
        inner = Reading(definition.name, found.tree)
        if any(called(node).split(".")[0] == helper for node in inner.nodes):
            return f" (through `{definition.name}`)" if definition.name != helper else ""
    return ""


def _raised_inside(verdict: Verdict, found: Reading) -> bool:
    """An error in the function's own lines, which stays when the helper is mended."""
    node = found.definitions[found.name]
    inside = verdict.line is not None and node.lineno < verdict.line <= (node.end_lineno or 0)
    return verdict.status == "error" and inside and "raised" in verdict.message
