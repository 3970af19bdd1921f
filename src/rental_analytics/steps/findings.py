"""What checks found, once they are made: told, noted in `ops`, and what it keeps later steps from."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult, ExtractManifest
from rental_analytics.errors import QualityError
from rental_analytics.quality.results import broken_checks
from rental_analytics.steps.base import StepContext
from rental_analytics.warehouses.base import Warehouse


def note_warnings(context: StepContext, table: str, checks: Sequence[CheckResult]) -> None:
    """Tell of broken checks of a table that stop nothing."""
    if warned := broken_checks(checks, Severity.WARN):
        told = [
            f"{check.check_name} ({check.sample})" if check.is_of_table else f"{check.check_name} {check.failed_rows:,}"
            for check in warned
        ]
        context.events.note(f"kept with a warning: {', '.join(told)}", table=table)


def record_checks(warehouse: Warehouse, run_id: str, checks: Sequence[CheckResult]) -> None:
    """Put results of a run in place of what `ops.check_results` has of the same checks."""
    rows = [{"run_id": run_id} | check.record for check in checks]
    warehouse.record({"check_results": rows}, replacing=["run_id", "table_name", "check_name"])


def check_reads(pending: Sequence[ExtractManifest]) -> None:
    """See that no check stopped a run by what it read, which a step that is asked for alone would take in.

    Raises:
        QualityError: one did.
    """
    for manifest in pending:
        if broken_checks(manifest.check_results, Severity.FAIL):
            raise QualityError(
                f"Run {manifest.run_id} was stopped by a check of what it read, which is not taken in.",
                remedy="correct the source, then `rental run`, which reads it again.",
                reason="run-stopped-by-check",
            )
