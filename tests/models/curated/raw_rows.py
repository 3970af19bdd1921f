"""Raw Parquet files and reference data made of the rows of a case, as an extract leaves them in the lake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rental_analytics.contracts.manifest import ExtractedTable, FileColumn, LakeFile
from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.contracts.raw_files import DELETES_OFFSET, RAW_COLUMNS, ROW_ID_BITS
from rental_analytics.contracts.source_table import ReadMode, SourceTable, SourceType
from rental_analytics.reference.data import ReferenceData, marketplace_relations
from rental_analytics.storage.base import Lake

Row = Mapping[str, Any]
EXTRACTED_AT = datetime(2024, 6, 1)  # noqa: DTZ001 the lake holds UTC without a zone
CONTROL_KEYS = {"_run", "_extracted_at", "_is_deleted"}
FRIDAY, MONDAY, WEDNESDAY = date(2024, 1, 5), date(2024, 1, 8), date(2024, 1, 10)
RATES = {
    FRIDAY: {"USD": "1", "EUR": "1.10", "GBP": "1.25"},
    MONDAY: {"USD": "1", "EUR": "1.20", "GBP": "1.25", "JPY": "0.007"},
}
"""The rates of every case that gives none; from Friday to Wednesday each day has one."""

ARROW_TYPES = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}
WAREHOUSE_TYPES = {
    SourceType.INTEGER: "BIGINT",
    SourceType.BOOLEAN: "BOOLEAN",
    SourceType.DATE: "DATE",
    SourceType.FLOAT: "DOUBLE",
    SourceType.TIMESTAMP: "TIMESTAMP",
    SourceType.TEXT: "VARCHAR",
    SourceType.ID: "BIGINT",
    SourceType.TEXT_ID: "VARCHAR",
}
ANY_TYPES = {int: "BIGINT", bool: "BOOLEAN"}
_LARGEST = 2**63 - 1


def reference_data(given: Mapping[str, Sequence[Row]]) -> ReferenceData:
    """The relations a case gives, and the default rates and days for those it does not."""
    fixings: Sequence[Row] = [
        {"rate_date": day, "currency": currency, "rate": rate}
        for day, rates in RATES.items()
        for currency, rate in rates.items()
    ]
    days: Sequence[Row] = [{"rate_date": FRIDAY + timedelta(n)} for n in range((WEDNESDAY - FRIDAY).days + 1)]
    own_rates = "raw_data.exchange_rate_fixings" in given or "raw_data.exchange_rate_days" in given
    relations = {
        "raw_data.exchange_rate_fixings": _relation(
            given.get("raw_data.exchange_rate_fixings", () if own_rates else fixings),
            {"rate_date": "DATE", "currency": "VARCHAR", "rate": "DECIMAL(20,12)"},
        ),
        "raw_data.exchange_rate_days": _relation(
            given.get("raw_data.exchange_rate_days", () if own_rates else days), {"rate_date": "DATE"}
        ),
        "raw_data.calendar_days": _relation(given.get("raw_data.calendar_days", ()), {"calendar_date": "DATE"}),
        **marketplace_relations(_facts(given)),
    }
    return ReferenceData(relations, "case")


def _facts(given: Mapping[str, Sequence[Row]]) -> MarketplaceFacts:
    """What a case says of the settings; `raw_data.booking_statuses` has spellings beside the usual ones."""
    settings = [dict(row) for row in given.get("raw_data.marketplace_settings", ())] or [{}]
    statuses = {row["spelling"]: row["status"] for row in given.get("raw_data.booking_statuses", ())}
    return MarketplaceFacts.model_validate({**settings[0], "statuses": statuses})


def write_extracts(lake: Lake, source: SourceTable, rows: Sequence[Row]) -> tuple[ExtractedTable, ...]:
    """Write the rows of each run as an extract numbers them; one manifest entry per run, at least one, oldest first."""
    unknown = {name for row in rows for name in row} - source.columns.keys() - CONTROL_KEYS
    assert not unknown, f"{source.name} has no columns {sorted(unknown)}"
    types = column_types(source, rows) | dict(RAW_COLUMNS)
    runs = defaultdict[int, list[Row]](list)
    for row in rows:
        runs[row.get("_run", 1)].append(row)
    return tuple(_extract(lake, source, types, run, runs[run]) for run in sorted(runs) or [1])


def column_types(source: SourceTable, rows: Sequence[Row]) -> dict[str, str]:
    """The types a database could have given the columns that hold these rows."""
    return {name: _type(source, name, rows) for name in source.columns}


def _extract(
    lake: Lake, source: SourceTable, types: Mapping[str, str], run: int, rows: Iterable[Row]
) -> ExtractedTable:
    run_id = f"run-{run}"
    files: dict[bool, list[Row]] = {False: [], True: []}
    for row in rows:
        is_deleted = row.get("_is_deleted", False)
        place = DELETES_OFFSET + len(files[True]) + 1 if is_deleted else len(files[False])
        technical = {
            "_row_id": (run << ROW_ID_BITS) + place,
            "_run_id": run_id,
            "_extracted_at": row.get("_extracted_at", EXTRACTED_AT),
            "_is_deleted": is_deleted,
        }
        files[is_deleted].append({**row, **technical})
    written = {}
    prefix = f"raw/{source.name}/run_id={run_id}/"
    with lake.writing(prefix) as folder:
        for is_deleted, kept in files.items():
            path = folder / ("deletes-0.parquet" if is_deleted else "part-0.parquet")
            if kept:
                pq.write_table(_relation(kept, types), path)
                size = path.stat().st_size
                written[is_deleted] = LakeFile(path=prefix + path.name, bytes=size, rows=len(kept))
    return ExtractedTable(
        mode=ReadMode.INCREMENTAL if source.key else ReadMode.APPEND,
        complete=False,
        key=source.key,
        columns=tuple(FileColumn(name=name, type=kind) for name, kind in types.items()),
        files=(written[False],) if False in written else (),
        deletes=(written[True],) if True in written else (),
        window_upper=EXTRACTED_AT,
        overlap_start=EXTRACTED_AT,
    )


def _relation(rows: Sequence[Row], types: Mapping[str, str]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([_value(row.get(name), kind) for row in rows], _arrow_type(kind))
            for name, kind in types.items()
        }
    )


def _value(value: Any, kind: str) -> Any:
    return Decimal(str(value)) if kind.startswith("DECIMAL") and value is not None else value


def _arrow_type(kind: str) -> pa.DataType:
    if kind.startswith("DECIMAL"):
        precision, scale = kind.removeprefix("DECIMAL(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return ARROW_TYPES[kind]


def _type(source: SourceTable, name: str, rows: Sequence[Row]) -> str:
    """The type a database could have given the column: that of its contract, or what the case's values need."""
    kind = source.columns[name].type
    values = [row[name] for row in rows if row.get(name) is not None]
    whole = kind in {SourceType.INTEGER, SourceType.ID}
    if (whole or kind is SourceType.DECIMAL) and any(isinstance(value, float) for value in values):
        return "DOUBLE"
    if whole and any(isinstance(value, str) for value in values):
        return "DECIMAL(20,10)"
    if whole and any(value > _LARGEST for value in values):
        return "DECIMAL(20,0)"
    if kind is SourceType.DECIMAL:
        exponents = [Decimal(str(value)).as_tuple().exponent for value in values]
        scale = max([2, *(-exponent for exponent in exponents if isinstance(exponent, int))])
        return f"DECIMAL({20 + scale},{scale})"
    if kind is SourceType.ANY:
        return ANY_TYPES.get(type(values[0]), "VARCHAR") if values else "VARCHAR"
    return WAREHOUSE_TYPES[kind]
