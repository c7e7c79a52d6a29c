"""Pictures of lesson files into a folder, as PNG and SVG, with their numbers inside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from checks.grader.figures.page import page, stories_from
from checks.grader.figures.pictures import Numbers, measure
from checks.grader.figures.style import STYLE
from checks.grader.figures.subject import Undrawable, subject_of
from checks.grader.language.lesson import load
from checks.grader.records.course import number
from checks.grader.records.files import write_text
from checks.grader.records.misuse import Misuse
from checks.grader.records.verdict import plain
from checks.grader.running.intake import read_file
from checks.grader.running.server import Server

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
#: So few make a file a third as large, and the edges of letters are still smooth.
COLOURS = 64


def draw_all(
    server: Server, files: Sequence[tuple[str, Path]], folder: Path, time_limit: float
) -> Iterator[tuple[str, Path | None]]:
    """Draw every figure of some lesson files; yields a line to print and the PNG, None if none.

    One picture that cannot be drawn does not keep the others from it.
    """
    for stem, path in files:
        lesson, lesson_file = load(stem), read_file(path, stem)
        if lesson_file.source is None:
            yield f"Lesson {number(stem)}: no pictures. {lesson_file.problem}", None
            continue
        with subject_of(server, lesson_file, time_limit) as subject:
            for wanted in lesson.figures:
                target = folder / f"{stem.split('_')[0]}_{wanted.file}.png"
                try:
                    save(measure(wanted, subject), target)
                except Undrawable as reason:
                    yield f"Lesson {number(stem)}, {wanted.file}: no picture. {reason}", None
                else:
                    yield f"{target} and .svg", target


def draw_pages(
    server: Server, files: Sequence[tuple[str, Path]], folder: Path, time_limit: float
) -> Iterator[tuple[str, Path | None]]:
    """A page to step through for each lesson file; yields a line to print and the page, or None."""
    for stem, path in files:
        lesson_file = read_file(path, stem)
        if lesson_file.source is None:
            yield f"Lesson {number(stem)}: no page. {lesson_file.problem}", None
            continue
        target = folder / f"{stem.split('_')[0]}.html"
        try:
            text = page(stories_from(server, lesson_file, time_limit))
        except Undrawable as reason:
            yield f"Lesson {number(stem)}: no page. {reason}", None
            continue
        write_text(target, text)
        yield str(target), target


def save(found: Numbers, target: Path) -> None:
    """Write a picture as PNG and beside it as SVG; the PNG carries its numbers as JSON.

    Raises Misuse if the folder cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    figure = picture(found)
    pixels, notes = BytesIO(), PngInfo()
    figure.savefig(pixels, dpi=DPI)
    notes.add_itxt("Numbers", as_json(found), zip=True)
    few_colours = Image.open(pixels).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        few_colours.save(target, optimize=True, pnginfo=notes)
        figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})
    except OSError as error:
        raise Misuse(f"cannot write {target}: {error.strerror}") from error


def picture(found: Numbers) -> Figure:
    """The picture of some numbers, not tied to any display."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.rc_context(STYLE):
        drawn = found.picture()
        FigureCanvasAgg(drawn)
        return drawn


def as_json(found: Numbers) -> str:
    """The numbers of a picture as JSON text."""
    return json.dumps(plain(asdict(found)))
