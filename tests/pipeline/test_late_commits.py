"""Rows that become visible late, with a cursor from long ago: the key comparison finds them, however late."""

import pytest

from pipeline.harness import BOOKING, Pipeline, Source

OLD, OLDER, NEW = "2024-03-01 12:00:00.000000", "2024-02-01 12:00:00.000000", "2024-06-01 12:00:00.000000"


@pytest.fixture(params=[True, False], ids=["unique keys", "keys not enforced"])
def loaded(request: pytest.FixtureRequest, source: Source, pipeline: Pipeline) -> Pipeline:
    """Bookings far before the newest one, read twice."""
    source.create(optional=True, unique=request.param)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", *({"booking_id": number, "updated_at": OLDER} for number in range(1, 6)))
    source.insert("bookings", {"booking_id": 6, "updated_at": NEW})
    pipeline.run()
    pipeline.run()
    return pipeline


def prices(pipeline: Pipeline) -> dict[int, int]:
    return {key: int(price) for key, price in pipeline.rows("SELECT booking_id, total_price FROM curated.bookings")}


def extracted(pipeline: Pipeline) -> int:
    newest = "SELECT extracted_rows FROM ops.proofs WHERE table_name = 'bookings' ORDER BY window_upper DESC LIMIT 1"
    return int(pipeline.rows(newest)[0][0])


def test_a_late_update_is_found(source: Source, loaded: Pipeline) -> None:
    source.execute(f"UPDATE bookings SET total_price = 700, updated_at = '{OLD}' WHERE booking_id IN (2, 3)")
    loaded.run()
    assert prices(loaded) == {1: 300, 2: 700, 3: 700, 4: 300, 5: 300, 6: 300}
    loaded.run()
    assert extracted(loaded) == 0


def test_a_late_insert_is_found(source: Source, loaded: Pipeline) -> None:
    source.insert("bookings", {"booking_id": 7, "updated_at": OLD, "total_price": "700.00"})
    loaded.run()
    assert prices(loaded)[7] == 700
    loaded.run()
    assert extracted(loaded) == 0


def test_a_cursor_that_goes_back_is_found(source: Source, loaded: Pipeline) -> None:
    source.execute("UPDATE bookings SET total_price = 700, updated_at = '2023-01-01 00:00:00' WHERE booking_id = 6")
    loaded.run()
    assert prices(loaded)[6] == 700


def test_a_row_that_came_back_with_an_old_cursor_is_found(source: Source, loaded: Pipeline) -> None:
    source.execute("DELETE FROM bookings WHERE booking_id = 4")
    loaded.run()
    source.insert("bookings", {"booking_id": 4, "updated_at": OLDER, "total_price": "700.00"})
    loaded.run()
    assert prices(loaded)[4] == 700
    assert loaded.rows("SELECT is_deleted FROM curated.bookings WHERE booking_id = 4") == [(False,)]


def test_many_late_rows_are_read_in_one_go(source: Source, loaded: Pipeline) -> None:
    usual = {**BOOKING, "updated_at": OLD}
    values = ", ".join(repr(value) for value in usual.values())
    rows = ", ".join(f"({key}, {values})" for key in range(100, 6_100))
    source.execute(f"INSERT INTO bookings (booking_id, {', '.join(usual)}) VALUES {rows}")
    loaded.run()
    assert len(prices(loaded)) == 6_006
