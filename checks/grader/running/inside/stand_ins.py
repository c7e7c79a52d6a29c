"""Stand-ins for modules of torch that are slow to import and do nothing here."""

from __future__ import annotations

import importlib
import operator
import sys
import types
from contextlib import nullcontext, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


class StandIn(types.ModuleType):
    """Stands in for a module of torch that is slow to import, with the few names that are used.

    Any other name, and any module inside it, imports the real one, which then takes its place.
    """

    def __init__(self, name: str, package: bool, **names: Any) -> None:
        super().__init__(name)
        self.__dict__.update(names)
        self.__dict__["_magic"] = ("__path__",) if package else ()
        self.__dict__["_names"] = tuple(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in self._magic:
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        if self.__name__ == "torch._dynamo":  # torch 2.6 imports it in a circle otherwise
            importlib.import_module("torch._prims")
        real = importlib.import_module(self.__name__)
        for stood_in in self._names:  # whoever holds the stand-in gets the real thing from now on
            if hasattr(real, stood_in):
                self.__dict__[stood_in] = getattr(real, stood_in)
        return getattr(real, name)


class Without(MetaPathFinder, Loader):
    """Whoever imports torch._meta_registrations gets an empty module.

    On its way the real one gives torch.Generator its class, so that is done here. What it does in
    a PyTorch that is newer than those tried is not known: there it is imported.
    """

    NAME, NEWEST = "torch._meta_registrations", (2, 13)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == self.NAME and self._is_known() else None

    def _is_known(self) -> bool:
        version = importlib.import_module("torch.version").__version__
        return tuple(map(int, version.split(".")[:2])) <= self.NEWEST

    def exec_module(self, module: types.ModuleType) -> None:
        with suppress(ModuleNotFoundError):  # of an older one, in which it has its class already
            kind = importlib.import_module("torch._opaque_base").OpaqueBaseMeta
            importlib.import_module("torch._C")._set_generator_metaclass(kind)


class _Formula:
    """The kind of a formula; no number is one."""


def put_in_place() -> None:
    """Do without what nobody needs here. A process of the course's own does so before it imports
    torch, never one of somebody else's.

    `import torch` spends a fifth of its time on torch._meta_registrations, which says which shape
    an operation would give on the device meta, and on torch.export, which writes programs down.
    """
    for module in stand_ins():
        sys.modules.setdefault(module.__name__, module)
    if not any(isinstance(finder, Without) for finder in sys.meta_path):
        sys.meta_path.insert(0, Without())


def stand_ins() -> tuple[StandIn, ...]:
    """The compiler, and its arithmetic with symbolic shapes, for programs that compile nothing.

    torch.optim and torch.func import the compiler (800 modules, more than a second) to say "do not
    compile me"; a backward from a tensor with an upstream gradient, and forward mode, import sympy
    (500 modules) to compare two shapes. At its first use forward mode compiles formulas for a few
    operations that have none of their own (trace, the backward of a softmax): no lesson uses them.
    """
    return (
        StandIn(
            "torch._dynamo",
            package=True,
            disable=lambda fn=None, *_, **__: fn if fn is not None else lambda function: function,
            graph_break=lambda *_, **__: None,
            compiled_autograd=types.SimpleNamespace(
                _disable=nullcontext, in_compiled_autograd_region=False
            ),
        ),
        StandIn(
            "torch.fx.experimental.symbolic_shapes",
            package=False,
            expect_true=bool,
            sym_eq=operator.eq,
            guard_or_false=bool,
            guard_or_true=bool,
            guarding_hint_or_throw=int,
            has_guarding_hint=lambda _: True,
            size_hint=lambda size, fallback=None: int(size),  # the older names of the two
            has_hint=lambda _: True,
            guard_size_oblivious=bool,
            is_nested_int=lambda _: False,
            sym_and=lambda *conditions: all(conditions),
            sym_or=lambda *conditions: any(conditions),
        ),
        StandIn("torch._decomp.decompositions_for_jvp", package=False),
        StandIn("torch.export", package=True),
        StandIn("sympy", package=True, Basic=_Formula),
    )
