"""The pictures that a lesson's check file declares: of which call, with which names.

Every record names an exercise and a worked example of data/; `given` replaces inputs of the example
(more epochs, say). `file` ends the name of the picture's file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

#: A value of the lesson as a function of the exercise's inputs, which are passed by name.
Formula = Callable[..., Tensor]


@dataclass(frozen=True)
class Net:
    """A layered net with one weight on each edge.

    exercise  the loss, of `inputs`, `targets` and the vector `weights`
    forward   the exercise that returns the activations after the first layer, in order
    layers    the names of the units, inputs first
    edges     (from, to), one per weight, in the order of `weights`
    """

    exercise: str
    example: str
    layers: tuple[tuple[str, ...], ...]
    edges: tuple[tuple[str, str], ...]
    inputs: str = "x"
    targets: str = "y"
    weights: str = "w"
    forward: str = "forward"
    hand: str = "grad_by_hand"
    given: Mapping[str, Any] = field(default_factory=dict)
    file: str = "net"


@dataclass(frozen=True)
class Graph:
    """The computation graph of one call, as autograd recorded it.

    exercise  returns the value whose gradient is drawn, or differentiates it itself
    names     the lesson's name of a value -> its formula; nodes are recognised by their values
    wrt       the parameters: inputs whose gradients are shown
    root      the name of the last node
    hand      the exercise that gives the gradients of `wrt` by hand, None if there is none
    net       the layered net that it is, for a page to show with its weights on the lines
    engine    the graph is that of the student's own engine, when its `backward` is called
    """

    exercise: str
    example: str
    wrt: tuple[str, ...]
    names: Mapping[str, Formula] = field(default_factory=dict)
    root: str = "loss"
    hand: str | None = "grad_by_hand"
    given: Mapping[str, Any] = field(default_factory=dict)
    net: Net | None = None
    engine: bool = False
    file: str = "graph"


@dataclass(frozen=True)
class Losses:
    """The losses of a training run on a logarithmic scale.

    floor  what the loss cannot go below, and why, if there is such a thing
    """

    exercise: str
    example: str
    given: Mapping[str, Any] = field(default_factory=dict)
    floor: tuple[float, str] | None = None
    file: str = "losses"


@dataclass(frozen=True)
class Surface:
    """The path of training over the contours of a quadratic mean loss.

    parameters  names and shapes are those of the trained parameters, flattened, in order
    axes        the two parameters drawn; the contours show the loss with the others at their best
    loss        mean loss of (flat parameters, *tensors that are not trained), shape ()
    """

    exercise: str
    example: str
    parameters: tuple[str, ...]
    axes: tuple[str, str]
    loss: Callable[..., Tensor]
    given: Mapping[str, Any] = field(default_factory=dict)
    file: str = "surface"


@dataclass(frozen=True)
class Fit:
    """Data points, the trained line, the least-squares line and the residuals between.

    best   (x, y) -> (weight, bias) of least squares
    early  a number of epochs after which the line is drawn as well
    """

    exercise: str
    example: str
    best: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    early: int
    given: Mapping[str, Any] = field(default_factory=dict)
    file: str = "fit"


@dataclass(frozen=True)
class Separation:
    """What a net without and a net with an activation can separate, both trained on the same data.

    exercise  trains the net with the activation: (xs, ys, W1, b1, W2, b2, lr, epochs)
    forward   its prediction; `linear` is that of the net without, `collapse` its single layer
    """

    exercise: str
    example: str
    given: Mapping[str, Any] = field(default_factory=dict)
    forward: str = "forward"
    linear: str = "forward_linear"
    collapse: str = "collapse"
    file: str = "separation"


Figure = Graph | Net | Losses | Surface | Fit | Separation
