"""Limits that stop a run: on rows that were rejected, and on rows that are gone from the source."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.base import Severity, both_names
from rental_analytics.contracts.configuration import QualitySettings
from rental_analytics.contracts.manifest import CheckResult, ExtractedTable, TransformManifest
from rental_analytics.errors import QualityError
from rental_analytics.quality.results import broken_checks, told_finding, told_values

# Below this a share says little: one bad row is a large part of the few that a run every few minutes takes in.
_FEW_ROWS = 100
_HOW_TO_SET = {
    "marketplace.default_currency": "set marketplace.default_currency, such as EUR",
    "marketplace.statuses": "name each status in marketplace.statuses as pending, confirmed or canceled, such as "
    'confirmed = ["no_show"]',
}


def check_rejected(manifest: TransformManifest, limits: QualitySettings, again: str) -> None:
    """See that no table lost too large a share of its rows to rules, and that no check is broken that stops a run.

    Args:
        again: the command that reads the rows once more.

    Raises:
        QualityError: names the table, the share and the rules, or the check.
    """
    run_id = manifest.run_id
    limit, least = limits.max_rejected_share, limits.min_rejected_rows
    for name, table in manifest.tables.items():
        if table.extracted and table.rejected >= least and table.rejected / table.extracted > limit:
            found = broken_checks(table.checks, Severity.REJECT)
            rules = [_told(check) for check in found]
            # Of all tables, so that one change of the configuration is enough.
            accepted = _accepting(
                [check for other in manifest.tables.values() for check in broken_checks(other.checks, Severity.REJECT)]
            )
            accepting = f"to accept them, {accepted}, then `rental run --full-refresh`; " if accepted else ""
            few = (
                f"; fewer than quality.min_rejected_rows, {least:,}, stop no run" if table.rejected < _FEW_ROWS else ""
            )
            raise QualityError(
                f"{table.rejected:,} of {table.extracted:,} rows of {name} were rejected "
                f"({table.rejected / table.extracted:.0%}, the limit is {limit:.0%}): {'; '.join(rules)}.",
                remedy=f"see `rental query \"FROM ops.rejected_rows WHERE run_id = '{run_id}'\"`; after correcting the "
                f"source `{again}`; {accepting}to continue without these rows, and without their earlier versions, "
                f"`rental run --resume {run_id} --set quality.max_rejected_share=1`{few}.",
                reason="too-many-rows-rejected",
                table=name,
            )
        stop_if_check_broken(table.checks, again)


def stop_if_check_broken(checks: Sequence[CheckResult], again: str) -> None:
    """See that no check of rows that are not loaded yet is broken that stops a run.

    Args:
        again: the command that reads the rows once more.

    Raises:
        QualityError: one is; names the one that most rows break.
    """
    for check in broken_checks(checks, Severity.FAIL):
        raise QualityError(
            f"Check {check.check_name} of {check.table_name} is {told_finding(check)}; nothing was loaded.",
            remedy=f"correct the rows in the source, then `{again}`; the check is in the table's YAML file.",
            reason="check-broken",
            table=check.table_name,
        )


def _accepting(checks: Sequence[CheckResult]) -> str:
    """What to set in the configuration so that the values that are to blame are accepted."""
    keys = sorted({key for check in checks for key in check.settings})
    return ", and ".join(_HOW_TO_SET.get(key, f"set {key}") for key in keys)


def _told(check: CheckResult) -> str:
    """A rule, how many rows broke it, one of them, and what they have where that is to blame."""
    sample = f", such as {check.sample}" if check.sample else ""
    values = told_values(check)
    return f"{check.check_name} {check.failed_rows:,}{sample}" + (f" ({values})" if values else "")


def check_deleted(
    name: str, table: ExtractedTable, previous: ExtractedTable | None, limits: QualitySettings, again: str
) -> None:
    """See that not too large a share of a table's rows is gone from the source since the last read.

    An emptied table, or a view that hides rows, must not empty a warehouse.

    Args:
        previous: the read before, where there was one.
        again: the command that reads the rows once more.

    Raises:
        QualityError: names the table and the share.
    """
    held = table.replaced_rows if table.replaced_from else previous.held if previous else 0
    gone = sum(file.rows for file in table.deletes)
    if table.replaced_from:
        gone = held - table.rows
    elif table.complete or not table.key:
        gone = max(gone, held - table.held)
    limit, least = limits.max_deleted_share, limits.min_deleted_rows
    if held and gone >= least and gone / held > limit:
        place = both_names(name, table.relation or name) + (" in the range" if table.replaced_from else "")
        raise QualityError(
            f"{gone:,} of {held:,} rows of {place} were deleted in the source since they were read "
            f"({gone / held:.0%}, the limit is {limit:.0%}); nothing was changed.",
            remedy="check the table, and the database that source.url names; if the rows are gone for good, "
            f"`{again} --set quality.max_deleted_share=1`.",
            reason="too-many-rows-vanished",
            table=name,
        )
