"""Lesson 8: what fails only because of a function before it says so, and nothing else does."""

from __future__ import annotations

from checks.grader.records.verdict import LessonReport
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, solution, verdict_of

STEM = "lesson8_engine"
MEND = "Mend the first of them"
WRONG_SLOPES = ("(b.value, a.value))", "(a.value, b.value))")
WRONG_ORDER = ("    return order\n", "    return order[::-1]\n")
OVERWRITTEN = ("arrived.get(parent, 0) + upstream * slope", "upstream * slope")
CHANGED_NODE = ("self.grad: Tensor | None = None", "self.grad = torch.zeros(())")


def graded(server: Server, *changes: tuple[str, str]) -> LessonReport:
    text = solution(STEM)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return grade_text(server, STEM, text)


def test_a_wrong_multiply_does_not_reach_backward_and_the_net_says_so(server: Server) -> None:
    report = graded(server, WRONG_SLOPES)
    assert verdict_of(report, "multiply").misconception == "slopes_swapped"
    assert verdict_of(report, "backward").status == "passed"
    for name in ("net_gradients", "train"):
        verdict = verdict_of(report, name)
        assert (verdict.status, verdict.misconception) == ("wrong", None)
        assert MEND in verdict.message


def test_a_backward_that_is_right_but_for_the_order_says_so(server: Server) -> None:
    report = graded(server, WRONG_ORDER)
    assert verdict_of(report, "topological_order").misconception == "order_not_topological"
    assert MEND in verdict_of(report, "backward").message


def test_a_backward_with_a_fault_of_its_own_is_told_that_one(server: Server) -> None:
    verdict = verdict_of(graded(server, WRONG_ORDER, OVERWRITTEN), "backward")
    assert verdict.misconception == "accumulation_missed"
    assert MEND not in verdict.message


def test_a_changed_node_is_said_to_be_changed(server: Server) -> None:
    verdict = verdict_of(graded(server, CHANGED_NODE), "backward")
    assert verdict.status == "error"
    assert "`Node` is given complete" in verdict.message
