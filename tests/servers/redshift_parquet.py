"""Parquet files as Redshift's COPY takes them: by position, each type exactly as the table has it."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from servers.redshift_lexer import SqlError

_ARROW_TYPES = {
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "double precision": "double",
    "boolean": "bool",
    "date": "date32",
    "timestamp without time zone": "timestamp[us]",
}
_PLAIN = {"INT32": "integer", "INT64": "bigint", "DOUBLE": "double precision", "BOOLEAN": "boolean"}
_INTEGERS = {16: "smallint", 32: "integer", 64: "bigint"}


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL describes it."""

    name: str
    type: str
    required: bool

    @property
    def bytes(self) -> int | None:
        return int(self.type.split("(")[1].rstrip(")")) if self.type.startswith("character varying(") else None


class CopyError(SqlError):
    """COPY failed at a file, perhaps at one of its columns."""

    def __init__(self, message: str, file: str = "", column: Column | None = None, line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.column = column
        self.line = line


def rows_as_csv(content: bytes, file: str, columns: Sequence[Column], *, fill: bool) -> tuple[bytes, int]:
    """The file's rows, NULL as nothing and every value in quotes, and how many columns they have."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        source = parquet.ParquetFile(io.BytesIO(content))
    except pa.ArrowInvalid as problem:
        raise CopyError(f"ERROR: Spectrum Scan Error DETAIL: invalid Parquet file {file}: {problem}", file) from None
    with source:
        present = _checked_columns(source.schema, file, columns, fill=fill)
        rows = source.read()
    names = [str(number) for number in range(len(present))]
    values = [rows.column(number).cast(_arrow_type(column)) for number, column in enumerate(present)]
    for column, chunks in zip(present, values, strict=True):
        _check_values(chunks, file, column)
    output = io.BytesIO()
    if rows.num_rows:
        options = csv.WriteOptions(include_header=False, quoting_style="all_valid")
        csv.write_csv(pa.Table.from_arrays(values, names=names), output, options)
    return output.getvalue(), len(present)


def parquet_type(column: Any) -> str:
    """What Redshift type the file's column has, or a description if it has none."""
    logical = json.loads(column.logical_type.to_json())
    kind, physical = logical["Type"], column.physical_type
    if column.max_repetition_level or column.path != column.name:
        return "nested"
    if kind == "None" and physical in _PLAIN:
        return _PLAIN[physical]
    if kind == "Int" and logical["isSigned"] and logical["bitWidth"] in _INTEGERS:
        return _INTEGERS[logical["bitWidth"]]
    if kind == "Decimal":
        return f"numeric({logical['precision']},{logical['scale']})"
    if kind == "Date":
        return "date"
    if kind == "Timestamp" and logical["timeUnit"] == "microseconds" and not logical["isAdjustedToUTC"]:
        return "timestamp without time zone"
    if kind == "String":
        return "character varying"
    return f"{physical} {column.logical_type}"


def _arrow_type(column: Column) -> Any:
    import pyarrow as pa

    if column.type.startswith("numeric"):
        precision, scale = column.type.removeprefix("numeric(").rstrip(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    name = _ARROW_TYPES.get(column.type, "string")
    return pa.timestamp("us") if name == "timestamp[us]" else pa.type_for_alias(name)


def _checked_columns(schema: Any, file: str, columns: Sequence[Column], *, fill: bool) -> list[Column]:
    count = len(schema)
    if count > len(columns) or (count < len(columns) and not fill):
        raise CopyError(
            "ERROR: Spectrum Scan Error DETAIL: Unmatched number of columns between table and file. "
            f"Table columns: {len(columns)}, Data columns: {count}, File name: {file}",
            file,
        )
    present = list(columns[:count])
    for number, column in enumerate(present):
        found = schema.column(number)
        if parquet_type(found) != column.type.split("(")[0] + ("" if column.bytes else _arguments(column.type)):
            raise CopyError(
                "ERROR: Spectrum Scan Error DETAIL: error: Spectrum Scan Error code: 15007 context: File "
                f"'{file}' has an incompatible Parquet schema for column '{file}.{column.name}'. "
                f"Column type: {column.type.upper()}, Parquet schema: {_described(found)}",
                file,
                column,
            )
    return present


def _arguments(type_name: str) -> str:
    return type_name[type_name.index("(") :] if "(" in type_name else ""


def _described(column: Any) -> str:
    presence = "optional" if column.max_definition_level else "required"
    return f"{presence} {column.physical_type.lower()} {column.name} [{column.logical_type}]"


def _check_values(values: Any, file: str, column: Column) -> None:
    from pyarrow import compute

    if column.required and values.null_count:
        line = compute.index(values.is_null(), True).as_py() + 1
        raise CopyError(f"ERROR: Cannot insert a NULL value into column {column.name}", file, column, line)
    if column.bytes is None:
        return
    lengths = compute.binary_length(values)
    longest = compute.max(lengths).as_py() or 0
    if longest > column.bytes:
        line = compute.index(compute.greater(lengths, column.bytes), True).as_py() + 1
        raise CopyError(
            f"ERROR: Spectrum Scan Error DETAIL: The length of the data column {column.name} is longer than the "
            f"length defined in the table. Table: {column.bytes}, Data: {longest}, File name: {file}",
            file,
            column,
            line,
        )
    if compute.any(compute.match_substring(values, "\0")).as_py():
        raise CopyError(f"ERROR: Invalid null byte in column {column.name}, file {file}", file, column)
