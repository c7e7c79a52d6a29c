"""A handful of attacks that a sandbox must withstand before it is trusted with a class."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from checks.grader.records.course import ROOT
from checks.grader.running import frames
from checks.grader.running.server import START_UP, Child, Server

#: What is tried, and a program that ends without an exception only if it could be done.
ATTACKS = {
    "reading the checks": "open({root!r} + '/checks/grader/grading/judge.py').read()",
    "listing the course": "import os; os.listdir({root!r})",
    "reading the system's users": "open('/etc/passwd').read()",
    "writing outside its folder": "open({room!r} + '/../written', 'w').close()",
    "leaving its folder": "import os; os.chdir({room!r}); os.rename('lesson.py', '../lesson.py')",
    "opening a socket": "import socket; socket.socket()",
    "starting a program": "import subprocess; subprocess.run(['true'])",
    "starting a process": "import os; os.fork() or os._exit(0)",
    "stopping its parent": "import os; os.kill(os.getppid(), 0)",
    "looking into its parent": "import os; open('/proc/%d/mem' % os.getppid(), 'rb').read(1)",
    "taking 4 GiB": "bytearray(4 << 30)",
    "changing permissions": "import os; os.chmod({room!r}, 0o500)",
}


def succeeding(server: Server, room: Path) -> list[str]:
    """The names of the attacks that succeed from a child of this server. Empty is good."""
    with ExitStack() as stack:
        children = [
            stack.enter_context(server.child(_job(what, room / str(i))))
            for i, what in enumerate(ATTACKS)
        ]
        return [
            what for what, child in zip(ATTACKS, children, strict=True) if not _was_refused(child)
        ]


def _job(what: str, room: Path) -> dict[str, Any]:
    room.mkdir(mode=0o700)
    (room / "lesson.py").touch()
    source = ATTACKS[what].format(root=str(ROOT), room=str(room))
    path = str(room / "lesson.py")
    return {"stem": "lesson", "path": path, "source": source, "device": "cpu", "room": str(room)}


def _was_refused(child: Child) -> bool:
    """Anything but a clear refusal counts as success."""
    try:
        header, _ = child.receive(time.monotonic() + START_UP)
    except (frames.Broken, frames.Late):
        return False
    refusals = ("PermissionError", "MemoryError", "BlockingIOError")
    return header.get("outcome") == "raised" and header.get("type") in refusals
