"""Lesson 4 · A net of sigmoids: two inputs, two hidden units, two outputs, eight weights

Each hidden unit and each output adds up what reaches it and squashes the sum with the sigmoid
σ(z) = 1 / (1 + e⁻ᶻ), which lies between 0 and 1. The value after σ is called the activation:

    x1 ──w1──▶ z1 ─σ─▶ h1 ──w5──▶ z3 ─σ─▶ o1 ──┐         z1 = w1·x1 + w3·x2
        ╲w2  ╱             ╲w6  ╱              (½Σr²)    z2 = w2·x1 + w4·x2
        ╱w3  ╲             ╱w7  ╲              │ loss    z3 = w5·h1 + w7·h2
    x2 ──w4──▶ z2 ─σ─▶ h2 ──w8──▶ z4 ─σ─▶ o2 ──┘         z4 = w6·h1 + w8·h2

    loss = ½·(o1 − y1)² + ½·(o2 − y2)²

The ½ is there to cancel the 2 in the derivative of the square. (nn.MSELoss() on these two outputs
is the same number: it takes the mean, and the mean of two squares is half their sum.)

Backward, from the loss to the left, each gradient once; σ′ is the derivative of σ:

    ∂loss/∂o1 = o1 − y1                               the derivative of ½r² is r
    ∂loss/∂z3 = ∂loss/∂o1 · σ′(z3)                    through the sigmoid of o1; z4 and o2 likewise
    ∂loss/∂w5 = ∂loss/∂z3 · ∂z3/∂w5                   what multiplies w5 in z3?
    ∂loss/∂h1 = ∂loss/∂z3 · w5 + ∂loss/∂z4 · w6       h1 feeds both sums, so two paths add up
    ∂loss/∂z1 = ∂loss/∂h1 · σ′(z1)                    through the sigmoid of h1
    ∂loss/∂w1 = ∂loss/∂z1 · ∂z1/∂w1                   what multiplies w1 in z1?

The rest is yours: the same steps for the other weights, and σ′. It can be written with the
activation alone, a = σ(z), so the forward pass has already computed what is needed.

Worked example, x = (0.5, 0.3), y = (0.23, −0.07), w = (0.2, −0.4, 0.5, 0.6, 0.1, −0.5, −0.3, 0.8):

    forward    z1, z2 =  0.2500, −0.0200     h = 0.562177, 0.495000
               z3, z4 = −0.0923,  0.1149     o = 0.476946, 0.528696     loss = 0.209710
    backward   ∂loss/∂o  =  0.246946, 0.598696       ∂loss/∂z3, z4 =  0.061605, 0.149181
               ∂loss/∂h  = −0.068430, 0.100863       ∂loss/∂z1, z2 = −0.016843, 0.025213
               ∂loss/∂w  = −0.008421, 0.012607, −0.005053, 0.007564,
                            0.034633, 0.083866,  0.030495, 0.073845

Why are ∂loss/∂w1 and ∂loss/∂w3 negative? Both outputs are too large, o2 by far the most. h1 reaches
o2 through w6 = −0.5, so a larger h1 means a smaller o2 and a smaller loss: ∂loss/∂h1 is negative.
x1 and x2 are positive, so ∂loss/∂w1 and ∂loss/∂w3 are negative too. A sign can always be tested:
raise w1 a little and see whether the loss falls.

Why the loss stops at 0.00245: the target y2 = −0.07 is negative, and a sigmoid never is. o2 can
come close to 0 but not below it, so ½·(o2 − y2)² stays above ½·0.07² = 0.00245 however long you
train; after 1000 rounds the loss is 0.0031845. Targets belong inside the range of the output unit.

Training here is on one sample, again and again: a *round* is one step. Pieces become one tensor
with `torch.stack`: `torch.stack([a, b])` has shape (2,) if a and b have shape (), and autograd can
follow it. (`torch.tensor([a, b])` copies the numbers, and the graph is lost.)

x, y, h and o have shape (2,), w has shape (8,) and holds w1 … w8 in this order. Results keep the
dtype and the device of the inputs. No function changes its arguments.

After this lesson you can derive every gradient of a small net by hand, add up the paths that meet
in a hidden unit, and say where a sign comes from.

Run this file to see the training log:  python exercises/lesson4_sigmoid_net.py
"""

import sys
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


def sigmoid(z: Tensor) -> Tensor:
    """σ(z) = 1 / (1 + e⁻ᶻ), entry by entry.

    z: any shape.  Returns σ(z), the same shape, finite for z = ±1000 too.
    z = (−1000, 0, 1000) gives (0, 0.5, 1); z = 0.25 gives 0.562177.
    """
    # TODO 4.1: squash z into 0 … 1, without ∞/∞ on the way
    raise NotImplementedError("TODO 4.1: squash z into 0 … 1, without ∞/∞ on the way")


def sigmoid_slope(a: Tensor) -> Tensor:
    """The slope σ′(z), in terms of the activation a = σ(z).

    a: any shape, each entry between 0 and 1; it is σ(z) already, not z.  Returns σ′(z), the same
    shape.   a = 0.5 (z = 0) gives 0.25, the steepest there is; a = 0.8 gives 0.16.
    """
    # TODO 4.2: write σ′ with a alone
    raise NotImplementedError("TODO 4.2: write σ′ with a alone")


def forward(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """The activations of both layers.

    x: shape (2,); w: shape (8,).  Returns (h, o), each of shape (2,).
    The worked example gives h = (0.562177, 0.495000), o = (0.476946, 0.528696).
    """
    # TODO 4.3: compute z1 … z4 along the arrows, squash each
    raise NotImplementedError("TODO 4.3: compute z1 … z4 along the arrows, squash each")


def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """½·(o1 − y1)² + ½·(o2 − y2)².

    x, y: shape (2,); w: shape (8,).  Returns the loss, shape ().
    The worked example gives 0.2097097937.
    """
    # TODO 4.4: add up half of each squared residual
    raise NotImplementedError("TODO 4.4: add up half of each squared residual")


def grad_by_hand(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """∂loss/∂w by the chain rule, written out in tensor arithmetic; no autograd here.

    x, y: shape (2,); w: shape (8,).  Returns (∂loss/∂w1, …, ∂loss/∂w8), shape (8,).
    The numbers of the worked example stand at the top of this file, node by node.
    """
    # TODO 4.5: walk back: o, z3 and z4, w5 … w8, h, z1 and z2, w1 … w4
    raise NotImplementedError("TODO 4.5: walk back: o, z3 and z4, w5 … w8, h, z1 and z2, w1 … w4")


def grad_by_autograd(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """The same ∂loss/∂w, found by PyTorch.

    x, y: shape (2,); w: shape (8,).  Returns ∂loss/∂w, shape (8,).  Leaves no `.grad` on the
    arguments.
    """
    # TODO 4.6: make a leaf, go forward, let autograd go backward
    raise NotImplementedError("TODO 4.6: make a leaf, go forward, let autograd go backward")


def update(w: Tensor, grad: Tensor, step: float) -> Tensor:
    """One step of gradient descent.

    w, grad: shape (8,); step: how far to go, a Python float.  Returns the new w, shape (8,), and
    leaves the w it was given as it is.
    The worked example with step 1 takes w1 from 0.2 to 0.208421 and w2 from −0.4 to −0.412607.
    """
    # TODO 4.7: go against the gradient
    raise NotImplementedError("TODO 4.7: go against the gradient")


def train(x: Tensor, y: Tensor, w: Tensor, step: float, rounds: int) -> tuple[Tensor, Tensor]:
    """`rounds` steps of gradient descent on one sample.

    x, y: shape (2,); w: shape (8,).  Returns (w, losses): the trained w, shape (8,), and losses,
    shape (rounds,), each computed before that round's update.
    The worked example with step 1 has the losses 0.2097098, 0.1950326, … before update 1, 2, …:
    0.1108230 before update 10, 0.0211245 before 50, 0.0103428 before 100, 0.0031852 before 1000.
    """
    # TODO 4.8: for each round: note the loss, take the gradient, update
    raise NotImplementedError("TODO 4.8: for each round: note the loss, take the gradient, update")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
