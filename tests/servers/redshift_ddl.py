"""Redshift's statements on schemas and tables, written for PostgreSQL.

Keys are not enforced; NOT NULL is. A VARCHAR's length counts bytes. How a table is laid out is noted in
`redshift_stand_in.table_layout`; what a test notes in `redshift_stand_in.column_encoding` keeps a VARCHAR from growing.
"""

import hashlib
from dataclasses import dataclass, field

from servers.redshift_lexer import Cursor, SqlError, literal, quoted

LAYOUT = "redshift_stand_in.table_layout"
_NOTES = (LAYOUT, "redshift_stand_in.column_encoding")
LONGEST_VARCHAR = 65_535
SIMPLE_TYPES = {"SMALLINT", "INTEGER", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMP"}


@dataclass
class Plan:
    """What PostgreSQL is to run for one statement of Redshift; the last one's row count is the statement's."""

    kind: str
    sqls: list[str] = field(default_factory=list)
    # These must be tables, not views.
    plain_tables: list[tuple[str, str]] = field(default_factory=list)
    commits: bool = False
    alone: bool = False
    returns_rows: bool = False
    # A right that stands in for owning the table, and the table's schema.
    owner_right: tuple[str, str] | None = None
    # Its statements are to be run.
    procedure: str | None = None


@dataclass(frozen=True)
class _Layout:
    diststyle: str
    distkey: str | None
    sortkeys: str


def table_name(table: tuple[str, str]) -> str:
    return ".".join(map(quoted, table))


def create_schema(cursor: Cursor) -> Plan:
    condition = _if_not_exists(cursor)
    return Plan("CREATE SCHEMA", [f"CREATE SCHEMA {condition}{quoted(cursor.name())}"])


def drop_schema(cursor: Cursor) -> Plan:
    condition = "IF EXISTS " if cursor.take("IF", "EXISTS") else ""
    schema = cursor.name()
    cascade = " CASCADE" if cursor.take("CASCADE") else ""
    forget = [f'DELETE FROM {notes} WHERE "schema" = {literal(schema)}' for notes in _NOTES]
    return Plan("DROP SCHEMA", [*forget, f"DROP SCHEMA {condition}{quoted(schema)}{cascade}"])


def create_table(cursor: Cursor) -> Plan:
    condition = _if_not_exists(cursor)
    table = cursor.qualified()
    columns: dict[str, str] = {}
    keys: list[str] = []
    cursor.need("(")
    while not keys:
        if cursor.take("PRIMARY", "KEY"):
            keys = cursor.names()
        else:
            name, definition = _column(cursor)
            if name in columns:
                raise SqlError(f'ERROR: column "{name}" specified more than once')
            columns[name] = definition
        if not cursor.take(","):
            break
    cursor.need(")")
    layout = _layout(cursor)
    _check_columns(columns, [*keys, *filter(None, [layout.distkey, *layout.sortkeys.split(",")])])
    for key in keys:
        columns[key] += " NOT NULL"
    create = f"CREATE TABLE {condition}{table_name(table)} ({', '.join(columns.values())})"
    return Plan("CREATE TABLE", [_note(table, layout, keys), create])


def drop_table(cursor: Cursor) -> Plan:
    condition = "IF EXISTS " if cursor.take("IF", "EXISTS") else ""
    table = cursor.qualified()
    return Plan(
        "DROP TABLE", [*_forget(table), f"DROP TABLE {condition}{table_name(table)}"], owner_right=("DROP", table[0])
    )


def alter_table(cursor: Cursor) -> Plan:
    table = cursor.qualified()
    head = f"ALTER TABLE {table_name(table)}"
    if cursor.take("ADD", "COLUMN"):
        name, definition = _column(cursor, may_have_default=True)
        return Plan("ALTER TABLE", [f"{head} ADD COLUMN {definition}"], owner_right=("ALTER", table[0]))
    if cursor.take("DROP", "COLUMN"):
        return Plan("ALTER TABLE", [f"{head} DROP COLUMN {quoted(cursor.name())}"])
    if cursor.take("RENAME", "TO"):
        name = cursor.name()
        return Plan("ALTER TABLE", [*_renamed(table, name), f"{head} RENAME TO {quoted(name)}"])
    cursor.need("ALTER", "COLUMN")
    name = cursor.name()
    cursor.need("TYPE")
    cursor.need("VARCHAR")
    arguments = f"{literal(table_name(table))}, {literal(name)}, {_length(cursor)}"
    return Plan("ALTER TABLE", [f"SELECT redshift_stand_in.grow({arguments})"], alone=True)


def comment(cursor: Cursor) -> Plan:
    if cursor.one_of("TABLE", "COLUMN") == "TABLE":
        target = f"TABLE {table_name(cursor.qualified())}"
    else:
        parts = [cursor.name()]
        while cursor.take("."):
            parts.append(cursor.name(after_dot=True))
        target = f"COLUMN {'.'.join(map(quoted, parts))}"
    cursor.need("IS")
    text = "NULL" if cursor.take("NULL") else literal(cursor.string())
    return Plan("COMMENT", [f"COMMENT ON {target} IS {text}"])


def _if_not_exists(cursor: Cursor) -> str:
    return "IF NOT EXISTS " if cursor.take("IF", "NOT", "EXISTS") else ""


def _column(cursor: Cursor, *, may_have_default: bool = False) -> tuple[str, str]:
    name = cursor.name()
    parts = [quoted(name), _type(cursor, name)]
    default = may_have_default and cursor.take("DEFAULT")
    if default:
        parts.append(f"DEFAULT {_constant(cursor)}")
    if cursor.take("NOT", "NULL"):
        if may_have_default and not default:
            raise SqlError("ERROR: ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
        parts.append("NOT NULL")
    return name, " ".join(parts)


def _constant(cursor: Cursor) -> str:
    token = cursor.raw()
    if token.kind == "string":
        cursor.position -= 1
        return literal(cursor.string())
    if token.kind == "number" or token.key in {"TRUE", "FALSE", "NULL"}:
        return token.text
    cursor.position -= 1
    raise cursor.error()


def _type(cursor: Cursor, column: str) -> str:
    word = cursor.raw().key
    if word in SIMPLE_TYPES:
        return word
    if word == "DOUBLE" and cursor.take("PRECISION"):
        return "DOUBLE PRECISION"
    if word == "DECIMAL":
        return _decimal(cursor)
    if word == "VARCHAR":
        length = _length(cursor)
        # The name tells the length when the check fails. A column's own name may be too long to be a part of it.
        suffix = hashlib.md5(column.encode()).hexdigest()
        check = f"CONSTRAINT {quoted(f'bytes_{length}_{suffix}')} CHECK (octet_length({quoted(column)}) <= {length})"
        return f"VARCHAR({length}) {check}"
    cursor.position -= 1
    raise cursor.error()


def _decimal(cursor: Cursor) -> str:
    cursor.need("(")
    precision = cursor.integer()
    cursor.need(",")
    scale = cursor.integer()
    cursor.need(")")
    if not 1 <= precision <= 38:
        raise SqlError(f"ERROR: DECIMAL precision {precision} must be between 1 and 38")
    if not 0 <= scale <= min(precision, 37):
        raise SqlError(f"ERROR: DECIMAL scale {scale} must be between 0 and precision {precision}")
    return f"DECIMAL({precision},{scale})"


def _length(cursor: Cursor) -> int:
    cursor.need("(")
    length = cursor.integer()
    cursor.need(")")
    if not 1 <= length <= LONGEST_VARCHAR:
        raise SqlError(f"ERROR: length for type varchar cannot exceed {LONGEST_VARCHAR}, nor be less than 1")
    return length


def _layout(cursor: Cursor) -> _Layout:
    found: dict[str, str] = {}
    while cursor.position < len(cursor.tokens):
        compound = cursor.take("COMPOUND")
        attribute = "SORTKEY" if compound else cursor.one_of("DISTSTYLE", "DISTKEY", "SORTKEY")
        if compound:
            cursor.need("SORTKEY")
        if attribute in found:
            raise cursor.error()
        if attribute == "DISTSTYLE":
            found[attribute] = cursor.one_of("AUTO", "EVEN", "ALL", "KEY")
        elif attribute == "SORTKEY" and not compound and cursor.take("AUTO"):
            found[attribute] = "AUTO"
        else:
            found[attribute] = ",".join(cursor.names())
    return _checked(found)


def _checked(found: dict[str, str]) -> _Layout:
    distkey = found.get("DISTKEY")
    style = found.get("DISTSTYLE", "KEY" if distkey else "AUTO")
    if distkey and "," in distkey:
        raise SqlError("ERROR: syntax error: a table has one distribution key")
    if (style == "KEY") != bool(distkey):
        raise SqlError(f"ERROR: cannot have DISTSTYLE {style} {'with' if distkey else 'without'} a DISTKEY column")
    sortkeys = found.get("SORTKEY", "AUTO")
    return _Layout(style, distkey, "" if sortkeys == "AUTO" else sortkeys)


def _check_columns(columns: dict[str, str], named: list[str]) -> None:
    for name in named:
        if name not in columns:
            raise SqlError(f'ERROR: column "{name}" named in key does not exist')


def _where(table: tuple[str, str]) -> str:
    return f'WHERE "schema" = {literal(table[0])} AND "table" = {literal(table[1])}'


def _note(table: tuple[str, str], layout: _Layout, keys: list[str]) -> str:
    distkey = "NULL" if layout.distkey is None else literal(layout.distkey)
    row = [*map(literal, table), literal(layout.diststyle), distkey, literal(layout.sortkeys)]
    row.append(literal(", ".join(map(quoted, keys))))
    # A row that is there already belongs to the table that is there already.
    return f"INSERT INTO {LAYOUT} VALUES ({', '.join(row)}) ON CONFLICT DO NOTHING"


def _forget(table: tuple[str, str]) -> list[str]:
    return [f"DELETE FROM {notes} {_where(table)}" for notes in _NOTES]


def _renamed(table: tuple[str, str], name: str) -> list[str]:
    return [f'UPDATE {notes} SET "table" = {literal(name)} {_where(table)}' for notes in _NOTES]
