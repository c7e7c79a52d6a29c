"""Frames: what was packed comes out, and nothing else than Broken or Late comes of rubbish."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from typing import Any

import pytest
import torch

from checks.grader.records.observation import Array
from checks.grader.running import frames
from checks.grader.running.messages import Packer, observation, unpack


def received(data: bytes, seconds: float = 1.0) -> tuple[dict[str, Any], bytes]:
    """What the judge reads when a process sends `data` and closes."""
    ours, theirs = socket.socketpair()
    with ours:
        sender = threading.Thread(target=_send_and_close, args=(theirs, data))
        sender.start()
        try:
            return frames.read(ours, time.monotonic() + seconds)
        finally:
            ours.close()
            sender.join()


def _send_and_close(sock: socket.socket, data: bytes) -> None:
    with sock:
        try:
            sock.sendall(data)
        except OSError:
            return


def frame(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", len(text), len(body)) + text + body


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,), (2, 0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_a_tensor_comes_out_as_it_went_in(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = (torch.rand(shape) * 10).to(dtype)
    packer = Packer()
    node = packer.node(Array(values, str(dtype), "cpu"))
    array = unpack(json.loads(json.dumps(node)), bytes(packer.body))
    assert torch.equal(array.values, values.to(torch.float64))
    assert array.values.shape == shape
    assert array.dtype == str(dtype)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff" * 8,
        struct.pack("<II", frames.MAX_HEADER + 1, 0),
        struct.pack("<II", 2, frames.MAX_BODY + 1) + b"{}",
        struct.pack("<II", 100, 0) + b"{}",
        frame(b"not json"),
        frame(b"[" * 100_000),
        frame([1, 2]),
        frame(b"\x80\x04\x95"),
    ],
    ids=["nothing", "a byte", "ones", "long", "wide", "cut", "text", "deep", "list", "pickle"],
)
def test_what_is_no_frame_is_broken(data: bytes) -> None:
    with pytest.raises(frames.Broken):
        received(data)


@pytest.mark.parametrize(
    "value",
    [
        {"tensor": [2], "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": [-1], "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": [1], "at": -8, "dtype": "float32", "device": "cpu"},
        {"tensor": [1], "at": 1 << 70, "dtype": "float32", "device": "cpu"},
        {"tensor": [1 << 40, 1 << 40], "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": [True], "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": [1.0], "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": [1] * 99, "at": 0, "dtype": "float32", "device": "cpu"},
        {"tensor": "x", "at": 0, "dtype": "float32", "device": "cpu"},
        {"tuple": [{"tuple": [{"tuple": [{"tuple": [{"tuple": [{"tuple": []}]}]}]}]}]},
        {"tuple": [{"plain": 0}] * 65},
        {"dict": [[1, 2, 3]]},
        {"plain": "text"},
        {"plain": [1]},
        {},
        [],
        "x",
        None,
    ],
    ids=repr,
)
def test_a_malformed_value_is_broken(value: Any) -> None:
    with pytest.raises(frames.Broken):
        observation({"outcome": "value", "value": value}, b"\0" * 8)


def test_a_silent_process_is_late_and_a_slow_one_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        start = time.monotonic()
        with pytest.raises(frames.Late):
            frames.read(ours, start + 0.05)
        theirs.sendall(frame({"a": 1})[:-1])
        with pytest.raises(frames.Late):
            frames.read(ours, time.monotonic() + 0.05)
        assert time.monotonic() - start < 5


def test_random_changes_of_a_frame_do_no_harm() -> None:
    packer = Packer()
    value = {"tuple": [packer.node(torch.rand(2, 3)), packer.node(1.5)]}
    good = frame({"outcome": "value", "value": value, "changed": [1]}, bytes(packer.body))
    dice = random.Random(0)
    read = broken = 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            observation(*received(bytes(data), seconds=0.2))
            read += 1
        except (frames.Broken, frames.Late):
            broken += 1
    assert read > 0
    assert broken > 100
