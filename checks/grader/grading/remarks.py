"""What a student's own text adds to a fault: the sentence that says what to change, and where.

Each sentence is said only where the syntax tree shows what it says; elsewhere the plain words of
`compare` and `explain` stand. Pure.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import torch

from checks.grader.grading.compare import Fault
from checks.grader.grading.reading import (
    CHANGING,
    SILENT,
    Reading,
    argument_replaced,
    asks_for_grad,
    bound,
    called,
    comparison_for_assignment,
    contains,
    cut,
    ends,
    floor_division,
    in_place,
    inner_return,
    is_empty,
    is_leaf,
    is_load,
    is_method,
    is_none,
    is_silent,
    leaves,
    left_over_raise,
    loops_in_loops,
    misread_fraction,
    misread_power,
    not_called,
    optimiser_without_step,
    reading,
    return_in_loop,
    statements,
    text_of,
    thrown_away,
    tree_of,
    uses,
    zeroed_before_step,
)
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import parts
from checks.grader.records.observation import Foreign, Observation

#: What beginners call `.grad`.
GRAD = ("gradient", "gradients", "grads", "derivative")
TODO = re.compile(r"#\s*(TODO .+)")


def remark(source: str | None, exercise: Exercise, fault: Fault, seen: Observation) -> str:
    """What the text of the function says about a fault; empty where it says nothing."""
    found = reading(source, exercise.name)
    if found is None or found.function is None:
        return _no_function(found, exercise) if found is not None else ""
    match fault.kind:
        case "type":
            return _other_kind(found, exercise, seen)
        case "shape":
            return _loop(found) or _idle_line(found) or _collected(found)
        case "second call":
            return _kept(found)
        case "timeout":
            return _endless(found)
        case "raised":
            return _raised(found, exercise, seen)
        case "value" | "not finite":
            return _misdone(found)
        case "changed" | "grad left":
            return _left_behind(found, fault.kind, exercise)
    return ""


def unstarted(source: str | None, name: str) -> str | None:
    """What to say of a function whose body holds nothing yet; None if it holds something."""
    found = reading(source, name)
    if found is None or source is None or not is_empty(found.definitions[name]):
        return None
    node = found.definitions[name]
    lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
    todo = next((match[1] for line in lines if (match := TODO.search(line))), "")
    return todo.strip() or "Not started yet."


def at_import(source: str | None, imported: Observation) -> str:
    """What a name that was not known at the top of the file may have been meant for."""
    tree = tree_of(source) if source is not None else None
    if tree is None or imported.error_type not in ("NameError", "AttributeError"):
        return ""
    return unknown_name(Reading("", tree), imported)


def not_reached(source: str | None, exercise: Exercise, fault: Fault) -> str:
    """What the text says of a function that is missing or still raises its stub's error."""
    tree = tree_of(source) if source is not None else None
    if tree is None:
        return ""
    if fault.kind == "missing":
        return _elsewhere(tree, exercise.name)
    found = reading(source, exercise.name)
    if found is None:
        return ""
    same = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == exercise.name
    ]
    if len(same) > 1:
        return (
            f"`{exercise.name}` is defined twice, in lines {same[0]} and {same[-1]}: Python takes "
            "the last. Delete the one that is not yours."
        )
    left = left_over_raise(found)
    if left is not None:
        return (
            f"You have written something here, and `raise NotImplementedError` still stands in "
            f"line {left.lineno}: delete that line."
        )
    return ""


def _elsewhere(tree: ast.Module, name: str) -> str:
    """Where a missing function may be: inside another one, or under a name much like its own."""
    for outer in tree.body:
        for node in ast.walk(outer):
            inside = node is not outer and isinstance(node, (ast.FunctionDef, ast.ClassDef))
            if inside and node.name == name:  # type: ignore[attr-defined]
                return (
                    f"Line {node.lineno} defines `{name}` inside `{getattr(outer, 'name', '…')}`, "  # type: ignore[attr-defined]
                    "because it is indented: begin its `def` at the left margin."
                )
    names = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    close = get_close_matches(name, names, 1, 0.75)
    if close:
        return f"`{close[0]}` looks much like it: is that the one? Then give it the name back."
    for node in tree.body:
        if isinstance(node, ast.Assign) and name in map(text_of, node.targets):
            return f"Line {node.lineno} gives the name `{name}` to something that is no function."
    return ""


def _no_function(found: Reading, exercise: Exercise) -> str:
    """A class, or something asynchronous, where a plain function is asked for."""
    node = found.definitions[found.name]
    if isinstance(node, ast.FunctionDef) or exercise.name[0].isupper():
        return ""
    word = "class" if isinstance(node, ast.ClassDef) else "async def"
    return (
        f"Line {node.lineno} begins with `{word}`, and a function is asked for: "
        f"`def {exercise.name}({', '.join(exercise.parameters)}):`, with a `return`."
    )


# --- None


def _returned_nothing(found: Reading, value: Any) -> str:
    """Why a function gave None, or None as one of its values."""
    if value is not None and not any(part is None for part in parts(value)):
        return ""
    function = found.function
    assert function is not None
    returned = [node for node in found.returns() if not is_none(node.value)]
    if not returned:
        inner = inner_return(found)
        if inner:
            return f"The only `return` belongs to `{inner}`, the function inside: {_say(found)}"
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
    if isinstance(returned, (ast.Tuple, ast.List)):
        if isinstance(value, tuple) and len(value) == len(returned.elts):
            pairs_ = zip(returned.elts, value, strict=True)
            return [entry for entry, part in pairs_ if part is None]
        return returned.elts
    return [returned]


def _say(found: Reading) -> str:
    return f"`{found.name}` needs a `return` of its own."


def _no_return(found: Reading) -> str:
    assert found.function is not None
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in found.nodes):
        return "`yield` does not return a value: write `return`."
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
        return f"`{name}.grad` is None until `backward(…)` has run."
    if not backwards:
        if any(called(node).split(".")[-1] == "grad" for node in found.nodes):
            return (
                "`torch.autograd.grad` returns the gradients and fills no `.grad`: return what it "
                "gives."
            )
        idle = not_called(found)
        if idle is not None:
            return _idle_line(found)
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
    others = [leaf for leaf in made if leaf != name and leaf not in found.parameters]
    entry = _entry_of(found, name)
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
    if isinstance(value, ast.Subscript):
        return True
    return isinstance(value, ast.BinOp) or (
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
    if isinstance(value, ast.Subscript):
        whole = text_of(value.value)
        return (
            f"`{name}` is an entry taken out of `{whole}` (line {line}), so it is not a leaf and "
            f"gets no `.grad`: read `{whole}.grad`, which holds all of them."
        )
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


# --- another kind of thing


def _other_kind(found: Reading, exercise: Exercise, seen: Observation) -> str:
    module = isinstance(seen.value, Foreign) and seen.value.type_name.endswith("Loss")
    return (
        _returned_nothing(found, seen.value)
        or _loop(found)
        or _wrapped(found, seen)
        or _one_of_several(found, len(exercise.quantities))
        or _typed_in(found)
        or (_loss_module(found) if module else "")
    )


def _one_of_several(found: Reading, wanted: int) -> str:
    """`return a` and then `return b`; `torch.tensor([a, b])` for `a, b`."""
    returned = [node for node in found.returns() if node.value is not None]
    if wanted < 2 or not returned:
        return ""
    at_once = f"`return {', '.join(text_of(node.value, 30) for node in returned)}`"  # type: ignore[arg-type]
    body = found.function.body if found.function is not None else []
    if len(returned) == wanted and all(node in body for node in returned):
        return (
            f"A function ends at its first `return`, in line {returned[0].lineno}, and what comes "
            f"after is never run. Return all at once: {at_once}."
        )
    value = found.resolved(returned[-1].value)  # type: ignore[arg-type]
    match value:
        case ast.Call(args=[ast.List(elts=listed) | ast.Tuple(elts=listed)]) if len(
            listed
        ) == wanted and called(value).startswith("torch."):
            alone = ", ".join(text_of(each, 30) for each in listed)
            return (
                f"`{called(value)}` in line {value.lineno} makes one tensor of them: "
                f"`return {alone}`."
            )
    return ""


def _typed_in(found: Reading) -> str:
    """`return 2 * r, 1`: a number that stands there whatever the inputs are."""
    for node in found.returns():
        for entry in getattr(node.value, "elts", [node.value]):
            if isinstance(entry, ast.Constant) and isinstance(entry.value, (int, float)):
                return (
                    f"Line {node.lineno} returns {entry.value!r} whatever the arguments are: "
                    "compute it from them."
                )
    return ""


def _loop(found: Reading) -> str:
    inside = return_in_loop(found)
    if inside is None:
        return ""
    return (
        f"The `return` in line {inside.lineno} stands inside the loop, so the function ends in the "
        "first round. Move it to the left, below the loop."
    )


def _wrapped(found: Reading, seen: Observation) -> str:
    """Whether a tuple of one comes from `torch.autograd.grad` or from a comma."""
    if not (isinstance(seen.value, tuple) and len(seen.value) == 1):
        return ""
    for node in found.returns():
        if node.value is None:
            continue
        value = found.resolved(node.value)
        if called(value).split(".")[-1] == "grad":
            return (
                "`torch.autograd.grad` gives a tuple, with one gradient for each input: take its "
                "entry `[0]`."
            )
        if isinstance(value, ast.Tuple):
            return f"A comma after the value in line {value.lineno} makes a tuple of it."
    return ""


# --- values


def _misdone(found: Reading) -> str:
    """A line that cannot do what it was written for."""
    return next((words for words in (f(found) for f in MISDONE) if words), "")


def _idle_line(found: Reading) -> str:
    node = comparison_for_assignment(found)
    if node is not None:
        return (
            f"Line {node.lineno}, `{text_of(node)}`, compares and changes nothing: `=` assigns, "
            "`==` asks."
        )
    node = not_called(found)
    if node is not None:
        return (
            f"Line {node.lineno} names `{text_of(node)}` and does not call it: write "
            f"`{text_of(node)}()`."
        )
    node = thrown_away(found)
    if node is not None:
        return (
            f"Line {node.lineno} computes `{text_of(node)}` and nothing keeps the result: assign "
            "it to a name, or return it."
        )
    return ""


def _zeroed(found: Reading) -> str:
    pair = zeroed_before_step(found)
    if pair is None:
        return ""
    zero, step = pair
    return (
        f"`{text_of(zero)}` in line {zero.lineno} stands between the backward and the step in line "
        f"{step}: it clears the gradient before the step can use it. Zero before the backward, or "
        "after the step."
    )


def _unstepped(found: Reading) -> str:
    if not optimiser_without_step(found):
        return ""
    return (
        "An optimiser is made and `.backward()` is called, and nothing takes the step: "
        "`optimizer.step()` moves the parameters."
    )


def _misread(found: Reading) -> str:
    node = misread_fraction(found)
    if node is not None:
        return (
            f"Python reads `{text_of(node)}` in line {node.lineno} as `({text_of(node.left)}) + "
            f"{text_of(node.right)}`: put brackets around the sum below the line."
        )
    node = misread_power(found)
    if node is not None:
        return (
            f"Python reads `{text_of(node)}` in line {node.lineno} as `({text_of(node.left)}) / "
            f"{text_of(node.right)}`: write `** 0.5`, or brackets around the exponent."
        )
    node = floor_division(found)
    if node is not None:
        return f"`//` in line {node.lineno} rounds down to a whole number: `/` divides."
    return ""


def _replaced(found: Reading) -> str:
    replaced = argument_replaced(found)
    if replaced is None:
        return ""
    name, node = replaced
    return (
        f"Line {node.lineno}, `{text_of(node)}`, puts something new in place of the argument "
        f"`{name}`: work with the `{name}` that you are given."
    )


def _nested(found: Reading) -> str:
    names = loops_in_loops(found)
    if names is None:
        return ""
    one, other = names
    return (
        f"A loop over `{other}` inside the loop over `{one}` pairs every entry with every other: "
        f"`for x, y in zip({one}, {other}):` goes through them side by side."
    )


def _from_a_leaf(found: Reading) -> str:
    """`w.backward()`: the way back begins at the leaf itself."""
    for call in found.calls("backward"):
        owner = call.func.value  # type: ignore[attr-defined]
        if isinstance(owner, ast.Name) and owner.id in leaves(found):
            return (
                f"`{text_of(call)}` in line {call.lineno} goes back from `{owner.id}` itself, and "
                f"∂{owner.id}/∂{owner.id} is 1. Begin at the loss: call `.backward()` on it."
            )
    return ""


def _other_optimiser(found: Reading) -> str:
    for node in found.nodes:
        if isinstance(node, ast.Call) and ".optim." in f".{called(node)}":
            more = [word.arg for word in node.keywords if word.arg not in ("params", "lr")]
            if not called(node).endswith(".SGD"):
                return (
                    f"`{called(node)}` in line {node.lineno} takes other steps than −lr·gradient: "
                    "`torch.optim.SGD` takes those."
                )
            if more:
                return (
                    f"`{more[0]}` in line {node.lineno} changes the steps: `lr` alone gives "
                    "−lr·gradient."
                )
    return ""


def _only_the_loops_name(found: Reading) -> str:
    """`for p, g in zip(…): p = p - lr * g`: the name changes, and nothing else does."""
    for loop in (node for node in found.nodes if isinstance(node, ast.For)):
        names = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
        for node in loop.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp()) if name in names:
                    if not [line for line in uses(found, name) if line > node.lineno]:
                        return (
                            f"Line {node.lineno} gives a new value to the loop's own name "
                            f"`{name}`, and what the loop goes through stays as it was: collect "
                            "the new values, or name each parameter."
                        )
    return ""


def _collected(found: Reading) -> str:
    return _made_anew(found) or _kept(found)


def _made_anew(found: Reading) -> str:
    """`losses = []` inside the loop, and used after it."""
    for loop in (node for node in found.nodes if isinstance(node, (ast.For, ast.While))):
        for node in loop.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])):
                    if max(uses(found, name), default=0) > (loop.end_lineno or 0):
                        return (
                            f"Line {node.lineno} makes `{name}` anew in every round of the loop, "
                            "and what was in it is gone: make it before the loop."
                        )
    return ""


def _kept(found: Reading) -> str:
    """A list that is made once and grows from call to call."""
    function = found.function
    assert function is not None
    defaults = [*function.args.defaults, *function.args.kw_defaults]
    if any(isinstance(value, (ast.List, ast.Dict)) for value in defaults):
        return (
            f"A default value, as in line {function.lineno}, is made once, and every call goes on "
            "with it: make it inside the function."
        )
    own_names = bound(function)
    for call in found.calls("append", "extend", "add"):
        name = text_of(call.func.value)  # type: ignore[attr-defined]
        for node in found.tree.body:
            if name not in own_names and isinstance(node, (ast.Assign, ast.AnnAssign)):
                if name in map(text_of, getattr(node, "targets", None) or [node.target]):  # type: ignore[union-attr]
                    return (
                        f"`{name}` is made once, in line {node.lineno}, outside of the function, "
                        "and every call goes on with it: make it inside."
                    )
    return ""


def _endless(found: Reading) -> str:
    """A `while` that nothing ends; a list that is searched again and again."""
    for loop in (node for node in found.nodes if isinstance(node, ast.While)):
        inside = [inner for node in loop.body for inner in ast.walk(node)]
        if any(isinstance(node, (ast.Break, ast.Return, ast.Raise)) for node in inside):
            continue
        asked = {node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name)}
        test = f"`while {text_of(loop.test)}:` in line {loop.lineno}"
        if not asked:
            return f"{test} has no `break` and no `return` inside, so nothing ends it."
        changed = {text_of(n.func.value) for n in inside if is_method(n, *CHANGING)}  # type: ignore[attr-defined]
        changed |= {n.id for n in inside if isinstance(n, ast.Name) and not is_load(n)}
        if not asked & changed:
            listed = " or ".join(f"`{name}`" for name in sorted(asked))
            return f"{test} goes on for ever: nothing inside the loop changes {listed}."
    for node in found.nodes:
        match node:
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]):
                if any(isinstance(value, ast.List) for _, value in found.assigned(name)):
                    return (
                        f"`{text_of(node)}` in line {node.lineno} looks through the whole list "
                        f"`{name}` each time. A set, `set()`, answers at once."
                    )
    return ""


MISDONE = (
    *(_idle_line, _loop, _zeroed, _unstepped, _misread, _nested, _replaced, _from_a_leaf),
    *(_other_optimiser, _only_the_loops_name, _collected),
)


# --- what is left behind


def _left_behind(found: Reading, kind: str, exercise: Exercise) -> str:
    for name in exercise.parameters:
        if kind == "grad left" and name in leaves(found) and name not in _made(found):
            return (
                f"`{name}` is the caller's tensor. Begin with a leaf of your own, "
                f"`{name} = {name}.detach().clone().requires_grad_()`, and leave the rest as it is."
            )
        place = in_place(found, name) if kind == "changed" else None
        if place is not None and name not in exercise.may_change:
            copy = f"{name} = {name}.detach().clone()"
            copy += ".requires_grad_()" if name in leaves(found) else ""
            return (
                f"`{text_of(place)}` in line {place.lineno} works in place, on the caller's "
                f"tensor. Begin with a copy, `{copy}`, and leave the rest as it is."
            )
    return ""


def _made(found: Reading) -> set[str]:
    return {name for name in leaves(found) if found.assigned(name)}


# --- what raised


def _raised(found: Reading, exercise: Exercise, seen: Observation) -> str:
    message, line = seen.message, seen.line
    if "is not iterable" in message or "optimizer" in message or "SGD" in message:
        return _optimiser_of(found)
    if message.endswith("object is not callable"):
        return _value_called(found, line)
    if "`self." in message:
        return _misnamed_init(found) or _kept_elsewhere(found, message)
    if "values to unpack" in message or "0-d tensor" in message:
        return _unzipped(found) or _added_to_list(found, line)
    misnamed = _misnamed_init(found)
    if misnamed:
        return misnamed
    if "does not require grad" in message or "can't retain_grad" in message:
        return _no_graph(found, exercise)
    if "in-place operation" in message and _zeroed_itself(found):
        return _zeroed_itself(found)
    if "NoneType" in message:
        return _none_used(found, line)
    if seen.error_type in ("NameError", "UnboundLocalError", "AttributeError"):
        return unknown_name(found, seen)
    if seen.error_type == "RecursionError":
        return _calls_itself(found)
    if seen.error_type == "TypeError":
        return _wrong_call(found, exercise, seen) or _loss_module(found)
    return _loss_module(found) if "Boolean value of Tensor" in message else ""


def _unzipped(found: Reading) -> str:
    """`for x, y in xs, ys:`, which takes xs apart first."""
    for node in found.nodes:
        if isinstance(node, ast.For) and isinstance(node.iter, (ast.Tuple, ast.List)):
            names = ", ".join(map(text_of, node.iter.elts))
            return (
                f"The loop in line {node.lineno} takes `{text_of(node.iter.elts[0])}` as a whole "
                f"first: `zip({names})` gives their entries side by side."
            )
    return ""


def _added_to_list(found: Reading, line: int | None) -> str:
    """`losses += l`, which takes l for a list."""
    for node in found.nodes:
        match node:
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add()) if node.lineno == line:
                if any(isinstance(value, ast.List) for _, value in found.assigned(name)):
                    return f"`{name}` is a list: `{name}.append({text_of(node.value)})` adds one."
    return ""


def _misnamed_init(found: Reading) -> str:
    for node in ast.walk(found.definitions[found.name]):
        if isinstance(node, ast.FunctionDef) and node.name in ("_init_", "init", "__int__"):
            return (
                f"`{node.name}` in line {node.lineno} is not what Python calls when an object is "
                "made: that is `__init__`, with two underscores on each side."
            )
    return ""


def _value_called(found: Reading, line: int | None) -> str:
    """`leaf.grad()`, `w1(x)`: brackets behind something that is no function."""
    for node in found.nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=name), lineno=here) if (
                here == line and not callable(getattr(torch.Tensor, name, len))
            ):
                return f"`{text_of(node.func)}` is a value, not a method: leave out the brackets."
            case ast.Call(func=ast.Name(id=name), args=[factor], lineno=here) if (
                here == line and name in bound(found.function)  # type: ignore[arg-type]
            ):
                inner = text_of(factor)
                inner = inner if isinstance(factor, ast.Name) else f"({inner})"
                return f"`{text_of(node)}` is a call. A product needs its sign: `{name} * {inner}`."
    return ""


def _kept_elsewhere(found: Reading, message: str) -> str:
    """A layer that was given another name, or one that ends with `__init__`."""
    wanted = message.split("`")[1].removeprefix("self.")
    for node in ast.walk(found.definitions[found.name]):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if called(
                made
            ).endswith("Linear"):
                return (
                    f"`{name}` in line {node.lineno} is a name of `__init__` alone: write "
                    f"`self.{wanted} = …`."
                )
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.Call() as made) if (
                called(made).endswith("Linear") and target.attr != wanted
            ):
                return (
                    f"Line {node.lineno} keeps the layer as `{text_of(target)}`: call it "
                    f"`self.{wanted}`, in `forward` too."
                )
    return ""


def _optimiser_of(found: Reading) -> str:
    """`SGD(model, …)`: the model in place of its parameters; `SGD(w, b, …)`: no list."""
    for node in found.nodes:
        if isinstance(node, ast.Call) and called(node).split(".")[-1] in ("SGD", "Adam"):
            given = node.args[0] if node.args else None
            names = [text_of(arg) for arg in node.args if isinstance(arg, ast.Name)]
            if names and set(names) <= set(leaves(found)):
                return (
                    f"`{called(node)}` is given what it moves as one list: `[{', '.join(names)}]`."
                )
            if isinstance(given, ast.Name) and given.id in found.parameters:
                return (
                    f"`{called(node)}` is given what it moves: `{given.id}.parameters()`, with "
                    "its brackets."
                )
    return ""


def _zeroed_itself(found: Reading) -> str:
    """`leaf.zero_()` for `leaf.grad.zero_()`."""
    for call in found.calls("zero_"):
        target = call.func.value  # type: ignore[attr-defined]
        if isinstance(target, ast.Name):
            return (
                f"`{text_of(call)}` in line {call.lineno} sets the tensor itself to zero. Its "
                f"gradient is zeroed by `{target.id}.grad.zero_()`."
            )
    return ""


def _no_graph(found: Reading, exercise: Exercise) -> str:
    """Why the loss has no graph behind it."""
    made = leaves(found)
    if not_called(found) is not None:
        return _idle_line(found)
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


def _trained(exercise: Exercise) -> str:
    """An argument that a gradient is asked for: ∂loss/∂w is asked for w."""
    asked = [quantity.split("∂")[-1] for quantity in exercise.quantities]
    named = [name for name in asked if name in exercise.parameters]
    first = [name for name in exercise.parameters if name[0] in "wWxk"]
    return (named or [n for n in first if n[0] in "wWk"] or first or ["w"])[0]


def _and_then(found: Reading) -> str:
    """The next thing in the same line: `return loss.backward()`."""
    returned = [node.value for node in found.returns() if node.value is not None]
    if any(is_method(value, "backward") for value in returned):
        return " (`.backward()` itself returns nothing.)"
    return ""


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


def _none_used(found: Reading, line: int | None) -> str:
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


def unknown_name(found: Reading | None, seen: Observation) -> str:
    """What a name that Python does not know may have been meant for."""
    match = re.search(r"'(?P<owner>[^']+)'.* has no attribute '(?P<name>\w+)'", seen.message)
    if match:
        here = _uncalled_owner(found, match["name"], seen) if "function" in match["owner"] else ""
        return here or _no_attribute(match["owner"], match["name"])
    match = re.search(r"name '([^']+)' is not defined|variable '([^']+)'", seen.message)
    name = (match[1] or match[2]) if match else ""
    if not name:
        return ""
    if seen.error_type == "UnboundLocalError":
        return _unbound(found, name)
    known = set(dir(builtins)) - {n for n in dir(builtins) if n[0].isupper()}
    if found is not None:
        known |= set(found.definitions) | {"torch", "nn"}
        known |= bound(found.function) if found.function is not None else set()
    return _meant(name, found, known)


def _uncalled_owner(found: Reading | None, name: str, seen: Observation) -> str:
    """`loss.backward()`, where `loss` is the function."""
    for node in found.nodes if found is not None else ():
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if (
                attr == name and node.lineno == seen.line
            ):
                takes = Reading(owner, found.tree).parameters or ("…",)  # type: ignore[union-attr]
                return f"`{owner}` is the function itself. Call it: `{owner}({', '.join(takes)})`."
    return ""


def _meant(name: str, found: Reading | None, known: set[str]) -> str:
    if "·" in name:
        typed = " * ".join(name.split("·")).strip()
        return f"`·` is a printed sign that Python takes for a letter: type `*`, as in `{typed}`."
    if name == "nn":
        return "`nn` is not imported here: add `from torch import nn` at the top of the file."
    other = {"np": "numpy", "numpy": "numpy", "math": "math", "plt": "matplotlib", "F": "torch"}
    if name in other and name not in known:
        return f"`{name}` is not imported here: stay with torch, or import it at the top."
    if name in ("e", "exp"):
        return "eᶻ is `torch.exp(z)`."
    letters = [part for part in known if name in (f"2{part}",) or _product(name, part, known)]
    if letters:
        rest = name[len(letters[0]) :]
        return f"Is it a product? Python needs the sign: `{letters[0]} * {rest}`."
    if name in ("true", "false", "none", "null"):
        right = {"true": "True", "false": "False"}.get(name, "None")
        return f"Python writes `{right}`."
    same = [other for other in known if other.lower() == name.lower()]
    close = same or get_close_matches(name, known - {name}, 1, 0.7)
    if close:
        return f"Did you mean `{close[0]}`?"
    if callable(getattr(torch, name, None)):
        return f"It is a function of torch: `torch.{name}(…)`."
    if found is not None and found.function is not None:
        return (
            f"Nothing in `{found.name}` gives `{name}` a value. What it gets: "
            f"{', '.join(found.parameters)}."
        )
    return ""


def _product(name: str, first: str, known: set[str]) -> bool:
    """Whether a name is two known ones written side by side, as in `wx`."""
    return name.startswith(first) and len(first) < len(name) and name[len(first) :] in known


def _unbound(found: Reading | None, name: str) -> str:
    if found is None:
        return ""
    given = [
        node.lineno
        for node in found.nodes
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    if name in found.definitions and given:
        return (
            f"Line {given[0]} gives the name `{name}` to a value, so inside this function the "
            f"function `{name}` cannot be called. Give the value another name, as in "
            f"`value = {name}(…)`."
        )
    return (
        f"`{name}` is used before it has a value here: give it one above, before the loop or the "
        "`if` that it stands in."
    )


def _no_attribute(owner: str, name: str) -> str:
    if owner in ("function", "method", "builtin_function_or_method"):
        return "A function stands here that was not called: the brackets, `(…)`, are missing."
    if owner == "Tensor" and len(name) <= 2 and not hasattr(torch.Tensor, name):
        return f"`.{name}` asks for a part of the tensor: a product is written `… * {name}`."
    if owner == "tuple" and name in ("backward", "detach", "item", "shape"):
        return "This is a tuple of several values: take one of them, or unpack it, `a, b = …`."
    if owner.endswith("Loss"):
        return (
            "This is the loss function, not a loss: give a name to what it returns, "
            "`value = …(prediction, target)`, and use that."
        )
    if name == "zero_grad" and owner == "Tensor":
        return "A tensor's gradient is zeroed by `.grad.zero_()`, or let go by `.grad = None`."
    if owner == "list":
        return "This is a Python list: `torch.stack(…)` makes one tensor of a list of tensors."
    if name == "append":
        return "A tensor does not grow: collect in a list, `losses = []`, and stack it at the end."
    if name in GRAD and owner == "Tensor":
        return "A leaf's gradient is its `.grad`."
    kinds: dict[str, object] = {"Tensor": torch.Tensor, "torch": torch, "torch.nn": torch.nn}
    known = kinds.get(owner)
    close = get_close_matches(name, dir(known), 1, 0.7) if known is not None else []
    return f"Did you mean `.{close[0]}`?" if close else ""


def _calls_itself(found: Reading) -> str:
    for node in found.nodes:
        if called(node) == found.name:
            return (
                f"Line {node.lineno} calls `{found.name}` inside `{found.name}` itself, and that "  # type: ignore[attr-defined]
                "never ends: did you mean another function?"
            )
    return ""


def _wrong_call(found: Reading, exercise: Exercise, seen: Observation) -> str:
    """A function that is called with other arguments than it takes."""
    if re.search(r"positional argument|unexpected keyword", seen.message) is None:
        return _uncalled(found, seen)
    name = seen.message.split("(")[0].split(".")[-1]
    if name == exercise.name and seen.line is None:
        wanted = ", ".join(exercise.parameters)
        return (
            f"The course calls it with ({wanted}); yours takes ({', '.join(found.parameters)}). "
            f"Its first line has to stay as it was: `def {name}({wanted}):`."
        )
    if name == "__init__" and seen.line is None:
        return "The course builds it without arguments: `def __init__(self):`."
    definition = found.definitions.get(name)
    if isinstance(definition, ast.FunctionDef):
        takes = ", ".join(arg.arg for arg in definition.args.args)
        calls = [node for node in found.nodes if called(node) == name]
        written = f"`{text_of(calls[0])}`: " if calls else ""
        return f"{written}`{name}` takes ({takes}), in this order."
    return ""


def _uncalled(found: Reading, seen: Observation) -> str:
    for node in found.nodes:
        if not isinstance(node, (ast.BinOp, ast.UnaryOp)) or node.lineno != seen.line:
            continue
        for side in (getattr(node, "left", None), getattr(node, "right", None)):
            is_function = isinstance(side, ast.Name) and side.id in found.definitions
            if is_function and "'function'" in seen.message:
                takes = Reading(side.id, found.tree).parameters  # type: ignore[union-attr]
                return (
                    f"`{text_of(side)}` is the function itself. Call it: "  # type: ignore[arg-type]
                    f"`{text_of(side)}({', '.join(takes)})`."  # type: ignore[arg-type]
                )
            value = found.resolved(side) if isinstance(side, ast.expr) else None
            several = "'tuple'" in seen.message and value is not None
            if several and called(value) in found.definitions:  # type: ignore[arg-type]
                return _returns_several(found, called(value))  # type: ignore[arg-type]
    return ""


def _returns_several(found: Reading, name: str) -> str:
    for node in Reading(name, found.tree).returns():
        if isinstance(node.value, ast.Tuple):
            names = ", ".join(chr(ord("a") + i) for i in range(len(node.value.elts)))
            return (
                f"`{name}` returns {len(node.value.elts)} values: unpack them first, "
                f"`{names} = {name}(…)`."
            )
    return ""


def _loss_module(found: Reading) -> str:
    """`nn.MSELoss(prediction, y)`: the module is made with what it should be called with."""
    for node in found.nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = called(node).split(".")[-1]
        if name in ("Sigmoid", "Tanh", "ReLU", "Softmax"):
            return (
                f"`{called(node)}(…)` in line {node.lineno} makes a layer and does not apply it. "
                f"Two brackets: `{called(node)}()(z)`; or the function, `torch.{name.lower()}(z)`."
            )
        if name.endswith("Loss") and name[0].isupper():
            return (
                f"`{called(node)}(…)` in line {node.lineno} makes a loss function and does not "
                f"compute one. Two brackets: `{called(node)}()(prediction, target)`."
            )
    return ""
