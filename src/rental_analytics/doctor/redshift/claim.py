"""A claim about Redshift, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.results import CheckResult, CheckStatus, DifferenceError, SkippedError
from rental_analytics.errors import RentalError

REMEDY = "docs/reference/verified.md says what rests on it; do not load this warehouse before that is settled."


@dataclass(frozen=True)
class Claim:
    """What the pipeline relies on, with its name in docs/reference/verified.md.

    Args:
        check: gives what was seen where the claim holds.
    """

    name: str
    check: Callable[[Sandbox], str]

    def result(self, sandbox: Sandbox) -> CheckResult:
        """Check the claim; whatever goes wrong is in the result."""
        try:
            return self._ended(CheckStatus.OK, self.check(sandbox))
        except SkippedError as error:
            return self._ended(CheckStatus.SKIPPED, error.why, error.remedy)
        except DifferenceError as error:
            return self._ended(CheckStatus.FAILED, str(error), REMEDY)
        except RentalError as error:
            return self._ended(CheckStatus.FAILED, error.message, error.remedy)
        except Exception as error:  # noqa: BLE001 the other claims are worth knowing
            return self._ended(CheckStatus.FAILED, repr(error), REMEDY)

    def _ended(self, status: CheckStatus, seen: str, remedy: str = "") -> CheckResult:
        return CheckResult(self.name, status, " ".join(seen.split()), remedy)


def claim(check: Callable[[Sandbox], str]) -> Claim:
    """Make a claim of a function, and its name of the function's."""
    return Claim(check.__name__.replace("_", "-"), check)


def need(holds: object, seen: str) -> str:
    """What was seen, if the claim holds.

    Raises:
        DifferenceError: it does not.
    """
    if not holds:
        raise DifferenceError(seen)
    return seen
