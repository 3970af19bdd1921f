"""What stands in the lake is believed only as far as a run could have written it."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from rental_analytics.contracts.manifest import (
    CheckResult,
    ExtractedTable,
    ExtractManifest,
    FileColumn,
    LakeFile,
    LoadedTable,
    LoadManifest,
    MetricsManifest,
    Proof,
    RunParameters,
    SeenColumn,
    TransformedTable,
    TransformManifest,
)
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.errors import ConfigurationError, LakeError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.records import encode_record, parse_record

pytestmark = pytest.mark.fast

NOON = datetime(2024, 3, 5, 12, 0, 0, 123456)  # noqa: DTZ001
RUN = "nightly"
EXPLOIT = "BIGINT); COPY (SELECT 1) TO '/tmp/owned.csv'; SELECT CAST(NULL AS BIGINT"


def lake_file(folder: str, name: str = "part-0.parquet") -> LakeFile:
    return LakeFile(
        path=f"{folder}/run_id={RUN}/{name}", bytes=40, rows=4, checksum=f"sha256:{'0' * 64}", version='"abc-1"'
    )


EXTRACT = ExtractManifest(
    run_id=RUN,
    sequence=3,
    engine="duckdb 1.5.5",
    covers=(RUN,),
    upper_bound=NOON,
    tables={
        "bookings": ExtractedTable(
            mode=ReadMode.INCREMENTAL,
            complete=False,
            key=("booking_id",),
            columns=(
                FileColumn(name="booking_id", type="BIGINT"),
                FileColumn(name="total_price", type="DECIMAL(18,2)"),
                FileColumn(name="currency", type="VARCHAR", max_bytes=12),
                FileColumn(name="_row_id", type="BIGINT"),
            ),
            files=(lake_file("raw/bookings"),),
            deletes=(lake_file("raw/bookings", "deletes-0.parquet"),),
            state=(lake_file("state/bookings", "keys-0.parquet"),),
            state_method="md5",
            window_lower=NOON,
            window_upper=NOON,
            replaced_from=NOON,
            replaced_to=NOON,
            replaced_rows=2,
            present=("booking_id", "total_price"),
            catalogue=(SeenColumn(name="Booking ID", type="bigint(20)", nullable=False),),
            held_types={"booking_id": "BIGINT"},
            proof=Proof(window_lower=NOON, window_upper=NOON, rows=9, window_rows=4, key_hash="00ff00ff00ff00ff"),
            held=9,
            newest_cursor=NOON,
            overlap_start=NOON,
            notes=("a note",),
        )
    },
)
TRANSFORM = TransformManifest(
    run_id=RUN,
    sequence=3,
    engine="duckdb 1.5.5",
    covers=("earlier", RUN),
    tables={
        "bookings": TransformedTable(
            complete=True,
            columns=(FileColumn(name="booking_id", type="BIGINT"),),
            files=(lake_file("curated/bookings"),),
            deletes=(lake_file("curated/bookings", "deletes-0.parquet"),),
            withdrawn=(lake_file("curated/bookings", "withdrawn-0.parquet"),),
            rejected_files=(lake_file("rejected/bookings"),),
            replaced_from=NOON,
            replaced_to=NOON,
            extracted=9,
            curated=4,
            superseded=1,
            rejected=4,
            checks=(CheckResult(table_name="bookings", check_name="missing_key", severity="reject", failed_rows=4),),
        )
    },
    reference_fingerprint="ab" * 32,
    fixings_fingerprint="cd" * 32,
)
LOADED = {"raw_data.bookings": LoadedTable(inserted=4, deleted=1)}
LOAD = LoadManifest(step="load-raw", run_id=RUN, sequence=3, engine="duckdb", covers=(RUN,), tables=LOADED)
METRICS = MetricsManifest(
    run_id=RUN, sequence=3, as_of=date(2024, 3, 5), tables={"occupancy_rate_monthly": LoadedTable(inserted=4)}
)
PARAMETERS = RunParameters(
    run_id=RUN,
    sequence=3,
    started_at=NOON.replace(tzinfo=UTC),
    upper_bound=NOON,
    as_of=date(2024, 3, 5),
    backfill_from=date(2024, 3, 1),
    backfill_to=date(2024, 3, 5),
    source="sqlite:marketplace.db",
)
READERS: dict[str, tuple[BaseModel, Callable[[ManifestStore], object]]] = {
    "runs/nightly/extract.json": (EXTRACT, lambda store: store.extract(RUN)),
    "runs/nightly/transform.json": (TRANSFORM, lambda store: store.transform(RUN)),
    "runs/nightly/load-raw.json": (LOAD, lambda store: store.load(RUN, "load-raw")),
    "runs/nightly/metrics.json": (METRICS, lambda store: store.metrics(RUN)),
    "runs/nightly/run.json": (PARAMETERS, lambda store: store.find_run(RUN)),
}
# Shown, compared with something, or handed to the warehouse as a literal: any text, or any run, may stand there.
FREE = {
    "covers",
    "version",
    "engine",
    "notes",
    "source",
    "state_method",
    "catalogue",
    "relation",
    "sources",
    "constants",
    "reference_fingerprint",
    "fixings_fingerprint",
    "sample",
}
HOSTILE = st.one_of(
    st.sampled_from(
        [
            EXPLOIT,
            "DECIMAL(39,2)",
            "DECIMAL(4,9)",
            "DECIMAL(18,2)\n",
            "bigint",
            "raw/bookings/run_id=nightly/../../../outside.parquet",
            "/etc/passwd",
            "raw/bookings/run_id=another/part-0.parquet",
            "raw/apartments/run_id=nightly/part-0.parquet",
            "raw//run_id=nightly/part-0.parquet",
            "curated/bookings/run_id=nightly/./part-0.parquet",
            "../../../x",
            "nightly/../../x",
            "NIGHTLY",
            'a"; DROP TABLE x; --',
            "x' OR '1'='1",
            "",
            " ",
            "\x1b[2J",
            "ü",
            "x" * 5_000,
            -1,
            2**63,
            10**400,
            1.5,
            True,
            None,
            [],
            {},
            "4",
            "2024-03-05T12:00:00Z",
            "9999999-01-01",
        ]
    ),
    st.text(max_size=20),
    st.integers(),
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values, and of the names of tables and columns."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    if path:
        yield path


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    body = copy.deepcopy(body)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


def bodies() -> list[tuple[str, tuple[Any, ...]]]:
    return [
        (path, leaf)
        for path, (record, _) in READERS.items()
        for leaf in leaves(json.loads(encode_record(record)))
        if leaf != ("checksum",)
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = LocalLake(tmp_path_factory.mktemp("lake"))
    for path, (record, _) in READERS.items():
        lake.write(path, encode_record(record))
    return lake


@pytest.mark.parametrize("path", READERS)
def test_record_is_read_as_it_was_written(lake: Lake, path: str) -> None:
    record, read = READERS[path]
    assert read(ManifestStore(lake)) == record


def test_a_record_that_would_not_be_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, size = ManifestStore(LocalLake(tmp_path)), len(encode_record(EXTRACT))
    monkeypatch.setattr("rental_analytics.storage.records.LARGEST_RECORD", size - 1)
    with pytest.raises(LakeError, match=f"would have {size:,} bytes, and a record has at most {size - 1:,}") as raised:
        store.commit(EXTRACT)
    assert raised.value.reason == "lake-record-too-large"
    assert store.extract(RUN) is None
    monkeypatch.setattr("rental_analytics.storage.records.LARGEST_RECORD", size)
    store.commit(EXTRACT)
    assert store.extract(RUN) == EXTRACT


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(bodies()), value=HOSTILE, believed=st.booleans())
def test_mutation_is_refused_or_changes_nothing(
    lake: Lake, place: tuple[str, tuple[Any, ...]], value: Any, believed: bool
) -> None:
    """`believed`: whoever changed it took the checksum away, as if the record were from before there were any."""
    path, leaf = place
    record, read = READERS[path]
    body = changed(json.loads(encode_record(record)), leaf, value)
    if believed:
        del body["checksum"]
    lake.write(path, json.dumps(body).encode())
    try:
        found = read(ManifestStore(lake))
    except LakeError as error:
        assert error.reason == "lake-record-invalid"
        assert error.exit_code == 1
        assert f"{lake.url}/{path} is not what a run wrote: " in str(error)
        assert len(str(error)) < 1_000
        assert "\n" not in str(error)
        return
    finally:
        lake.write(path, encode_record(record))
    if found == record or FREE.intersection(leaf):
        return
    # A number or a moment that a run could have written: files, their rows and the warehouse are compared with it.
    assert believed
    assert not isinstance(value, str) or str(leaf[-1]).endswith(("_from", "_to", "_at", "as_of", "name", "_lower"))
    assert not isinstance(value, int) or 0 <= value < 2**63


@pytest.mark.parametrize(
    ("leaf", "value", "told"),
    [
        (("tables", "bookings", "columns", 0, "type"), EXPLOIT, "is not a column type"),
        (("tables", "bookings", "columns", 0, "name"), "x BIGINT); DROP TABLE main.y; --", "should match pattern"),
        (("tables", "bookings", "files", 0, "path"), "/etc/passwd", "is not a path inside the lake"),
        (("tables", "bookings", "files", 0, "path"), "../../outside.parquet", "is not a path inside the lake"),
        (("tables", "bookings", "files", 0, "path"), "curated/x/run_id=nightly/a.parquet", "does not lie below"),
        (
            ("tables", "bookings", "rejected_files", 0, "path"),
            "curated/bookings/run_id=nightly/a",
            "does not lie below",
        ),
        (("tables", "bookings", "files", 0, "rows"), -1, "greater than or equal to 0"),
        (("tables", "bookings", "files", 0, "bytes"), 2**63, "less than or equal to"),
        (("run_id",), "../../../x", "run_id: String should match pattern"),
        (("run_id",), "another", "does not lie below curated/bookings/run_id=another/"),
        (("step",), "load-raw", "step: Input should be 'transform'"),
        (("covers", 0), "../x", "covers.0: String should match pattern"),
        (("sequence",), 0, "sequence: Input should be greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_told(lake: Lake, leaf: tuple[Any, ...], value: Any, told: str) -> None:
    path = "runs/nightly/transform.json"
    body = changed(json.loads(encode_record(TRANSFORM)), leaf, value)
    del body["checksum"]
    lake.write(path, json.dumps(body).encode())
    try:
        with pytest.raises(LakeError) as caught:
            ManifestStore(lake).transform(RUN)
    finally:
        lake.write(path, encode_record(TRANSFORM))
    assert told in caught.value.message


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b"1" * 5_000])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(LakeError, match=r"x\.json is not what a run wrote"):
        parse_record(content, RunParameters, "x.json", remedy="restore it.")


def test_place_in_the_history_is_that_of_its_file(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    lake.write("history/0000000002.json", encode_record(PARAMETERS))
    lake.write("history/notes.txt", b"")
    with pytest.raises(LakeError, match=r"it belongs in history/0000000003\.json"):
        list(ManifestStore(lake).history())


@pytest.mark.parametrize("run_id", ["../../../x", "x" * 5_000, "", "a b", "/etc", "x\x00"])
def test_run_that_no_run_could_be_called(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ConfigurationError, match="There is no run") as caught:
        ManifestStore(LocalLake(tmp_path)).find_run(run_id)
    assert len(caught.value.message) < 200
