"""Lines that cannot do what they were written for: told with wrong values and shapes. Pure."""

from __future__ import annotations

import ast
from itertools import takewhile

from checks.grader.grading.reading import (
    CHANGING,
    FRESH,
    Reading,
    bound,
    called,
    contains,
    is_load,
    is_method,
    is_silent,
    leaves,
    not_called,
    text_of,
    uses,
    zeroed_before_step,
)


def misdone(found: Reading) -> str:
    """A line that cannot do what it was written for."""
    return next((words for words in (f(found) for f in MISDONE) if words), "")


def loop(found: Reading) -> str:
    """A `return` that ends the first round of a loop, whatever happens in it."""
    for each in (node for node in found.nodes if isinstance(node, (ast.For, ast.While))):
        for node in each.body:
            if isinstance(node, ast.Return):
                return (
                    f"The `return` in line {node.lineno} stands inside the loop, so the function "
                    "ends in the first round. Move it to the left, below the loop."
                )
    return ""


def idle_line(found: Reading) -> str:
    """`w == w - …`, `optimizer.step`, `w - lr * g`, each on a line of its own."""
    alone = [node for node in found.nodes if isinstance(node, ast.Expr)]
    for node in alone:
        if isinstance(node.value, ast.Compare):
            return (
                f"Line {node.lineno}, `{text_of(node)}`, compares and changes nothing: `=` "
                "assigns, `==` asks."
            )
    named = not_called(found)
    if named is not None:
        return (
            f"Line {named.lineno} names `{text_of(named)}` and does not call it: write "
            f"`{text_of(named)}()`."
        )
    for node in alone:
        helper = found.definitions.get(called(node.value))
        computes = isinstance(helper, ast.FunctionDef) and not is_silent(helper)
        computes |= isinstance(node.value, (ast.BinOp, ast.UnaryOp))
        if computes or is_method(node.value, *FRESH):
            return (
                f"Line {node.lineno} computes `{text_of(node)}` and nothing keeps the result: "
                "assign it to a name, or return it."
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
    """An optimiser is made and a backward called, and nothing steps."""
    makes = any(
        ".optim." in f".{called(node)}" or called(node).split(".")[-1] in ("SGD", "Adam")
        for node in found.nodes
    )
    steps = any(isinstance(node, ast.Attribute) and node.attr == "step" for node in found.nodes)
    if not makes or steps or not found.calls("backward"):
        return ""
    return (
        "An optimiser is made and `.backward()` is called, and nothing takes the step: "
        "`optimizer.step()` moves the parameters."
    )


def _misread(found: Reading) -> str:
    """`1 / 1 + e` is (1 / 1) + e, `a ** 1 / 2` is (a ** 1) / 2, and `//` rounds."""
    for node in found.nodes:
        match node:
            case ast.BinOp(left=ast.BinOp(op=inner, right=ast.Constant(value=1 | 1.0))):
                if isinstance(node.op, ast.Add) and isinstance(inner, ast.Div):
                    sign, how = "+", "put brackets around the sum below the line"
                elif isinstance(node.op, ast.Div) and isinstance(inner, ast.Pow):
                    sign, how = "/", "write `** 0.5`, or brackets around the exponent"
                else:
                    continue
                return (
                    f"Python reads `{text_of(node)}` in line {node.lineno} as "
                    f"`({text_of(node.left)}) {sign} {text_of(node.right)}`: {how}."
                )
            case ast.BinOp(op=ast.FloorDiv()):
                return f"`//` in line {node.lineno} rounds down to a whole number: `/` divides."
    return ""


def _square_of_one_side(found: Reading) -> str:
    """`forward(x, w) - y ** 2`: the power binds before the minus."""
    for node in found.nodes:
        match node:
            case ast.BinOp(
                op=ast.Sub(),
                left=left,
                right=ast.BinOp(
                    left=ast.Name(id=name), op=ast.Pow(), right=ast.Constant()
                ) as square,
            ) if name in found.parameters:
                if not any(isinstance(inner, ast.Pow) for inner in ast.walk(left)):
                    return (
                        f"Python reads `{text_of(node)}` in line {node.lineno} as `{text_of(left)} "
                        f"- ({text_of(square)})`: put brackets around the difference to square all "
                        "of it."
                    )
    return ""


def _exchanged(found: Reading) -> str:
    """`loss(w, x, y)`, `forward(x, y)`: arguments that stand in another one's place."""
    mine = set(found.parameters) - {name for name in found.parameters if found.assigned(name)}
    for node in found.nodes:
        helper = found.definitions.get(called(node))
        if not isinstance(helper, ast.FunctionDef) or not isinstance(node, ast.Call):
            continue
        takes = [arg.arg for arg in helper.args.args]
        given = takewhile(lambda arg: not isinstance(arg, ast.Starred), node.args)
        gets = dict(zip(takes, map(text_of, given), strict=False))
        for wanted, got in gets.items():
            moved = got != wanted and got in gets and gets[got] != got
            left_out = {wanted, got} <= mine and wanted not in gets.values()
            if moved or left_out:
                return (
                    f"`{text_of(node)}` in line {node.lineno}: `{helper.name}` takes "
                    f"({', '.join(takes)}), in this order."
                )
    return ""


def _shuffled(found: Reading) -> str:
    """The samples in an order of chance."""
    for node in found.nodes:
        if called(node) in ("torch.randperm", "random.shuffle", "random.sample", "random.choice"):
            return (
                f"`{called(node)}` in line {node.lineno} takes the samples in an order of chance: "  # type: ignore[attr-defined]
                "take them in the order given."
            )
    return ""


def _replaced(found: Reading) -> str:
    """An argument that gets a value of the student's own before anything else was made of it."""
    makers = {"torch", "nn", "float", "int", *found.definitions}
    for node in found.nodes:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Constant() | ast.Call() | ast.UnaryOp(operand=ast.Constant()),
            ) if name in found.parameters:
                if {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)} <= makers:
                    return (
                        f"Line {node.lineno}, `{text_of(node)}`, puts something new in place of "
                        f"the argument `{name}`: work with the `{name}` that you are given."
                    )
    return ""


def _nested(found: Reading) -> str:
    """`for x in xs:` and inside it `for y in ys:`: every x meets every y."""
    samples = {name for name in found.parameters if name in ("xs", "ys", "x", "y")}
    for outer in found.nodes:
        for inner in outer.body if isinstance(outer, ast.For) else ():
            match outer, inner:
                case ast.For(iter=ast.Name(id=one)), ast.For(iter=ast.Name(id=other)):
                    if one != other and {one, other} <= samples:
                        return (
                            f"A loop over `{other}` inside the loop over `{one}` pairs every entry "
                            f"with every other: `for x, y in zip({one}, {other}):` goes through "
                            "them side by side."
                        )
    return ""


def _from_a_leaf(found: Reading) -> str:
    """`w.backward()`: the way back begins at the leaf itself."""
    for call in found.calls("backward"):
        owner = call.func.value  # type: ignore[attr-defined]
        copied = [value for _, value in found.assigned(text_of(owner)) if contains(value, "detach")]
        if isinstance(owner, ast.Name) and owner.id in leaves(found) and copied:
            return (
                f"`{text_of(call)}` in line {call.lineno} goes back from `{owner.id}` itself, and "
                f"∂{owner.id}/∂{owner.id} is 1. Begin at the loss: call `.backward()` on it."
            )
    return ""


def _other_optimiser(found: Reading) -> str:
    """Adam, or SGD with a momentum: other steps than −lr·gradient."""
    for node in found.nodes:
        parts = called(node).split(".")
        if not isinstance(node, ast.Call) or parts[-2:-1] != ["optim"]:
            continue
        if parts[-1] != "SGD":
            return (
                f"`{called(node)}` in line {node.lineno} takes other steps than −lr·gradient: "
                "`torch.optim.SGD` takes those."
            )
        for word in node.keywords:
            if word.arg in ("momentum", "weight_decay", "nesterov", "maximize"):
                return (
                    f"`{word.arg}` in line {node.lineno} changes the steps: `lr` alone gives "
                    "−lr·gradient."
                )
    return ""


def _only_the_loops_name(found: Reading) -> str:
    """`for p, g in zip(…): p = p - lr * g`: the name changes, and nothing else does."""
    for loop in (node for node in found.nodes if isinstance(node, ast.For)):
        if called(loop.iter) in ("range", "enumerate"):
            continue
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


def collected(found: Reading) -> str:
    return _made_anew(found) or kept(found)


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


def kept(found: Reading) -> str:
    """A list that is made once and grows from call to call."""
    function = found.function
    assert function is not None
    grown = {
        text_of(call.func.value)  # type: ignore[attr-defined]
        for call in found.calls("append", "extend", "add", "update")
    }
    given = zip(reversed(function.args.args), reversed(function.args.defaults), strict=False)
    for name, value in given:
        if name.arg in grown and isinstance(value, (ast.List, ast.Dict)):
            return (
                f"The default value of `{name.arg}` in line {function.lineno} is made once, and "
                "every call adds to it: make it inside the function."
            )
    for node in found.tree.body:
        outside = set(map(text_of, getattr(node, "targets", ()))) & (grown - bound(function))
        if outside:
            return (
                f"`{outside.pop()}` is made once, in line {node.lineno}, outside of the function, "
                "and every call adds to it: make it inside."
            )
    return ""


def endless(found: Reading) -> str:
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
    *(idle_line, loop, _zeroed, _unstepped, _misread, _square_of_one_side, _nested, _replaced),
    *(_shuffled, _from_a_leaf, _other_optimiser, _only_the_loops_name, _exchanged, collected),
)
