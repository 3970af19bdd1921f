"""COPY: the files of both engines that it takes, and what it refuses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rental_analytics.doctor.redshift.claim import claim, need
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.results import DifferenceError, SkippedError
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.warehouses.redshift.data_api import StatementError

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = [
    "id BIGINT",
    "part SMALLINT",
    "guests INTEGER",
    "is_active BOOLEAN",
    "day DATE",
    "size DOUBLE PRECISION",
    "price DECIMAL(12,2)",
    "large DECIMAL(38,10)",
    "moment TIMESTAMP",
    "name VARCHAR(65535)",
]


@claim
def copy_reads_zstd_and_fixed_decimals(sandbox: Sandbox) -> str:
    return _copied_whole(sandbox, "a.parquet", compression="zstd")


@claim
def copy_reads_snappy_and_integer_decimals(sandbox: Sandbox) -> str:
    """As Spark writes: decimals of up to 18 digits as INT64, files in a folder `part-`."""
    return _copied_whole(
        sandbox, "part-1/part-00000.snappy.parquet", compression="snappy", store_decimal_as_integer=True
    )


@claim
def copy_tells_what_does_not_fit(sandbox: Sandbox) -> str:
    import pyarrow as pa

    wrong = pa.table({"id": pa.array(["a"], pa.string())})
    try:
        sandbox.copied(wrong, ["id BIGINT"])
    except StatementError as error:
        need(error.process, "the answer has no RedshiftPid")
        noted = sandbox.api.query(
            render("warehouses/redshift/load_errors", process=int(error.process or 0))
        ).to_pylist()
        return need(noted, f"{error.message}; sys_load_error_detail has {len(noted)} rows of its session")
    raise DifferenceError("a text was copied to BIGINT")


@claim
def copy_refuses_long_texts(sandbox: Sandbox) -> str:
    import pyarrow as pa

    try:
        sandbox.copied(pa.table({"name": ["ééé"]}), ["name VARCHAR(5)"])
    except StatementError as error:
        return error.message
    raise DifferenceError("six bytes were copied to VARCHAR(5)")


@claim
def copy_of_u0000(sandbox: Sandbox) -> str:
    """Refused, or kept: anything but a row that is lost or cut."""
    import pyarrow as pa

    try:
        table = sandbox.copied(pa.table({"name": ["a\x00b"]}), ["name VARCHAR(9)"])
    except StatementError as error:
        return f"refused: {error.message}"
    seen = sandbox.rows(f"SELECT name FROM {identifier(table)}")
    return need(seen == [("a\x00b",)], str(seen))


@claim
def default_role_reads_the_lake(sandbox: Sandbox) -> str:
    if sandbox.role != "default":
        raise SkippedError("--iam-role names another role", "leave --iam-role out")
    return _copied_whole(sandbox, "a.parquet")


def _copied_whole(sandbox: Sandbox, file: str, **options: Any) -> str:
    content = _content()
    table = sandbox.copied(content, _COLUMNS, file, **options)
    wanted = [tuple(row.values()) for row in content.to_pylist()]
    seen = sandbox.rows(f"SELECT {identifiers(content.column_names)} FROM {identifier(table)} ORDER BY id")
    return need(seen == wanted, str(seen))


def _content() -> pa.Table:
    """Two rows with every type that is copied; NULL in the second."""
    import pyarrow as pa

    return pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "part": pa.array([-3, None], pa.int16()),
            "guests": pa.array([2**31 - 1, None], pa.int32()),
            "is_active": pa.array([True, None], pa.bool_()),
            "day": pa.array([date(2024, 2, 29), None], pa.date32()),
            "size": pa.array([0.1, None], pa.float64()),
            "price": pa.array([Decimal("12.34"), None], pa.decimal128(12, 2)),
            "large": pa.array([Decimal("1.5"), Decimal("-2.5")], pa.decimal128(38, 10)),
            "moment": pa.array([datetime.fromisoformat("2024-02-29T23:59:59.123456"), None], pa.timestamp("us")),
            "name": pa.array(["", None], pa.string()),
        }
    )
