"""Messages between the judge and a process that runs student code.

A frame is two lengths, a JSON header and raw array bytes; nothing in it is ever executed. The judge
reads under a deadline and under bounds, and treats whatever does not fit as a broken process.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
import unicodedata
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from checks.grader.records.observation import Array, Foreign, Observation

#: What the judge reads of one answer: right ones take a few hundred bytes.
MAX_HEADER = 1 << 18
MAX_BODY = 1 << 22
#: What a process reads of the judge: a file of 1 MiB, six characters for each of its bytes.
MAX_REQUEST = 8 << 20
MAX_NODES = 1 << 12
LENGTHS = struct.Struct("<II")


class Broken(Exception):
    """The other side closed, sent something that is not a frame, or sent too much."""


class Late(Exception):
    """The deadline passed."""


class Packer:
    """Packs tensors into one body and leaves JSON in their place."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.nodes = 0

    def holds(self, elements: int) -> bool:
        """Whether one more value with so many numbers still fits into an answer."""
        self.nodes += 1
        return self.nodes <= MAX_NODES and len(self.body) + 8 * elements <= MAX_BODY

    def tensor(self, values: Tensor, dtype: str, device: str) -> dict[str, Any]:
        data = values.detach().to("cpu", torch.float64).contiguous().numpy().tobytes()
        start = len(self.body)
        self.body += data
        shape = list(values.shape)
        return {"tensor": shape, "at": start, "dtype": dtype, "device": device}


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


def write(sock: socket.socket, header: dict[str, Any], body: bytes | bytearray = b"") -> None:
    """Send one frame."""
    text = json.dumps(header).encode()
    sock.sendall(LENGTHS.pack(len(text), len(body)) + text + body)


def read(
    sock: socket.socket, deadline: float | None = None, *, longest: int = MAX_HEADER
) -> tuple[dict[str, Any], bytes]:
    """Receive one frame before `deadline` (time.monotonic). Raises Late or Broken.

    longest   the bound on the header's bytes
    """
    header_length, body_length = LENGTHS.unpack(_exactly(sock, LENGTHS.size, deadline))
    if header_length > longest or body_length > MAX_BODY:
        raise Broken("frame too large")
    data = _exactly(sock, header_length + body_length, deadline)
    text, body = data[:header_length], data[header_length:]
    try:  # decoded here: json would take the bytes of half a surrogate pair for text
        header = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Broken("not JSON") from error
    if not isinstance(header, dict):
        raise Broken("not a header")
    return header, body


def _exactly(sock: socket.socket, count: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            sock.settimeout(left)
        try:
            chunk = sock.recv(min(count - len(received), 1 << 20))
        except TimeoutError as error:
            raise Late from error
        except OSError as error:
            raise Broken(str(error)) from error
        if not chunk:
            raise Broken("closed")
        received += chunk
    return bytes(received)


def _pair(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, list) or len(item) != 2:
        raise Broken("bad dict")
    return item[0], item[1]


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
