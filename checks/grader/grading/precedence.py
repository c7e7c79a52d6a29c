"""Which of several faults to mend first: a function that others call comes before them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import replace

from checks.grader.grading.reading import (
    Reading,
    called,
    is_empty,
    left_over_raise,
    tree_of,
    unfinished,
)
from checks.grader.records.verdict import Verdict

STATES = {
    "not_started": "is not started",
    "wrong": "is wrong",
    "error": "has an error",
    "timeout": "does not come to an end",
    "crashed": "crashes",
    "wrong_method": "is not done by the method asked for",
}
#: What a value of another kind than expected, or a changed argument, does not lead to.
OF_ITS_OWN = ("NameError", "UnboundLocalError")


def with_first_to_mend(
    verdicts: Sequence[Verdict], source: str | None, apart: Set[str] = frozenset()
) -> tuple[Verdict, ...]:
    """The verdicts; what calls a function that is not right says so before all else.

    What is said of the caller supposes that the functions it calls are right, so nothing more is
    said of it until they are, and no mistake named.

    apart  exercises that were judged with right functions in place of those before them
    """
    amiss = {verdict.exercise: verdict for verdict in verdicts if verdict.status in STATES}
    return tuple(
        _pointed(verdict, amiss, source, is_apart=verdict.exercise in apart) for verdict in verdicts
    )


def _leads_to(first: Verdict, then: Verdict) -> bool:
    """Whether one fault can be the cause of another."""
    if first.status == "wrong_method":  # its values are right
        return then.status == "error" and "raised" in then.message
    if first.status == "wrong" and not first.comparison:  # right values, an argument changed
        return then.status == "wrong" and not then.comparison
    return then.status != "wrong_method" and (then.status != "wrong" or bool(then.comparison))


def _pointed(
    verdict: Verdict, amiss: dict[str, Verdict], source: str | None, *, is_apart: bool
) -> Verdict:
    tree = tree_of(source) if source is not None else None
    if verdict.exercise not in amiss or tree is None:
        return verdict
    found = Reading(verdict.exercise, tree)
    reached = {definition.name for definition in found.reached[1:]} | _absent(verdict)
    first = next(
        (
            name
            for name, other in amiss.items()
            if name in reached and name != verdict.exercise and _leads_to(other, verdict)
        ),
        None,
    )
    in_a_circle = first and verdict.exercise in {d.name for d in Reading(first, tree).reached}
    if first is None or in_a_circle or _is_own(verdict, found):
        return verdict
    missing = first not in found.definitions
    words = (
        f"`{first}` {'is missing' if missing else STATES[amiss[first].status]}, and "
        f"`{verdict.exercise}` calls it{_through(found, first)}: mend `{first}` first."
    )
    if is_apart and verdict.misconception is not None or _raised_inside(verdict, found, missing):
        return replace(verdict, message=f"{words} {verdict.message}")
    return replace(verdict, message=words, misconception=None)


def _absent(verdict: Verdict) -> set[str]:
    """The name that Python did not know."""
    match = re.search(r"NameError.*name '(\w+)' is not defined", verdict.message)
    return {match[1]} if match else set()


def _is_own(verdict: Verdict, found: Reading) -> bool:
    """A stub, or a function that is not there: nothing that another function did."""
    if found.name not in found.definitions:
        return True
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


def _raised_inside(verdict: Verdict, found: Reading, missing: bool) -> bool:
    """An error in the function's own lines, which stays when the other one is mended."""
    node = found.definitions[found.name]
    inside = verdict.line is not None and node.lineno < verdict.line <= (node.end_lineno or 0)
    own = any(f"raised {kind}" in verdict.message for kind in OF_ITS_OWN)
    return verdict.status == "error" and inside and own and not missing
