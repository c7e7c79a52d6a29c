"""report.html: one page that shows what a class has not understood.

The page is self-contained: no network, no script. Every text that comes from a student, a file name
among them, passes through `text`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import groupby
from typing import TextIO
from urllib.parse import quote

from checks.grader.classroom.gradebook import BINS, Gradebook, Misconception, Tally
from checks.grader.classroom.marking import Rules
from checks.grader.classroom.roster import Entry, shown
from checks.grader.records.course import number

#: Groups of statuses, in the order of the bar: (class, name, statuses).
GROUPS = (
    ("passed", "passed", ("passed",)),
    ("wrong", "wrong", ("wrong", "wrong_method")),
    ("failed", "error or time limit", ("error", "timeout", "crashed")),
    ("open", "not started", ("not_started",)),
    ("course", "course error", ("course_error",)),
)
STATUSES = {"error": "raised an error", "timeout": "ran too long", "crashed": "crashed"}

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --dim: #5b6473; --paper: #fff; --line: #d9dee6;
  --passed: #2f7d4f; --wrong: #c2571a; --failed: #a3283f; --open: #c3cad5; --course: #7a5bb5;
  --bar: #35619e; --link: #1f5ba8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #9aa4b2; --paper: #14181f;
  --line: #2d3541; --passed: #4fae76; --wrong: #e2833f; --failed: #dd5f77; --open: #4a5361;
  --course: #a58be0; --bar: #6d9be0; --link: #86b4f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; } p { margin: .3rem 0; max-width: 44rem; }
.dim, small { color: var(--dim); } a { color: var(--link); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--dim); font-size: .85rem; }
th, td { padding: .25rem .5rem .25rem 0; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; } .count { text-align: right; font-variant-numeric: tabular-nums; }
.bins td { border: 0; padding-block: .1rem; } .bins td:nth-child(1) { width: 6rem; }
.bins td:nth-child(2) { width: 3.5rem; }
.bar { display: flex; height: 1.1rem; border-radius: 3px; overflow: hidden; }
.bar span { display: block; min-width: 0; }
.points { background: var(--bar); }
.passed { background: var(--passed); } .wrong { background: var(--wrong); }
.failed { background: var(--failed); } .open { background: var(--open); }
.course { background: var(--course); }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .85rem; margin: .5rem 0; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
  margin-right: .4rem; vertical-align: -.05rem; }
.exercises td:nth-child(1) { width: 15rem; } .exercises td:nth-child(3) { width: 9rem; }
article { border-top: 1px solid var(--line); padding: .5rem 0; }
article h3 { margin: 0; } code { font-family: ui-monospace, monospace; font-size: .95em; }
summary { cursor: pointer; font-size: .9rem; } details p { margin-left: 1.1rem; }
.who { font-size: .9rem; }
@media (max-width: 34rem) { .exercises td:nth-child(1) { width: 8rem; font-size: .9rem; }
  .exercises td:nth-child(3) { width: 6.5rem; font-size: .8rem; } .bins td:nth-child(1)
  { width: 5.2rem; } }
@media print { :root { color-scheme: light; --ink: #000; --dim: #444; --paper: #fff;
  --line: #bbb; --passed: #2f7d4f; --wrong: #c2571a; --failed: #a3283f; --open: #c3cad5;
  --bar: #35619e; --link: #000; } body { max-width: none; padding: 0; font-size: 10pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; } article, tr { break-inside: avoid; }
  summary { list-style: none; } }
"""


def write_page(book: Gradebook, rules: Rules, file: TextIO) -> None:
    """Write the page piece by piece."""
    for piece in _pieces(book, rules):
        file.write(piece + "\n")


def text(value: object) -> str:
    """Any text as HTML that shows it and does nothing else."""
    return html.escape(shown(" ".join(str(value).split())))


def _pieces(book: Gradebook, rules: Rules) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>The class: backpropagation</title><style>{STYLE}</style></head><body>"
    yield "<header><h1>What the class has understood</h1>"
    yield f'<p class="dim">{_summary(book)} · seed {rules.seed}</p></header><main>'
    yield from _distribution(book)
    yield from _misconceptions(book)
    yield from _exercises(book)
    yield from _attention(book, rules)
    yield "</main></body></html>"


def _summary(book: Gradebook) -> str:
    average = book.points / book.students if book.students else 0.0
    students = _count(book.students, "student")
    return f"{students} · on average {average:.1f} of {book.max_points} points"


def _distribution(book: Gradebook) -> Iterator[str]:
    yield '<section><h2>Points</h2><table class="bins"><tbody>'
    most = max(1, *book.bins)
    for i, count in enumerate(book.bins):
        width = 100 * count / most
        name = "all points" if i == BINS else f"{100 * i // BINS}–{100 * (i + 1) // BINS - 1} %"
        bar = f'<div class="bar"><span class="points" style="width:{width:.2f}%"></span></div>'
        yield f'<tr><td>{name}</td><td class="count">{count}</td><td>{bar}</td></tr>'
    yield "</tbody></table></section>"


def _misconceptions(book: Gradebook) -> Iterator[str]:
    yield "<section><h2>Misconceptions, most shared first</h2>"
    ranked = book.ranked()
    if not ranked:
        yield '<p class="dim">No wrong answer could be named.</p>'
    for found in ranked:
        yield from _misconception(found, book.students)
    yield "</section>"


def _misconception(found: Misconception, students: int) -> Iterator[str]:
    share = f"{_count(found.students, 'student')}, {_percent(found.students, students)}"
    yield f"<article><h3><code>{text(found.id)}</code> <small>{share}</small></h3>"
    places = sorted(found.places.items(), key=lambda item: (-len(item[1].who), item[0]))
    plainest = min((place.message for _, place in places), key=len)
    yield f'<p class="dim">{text(plainest)}</p>'
    for (lesson, exercise), place in places:
        where = f"lesson {number(lesson)}, {text(exercise)}"
        yield f"<details><summary>{where}: {_count(len(place.who), 'student')}</summary>"
        yield f'<p class="dim">One of them read: {text(place.message)}</p>'
        yield f'<p class="who">{_who(place.who)}</p></details>'
    yield "</article>"


def _exercises(book: Gradebook) -> Iterator[str]:
    yield "<section><h2>Exercise by exercise</h2>"
    names = (f'<span><i class="{css}"></i>{name}</span>' for css, name, _ in _shown_groups(book))
    yield f'<div class="key">{"".join(names)}</div>'
    tallies = sorted(book.tallies.values(), key=lambda tally: number(tally.lesson))
    for lesson, group in groupby(tallies, key=lambda tally: tally.lesson):
        yield f"<h3>{number(lesson)} · {text(book.titles[lesson])}</h3>"
        yield '<table class="exercises"><tbody>'
        for tally in group:
            yield _exercise(tally, book)
        yield "</tbody></table>"
    yield "</section>"


def _exercise(tally: Tally, book: Gradebook) -> str:
    parts, words = [], []
    for css, name, statuses in _shown_groups(book):
        count = sum(tally.statuses[status] for status in statuses)
        if count:
            width = 100 * count / book.students
            parts.append(
                f'<span class="{css}" style="width:{width:.3f}%" title="{count} {name}"></span>'
            )
            words.append(f"{count} {name}")
    label = f'<div class="bar" role="img" aria-label="{", ".join(words)}">{"".join(parts)}</div>'
    passed = tally.statuses["passed"]
    share = f"{passed} passed, {_percent(passed, book.students)}"
    return f'<tr><td>{text(tally.exercise)}</td><td>{label}</td><td class="count">{share}</td></tr>'


def _shown_groups(book: Gradebook) -> list[tuple[str, str, tuple[str, ...]]]:
    """All groups; course errors only where there are any."""
    errors = any(tally.statuses["course_error"] for tally in book.tallies.values())
    return [group for group in GROUPS if group[0] != "course" or errors]


def _attention(book: Gradebook, rules: Rules) -> Iterator[str]:
    """The submissions somebody should look at."""
    yield "<section><h2>Submissions to look at</h2>"
    if book.lost:
        names = ", ".join(map(text, book.lost))
        yield f"<p><strong>Not graded</strong>, their process died: {names}. Run again.</p>"
    if not (book.failing or book.slow or book.lost):
        yield '<p class="dim">None raised an error, crashed or took long.</p>'
    if book.slow:
        yield "<h3>Slowest</h3><table><tbody>"
        slowest = sorted(book.slow, key=lambda pair: (-pair[1], pair[0].student))
        for entry, limits in slowest[:50]:
            seconds = limits * rules.time_limit
            yield f'<tr><td>{_link(entry)}</td><td class="count">over {seconds:g} s</td></tr>'
        yield "</tbody></table>"
    if book.failing:
        yield "<h3>Failing</h3><table><tbody>"
        for entry, failed in book.failing:
            words = ", ".join(f"{n} {STATUSES[status]}" for status, n in sorted(failed.items()))
            yield f"<tr><td>{_link(entry)}</td><td>{words}</td></tr>"
        yield "</tbody></table>"
    yield "</section>"


def _who(entries: list[Entry]) -> str:
    return ", ".join(map(_link, entries))


def _link(entry: Entry) -> str:
    address = html.escape("results/" + quote(entry.result_name))
    return f'<a href="{address}">{text(entry.student)}</a>'


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.0f} %" if total else "0 %"
