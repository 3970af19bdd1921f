"""What a rebuilt presentation table has to hold before readers see it, in whichever warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import QualityError
from rental_analytics.sql.render import identifier, render


def checks_of(model: PresentationModel, relation: str) -> Iterator[tuple[str, Severity, str]]:
    """Name, severity and query of each check; the query counts the rows of `relation` that break it."""
    yield "unique_key", Severity.FAIL, render("not_unique", relation=relation, key=model.key)
    for name in model.required:
        missing = render("failing", relation=relation, when=f"{identifier(name)} IS NULL")
        yield f"{name}_not_null", Severity.FAIL, missing
    for check in model.checks:
        yield check.name, check.severity, render("failing", relation=relation, when=check.when)


def stop_if_broken(results: Sequence[CheckResult]) -> None:
    """See that no check is broken that stops a run.

    Raises:
        QualityError: one is; names the first.
    """
    broken = [result for result in results if result.failed_rows and result.severity == Severity.FAIL]
    if broken:
        first = broken[0]
        raise QualityError(
            f"Check {first.check_name} of presentation.{first.table_name} is broken by "
            f"{first.failed_rows:,} rows; the tables of the last run stay.",
            remedy="look at the curated rows behind it; the check is in the metric's model.yaml.",
            table=first.table_name,
            results=results,
        )
