"""What the judge and a process that runs student code say to each other, defined here for both.

The judge asks for an `Import`, then for `Calls`; each call is answered by an `Observation`. The
process believes the judge. The judge believes nothing: an answer has to keep to its form and to
bounds, and the text in it is made harmless.
"""

from __future__ import annotations

import json
import math
import socket
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from checks.grader.records.observation import Array, Foreign, Observation
from checks.grader.running import frames
from checks.grader.running.frames import MAX_BODY, Broken

MAX_NODES = 1 << 12
#: The outcome of a call that still runs: what it has printed so far is told before its time is up.
STILL_RUNS = "still_runs"
#: A message as it travels: JSON, and the bytes of its tensors.
Encoded = tuple[str, bytes]


@dataclass(frozen=True)
class Function:
    """An argument that is a function: the text that defines it; of several, the last one."""

    text: str


@dataclass(frozen=True)
class Made:
    """An argument that a function makes."""

    text: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Import:
    """Import this text as the module `stem`.

    path  what its lines are told of
    room  the only folder that a confined process may use; "" if there is none
    hide  folders that the student's code imports nothing from
    """

    stem: str
    path: str
    source: str
    device: str = "cpu"
    room: str = ""
    hide: tuple[str, ...] = ()

    @property
    def encoded(self) -> Encoded:
        return json.dumps(vars(self)), b""


@dataclass(frozen=True)
class Calls:
    """Call an exercise of the file, once with each of these lists of arguments.

    calls   tensors in float64, `Function`, `Made` and plain values
    dtype   of the tensors that the exercise is given, on `device`
    driver  the text of a function that is called in place of the exercise: (lesson, *arguments)
    """

    exercise: str
    calls: tuple[tuple[Any, ...], ...]
    dtype: str = "float32"
    device: str = "cpu"
    driver: str | None = None

    @cached_property
    def encoded(self) -> Encoded:
        """The same for a whole class."""
        packer = Packer()
        header = {
            "exercise": self.exercise,
            "calls": [[packer.node(part) for part in arguments] for arguments in self.calls],
            "dtype": self.dtype,
            "device": self.device,
            "driver": self.driver,
        }
        return json.dumps(header), bytes(packer.body)


@dataclass(frozen=True)
class Request:
    """What the judge asks for.

    nonce    a number that only the answers to this request bear
    seconds  when the process tells what has been printed so far; 0 for never
    """

    nonce: str
    seconds: float
    what: Import | Calls


def ask(sock: socket.socket, request: Request) -> None:
    """Send a request. Raises OSError."""
    text, body = request.what.encoded
    envelope = json.dumps({"nonce": request.nonce, "seconds": request.seconds})
    frames.write(sock, f"{envelope[:-1]}, {text[1:]}", body)


def asked(sock: socket.socket) -> Request:
    """Receive a request. Raises frames.Broken."""
    header, body = frames.read(sock, longest=frames.MAX_REQUEST)
    nonce, seconds = header.pop("nonce"), header.pop("seconds")
    if "source" in header:
        return Request(nonce, seconds, Import(**header))
    calls = tuple(tuple(_argument(node, body) for node in nodes) for nodes in header.pop("calls"))
    return Request(nonce, seconds, Calls(calls=calls, **header))


def answer(sock: socket.socket, nonce: str, seen: Observation) -> None:
    """Send an answer. Raises OSError."""
    text, body = encoded(seen)
    frames.write(sock, f'{{"nonce": "{nonce}", {text[1:]}', body)


def tell(sock: socket.socket, nonce: str, printed: str) -> None:
    """Send what a call that still runs has printed so far. Raises OSError."""
    header = {"nonce": nonce, "outcome": STILL_RUNS, "printed": printed}
    frames.write(sock, json.dumps(header))


def answered(sock: socket.socket, nonce: str, deadline: float) -> Observation:
    """Receive an answer to the request of this nonce; the outcome may be STILL_RUNS.

    Raises frames.Broken or frames.Late.
    """
    header, body = frames.read(sock, deadline)
    if header.get("nonce") != nonce:
        raise Broken("an answer to another question")
    if header.get("outcome") == STILL_RUNS:
        return Observation("timeout", printed=_text(header.get("printed"), 2_000))
    return observation(header, body)


def encoded(seen: Observation) -> Encoded:
    """An observation as it travels."""
    packer = Packer()
    header = {
        "outcome": seen.outcome,
        "value": packer.node(seen.value),
        "type": seen.error_type,
        "message": seen.message,
        "line": seen.line,
        "changed": seen.changed,
        "grads": seen.grads,
        "autograd": seen.autograd,
        "forward_mode": seen.forward_mode,
        "printed": seen.printed,
    }
    return json.dumps(header), bytes(packer.body)


def made_harmless(seen: Observation) -> Observation:
    """An observation as it would have arrived from another process."""
    text, body = encoded(seen)
    return observation(json.loads(text), body)


def observation(header: Mapping[str, Any], body: bytes) -> Observation:
    """Read one answer. Raises frames.Broken if it is not one."""
    outcome = header.get("outcome")
    printed = _text(header.get("printed"), 2_000)
    if outcome == "value":
        return Observation(
            "value",
            unpack(header.get("value", {"plain": None}), body),
            changed=_indices(header.get("changed", [])),
            grads=_indices(header.get("grads", [])),
            autograd=header.get("autograd") is True,
            forward_mode=header.get("forward_mode") is True,
            printed=printed,
        )
    if outcome not in ("raised", "missing", "not_started"):
        raise Broken("no outcome")
    line = header.get("line")
    return Observation(
        outcome,
        error_type=_text(header.get("type"), 80),
        message=_text(header.get("message"), 500),
        line=line if type(line) is int and 0 < line < 1 << 31 else None,
        printed=printed,
    )


class Packer:
    """Packs tensors into one body and leaves JSON in their place."""

    def __init__(self) -> None:
        self.body = bytearray()

    def node(self, value: Any) -> dict[str, Any]:
        """The JSON node of an argument or of an observed value."""
        match value:
            case Tensor():
                return self._tensor(Array(value, "float64", "cpu"))
            case Array():
                return self._tensor(value)
            case Function():
                return {"source": value.text}
            case Made():
                return {"build": value.text, "with": [self.node(part) for part in value.arguments]}
            case Foreign():
                return {"foreign": value.type_name}
            case tuple():
                return {"tuple": [self.node(part) for part in value]}
            case dict():
                return {"dict": [[key, self.node(part)] for key, part in value.items()]}
        return {"plain": value}

    def _tensor(self, array: Array) -> dict[str, Any]:
        start = len(self.body)
        self.body += array.values.to(torch.float64).contiguous().numpy().tobytes()
        shape = list(array.values.shape)
        return {"tensor": shape, "at": start, "dtype": array.dtype, "device": array.device}


class Unpacker:
    """Reads the values of one body. All of them together take no more memory than it has bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._left = len(body)
        self._nodes = MAX_NODES

    def value(self, node: Any, depth: int = 0) -> Any:
        """The value of a JSON node: Array, Foreign, tuple, dict or a plain value.

        Raises Broken for anything else.
        """
        self._nodes -= 1
        if depth > 4 or self._nodes < 0 or not isinstance(node, dict):
            raise Broken("not a value")
        match node:
            case {
                "tensor": list(shape), "at": int(start), "dtype": str(dtype), "device": str(device)
            }:  # fmt: skip
                return Array(self._tensor(shape, start), _text(dtype, 40), _text(device, 40))
            case {"tuple": list(items)} if len(items) <= 64:
                return tuple(self.value(item, depth + 1) for item in items)
            case {"dict": list(items)} if len(items) <= 64:
                pairs = (_pair(item) for item in items)
                return {_text(str(key), 80): self.value(item, depth + 1) for key, item in pairs}
            case {"plain": bool() | float() | None as value}:
                return value
            case {"plain": int(value)} if abs(value) < 1 << 62:
                return value
            case {"foreign": str(type_name)}:
                return Foreign(_text(type_name, 80))
        raise Broken("not a value")

    def _tensor(self, shape: list[Any], start: int) -> Tensor:
        if len(shape) > 8 or not all(type(size) is int and size >= 0 for size in shape):
            raise Broken("bad shape")
        if math.prod(size or 1 for size in shape) > MAX_BODY:  # (0, 2**60): no number, no shape
            raise Broken("a shape beyond all bounds")
        size = 8 * math.prod(shape)
        self._left -= size
        if start < 0 or self._left < 0 or start + size > len(self._body):
            raise Broken("tensor outside its frame")
        if size == 0:
            return torch.empty(shape, dtype=torch.float64)
        part = bytearray(self._body[start : start + size])
        return torch.frombuffer(part, dtype=torch.float64).reshape(shape)


def unpack(node: Any, body: bytes) -> Any:
    """The one value of a body. Raises Broken."""
    return Unpacker(body).value(node)


def _argument(node: dict[str, Any], body: bytes) -> Any:
    match node:
        case {"tensor": _}:
            return unpack(node, body).values
        case {"source": text}:
            return Function(text)
        case {"build": text, "with": parts}:
            return Made(text, tuple(_argument(part, body) for part in parts))
    return node["plain"]


def _pair(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, list) or len(item) != 2:
        raise Broken("bad dict")
    return item[0], item[1]


def _text(value: Any, limit: int) -> str:
    """Text that every output can hold. What steers a terminal or turns the direction of writing
    (control, format and private characters, half surrogate pairs) becomes U+FFFD.
    """
    if not isinstance(value, str):
        return ""
    kept = value[:limit]
    if kept.isprintable():
        return kept
    return "".join(c if c in "\n\t" or not _steers(c) else "\ufffd" for c in kept)


def _steers(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character)[0] == "C"


def _indices(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise Broken("bad indices")
    return tuple(value[:64])
