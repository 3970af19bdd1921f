"""All checks of a deployed stack, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rental_analytics.doctor.glue.alerts import heard_alerts
from rental_analytics.doctor.glue.claims import Checks
from rental_analytics.doctor.glue.deployment import Deployment
from rental_analytics.doctor.results import CheckResult, CheckStatus, DifferenceError, SkippedError

REMEDY = "see docs/cookbooks/troubleshooting.md, and docs/reference/verified-on-aws.md for what rests on it."


def verify_deployment(deployment: Deployment, *, runs: bool) -> Iterator[CheckResult]:
    """Make every check; the queue that listens is removed at the end, also after an error.

    Args:
        runs: whether a run of the whole pipeline may be started.
    """
    with heard_alerts(deployment) as alerts:
        for name, check in Checks(deployment, alerts, runs=runs).all():
            yield _result(name, check)


def _result(name: str, check: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(name, CheckStatus.OK, _line(check()))
    except SkippedError as error:
        return CheckResult(name, CheckStatus.SKIPPED, error.why, error.remedy)
    except DifferenceError as error:
        return CheckResult(name, CheckStatus.FAILED, _line(str(error)), REMEDY)
    except Exception as error:  # noqa: BLE001 the other claims are worth knowing
        return CheckResult(name, CheckStatus.FAILED, _line(str(error) or repr(error)), REMEDY)


def _line(text: str) -> str:
    return " ".join(text.split())
