"""What the configuration may say of a database: which tables and columns are ours, and what its rows show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.marketplace import STATUSES, Status, spelling
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import CatalogueTable, Database, Sample
from rental_analytics.errors import RentalError
from rental_analytics.proposals.columns import ColumnProposal, id_kind
from rental_analytics.proposals.tables import Candidate, TableProposal, propose_table
from rental_analytics.sql.render import folded

LOOKED_AT = 100_000
"""Rows of a table that are looked at, at most, for the values of a column."""

_MOST_VALUES = 50
_SECONDS = 10
_STATUS, _CURRENCY = "booking_status", "currency"
# How the words of a status begin that most likely mean one of ours.
_MEANINGS: tuple[tuple[str, Status], ...] = (("cancel", "canceled"), ("confirm", "confirmed"), ("pending", "pending"))


@dataclass(frozen=True)
class ColumnValues:
    """The commonest values of a column.

    Args:
        place: the source's table and column.
        found: values, each with the number of rows that have it.
        is_whole: whether all rows were looked at, and all values are here.
        failure: why there are none, where the column could not be read.
    """

    table: str
    place: str
    found: tuple[tuple[str | None, int], ...] = ()
    is_whole: bool = True
    failure: str = ""

    @property
    def has_null(self) -> bool:
        """Whether rows have no value, or an empty one."""
        return any(value is None or not value.strip() for value, _ in self.found)


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a database.

    Args:
        has_text_ids: whether ids are texts.
        unpriced: columns with money, where no column says in which currency it is.
        statuses: what is in the column of a booking's status, where there is one.
        currencies: what is in each column of currencies.
    """

    tables: tuple[TableProposal, ...]
    has_text_ids: bool
    unpriced: tuple[str, ...] = ()
    statuses: ColumnValues | None = None
    currencies: tuple[ColumnValues, ...] = field(default=())

    @property
    def unknown_statuses(self) -> list[tuple[str, int]]:
        """Statuses that are none of ours, with the number of rows."""
        found = self.statuses.found if self.statuses else ()
        return [(value, rows) for value, rows in found if value is not None and spelling(value) not in STATUSES]

    @property
    def lacks_currency(self) -> list[str]:
        """What has no currency in some rows, or in all."""
        return [*self.unpriced, *(values.place for values in self.currencies if values.has_null)]


def propose(database: Database, contracts: Contracts) -> Proposal:
    """Compare a database with the contracts. Reads its catalogue, and of few columns some values.

    Raises:
        RentalError: the database cannot be reached, or its catalogue not be read.
    """
    catalogue = database.catalogue()
    amounts = _amounts(contracts)
    tables = tuple(
        propose_table(database, table, catalogue, amounts[table.name]) for table in contracts.sources.values()
    )
    return Proposal(
        tables,
        "text" in set(_id_kinds(database, tables)),
        tuple(_unpriced(tables, amounts)),
        next(iter(_values(database, tables, _STATUS)), None),
        tuple(_values(database, tables, _CURRENCY)),
    )


def likely_meaning(status: str) -> Status | None:
    """What an unknown status most likely means; for a person to confirm."""
    return next((meaning for start, meaning in _MEANINGS if status.lower().lstrip().startswith(start)), None)


def _amounts(contracts: Contracts) -> dict[str, frozenset[str]]:
    """Columns of each source table that hold money."""
    found: dict[str, set[str]] = {name: set() for name in contracts.sources}
    for model in contracts.curated.values():
        if model.source and model.conversion and model.conversion.amount in contracts.sources[model.source].columns:
            found[model.source].add(model.conversion.amount)
    return {name: frozenset(columns) for name, columns in found.items()}


def _id_kinds(database: Database, tables: tuple[TableProposal, ...]) -> Iterator[str]:
    for chosen, name, proposal in _chosen(tables):
        table = chosen.table
        if proposal.column and name in table.ids:
            yield id_kind(database, table, name, _found(chosen), proposal.column)


def _unpriced(tables: tuple[TableProposal, ...], amounts: dict[str, frozenset[str]]) -> Iterator[str]:
    for chosen, _, proposal in _chosen(tables):
        if proposal.spec.setting and not proposal.column:
            yield from sorted(f"{chosen.table.name}.{amount}" for amount in amounts[chosen.table.name])


def _values(database: Database, tables: tuple[TableProposal, ...], name: str) -> Iterator[ColumnValues]:
    for chosen, ours, proposal in _chosen(tables):
        if ours == name and proposal.column:
            yield _look(database, chosen.table, _found(chosen), proposal, _newest_by(chosen))


def _look(
    database: Database, table: SourceTable, found: CatalogueTable, proposal: ColumnProposal, newest_by: str | None
) -> ColumnValues:
    assert proposal.column
    place = f"{found.name}.{proposal.column.name}"
    sample = Sample(LOOKED_AT, _MOST_VALUES, _SECONDS, newest_by)
    try:
        values = database.common_values(found.name, proposal.column.name, sample)
    except RentalError as error:
        return ColumnValues(table.name, place, failure=error.message)
    is_whole = sum(rows for _, rows in values) < LOOKED_AT and len(values) < _MOST_VALUES
    return ColumnValues(table.name, place, tuple(values), is_whole)


def _newest_by(proposal: TableProposal) -> str | None:
    """The column of the key, where the database keeps it unique, and so has its rows in order."""
    columns = [_of(proposal).columns[name].column for name in proposal.table.key]
    if len(columns) != 1 or columns[0] is None:
        return None
    name = columns[0].name
    return name if frozenset({folded(name)}) in _found(proposal).unique_keys else None


def _chosen(tables: tuple[TableProposal, ...]) -> Iterator[tuple[TableProposal, str, ColumnProposal]]:
    for proposal in tables:
        if proposal.chosen:
            for name, column in proposal.chosen.columns.items():
                yield proposal, name, column


def _of(proposal: TableProposal) -> Candidate:
    assert proposal.chosen
    return proposal.chosen


def _found(proposal: TableProposal) -> CatalogueTable:
    return _of(proposal).found
