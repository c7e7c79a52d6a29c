"""Messages between the judge and a process that runs student code.

A frame is two lengths, a JSON header and raw array bytes; nothing in it is ever executed. The judge
reads under a deadline and under bounds, and treats whatever does not fit as a broken process.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from checks.grader.records.observation import Array, Foreign, Observation

MAX_HEADER = 1 << 18
MAX_BODY = 1 << 24
LENGTHS = struct.Struct("<II")


class Broken(Exception):
    """The other side closed, sent something that is not a frame, or sent too much."""


class Late(Exception):
    """The deadline passed."""


class Packer:
    """Packs tensors into one body and leaves JSON in their place."""

    def __init__(self) -> None:
        self.body = bytearray()

    def tensor(self, values: Tensor, dtype: str, device: str) -> dict[str, Any]:
        data = values.detach().to("cpu", torch.float64).contiguous().numpy().tobytes()
        start = len(self.body)
        self.body += data
        shape = list(values.shape)
        return {"tensor": shape, "at": start, "dtype": dtype, "device": device}


def unpack(node: Any, body: bytes, depth: int = 0) -> Any:
    """The value of a JSON node: Array, Foreign, tuple, dict or a plain value.

    Raises Broken for anything else.
    """
    if depth > 4 or not isinstance(node, dict):
        raise Broken("not a value")
    match node:
        case {"tensor": list(shape), "at": int(start), "dtype": str(dtype), "device": str(device)}:
            return Array(_tensor(shape, start, body), dtype[:40], device[:40])
        case {"tuple": list(items)} if len(items) <= 64:
            return tuple(unpack(item, body, depth + 1) for item in items)
        case {"dict": list(items)} if len(items) <= 64:
            return {
                str(key)[:80]: unpack(value, body, depth + 1)
                for key, value in (_pair(item) for item in items)
            }
        case {"plain": bool() | float() | None as value}:
            return value
        case {"plain": int(value)} if abs(value) < 1 << 62:
            return value
        case {"foreign": str(type_name)}:
            return Foreign(type_name[:80])
    raise Broken("not a value")


def write(sock: socket.socket, header: dict[str, Any], body: bytes | bytearray = b"") -> None:
    """Send one frame."""
    text = json.dumps(header).encode()
    sock.sendall(LENGTHS.pack(len(text), len(body)) + text + body)


def read(sock: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Receive one frame before `deadline` (time.monotonic). Raises Late or Broken."""
    header_length, body_length = LENGTHS.unpack(_exactly(sock, LENGTHS.size, deadline))
    if header_length > MAX_HEADER or body_length > MAX_BODY:
        raise Broken("frame too large")
    text = _exactly(sock, header_length, deadline)
    body = _exactly(sock, body_length, deadline)
    try:
        header = json.loads(text)
        if rb"\ud" in text.lower():  # half a surrogate pair: text that no file can hold
            header = json.loads(json.dumps(header, ensure_ascii=False).encode(errors="replace"))
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


def _tensor(shape: list[Any], start: int, body: bytes) -> Tensor:
    if len(shape) > 8 or not all(type(size) is int and 0 <= size <= MAX_BODY for size in shape):
        raise Broken("bad shape")
    count = 1
    for size in shape:
        count *= size
    if start < 0 or count > MAX_BODY or start + 8 * count > len(body):
        raise Broken("tensor outside its frame")
    if count == 0:
        return torch.empty(shape, dtype=torch.float64)
    flat = torch.frombuffer(bytearray(body[start : start + 8 * count]), dtype=torch.float64)
    return flat.reshape(shape)


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
    return value[:limit] if isinstance(value, str) else ""


def _indices(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise Broken("bad indices")
    return tuple(value[:64])
