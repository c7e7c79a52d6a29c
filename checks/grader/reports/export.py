"""Reports for other programs: JUnit XML for CI servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from checks.grader.records.files import written_whole
from checks.grader.records.verdict import Report

#: Characters that XML 1.0 cannot hold.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The report as JUnit XML: a suite per lesson, a case per exercise."""
    root = ET.Element("testsuites", name="backprop-exercises")
    for lesson in report.lessons:
        skipped = [v for v in lesson.verdicts if v.status == "not_started"]
        failed = [v for v in lesson.verdicts if v.status not in ("passed", "not_started")]
        errors = [v for v in failed if v.status in ("error", "timeout", "crashed", "course_error")]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=lesson.lesson,
            tests=str(len(lesson.verdicts)),
            failures=str(len(failed) - len(errors)),
            errors=str(len(errors)),
            skipped=str(len(skipped)),
        )
        for verdict in lesson.verdicts:
            case = ET.SubElement(
                suite, "testcase", classname=lesson.lesson, name=verdict.exercise, time="0"
            )
            if verdict in skipped:
                ET.SubElement(case, "skipped", message=NOT_XML.sub("�", verdict.message))
            elif verdict in failed:
                kind = "error" if verdict in errors else "failure"
                what = verdict.misconception or verdict.status
                message = NOT_XML.sub("�", verdict.message)
                ET.SubElement(case, kind, type=what, message=message).text = message
            elif verdict in skipped:
                ET.SubElement(case, "skipped", message="not started")
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises Misuse where it cannot be written."""
    with written_whole(path) as file:
        file.write(text)
