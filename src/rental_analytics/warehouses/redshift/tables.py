"""Tables of Redshift: their DDL, what the catalogue says of them, and how they grow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.columns import MAX_TEXT_BYTES
from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.contracts.model import Layout
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.errors import ContractError
from rental_analytics.sql.render import folded, identifier, redshift_literal, render
from rental_analytics.warehouses.base import PLAIN, TableDetails
from rental_analytics.warehouses.converted_ids import converted_id, id_kinds_differ

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMAS = ("raw_data", "curated", "intermediate", "presentation", "ops")
STAGING = "ops.stage_"
"""How the names of tables begin that hold rows on their way; none outlives its load."""

_HELD = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "character varying": "VARCHAR",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
}


@dataclass(frozen=True)
class Column:
    """A column as Redshift has it, or is to have it."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True)
class HeldColumn:
    """A column the warehouse has: its type as contracts spell it, and the bytes a text may have."""

    type: str
    max_bytes: int | None = None
    required: bool = False

    @property
    def sql_type(self) -> str:
        """Its type in Redshift's words."""
        return sql_type(self.named("held"))

    def named(self, name: str) -> FileColumn:
        """The column as a file would have it; the warehouse may call and type columns as no contract does."""
        return FileColumn.model_construct(name=name, type=self.type, max_bytes=self.max_bytes)


@dataclass(frozen=True)
class Catalogue:
    """What the warehouse has: columns and declared keys by table, comments by table or `table.column`."""

    tables: Mapping[str, Mapping[str, HeldColumn]] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class TableShape:
    """A table as its contract wants it; `ids` are columns that change between numbers and texts."""

    relation: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...] = ()
    details: TableDetails = PLAIN
    ids: tuple[str, ...] = ()

    def create(self, relation: str | None = None, *, keep: bool = True) -> str:
        """The statement that makes it, under another name if one is given."""
        required = {*self.key, *self.details.required}
        columns = [Column(column.name, sql_type(column), column.name in required) for column in self.columns]
        return create_table(relation or self.relation, columns, self.key, self.details.layout, keep=keep)

    def comments(self, known: Mapping[str, str]) -> list[str]:
        """Statements that bring the comments up to date with the contract."""
        wanted = self.details.comments(self.relation, (column.name for column in self.columns))
        return [
            f"COMMENT ON {'TABLE' if place == self.relation else 'COLUMN'} {identifier(place)} "
            f"IS {redshift_literal(text)}"
            for place, text in wanted.items()
            if known.get(place) != text
        ]


@dataclass(frozen=True)
class Growth:
    """Statements that make a table fit.

    Args:
        added: those that add columns; each may be repeated, and one transaction need not hold them all.
        longer: those that no transaction may hold; one may be refused, for the encoding Redshift chose for a column.
        moved: one transaction that moves the rows to a new table, which does all that the others do.
    """

    added: tuple[str, ...] = ()
    longer: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


def sql_type(column: FileColumn) -> str:
    """A column's type in Redshift; texts are sized in bytes."""
    if column.type == "VARCHAR":
        return f"VARCHAR({min(column.max_bytes or MAX_TEXT_BYTES, MAX_TEXT_BYTES)})"
    return "DOUBLE PRECISION" if column.type == "DOUBLE" else column.type


def create_table(
    relation: str,
    columns: Sequence[Column],
    key: Sequence[str] = (),
    layout: Layout | None = None,
    *,
    keep: bool = True,
) -> str:
    """The statement that makes a table; `keep` leaves one alone that is there. Keys are declared, not enforced."""
    return render(
        "warehouses/redshift/create_table", relation=relation, columns=columns, key=key, layout=layout, keep=keep
    )


def ops_shapes() -> list[TableShape]:
    """The tables of schema `ops`."""
    return [
        TableShape(
            f"ops.{name}",
            table.file_columns,
            details=TableDetails(table.description, {column: text for column, (_, text) in table.columns.items()}),
        )
        for name, table in ops_tables().items()
    ]


def create_schema(schema: str) -> str:
    """The statement that makes a schema where it is not there."""
    return render("warehouses/redshift/create_schema", schema=schema)


def held_schemas() -> str:
    """The query for those of our schemas that are there."""
    return render("warehouses/redshift/schemas", schemas=[redshift_literal(schema) for schema in SCHEMAS])


CATALOGUE = ("warehouses/redshift/catalogue", "warehouses/redshift/comments", "warehouses/redshift/keys")
"""Templates of the queries whose answers `read_catalogue` takes."""


def read_catalogue(columns: pa.Table, comments: pa.Table, keys: pa.Table) -> Catalogue:
    """What the queries of the catalogue answered."""
    tables: dict[str, dict[str, HeldColumn]] = {}
    for row in columns.to_pylist():
        held = tables.setdefault(f"{row['schema_name']}.{row['table_name']}", {})
        held[row["column_name"]] = HeldColumn(_held_type(row), row["max_bytes"], row["is_nullable"] == "NO")
    told = {
        ".".join(filter(None, (row["schema_name"], row["table_name"], row["column_name"]))): row["description"]
        for row in comments.to_pylist()
    }
    return Catalogue(tables, told, {f"{row['schema_name']}.{row['table_name']}": _key(row) for row in keys.to_pylist()})


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a definition such as `PRIMARY KEY (id, "seen at")`."""
    listed = str(row["definition"]).partition("(")[2]
    found = re.findall(r'"((?:[^"]|"")+)"|([^\s,"()]+)', listed)
    return tuple(quoted.replace('""', '"') if quoted else plain for quoted, plain in found)


def _held_type(row: Mapping[str, Any]) -> str:
    if row["data_type"] == "numeric":
        return f"DECIMAL({row['digits']},{row['scale']})"
    return _HELD.get(row["data_type"], str(row["data_type"]).upper())


def growth(
    shape: TableShape,
    held: Mapping[str, HeldColumn],
    emptied: Iterable[str] = (),
    unfilled: Iterable[str] = (),
    key: tuple[str, ...] = (),
) -> Growth:
    """How a table the warehouse has grows to take what its contract says; one that fits needs nothing.

    Args:
        emptied: columns in which the table holds no value, so that they may get any type.
        unfilled: columns in which the files hold none, so that they may stay as they are.
        key: what it declares as its key, empty where that is nothing, or not to be seen.

    Raises:
        ContractError: a column cannot take its new type, or the table has another key, or none where there is to be
            one.
    """
    merged = [_grown(shape, column, held.get(column.name), set(emptied), set(unfilled)) for column in shape.columns]
    longer = [
        column
        for column in merged
        if column.name in held and column.type == "VARCHAR" and sql_type(column) != held[column.name].sql_type
    ]
    _stop_another_key(shape, held, set(emptied), key)
    is_in_key = any(column.name in shape.key for column in longer)
    moved = tuple(_moved(shape, merged, held))
    if is_in_key or _has_to_move(shape, merged, held) or (key and not shape.key):
        return Growth(moved=moved)
    added = [column for column in merged if column.name not in held]
    return Growth(
        added=tuple(render("warehouses/redshift/add_column", **_changed(shape, column)) for column in added),
        longer=tuple(render("warehouses/redshift/lengthen_column", **_changed(shape, column)) for column in longer),
        moved=moved if longer else (),
    )


def _changed(shape: TableShape, column: FileColumn) -> dict[str, str]:
    """What a statement needs that gives a table a column, or a column a type."""
    return {"relation": shape.relation, "column": column.name, "type": sql_type(column)}


def _stop_another_key(
    shape: TableShape, held: Mapping[str, HeldColumn], emptied: set[str], key: tuple[str, ...]
) -> None:
    """A declared key takes NOT NULL with it, so a column of ours that may be NULL says that there was none."""
    remedy = f"drop {shape.relation} in the warehouse, then `rental run --full-refresh`."
    wanted = ", ".join(shape.key)
    if shape.key and is_other_key(key, shape.key):
        raise ContractError(
            f"{shape.relation} has the key {', '.join(key)} in the warehouse and {wanted} in its "
            "contract: rows that differ in one key may be equal in the other.",
            remedy=remedy,
            reason="table-key-changed",
            table=shape.relation,
        )
    has_none = any(name not in held or not held[name].required for name in shape.key)
    if has_none and not emptied.issuperset(column.name for column in shape.columns if column.name in held):
        raise ContractError(
            f"{shape.relation} has no key in the warehouse and {wanted} in its contract: rows that are there may have "
            "it twice, or lack it.",
            remedy=remedy,
            reason="table-key-missing",
            table=shape.relation,
        )


def is_other_key(held: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a table declares another key than its contract has; one that cannot be seen is none."""
    return bool(held) and sorted(held) != sorted(folded(name) for name in wanted)


def _has_to_move(shape: TableShape, columns: Sequence[FileColumn], held: Mapping[str, HeldColumn]) -> bool:
    """Redshift lengthens a VARCHAR that is no key, and changes neither other types nor what may be NULL."""
    required = {*shape.key, *shape.details.required}
    return (
        any(column.name in held and column.type != held[column.name].type for column in columns)
        or any(column.required and name not in required for name, column in held.items())
        or any(name not in held or not held[name].required for name in shape.key)
    )


def _grown(
    shape: TableShape, column: FileColumn, held: HeldColumn | None, emptied: set[str], unfilled: set[str]
) -> FileColumn:
    """The column as it is to be: wide enough for what is there and for what comes."""
    if held is None or _changes_kind(shape, column, held):
        return column
    if column.name in unfilled:
        return held.named(column.name)
    kind = common_type(held.type, column.type)
    if kind is None and column.name in emptied:
        return column
    if kind is None:
        raise ContractError(
            f"Column {shape.relation}.{column.name} is {held.type} in the warehouse and {column.type} in the files.",
            remedy=f"drop or convert {shape.relation} in the warehouse, then `rental run --full-refresh`.",
            reason="column-type-changed",
            table=shape.relation,
        )
    sizes = (held.max_bytes or 0, min(column.max_bytes or MAX_TEXT_BYTES, MAX_TEXT_BYTES))
    return FileColumn(name=column.name, type=kind, max_bytes=max(sizes) if kind == "VARCHAR" else None)


def _changes_kind(shape: TableShape, column: FileColumn, held: HeldColumn) -> bool:
    return column.name in shape.ids and id_kinds_differ(held.type, column.type)


def _moved(shape: TableShape, columns: Sequence[FileColumn], held: Mapping[str, HeldColumn]) -> Iterable[str]:
    """The rows move to a new table, in one transaction; columns the contract does not name stay behind the others.

    The locks come before any statement that sees a state of the database, so that a load which another process left
    behind is waited for and none of its rows stays in the old table.
    """
    kept = [column.named(name) for name, column in held.items() if name not in {column.name for column in columns}]
    new = f"{shape.relation}__new"
    types = {column.name: column.type for column in (*columns, *kept)}
    ids = {
        column.name: converted_id(identifier(column.name), column.type)
        for column in columns
        if column.name in held and _changes_kind(shape, column, held[column.name])
    }
    names = [name for name, column in held.items() if name in ids or common_type(column.type, types[name])]
    required = tuple(name for name in shape.details.required if name in held and held[name].required)
    wider = replace(shape, columns=(*columns, *kept), details=replace(shape.details, required=required))
    yield "LOCK ops.loads"
    yield f"LOCK {identifier(shape.relation)}"
    if left := [name for name in held if name not in names]:
        yield render("warehouses/redshift/still_empty", relation=shape.relation, columns=left)
    yield wider.create(new, keep=False)
    yield render(
        "warehouses/redshift/move_rows",
        new=new,
        relation=shape.relation,
        values={name: ids.get(name, identifier(name)) for name in names},
        required=[value for name, value in ids.items() if name in {*shape.key, *shape.details.required}],
    )
    yield f"DROP TABLE {identifier(shape.relation)}"
    yield f"ALTER TABLE {identifier(new)} RENAME TO {identifier(shape.relation.partition('.')[2])}"
