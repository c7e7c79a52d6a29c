"""The worker's shortcuts: what stands in for slow modules must change no result."""

from __future__ import annotations

import inspect
import time

import pytest
from torch._functorch import apis

from checks.grader.running.messages import Import
from checks.grader.running.server import START_UP, Server

SETUP = "import sys, torch\nfrom checks.grader.running.inside import worker\nx = torch.ones(3)\n"

#: What students may use -> a check of its result, in a process with the stand-ins.
USES = {
    "optim.SGD": (
        "p = torch.nn.Parameter(torch.ones(1)); o = torch.optim.SGD([p], lr=0.5)\n"
        "(3 * p).sum().backward(); o.step(); o.zero_grad(); assert p.item() == -0.5"
    ),
    "optim.Adam": (
        "p = torch.nn.Parameter(torch.ones(1)); o = torch.optim.Adam([p], lr=0.5)\n"
        "(3 * p).sum().backward(); o.step(); assert abs(p.item() - 0.5) < 1e-4"
    ),
    "torch.func.grad": "assert torch.func.grad(lambda v: (v * v).sum())(x).tolist() == [2, 2, 2]",
    "torch.func.jacrev": "assert torch.func.jacrev(lambda v: v * v)(x).trace() == 6",
    "torch.func.jacfwd": "assert torch.func.jacfwd(lambda v: v * v)(x).trace() == 6",
    "torch.func.vjp": "assert torch.func.vjp(lambda v: v * v, x)[1](x)[0].sum() == 6",
    "functional.jacobian": (
        "assert torch.autograd.functional.jacobian(lambda v: v * v, x).trace() == 6"
    ),
    "torch.func.jvp": (
        "_, slope = torch.func.jvp(lambda v: ((2 * v - 1) ** 2).sum(), (x,), (x,))\n"
        "assert slope == 12"
    ),
    "dual numbers": (
        "import torch.autograd.forward_ad as fw\n"
        "with fw.dual_level():\n"
        "    y = torch.sigmoid(0.5 * (fw.make_dual(x[0], x[1]) - 1)) ** 2\n"
        "    assert abs(fw.unpack_dual(y).tangent - 0.125) < 1e-6"
    ),
    "an upstream gradient": (
        "v = x.clone().requires_grad_(); (v * v).backward(2 * x); assert v.grad.sum() == 12"
    ),
    "a batch of upstream gradients": (
        "v = x.clone().requires_grad_()\n"
        "j, = torch.autograd.grad(v * v, v, torch.eye(3), is_grads_batched=True)\n"
        "assert j.trace() == 6"
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_nothing_slow_is_imported_for(use: str, server: Server) -> None:
    if "torch.func" in use and "from torch._dynamo" in inspect.getsource(apis):
        pytest.skip("this PyTorch asks for names of its compiler that nothing can stand in for")
    _passes(
        server, f"{SETUP}{use}\nassert not {{'sympy.core', 'torch._inductor'}} & set(sys.modules)"
    )


def test_a_wrong_upstream_shape_is_still_refused(server: Server) -> None:
    _passes(
        server,
        f"{SETUP}v = x.clone().requires_grad_()\n"
        "try:\n    (v * v).backward(torch.ones(2))\n"
        "except RuntimeError as error:\n    assert 'Mismatch in shape' in str(error), error\n"
        "else:\n    raise AssertionError",
    )


def test_the_real_compiler_is_there_for_who_asks(server: Server) -> None:
    _passes(
        server,
        f"{SETUP}f = torch.compile(lambda v: v * v, backend='eager')\nassert f(x).sum() == 3",
    )


def _passes(server: Server, code: str) -> None:
    """Run a program where a student's would be run, without a sandbox."""
    with server.child(Import("program", "/program.py", code)) as child:
        seen = child.receive(time.monotonic() + START_UP)
    assert seen.outcome == "value", seen


def test_the_real_sympy_is_there_for_who_asks(server: Server) -> None:
    _passes(
        server,
        f"{SETUP}import sympy\nfrom sympy.core import Symbol\n"
        "assert str(sympy.diff(Symbol('w') ** 2)) == '2*w'",
    )


def test_a_warning_of_pytorch_is_one_line_without_its_origin(server: Server) -> None:
    _passes(
        server,
        f"{SETUP}import warnings\nprinted = worker.Printed()\n"
        "printed.warned('a\\n b (Triggered internally at x.h:1.)', UserWarning, '', 7)\n"
        "assert printed.text == 'UserWarning (line 7): a b\\n', printed.text",
    )


def test_what_is_cut_of_the_output_says_so(server: Server) -> None:
    _passes(
        server,
        f"{SETUP}printed = worker.Printed()\nprinted.write('x' * 5000)\nprinted.write('y')\n"
        "assert len(printed.text) <= 2000 and printed.text.endswith('(and more)'), printed.text",
    )
