"""All that a page needs of one call: the recorded graph, where it stands, what is written."""

from __future__ import annotations

import math
import traceback
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from checks.grader.figures.engine import step_of
from checks.grader.figures.hand import entry_of
from checks.grader.figures.page.formulas import Writer
from checks.grader.figures.page.html import Story
from checks.grader.figures.page.training import training_of
from checks.grader.figures.page.views import graph_view, net_view
from checks.grader.figures.recorded import Recorded, is_cut_off, recorded
from checks.grader.figures.recording import Node, label
from checks.grader.figures.subject import Subject, Undrawable
from checks.grader.grading.grade import grade
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.language import figure
from checks.grader.records.verdict import Settings
from checks.slips import Unfit, operations

#: A graph of more numbers is no page that a browser opens at once.
MOST_NUMBERS = 4000
#: A source of more entries cannot be changed in the page.
MOST_FIELDS = 8
#: General slips and their words, for a prediction at any inputs.
GENERAL = {
    "negated": operations.NEGATED,
    "halved": operations.HALVED,
    "doubled": operations.DOUBLED,
    "upstream_ignored": operations.UPSTREAM_IGNORED,
}


def story_of(wanted: figure.Graph, subject: Subject, *, brief: bool = False) -> Story:
    """The story of one call: forward, backward, and the student's gradients. Raises Undrawable.

    brief  the graph alone: no training to play, nothing that the checker or `why` says
    """
    found = recorded(wanted, subject, brief=brief)
    numbers = sum(node.value.numel() for node in found.nodes if node.value is not None)
    if numbers > MOST_NUMBERS:
        raise Undrawable(f"the graph of {wanted.exercise} holds {numbers} numbers")
    position = {node.index: k for k, node in enumerate(found.shown)}
    shown = frozenset(position)
    writer = Writer(found.nodes, shown)
    ways: dict[int, dict[str, str]] = {}
    for child in shown:
        for parent, text in writer.ways(child).items():
            ways.setdefault(parent, {})[str(child)] = text
    names = _names(found)
    data = {found.shown[i].index for i in found.data}
    sources = {node.index for node in found.shown if not node.sources}
    nodes = [
        {
            "name": names.get(i, node.name),
            "formula": writer.formula(i) if i in shown else "",
            "shown": i in shown,
            "source": i in sources,
            "data": i in data,
            "cut": is_cut_off(node) and i not in data,
            "ways": ways.get(i, {}),
            **_computed(node),
            **_judged(found, position, i),
            "slip": i in found.at,
            "slips": list(_slips(found.nodes, i, names)) if i in shown else [],
        }
        for i, node in enumerate(found.nodes)
    ]
    wrong = {i for i, node in enumerate(nodes) if node["yours"] or node["right"]}
    views = [net_view(found, wanted.net, wrong), graph_view(found, wrong)]
    return {
        "title": subject.title(subject.lesson.title),
        "call": f"{wanted.exercise} at {wanted.example}",
        "recorded": "as its own engine built it" if wanted.engine else "as autograd recorded it",
        "root": wanted.root,
        "note": found.note,
        "whose": found.whose[0].upper() + found.whose[1:],
        "sentence": "" if brief else _sentence(wanted.hand or wanted.exercise, subject),
        "slip": found.slip,
        "nodes": nodes,
        "views": [view for view in views if view is not None],
        "general": {name: _general(slip.words) for name, slip in GENERAL.items()},
        "training": None if brief else training_of(subject),
    }


def _general(words: str) -> str:
    return words.format(to="", gradient="the gradient")


def stories_of(subject: Subject, *, of: Collection[str] = (), brief: bool = False) -> list[Story]:
    """A story for each computation graph that the lesson declares, of these exercises if some are
    named. Raises Undrawable if there is none.
    """
    stories, reasons = [], []
    for wanted in subject.lesson.figures:
        if isinstance(wanted, figure.Graph) and (not of or {wanted.exercise, wanted.hand} & {*of}):
            try:
                stories.append(story_of(wanted, subject, brief=brief))
            except Undrawable as reason:
                reasons.append(str(reason))
            except Exception as error:  # a recording of a kind that nobody thought of
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
                reasons.append(f"the page cannot be made of this graph ({where})")
    if not stories:
        raise Undrawable(reasons[0] if reasons else "the lesson declares no graph")
    return stories


def _names(found: Recorded) -> dict[int, str]:
    """What each shown node is called in a formula, by its index; no two alike."""
    shown = found.shown
    called = [node.name or label(shown, i) for i, node in enumerate(shown)]
    count = Counter(called)
    return {
        node.index: f"{name} #{called[: i + 1].count(name)}" if count[name] > 1 else name
        for i, (node, name) in enumerate(zip(shown, called, strict=True))
    }


def _computed(node: Node) -> dict[str, Any]:
    """The operation as the page computes it again, and what came of it here."""
    fields = not node.sources and node.operation == "leaf" and node.value is not None
    return {
        "row": "move" if node.moves else node.row.name if node.parents else "",
        "operands": [p if isinstance(p, int) else {"number": _number(p)} for p in node.operands],
        "places": None if node.places is None else node.places.reshape(-1).int().tolist(),
        "value": _tensor(node.value),
        "grad": _tensor(node.grad),
        "flows": node.flows,
        "editable": fields and node.value is not None and node.value.numel() <= MOST_FIELDS,
    }


def _judged(found: Recorded, position: Mapping[int, int], index: int) -> dict[str, Any]:
    """The student's own gradient where it is wrong, and the right one if the graph's is not."""
    pair = found.compared(position[index]) if index in position else None
    if pair is None or pair[1] is None:
        return {"yours": None, "right": None}
    right, yours = pair
    asked = entry_of(found.right, found.nodes[index].name) is not None
    return (
        {"yours": None, "right": _tensor(right)}
        if asked
        else {"yours": _tensor(yours), "right": None}
    )


def _slips(
    nodes: tuple[Node, ...], index: int, names: Mapping[int, str]
) -> Iterator[dict[str, Any]]:
    """The gradients that come of a slip of the table at one of the operations on a node."""
    node = nodes[index]
    if node.grad is None:
        return
    for user in nodes:
        if index not in user.sources or not user.row.elementwise or user.grad is None:
            continue
        step = step_of(nodes, user.index)
        if step is None:
            continue
        texts = [names.get(p, "…") if isinstance(p, int) else f"{p:g}" for p in user.operands]
        out = names.get(user.index, "…")
        for slip in user.row.slips:
            if slip.back is None:
                continue
            try:
                value = sum(
                    (node.grad - step.slope(i, user.grad) + slip.hand_back(step, i, user.grad))
                    for i, parent in enumerate(user.operands)
                    if parent == index
                )
            except (Unfit, RuntimeError):
                continue
            words = slip.words.format(*texts, *["…"] * 3, out=out)
            if isinstance(value, Tensor) and value.isfinite().all() and "…" not in words:
                yield {"words": words, "value": _tensor(value)}


def _sentence(exercise: str, subject: Subject) -> str:
    """What the checker says of an exercise, "" if it is right or not begun."""
    limit = min(subject.time_limit, Settings().time_limit)  # a picture may take longer than a check
    questions = questions_of(subject.stem, Settings(time_limit=limit))
    asked = restricted(questions, exercise)
    verdicts = grade(subject.session, asked, subject.lesson_file).verdicts
    return next((one.message for one in verdicts if one.at_fault), "")


def _tensor(value: Tensor | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"shape": list(value.shape), "data": [*map(_number, value.reshape(-1).tolist())]}


def _number(x: float) -> float | str:
    """As it travels: JSON has no NaN and no ∞."""
    return x if math.isfinite(x) else str(x)
