"""Reports for other programs: JUnit XML for CI servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter

from checks.grader.records.verdict import BROKE, Report, Verdict

#: Characters that XML 1.0 cannot hold.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The report as JUnit XML: a suite per lesson, a case per exercise."""
    root = ET.Element("testsuites", name="backprop-exercises")
    for lesson in report.lessons:
        kinds = Counter(map(_kind, lesson.verdicts))
        suite = ET.SubElement(
            root,
            "testsuite",
            name=lesson.lesson,
            tests=str(len(lesson.verdicts)),
            failures=str(kinds["failure"]),
            errors=str(kinds["error"]),
            skipped=str(kinds["skipped"]),
        )
        for verdict in lesson.verdicts:
            case = ET.SubElement(
                suite, "testcase", classname=lesson.lesson, name=verdict.exercise, time="0"
            )
            message = NOT_XML.sub("�", verdict.message)
            if verdict.not_started:
                ET.SubElement(case, "skipped", message=message)
            elif verdict.at_fault:
                what = verdict.misconception or verdict.status
                ET.SubElement(case, _kind(verdict), type=what, message=message).text = message
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _kind(verdict: Verdict) -> str:
    """What JUnit calls it."""
    if verdict.passed:
        return "passed"
    broke = verdict.status in (*BROKE, "course_error")
    return "skipped" if verdict.not_started else "error" if broke else "failure"
