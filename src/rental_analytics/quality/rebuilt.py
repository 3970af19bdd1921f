"""What a rebuilt table has to hold before readers see it, in whichever warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.errors import QualityError, number_of
from rental_analytics.sql.render import identifier, render

AGAIN = "`rental run` (`rental run --full-refresh` where that moved no cursor)"
"""How rows that were corrected in the source come to be in a metric."""


def checks_of(model: DerivedModel, relation: str) -> Iterator[tuple[str, Severity, str]]:
    """Name, severity and query of each check; the query counts the rows of `relation` that break it."""
    yield "unique_key", Severity.FAIL, render("quality/not_unique", relation=relation, key=model.key)
    for name in model.required:
        missing = render("quality/failing", relation=relation, when=f"{identifier(name)} IS NULL")
        yield f"{name}_not_null", Severity.FAIL, missing
    for check in model.checks:
        yield check.name, check.severity, render("quality/failing", relation=relation, when=check.when)


def check_statement(model: DerivedModel, relation: str) -> str:
    """All checks of a table in one statement: the place of each among `checks_of`, and the rows that break it."""
    return render("quality/together", queries=[sql for _, _, sql in checks_of(model, relation)])


def check_results(model: DerivedModel, failed: Mapping[int, int]) -> list[CheckResult]:
    """What the checks found: `failed` has the rows that break the check of each place."""
    return [
        CheckResult(table_name=model.name, check_name=name, severity=severity, failed_rows=failed[place])
        for place, (name, severity, _) in enumerate(checks_of(model, model.relation))
    ]


def stop_if_broken(models: Sequence[DerivedModel], results: Sequence[CheckResult]) -> None:
    """See that no check is broken that stops a run.

    Raises:
        QualityError: one is; names the first.
    """
    broken = [result for result in results if result.failed_rows and result.severity == Severity.FAIL]
    if broken:
        first = broken[0]
        relation = next(model.relation for model in models if model.name == first.table_name)
        raise QualityError(
            f"Check {first.check_name} of {relation} is broken by "
            f"{number_of(first.failed_rows, 'row')}; the tables of the last run stay.",
            remedy="look at the curated rows behind it, correct them in the source and "
            f"{AGAIN}; the check is in the metric's model.yaml.",
            reason="metric-check-broken",
            table=first.table_name,
            results=results,
        )
