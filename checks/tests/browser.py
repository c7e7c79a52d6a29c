"""Headless Chromium, driven by selenium."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any


def lacking() -> bool:
    """Whether something that it takes is not on this machine."""
    return not (_found() and shutil.which("chromedriver") and find_spec("selenium"))


def chromium(*arguments: str) -> Any:
    """A browser that is running; `quit()` ends it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _found()
    for argument in ("headless=new", "no-sandbox", "disable-gpu", *arguments):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver") or ""))


def _found() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), "")
