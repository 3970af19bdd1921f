"""What the checks of loaded tables found, and whether it stops the run."""

from __future__ import annotations

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.quality.loaded import load_checks, stop_if_loaded_is_broken
from rental_analytics.sql.render import render
from rental_analytics.steps.base import StepContext


def check_loaded(context: StepContext) -> None:
    """See that the load of a run broke no check that stops it.

    Raises:
        QualityError: it did; the rows are loaded, and the metrics are not rebuilt.
    """
    check_load_of(context, context.run.run_id)


def check_load_of(context: StepContext, run_id: str) -> None:
    """The same for another run; where no table has such a check, nothing is asked."""
    declared = {
        (model.name, check.name): check
        for model in context.contracts.curated.values()
        for check in load_checks(model)
        if check.severity is Severity.FAIL
    }
    if not declared:
        return
    found = context.warehouse.ask(render("steps/load/broken_checks", run_id=run_id)).to_pylist()
    stop_if_loaded_is_broken(
        [
            CheckResult(**row, is_of_table=declared[place].is_of_table)
            for row in found
            if (place := (row["table_name"], row["check_name"])) in declared
        ]
    )
