"""What is run in the student's process to see what the student's code does.

Each function here travels as source text and stands alone. It returns tensors, plain numbers and
dicts of them: whatever comes back is checked by the one who asked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def record(lesson: Any, function: str, *arguments: Any) -> dict[str, Any]:
    """The autograd graph of a call: its root is what the call returns, or else what it
    differentiates first.

    Returns {"<index> <operation>": {"value", "grad", "parents"}} from sources to root. A parent is
    the index of a node (int) or a number that the operation took (float). Values of nodes that no
    Python call returned are None, and so are gradients of what no gradient flows to.
    """
    from torch.overrides import TorchFunctionMode

    most = 60
    made: dict[Any, tuple[Tensor, str, list[Any]]] = {}
    graph: dict[str, Any] = {}
    autograd: Any = torch.autograd
    engine = autograd._engine_run_backward

    def flat(parts: Any) -> list[Any]:
        many = isinstance(parts, (tuple, list))
        return [leaf for part in parts for leaf in flat(part)] if many else [parts]

    def origin(part: Any) -> Any:
        """Where an operand comes from, noted before the call may change it in place."""
        if not isinstance(part, Tensor):
            return float(part)
        if not part.requires_grad:
            return (part.detach().clone(), 0)
        return part if part.grad_fn is None else (part.grad_fn, part.output_nr)

    class Seen(TorchFunctionMode):
        def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None):  # type: ignore[no-untyped-def]
            operands = [
                origin(part)
                for part in flat([*args, *(kwargs or {}).values()])
                if isinstance(part, (Tensor, int, float)) and not isinstance(part, bool)
            ]
            result = call(*args, **(kwargs or {}))
            name = getattr(call, "__name__", "?").strip("_")
            for out in flat(result):
                if isinstance(out, Tensor) and out.grad_fn is not None:
                    value = out.detach().clone()
                    made.setdefault((out.grad_fn, out.output_nr), (value, name, operands))
            return result

    def leads_to(edge: Any, operand: Any) -> bool:
        if isinstance(operand, Tensor):
            return getattr(edge[0], "variable", None) is operand
        return bool(edge == operand)

    def draw(root: Tensor) -> None:
        """Fill `graph` with everything that `root` was computed from."""
        order: list[Any] = []
        parents: dict[Any, list[Any]] = {}

        def visit(key: Any) -> None:
            if key in parents:
                return
            parents[key] = []
            if len(parents) > most:
                raise ValueError(f"the graph has more than {most} nodes")
            if isinstance(key[0], Tensor):  # no gradient flows to it
                order.append(key)
                return
            edges = [edge for edge in key[0].next_functions if edge[0] is not None]
            for operand in made[key][2] if key in made else []:
                if isinstance(operand, float) or (
                    isinstance(operand, tuple) and isinstance(operand[0], Tensor)
                ):
                    parents[key].append(operand)
                    continue
                places = [i for i, edge in enumerate(edges) if leads_to(edge, operand)]
                parents[key] += [edges.pop(i) for i in places[:1]]
            parents[key] += edges
            for parent in parents[key]:
                if not isinstance(parent, float):
                    visit(parent)
            order.append(key)

        last = (root.grad_fn, root.output_nr)
        visit(last)
        nodes = {key[0] for key in order if not isinstance(key[0], Tensor)}
        leaves = [node for node in nodes if hasattr(node, "variable")]
        received: dict[Any, Any] = {}

        def hook(node: Any) -> Any:
            return node.register_prehook(lambda grads: received.update({node: grads}))

        handles = [hook(node) for node in nodes if node not in leaves]
        variables = [leaf.variable for leaf in leaves]
        grads = torch.autograd.grad(
            root, variables, torch.ones_like(root), retain_graph=True, allow_unused=True
        )
        for handle in handles:
            handle.remove()
        received.update({leaf: (grad,) for leaf, grad in zip(leaves, grads)})  # noqa: B905
        index = {key: i for i, key in enumerate(order)}
        for key in order:
            node, output = key
            value: Any
            grad: Any
            if isinstance(node, Tensor):
                name, value, grad = "constant", node, None
            elif node in leaves:
                name, value, grad = "leaf", node.variable, received[node][0]
            else:
                value, name, _ = made.get(key, (None, node.name().rpartition(":")[2], []))
                grad = received.get(node, (None,) * (output + 1))[output]
            graph[f"{index[key]} {name}"] = {
                "value": value,
                "grad": grad,
                "parents": tuple(p if isinstance(p, float) else index[p] for p in parents[key]),
            }

    def watched(tensors: Any, *rest: Any, **more: Any) -> Any:
        if not graph:
            autograd._engine_run_backward = engine
            draw(tensors[0])
        return engine(tensors, *rest, **more)

    def called(inputs: list[Any]) -> Any:
        autograd._engine_run_backward = watched
        try:
            with Seen():
                return getattr(lesson, function)(*inputs)
        finally:
            autograd._engine_run_backward = engine

    plain = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
    try:
        result = called([a.requires_grad_() if isinstance(a, Tensor) else a for a in arguments])
    except RuntimeError:  # an argument changed in place, say, which a leaf does not allow
        graph.clear()
        result = called(plain)
    if not graph and isinstance(result, Tensor) and result.grad_fn is not None:
        draw(result)
    return graph


def walk(lesson: Any, function: str, places: list[int], counts: list[int], *arguments: Any) -> Any:
    """The parameters of a training run, flattened: at the start, and after each count of epochs.

    `places` are the positions of the parameters among the arguments, in the order of the result;
    none if the first argument is a module that is trained in place. The last argument is the number
    of epochs. Returns shape (1 + len(counts), parameters).
    """
    now = list(arguments)

    def parameters() -> Tensor:
        held = [now[i] for i in places] if places else list(now[0].parameters())
        return torch.cat([torch.as_tensor(part).detach().clone().reshape(-1) for part in held])

    path = [parameters()]
    for count in counts:
        result = getattr(lesson, function)(*now[:-1], count)
        for place, part in zip(places, result if places else ()):  # noqa: B905
            now[place] = part.detach()
        path.append(parameters())
    return torch.stack(path)


def separate(lesson: Any, names: list[str], grid: Tensor, *arguments: Any) -> dict[str, Any]:
    """Two trainings on the same data from the same start: with the activation, and without.

    names      the exercises: train, forward, forward without activation, collapse
    grid       points to predict at, shape (g, n)
    arguments  of train: xs, ys, the parameters, lr, epochs
    The net without activation has no exercise that trains it: autograd does, on full batches, which
    settle on the best line where single samples do not.
    """
    train, forward, linear, collapse = (getattr(lesson, name) for name in names)
    xs, ys, *start, lr, epochs = arguments

    def mean_loss(predict: Any, parameters: Any) -> Tensor:
        answers = torch.stack([predict(x, *parameters) for x in xs])
        return torch.mean((0.5 * (answers - ys) ** 2).sum(dim=1))

    trained = [part.detach() for part in list(train(*arguments))[:-1]]
    straight = [part.detach().clone().requires_grad_() for part in start]
    descent = torch.optim.SGD(straight, lr=lr)
    for _ in range(epochs):
        descent.zero_grad()
        mean_loss(linear, straight).backward()
        descent.step()
    with torch.no_grad():
        weight, bias = collapse(*straight)
        return {
            "losses": torch.stack([mean_loss(linear, straight), mean_loss(forward, trained)]),
            "weight": weight,
            "bias": bias,
            "bent": torch.stack([forward(point, *trained) for point in grid]),
        }
