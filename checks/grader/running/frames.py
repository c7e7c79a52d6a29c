"""How messages travel between the judge and a process that runs student code.

A frame is two lengths, a JSON header and raw array bytes; nothing in it is ever executed. The judge
reads under a deadline and under bounds, and treats whatever does not fit as a broken process.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

#: What the judge reads of one answer: right ones take a few hundred bytes.
MAX_HEADER = 1 << 18
MAX_BODY = 1 << 22
#: What a process reads of the judge: a file of 1 MiB, six characters for each of its bytes.
MAX_REQUEST = 8 << 20
LENGTHS = struct.Struct("<II")


class Broken(Exception):
    """The other side closed, sent something that is not a frame, or sent too much."""


class Late(Exception):
    """The deadline passed."""


def write(sock: socket.socket, header: str, body: bytes | bytearray = b"") -> None:
    """Send one frame. `header` is JSON."""
    text = header.encode()
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
