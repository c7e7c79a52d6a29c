"""What a process with a student's code gives up: the powers of root, and its turn.

All of it is inherited by what it starts and cannot be taken back. Nothing here needs root; root has
more to lose.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

NICE = 5
#: User numbers that belong to nobody; systemd gives them to services that need one for a while.
USERS = range(61_184, 65_520)
MAX_TASKS = 192  # threads and processes of one server's children, where the kernel counts them
BOUNDING_DROP, PARENT_DEATH, KILL = 24, 1, 9
CAPABILITIES = 41
VERSION_3 = 0x20080522  # of the capability interface


def another_user(*needed: str | None) -> int | None:
    """A user number under which this Python can be read as well; None unless we are root.

    Then files of root are safe even without Landlock, and the kernel counts threads per number.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    user = USERS[os.getpid() % len(USERS)]
    pid = os.fork()
    if pid == 0:
        try:
            _become(user)
            readable = all(os.access(path, os.R_OK) for path in needed if path)
            os._exit(0 if readable else 1)
        finally:
            os._exit(1)
    return user if os.waitpid(pid, 0)[1] == 0 else None


def join_process_group() -> None:
    """Bound the threads of this process and all that it starts by a cgroup, where one can be made.

    Once for a server and not for each child: joining one takes the kernel longer than a fork.
    """
    for group in _groups(os.getpid()):
        with contextlib.suppress(OSError):
            _remove_stale(group.parent)
            group.mkdir()
            try:
                (group / "pids.max").write_text(str(MAX_TASKS))
                (group / "cgroup.procs").write_text("0")
                return
            except OSError:
                group.rmdir()


def remove_process_group(pid: int) -> None:
    """Remove what a server joined that has ended."""
    for group in _groups(pid):
        with contextlib.suppress(OSError):
            group.rmdir()


def _groups(pid: int) -> list[Path]:
    """Where a process may have a group: the two versions of the kernel's interface."""
    return [Path("/sys/fs/cgroup/pids") / f"checks-{pid}", Path("/sys/fs/cgroup") / f"checks-{pid}"]


def yield_to_others() -> None:
    """Last in turn for the processor, first to go when memory ends."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def give_up(user: int | None, room: str) -> None:
    """Become nobody where that is possible, and drop every capability."""
    if user is not None:
        for folder, folders, files in os.walk(room):
            for name in (".", *folders, *files):
                os.chown(os.path.join(folder, name), user, user, follow_symlinks=False)
        _become(user)
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(CAPABILITIES):
        libc.prctl(BOUNDING_DROP, number, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())
    libc.prctl(PARENT_DEATH, KILL, 0, 0, 0)  # a change of user has cleared it


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _remove_stale(root: Path) -> None:
    """Groups of servers that were killed; one that still has processes stays."""
    for group in root.glob("checks-*"):
        if not Path(f"/proc/{group.name.rpartition('-')[2]}").exists():
            with contextlib.suppress(OSError):
                group.rmdir()
