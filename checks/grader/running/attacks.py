"""A handful of attacks that a sandbox must withstand before it is trusted with a class."""

from __future__ import annotations

import time
from pathlib import Path

from checks.grader.records.course import ROOT
from checks.grader.running import frames
from checks.grader.running.server import Server

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
    return [what for what in ATTACKS if _succeeds(server, room, what)]


def _succeeds(server: Server, room: Path, what: str) -> bool:
    """Anything but a clear refusal counts as success."""
    (room / "lesson.py").touch()
    source = ATTACKS[what].format(root=str(ROOT), room=str(room))
    job = {"stem": "lesson", "path": str(room / "lesson.py"), "source": source}
    with server.child(job | {"device": "cpu", "room": str(room)}) as child:
        try:
            header, _ = child.receive(time.monotonic() + 60.0)
        except (frames.Broken, frames.Late):
            return True
    refusals = ("PermissionError", "MemoryError", "BlockingIOError")
    return header.get("outcome") != "raised" or header.get("type") not in refusals
