"""Stories as HTML."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

Story = dict[str, Any]
"""All that a page needs of one graph; it travels as JSON."""

HEIGHT = 900  # of a frame in a notebook, in pixels


def page(stories: Sequence[Story]) -> str:
    """A page of its own, which no network and nothing else on the disk can change."""
    style_hash, script_hash = _hashes()
    return _template("page.html").substitute(
        title=escape(stories[0]["title"]),
        style=_text("step.css"),
        script=_text("step.js"),
        style_hash=style_hash,
        script_hash=script_hash,
        fragments="\n".join(map(fragment, stories)),
    )


def fragment(story: Story, *, level: int = 2) -> str:
    """One graph, for a page that holds `assets()` after its fragments, as many as it likes.

    It has no ids, and all its text is escaped.
    level  of its heading, from 1 to 5: one below the heading that it stands under
    """
    training = story["training"]
    headings = {"level": level, "below": level + 1}
    return _template("fragment.html").substitute(
        headings,
        label=escape(f"Step through {story['call']}", quote=True),
        call=escape(f"The graph of {story['call']}"),
        recorded=escape(f"{story['recorded'].capitalize()} from this code."),
        sentence=escape(story["sentence"]),
        note=escape(story["note"]),
        training="" if training is None else _training(training, headings),
        story=_as_json(story),
    )


def _training(training: Mapping[str, Any], headings: Mapping[str, int]) -> str:
    if "problem" in training:
        return f'<p class="call">No training to play: {escape(training["problem"])}</p>'
    unit = escape(training["unit"], quote=True)
    return _template("training.html").substitute(headings, unit=unit)


def assets() -> str:
    """Style and script; at the end of the page, the script starts every fragment before it."""
    return f"<style>{_text('step.css')}</style><script>{_text('step.js')}</script>"


def content_policy() -> str:
    """The directives of a Content-Security-Policy under which `assets()` works."""
    style_hash, script_hash = _hashes()
    return f"style-src {style_hash}; script-src {script_hash}"


def frame(stories: Sequence[Story]) -> str:
    """The page in a frame that keeps it apart from the rest of a notebook."""
    title = escape(stories[0]["title"], quote=True)
    return (  # where forms are not allowed, no prediction would be heard
        f'<iframe sandbox="allow-scripts allow-forms" title="{title}" '
        f'width="100%" height="{HEIGHT}" srcdoc="{escape(page(stories), quote=True)}"></iframe>'
    )


def _as_json(story: Story) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(story, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8").strip()


def _template(name: str) -> Template:
    return Template(_text(name))


@cache
def _hashes() -> tuple[str, str]:
    """The style's and the script's hash, as a Content-Security-Policy names them."""
    digests = (hashlib.sha256(_text(name).encode()).digest() for name in ("step.css", "step.js"))
    style, script = (f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return style, script
