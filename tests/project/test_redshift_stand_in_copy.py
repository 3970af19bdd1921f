"""The stand-in's COPY is as strict about Parquet files as Redshift's."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from servers.postgresql import PostgreSQL
from servers.redshift_client import Warehouse
from servers.redshift_stand_in import RedshiftStandIn, start_redshift_stand_in
from servers.s3 import S3Server, start_s3

pytestmark = pytest.mark.service

COLUMNS = {
    "a": "SMALLINT",
    "b": "INTEGER",
    "c": "BIGINT NOT NULL",
    "d": "DECIMAL(10,2)",
    "e": "BOOLEAN",
    "f": "DATE",
    "g": "TIMESTAMP",
    "h": "VARCHAR(4)",
    "i": "DOUBLE PRECISION",
}
TYPES = {
    "a": pa.int16(),
    "b": pa.int32(),
    "c": pa.int64(),
    "d": pa.decimal128(10, 2),
    "e": pa.bool_(),
    "f": pa.date32(),
    "g": pa.timestamp("us"),
    "h": pa.string(),
    "i": pa.float64(),
}
ROW = {
    "a": 1,
    "b": 2,
    "c": 3,
    "d": Decimal("-4.50"),
    "e": True,
    "f": date(2024, 2, 29),
    "g": datetime.fromisoformat("2024-02-29 12:30:00.000250"),
    "h": "",
    "i": 0.1,
}
NOTHING = dict.fromkeys(ROW) | {"c": 4}


@dataclass(frozen=True)
class Lake:
    """A bucket, and a table `t` that its files go to."""

    client: Any
    bucket: str
    warehouse: Warehouse

    def put(self, key: str, content: bytes) -> dict[str, Any]:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return {"url": self.url(key), "mandatory": True, "meta": {"content_length": len(content)}}

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def manifest(self, *entries: dict[str, Any]) -> str:
        self.put("m.manifest", json.dumps({"entries": entries}).encode())
        return self.copy()

    def table(self, table: pa.Table) -> str:
        """A COPY of one file with these rows."""
        return self.manifest(self.put("rows.parquet", parquet(table)))

    def copy(self, role: str = "default", options: str = "", columns: str = ", ".join(COLUMNS)) -> str:
        url = self.url("m.manifest")
        return f"COPY t ({columns}) FROM '{url}' IAM_ROLE {role} FORMAT AS PARQUET MANIFEST {options}"


def parquet(table: pa.Table) -> bytes:
    output = io.BytesIO()
    pq.write_table(table, output)
    return output.getvalue()


def rows(*changes: dict[str, Any], types: dict[str, pa.DataType] | None = None) -> pa.Table:
    schema = pa.schema(list((TYPES | (types or {})).items()))
    return pa.Table.from_pylist([ROW | change for change in changes or ({},)], schema)


@pytest.fixture(scope="module")
def clients(redshift: RedshiftStandIn, s3: S3Server) -> Iterator[tuple[Any, Any]]:
    with closing(redshift.client()) as data_api, closing(s3.client()) as storage:
        yield data_api, storage


@pytest.fixture(scope="module")
def lake(redshift: RedshiftStandIn, s3: S3Server, clients: tuple[Any, Any]) -> Lake:
    """For what fails, and so changes nothing."""
    return new_lake(redshift, s3, clients)


@pytest.fixture
def fresh(redshift: RedshiftStandIn, s3: S3Server, clients: tuple[Any, Any]) -> Lake:
    return new_lake(redshift, s3, clients)


def new_lake(redshift: RedshiftStandIn, s3: S3Server, clients: tuple[Any, Any], bucket: str = "") -> Lake:
    warehouse = Warehouse(redshift, clients[0], redshift.create_database())
    warehouse.done(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
    return Lake(clients[1], bucket or s3.create_bucket(), warehouse)


def test_rows_arrive_as_they_are(fresh: Lake) -> None:
    texts = [{"h": text, "c": number} for number, text in enumerate(["'\"", "a\nb", "\\N", "ü,;", None], start=5)]
    copy = fresh.table(rows({}, NOTHING, *texts))

    assert fresh.warehouse.done(copy)["ResultRows"] == 7
    found = fresh.warehouse.rows("SELECT * FROM t ORDER BY c")
    assert found[0] == (1, 2, 3, "-4.50", True, "2024-02-29", "2024-02-29 12:30:00.00025", "", 0.1)
    assert found[1] == (None, None, 4, None, None, None, None, None, None)
    assert [row[7] for row in found[2:]] == ["'\"", "a\nb", "\\N", "ü,;", None]


def test_names_are_not_looked_at_and_rows_are_added(fresh: Lake) -> None:
    copy = fresh.table(rows().rename_columns([f"other_{number}" for number in range(9)]))
    fresh.warehouse.done(copy, copy)

    assert fresh.warehouse.rows("SELECT COUNT(*) FROM t") == [(2,)]


def test_columns_are_matched_in_the_order_of_the_list(fresh: Lake) -> None:
    fresh.manifest(fresh.put("rows.parquet", parquet(rows().select(["h", "c"]))))
    fresh.warehouse.done(fresh.copy(columns="h, c"))

    assert fresh.warehouse.rows("SELECT c, h, a FROM t") == [(3, "", None)]
    assert "incompatible Parquet schema for column" in fresh.warehouse.error(fresh.copy(columns="c, h"))
    assert "NULL value into column c" in fresh.warehouse.error(fresh.copy(columns="h, b"))


def test_fewer_columns_need_fillrecord(fresh: Lake) -> None:
    fresh.manifest(fresh.put("rows.parquet", parquet(rows().select(["a", "b", "c"]))))

    assert "Unmatched number of columns" in fresh.warehouse.error(fresh.copy())
    fresh.warehouse.done(fresh.copy(options="FILLRECORD STATUPDATE OFF ACCEPTINVCHARS"))
    assert fresh.warehouse.rows("SELECT c, h FROM t") == [(3, None)]


WRONG_TYPES = [
    ("a", pa.int32()),
    ("a", pa.int8()),
    ("b", pa.int16()),
    ("b", pa.int64()),
    ("b", pa.uint32()),
    ("c", pa.int32()),
    ("c", pa.uint64()),
    ("c", pa.float64()),
    ("d", pa.decimal128(11, 2)),
    ("d", pa.decimal128(10, 3)),
    ("d", pa.float64()),
    ("e", pa.int32()),
    ("f", pa.timestamp("us")),
    ("f", pa.int32()),
    ("g", pa.timestamp("ns")),
    ("g", pa.timestamp("ms")),
    ("g", pa.timestamp("us", "UTC")),
    ("g", pa.date32()),
    ("h", pa.binary()),
    ("h", pa.list_(pa.string())),
    ("i", pa.float32()),
    ("i", pa.decimal128(10, 2)),
]


@pytest.mark.parametrize(("name", "kind"), WRONG_TYPES, ids=str)
def test_types_must_be_the_tables(lake: Lake, name: str, kind: pa.DataType) -> None:
    message = lake.warehouse.error(lake.table(rows({name: None}, types={name: kind})))

    assert "Spectrum Scan Error" in message
    assert f"incompatible Parquet schema for column '{lake.url('rows.parquet')}.{name}'" in message


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_how_arrow_holds_text_does_not_matter(fresh: Lake, kind: pa.DataType) -> None:
    fresh.warehouse.done(fresh.table(rows({"h": "ü"}, types={"h": kind})))

    assert fresh.warehouse.rows("SELECT h FROM t") == [("ü",)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"h": "üüx"}, "longer than the length defined in the table. Table: 4, Data: 5"),
        ({"c": None}, "Cannot insert a NULL value into column c"),
        ({"h": "a\0b"}, "null byte"),
    ],
)
def test_values_must_fit(lake: Lake, changes: dict[str, Any], problem: str) -> None:
    copy = lake.table(rows({}, changes))
    failed = lake.warehouse.run("INSERT INTO t (c) VALUES (1)", copy)
    noted = lake.warehouse.rows(
        "SELECT file_name, column_name, error_message FROM sys_load_error_detail "
        f"WHERE session_id = {failed['RedshiftPid']}"
    )

    assert problem in failed["Error"]
    assert [(file, column) for file, column, _ in noted] == [(lake.url("rows.parquet"), next(iter(changes)))]
    assert problem in noted[0][2]
    assert lake.warehouse.rows("SELECT * FROM t") == []


def test_the_manifest_tells_each_files_size(lake: Lake) -> None:
    entry = lake.put("rows.parquet", parquet(rows()))

    assert "content_length" in lake.warehouse.error(lake.manifest(entry | {"meta": {}}))
    assert "content_length" in lake.warehouse.error(lake.manifest(entry | {"meta": {"content_length": 5}}))


def test_a_missing_file(fresh: Lake) -> None:
    entry = fresh.put("rows.parquet", parquet(rows()))
    missing = entry | {"url": fresh.url("missing.parquet")}

    assert "Status 404" in fresh.warehouse.error(fresh.manifest(entry, missing))
    assert fresh.warehouse.rows("SELECT * FROM t") == []
    fresh.warehouse.done(fresh.manifest(entry, missing | {"mandatory": False}))
    assert fresh.warehouse.rows("SELECT COUNT(*) FROM t") == [(1,)]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"entries": []}', b'{"entries": [{}]}'])
def test_a_broken_manifest(lake: Lake, content: bytes) -> None:
    lake.put("m.manifest", content)

    assert "Problem reading manifest file" in lake.warehouse.error(lake.copy())


def test_a_missing_manifest(lake: Lake) -> None:
    copy = lake.copy().replace("m.manifest", "other.manifest")

    assert "Status 404" in lake.warehouse.error(copy)


def test_a_file_that_is_not_parquet(lake: Lake) -> None:
    assert "invalid Parquet file" in lake.warehouse.error(lake.manifest(lake.put("rows.parquet", b"a,b\n")))


@pytest.mark.parametrize(
    "option",
    ["REGION 'us-east-1'", "MAXERROR 5", "COMPUPDATE OFF", "TRUNCATECOLUMNS", "ACCEPTANYDATE", "GZIP", "CSV"],
)
def test_options_that_parquet_does_not_take(lake: Lake, option: str) -> None:
    message = f"ERROR: COPY {option.split(maxsplit=1)[0]} argument is not supported for PARQUET based COPY"

    assert lake.warehouse.error(lake.copy(options=option)) == message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MANIFEST", ""),
        ("FORMAT AS PARQUET", "FORMAT AS CSV"),
        ("IAM_ROLE default", "CREDENTIALS 'x'"),
        ("(a, b, c, d, e, f, g, h, i)", ""),
        ("(a,", "(a, a,"),
        ("(a,", "(z,"),
        ("COPY t", "COPY nothing"),
        ("s3://", "https://"),
    ],
)
def test_other_forms_of_copy(lake: Lake, old: str, new: str) -> None:
    lake.table(rows())
    copy = lake.copy()

    assert old in copy
    assert lake.warehouse.error(copy.replace(old, new)).startswith("ERROR: ")


@pytest.mark.parametrize("folder", [".drafts", "_drafts", "drafts/_temporary", "drafts/.part"])
def test_what_spectrum_ignores_is_not_there(lake: Lake, folder: str) -> None:
    hidden = lake.put(f"{folder}/rows.parquet", parquet(rows()))
    assert "a name that begins with . or _" in lake.warehouse.error(lake.manifest(hidden))
    lake.put(f"{folder}/m.manifest", json.dumps({"entries": [lake.put("rows.parquet", parquet(rows()))]}).encode())
    copy = lake.copy().replace("m.manifest", f"{folder}/m.manifest")
    assert "a name that begins with . or _" in lake.warehouse.error(copy)


def test_an_unknown_role(lake: Lake) -> None:
    lake.table(rows())

    message = lake.warehouse.error(lake.copy(role="'arn:aws:iam::123456789012:role/other'"))
    assert "is not authorized to assume IAM Role arn:aws:iam::123456789012:role/other" in message


def test_copy_has_its_roles_rights_only(postgresql: PostgreSQL) -> None:
    with start_s3(enforces_rights=True) as storage, closing(storage.client("iam")) as iam:
        bucket = storage.create_bucket()
        roles = {"arn:reader": new_key(iam, "reader"), "arn:nobody": new_key(iam, "nobody")}
        allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
        with (
            start_redshift_stand_in(postgresql, storage, roles) as stand_in,
            closing(stand_in.client()) as data_api,
            closing(storage.client()) as s3,
        ):
            lake = new_lake(stand_in, storage, (data_api, s3), bucket)
            lake.table(rows())

            assert "S3ServiceException:Access Denied,Status 403" in lake.warehouse.error(lake.copy("'arn:nobody'"))
            lake.warehouse.done(lake.copy("'arn:reader'"))
            assert "not authorized to assume" in lake.warehouse.error(lake.copy())


def new_key(iam: Any, name: str) -> tuple[str, str]:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
