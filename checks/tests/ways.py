"""The ways in which students and learning platforms hand in the same work.

Each way writes into an empty folder and says who has to get which points of lesson 1 (of 12), or,
in their place, a piece of the sentence that says why none.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from checks.grader.records.course import ROOT
from checks.tests.submissions import patched, solution

STEM = "lesson1_linear"
NAME = f"{STEM}.py"
FULL = solution(STEM)
STUB = (ROOT / "exercises" / NAME).read_text(encoding="utf-8")
HALF = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n")
OTHER = solution("lesson2_bias")

Content = str | bytes
Files = Mapping[str, Content]
Expected = Mapping[str, int | str]


@dataclass(frozen=True)
class Way:
    """One way of handing in: `source` is what is graded below the folder, "" for the folder."""

    name: str
    write: Callable[[Path], object]
    expected: Expected
    source: str = ""


def put(folder: Path, files: Files) -> None:
    """Write files, their folders as well."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def notebook(*cells: str) -> str:
    """A notebook with these code cells and a heading."""
    code = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": 1}
        for cell in cells
    ]
    heading = {"cell_type": "markdown", "source": ["# Lesson 1"], "metadata": {}}
    whole = {"cells": [heading, *code], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    return json.dumps(whole)


def way(name: str, files: Files, expected: Expected, source: str = "") -> Way:
    return Way(name, lambda folder: put(folder, files), expected, source)


def alone(name: str, files: Files, expected: int | str = 12) -> Way:
    """Files in the folder of one student, beside somebody who did as told."""
    own = {f"anna/{path}": content for path, content in files.items()}
    return way(name, {**own, f"ben/{NAME}": FULL}, {"anna": expected, "ben": 12})


def cut(text: str) -> list[str]:
    """A program as a student cuts it into the cells of a notebook."""
    pieces = text.partition("\nif __name__")[0].split("\n\n\ndef ")
    return [pieces[0], *(f"def {piece}" for piece in pieces[1:])]


def course(work: str = FULL) -> dict[str, Content]:
    """The whole repository, as students clone it."""
    files: dict[str, Content] = {f"exercises/{NAME}": work}
    for folder in ("checks", "solutions"):
        text = (ROOT / folder / NAME).read_text(encoding="utf-8")
        files[f"{folder}/{NAME}"] = text.replace("return", "return 0 *") if folder == "s" else text
    files["checks/tests/bank/lesson1_linear.py"] = "def forward(x, w):\n    return 1\n"
    files["README.md"] = "# The course"
    return files


def mailed(files: Files) -> bytes:
    """An e-mail with attachments."""
    message = EmailMessage()
    message.set_content("Dear teacher,\n\nhere it is.")
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        message.add_attachment(data, maintype="text", subtype="x-python", filename=name)
    return bytes(message)


def undeclared(files: Files) -> bytes:
    """A zip file that does not say that its names are UTF-8, as macOS packs it."""
    raw = bytearray(zipped(files))
    for mark, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + flags] &= ~0x08
            at = raw.find(mark, at + 4)
    return bytes(raw)


def locked(data: bytes) -> bytes:
    """A zip file of one member that says of itself that it is encrypted."""
    raw = bytearray(data)
    raw[6] |= 1
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def many(count: int) -> dict[str, Content]:
    return {f"a/file{i}.py": "" for i in range(count)}


CANVAS = "doejane_12345_67890_"
MOODLE = "Jane Doe_123456_assignsubmission_file_"
BLACKBOARD = "HW1_jdoe_attempt_2026-11-01-12-00-00"
BRIGHTSPACE = "12345-67890 - Jane Doe - Nov 1, 2026 1200 PM"
METADATA = """---
submission_123:
  :submitters:
  - :name: Jane Doe
    :sid: '9001'
    :email: jane@example.edu
  :created_at: 2026-11-01 12:00:00.000000000 Z
  :score: 0.0
  :history:
  - :id: 122
    :name: nobody
submission_124:
  :submitters:
  - :name: "Ad\\u00e1m O'Neil"
    :sid: 9002
    :email: adam@example.edu
  - :name: Cleo Fox
    :sid:
    :email: cleo@example.edu
"""

PLATFORMS = [
    way("canvas, loose files", {CANVAS + NAME: FULL, f"roe_12_34_{NAME}": HALF},
        {"doejane": 12, "roe": 9}),
    way("canvas, late", {f"doejane_LATE_12345_67890_{NAME}": FULL}, {"doejane": 12}),
    way("canvas, resubmitted", {f"{CANVAS}{STEM}-1.py": FULL}, {"doejane": 12}),
    way("canvas, several attempts",
        {CANVAS + NAME: HALF, f"{CANVAS}{STEM}-1.py": HALF, f"{CANVAS}{STEM}-2.py": FULL},
        {"doejane": 12}),
    way("canvas, a zip each", {f"{CANVAS}hw.zip": zipped({NAME: FULL})}, {"doejane": 12}),
    way("canvas, namesakes",
        {f"doejane_11_21_{NAME}": FULL, f"doejane_12_22_{NAME}": HALF},
        {"doejane (11)": 12, "doejane (12)": 9}),
    way("canvas, text typed in", {"doejane_12345_text.html": "<p>I forgot</p>"},
        {"doejane": "seen: text.html"}),
    way("canvas, its zip",
        {"submissions.zip": zipped({CANVAS + NAME: FULL, f"b_12_34_{NAME}": HALF})},
        {"doejane": 12, "b": 9}, "submissions.zip"),
    way("canvas, its zip in the folder",
        {"submissions.zip": zipped({CANVAS + NAME: FULL, f"b_12_34_{NAME}": HALF})},
        {"doejane": 12, "b": 9}),
    way("moodle", {f"{MOODLE}/{NAME}": FULL}, {"Jane Doe": 12}),
    way("moodle, no last line", {f"{MOODLE.rstrip('_')}/{NAME}": FULL}, {"Jane Doe": 12}),
    way("moodle, with text and comments",
        {f"{MOODLE}/{NAME}": FULL,
         "Jane Doe_123456_assignsubmission_onlinetext_/onlinetext.html": "<p>hello</p>",
         "Jane Doe_123456_assignsubmission_comments_/comments.html": "<p>well</p>"},
        {"Jane Doe": 12}),
    way("moodle, code typed in",
        {"Jane Doe_123456_assignsubmission_onlinetext_/onlinetext.html":
         "<p>" + FULL.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>") + "</p>"},
        {"Jane Doe": 12}),
    way("moodle, a zip each", {f"{MOODLE}/work.zip": zipped({f"work/{NAME}": FULL})},
        {"Jane Doe": 12}),
    way("moodle, flat", {f"{MOODLE}{NAME}": FULL, f"Al Roe_7_assignsubmission_file_{NAME}": HALF},
        {"Jane Doe": 12, "Al Roe": 9}),
    way("moodle, its zip",
        {"C-HW-1.zip": zipped({f"{MOODLE}/{NAME}": FULL,
                               f"Al Roe_7_assignsubmission_file_/{NAME}": HALF})},
        {"Jane Doe": 12, "Al Roe": 9}, "C-HW-1.zip"),
    way("blackboard", {f"{BLACKBOARD}_lesson1.py": FULL, f"{BLACKBOARD}.txt": "Name: Jane (jdoe)"},
        {"jdoe": 12}),
    way("blackboard, two attempts",
        {f"{BLACKBOARD}_{NAME}": HALF,
         f"HW1_jdoe_attempt_2026-11-02-09-00-00_{NAME}": FULL,
         f"{BLACKBOARD}.txt": "Name: Jane (jdoe)"}, {"jdoe": 12}),
    way("blackboard, nothing but a receipt", {f"{BLACKBOARD}.txt": "Name: Jane (jdoe)"},
        {"jdoe": "seen: receipt.txt"}),
    way("brightspace", {f"{BRIGHTSPACE}/{NAME}": FULL, "index.html": "<html>"}, {"Jane Doe": 12}),
    way("brightspace, two attempts",
        {f"{BRIGHTSPACE}/{NAME}": FULL,
         f"12345-67891 - Jane Doe - Oct 30, 2026 900 AM/{NAME}": HALF}, {"Jane Doe": 12}),
    way("brightspace, flat", {f"{BRIGHTSPACE} - {NAME}": FULL}, {"Jane Doe": 12}),
    way("gradescope",
        {"submission_metadata.yml": METADATA, f"submission_123/{NAME}": FULL,
         f"submission_124/{NAME}": HALF},
        {"Jane Doe": 12, "Adám O'Neil": 9, "Cleo Fox": 9}),
    way("gradescope, its zip",
        {"x.zip": zipped({"assignment_1_export/submission_metadata.yml": METADATA,
                          f"assignment_1_export/submission_123/{NAME}": FULL,
                          f"assignment_1_export/submission_124/{NAME}": HALF})},
        {"Jane Doe": 12, "Adám O'Neil": 9, "Cleo Fox": 9}, "x.zip"),
    way("github classroom",
        {**{f"hw1-jdoe/{p}": c for p, c in course().items()},
         **{f"hw1-al/{p}": c for p, c in course(HALF).items()}, "hw1-al/.git/HEAD": "x"},
        {"jdoe": 12, "al": 9}),
    way("github classroom, one clone", {f"hw1-jdoe/{p}": c for p, c in course().items()},
        {"hw1-jdoe": 12}),
    way("github, download zip",
        {"jdoe.zip": zipped({f"hw1-main/{p}": c for p, c in course().items()})},
        {"jdoe": 12}),
    way("github, unpacked twice", {f"jdoe/hw1-main/hw1-main/{p}": c for p, c in course().items()},
        {"jdoe": 12}),
    way("a mixed export",
        {CANVAS + NAME: FULL, f"anna/{NAME}": HALF, "ben.zip": zipped({NAME: FULL}),
         f"carl_{STEM}.py": HALF}, {"doejane": 12, "anna": 9, "ben": 12, "carl": 9}),
    way("a zip of folders",
        {"hand-in.zip": zipped({f"all/anna/{NAME}": FULL, f"all/ben/{NAME}": HALF})},
        {"anna": 12, "ben": 9}, "hand-in.zip"),
    way("a folder around the class", {f"all/anna/{NAME}": FULL, f"all/ben/{NAME}": HALF},
        {"anna": 12, "ben": 9}),
    way("loose files by students", {"anna_lesson1.py": FULL, "lesson1_linear_ben.py": HALF},
        {"anna": 12, "ben": 9}),
    way("an archive for each lesson",
        {"anna_lesson1.zip": zipped({NAME: FULL}), "anna_lesson2.zip": zipped({"x.py": OTHER})},
        {"anna": 12}),
    way("loose files called as students", {"anna.py": FULL, "ben.py": HALF},
        {"anna": 12, "ben": 9}),
    way("a folder that is one student's", {NAME: FULL}, {"class": 12}),
    way("a clone that is one student's", course(), {"class": 12}),
    way("a folder and a zip of one student",
        {f"anna/{NAME}": STUB, "anna.zip": zipped({NAME: FULL})},
        {"anna": 12}),
]  # fmt: skip

NAMES = [
    alone(f"called {name}", {name: FULL})
    for name in (
        "lesson1.py", "lesson1_linear (1).py", "lesson1_linear-1.py", "lesson1_linear_final.py",
        "Copy of lesson1_linear.py", "anna_lesson1_linear.py", "lesson1_linear.txt",
        "lesson1_linear.py.txt", "LESSON1_LINEAR.PY", "Lesson 1.py", "lesson_1_linear.py",
        "lesson01.py", "Lesson 1 - Linear (2).py", "linear.py", "homework.py", "my work.txt",
        "lesson1_linear",
    )
]  # fmt: skip

CONTENTS = [
    alone("a notebook", {"lesson1_linear.ipynb": notebook(*cut(FULL))}),
    alone("a notebook under another name", {"Untitled.ipynb": notebook(*cut(FULL))}),
    alone("a notebook with magics and trials",
          {"hw.ipynb": notebook("%matplotlib inline\n!pip install torch\nimport torch",
                                *cut(FULL), "from checks import check\ncheck(1)", "1 / 0",
                                "%%bash\nls", "print(forward(1, 2))\n?forward")}),
    alone("a notebook that is none", {"lesson1_linear.ipynb": "{]"}, "not a notebook"),
    alone("a zip in a zip", {"a.zip": zipped({"b.zip": zipped({NAME: FULL})})}),
    alone("a tar.gz", {"work.tar.gz": tarred({f"work/{NAME}": FULL})}),
    alone("a tgz", {"work.tgz": tarred({NAME: FULL})}),
    alone("a tar", {"work.tar": tarred({NAME: FULL}, "w")}),
    alone("a rar", {"work.rar": b"Rar!\x1a\x07\x00" + bytes(100)}, "work.rar"),
    alone("a 7z that is called zip", {"work.zip": b"7z\xbc\xaf\x27\x1c" + bytes(100)}, "7z"),
    alone("folders three deep", {f"a/b/c/{NAME}": FULL}),
    alone("folders nine deep", {f"a/b/c/d/e/f/g/h/i/{NAME}": FULL}),
    alone("a clone with the checks", course()),
    alone("a clone in a zip", {"w.zip": zipped({f"w/{p}": c for p, c in course().items()})}),
    alone("a clone with the stub", course(STUB), 0),
    alone("a stub that sorts first", {NAME: STUB, f"work/{NAME}": FULL}),
    alone("a stub under the right name", {NAME: STUB, "lesson1_done.py": FULL}),
    alone("a stub under the right name, work by content", {NAME: STUB, "hw.py": FULL}),
    alone("a virtual environment",
          {NAME: FULL, "env/pyvenv.cfg": "", **{f"env/lib/m{i}.py": "x" for i in range(700)}}),
    alone("700 files beside it", {NAME: FULL, **many(700)}),
    alone("700 files beside it, deeper", {f"zz/{NAME}": FULL, **many(700)}),
    alone("700 files in a zip", {"a.zip": zipped({f"zz/{NAME}": FULL, **many(700)})}),
    alone("a checkpoint beside it", {NAME: FULL, "model.pt": bytes(20 << 20)}),
    alone("a checkpoint in the zip", {"a.zip": zipped({NAME: FULL, "model.pt": bytes(20 << 20)})}),
    alone("node_modules", {NAME: FULL, "node_modules/a/lesson1_linear.py": STUB}),
    alone("__pycache__ and hidden files",
          {NAME: FULL, f"__pycache__/{NAME}": STUB, f".ipynb_checkpoints/{NAME}": STUB,
           f"__MACOSX/._{NAME}": b"\x00\x05\x16"}),
    alone("utf-16", {NAME: FULL.encode("utf-16")}),
    alone("utf-16 without a mark", {NAME: FULL.encode("utf-16-le")}),
    alone("utf-8 with a mark", {NAME: FULL.encode("utf-8-sig")}),
    alone("declared latin-1",
          {NAME: "# -*- coding: latin-1 -*-\n# é\n".encode("latin-1")
           + FULL.encode("ascii", "replace")}),
    alone("undeclared latin-1", {NAME: "# é\n".encode("latin-1") + FULL.encode()}, "is not UTF-8"),
    alone("carriage returns", {NAME: FULL.replace("\n", "\r\n").encode()}),
    alone("half of it", {NAME: HALF}, 9),
    alone("the stub", {NAME: STUB}, 0),
    alone("a syntax error", {"homework.py": FULL + "\n)\n"}, 0),
    alone("a word document", {"hw1.docx": b"PK\x03\x04"}, "seen: hw1.docx"),
    alone("an empty zip", {"hw.zip": zipped({})}, "there is nothing in it"),
    alone("a damaged zip", {"hw.zip": zipped({NAME: FULL})[:-40]}, "damaged"),
    alone("a zip that leaves its folder", {"hw.zip": zipped({f"../{NAME}": FULL})}, "leaves"),
    alone("another lesson", {"lesson2_bias.py": OTHER},
          "no file that defines lesson 1's functions"),
    alone("another lesson's work beside it, no names", {"a.py": FULL, "b.py": OTHER}),
    alone("two lessons in one file", {"all.py": FULL + "import" + OTHER.partition("\nimport")[2]}),
    alone("two lessons in one notebook", {"all.ipynb": notebook(*cut(FULL), *cut(OTHER))}),
    alone("two copies, the later one better", {"lesson1.py": HALF, "lesson1 (1).py": FULL}),
    alone("two copies, the older one fuller",
          {"lesson1_linear.py": FULL,
           "lesson1_linear (1).py": STUB[: STUB.index("def grad_by_hand")]}),
    alone("work and an old folder", {f"old/{NAME}": HALF, NAME: FULL}),
    alone("a gzipped file", {f"{NAME}.gz": gzip.compress(FULL.encode())}, f"{NAME}.gz"),
    way("nothing in the folder", {"anna/.keep": "", f"ben/{NAME}": FULL},
        {"anna": "there is nothing in it", "ben": 12}),
]  # fmt: skip

MOODLES = {"HW1.zip": ("_11", NAME, FULL), "HW2.zip": ("_57", "lesson2_bias.py", OTHER)}

#: Found by people who were asked to hand in so that the grader fails.
HIDDEN = [
    way("canvas, a link typed in", {"doejane_LATE_123_link.html": "<a href='https://x'>x</a>"},
        {"doejane": "seen: link.html"}),
    way("canvas, anonymous",
        {f"anon_aB1xC_456_{NAME}": FULL, f"LATE_anon_Zb1xC_457_{NAME}": HALF},
        {"anon_aB1xC": 12, "anon_Zb1xC": 9}),
    way("canvas, a folder for each homework",
        {f"hw1/doejane_11_21_{NAME}": FULL, "hw2/doejane_11_22_lesson2_bias.py": OTHER},
        {"doejane": 12}),
    way("moodle, blind", {f"Participant_12_assignsubmission_file_/{NAME}": FULL},
        {"Participant": 12}),
    way("moodle, two downloads, which count students anew",
        {name: zipped({f"Jane Doe{id}_assignsubmission_file_/{file}": text})
         for name, (id, file, text) in MOODLES.items()}, {"Jane Doe": 12}),
    way("teams",
        {f"Submitted files/Jane Doe/Homework 1/Version 1/{NAME}": STUB,
         f"Submitted files/Jane Doe/Homework 1/Version 2/{NAME}": FULL,
         f"Submitted files/Bo Li/Homework 1/Version 1/{NAME}": HALF,
         f"Working files/Bo Li/Homework 1/{NAME}": STUB}, {"Jane Doe": 12, "Bo Li": 9}),
    way("ilias",
        {f"Übung 1/Abgaben/Doe_Jane_jd_1/2026_{NAME}": FULL,
         f"Übung 1/Abgaben/Li_Bo_bl_2/2026_{NAME}": HALF, "Übung 1/status.xlsx": "x"},
        {"Doe_Jane_jd_1": 12, "Li_Bo_bl_2": 9}),
    way("a folder with the time for each attempt",
        {f"2026-11-20 10h11m12 - Jane Doe/{NAME}": STUB,
         f"2026-11-21 10h11m12 - Jane Doe/{NAME}": FULL}, {"Jane Doe": 12}),
    way("two folders around the class",
        {f"submissions/homework1/anna/{NAME}": FULL, f"submissions/homework1/ben/{NAME}": HALF},
        {"anna": 12, "ben": 9}),
    way("a folder for each lesson, a file for each student",
        {"lesson1/Jane Doe.py": FULL, "lesson1/Bo Li.py": HALF, "lesson2/Jane Doe.py": OTHER,
         "lesson2/Bo Li.py": OTHER}, {"Jane Doe": 12, "Bo Li": 9}),
    way("a folder for each lesson, a folder for each student",
        {f"{STEM}/{who}/{NAME}": FULL for who in ("anna", "ben")}, {"anna": 12, "ben": 12}),
    way("one student with a file for each lesson, called as it came",
        {"anna/a.py": FULL, "anna/b.py": OTHER}, {"anna": 12}),
    way("the weeks of one student", {"week1/hw.py": FULL, "week2/hw.py": OTHER}, {"class": 12}),
    way("students called like folders of work",
        {"x.zip": zipped({f"all/{who}/{NAME}": FULL for who in ("Victor", "Newman", "Hwang")})},
        {"Victor": 12, "Newman": 12, "Hwang": 12}, "x.zip"),
    way("e-mails as they were saved",
        {f"{who}.eml": mailed({NAME: text}) for who, text in (("anna", FULL), ("ben", HALF))},
        {"anna": 12, "ben": 9}),
    way("a zip with names in UTF-8 that is not declared",
        {"x.zip": undeclared({f"Müller/{NAME}": FULL, f"李/{NAME}": HALF})},
        {"Müller": 12, "李": 9}, "x.zip"),
    *(alone(f"called {name}", {name: FULL})
      for name in ("lesson1_linear.py.bak", "lesson1_linear.pyw", "lesson1_linear.py_",
                   "lesson1_linear.py.download", "lesson1_linear.text", "lesson1_linear.py.",
                   "Lesson1Linear.py", "01_linear.py", "ATT00001.txt")),
    *(alone(f"a notebook called {name}", {name: notebook(*cut(FULL))})
      for name in ("lesson1.json", "lesson1.ipynb.json", "lesson1.py")),
    alone("Python in a file called notebook", {"lesson1.ipynb": FULL}),
    alone("code in the fences of a text", {"answer.md": f"# Mine\n```python\n{FULL}\n```\n"}),
    alone("a backup beside the stub", {NAME: STUB, f"{NAME}.bak-1": FULL}),
    alone("utf-32", {NAME: FULL.encode("utf-32")}),
    alone("a checkpoint of Jupyter and nothing else", {f".ipynb_checkpoints/{NAME}": FULL},
          "but .ipynb_checkpoints, which is not looked into"),
    alone("a repository without its files", {".git/HEAD": "x"}, "but .git"),
    alone("compiled and nothing else", {f"__pycache__/{STEM}.cpython-311.pyc": b"\0"},
          "but __pycache__"),
    alone("in the course's own folder", {f"checks/{NAME}": FULL}, "but checks"),
    alone("folders thirty deep", {f"{'d/' * 30}{NAME}": FULL}, "more than 20 deep"),
    alone("rich text", {NAME: f"{{\\rtf1 {FULL}}}"}, "is rich text"),
    alone("a PDF called Python", {NAME: b"%PDF-1.7\n\xff"}, "is a PDF"),
    alone("a document called Python", {NAME: b"PK\x03\x04\xff"}, "an office document"),
    alone("a picture called Python", {NAME: b"\x89PNG\r\n\x1a\n"}, "is a picture"),
    alone("text called zip", {"lesson1.zip": FULL}, "not an archive at all"),
    alone("a locked zip", {"hw.zip": locked(zipped({NAME: FULL}))}, "without a password"),
    alone("an empty file", {NAME: ""}, f"there is no code in {NAME}"),
    alone("an empty notebook", {"lesson1.ipynb": notebook()}, "there is no code in"),
    alone("one function in a file of its own", {"hw.py": "def forward(x, w):\n    return x * w\n"},
          f"hw.py defines forward alone: call it {NAME}"),
]  # fmt: skip

WAYS = [*PLATFORMS, *NAMES, *CONTENTS, *HIDDEN]
