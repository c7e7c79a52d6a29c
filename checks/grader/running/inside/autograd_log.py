"""Which of PyTorch's two differentiations ran during a call."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from checks.grader.records.observation import Observation

#: The functions in which reverse mode and forward mode end.
REVERSE, FORWARD = "_engine_run_backward", "make_dual"


class AutogradLog:
    """Notes which of PyTorch's two differentiations ran: reverse mode, forward mode.

    Every public interface (backward, autograd.grad, autograd.functional, torch.func) ends in one
    of the two functions watched here.
    """

    def __init__(self) -> None:
        self.ran: set[str] = set()
        forward_mode = importlib.import_module("torch.autograd.forward_ad")
        watched = ((torch.autograd, REVERSE), (forward_mode, FORWARD))
        self._unwatched = [(module, name, getattr(module, name)) for module, name in watched]
        for module, name, function in self._unwatched:
            setattr(module, name, self._noted(name, function))

    def told(self, seen: Observation) -> Observation:
        """What was seen of a call, with what ran during it."""
        return replace(seen, autograd=bool(self.ran), forward_mode=FORWARD in self.ran)

    def stop(self) -> None:
        """Leave PyTorch as it was, in a process that goes on to other things."""
        for module, name, function in self._unwatched:
            setattr(module, name, function)

    def _noted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noted(*args: Any, **kwargs: Any) -> Any:
            self.ran.add(name)
            return function(*args, **kwargs)

        return noted
