"""`why`: what it names, what it must never name, and what it refuses to say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.slips import OPERATIONS, Finding, Slip, Unfit, record, why
from checks.slips.operations import ANYWHERE
from checks.tests.backward_edits import PASSES
from checks.tests.backward_passes import PROBLEMS
from checks.tests.why_examples import EXAMPLES, PAGE, page, without_gradcheck

Inputs = Mapping[str, Tensor]


def most_are_slow(cases: list[tuple[str, str]], fast: int = 5) -> list[Any]:
    """Every fifth at every change, all of them in `make test-all`."""
    marks: list[Any] = [() if k % fast == 0 else pytest.mark.slow for k in range(len(cases))]
    return [pytest.param(*case, marks=mark) for case, mark in zip(cases, marks, strict=True)]


WRONG = most_are_slow([(name, wrong) for name, one in PROBLEMS.items() for wrong in one.wrong])
RIGHT = [(name, right) for name, problem in PROBLEMS.items() for right in problem.right]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_wrong_backward_pass_is_named_first(name: str, wrong: str) -> None:
    problem = PROBLEMS[name]
    gradient, words = problem.wrong[wrong]
    finding = why(problem.loss, gradient, *problem.cases(), wrt=problem.wrt)
    assert finding.stories, finding
    assert any(each in finding.stories[0].words for each in words), finding


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_a_right_backward_pass_agrees_and_nothing_is_named(name: str, right: str) -> None:
    problem = PROBLEMS[name]
    for seed in range(2):
        finding = why(problem.loss, problem.right[right], *problem.cases(seed), wrt=problem.wrt)
        assert finding.agrees, finding
        assert finding.stories == ()


EDITS = most_are_slow([(name, edit) for name, one in PASSES.items() for edit in one.edits])


@pytest.mark.parametrize(("name", "edit"), EDITS)
def test_a_backward_pass_with_one_line_edited_is_named_first(name: str, edit: str) -> None:
    one = PASSES[name]
    finding = why(one.loss, one.edited(one.edits[edit]), *one.cases(), wrt=one.wrt)
    assert finding.stories and one.edits[edit].words in finding.stories[0].words, finding


@pytest.mark.parametrize("name", PASSES)
def test_a_backward_pass_before_it_is_edited_agrees(name: str) -> None:
    one = PASSES[name]
    for seed in range(2):
        finding = why(one.loss, one.backward, *one.cases(seed), wrt=one.wrt)
        assert finding.agrees and finding.stories == (), finding


# One operation each, for its slips.

BINARY: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "matmul": lambda a, b: a @ b,
    "outer": lambda a, b: torch.outer(a[0], b[0]),
}
UNARY: Mapping[str, Callable[[Tensor], Tensor]] = {
    "pow": lambda a: (a * a + 0.5) ** 3,
    "exp": torch.exp,
    "log": lambda a: (a * a + 0.5).log(),
    "sqrt": lambda a: (a * a + 0.5).sqrt(),
    "neg": lambda a: -a,
    "abs": lambda a: a.abs(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "softmax": lambda a: a.softmax(-1),
    "log_softmax": lambda a: a.log_softmax(-1),
    "logsumexp": lambda a: a.logsumexp(-1),
    "sum": lambda a: a.sum(-1),
    "mean": lambda a: a.mean(0, keepdim=True),
    "var": lambda a: a.var(-1),
    "amax": lambda a: a.amax(-1),
    "masked_fill": lambda a: a.masked_fill(torch.eye(3, 3, dtype=torch.bool), 0.3),
    "where": lambda a: torch.where(a > 0, a, 0.1 * a),
    "getitem": lambda a: a[:, [0, 0, 1]],
    "view": lambda a: a.reshape(9),
    "transpose": lambda a: a.T,
    "expand": lambda a: a.expand(2, 3, 3),
    "clone": lambda a: a.clone(),
    "cat": lambda a: torch.cat([a, a * a]),
}


def loss_with(name: str) -> Callable[..., Any]:
    """A net around one operation: something before it, something that is not linear after it."""

    def loss(w: Tensor, u: Tensor, b: Tensor) -> Tensor:
        first = w * b
        second = u + b
        out = BINARY[name](first, second) if name in BINARY else UNARY[name](first + 0 * second)
        end: Tensor = (out.sin() * weights(out)).sum() + (u * u).sum() * 0.3
        return end

    return loss


def weights(out: Tensor) -> Tensor:
    return torch.arange(1.0, out.numel() + 1, dtype=torch.float64).reshape(out.shape).cos() + 0.2


def drawn(seed: int, count: int = 2) -> list[dict[str, Tensor]]:
    dice = torch.Generator().manual_seed(seed)
    return [
        {n: torch.randn(3, 3, generator=dice, dtype=torch.float64) for n in ("w", "u", "b")}
        for _ in range(count)
    ]


def slipped(loss: Callable[..., Tensor], name: str, slip: Slip) -> Callable[..., Any]:
    """The gradient of a loss with one slip made at its only operation of this name."""

    def gradient(**inputs: Tensor) -> list[Tensor]:
        tape = record(loss, inputs)
        node = next(n for n in reversed(tape.nodes) if n.operation.name == name)
        if name in ("mul", "sum"):  # the last ones are those of the loss around it
            node = tape["out"]
        edges = frozenset((node.index, i) for i in range(max(len(node.parents), 1)))
        grads = tape.gradients([(slip, edges)])
        return [grads.get(n, torch.zeros_like(inputs[n])) for n in ("w", "u")]

    return gradient


SLIPS = [
    pytest.param(row.name, slip, id=f"{row.name}-{slip.id}-{number}")
    for row in OPERATIONS.values()
    for number, slip in enumerate((*row.slips, *ANYWHERE))
    if row.name in (*BINARY, *UNARY)
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "slip"), SLIPS)
def test_every_slip_of_every_operation_is_found_again(name: str, slip: Slip) -> None:
    loss, cases = loss_with(name), drawn(len(name))
    wrong = slipped(loss, name, slip)
    try:
        same = [
            torch.allclose(one, other, rtol=1e-6)
            for case in cases
            for one, other in zip(wrong(**case), right(loss)(**case), strict=True)
        ]
    except Unfit:
        pytest.skip("the slip cannot be made here")
    finding = why(loss, wrong, *cases, wrt=("w", "u"))
    if all(same):
        assert finding.agrees
    else:
        assert finding.stories, finding


def right(loss: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(**inputs: Tensor) -> tuple[Tensor, ...]:
        leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
        return torch.autograd.grad(loss(**leaves), [leaves["w"], leaves["u"]])

    return gradient


@pytest.mark.parametrize("name", [*BINARY, *UNARY])
def test_the_right_gradient_of_every_operation_agrees(name: str) -> None:
    assert why(loss_with(name), right(loss_with(name)), *drawn(5), wrt=("w", "u")).agrees


# What must not be named.


def noise(problem: str, seed: int) -> Finding:
    """What is said of random numbers: pure ones, or the right gradient with some on top."""
    chosen = PROBLEMS[problem]
    dice = torch.Generator().manual_seed(seed)
    (exact,) = list(chosen.right.values())[:1]
    size = (0.0, 1e-4, 1e-2, 1.0)[seed % 4]

    def gradient(**inputs: Tensor) -> list[Tensor]:
        answer = exact(**inputs)
        parts = answer if isinstance(answer, tuple) else (answer,)
        return [
            (part if size else 0) + (size or 1.0) * torch.randn(part.shape, generator=dice).double()
            for part in parts
        ]

    return why(chosen.loss, gradient, *chosen.cases(seed), wrt=chosen.wrt)


@pytest.mark.parametrize("seed", range(0, 8, 2))
def test_noise_is_not_named(seed: int) -> None:
    assert noise(("softmax", "cross-entropy", "layer norm", "GRN")[seed // 2], seed).stories == ()


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["softmax", "cross-entropy", "batch norm", "GRN", "MLP"])
def test_noise_is_never_named(problem: str) -> None:
    assert [seed for seed in range(100) if noise(problem, seed).stories] == []


def line(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    z = x * w
    y_hat = z + b
    r = y_hat - y
    return r**2


def scalars(count: int = 2) -> list[dict[str, Tensor]]:
    dice = torch.Generator().manual_seed(4)
    return [
        {n: torch.randn((), generator=dice, dtype=torch.float64) for n in ("x", "y", "w", "b")}
        for _ in range(count)
    ]


def line_slopes(x: Tensor, y: Tensor, w: Tensor, b: Tensor, factor: float = 2.0) -> Any:
    r = x * w + b - y
    return factor * r * x, factor * r


def test_a_right_gradient_agrees_in_words() -> None:
    finding = why(line, line_slopes, *scalars(), wrt=("w", "b"))
    assert str(finding) == "∂w and ∂b agree with the loss."


def test_one_case_is_refused_in_one_clear_line() -> None:
    with pytest.raises(ValueError, match="at least two cases"):
        why(line, line_slopes, *scalars(1), wrt=("w", "b"))


def test_the_same_case_twice_counts_once() -> None:
    (case,) = scalars(1)
    with pytest.raises(ValueError, match="two different cases"):
        why(line, line_slopes, case, case, wrt=("w", "b"))


def test_a_name_that_is_no_input_is_refused() -> None:
    with pytest.raises(ValueError, match="W is no input"):
        why(line, line_slopes, *scalars(), wrt=("W",))


def test_on_a_tie_the_words_say_both() -> None:
    finding = why(line, lambda x, y, w, b: 2 * (x * w + b - y), *scalars(), wrt="w")
    words = [story.words for story in finding.stories]
    assert "at z = x·w, its slope x is left out on the way to w" in words[0]
    assert any("∂loss/∂b is returned for w" in each for each in words[1:])
    assert "Or if" in str(finding)


def test_the_same_slip_at_places_that_tie_is_one_story() -> None:
    finding = why(line, lambda **k: line_slopes(**k, factor=-2.0), *scalars(), wrt=("w", "b"))
    signs = [story for story in finding.stories if "wrong sign" in story.words]
    assert len(signs) == 1
    assert "or at" in signs[0].words


def test_every_gradient_may_have_a_slip_of_its_own() -> None:
    finding = why(
        line,
        lambda x, y, w, b: (2 * (x * w + b - y), -2 * (x * w + b - y)),
        *scalars(),
        wrt=("w", "b"),
    )
    assert "slope x is left out" in str(finding) and "y − y_hat is computed" in str(finding)


def penalised(x: Tensor, w: Tensor) -> Tensor:
    fit = ((x @ w) ** 2).sum() / len(x)
    l1 = 0.1 * w.abs().sum()
    end: Tensor = fit + l1 + 0.05 * (w**2).sum()
    return end


def penalties(x: Tensor, w: Tensor, l1: Tensor, l2: float = 0.1) -> Tensor:
    return 2 * x.T @ (x @ w) / len(x) + 0.1 * l1 + l2 * w


ROWS = [
    {"x": numbers[:rows], "w": numbers[0]} for rows in (2, 3) for numbers in [drawn(rows)[0]["w"]]
]


def test_two_slips_that_fit_by_chance_are_not_told() -> None:
    """|w| cut and w² doubled give the slope w of |w| where λ₁ = 2·λ₂."""
    finding = why(penalised, lambda x, w: penalties(x, w, w), *ROWS, wrt="w")
    assert finding.wrong == ("w",) and finding.stories == ()


def test_a_penalty_that_is_divided_by_the_rows_too_is_named() -> None:
    wrong = lambda x, w: penalties(x, w, w.sign(), 0.1 / len(x))  # noqa: E731
    words = why(penalised, wrong, *ROWS, wrt="w").stories[0].words
    assert "at w², the gradient passed back is divided by the number of rows of x" in words


def test_a_value_read_in_place_of_another_wherever_it_is_read_is_one_slip() -> None:
    def poisson(x: Tensor, w: Tensor, y: Tensor) -> Tensor:
        z = x @ w
        rate = z.exp()
        end: Tensor = (rate - y * rate.log()).sum()
        return end

    cases = [{"x": c["w"], "w": c["u"][0], "y": c["b"][0].abs()} for c in drawn(9)]
    finding = why(poisson, lambda x, w, y: x.T @ (x @ w - y), *cases, wrt="w")
    assert finding.stories[0].slips == ("read_as",)
    assert "z is used in place of rate" in finding.stories[0].words


def test_a_slip_in_every_round_of_a_loop_is_one_slip_and_names_the_rounds() -> None:
    def loop(x: Tensor, w: Tensor) -> Tensor:
        h = x
        for _ in range(3):
            h = torch.tanh(h * w) + x
        return h.sum()

    def without_slopes(x: Tensor, w: Tensor) -> Tensor:
        h, through = x, torch.zeros_like(x)
        for _ in range(3):
            through = h + through * w
            h = torch.tanh(h * w) + x
        return through

    cases = [{"x": c["w"], "w": c["u"]} for c in drawn(10)]
    (story, *_) = why(loop, without_slopes, *cases, wrt="w").stories
    assert story.slips == ("slope_left_out",)
    assert "h⟨1⟩·w" in story.words and "h⟨2⟩·w" in story.words


def test_a_forgotten_detach_is_named() -> None:
    def loss(x: Tensor, w: Tensor) -> Tensor:
        value = x * w
        end: Tensor = (value * value.detach().exp()).sum()
        return end

    cases = [{"x": c["w"], "w": c["u"]} for c in drawn(11)]
    wrong = lambda x, w: x * (x * w).exp() * (1 + x * w)  # noqa: E731
    finding = why(loss, wrong, *cases, wrt="w")
    assert finding.stories[0].slips == ("detach_forgotten",), finding
    assert why(loss, lambda x, w: x * (x * w).exp(), *cases, wrt="w").agrees


def test_what_is_right_is_said_to_be_right() -> None:
    finding = why(
        line, lambda **k: (0 * line_slopes(**k)[0], line_slopes(**k)[1]), *scalars(), wrt=("w", "b")
    )
    assert finding.right == ("b",) and finding.wrong == ("w",)
    assert str(finding).startswith("∂w is wrong, ∂b is right.")


def test_infinities_agree_with_nothing() -> None:
    finding = why(line, lambda x, y, w, b: (x / 0, b / 0), *scalars(), wrt=("w", "b"))
    assert finding.stories == () and not finding.agrees
    assert "not finite" in str(finding)


def test_an_infinite_loss_is_not_judged() -> None:
    finding = why(lambda x: (x * 1e200) ** 4, lambda x: x, *({"x": s["x"]} for s in scalars()))
    assert finding.stories == () and not finding.agrees
    assert "finite" in str(finding)


def test_a_slip_that_gives_infinities_is_not_named() -> None:
    """At 0 the slope of √ is infinite: whatever goes through it agrees with nothing."""

    def loss(x: Tensor, w: Tensor) -> Tensor:
        a = w * x
        end: Tensor = (a + 0 * a.abs().sqrt()).square().sum()
        return end

    cases = [{"x": torch.tensor([0.0, k]), "w": torch.tensor([1.0, 2.0])} for k in (1.0, 2.0)]
    finding = why(loss, lambda x, w: x * 0 + 7, *cases, wrt="w")
    assert finding.stories == ()


def test_a_missing_gradient_is_called_missing() -> None:
    assert "∂b is missing" in str(why(line, lambda **k: (k["x"], None), *scalars(), wrt=("w", "b")))


def test_a_gradient_in_the_wrong_shape_is_called_that() -> None:
    problem = PROBLEMS["cross-entropy"]
    gradient = problem.right["vectorised"]
    wrong = {
        "∂loss/∂b is returned for W and ∂loss/∂W is returned for b": lambda **k: gradient(**k)[
            ::-1
        ],
        "transposed": lambda **k: (gradient(**k)[0].T, gradient(**k)[1]),
        "in another shape": lambda **k: (gradient(**k)[0], gradient(**k)[1][None]),
    }
    for words, one in wrong.items():
        assert words in str(why(problem.loss, one, *problem.cases(), wrt=problem.wrt))


def test_a_sum_that_is_left_out_is_named() -> None:
    def loss(x: Tensor, b: Tensor) -> Tensor:
        end: Tensor = ((x + b) ** 2).sum()
        return end

    cases = [{"x": case["w"], "b": case["u"][0]} for case in drawn(3)]
    finding = why(loss, lambda x, b: 2 * (x + b), *cases, wrt="b")
    assert "∂b is not summed over what b was broadcast to" in str(finding)


def test_nearly_right_is_called_nearly_right() -> None:
    finding = why(
        line, lambda **k: [g * 1.0003 for g in line_slopes(**k)], *scalars(), wrt=("w", "b")
    )
    assert "nearly right" in str(finding) and "0.0003" in str(finding)


def test_a_steady_ratio_is_told() -> None:
    finding = why(
        line, lambda **k: [g * 0.77 for g in line_slopes(**k)], *scalars(), wrt=("w", "b")
    )
    assert "0.77 times the right one" in str(finding)


def test_an_answer_that_forgets_an_input_is_told_so() -> None:
    finding = why(line, lambda x, y, w, b: (x.sin(), b.cos() * w), *scalars(), wrt=("w", "b"))
    assert "does not depend on y" in str(finding)


def test_the_first_doubtful_node_is_named_where_nothing_fits() -> None:
    problem = PROBLEMS["MLP"]

    def gradient(**inputs: Tensor) -> list[Tensor]:
        first, second, *rest = problem.right["batched"](**inputs)
        return [first.sin() + 0.3, second.exp(), *rest]

    finding = why(problem.loss, gradient, *problem.cases(), wrt=problem.wrt)
    assert finding.stories == ()
    assert "h1 = tanh(z1)" in str(finding)


class Cube(torch.autograd.Function):
    """x³, with the slope of x²."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return g * x**2


class RightCube(Cube):
    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


def test_a_function_of_autograd_is_judged_against_the_plain_one() -> None:
    cases = [{"x": case["w"]} for case in drawn(6)]
    finding = why(lambda x: x**3, Cube, *cases)
    assert "the exponent 3 is not brought down" in finding.stories[0].words
    assert why(lambda x: x**3, RightCube, *cases).agrees


@pytest.mark.slow
def test_a_graph_of_750_operations_is_searched_and_the_limits_are_told() -> None:
    def loss(x: Tensor, w: Tensor, b: Tensor) -> Any:
        h = x
        for _ in range(250):
            h = torch.tanh(w * h + b)
        return (h**2).sum()

    cases = [{"x": s["x"], "w": s["w"], "b": s["b"]} for s in scalars()]

    def times(factor: float) -> Callable[..., Any]:
        def gradient(**inputs: Tensor) -> list[Tensor]:
            leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
            grads = torch.autograd.grad(loss(**leaves), [leaves["w"], leaves["b"]])
            return [factor * grad + (factor == 3) * grad.sin() for grad in grads]

        return gradient

    assert "exponent 2" in why(loss, times(0.5), *cases, wrt=("w", "b")).stories[0].words
    assert "only slips on the way back were tried" in str(
        why(loss, times(3), *cases, wrt=("w", "b"))
    )


def test_steps_that_depend_on_the_numbers_are_refused_in_words() -> None:
    def loss(w: Tensor) -> Any:
        return w.exp() if w > 0 else w * w

    cases = [{"w": torch.tensor(1.0)}, {"w": torch.tensor(-1.0)}]
    assert "not the same on every case" in str(why(loss, lambda w: w, *cases))


def test_the_finding_is_frozen_and_prints_as_html() -> None:
    finding = why(line, lambda **k: line_slopes(**k, factor=1.0), *scalars(), wrt=("w", "b"))
    with pytest.raises(FrozenInstanceError):
        finding.right = ("w",)  # type: ignore[misc]
    html = finding._repr_html_()
    assert html.startswith("<p>") and "<b>at loss = r²" in html
    assert "\n" not in str(finding)


def test_the_same_answer_gets_the_same_words() -> None:
    said = {
        str(why(line, lambda **k: line_slopes(**k, factor=1.0), *scalars(), wrt=("w", "b")))
        for _ in range(3)
    }
    assert len(said) == 1


def test_the_page_on_why_is_what_it_says_now() -> None:
    written = without_gradcheck(PAGE.read_text(encoding="utf-8"))
    assert written == without_gradcheck(page(with_gradcheck=False)), (
        "docs/why.md is stale: python -m checks.tests.why_examples"
    )


def test_gradcheck_finds_the_examples_of_the_page_wrong_too() -> None:
    assert all("Jacobian mismatch" in example.gradcheck() for example in EXAMPLES)


def test_why_stands_alone_and_checks_does_not_wait_for_torch() -> None:
    code = (
        "import sys, checks\n"
        "assert 'torch' not in sys.modules\n"
        "from checks import why\n"
        "import torch\n"
        "why(lambda x: x.exp(), lambda x: x, {'x': torch.ones(2)}, {'x': torch.zeros(2)})\n"
        "print(*(m for m in sys.modules if m.startswith('checks.grader') or m == 'sympy'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
