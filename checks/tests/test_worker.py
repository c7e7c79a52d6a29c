"""The worker's shortcuts: what stands in for slow modules must change no result."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from torch._functorch import apis

from checks.grader.records.course import ROOT

SETUP = (
    "import sys, torch\nfrom checks.grader.running.inside import worker\n"
    "worker.prepare()\nx = torch.ones(3)\n"
)

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
def test_nothing_slow_is_imported_for(use: str) -> None:
    if "torch.func" in use and "from torch._dynamo" in inspect.getsource(apis):
        pytest.skip("this PyTorch asks for names of its compiler that nothing can stand in for")
    _passes(
        f"{SETUP}{use}\nslow = {{'sympy', 'torch._inductor'}} & set(sys.modules); assert not slow"
    )


def test_a_wrong_upstream_shape_is_still_refused() -> None:
    _passes(
        f"{SETUP}v = x.clone().requires_grad_()\n"
        "try:\n    (v * v).backward(torch.ones(2))\n"
        "except RuntimeError as error:\n    assert 'Mismatch in shape' in str(error), error\n"
        "else:\n    raise AssertionError"
    )


def test_the_real_compiler_is_there_for_who_asks() -> None:
    _passes(f"{SETUP}f = torch.compile(lambda v: v * v, backend='eager')\nassert f(x).sum() == 3")


def _passes(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
