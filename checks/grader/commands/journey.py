"""What a copy of the course remembers of its student: mistakes met, lessons completed."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks.grader.records import course
from checks.grader.records.files import write_text
from checks.grader.records.lesson_text import goal_of
from checks.grader.records.misuse import Misuse
from checks.grader.records.verdict import LessonReport, Report
from checks.grader.reports.labels import label_of
from checks.grader.reports.screens import course_done, lesson_done
from checks.grader.reports.terminal import Ink
from checks.grader.running.intake import read_file


@dataclass
class Journey:
    """The way of one student so far.

    met   per lesson the mistakes that were named, in the order in which they were met, and how
          often: named again in the next check, a mistake has not come back, it is still there
    now   the mistakes that the last check of a lesson named
    done  the lessons that have been complete
    """

    memory: Path
    met: dict[str, dict[str, int]] = field(default_factory=dict)
    now: dict[str, list[str]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    @classmethod
    def so_far(cls, memory: Path | None = None) -> Journey:
        """What is remembered; nothing if the file is missing or spoilt."""
        memory = memory or course.home() / ".course" / "journey.json"
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            content = json.loads(memory.read_text(encoding="utf-8"))
            met = {stem: _counts(ids) for stem, ids in dict(content.get("met") or {}).items()}
            now = {stem: _texts(ids) for stem, ids in dict(content.get("now") or {}).items()}
            return cls(memory, met, now, _texts(content.get("done")))
        return cls(memory)

    def remember(self, lessons: Iterable[LessonReport]) -> list[LessonReport]:
        """Take note of a check; the lessons that are complete for the first time."""
        lessons = list(lessons)
        before = json.dumps([self.met, self.now, self.done])
        for lesson in lessons:
            met = self.met.setdefault(lesson.lesson, {})
            named = dict.fromkeys(v.misconception for v in lesson.verdicts if v.misconception)
            for name in named:
                met[name] = met.get(name, 0) + (name not in self.now.get(lesson.lesson, ()))
            self.now[lesson.lesson] = list(named)
        new = [lesson for lesson in lessons if lesson.passed and lesson.lesson not in self.done]
        self.done += [lesson.lesson for lesson in new]
        if before != json.dumps([self.met, self.now, self.done]):
            with contextlib.suppress(Misuse):  # a folder that is not ours to write
                kept = {"met": self.met, "now": self.now, "done": self.done}
                write_text(self.memory, json.dumps(kept, indent=1) + "\n")
        return new

    def overcome(self, stems: Iterable[str]) -> list[str]:
        """The mistakes met in some lessons, as words."""
        met: Counter[str] = Counter()
        for stem in stems:
            met.update(self.met.get(stem, {}))
        return [label_of(name, times) for name, times in met.items()]

    def end_of(self, lesson: LessonReport, ink: Ink) -> list[str]:
        """What is said when a lesson is complete."""
        goal = goal_of(read_file(Path(lesson.path), lesson.lesson).source)
        return lesson_done(lesson, goal, self.overcome([lesson.lesson]), ink)

    def end_of_course(self, report: Report, ink: Ink) -> list[str]:
        """What is said when all lessons are."""
        texts = [read_file(Path(lesson.path), lesson.lesson).source for lesson in report.lessons]
        goals = [goal for goal in map(goal_of, texts) if goal]
        stems = [lesson.lesson for lesson in report.lessons]
        return course_done(goals, self.overcome(stems), len(stems), ink)


def is_whole_course(report: Report) -> bool:
    return [lesson.lesson for lesson in report.lessons] == course.stems()


def _counts(value: Any) -> dict[str, int]:
    """Names and how often; a list, as it was kept once, counts each once."""
    if not isinstance(value, dict):
        return dict.fromkeys(_texts(value), 1)
    return {name: times for name, times in value.items() if isinstance(times, int)}


def _texts(value: Any) -> list[str]:
    items: Sequence[Any] = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]
