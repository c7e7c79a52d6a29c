"""Processes for student code: forked in milliseconds from a server that has torch loaded.

The judge starts the server before it computes any expected value, so no child can find one in its
memory. Each child is its own process group and is ended as a group, with everything that it left
behind. Where the system has no safe fork (Windows, macOS), every child is a fresh process that
speaks the same protocol.
"""

from __future__ import annotations

import contextlib
import ctypes
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
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from checks.grader.records.course import ROOT
from checks.grader.running import frames
from checks.grader.running.inside import worker

PID = struct.Struct("<i")
START_UP = 60.0  # seconds for a process to be there: importing torch from a cold disk takes long
Confine = Callable[[Mapping[str, Any]], None]
Way = Literal["fork", "exec", "fresh"]
#: What a server that confines its children keeps of the environment.
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
LOOK = 0.2  # seconds between two looks at how much is in the folder
MAX_WRITTEN = 64 << 20  # bytes
MAX_FILES = 2_000
PARENT_DEATH, SUBREAPER = 1, 36  # options of prctl


class Child:
    """The judge's end of one process that runs student code."""

    def __init__(self, sock: socket.socket, end: Callable[[], None], nonce: str) -> None:
        self._sock = sock
        self._end = end
        self._nonce = nonce
        self._open = True

    def send(self, header: dict[str, Any], body: bytes | bytearray = b"") -> None:
        """Send a request. A process that is gone shows when its answer is read."""
        self._nonce = secrets.token_hex(8)
        self._sock.settimeout(START_UP)
        with contextlib.suppress(OSError):
            frames.write(self._sock, header | {"nonce": self._nonce}, body)

    def receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        """One answer to the last request. Raises frames.Late or frames.Broken."""
        header, body = frames.read(self._sock, deadline)
        if header.get("nonce") != self._nonce:
            raise frames.Broken("an answer to another question")
        return header, body

    def ready(self, seconds: float) -> bool:
        """Whether something of an answer has come within so many seconds."""
        return bool(select.select([self._sock], [], [], seconds)[0])

    def close(self) -> None:
        """End the process and everything in its group."""
        if self._open:
            self._open = False
            self._end()
            self._sock.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Server:
    """Starts children. `way` says how; by default a fork of this process on Linux.

    confine   called once in the server; what it returns is called in each child before the
              student's code, with the job
    folder    where the judge keeps what is temporary; the server removes it at its own end, which
              comes even if the judge is killed
    """

    def __init__(
        self,
        way: Way | None = None,
        confine: Callable[[], Confine] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._way: Way = way or ("fork" if sys.platform == "linux" else "fresh")
        self._confine = confine
        self._folder = folder
        self._sock: socket.socket | None = None
        self.pid = 0
        if self._way == "fork":
            self._fork()
        elif self._way == "exec":
            self._exec()

    @property
    def is_fresh(self) -> bool:
        """Whether every child imports torch anew."""
        return self._way == "fresh"

    def child(self, job: dict[str, Any]) -> Child:
        """A process that has been told to import `job["source"]`; receive() waits for it."""
        nonce = secrets.token_hex(8)
        hide = ["", ".", str(ROOT), str(Path.cwd())]
        ours, theirs = socket.socketpair()
        end = self._fresh_child(theirs) if self._way == "fresh" else self._forked_child(theirs)
        theirs.close()
        child = Child(ours, end, nonce)
        ours.settimeout(START_UP)
        with contextlib.suppress(OSError):
            frames.write(ours, job | {"nonce": nonce, "hide": hide})
        return child

    def close(self) -> None:
        """End the server; it ends its children."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fork(self) -> None:
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
        command = [sys.executable, "-m", "checks.grader.running.server", str(theirs.fileno())]
        command.append(str(self._folder or ""))
        environment = dict(os.environ)
        if self._confine is not None:
            command.append(f"{self._confine.__module__}:{self._confine.__qualname__}")
            environment = {name: os.environ[name] for name in KEPT if name in os.environ}
            environment["PYTHONHASHSEED"] = "0"  # the same messages on every run
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=environment | {"OMP_NUM_THREADS": "1"},
        )
        theirs.close()
        self.pid = process.pid
        self._sock = ours

    def _forked_child(self, theirs: socket.socket) -> Callable[[], None]:
        try:
            pid = self._ask(b"F", theirs.fileno())
        except OSError:  # somebody ended the server
            self.close()
            self._exec()
            pid = self._ask(b"F", theirs.fileno())

        def end() -> None:
            with contextlib.suppress(OSError):
                self._ask(b"K" + PID.pack(pid))

        return end

    def _ask(self, message: bytes, *fds: int) -> int:
        if self._sock is None:
            raise OSError("no server")
        self._sock.settimeout(START_UP)
        socket.send_fds(self._sock, [message.ljust(1 + PID.size)], list(fds))
        reply = self._sock.recv(PID.size)
        if len(reply) != PID.size:
            raise OSError("the server is gone")
        return int(PID.unpack(reply)[0])

    def _fresh_child(self, theirs: socket.socket) -> Callable[[], None]:
        """A process of its own. Windows hands sockets over as bytes, POSIX as descriptors."""
        share: Callable[[int], bytes] | None = getattr(theirs, "share", None)
        how = ["share"] if share else [str(theirs.fileno()), "one"]
        process = subprocess.Popen(
            [sys.executable, "-m", "checks.grader.running.server", *how],
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
    children: set[int] = set()
    while True:
        watched = bool(children) and folder is not None
        if not select.select([sock], [], [], LOOK if watched else None)[0]:
            if folder is not None and _is_overfull(folder):
                while children:
                    _kill(children.pop())
            continue
        try:
            message, fds, _, _ = socket.recv_fds(sock, 1 + PID.size, 1)
        except OSError:
            message, fds = b"", []
        if not message:
            for pid in children:
                _kill(pid)
            _kill_adopted(set())
            if folder is not None:
                remove(folder)
            os._exit(0)
        if message[:1] == b"F":
            pid = os.fork()
            if pid == 0:
                sock.close()
                _be_child(fds[0], confine)
            os.close(fds[0])
            children.add(pid)
        else:
            pid = PID.unpack(message[1:])[0]
            if pid in children:
                children.discard(pid)
                _kill(pid)
                _kill_adopted(children)
        with contextlib.suppress(OSError):
            sock.sendall(PID.pack(pid))


def _kill(pid: int) -> None:
    """End a child and its group; it has not been waited for, so the number is still its own."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _is_overfull(folder: Path) -> bool:
    """Whether students' code has written more than it may; the kernel bounds single files only."""
    size = count = 0
    for place, _, files in os.walk(folder):
        count += 1 + len(files)
        for name in files:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
            if size > MAX_WRITTEN or count > MAX_FILES:
                return True
    return count > MAX_FILES


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


def _main(arguments: list[str]) -> None:
    """`python -m checks.grader.running.server` FD FOLDER [CONFINE], FD one, or share (Windows)."""
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


if __name__ == "__main__":
    _main(sys.argv[1:])
