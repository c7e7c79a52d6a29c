"""Lesson 8: what fails only because of a function before it says so, and nothing else does."""

from __future__ import annotations

from checks.grader.grading.questions import questions_of
from checks.grader.grading.table import inputs_shown
from checks.grader.records.verdict import LessonReport, Settings
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, solution, verdict_of

STEM = "lesson8_engine"
MEND = "mend `{}` first"
WRONG_SLOPES = ("(b.value, a.value))", "(a.value, b.value))")
WRONG_ORDER = ("    return order\n", "    return order[::-1]\n")
OVERWRITTEN = ("arrived[parent] + share if parent in arrived else share", "share")
CHANGED_NODE = ("self.grad: Tensor | None = None", "self.grad = torch.zeros(())")
KEEPS = (
    "    arrived = {end: torch.ones_like(end.value)}\n",
    "    lent.append(topological_order)\n    arrived = {end: torch.ones_like(end.value)}\n",
)
LENT = ("def net_loss(", "lent = []\n\n\ndef net_loss(")
NET = "    loss, weights = net_loss(x, y, w)\n    backward(loss)\n"
USES = (NET, f'    globals()["topological_order"] = lent[-1]\n{NET}')
TORCH = (
    NET,
    """    w = w.clone().requires_grad_()
    h = torch.sigmoid(x @ w[:4].reshape(2, 2))
    o = torch.sigmoid(h @ w[4:].reshape(2, 2))
    return torch.autograd.grad(((o - y) ** 2).sum() / 2, w)[0]
""",
)


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
        assert MEND.format("multiply") in verdict.message


def test_what_a_wrong_function_leads_to_in_the_net_is_not_named_there(server: Server) -> None:
    report = graded(server, OVERWRITTEN)
    assert verdict_of(report, "backward").misconception == "accumulation_missed"
    for name in ("net_gradients", "train"):
        verdict = verdict_of(report, name)
        assert verdict.misconception is None
        assert verdict.message.endswith(MEND.format("backward") + ".")


def test_a_set_that_is_added_to_is_not_a_result_thrown_away(server: Server) -> None:
    verdict = verdict_of(graded(server, WRONG_ORDER), "topological_order")
    assert verdict.misconception == "order_not_topological"
    assert "Is it the wrong way round?" in verdict.message


def test_a_backward_that_is_right_but_for_the_order_says_so(server: Server) -> None:
    report = graded(server, WRONG_ORDER)
    assert verdict_of(report, "topological_order").misconception == "order_not_topological"
    verdict = verdict_of(report, "backward")
    assert verdict.misconception is None
    assert MEND.format("topological_order") in verdict.message


def test_a_backward_with_a_fault_of_its_own_is_told_that_one(server: Server) -> None:
    verdict = verdict_of(graded(server, WRONG_ORDER, OVERWRITTEN), "backward")
    assert verdict.misconception == "accumulation_missed"


def test_a_changed_node_is_said_to_be_changed(server: Server) -> None:
    report = graded(server, CHANGED_NODE)
    assert verdict_of(report, "backward").status == "error"
    assert "`Node` is given complete" in verdict_of(report, "topological_order").message


def test_a_right_order_that_was_lent_is_of_no_use_for_nodes_of_ones_own(server: Server) -> None:
    """A file that keeps what it finds in place of its own wrong function, and uses it later."""
    report = graded(server, WRONG_ORDER, KEEPS, LENT, USES)
    assert verdict_of(report, "net_gradients").status == "error"


def test_torch_in_place_of_the_engine_is_the_wrong_method(server: Server) -> None:
    verdict = verdict_of(graded(server, TORCH), "net_gradients")
    assert verdict.status == "wrong_method"
    assert "is how PyTorch is asked for gradients" in verdict.message


def test_a_list_of_values_is_no_list_of_nodes(server: Server) -> None:
    changed = (WRONG_ORDER[0], "    return [node.value for node in order]\n")
    verdict = verdict_of(graded(server, changed), "topological_order")
    assert "the list holds Tensors. Put the nodes themselves in it." in verdict.message


def test_a_set_of_nodes_has_no_order(server: Server) -> None:
    changed = (WRONG_ORDER[0], "    return set(order)\n")
    verdict = verdict_of(graded(server, changed), "topological_order")
    assert "returned a set, which has no order" in verdict.message


def test_a_gradient_that_is_a_python_number_is_told_a_seed_of_the_right_kind(
    server: Server,
) -> None:
    verdict = verdict_of(graded(server, ("torch.ones_like(end.value)", "1.0")), "backward")
    assert "a Python float. `torch.ones_like(end.value)` is a 1" in verdict.message


def test_the_case_of_a_graph_reads_as_its_words_and_its_numbers() -> None:
    shown = [
        inputs_shown(case)["end"]
        for question in questions_of(STEM, Settings()).all
        if question.exercise.name == "backward"
        for case in question.cases
    ]
    assert "z = x·w at (x, w) = (2, 3)" in shown
    assert "f = e·c, where e = c + a and c = a·b, at (a, b) = (2, −3)" in shown
    assert "x + 0 + 0 + … + 0, a chain of 20000 additions of a constant, x = 1.5" in shown
    drawn = [words for words in shown if words.startswith("a random graph")]
    assert drawn and all(" leads: leaves (" in words for words in drawn)
