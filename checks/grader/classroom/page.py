"""report.html: first what to teach tomorrow, then what the class did, lesson by lesson."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO
from urllib.parse import quote

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.gradebook import BINS, Gradebook, Mistake, Tally
from checks.grader.classroom.look import count, document, percent, text
from checks.grader.classroom.marking import Rules
from checks.grader.classroom.tomorrow import pair, tomorrow, values
from checks.grader.records.course import number
from checks.grader.records.verdict import BROKE

#: Groups of statuses, in the order of the bar: (class, name, statuses).
GROUPS = (
    ("passed", "passed", ("passed",)),
    ("wrong", "wrong", ("wrong", "wrong_method")),
    ("failed", "error or time limit", BROKE),
    ("open", "not started", ("not_started",)),
    ("none", "no file", ("not_handed_in",)),
    ("course", "course error", ("course_error",)),
)
STATUSES = {"error": "raised an error", "timeout": "ran too long", "crashed": "crashed"}
STYLE = """
.bins td { border: 0; padding-block: .1rem; } .bins td:nth-child(1) { width: 6rem; }
.bins td:nth-child(2) { width: 3.5rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .85rem; margin: .5rem 0; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
  margin-right: .4rem; vertical-align: -.05rem; }
.exercises { table-layout: fixed; } .exercises td:nth-child(1) { width: 15rem; }
.exercises td:nth-child(3) { width: 10rem; white-space: nowrap; }
.tomorrow article { margin: .2rem 0 .7rem; }
@media (max-width: 34rem) { .exercises td:nth-child(1) { width: 8rem; font-size: .9rem; }
  .exercises td:nth-child(3) { width: 6.5rem; font-size: .8rem; white-space: normal; }
  .bins td:nth-child(1) { width: 5.2rem; } }
@media print { .tomorrow { break-after: page; } .tomorrow article { margin: 0 0 .35rem; }
  .tomorrow p { margin: 0; } }
"""
SOME = 60  # names in a list
REMAINS = (
    "The points rest on values that the judge computed in another process. What a file says of how "
    "it reached them is its own word: by hand or by autograd, which argument it changed, which "
    "dtype it returned. Code that is written to deceive can say what is not so."
)


def write_page(book: Gradebook, rules: Rules, file: TextIO) -> None:
    """Write the page piece by piece."""
    for piece in document("What to teach tomorrow", _pieces(book, rules), STYLE):
        file.write(piece + "\n")


def _pieces(book: Gradebook, rules: Rules) -> Iterator[str]:
    yield "<header><h1>What to teach tomorrow</h1>"
    yield f'<p class="dim">{_summary(book)}</p></header><main>'
    yield from tomorrow(book)
    yield from _distribution(book)
    yield from _lessons(book)
    yield from _attention(book, rules)
    yield from _everybody(book)
    yield from _isolation(book)
    yield f'</main><footer><p class="dim">Seed {rules.seed}.</p></footer>'


def _summary(book: Gradebook) -> str:
    rows = book.graded
    average = sum(row.total for row in rows) / len(rows) if rows else 0.0
    most = max((row.most for row in rows), default=0)
    without = sum(bool(row.reasons) for row in rows)
    parts = [count(len(rows), "student"), f"on average {average:.1f} of {most} points"]
    if without:
        parts.append(f"{without} with a lesson of which no code was run")
    if book.lost:
        parts.append(f"{len(book.lost)} not graded")
    return " · ".join(parts)


def _distribution(book: Gradebook) -> Iterator[str]:
    yield '<section><h2>Points</h2><table class="bins"><tbody>'
    most = max(1, *book.bins)
    for i, students in enumerate(book.bins):
        width = 100 * students / most
        name = "all points" if i == BINS else f"{100 * i // BINS}–{100 * (i + 1) // BINS - 1} %"
        bar = f'<div class="bar"><span class="points" style="width:{width:.2f}%"></span></div>'
        yield f'<tr><td>{name}</td><td class="count">{students}</td><td>{bar}</td></tr>'
    yield "</tbody></table></section>"


def _lessons(book: Gradebook) -> Iterator[str]:
    names = (f'<span><i class="{css}"></i>{name}</span>' for css, name, _ in _shown_groups(book))
    yield f'<section><h2>Lesson by lesson</h2><div class="key">{"".join(names)}</div>'
    for stem in book.stems:
        if stem not in book.titles:
            continue
        yield f"<h3>{number(stem)} · {text(book.titles[stem])}</h3>"
        yield '<table class="exercises"><tbody>'
        for tally in book.tallies.values():
            if tally.lesson == stem:
                yield _exercise(tally, book)
        yield "</tbody></table>"
        for mistake in book.shared(stem):
            yield from _mistake(mistake, book)
        for alike in book.nameless(stem):
            who = f'<p class="who">{_who(book, alike.students)}</p>'
            many = f"{count(len(alike.students), 'student')} give exactly this"
            yield f"<details><summary>{many} in {text(alike.exercise)}, a mistake without a name"
            yield f"</summary><p>{text(values(alike))}</p>{who}</details>"
    yield "</section>"


def _mistake(mistake: Mistake, book: Gradebook) -> Iterator[str]:
    many = count(len(mistake.students), "student")
    yield f"<details><summary><code>{text(mistake.id)}</code>: {many}</summary>"
    for name in sorted(mistake.places):
        says = text(mistake.says.get(name, ""))
        yield f"<p><code>{text(name)}</code>: {says}</p>"
        yield f'<p class="who">{_who(book, mistake.places[name])}</p>'
    yield from pair(mistake.snippets)
    yield "</details>"


def _exercise(tally: Tally, book: Gradebook) -> str:
    parts, words = [], []
    for css, name, statuses in _shown_groups(book):
        students = sum(tally.statuses[status] for status in statuses)
        if students:
            width = 100 * students / max(1, book.students)
            parts.append(
                f'<span class="{css}" style="width:{width:.3f}%" title="{students} {name}"></span>'
            )
            words.append(f"{students} {name}")
    label = f'<div class="bar" role="img" aria-label="{", ".join(words)}">{"".join(parts)}</div>'
    passed = tally.statuses["passed"]
    share = f"{passed} passed, {percent(passed, book.students)}"
    return f'<tr><td>{text(tally.exercise)}</td><td>{label}</td><td class="count">{share}</td></tr>'


def _shown_groups(book: Gradebook) -> list[tuple[str, str, tuple[str, ...]]]:
    """The groups of which there is somebody; the course's errors only then."""
    seen = {status for tally in book.tallies.values() for status in tally.statuses}
    rare = ("course", "none")
    return [group for group in GROUPS if group[0] not in rare or seen & set(group[2])]


def _attention(book: Gradebook, rules: Rules) -> Iterator[str]:
    """The submissions somebody should look at, with the reason."""
    yield "<section><h2>Submissions to look at</h2>"
    without = [row for row in book.graded if row.reasons]
    copies = book.identical()
    if not (book.failing or book.slow or book.lost or without or copies):
        yield '<p class="dim">None lacks a lesson, raised an error, crashed or took long.</p>'
    slowest = sorted(book.slow, key=lambda pair: (-pair[1], pair[0].student))[:SOME]
    lost = [(text(student), text(reason)) for student, reason in book.lost.items()]
    yield from _table("Not graded: run the same command again", lost)
    no_code = [(_link(row.entry), text("; ".join(row.reasons))) for row in without]
    yield from _table("No code was run", no_code)
    alike = [(f"lesson {number(stem)}", _who(book, who)) for stem, who in copies]
    yield from _table("Identical files", alike)
    long = [(_link(entry), f"over {limits * rules.time_limit:g} s") for entry, limits in slowest]
    yield from _table("Slowest", long, ' class="count"')
    yield from _table("Errors", [(_link(entry), _errors(failed)) for entry, failed in book.failing])
    yield "</section>"


def _errors(failed: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {STATUSES[status]}" for status, n in sorted(failed.items()))


def _table(title: str, rows: Sequence[tuple[str, str]], kind: str = "") -> Iterator[str]:
    """What somebody should look at, and why; nothing if there is nobody."""
    if rows:
        body = "".join(f"<tr><td>{whose}</td><td{kind}>{why}</td></tr>" for whose, why in rows)
        yield f"<h3>{title}</h3><table><tbody>{body}</tbody></table>"


def _everybody(book: Gradebook) -> Iterator[str]:
    """Every student, with a word for every point lost."""
    yield "<section><h2>Everybody</h2><details><summary>Points, and where they were lost</summary>"
    yield "<table><tbody>"
    for row in sorted(book.rows, key=lambda row: row.entry.student):
        points = f"{row.total} of {row.most}" if row.points else "not graded"
        name = _link(row.entry) if row.points else text(row.entry.student)
        words = text("; ".join([*row.notes, *row.words]))
        yield f'<tr><td>{name}</td><td class="count">{points}</td><td>{words}</td></tr>'
    yield "</tbody></table></details></section>"


def _isolation(book: Gradebook) -> Iterator[str]:
    """What kept the submissions from the machine and from each other, and what it cannot keep."""
    yield "<section><h2>Isolation</h2>"
    if book.isolation:
        yield f"<p>{text(book.isolation)}</p>"
    yield f'<p class="dim">{REMAINS}</p></section>'


def _who(book: Gradebook, students: Iterable[int]) -> str:
    entries = [book.rows[index].entry for index in students]
    more = f" and {len(entries) - SOME} more" if len(entries) > SOME else ""
    return ", ".join(map(_link, entries[:SOME])) + more


def _link(entry: Entry) -> str:
    address = html.escape("feedback/" + quote(entry.feedback_name))
    return f'<a href="{address}">{text(entry.student)}</a>'
