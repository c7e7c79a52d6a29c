"""Lesson 8 · Autograd of your own: what `loss.backward()` does, in forty lines

In lesson 1 you went back through one node: its local slope times the upstream gradient. In lesson 4
you went back through a net, node by node, and added up where two paths met. PyTorch does nothing
else. Here you write it for any graph, and then lesson 4's net is trained by your own engine.

While values are computed, every node writes down two things: which nodes it was computed from, its
parents, and its slope with respect to each of them. For c = a·b, e = c + a, f = e·c at a = 2,
b = −3:

    node         value   parents   slopes
    a                2   none                                 a leaf
    b               −3   none                                 a leaf
    c = a·b         −6   a, b      ∂c/∂a = −3   ∂c/∂b = 2
    e = c + a       −4   c, a      ∂e/∂c =  1   ∂e/∂a = 1
    f = e·c         24   e, c      ∂f/∂e = −6   ∂f/∂c = −4

That table is the graph. To go backward nobody has to know any more that c was a product: parents
and slopes are enough, for this graph and for every other.

    arrives at f     1                               ∂f/∂f, the seed: nothing has happened yet
    f hands on       1·(−6) to e,   1·(−4) to c      what arrived, times the slope
    e hands on       (−6)·1 to c,   (−6)·1 to a
    c has now        −4 from f and −6 from e: −10    where paths meet, gradients add up
    c hands on       (−10)·(−3) to a,   (−10)·2 to b
    a has now        −6 from e and 30 from c: 24     ∂f/∂a
    b has now        −20                             ∂f/∂b

The order is what matters. Had c handed on the −4 before the −6 from e was there, a would have got
12 in place of 30. A node may hand on only when all has arrived that will arrive, that is, after
everything that was computed from it has handed on. A list in which parents stand before what is
computed from them is called a topological order; read from its end, it is the order to go backward.

How to find it: start at `end` and follow parents to parents, and put a node on the list once all
its parents are on it. Two things can go wrong.
    Paths are many. Double x sixty times by n = n + n: 61 nodes, and 2⁶⁰ paths lead from the end to
    x. A walk that follows every path never ends; a walk that remembers where it has been takes 61
    steps. (A node can be a member of a set and a key of a dict.)
    Chains are long. A function that calls itself for each parent is five lines, and stops with a
    RecursionError at a chain of about 1000 nodes. A loop with a list of what is still to be done
    walks chains of any length. PyTorch, too, uses a list of its own.

What is kept, and where. Gradients of leaves are the result: `backward` adds them to the `.grad` of
the leaves, as in lesson 6, so a second backward without clearing gives 48 and −40. What arrives at
the other nodes is on its way only; keep it in a dict that lives as long as the call. An engine that
leaves it in `.grad` of every node is right once: at the second backward it sends the old gradients
on with the new ones, and finds 90 and −72 (114 and −92 if it adds up the seed as well).

PyTorch is the arithmetic of 0-d tensors here and nothing else: no `requires_grad`, no `.backward()`
of a tensor, no torch.autograd, no torch.func. Values, slopes and gradients are 0-d tensors, shape
(), and keep dtype and device. Below, "a leaf" is a node without parents.

After this lesson you can write what `loss.backward()` does: record a graph, walk it from its end,
and add up the gradients of its leaves.

Run this file to train lesson 4's net with your engine, beside torch.autograd, and to see the graph
that your engine recorded:  python exercises/lesson8_engine.py
"""

import sys
from collections.abc import Sequence
from pathlib import Path

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    sys.exit(f"This Python has no PyTorch: run make once, then .venv/bin/python {sys.argv[0]}")


class Node:
    """One number of a graph and what it was computed from. Given, complete, not to be changed.

    value    the number, a 0-d tensor, shape ()
    parents  the nodes it was computed from, in order; empty for a leaf
    slopes   slopes[i] = ∂value/∂parents[i], 0-d tensors
    grad     None until a backward fills it

    Two nodes are equal only if they are the same node, so nodes can be kept in a set and be the
    keys of a dict, whatever their values are.
    """

    def __init__(
        self, value: Tensor, parents: Sequence["Node"] = (), slopes: Sequence[Tensor] = ()
    ) -> None:
        self.value = value
        self.parents = tuple(parents)
        self.slopes = tuple(slopes)
        self.grad: Tensor | None = None

    def __repr__(self) -> str:
        return f"Node({self.value.item():g})"


def add(a: Node, b: Node) -> Node:
    """The node of a + b, with parents (a, b).

    a, b: nodes with values of shape (); they may be one and the same node.
    Returns a Node; its value and its two slopes have shape ().
    """
    # TODO 8.1: the sum, its two parents, its two slopes
    one = torch.ones_like(a.value)
    return Node(a.value + b.value, (a, b), (one, one))


def multiply(a: Node, b: Node) -> Node:
    """The node of a·b, with parents (a, b).

    a, b: nodes with values of shape (); they may be one and the same node.
    Returns a Node; its value and its two slopes have shape ().   2·(−3) has the slopes −3 and 2.
    """
    # TODO 8.2: the product, its two parents, its two slopes
    return Node(a.value * b.value, (a, b), (b.value, a.value))


def power(a: Node, n: int | float) -> Node:
    """The node of aⁿ, with one parent, a: n is a Python number and a constant.

    a: a node with a value of shape (), above 0 where n is not whole; n: 2, 3, −1, 0.5, say.
    Returns a Node; its value and its slope have shape ().
    3² has the slope 6, 4⁻¹ has −0.0625, 4^0.5 has 0.25.
    """
    # TODO 8.3: the power, its parent, its slope
    return Node(a.value**n, (a,), (n * a.value ** (n - 1),))


def sigmoid(a: Node) -> Node:
    """The node of σ(a) = 1 / (1 + e⁻ᵃ), with one parent, a.

    a: a node with a value of shape ().  Returns a Node; its value and its slope have shape () and
    are finite for a = ±1000 too.   σ(0.25) = 0.562177 has the slope 0.246134.
    """
    # TODO 8.4: the sigmoid, its parent, its slope
    value = torch.sigmoid(a.value)
    return Node(value, (a,), (value * (1 - value),))


def topological_order(end: Node) -> list[Node]:
    """Every node that `end` depends on, and `end` itself, each once, parents before children.

    end: a node with a value of shape ().  Returns a list of nodes, `end` at its end. In the example
    at the top a, b, c, e, f is one such list for f, and b, a, c, e, f is another.
    Works for 2⁶⁰ paths, and for a chain of 20000 nodes: it does not call itself.
    """
    # TODO 8.5: list every node once, after all of its parents
    order: list[Node] = []
    seen: set[Node] = set()
    # What is left to do, the next thing last: visit a node, or list it, its parents being listed.
    to_do = [(end, "visit")]
    while to_do:
        node, task = to_do.pop()
        if task == "list":
            order.append(node)
        elif node not in seen:
            seen.add(node)
            to_do.append((node, "list"))
            to_do.extend((parent, "visit") for parent in node.parents)
    return order


def backward(end: Node) -> None:
    """Add ∂end/∂leaf to the `.grad` of every leaf that `end` depends on.

    end: a node with a value of shape ().  Returns None; each `.grad` has shape (), and a None there
    counts as 0. Nodes with parents keep `.grad` None, and so do leaves that `end` does not depend
    on. If `end` is a leaf itself, its `.grad` gets 1.
    """
    # TODO 8.6: seed the end, hand on from node to node, add up in leaves
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            share = upstream * slope
            arrived[parent] = arrived[parent] + share if parent in arrived else share


def net_loss(x: Tensor, y: Tensor, w: Tensor) -> tuple[Node, list[Node]]:
    """Lesson 4's net and its loss, built of nodes: for the two functions below, not checked itself.

    x, y: shape (2,); w: shape (8,).  Returns (loss, weights): the node of the loss, and the leaves
    of w1 … w8.
    """
    # TODO 8.7: a leaf for every number, then z1 … z4, h, o, loss
    x1, x2 = map(Node, x)
    weights = w1, w2, w3, w4, w5, w6, w7, w8 = [Node(value) for value in w]
    h1 = sigmoid(add(multiply(w1, x1), multiply(w3, x2)))
    h2 = sigmoid(add(multiply(w2, x1), multiply(w4, x2)))
    o1 = sigmoid(add(multiply(w5, h1), multiply(w7, h2)))
    o2 = sigmoid(add(multiply(w6, h1), multiply(w8, h2)))
    # There is no subtraction: o − y is o + (−y), and y is data.
    r1, r2 = add(o1, Node(-y[0])), add(o2, Node(-y[1]))
    half = Node(torch.full_like(y[0], 0.5))
    return multiply(half, add(power(r1, 2), power(r2, 2))), weights


def net_gradients(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Lesson 4's eight gradients, found by your engine.

    x, y: shape (2,); w: shape (8,).  Returns (∂loss/∂w1, …, ∂loss/∂w8), shape (8,).
    At lesson 4's worked example: −0.008421, 0.012607, −0.005053, 0.007564, 0.034633, 0.083866,
    0.030495, 0.073845.
    """
    # TODO 8.7: build the net of nodes, go backward, collect
    loss, weights = net_loss(x, y, w)
    backward(loss)
    return torch.stack([weight.grad for weight in weights])


def train(x: Tensor, y: Tensor, w: Tensor, step: float, rounds: int) -> tuple[Tensor, Tensor]:
    """Lesson 4's training, through your engine: `rounds` steps of gradient descent on one sample.

    x, y: shape (2,); w: shape (8,).  Returns (w, losses): the trained w, shape (8,), and losses,
    shape (rounds,), each computed before that round's update.
    Lesson 4's worked example with step 1 has the losses 0.2097098, 0.1950326, … here as well.
    """
    # TODO 8.8: for each round: net, loss, backward, update
    losses = []
    for _ in range(rounds):
        loss, weights = net_loss(x, y, w)
        losses.append(loss.value)
        backward(loss)
        w = w - step * torch.stack([weight.grad for weight in weights])
    return w, torch.stack(losses)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from checks.grader.commands.program import run

    run(__file__)
