"""What the text shows where a value, a `.grad` or the graph of the loss is not there. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from difflib import get_close_matches
from typing import Any

from checks.grader.grading.misdone import idle_line
from checks.grader.grading.reading import (
    SILENT,
    Reading,
    asks_for_grad,
    called,
    contains,
    cut,
    ends,
    is_leaf,
    is_method,
    is_none,
    is_silent,
    leaves,
    not_called,
    statements,
    text_of,
    uses,
)
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import parts


def returned_nothing(found: Reading, value: Any) -> str:
    """Why a function gave None, or None as one of its values."""
    if value is not None and not any(part is None for part in parts(value)):
        return ""
    function = found.function
    assert function is not None
    returned = [node for node in found.returns() if not is_none(node.value)]
    if not returned:
        return _no_return(found)
    for node in returned:
        assert node.value is not None
        for entry in _empty_entries(node.value, value):
            why = _gives_none(found, entry, node.lineno)
            if why:
                return why
    if value is None and not ends(function.body):
        line = returned[0].lineno
        return (
            f"The `return` in line {line} is not reached every time: it stands inside an `if` or a "
            "loop. Where the function ends without a `return`, it gives None."
        )
    return ""


def _empty_entries(returned: ast.expr, value: Any) -> list[ast.expr]:
    """The expressions that gave None, as far as their places tell."""
    if isinstance(returned, ast.Dict) and isinstance(value, dict):
        pairs = zip(returned.keys, returned.values, strict=True)
        named = [(key.value, v) for key, v in pairs if isinstance(key, ast.Constant)]
        return [entry for key, entry in named if value.get(key, entry) is None]
    entries = returned.elts if isinstance(returned, (ast.Tuple, ast.List)) else []
    if isinstance(value, tuple) and len(value) == len(entries):
        return [entry for entry, part in zip(entries, value, strict=True) if part is None]
    return [returned]


def _no_return(found: Reading) -> str:
    assert found.function is not None
    if found.returns():
        return f"The `return` in line {found.returns()[-1].lineno} has no value after it."
    written = statements(found.function.body)
    last = written[-1] if written else None
    match last:
        case ast.AugAssign(target=ast.Name(id=name)) if name in found.parameters:
            return (
                f"There is no `return`: add `return {name}` as the last line. And begin with a "
                f"copy, `{name} = {name}.detach().clone()`: `{text_of(last, 30)}` works in place, "
                "on the caller's tensor."
            )
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
            return f"There is no `return`: add `return {name}` as the last line."
        case ast.Expr(value=value) if called(value) == "print":
            return (
                "There is no `return`: `print` shows a value, `return` hands it back to the caller."
            )
        case ast.Expr(value=value) if not isinstance(value, ast.Call):
            return f"There is no `return`: write it in front of `{text_of(value)}`."
    return "There is no `return`: end the function with the value that is asked for."


def _gives_none(found: Reading, entry: ast.expr, line: int) -> str:
    """Why one returned expression is None."""
    value = found.resolved(entry)
    if isinstance(value, ast.Call):
        return _call_gives_none(found, value)
    grads = [
        node for node in ast.walk(value) if isinstance(node, ast.Attribute) and node.attr == "grad"
    ]
    return _no_grad_there(found, grads[0], line) if grads else ""


def _call_gives_none(found: Reading, call: ast.Call) -> str:
    name = called(call)
    if is_method(call, *SILENT):
        method = call.func.attr  # type: ignore[attr-defined]
        if method == "backward":
            return (
                "`.backward()` returns nothing: it fills the `.grad` of the leaves. Call it on a "
                "line of its own, and return the leaf's `.grad`."
            )
        return f"`.{method}(…)` works in place and returns None: call it on a line of its own."
    if name == "print":
        return "`print` shows a value and returns None: return the value itself."
    helper = found.definitions.get(name)
    if isinstance(helper, ast.FunctionDef) and is_silent(helper):
        return f"`{name}` (line {helper.lineno}) has no `return`, so calling it gives None."
    grads = [n for n in ast.walk(call) if isinstance(n, ast.Attribute) and n.attr == "grad"]
    return _no_grad_there(found, grads[0], call.lineno) if grads else ""


def _no_grad_there(found: Reading, place: ast.Attribute, line: int) -> str:
    """Why `something.grad` is None when it is read."""
    owner, backwards = place.value, _lines_of_backward(found)
    name = text_of(owner)
    if found.name == "backward":
        return f"`{name}.grad` may be None still, and that counts as 0: ask `is None` first."
    if "backward" in found.definitions and not backwards:
        if isinstance(found.definitions.get(called(owner)), ast.ClassDef):
            return (
                f"`{name}` is made anew here, and no backward has reached it: read the `.grad` of "
                "what the loss was built of."
            )
        if any(called(node) == "backward" for node in found.nodes):
            return (
                f"`{name}.grad` is None. Has `backward(…)` run before, and is it a leaf that the "
                "loss was built of?"
            )
        return f"`{name}.grad` is None until `backward(…)` has run."
    if not backwards:
        if any(called(node).split(".")[-1] == "grad" for node in found.nodes):
            return (
                "`torch.autograd.grad` returns the gradients and fills no `.grad`: return what it "
                "gives."
            )
        idle = not_called(found)
        if idle is not None:
            return idle_line(found)
        return (
            f"`{name}.grad` is None until a backward fills it, and nothing here calls "
            "`.backward()` on the loss."
        )
    if isinstance(owner, ast.Subscript):
        whole = text_of(owner.value)
        return f"`{name}` is an entry, not a leaf, so it gets no `.grad`: read `{whole}.grad`."
    if not isinstance(owner, ast.Name):
        return ""
    if place.lineno < backwards[0]:
        return (
            f"`{name}.grad` is read in line {place.lineno}, before the backward of line "
            f"{backwards[0]} fills it."
        )
    cleared = [c.lineno for c in found.calls("zero_grad") if backwards[-1] < c.lineno <= line]
    if cleared:
        return f"`zero_grad()` in line {cleared[0]} sets every `.grad` to None: read it before."
    return _no_leaf(found, name)


def _lines_of_backward(found: Reading) -> list[int]:
    """Where a backward is called, in the function itself or by a function it calls."""
    here = [call.lineno for call in found.calls("backward")]
    if here or not any(contains(node, "backward") for node in found.reached[1:]):
        return here
    return [0]


def _no_leaf(found: Reading, name: str) -> str:
    made, given = leaves(found), found.assigned(name)
    starts = {text_of(call.func.value) for call in found.calls("backward")}  # type: ignore[attr-defined]
    others = [leaf for leaf in made if leaf not in (name, *starts, *found.parameters)]
    entry = _entry_of(found, name) or _begun_at_a_leaf(found, name, starts)
    if entry:
        return entry
    if not given and name not in made:
        if name in found.parameters and others:
            return (
                f"`{name}` is the argument; the backward fills the `.grad` of your leaf: read "
                f"`{others[0]}.grad`."
            )
        if name in found.parameters and made and set(made) <= set(found.parameters):
            return (
                f"`{name}` does not require grad, so no backward fills its `.grad`. Make a leaf of "
                f"it as well: `{name} = {name}.detach().clone().requires_grad_()`."
            )
        if name in found.parameters and any(map(asks_for_grad, found.nodes)):
            return (
                f"`{name}` is the argument; the backward fills the `.grad` of the leaves that you "
                "made of it: read theirs."
            )
        if name in found.parameters:
            return (
                f"`{name}` does not require grad, so no backward fills its `.grad`. Make a leaf "
                f"first: `leaf = {name}.detach().clone().requires_grad_()`."
            )
        return ""
    results = [(line, value) for line, value in given if not is_leaf(value)]
    rebound = [(line, value) for line, value in results if name in made or _is_result(value)]
    if rebound and not _made_after(found, name, rebound[-1]):
        return _rebound(found, name, *rebound[-1])
    if name in made and not [line for line in uses(found, name) if line >= made[name]]:
        return (
            f"`{name}` requires grad, and the loss is not computed from it: use `{name}` where you "
            "compute the loss."
        )
    followed = [line for line, value in given if _computed_from(made, value)]
    return _let_go(found, name, followed[-1]) if followed else ""


def _begun_at_a_leaf(found: Reading, name: str, starts: Set[str]) -> str:
    """`l = torch.tensor(loss(…).item(), requires_grad=True)`, or `l.requires_grad_()`, and then
    `l.backward()`: the way back begins at a leaf, and ends there."""
    made = leaves(found)
    for start in sorted(starts & set(made) - {name, *found.parameters}):
        if name in made:
            return (
                f"Line {made[start]} makes `{start}` a leaf of its own, and no way leads back from "
                f"it to `{name}`: call `.backward()` on the loss as it is computed from `{name}`."
            )
        if set(made) <= starts and name in found.parameters:
            return (
                f"Line {made[start]} makes `{start}` require grad. It is `{name}` that has to, "
                f"before the loss is computed from it: `{name} = "
                f"{name}.detach().clone().requires_grad_()`."
            )
    return ""


def _computed_from(made: Mapping[str, int], value: ast.expr) -> bool:
    """`(z1 + z2).requires_grad_()` of a z1 that requires grad already: no leaf comes of it."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.BinOp() as sum, attr="requires_grad_")):
            return any(isinstance(n, ast.Name) and n.id in made for n in ast.walk(sum))
    return False


def _entry_of(found: Reading, name: str) -> str:
    """`w1, w2 = w`: entries are results, the whole is the leaf."""
    for node in found.nodes:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name(id=whole)) if name in [
                text_of(n) for n in names
            ]:
                return (
                    f"`{name}` is an entry taken out of `{whole}`, so it is not a leaf and gets no "
                    f"`.grad`: read `{whole}.grad`, which holds all of them."
                )
    return ""


def _is_result(value: ast.expr) -> bool:
    """An expression whose value is the result of an operation, so not a leaf."""
    return isinstance(value, ast.BinOp | ast.Subscript) or (
        isinstance(value, ast.Call)
        and not is_method(value, "detach", "requires_grad_")
        and not called(value).endswith(("tensor", "Parameter", "Variable"))
        and not (_copies(value))
    )


def _copies(value: ast.expr) -> bool:
    """`w.detach().clone()`, without a graph: a leaf that does not require grad yet."""
    plain = contains(value, "detach") and not contains(value, "requires_grad_")
    return plain and is_method(value, "clone")


def _made_after(found: Reading, name: str, given: tuple[int, ast.expr]) -> bool:
    """`leaf = w.clone()` and then `leaf.requires_grad_()`: a leaf after all."""
    line = leaves(found).get(name, 0)
    return line > given[0] and not contains(given[1], "requires_grad_")


def _rebound(found: Reading, name: str, line: int, value: ast.expr) -> str:
    updates = any(isinstance(n, ast.Attribute) and n.attr == "grad" for n in ast.walk(value))
    if updates:
        return (
            f"Line {line}, `{name} = {text_of(value, 40)}`, makes a new `{name}`, the result of an "
            "operation, and the next backward fills the `.grad` of leaves only. Make a leaf of it "
            f"again: `{name} = ({text_of(value, 40)}).detach().requires_grad_()`."
        )
    made = leaves(found).get(name, line)
    if made < line:
        return (
            f"Line {line}, `{name} = {text_of(value, 40)}`, gives the name `{name}` to a result. "
            f"The `.grad` of the leaf of line {made} is filled: give the result another name."
        )
    if asks_for_grad(value):
        return (
            f"Line {line} goes on after `.requires_grad_()`, so `{name}` is a result, not a leaf. "
            "Let `.requires_grad_()` come last."
        )
    return _let_go(found, name, line)


def _let_go(found: Reading, name: str, line: int) -> str:
    """`name` is a result: its gradient is kept only if that was asked for in time."""
    result = f"`{name}` is computed (line {line}), so it is not a leaf, and a backward lets its "
    kept = [call.lineno for call in found.calls("retain_grad")]
    backwards = _lines_of_backward(found)
    if not kept:
        return (
            f"{result}gradient go: call `{name}.retain_grad()` before the backward, or ask "
            "`torch.autograd.grad` for it."
        )
    if min(kept) > backwards[0]:
        return (
            f"{result}gradient go. `.retain_grad()` in line {kept[0]} comes too late: call it "
            f"before the backward of line {backwards[0]}."
        )
    return (
        f"No gradient came by `{name}`: is `.retain_grad()` called on it, and is the loss computed "
        f"from this very `{name}`, or from another graph?"
    )


def none_used(found: Reading, line: int | None) -> str:
    """What was None in the line that raised."""
    here = [node for node in found.nodes if getattr(node, "lineno", None) == line]
    for node in here:
        if isinstance(node, ast.Attribute) and node.attr == "grad":
            name = text_of(node.value)
            backwards = _lines_of_backward(found)
            if backwards and line is not None and line < backwards[0]:
                return (
                    f"In the first round `{name}.grad` is still None, because no backward has run: "
                    f"zero it after the step, or write `if {name}.grad is not None:` before it."
                )
            return _no_grad_there(found, node, line or 0)
    for node in here:
        if isinstance(node, ast.Call) and called(node) in found.definitions:
            why = _call_gives_none(found, node)
            if why:
                return why
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            value = found.resolved(node)
            why = _call_gives_none(found, value) if isinstance(value, ast.Call) else ""
            if why:
                return f"`{node.id}` is None: {why[0].lower() if why[0] != '`' else '`'}{why[1:]}"
    return ""


def no_graph(found: Reading, exercise: Exercise) -> str:
    """Why the loss has no graph behind it."""
    made = leaves(found)
    if not_called(found) is not None:
        return idle_line(found)
    misspelt = _misspelt(found)
    if misspelt:
        return misspelt
    models = "model" in found.parameters  # whose parameters require grad already
    if not made and not models and not any(map(asks_for_grad, found.reached)):
        return (
            "Nothing here requires grad, so nothing was recorded. Make a leaf first, "
            f"`leaf = {_trained(exercise)}.detach().clone().requires_grad_()`, compute the loss "
            "from it, and read its gradient, `leaf.grad`." + _and_then(found)
        )
    for name, line in made.items():
        used = uses(found, name)
        if used and max(used) <= line and line not in used:
            return (
                f"Line {line} makes `{name}` require grad only after the loss was computed from "
                "it: autograd records from then on. Do it first."
            )
        if not [place for place in used if place >= line and place != line] and not any(
            name in found.parameters and place > line for place in used
        ):
            return (
                f"`{name}` requires grad, and the loss is not computed from it: use `{name}` where "
                "you compute the loss."
            )
    place = cut(found)
    return _cut(found, *place) if place is not None else ""


def _misspelt(found: Reading) -> str:
    """`w.require_grad = True`, which makes an attribute of its own."""
    for node in found.nodes:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=name) as target]) if (
                name != "requires_grad" and get_close_matches(name, ["requires_grad"], 1, 0.8)
            ):
                return (
                    f"Line {node.lineno} sets `{text_of(target)}`, which PyTorch does not know: "
                    f"write `{text_of(target.value)}.requires_grad = True`."
                )
    return ""


def _and_then(found: Reading) -> str:
    """The next thing in the same line: `return loss.backward()`."""
    if any(is_method(node.value, "backward") for node in found.returns() if node.value):
        return " (`.backward()` itself returns nothing.)"
    return ""


def _trained(exercise: Exercise) -> str:
    """An argument that a gradient is asked for: ∂loss/∂w is asked for w."""
    asked = [quantity.split("∂")[-1] for quantity in exercise.quantities]
    named = [name for name in asked if name in exercise.parameters]
    first = [name for name in exercise.parameters if name[0] in "wWxk"]
    return (named or [n for n in first if n[0] in "wWk"] or first or ["w"])[0]


def _cut(found: Reading, function: str, node: ast.AST) -> str:
    line = getattr(node, "lineno", "?")
    where = f"line {line}" if function == found.name else f"line {line}, in `{function}`,"
    if isinstance(node, ast.With):
        with_ = text_of(node.items[0].context_expr)
        return (
            f"What is computed under `{with_}` ({where.rstrip(',')}) is not recorded: compute the "
            "loss outside of it."
        )
    written = text_of(node, 40)
    if called(node) in ("torch.tensor", "torch.as_tensor", "torch.Tensor", "Tensor"):
        listed = isinstance(node, ast.Call) and isinstance(node.args[0], (ast.List, ast.Tuple))
        better = " `torch.stack([…])` makes one tensor of several and keeps it." if listed else ""
        return f"`{written}` in {where} makes a new tensor, and the graph ends there.{better}"
    return (
        f"`{written}` in {where} takes the value out of the graph, so no gradient can come back "
        "through it: leave that out."
    )
