"""The process that runs student code, and nothing else does.

It gets the text of a lesson file and then calls (in a class, all files of one student in turn); it
answers with plain arrays. It holds no expected value. Everything it says may be a lie of the
student's code: the judge uses the values, which have to be right, and shows the rest as it is.
"""

from __future__ import annotations

import contextlib
import dis
import gc
import importlib
import io
import math
import os
import signal
import socket
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.running import frames, messages
from checks.grader.running.inside.autograd_log import AutogradLog
from checks.grader.running.inside.stand_ins import put_in_place
from checks.grader.running.messages import MAX_NODES, Calls, Function, Import, Made, Request

MAX_PRINTED = 2_000
CUT = "\n… (and more)"
RAISE = dis.opmap["RAISE_VARARGS"]
MAX_MESSAGE = 500
MAX_ELEMENTS = 1 << 16
MAX_DEPTH = 4


class Printed(io.TextIOBase):
    """Standard output and error of student code: the first characters are kept."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = MAX_PRINTED - len(CUT) - len(self.text)
        if room > 0:
            self.text += text if len(text) <= room else f"{str(text)[:room]}{CUT}"
        return len(text)

    def warned(self, message: Warning | str, kind: type[Warning], path: str, line: int) -> None:
        """A warning, in one line; PyTorch's own end in where it was built, which helps nobody."""
        words = " ".join(str(message).split()).split(" (Triggered internally")[0]
        self.write(f"{kind.__name__} (line {line}): {words}\n")

    def close(self) -> None:
        """Stays open: a student's close() would turn every later print into an error."""


def tell_warnings(printed: Printed) -> None:
    """Show warnings among what student code prints."""
    warnings.showwarning = lambda text, kind, path, line, *_: printed.warned(text, kind, path, line)


def prepare() -> None:
    """Make the first call of every child cheap. Run once, before any fork.

    No backward and no optimiser step here: on a machine with a GPU both touch CUDA, and a process
    that has done so cannot fork children that use CUDA or autograd.
    """
    torch.set_num_threads(1)
    put_in_place()
    model = nn.Linear(1, 1)
    torch.optim.SGD(model.parameters(), lr=0.1)
    nn.MSELoss()(model(torch.zeros(2, 1)), torch.zeros(2, 1))


def serve(sock: socket.socket, confine: Callable[[Import], None] | None = None) -> None:
    """The life of one process: import a file, answer calls to it, import the next of the same
    student if there is one, until the judge closes.

    `confine` limits what this process may do; it is called with the first import, before any
    student code.
    """
    gc.enable()  # PyTorch may have been imported without it
    request = messages.asked(sock)
    what = request.what
    assert isinstance(what, Import)
    if confine is not None:
        confine(what)
    printed, log = Printed(), AutogradLog()
    known = frozenset(sys.modules)
    sys.stdout = sys.stderr = printed
    tell_warnings(printed)
    sys.path[:] = [path for path in sys.path if path not in what.hide]
    bell = Bell(sock, printed)
    while True:
        bell.wind(request)
        if isinstance(what, Import):
            path = what.path
            with bell.heard():
                lesson, seen = _import(what, known)
            messages.answer(sock, request.nonce, replace(seen, printed=printed.text))
        else:
            answer(sock, lesson, path, request.nonce, what, log, printed, bell)
        try:
            request = messages.asked(sock)
        except frames.Broken:
            return
        what = request.what


class Bell:
    """Tells the judge shortly before the time is up what student code has printed so far: a loop
    that prints for ever shows what it printed.

    Where the system has no such timer, nothing is told.
    """

    def __init__(self, sock: socket.socket, printed: Printed) -> None:
        self._sock, self._printed = sock, printed
        self._nonce = ""
        self._is_heard = False
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._ring)

    def wind(self, request: Request) -> None:
        """Ring once, so long after the request has come."""
        self._nonce = request.nonce
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, request.seconds)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """While student code runs, so that no answer is cut in two."""
        self._printed.text = ""
        self._is_heard = True
        try:
            yield
        finally:
            self._is_heard = False

    def _ring(self, *_: object) -> None:
        if self._is_heard and self._printed.text:
            messages.tell(self._sock, self._nonce, self._printed.text)


def answer(
    sock: socket.socket,
    lesson: types.ModuleType,
    path: str,
    nonce: str,
    calls: Calls,
    log: AutogradLog,
    printed: Printed,
    bell: Bell,
) -> None:
    """One frame per call; nothing is called after an unfinished stub."""
    for arguments in calls.calls:
        log.ran.clear()
        with bell.heard():
            seen = call(lesson, calls, arguments, path)
        seen = log.told(replace(seen, printed=printed.text))
        messages.answer(sock, nonce, seen)
        if seen.outcome in ("missing", "not_started"):
            return


def call(
    lesson: types.ModuleType, calls: Calls, arguments: Sequence[Any], path: str
) -> Observation:
    """Run one call and describe what came of it."""
    function = getattr(lesson, calls.exercise, None)
    if not callable(function):
        return Observation("missing")
    given = [_argument(part, calls) for part in arguments]
    before = [_fingerprint(argument) for argument in given]
    torch.set_grad_enabled(True)  # an earlier exercise may have left it off
    try:
        result = _function(calls.driver)(lesson, *given) if calls.driver else function(*given)
        value = Told().value(result)
        after = [_fingerprint(argument, copied=False) for argument in given]
        pairs = list(zip(before, after, strict=True))
        return Observation(
            "value",
            value,
            changed=tuple(i for i, (old, new) in enumerate(pairs) if not _same(old[0], new[0])),
            grads=tuple(i for i, (old, new) in enumerate(pairs) if not _same(old[1], new[1])),
        )
    except BaseException as error:
        return _describe(error, path)


def _import(job: Import, known: Set[str] = frozenset()) -> tuple[types.ModuleType, Observation]:
    """The student's file as a module named like the lesson, and what went wrong, if anything."""
    lesson = types.ModuleType(job.stem)
    lesson.__file__ = job.path
    _forget_helpers(job.room, known)
    sys.modules[job.stem] = lesson
    folder = os.path.dirname(job.path)
    sys.path[:] = [folder, *(path for path in sys.path if not _lies_in(job.room, path))]
    torch.set_default_dtype(torch.float32)  # an earlier lesson may have changed it
    try:
        if job.device != "cpu":
            torch.zeros(1, device=job.device)  # its start-up is not the student's time
        exec(compile(job.source, job.path, "exec"), lesson.__dict__)
    except BaseException as error:
        return lesson, _describe(error, job.path)
    return lesson, Observation("value")


def _forget_helpers(room: str, known: Set[str]) -> None:
    """What an earlier lesson of the student imported from its own folder: the next lesson may have
    a helper of the same name beside it, and finds no state of the last one.

    known   the modules that were there before any student code
    """
    for name in sys.modules.keys() - known:
        with contextlib.suppress(Exception):  # a student may put anything there
            own = vars(sys.modules[name])  # asking a module for a name may import another one
            places = [own.get("__file__"), *own.get("__path__", ())]
            if any(_lies_in(room, place) for place in places):
                del sys.modules[name]
    importlib.invalidate_caches()


def _lies_in(room: str, place: Any) -> bool:
    return bool(room) and isinstance(place, str) and f"{place}/".startswith(f"{room}/")


def _argument(part: Any, calls: Calls) -> Any:
    """A fresh argument: tensors on the device and in the dtype of the calls."""
    match part:
        case Tensor():
            return part.to(calls.device, getattr(torch, calls.dtype)).clone()
        case Function():
            return _function(part.text)
        case Made():
            return _function(part.text)(*(_argument(inner, calls) for inner in part.arguments))
        case list():
            return list(part)
    return part


def _function(text: str) -> Callable[..., Any]:
    """The function that a source text defines, of several the last one."""
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "Tensor": Tensor, "Any": Any}
    exec(_compiled(text), namespace)
    function = list(namespace.values())[-1]
    assert callable(function)
    return function  # type: ignore[no-any-return]


@lru_cache(maxsize=64)  # each call of a request has the same texts
def _compiled(text: str) -> types.CodeType:
    return compile(text, "<string>", "exec")  # under this module's future import of annotations


def _fingerprint(argument: Any, *, copied: bool = True) -> tuple[Any, Any]:
    """An argument's values and its gradients: copies, or as they are for the moment."""
    if isinstance(argument, Tensor):
        # asking a non-leaf that keeps none would print a warning into the student's output
        grad = argument.grad if argument.is_leaf or argument.retains_grad else None
        kept = [None if each is None else each.detach() for each in (argument, grad)]
        values, grads = (each.clone() if copied and each is not None else each for each in kept)
        return values, grads
    if isinstance(argument, nn.Module):
        pairs = [_fingerprint(parameter, copied=copied) for parameter in argument.parameters()]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if isinstance(argument, list):
        return list(argument), None
    return None, None


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        return old.shape == new.shape and bool(torch.equal(old, new))
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return type(old) is type(new) and (isinstance(old, Tensor) or bool(old == new))


class Told:
    """What an answer tells of a result: as much as fits into one."""

    def __init__(self) -> None:
        self._nodes, self._numbers = MAX_NODES, frames.MAX_BODY // 8

    def value(self, result: Any, depth: int = 0) -> Any:
        """Arrays, tuples and plain values. Anything that is not plain is named, not sent."""
        kind = type(result)
        plain = kind in (Tensor, nn.Parameter) and _plain_tensor(result)
        self._nodes -= 1
        self._numbers -= result.numel() if plain else 0
        if self._nodes < 0 or self._numbers < 0:
            return Foreign("more than an answer can hold")
        if plain:
            return _array(result)
        if isinstance(result, (tuple, list, dict)) and depth == MAX_DEPTH:
            return Foreign(f"a {kind.__name__} nested {MAX_DEPTH} deep")
        if isinstance(result, (tuple, list)):
            return tuple(self.value(item, depth + 1) for item in result[:64])
        if isinstance(result, dict):
            pairs = list(result.items())[:64]
            return {str(key)[:80]: self.value(item, depth + 1) for key, item in pairs}
        if kind is int and abs(result) >= 1 << 62:
            return Foreign("int beyond 64 bits")
        if result is None or kind in (bool, int, float):
            return result
        return Foreign(_type_name(result))


def _array(value: Tensor) -> Array:
    numbers = value.detach().to("cpu", torch.float64).resolve_neg().contiguous().numpy()
    dtype = str(value.dtype).removeprefix("torch.")
    return Array(torch.from_numpy(numbers), dtype, str(value.device))


def _plain_tensor(value: Tensor) -> bool:
    return (
        value.layout == torch.strided
        and value.device.type != "meta"
        and not value.is_complex()
        and not value.is_quantized
        and _volume(value) <= MAX_ELEMENTS
    )


def _volume(value: Tensor) -> int:
    """The elements of a tensor, counting an empty dimension as 1: (0, 2**60) is too large, too."""
    return math.prod(size or 1 for size in value.shape)


def _type_name(value: Any) -> str:
    """What a returned object is, in words."""
    if not isinstance(value, Tensor):
        kind = type(value)
        short = kind.__module__ in ("builtins", "__main__")
        return kind.__qualname__ if short else f"{kind.__module__}.{kind.__qualname__}"
    if type(value) not in (Tensor, nn.Parameter):  # it may lie about everything else
        return f"a tensor subclass ({type(value).__name__})"
    if value.layout != torch.strided:
        return f"a tensor of layout {value.layout}"
    if value.device.type == "meta":
        return "a tensor on the device meta (without values)"
    if value.is_complex():
        return f"a complex tensor ({value.dtype})"
    if value.numel() > MAX_ELEMENTS:
        return f"a tensor of {value.numel()} elements"
    return f"a tensor of shape {tuple(value.shape)}"


def _raised_in(path: str, error: BaseException) -> bool:
    """Whether a `raise` of this file did it: PyTorch too has things that are not implemented."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return False
    code = last.tb_frame.f_code
    return code.co_filename == path and code.co_code[last.tb_lasti] == RAISE


def _describe(error: BaseException, path: str) -> Observation:
    """An exception as text: its type, its message, the student's line."""
    unfinished = isinstance(error, NotImplementedError) and _raised_in(path, error)
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    if isinstance(error, SyntaxError) and error.filename == path:
        lines.append(error.lineno)
    message = "?"
    with contextlib.suppress(BaseException):  # __str__ may be the student's
        message = str(error)[:MAX_MESSAGE]
    return Observation(
        "not_started" if unfinished else "raised",
        error_type=type(error).__name__[:80],
        message=message,
        line=lines[-1] if lines else None,
    )
