"""Folders and archives are read without being led astray by them."""

from __future__ import annotations

import bz2
import gzip
import os
import random
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.grader.classroom import anatomy, contents
from checks.grader.classroom.contents import Read
from checks.grader.classroom.matching import Code, Match, NoCode
from checks.grader.classroom.submission import Submission, open_submission
from checks.grader.records.course import ROOT, stems
from checks.tests.classes import hand_in
from checks.tests.submissions import solution
from checks.tests.ways import tarred, zipped

STEM = "lesson1_linear"
NOBODY = 65534
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes of POSIX")


def path_of(submission: Submission, stem: str = STEM) -> str | None:
    lesson = submission.lessons[stem]
    return lesson.path if isinstance(lesson, Code) else None


def reason_of(submission: Submission, stem: str = STEM) -> str:
    lesson = submission.lessons[stem]
    assert isinstance(lesson, NoCode), lesson
    return lesson.reason


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.py", "a/../../x.py", "C:\\x.py", "\\\\host\\x.py", "..\\x.py"]
)
def test_an_archive_that_leaves_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{STEM}.py": "1", name: "2"}))
    (tmp_path / "a.tgz").write_bytes(tarred({name: "2", f"{STEM}.py": "1"}))
    for archive in ("a.zip", "a.tgz"):
        submission = open_submission(tmp_path / archive)
        assert "leaves its folder" in reason_of(submission) and not submission.files


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_a_device_in_an_archive_is_not_opened(kind: int, tmp_path: Path) -> None:
    member = zipfile.ZipInfo(f"{STEM}.py")
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert "is a link or a device" in reason_of(open_submission(tmp_path / "a.zip"))


def test_a_link_in_a_tar_file_is_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo(f"{STEM}.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "is a link or a device" in reason_of(open_submission(tmp_path / "a.tar"))


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress])
def test_a_tar_file_that_unpacks_to_too_much_is_refused(
    packed: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MAX_UNPACKED", 4 << 20)
    (tmp_path / "a.tar.gz").write_bytes(packed(bytes(3 << 20)))
    assert "there is nothing in it" in reason_of(open_submission(tmp_path / "a.tar.gz"))
    (tmp_path / "a.tar.gz").write_bytes(packed(bytes(5 << 20)))
    assert "it unpacks to more than 4 MiB" in reason_of(open_submission(tmp_path / "a.tar.gz"))


def test_a_header_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    assert "too large" in reason_of(open_submission(tmp_path / "a.tar"))


def test_a_member_that_unpacks_to_too_much_is_not_read(tmp_path: Path) -> None:
    files = {f"{STEM}.py": "0" * (2 << 20), "b.txt": "0" * (64 << 20)}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    assert "larger than 1 MiB" in reason_of(open_submission(tmp_path / "a.zip"))


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_whose_compression_has_no_bound_is_not_read(kind: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", kind) as archive:
        archive.writestr(f"{STEM}.py", "1")
    assert "not read" in reason_of(open_submission(tmp_path / "a.zip"))


def test_an_archive_that_lies_about_its_sizes_is_not_believed(tmp_path: Path) -> None:
    data = bytearray(zipped({f"{STEM}.py": "0" * (2 << 20)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the size in its directory
    (tmp_path / "a.zip").write_bytes(data)
    submission = open_submission(tmp_path / "a.zip")
    assert "is damaged" in reason_of(submission) and not submission.files


def test_of_two_files_of_one_name_in_an_archive_the_later_is_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning):
        archive.writestr(f"{STEM}.py", "old")
        archive.writestr(f"{STEM}.py", "new")
    assert open_submission(tmp_path / "a.zip").files == {f"{STEM}.py": b"new"}


@pytest.mark.parametrize("cut", [0, 1, 20, 60, 100])
def test_a_damaged_archive_is_refused(cut: int, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{STEM}.py": "1" * 500})[:cut])
    assert "damaged" in reason_of(open_submission(tmp_path / "a.zip"))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_with_any_byte_changed_is_read_or_refused(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    data = pack({f"{STEM}.py": "x = 1\n" * 50, "sub/notes.txt": "x"})
    dice = random.Random(0)
    for _ in range(150):
        changed = bytearray(data)
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (tmp_path / "a.zip").write_bytes(changed)
        assert isinstance(open_submission(tmp_path / "a.zip"), Submission)


def test_file_names_in_archives_may_be_in_any_script(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"Übung 李/{STEM}.py": "1"}))
    assert path_of(open_submission(tmp_path / "a.zip")) == f"Übung 李/{STEM}.py"


@POSIX
def test_links_and_pipes_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    hand_in(outside, "x", lesson2_bias="secret")
    folder = hand_in(tmp_path, "anna")
    (folder / f"{STEM}.py").symlink_to(ROOT / "solutions" / f"{STEM}.py")
    (folder / "sub").symlink_to(outside / "x")
    os.mkfifo(folder / "lesson3_quadratic.py")
    submission = open_submission(folder)
    assert not submission.files
    assert reason_of(submission).startswith(f"{STEM}.py cannot be read")
    assert (
        reason_of(submission, "lesson3_quadratic") == "lesson3_quadratic.py is not a regular file"
    )


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Whoever runs the tests, but as nobody where that is root, who reads everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield
    if is_root:
        os.seteuid(0)


@POSIX
def test_a_folder_that_cannot_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as top:  # pytest's own folders are closed to nobody
        folder = hand_in(Path(top), "anna/work", lesson1_linear=solution(STEM))
        Path(top).chmod(0o755)
        folder.chmod(0)
        with ordinary_user():
            submission = open_submission(Path(top) / "anna")
        folder.chmod(0o700)
    assert "the folder work cannot be read" in reason_of(submission)


def test_the_file_nearest_to_the_top_is_graded_and_the_other_is_named(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna/week 1", lesson1_linear=solution(STEM) + "# first")
    (tmp_path / "anna" / f"{STEM}.py").write_text(solution(STEM), encoding="utf-8")
    submission = open_submission(tmp_path / "anna")
    assert path_of(submission) == f"{STEM}.py"
    assert submission.notes == (
        "lesson 1 is the course's own solution, word for word",
        f"lesson 1: {STEM}.py was graded, the nearest to the top of 2; not week 1/{STEM}.py",
    )


def test_a_digest_tells_contents_apart() -> None:
    submissions = [
        Submission({"a": b"1"}),
        Submission({"a": b"2"}),
        Submission({"b": b"1"}),
        Submission({"a": b"", "b": b"1"}),
        Submission(lessons={STEM: NoCode("why")}),
        Submission(lessons={STEM: Code("why", "")}),
        Submission({f"{STEM}.py": b"1"}),
    ]
    assert len({submission.digest for submission in submissions}) == len(submissions)


def test_of_the_course_in_one_file_every_lesson_gets_its_own_functions() -> None:
    whole = "\n\n".join(solution(stem).partition("\nif __name__")[0] for stem in stems())
    for stem, lesson in Submission({"all.py": whole.encode()}).lessons.items():
        assert isinstance(lesson, Code)
        own = {piece.name: piece.source for piece in anatomy.pieces(solution(stem))}
        graded = {piece.name: piece.source for piece in anatomy.pieces(lesson.text)}
        assert {name: graded[name] for name in anatomy.lessons()[stem]} == {
            name: own[name] for name in anatomy.lessons()[stem]
        }


def test_a_function_that_stands_in_another_file_of_the_lesson_is_named() -> None:
    first, _, last = solution(STEM).partition("def grad_by_hand")
    files = {"lesson1_b.py": f"def grad_by_hand{last}".encode(), "lesson1_a.py": first.encode()}
    assert (
        "lesson 1: lesson1_a.py has forward, loss, multiply_backward, which lesson1_b.py lacks"
        in Match([Read(*file) for file in files.items()], [STEM]).run().notes
    )
