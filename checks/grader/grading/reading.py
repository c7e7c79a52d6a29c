"""What the syntax tree of a student's function shows. Pure; runs nothing, judges nothing.

Each function here finds a place in the text or finds nothing. The sentences stand in `misdone`,
`raised`, `without_gradient`, `names` and `remarks`, which chooses among them.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Place = ast.expr | ast.stmt

#: Methods that return None.
SILENT = ("backward", "zero_grad", "step", "append", "extend", "sort", "reverse", "insert", "clear")
#: Methods that are called for what they do.
DOING = ("backward", "zero_grad", "zero_", "step", "append", "retain_grad", "requires_grad_")
#: Methods that change what they are called on.
CHANGING = ("append", "pop", "popleft", "remove", "extend", "add", "update", "clear", "discard")
#: Methods of a tensor that give a new one and leave the old as it is; not `add`, which changes a
#: set.
FRESH = (
    *("sub", "mul", "div", "clone", "detach", "reshape", "view", "unsqueeze", "squeeze"),
    *("sum", "mean", "pow", "exp", "t", "to", "double", "float", "transpose", "flatten"),
)
#: What takes a value out of the graph, as a method and as a function.
CUTTING_METHODS = ("detach", "item", "numpy", "tolist")
CUTTING_CALLS = ("float", "int", "torch.tensor", "torch.as_tensor", "torch.Tensor", "Tensor")
NOT_RECORDED = ("no_grad", "inference_mode")


#: Characters of a file that is read, and how deep a tree may be: a student's take a tenth.
LONGEST, DEEPEST = 1 << 18, 150


@lru_cache(maxsize=8)  # each exercise of a lesson asks about the same file
def parsed(source: str) -> ast.Module | None:
    """The tree of a file, None where Python finds none, or where it is too long or too deep."""
    if len(source) > LONGEST:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=8)
def tree_of(source: str) -> ast.Module | None:
    """The tree of a file that a person could have written, None for any other."""
    tree = parsed(source)
    level: list[ast.AST] = [] if tree is None else [tree]
    for _ in range(DEEPEST):
        level = _below(level)
        if not level:
            return tree
    return None


def _below(level: list[ast.AST]) -> list[ast.AST]:
    """The children of some nodes; three times as fast as ast.iter_child_nodes."""
    found: list[ast.AST] = []
    for node in level:
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [each for each in value if isinstance(each, ast.AST)]
    return found


@dataclass(frozen=True)
class Reading:
    """One function of a file: the last of its name, as Python takes it.

    For a class it is what its `forward` does that counts.
    """

    name: str
    tree: ast.Module

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        return {node.name: node for node in self.tree.body if isinstance(node, DEFINITIONS)}

    @cached_property
    def function(self) -> ast.FunctionDef | None:
        node = self.definitions.get(self.name)
        if isinstance(node, ast.ClassDef):
            methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
            return methods.get("forward")
        return node if isinstance(node, ast.FunctionDef) else None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        return tuple(arg.arg for arg in self.function.args.args) if self.function else ()

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything in the function itself, in the order of the text."""
        return tuple(own(self.function)) if self.function else ()

    @cached_property
    def reached(self) -> tuple[Definition, ...]:
        """The functions of the file that a call of this one can reach, itself first."""
        found: dict[str, None] = {}  # in the order they are found
        waiting = deque([self.name])
        while waiting:
            name = waiting.popleft()
            if name in found or name not in self.definitions:
                continue
            found[name] = None
            node = self.definitions[name]
            local = bound(node) if isinstance(node, ast.FunctionDef) else set()
            waiting += [
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in local
            ]
        return tuple(self.definitions[name] for name in found)

    def returns(self) -> list[ast.Return]:
        return [node for node in self.nodes if isinstance(node, ast.Return)]

    def assigned(self, name: str) -> list[tuple[int, ast.expr]]:
        """Line and value of each `name = …` in the function, and of `name, … = …, …`."""
        return [
            (node.lineno, value)
            for node in self.nodes
            if isinstance(node, ast.Assign)
            for target, value in _pairs(node)
            if isinstance(target, ast.Name) and target.id == name
        ]

    def resolved(self, value: ast.expr) -> ast.expr:
        """What a name was last given, where that can be read."""
        for _ in range(3):
            found = self.assigned(value.id) if isinstance(value, ast.Name) else []
            if not found:
                break
            value = found[-1][1]
        return value

    def calls(self, *methods: str) -> list[ast.Call]:
        """Calls of methods of these names, as in `optimizer.step()`."""
        return [node for node in self.nodes if is_method(node, *methods)]  # type: ignore[misc]


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target of an assignment with its value."""
    for target in node.targets:
        match target, node.value:
            case (ast.Tuple(elts=names), ast.Tuple(elts=values)) if len(names) == len(values):
                yield from zip(names, values, strict=True)
            case _:
                yield target, node.value


def reading(source: str | None, name: str) -> Reading | None:
    """The function `name` of a file; None if the file has none that can be read."""
    tree = tree_of(source) if source is not None else None
    found = Reading(name, tree) if tree is not None else None
    return found if found is not None and found.name in found.definitions else None


def own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, in the order of the text, without functions inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*DEFINITIONS, ast.Lambda)):
            continue
        yield child
        yield from own(child)


def bound(function: ast.FunctionDef) -> set[str]:
    """Names that are the function's own: arguments, and whatever it assigns."""
    names = {arg.arg for arg in function.args.args}
    return names | {
        node.id
        for node in own(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def text_of(node: ast.AST, limit: int = 60) -> str:
    """A piece of the tree as it could be typed."""
    try:
        written = " ".join(ast.unparse(node).split())
    except ValueError:  # a number of more digits than Python writes
        written = "…"
    return written if len(written) <= limit else written[: limit - 1] + "…"


def is_method(node: ast.AST, *names: str) -> bool:
    """A call such as `a.name(…)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    )


def called(node: ast.AST) -> str:
    """The dotted name of what is called, as written; empty if it has none."""
    if not isinstance(node, ast.Call):
        return ""
    parts: list[str] = []
    target = node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    return ".".join([target.id, *reversed(parts)]) if isinstance(target, ast.Name) else ""


def contains(node: ast.AST, *methods: str) -> bool:
    return any(is_method(inner, *methods) for inner in ast.walk(node))


def is_silent(function: ast.FunctionDef) -> bool:
    """Returns nothing, so that it is called for what it does."""
    return not any(isinstance(n, ast.Return) and not is_none(n.value) for n in own(function))


def is_load(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def is_none(node: ast.AST | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


# --- what is written, and what is not


def statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body without its docstring and its stub's `raise NotImplementedError`."""
    return [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not isinstance(node, ast.Pass)
        and unfinished(node) is None
    ]


def unfinished(node: ast.AST) -> ast.Raise | None:
    """`raise NotImplementedError(…)`."""
    if not isinstance(node, ast.Raise) or node.exc is None:
        return None
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    named = isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return node if named else None


def is_empty(definition: Definition) -> bool:
    """Nothing but a docstring, `pass`, `...` or a bare `return`, and no stub's `raise` either."""
    if isinstance(definition, ast.ClassDef):
        methods = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
        others = [n for n in statements(definition.body) if n not in methods]
        return not others and all(_is_hollow(method) for method in methods)
    return isinstance(definition, ast.FunctionDef) and _is_hollow(definition)


def _is_hollow(function: ast.FunctionDef) -> bool:
    left = [
        node
        for node in statements(function.body)
        if not (isinstance(node, ast.Return) and is_none(node.value))
        and not (isinstance(node, ast.Expr) and called(node.value) == "super" or _is_super(node))
    ]
    # what an unfinished function raises speaks for itself
    return not left and not any(unfinished(node) for node in own(function))


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and text_of(node).startswith("super(")


def left_over_raise(found: Reading) -> ast.Raise | None:
    """The stub's `raise`, where the student has written beside it."""
    if found.function is None or not statements(found.function.body):
        return None
    return next((r for node in found.function.body if (r := unfinished(node))), None)


def ends(body: list[ast.stmt]) -> bool:
    """Whether every way through a body ends in `return` or `raise`."""
    last = body[-1] if body else None
    match last:
        case ast.Return() | ast.Raise():
            return True
        case ast.If():
            return ends(last.body) and ends(last.orelse)
        case ast.With():
            return ends(last.body)
        case ast.Try():
            return ends(last.finalbody) or (
                ends(last.orelse or last.body) and all(ends(h.body) for h in last.handlers)
            )
        case ast.While():
            return isinstance(last.test, ast.Constant) and bool(last.test.value)
    return False


# --- lines that do nothing


def not_called(found: Reading) -> ast.Expr | None:
    """`optimizer.step` without its parentheses."""
    for node in found.nodes:
        named = isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute)
        if named and node.value.attr in DOING:  # type: ignore[attr-defined]
            return node  # type: ignore[return-value]
    return None


# --- training


def zeroed_before_step(found: Reading) -> tuple[ast.Call, int] | None:
    """A `zero_grad()` between a backward and the step that would use it, and the step's line."""
    zeros = [*found.calls("zero_grad"), *(c for c in found.calls("zero_") if _of_grad(c))]
    backwards = [call.lineno for call in found.calls("backward")]
    for zero in sorted(zeros, key=lambda call: call.lineno):
        before = max((line for line in backwards if line < zero.lineno), default=0)
        after = min((line for line in _steps(found) if line > zero.lineno), default=0)
        between = [line for line in backwards if zero.lineno < line < after]
        used = [line for line in _steps(found) if before < line < zero.lineno]
        if before and after and not between and not used:
            return zero, after
    return None


def _of_grad(call: ast.Call) -> bool:
    target = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(target, ast.Attribute) and target.attr == "grad"


def _steps(found: Reading) -> list[int]:
    """The lines that use a gradient: `optimizer.step()`, `… - lr * w.grad`."""
    lines = [call.lineno for call in found.calls("step")]
    for node in found.nodes:
        if isinstance(node, (ast.Assign, ast.AugAssign)) and any(
            isinstance(inner, ast.Attribute) and inner.attr == "grad"
            for inner in ast.walk(node.value)
        ):
            lines.append(node.lineno)
    return sorted(lines)


def in_place(found: Reading, name: str) -> Place | None:
    """Where an argument's own values are changed."""
    for node in found.nodes:
        if isinstance(node, ast.AugAssign) and _root(node.target) == name:
            return node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            underscored = method.endswith("_") and not method.endswith("__")
            if underscored and method != "requires_grad_" and _root(node.func.value) == name:
                return node
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, (ast.Subscript, ast.Attribute)) and _root(target) == name:
                    return node
    return None


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# --- leaves and graphs


def asks_for_grad(node: ast.AST) -> bool:
    """Whether an expression makes a tensor that requires grad."""
    for inner in ast.walk(node):
        match inner:
            case ast.keyword(arg="requires_grad", value=ast.Constant(value=True)):
                return True
            case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[]):
                return True
            case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[ast.Constant(value=v)]):
                return bool(v)
            case ast.Call() if called(inner).endswith("Parameter"):
                return True
    return False


def leaves(found: Reading) -> dict[str, int]:
    """Names that were made to require grad, and the line where it was asked for."""
    names: dict[str, int] = {}
    for node in found.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_leaf(value):
                names.setdefault(name, node.lineno)
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr="requires_grad")]):
                names.setdefault(name, node.lineno)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="requires_grad_"))
            ):
                names.setdefault(name, node.lineno)
            case ast.Assign(targets=[ast.Tuple(elts=names_), *_], value=value) if asks_for_grad(
                value
            ):
                for target in names_:
                    if isinstance(target, ast.Name):
                        names.setdefault(target.id, node.lineno)
    return names


def is_leaf(value: ast.expr) -> bool:
    """The last thing an expression does is to make a leaf."""
    if is_method(value, "requires_grad_"):
        return asks_for_grad(value)
    return isinstance(value, ast.Call) and (
        called(value).split(".")[-1] in ("tensor", "Parameter", "Variable", "zeros", "ones", "full")
        and asks_for_grad(value)
    )


def uses(found: Reading, name: str) -> list[int]:
    """Lines where a name's value takes part in something: not `name.grad`, not its flags."""
    beside = {
        id(node.value)
        for node in found.nodes
        if isinstance(node, ast.Attribute)
        and node.attr in ("grad", "requires_grad", "requires_grad_", "retain_grad")
    }
    return [
        node.lineno
        for node in found.nodes
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and id(node) not in beside
    ]


def cut(found: Reading) -> tuple[str, ast.AST] | None:
    """Where the graph is left on the way to the loss: the function that does it, and the place."""
    for definition in found.reached:
        noted = _beside_the_graph(definition)
        for node in ast.walk(definition):
            if node not in noted and _cuts(node):
                return definition.name, node
    return None


def _beside_the_graph(definition: Definition) -> set[ast.AST]:
    """Places where leaving the graph is right: making leaves, noting numbers, printing."""
    found: set[ast.AST] = set()
    made: Mapping[str, int] = {}
    if isinstance(definition, ast.FunctionDef):
        made = leaves(Reading(definition.name, ast.Module([definition], [])))
    for node in ast.walk(definition):
        recorded = is_method(node, "append", "requires_grad_") or called(node) == "print"
        if recorded or isinstance(node, (ast.JoinedStr, ast.arguments)):
            found |= set(ast.walk(node))
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in made:
                found |= set(ast.walk(value))
            case ast.Assign(value=value) if asks_for_grad(value):
                found |= set(ast.walk(value))
    return found


def _computes(node: ast.AST) -> bool:
    """A line that makes a value for later: not an update, which uses a `.grad`."""
    return isinstance(node, (ast.Assign, ast.Return)) and not any(
        isinstance(inner, ast.Attribute) and inner.attr in ("grad", "data")
        for inner in ast.walk(node)
    )


def _cuts(node: ast.AST) -> bool:
    match node:
        case ast.With(items=items, body=body):
            unrecorded = any(
                called(item.context_expr).split(".")[-1] in NOT_RECORDED for item in items
            )
            inside = (inner for node in body for inner in ast.walk(node))
            return unrecorded and any(map(_computes, inside))
        case ast.Call() if is_method(node, *CUTTING_METHODS):
            return True
        case ast.Call(args=[argument, *_]) if called(node) in CUTTING_CALLS:
            return any(isinstance(inner, ast.Name) for inner in ast.walk(argument))
        case ast.Attribute(attr="data", ctx=ast.Load()):
            return True
    return False


def line_of(source: str | None, name: str) -> int | None:
    """The line where a student works on a function: its TODO if it is there, or its first."""
    tree = parsed(source) if source is not None else None
    if source is None or tree is None:
        return None
    lines = source.splitlines()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                if "# TODO" in lines[number - 1]:
                    return number
            return node.lineno
    return None
