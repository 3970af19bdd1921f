"""What errors are to whoever called the program: an exit code, and one of ours where a user can act on it."""

from __future__ import annotations

import errno

from rental_analytics.cli.output import interruption
from rental_analytics.errors import ConfigurationError, RentalError, RunInterruptedError
from rental_analytics.monitoring.text import shortened


class ReportedError(Exception):
    """What ended the program is in the log."""

    def __init__(self, exit_code: int, error: BaseException) -> None:
        super().__init__()
        self.exit_code = exit_code
        self.error = error


def understood(error: BaseException) -> BaseException:
    """An error of the operating system that is about a name the user gave, as one of ours."""
    if isinstance(error, OSError) and is_about_name(error):
        return ConfigurationError(
            f"The path {shortened(str(error.filename))} cannot be used: {error.strerror}.",
            remedy="choose another one.",
            reason="path-not-usable",
        )
    return error


def is_about_name(error: OSError) -> bool:
    """Whether the system has no place for a name, whatever the rights."""
    return error.errno in {errno.ENAMETOOLONG, errno.ELOOP}


def exit_code(error: BaseException) -> int:
    """The exit code that stands for an error."""
    if isinstance(error, RunInterruptedError):
        return error.exit_code
    if interruption.signal is not None:
        return interruption.exit_code
    return error.exit_code if isinstance(error, RentalError) else 1
