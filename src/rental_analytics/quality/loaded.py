"""What a curated table has to hold once a load has changed it: checks that rows on their way cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.checks import DeclaredCheck, Freshness, Relationships, Unique
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.errors import QualityError
from rental_analytics.quality.rebuilt import AGAIN
from rental_analytics.quality.results import broken_checks, told_finding
from rental_analytics.quality.tables import Looked, doubled_query, stale_query, unrelated_query


def load_checks(model: CuratedModel) -> tuple[DeclaredCheck, ...]:
    """The checks of a model that are made when it is loaded."""
    return tuple(check for check in model.declared_checks if isinstance(check.kind, Unique | Relationships | Freshness))


@dataclass(frozen=True)
class LoadedState:
    """A table as a load leaves it.

    Args:
        is_flagged: its deleted rows are flagged.
        run_id: of the load.
        moment: what the age of the newest values is counted to, UTC.
    """

    relation: str
    is_flagged: bool
    run_id: str
    moment: datetime

    def query(self, check: DeclaredCheck) -> str:
        """The query for what breaks a check: of those that warn among the rows of the load, of others among all."""
        run_id = self.run_id if check.severity is Severity.WARN else None
        looked = Looked(self.relation, self.is_flagged, run_id)
        match check.kind:
            case Unique():
                return doubled_query(looked, check)
            case Relationships() as related:
                return unrelated_query(looked, check, related)
            case Freshness() as freshness:
                return stale_query(looked, check, freshness, self.moment)
        raise AssertionError(check)


def stop_if_loaded_is_broken(results: Sequence[CheckResult]) -> None:
    """See that no check of a loaded table is broken that stops a run.

    Raises:
        QualityError: one is; names the one that most rows break.
    """
    for result in broken_checks(results, Severity.FAIL):
        relation = f"curated.{result.table_name}"
        raise QualityError(
            f"Check {result.check_name} of {relation} is {told_finding(result)}; the rows are loaded, and the metrics "
            "are those of the last run.",
            remedy=f"look at the rows of {relation}, correct them in the source and {AGAIN}; the check is in the "
            "table's model.yaml.",
            reason="loaded-check-broken",
            table=result.table_name,
        )
