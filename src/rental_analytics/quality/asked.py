"""What checks ask of a relation: a statement that counts what breaks them, and one for samples of what is broken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.quality.conditions import key_text
from rental_analytics.quality.usual import unusual
from rental_analytics.sql.render import render

_ROWS = "_checked_rows"
Row = Mapping[str, Any]
Ask = Callable[[Sequence[str]], Sequence[Row]]
"""Gives the single row of each of some queries, by column name."""


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

    def rows(self, counts: Row) -> int:
        """How many rows there are, by the row of `counts`."""
        return int(counts[_ROWS])

    def broken(self, counts: Row) -> tuple[Asked, ...]:
        """The checks that have a sample, by the row of `counts`."""
        return tuple(check for check in self.checks if counts.get(check.name) and (self.key or check.query))

    def samples(self, broken: Collection[Asked]) -> str:
        """The statement for one row: a sample of what breaks each of these checks."""
        return self._rendered("quality/samples", broken)

    def results(self, counts: Row, samples: Row, rows: int) -> tuple[CheckResult, ...]:
        """What the checks found.

        Args:
            counts: the row of `counts`; empty where the rows were not looked at.
            samples: the row of `samples`; empty where nothing is broken.
            rows: how many there are.
        """
        return tuple(self._result(check, counts, samples, rows) for check in self.checks)

    def _result(self, check: Asked, counts: Row, samples: Row, rows: int) -> CheckResult:
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


@dataclass(frozen=True)
class Found:
    """What the checks of some tables found.

    Args:
        results: in the order of the tables and of their checks.
        rows: how many each table has, by its name.
    """

    results: tuple[CheckResult, ...]
    rows: Mapping[str, int]


def found(tables: Sequence[AskedTable], ask: Ask) -> Found:
    """Make the checks of tables: a query for each, and another one for each in which some are broken."""
    counts = dict(zip(tables, ask([table.counts for table in tables]), strict=True))
    broken = {table: checks for table, row in counts.items() if (checks := table.broken(row))}
    samples = dict(zip(broken, ask([table.samples(checks) for table, checks in broken.items()]), strict=True))
    results = (table.results(row, samples.get(table, {}), table.rows(row)) for table, row in counts.items())
    return Found(tuple(chain.from_iterable(results)), {table.name: table.rows(row) for table, row in counts.items()})
