"""What checks ask of a relation: a statement that counts what breaks them, and one for samples of what is broken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.quality.conditions import key_text
from rental_analytics.quality.usual import unusual
from rental_analytics.sql.render import render

_ROWS = "_checked_rows"


@dataclass(frozen=True)
class Asked:
    """What one check asks, which is at most one of the last three.

    Args:
        is_of_table: the table breaks it, and no row of it.
        when: a predicate that is true for the rows that break it.
        query: a query for one row: `failed_rows`, and a `sample` of what breaks it.
        usual: the fewest and the most rows that there may be, where any number is not usual.
    """

    name: str
    severity: Severity
    is_of_table: bool = False
    when: str = ""
    query: str = ""
    usual: tuple[int, int] | None = None


@dataclass(frozen=True)
class AskedTable:
    """What all checks of a table ask of the relation that has its rows.

    Args:
        name: of the table in results.
        key: names a row that breaks a check; none where rows have no key.
    """

    name: str
    relation: str
    key: tuple[str, ...]
    checks: tuple[Asked, ...]

    @property
    def is_of_rows(self) -> bool:
        """Whether the rows have to be looked at, and not only counted."""
        return any(check.when or check.query for check in self.checks)

    @property
    def counts(self) -> str:
        """The statement for one row: how many rows break each check that is asked in SQL."""
        return self._rendered("quality/counts", self.checks)

    def broken(self, counts: Mapping[str, Any]) -> tuple[Asked, ...]:
        """The checks that have a sample, by the row of `counts`."""
        return tuple(check for check in self.checks if counts.get(check.name) and (self.key or check.query))

    def samples(self, broken: Collection[Asked]) -> str:
        """The statement for one row: a sample of what breaks each of these checks."""
        return self._rendered("quality/samples", broken)

    def results(
        self, counts: Mapping[str, Any], samples: Mapping[str, Any], rows: int | None = None
    ) -> tuple[CheckResult, ...]:
        """What the checks found.

        Args:
            counts: the row of `counts`; empty where the rows were not looked at.
            samples: the row of `samples`; empty where nothing is broken.
            rows: how many there are; None for what the row of `counts` says.
        """
        held = int(counts[_ROWS]) if rows is None else rows
        return tuple(self._result(check, counts, samples, held) for check in self.checks)

    def _result(self, check: Asked, counts: Mapping[str, Any], samples: Mapping[str, Any], rows: int) -> CheckResult:
        failed, sample = int(counts.get(check.name) or 0), samples.get(check.name)
        if check.usual:
            sample = unusual(rows, check.usual)
            failed = int(sample is not None)
        return CheckResult(
            table_name=self.name,
            check_name=check.name,
            severity=check.severity,
            failed_rows=failed,
            sample=sample,
            is_of_table=check.is_of_table,
        )

    def _rendered(self, template: str, checks: Collection[Asked]) -> str:
        return render(
            template,
            relation=self.relation,
            conditions={check.name: check.when for check in checks if check.when},
            queries={check.name: check.query for check in checks if check.query},
            key_text=key_text(self.key) if self.key else "",
            rows=_ROWS,
        )


def answered(
    tables: Sequence[AskedTable], ask: Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
) -> tuple[list[CheckResult], dict[str, int]]:
    """What the checks of tables find, and how many rows each table has by its name.

    Args:
        ask: gives the only row of each query.
    """
    counts = ask([table.counts for table in tables])
    broken = {table.name: found for table, row in zip(tables, counts, strict=True) if (found := table.broken(row))}
    rows = ask([table.samples(broken[table.name]) for table in tables if table.name in broken])
    samples = dict(zip(broken, rows, strict=True))
    results = [
        result
        for table, row in zip(tables, counts, strict=True)
        for result in table.results(row, samples.get(table.name, {}))
    ]
    return results, {table.name: int(row[_ROWS]) for table, row in zip(tables, counts, strict=True)}
