"""What torch gives, a line for each of many operations; "lean" as in a process of the course.

python -m checks.tests.of_torch [lean]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

if sys.argv[1:] == ["lean"]:
    from checks.grader.running.inside.stand_ins import put_in_place

    put_in_place()

import torch
import torch.nn.functional as F
from torch import Tensor, nn

X = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
Y = torch.linspace(2, 0.5, 12, dtype=torch.float64).reshape(4, 3)
PLAIN, CLASSES = X.detach(), torch.tensor([0, 1, 2, 0])


def f(v: Any) -> Any:
    return torch.sigmoid(v @ v.T).square().sum()


def trained(kind: Any) -> list[Tensor]:
    """A layer's parameters after two steps."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = kind(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(torch.ones(2, 3)).pow(2).mean()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
        schedule.step()
    return list(model.parameters())


def without_values(layer: Callable[..., Tensor], *shapes: tuple[int, ...]) -> Tensor:
    return torch.tensor(layer(*(torch.empty(shape, device="meta") for shape in shapes)).shape)


def grad(value: Tensor) -> Any:
    return torch.autograd.grad(value.sum(), X)


def of(function: Callable[..., Tensor], *others: Tensor, **how: int) -> Callable[[], Any]:
    return lambda: grad(function(X, *others, **how).pow(2))


OPERATIONS: dict[str, Callable[[], Any]] = {
    **{
        name: of(getattr(F, name))
        for name in ("relu", "gelu", "silu", "elu", "softplus", "logsigmoid", "mish", "hardtanh")
    },
    **{
        name: of(getattr(F, name), dim=1)
        for name in ("softmax", "log_softmax", "softmin", "normalize")
    },
    **{
        name: of(getattr(F, name), Y)
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div")
    },
    "cross_entropy": lambda: grad(F.cross_entropy(X, CLASSES, label_smoothing=0.1)),
    "layer_norm": lambda: grad(F.layer_norm(X, (3,)).pow(3)),
    "jvp": lambda: torch.func.jvp(f, (PLAIN,), (Y,)),
    "vjp": lambda: torch.func.vjp(f, PLAIN)[1](torch.ones((), dtype=torch.float64)),
    "hessian": lambda: torch.func.hessian(f)(PLAIN),
    "jacfwd": lambda: torch.func.jacfwd(lambda v: v.softmax(1))(PLAIN),
    "jacrev": lambda: torch.func.jacrev(lambda v: v.softmax(1))(PLAIN),
    "vmap": lambda: torch.func.vmap(lambda v: v.softmax(0).cumsum(0))(PLAIN),
    "jacobian": lambda: torch.autograd.functional.jacobian(torch.exp, PLAIN, vectorize=True),
    "gradcheck": lambda: torch.tensor(torch.autograd.gradcheck(f, X, check_forward_ad=True)),
    "twice": lambda: grad(torch.autograd.grad(f(X), X, create_graph=True)[0]),
    **{
        name: partial(trained, getattr(torch.optim, name))
        for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "LBFGS", "NAdam")
    },
    "lstm": lambda: nn.LSTM(3, 4)(torch.ones(2, 1, 3))[0],
    "attention": lambda: nn.MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3)[0],
    "conv": lambda: nn.Conv2d(1, 2, 3)(torch.ones(1, 1, 5, 5)),
    "svd": lambda: torch.linalg.svd(PLAIN)[1],
    "trace": lambda: grad((X.T @ X).trace()),
    "einsum": lambda: torch.einsum("ij,kj->ik", X, Y),
    "generator": lambda: torch.rand(3, generator=torch.Generator().manual_seed(7)),
    "permutation": lambda: torch.randperm(5, generator=torch.Generator().manual_seed(7)),
    "drawn": lambda: nn.init.normal_(torch.empty(3), generator=torch.Generator().manual_seed(7)),
    "dropout": lambda: grad(F.dropout(X, 0.5)),
    "shuffled": lambda: [
        *torch.utils.data.DataLoader(PLAIN, 2, shuffle=True, generator=torch.Generator())  # type: ignore[arg-type]
    ],
    "state": lambda: torch.get_rng_state()[:8],
    "loader": lambda: [*torch.utils.data.DataLoader(PLAIN, 2)],  # type: ignore[arg-type]
    "distribution": lambda: torch.distributions.Normal(0.0, 1.0).log_prob(torch.ones(2)),
    "checkpoint": lambda: grad(torch.utils.checkpoint.checkpoint(f, X, use_reentrant=False)),
    "weight_norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))(torch.ones(1, 3)),
    "traced": lambda: torch.jit.trace(nn.Linear(3, 2), torch.ones(1, 3))(torch.ones(1, 3)),
    "followed": lambda: torch.fx.symbolic_trace(nn.Linear(3, 2))(torch.ones(1, 3)),
    "meta": lambda: without_values(torch.matmul, (3, 2), (2, 4)),
    "meta of a layer": lambda: without_values(nn.Linear(3, 2, device="meta"), (4, 3)),
    "written down": lambda: torch.export.export(nn.Linear(3, 2), (torch.ones(1, 3),)).module()(
        torch.ones(1, 3)
    ),
    "compiled": lambda: torch.compile(lambda v: v * 2, backend="eager")(PLAIN),
}


def told(operation: Callable[[], Any]) -> str:
    torch.manual_seed(0)
    try:
        found = operation()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    several = [found] if isinstance(found, Tensor) else found
    return " ".join(f"{float(value.detach().double().sum()):.9g}" for value in several)


if __name__ == "__main__":
    for name, operation in OPERATIONS.items():
        print(name, told(operation))
