"""A load that is due, and files of it that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from rental_analytics.monitoring.events import EventStream
from rental_analytics.runners.local import LocalRunner, RunOptions
from rental_analytics.settings import load_settings
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.load.step import run_curated, run_raw
from rental_analytics.wiring import assembled
from runs.harness import Source
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import READ, Redshift, same_staging_names

if TYPE_CHECKING:
    from servers.postgresql import PostgreSQL

LONG = "x" * 40_000
"""Two of them in one row are more than a text in Redshift may have."""
STEPS = {"load-raw": "extract", "load-curated": "transform"}
ATTRIBUTES = {
    "category": "apartment",
    "body": "A body",
    "amenities": "Pool",
    "bathrooms": "1.5",
    "bedrooms": 2,
    "square_feet": 500,
    "cityname": "Austin",
    "state": "TX",
    "latitude": "30.1",
    "longitude": "-97.7",
    "price_type": "Monthly",
}


class Marketplace:
    """A lake with a run that is loaded, and a second one that is to be; each load works on a copy."""

    def __init__(self, folder: Path, s3: S3Server, postgresql: PostgreSQL, stand_in: RedshiftStandIn) -> None:
        self._folder, self.s3, self._postgresql, self._stand_in = folder, s3, postgresql, stand_in
        self._bucket = s3.create_bucket()
        source = Source.sqlite(folder / "marketplace.db")
        source.create(optional=True)
        self._url = source.url
        self._pipeline = Redshift(folder / "first", self._url, f"s3://{self._bucket}/lake", stand_in)
        _begin(source)
        self._pipeline.run("quality.max_deleted_share=1", steps=(*READ, *STEPS), run_id="first")
        _change(source)
        self._pipeline.run("quality.max_deleted_share=1", steps=READ, run_id="second")

    @contextmanager
    def due(self) -> Iterator[Due]:
        """A copy of lake and warehouse in which the loads of the second run are due."""
        bucket = self.s3.create_bucket()
        with closing(self.s3.client()) as client, ExitStack() as stack:
            for item in client.list_objects_v2(Bucket=self._bucket)["Contents"]:
                source = {"Bucket": self._bucket, "Key": item["Key"]}
                client.copy_object(Bucket=bucket, Key=item["Key"], CopySource=source)
            pipeline = Redshift(self._folder / bucket, self._url, f"s3://{bucket}/lake", self._stand_in)
            pipeline.database = self._postgresql.create_database(self._pipeline.database)
            pipeline.settings = (
                f"lake.url=s3://{bucket}/lake",
                f"warehouse.url=redshift://test-workgroup/{pipeline.database}",
            )
            yield Due(pipeline, client, bucket, stack)


class Due:
    """Loads of the second run, which may be tried again and again as long as they fail."""

    def __init__(self, pipeline: Redshift, client: Any, bucket: str, stack: ExitStack) -> None:
        self.pipeline = pipeline
        self.loaded = False
        self._client, self._bucket = client, bucket
        self._parts = stack.enter_context(assembled(load_settings(pipeline.folder / "rental.toml", pipeline.settings)))
        self._seen = stack.enter_context(pipeline.stand_in.connect(pipeline.database))
        self.rows_before = self.rows()

    def load(self, step: str) -> None:
        """Continue the run with the step."""
        with same_staging_names():
            LocalRunner(self._parts, EventStream(self.pipeline)).run(RunOptions(steps=(step,), resume="second"))
        self.loaded = True

    def attempt(self, step: str) -> None:
        """Do the step alone, without what a run does before and after."""
        run = self._parts.manifests.find_run("second")
        context = StepContext(run=run, events=EventStream(self.pipeline), **vars(self._parts))
        with same_staging_names():
            (run_raw if step == "load-raw" else run_curated)(context)
        self.loaded = True

    def copies(self) -> int:
        """COPY statements that reached the warehouse."""
        received = self.pipeline.stand_in.statements[self.pipeline.database]
        return sum(text.lstrip().startswith("COPY ") for text in received)

    def rows(self) -> list[tuple[Any, ...]]:
        """A hash of each table a load changes."""
        tables = self._seen.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables "
            "WHERE schemaname IN ('raw_data', 'curated') AND tablename <> 'calendar' ORDER BY 1"
        ).fetchall()
        names = [
            *(name for (name,) in tables),
            "ops.rejected_rows",
            "ops.row_accounting",
            "ops.check_results",
            "ops.loads",
        ]
        hashed = (
            f"SELECT '{name}', COUNT(*), md5(string_agg(one::text, '|' ORDER BY one::text)) FROM {name} AS one"
            for name in names
        )
        return self._seen.execute(" UNION ALL ".join(hashed).encode()).fetchall()

    def read(self, path: str) -> bytes:
        """An object of the lake."""
        return bytes(self._client.get_object(Bucket=self._bucket, Key=f"lake/{path}")["Body"].read())

    def write(self, path: str, content: bytes | None) -> None:
        """Put an object in the lake past everything that guards it, or take it away."""
        key = {"Bucket": self._bucket, "Key": f"lake/{path}"}
        if content is None:
            self._client.delete_object(**key)
        else:
            self._client.put_object(**key, Body=content)

    @contextmanager
    def files(self, step: str, table: str, kind: str) -> Iterator[Files]:
        """Files of a table, to be spoiled; they are as before at the end of the block."""
        files = Files(self, STEPS[step], table, kind)
        try:
            yield files
        finally:
            for path, content in files.before.items():
                self.write(path, content)


class Files:
    """Files that a manifest names for a table."""

    def __init__(self, due: Due, step: str, table: str, kind: str) -> None:
        self._due = due
        self._manifest = f"runs/second/{step}.json"
        self._table, self._kind = table, kind
        self.before: dict[str, bytes | None] = {self._manifest: due.read(self._manifest)}
        (file,) = self._told()[1]
        self.path: str = file["path"]
        self.content = self.before[self.path] = due.read(self.path)

    def other(self, table: str) -> bytes:
        """Content of the file of the same kind that another table has."""
        (file,) = self._told(table)[1]
        return self._due.read(file["path"])

    def put(self, content: bytes | None) -> None:
        """Put other content, or none, in the place of the file; the manifest has no checksums, as in old lakes."""
        self._due.write(self.path, content)
        self._write(*self._told())

    def replace(self, content: bytes) -> None:
        """Put other content in the place of the file, and leave the manifest as it is."""
        self._due.write(self.path, content)

    def tell(self, *, size: int | None = None, rows: int | None = None) -> None:
        """Let the manifest tell something else of the last file."""
        manifest, files = self._told()
        files[-1] |= {name: value for name, value in (("bytes", size), ("rows", rows)) if value is not None}
        self._write(manifest, files)

    def add(self, content: bytes, rows: int) -> None:
        """Another file behind the one there is, which the manifest names."""
        path = self.path.replace("-0.parquet", "-1.parquet")
        self.before[path] = None
        self._due.write(path, content)
        manifest, files = self._told()
        files.append({"path": path, "bytes": len(content), "rows": rows})
        self._write(manifest, files)

    def _write(self, manifest: Any, files: list[dict[str, Any]]) -> None:
        manifest.pop("checksum", None)
        for file in files:
            file.pop("checksum", None)
            file.pop("version", None)
        self._due.write(self._manifest, json.dumps(manifest).encode())

    def _told(self, table: str | None = None) -> tuple[Any, list[dict[str, Any]]]:
        manifest = json.loads(self._due.read(self._manifest))
        return manifest, manifest["tables"][table or self._table][self._kind]


Spoil = Callable[[Files], None]


def rewritten(content: bytes, change: Callable[[pa.Table], pa.Table], **options: Any) -> bytes:
    """A Parquet file with other rows or columns."""
    sink = BytesIO()
    pq.write_table(change(pq.read_table(BytesIO(content))), sink, **options)
    return sink.getvalue()


def _begin(source: Source) -> None:
    source.insert("apartments", *({"id": number} for number in range(1, 7)), {"id": 7, "price": "-5"})
    source.insert("apartment_attributes", *({"id": number, **ATTRIBUTES} for number in range(1, 4)))
    source.insert("user_viewing", {"id": 1}, {"id": 2, "user_id": 8})
    source.insert(
        "bookings", *({"booking_id": number} for number in range(1, 7)), {"booking_id": 7, "total_price": "-1"}
    )


def _change(source: Source) -> None:
    """New rows, changed ones, some that are rejected now, and some that vanish."""
    moment = "2024-05-01 00:00:00.000000"
    source.execute("DELETE FROM apartments WHERE id = 3")
    source.execute("DELETE FROM bookings WHERE booking_id = 3")
    long = f"title = '{LONG}', source = '{LONG}'"
    source.execute(f"UPDATE apartments SET {long}, price = '-7', last_modified_timestamp = '{moment}' WHERE id = 2")
    source.execute(f"UPDATE bookings SET total_price = '-7', updated_at = '{moment}' WHERE booking_id = 2")
    source.insert("apartments", *({"id": number, "last_modified_timestamp": moment} for number in range(11, 14)))
    late = {"last_modified_timestamp": moment}
    source.insert("apartment_attributes", *({"id": number, **ATTRIBUTES, **late} for number in range(11, 14)))
    source.insert("bookings", *({"booking_id": number, "updated_at": moment} for number in range(11, 14)))
    source.insert("user_viewing", *({"id": number, "viewed_at": moment} for number in range(11, 14)))
