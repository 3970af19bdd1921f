"""Rows dropped on purpose between the source and the lake: every single run notices, and nothing of it counts."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.databases import arrow_stream
from rental_analytics.databases.base import Database
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import ProofError, RentalError
from rental_analytics.steps.extract import step as extract
from rental_analytics.storage.base import Lake
from runs.harness import REQUIRED, Pipeline, Source
from servers.mysql import MySqlServer
from support.breadth import examples

if TYPE_CHECKING:
    import pyarrow as pa

Reading = Callable[[Database, str], AbstractContextManager["pa.RecordBatchReader"]]

ROW = "a row of the stream"
ROW_FOR_GOOD = "a row of the stream, as often as it is asked for"
LATE_ROW = "a row that is asked for by its key"
BATCH = "a batch of the stream"
FILE_ROW = "a row of a file"
FILE = "a file"
PLACES = (ROW, ROW_FOR_GOOD, BATCH, FILE_ROW, FILE, LATE_ROW)
TABLES = ("apartments", "apartment_attributes", "bookings", "user_viewing")
CURSORS = {
    "apartments": ("id", "last_modified_timestamp", "title"),
    "apartment_attributes": ("id", "last_modified_timestamp", "cityname"),
    "bookings": ("booking_id", "updated_at", "num_guests"),
}
COMPARED = {
    "apartments": ("id, title", "listing_id, title", "listings"),
    "apartment_attributes": ("id, cityname", "listing_id, city", "listing_attributes"),
    "bookings": ("booking_id, num_guests", "booking_id, guests", "bookings"),
    "user_viewing": ("user_id, apartment_id", "user_id, listing_id", "viewings"),
}


@dataclass
class Loss:
    """Takes one thing of one table away, the first time there is one, and remembers it."""

    table: str
    place: str
    chance: random.Random
    taken: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.place} of {self.table}: {self.taken}"

    def concerns(self, sql: str) -> bool:
        """Not statements for keys and cursors alone: those that read rows select all columns."""
        text = sql.replace("`", '"')
        reads_table = re.search(f'FROM ("[^"]+"\\.)?"{self.table}"', text)
        reads_rows = reads_table and all(f'"{name}"' in text for name in REQUIRED[self.table])
        return bool(reads_rows) and (self.place != LATE_ROW or ") IN (" in text)

    def of_stream(self, batches: Iterable[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """What is left of the batches of a statement that reads rows."""
        kept = [batch for batch in batches if batch.num_rows]
        if self.taken and self.place == ROW_FOR_GOOD:
            return [_filtered(batch, lambda row: row != self.taken[0]) for batch in kept]
        if self.taken or not kept:
            return kept
        place = self.chance.randrange(len(kept))
        batch = kept.pop(place)
        if self.place == BATCH:
            self.taken.append(batch.to_pylist())
            return kept
        self.taken.append(self.chance.choice(batch.to_pylist()))
        rows = iter(range(batch.to_pylist().index(self.taken[0]), -1, -1))
        kept.insert(place, _filtered(batch, lambda _row: next(rows, None) != 0))
        return kept

    def of_folder(self, folder: Path) -> None:
        """Take a row out of a file of a folder that is about to be published, or the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = sorted(file for file in folder.glob("*.parquet") if not file.name.startswith("deletes-"))
        if self.taken or not files:
            return
        file = self.chance.choice(files)
        self.taken.append(file.name)
        if self.place == FILE:
            file.unlink()
        else:
            rows = pq.read_table(file, partitioning=None)
            place = self.chance.randrange(rows.num_rows)
            pq.write_table(pa.concat_tables([rows.slice(0, place), rows.slice(place + 1)]), file)


def _filtered(batch: pa.RecordBatch, keep: Callable[[dict[str, Any]], bool]) -> pa.RecordBatch:
    import pyarrow as pa

    return batch.filter(pa.array([keep(row) for row in batch.to_pylist()], pa.bool_()))


@contextmanager
def losing(loss: Loss) -> Iterator[None]:
    """Let something get lost while the block runs."""
    writing = Lake.writing

    @contextmanager
    def lossy_writing(self: Lake, prefix: str) -> Iterator[Path]:
        with writing(self, prefix) as folder:
            yield folder
            if prefix.startswith(f"raw/{loss.table}/"):
                loss.of_folder(folder)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrow_stream, "BATCH_ROWS", 3)
        if loss.place in {FILE_ROW, FILE}:
            patched.setattr(Lake, "writing", lossy_writing)
        else:
            patched.setattr(SqliteDatabase, "read", _lossy(SqliteDatabase.read, loss))
            patched.setattr(MySqlDatabase, "read", _lossy(MySqlDatabase.read, loss))
        yield


def _lossy(read: Reading, loss: Loss) -> Reading:
    @contextmanager
    def lossy_read(self: Database, sql: str, key: Sequence[str] = ()) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa

        with read(self, sql, key) as reader:
            if loss.concerns(sql):
                yield pa.RecordBatchReader.from_batches(reader.schema, loss.of_stream(reader))
            else:
                yield reader

    return lossy_read


def fill(source: Source, numbers: range, day: int) -> None:
    """Rows with these keys, five minutes apart: some in the overlap of the newest, most not."""
    moments = {number: f"2024-03-{day:02} 10:{5 * place:02}:00.000000" for place, number in enumerate(numbers)}
    for table, (key, cursor, column) in CURSORS.items():
        source.insert(table, *({key: number, cursor: at, column: number} for number, at in moments.items()))
    source.insert(
        "user_viewing", *({"user_id": n // 2, "apartment_id": 1, "viewed_at": at} for n, at in moments.items())
    )


def move_on(source: Source, day: int) -> None:
    """Changed rows, new ones, one that comes late with an old cursor, one that is gone."""
    for table, (key, cursor, column) in CURSORS.items():
        changed = f"{column} = {70 + day}, {cursor} = '2024-03-{day:02} 11:30:00.000000'"
        source.execute(f"UPDATE {table} SET {changed} WHERE {key} IN (3, 5, 7)")
        source.execute(f"DELETE FROM {table} WHERE {key} = {day + 7}")
        source.insert(table, {key: 1000 + day, cursor: "2024-01-01 00:00:00.000000", column: day})
    fill(source, range(100 * day, 100 * day + 8), day)


@contextmanager
def reading_only(table: str) -> Iterator[None]:
    """Let runs read no other table."""
    plan_reads = extract.plan_reads
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            extract, "plan_reads", lambda context: [plan for plan in plan_reads(context) if plan.table.name == table]
        )
        yield


def problem(pipeline: Pipeline, loss: Loss, *, whole: bool) -> str | None:
    """What is wrong with how a run takes a loss, or that part of a run which reads the table."""
    with losing(loss), nullcontext() if whole else reading_only(loss.table):
        try:
            if whole:
                pipeline.load()
            else:
                pipeline.extract()
        except RentalError as error:
            failed = error
        else:
            return f"{loss}: the run did not fail"
    if failed.run_id is None:
        return f"{loss}: the run did not begin: {failed}"
    folder = pipeline.folder / "lake" / "runs" / failed.run_id
    upper_bound = json.loads((folder / "run.json").read_text())["upper_bound"].replace("T", " ")
    right = {
        "something was lost": bool(loss.taken),
        "the error is one of the proof, and ends the program with 1": type(failed) is ProofError
        and failed.exit_code == 1,
        "it names the table": failed.table == loss.table and f"Table {loss.table} " in failed.message,
        "it names the window": f"up to {upper_bound}" in failed.message,
        "nothing was committed": {file.name for file in folder.iterdir()} <= {"run.json", "records"},
    }
    wrong = [f"not true that {claim}" for claim, holds in right.items() if not holds]
    return f"{loss}: {'; '.join(wrong)}: {type(failed).__name__} {failed}" if wrong else None


@pytest.fixture
def source(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Source:
    if kind == "sqlite":
        made = Source.sqlite(tmp_path / "marketplace.db")
    else:
        server: MySqlServer = request.getfixturevalue("mysql")
        made = Source.mysql(server)
    made.create(optional=True)
    fill(made, range(1, 13), day=1)
    return made


DAYS = 3


@pytest.mark.parametrize(
    ("kind", "trials", "snapshots"),
    [
        pytest.param("mysql", range(12), False, marks=pytest.mark.service),
        pytest.param("sqlite", range(12, 24), False, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
        pytest.param("sqlite", examples(range(12, 24), range(24)), True, marks=pytest.mark.slow),
    ],
)
def test_each_run_that_loses_rows_fails_and_leaves_nothing(
    source: Source, kind: str, trials: range, snapshots: bool, tmp_path: Path
) -> None:
    """A third of the trials before the first run that succeeds, and before each of two increments.

    Each run of the suite tries every kind of loss in every table, in two as they are usually read and in two that are
    read whole; `make matrix` tries them in both ways.
    """
    chance = random.Random(f"{trials} {snapshots}")
    modes = [f"tables.{table}.mode=snapshot" for table in TABLES if snapshots]
    pipeline = Pipeline(tmp_path / "run", source.url, *modes, "quality.max_deleted_share=1")
    left = iter(trials)
    for day in range(1, DAYS + 1):
        if day > 1:
            move_on(source, day)
        before = pipeline.tables("raw_data", "curated") if day > 1 else {}
        losses = [drawn(next(left), chance, snapshots=snapshots) for _ in range(len(trials) // DAYS)]
        told = [problem(pipeline, loss, whole=place == 0) for place, loss in enumerate(losses)]
        problems = list(filter(None, told))
        assert not problems, "\n".join(problems)
        assert pipeline.tables("raw_data", "curated") == before
        pipeline.load()
        assert differences(source, pipeline) == {}


def drawn(trial: int, chance: random.Random, *, snapshots: bool) -> Loss:
    """Each kind of loss in each table in turn; which of its rows is drawn."""
    place = PLACES[trial % len(PLACES)]
    number = trial // len(PLACES)
    if place == LATE_ROW and not snapshots:
        # No other tables have keys that are asked for; that trial is never before the first run.
        return Loss(list(CURSORS)[number % len(CURSORS)], place, chance)
    return Loss(TABLES[number % len(TABLES)], ROW if place == LATE_ROW else place, chance)


def differences(source: Source, pipeline: Pipeline) -> dict[str, Any]:
    """Rows that are not as often in a table as in the source."""
    found = {}
    for table, (columns, curated_columns, curated) in COMPARED.items():
        wanted = Counter(source.execute(f"SELECT {columns} FROM {table}"))
        flag = "" if table == "user_viewing" else "is_deleted"
        for sql in (
            f"SELECT {columns} FROM raw_data.{table}" + (f" WHERE NOT _{flag}" if flag else ""),
            f"SELECT {curated_columns} FROM curated.{curated}" + (f" WHERE NOT {flag}" if flag else ""),
        ):
            there = Counter(pipeline.rows(sql))
            found[sql] = (wanted - there, there - wanted)
    return {sql: counts for sql, counts in found.items() if any(counts)}
