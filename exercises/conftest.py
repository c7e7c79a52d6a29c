"""Shows the exercises as tests: `pytest exercises`, or the test panel of your editor."""

from checks.grader.commands.pytest_plugin import (  # noqa: F401
    pytest_collect_file,
    pytest_pycollect_makemodule,
)
