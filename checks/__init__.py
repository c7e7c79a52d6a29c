"""The checker of the course: what is right, what is wrong, and which idea explains it.

In a notebook: `from checks import check`, then `check(3)`. For a backward pass of your own:
`from checks import why`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.grader.notebook import check as check
    from checks.slips import why as why


def __getattr__(name: str) -> Any:
    """`check` and `why` when they are asked for: the command line must not wait for torch."""
    if name == "check":
        from checks.grader.notebook import check

        return check
    if name == "why":
        from checks.slips import why

        return why
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
