"""`rental` in a process that kills itself, stands still, or is interrupted at a failpoint, or is copied there."""

import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

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


def run_and_copy(places: Collection[tuple[str, int]], copies: Path, *arguments: str) -> None:
    """Do what the arguments say, and copy the folder where a failpoint is reached for one of the given times.

    Nothing else writes to the folder while the thread stands still: a copy is what the process would leave if it were
    killed there, once it has ended. The copy of a place is `<failpoint>-<times>`; `reached.json` has all failpoints
    that were reached.
    """
    reached = Counter[str]()

    def copied(place: str) -> None:
        reached[place] += 1
        if (place, reached[place]) in places:
            shutil.copytree(Path.cwd(), copies / f"{place}-{reached[place]}")

    arm(copied)
    try:
        run(*arguments)
    finally:
        (copies / "reached.json").write_text(json.dumps(sorted(reached)))


def run_and_interrupt(name: str, number: int, how: str, *arguments: str) -> None:
    """Do what the arguments say, with one signal where the failpoint is reached first.

    Args:
        how: what becomes of the exception that a signal raises. A library may make an error of its own of it, as DuckDB
            does, or swallow it.
    """
    assert name in FAILPOINTS

    def interrupted(place: str) -> None:
        if place != name:
            return
        arm(None)
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            if how == "raised":
                raise
            if how == "as an error":
                raise RuntimeError("Query interrupted") from None

    arm(interrupted)
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
