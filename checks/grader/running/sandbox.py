"""What a process with a student's code may do, told to the Linux kernel. No root, no container.

Limits bound memory, processor time, files and processes. Landlock leaves it the Python installation
to read and one folder of its own to write. A list of allowed system calls leaves it no network, no
other process and no signal to anybody. All three are inherited and cannot be taken back.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.grader.records.course import ROOT
from checks.grader.running import privilege

if TYPE_CHECKING:
    from checks.grader.running.messages import Import
    from checks.grader.running.server import Confine

GIB = 1 << 30
#: How often a list of system calls is tried where whoever tries it is killed.
TRIES = 3
#: Processes and threads of the whole user, which is what the kernel counts. Where no process can be
#: started anyway, threads are counted by the server: a low bound would hit the neighbour as well.
FEW, MANY = 512, 8192
#: Beside the Python installation: the libraries that its extension modules load, and randomness.
SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    *("/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom"),
)
#: What a student never reads, wherever the course is installed.
HIDDEN = tuple(ROOT / name for name in ("checks", "solutions", "exercises", "data"))

#: What Python and PyTorch need. Everything else fails with "operation not permitted".
CALLS = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev lseek close
    open openat stat fstat lstat newfstatat statx access faccessat faccessat2 getdents getdents64
    getcwd chdir fchdir readlink readlinkat dup dup2 dup3 fsync fdatasync ftruncate
    fadvise64 mkdir mkdirat rmdir unlink unlinkat rename renameat statfs fstatfs pipe pipe2
    mmap munmap mremap mprotect brk mincore msync membarrier rseq
    set_robust_list get_robust_list futex futex_waitv set_tid_address arch_prctl
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage
    setitimer getitimer alarm pause
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait sigaltstack
    restart_syscall getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid
    getgroups getpgrp getpgid getsid getrlimit sched_yield sched_getaffinity getcpu getrandom
    uname sysinfo exit exit_group
    sendto recvfrom shutdown getsockopt getsockname getpeername
    poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
"""
CLONE_THREAD = 0x10000
#: What the C library and allocators tell the kernel of their own memory; nothing that is shared.
ADVICE = (0, 1, 2, 3, 4, 8, 14, 15, 16, 17, 102, 103)
TERMINAL, CLOSE_ON_EXEC, NON_BLOCKING = (0x5401, 0x5413), (0x5450, 0x5451), (0x5421,)
SET_NAME, GET_NAME = 15, 16  # options of prctl


@dataclass(frozen=True)
class Isolation:
    """What kept submissions apart from the machine, as far as it was tried.

    lacking  what the machine does not offer
    tried    how many trial attacks were made
    open     those that were not refused
    """

    lacking: tuple[str, ...] = ()
    tried: int = 0
    open: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.tried > 0 and not self.lacking and not self.open

    @property
    def sentence(self) -> str:
        """For whoever hands out points."""
        if self.holds:
            return f"Isolation held: all {self.tried} trial attacks were refused."
        reasons = [f"this machine lacks {'; '.join(self.lacking)}"] if self.lacking else []
        if self.open:
            done = ", ".join(self.open)
            reasons.append(f"of {self.tried} trial attacks these were not refused: {done}")
        return f"Weak isolation: {'; '.join(reasons) or 'it was switched off'}."


def lacking() -> tuple[str, ...]:
    """What this machine does not offer, one phrase each; () where everything is there."""
    if sys.platform != "linux":
        return (f"on {sys.platform} the kernel gives no isolation; use Linux",)
    missing = []
    if importlib.util.find_spec("landlock") is None:
        missing.append("the package landlock (pip install -e '.[classroom]')")
    elif not _has_landlock():
        missing.append("Landlock in this kernel (Linux 5.13 or newer, switched on)")
    if importlib.util.find_spec("pyseccomp") is None:
        missing.append("the package pyseccomp (pip install -e '.[classroom]')")
    elif not _has_seccomp():
        missing.append("the system library libseccomp")
    return tuple(missing)


def build() -> Confine:
    """Prepare in the server what its children do to themselves. Takes what the machine has."""
    modules = (os, ctypes, *(sys.modules[name] for name in _loaded()))
    user = privilege.another_user(*(module.__file__ for module in modules))
    privilege.join_process_group()
    calls = _allowed_calls() if _has_seccomp() else None
    if calls is not None and not _loads(calls):
        calls = None  # a container may forbid it; then a trial of the sandbox fails
    readable = sorted(_readable(), key=str) if _has_landlock() else None
    limits = _limits(_address_space() + _memory(), MANY if calls is not None else FEW)
    from resource import setrlimit  # here, so that no child imports it

    def confine(job: Import) -> None:
        room = job.room
        privilege.yield_to_others()
        os.chdir(room)
        _clear_environment(room)
        for kind, bound in limits:
            setrlimit(kind, (bound, bound))
        if readable is not None:
            _allow_files(readable, room)
        privilege.give_up(user, room)
        if calls is not None:
            calls.load()

    return confine


def _clear_environment(room: str) -> None:
    """Nothing of the instructor's; a home where matplotlib, say, may keep its cache."""
    os.environ.clear()
    os.environ.update(
        HOME=room, TMPDIR=room, MPLCONFIGDIR=room, MPLBACKEND="Agg", OMP_NUM_THREADS="1"
    )
    tempfile.tempdir = None
    sys.dont_write_bytecode = True


def _memory() -> int:
    """How many bytes student code may take: a sixth of what there is, so that a small machine has
    enough for two submissions and two judges, and never more than 1 GiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(file).read_text()))
    return max(GIB // 4, min(GIB, total // 6))


def _limits(memory: int, processes: int) -> list[tuple[int, int]]:
    """What is bounded, and by how much; never more than is allowed already."""
    import resource

    bounds = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: 600,  # a last resort: the judge's time limit comes long before
        resource.RLIMIT_FSIZE: 4 << 20,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: processes,
    }
    hard = {kind: resource.getrlimit(kind)[1] for kind in bounds}
    unlimited = resource.RLIM_INFINITY
    return [(k, b if hard[k] == unlimited else min(b, hard[k])) for k, b in bounds.items()]


def _address_space() -> int:
    """Bytes of address space that this process has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _has_landlock() -> bool:
    with contextlib.suppress(ImportError, OSError):
        import landlock

        return bool(landlock.landlock_abi_version() >= 1)
    return False


def _has_seccomp() -> bool:
    with contextlib.suppress(ImportError, OSError, RuntimeError):  # RuntimeError: no libseccomp
        import pyseccomp

        return bool(pyseccomp.get_api() >= 1)
    return False


def _loads(calls: Any) -> bool:
    """Whether this kernel takes the list; tried by a process that is then gone, and by another
    where somebody has killed it: that says nothing of the kernel."""
    for _ in range(TRIES):
        pid = os.fork()
        if pid == 0:
            try:
                calls.load()
            except BaseException:
                os._exit(1)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSIGNALED(status):
            return status == 0
    return False


def _allow_files(readable: list[tuple[Path, bool]], room: str) -> None:
    """Landlock: read the given paths (only list them where the flag is off), write the room."""
    from landlock import FSAccess, Ruleset

    ctypes.set_errno(0)  # the package takes a stale error for its own
    rules = Ruleset()
    folder, file = FSAccess.READ_DIR, FSAccess.READ_FILE
    for path, whole in readable:
        access = (folder | file if whole else folder) if path.is_dir() else file
        rules.allow(path, rules=access)
    room_access = folder | file | FSAccess.WRITE_FILE | FSAccess.MAKE_REG | FSAccess.REMOVE_FILE
    room_access |= FSAccess.MAKE_DIR | FSAccess.REMOVE_DIR  # torch.func makes one in PyTorch 2.6
    rules.allow(room, rules=room_access | (FSAccess.all() & FSAccess.TRUNCATE))
    rules.apply()


def _readable() -> Iterator[tuple[Path, bool]]:
    """The paths of the Python installation and whether all of it may be read, or only its list."""
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")}
    installed |= {sysconfig.get_path("platlib"), sysconfig.get_config_var("LIBDIR")}
    installed |= {str(Path(sys.modules[name].__file__ or "").parents[1]) for name in _loaded()}
    for path in sorted({Path(name).resolve() for name in (*installed, *SYSTEM) if name}):
        if path.exists():
            yield from _without_hidden(path)


def _loaded() -> list[str]:
    return [name for name in ("torch", "numpy") if name in sys.modules]


def _without_hidden(path: Path) -> Iterator[tuple[Path, bool]]:
    """The path as a whole, or in pieces where a part of the course lies beneath it."""
    if path in HIDDEN:
        return
    if not any(path in hidden.parents for hidden in HIDDEN):
        yield path, True
        return
    yield path, False
    for child in path.iterdir():
        yield from _without_hidden(child)


def _allowed_calls() -> Any:
    """seccomp: a list of what is allowed. A list of what is forbidden always misses something."""
    import errno

    import pyseccomp

    filter = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))

    def allow(call: str, *conditions: Any) -> None:
        with contextlib.suppress(OSError):  # not every processor has every call
            filter.add_rule(pyseccomp.ALLOW, call, *conditions)

    def equal(argument: int, value: int) -> Any:
        return pyseccomp.Arg(argument, pyseccomp.EQ, value)

    for call in CALLS.split():
        allow(call)
    allow("clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD))
    filter.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # the C library then uses clone
    for command in (*TERMINAL, *CLOSE_ON_EXEC, *NON_BLOCKING):
        allow("ioctl", equal(1, command))
    for command in (0, 1, 2, 3, 4, 1030):  # duplicate, flags, status; no owner, no signals
        allow("fcntl", equal(1, command))
    for option in (SET_NAME, GET_NAME):
        allow("prctl", equal(0, option))
    for advice in ADVICE:
        allow("madvise", equal(2, advice))
    for flag in (0, 1):  # not RENAME_WHITEOUT, which makes a device
        allow("renameat2", equal(4, flag))
    allow("prlimit64", equal(0, 0), equal(2, 0))  # read one's own limits
    allow("sched_getparam", equal(0, 0))
    return filter
