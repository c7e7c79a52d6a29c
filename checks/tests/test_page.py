"""The page to step through, driven in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.commands import cli
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
from checks.grader.figures.page.formulas import SLOPES
from checks.grader.figures.recording import IN_ONE_PIECE, Node
from checks.grader.language.figure import Graph
from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, stems
from checks.grader.records.observation import Array
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.slips import OPERATIONS
from checks.tests.submissions import solution

SMALLEST_PHONE = 360
STEPPED = [s for s in stems() if any(isinstance(f, Graph) for f in load(s).figures)]
STORIES = Callable[..., list[Story]]
SCRIPT = (Path(page_html.__file__).parent / "step.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; its tests are skipped where there is none, unless that is forbidden."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    chromium = chromium or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver or not find_spec("selenium"):
        reason = "chromium, chromedriver or selenium is not on this machine"
        if os.environ.get("CHECKS_REQUIRE_BROWSER"):
            pytest.fail(f"{reason}, and CHECKS_REQUIRE_BROWSER forbids to go without")
        pytest.skip(reason)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options, webdriver.ChromeService(driver))
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
        """Press → until the heading of the step is this one."""
        while not self.part("heading").text.startswith(heading):
            self.press("ARROW_RIGHT")

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
    for name, grad in zip(names, grads, strict=True):
        for shown, right in _parts(found, name, grad):
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


def test_every_operation_of_the_page_has_its_row_and_its_slopes() -> None:
    block = SCRIPT[SCRIPT.index("const OPERATIONS = {") : SCRIPT.index("const OPERAND =")]
    rows = set(re.findall(r"^    (\w+)(?::|,$)", block, re.MULTILINE))
    assert {"add", "matmul", "sigmoid", "mse_loss"} <= rows
    assert rows <= OPERATIONS.keys() | IN_ONE_PIECE.keys()
    written = {name for name in rows if name in OPERATIONS and OPERATIONS[name].local}
    assert rows == written | SLOPES.keys() | {"pow", "matmul"}


def test_every_operation_of_the_course_is_known_to_the_page(tell: STORIES) -> None:
    used = {node["row"] for stem in STEPPED for story in tell(stem) for node in story["nodes"]}
    assert used - {"", "move"} <= set(re.findall(r"^    (\w+)[:,]", SCRIPT, re.MULTILINE))


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
    for stem, weights in (("lesson4_sigmoid_net", 8), ("lesson7_two_layer", 6)):
        opened = open_page(tell(stem))
        assert opened.find('[aria-pressed="true"]').text == "net"
        assert len(opened.all(".box.weight")) == weights
        opened.press("END")
        assert all("∂" in box.text for box in opened.all(".box.weight"))


# ── predictions ─────────────────────────────────────────────────────────────────────────────────


def test_a_right_prediction_goes_on_and_a_wrong_one_hears_what_it_fits(
    open_page: Callable[..., Page], tell: STORIES
) -> None:
    opened = open_page(tell("lesson1_linear"))
    opened.go_until("Back, 1")
    guess = opened.part("guess")
    for wrong, says in {
        "-2": "−2 is not it. It fits this: ",
        "4": "4 is not it. It fits this: the sign is turned.",
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
    assert "of its slope only o2 is there" in opened.part("answer").text


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
    inside = "".join(map(fragment, stories)) + assets()
    for name, body in {"fragments": inside, "frame": frame(stories)}.items():
        file = tmp_path / f"{name}.html"
        file.write_text(f"<!doctype html><meta charset=utf-8>{body}", encoding="utf-8")
        browser.get(file.as_uri())
        if name == "frame":
            browser.switch_to.frame(0)
        assert len(browser.find_elements("css selector", ".step-through[data-ready] svg")) > 2
        assert browser.get_log("browser") == []
    browser.switch_to.default_content()


def test_text_of_a_student_is_text(tell: STORIES) -> None:
    (story,) = tell("lesson1_linear")
    hostile = "</script><script>alert(1)</script><img src=x>"
    text = fragment({**story, "sentence": hostile, "nodes": [{"name": hostile}]})
    assert text.count("</script>") == 1
    assert "<img" not in text
    assert "sandbox" in frame([story]) and "sha256-" in content_policy()


def test_a_page_needs_no_matplotlib_and_check_needs_no_page() -> None:
    asked = (
        "import sys, checks.grader.grading.grade, checks.grader.commands.check;"
        "print('checks.grader.figures' in sys.modules);"
        "import checks.grader.figures.save, checks.grader.figures.page;"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\nFalse\n"


def test_draw_html_writes_a_page_and_says_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (tmp_path / "lesson1_linear.py").write_text(solution("lesson1_linear"), encoding="utf-8")
    status = cli.main(["draw", "1", "2", "--html", "--from", str(tmp_path), "--out", str(out)])
    assert status == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{out}/lesson1.html",
        "Lesson 2: no page. There is no file lesson2_bias.py.",
    ]
    assert (out / "lesson1.html").read_text(encoding="utf-8").startswith("<!doctype html>")
