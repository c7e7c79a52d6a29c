"""The README's animation, from the real page in a headless browser.

    python -m checks.tests.animation [GIF]

A development tool: it needs selenium, chromium and chromedriver.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from checks.grader.figures.page import page, stories_from
from checks.grader.records.course import ROOT
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.tests.browser import chromium

STEM = "lesson3_quadratic"
#: What a student might write: x where x² belongs.
MISTAKE = """

def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return 2 * r * x, 2 * r * x, 2 * r
"""
WIDTH, HEIGHT = 1000, 900
COLOURS = 48
#: Milliseconds that a step is shown, and one that is to be read.
STEP, READ = 900, 3200
#: The gradient at which a wrong prediction is typed.
PREDICTED, GUESS = "∂loss/∂w2", "8"


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "data" / "figures" / "step.gif"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(_page(), encoding="utf-8")
        shots = list(_shots(file))
    from PIL import Image

    frames = [Image.open(BytesIO(shot)).convert("RGB") for shot, _ in shots]
    palette = frames[-1].quantize(COLOURS)
    shades = [255 if shade > 248 else shade for shade in palette.getpalette() or ()]
    palette.putpalette(shades)  # paper is white
    first, *rest = (one.quantize(palette=palette, dither=Image.Dither.NONE) for one in frames)
    durations = [time for _, time in shots]
    first.save(target, save_all=True, append_images=rest, duration=durations, loop=0, optimize=True)
    print(f"{target}: {len(frames)} frames, {target.stat().st_size // 1000} kB")


def _page() -> str:
    """The page of a lesson file with the mistake in it."""
    text = (ROOT / "solutions" / f"{STEM}.py").read_text(encoding="utf-8")
    text = text.partition('\nif __name__ == "__main__":')[0] + MISTAKE
    lesson_file = LessonFile(STEM, Path(f"{STEM}.py"), text)
    with Server("exec") as server:
        return page(stories_from(server, lesson_file, 60.0))


def _shots(file: Path) -> Iterator[tuple[bytes, int]]:
    """A picture of every step, and how long it is shown."""
    browser = chromium("hide-scrollbars", f"window-size={WIDTH},{HEIGHT}")
    try:
        browser.get(file.as_uri())

        def find(part: str) -> Any:
            return browser.find_element("css selector", f'[data-part="{part}"]')

        box = browser.find_element("css selector", "[data-part=answer]").rect
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + 75, "scale": 1}
        browser.execute_script(
            "document.querySelectorAll('.keys, .keys ~ *')"
            ".forEach(part => { part.style.visibility = 'hidden' })"
        )
        forward = browser.find_element("css selector", '[data-do="next"]')
        while True:
            last = forward.get_attribute("aria-disabled") == "true"
            yield _shot(browser, clip), READ if last or "✗" in find("say").text else STEP
            if last:
                return
            if find("predict").is_displayed() and PREDICTED in find("ask").text:
                find("guess").send_keys(GUESS + "\n")
                yield _shot(browser, clip), READ
            forward.click()
    finally:
        browser.quit()


def _shot(browser: Any, clip: dict[str, float]) -> bytes:
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "format": "png"})
    return base64.b64decode(taken["data"])


if __name__ == "__main__":
    main()
