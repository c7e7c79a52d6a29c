"""What the text of a function says about its method: no false alarm, no blind eye."""

from __future__ import annotations

import pytest

from checks.grader.grading.method import autograd_in
from checks.grader.grading.reading import line_of

BY_AUTOGRAD = {
    "requires_grad_": "def f(w):\n    v = w.clone().requires_grad_()\n    return v",
    "the keyword": "def f(w):\n    return torch.tensor(1.0, requires_grad=True)",
    "the attribute": "def f(w):\n    w.requires_grad = True\n    return w",
    "backward": "def f(w):\n    (w * w).backward()",
    "torch.autograd": "def f(w):\n    return torch.autograd.grad(w * w, w)",
    "imported grad": "from torch.autograd import grad\ndef f(w):\n    return grad(w * w, w)",
    "renamed grad": "from torch.autograd import grad as g\ndef f(w):\n    return g(w * w, w)",
    "imported autograd": "from torch import autograd\ndef f(w):\n    autograd.grad(w * w, w)",
    "renamed module": "import torch.func as F\ndef f(w):\n    return F.grad(lambda v: v * v)(w)",
    "torch.func": "def f(w):\n    return torch.func.jacrev(lambda v: v * v)(w)",
    "forward mode": "import torch.autograd.forward_ad as fw\ndef f(w):\n    fw.make_dual(w, w)",
    "enable_grad": "def f(w):\n    with torch.enable_grad():\n        return w",
    "a helper": "def help(w):\n    w.backward()\ndef f(w):\n    return help(w)",
    "a helper's helper": "def a(w):\n    w.backward()\ndef b(w):\n    a(w)\ndef f(w):\n    b(w)",
    "a class": "class G(torch.autograd.Function):\n    pass\ndef f(w):\n    return G.apply(w)",
    "an import inside": "def f(w):\n    from torch.func import grad\n    grad(lambda v: v)(w)",
}

BY_HAND = {
    "arithmetic": "def f(w):\n    return 2 * w",
    "no_grad": "def f(w):\n    with torch.no_grad():\n        return 2 * w",
    "autograd's no_grad": "def f(w):\n    with torch.autograd.no_grad():\n        return 2 * w",
    "requires_grad off": "def f(w):\n    return w.detach().requires_grad_(False)",
    "the keyword off": "def f(w):\n    return torch.tensor(1.0, requires_grad=False)",
    "vmap": "def f(w):\n    return torch.func.vmap(lambda v: 2 * v)(w)",
    "words": 'def f(w):\n    """No backward, no torch.autograd, no requires_grad."""\n    return w',
    "variables of that name": "def f(w):\n    backward = autograd = 2 * w\n    return autograd",
    "elsewhere in the file": "def f(w):\n    return 2 * w\ndef g(w):\n    w.backward()",
    "a backward of one's own": (
        "class Node:\n    def backward(self):\n        return 1\n"
        "def f(w):\n    return w * Node().backward()"
    ),
    "a function called multiply_backward": (
        "def multiply_backward(x, w, up):\n    return up * w, up * x\n"
        "def f(w):\n    return multiply_backward(w, w, w)[0]"
    ),
    "another library's grad": "import numpy as np\ndef f(w):\n    return np.gradient(w)",
    "no such function": "def g(w):\n    w.backward()",
    "a syntax error": "def f(:\n",
}


@pytest.mark.parametrize("source", BY_AUTOGRAD.values(), ids=BY_AUTOGRAD)
def test_autograd_is_seen_in(source: str) -> None:
    assert autograd_in(source, "f") is not None


@pytest.mark.parametrize("source", BY_HAND.values(), ids=BY_HAND)
def test_no_autograd_is_seen_in(source: str) -> None:
    assert autograd_in(source, "f") is None


def test_the_place_is_named() -> None:
    found = autograd_in("def f(w):\n    v = w.requires_grad_()\n    return v", "f")
    assert found == "`w.requires_grad_()` in line 2"


def test_the_line_of_an_exercise_is_its_todo_or_its_first() -> None:
    source = "\n\ndef f(w):\n    # TODO 1.1: do it\n    return w\n\ndef g(w):\n    return w\n"
    assert (line_of(source, "f"), line_of(source, "g"), line_of(source, "h")) == (4, 7, None)
