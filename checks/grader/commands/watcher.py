"""Grade again whenever a file is saved.

Between two saves nothing is kept but where the student is: every screen is what a fresh `check`
would say of the files as they are now. Files are watched by looking at them: size, time and inode
of a few files, many times a second, cost nothing and work on every system and network drive.
"""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from checks.grader.commands import hints
from checks.grader.commands.journey import Journey, is_whole_course
from checks.grader.commands.terminal import Terminal
from checks.grader.grading.grade import grade
from checks.grader.grading.questions import Questions, questions_of
from checks.grader.records.course import number
from checks.grader.records.verdict import LessonReport, Report, Settings, Verdict
from checks.grader.reports.terminal import (
    Ink,
    concerns_the_file,
    heading,
    overview,
    place,
    render_fault,
    wrapped,
)
from checks.grader.reports.words import safe
from checks.grader.running.intake import read_file
from checks.grader.running.server import Server
from checks.grader.running.session import TICK, single_session

#: Seconds that a file has to stay as it is before it is read.
SETTLED = 0.008
#: Seconds that an editor may leave a file missing, empty or cut in half.
HALF_WRITTEN = 0.12
#: Seconds after which a student is told that code is still running.
PATIENCE = 0.7

#: What a file on disk looks like without reading it: time, size, inode.
Stamps = Mapping[Path, tuple[int, int, int]]


class Saved(BaseException):  # no error, so that nothing on the way holds it back
    """Files have changed; whatever was being done is out of date."""

    def __init__(self, paths: set[Path]) -> None:
        super().__init__(paths)
        self.paths = paths


class Left(BaseException):
    """The student has had enough for today."""


class Watcher:
    """One student at work.

    files    the path of each lesson's file by stem, in the order of the course
    look     how text is put on the terminal as it is now
    asked    the lessons to begin with; the others come after them
    journey  what is remembered of the student, None where the files are somebody else's
    memory   where the hints given so far are kept
    """

    def __init__(
        self,
        server: Server,
        files: Mapping[str, Path],
        settings: Settings,
        look: Callable[[], Ink],
        terminal: Terminal,
        asked: Sequence[str],
        journey: Journey | None = None,
        memory: Path | None = None,
    ) -> None:
        self._server, self._files, self._settings = server, files, settings
        self._look_of, self._ink, self._terminal = look, look(), terminal
        self._asked, self._journey, self._memory = asked, journey, memory
        self._questions: dict[str, Questions] = {}  # inputs and truth; nothing of the student
        self._stamps = stamps(files)
        self._stem = asked[0]
        self._exercise = ""  # the open exercise that is shown
        self._chosen = ""  # the same if it was asked for with n, "" if it is the first
        self._passed: dict[str, set[str]] = {}  # by lesson, as last graded
        self._broken: set[str] = set()  # exercises of this lesson that were right before
        self._complete: set[str] = set()
        self._text = ""
        self._keys = "[h]int  [n]ext  [l]ist  [q]uit" if terminal.has_keys else "Ctrl-C to leave"

    def run(self) -> bool:
        """Until everything is passed or the student leaves; whether all asked for is passed."""
        action: Callable[[], bool] = self._first_open
        while True:
            try:
                self._ink = self._look_of()
                if action():
                    break
                action = self._next_action()
            except Saved as saved:
                action = partial(self._after_save, saved.paths)
            except (Left, KeyboardInterrupt):
                self._terminal.note("\nGoodbye! Your work is saved; watch goes on from there.")
                break
        return self._complete >= set(self._asked)

    def _next_action(self) -> Callable[[], bool]:
        """Wait for a save or a key."""
        actions = {"h": self._hint, "n": self._next, "l": self._list, "b": self._back}
        actions |= {str(number(stem)): partial(self._open, stem) for stem in self._files}
        while True:
            self._look()
            for key in self._terminal.keys(TICK):
                if key == "q":
                    raise Left
                if key in actions:
                    return actions[key]

    def _look(self) -> None:
        """Raise Saved if a file is no longer what it was when it was read."""
        before, now = self._stamps, stamps(self._files)
        if now == before:
            return
        now = self._settled(before, now)
        self._stamps = now
        raise Saved(_differing(before, now))

    def _settled(self, before: Stamps, now: Stamps) -> Stamps:
        """The stamps once nobody is writing any more."""
        half_written_until = time.monotonic() + HALF_WRITTEN
        while True:
            time.sleep(SETTLED)
            last, now = now, stamps(self._files)
            if last == now and all(map(_is_whole, _differing(before, now))):
                return now
            if time.monotonic() > half_written_until:  # as it is, then; the next look sees more
                return now

    def _first_open(self, banner: Sequence[str] = ()) -> bool:
        """Show the first lesson that is not complete; True if there is none."""
        reports = {}
        for stem in self._order():
            reports[stem] = self._grade(stem)
            if not reports[stem].passed:
                self._show(reports[stem], "", banner)
                return False
        self._look()
        done = [reports[stem] for stem in self._files]
        self._terminal.show("\n".join(self._farewell(done)))
        return True

    def _order(self) -> list[str]:
        """Those asked for, those after them, and those before."""
        order = list(self._files)
        place = order.index(self._asked[-1])
        return list(dict.fromkeys([*self._asked, *order[place:], *order]))

    def _farewell(self, reports: Sequence[LessonReport]) -> list[str]:
        lines = [heading(report, self._ink) for report in reports]
        points = sum(report.points for report in reports)
        maximum = sum(report.max_points for report in reports)
        lines += ["", self._ink.bold(f"{points} of {maximum} points: everything is done."), ""]
        report = Report(self._settings, tuple(reports))
        if self._journey is not None and is_whole_course(report):
            lines += [*self._journey.end_of_course(report, self._ink), ""]
        return [*lines, "Well done, and goodbye!"]

    def _after_save(self, paths: set[Path]) -> bool:
        """Grade what was saved, and move on if that completes its lesson."""
        saved = [stem for stem, path in self._files.items() if path in paths]
        stem = self._stem if self._stem in saved or not saved else saved[0]
        before = self._passed.get(stem, set())
        report = self._grade(stem)
        if stem != self._stem:
            self._broken = set()
        self._broken = (self._broken | before) - self._passed[stem]
        if self._journey is not None:
            self._journey.remember([report])
        if not report.passed:
            self._show(report, self._chosen if stem == self._stem else "")
            return False
        banner = [self._ink.green(f"✓ Lesson {number(stem)} is complete.")]
        if self._journey is not None:
            banner = self._journey.end_of(report, self._ink)
        banner.append(f"  {self._ink.command('draw', stem)} draws what you have built.")
        self._terminal.show("\n".join([*banner, "", *overview(report, self._ink)]))
        return self._first_open([*banner, ""])

    def _open(self, stem: str) -> bool:
        """Go to a lesson by its number, be it complete or not."""
        self._broken = set()
        report = self._grade(stem)
        if not report.passed:
            self._show(report, "")
        else:
            lines = [*overview(report, self._ink), "", f"  Lesson {number(stem)} is complete."]
            self._terminal.show("\n".join([*lines, "", self._ink.dim(self._keys)]))
        return False

    def _back(self) -> bool:
        """To the lesson and the exercise that were being worked on."""
        report = self._grade(self._stem)
        if not report.passed:
            self._show(report, self._chosen)
            return False
        return self._first_open()

    def _next(self) -> bool:
        """The next open exercise: of this lesson, or of the next lesson that has one."""
        order = list(self._files)
        here = order.index(self._stem)
        self._broken = set()
        report = self._grade(self._stem)
        names = [verdict.exercise for verdict in report.verdicts]
        start = names.index(self._exercise) + 1 if self._exercise in names else 0
        later = [v.exercise for v in report.verdicts[start:] if not v.passed]
        if later:
            self._show(report, later[0])
            return False
        for stem in order[here + 1 :] + order[: here + 1]:
            report = self._grade(stem)
            if not report.passed:
                self._show(report, "")
                return False
        return self._first_open()

    def _list(self) -> bool:
        """Every lesson in one line; a number opens one, b goes back, and so does a save."""
        reports = [self._grade(stem) for stem in self._files]
        lines = [heading(report, self._ink) for report in reports]
        keys = self._keys
        if self._terminal.has_keys:
            numbers = [str(number(stem)) for stem in self._files]
            which = numbers[0] if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
            keys = f"[{which}] open a lesson  [b]ack to lesson {number(self._stem)}  [q]uit"
        self._terminal.show("\n".join([*lines, "", self._ink.dim(keys)]))
        return False

    def _hint(self) -> bool:
        """The next hint for the exercise that is shown, below it."""
        hint = hints.next_hint(self._stem, self._exercise, self._memory)
        self._text = "\n".join([self._text, "", *wrapped(hint, "  ", self._ink)])
        self._terminal.show(f"{self._text}\n\n{self._ink.dim(self._keys)}")
        return False

    def _grade(self, stem: str) -> LessonReport:
        """The report of one file as it is now. Raises Saved if it changes meanwhile, and Left."""
        if stem not in self._questions:
            self._questions[stem] = questions_of(stem, self._settings)
        lesson_file = read_file(self._files[stem], stem)
        patience = Patience(self._look, self._terminal, self._settings.time_limit)
        with single_session(self._server, lesson_file, self._settings, patience) as session:
            report = grade(session, self._questions[stem], lesson_file)
        self._passed[stem] = {v.exercise for v in report.verdicts if v.passed}
        if report.passed:
            self._complete.add(stem)
        else:
            self._complete.discard(stem)
        return report

    def _show(self, report: LessonReport, exercise: str, banner: Sequence[str] = ()) -> None:
        """A lesson, and one of its open exercises in full.

        It is one that was right before and is not any more; else the one named, or the first.
        """
        still_open = [v for v in report.verdicts if not v.passed]
        chosen = next((v for v in still_open if v.exercise == exercise), still_open[0])
        shown = next((v for v in still_open if v.exercise in self._broken), chosen)
        self._chosen = exercise if chosen.exercise == exercise else ""
        self._stem, self._exercise = report.lesson, shown.exercise
        seen = [heading(report, self._ink)] if concerns_the_file(report) else None
        lines = [*banner, *(seen or overview(report, self._ink)), ""]
        lines += open_exercise(report, shown, self._ink)
        self._text = "\n".join(lines)
        footer = f"{time.strftime('%H:%M:%S')}  {self._keys}"
        self._terminal.show(f"{self._text}\n\n{self._ink.dim(footer)}")


class Patience:
    """What is done while code of the student runs: look for a save, and for q; say so once."""

    def __init__(self, look: Callable[[], None], terminal: Terminal, limit: float) -> None:
        self._look, self._terminal, self._limit = look, terminal, limit
        self._since = time.monotonic()
        self._said = False

    def __call__(self) -> None:
        self._look()
        if "q" in self._terminal.keys(0):
            raise Left
        if not self._said and time.monotonic() - self._since > PATIENCE:
            self._said = True
            if self._terminal.has_screen:  # what stood there is about an older save
                self._terminal.show(
                    f"Your code is still running; it has {self._limit:g} seconds per exercise.\n"
                    f"A save starts over, [q] leaves."
                )


def stamps(files: Mapping[str, Path]) -> Stamps:
    """The lesson files and the other Python files beside them, which they may import."""
    found: dict[Path, tuple[int, int, int]] = {}
    for folder in {path.parent for path in files.values()}:
        try:
            with os.scandir(folder) as entries:
                names = [e.name for e in entries if e.name.endswith(".py") and e.name[0] != "."]
        except OSError:
            continue
        for name in names:
            try:
                seen = os.stat(folder / name)
            except OSError:
                continue
            found[folder / name] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def open_exercise(report: LessonReport, verdict: Verdict, ink: Ink) -> list[str]:
    """What there is to do: the fault in full, or where to start."""
    if not verdict.not_started:
        return render_fault(report, verdict, ink)
    said = wrapped(safe(verdict.message), "  ", ink)
    return [ink.bold(f"  Next: {verdict.exercise}"), *said, f"  → {place(report, verdict)}"]


def _differing(before: Stamps, now: Stamps) -> set[Path]:
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def _is_whole(path: Path) -> bool:
    """Whether a file can be what the student meant to save. A wrong guess costs a moment."""
    try:
        text = path.read_bytes()
        ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(text.strip())
