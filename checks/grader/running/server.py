"""Processes for student code: forked in milliseconds from a server that has torch loaded.

The judge starts the server before it computes any expected value, so no child can find one in its
memory. Each child is its own process group and is ended as a group, with everything that it left
behind. Where the system has no safe fork (Windows, macOS), every child is a fresh process that
speaks the same protocol.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import os
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from checks.grader.records.closing import Closing
from checks.grader.records.course import ROOT
from checks.grader.records.misuse import Misuse
from checks.grader.records.observation import Observation
from checks.grader.running import messages, privilege
from checks.grader.running.inside import worker
from checks.grader.running.messages import Calls, Import, Request
from checks.grader.running.takings import free_on, takes_too_much

#: A request: what is wanted, its number, a process. The reply: that number, a process.
REQUEST, REPLY = struct.Struct("<cIi"), struct.Struct("<Ii")
CHILD, SERVER, KILL, PING = b"F", b"S", b"K", b"P"
START_UP = 60.0  # seconds for a process to be there: importing torch from a cold disk takes long
STALLED = 20.0  # seconds after which a server that was there once is given up
Confine = Callable[[Import], None]
Way = Literal["fork", "exec", "fresh", "other"]
#: What a server that confines its children keeps of the environment.
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
#: Modules of the course that hold expected values, or lead to them.
TRUTH = ("checks.lesson", "checks.grader.language", "checks.grader.grading")
ATTEMPTS = 3
LOOK = 0.1  # seconds between two looks at what children take that the kernel does not bound
PARENT_DEATH, SUBREAPER = 1, 36  # options of prctl


class TruthLoaded(Exception):
    """A process knows expected values, and is not to run, or to fork, student code."""


class Child(Closing):
    """The judge's end of one process that runs student code."""

    def __init__(self, sock: socket.socket, end: Callable[[], None]) -> None:
        self._sock = sock
        self._end = end
        self._nonce = ""
        self._open = True

    def send(self, what: Import | Calls, seconds: float = 0.0) -> None:
        """Send a request. A process that is gone shows when its answer is read.

        seconds   when the process tells what has been printed so far; 0 for never
        """
        self._nonce = secrets.token_hex(8)
        self._sock.settimeout(START_UP)
        with contextlib.suppress(OSError):
            messages.ask(self._sock, Request(self._nonce, seconds, what))

    def receive(self, deadline: float) -> Observation:
        """One answer to the last request. Raises frames.Late or frames.Broken."""
        return messages.answered(self._sock, self._nonce, deadline)

    def ready(self, seconds: float) -> bool:
        """Whether something of an answer has come within so many seconds."""
        return bool(select.select([self._sock], [], [], seconds)[0])

    def close(self) -> None:
        """End the process and everything in its group."""
        if self._open:
            self._open = False
            self._end()
            self._sock.close()


class Server(Closing):
    """Starts children. `way` says how; by default a fork of this process on Linux.

    confine   called once in the server; what it returns is called in each child before the
              student's code, with the job
    folder    where the judge keeps what is temporary; the server removes it at its own end, which
              comes even if the judge is killed

    A server that is gone, or does not answer, is replaced. Raises Misuse where none can be had.
    """

    def __init__(
        self,
        way: Way | None = None,
        confine: Callable[[], Confine] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._way: Way = way or _best_way()
        self._confine = confine
        self._folder = folder
        self._sock: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], None] | None = None
        self._number = 0
        self._patience = START_UP
        self.pid = 0
        if self._way == "fork":
            self._fork()
        elif self._way == "exec":
            self._exec()

    @property
    def is_fresh(self) -> bool:
        """Whether every child imports torch anew."""
        return self._way == "fresh"

    def child(self, job: Import, seconds: float = 0.0) -> Child:
        """A process that has been told to import the job's text; receive() waits for it."""
        ours, theirs = socket.socketpair()
        with theirs:
            end = self._fresh_child(theirs) if self.is_fresh else self._forked_child(theirs)
        child = Child(ours, end)
        child.send(replace(job, hide=("", ".", str(ROOT), str(Path.cwd()))), seconds)
        return child

    def another(self) -> Server:
        """A new server in which nothing has run yet: a second opinion. It leaves the folder."""
        if self.is_fresh:
            return Server("fresh")
        ours, theirs = socket.socketpair()
        other = Server.__new__(Server)
        other.__dict__.update(self.__dict__, _way="other", _sock=ours, _process=None, _number=0)
        with theirs:
            other.pid = self._started(SERVER, theirs)
        other._end = partial(self._end_forked, self._sock, other.pid)
        return other

    def answers(self) -> bool:
        """Whether the server is there and well; if not, its children's ends are not their own."""
        if self.is_fresh:
            return True
        with contextlib.suppress(OSError):
            self._ask(PING)
            return True
        return False

    def close(self) -> None:
        """End the server; it ends its children."""
        if self._sock is None:
            return
        self._sock.close()
        self._sock = None
        if self._end is not None:
            self._end()
            return
        try:
            self._wait(STALLED)
        except subprocess.TimeoutExpired:
            self._give_up()
        privilege.remove_process_group(self.pid)

    def _give_up(self) -> None:
        """End a server that does not answer, and what it has started, without its help."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self.pid <= 0:  # 0 would be everybody in this process's group
            return
        for pid in (*_descendants(self.pid), self.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(STALLED)
        privilege.remove_process_group(self.pid)

    def _wait(self, seconds: float) -> None:
        if self._process is not None:
            self._process.wait(seconds)
            return
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ChildProcessError):  # one that another server has forked
            while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired("server", seconds)
                time.sleep(0.001)

    def _fork(self) -> None:
        _hold_no_truth()
        worker.prepare()
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _be_server(theirs, self._confine() if self._confine else None, self._folder)
        theirs.close()
        self._sock = ours

    def _exec(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "checks.grader.running", str(theirs.fileno())]
        command.append(str(self._folder or ""))
        environment = dict(os.environ)
        if self._confine is not None:
            command.append(f"{self._confine.__module__}:{self._confine.__qualname__}")
            environment = {name: os.environ[name] for name in KEPT if name in os.environ}
            environment["PYTHONHASHSEED"] = "0"  # the same messages on every run
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=environment | {"OMP_NUM_THREADS": "1"},
            )
        self.pid = self._process.pid
        self._sock = ours
        self._patience = START_UP

    def _forked_child(self, theirs: socket.socket) -> Callable[[], None]:
        pid = self._started(CHILD, theirs)
        return partial(self._end_forked, self._sock, pid)

    def _end_forked(self, own: socket.socket | None, pid: int) -> None:
        """End what this server has forked; if it was replaced since, that is done."""
        if self._sock is not own:
            return
        try:
            self._ask(KILL, pid)
        except OSError:
            self._give_up()

    def _started(self, kind: bytes, theirs: socket.socket) -> int:
        """A process that the server has forked. A server that is gone is replaced. Raises Misuse.

        The new server is no fork of this process, which knows expected values by now.
        """
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                if self._sock is None and self._way == "other":
                    break
                if self._sock is None:
                    self._exec()
                return self._ask(kind, 0, theirs.fileno())
            except OSError as error:
                problem = str(error)
                self._give_up()
        raise Misuse(f"no process for submissions could be started ({problem})")

    def _ask(self, kind: bytes, pid: int = 0, *fds: int) -> int:
        """One reply of the server. Replies to earlier requests, which came too late, are passed
        over. Raises OSError."""
        if self._sock is None:
            raise OSError("no server")
        self._number += 1
        self._sock.settimeout(self._patience)
        socket.send_fds(self._sock, [REQUEST.pack(kind, self._number, pid)], list(fds))
        while True:
            reply = self._sock.recv(REPLY.size, socket.MSG_WAITALL)
            if len(reply) != REPLY.size:
                raise OSError("the server ended")
            number, value = REPLY.unpack(reply)
            if number == self._number:
                self._patience = STALLED
                if value < 0:
                    raise OSError(-value, os.strerror(-value))
                return int(value)

    def _fresh_child(self, theirs: socket.socket) -> Callable[[], None]:
        """A process of its own. Windows hands sockets over as bytes, POSIX as descriptors."""
        share: Callable[[int], bytes] | None = getattr(theirs, "share", None)
        how = ["share"] if share else [str(theirs.fileno()), "one"]
        process = subprocess.Popen(
            [sys.executable, "-m", "checks.grader.running", *how],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            pass_fds=() if share else (theirs.fileno(),),
            start_new_session=share is None,
        )
        assert process.stdin is not None
        if share:
            process.stdin.write(share(process.pid))
        process.stdin.close()

        def end() -> None:
            if not share:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()

        return end


def _be_server(sock: socket.socket, confine: Confine | None, folder: Path | None) -> None:
    """Fork children on request until the judge is gone. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the judge, who then closes
    _control(SUBREAPER, 1)
    gc.freeze()
    _serve_forks(sock, confine, folder)
    if folder is not None:
        remove(folder)
    os._exit(0)


def _truth_loaded() -> list[str]:
    """Modules in this process whose memory may hold an expected value."""
    return [name for name in sys.modules if name.startswith(TRUTH)]


def _best_way() -> Way:
    """A fork of this process, which has torch loaded; a fresh one if this one knows the truth."""
    if sys.platform != "linux":
        return "fresh"
    return "exec" if _truth_loaded() else "fork"


def _hold_no_truth() -> None:
    """Refuse to fork children that could find an expected value in their memory.

    Raises TruthLoaded.
    """
    found = _truth_loaded()
    if found:
        raise TruthLoaded(f"the server has loaded {found[0]}: start it before the judge")


def _serve_forks(sock: socket.socket, confine: Confine | None, folder: Path | None) -> None:
    """Answer requests until the judge closes. The children are then gone.

    servers   those that were forked for a second opinion; they watch over children of their own
    """
    children: set[int] = set()
    servers: set[int] = set()
    free = 0
    while True:
        watched = bool(children) and folder is not None
        if not select.select([sock], [], [], LOOK if watched else None)[0]:
            if folder is not None and takes_too_much(folder, children, free):
                while children:
                    _kill(children.pop())
            continue
        try:
            message, fds, _, _ = socket.recv_fds(sock, REQUEST.size, 1)
        except OSError:
            message, fds = b"", []
        if len(message) != REQUEST.size:
            for pid in children | servers:
                _kill(pid)
            _kill_adopted(set())
            return
        kind, number, pid = REQUEST.unpack(message)
        if kind in (CHILD, SERVER):
            if folder is not None and not children:
                free = free_on(folder)
            pid = _forked(kind, sock, fds[0], confine, folder)
            if pid > 0:
                (children if kind == CHILD else servers).add(pid)
        elif kind == KILL and pid in children | servers:
            children.discard(pid)
            servers.discard(pid)
            _kill(pid)
            _kill_adopted(children | servers)
        with contextlib.suppress(OSError):
            sock.sendall(REPLY.pack(number, pid))


def _forked(
    kind: bytes, sock: socket.socket, fd: int, confine: Confine | None, folder: Path | None
) -> int:
    """The number of a new child, or of a server that is one; below 0 what the system said."""
    try:
        pid = os.fork()
    except OSError as error:
        os.close(fd)
        return -(error.errno or errno.EAGAIN)
    if pid == 0:
        sock.close()
        if kind == CHILD:
            _be_child(fd, confine)
        try:
            os.setsid()
            _control(PARENT_DEATH, signal.SIGKILL)
            _control(SUBREAPER, 1)
            _serve_forks(socket.socket(fileno=fd), confine, folder)
        finally:
            os._exit(0)
    os.close(fd)
    return pid


def _kill(pid: int) -> None:
    """End a child and its group; it has not been waited for, so the number is still its own."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _kill_adopted(own: Set[int]) -> None:
    """End what children left behind in groups of their own: all of it has come to the server."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            adopted = set(map(int, listing.read_text().split())) - own
        except OSError:  # not Linux
            return
        if not adopted:
            return
        for pid in adopted:
            _kill(pid)


def _descendants(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        listing = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [own for child in map(int, listing.split()) for own in (child, *_descendants(child))]


def _control(option: int, value: int) -> None:
    """prctl, where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _be_child(fd: int, confine: Confine | None) -> None:
    """Become a process that runs student code. Never returns."""
    try:
        os.setsid()
        _control(PARENT_DEATH, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        keep = os.dup2(fd, 3) if fd != 3 else fd
        os.closerange(keep + 1, 1024)
        with socket.socket(fileno=keep) as sock:
            worker.serve(sock, confine)
    finally:
        os._exit(0)


def remove(folder: Path) -> None:
    """Delete a folder that students' code wrote to: nested too deep, or closed to reading."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        if sys.platform != "win32":
            for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
                subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)


def main(arguments: list[str]) -> None:
    """`python -m checks.grader.running` FD FOLDER [CONFINE], FD one, or share (Windows)."""
    _hold_no_truth()
    worker.prepare()
    if arguments == ["share"]:
        handed = socket.fromshare(sys.stdin.buffer.read())  # type: ignore[attr-defined,unused-ignore]
        worker.serve(handed, None)
    elif arguments[1:] == ["one"]:
        worker.serve(socket.socket(fileno=int(arguments[0])), None)
    else:
        confine = None
        if len(arguments) > 2:
            module, _, name = arguments[2].partition(":")
            confine = getattr(__import__(module, fromlist=[name]), name)()
        folder = Path(arguments[1]) if arguments[1] else None
        _be_server(socket.socket(fileno=int(arguments[0])), confine, folder)
    os._exit(0)
