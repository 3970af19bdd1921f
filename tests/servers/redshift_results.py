"""Rows as the Data API gives them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servers.redshift_lexer import SqlError

if TYPE_CHECKING:
    from psycopg import Cursor

# PostgreSQL's number of the type: Redshift's name, and how many digits or characters it has.
_TYPES = {
    16: ("bool", 1),
    20: ("int8", 19),
    21: ("int2", 5),
    23: ("int4", 10),
    700: ("float4", 8),
    701: ("float8", 17),
    1042: ("bpchar", 0),
    1043: ("varchar", 0),
    1082: ("date", 13),
    1114: ("timestamp", 29),
    1184: ("timestamptz", 35),
    1700: ("numeric", 38),
}
_WHOLE, _FLOATING = {"int2", "int4", "int8"}, {"float4", "float8"}
_LONGEST = 65_535
MOST_ROW_BYTES = 64 * 1024


@dataclass(frozen=True)
class Result:
    columns: list[dict[str, Any]]
    records: list[list[dict[str, Any]]]


def read_result(cursor: "Cursor[Any]") -> Result:
    """The rows of the statement that has just run."""
    found = cursor.pgresult
    assert found is not None
    texts = [[None if value is None else value.decode() for value in _row(found, row)] for row in range(found.ntuples)]
    for row in texts:
        size = sum(len(text.encode()) for text in row if text is not None)
        if size > MOST_ROW_BYTES:
            # What the service says is not known; that it gives no such row is.
            raise SqlError(f"ERROR: a row of the result has {size} bytes, more than {MOST_ROW_BYTES}")
    columns = [_column(found, number, [row[number] for row in texts]) for number in range(found.nfields)]
    types = [column["typeName"] for column in columns]
    records = [[_field(name, text) for name, text in zip(types, row, strict=True)] for row in texts]
    return Result(columns, records)


def _row(found: Any, row: int) -> list[bytes | None]:
    return [found.get_value(row, column) for column in range(found.nfields)]


def _column(found: Any, number: int, texts: list[str | None]) -> dict[str, Any]:
    name = found.fname(number).decode()
    type_name, precision = _TYPES.get(found.ftype(number), ("varchar", 0))
    modifier = found.fmod(number) - 4
    scale = 0
    if type_name == "numeric":
        if modifier >= 0:
            precision, scale = modifier >> 16, modifier & 0x7FF
        else:
            # PostgreSQL does not tell an expression's scale.
            scale = max((len(text.partition(".")[2]) for text in texts if text), default=0)
    elif type_name in {"varchar", "bpchar"}:
        precision = modifier if modifier > 0 else _LONGEST
    return {
        "name": name,
        "label": name,
        "typeName": type_name,
        "precision": precision,
        "scale": scale,
        "length": precision if type_name in {"varchar", "bpchar"} else 0,
        "nullable": 1,
        "isSigned": type_name in _WHOLE | _FLOATING | {"numeric"},
        "isCaseSensitive": type_name in {"varchar", "bpchar"},
        "isCurrency": False,
        "schemaName": "",
        "tableName": "",
    }


def _field(type_name: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {"isNull": True}
    if type_name in _WHOLE:
        return {"longValue": int(text)}
    if type_name in _FLOATING:
        return {"doubleValue": float(text)}
    if type_name == "bool":
        return {"booleanValue": text == "t"}
    return {"stringValue": text}
