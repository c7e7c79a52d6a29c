"""The ways in which students and learning platforms hand in the same work.

Each way writes into an empty folder and says who has to get which points of lesson 1 (of 12), or,
in their place, a piece of the sentence that says why none.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import unicodedata
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


def mailed(files: Files, sender: str = "") -> bytes:
    """An e-mail with attachments."""
    message = EmailMessage()
    if sender:
        message["From"] = sender
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

#: The functions alone, as in the cells of a notebook: L1 and what has functions of the same names.
BARE = FULL.partition("\nif __name__")[0]
NET = solution("lesson4_sigmoid_net").partition("\nif __name__")[0]
NET_BELOW = NET[NET.index("\nimport") :]
DECOMPOSED = unicodedata.normalize("NFD", "Müller")
CONFLICT = f"{STEM} (Anna's conflicted copy 2026-11-01).py"
DRIVE = "20261121T101112Z"
WORK = {"anna": FULL, "ben": HALF}


def worksheets(*cells: str) -> str:
    """A notebook as it was before nbformat 4."""
    code = [{"cell_type": "code", "language": "python", "input": cell} for cell in cells]
    sheets = [{"cells": code[:2]}, {"cells": code[2:]}]
    return json.dumps({"worksheets": sheets, "metadata": {}, "nbformat": 3, "nbformat_minor": 0})


def exported(cells: str) -> str:
    """A page as a notebook is saved to, with an answer below the code."""
    code = cells.replace("&", "&amp;").replace("<", "&lt;")
    return f"<html><p>In [1]:</p><pre><span>{code}</span></pre><pre>tensor(2.)</pre></html>"


#: What editors, browsers and drives make of a file, and how people call what they send again.
ODD = [
    alone("a notebook with a cell that is no Python",
          {"hw.ipynb": notebook(*cut(FULL), "forward(1, 2")}),
    alone("a notebook that writes its file",
          {"hw.ipynb": notebook(f"%%writefile {NAME}\n{FULL}", "!python lesson1_linear.py")}),
    alone("a notebook of an old format", {"hw.ipynb": worksheets(*cut(FULL))}),
    alone("a notebook saved as a page", {"lesson1.html": exported(BARE)}),
    alone("a notebook exported as a script",
          {NAME: f"# In[1]:\n\nget_ipython().system('pip install torch')\n{FULL}"
                 "\nfrom checks import check\ncheck(1, globals())\n"}),
    alone("a notebook of Colab exported as a script",
          {"hw.py": f'"""Automatically generated by Colab."""\n!pip install torch\n{BARE}'
                    "\nforward(torch.tensor(1.0), torch.tensor(2.0))\n"}),
    alone("line ends of old Macs", {"hw.py": FULL.replace("\n", "\r")}),
    alone("backslashes in a zip", {"w.zip": zipped({f"work\\{NAME}": FULL})}),
    alone("lessons with functions of the same names in one file", {"all.py": BARE + NET_BELOW}),
    alone("the same in a notebook", {"all.ipynb": notebook(*cut(FULL), *cut(NET))}),
    alone("two lessons in the name",
          {"lesson1-2.py": FULL + "import" + OTHER.partition("\nimport")[2]}),
    alone("sent again in a folder", {NAME: HALF, f"resubmission/{NAME}": FULL}),
    alone("late in a folder", {NAME: HALF, f"late/{NAME}": FULL}),
    alone("a folder for each version", {f"v1/{NAME}": HALF, f"v2/{NAME}": FULL}),
    alone("a folder for each of ten attempts",
          {f"Attempt 9/{NAME}": HALF, f"Attempt 10/{NAME}": FULL}),
    alone("late by its name", {NAME: HALF, f"{STEM}_LATE.py": FULL}),
    alone("a copy of iCloud", {NAME: HALF, f"{STEM} 2.py": FULL}),
    alone("a conflict of Dropbox beside the stub", {NAME: STUB, CONFLICT: FULL}),
    alone("work in a folder that is called solutions",
          {f"exercises/{NAME}": STUB, f"solutions/{NAME}": HALF}, 9),
    alone("work, and somebody's solution",
          {f"exercises/{NAME}": HALF, f"solutions/{NAME}": FULL}, 9),
    *(alone(f"called {name!r}", {name: FULL})
      for name in (f"{NAME} ", f"{STEM} .py", f"{NAME}.py", f"{STEM},py", f" {NAME}")),
    alone("a shortcut in place of the file", {f"{NAME}.lnk": b"L\0\0\0"}, f"seen: {NAME}.lnk"),
    alone("a link of Google in place of the file", {"lesson1.gdoc": "{}"}, "seen: lesson1.gdoc"),
    way("sakai",
        {"HW1/grades.csv": "x", "HW1/Doe, Jane(jdoe)/comments.txt": "",
         f"HW1/Doe, Jane(jdoe)/Submission attachment(s)/{NAME}": FULL,
         f"HW1/Doe, Jane(jdoe)/Feedback Attachment(s)/{NAME}": STUB,
         f"HW1/Li, Bo(bli)/Submission attachment(s)/{NAME}": HALF},
        {"Doe, Jane(jdoe)": 12, "Li, Bo(bli)": 9}),
    way("google drive, in two zips",
        {f"drive-download-{DRIVE}-001.zip": zipped({f"anna/{NAME}": FULL, f"cleo/{NAME}": FULL}),
         f"drive-download-{DRIVE}-002.zip": zipped({f"ben/{NAME}": HALF})},
        {"anna": 12, "cleo": 12, "ben": 9}),
    way("google classroom, in two zips of loose files",
        {f"HW1-{DRIVE}-001.zip": zipped({f"HW1/Anna Ott - {NAME}": FULL,
                                         f"HW1/Cleo Fox - Copy of {NAME}": FULL}),
         f"HW1-{DRIVE}-002.zip": zipped({f"HW1/Ben Ito - {NAME}": HALF})},
        {"Anna Ott": 12, "Cleo Fox": 12, "Ben Ito": 9}),
    way("onedrive",
        {"OneDrive_1_11-21-2026.zip":
         zipped({f"Homework 1/{who}/{NAME}": text for who, text in WORK.items()})},
        {"anna": 12, "ben": 9}),
    way("a zip in folders around the class",
        {"x.zip": zipped({f"a/b/{who}/{NAME}": text for who, text in WORK.items()})},
        {"anna": 12, "ben": 9}),
    way("the zip of a class and the folder it was unpacked to",
        {"hw.zip": zipped({f"{who}/{NAME}": text for who, text in WORK.items()}),
         **{f"hw/{who}/{NAME}": text for who, text in WORK.items()}}, {"anna": 12, "ben": 9}),
    way("the zip of canvas and the folder it was unpacked to",
        {"submissions.zip": zipped({CANVAS + NAME: FULL}), f"submissions/{CANVAS}{NAME}": FULL},
        {"doejane": 12}),
    way("github classroom, with its grades beside",
        {"hw1-submissions/grades.csv": "x",
         **{f"hw1-submissions/hw1-{who}/exercises/{NAME}": text for who, text in WORK.items()}},
        {"anna": 12, "ben": 9}),
    way("the same name in capitals, with spaces or underscores",
        {"Jane Doe_lesson1.py": FULL, "jane_doe_lesson2.py": OTHER, "bo_lesson1.py": HALF},
        {"Jane Doe": 12, "bo": 9}),
    way("a folder and a zip, the umlaut composed and not",
        {f"{DECOMPOSED}/lesson2_bias.py": OTHER, "Müller.zip": zipped({NAME: FULL}),
         f"bo/{NAME}": HALF}, {"Müller": 12, "bo": 9}),
    way("a folder with a space at the end",
        {f"anna /{NAME}": FULL, "anna.zip": zipped({"lesson2_bias.py": OTHER}),
         f"bo/{NAME}": HALF}, {"anna": 12, "bo": 9}),
    way("downloaded twice by a browser",
        {"anna.zip": zipped({NAME: HALF}), "anna (1).zip": zipped({NAME: FULL}),
         f"bo/{NAME}": HALF}, {"anna": 12, "bo": 9}),
    way("teams by numbers",
        {"lesson1_team-1.py": FULL, "lesson1_team-2.py": HALF, "lesson1 team 3.py": FULL},
        {"team-1": 12, "team-2": 9, "team 3": 12}),
    way("teams by their members", {f"anna+ben/{NAME}": FULL, f"Cleo & Dan/{NAME}": HALF},
        {"anna+ben": 12, "Cleo & Dan": 9}),
    way("a date before the name",
        {"2026-11-01_jane_lesson1.py": FULL, "2026-11-08_jane_lesson2.py": OTHER,
         "2026-11-02 10:11_bo_lesson1.py": HALF}, {"jane": 12, "bo": 9}),
    way("e-mails with the subject as their name",
        {"Homework 1.eml": mailed({NAME: FULL}, "Jane Doe <jane@example.edu>"),
         "Homework 1 (1).eml": mailed({NAME: HALF}, "bo@example.edu")},
        {"Jane Doe": 12, "bo@example.edu": 9}),
    way("e-mails with the subject as their name, and no sender",
        {"Homework 1.eml": mailed({NAME: FULL}), "Homework 1 (1).eml": mailed({NAME: HALF})},
        {"Homework 1": 12, "Homework 1 (1)": 9}),
    way("ids in place of names", {"12345678_lesson1.py": FULL, "jane@x.edu_lesson1.py": HALF},
        {"12345678": 12, "jane@x.edu": 9}),
    way("the results of an earlier run beside the class",
        {f"anna/{NAME}": FULL, f"ben/{NAME}": HALF, "old results/journal.jsonl": "",
         "old results/results/anna.json": "{}"}, {"anna": 12, "ben": 9}),
    way("the versions of one student",
        {"hw1.zip": zipped({f"v1/{NAME}": HALF, f"v2/{NAME}": FULL})}, {"hw1": 12}, "hw1.zip"),
    way("a folder for each lesson, of which one holds one student",
        {"Lesson 1/anna.zip": zipped({NAME: FULL}), "Lesson 1/ben.zip": zipped({NAME: HALF}),
         "Lesson 2/anna.zip": zipped({"lesson2_bias.py": OTHER})}, {"anna": 12, "ben": 9}),
]  # fmt: skip

WAYS = [*PLATFORMS, *NAMES, *CONTENTS, *HIDDEN, *ODD]
