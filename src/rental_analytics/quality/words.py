"""What breaks the rules and checks of a table, in words or as SQL that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.checks import (
    AddsUpTo,
    DeclaredCheck,
    Freshness,
    Relationships,
    RowCountNearUsual,
    Unique,
)
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.quality.conditions import condition
from rental_analytics.quality.rules import all_rules


class ToldCheck(NamedTuple):
    """A rule or check; `is_sql` says that what breaks it is told by a condition, and not in words."""

    name: str
    severity: Severity
    broken_when: str
    is_sql: bool


def told_rules(model: CuratedModel) -> Iterator[ToldCheck]:
    """The rules of a curated model, and behind them its other checks but for those of `nullable: false`."""
    rules = all_rules(model)
    for rule in rules:
        yield ToldCheck(rule.name, rule.severity, rule.description or _plain(rule.when), rule.description is None)
    names = {rule.name for rule in rules}
    yield from (told_check(check) for check in model.declared_checks if check.name not in names)


def told_check(check: DeclaredCheck) -> ToldCheck:
    """A declared check."""
    is_sql = check.is_of_rows and check.description is None
    return ToldCheck(check.name, check.severity, check.description or _words(check), is_sql)


def _words(check: DeclaredCheck) -> str:
    columns = ", ".join(check.columns)
    match check.kind:
        case Unique():
            return f"{columns} of another row {'is' if len(check.columns) == 1 else 'are'} the same"
        case Relationships() as related:
            other = "" if columns == related.column else f" as {related.column}"
            return f"{columns} is not in {related.to}{other}"
        case AddsUpTo() as asked:
            return f"{' or '.join(asked.columns)} of each {' and '.join(asked.by)} does not add up to {asked.to}"
        case Freshness() as freshness:
            return f"the newest {columns} is older than {str(freshness.within).removesuffix(', 0:00:00')}"
        case RowCountNearUsual(within=within):
            return f"the number of rows differs from the usual one by more than {within:.0%}"
    return _plain(condition(check))


def _plain(sql: str) -> str:
    """A condition without the quotation marks around names, which none of ours needs."""
    return sql.replace('"', "")
