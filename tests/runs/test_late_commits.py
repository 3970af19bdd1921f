"""Rows that become visible late, with a cursor from long ago: the key comparison finds them, however late."""

import pytest

from runs.harness import BOOKING, Pipeline, Source
from support.breadth import sampled

OLD, OLDER, NEW = "2024-03-01 12:00:00.000000", "2024-02-01 12:00:00.000000", "2024-06-01 12:00:00.000000"
RAW = ("extract", "load-raw")


def prices(pipeline: Pipeline, schema: str = "raw_data") -> dict[int, int]:
    deleted = "_is_deleted" if schema == "raw_data" else "is_deleted"
    rows = pipeline.rows(f"SELECT booking_id, total_price FROM {schema}.bookings WHERE NOT {deleted}")
    return {key: int(price) for key, price in rows}


def extracted(pipeline: Pipeline) -> int:
    newest = "SELECT extracted_rows FROM ops.proofs WHERE table_name = 'bookings' ORDER BY window_upper DESC LIMIT 1"
    return int(pipeline.rows(newest)[0][0])


@pytest.mark.parametrize("unique", sampled([True, False], [False]), ids=["unique keys", "keys not enforced"])
def test_whatever_comes_late_is_found_and_goes_on_once(source: Source, pipeline: Pipeline, unique: bool) -> None:
    """Updates, an insert, a cursor that goes back, a row that comes back with its old cursor, and many rows at once.

    The bookings lie far before the newest one, and were read twice.
    """
    source.create(optional=True, unique=unique)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", *({"booking_id": number, "updated_at": OLDER} for number in range(1, 6)))
    source.insert("bookings", {"booking_id": 6, "updated_at": NEW})
    pipeline.extract()
    pipeline.extract()

    source.execute(f"UPDATE bookings SET total_price = 700, updated_at = '{OLD}' WHERE booking_id IN (2, 3)")
    source.insert("bookings", {"booking_id": 7, "updated_at": OLD, "total_price": "700.00"})
    source.execute("UPDATE bookings SET total_price = 700, updated_at = '2023-01-01 00:00:00' WHERE booking_id = 6")
    source.execute("DELETE FROM bookings WHERE booking_id = 4")
    pipeline.run(steps=RAW)
    assert prices(pipeline) == {1: 300, 2: 700, 3: 700, 5: 300, 6: 700, 7: 700}
    assert extracted(pipeline) == 4

    source.insert("bookings", {"booking_id": 4, "updated_at": OLDER, "total_price": "700.00"})
    pipeline.run(steps=RAW)
    assert prices(pipeline) == {1: 300, 2: 700, 3: 700, 4: 700, 5: 300, 6: 700, 7: 700}
    assert extracted(pipeline) == 1
    pipeline.run(steps=RAW)
    assert extracted(pipeline) == 0

    usual = {**BOOKING, "updated_at": OLD}
    values = ", ".join(repr(value) for value in usual.values())
    rows = ", ".join(f"({key}, {values})" for key in range(100, 6_100))
    source.execute(f"INSERT INTO bookings (booking_id, {', '.join(usual)}) VALUES {rows}")
    pipeline.run(steps=("extract", "transform", "load-curated"))
    found = prices(pipeline, "curated")
    assert len(found) == 6_007
    assert {key: found[key] for key in range(1, 8)} == prices(pipeline)
