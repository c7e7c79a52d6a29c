"""Wrong and right submissions for the tests: small patches of the reference solutions.

checks/tests/bank/<stem>.py holds the patches of one lesson. Each begins with a line

    # --- EXERCISE | EXPECTED [| STATUS]

where EXPECTED is `right`, `wrong` (no mistake may be named), an id, `id + id`, or `slip:id`: no
mistake is declared, and a slip at a place of the graph gives the same numbers. STATUS is `wrong`
unless said otherwise. What follows replaces that function of the solution, which stays reachable
for the other functions, so that a patch spoils one exercise only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from checks.grader.grading.grade import grade
from checks.grader.grading.questions import Questions, questions_of
from checks.grader.records.course import ROOT
from checks.grader.records.verdict import LessonReport, Settings, Verdict
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.grader.running.session import single_session

HEADER = re.compile(r"^# --- (?P<fields>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Patch:
    """One submission of the bank. `ids` are the mistakes that must be named, in order."""

    stem: str
    line: int
    exercise: str
    status: str
    ids: tuple[str, ...]
    code: str

    def __str__(self) -> str:
        name = "+".join(self.ids) or self.status
        return f"{self.stem.split('_')[0]}-{self.exercise}-{name}-line{self.line}"


def bank(stem: str) -> list[Patch]:
    """The patches of one lesson."""
    path = ROOT / "checks" / "tests" / "bank" / f"{stem}.py"
    text = path.read_text(encoding="utf-8")
    heads = list(HEADER.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    patches = []
    for head, end in zip(heads, ends, strict=True):
        exercise, expected, *status = (field.strip() for field in head["fields"].split("|"))
        ids = (
            ()
            if expected in ("right", "wrong")
            else tuple(re.split(r"\s*\+\s*", expected.removeprefix("slip:")))
        )
        default = "passed" if expected == "right" else "wrong"
        patches.append(
            Patch(
                stem,
                text.count("\n", 0, head.start()) + 1,
                exercise,
                status[0] if status else default,
                ids,
                text[head.end() : end].strip("\n") + "\n",
            )
        )
    return patches


def solution(stem: str) -> str:
    """The text of the reference solution."""
    return (ROOT / "solutions" / f"{stem}.py").read_text(encoding="utf-8")


def patched(stem: str, exercise: str, code: str) -> str:
    """The solution with one function replaced; the other functions go on using the right one."""
    text, _, program = solution(stem).partition('\nif __name__ == "__main__":')
    kept = re.sub(rf"(?<![.\w\"'/]){exercise}\b", f"_right_{exercise}", text)
    return f"{kept}\n\n{code}\n"


def as_submission(stem: str, source: str) -> LessonFile:
    """A lesson file given as text."""
    return LessonFile(stem, Path(f"/submissions/{stem}.py"), source)


def grade_text(
    server: Server, stem: str, source: str, settings: Settings | None = None
) -> LessonReport:
    """The report of a lesson file given as text."""
    settings = settings or Settings()
    submission = as_submission(stem, source)
    with single_session(server, submission, settings) as session:
        return grade(session, questions_of(stem, settings), submission)


@cache
def of_seed(stem: str, settings: Settings) -> Questions:
    """What is asked with a seed; worked examples, the same with every seed, with the first only."""
    questions = questions_of(stem, settings)
    if settings.seed == 0:
        return questions
    drawn = (tuple(c for c in q.cases if c.expected is None) for q in questions.all)
    every = tuple(replace(q, cases=cases) for q, cases in zip(questions.all, drawn, strict=True))
    return replace(questions, all=every)


def verdict_of(report: LessonReport, exercise: str) -> Verdict:
    """The verdict on one exercise."""
    return next(verdict for verdict in report.verdicts if verdict.exercise == exercise)


def with_body(stem: str, function: str, body: str) -> str:
    """The solution with another body in one function."""
    text = solution(stem)
    head = text.index("\n", text.index(f"def {function}(")) + 1
    start = text.index("# TODO", head)
    end = text.index("\n\n\n", start)
    return f"{text[:start]}\n    {body}{text[end:]}"
