"""Files that are not what their manifest and their contract say are refused before anything is copied."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet as pq

from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from runs.harness import failure
from servers.postgresql import PostgreSQL
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from support.breadth import examples, sampled
from warehouses.mismatches import LONG, Due, Files, Marketplace, Spoil, rewritten
from warehouses.twins import reaching

pytestmark = pytest.mark.service

RAW, CURATED = "load-raw", "load-curated"
OTHER = "is not the file its manifest names: "
OTHER_BYTES = "bytes and not "
OTHER_ROWS = "rows and not "
AS_WRITTEN = "restore the file as the run wrote it, or run `rental run --full-refresh`."
LONGEST = "shorten the value in the source, then `rental run --full-refresh`; Redshift takes 65,535 bytes at most."


@dataclass(frozen=True)
class Case:
    """How files are spoiled, and what the error has to say beside the table."""

    name: str
    step: str
    table: str
    spoil: Spoil
    told: tuple[str, ...]
    kind: str = "files"
    remedy: str = AS_WRITTEN
    again: bool = False

    @property
    def relation(self) -> str:
        """The table of the warehouse the error has to name."""
        if self.kind == "rejected_files":
            return "ops.rejected_rows"
        return f"{'raw_data' if self.step == RAW else 'curated'}.{self.table}"


def replaced(files: Files) -> None:
    """Other rows in a valid file of the same shape, of which the manifest knows nothing."""
    files.replace(rewritten(files.content, lambda table: table.take([0] * table.num_rows)))


def changed(change: Callable[[pa.Table], pa.Table], **options: Any) -> Spoil:
    """Other rows or columns, and a manifest that knows of them."""

    def spoil(files: Files) -> None:
        content = rewritten(files.content, change, **options)
        files.put(content)
        files.tell(size=len(content), rows=pq.read_metadata(BytesIO(content)).num_rows)

    return spoil


def swapped(one: str, other: str) -> Spoil:
    def change(table: pa.Table) -> pa.Table:
        names = {one: other, other: one}
        return table.select([names.get(name, name) for name in table.column_names])

    return changed(change)


def without(*names: str) -> Spoil:
    return changed(lambda table: table.drop_columns(list(names)))


def renamed(one: str, new: str) -> Spoil:
    return changed(lambda table: table.rename_columns({one: new}))


def added(name: str) -> Spoil:
    return changed(lambda table: table.append_column(name, pa.nulls(len(table), pa.string())))


def typed(name: str, kind: pa.DataType) -> Spoil:
    return changed(lambda table: with_column(table, name, pa.nulls(len(table), kind)))


def cast(name: str, kind: pa.DataType) -> Spoil:
    return changed(lambda table: with_column(table, name, table[name].cast(kind)))


def text(name: str, value: str, **options: Any) -> Spoil:
    """The last row has a text."""
    return changed(lambda table: with_column(table, name, last(table[name], value)), **options)


def lacking(name: str, **options: Any) -> Spoil:
    """The last row has no value."""
    return changed(lambda table: with_column(table, name, last(table[name], None)), **options)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def last(column: Any, value: Any) -> Any:
    is_last = pc.equal(pa.array(range(len(column))), len(column) - 1)
    return pc.if_else(is_last, pa.scalar(value, column.type), column)


def second(change: Callable[[pa.Table], pa.Table]) -> Spoil:
    """Two files, of which the second is another one."""
    return lambda files: files.add(rewritten(files.content, change), len(change(pq.read_table(BytesIO(files.content)))))


def told(*, size: int = 0, rows: int = 0) -> Spoil:
    """A manifest that tells so much more of the file."""

    def spoil(files: Files) -> None:
        metadata = pq.read_metadata(BytesIO(files.content))
        files.tell(size=len(files.content) + size, rows=metadata.num_rows + rows)

    return spoil


def bytes_of(change: Callable[[bytes], bytes], *, is_told: bool = False) -> Spoil:
    """Other bytes, which the manifest may know of."""

    def spoil(files: Files) -> None:
        content = change(files.content)
        files.put(content)
        if is_told:
            files.tell(size=len(content))

    return spoil


def of_other(table: str) -> Spoil:
    """The file of another table."""

    def spoil(files: Files) -> None:
        content = files.other(table)
        files.put(content)
        files.tell(size=len(content), rows=pq.read_metadata(BytesIO(content)).num_rows)

    return spoil


def gone(files: Files) -> None:
    files.put(None)


def broken_footer(content: bytes) -> bytes:
    """What tells a Parquet file stays; what tells its columns does not."""
    length = int.from_bytes(content[-8:-4], "little")
    return content[: -8 - length] + b"\xfe" * length + content[-8:]


def broken_pages(content: bytes) -> bytes:
    """The footer stays."""
    length = int.from_bytes(content[-8:-4], "little") + 8
    return content[:4] + b"\xff" * (len(content) - length - 4) + content[-length:]


def null_remedy(name: str) -> str:
    return f"correct what makes {name} NULL, or let it be NULL in the contract, then `rental run --full-refresh`."


def longer_remedy(table: str, column: str, size: int) -> str:
    return (
        f"raise max_bytes of {column} in models/curated/{table}/model.yaml to at least {size} (65535 at most), or "
        "shorten the value in the source, then start a new run."
    )


HOUSE = "\N{HOUSE BUILDING}"
NO_FILE = "is no Parquet file that can be read ("

CASES = [
    # Columns
    Case("two of one type change places", RAW, "bookings", swapped("user_id", "apartment_id"),
         ("Column 2 of s3://", "is apartment_id, and column 2 of raw_data.bookings is user_id")),
    Case("two of other types change places", RAW, "apartments", swapped("title", "price"),
         ("Column 2 of s3://", "is price, and column 2 of raw_data.apartments is title")),
    Case("two dates change places", CURATED, "bookings", swapped("checkin_date", "checkout_date"),
         ("Column 5 of s3://", "is checkout_date, and column 5 of curated.bookings is checkin_date"), again=True),
    Case("two prices change places", CURATED, "listings", swapped("price", "reporting_price"),
         ("is reporting_price, and column 4 of curated.listings is price",)),
    Case("two coordinates change places", CURATED, "listing_attributes", swapped("latitude", "longitude"),
         ("is longitude, and column", "of curated.listing_attributes is latitude")),
    Case("two technical ones change places", RAW, "user_viewing", swapped("_row_id", "_run_id"),
         ("is _run_id, and column 7 of raw_data.user_viewing is _row_id",)),
    Case("two texts of rejected rows change places", CURATED, "listings", swapped("rules", "row_json"),
         ("is row_json, and column 4 of ops.rejected_rows is rules",), "rejected_files", again=True),
    Case("one is missing", RAW, "bookings", without("currency"),
         ("has other columns than raw_data.bookings: it lacks currency;",)),
    Case("the last is missing", RAW, "apartments", without("_is_deleted"), ("it lacks _is_deleted;",)),
    Case("several are missing", CURATED, "bookings", without("stay_nights", "lead_days"),
         ("it lacks stay_nights, lead_days;",)),
    Case("one is missing in a table of versions", CURATED, "listing_versions", without("reporting_price"),
         ("it lacks reporting_price;",)),
    Case("one of rejected rows is missing", CURATED, "bookings", without("row_key"), ("it lacks row_key;",),
         "rejected_files"),
    Case("one is added", RAW, "user_viewing", added("device"), ("it adds device;",)),
    Case("one is added to a curated table", CURATED, "listings", added("is_deleted"), ("it adds is_deleted;",)),
    Case("one comes twice", CURATED, "viewings",
         changed(lambda table: table.append_column("viewed_at", table["viewed_at"])), ("it adds viewed_at;",)),
    Case("one is added to deletes", CURATED, "bookings", added("user_id"), ("it adds user_id;",), "deletes"),
    Case("one is added to withdrawn keys", CURATED, "listings", added("title"), ("it adds title;",), "withdrawn"),
    Case("one has another name", CURATED, "bookings", renamed("status", "state"),
         ("it lacks status and it adds state;",)),
    Case("one has capitals", RAW, "apartments", renamed("price", "Price"), ("it lacks price and it adds Price;",)),
    Case("the key of deletes has another name", CURATED, "listings", renamed("listing_id", "id"),
         ("it lacks listing_id and it adds id;",), "deletes"),
    # Types
    Case("digits", RAW, "apartments", cast("price", pa.decimal128(14, 2)),
         ("Column price of s3://", "is decimal128(14, 2), and DECIMAL(12,2) in raw_data.apartments;")),
    Case("fewer digits", CURATED, "bookings", cast("total_price", pa.decimal128(12, 2)),
         ("Column total_price of s3://", "is decimal128(12, 2), and DECIMAL(18,2) in curated.bookings;")),
    Case("scale", RAW, "bookings", typed("total_price", pa.decimal128(12, 3)),
         ("Column total_price of s3://", "is decimal128(12, 3), and DECIMAL(12,2) in")),
    Case("no scale", CURATED, "listings", typed("reporting_price", pa.decimal128(18, 0)),
         ("Column reporting_price of s3://", "is decimal128(18, 0), and DECIMAL(18,2) in")),
    Case("scale in versions", CURATED, "listing_versions", typed("reporting_price", pa.decimal128(18, 6)),
         ("Column reporting_price of s3://", "is decimal128(18, 6), and DECIMAL(18,2) in")),
    Case("int32 for int64", RAW, "bookings", cast("user_id", pa.int32()),
         ("Column user_id of s3://", "is int32, and BIGINT in raw_data.bookings;")),
    Case("int32 for the int64 of deletes", CURATED, "bookings", cast("booking_id", pa.int32()),
         ("Column booking_id of s3://", "is int32, and BIGINT in curated.bookings;"), "deletes"),
    Case("int32 for the int64 of withdrawn keys", CURATED, "listings", cast("listing_id", pa.int32()),
         ("Column listing_id of s3://", "is int32, and BIGINT in curated.listings;"), "withdrawn", again=True),
    Case("int64 for int32", CURATED, "bookings", cast("stay_nights", pa.int64()),
         ("Column stay_nights of s3://", "is int64, and INTEGER in curated.bookings;")),
    Case("int16", CURATED, "listing_attributes", cast("amenity_count", pa.int16()),
         ("Column amenity_count of s3://", "is int16, and INTEGER in")),
    Case("uint64", RAW, "apartments", cast("id", pa.uint64()),
         ("Column id of s3://", "is uint64, and BIGINT in")),
    Case("uint32", CURATED, "bookings", typed("lead_days", pa.uint32()),
         ("Column lead_days of s3://", "is uint32, and INTEGER in")),
    Case("double for decimal", RAW, "bookings", cast("total_price", pa.float64()),
         ("Column total_price of s3://", "is double, and DECIMAL(12,2) in")),
    Case("double for the decimal of a curated table", CURATED, "listings", cast("price", pa.float64()),
         ("Column price of s3://", "is double, and DECIMAL(18,2) in")),
    Case("decimal for double", CURATED, "listing_attributes", cast("latitude", pa.decimal128(18, 6)),
         ("Column latitude of s3://", "is decimal128(18, 6), and DOUBLE in")),
    Case("float for double", CURATED, "listing_attributes", cast("longitude", pa.float32()),
         ("Column longitude of s3://", "is float, and DOUBLE in")),
    Case("integer for decimal", RAW, "apartment_attributes", typed("bathrooms", pa.int64()),
         ("Column bathrooms of s3://", "is int64, and DECIMAL(3,1) in")),
    Case("moment for date", RAW, "bookings", cast("checkin_date", pa.timestamp("us")),
         ("Column checkin_date of s3://", "is timestamp[us], and DATE in")),
    Case("integer for date", CURATED, "bookings", cast("checkout_date", pa.int32()),
         ("Column checkout_date of s3://", "is int32, and DATE in")),
    Case("date for moment", CURATED, "viewings", cast("viewed_at", pa.date32()),
         ("Column viewed_at of s3://", "is date32[day], and TIMESTAMP in")),
    Case("milliseconds", RAW, "apartments", typed("listing_created_on", pa.timestamp("ms")),
         ("Column listing_created_on of s3://", "is timestamp[ms], and TIMESTAMP in")),
    Case("nanoseconds", CURATED, "bookings", cast("booked_at", pa.timestamp("ns")),
         ("Column booked_at of s3://", "is timestamp[ns], and TIMESTAMP in")),
    Case("moments in 96 bits", RAW, "user_viewing", changed(lambda table: table, use_deprecated_int96_timestamps=True),
         ("Column viewed_at of s3://", "is timestamp[ns], and TIMESTAMP in")),
    Case("zone", CURATED, "listings", cast("modified_at", pa.timestamp("us", tz="UTC")),
         ("Column modified_at of s3://", "is timestamp[us, tz=UTC], and TIMESTAMP in")),
    Case("bytes for text", RAW, "apartments", cast("title", pa.binary()),
         ("Column title of s3://", "is binary, and VARCHAR in")),
    Case("bytes for the text of rejected rows", CURATED, "bookings", cast("row_json", pa.binary()),
         ("Column row_json of s3://", "is binary, and VARCHAR in"), "rejected_files"),
    Case("bytes of one length for text", CURATED, "bookings", typed("currency", pa.binary(3)),
         ("Column currency of s3://", "is fixed_size_binary[3], and VARCHAR in")),
    Case("list for text", RAW, "apartment_attributes", typed("amenities", pa.list_(pa.string())),
         ("Column amenities of s3://", "is list<element: string>, and VARCHAR in")),
    Case("integer for text", CURATED, "viewings", typed("call_to_action", pa.int64()),
         ("Column call_to_action of s3://", "is int64, and VARCHAR in")),
    Case("text for integer", RAW, "bookings", cast("apartment_id", pa.string()),
         ("Column apartment_id of s3://", "is string, and BIGINT in")),
    Case("integer for boolean", CURATED, "listings", cast("is_active", pa.int32()),
         ("Column is_active of s3://", "is int32, and BOOLEAN in")),
    Case("boolean for integer", RAW, "apartment_attributes", typed("bedrooms", pa.bool_()),
         ("Column bedrooms of s3://", "is bool, and BIGINT in")),
    # Values
    Case("few characters of many bytes", CURATED, "bookings", text("currency", HOUSE * 5),
         ("Column currency of s3://", "has a text of 20 bytes, and curated.bookings takes 16;"),
         remedy=longer_remedy("bookings", "currency", 20), again=True),
    Case("few characters of many bytes among viewings", CURATED, "viewings", text("call_to_action", HOUSE * 513),
         ("Column call_to_action of s3://", "has a text of 2,052 bytes, and curated.viewings takes 2,048;"),
         remedy=longer_remedy("viewings", "call_to_action", 2052)),
    Case("one byte too many, without statistics", CURATED, "listings",
         text("title", "x" * 8193, write_statistics=False),
         ("Column title of s3://", "has a text of 8,193 bytes, and curated.listings takes 8,192;"),
         remedy=longer_remedy("listings", "title", 8193)),
    Case("text beyond any column of a curated table", CURATED, "listings", text("source", "x" * 65_536),
         ("Column source of s3://", "has a text of 65,536 bytes, and curated.listings takes 2,048;"), remedy=LONGEST),
    Case("text beyond any column", RAW, "apartments", text("title", "x" * 65_536),
         ("Column title of s3://", "has a text of 65,536 bytes, and raw_data.apartments takes 65,535;"),
         remedy=LONGEST),
    Case("few characters beyond any column", RAW, "apartment_attributes", text("body", HOUSE * 16_384),
         ("Column body of s3://", "has a text of 65,536 bytes"), remedy=LONGEST),
    Case("key without value", CURATED, "bookings", lacking("booking_id"),
         ("Column booking_id is NULL in 1 of", "and curated.bookings takes no NULL;"),
         remedy=null_remedy("booking_id")),
    Case("price without value, without statistics", CURATED, "listings",
         lacking("reporting_price", write_statistics=False),
         ("Column reporting_price is NULL in 1 of",), remedy=null_remedy("reporting_price")),
    Case("column without any value", CURATED, "bookings", typed("status", pa.string()),
         ("Column status is NULL in",), remedy=null_remedy("status")),
    Case("run without value, without statistics", CURATED, "viewings", lacking("_run_id", write_statistics=False),
         ("Column _run_id is NULL in 1 of",), remedy=null_remedy("_run_id")),
    Case("start of a version without value", CURATED, "listing_versions", lacking("valid_from"),
         ("Column valid_from is NULL in 1 of",), remedy=null_remedy("valid_from")),
    Case("count without value", CURATED, "listing_attributes", lacking("amenity_count"),
         ("Column amenity_count is NULL in 1 of",), remedy=null_remedy("amenity_count")),
    # Objects
    Case("object is gone", RAW, "bookings", gone, ("A committed manifest names s3://", "the file is gone"),
         remedy=AS_WRITTEN, again=True),
    Case("object of rejected rows is gone", CURATED, "listings", gone, ("the file is gone",), "rejected_files",
         AS_WRITTEN),
    Case("object of deletes is gone", RAW, "apartments", gone, ("the file is gone",), "deletes",
         AS_WRITTEN),
    Case("object is another one", RAW, "bookings", replaced, (OTHER,), again=True),
    Case("object of curated rows is another one", CURATED, "listings", replaced, (OTHER,), again=True),
    Case("object of deletes is another one", RAW, "apartments", replaced, (OTHER,), "deletes"),
    Case("object of withdrawn keys is another one", CURATED, "bookings", replaced, (OTHER,), "withdrawn"),
    Case("object of rejected rows is another one", CURATED, "listings", replaced, (OTHER,), "rejected_files"),
    Case("object is empty", CURATED, "listings", bytes_of(lambda _: b""), (OTHER_BYTES,)),
    Case("object is empty, as told", CURATED, "viewings", bytes_of(lambda _: b"", is_told=True), (NO_FILE,)),
    Case("object is cut", RAW, "apartments", bytes_of(lambda content: content[:-100]),
         (OTHER_BYTES,)),
    Case("object is cut, as told", CURATED, "bookings", bytes_of(lambda content: content[:-100], is_told=True),
         (NO_FILE,)),
    Case("object of withdrawn keys is cut", CURATED, "bookings", bytes_of(lambda content: content[:-1]),
         (OTHER_BYTES,), "withdrawn"),
    Case("object of that size is no Parquet", RAW, "bookings", bytes_of(lambda content: b"x" * len(content)),
         (NO_FILE,)),
    Case("object of that size has a broken footer", CURATED, "bookings", bytes_of(broken_footer), (NO_FILE,)),
    Case("object of that size has broken pages", CURATED, "listings", bytes_of(broken_pages), (NO_FILE,)),
    Case("rejected rows of that size are no Parquet", CURATED, "bookings",
         bytes_of(lambda content: b"x" * len(content)), (NO_FILE,), "rejected_files"),
    Case("manifest tells a longer object", RAW, "user_viewing", told(size=1), (OTHER_BYTES,)),
    Case("manifest tells a shorter object", CURATED, "listing_versions", told(size=-1),
         (OTHER_BYTES,)),
    Case("manifest tells more rows", RAW, "apartments", told(rows=1),
         (OTHER_ROWS,)),
    Case("manifest tells fewer rows", CURATED, "bookings", told(rows=-1),
         (OTHER_ROWS,)),
    Case("manifest tells more rejected rows", CURATED, "listings", told(rows=2),
         (OTHER_ROWS,), "rejected_files"),
    Case("file of another raw table", RAW, "apartments", of_other("bookings"), ("it lacks id, title, source",)),
    Case("file of another curated table", CURATED, "viewings", of_other("listings"),
         ("it lacks user_id, viewed_at", "and it adds title")),
    Case("deletes of another table", CURATED, "listings", of_other("bookings"),
         ("it lacks listing_id and it adds booking_id;",), "deletes"),
    Case("second of two files lacks a column", RAW, "bookings", second(lambda table: table.drop_columns(["currency"])),
         ("-1.parquet has other columns", "it lacks currency;"), again=True),
    Case("second of two files has another type", CURATED, "bookings",
         second(lambda table: with_column(table, "guests", table["guests"].cast(pa.int32()))),
         ("Column guests of s3://", "-1.parquet is int32, and BIGINT in")),
    Case("second of two files has a long text", CURATED, "listings",
         second(lambda table: with_column(table, "currency", last(table["currency"], HOUSE * 5))),
         ("Column currency of s3://", "-1.parquet has a text of 20 bytes"),
         remedy=longer_remedy("listings", "currency", 20)),
    Case("second of two files has the same rows", CURATED, "listings", second(lambda table: table),
         ("curated.listings appear more than once in the files of one run",),
         remedy="run `rental run --full-refresh`; if it comes again, correct the key in the contract."),
    Case("second of two files has the same versions", CURATED, "listing_versions", second(lambda table: table),
         ("curated.listing_versions appear more than once in the files of one run",),
         remedy="run `rental run --full-refresh`; if it comes again, correct the key in the contract."),
]  # fmt: skip
USUAL = {
    "two of one type change places", "two texts of rejected rows change places", "one is missing",
    "several are missing", "one is added", "one is added to deletes", "one is added to withdrawn keys",
    "one comes twice", "the key of deletes has another name", "digits", "int32 for int64",
    "int32 for the int64 of deletes", "int32 for the int64 of withdrawn keys", "moments in 96 bits",
    "bytes for the text of rejected rows", "few characters of many bytes", "one byte too many, without statistics",
    "text beyond any column", "text beyond any column of a curated table", "key without value",
    "price without value, without statistics", "column without any value", "object is gone",
    "object of rejected rows is gone", "object of deletes is gone", "object is another one",
    "object of curated rows is another one", "object of withdrawn keys is another one",
    "object of rejected rows is another one", "object is empty", "object is cut, as told",
    "object of that size has a broken footer", "object of that size has broken pages",
    "manifest tells a longer object", "manifest tells more rows", "file of another raw table",
    "deletes of another table", "second of two files lacks a column", "second of two files has a long text",
    "second of two files has the same rows",
}  # fmt: skip
"""Cases that each run of the suite tries: of each kind one at least, in each kind of file that it can be in.

Types and names of columns, one by one, are for the tests of the look at files.
"""
AGAIN = examples(
    {
        "two texts of rejected rows change places",
        "int32 for the int64 of withdrawn keys",
        "object is gone",
    },
    {case.name for case in CASES},
)
"""Cases after which the run is continued: a load takes seconds, a refusal none."""


@pytest.fixture(scope="module")
def marketplace(
    tmp_path_factory: pytest.TempPathFactory, s3: S3Server, postgresql: PostgreSQL, redshift: RedshiftStandIn
) -> Iterator[Marketplace]:
    with pytest.MonkeyPatch.context() as patch, reaching(patch, s3, redshift):
        folder: Path = tmp_path_factory.mktemp("mismatches")
        yield Marketplace(folder, s3, postgresql, redshift)


class Dues:
    """The load that is due: one for all cases that leave it so."""

    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace = marketplace
        self._stack = ExitStack()
        self._due: Due | None = None

    def get(self) -> Due:
        """A new one where the last was done."""
        if self._due is None or self._due.loaded:
            self.close()
            self._due = self._stack.enter_context(self._marketplace.due())
        return self._due

    def close(self) -> None:
        """Let the last one go."""
        self._stack.close()


@pytest.fixture(scope="module")
def dues(marketplace: Marketplace) -> Iterator[Dues]:
    dues = Dues(marketplace)
    yield dues
    dues.close()


@pytest.fixture
def due(aws: None, dues: Dues) -> Due:
    return dues.get()


@pytest.mark.parametrize(
    "case", sampled(CASES, [case for case in CASES if case.name in USUAL]), ids=lambda case: case.name
)
def test_mismatch_is_refused(due: Due, case: Case) -> None:
    rows, copies, again = due.rows_before, due.copies(), case.again and case.name in AGAIN
    with due.files(case.step, case.table, case.kind) as files:
        case.spoil(files)
        error = failure(due.load if again else due.attempt, case.step)
    after = due.rows()
    due.loaded = after != rows
    assert after == rows
    for fragment in (case.relation, *case.told):
        assert fragment in error.message
    assert error.remedy == case.remedy
    assert error.table == case.relation
    if case.told[0].endswith("one run"):  # keys can be counted only once they are there
        return
    assert due.copies() == copies
    if again:
        due.load(case.step)
        assert due.copies() > copies
        assert due.rows() != rows


def test_names_are_given_once() -> None:
    names = {case.name for case in CASES}
    assert len(names) == len(CASES) >= 50
    assert names >= USUAL


def test_rejected_row_beyond_any_column_is_cut_in_the_warehouse_alone(due: Due) -> None:
    with due.files(CURATED, "listings", "rejected_files") as files:
        (whole,) = (
            row["row_json"] for row in pq.read_table(BytesIO(files.content)).to_pylist() if row["row_key"] == "2"
        )
        assert whole.count(LONG) == 2
        due.load(CURATED)
        assert due.read(files.path) == files.content
    ((cut,),) = due.pipeline.seen(
        "SELECT row_json FROM ops.rejected_rows WHERE run_id = 'second' AND table_name = 'listings' AND row_key = '2'"
    )
    assert 47_000 < len(cut.encode()) <= 48_000
    assert whole.startswith(cut.partition(" ... (cut: ")[0])
    # The Data API gives no row of more than 64 KB.
    assert (cut,) in due.pipeline.rows("SELECT row_json FROM (SELECT * FROM ops.rejected_rows) AS rejected")
    error = failure(due.pipeline.rows, "SELECT REPEAT('x', 40000) AS one, REPEAT('x', 40000) AS other")
    assert "more than 65536" in error.message


@pytest.mark.parametrize("before", [True, False])
def test_object_replaced_between_its_check_and_the_end_of_copy(
    due: Due, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """COPY names no version of an object, so what it read may be either: it is not loaded."""
    rows = due.rows_before
    copy = RedshiftWarehouse._copy
    with due.files(CURATED, "bookings", "files") as files:

        def beside_a_change(*arguments: Any) -> None:
            for act in (lambda: replaced(files), lambda: copy(*arguments))[:: 1 if before else -1]:
                act()

        monkeypatch.setattr(RedshiftWarehouse, "_copy", beside_a_change)
        error = failure(due.attempt, CURATED)
    due.loaded = due.rows() != rows
    assert not due.loaded
    assert error.reason == "lake-file-changed"
    assert files.path in error.message
