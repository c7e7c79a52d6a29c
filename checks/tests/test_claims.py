"""Every claim of the notes is decided by a computation, as the course says it is."""

from __future__ import annotations

import pytest

from checks.grader.author.claims import examine, examples
from checks.grader.language.lesson import Claim, load
from checks.grader.records.course import stems

CLAIMS = [(stem, claim) for stem in stems() for claim in load(stem).claims]


@pytest.mark.parametrize(
    ("stem", "claim"), CLAIMS, ids=[f"{stem}-{claim.says[:50]}" for stem, claim in CLAIMS]
)
def test_a_claim_comes_out_as_the_course_says(stem: str, claim: Claim) -> None:
    finding = examine(claim)
    assert finding.verdict == ("confirmed" if claim.stands else "corrected"), finding


@pytest.mark.parametrize("stem", stems())
def test_every_worked_number_is_confirmed(stem: str) -> None:
    findings = [examine(claim) for claim in examples(stem, load(stem))]
    assert findings
    assert all(finding.confirmed for finding in findings), findings


@pytest.mark.parametrize(
    ("notes", "value", "confirmed"),
    [
        ("1.260688", 1.260688, True),
        ("1.260688", 1.2606884, True),
        ("1.260688", 1.260689, False),
        ("−8", -8.0, True),
        ("8", 8.2, False),
        ("(0.3645, 0.0204)", (0.25999, 0.74767), False),
        ("(0.2600, 0.7477)", (0.25999, 0.74767), True),
        ("3, 2", (3.0,), False),
        ("the method", "the method", True),
        ("the method", "the number", False),
    ],
)
def test_a_number_is_compared_to_the_digits_printed(
    notes: str, value: object, confirmed: bool
) -> None:
    assert examine(Claim("a number", notes, lambda: value)).confirmed is confirmed
