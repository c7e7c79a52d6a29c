"""A process that runs student code, or starts those that do: `python -m checks.grader.running`."""

import gc
import sys

from checks.grader.running.inside.stand_ins import put_in_place

if __name__ == "__main__":
    put_in_place()
    gc.disable()  # while PyTorch makes half a million objects that stay
    from checks.grader.running.server import main

    main(sys.argv[1:])
