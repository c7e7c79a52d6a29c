"""How long `why` takes, as a ratio to one forward and backward pass. Run by `make bench`.

Seconds of the processor, so that what else the machine does counts little. The promise, on the
machine it was measured on: a single slip in lesson 4's net in 100 ms at the median and 500 ms at
worst, pairs of slips in 2 s.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from checks.slips import OPERATIONS, Slip, record, why
from checks.slips.operations import CUT, HALVED, NEGATED, SLOPE_LEFT_OUT
from checks.tests.backward_passes import PROBLEMS


def net(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Lesson 4's net, unit by unit."""
    x1, x2 = x
    y1, y2 = y
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    z1, z2 = w1 * x1 + w3 * x2, w2 * x1 + w4 * x2
    h1, h2 = torch.sigmoid(z1), torch.sigmoid(z2)
    z3, z4 = w5 * h1 + w7 * h2, w6 * h1 + w8 * h2
    o1, o2 = torch.sigmoid(z3), torch.sigmoid(z4)
    r1, r2 = o1 - y1, o2 - y2
    loss: Tensor = 0.5 * r1**2 + 0.5 * r2**2
    return loss


def cases() -> list[dict[str, Tensor]]:
    dice = torch.Generator().manual_seed(1)
    shapes = {"x": 2, "y": 2, "w": 8}
    return [
        {name: torch.randn(n, generator=dice, dtype=torch.float64) for name, n in shapes.items()}
        for _ in range(2)
    ]


Made = tuple[Slip, tuple[str, ...], str | None]
HALF = [slip for slip in OPERATIONS["sigmoid"].slips if slip.id == "half_a_slope"]


def one(slip: Slip, *names: str, to: str | None = None) -> list[list[Made]]:
    return [[(slip, (name,), to)] for name in names]


SINGLE: tuple[list[Made], ...] = (
    *one(SLOPE_LEFT_OUT, "h1", "h2", "o1", "o2"),
    *one(NEGATED, "r1", "r2", "z1"),
    *one(CUT, "w5·h1", "w6·h1", to="h1"),
    *one(HALF[0], "h1", "o2"),
    *one(HALF[1], "h1", "o2"),
    [(HALVED, ("loss",), None)],
    [(SLOPE_LEFT_OUT, ("h1", "h2", "o1", "o2"), None)],
)
PAIR: tuple[list[Made], ...] = (
    [(CUT, ("w6·h1",), "h1"), (CUT, ("w7·h2",), "h2")],
    [(NEGATED, ("h1",), None), (SLOPE_LEFT_OUT, ("o2",), None)],
)


def made(slips: list[Made]) -> Callable[..., Tensor]:
    def gradient(**inputs: Tensor) -> Tensor:
        tape = record(net, inputs)
        return tape.gradients([(slip, tape.at(*names, to=to)) for slip, names, to in slips])["w"]

    return gradient


def seconds(of: Callable[[], object]) -> float:
    start = time.process_time()
    of()
    return time.process_time() - start


def every() -> Iterator[tuple[str, list[float]]]:
    drawn = cases()
    for name, slips in (("lesson 4, one slip", SINGLE), ("lesson 4, two slips", PAIR)):
        wrong = [made(declared) for declared in slips]
        yield name, [seconds(lambda g=g: why(net, g, *drawn, wrt="w")) for g in wrong]  # type: ignore[misc]
    unknown = lambda x, y, w: w.sin() * x.sum()  # noqa: E731
    yield "lesson 4, no name", [seconds(lambda: why(net, unknown, *drawn, wrt="w"))]
    times = []
    for problem in PROBLEMS.values():
        for gradient, _ in problem.wrong.values():
            inputs = problem.cases()
            times.append(seconds(lambda: why(problem.loss, gradient, *inputs, wrt=problem.wrt)))  # noqa: B023
    yield "backward passes", times


def main() -> None:
    leaf = cases()[0] | {"w": cases()[0]["w"].requires_grad_()}
    base = statistics.median(
        seconds(lambda: torch.autograd.grad(net(**leaf), leaf["w"])) for _ in range(50)
    )
    print(f"one forward and backward pass of lesson 4's net: {1000 * base:.2f} ms")
    for name, times in every():
        median, worst = statistics.median(times), max(times)
        print(
            f"{name:<20} {1000 * median:6.0f} ms median, {1000 * worst:6.0f} ms worst "
            f"({median / base:4.0f} and {worst / base:5.0f} passes)"
        )


if __name__ == "__main__":
    main()
