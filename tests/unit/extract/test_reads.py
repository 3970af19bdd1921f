"""What a read writes: new rows once, changed ones again, keys that are gone, and nothing where rows were lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extract.reads import CENSUS, CONTRACT, EVENTS, FETCH, ROWS, WHOLE, Reads, Source, day
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.engines.duckdb.engine import DuckDbEngine
from rental_analytics.errors import ProofError

pytestmark = pytest.mark.fast
SNAPSHOT = ReadMode.SNAPSHOT


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDbEngine]:
    engine = DuckDbEngine(threads=1)
    yield engine
    engine.close()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.fixture
def doubled(tmp_path: Path) -> Source:
    """A source that does not keep its keys unique."""
    return Source(tmp_path, unique=False)


def test_a_window_brings_what_is_new_and_what_changed(source: Source, engine: DuckDbEngine, tmp_path: Path) -> None:
    reads = Reads(tmp_path, engine, source)
    source.put(1, moved=1)
    source.put(2, moved=4)
    source.put(1, hall=2, moved=None)
    first = reads.read(5)
    assert reads.seats() == [(1, 1, 1), (1, 2, 1), (2, 1, 1)]
    assert (first.complete, first.held, first.window_lower, first.window_upper) == (True, 3, None, day(5))
    assert (first.newest_cursor, first.overlap_start) == (day(4), day(3))
    assert reads.state("recent", "hall, seat") == [(1, 2), (2, 1)]
    source.put(3, moved=5)
    source.change(2, 7, moved=5.5)
    second = reads.read(6)
    assert reads.seats() == [(1, 2, 7), (1, 3, 1)]
    assert (second.complete, second.held, second.window_lower, second.window_upper) == (False, 4, day(3), day(6))
    assert second.deletes == ()
    reads.read(7)
    assert reads.last and (reads.last.files, reads.last.deletes, reads.last.held) == ((), (), 4)


def first_read(reads: Reads, *seats: tuple[int, float | None], until: float = 10) -> Reads:
    """Put seats with their cursors into hall 1, and read them."""
    for seat, moved in seats:
        reads.source.put(seat, moved=moved)
    reads.read(until)
    return reads


@pytest.fixture
def reads(source: Source, engine: DuckDbEngine, tmp_path: Path) -> Reads:
    """Seats 1 and 2 from before the overlap, 3 from within it, 4 without a cursor: read up to the 10th."""
    return first_read(Reads(tmp_path, engine, source), (1, 1), (2, 2), (3, 9.5), (4, None))


@pytest.fixture
def doubles(doubled: Source, engine: DuckDbEngine, tmp_path: Path) -> Reads:
    """As `reads`, and of each seat there are two rows, in a table that would take more."""
    for seat, moved in ((1, 1), (2, 2), (3, 9.5), (4, None)):
        doubled.put(seat, moved=moved)
    return first_read(Reads(tmp_path, engine, doubled), (1, 1), (2, 2), (3, 9.5), (4, None))


def lost(reads: Reads, until: float = 11, **options: object) -> str:
    with pytest.raises(ProofError) as caught:
        reads.read(until, **options)  # type: ignore[arg-type]
    assert (caught.value.reason, caught.value.table) == ("rows-not-arrived", "seats")
    return caught.value.message


def test_a_row_that_came_late_is_asked_for_by_its_key(reads: Reads) -> None:
    reads.source.put(5, moved=2)
    reads.source.put(1, hall=2, moved=2)
    table = reads.read(11)
    assert reads.seats() == [(1, 5, 1), (2, 1, 1)]
    assert reads.ask("SELECT MIN(_row_id) FROM {}", table.files) == [((2 << 40) + (1 << 37),)]
    assert (table.held, table.deletes) == (6, ())
    assert reads.read(12).files == ()


@pytest.mark.parametrize("moved", [0.5, 8])
def test_a_row_whose_cursor_is_another_is_asked_for(reads: Reads, moved: float) -> None:
    reads.source.change(1, 7, moved=moved)
    reads.read(11)
    assert reads.seats() == [(1, 1, 7)]
    assert reads.read(12).files == ()


def test_a_row_whose_cursor_stayed_is_seen_in_the_overlap_alone(reads: Reads) -> None:
    for seat in (1, 3, 4):
        reads.source.change(seat, 7)
    reads.read(11)
    assert reads.seats() == [(1, 3, 7), (1, 4, 7)]


def test_the_lower_bound_is_part_of_the_window(reads: Reads) -> None:
    reads.source.put(5, moved=10.5)
    table = reads.read(11)
    assert (table.newest_cursor, table.overlap_start) == (day(10.5), day(9.5))
    assert reads.state("recent", "seat") == [(3,), (4,), (5,)]
    reads.source.change(3, 7)
    assert reads.read(12).window_lower == day(9.5)
    assert reads.seats() == [(1, 3, 7)]


def test_cursors_in_the_future_are_read_and_move_nothing(reads: Reads) -> None:
    reads.source.put(5, moved=11)
    reads.source.put(6, moved=20)
    table = reads.read(11)
    assert reads.seats() == [(1, 5, 1), (1, 6, 1)]
    assert (table.newest_cursor, table.overlap_start) == (day(9.5), day(8.5))
    assert table.proof and (table.proof.rows, table.proof.window_rows) == (6, 1)
    assert reads.read(12).files == ()


def test_deleted_rows_are_told_once(reads: Reads) -> None:
    for seat in (1, 3, 4):
        reads.source.drop(seat)
    table = reads.read(11)
    assert (reads.gone(), table.files, table.held) == ([(1, 1), (1, 3), (1, 4)], (), 1)
    (file,) = table.deletes
    assert reads.ask("SELECT MIN(_row_id), MAX(_row_id), MAX(price) FROM {}", [file]) == [
        ((2 << 40) + (1 << 39), (2 << 40) + (1 << 39) + 2, None)
    ]
    assert reads.read(12).deletes == ()
    reads.source.put(1, 8, moved=1)
    reads.read(13)
    assert reads.seats() == [(1, 1, 8)]


@pytest.mark.parametrize("seat", [3, 4])
def test_a_row_of_the_window_that_is_lost_on_the_way(reads: Reads, seat: int) -> None:
    reads.source.lost = {ROWS: [seat]}
    if seat == 4:
        # A cursor that is no moment arrives as NULL, but no window finds it: so its row is asked for.
        assert reads.read(11).held == 4
        return
    assert f"1 row did not arrive, such as the one with hall 1, seat {seat}." in lost(reads)


@pytest.mark.parametrize("seat", [1, 3, 4])
def test_a_row_that_is_lost_on_the_way_in_a_read_of_the_whole_table(reads: Reads, seat: int) -> None:
    reads.source.lost = {ROWS: [seat]}
    assert f"1 row did not arrive, such as the one with hall 1, seat {seat}." in lost(reads, complete=True)


def test_several_rows_are_lost_and_one_is_named(reads: Reads) -> None:
    reads.source.lost = {ROWS: [1, 3]}
    message = lost(reads, complete=True)
    assert "Table seats was not read completely in the window up to 2024-01-11 00:00:00 UTC: 2 rows did" in message


def test_a_row_from_the_future_is_lost_like_others(reads: Reads) -> None:
    reads.source.put(5, moved=20)
    reads.source.lost = {ROWS: [5]}
    assert "hall 1, seat 5." in lost(reads)


def test_nothing_stays_beside_the_lake(reads: Reads, engine: DuckDbEngine) -> None:
    reads.source.put(5, moved=10.5)
    reads.read(11)
    assert [path for path in engine._folder.iterdir() if path.name != "spill"] == []


def test_a_row_that_never_arrives(reads: Reads) -> None:
    reads.source.put(5, moved=2)
    reads.source.lost = {FETCH: [5]}
    assert "hall 1, seat 5." in lost(reads)
    reads.source.put(6, moved=10.5)
    reads.source.lost = {ROWS: [6], FETCH: [6]}
    assert "hall 1, seat 6." in lost(reads)
    reads.source.lost = {ROWS: [6], FETCH: [6]}
    assert "hall 1, seat 6." in lost(reads, complete=True)


def test_a_key_that_the_census_loses(reads: Reads) -> None:
    reads.source.lost = {CENSUS: [1]}
    assert "hall 1, seat 1." in lost(reads)


@pytest.mark.parametrize("complete", [False, True])
def test_a_row_that_is_deleted_during_the_read(reads: Reads, complete: bool) -> None:
    reads.source.put(5, moved=10.5)
    reads.source.changes = {ROWS: lambda: (reads.source.drop(5), reads.source.drop(3))}
    table = reads.read(11, complete=complete)
    assert (reads.gone(), table.held) == ([(1, 3)], 3)


def test_a_row_that_is_deleted_before_it_is_asked_for(reads: Reads) -> None:
    reads.source.put(5, moved=2)
    reads.source.changes = {FETCH: lambda: reads.source.drop(5)}
    table = reads.read(11)
    assert (table.files, table.deletes, table.held) == ((), (), 4)


@pytest.mark.parametrize("moved", [1.5, 10.8])
def test_a_row_that_changes_during_the_read_is_no_loss(reads: Reads, moved: float) -> None:
    reads.source.put(5, moved=10.5)
    reads.source.lost = {ROWS: [5]}
    reads.source.changes = {FETCH: lambda: reads.source.change(5, 7, moved=moved)}
    reads.read(11)
    assert reads.seats() == [(1, 5, 7)]


def test_a_row_that_changes_after_the_census_is_read_as_it_is(reads: Reads) -> None:
    reads.source.changes = {ROWS: lambda: reads.source.change(1, 7, moved=10.5)}
    reads.read(11)
    assert reads.seats() == [(1, 1, 7)]
    assert reads.read(12).files == ()


def test_a_row_that_comes_after_the_census_is_held(reads: Reads) -> None:
    reads.source.changes = {ROWS: lambda: reads.source.put(5, moved=10.5)}
    assert reads.read(11).held == 5
    assert reads.seats() == [(1, 5, 1)]
    table = reads.read(12)
    assert (table.files, table.deletes, table.held) == ((), (), 5)


def test_a_key_that_is_back_when_it_is_asked_for(reads: Reads) -> None:
    """It was replaced: it is not deleted, and the next read sees that it changed."""
    reads.source.drop(1)
    reads.source.drop(2)
    reads.source.changes = {FETCH: lambda: reads.source.put(1, 7, moved=2)}
    table = reads.read(11)
    assert (reads.gone(), table.files, table.held) == ([(1, 2)], (), 3)
    assert ") IN (VALUES " in reads.asked[-1]
    reads.read(12)
    assert reads.seats() == [(1, 1, 7)]


def test_one_of_two_rows_with_a_key(doubles: Reads) -> None:
    source = doubles.source
    source.execute("UPDATE seats SET price = 7, moved_at = ? WHERE rowid = 1", str(day(10.5)))
    doubles.read(11)
    assert doubles.seats() == [(1, 1, 1), (1, 1, 7), (1, 1, 7)]
    assert doubles.read(12).files == ()
    source.execute("UPDATE seats SET price = 9, moved_at = ? WHERE rowid = 2", str(day(7)))
    doubles.read(13)
    assert doubles.seats() == [(1, 2, 1), (1, 2, 9)]
    source.execute("DELETE FROM seats WHERE rowid = 1")
    table = doubles.read(14)
    assert (doubles.seats(), table.deletes, table.held) == ([(1, 1, 1)], (), 4)
    source.put(2, 8, moved=2)
    doubles.read(15)
    assert doubles.seats() == [(1, 2, 1), (1, 2, 8), (1, 2, 9)]
    source.drop(2)
    doubles.read(16)
    assert doubles.gone() == [(1, 2)]


@pytest.mark.parametrize(
    ("again", "moved", "is_lost"),
    [
        pytest.param(2, 2, True, id="as many as before, and as old"),
        pytest.param(2, 2.5, False, id="changed meanwhile"),
        pytest.param(1, 2, False, id="fewer than before"),
    ],
)
def test_fewer_rows_of_a_key_than_the_source_has(doubles: Reads, again: int, moved: float, is_lost: bool) -> None:
    """Three rows are missed, one comes; how many there are then tells whether two were lost."""
    source = doubles.source
    source.put(2, moved=2)

    def come_back() -> None:
        for _ in range(again):
            source.put(2, moved=moved)

    source.changes = {
        FETCH: lambda: source.execute("DELETE FROM seats WHERE seat = 2 AND rowid <> 2"),
        FETCH + 1: come_back,
    }
    if is_lost:
        assert "hall 1, seat 2." in lost(doubles)
        return
    doubles.read(11)
    assert doubles.seats() == [(1, 2, 1)]


@pytest.mark.parametrize("contract", [CONTRACT, EVENTS, WHOLE], ids=["key", "events", "neither"])
def test_an_empty_table(source: Source, engine: DuckDbEngine, tmp_path: Path, contract: SourceTable) -> None:
    reads = Reads(tmp_path, engine, source, contract)
    for until in (5, 6):
        table = reads.read(until)
        assert (table.files, table.deletes, table.held) == ((), (), 0)
        assert table.proof and (table.proof.rows, table.proof.window_rows) == (0, 0)
        assert table.proof.key_hash == "0" * 16
    source.put(1, moved=5.5)
    reads.read(7)
    assert reads.seats() == [(1, 1, 1)]


def test_a_column_that_comes_is_read_for_every_row(reads: Reads) -> None:
    assert reads.read(11).present == ("hall", "seat", "price", "sold_at", "moved_at")
    reads.source.execute("ALTER TABLE seats ADD COLUMN row_name TEXT")
    table = reads.read(12)
    assert (table.complete, table.present[-1], len(reads.seats())) == (True, "row_name", 4)
    assert reads.read(13).files == ()


def test_a_column_that_comes_to_events(events: Reads) -> None:
    """It tells nothing about what the last read saw, and a backfill keeps rows that lack it."""
    events.source.execute("ALTER TABLE seats ADD COLUMN row_name TEXT DEFAULT 'A'")
    table = events.read(11, backfill=(5, 5))
    assert (table.files, "row_name" in table.present) == ((), False)
    table = events.read(12)
    assert (table.files, "row_name" in table.present) == ((), True)
    events.source.execute("UPDATE seats SET row_name = 'B' WHERE rowid = 2")
    events.read(13)
    assert events.seats() == [(1, 2, 1)]


def test_many_keys_are_asked_for_a_few_at_a_time(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    from rental_analytics.steps.extract import deletes, missed_rows

    monkeypatch.setattr(missed_rows, "KEYS_PER_STATEMENT", 2)
    monkeypatch.setattr(missed_rows, "_MOST_KEYS", 5)
    for seat in range(5, 10):
        reads.source.put(seat, moved=2)
    reads.read(11)
    assert [seat for _, seat, _ in reads.seats()] == [5, 6, 7, 8, 9]
    assert [") IN (VALUES" in sql for sql in reads.asked] == [False, False, True, True, True]
    for seat in range(10, 16):
        reads.source.put(seat, moved=2)
    reads.read(12)
    assert [seat for _, seat, _ in reads.seats()] == [10, 11, 12, 13, 14, 15]
    assert [sql.rstrip().endswith('FROM "seats"') for sql in reads.asked] == [True, False, True]
    monkeypatch.setattr(deletes, "KEYS_PER_STATEMENT", 2)
    for seat in range(10, 13):
        reads.source.drop(seat)
    reads.read(13)
    assert reads.gone() == [(1, 10), (1, 11), (1, 12)]
    assert reads.asked[-1].rstrip().endswith('FROM "seats"')


def test_a_backfill_reads_a_range_and_leaves_the_rest(reads: Reads) -> None:
    source = reads.source
    source.put(5, moved=2, sold=5)
    reads.read(11)
    for seat in (1, 2, 3, 4, 5):
        source.change(seat, 7)
    source.put(6, moved=9.9, sold=9.9)
    source.put(7, moved=5.5, sold=9.9)
    before = reads.last
    table = reads.read(12, backfill=(5, 6))
    assert reads.seats() == [(1, 5, 7), (1, 7, 1)]
    assert before and (table.window_upper, table.overlap_start, table.newest_cursor) == (
        before.window_upper,
        before.overlap_start,
        before.newest_cursor,
    )
    assert (table.complete, table.deletes, table.replaced_from) == (False, (), None)
    assert table.proof and (table.proof.rows, table.proof.window_rows) == (7, 2)
    assert reads.state("recent", "seat, price") == [(3, 1), (4, 1)]
    reads.read(13)
    assert reads.seats() == [(1, 3, 7), (1, 4, 7), (1, 6, 1)]


def test_a_backfill_whose_rows_are_lost(reads: Reads) -> None:
    reads.source.lost = {ROWS: [2]}
    assert "in the window from 2024-01-02 00:00:00 up to 2024-01-03 00:00:00 UTC" in lost(reads, backfill=(2, 2))


def test_a_backfill_asks_for_what_left_its_range(reads: Reads) -> None:
    reads.source.change(2, 7, moved=1.5)
    reads.source.execute("UPDATE seats SET sold_at = ? WHERE seat = 2", str(day(1.2)))
    reads.read(11, backfill=(2, 2))
    assert reads.seats() == [(1, 2, 7)]


def test_a_snapshot_with_a_key(source: Source, engine: DuckDbEngine, tmp_path: Path) -> None:
    reads = Reads(tmp_path, engine, source)
    for seat in (1, 2, 3):
        source.put(seat)
    assert reads.read(5, SNAPSHOT).complete
    source.change(2, 7)
    source.put(4)
    source.put(1, hall=2)
    source.drop(3)
    table = reads.read(6, SNAPSHOT)
    assert (table.complete, table.held, table.newest_cursor) == (False, 4, None)
    assert (reads.seats(), reads.gone()) == ([(1, 2, 7), (1, 4, 1), (2, 1, 1)], [(1, 3)])
    table = reads.read(7, SNAPSHOT)
    assert (table.files, table.deletes, table.held) == ((), (), 4)
    source.lost = {ROWS: [1]}
    assert "hall 1, seat 1." in lost(reads, mode=SNAPSHOT)
    source.lost = {CENSUS: [2], ROWS: [2]}
    assert "hall 1, seat 2." in lost(reads, mode=SNAPSHOT)
    source.changes = {ROWS: lambda: source.drop(2)}
    reads.read(8, SNAPSHOT)
    assert reads.gone() == [(1, 2)]


def test_a_snapshot_with_several_rows_for_a_key(doubled: Source, engine: DuckDbEngine, tmp_path: Path) -> None:
    reads = Reads(tmp_path, engine, doubled)
    for seat in (1, 1, 2, 2):
        doubled.put(seat)
    doubled.execute("INSERT INTO seats (hall, price) VALUES (9, 1), (9, 2)")
    reads.read(5, SNAPSHOT)
    assert reads.read(6, SNAPSHOT).files == ()
    doubled.put(1)
    reads.read(7, SNAPSHOT)
    assert reads.seats() == [(1, 1, 1)] * 3
    doubled.execute("UPDATE seats SET price = 3 WHERE rowid = 3")
    reads.read(8, SNAPSHOT)
    assert reads.seats() == [(1, 2, 1), (1, 2, 3)]
    doubled.execute("UPDATE seats SET price = 3 WHERE price = 2")
    table = reads.read(9, SNAPSHOT)
    assert (reads.seats(), table.deletes) == ([(9, None, 1), (9, None, 3)], ())


@pytest.fixture
def events(doubled: Source, engine: DuckDbEngine, tmp_path: Path) -> Reads:
    """Events of the 1st, two alike of the 9th, one without a moment, read up to the 10th."""
    reads = Reads(tmp_path, engine, doubled, EVENTS)
    for seat, sold in ((1, 1), (2, 9.5), (2, 9.5), (3, None)):
        doubled.put(seat, sold=sold)
    table = reads.read(10)
    assert (table.complete, table.held, len(reads.seats())) == (True, 4, 4)
    return reads


def test_events_are_read_each_as_often_as_it_is_new(events: Reads) -> None:
    assert events.state("days", "CAST(day AS VARCHAR), _rows") == [("2024-01-01", 1), ("2024-01-09", 2), (None, 1)]
    assert events.read(11).files == ()
    events.source.put(2, sold=9.5)
    events.source.put(2, 5, sold=9.5)
    events.source.put(4, sold=10.5)
    events.source.put(5, sold=2)  # from before the overlap: no read looks there
    table = events.read(12)
    assert (events.seats(), table.held) == ([(1, 2, 1), (1, 2, 5), (1, 4, 1)], 7)
    assert events.state("days", "CAST(day AS VARCHAR), _rows")[1:3] == [("2024-01-09", 4), ("2024-01-10", 1)]
    assert events.state("recent", "seat") == [(2,)] * 4 + [(3,), (4,)]
    assert table.proof and (table.proof.rows, table.proof.window_rows) == (6, 5)
    assert (table.window_lower, table.overlap_start, table.deletes) == (day(8.5), day(9.5), ())


def test_events_that_are_lost(events: Reads) -> None:
    events.source.lost = {1: [2]}
    assert "2 rows did not arrive." in lost(events)
    events.source.lost = {1: [2, 3]}
    assert events.read(11).held == 4  # a statement that brings nothing brings no count: it is asked again
    events.source.lost = {1: [2, 3], 2: [2, 3]}
    assert "3 rows did not arrive." in lost(events, 12)


def test_emptied_events(events: Reads) -> None:
    events.source.execute("DELETE FROM seats WHERE seat <> 1")
    assert events.read(11).held == 4
    events.source.execute("DELETE FROM seats")
    assert events.read(12).held == 4  # what the overlap held was gone before


def test_events_that_are_all_gone(events: Reads) -> None:
    events.source.execute("DELETE FROM seats")
    assert events.read(11).held == 0


def test_a_backfill_of_events_replaces_a_range(events: Reads) -> None:
    source = events.source
    source.execute("DELETE FROM seats WHERE rowid = 2")
    source.put(4, sold=9)
    source.put(5, sold=8.9)
    source.put(6, sold=10)
    table = events.read(11, backfill=(9, 9))
    assert events.seats() == [(1, 2, 1), (1, 4, 1)]
    assert (table.replaced_from, table.replaced_to, table.replaced_rows) == (day(9), day(10), 2)
    assert (table.window_upper, table.newest_cursor, table.held) == (day(10), day(9.5), 4)
    assert events.state("days", "CAST(day AS VARCHAR), _rows") == [("2024-01-01", 1), ("2024-01-09", 2), (None, 1)]
    assert events.state("recent", "seat") == [(2,), (3,), (4,)]
    events.read(12)
    assert events.seats() == [(1, 5, 1), (1, 6, 1)]


def test_a_table_without_key_and_moment(doubled: Source, engine: DuckDbEngine, tmp_path: Path) -> None:
    reads = Reads(tmp_path, engine, doubled, WHOLE)
    for seat in (1, 1, 2):
        doubled.put(seat)
    assert reads.read(5).complete
    table = reads.read(6)
    assert (table.complete, table.files, table.held) == (False, (), 3)
    assert table.proof and table.proof.key_hash != f"{0:016x}"
    doubled.execute("DELETE FROM seats WHERE rowid = 1")
    table = reads.read(7)
    assert (table.complete, reads.seats(), table.held) == (True, [(1, 1, 1), (1, 2, 1)], 2)
    doubled.lost = {1: [1]}
    assert "1 row did not arrive." in lost(reads, 8)
    doubled.execute("DELETE FROM seats")
    table = reads.read(9)
    assert (table.complete, table.files, table.held) == (True, (), 0)


def test_what_has_no_key_is_read_and_not_counted(doubled: Source, engine: DuckDbEngine, tmp_path: Path) -> None:
    reads = Reads(tmp_path, engine, doubled, CONTRACT)
    doubled.put(1)
    doubled.execute("INSERT INTO seats (hall, price, moved_at) VALUES (9, 1, ?)", str(day(9.5)))
    table = reads.read(10)
    assert (reads.seats(), table.held) == ([(1, 1, 1), (9, None, 1)], 1)
    assert reads.read(11).files == ()
