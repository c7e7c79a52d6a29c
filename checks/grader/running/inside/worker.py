"""The process that runs student code, and nothing else does.

It gets the text of a lesson file and then calls (in a class, all files of one student in turn); it
answers with plain arrays. It holds no expected value. Everything it says may be a lie of the
student's code: the judge uses the values, which have to be right, and shows the rest as it is.
"""

from __future__ import annotations

import contextlib
import dis
import importlib
import io
import math
import os
import socket
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Mapping, Set
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from checks.grader.running import frames
from checks.grader.running.inside.autograd_log import AutogradLog
from checks.grader.running.inside.stand_ins import stand_ins

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
    for module in stand_ins():
        sys.modules.setdefault(module.__name__, module)
    model = nn.Linear(1, 1)
    torch.optim.SGD(model.parameters(), lr=0.1)
    nn.MSELoss()(model(torch.zeros(2, 1)), torch.zeros(2, 1))


def serve(sock: socket.socket, confine: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    """The life of one process: import a file, answer calls to it, import the next of the same
    student if there is one, until the judge closes.

    `confine` limits what this process may do; it is called with the job before any student code.
    """
    request, body = frames.read(sock, longest=frames.MAX_REQUEST)
    if confine is not None:
        confine(request)
    printed, log = Printed(), AutogradLog()
    known = frozenset(sys.modules)
    sys.stdout = sys.stderr = printed
    tell_warnings(printed)
    sys.path[:] = [path for path in sys.path if path not in request["hide"]]
    while True:
        if "source" in request:
            printed.text = ""
            lesson, outcome = _import(request, known)
            frames.write(sock, {"nonce": request["nonce"], "printed": printed.text, **outcome})
        else:
            answer(sock, lesson, request, body, log, printed)
        try:
            request, body = frames.read(sock, longest=frames.MAX_REQUEST)
        except frames.Broken:
            return


def answer(
    sock: socket.socket,
    lesson: types.ModuleType,
    request: dict[str, Any],
    body: bytes,
    log: AutogradLog,
    printed: Printed,
) -> None:
    """One frame per call of the request; nothing is called after an unfinished stub."""
    for arguments in request["calls"]:
        printed.text = ""
        log.ran.clear()
        packer = frames.Packer()
        outcome = call(lesson, request, arguments, body, packer)
        outcome |= {"nonce": request["nonce"], "printed": printed.text, **log.report()}
        frames.write(sock, outcome, packer.body)
        if outcome["outcome"] in ("missing", "not_started"):
            return


def call(
    lesson: types.ModuleType,
    request: Mapping[str, Any],
    specification: list[Any],
    body: bytes,
    packer: frames.Packer,
) -> dict[str, Any]:
    """Run one call and describe what came of it."""
    function = getattr(lesson, request["exercise"], None)
    if not callable(function):
        return {"outcome": "missing"}
    arguments = [_argument(part, body, request) for part in specification]
    before = [_fingerprint(argument) for argument in arguments]
    torch.set_grad_enabled(True)  # an earlier exercise may have left it off
    try:
        if request["driver"]:
            result = _function(request["driver"])(lesson, *arguments)
        else:
            result = function(*arguments)
        value = _pack(result, packer)
        after = [_fingerprint(argument, copied=False) for argument in arguments]
        pairs = list(zip(before, after, strict=True))
        return {
            "outcome": "value",
            "value": value,
            "changed": [i for i, (old, new) in enumerate(pairs) if not _same(old[0], new[0])],
            "grads": [i for i, (old, new) in enumerate(pairs) if not _same(old[1], new[1])],
        }
    except BaseException as error:
        return _describe(error, request["path"])


def _import(
    job: Mapping[str, Any], known: Set[str] = frozenset()
) -> tuple[types.ModuleType, dict[str, Any]]:
    """The student's file as a module named like the lesson, and what went wrong, if anything."""
    lesson = types.ModuleType(job["stem"])
    lesson.__file__ = job["path"]
    room = job.get("room", "")
    _forget_helpers(room, known)
    sys.modules[job["stem"]] = lesson
    folder = os.path.dirname(job["path"])
    sys.path[:] = [folder, *(path for path in sys.path if not _lies_in(room, path))]
    torch.set_default_dtype(torch.float32)  # an earlier lesson may have changed it
    try:
        if job["device"] != "cpu":
            torch.zeros(1, device=job["device"])  # its start-up is not the student's time
        exec(compile(job["source"], job["path"], "exec"), lesson.__dict__)
    except BaseException as error:
        return lesson, _describe(error, job["path"])
    return lesson, {"outcome": "value"}


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


def _argument(part: Any, body: bytes, request: Mapping[str, Any]) -> Any:
    """A fresh argument: tensors on the device and in the dtype of the request."""
    match part:
        case {"tensor": _}:
            array = frames.unpack(part, body)
            dtype = getattr(torch, request["dtype"])
            return array.values.to(request["device"], dtype).clone()
        case {"source": text}:
            return _function(text)
        case {"build": text, "with": parts}:
            return _function(text)(*(_argument(inner, body, request) for inner in parts))
        case {"plain": value}:
            return value
    raise ValueError(part)


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


def _pack(value: Any, packer: frames.Packer, depth: int = 0) -> dict[str, Any]:
    """A result as JSON and raw bytes. Anything that is not plain is named, not sent."""
    plain = type(value) in (Tensor, nn.Parameter) and _plain_tensor(value)
    if not packer.holds(value.numel() if plain else 0):
        return {"foreign": "more than an answer can hold"}
    if plain:
        return packer.tensor(value, str(value.dtype).removeprefix("torch."), str(value.device))
    if isinstance(value, (tuple, list, dict)) and depth == MAX_DEPTH:
        return {"foreign": f"a {type(value).__name__} nested {MAX_DEPTH} deep"}
    if isinstance(value, (tuple, list)):
        return {"tuple": [_pack(item, packer, depth + 1) for item in value[:64]]}
    if isinstance(value, dict):
        pairs = list(value.items())[:64]
        return {"dict": [[str(key)[:80], _pack(item, packer, depth + 1)] for key, item in pairs]}
    if value is None or type(value) in (bool, int, float):
        return {"plain": value} if type(value) is not int or abs(value) < 1 << 62 else _big()
    return {"foreign": _type_name(value)}


def _big() -> dict[str, Any]:
    return {"foreign": "int beyond 64 bits"}


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
    if value.layout != torch.strided:
        return f"a tensor of layout {value.layout}"
    if value.device.type == "meta":
        return "a tensor on the device meta (without values)"
    if value.is_complex():
        return f"a complex tensor ({value.dtype})"
    if value.numel() > MAX_ELEMENTS:
        return f"a tensor of {value.numel()} elements"
    if _volume(value) > MAX_ELEMENTS:
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a tensor subclass ({type(value).__name__})"


def _raised_in(path: str, error: BaseException) -> bool:
    """Whether a `raise` of this file did it: PyTorch too has things that are not implemented."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return False
    code = last.tb_frame.f_code
    return code.co_filename == path and code.co_code[last.tb_lasti] == RAISE


def _describe(error: BaseException, path: str) -> dict[str, Any]:
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
    return {
        "outcome": "not_started" if unfinished else "raised",
        "type": type(error).__name__[:80],
        "message": message,
        "line": lines[-1] if lines else None,
    }
