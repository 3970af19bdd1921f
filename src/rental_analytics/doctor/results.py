"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckResult:
    """A check that was made, or skipped.

    Args:
        seen: what the check found, or why it was skipped; one line.
        remedy: what to do about it; empty where all is well.
    """

    name: str
    status: CheckStatus
    seen: str
    remedy: str = ""


class SkippedError(Exception):
    """Something cannot be checked here."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class DifferenceError(Exception):
    """Something is not as it has to be; `str()` is what was seen."""
