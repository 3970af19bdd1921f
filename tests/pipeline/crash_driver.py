"""`rental` in a process that kills itself at a failpoint: crash_driver.py NAME TIMES ARGUMENT..."""

import os
import signal
import sys

from rental_analytics import cli
from rental_analytics.failpoints import FAILPOINTS, arm


def main(name: str, times: str, *arguments: str) -> None:
    """Do what the arguments say until the failpoint is reached for this many times."""
    assert name in FAILPOINTS
    reached = 0

    def die(place: str) -> None:
        nonlocal reached
        reached += place == name
        if reached == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    arm(die)
    sys.argv = ["rental", *arguments]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
