"""`python -m checks`: see `python -m checks --help`."""

from checks.grader.commands.cli import run

if __name__ == "__main__":
    run()
