"""What the configuration says of the source's tables and columns, compared with the contracts and the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from rental_analytics.contracts.base import both_names
from rental_analytics.contracts.configuration import Configuration, TableSettings
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import CatalogueTable
from rental_analytics.databases.constants import constant_column
from rental_analytics.errors import ConfigurationError, ContractError
from rental_analytics.sql.render import folded

_MOST_SHOWN = 10


def checked_contracts(settings: Configuration) -> Contracts:
    """The contracts, after what is configured of tables was compared with them.

    Raises:
        ConfigurationError: it is for a table or a column there is not, or cannot be.
    """
    contracts = load_contracts().with_ids(settings.marketplace.ids)
    if settings.marketplace.default_currency:
        contracts = contracts.with_settings({"marketplace.default_currency"})
    for name in settings.tables:
        if name not in contracts.sources:
            raise ConfigurationError(
                f"tables.{name}: there is no source table {name}.",
                remedy=f"known are {', '.join(contracts.sources)}; what the source calls one of them is its `name`.",
                reason="table-unknown",
            )
        check_table_settings(contracts.sources[name], settings.tables[name])
    return contracts


def check_table_settings(table: SourceTable, settings: TableSettings) -> None:
    """See that what is said of a table's columns can be meant, whatever the source has.

    Raises:
        ConfigurationError: it names a column that there is not, gives one in two ways or to two of ours, or a value
            that cannot be one of the column.
    """
    for key in ("columns", "constants"):
        for name in getattr(settings, key):
            if name not in table.columns:
                raise ConfigurationError(
                    f"tables.{table.name}.{key}.{name} is for a column that {table.name} does not have.",
                    remedy=f"write our name on the left, one of {', '.join(table.columns)}.",
                    reason="column-setting-unknown",
                    table=table.name,
                )
    for name, value in settings.constants.items():
        _check_may_be_constant(table, settings, name)
        constant_column(table.name, name, table.columns[name].type, value)
    _check_read_once(table, settings)


def _check_may_be_constant(table: SourceTable, settings: TableSettings, name: str) -> None:
    setting = f"tables.{table.name}.constants.{name}"
    if name in settings.columns:
        raise ConfigurationError(
            f"{setting} and tables.{table.name}.columns.{name} both say where {table.name}.{name} comes from.",
            remedy="remove one of them.",
            reason="column-mapped-twice",
            table=table.name,
        )
    if name in (*table.key, table.change_cursor, table.event_time):
        what = "the key of the table" if name in table.key else "the moment that its rows are read by"
        raise ConfigurationError(
            f"{setting} cannot be: {name} is {what}, which differs from row to row.",
            remedy=f"remove it, and name the source's column in tables.{table.name}.columns.{name}.",
            reason="constant-not-allowed",
            table=table.name,
        )


def _check_read_once(table: SourceTable, settings: TableSettings) -> None:
    """One column of the source is at most one of ours: another one meant by its own name would be read by mistake."""
    readers: dict[str, str] = {}
    for name in (*settings.columns, *(name for name in table.columns if name not in settings.columns)):
        if name in settings.constants:
            continue
        theirs = settings.columns.get(name, name)
        other = readers.setdefault(folded(theirs), name)
        if other != name:
            relation = settings.name or table.name
            own = "" if name in settings.columns else f", and is what {name} is read from by its own name"
            raise ConfigurationError(
                f"tables.{table.name}.columns gives {relation}.{theirs} to {other}"
                + (own or f" and to {name}")
                + ": a column of the source can be one of ours.",
                remedy=f"read each of them from a column of its own: tables.{table.name}.columns.{name}; one that the "
                "source lacks may have a value in constants.",
                reason="column-mapped-twice",
                table=table.name,
            )


def find_table(
    table: SourceTable, settings: TableSettings, catalogue: Mapping[str, CatalogueTable], display_url: str
) -> CatalogueTable | None:
    """The source's table or view of a contract, by its name or else by the only one of that name in other case.

    Raises:
        ContractError: there is none, and it is not optional; or there are several that differ in case.
    """
    name = settings.name or table.name
    if name in catalogue:
        return catalogue[name]
    alike = sorted(other for other in catalogue if folded(other) == folded(name))
    if len(alike) > 1:
        raise ContractError(
            f"There is no table {both_names(table.name, name)} in {display_url}, but there are {' and '.join(alike)}.",
            remedy=f"name one of them in tables.{table.name}.name.",
            reason="table-name-ambiguous",
            table=table.name,
        )
    if alike:
        return catalogue[alike[0]]
    if settings.optional:
        return None
    raise _missing_table(table.name, name, sorted(catalogue), display_url)


def _missing_table(table: str, name: str, there: list[str], display_url: str) -> ContractError:
    shown = ", ".join(there[:_MOST_SHOWN]) + (f" and {len(there) - _MOST_SHOWN:,} more" if there[_MOST_SHOWN:] else "")
    return ContractError(
        f"There is no table {both_names(table, name)} in {display_url}" + (f"; there are {shown}." if shown else "."),
        remedy="make the table or a view of that name, or let the user read it; if it has another name, set "
        f'tables.{table}.name = "..."; if there is none, tables.{table}.optional = true.',
        reason="source-table-missing",
        table=table,
    )
