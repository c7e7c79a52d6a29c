"""Which device a check can run on."""

from __future__ import annotations

import re


def unusable(device: str) -> str | None:
    """Why a device cannot be used, in one line; None if it can. Imports torch only for CUDA."""
    if device == "cpu":
        return None
    match = re.fullmatch(r"cuda(?::(\d+))?", device)
    if match is None:
        return f"unknown device {device!r}: use cpu, cuda or cuda:N"
    import torch

    if not torch.cuda.is_available():
        return f"device {device!r} is not there: PyTorch sees no CUDA GPU here; use --device cpu"
    count = torch.cuda.device_count()
    if int(match.group(1) or 0) >= count:
        return f"device {device!r} is not there: PyTorch sees {count} CUDA GPU(s), counted from 0"
    return None
