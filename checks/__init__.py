"""The checker of the course: what is right, what is wrong, and which idea explains it.

In a notebook: `from checks import check, pictures, program`, then `check(3)`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.grader.commands.prompt import check as check
    from checks.grader.commands.prompt import pictures as pictures
    from checks.grader.commands.prompt import program as program


def __getattr__(name: str) -> Any:
    """What a notebook uses when it is asked for: the command line must not wait for torch."""
    if name in ("check", "pictures", "program"):
        from checks.grader.commands import prompt

        return getattr(prompt, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
