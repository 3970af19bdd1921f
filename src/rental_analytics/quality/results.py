"""What rules and checks found: the queries that count, and the results made of the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult, ValueCount
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.errors import number_of
from rental_analytics.quality.conditions import key_text
from rental_analytics.quality.rules import all_rules, kept_checks
from rental_analytics.sql.render import render

_MOST_VALUES, _LONGEST_VALUE = 5, 60


def model_counts(model: CuratedModel) -> str:
    """The query for one row: how many rows of `current_rows` break each rule and check, and how many are rejected."""
    return render(
        "quality/rule_counts",
        rules=all_rules(model),
        checks=kept_checks(model),
        key_text=key_text(model.key) if model.key else None,
    )


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
        for rule in all_rules(model)
        if rule.value and rule.severity is Severity.REJECT and counts.get(rule.name)
    }


def blaming(
    model: CuratedModel, results: Sequence[CheckResult], found: Mapping[str, Sequence[tuple[str | None, int]]]
) -> tuple[CheckResult, ...]:
    """Results of a model with the values that are to blame, and the settings that would accept them.

    Args:
        found: the rows of the queries of `blamed_values`.
    """
    rules = {rule.name: rule for rule in all_rules(model)}
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


def broken_checks(checks: Sequence[CheckResult], severity: Severity) -> list[CheckResult]:
    """The rules and checks of a severity that are broken, the one that most rows break first."""
    found = [check for check in checks if check.failed_rows and check.severity == severity]
    return sorted(found, key=lambda check: -check.failed_rows)


def told_finding(result: CheckResult) -> str:
    """What a broken check found, in words: `broken by 2 rows, such as 7`, or what its table is like."""
    if result.is_of_table:
        return f"broken: {result.sample}"
    return f"broken by {number_of(result.failed_rows, 'row')}" + (f", such as {result.sample}" if result.sample else "")
