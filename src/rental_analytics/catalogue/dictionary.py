"""The data dictionary: every table of every layer, with its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import CuratedModel, DerivedModel, Model
from rental_analytics.contracts.ops import OpsTable, ops_tables
from rental_analytics.contracts.pipeline_columns import PipelineColumn, curated_columns, raw_columns
from rental_analytics.contracts.source_table import SourceColumn, SourceTable
from rental_analytics.quality.words import ToldCheck, told_check, told_rules


class Place(StrEnum):
    """Where tables are: the marketplace's database, and the schemas of the warehouse."""

    SOURCE = "source"
    RAW_DATA = "raw_data"
    CURATED = "curated"
    INTERMEDIATE = "intermediate"
    PRESENTATION = "presentation"
    OPS = "ops"


PLACES: Mapping[Place, str] = {
    Place.SOURCE: "The tables of the marketplace's database that are read.",
    Place.RAW_DATA: "Source tables as they are, with the newest row of each key.",
    Place.CURATED: "Typed, clean and converted tables.",
    Place.INTERMEDIATE: "What several metrics share; rebuilt by every run.",
    Place.PRESENTATION: "The metrics; rebuilt by every run.",
    Place.OPS: "What the pipeline says of itself: runs, proofs, accounting, rejected rows, checks.",
}
"""What each place holds, in the order of the steps."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        type: its type in the warehouse; of the source and of raw tables the kind of value that is needed.
        may_lack: whether it may be NULL; of a source table, whether it may be missing.
        origin: what the configuration says of a column of the source: what it is read as, or what stands in for it.
    """

    name: str
    type: str
    may_lack: bool
    is_key: bool
    description: str
    origin: str = ""


@dataclass(frozen=True)
class Check:
    """What is checked of a table's rows."""

    name: str
    severity: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table with its columns; `notes` are sentences on how it is read or made."""

    place: Place
    name: str
    description: str
    columns: tuple[Column, ...]
    grain: str = ""
    definition: str = ""
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def relation(self) -> str:
        """Its name with the place, such as `curated.bookings`."""
        return f"{self.place}.{self.name}"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return tuple(column.name for column in self.columns if column.is_key)


def data_dictionary(contracts: Contracts, configured: Mapping[str, TableSettings]) -> tuple[Table, ...]:
    """Every table, in the order of places and names.

    Args:
        configured: what the configuration says of source tables, by our names.
    """
    return (
        *(_source(table, configured) for table in contracts.sources.values()),
        *(_raw(table) for table in contracts.sources.values()),
        *(_curated(model) for model in contracts.curated.values()),
        *(_derived(model, Place.INTERMEDIATE) for model in contracts.intermediate.values()),
        *(_derived(model, Place.PRESENTATION) for model in contracts.presentation.values()),
        *(_ops(name, table) for name, table in ops_tables().items()),
    )


def _source(table: SourceTable, configured: Mapping[str, TableSettings]) -> Table:
    """The table and its columns by the names that the source has for them."""
    settings = configured.get(table.name, TableSettings())
    theirs = {name: settings.columns.get(name, name) for name in table.columns}
    notes = [] if settings.name in {None, table.name} else [f"Read as {table.name}."]
    if settings.optional:
        notes.append("The pipeline runs without it.")
    if table.change_cursor:
        notes.append(f"A change of a row moves {theirs[table.change_cursor]}.")
    if table.event_time:
        notes.append(f"The moment a row records is {theirs[table.event_time]}.")
    for column, parent in table.references.items():
        notes.append(f"{theirs[column]} points to {configured.get(parent, TableSettings()).name or parent}.")
    notes += [f"{name} is not read: it is always {value!r}." for name, value in settings.constants.items()]
    columns = tuple(
        Column(
            theirs[name], spec.type, not spec.required, name in table.key, spec.description, _origin(name, theirs, spec)
        )
        for name, spec in table.columns.items()
        if name not in settings.constants
    )
    return Table(Place.SOURCE, settings.name or table.name, table.description, columns, notes=tuple(notes))


def _origin(name: str, theirs: Mapping[str, str], spec: SourceColumn) -> str:
    if theirs[name] != name:
        return f"read as {name}"
    return f"may be missing where {spec.setting} is set" if spec.setting else ""


def _raw(table: SourceTable) -> Table:
    columns = [
        Column(name, spec.type, name not in table.key, name in table.key, spec.description)
        for name, spec in table.columns.items()
    ]
    notes = (
        "Types are those of the source's columns; the kind that is needed is named.",
        "A column that the source lacks is there, and NULL.",
    )
    checks = _checks(map(told_check, table.declared_checks))
    columns += _pipeline(raw_columns())
    return Table(Place.RAW_DATA, table.name, table.description, tuple(columns), notes=notes, checks=checks)


def _checks(told: Iterable[ToldCheck]) -> tuple[Check, ...]:
    return tuple(Check(check.name, check.severity, check.broken_when) for check in told)


def _curated(model: CuratedModel) -> Table:
    origin = {
        model.source: f"Made of source.{model.source}, row by row.",
        model.versions_of: f"Holds the versions of curated.{model.versions_of}.",
        model.reference: "Comes with the package.",
    }
    checks = _checks(told_rules(model))
    notes = (next(text for name, text in origin.items() if name),)
    columns = (*_columns(model), *_pipeline(curated_columns(model)))
    return Table(Place.CURATED, model.name, model.description, columns, grain=model.grain, notes=notes, checks=checks)


def _derived(model: DerivedModel, place: Place) -> Table:
    checks = _checks(map(told_check, model.declared_checks))
    return Table(
        place,
        model.name,
        model.description,
        tuple(_columns(model)),
        grain=model.grain,
        definition=model.definition,
        checks=checks,
    )


def _columns(model: Model) -> Iterable[Column]:
    for name, spec in model.columns.items():
        yield Column(name, spec.type, spec.nullable, name in model.key, spec.description)


def _pipeline(columns: Iterable[PipelineColumn]) -> Iterable[Column]:
    for name, kind, description in columns:
        yield Column(name, kind, name.startswith("_") and name != "_run_id", False, description)


def _ops(name: str, table: OpsTable) -> Table:
    columns = tuple(Column(column, kind, True, False, text) for column, (kind, text) in table.columns.items())
    return Table(Place.OPS, name, table.description, columns)
