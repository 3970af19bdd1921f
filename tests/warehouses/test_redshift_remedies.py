"""What Redshift refuses: doing what the remedy says, the same call succeeds; a double answers as AWS does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from generators.redshift_statements import MOMENT
from rental_analytics.contracts.manifest import FileColumn, LakeFile
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.base import Disposition, Load, TableLoad
from rental_analytics.warehouses.redshift.data_api import BATCH, DataApi, Target
from rental_analytics.warehouses.redshift.files import Facts, Room, check_files
from rental_analytics.warehouses.redshift.load import LoadPlan
from rental_analytics.warehouses.redshift.query import bounded
from rental_analytics.warehouses.redshift.roles import roles
from rental_analytics.warehouses.redshift.staging import Staged
from rental_analytics.warehouses.redshift.tables import Catalogue, HeldColumn, TableShape
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from runs.harness import failure

pytestmark = pytest.mark.fast
TARGET = Target("analytics", "marketplace", "eu-west-1")
TABLE = TableShape("curated.things", (FileColumn(name="id", type="BIGINT"),), ("id",))


def refused(reason: str, remedy: str, call: Callable[..., object], *arguments: Any) -> None:
    error = failure(call, *arguments)
    assert error.reason == reason, str(error)
    assert remedy in error.remedy


class Client:
    """A Data API that takes all statements but those that `refusal` has something about.

    It gives an error to raise, or what it tells of a statement that ended.
    """

    def __init__(self) -> None:
        self.refusal: Callable[[Mapping[str, Any]], Exception | Mapping[str, Any] | None] = lambda _: None
        self.ended: dict[str, Mapping[str, Any]] = {}
        self._numbers = count(1)

    def _begin(self, **asked: Any) -> dict[str, Any]:
        told = self.refusal(asked)
        if isinstance(told, Exception):
            raise told
        identity = str(next(self._numbers))
        self.ended[identity] = {"Id": identity, "Status": "FINISHED", "ResultRows": 0, "RedshiftPid": 42} | dict(
            told or {}
        )
        return {"Id": identity}

    execute_statement = batch_execute_statement = _begin

    def describe_statement(self, Id: str) -> Mapping[str, Any]:  # noqa: N803 the client's own name
        return self.ended[Id]

    def cancel_statement(self, **_: Any) -> None:
        """All have ended."""

    def get_statement_result(self, **_: Any) -> dict[str, Any]:
        return {"ColumnMetadata": [], "Records": [], "TotalNumRows": 0}


@pytest.fixture
def client() -> Client:
    return Client()


def api(client: Client, target: Target = TARGET) -> DataApi:
    made = DataApi(target)
    made._client = client
    return made


def warehouse_of(client: Client, **tables: Mapping[str, HeldColumn]) -> RedshiftWarehouse:
    made = RedshiftWarehouse(TARGET)
    made._api, made._known = api(client), Catalogue({f"curated.{name}": held for name, held in tables.items()})
    return made


def aws(code: str, message: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": code, "Message": message}}, "ExecuteStatement")


def unreachable() -> Exception:
    from botocore.exceptions import EndpointConnectionError

    return EndpointConnectionError(endpoint_url="https://redshift-data.eu-west-1.amazonaws.com/")


def failed(told: str) -> dict[str, str]:
    return {"Status": "FAILED", "Error": f"ERROR: {told}"}


@pytest.mark.parametrize(
    ("answer", "reason", "remedy"),
    [
        pytest.param(
            failed("permission denied for relation bookings"),
            "warehouse-right-missing",
            "give this user the role loader",
            marks=pytest.mark.remedy("warehouse-right-missing"),
        ),
        pytest.param(
            {"Status": "ABORTED"},
            "warehouse-statement-cancelled",
            "run again; nothing of it took effect",
            marks=pytest.mark.remedy("warehouse-statement-cancelled"),
        ),
        pytest.param(
            failed("1023 Serializable isolation violation on table - 100"),
            "warehouse-statement-ended",
            "run again, a little later",
            marks=pytest.mark.remedy("warehouse-statement-ended"),
        ),
        pytest.param(
            failed('"runs" is not a table'),
            "warehouse-statement-refused",
            "take back what was changed in the warehouse by hand",
            marks=pytest.mark.remedy("warehouse-statement-refused"),
        ),
        pytest.param(
            unreachable(),
            "redshift-unreachable",
            "the VPC endpoint of redshift-data",
            marks=pytest.mark.remedy("redshift-unreachable"),
        ),
        pytest.param(
            aws("ActiveStatementsExceededException", "Too many active statements"),
            "redshift-busy",
            "run again, a little later",
            marks=pytest.mark.remedy("redshift-busy"),
        ),
        pytest.param(
            aws("AccessDeniedException", "User a is not authorized to perform redshift-data:ExecuteStatement"),
            "redshift-denied",
            "allow redshift-data and redshift-serverless:GetCredentials",
            marks=pytest.mark.remedy("redshift-denied"),
        ),
        pytest.param(
            aws("ExpiredTokenException", "The security token included in the request is expired"),
            "aws-credentials-expired",
            "renew the credentials of this process",
            marks=pytest.mark.remedy("aws-credentials-expired"),
        ),
        pytest.param(
            aws("UnrecognizedClientException", "The security token included in the request is invalid."),
            "aws-credentials-invalid",
            "correct the AWS credentials of this process",
            marks=pytest.mark.remedy("aws-credentials-invalid"),
        ),
    ],
)
def test_what_aws_takes_again(client: Client, answer: Any, reason: str, remedy: str) -> None:
    """Rights, credentials and ways are given outside: AWS answers so until they are, and not any more."""
    client.refusal = lambda _: answer
    refused(reason, remedy, api(client).run, ["DELETE FROM ops.runs"])
    client.refusal = lambda _: None
    assert api(client).run(["DELETE FROM ops.runs"]) == [0]


@pytest.mark.remedy("warehouse-database-unknown")
@pytest.mark.remedy("redshift-target-wrong")
def test_parts_of_the_url_are_corrected(client: Client) -> None:
    def answer(asked: Mapping[str, Any]) -> Exception | Mapping[str, Any] | None:
        if asked["WorkgroupName"] != TARGET.name:
            return aws("ValidationException", "Redshift endpoint doesn't exist in this region.")
        return failed('database "market" does not exist') if asked["Database"] != TARGET.database else None

    client.refusal = answer
    wrong = replace(TARGET, name="analitics")
    refused("redshift-target-wrong", "correct workgroup, database and region", api(client, wrong).run, ["SELECT 1"])
    wrong = replace(TARGET, database="market")
    refused("warehouse-database-unknown", "correct the database at the end", api(client, wrong).run, ["SELECT 1"])
    assert api(client).run(["SELECT 1"]) == [0]


@pytest.mark.remedy("aws-not-configured")
def test_a_region_is_named() -> None:
    refused("aws-not-configured", "name the region in warehouse.url", DataApi, Target("analytics", "marketplace"))
    assert DataApi(Target("analytics", "marketplace", "eu-west-1"))


@pytest.mark.remedy("statement-too-large")
@pytest.mark.remedy("query-failed")
@pytest.mark.remedy("query-not-one-statement")
def test_a_statement_is_corrected(client: Client) -> None:
    def answer(asked: Mapping[str, Any]) -> Exception | Mapping[str, Any] | None:
        if len(asked["Sql"].encode()) > 100_000:
            return aws("ValidationException", "Value at 'sql' failed to satisfy constraint: length less than 100000")
        return failed('relation "nowhere" does not exist') if "nowhere" in asked["Sql"] else None

    client.refusal = answer
    query = warehouse_of(client).query
    refused("statement-too-large", "shorten it", query, f"SELECT '{'x' * 100_000}'")
    refused("query-failed", "correct the SQL, which is Redshift's", query, "SELECT a FROM nowhere")
    refused("query-failed", "correct the SQL, which is Redshift's", query, "SELECT a FROM (")
    refused("query-not-one-statement", "write a SELECT", query, " ")
    refused("query-not-one-statement", "send them one by one", query, "SELECT 1; SELECT 2")
    for right in ("SELECT 1", "SELECT 2", "SELECT table_schema, table_name FROM svv_tables"):
        assert query(right).num_rows == 0
        assert bounded(right, None) == right


@pytest.mark.remedy("database-user-invalid")
def test_users_are_named_as_databases_name_them() -> None:
    refused("database-user-invalid", "name a user, IAMR:name for that of an IAM role", roles, ["x" * 128])
    remedy = "name one user with each --loader, --analyst and --operator"
    for name in ("arn:aws:iam::123456789012:role/etl", "etl,ann", "iamr:etl", "public"):
        refused("database-user-invalid", remedy, roles, [name])
    assert 'GRANT ROLE loader TO "IAMR:etl"' in roles(["IAMR:etl"])


ROOM = Room(
    "curated.things",
    (FileColumn(name="id", type="VARCHAR", max_bytes=20), FileColumn(name="note", type="VARCHAR", max_bytes=20)),
    required=("id",),
    key=("id",),
)


@pytest.mark.remedy("file-does-not-fit")
@pytest.mark.remedy("null-in-required-column")
@pytest.mark.remedy("text-too-long")
@pytest.mark.remedy("key-ends-in-blank")
def test_files_are_as_the_table_takes_them(tmp_path: Path) -> None:
    def checked(ids: Iterable[Any], note: Any = "a", name: str = "note") -> object:
        rows = pa.table({"id": pa.array(ids, pa.string())})
        rows = rows.append_column(name, pa.array([note] * len(rows), None if isinstance(note, int) else pa.string()))
        pq.write_table(rows, tmp_path / "part")
        file = LakeFile(path="part", bytes=(tmp_path / "part").stat().st_size, rows=len(rows))
        return check_files(LocalLake(tmp_path), {"one": (ROOM, [file])})

    written = {"one": Facts(frozenset(), {"id": 1, "note": 1})}
    restore = "restore the file as the run wrote it, or run `rental run --full-refresh`"
    assert checked("ab") == written
    refused("file-does-not-fit", restore, checked, "ab", "a", "other")
    refused("file-does-not-fit", restore, checked, "ab", 5)
    refused("null-in-required-column", "correct what makes id NULL", checked, ["a", None])
    refused("text-too-long", "shorten the value in the source", checked, "ab", "x" * 21)
    refused("key-ends-in-blank", "take the blanks off the end of id", checked, ["a", "b "])
    assert checked("ab") == written


@pytest.mark.remedy("table-key-changed")
@pytest.mark.remedy("table-key-missing")
@pytest.mark.remedy("column-type-changed")
def test_a_table_that_is_dropped_is_made_anew(client: Client) -> None:
    sent: list[str] = []

    def note(asked: Mapping[str, Any]) -> None:
        sent.append(asked["Sql"])

    client.refusal = note
    held = HeldColumn("BIGINT", None, True)
    cases: tuple[tuple[str, dict[str, HeldColumn], tuple[str, ...]], ...] = (
        ("table-key-changed", {"id": held, "other": held}, ("other",)),
        ("table-key-missing", {"id": HeldColumn("BIGINT")}, ()),
        ("column-type-changed", {"id": HeldColumn("VARCHAR", 20, True)}, ()),
    )
    for reason, columns, key in cases:
        warehouse = warehouse_of(client, things=columns)
        warehouse._known = replace(warehouse._catalogue, keys={TABLE.relation: key})
        # All its columns hold values.
        warehouse._empty_columns = lambda *_: []  # type: ignore[method-assign]
        refused(
            reason, "curated.things in the warehouse, then `rental run --full-refresh`", warehouse._fit, [(TABLE, ())]
        )
        assert sent == []
        warehouse._known = Catalogue()
        warehouse._run = sent.extend  # type: ignore[method-assign]
        warehouse._comment = lambda *_: None  # type: ignore[method-assign]
        warehouse._fit([(TABLE, ())])
        assert sent == [TABLE.create()]
        sent.clear()


def load_of(tables: int) -> Load:
    made = tuple(
        TableLoad(
            relation=f"raw_data.t{number}",
            columns=(FileColumn(name="id", type="BIGINT"),),
            key=(),
            disposition=Disposition.APPEND,
            files=(LakeFile(path=f"raw/t{number}/part-0.parquet", bytes=4, rows=1),),
        )
        for number in range(tables)
    )
    return Load("load-raw", "first", "0" * 64, MOMENT, MOMENT, made)


@pytest.mark.remedy("load-too-large")
def test_fewer_tables_in_one_warehouse(client: Client) -> None:
    def planned(tables: int) -> int:
        plan = LoadPlan(load_of(tables), "0a1b2c3d")
        facts = {staged.relation: Facts(frozenset(), {}) for staged in plan.staged}
        return len(warehouse_of(client)._transactions(plan, facts)[1])

    refused("load-too-large", "keep fewer tables in one warehouse", planned, BATCH)
    assert 0 < planned(BATCH // 4) <= BATCH


@pytest.mark.remedy("copy-refused")
def test_a_role_that_may_read_the_lake(client: Client) -> None:
    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return failed("S3ServiceException:Access Denied,Status 403") if asked["Sql"].startswith("COPY") else None

    warehouse, copy = warehouse_of(client), [["COPY raw_data.t FROM 's3://bucket/a' IAM_ROLE default"]]
    client.refusal = answer
    refused("copy-refused", "role of warehouse.iam_role may read and decrypt the lake", warehouse._copy, copy)
    client.refusal = lambda _: None
    warehouse._copy(copy)


@pytest.mark.remedy("rows-not-arrived")
@pytest.mark.remedy("keys-doubled")
def test_rows_that_arrive_once(client: Client) -> None:
    warehouse = warehouse_of(client)
    file = LakeFile(path="part-0.parquet", bytes=4, rows=2)
    plan: Any = SimpleNamespace(staged=[Staged("ops.stage_0", Room("curated.things", ()), (file,), ("id",))])

    def staged(rows: int, doubled: int) -> None:
        """What the warehouse counts in the staging table."""
        answer = pa.table({"place": [0], "staged_rows": [rows], "doubled_keys": [doubled]})
        warehouse._api.query = lambda *_: answer  # type: ignore[method-assign]

    staged(1, 0)
    refused("rows-not-arrived", "run again", warehouse._check_staged, plan)
    staged(2, 1)
    refused("keys-doubled", "run `rental run --full-refresh`", warehouse._check_staged, plan)
    staged(2, 0)
    assert warehouse._check_staged(plan) == {"ops.stage_0": 2}
