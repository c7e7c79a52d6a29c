"""The page to step through, driven in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.figures import engine, recording
from checks.grader.figures.inside import engine as inside_engine
from checks.grader.figures.page import (
    Story,
    assets,
    content_policy,
    fragment,
    frame,
    page,
    stories_from,
)
from checks.grader.figures.page import html as page_html
from checks.grader.figures.page import story as story_module
from checks.grader.figures.page.formulas import SLOPES, Writer
from checks.grader.figures.recording import IN_ONE_PIECE, Node
from checks.grader.figures.subject import Undrawable
from checks.grader.language.figure import Graph
from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, stems
from checks.grader.records.observation import Array
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.slips import OPERATIONS
from checks.tests.browser import chromium, lacking
from checks.tests.submissions import solution, with_body

SMALLEST_PHONE = 360
STEPPED = [s for s in stems() if any(isinstance(f, Graph) for f in load(s).figures)]
STORIES = Callable[..., list[Story]]
SCRIPT = (Path(page_html.__file__).parent / "step.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; its tests are skipped where there is none, unless that is forbidden."""
    if lacking():
        reason = "chromium, chromedriver or selenium is not on this machine"
        if os.environ.get("CHECKS_REQUIRE_BROWSER"):
            pytest.fail(f"{reason}, and CHECKS_REQUIRE_BROWSER forbids to go without")
        pytest.skip(reason)
    running = chromium("disable-dev-shm-usage")
    yield running
    running.quit()


@pytest.fixture(scope="module")
def tell(server: Server) -> STORIES:
    """The stories of a lesson file's text; those of the solutions are kept."""
    kept: dict[str, list[Story]] = {}

    def told(stem: str, text: str | None = None) -> list[Story]:
        if text is None and stem in kept:
            return kept[stem]
        file = LessonFile(stem, Path(f"/submissions/{stem}.py"), text or solution(stem))
        stories = stories_from(server, file, 60.0)
        if text is None:
            kept[stem] = stories
        return stories

    return told


class Page:
    """An open page, worked as a reader does: by keys, clicks and typing."""

    def __init__(self, browser: Any, stories: list[Story], folder: Path, which: int = 0) -> None:
        file = folder / "page.html"
        file.write_text(page(stories), encoding="utf-8")
        self.browser, self.which = browser, which
        browser.get(file.as_uri())

    def find(self, selector: str) -> Any:
        return self.all(selector)[0]

    def all(self, selector: str) -> list[Any]:
        root = self.browser.find_elements("css selector", ".step-through")[self.which]
        found: list[Any] = root.find_elements("css selector", selector)
        return found

    def part(self, name: str) -> Any:
        return self.find(f'[data-part="{name}"]')

    def press(self, *keys: str) -> None:
        root = self.browser.find_elements("css selector", ".step-through")[self.which]
        for key in keys:
            root.send_keys(getattr(self.keys, key))

    @property
    def keys(self) -> Any:
        from selenium.webdriver.common.keys import Keys

        return Keys

    @property
    def says(self) -> str:
        return str(self.part("say").text)

    def go_until(self, heading: str) -> None:
        """Go on until the heading of the step begins so; fails where none does."""
        self.browser.execute_script(
            "const root = document.querySelectorAll('.step-through')[arguments[0]],"
            "  says = root.querySelector('[data-part=heading]'), last = root.steps.steps.length;"
            "for (let i = 0; i < last && !says.textContent.startsWith(arguments[1]); i++)"
            "  root.steps.act('next');",
            self.which,
            heading,
        )
        assert self.part("heading").text.startswith(heading)

    def table(self) -> dict[int, tuple[Any, Any]]:
        """Node -> all digits of its value and of its gradient, None for what is not shown."""
        rows = self.browser.execute_script(
            "return [...document.querySelectorAll('.step-through')[arguments[0]]"
            ".querySelectorAll('tbody tr')].map(row => [Number(row.dataset.node),"
            " row.children[1].dataset.value || null, row.children[2].dataset.grad || null])",
            self.which,
        )
        return {node: (v and json.loads(v), g and json.loads(g)) for node, v, g in rows}

    def named(self, story: Story) -> dict[str, tuple[Any, Any]]:
        return {story["nodes"][i]["name"]: both for i, both in self.table().items()}

    def type_into(self, field: Any, text: str) -> None:
        field.clear()
        field.send_keys(text)


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Callable[..., Page]:
    return lambda stories, which=0: Page(browser, stories, tmp_path, which)


def exactly(value: Any) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-15)


# ── what is computed ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stem", STEPPED)
def test_every_number_on_the_way_is_autograds(
    open_page: Callable[..., Page], tell: STORIES, browser: Any, stem: str
) -> None:
    stories = tell(stem)
    for which, story in enumerate(stories):
        opened = open_page(stories, which)
        assert all(grad is None for _, grad in opened.table().values())
        opened.press("END")
        for i, (value, grad) in opened.table().items():
            node = story["nodes"][i]
            assert value == exactly(node["value"]["data"]), node["name"]
            has_gradient = node["grad"] is not None and not node["data"]
            assert grad == (exactly(node["grad"]["data"]) if has_gradient else None), node["name"]
    assert browser.get_log("browser") == []


CHANGED = {
    "lesson3_quadratic": ("loss", ("x", "y", "w1", "w2", "b"), {"w1": (0, -1.25), "x": (0, 3.5)}),
    "lesson4_sigmoid_net": ("loss", ("x", "y", "w"), {"w": (2, -1.75), "x": (1, 0.9)}),
    "lesson7_two_layer": (
        "loss",
        ("x", "y", "W1", "b1", "W2", "b2"),
        {"W1": (1, 2.5), "x": (0, -0.3)},
    ),
}


@pytest.mark.parametrize("stem", CHANGED)
def test_everything_follows_a_changed_input_as_in_pytorch(
    open_page: Callable[..., Page], tell: STORIES, stem: str
) -> None:
    function, names, changes = CHANGED[stem]
    (story,) = tell(stem)
    opened = open_page([story])
    opened.press("END")
    values = {node["name"]: _tensor(node["value"]) for node in story["nodes"] if node["name"]}
    for name, (entry, number) in changes.items():
        index = next(i for i, node in enumerate(story["nodes"]) if node["name"] == name)
        field = opened.find(f'input[data-node="{index}"][data-entry="{entry}"]')
        opened.type_into(field, str(number))
        values[name].view(-1)[entry] = number
    leaves = [values[name].requires_grad_() for name in names]
    loss = getattr(_solution(stem), function)(*leaves)
    grads = torch.autograd.grad(loss, leaves)
    found = opened.named(story)
    assert found["loss"][0] == exactly([loss.item()])
    parameters = {name for name in names if name not in ("x", "y")}
    for name, grad in zip(names, grads, strict=True):
        parts = _parts(found, name, grad)
        assert bool(parts) == (name in parameters), name
        for shown, right in parts:
            assert shown == exactly(right), name


def _tensor(written: dict[str, Any]) -> Tensor:
    return torch.tensor(written["data"], dtype=torch.float64).reshape(written["shape"])


def _solution(stem: str) -> ModuleType:
    module = ModuleType(stem)
    module.__file__ = f"{stem}.py"
    exec(solution(stem), module.__dict__)
    return module


def _parts(found: dict[str, Any], name: str, grad: Tensor) -> list[tuple[Any, list[float]]]:
    """The shown gradients of a parameter, or of its entries: w1 … w8 for w; none of data."""
    if name in found:
        return [(found[name][1], grad.reshape(-1).tolist())] if found[name][1] else []
    entries = [(found[f"{name}{i}"][1], [g]) for i, g in enumerate(grad.tolist(), start=1)]
    return [(shown, right) for shown, right in entries if shown]


def test_what_was_recorded_comes_back(open_page: Callable[..., Page], tell: STORIES) -> None:
    (story,) = tell("lesson1_linear")
    opened = open_page([story])
    opened.press("END")
    before = opened.table()
    opened.type_into(opened.all("input[type=number]")[0], "7")
    assert opened.table() != before
    opened.find('[data-part="inputs"] button').click()
    assert opened.table() == before


def test_an_operation_that_the_page_does_not_know_shows_what_was_recorded(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    text = solution("lesson1_linear").replace("return x * w\n", "return torch.lerp(x, x * w, w)\n")
    assert "lerp" in text
    (story,) = tell("lesson1_linear", text)
    opened = open_page([story])
    opened.press("END")
    found = opened.named(story)
    assert found["w"][1] == exactly(
        next(n for n in story["nodes"] if n["name"] == "w")["grad"]["data"]
    )
    assert "cannot be changed here" in opened.part("inputs").text


def test_nothing_is_written_of_an_operation_that_the_page_does_not_know(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    text = solution("lesson1_linear").replace("return x * w\n", "return torch.lerp(x, x * w, w)\n")
    opened = open_page(tell("lesson1_linear", text))
    opened.go_until("Forward, 2")
    assert opened.says == "lerp = 2"
    opened.press("END")
    assert "what lerp hands back" in opened.says and "NaN" not in opened.says


def test_wiring_that_is_crossed_is_told_as_a_graph(tell: STORIES) -> None:
    text = solution("lesson4_sigmoid_net").replace("w1 * x1 + w3 * x2", "w1 * x1 + w2 * x2")
    (story,) = tell("lesson4_sigmoid_net", text)
    assert [view["name"] for view in story["views"]] == ["graph"]
    assert "should be 0.2097" in story["note"]


ROWS: set[str] = set(
    re.findall(
        r"^    (\w+)(?::|,$)",
        SCRIPT[SCRIPT.index("const OPERATIONS = {") : SCRIPT.index("const OPERAND =")],
        re.MULTILINE,
    )
)


def test_every_operation_of_the_page_has_its_row_and_its_slopes() -> None:
    assert {"add", "matmul", "sigmoid", "mse_loss"} <= ROWS
    assert not ROWS - OPERATIONS.keys() - IN_ONE_PIECE.keys()
    written = {name for name in ROWS if name in OPERATIONS and OPERATIONS[name].local}
    assert {*written, *SLOPES, "pow", "matmul"} == ROWS


#: The operands' shapes at which an operation of the page is held against PyTorch.
SHAPES: dict[str, list[tuple[tuple[int, ...], ...]]] = {
    **dict.fromkeys(("add", "sub", "mul", "div"), [((), ()), ((3,), (2, 1)), ((2, 3), (3,))]),
    "pow": [((2,), ())],
    "outer": [((2,), (3,))],
    "matmul": [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4))],
    "linear": [((3,), (2, 3), (2,)), ((4, 3), (2, 3), (2,)), ((4, 3), (2, 3))],
    **dict.fromkeys(("mse_loss", "mse_sum"), [((4, 2), (4, 2))]),
}
IN_PYTORCH: dict[str, Callable[..., Tensor]] = {
    "neg": torch.neg,
    "mse_loss": torch.nn.functional.mse_loss,
    "mse_sum": lambda a, b: torch.nn.functional.mse_loss(a, b, reduction="sum"),
    "linear": torch.nn.functional.linear,
}


def recorded_by_pytorch(row: str, shapes: tuple[tuple[int, ...], ...]) -> list[dict[str, Any]]:
    """The nodes of a page that holds one operation: its operands, and it summed."""
    dice = torch.Generator().manual_seed(len(shapes))
    operands = [
        (torch.rand(shape, generator=dice, dtype=torch.float64) + 0.25).requires_grad_()
        for shape in shapes
    ]
    out = IN_PYTORCH.get(row, getattr(torch, row, None))(*operands)  # type: ignore[misc]
    end = out.sum()
    grads = torch.autograd.grad(end, [*operands, out])
    common: dict[str, Any] = {"shown": True, "flows": True, "places": None, "ways": {}}
    return [
        {**common, "row": name, "operands": behind, "value": written_down(value), "grad": grad}
        for name, behind, value, grad in (
            *(("", [], value, written_down(g)) for value, g in zip(operands, grads, strict=False)),
            (row, list(range(len(operands))), out, written_down(grads[-1])),
            ("sum", [len(operands)], end, {"shape": [], "data": [1.0]}),
        )
    ]


def written_down(value: Tensor) -> dict[str, Any]:
    return {"shape": list(value.shape), "data": value.detach().reshape(-1).tolist()}


def test_every_operation_of_the_page_computes_what_pytorch_does(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    open_page(tell("lesson1_linear"))
    graphs = {
        f"{row} {shapes}": recorded_by_pytorch(row, shapes)
        for row in sorted(ROWS)
        for shapes in SHAPES.get(row, [((2, 3),)])
    }
    known = browser.execute_script(
        "const Graph = document.querySelector('.step-through').steps.graph.constructor;"
        "return Object.fromEntries(Object.entries(arguments[0]).map("
        "  ([name, nodes]) => [name, new Graph(nodes).known]))",
        graphs,
    )
    assert known == dict.fromkeys(graphs, True)
    graphs["sigmoid ((2, 3),)"][1]["grad"]["data"][4] *= 1 + 1e-9  # and it does look
    wrong = browser.execute_script(
        "return new (document.querySelector('.step-through').steps.graph.constructor)"
        "(arguments[0]).known",
        graphs["sigmoid ((2, 3),)"],
    )
    assert wrong is False


#: Slopes that are told in words.
IN_WORDS = {"abs", "relu"}


def in_python(written: str) -> str:
    """A formula of the page as Python writes it; v0, v1 are its operands, g what arrives."""
    text = re.sub(
        "⟦(g|\\d+)⟧", lambda place: place[1] if place[1] == "g" else f"v{place[1]}", written
    )
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    text = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda raised: f"**({raised[0].translate(digits)})", text)
    text = re.sub(r"(\w+) ⊗ (\w+)", r"torch.outer(\1, \2)", text)
    text = re.sub(
        r"√(\w+)|exp\((\w+)\)", lambda of: f"{of[1]}.sqrt()" if of[1] else f"{of[2]}.exp()", text
    )
    text = text.replace("·", "*").replace("−", "-").replace("^", "**").replace("ᵀ", ".T")
    return text.replace("Σ (", "total(")


@pytest.mark.parametrize("row", sorted(ROWS - IN_WORDS))
def test_what_is_written_of_a_slope_comes_to_what_autograd_computes(row: str) -> None:
    powers = [(2.0,), (3.0,), (-1.0,), (0.5,)] if row == "pow" else [()]
    for shapes in SHAPES.get(row, [((2, 3),)])[: 1 if row == "pow" else None]:
        for numbers in powers:
            assert_written_right(row, shapes[: len(shapes) - len(numbers)], numbers)


def summed_to(leaf: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: x.sum_to_size(leaf.shape)


def assert_written_right(row: str, shapes: Any, numbers: tuple[float, ...]) -> None:
    dice = torch.Generator().manual_seed(7)
    leaves = [
        (torch.rand(shape, generator=dice, dtype=torch.float64) + 0.25).requires_grad_()
        for shape in shapes
    ]
    out = IN_PYTORCH.get(row, getattr(torch, row, None))(*leaves, *numbers)  # type: ignore[misc]
    g = torch.rand(out.shape, generator=dice, dtype=torch.float64)
    nodes = [
        Node("leaf", leaf.detach(), leaf.detach(), (), index=i) for i, leaf in enumerate(leaves)
    ]
    parents = (*range(len(leaves)), *numbers)
    nodes.append(Node(row, out.detach(), g, parents, index=len(leaves)))
    ways = Writer(nodes, frozenset(range(len(nodes)))).ways(len(leaves))
    values = {f"v{i}": node.value for i, node in enumerate(nodes)}
    for i, (leaf, grad) in enumerate(zip(leaves, torch.autograd.grad(out, leaves, g), strict=True)):
        come = eval(
            in_python(ways[i]), {"torch": torch, "g": g, "total": summed_to(leaf), **values}
        )
        assert torch.allclose(come.expand(grad.shape), grad), (row, shapes, i, ways[i])


def test_every_operation_of_the_course_is_known_to_the_page(tell: STORIES) -> None:
    used = {node["row"] for stem in STEPPED for story in tell(stem) for node in story["nodes"]}
    assert {"mul", "sigmoid", "matmul"} <= used - {"", "move"} <= ROWS


# ── steps ───────────────────────────────────────────────────────────────────────────────────────


def test_a_step_forward_and_a_step_back_are_written_out(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    opened = open_page(tell("lesson3_quadratic"))
    opened.go_until("Forward, 2 of 7")
    assert opened.says == "z1 = w1·x² = 2·4 = 8"
    opened.press("END")
    assert opened.says == "∂loss/∂w1 = ∂loss/∂z1·x² = 8·4 = 32"
    opened.press("ARROW_LEFT")
    assert opened.part("heading").text == "Back, 8 of 9"
    opened.find('[data-do="first"]').click()
    assert opened.part("heading").text == "Start"
    assert opened.part("say").get_attribute("aria-live") == "polite"


def test_a_sum_over_paths_is_shown_as_a_sum(open_page: Callable[..., Page], tell: STORIES) -> None:
    opened = open_page(tell("lesson4_sigmoid_net"))
    opened.go_until("Back, 15")
    assert opened.says.splitlines() == [
        "h1 reaches loss in 2 ways; what comes back is added up:",
        "through z3: ∂loss/∂z3·w5 = 0.06161·0.1 = 0.00616052",
        "through z4: ∂loss/∂z4·w6 = 0.1492·(−0.5) = −0.0745905",
        "∂loss/∂h1 = 0.00616052 + (−0.0745905) = −0.06843",
    ]


def test_the_node_in_work_is_lit_and_the_rest_waits(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    opened = open_page(tell("lesson1_linear"))
    opened.press("ARROW_RIGHT")
    (lit,) = opened.all(".box.lit")
    assert lit.text.splitlines()[:2] == ["▸ ŷ = x·w", "2"]
    assert len(opened.all(".box.waits")) == 2


def test_nets_have_their_weights_on_the_lines(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    nets = {"lesson4_sigmoid_net": 8, "lesson7_two_layer": 6, "lesson8_engine": 8}
    for stem, weights in nets.items():
        opened = open_page(tell(stem))
        assert opened.find('[aria-pressed="true"]').text == "net"
        assert len(opened.all(".box.weight")) == weights
        opened.press("END")
        assert all("∂" in box.text for box in opened.all(".box.weight"))


# ── for every reader ────────────────────────────────────────────────────────────────────────────


def test_the_page_is_walked_by_keys_alone(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    opened = open_page(tell("lesson1_linear"))

    def focused() -> str:
        return str(
            browser.execute_script(
                "const at = document.activeElement;"
                "if (getComputedStyle(at).outlineStyle === 'none') return 'not to be seen';"
                "return at.dataset.do || at.dataset.part || at.ariaLabel || at.tagName"
            )
        )

    def tab() -> str:
        browser.switch_to.active_element.send_keys(opened.keys.TAB)
        return focused()

    assert focused() == "Step through loss at x = 2, y = 4, w = 1"
    opened.go_until("Forward, 3")
    assert [tab() for _ in range(5)] == ["first", "back", "next", "last", "slider"]
    browser.switch_to.active_element.send_keys(opened.keys.ARROW_RIGHT)
    assert opened.part("heading").text == "Back, 1 of 4"
    assert tab() == "guess"
    browser.switch_to.active_element.send_keys("-4\n")
    assert opened.part("heading").text == "Back, 2 of 4" and focused() == "guess"
    browser.switch_to.active_element.send_keys("-4\n")
    browser.switch_to.active_element.send_keys("-8\n")
    assert opened.part("heading").text == "Back, 4 of 4"
    browser.switch_to.active_element.send_keys(opened.keys.HOME)
    assert opened.part("heading").text == "Start"


def test_a_button_at_the_end_of_its_way_keeps_the_focus(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    opened = open_page(tell("lesson1_linear"))
    button = opened.find('[data-do="last"]')
    button.send_keys("\n")
    assert button.get_attribute("aria-disabled") == "true"
    button.send_keys("\n", opened.keys.ARROW_LEFT)
    assert opened.part("heading").text == "Back, 3 of 4"
    assert browser.switch_to.active_element == button


def test_every_step_is_told_as_text_and_every_control_has_a_name(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    opened = open_page(tell("lesson4_sigmoid_net"))
    told = browser.execute_script(
        "const { steps, parts } = document.querySelector('.step-through').steps, page ="
        "  document.querySelector('.step-through').steps;"
        "return steps.map((_, i) => { page.go(i);"
        "  return parts.heading.textContent + ': ' + parts.say.textContent })"
    )
    assert len(set(told)) == len(told) == 1 + 11 + 19
    assert all(len(says.partition(": ")[2]) > 5 for says in told)
    live = opened.part("say")
    assert (live.get_attribute("aria-live"), live.get_attribute("aria-atomic")) == (
        "polite",
        "true",
    )
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = [
        node
        for node in tree
        if node.get("role", {}).get("value") in ("button", "slider", "spinbutton", "textbox")
    ]
    assert len(controls) > 30
    assert all(node["name"]["value"] for node in controls)


class Outline(HTMLParser):
    """The language, the title, the headings and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language, self.headings = "", list[int]()
        self.ids: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def test_a_page_has_a_language_a_title_and_headings_in_order(tell: STORIES) -> None:
    text = page(tell("lesson6_autograd"))
    outline = Outline(text)
    assert outline.language == "en"
    assert "<title>Lesson 6 · What autograd records and forgets</title>" in text
    assert outline.headings == [1, *[2, 3, 3] * 2]


def test_fragments_stand_below_any_heading_and_bring_no_ids(tell: STORIES) -> None:
    stories = [*tell("lesson1_linear"), *tell("lesson6_autograd")]
    outline = Outline("".join(fragment(story, level=4) for story in stories))
    assert outline.headings == [4, 5, 5, 5, *[4, 5, 5] * 2]
    assert outline.ids == []


def test_a_training_is_played_calmly_where_motion_is_to_be_reduced(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    opened = open_page(tell("lesson2_bias"))
    browser.execute_script("window.setInterval = (_, time) => { window.every = time; return 1 }")
    try:
        for motion, every in {"no-preference": 60, "reduce": 1000}.items():
            features = [{"name": "prefers-reduced-motion", "value": motion}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            opened.part("run").click()
            assert browser.execute_script("return window.every") == every
            opened.part("run").click()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert not re.search("animation|transition|behavior", page(tell("lesson2_bias")))


# ── predictions ─────────────────────────────────────────────────────────────────────────────────


def test_a_right_prediction_goes_on_and_a_wrong_one_hears_what_it_fits(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    opened = open_page(tell("lesson1_linear"))
    opened.go_until("Back, 1")
    guess = opened.part("guess")
    for wrong, says in {
        "-2": "−2 is not it. It fits this: ",
        "4": "4 is not it. It fits this: the gradient has the wrong sign.",
        "nonsense": "Type a number",
    }.items():
        opened.type_into(guess, wrong + "\n")
        assert opened.part("answer").text.startswith(says)
        assert opened.part("heading").text.startswith("Back, 1")
    opened.type_into(guess, "-4\n")
    assert opened.part("heading").text.startswith("Back, 2")
    assert opened.part("answer").text == "Right: −4."


def test_a_forgotten_path_is_named(open_page: Callable[..., Page], tell: STORIES) -> None:
    opened = open_page(tell("lesson4_sigmoid_net"))
    opened.go_until("Back, 14")
    opened.type_into(opened.part("guess"), "0.00616\n")
    assert "what comes through z3 alone" in opened.part("answer").text


def test_a_slip_of_the_table_is_told_in_its_words(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    opened = open_page(tell("lesson4_sigmoid_net"))
    opened.go_until("Back, 4")
    opened.type_into(opened.part("guess"), str(0.5986964 * 0.5286964) + "\n")
    assert "of its slope only o2 is kept" in opened.part("answer").text


# ── the student's own numbers ───────────────────────────────────────────────────────────────────


def test_a_wrong_gradient_by_hand_stands_beside_the_right_one(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    text = solution("lesson3_quadratic")
    text = re.sub(r"return (\w+) \* x\*\*2, \1 \* x, \1", r"return \1 * x, \1 * x, \1", text)
    assert text != solution("lesson3_quadratic")
    (story,) = tell("lesson3_quadratic", text)
    assert "the wrong power of x" in story["sentence"]
    opened = open_page([story])
    opened.press("END")
    assert "Your grad_by_hand gives 16 here; it should be 32." in opened.says
    assert "the first one that is wrong" in opened.says
    (wrong,) = opened.all(".box.wrong")
    assert "✗ ∂ 32, not 16" in wrong.text
    assert opened.find(".sentence").text == story["sentence"]


def test_the_place_that_why_names_is_marked_and_told(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    text = solution("lesson4_sigmoid_net")
    text = text.replace("grad_h2]) * sigmoid_slope(h)", "grad_h2])")
    (story,) = tell("lesson4_sigmoid_net", text)
    assert [n["name"] for n in story["nodes"] if n["slip"]] == ["h1", "h2"]
    opened = open_page([story])
    assert opened.all(".badge") == []
    opened.press("END")
    assert {box.text for box in opened.all(".badge")} == {"✗ here"}
    assert len(opened.all(".badge")) == 2
    opened.find('[data-do="first"]').click()
    opened.go_until("Back, 15")
    assert opened.says.splitlines()[-1] == (
        "✗ The numbers of your grad_by_hand come out if at h1 = σ(z1), its slope h1·(1 − h1) is "
        "left out, and likewise at h2."
    )


def test_a_slip_in_an_engine_is_marked_where_the_engine_makes_it(tell: STORIES) -> None:
    text = solution("lesson8_engine").replace("value * (1 - value)", "value")
    (story,) = tell("lesson8_engine", text)
    assert {n["name"] for n in story["nodes"] if n["slip"]} == {"h1", "h2", "o1", "o2"}
    assert story["slip"].startswith("The numbers of your engine come out if at h1 = σ(z1), of its")


def test_right_gradients_beside_a_wrong_loss_are_not_called_wrong(tell: STORIES) -> None:
    text = solution("lesson1_linear").replace("(forward(x, w) - y) ** 2", "(forward(x, w) - y)")
    (story,) = tell("lesson1_linear", text)
    assert "should be 4" in story["note"]
    assert all(node["yours"] is None for node in story["nodes"])


# ── an engine of one's own ──────────────────────────────────────────────────────────────────────

ENGINE = """
class Node:
    def __init__(self, value, parents=(), slopes=()):
        self.value, self.parents, self.slopes, self.grad = value, parents, slopes, None

def multiply(a, b):
    return Node(a.value * b.value, (a, b), (b.value, SLOPE))

def power(a, n):
    return Node(a.value ** n, (a,), (n * a.value ** (n - 1),))

def add(a, b):
    return Node(a.value + b.value, (a, b), (torch.ones_like(a.value),) * 2)

def sigmoid(a):
    out = torch.sigmoid(a.value)
    return Node(out, (a,), (out * (1 - out),))

def backward(end, g=1.0):
    if not end.parents:
        end.grad = g if end.grad is None else end.grad + g
    for parent, slope in zip(end.parents, end.slopes):
        backward(parent, g * slope)

def gradients(x, w):
    x, w = Node(x), Node(w)
    half = Node(torch.tensor(0.5, dtype=torch.float64))
    backward(multiply(half, power(add(sigmoid(multiply(x, w)), x), 2)))
    return w.grad
"""


def engine_graph(slope: str) -> tuple[dict[str, Node], dict[str, Tensor]]:
    """The right gradients of its graph, and those that the engine left on x and w."""
    lesson = ModuleType("lesson")
    lesson.__dict__["torch"] = torch
    exec(ENGINE.replace("SLOPE", slope), lesson.__dict__)
    graphs = []
    for x, w in ((2.0, -0.7), (1.5, 0.4)):
        at = torch.tensor(x, dtype=torch.float64), torch.tensor(w, dtype=torch.float64)
        answer = inside_engine.record(lesson, "gradients", [], *at)
        for part in answer.values():
            for key in ("value", "grad"):
                part[key] = None if part[key] is None else Array(part[key], "float64", "cpu")
        graphs.append(recording.read(answer))
    numbers = {"x": (2.0, 1.5), "w": (-0.7, 0.4)}
    values = {
        name: (torch.tensor(here).double(), torch.tensor(there).double())
        for name, (here, there) in numbers.items()
    }
    nodes = recording.named(graphs[0], graphs[1], values)
    right = engine.with_gradients(engine.without_constants(nodes, graphs[1]))
    return {node.name: node for node in right if node.name}, engine.own_gradients(nodes)


def _number(value: Tensor | None) -> float:
    assert value is not None
    return float(value)


def test_the_engine_of_a_student_is_recorded_with_the_gradients_that_are_right() -> None:
    named, yours = engine_graph("a.value")
    x, w = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (2.0, -0.7))
    grads = torch.autograd.grad(0.5 * (torch.sigmoid(x * w) + x) ** 2, (x, w))
    for name, grad in zip("xw", grads, strict=True):
        assert _number(named[name].grad) == exactly(grad.item())
        assert _number(yours[name]) == exactly(grad.item())


def test_a_wrong_slope_in_an_engine_stands_beside_the_right_gradient() -> None:
    named, yours = engine_graph("b.value")
    assert _number(named["w"].grad) != pytest.approx(_number(yours["w"]), rel=1e-3)


# ── the page ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stem", STEPPED)
def test_a_page_is_small_and_needs_nothing_from_outside(tell: STORIES, stem: str) -> None:
    text = page(tell(stem))
    assert len(text.encode()) < 200_000
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text


def test_a_phone_scrolls_the_picture_and_not_the_page(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    phone = {"width": SMALLEST_PHONE, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        for stem in STEPPED:
            open_page(tell(stem)).press("END")
            wide = "return document.documentElement.scrollWidth"
            assert browser.execute_script(wide) <= SMALLEST_PHONE, stem
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_training_is_played_to_its_end(
    open_page: Callable[..., Page], tell: STORIES, browser: Any
) -> None:
    calm = {"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", calm)
    opened = open_page(tell("lesson2_bias"))
    assert opened.part("epoch-says").text.startswith("after 0 epochs: (w, b) = (1, 2); loss")
    opened.part("epoch").send_keys(opened.keys.END)
    assert opened.part("epoch-says").text == (
        "after 100 epochs: (w, b) = (1.591, 0.9716); loss of epoch 100: 0.1027"
    )
    opened.part("run").click()
    assert "stop" in opened.part("run").text
    opened.part("run").click()


def test_fragments_in_another_page_and_a_frame_in_a_notebook_work_as_well(
    tell: STORIES, browser: Any, tmp_path: Path
) -> None:
    stories = [*tell("lesson1_linear"), *tell("lesson2_bias")]
    stories[1] = {**stories[1], "ended": True}
    inside = "".join(map(fragment, stories)) + assets()
    for name, body in {"fragments": inside, "frame": frame(stories)}.items():
        file = tmp_path / f"{name}.html"
        file.write_text(f"<!doctype html><meta charset=utf-8>{body}", encoding="utf-8")
        browser.get(file.as_uri())
        if name == "frame":
            browser.switch_to.frame(0)
        assert len(browser.find_elements("css selector", ".step-through[data-ready] svg")) > 2
        headings = browser.find_elements("css selector", "[data-part=heading]")
        assert [heading.text for heading in headings] == ["Start", "Back, 6 of 6"]
        browser.execute_script("document.querySelector('.step-through').steps.go(4)")
        guess = browser.find_element("css selector", "[data-part=guess]")
        guess.send_keys("-4\n")
        assert headings[0].text == "Back, 2 of 4"
        assert browser.get_log("browser") == []
    browser.switch_to.default_content()


HOSTILE = """</script><script>alert(1)</script><img src=x onerror=alert(1)> ${title} $call "'&"""
ODD = {
    "not a number": ("loss", "return (forward(x, w) - y) ** 2 * float('nan')"),
    "infinite": ("loss", "return (forward(x, w) - y) ** 2 / (x - x)"),
    "another shape": ("loss", "return (forward(x, w) - y) ** 2 * torch.ones(2, 3)"),
    "cut off": ("loss", "return (forward(x, w).detach() - y + 0 * w) ** 2"),
    "a long sum": ("loss", "for _ in range(25): w = w + x\n    return (w - y) ** 2"),
    "hand: nan": ("grad_by_hand", "return x * float('nan')"),
    "hand: nothing": ("grad_by_hand", "return torch.ones(0)"),
    "hand: text": ("grad_by_hand", "return '<b>'"),
    "hand: raises": ("grad_by_hand", f"raise ValueError({HOSTILE!r})"),
    "hand: exits": ("grad_by_hand", "import os; os._exit(3)"),
    "training: raises": ("train", f"raise ValueError({HOSTILE!r})"),
    "training: nan": ("train", "return w, torch.full((epochs,), float('nan'))"),
}


@pytest.mark.parametrize("what", ODD)
def test_a_page_of_odd_code_is_walked_to_its_end_without_an_error(
    open_page: Callable[..., Page], tell: STORIES, browser: Any, what: str
) -> None:
    (story,) = tell("lesson1_linear", with_body("lesson1_linear", *ODD[what]))
    open_page([story])
    says = browser.execute_script(
        "const page = document.querySelector('.step-through').steps;"
        "return page.steps.map((_, i) => { page.go(i); return page.parts.say.textContent })"
    )
    assert len(says) > 3 and not any("undefined" in each for each in says)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.querySelectorAll('img, b').length") == 0
    if "raises" in what:
        assert "<img src=x onerror=alert(1)>" in browser.find_element("css selector", "main").text


def test_a_graph_of_very_many_numbers_is_told_in_one_line(tell: STORIES) -> None:
    body = "return ((forward(x, w) - y) * torch.ones(10000)).square().mean()"
    with pytest.raises(Undrawable, match="the graph of loss holds 3000. numbers"):
        tell("lesson1_linear", with_body("lesson1_linear", "loss", body))


def test_text_of_a_student_is_text(tell: STORIES) -> None:
    (story,) = tell("lesson1_linear")
    node = {**story["nodes"][0], "name": HOSTILE, "formula": HOSTILE, "ways": {"2": HOSTILE}}
    text = fragment(
        {**story, "sentence": HOSTILE, "note": HOSTILE, "call": HOSTILE, "slip": HOSTILE}
        | {"title": HOSTILE, "recorded": HOSTILE, "nodes": [node], "root": HOSTILE}
        | {"training": {"problem": HOSTILE}}
    )
    assert text.count("</script>") == 1
    assert "<img" not in text and 'label="Step through &lt;/script' in text
    assert "sandbox" in frame([story])


def test_a_policy_lets_no_other_script_and_no_address_in(tell: STORIES) -> None:
    text = page(tell("lesson1_linear"))
    script, style = (
        text.rpartition(f"<{tag}>")[2].partition("</")[0] for tag in ("script", "style")
    )
    for part in (script, style):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in text.partition("</head>")[0]
        assert f"'sha256-{digest}'" in content_policy()
    assert "default-src 'none'" in text and "unsafe" not in text


def test_what_a_page_cannot_be_made_of_is_told_in_one_line(
    tell: STORIES, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise IndexError("no such row")

    monkeypatch.setattr(story_module, "graph_view", fails)
    with pytest.raises(Undrawable, match=r"cannot be made of this graph \(IndexError in test_page"):
        tell("lesson1_linear", solution("lesson1_linear") + "\n")


def test_draw_html_writes_a_page_without_matplotlib_and_says_what_it_cannot(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    (tmp_path / "lesson1_linear.py").write_text(solution("lesson1_linear"), encoding="utf-8")
    arguments = ["draw", "1", "2", "--html", "--from", str(tmp_path), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "checks", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{out}/lesson1.html",
        "Lesson 2: no page. There is no file lesson2_bias.py.",
    ]
    assert "checks.grader.figures.page" in done.stderr and "matplotlib" not in done.stderr
    assert (out / "lesson1.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_graph_of_an_exercise_that_is_not_asked_for_has_no_story(server: Server) -> None:
    stem = "lesson6_autograd"
    file = LessonFile(stem, Path(f"/submissions/{stem}.py"), solution(stem))
    (story,) = stories_from(server, file, 60.0, of=["grad_of_mean"], brief=True)
    assert story["call"].startswith("grad_of_mean at ")
