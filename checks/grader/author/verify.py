"""Verify the course itself: the reference solutions on a device, and every claim of the notes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Literal

from checks.grader.author.claims import Finding, examine, examples
from checks.grader.author.declared import problems
from checks.grader.grading.grade import grade_all
from checks.grader.language.lesson import load
from checks.grader.records.course import ROOT, number
from checks.grader.records.verdict import Report, Settings
from checks.grader.reports.terminal import WIDTH, Ink, render_fault
from checks.grader.running.intake import read_lesson_file
from checks.grader.running.server import Server


def verify_course(server: Server, stems: Sequence[str], device: str, seed: int, ink: Ink) -> int:
    """Print the solutions' results in both dtypes and the table of claims; 0 if all hold."""
    print(ink.bold(f"The reference solutions on {device}"))
    passed = True
    dtypes: tuple[Literal["float32"], Literal["float64"]] = ("float32", "float64")
    for dtype in dtypes:
        settings = Settings(device, dtype, seed)
        lesson_files = [read_lesson_file(ROOT / "solutions", stem) for stem in stems]
        report = grade_all(server, lesson_files, settings)
        passed = passed and report.passed
        print("\n".join(_summary(report, ink)))
    print()
    print(ink.bold("What the notes state, and what this run computed"))
    findings = [finding for stem in stems for finding in print_claims(stem, ink)]
    corrected = sum(not finding.confirmed for finding in findings)
    print(
        f"\n{len(findings)} claims: {len(findings) - corrected} confirmed, {corrected} corrected."
    )
    declared = [f"{stem}: {problem}" for stem in stems for problem in problems(stem, load(stem))]
    for problem in declared:
        print(ink.red(f"Course error: {problem}."))
    unexpected = [finding for finding in findings if finding.confirmed != finding.expected]
    for finding in unexpected:
        print(ink.red(f"Course error: {finding.says} came out as {finding.verdict}."))
    return 0 if passed and not unexpected and not declared else 1


def print_claims(stem: str, ink: Ink) -> list[Finding]:
    """Examine and print the claims of one lesson."""
    lesson = load(stem)
    print(f"\nLesson {number(stem)} · {lesson.title}")
    findings = []
    for claim in (*examples(stem, lesson), *lesson.claims):
        findings.append(examine(claim))
        print("\n".join(_lines(findings[-1], ink)))
    return findings


def _summary(report: Report, ink: Ink) -> Iterator[str]:
    mark = ink.green("✓") if report.passed else ink.red("✗")
    yield f"  {mark} {report.settings.dtype}  {report.points} of {report.max_points} points"
    for lesson in report.lessons:
        for verdict in lesson.verdicts:
            if not verdict.passed:
                yield from render_fault(lesson, verdict, ink)


def _lines(finding: Finding, ink: Ink) -> list[str]:
    """The claim, then on lines of their own the notes' value, the verified one, the verdict."""
    mark = ink.green("✓") if finding.confirmed else ink.bold("→")
    first, *rest = textwrap.wrap(finding.says, WIDTH - 4)
    lines = [f"  {mark} {first}", *(f"    {line}" for line in rest)]
    if len(finding.notes) + len(finding.verified) > 36:
        return [
            *lines,
            *_labelled("notes", finding.notes),
            *_labelled("verified", finding.verified),
            f"      {finding.verdict}",
        ]
    columns = f"notes {finding.notes:<20} verified {finding.verified:<20} {finding.verdict}"
    return [*lines, f"      {columns}"]


def _labelled(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"      {label:<9}", subsequent_indent=" " * 15
    )
