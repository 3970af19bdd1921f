"""Which column of a source's table is which one of ours, by name and type; what is not sure is left open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rental_analytics.contracts.source_table import SourceColumn, SourceTable, SourceType
from rental_analytics.databases.base import CatalogueColumn, CatalogueTable, ColumnOrigin, Database
from rental_analytics.errors import ContractError
from rental_analytics.proposals.names import (
    Likeness,
    can_be_configured,
    in_cents,
    is_known,
    likeness,
    shown_name,
    words,
)
from rental_analytics.sql.render import folded

_MOST_CANDIDATES = 5
_WHOLE = {"SMALLINT", "INTEGER", "BIGINT", "DECIMAL(20,0)"}


@dataclass(frozen=True)
class ColumnProposal:
    """What is proposed for one of our columns.

    Args:
        column: the source's, where it is sure.
        candidates: what may be it, the likeliest first, where it is not.
        remark: what keeps a column that has our name, or seems meant, from being read as it is.
        is_amount: whether it holds money.
    """

    name: str
    spec: SourceColumn
    column: CatalogueColumn | None = None
    candidates: tuple[CatalogueColumn, ...] = ()
    remark: str = ""
    is_amount: bool = False

    @property
    def is_named_otherwise(self) -> bool:
        """Whether the configuration has to say what the source calls it."""
        return self.column is not None and folded(self.column.name) != self.name

    @property
    def is_needed(self) -> bool:
        """Whether a run cannot do without it; a setting may stand in for one that is required."""
        return self.spec.required and not self.spec.setting

    @property
    def is_open(self) -> bool:
        """Whether a person has to decide."""
        return (self.is_needed and self.column is None) or bool(self.remark)


def propose_columns(
    database: Database, table: SourceTable, found: CatalogueTable, amounts: frozenset[str]
) -> dict[str, ColumnProposal]:
    """Proposals for every column of a contract, were the table read from this one of the source.

    Args:
        amounts: our columns that hold money.
    """
    return _Columns(database, table, found, amounts).proposals()


class _Columns:
    def __init__(self, database: Database, table: SourceTable, found: CatalogueTable, amounts: frozenset[str]) -> None:
        self._database = database
        self._table = table
        self._found = found
        self._amounts = amounts
        self._columns = {column.name: column for column in found.columns if can_be_configured(column.name)}
        self._likeness = {name: self._likeness_of(name) for name in table.columns}
        self._decided: dict[str, CatalogueColumn] = {}
        self._remarks: dict[str, str] = {}

    def proposals(self) -> dict[str, ColumnProposal]:
        for name in self._table.columns:
            self._decide_by_own_name(name)
        while self._decide_by_synonyms():
            pass
        return {name: self._proposal(name, spec) for name, spec in self._table.columns.items()}

    def _likeness_of(self, name: str) -> dict[str, Likeness]:
        synonyms = self._table.column_synonyms.get(name, ())
        leave_out = frozenset(words(self._found.name))
        graded = {theirs: likeness(theirs, name, synonyms, leave_out) for theirs in self._columns}
        return {theirs: grade for theirs, grade in graded.items() if grade}

    def _decide_by_own_name(self, name: str) -> None:
        exact = [theirs for theirs, grade in self._likeness[name].items() if grade is Likeness.EXACT]
        if len(exact) != 1:
            return
        column = self._columns[exact[0]]
        if name in self._table.key and name in self._table.references and self._named_for_parent(name):
            # `id` beside `unit_id` is the row's own number, not that of the unit.
            return
        self._decided[name] = column
        if not self._serves(name, column):
            self._remarks[name] = self._misfit(name, column)
        elif self._is_whole_amount(name, column):
            self._remarks[name] = f"{shown_name(column.name)} is {column.native}: if it is in cents, it needs a view"

    def _named_for_parent(self, name: str) -> list[str]:
        """Columns that are named for the row they refer to."""
        grades = self._likeness[name]
        return [
            theirs
            for theirs, grade in grades.items()
            if grade is Likeness.SYNONYM and len(words(theirs)) > 1 and self._serves(name, self._columns[theirs])
        ]

    def _decide_by_synonyms(self) -> bool:
        """Decide what one column alone can be, and what can be nothing else; whether there was any."""
        wishes = {name: self._wishes(name) for name in self._table.columns if name not in self._decided}
        sure = {
            name: wished[0]
            for name, wished in wishes.items()
            if len(wished) == 1 and sum(wished[0] in others for others in wishes.values()) == 1
        }
        for name, theirs in sure.items():
            self._decided[name] = self._columns[theirs]
        return bool(sure)

    def _wishes(self, name: str) -> list[str]:
        """Columns that are known by a synonym, and safe to take; the one of its own name, where there is one more."""
        own_is_another = name in self._table.key and name in self._table.references and self._named_for_parent(name)
        grades = self._likeness[name].items()
        found = [theirs for theirs, grade in grades if grade is Likeness.SYNONYM and self._is_safe(name, theirs)]
        return [theirs for theirs in found if not own_is_another or theirs in own_is_another]

    def _is_safe(self, name: str, theirs: str) -> bool:
        column = self._columns[theirs]
        return column not in self._decided.values() and self._serves(name, column) and not self._doubt(name, column)

    def _doubt(self, name: str, column: CatalogueColumn) -> str:
        """Why an amount may not be what it seems."""
        if name in self._amounts and in_cents(column.name):
            return "cents need a view that divides them by 100"
        return "map it if it is in whole units; cents need a view" if self._is_whole_amount(name, column) else ""

    def _is_whole_amount(self, name: str, column: CatalogueColumn) -> bool:
        return name in self._amounts and self._kind(name, column, SourceType.DECIMAL) in _WHOLE

    def _serves(self, name: str, column: CatalogueColumn) -> bool:
        if name in self._table.ids:
            return id_kind(self._database, self._table, name, self._found, column) != "neither"
        return self._kind(name, column, self._table.columns[name].type) is not None

    def _kind(self, name: str, column: CatalogueColumn, wanted: SourceType) -> str | None:
        return kind_of(self._database, ColumnOrigin(self._table, name, self._found.name, column), wanted)

    def _proposal(self, name: str, spec: SourceColumn) -> ColumnProposal:
        is_amount = name in self._amounts
        if name in self._decided:
            remark = self._remarks.get(name, "")
            return ColumnProposal(name, spec, self._decided[name], remark=remark, is_amount=is_amount)
        graded = sorted(self._likeness[name].items(), key=lambda pair: -pair[1])
        unread = [
            (self._columns[theirs], grade)
            for theirs, grade in graded
            if self._columns[theirs] not in self._decided.values()
        ]
        serving = tuple(column for column, _ in unread if self._serves(name, column))
        known = [column for column, grade in unread if grade is Likeness.SYNONYM]
        doubts = [*self._doubts(name, serving), *(self._misfit(name, column) for column in known if not serving)]
        remark = doubts[0] if doubts else ""
        return ColumnProposal(name, spec, None, serving[:_MOST_CANDIDATES], remark, is_amount)

    def _doubts(self, name: str, columns: Iterable[CatalogueColumn]) -> list[str]:
        doubts = {column.name: self._doubt(name, column) for column in columns}
        return [f"{shown_name(theirs)} is doubtful: {doubt}" for theirs, doubt in doubts.items() if doubt]

    def _misfit(self, name: str, column: CatalogueColumn) -> str:
        wanted = self._table.columns[name].type
        return f"{shown_name(column.name)} is {column.native}, and {wanted} is needed: name another column, or a view"


def kind_of(database: Database, origin: ColumnOrigin, wanted: SourceType) -> str | None:
    """The type that a column arrives in, or None where it cannot serve."""
    try:
        return database.raw_column(origin, wanted).type
    except ContractError:
        return None


def id_kind(database: Database, table: SourceTable, name: str, found: CatalogueTable, column: CatalogueColumn) -> str:
    """Whether a column holds ids that are integers, texts, unknown since its type is, or neither."""
    if not column.native:
        return "unknown"
    origin = ColumnOrigin(table, name, found.name, column)
    if kind_of(database, origin, SourceType.TEXT) == "VARCHAR":
        return "text"
    return "integer" if kind_of(database, origin, SourceType.INTEGER) in _WHOLE else "neither"


def known_columns(table: SourceTable, found: CatalogueTable) -> int:
    """How many of the needed columns a table may have by their names alone."""
    needed = [name for name, spec in table.columns.items() if spec.required and not spec.setting]
    names = [column.name for column in found.columns]
    return sum(any(is_known(one, name, table.column_synonyms.get(name, ())) for one in names) for name in needed)


def covered(proposals: Mapping[str, ColumnProposal]) -> int:
    """How many of the needed columns are sure."""
    return sum(proposal.is_needed and proposal.column is not None for proposal in proposals.values())
