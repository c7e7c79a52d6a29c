"""What `make` asks of pip: a PyTorch without CUDA first, the default index as the way out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from checks.grader.records.course import ROOT

#: Stands in for python3: its venv holds a python that notes what pip is asked for.
STAND_IN = """#!/bin/sh
[ "$2" = venv ] || exit 1
mkdir -p "$3/bin"
cat > "$3/bin/python" <<'END'
#!/bin/sh
echo "$@" >> asked.txt
case "$*" in *--index-url*) exit {status} ;; esac
END
chmod +x "$3/bin/python"
"""

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or not Path("/proc").is_dir(), reason="needs make, on Linux"
)


def set_up(folder: Path, *variables: str, reached: bool = True) -> tuple[list[str], str]:
    """What pip was asked for, call by call, and what was said."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = folder / "python3"
    python.write_text(STAND_IN.replace("{status}", "0" if reached else "1"), encoding="utf-8")
    python.chmod(0o755)
    command = ["make", ".venv/.student", f"PYTHON={python}", *variables]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=True)
    return (folder / "asked.txt").read_text(encoding="utf-8").splitlines(), done.stdout


def test_the_build_without_cuda_is_asked_for_first(tmp_path: Path) -> None:
    asked, said = set_up(tmp_path)
    assert "--index-url https://download.pytorch.org/whl/cpu torch==2." in asked[0]
    assert "the build without CUDA" in said


def test_the_course_itself_comes_from_the_default_index(tmp_path: Path) -> None:
    asked, _ = set_up(tmp_path)
    assert len(asked) == 2
    assert "--index-url" not in asked[1] and asked[1].endswith("-e .")


def test_the_default_index_is_the_way_out_and_it_is_said(tmp_path: Path) -> None:
    asked, said = set_up(tmp_path, reached=False)
    assert "torch==2." in asked[1] and "--index-url" not in asked[1]
    assert "cannot be reached, so from the default index" in said


def test_a_torch_that_was_chosen_is_taken_from_the_default_index(tmp_path: Path) -> None:
    asked, said = set_up(tmp_path, "TORCH=torch")
    assert len(asked) == 1 and " torch -e ." in asked[0]
    assert "CUDA" not in said
