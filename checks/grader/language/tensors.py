"""Ways in which a tensor comes about, to be described: made where they are used (`Built`).

The first line of each docstring is what the student reads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def plain(values: Tensor) -> Tensor:
    """t = torch.tensor(…)"""
    return values


def leaf(values: Tensor) -> Tensor:
    """t = torch.tensor(…, requires_grad=True)"""
    return values.clone().requires_grad_()


def parameter(values: Tensor) -> Tensor:
    """t = nn.Parameter(torch.tensor(…))"""
    return nn.Parameter(values.clone())


def leaf_after_backward(values: Tensor) -> Tensor:
    """t = torch.tensor(…, requires_grad=True), after (t * t).sum().backward()"""
    t = values.clone().requires_grad_()
    (t * t).sum().backward()
    return t


def double_of_leaf(values: Tensor) -> Tensor:
    """t = 2 * x, where x requires grad"""
    return 2 * values.clone().requires_grad_()


def double_of_plain(values: Tensor) -> Tensor:
    """t = 2 * x, where x does not require grad"""
    return 2 * values


def double_that_retains(values: Tensor) -> Tensor:
    """t = 2 * x with t.retain_grad(), after t.sum().backward(); x requires grad"""
    t = 2 * values.clone().requires_grad_()
    t.retain_grad()
    t.sum().backward()
    return t


def detached_double(values: Tensor) -> Tensor:
    """t = (2 * x).detach(), where x requires grad"""
    return (2 * values.clone().requires_grad_()).detach()


def double_under_no_grad(values: Tensor) -> Tensor:
    """t = 2 * x under torch.no_grad(), where x requires grad"""
    with torch.no_grad():
        return 2 * values.clone().requires_grad_()


KINDS = (
    plain,
    leaf,
    parameter,
    leaf_after_backward,
    double_of_leaf,
    double_of_plain,
    double_that_retains,
    detached_double,
    double_under_no_grad,
)
