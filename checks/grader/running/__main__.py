"""A process that runs student code, or starts those that do: `python -m checks.grader.running`."""

import sys

from checks.grader.running.inside.stand_ins import put_in_place

if __name__ == "__main__":
    put_in_place()
    from checks.grader.running.server import main

    main(sys.argv[1:])
