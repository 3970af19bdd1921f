"""A mapping that is not the one a table was read by before: the rows that were loaded then mean something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.databases.base import ReadPlan
from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.render import folded
from rental_analytics.steps.extract.drift import sources_before


@dataclass(frozen=True)
class Remapping:
    """What became of a table's mapping.

    Args:
        chosen: what reads other values than before although the source still has those: somebody has to confirm it.
        followed: what the mapping says otherwise since the source has not what was read before, or had nothing.
    """

    chosen: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()


def check_mapping(plan: ReadPlan, previous: ExtractedTable | None, *, full_refresh: bool) -> tuple[str, ...]:
    """Notes on what is read from another place than before, for which the table is read whole; none where nothing is.

    Raises:
        ConfigurationError: the source still has what was read before, and nobody said that all may be read again.
    """
    if previous is None or previous.absent or plan.absent:
        return ()
    found = remapping(plan, previous)
    if found.chosen and not full_refresh:
        table = plan.table.name
        raise ConfigurationError(
            f"The mapping of table {plan.place} has changed: {'; '.join(found.chosen)}. Rows that were loaded before "
            "would stand beside rows that mean something else.",
            remedy=f"undo the change of tables.{table}, or read all rows by it with `rental run --full-refresh`.",
            reason="mapping-changed",
            table=table,
        )
    return tuple(f"{change}; the table is read whole this time" for change in found.followed)


def remapping(plan: ReadPlan, previous: ExtractedTable) -> Remapping:
    """Compare the mapping of a plan with that of the last extract."""
    before = previous.relation or plan.table.name
    if before != plan.relation:
        return Remapping(chosen=(f"it is read from {plan.relation}, and was from {before}",))
    there = {folded(column.name) for column in plan.catalogue}
    chosen: list[str] = []
    followed: list[str] = []
    for name, change, is_there in _changes(plan, previous, there):
        (chosen if is_there else followed).append(f"{name} is {change}")
    return Remapping(tuple(chosen), tuple(followed))


def _changes(plan: ReadPlan, previous: ExtractedTable, there: set[str]) -> Iterator[tuple[str, str, bool]]:
    """Our name, what it is now and was, and whether what it was is still to be had."""
    sources = sources_before(previous)
    for name in plan.table.columns:
        was_source, was_constant = sources.get(name), previous.constants.get(name)
        source, constant = plan.sources.get(name), plan.constants.get(name)
        if (was_source, was_constant) == (folded(source) if source else None, constant):
            continue
        now = _origin(plan, source, constant)
        if was_constant is not None:
            yield name, f"{now}, and was {was_constant!r} in every row", True
        elif was_source is None:
            if constant is not None or (source and folded(source) != name):
                yield name, f"{now}, and was NULL", False
        elif was_source in there:
            yield name, f"{now}, and was read from {plan.relation}.{was_source}", True
        elif source or constant is not None:
            yield name, f"{now}, and was read from {plan.relation}.{was_source}, which is gone", False


def _origin(plan: ReadPlan, source: str | None, constant: str | None) -> str:
    if constant is not None:
        return f"{constant!r} in every row"
    return f"read from {plan.relation}.{source}" if source else "NULL"
