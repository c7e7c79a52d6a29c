"""Change every solution in every small way, and list the changes that no check notices.

Each mutant is one function of a solution with one small slip: another operator, constant, name or
index, a dropped statement, factor or argument, two arguments or results exchanged, a loop cut
short. The judge grades it like a student's file, in float32 and in float64. What passes is either
the same function written differently, and then mutants_survivors.toml says why, or a hole in the
check.

    python -m checks.tests.mutants [LESSON …] [--exercise NAME]

Exits 1 if a survivor has no reason, or a reason has no survivor.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from checks.grader.grading.grade import grade
from checks.grader.grading.questions import Question, Questions, questions_of, restricted
from checks.grader.records.course import ROOT, find_all
from checks.grader.records.verdict import Settings, Status
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.submissions import patched, solution

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REASONS = Path(__file__).with_name("mutants_survivors.toml")
#: Seconds. A mutant that is still running is asked once more with more time: the machine may have
#: been busy, and only what really hangs may count as noticed.
TIME_LIMITS = (1.0, 8.0)

OPERATORS: Mapping[type[ast.AST], tuple[type[Any], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult, ast.Add),
    ast.MatMult: (ast.Mult,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "sum": ("mean", "prod"),
    "mean": ("sum", "max"),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "add": ("sub",),
    "sub": ("add",),
    "mul": ("add",),
    "exp": ("exp2",),
    "outer": ("inner",),
    "stack": ("hstack",),
    "norm": ("sum",),
    "weight": ("bias",),
    "bias": ("weight",),
}


@dataclass(frozen=True)
class Mutant:
    """One changed function: `change` says how, in the words of the statement it is in."""

    stem: str
    exercise: str
    change: str
    code: str


def mutants(stem: str, exercise: str) -> Iterator[Mutant]:
    """Every small change of one function or class of a solution, each result once."""
    definitions = {
        node.name: node
        for node in ast.parse(solution(stem)).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    node = definitions[exercise]
    _drop_docstrings(node)
    seen = {ast.unparse(node)}
    names: dict[str, int] = {}
    for change in _changes(node, (_variables(node), list(definitions))):
        code = ast.unparse(node)
        if code in seen:
            continue
        seen.add(code)
        names[change] = names.get(change, 0) + 1
        numbered = change if names[change] == 1 else f"{change}  ({names[change]})"
        yield Mutant(stem, exercise, numbered, code + "\n")


def _changes(root: ast.AST, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """Change the tree in one place, say how, and put it back; for every place and every way.

    groups   names that may be mistaken for each other
    """
    for statement, holder, field, index in _places(root):
        old = getattr(holder, field) if index is None else getattr(holder, field)[index]
        before = ast.unparse(statement)
        for new in _instead(old, groups):
            if isinstance(old, ast.stmt):
                ast.copy_location(new, old)
            _put(holder, field, index, new)
            yield _difference(before, ast.unparse(new if statement is old else statement))
            _put(holder, field, index, old)


def _difference(before: str, after: str) -> str:
    """The first line that differs, in both."""
    pairs = zip_longest(before.splitlines(), after.splitlines(), fillvalue="")
    differing = ((old.strip(), new.strip()) for old, new in pairs if old != new)
    old, new = next(differing, ("", ""))
    return f"{old or '(nothing)'} → {'(dropped)' if new in ('', 'pass') else new}"


def _places(
    node: ast.AST, statement: ast.stmt | None = None
) -> Iterator[tuple[ast.AST, ast.AST, str, int | None]]:
    """Every node below: its statement, and where it hangs. Annotations are not looked at."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "args", "decorator_list", "bases") and isinstance(
            node, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign)
        ):
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST):
                continue
            own = child if isinstance(child, ast.stmt) else statement
            if own is not None:
                yield own, node, field, index
            yield from _places(child, own)


def _put(holder: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[index] = node


def _instead(node: ast.AST, groups: Sequence[Sequence[str]]) -> Iterator[ast.AST]:
    """What a slip of the pen could put in the place of one node."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif type(node) in OPERATORS:
        yield from (other() for other in OPERATORS[type(node)])
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for group in groups:
            if node.id in group:
                yield from (_name(other) for other in group if other != node.id)
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _constants(node.value))
    elif isinstance(node, ast.expr):
        yield from _expressions(node)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.FunctionDef() | ast.ClassDef() | ast.Pass():
            return
        case ast.For(target=target, iter=items, body=body):
            if ast.unparse(target) != "_":  # otherwise every round is the same
                yield ast.For(target, _parse(f"list({ast.unparse(items)})[::-1]"), body, [])
            yield ast.For(target, _parse(f"list({ast.unparse(items)})[1:]"), body, [])
            yield ast.For(target, _parse(f"list({ast.unparse(items)})[:-1]"), body, [])
            yield ast.For(target, items, [*body, ast.Break()], [])
        case ast.With(body=body) | ast.If(body=body):
            yield ast.If(ast.Constant(True), body, [])
        case ast.Return(value=ast.expr()):
            yield ast.Return(None)
    yield ast.Pass()


def _expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield left
            yield right
            if not isinstance(op, (ast.Add, ast.Mult)):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(operand=operand) | ast.Starred(value=operand):
            yield operand
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield ast.Compare(right, [op], [left])
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Call():
            yield from _calls(node)
        case ast.Attribute(value=value, attr=attr, ctx=ast.Load()):
            yield value
            yield from (ast.Attribute(value, other, ast.Load()) for other in _others(attr))
        case ast.Tuple(elts=items, ctx=ast.Load()):
            yield from (ast.Tuple(order, ast.Load()) for order in _exchanged(items))
        case ast.List(elts=items, ctx=ast.Load()):
            yield from (ast.List(order, ast.Load()) for order in _exchanged(items))
        case ast.Dict(keys=keys, values=values):
            yield from (ast.Dict(keys, order) for order in _exchanged(values))
        case ast.Subscript(value=value, ctx=ast.Load()):
            yield value
        case ast.Slice(lower=lower, upper=upper, step=step):
            yield ast.Slice(None, upper, step)
            yield ast.Slice(lower, None, step)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    """Arguments exchanged or dropped; the call left out; one round more or less for a range."""
    for order in _exchanged(node.args):
        yield ast.Call(node.func, order, node.keywords)
    for i in range(len(node.args)):
        yield ast.Call(node.func, node.args[:i] + node.args[i + 1 :], node.keywords)
    for i in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
    yield from node.args[:1]
    if isinstance(node.func, ast.Attribute):
        yield node.func.value
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        for op in (ast.Add(), ast.Sub()):
            last = ast.BinOp(node.args[-1], op, ast.Constant(1))
            yield ast.Call(node.func, [*node.args[:-1], last], [])


def _constants(value: object) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, -value] if value else [1, -1]
    if isinstance(value, float):
        return [value * 2, -value, 0.0] if value else [1.0]
    if isinstance(value, str):
        return [value + "_", value[::-1]]
    return []


def _exchanged(items: Sequence[ast.expr]) -> Iterator[list[ast.expr]]:
    """Every two of them exchanged, one pair at a time."""
    for j in range(len(items)):
        for i in range(j):
            order = list(items)
            order[i], order[j] = order[j], order[i]
            yield order


def _others(attribute: str) -> tuple[str, ...]:
    return ATTRIBUTES.get(attribute, ())


def _variables(root: ast.AST) -> list[str]:
    """Parameters and assigned names, in the order in which they appear."""
    found = [
        node.arg if isinstance(node, ast.arg) else node.id
        for node in ast.walk(root)
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and _is_stored(node))
    ]
    return [name for name in dict.fromkeys(found) if name != "_"]


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _drop_docstrings(root: ast.AST) -> None:
    for node in ast.walk(root):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def without_diagnosis(questions: Questions) -> Questions:
    """The same questions; nobody asks which idea is missing."""
    return replace(questions, all=tuple(map(_undiagnosed, questions.all)))


def _undiagnosed(question: Question) -> Question:
    silent = replace(question.exercise, mistakes=(), nodes=None, prefixes=None, mended=None)
    return replace(question, exercise=silent)


def verdict(server: Server, questions: Questions, mutant: Mutant) -> Status:
    """What the judge says of a mutant. `questions` is on its exercise only."""
    source = patched(mutant.stem, mutant.exercise, mutant.code)
    submission = LessonFile(mutant.stem, Path(f"/submissions/{mutant.stem}.py"), source)
    status: Status = "timeout"
    for limit in TIME_LIMITS:
        settings = replace(questions.settings, time_limit=limit)
        with single_session(server, submission, settings) as session:
            status = grade(session, questions, submission).verdicts[0].status
        if status != "timeout":
            break
    return status


def survivors(
    server: Server, asked: Sequence[Questions], changed: Iterable[Mutant]
) -> Iterator[Mutant]:
    """The mutants that pass every questions. Raises RuntimeError for a course error."""
    for mutant in changed:
        if all(_passes(server, questions, mutant) for questions in asked):
            yield mutant


def _passes(server: Server, questions: Questions, mutant: Mutant) -> bool:
    status = verdict(server, questions, mutant)
    if status == "course_error":
        raise RuntimeError(f"the witnesses disagree on {mutant.stem}.{mutant.exercise}")
    return status == "passed"


def read_reasons(path: Path = REASONS) -> dict[tuple[str, str, str], str]:
    """(stem, exercise, change) -> why the change changes nothing."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        (stem, exercise, change): reason
        for stem, exercises in tables.items()
        for exercise, changes in exercises.items()
        for change, reason in changes.items()
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON")
    parser.add_argument("--exercise", metavar="NAME", help="only this exercise")
    options = parser.parse_args(arguments)
    reasons, problems = read_reasons(), 0
    with Server("exec") as server:  # the truth is loaded by now
        for stem in find_all(options.lessons):
            if (ROOT / "solutions" / f"{stem}.py").exists():
                problems += _lesson(server, stem, options.exercise, reasons)
    return 1 if problems else 0


def _lesson(
    server: Server, stem: str, only: str | None, reasons: Mapping[tuple[str, str, str], str]
) -> int:
    """Print what one lesson's checks miss; the number of survivors and reasons left alone."""
    both = (Settings(dtype="float32"), Settings(dtype="float64"))
    asked = [without_diagnosis(questions_of(stem, settings)) for settings in both]
    lines: list[str] = []
    made = explained = alive = 0
    for question in asked[0].all:
        name = question.exercise.name
        if only not in (None, name):
            continue
        every = list(mutants(stem, name))
        alone = [restricted(questions, name) for questions in asked]
        passing = [mutant.change for mutant in survivors(server, alone, every)]
        known = {key[2] for key in reasons if key[:2] == (stem, name)}
        made += len(every)
        alive += len(passing)
        explained += len(known.intersection(passing))
        lines += [f"  no reason:   {name}: {change}" for change in passing if change not in known]
        lines += [
            f"  no survivor: {name}: {change}" for change in sorted(known.difference(passing))
        ]
    print(
        f"{stem}: {made} mutants, {made - alive} noticed, {alive} survive, {explained} explained",
        *lines,
        sep="\n",
        flush=True,
    )
    return len(lines)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
