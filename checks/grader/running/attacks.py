"""A handful of attacks that a sandbox must withstand before it is trusted with a class."""

from __future__ import annotations

import time
from pathlib import Path

from checks.grader.records.course import ROOT
from checks.grader.running import frames
from checks.grader.running.messages import Calls, Import
from checks.grader.running.server import START_UP, Server

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
    "taking 4 GiB": "bytes(4 << 30)",
    "changing permissions": "import os; os.chmod({room!r}, 0o500)",
}

REFUSALS = ("PermissionError", "MemoryError", "BlockingIOError")


def succeeding(server: Server, room: Path) -> list[str]:
    """The names of the attacks that succeed from a child of this server. Empty is good."""
    done = []
    left = list(ATTACKS)
    while left:
        refused = _refused(server, left, room / str(len(left)))
        done += [what for what, held in zip(left, refused, strict=False) if not held]
        left = left[len(refused) :]
    return done


def _refused(server: Server, attacks: list[str], room: Path) -> list[bool]:
    """Whether each attack was refused, made one after the other by one child.

    Anything but a clear refusal counts as success. The list ends with the one that ended the child.
    """
    room.mkdir(mode=0o700)
    (room / "lesson.py").touch()
    places = {"root": str(ROOT), "room": str(room)}
    source = "".join(
        f"def attack{i}():\n    {ATTACKS[what].format(**places)}\n"
        for i, what in enumerate(attacks)
    )
    refused = []
    with server.child(Import("lesson", str(room / "lesson.py"), source, room=str(room))) as child:
        try:
            child.receive(time.monotonic() + START_UP)
            for i in range(len(attacks)):
                child.send(Calls(f"attack{i}", ((),)))
                seen = child.receive(time.monotonic() + START_UP)
                refused.append(seen.outcome == "raised" and seen.error_type in REFUSALS)
        except (frames.Broken, frames.Late):
            refused.append(False)
    return refused
