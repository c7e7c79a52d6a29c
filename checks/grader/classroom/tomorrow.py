"""What to teach tomorrow: the first page of the report, which fits on one printed page.

Chosen by how many share it: the mistakes that have a name, in the course's own words, with two ways
in which they were written; and the wrong answers that have none but are the same for several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from checks.grader.classroom.gradebook import Alike, Gradebook, Mistake
from checks.grader.classroom.look import code, count, inputs, number, percent, text
from checks.grader.records import course

LINES = 58.0  # of a printed page, headings and all
WIDTH = 112  # characters of a line
HALF = 50  # characters of a line of a snippet beside another one
SNIPPET = 12  # lines of a snippet
PER_LESSON = 3  # mistakes
MISTAKES = 8  # of all lessons, if these are few
FIRST = 5  # lessons, of which the most shared one comes before second ones of others
HEADING = 2.3  # lines of a lesson's heading
SHOWN = 4  # rows of values


@dataclass
class Item:
    """Something to teach: what it is, how many share it, whether its snippets fit."""

    what: Mistake | Alike
    students: int
    with_code: bool = False

    @property
    def lines(self) -> float:
        if isinstance(self.what, Alike):
            return 3.6
        return 1.6 + ceil(len(_says(self.what)) / WIDTH)

    @property
    def lines_of_code(self) -> float:
        if isinstance(self.what, Alike) or not self.what.snippets:
            return LINES
        shown = (source.split("\n")[:SNIPPET] for source in self.what.snippets)
        return 1.6 + 0.72 * max(sum(ceil(max(1, len(x)) / HALF) for x in s) for s in shown)


def chosen(book: Gradebook) -> dict[str, list[Item]]:
    """What fits, by lesson, most shared first.

    First what most share in each of a few lessons, then how these were written, then the others.
    """
    items = [item for stem in book.stems for item in _of(book, stem)]
    items.sort(key=lambda item: -item.students)
    most_shared: dict[str, Item] = {}
    for item in items:
        most_shared.setdefault(item.what.lesson, item)
    firsts = list(most_shared.values())[:FIRST]
    left = LINES - 5.0
    taken: dict[str, list[Item]] = {}
    for item in firsts:
        if HEADING + item.lines <= left:
            left -= HEADING + item.lines
            taken[item.what.lesson] = [item]
    left -= _with_code(firsts, taken, left)
    for item in items:
        heading = 0.0 if item.what.lesson in taken else HEADING
        if item in firsts or heading + item.lines > left:
            continue
        left -= heading + item.lines
        taken.setdefault(item.what.lesson, []).append(item)
    _with_code(items, taken, left)
    return taken


def _with_code(items: Sequence[Item], taken: dict[str, list[Item]], left: float) -> float:
    """Show how items were written, as far as there is room; the lines that it takes."""
    used = 0.0
    for item in items:
        lines, is_taken = item.lines_of_code, item in taken.get(item.what.lesson, [])
        if is_taken and not item.with_code and used + lines <= left:
            used += lines
            item.with_code = True
    return used


def tomorrow(book: Gradebook) -> Iterator[str]:
    """The page."""
    taken = chosen(book)
    yield '<section class="tomorrow">'
    if not taken:
        yield '<p class="dim">No mistake is shared by two students.</p>'
    for stem in book.stems:
        if stem in taken:
            ran = count(book.ran[stem], "student")
            title = f"{course.number(stem)} · {text(book.titles[stem])}"
            yield f"<h2>{title} <small>{ran} handed it in</small></h2>"
            for item in taken[stem]:
                yield from _item(item, book.ran[stem])
    copies = book.identical()
    if copies:
        groups = count(len(copies), "group")
        yield f'<p class="dim">Identical files: {groups}, named under “Submissions to look at”.</p>'
    yield "</section>"


def _of(book: Gradebook, stem: str) -> Iterator[Item]:
    shared = [m for m in book.shared(stem) if len(m.students) > 1]
    most = max(PER_LESSON, MISTAKES // max(1, len(book.stems)))
    yield from (Item(mistake, len(mistake.students)) for mistake in shared[:most])
    yield from (Item(alike, len(alike.students)) for alike in book.nameless(stem)[:1])


def _item(item: Item, ran: int) -> Iterator[str]:
    if isinstance(item.what, Alike):
        yield from _alike(item.what)
        return
    mistake = item.what
    share = f"{count(item.students, 'student')}, {percent(item.students, ran)}"
    yield f"<article><h3>{share} <small><code>{text(mistake.id)}</code> in {_where(mistake)}"
    yield f"</small></h3><p>{text(_says(mistake))}</p>"
    if item.with_code:
        yield from pair(mistake.snippets)
    yield "</article>"


def pair(sources: Sequence[str]) -> Iterator[str]:
    """Snippets side by side."""
    shown = "".join(f"<pre>{code(source, SNIPPET)}</pre>" for source in sources)
    yield f'<div class="pair">{shown}</div>'


def _alike(alike: Alike) -> Iterator[str]:
    name = text(alike.exercise)
    many = count(len(alike.students), "student")
    yield f"<article><h3>{many} give exactly this <small>in <code>{name}</code>; "
    yield "the mistake has no name</small></h3>"
    yield f"<p>{text(values(alike))}</p></article>"


def values(alike: Alike) -> str:
    """∂loss/∂w = 12 where 24 is right, at x = 2, y = 4."""
    rows = []
    for row in alike.comparison[:SHOWN]:
        right = row["by_hand"] if row["by_hand"] is not None else row["autograd"]
        if number(row["yours"]) != number(right):
            rows.append(
                f"{row['quantity']} = {number(row['yours'])} where {number(right)} is right"
            )
    said = "; ".join(rows) or "the values that are shown agree to six digits"
    at = inputs(alike.case)
    return f"{said}; at {at}"[:330] if at else said[:330]


def _where(mistake: Mistake) -> str:
    names = sorted(mistake.places, key=lambda name: (-len(mistake.places[name]), name))
    return ", ".join(f"<code>{text(name)}</code>" for name in names[:3])


def _says(mistake: Mistake) -> str:
    return mistake.says.get(mistake.main, "") or mistake.id.replace("_", " ")
