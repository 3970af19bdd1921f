"""`rental` in a process that kills itself, or stands still, at a failpoint."""

import os
import signal
import sys

from rental_analytics import cli
from rental_analytics.failpoints import FAILPOINTS, arm


def run(*arguments: str) -> None:
    """Do what the arguments say, and end the process."""
    sys.argv = ["rental", *arguments]
    cli.main()


def run_to_death(name: str, times: int, *arguments: str) -> None:
    """Do what the arguments say until the failpoint is reached for this many times."""
    _signal_at(name, times, signal.SIGKILL)
    run(*arguments)


def run_and_stop(name: str, times: int, *arguments: str) -> None:
    """Do what the arguments say, and stand still where the failpoint is reached for the given time."""
    _signal_at(name, times, signal.SIGSTOP)
    run(*arguments)


def _signal_at(name: str, times: int, number: signal.Signals) -> None:
    assert name in FAILPOINTS
    reached = 0

    def signalled(place: str) -> None:
        nonlocal reached
        reached += place == name
        if place == name and reached == times:
            os.kill(os.getpid(), number)

    arm(signalled)
