"""Runs that are read once and loaded into DuckDB and into Redshift: both must hold the same tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.steps import StepName
from rental_analytics.doctor.redshift.claim import REMEDY
from rental_analytics.doctor.results import CheckResult, CheckStatus
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.runners.local import LocalRunner, RunOptions
from rental_analytics.settings import Settings
from rental_analytics.sql.render import identifier, identifiers
from rental_analytics.wiring import assembled, make_lake, make_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

_READ = (StepName.EXTRACT, StepName.TRANSFORM)
_FILL = (StepName.LOAD_RAW, StepName.LOAD_CURATED, StepName.METRICS)
_OWN = {"_loaded_at"}
"""Columns that tell one warehouse from another."""


def compare_runs(
    duckdb: Settings, redshift: Settings, changes: Mapping[str, Callable[[], object]]
) -> Iterator[CheckResult]:
    """Do a run after each change of the source; gives every table that differs, then how the run as a whole ended.

    Args:
        duckdb: configuration of the one warehouse.
        redshift: that of the other, with a lake of its own and the same source.
        changes: by name of the run, what happens in the source before it.
    """
    for name, change in changes.items():
        begun = time.monotonic()
        try:
            change()
            run_id = _run(duckdb, RunOptions(steps=_READ))
            _copy_lake(duckdb, redshift)
            for settings in (duckdb, redshift):
                _run(settings, RunOptions(steps=_FILL, resume=run_id))
            different = [
                CheckResult(f"{name}-{table}", CheckStatus.FAILED, seen, REMEDY)
                for table, seen in _differences(duckdb, redshift)
            ]
        except RentalError as error:
            yield CheckResult(name, CheckStatus.FAILED, error.message, error.remedy)
            return
        yield from different
        seen = f"{len(different)} tables differ; {time.monotonic() - begun:.0f} s"
        yield CheckResult(name, CheckStatus.FAILED if different else CheckStatus.OK, seen, REMEDY if different else "")


def _run(settings: Settings, options: RunOptions) -> str:
    with assembled(settings) as parts:
        return LocalRunner(parts, EventStream()).run(options).run.run_id


def _copy_lake(source: Settings, target: Settings) -> None:
    with closing(make_lake(source)) as one, closing(make_lake(target)) as other:
        for path in one.paths(""):
            content = None if path.endswith("lock.json") else one.read(path)
            if content is not None:
                other.write(path, content)


def _differences(duckdb: Settings, redshift: Settings) -> Iterator[tuple[str, str]]:
    """Tables that differ, with rows that only one has."""
    with closing(make_warehouse(duckdb)) as first, closing(make_warehouse(redshift)) as second:
        first.open(read_only=True)
        second.open(read_only=True)
        listed = first.query(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables "
            "WHERE table_schema IN ('curated', 'presentation') ORDER BY 1"
        )
        for name in listed.column(0).to_pylist():
            columns = identifiers(sorted(set(first.columns(name)) - _OWN))
            asked = f"SELECT {columns} FROM {identifier(name)}"
            one, other = (_plain(warehouse.query(asked)) for warehouse in (first, second))
            if one != other:
                yield name, f"only DuckDB {list(one - other)[:2]}, only Redshift {list(other - one)[:2]}"


def _plain(table: pa.Table) -> Counter[tuple[str, ...]]:
    return Counter(tuple(_value(value) for value in row.values()) for row in table.to_pylist())


def _value(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
