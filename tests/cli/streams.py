"""`rental` in a forked process whose standard streams are those that a shell would have given it."""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from runs.crash_driver import run

CLOSED = ""


def run_redirected(places: Mapping[int, str], *arguments: str) -> None:
    """Do what the arguments say, with streams that lead elsewhere or are closed.

    The objects for the streams are made as Python makes them at its start, and what they still hold is written as
    Python does it at its end.

    Args:
        places: files by number of the stream; two streams with the same file share it.
    """
    opened = {place: os.open(place, os.O_WRONLY) for place in places.values() if place != CLOSED}
    for number, place in places.items():
        if place == CLOSED:
            os.close(number)
        else:
            os.dup2(opened[place], number)
    for file in opened.values():
        os.close(file)
    sys.stdout, sys.stderr = _stream(1), _stream(2)  # type: ignore[assignment]
    try:
        run(*arguments)
    except SystemExit as end:
        code = end.code
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        code = 120
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    raise SystemExit(code)


def _stream(number: int) -> TextIO | None:
    try:
        os.fstat(number)
    except OSError:
        return None
    errors = "backslashreplace" if number == 2 else "strict"
    buffering = 1 if number == 2 else -1
    return open(number, "w", buffering, encoding="utf-8", errors=errors, closefd=False)
