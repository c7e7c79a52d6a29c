"""How the pages look that come out of a class, and how text gets into them.

A page is one file: no network, and no script but the course's own. Every text that comes from a
student, a file name among them, passes through `text` or `code`.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks.grader.classroom.shown import shown
from checks.grader.records.numbers import digits

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --dim: #5b6473; --paper: #fff; --line: #d9dee6;
  --soft: #f4f6f9; --passed: #2f7d4f; --wrong: #c2571a; --failed: #a3283f; --open: #c3cad5;
  --none: #e6e9ee; --course: #7a5bb5; --bar: #35619e; --link: #1f5ba8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #9aa4b2; --paper: #14181f;
  --line: #2d3541; --soft: #1c222b; --passed: #4fae76; --wrong: #e2833f; --failed: #dd5f77;
  --open: #4a5361; --none: #2a313b; --course: #a58be0; --bar: #6d9be0; --link: #86b4f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
p { margin: .3rem 0; max-width: 46rem; } .dim, small { color: var(--dim); font-weight: 400; }
a { color: var(--link); } code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { margin: .3rem 0; padding: .5rem .7rem; background: var(--soft); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; line-height: 1.4; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--dim); font-size: .85rem; }
th, td { padding: .25rem .7rem .25rem 0; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; } .count { text-align: right; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
.pair pre:only-child { grid-column: 1 / -1; }
.bar { display: flex; height: 1.1rem; border-radius: 3px; overflow: hidden; }
.bar span { display: block; min-width: 0; }
.points { background: var(--bar); }
.passed { background: var(--passed); } .open { background: var(--open); }
.wrong { background: repeating-linear-gradient(135deg, var(--wrong) 0 3px, var(--paper) 3px 5px); }
.failed { background: repeating-linear-gradient(90deg, var(--failed) 0 2px, var(--paper) 2px 3px); }
.none { background: var(--none); } .course { background: var(--course); }
summary { cursor: pointer; font-size: .9rem; } details { margin: .2rem 0; }
.who { font-size: .9rem; }
@media (max-width: 34rem) { .pair { grid-template-columns: 1fr; } }
@media print { :root { color-scheme: light; --ink: #000; --dim: #444; --paper: #fff;
  --line: #bbb; --soft: #f4f4f4; --passed: #2f7d4f; --wrong: #c2571a; --failed: #a3283f;
  --open: #c3cad5; --none: #e6e9ee; --course: #7a5bb5; --bar: #35619e; --link: #000; }
  @page { margin: 14mm; } body { max-width: none; padding: 0; font-size: 9.5pt; line-height: 1.35; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  p { max-width: none; } pre { font-size: 7.5pt; line-height: 1.25; padding: .3rem .5rem; }
  h1 { font-size: 15pt; } h2 { font-size: 11pt; margin: .8rem 0 .2rem; break-after: avoid; }
  h3 { font-size: 9.5pt; margin: .5rem 0 .1rem; break-after: avoid; }
  article, tr, pre { break-inside: avoid; } a { text-decoration: none; } }
"""


def document(
    title: str, body: Iterable[str], style: str = "", allowed: str | None = None
) -> Iterator[str]:
    """A page, piece by piece.

    allowed  the directives style-src and script-src of what else the page holds; a page that has
             them sets no style but by its style sheets
    """
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    if allowed is not None:
        own = base64.b64encode(hashlib.sha256(f"{STYLE}{style}".encode()).digest()).decode()
        directives = allowed.replace("style-src ", f"style-src 'sha256-{own}' ", 1)
        policy = f"default-src 'none'; {directives}; base-uri 'none'; form-action 'none'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>{text(title)}</title><style>{STYLE}{style}</style></head><body>"
    yield from body
    yield "</body></html>"


def text(value: object) -> str:
    """Any text as HTML that shows it and does nothing else."""
    return html.escape(shown(" ".join(str(value).split())))


def code(source: str, most: int = 60) -> str:
    """Lines of a program; of a long one the first."""
    lines = [html.escape(shown(line)) for line in source.rstrip().split("\n")]
    return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], "…"])


def number(value: Any) -> str:
    """A value of a result file in a few digits."""
    if isinstance(value, float):
        return digits(value, 6)
    if isinstance(value, list):
        return f"[{', '.join(map(number, value))}]"
    return "" if value is None else str(value)


def inputs(case: Mapping[str, Any]) -> str:
    """x = 2, y = 4; nothing where that would be long."""
    said = ", ".join(f"{name} = {number(value)}" for name, value in case.items())
    return said if len(said) < 200 else ""


def count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def percent(part: int, total: int) -> str:
    return f"{100 * part / total:.0f} %" if total else "0 %"
