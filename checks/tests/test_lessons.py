"""Every lesson, whatever it teaches: its four files belong together and its truth holds."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import torch

from checks.grader.author.stub import cut, todo_ids
from checks.grader.grading.diagnose import RAISED, Variant, agrees, remembered, variants
from checks.grader.grading.evidence import Evidence
from checks.grader.grading.grade import grade
from checks.grader.language.inputs import cases
from checks.grader.language.lesson import Exercise, load
from checks.grader.language.truth import Truth, establish
from checks.grader.records.answer import agree, parts
from checks.grader.records.course import ROOT, number, stems
from checks.grader.records.observation import Observation
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.seeds import both_dtypes, few_or_all_seeds
from checks.tests.submissions import as_submission, grade_text, of_seed, solution

EXERCISES = [(stem, exercise) for stem in stems() for exercise in load(stem).exercises]


def _name(value: Any) -> str | None:
    return value.name if isinstance(value, Exercise) else None


def test_the_four_folders_hold_the_same_lessons() -> None:
    folders = {"exercises": ".py", "solutions": ".py", "checks": ".py", "data": ".toml"}
    for folder, ending in folders.items():
        found = {path.stem for path in (ROOT / folder).glob(f"*{ending}")}
        lessons = {stem for stem in found if not stem.startswith("__") and "backup" not in stem}
        assert lessons - {"conftest"} == set(stems()), folder


@pytest.mark.parametrize("stem", stems())
def test_a_stub_is_its_solution_with_the_bodies_cut_off(stem: str) -> None:
    stub = (ROOT / "exercises" / f"{stem}.py").read_text(encoding="utf-8")
    assert stub == cut(solution(stem))


@pytest.mark.parametrize("stem", stems())
def test_todos_are_the_exercises_in_order(stem: str) -> None:
    count = len(load(stem).exercises)
    todos = list(dict.fromkeys(todo_ids(solution(stem))))
    assert todos == [f"{number(stem)}.{i}" for i in range(1, count + 1)]
    definitions = ast.parse(solution(stem)).body
    names = [n.name for n in definitions if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    exercises = [exercise.name for exercise in load(stem).exercises]
    assert [name for name in names if name in exercises] == exercises  # others are given, or help


@pytest.mark.parametrize("stem", stems())
def test_signatures_of_solution_and_truth_agree(stem: str) -> None:
    functions = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(solution(stem)).body
        if isinstance(node, ast.FunctionDef)
    }
    for exercise in load(stem).exercises:
        if exercise.name in functions:
            assert functions[exercise.name] == list(exercise.parameters), exercise.name


#: "x, y: shape (2,)", "b1: (m,)", "a, b: nodes with values of shape ()" in a docstring
DESCRIBED = re.compile(r"\b((?:\w+, )*\w+): ([^;:.]*(?:shape|\()[^;:.]*)")


@pytest.mark.parametrize("stem", stems())
def test_every_docstring_gives_the_shape_of_each_tensor(stem: str) -> None:
    functions = [n for n in ast.parse(solution(stem)).body if isinstance(n, ast.FunctionDef)]
    assert functions
    for function in functions:
        taken, _, returned = (ast.get_docstring(function) or "").partition("Returns ")
        described = {name for names, _ in DESCRIBED.findall(taken) for name in names.split(", ")}
        tensors = {a.arg for a in function.args.args if _is_annotated_tensor(a.annotation)}
        assert tensors <= described, (function.name, tensors - described)
        assert "shape" in returned or not _is_annotated_tensor(function.returns), function.name


def _is_annotated_tensor(annotation: ast.expr | None) -> bool:
    return annotation is not None and "Tensor" in ast.unparse(annotation)


@pytest.mark.parametrize(("stem", "exercise"), EXERCISES, ids=_name)
def test_every_exercise_has_two_to_four_hints(stem: str, exercise: Exercise) -> None:
    assert 2 <= len(exercise.hints) <= 4
    assert len(set(exercise.hints)) == len(exercise.hints)


def test_the_points_of_the_eight_lessons_add_up_to_100() -> None:
    eight = [stem for stem in stems() if number(stem) <= 8]
    assert len(eight) == 8
    assert sum(exercise.points for stem, exercise in EXERCISES if stem in eight) == 100


@pytest.mark.parametrize("stem", stems())
def test_a_stub_is_not_started_everywhere(stem: str, server: Server) -> None:
    report = grade_text(server, stem, cut(solution(stem)))
    assert {verdict.status for verdict in report.verdicts} == {"not_started"}
    assert report.points == 0


@few_or_all_seeds(20, few=2)
@pytest.mark.parametrize("stem", stems())
def test_a_solution_passes_with_every_seed(stem: str, seeds: range, server: Server) -> None:
    for settings in both_dtypes(seeds):
        file = as_submission(stem, solution(stem))
        with single_session(server, file, settings) as session:
            report = grade(session, of_seed(stem, settings), file)
        assert {v.status for v in report.verdicts} == {"passed"}, (settings, report.verdicts)


@few_or_all_seeds(50, few=10)
@pytest.mark.parametrize(("stem", "exercise"), EXERCISES, ids=_name)
def test_the_witnesses_agree_on_hundreds_of_draws(
    stem: str, exercise: Exercise, seeds: range
) -> None:
    lesson = load(stem)
    for seed in seeds:
        for case in cases(stem, lesson, exercise, seed):
            if seed == 0 or case.expected is None:  # worked examples are the same with every seed
                assert establish(exercise, case, torch.float64).dispute is None, case


@pytest.mark.parametrize(("stem", "exercise"), EXERCISES, ids=_name)
def test_worked_examples_are_right_to_the_digits_written(stem: str, exercise: Exercise) -> None:
    for case in cases(stem, load(stem), exercise, 0):
        if case.expected is not None:
            truth = establish(exercise, case, torch.float64)
            assert agree(truth.by_hand, case.expected, rtol=1e-8), (truth.by_hand, case.expected)


def _truths(stem: str, exercise: Exercise, seed: int) -> list[Truth]:
    drawn = cases(stem, load(stem), exercise, seed)
    return [establish(exercise, case, torch.float64) for case in drawn]


def _as_seen(variant: Variant, truths: list[Truth]) -> list[Evidence]:
    """What the judge would see if a student had written this wrong formula."""
    evidence = []
    for truth in truths:
        try:
            seen = Observation("value", _plain(variant.predict(truth)))
        except RAISED:
            seen = Observation("raised", error_type="RuntimeError")
        evidence.append(Evidence(truth, seen))
    return evidence


def _plain(answer: Any) -> Any:
    from checks.grader.records.observation import Array

    if isinstance(answer, torch.Tensor):
        return Array(answer, "float64", "cpu")
    if isinstance(answer, dict):
        return {key: _plain(part) for key, part in answer.items()}
    if isinstance(answer, (tuple, list)):
        return tuple(_plain(part) for part in answer)
    return answer


SEEDS = pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)


@SEEDS
@pytest.mark.parametrize(("stem", "exercise"), EXERCISES, ids=_name)
def test_no_wrong_formula_is_right(stem: str, exercise: Exercise, seed: int) -> None:
    truths = _truths(stem, exercise, seed)
    right = Variant((), lambda truth: truth.by_hand)
    for variant in variants(exercise):
        assert not agrees(variant, _as_seen(right, truths), 1e-6), variant.mistakes[0].id


@SEEDS
@pytest.mark.parametrize(("stem", "exercise"), EXERCISES, ids=_name)
def test_the_draws_tell_any_two_mistakes_apart(stem: str, exercise: Exercise, seed: int) -> None:
    truths = _truths(stem, exercise, seed)
    every = [remembered(variant) for variant in variants(exercise)]
    for i, one in enumerate(every):
        if any(part is None for part in parts(_or_nothing(one, truths[0]))):
            continue  # its losses may be anything: no student's answer is like that
        seen = _as_seen(one, truths)
        for other in every[i + 1 :]:
            names = (one.mistakes[0].id, other.mistakes[0].id)
            if names[0] != names[1] and names not in exercise.same_values:
                assert not agrees(other, seen, 1e-6), names


def _or_nothing(variant: Variant, truth: Truth) -> Any:
    try:
        return variant.predict(truth)
    except RAISED:
        return ()
