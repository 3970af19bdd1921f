"""Values that the configuration gives a column: in the type of its kind, or refused by the setting's name."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases.constants import constant_column
from rental_analytics.errors import ConfigurationError

pytestmark = pytest.mark.fast

NOON = datetime(2024, 1, 31, 12, 30)  # noqa: DTZ001
TAKEN: dict[SourceType, list[tuple[object, Any]]] = {
    SourceType.INTEGER: [(2, 2), ("2", 2), (2.0, 2), (2**63 - 1, 2**63 - 1)],
    SourceType.DECIMAL: [
        (19.9, Decimal("19.9")),
        ("19.90", Decimal("19.9")),
        (5, Decimal(5)),
        ("1234567890123456789012345678.0000000001", Decimal("1234567890123456789012345678.0000000001")),
    ],
    SourceType.FLOAT: [(52.5, 52.5), ("1e30", 1e30)],
    SourceType.TEXT: [("EUR", "EUR"), ("it's \\ é", "it's \\ é"), ("", "")],
    SourceType.BOOLEAN: [(True, True), ("false", False), (1, True), ("0", False)],
    SourceType.DATE: [(date(2024, 1, 31), date(2024, 1, 31)), ("2024-01-31", date(2024, 1, 31))],
    SourceType.TIMESTAMP: [
        (NOON, NOON),
        ("2024-01-31 12:30:00", NOON),
        (NOON.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=2))), NOON),
        (date(2024, 1, 31), NOON.replace(hour=0, minute=0)),
    ],
    SourceType.TIME: [(time(10, 0, 1), 36_001_000_000), ("10:00:01", 36_001_000_000)],
    SourceType.ANY: [("yes", "yes")],
    SourceType.ID: [(2, 2), ("2", 2)],
    SourceType.TEXT_ID: [("é" * 32, "é" * 32), (2**63, str(2**63))],
}
REFUSED: dict[SourceType, list[object]] = {
    SourceType.INTEGER: [True, 1.5, "two", 2**63, date(2024, 1, 1)],
    SourceType.DECIMAL: ["nan", float("inf"), "1e28", "0.00000000001", False],
    SourceType.FLOAT: ["1e999", "x"],
    SourceType.TEXT: [978, True],
    SourceType.BOOLEAN: [2, "yes", 1.0],
    SourceType.DATE: [NOON, "31.01.2024", 20240131],
    SourceType.TIMESTAMP: ["noon", 5, "0001-01-01 00:00:00+14:00"],
    SourceType.TIME: ["24:30", 5],
    SourceType.ANY: [1],
    SourceType.ID: [True, "two", 2**63],
    SourceType.TEXT_ID: ["", "a ", "a\0b", "é" * 32 + "e", True, 1.5],
}


@pytest.mark.parametrize("kind", SourceType)
def test_values_arrive_in_the_type_of_their_kind(kind: SourceType) -> None:
    import duckdb

    for value, expected in TAKEN[kind]:
        column = constant_column("bookings", "total_price", kind, value)
        found = duckdb.sql(f"SELECT {column.convert}, TYPEOF({column.convert})").fetchone()
        assert found == (expected, column.type), value
        assert (column.select, column.is_present) == ("", True)


@pytest.mark.parametrize("kind", SourceType)
def test_others_are_refused_by_the_name_of_the_setting(kind: SourceType) -> None:
    for value in REFUSED[kind]:
        with pytest.raises(ConfigurationError) as caught:
            constant_column("bookings", "total_price", kind, value)
        error = caught.value
        assert (error.reason, error.exit_code) == ("constant-not-of-kind", 2), value
        assert error.message.startswith("tables.bookings.constants.total_price is not of the kind"), value
