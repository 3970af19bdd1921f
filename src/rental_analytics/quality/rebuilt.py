"""What a rebuilt table has to hold before readers see it, in whichever warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.checks import DeclaredCheck, Freshness, Relationships, RowCountNearUsual, Unique
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.contracts.model import UNIQUE_KEY, DerivedModel, not_null_name
from rental_analytics.errors import QualityError
from rental_analytics.quality.asked import Asked, AskedTable
from rental_analytics.quality.conditions import condition
from rental_analytics.quality.results import told_finding
from rental_analytics.quality.tables import Looked, doubled_key_query, doubled_query, stale_query, unrelated_query
from rental_analytics.quality.usual import Counts, usual_range
from rental_analytics.sql.render import identifier

AGAIN = "`rental run` (`rental run --full-refresh` where that moved no cursor)"
"""How rows that were corrected in the source come to be in a metric."""


@dataclass(frozen=True)
class Comparisons:
    """What checks of rebuilt tables compare them with.

    Args:
        moment: what the age of the newest values is counted to, UTC; it is no clock's.
        counts: rows that tables had in the last runs, by name.
    """

    moment: datetime
    counts: Mapping[str, Counts] = field(default_factory=dict)


def asked_of(
    model: DerivedModel, relation: str, comparisons: Comparisons, stages: Mapping[str, str] = MappingProxyType({})
) -> AskedTable:
    """What all checks of a table ask, those of `key` and `nullable: false` first.

    Args:
        relation: has its rows.
        stages: the relations that have the rows of other tables, where those are not swapped in yet.
    """
    looked = Looked(relation)
    checks = [
        Asked(UNIQUE_KEY, Severity.FAIL, query=doubled_key_query(looked, model.key)),
        *(Asked(not_null_name(name), Severity.FAIL, when=f"{identifier(name)} IS NULL") for name in model.required),
        *(_asked(model, check, looked, comparisons, stages) for check in model.declared_checks),
    ]
    return AskedTable(model.name, relation, model.key, tuple(checks))


def _asked(
    model: DerivedModel, check: DeclaredCheck, looked: Looked, comparisons: Comparisons, stages: Mapping[str, str]
) -> Asked:
    asked = Asked(check.name, check.severity, check.is_of_table)
    match check.kind:
        case Unique():
            return replace(asked, query=doubled_query(looked, check))
        case Relationships() as related:
            return replace(asked, query=unrelated_query(looked, check, related, stages.get(related.to)))
        case Freshness() as freshness:
            return replace(asked, query=stale_query(looked, check, freshness, comparisons.moment))
        case RowCountNearUsual(within=within):
            return replace(asked, usual=usual_range(comparisons.counts.get(model.name, ()), within))
    return replace(asked, when=condition(check))


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
            f"Check {first.check_name} of {relation} is {told_finding(first)}; the tables of the last run stay.",
            remedy="look at the curated rows behind it, correct them in the source and "
            f"{AGAIN}; the check is in the metric's model.yaml.",
            reason="metric-check-broken",
            table=first.table_name,
            results=results,
        )
