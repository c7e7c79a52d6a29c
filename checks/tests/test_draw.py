"""The pictures: golden numbers under them, not golden pixels, and nothing that overlaps."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from checks.grader.commands import cli, program
from checks.grader.figures import recording
from checks.grader.figures.fit import FitNumbers
from checks.grader.figures.graph import GraphNumbers, NodeNumbers
from checks.grader.figures.inside.record import record
from checks.grader.figures.layout import layered
from checks.grader.figures.losses import LossesNumbers
from checks.grader.figures.net import NetNumbers
from checks.grader.figures.pictures import Numbers, measure
from checks.grader.figures.save import as_json, picture, save
from checks.grader.figures.separation import SeparationNumbers
from checks.grader.figures.subject import Subject, Undrawable, subject_of
from checks.grader.figures.surface import SurfaceNumbers
from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, stems
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.tests.submissions import solution, with_body

PICTURES = [(stem, wanted.file) for stem in stems() for wanted in load(stem).figures]
DRAWN = [stem for stem, file in PICTURES if file == "graph"]
IN_README = sorted((ROOT / "data" / "figures").glob("*.png"))
Draw = Callable[..., Any]


@pytest.fixture(scope="module")
def draw(server: Server) -> Iterator[Draw]:
    """The numbers of a picture of a lesson file's text; those of the solutions are kept."""
    kept: dict[tuple[str, str], Numbers] = {}
    subjects: dict[str, Subject] = {}

    def solution_of(stem: str) -> Subject:
        if stem not in subjects:
            right = LessonFile(stem, Path(f"/submissions/{stem}.py"), solution(stem))
            subjects[stem] = stack.enter_context(subject_of(server, right, 60.0))
        return subjects[stem]

    def drawn(stem: str, file: str, text: str | None = None, time_limit: float = 60.0) -> Numbers:
        if text is None and (stem, file) in kept:
            return kept[stem, file]
        wanted = next(one for one in load(stem).figures if one.file == file)
        if text is None:
            kept[stem, file] = found = measure(wanted, solution_of(stem))
            return found
        submission = LessonFile(stem, Path(f"/submissions/{stem}.py"), text)
        with subject_of(server, submission, time_limit) as subject:
            return measure(wanted, subject)

    with ExitStack() as stack:
        yield drawn


def changed(stem: str, old: str, new: str) -> str:
    """The solution with one piece of text replaced."""
    text = solution(stem)
    assert old in text, old
    return text.replace(old, new)


def nodes(found: GraphNumbers) -> dict[str, NodeNumbers]:
    """The nodes by the first word on them: "ŷ" for "ŷ = x·w"."""
    return {node.label.split(" = ")[0]: node for node in found.nodes}


def near(value: Any, *, rel: float = 1e-6) -> Any:
    return pytest.approx(value, rel=rel, abs=1e-9)


# ── the graph ───────────────────────────────────────────────────────────────────────────────────


def test_lesson_1_has_the_worked_numbers_on_every_node(draw: Draw) -> None:
    found = nodes(draw("lesson1_linear", "graph"))
    assert {name: node.value for name, node in found.items()} == near(
        {"x": 2, "w": 1, "ŷ": 2, "y": 4, "r": -2, "loss": 4}
    )
    assert {name: node.grad for name, node in found.items() if node.grad is not None} == near(
        {"w": -8, "ŷ": -4, "r": -4, "loss": 1}
    )


def test_lesson_3_bears_the_names_of_the_lesson_and_their_formulas(draw: Draw) -> None:
    labels = [node.label for node in draw("lesson3_quadratic", "graph").nodes]
    formulas = ["z1 = w1·x²", "z2 = w2·x", "z = z1 + z2", "ŷ = z + b", "r = ŷ − y", "loss = r²"]
    assert [label for label in labels if "=" in label] == formulas


def test_lesson_3_has_gradient_8_on_every_inner_node(draw: Draw) -> None:
    found = nodes(draw("lesson3_quadratic", "graph"))
    assert [found[name].grad for name in ("z1", "z2", "z", "ŷ", "r")] == near([8] * 5)
    assert [found[name].grad for name in ("w1", "w2", "b")] == near([32, 16, 8])


def test_data_and_what_is_made_of_data_alone_has_no_gradient(draw: Draw) -> None:
    found = nodes(draw("lesson3_quadratic", "graph"))
    assert [found[name].grad for name in ("x", "y", "x²")] == [None] * 3


def test_lesson_4_shows_eight_weights_with_their_own_gradients(draw: Draw) -> None:
    found = nodes(draw("lesson4_sigmoid_net", "graph"))
    right = (-0.008421, 0.012607, -0.005053, 0.007564, 0.034633, 0.083866, 0.030495, 0.073845)
    assert [found[f"w{i}"].grad for i in range(1, 9)] == [near(g, rel=1e-4) for g in right]
    assert {"x1", "x2", "z1", "z2", "z3", "z4", "h1", "h2", "o1", "o2", "loss"} <= set(found)


def test_lesson_5_draws_what_autograd_differentiates(draw: Draw) -> None:
    found = nodes(draw("lesson5_linear_regression", "graph"))
    assert found["weight"].grad == ((near(53.5754049),),)
    assert found["bias"].grad == (near(7.4804),)
    assert found["loss"].value == near(17.1956681)


def test_lesson_6_cuts_the_blocked_branch_off(draw: Draw) -> None:
    found = nodes(draw("lesson6_autograd", "blocked"))
    assert found["x³"].is_cut_off
    assert not found["x²"].is_cut_off
    assert found["x"].grad == near(-6)


def test_lesson_7_names_matrices(draw: Draw) -> None:
    found = nodes(draw("lesson7_two_layer", "graph"))
    assert found["b1"].grad == (near(-0.1817154953), near(0.1155292893))
    assert found["ŷ"].value == (near(0.5378828427),)


def test_lesson_8_draws_what_the_nodes_recorded(draw: Draw) -> None:
    found, torchs = (
        nodes(draw(stem, "graph")) for stem in ("lesson8_engine", "lesson4_sigmoid_net")
    )
    for name in (*(f"w{i}" for i in range(1, 9)), "z1", "z2", "z3", "z4", "h1", "h2", "o1", "o2"):
        assert (found[name].value, found[name].grad) == near(
            (torchs[name].value, torchs[name].grad)
        )


@pytest.mark.parametrize("stem", DRAWN)
def test_nodes_come_after_what_feeds_them(draw: Draw, stem: str) -> None:
    found = draw(stem, "graph")
    assert all(parent < i for i, node in enumerate(found.nodes) for parent in node.parents)
    assert len(found.nodes[-1].parents) > 0


def test_the_graph_is_that_of_the_code_that_is_drawn(draw: Draw) -> None:
    text = changed("lesson1_linear", "(forward(x, w) - y) ** 2", "0.5 * (y - forward(x, w)) ** 2")
    found = draw("lesson1_linear", "graph", text)
    assert [node.label for node in found.nodes][-3:] == ["−r = y − ŷ", "(−r)²", "loss = 0.5·(−r)²"]
    assert nodes(found)["w"].grad == near(-4)
    assert "should be 4" in found.note


def test_a_loss_with_other_witnesses_is_noted_as_well(draw: Draw) -> None:
    body = "return ((forward(x, W1, b1, W2, b2) - y) ** 2).sum()"
    text = with_body("lesson7_two_layer", "loss", body)
    assert "should be 0.1068" in draw("lesson7_two_layer", "graph", text).note


def test_a_right_graph_bears_no_note(draw: Draw) -> None:
    assert {draw(stem, "graph").note for stem in DRAWN} == {""}


@pytest.mark.parametrize("stem", DRAWN)
def test_right_gradients_by_hand_are_not_repeated(draw: Draw, stem: str) -> None:
    assert all(node.yours is None for node in draw(stem, "graph").nodes)


def test_a_wrong_gradient_by_hand_stands_beside_the_right_one(draw: Draw) -> None:
    text = changed("lesson1_linear", "return 2 * r * x", "return r * x")
    w = nodes(draw("lesson1_linear", "graph", text))["w"]
    assert (w.grad, w.yours) == (near(-8), near(-4))


def test_only_the_wrong_entries_of_a_vector_are_repeated(draw: Draw) -> None:
    text = changed("lesson4_sigmoid_net", "grad_z3 * w7 + grad_z4 * w8", "grad_z3 * w7")
    found = nodes(draw("lesson4_sigmoid_net", "graph", text))
    assert {name for name, node in found.items() if node.yours is not None} == {"w2", "w4"}
    edges = draw("lesson4_sigmoid_net", "net", text).edges
    assert [i for i, edge in enumerate(edges, start=1) if edge[4] is not None] == [2, 4]


RIGHT_IN_OTHER_WAYS = {
    "in place": ("lesson1_linear", "loss", "r = forward(x, w)\n    r -= y\n    return r * r"),
    "as a mean": (
        "lesson2_bias",
        "loss",
        "return torch.nn.functional.mse_loss(torch.addcmul(b, x, w), y)",
    ),
    "by matrices": (
        "lesson4_sigmoid_net",
        "forward",
        "u, v = w.view(2, 2, 2)\n    h = torch.sigmoid(x @ u)\n    return h, torch.sigmoid(h @ v)",
    ),
    "by torch.func": (
        "lesson6_autograd",
        "grad_of_mean",
        "return torch.func.grad(lambda t: (3 * (t + 2) ** 2).mean())(x)",
    ),
    "by functional": (
        "lesson7_two_layer",
        "forward",
        "f = torch.nn.functional\n    h = torch.sigmoid(f.linear(x, W1, b1))\n"
        "    return f.linear(h, W2, b2)",
    ),
}


@pytest.mark.parametrize("way", RIGHT_IN_OTHER_WAYS)
def test_right_code_written_otherwise_is_drawn_with_the_same_ends(draw: Draw, way: str) -> None:
    stem, function, body = RIGHT_IN_OTHER_WAYS[way]
    found = draw(stem, "graph", with_body(stem, function, body))
    usual = draw(stem, "graph")
    assert found.nodes[-1].value == near(usual.nodes[-1].value)
    leaf = {"lesson4_sigmoid_net": "w", "lesson6_autograd": "x", "lesson7_two_layer": "b1"}
    assert nodes(found)[leaf.get(stem, "w")].grad is not None


def test_a_sum_of_squares_is_not_called_a_mean(draw: Draw) -> None:
    text = changed("lesson5_linear_regression", "nn.MSELoss()", 'nn.MSELoss(reduction="sum")')
    found = draw("lesson5_linear_regression", "graph", text)
    assert found.nodes[-1].label == "loss = Σ (ŷ − y)²"


def test_a_sum_with_a_factor_inside_is_not_written_as_a_plain_one(draw: Draw) -> None:
    body = "return torch.sub(forward(x, w), y, alpha=2) ** 2"
    labels = [
        node.label
        for node in draw("lesson1_linear", "graph", with_body("lesson1_linear", "loss", body)).nodes
    ]
    assert "sub" in labels and not any("−" in label for label in labels)


def test_a_sigmoid_spelled_out_is_one_node(draw: Draw) -> None:
    labels = [node.label for node in draw("lesson4_sigmoid_net", "graph").nodes]
    assert "h1 = σ(z1)" in labels and not any("exp" in label for label in labels)


def test_a_value_keeps_what_it_was_when_it_is_changed_in_place() -> None:
    def doubled(w: torch.Tensor) -> torch.Tensor:
        z = w * 3
        z += 1
        return z

    found = record(SimpleNamespace(loss=doubled), "loss", [], torch.tensor(2.0))
    assert [part["value"].item() for part in found.values()] == [2, 6, 7]


NODE = {"value": None, "grad": None, "parents": (), "flows": True, "places": None}


def test_a_node_is_read() -> None:
    assert [node.operation for node in recording.read({"0 mul": NODE})] == ["mul"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"0 mul": 1},
        {"0 mul": NODE | {"parents": (0,)}},
        {"0 mul": NODE | {"parents": (True,)}},
        {"0 mul": NODE | {"parents": None}},
        {"0 mul": NODE | {"flows": None}},
        {"0 <script>": NODE},
    ],
)
def test_what_is_no_graph_is_refused(answer: Any) -> None:
    with pytest.raises(recording.Malformed):
        recording.read(answer)


# ── the other pictures ──────────────────────────────────────────────────────────────────────────


def test_the_net_has_the_weights_and_gradients_on_its_edges(draw: Draw) -> None:
    found: NetNumbers = draw("lesson4_sigmoid_net", "net")
    assert found.loss == near(0.2097097937)
    assert found.values["o2"] == near(0.5286964003)
    assert found.edges[0] == ("x1", "h1", 0.2, near(-0.008421, rel=1e-4), None)
    assert found.edges[7] == ("h2", "o2", 0.8, near(0.073845, rel=1e-4), None)


LOSSES = {
    "lesson1_linear": {1: 7.31594304},
    "lesson3_quadratic": {100: 0.006318},
    "lesson4_sigmoid_net": {1: 0.2097098, 2: 0.1950326, 100: 0.0103428, 1000: 0.0031852},
    "lesson5_linear_regression": {1: 5.9467032, 10000: 0.1689152551},
}


@pytest.mark.parametrize("stem", LOSSES)
def test_losses_are_those_of_the_training(draw: Draw, stem: str) -> None:
    found: LossesNumbers = draw(stem, "losses")
    for epoch, loss in LOSSES[stem].items():
        assert found.losses[epoch - 1] == near(loss, rel=1e-4)
    assert found.right == ()


def test_a_loss_near_0_is_the_one_that_the_program_prints(draw: Draw) -> None:
    assert draw("lesson1_linear", "losses").losses[-1] == near(9.0949e-13, rel=1e-3)


def test_rounds_are_called_rounds(draw: Draw) -> None:
    found: LossesNumbers = draw("lesson4_sigmoid_net", "losses")
    assert (found.title, found.unit) == ("Lesson 4 · training, 1000 rounds", "round")


def test_losses_that_diverge_leave_the_picture_at_the_top() -> None:
    losses = (5.9, 66.0, 730.0, 8e3, 9e4, 1e6, 1.1e7, 1e30, float("inf"), float("nan"))
    figure = picture(LossesNumbers("a title", losses, (5.9, 0.3, 0.2), (0.17, "the floor")))
    low, high = figure.axes[0].get_ylim()
    assert low < 0.17 and 1e3 < high < 1e5
    assert any("beyond all bounds from epoch 7 on" in text.get_text() for text, _ in texts(figure))
    assert_legible(figure)


CROSSED = [
    ("w1 * x1 + w3 * x2", "w1 * x1 + w2 * x2"),
    ("w2 * x1 + w4 * x2", "w3 * x1 + w4 * x2"),
]


def test_crossed_wiring_is_drawn_as_it_is(draw: Draw) -> None:
    text = solution("lesson4_sigmoid_net")
    for old, new in CROSSED:
        assert old in text
        text = text.replace(old, new)
    found: NetNumbers = draw("lesson4_sigmoid_net", "net", text)
    assert [edge[:2] for edge in found.edges[1:3]] == [("x2", "h1"), ("x1", "h2")]
    assert "w2 goes from x2 to h1, w3 goes from x1 to h2" in found.note
    assert all(edge[4] is None for edge in found.edges)  # it is no measure of the hand gradient
    assert_legible(picture(found))


def test_a_gradient_that_is_not_blocked_stands_beside_the_right_one(draw: Draw) -> None:
    text = solution("lesson6_autograd").replace("with torch.no_grad():\n", "if True:\n")
    x = nodes(draw("lesson6_autograd", "blocked", text))["x"]
    assert (x.grad, x.yours) == (near(-6), near(21))


def test_wrong_losses_stand_beside_the_right_ones(draw: Draw) -> None:
    text = changed("lesson2_bias", "w = w - lr * grad_w", "w = w + lr * grad_w")
    found = draw("lesson2_bias", "losses", text)
    assert found.losses[-1] > 1e6 > found.right[-1]


def test_the_floors_are_where_the_losses_cannot_go_below(draw: Draw) -> None:
    net, line = draw("lesson4_sigmoid_net", "losses"), draw("lesson5_linear_regression", "losses")
    assert net.floor[0] == near(0.00245)
    assert line.floor[0] == near(draw("lesson5_linear_regression", "fit").least)


VALLEYS = {
    "lesson2_bias": ((0.2404, 11.093), (2, 0), (1.5906776, 0.9716459)),
    "lesson3_quadratic": ((0.0150, 1.043, 75.6), (2, 0), (0.9266762, 0.9913544)),
    "lesson5_linear_regression": (
        (0.2568204, 86.3960598),
        (0.2599898981, 0.7476652638),
        (0.2599898981, 0.7476652638),
    ),
}


@pytest.mark.parametrize("stem", VALLEYS)
def test_a_surface_has_its_valley_its_minimum_and_the_end_of_the_path(
    draw: Draw, stem: str
) -> None:
    curvatures, minimum, end = VALLEYS[stem]
    found: SurfaceNumbers = draw(stem, "surface")
    assert found.curvatures == near(curvatures, rel=3e-3)
    assert found.minimum == near(minimum)
    assert found.path[-1] == near(end, rel=1e-5)


def test_the_path_goes_epoch_by_epoch(draw: Draw) -> None:
    found: SurfaceNumbers = draw("lesson2_bias", "surface")
    assert found.path[:2] == ((1, 2), (near(1.046696), near(2.002632)))
    assert len(found.path) == found.epochs + 1


def test_the_line_ends_on_least_squares_and_not_after_100_epochs(draw: Draw) -> None:
    found: FitNumbers = draw("lesson5_linear_regression", "fit")
    assert len(found.points) == 15
    assert found.line == near(found.best, rel=1e-5)
    assert found.best == near((0.2599898981, 0.7476652638))
    assert found.early_line != near(found.best, rel=0.1)


def test_the_collapsed_net_separates_nothing_and_the_sigmoid_net_all(draw: Draw) -> None:
    found: SeparationNumbers = draw("lesson7_two_layer", "separation")
    assert found.losses[0] == near(0.125, rel=1e-4)
    assert found.least == near(0.125)
    assert found.losses[1] < 1e-4
    flat = [height for row in found.straight for height in row]
    assert max(flat) - min(flat) < 0.01
    corner = {
        point: found.bent[_at(found, point[1])][_at(found, point[0])] for point in found.points
    }
    for point, target in zip(found.points, found.targets, strict=True):
        assert abs(corner[point] - target) < 0.2


def _at(found: SeparationNumbers, value: float) -> int:
    return min(range(len(found.axis)), key=lambda i: abs(found.axis[i] - value))


# ── code that cannot be drawn ───────────────────────────────────────────────────────────────────

UNDRAWABLE = {
    "a stub": ("raise NotImplementedError('TODO 1.2: the loss')", "Still open: TODO 1.2"),
    "an error": ("return x / nothing", "NameError"),
    "an endless loop": ("import time\n    while True: time.sleep(1)", "longer than"),
    "an exit": ("import os; os._exit(0)", "process ended"),
    "sys.exit": ("sys.exit(3)", "SystemExit"),
    "no tensor": ("return 4.0", "no graph"),
    "nothing": ("return None", "no graph"),
    "no gradient": ("return torch.tensor(4.0)", "no graph"),
    "a huge graph": ("for _ in range(500): x = x * w\n    return x", "more than 60 nodes"),
    "a huge tensor": ("return (x * w * torch.ones(10000)).sum()", "10000 numbers"),
}


@pytest.mark.parametrize("what", UNDRAWABLE)
def test_what_cannot_be_drawn_is_told_in_one_line(draw: Draw, what: str) -> None:
    body, says = UNDRAWABLE[what]
    with pytest.raises(Undrawable, match=says) as told:
        draw("lesson1_linear", "graph", with_body("lesson1_linear", "loss", body), time_limit=1.0)
    assert "\n" not in str(told.value)


def test_a_file_that_cannot_be_imported_is_told_in_one_line(draw: Draw) -> None:
    with pytest.raises(Undrawable, match=r"the file raises SyntaxError \(line 1\)"):
        draw("lesson1_linear", "graph", "def loss(:\n")


@pytest.mark.parametrize("loss", ["0.0", "float('nan')", "-1.0"])
def test_losses_that_have_no_logarithm_are_not_drawn(draw: Draw, loss: str) -> None:
    text = with_body("lesson1_linear", "train", f"return w, torch.full((epochs,), {loss})")
    with pytest.raises(Undrawable, match="no loss above 0"):
        draw("lesson1_linear", "losses", text)


def test_losses_that_become_infinite_are_drawn_as_far_as_they_go(draw: Draw) -> None:
    body = "return w, torch.tensor([1.0, 1e30, 1e300, float('inf'), float('nan')])"
    found = draw("lesson1_linear", "losses", with_body("lesson1_linear", "train", body))
    assert_legible(picture(found))


def test_a_training_that_diverges_has_no_path(draw: Draw) -> None:
    text = changed("lesson2_bias", "w - lr * grad_w", "w + 50 * lr * grad_w")
    with pytest.raises(Undrawable, match="beyond all bounds"):
        draw("lesson2_bias", "surface", text)


# ── the layout ──────────────────────────────────────────────────────────────────────────────────


def random_graph(seed: int) -> tuple[list[list[int]], list[tuple[float, float]]]:
    """Parents and sizes of a graph of up to 25 nodes, every one of which feeds another."""
    dice = random.Random(seed)
    count = dice.randint(2, 25)
    parents: list[list[int]] = [
        sorted(dice.sample(range(i), min(i, dice.choice((0, 1, 1, 2, 2, 3))))) for i in range(count)
    ]
    fed = {parent for feeding in parents for parent in feeding}
    parents[-1] = sorted({*parents[-1], *(i for i in range(count - 1) if i not in fed)})
    sizes = [(dice.uniform(20, 200), dice.uniform(20, 90)) for _ in range(count)]
    return parents, sizes


def boxes(centres: Any, sizes: Any) -> list[Bbox]:
    return [
        Bbox.from_bounds(x - w / 2, y - h / 2, w, h)
        for (x, y), (w, h) in zip(centres, sizes, strict=True)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_no_two_nodes_overlap_in_any_layout(seed: int) -> None:
    parents, sizes = random_graph(seed)
    found = layered(parents, sizes, across=30, between=10)
    for one, other in combinations(boxes(found.centres, sizes), 2):
        assert not overlap(one, other)


@pytest.mark.parametrize("seed", range(40))
def test_data_flows_to_the_right_and_edges_pass_no_node(seed: int) -> None:
    parents, sizes = random_graph(seed)
    found = layered(parents, sizes, across=30, between=10)
    for (start, end), points in found.edges.items():
        assert found.centres[start][0] < found.centres[end][0]
        others = [box for i, box in enumerate(boxes(found.centres, sizes)) if i not in (start, end)]
        for x, y in points:
            assert not any(box.contains(x, y) for box in others)


def test_the_layout_stays_within_its_size() -> None:
    parents, sizes = random_graph(7)
    found = layered(parents, sizes, across=30, between=10)
    for box in boxes(found.centres, sizes):
        assert box.x0 > -1e-6 and box.y0 > -1e-6
        assert box.x1 < found.size[0] + 1e-6 and box.y1 < found.size[1] + 1e-6


# ── the pictures ────────────────────────────────────────────────────────────────────────────────


def texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """What is really written in a picture, and where, in pixels."""
    written: list[Text] = []
    drawn = Text.draw

    def noted(text: Text, *rest: Any, **more: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            written.append(text)
        drawn(text, *rest, **more)

    with patch.object(Text, "draw", noted):
        figure.canvas.draw()
    return [(text, text.get_window_extent()) for text in written]


def overlap(one: Bbox, other: Bbox, *, slack: float = 1.0) -> bool:
    """Whether two boxes share more than a pixel's width."""
    return bool(
        min(one.x1, other.x1) - max(one.x0, other.x0) > slack
        and min(one.y1, other.y1) - max(one.y0, other.y0) > slack
    )


def assert_legible(figure: Figure) -> list[tuple[Text, Bbox]]:
    """What is written in a picture, none of it cut off or on top of another."""
    written = texts(figure)
    assert written
    whole = figure.bbox.padded(1)
    for text, extent in written:
        inside = whole.x0 <= extent.x0 and extent.x1 <= whole.x1
        assert inside and whole.y0 <= extent.y0 and extent.y1 <= whole.y1, text
    for (one, here), (other, there) in combinations(written, 2):
        assert not overlap(here, there), (one, other)
    return written


@pytest.mark.parametrize(("stem", "file"), PICTURES)
def test_no_labels_overlap_and_none_is_cut_off(draw: Draw, stem: str, file: str) -> None:
    assert_legible(picture(draw(stem, file)))


def scaled(value: Any, dice: random.Random) -> Any:
    """A number as long as they come, in place of every number."""
    if isinstance(value, tuple):
        return tuple(scaled(part, dice) for part in value)
    return None if value is None else -1.2345 * 10.0 ** dice.choice((-12, -5, -2, 0, 3, 7))


@pytest.mark.parametrize("stem", ["lesson4_sigmoid_net", "lesson7_two_layer"])
def test_no_labels_of_a_graph_overlap_at_other_values(draw: Draw, stem: str) -> None:
    found: GraphNumbers = draw(stem, "graph")
    dice = random.Random(0)
    stretched = tuple(
        replace(
            node,
            value=scaled(node.value, dice),
            grad=scaled(node.grad, dice),
            yours=scaled(node.grad, dice),
            is_slip=node.grad is not None,
        )
        for node in found.nodes
    )
    slip = "The numbers of your grad_by_hand come out if something is left out. " * 3
    figure = picture(replace(found, nodes=stretched, note="A note on top of all.", slip=slip))
    written = assert_legible(figure)
    frames = [frame.get_window_extent() for frame in figure.findobj(FancyBboxPatch)]
    for text, extent in written:
        touched = [frame for frame in frames if overlap(extent, frame)]
        inside = all(f.x0 < extent.x0 and extent.x1 < f.x1 for f in touched)
        assert len(touched) <= 1 and inside, text


def test_the_place_that_why_names_is_marked_and_told_below(draw: Draw) -> None:
    text = changed("lesson3_quadratic", "* x**2, ", "* x, ")
    found = draw("lesson3_quadratic", "graph", text)
    assert [node.label for node in found.nodes if node.is_slip] == ["z1 = w1·x²"]
    assert "come out if at z1 = w1·x², x is used in place of x²" in found.slip
    written = [text.get_text() for text, _ in assert_legible(picture(found))]
    assert written.count("✗ here") == 1
    assert any(line.startswith("✗ The numbers of your grad_by_hand") for line in written)


def test_no_labels_of_the_net_overlap_at_other_values(draw: Draw) -> None:
    found: NetNumbers = draw("lesson4_sigmoid_net", "net")
    for seed in range(2):
        dice = random.Random(seed)
        edges = tuple(
            (a, b, scaled(w, dice), scaled(g, dice), scaled(g, dice))
            for a, b, w, g, _ in found.edges
        )
        assert_legible(picture(replace(found, edges=edges)))


def test_a_dollar_in_a_label_is_no_mathematics(draw: Draw) -> None:
    found: GraphNumbers = draw("lesson1_linear", "graph")
    odd = replace(found, nodes=tuple(replace(n, label="$\\frac{") for n in found.nodes))
    assert_legible(picture(odd))


def test_red_and_black_differ_in_grey_as_well(draw: Draw) -> None:
    """What is red bears a sign of its own."""
    figure = picture(draw("lesson1_linear", "graph"))
    red = [text for text, _ in texts(figure) if text.get_color() == "#b3001b"]
    assert red and all("∂" in text.get_text() for text in red)


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def numbers_in(target: Path) -> Any:
    """The numbers that a PNG carries."""
    with Image.open(target) as image:
        return json.loads(image.info["Numbers"])


def test_a_png_carries_its_numbers_and_an_svg_is_xml(draw: Draw, tmp_path: Path) -> None:
    found = draw("lesson1_linear", "graph")
    save(found, tmp_path / "deeper" / "graph.png")
    assert numbers_in(tmp_path / "deeper" / "graph.png") == json.loads(as_json(found))
    assert ET.parse(tmp_path / "deeper" / "graph.svg").getroot().tag.endswith("svg")


def test_the_readme_shows_three_pictures() -> None:
    assert len(IN_README) == 3


@pytest.mark.parametrize("path", IN_README, ids=lambda path: path.stem)
def test_a_picture_in_the_readme_is_not_stale(draw: Draw, path: Path) -> None:
    """When this fails: make readme"""
    number, _, file = path.stem.partition("_")
    stem = next(stem for stem in stems() if stem.startswith(f"{number}_"))
    assert_same(numbers_in(path), json.loads(as_json(draw(stem, file))))
    assert path.stat().st_size < 60_000


def assert_same(stored: Any, computed: Any, *, rel: float = 1e-6) -> None:
    """The same up to rounding on another machine."""
    if isinstance(stored, dict):
        assert stored.keys() == computed.keys()
        for key, value in stored.items():
            assert_same(value, computed[key])
    elif isinstance(stored, list):
        assert len(stored) == len(computed)
        for one, other in zip(stored, computed, strict=True):
            assert_same(one, other)
    elif isinstance(stored, float) and isinstance(computed, float):
        assert stored == pytest.approx(computed, rel=rel, abs=1e-8)
    else:
        assert stored == computed


# ── the command and the programs ────────────────────────────────────────────────────────────────


@pytest.fixture
def one_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands ask the server of all tests: one of their own costs a second each."""
    monkeypatch.setattr("checks.grader.running.server.Server", lambda *_: nullcontext(server))


with_one_server = pytest.mark.usefixtures("one_server")


@with_one_server
def test_draw_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    status = cli.main(["draw", "1", "--from", str(ROOT / "solutions"), "--out", str(out)])
    assert status == 0
    files = {f"lesson1_{name}.{kind}" for name in ("graph", "losses") for kind in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == files
    assert capsys.readouterr().out.splitlines() == [
        f"{out}/lesson1_graph.png and .svg",
        f"{out}/lesson1_losses.png and .svg",
    ]


@with_one_server
def test_draw_goes_on_after_a_picture_that_cannot_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = with_body("lesson1_linear", "loss", "raise NotImplementedError('TODO 1.2: the loss')")
    text = text.replace("before = loss(x, y, w)", "before = (x * w - y) ** 2")
    (tmp_path / "lesson1_linear.py").write_text(text, encoding="utf-8")
    assert cli.main(["draw", "1", "--from", str(tmp_path), "--out", str(tmp_path)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Lesson 1, graph: no picture. Still open: TODO 1.2")
    assert second.endswith("lesson1_losses.png and .svg")


@with_one_server
def test_draw_says_that_a_file_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["draw", "2", "--from", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "Lesson 2: no pictures. There is no file lesson2_bias.py.\n"


@with_one_server
def test_draw_into_what_is_no_folder_is_misuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    source = str(ROOT / "solutions")
    assert cli.main(["draw", "1", "--from", source, "--out", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.startswith("checks: cannot write")


@with_one_server
def test_a_lesson_file_saves_its_pictures_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lesson1_linear.py"])
    monkeypatch.setattr(program, "figures", lambda: str(tmp_path))
    program.run(str(ROOT / "solutions" / "lesson1_linear.py"))
    assert f"{tmp_path}/lesson1_graph.png" in capsys.readouterr().out
    assert (tmp_path / "lesson1_graph.png").exists()


@with_one_server
def test_a_lesson_file_runs_when_nothing_can_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr("sys.argv", ["lesson1_linear.py"])
    monkeypatch.setattr(program, "figures", lambda: str(tmp_path / "taken"))
    program.run(str(ROOT / "solutions" / "lesson1_linear.py"))
    *log, last = capsys.readouterr().out.splitlines()
    assert len(log) > 5
    assert last.startswith("No pictures: cannot write")
