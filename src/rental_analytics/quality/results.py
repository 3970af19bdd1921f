"""What rules and checks found: the queries that count, and the results made of the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult, TransformedTable, ValueCount
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.quality.rules import all_rules, kept_checks
from rental_analytics.sql.render import render

_MOST_VALUES, _LONGEST_VALUE = 5, 60


def model_counts(model: CuratedModel) -> str:
    """The query for one row: how many rows of `current_rows` break each rule and check, and how many are rejected."""
    return render("quality/rule_counts", rules=all_rules(model), checks=kept_checks(model), key=model.key)


def model_results(model: CuratedModel, counts: Mapping[str, Any]) -> tuple[CheckResult, ...]:
    """The results of a model's rules and checks.

    Args:
        counts: the row of `model_counts`; empty where no row came.
    """
    return tuple(
        CheckResult(
            table_name=model.name,
            check_name=rule.name,
            severity=rule.severity,
            failed_rows=counts.get(rule.name) or 0,
            sample=counts.get(f"sample_of_{rule.name}"),
        )
        for rule in (*all_rules(model), *kept_checks(model))
    )


def blamed_values(model: CuratedModel, counts: Mapping[str, Any]) -> dict[str, str]:
    """For each broken rule with a value that is to blame, the query for the commonest ones and how many have them."""
    return {
        rule.name: render("quality/blamed_values", rule=rule, most=_MOST_VALUES)
        for rule in model.rules
        if rule.value and rule.severity is Severity.REJECT and counts.get(rule.name)
    }


def blaming(
    model: CuratedModel, results: Sequence[CheckResult], found: Mapping[str, Sequence[tuple[str | None, int]]]
) -> tuple[CheckResult, ...]:
    """Results of a model with the values that are to blame, and the settings that would accept them.

    Args:
        found: the rows of the queries of `blamed_values`.
    """
    rules = {rule.name: rule for rule in model.rules}
    told = []
    for result in results:
        values = tuple(
            ValueCount(value=None if value is None else value[:_LONGEST_VALUE], rows=rows)
            for value, rows in found.get(result.check_name, ())
        )
        if values:
            rule = rules[result.check_name]
            named = {rule.setting_for_null if item.value is None else rule.setting for item in values}
            settings = tuple(sorted(filter(None, named)))
            told.append(result.model_copy(update={"values": values, "settings": settings}))
        else:
            told.append(result)
    return tuple(told)


def told_values(result: CheckResult) -> str:
    """The values that are to blame, in words: `'no_show' 3, NULL 1; see marketplace.statuses`; or nothing."""
    if not result.values:
        return ""
    listed = ", ".join(f"{'NULL' if item.value is None else repr(item.value)} {item.rows:,}" for item in result.values)
    accepted = f"; see {' and '.join(result.settings)}" if result.settings else ""
    return f"{listed}{accepted}"


def source_counts(source: SourceTable) -> str:
    """The query for one row: how many of a source table's raw rows break each of its checks, of which it has some."""
    return render("quality/source_checks", checks=source.checks, source=f"raw_data.{source.name}")


def source_results(source: SourceTable, counts: Mapping[str, Any]) -> tuple[CheckResult, ...]:
    """The results of a source table's checks; `counts` as in `model_results`."""
    return tuple(
        CheckResult(
            table_name=source.name,
            check_name=check.name,
            severity=check.severity,
            failed_rows=counts.get(check.name) or 0,
        )
        for check in source.checks
    )


def broken(table: TransformedTable, severity: Severity) -> list[CheckResult]:
    """The rules and checks of a severity that rows break, the one that most break first."""
    found = [check for check in table.checks if check.failed_rows and check.severity == severity]
    return sorted(found, key=lambda check: -check.failed_rows)
