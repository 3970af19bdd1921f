"""Bad input: a documented exit code, one line with the thing and a remedy, no secret, and nothing half-written."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import SMALL, Rental
from cli.program import (
    PROGRAM,
    ask_warehouse,
    assert_refused,
    assert_secret,
    change_source,
    committed,
    environment,
    files,
    rental_process,
    warehouse_tables,
)
from rental_analytics.storage.local import LocalLake
from rental_marketplace import generate
from servers.mysql import MySqlServer
from servers.process import free_port
from servers.s3 import S3Server

PASSWORD = "geh@im:/%#?&ä"
FAILED, USAGE, QUALITY, LOCKED = 1, 2, 3, 4
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
WRITING = [
    "CREATE TABLE stolen AS SELECT 1",
    "CREATE TEMP TABLE stolen AS SELECT 1",
    "INSERT INTO ops.runs (run_id) VALUES ('x')",
    "UPDATE ops.runs SET status = 'x'",
    "DELETE FROM ops.runs",
    "DROP TABLE ops.runs",
    "ALTER TABLE ops.runs ADD COLUMN x INTEGER",
    "ATTACH 'other.duckdb' AS other",
    "COPY (SELECT 1) TO 'stolen.csv'",
    "COPY ops.runs FROM 'rates.csv'",
    "EXPORT DATABASE 'stolen'",
    "SELECT * FROM read_csv('rates.csv')",
    "SELECT * FROM 'rates.csv'",
    "SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('*')",
    "SET enable_external_access = true",
    "INSTALL httpfs",
    "LOAD httpfs",
    "BEGIN",
    "CHECKPOINT",
]
LONG = "x" * 5_000
ARGUMENTS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("run", "--as-of", "yesterday"), ("--as-of", "yesterday", "rental run --help")),
    (("run", "--as-of", "2024-02-30"), ("--as-of", "2024-02-30")),
    (("run", "--as-of", "2062-01-01"), ("2062-01-01", "the day of the run by the source's clock", "leave as_of out")),
    (("run", "--as-of", "9999-12-31"), ("9999-12-31", "as_of is after 20")),
    (("run", "--resume", ""), ("--resume", "is empty", "rental status")),
    (("run", "--run-id", " "), ("--run-id", "is empty")),
    (("backfill", "--from", "2024-03-01", "--to", "2024-03-01", "--run-id", ""), ("--run-id", "is empty")),
    (("run", "--resume", LONG), ("--resume", "... (5,000 characters)", "letters, digits")),
    (("run", "--run-id", LONG), ("--run-id", "... (5,000 characters)", "letters, digits")),
    (("run", "--resume", "../../etc"), ("--resume", "'../../etc'")),
    (("run", "--resume", "a\x1b[31m\n"), ("--resume", "'a\\x1b[31m\\n'")),
    (("run", "--step", LONG), ("... (5,000 characters)", "extract, transform")),
    (("run", "--set", "engine.threads=100000"), ("engine.threads", "more than the ")),
    (("run", "--set", "source.overlap=999999999999"), ("source.overlap", "ten years")),
    (("run", "--set", "lake.lock_expiry=999999999 days"), ("lake.lock_expiry", "ten years")),
    (("run", "--set", "engine.memory=99999999TB"), ("engine.memory", "1000TB")),
    (("run", "--set", f"source.url=sqlite:///{LONG[:300]}"), ("File name too long", "choose another")),
    (("run", "--set", "lake.url=s3://key:secret@bucket/x"), ("lake.url", "s3://key@bucket/x")),
    (("query", "SELECT 1", "--limit", "9" * 30), ("--limit", "rental query --help")),
    (("query", "SELECT 1", "--json", "--csv"), ("--json and --csv", "one of them")),
    (("status", "--check", "--max-age", "9" * 30), ("--max-age", "15 minutes or 1 day")),
    (("generate", "--to", "sqlite:///x.db", "--listings", "9" * 13), ("--listings",)),
    (("generate", "--to", "sqlite:///x.db", "--seed", "9" * 30), ("--seed",)),
    (("generate", "--to", "sqlite:///x.db", "--dirty-rate", "nan"), ("--dirty-rate",)),
    (("generate", "--to", "sqlite:///x.db", "--end-date", "0001-01-01"), ("0001-01-01", "1980 to 2099")),
    (("generate", "--to", "sqlite:///x.db", "--end-date", "9999-12-31"), ("9999-12-31", "1980 to 2099")),
    (("generate", "--to", "sqlite:///x.db", "--advance", "9" * 13), ("--advance",)),
    (("generate", "--to", f"sqlite:///{LONG[:300]}"), ("File name too long", "choose another")),
    (("init", "--config", LONG[:300]), ("File name too long", "choose another")),
    (("run", "--step", "extrct"), ("extrct", "extract, transform, load-raw, load-curated, metrics")),
    (("run", "--set", "quality"), ("--set quality ", "section.key=value")),
    (("run", "--set", "quality=1"), ("--set quality ", "section.key=value")),
    (("run", "--set", "source.password secret"), ("--set source.password ", "section.key=value")),
    (("run", "--sett", "x"), ("--sett", "rental run --help")),
    (("backfill",), ("--from", "rental backfill --help")),
    (("backfill", "--from", "2024-03-01"), ("--to", "rental backfill --help")),
    (("backfill", "--from", "2024-03-01", "--to", "March"), ("--to", "March")),
    (("backfill", "--from", "2024-03-02", "--to", "2024-03-01"), ("2024-03-01", "2024-03-02", "first day")),
    (("query",), ("one statement", "rental query --file")),
    (("query", "SELECT 1", "--limit", "-1"), ("--limit", "rental query --help")),
    (("rn",), ("'rn'", "rental --help")),
    (("generate",), ("--to", "rental generate --help")),
    (("generate", "--to", "sqlite:///x.db", "--listings", "-1"), ("--listings",)),
    (("generate", "--to", "sqlite:///x.db", "--dirty-rate", "2"), ("--dirty-rate",)),
    (("generate", "--to", "sqlite:///x.db", "--dirty-rate", "0.95"), ("dirty", "0.9")),
    (("generate", "--to", "sqlite:///x.db", "--end-date", "soon"), ("--end-date", "soon")),
    (("generate", "--to", "sqlite:///x.db", "--listings", "0"), ("without listings",)),
    (("generate", "--to", "postgres://u:secret@host/x"), ("postgres", "sqlite:///")),
    (("generate", "--to", "sqlite://"), ("sqlite", "sqlite:///")),
    (("generate", "--to", "sqlite:///rental.toml/x.db"), ("rental.toml/x.db", "writable")),
    (("generate", "--to", "sqlite:///missing.db", "--advance", "1"), ("missing.db", "rental generate")),
    (("init",), ("rental.toml", "--force")),
    (("init", "--config", "rental.toml/x"), ("rental.toml/x", "folder you may write to")),
    (("init", "--config", "missing/x.toml"), ("missing/x.toml", "folder you may write to")),
    (("query", "SELECT 1"), ("warehouse.duckdb", "rental run")),
    (("status",), ("warehouse.duckdb", "rental run")),
    (("status", "some-run"), ("warehouse.duckdb", "rental run")),
    (("run", "--config", "missing.toml"), ("missing.toml", "rental init", "--config")),
    (("status", "--config", "missing.toml"), ("missing.toml", "rental init", "--config")),
    (("run", "--config", "."), ("cannot be read",)),
    (("run", "--set", "source.url=postgres://u:secret@host/x"), ("source.url", "postgres://u@host/x", "mysql://")),
    (("run", "--set", "source.url=mysql://[::1/x"), ("source.url", "mysql://user@host:3306/database")),
    (("run", "--set", "source.url=mysql://u:secret@host:port/x"), ("source.url", "mysql://u@host:port/x", "3306")),
    (("run", "--set", "source.url=mysql://u:secret@host"), ("mysql://u@host", "a database", "RENTAL_SOURCE__PASSWORD")),
    (("run", "--set", "source.url=mysql://u:sec@ret/@host/x"), ("mysql://u@host/x", "%40")),
    (("run", "--set", "source.url="), ("source.url", "sqlite:///FILE")),
    (("run", "--set", "lake.url=gs://bucket/x"), ("lake.url", "gs://bucket/x", "s3://bucket/prefix")),
    (("run", "--set", "lake.url="), ("lake.url", "a folder")),
    (
        ("run", "--set", "warehouse.url=redshift://x"),
        ("warehouse.url", "redshift://x", "redshift://workgroup/database?"),
    ),
    (("run", "--set", "warehouse.url=redshift://u:secret@x/db"), ("warehouse.url", "IAM", "no password")),
    (("run", "--set", "warehouse.url=redshift://x/db?password=secret"), ("warehouse.url", "password=***", "IAM")),
    (("run", "--set", "warehouse.url=redshift://x/db?user=a"), ("warehouse.url", "type=cluster")),
    (("run", "--set", "source.url=reader:secret@db/rental"), ("source.url 'reader@db/rental'", "mysql://user@host")),
    (("run", "--set", "warehouse.url=redshift://x/db?aws_key=secret"), ("warehouse.url", "aws_key=***")),
    (("run", "--set", "warehouse.url=redshift://x/db?region="), ("warehouse.url", "region=REGION")),
    (("run", "--set", "warehouse.url=redshift://x/db?region=narnia"), ("warehouse.url", "narnia", "eu-west-1")),
    (
        ("run", "--set", "warehouse.url=redshift://x/db?region=eu-west-1&region=eu-west-2"),
        ("warehouse.url", "eu-west-2"),
    ),
    (("run", "--set", "warehouse.url=redshift://Work_Group/db?region=eu-west-1"), ("warehouse.url", "Work_Group")),
    (
        (
            *("run", "--set", "warehouse.url=redshift://x/db?region=eu-west-1"),
            *("--set", "lake.url=s3://bucket/x", "--set", "lake.region=eu-west-2"),
        ),
        ("lake.region", "eu-west-2", "eu-west-1", "own region"),
    ),
    (
        ("run", "--set", "warehouse.iam_role=arn:foo"),
        ("warehouse.iam_role", "arn:foo", "arn:aws:iam::123456789012:role/"),
    ),
    (("run", "--set", "warehouse.iam_role=arn:aws:iam::123456789012:user/x"), ("warehouse.iam_role", "user/x")),
    (
        ("run", "--set", "warehouse.url=redshift://x/db?region=eu-west-1"),
        ("Redshift", "lake.url", "s3://bucket/prefix"),
    ),
    (("run", "--set", "warehouse.url=warehouse.duckdb"), ("warehouse.url", "duckdb:///FILE")),
]
CONFIGURATIONS: list[tuple[str, tuple[str, ...]]] = [
    ("[source\n", ("rental.toml", "line 1", "TOML")),
    ("source = 5 5\n", ("rental.toml", "line 1", "TOML")),
    ("\xff", ("rental.toml", "TOML")),
    ("", ("rental.toml", "source.url is missing", "RENTAL_SOURCE__URL")),
    ("[source]\npassword = 'geheim'\n", ("rental.toml", "source.url is missing", "RENTAL_SOURCE__URL")),
    ("[sauce]\nurl = 'x'\n", ("rental.toml: sauce is not a known key", "source, lake, engine")),
    (
        "[source]\nurl = 'x'\npasword = 'geheim'\n",
        ("rental.toml: source.pasword", "url, password, secret_arn, overlap"),
    ),
    ("[source]\nurl = 5\n", ("rental.toml: source.url", "string")),
    ("[quality]\nmax_rejected_share = 2\n[source]\nurl = 'x'\n", ("rental.toml: quality.max_rejected_share", "1")),
    ("tables = 5\n[source]\nurl = 'x'\n", ("rental.toml: tables must be a section", "[tables]")),
    ("[source]\nurl = 'x'\n[tables.nowhere]\nmode = 'append'\n", ("tables.nowhere", "apartments, bookings")),
    ("[source]\nurl = 'x'\n[tables.bookings]\nmode = 'often'\n", ("tables.bookings.mode", "'snapshot'")),
]
ORIGINS: list[tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = [
    ({"RENTAL_SAUCE__URL": "geheim"}, (), ("RENTAL_SAUCE__URL is not a known key", "source, lake")),
    ({"RENTAL_SOURCE__PASWORD": "geheim"}, (), ("RENTAL_SOURCE__PASWORD is not a known key", "url, password")),
    ({"RENTAL_QUALITY__MAX_REJECTED_SHARE": "all"}, (), ("RENTAL_QUALITY__MAX_REJECTED_SHARE: ", "number")),
    ({"RENTAL_SOURCE": "geheim"}, (), ("JSON", "RENTAL_SOURCE__URL")),
    ({}, ("sauce.url=x",), ("--set sauce is not a known key", "source, lake")),
    ({}, ("source.pasword=geheim",), ("--set source.pasword is not a known key", "url, password")),
    ({}, ("quality.max_rejected_share=all",), ("--set quality.max_rejected_share: ", "number")),
    ({"RENTAL_ENGINE__THREADS": "0"}, ("engine.memory=1GB",), ("RENTAL_ENGINE__THREADS: ", "1")),
    ({"RENTAL_ENGINE__THREADS": "0"}, ("engine.threads=none",), ("--set engine.threads: ", "integer")),
]


@pytest.fixture
def mysql_folder(configured: Path, mysql: MySqlServer) -> tuple[Path, str, str]:
    """A folder whose source is MariaDB, the database's name, and a login that needs `PASSWORD`."""
    database = mysql.create_database()
    generate(mysql.url(database), SMALL)
    user = f"reader_{database}"
    with mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute(f"GRANT SELECT ON {database}.* TO {user}@'%'")
    text = (configured / "rental.toml").read_text()
    url = mysql.url(database, user)
    (configured / "rental.toml").write_text(text.replace("sqlite:///marketplace.db", url))
    return configured, database, url


@pytest.fixture
def held_warehouse(loaded: Path) -> Iterator[Path]:
    """A loaded folder whose warehouse another process has open for writing."""
    command = [sys.executable, "-c", HOLD, str(loaded / "warehouse.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield loaded
        holder.communicate()


def set_source(folder: Path, url: str) -> tuple[str, ...]:
    return ("run", "--set", f"source.url={url}")


@pytest.mark.slow
def test_a_database_that_cannot_be_reached(configured: Path) -> None:
    url = f"mysql://reader@127.0.0.1:{free_port()}/rental"
    for debug in ((), ("--debug",)):
        result = rental_process(
            configured, *set_source(configured, url), *debug, env={"RENTAL_SOURCE__PASSWORD": PASSWORD}
        )
        assert_secret(result, PASSWORD)
        assert ("Traceback" in result.err) == bool(debug)
        assert result.code == FAILED
    assert_refused(rental_process(configured, *set_source(configured, url)), FAILED, url, "source.url")
    assert committed(configured) == {}


@pytest.mark.service
def test_a_wrong_password(mysql_folder: tuple[Path, str, str]) -> None:
    folder, _, url = mysql_folder
    for given in ({"RENTAL_SOURCE__PASSWORD": PASSWORD + "x"}, {"RENTAL_SOURCE__URL": url.replace("@", ":x%40y@", 1)}):
        result = rental_process(folder, "run", "--debug", env=given)
        assert "Traceback" in result.err
        assert_secret(result, PASSWORD)
        assert "x@y" not in result.err
        assert "x%40y" not in result.err
        refused = rental_process(folder, "run", env=given)
        assert_refused(refused, USAGE, url, "RENTAL_SOURCE__PASSWORD")
        assert_secret(refused, PASSWORD)
        assert "x%40y" not in refused.err
    assert committed(folder) == {}


@pytest.mark.service
def test_a_password_with_special_characters_logs_in(mysql_folder: tuple[Path, str, str], mysql: MySqlServer) -> None:
    folder, database, url = mysql_folder
    result = rental_process(folder, "run", env={"RENTAL_SOURCE__PASSWORD": PASSWORD}).ok()
    assert_secret(result, PASSWORD)
    in_url = mysql.url(database, f"reader_{database}", PASSWORD)
    extracting = ("run", "--step", "extract", "--json", "--debug")
    later = rental_process(folder, *extracting, env={"RENTAL_SOURCE__URL": in_url}).ok()
    assert_secret(later, PASSWORD)
    assert url != in_url
    stored = b"".join(files(folder).values())
    assert PASSWORD.encode() not in stored
    assert in_url.encode() not in stored


@pytest.mark.service
def test_an_unknown_database(mysql_folder: tuple[Path, str, str], rental: Rental) -> None:
    folder, database, url = mysql_folder
    missing = url.replace(f"/{database}", "/nowhere")
    result = rental(folder, *set_source(folder, missing), env={"RENTAL_SOURCE__PASSWORD": PASSWORD})
    # The server hides from a user without rights whether the database is there.
    assert_refused(result, USAGE, "nowhere")
    url_of_root = missing.replace(f"reader_{database}", "root")
    assert_refused(rental(folder, *set_source(folder, url_of_root)), USAGE, "no database nowhere", "source.url")


@pytest.mark.service
@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            "DROP TABLE bookings",
            ("table bookings", "let the user read it", "a view of that name", "tables.bookings.name"),
        ),
        ("ALTER TABLE bookings DROP COLUMN currency", ("bookings", "column currency", "put a view")),
        ("ALTER TABLE apartments MODIFY price VARCHAR(20)", ("apartments.price", "varchar(20)", "decimal")),
        ("ALTER TABLE bookings MODIFY checkin_date INT", ("bookings.checkin_date is int", "date")),
        ("ALTER TABLE user_viewing MODIFY is_wishlisted DATETIME", ("user_viewing.is_wishlisted", "boolean")),
    ],
)
def test_a_table_that_breaks_its_contract_in_mysql(
    mysql_folder: tuple[Path, str, str], mysql: MySqlServer, rental: Rental, change: str, parts: tuple[str, ...]
) -> None:
    folder, database, _ = mysql_folder
    if "checkin_date" in change or "is_wishlisted" in change:
        mysql.execute(f"DELETE FROM {change.split()[2]}", database)
    mysql.execute(change, database)
    result = rental(folder, "run", "--run-id", "r1", env={"RENTAL_SOURCE__PASSWORD": PASSWORD})
    line = assert_refused(result, USAGE, "step extract, run r1")
    assert all(part.lower() in line.lower() for part in parts), line
    assert committed(folder) == {"r1": set()}
    assert not (folder / "lake" / "raw").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (["DROP TABLE apartments"], ("table apartments", "a view of that name")),
        (["ALTER TABLE apartments DROP COLUMN title"], ("apartments", "column title", "put a view")),
        (
            [
                "DROP TABLE apartments",
                "CREATE TABLE apartments (id REAL, title TEXT, source TEXT, price TEXT, currency TEXT, "
                "listing_created_on DATETIME, is_active INT, last_modified_timestamp DATETIME)",
            ],
            ("apartments.id", "real", "a whole number"),
        ),
    ],
    ids=["no table", "no column", "wrong type"],
)
def test_a_table_that_breaks_its_contract_in_sqlite(
    folder: Path, rental: Rental, changes: list[str], parts: tuple[str, ...]
) -> None:
    change_source(folder, *changes)
    result = rental(folder, "run", "--run-id", "r1", "--step", "extract")
    assert_refused(result, USAGE, "step extract, run r1", *parts)
    assert committed(folder) == {"r1": set()}
    assert not (folder / "lake" / "raw").exists()


@pytest.mark.slow
def test_a_missing_sqlite_file(configured: Path) -> None:
    result = rental_process(configured, "run")
    assert_refused(result, USAGE, str(configured / "marketplace.db"), "rental generate")
    assert not (configured / "marketplace.db").exists()
    assert committed(configured) == {}


@pytest.mark.slow
def test_a_file_that_is_no_sqlite_database(configured: Path) -> None:
    text = "this is a text, and a long one, which no program takes for a database\n" * 100
    (configured / "marketplace.db").write_text(text)
    result = rental_process(configured, "run", "--run-id", "r1")
    assert_refused(result, FAILED, str(configured / "marketplace.db"), "SQLite")
    assert (configured / "marketplace.db").read_text() == text
    assert committed(configured) == {"r1": set()}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["rental.toml/lake", "rental.toml"])
def test_a_lake_that_cannot_be_written(folder: Path, target: str) -> None:
    before = files(folder)
    result = rental_process(folder, "run", "--set", f"lake.url={target}")
    assert_refused(result, USAGE, str(folder / target), "lake.url")
    assert files(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("target", ["rental.toml/warehouse.duckdb", "rental.toml", "lake?.duckdb"])
def test_a_warehouse_that_cannot_be_written(folder: Path, target: str) -> None:
    before = files(folder)
    result = rental_process(folder, "run", "--set", f"warehouse.url=duckdb:///{target}")
    assert_refused(result, USAGE, str(folder / target), "warehouse.url")
    left = files(folder)
    assert [name for name in left if name not in before] == ["lake/locks/0000000001.json"]
    assert before.items() <= left.items()


@pytest.mark.slow
def test_a_file_named_after_locks_is_not_taken_for_a_locked_one(folder: Path, rental: Rental) -> None:
    (folder / "lock.duckdb").write_text("no database " * 1000)
    for arguments in (("run",), ("status",)):
        result = rental(folder, *arguments, "--set", "warehouse.url=duckdb:///lock.duckdb")
        assert_refused(result, USAGE, str(folder / "lock.duckdb"))


@pytest.mark.slow
def test_a_warehouse_that_another_process_may_write_to(held_warehouse: Path) -> None:
    before = committed(held_warehouse)
    for arguments in (("run",), ("query", "SELECT 1"), ("status",)):
        result = rental_process(held_warehouse, *arguments)
        parts = (str(held_warehouse / "warehouse.duckdb"), "(PID ", "open for writing", "close that program")
        assert_refused(result, LOCKED, *parts)
    assert committed(held_warehouse) == before


@pytest.mark.service
def test_a_bucket_that_is_not_there(folder: Path, s3: S3Server) -> None:
    result = rental_process(folder, "run", "--set", "lake.url=s3://no-such-bucket/lake", env=s3.environment())
    assert_refused(result, USAGE, "s3://no-such-bucket/lake", "NoSuchBucket", "make the bucket")
    assert not (folder / "warehouse.duckdb").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "code", "parts"),
    [
        (("lake.url=s3://Wrong_Bucket!/x",), USAGE, ("Wrong_Bucket!", "lake.url")),
        (("lake.url=s3://bucket/x", "lake.endpoint=nonsense"), USAGE, ("s3://bucket/x", "nonsense", "lake.endpoint")),
        (("lake.url=s3://bucket/x", "lake.endpoint=http://127.0.0.1:{port}"), FAILED, ("127.0.0.1:{port}", "network")),
    ],
    ids=["bucket name", "endpoint", "closed port"],
)
def test_a_lake_that_cannot_be_reached(
    folder: Path,
    rental: Rental,
    monkeypatch: pytest.MonkeyPatch,
    settings: tuple[str, ...],
    code: int,
    parts: tuple[str, ...],
) -> None:
    # The client waits longer and longer between its attempts; no thread of this process may go round without a pause.
    sleep = time.sleep
    monkeypatch.setattr("time.sleep", lambda _: sleep(0.001))
    port = str(free_port())
    chosen = [argument for setting in settings for argument in ("--set", setting.replace("{port}", port))]
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": PASSWORD, "AWS_DEFAULT_REGION": "eu-west-1"}
    result = rental(folder, "run", *chosen, env=keys)
    assert_refused(result, code, *(part.replace("{port}", port) for part in parts))
    assert_secret(result, PASSWORD)
    assert not (folder / "warehouse.duckdb").exists()


@pytest.mark.slow
def test_no_credentials_for_the_lake(folder: Path) -> None:
    result = rental_process(folder, "run", "--set", "lake.url=s3://bucket/x", "--set", "lake.region=eu-west-1")
    assert_refused(result, USAGE, "s3://bucket/x", "credentials")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("UPDATE apartments SET price = 'cheap', {now} WHERE id = {id}", ("apartments.price", "'cheap'", "id {id}")),
        ("UPDATE apartments SET is_active = 2, {now} WHERE id = {id}", ("apartments.is_active", "'2'", "id {id}")),
        (
            "UPDATE apartments SET listing_created_on = '2023-02-30', {now} WHERE id = {id}",
            ("apartments.listing_created_on", "'2023-02-30'", "id {id}"),
        ),
        ("UPDATE apartments SET price = 1.234, {now} WHERE id = {id}", ("apartments.price", "'1.234'", "id {id}")),
    ],
    ids=["text for a number", "2 for a boolean", "no such day", "too many decimals"],
)
def test_a_value_that_does_not_fit(loaded: Path, rental: Rental, change: str, parts: tuple[str, ...]) -> None:
    listing = ask_warehouse(loaded, "SELECT MIN(listing_id) FROM curated.listings")[0][0]
    before, lake = warehouse_tables(loaded), files(loaded / "lake" / "raw")
    now = "last_modified_timestamp = strftime('%Y-%m-%d %H:%M:%f', 'now')"
    change_source(loaded, change.format(now=now, id=listing))
    result = rental(loaded, "run", "--run-id", "second")
    assert_refused(result, FAILED, "step extract, run second", *(part.format(id=listing) for part in parts))
    assert committed(loaded)["second"] == set()
    assert warehouse_tables(loaded) == before
    assert files(loaded / "lake" / "raw").items() >= lake.items()


@pytest.mark.slow
def test_too_many_rejected_rows_load_nothing_until_they_are_allowed(loaded: Path) -> None:
    before = warehouse_tables(loaded)
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    change_source(loaded, f"UPDATE bookings SET total_price = -1, updated_at = {now} WHERE booking_id % 2 = 0")
    stopped = rental_process(loaded, "run", "--run-id", "second")
    line = assert_refused(
        stopped, QUALITY, "step transform, run second", "bookings", "negative_price", "the limit is 20%"
    )
    assert "--resume second" in line
    assert committed(loaded)["second"] == {"extract", "transform"}
    assert warehouse_tables(loaded) == before
    assert_refused(rental_process(loaded, "run", "--resume", "second"), QUALITY, "negative_price")
    assert warehouse_tables(loaded) == before

    rental_process(loaded, "run", "--set", "quality.max_rejected_share=1", "--resume", "second").ok()
    assert committed(loaded)["second"] == committed(loaded)["first"]
    after = warehouse_tables(loaded)
    assert len(after["curated.bookings"]) < len(before["curated.bookings"])
    accounting = "FROM ops.row_accounting SELECT extracted, rejected"
    extracted, rejected = ask_warehouse(loaded, f"{accounting} WHERE run_id = 'second' AND table_name = 'bookings'")[0]
    assert len(before["curated.bookings"]) - len(after["curated.bookings"]) == rejected == extracted


@pytest.mark.slow
def test_resuming_and_naming_runs(loaded: Path, rental: Rental) -> None:
    before = warehouse_tables(loaded, bookkeeping=False)
    rental(loaded, "run", "--run-id", "begun", "--step", "extract").ok()
    rental(loaded, "run", "--run-id", "newer").ok()
    assert_refused(rental(loaded, "run", "--resume", "begun"), USAGE, "begun", "run newer includes its rows")
    assert_refused(rental(loaded, "run", "--resume", "unknown"), USAGE, "no run unknown", "rental status")
    assert_refused(rental(loaded, "run", "--resume", "../../runs/first"), USAGE, "runs/first")
    assert_refused(rental(loaded, "run", "--run-id", "first"), USAGE, "Run first exists", "--resume first")
    for name in ("a b", "../x", "x" * 101, ".hidden"):
        assert_refused(rental(loaded, "run", "--run-id", name), USAGE, repr(name), "letters, digits")
    assert_refused(rental(loaded, "run", "--resume", "first", "--run-id", "x"), USAGE, "--resume", "leave out --run-id")
    assert_refused(rental(loaded, "status", "unknown"), USAGE, "no run unknown")
    assert set(committed(loaded)) == {"first", "begun", "newer"}
    assert warehouse_tables(loaded, bookkeeping=False) == before


@pytest.mark.fast
@pytest.mark.parametrize(
    ("arguments", "parts"), ARGUMENTS, ids=[ascii(" ".join(arguments))[:80] for arguments, _ in ARGUMENTS]
)
def test_arguments(folder: Path, rental: Rental, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    before = files(folder)
    result = rental(folder, *arguments)
    assert_refused(result, USAGE, *parts)
    assert len(result.err.splitlines()) == 1
    assert_secret(result, "secret")
    assert files(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", [("run",), ("query", "SELECT 1"), ("status",), ("report",)])
def test_no_configuration(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert_refused(rental_process(tmp_path, *command), USAGE, "rental.toml", "rental init")
    assert files(tmp_path) == {}


@pytest.mark.fast
@pytest.mark.parametrize(("text", "parts"), CONFIGURATIONS, ids=[parts[-2] for _, parts in CONFIGURATIONS])
def test_a_wrong_configuration_file(folder: Path, rental: Rental, text: str, parts: tuple[str, ...]) -> None:
    (folder / "rental.toml").write_text(text, encoding="latin-1")
    before = files(folder)
    result = rental(folder, "run")
    assert_refused(result, USAGE, *parts)
    assert_secret(result, "geheim")
    debug = rental(folder, "--debug", "run")
    assert "Traceback" in debug.err
    assert debug.code == USAGE
    assert_secret(debug, "geheim")
    assert files(folder) == before


@pytest.mark.fast
@pytest.mark.parametrize(("env", "settings", "parts"), ORIGINS, ids=[parts[0] for *_, parts in ORIGINS])
def test_a_wrong_setting_is_told_with_where_it_came_from(
    folder: Path, rental: Rental, env: dict[str, str], settings: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    before = files(folder)
    result = rental(folder, "run", *(argument for setting in settings for argument in ("--set", setting)), env=env)
    assert_refused(result, USAGE, *parts)
    assert_secret(result, "geheim")
    assert files(folder) == before


@pytest.mark.slow
def test_exchange_rates_that_cannot_be_read(folder: Path, rental: Rental) -> None:
    (folder / "rates.csv").write_text("day,rate\n2024-01-01,1\n")
    parts = ("step transform, run r1", str(folder / "rates.csv"), "rate_date,currency,usd_per_unit")
    assert_refused(rental(folder, "run", "--run-id", "r1"), USAGE, *parts)
    assert committed(folder) == {"r1": {"extract"}}
    (folder / "rates.csv").unlink()
    assert_refused(rental(folder, "run", "--resume", "r1"), USAGE, *parts)
    assert warehouse_tables(folder) == {}


@pytest.mark.slow
@pytest.mark.parametrize("sql", WRITING)
def test_a_query_that_would_write_or_read_files(loaded: Path, rental: Rental, sql: str) -> None:
    before = files(loaded)
    for arguments in (("query", sql), ("query", "--json", sql)):
        assert_refused(rental(loaded, *arguments), USAGE)
    assert files(loaded) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("", ("but there are 0",)),
        (" ; ", ("but there are 0",)),
        ("SELECT 1; SELECT 2", ("but there are 2", "one by one")),
        ("SELECT 1; DROP TABLE ops.runs", ("but there are 2",)),
        ("SELEC 1", ("syntax error", "SELEC")),
        ("SELECT * FROM nowhere", ("nowhere", "information_schema.tables")),
        ("SELECT nothing FROM ops.runs", ("nothing",)),
        ("SELECT CAST('x' AS INTEGER)", ("'x'",)),
    ],
)
def test_a_query_that_is_wrong(loaded: Path, rental: Rental, sql: str, parts: tuple[str, ...]) -> None:
    result = rental(loaded, "query", sql)
    assert_refused(result, USAGE, *parts)
    assert len(result.err.splitlines()) == 1


@pytest.mark.slow
def test_generating_over_a_marketplace(folder: Path) -> None:
    before = files(folder)
    arguments = (
        "generate",
        "--to",
        "sqlite:///marketplace.db",
        "--listings",
        "1",
        "--bookings",
        "1",
        "--viewings",
        "1",
    )
    assert_refused(rental_process(folder, *arguments), USAGE, "marketplace.db", "apartments", "nothing was changed")
    assert files(folder) == before
    rental_process(folder, *arguments, "--replace").ok()
    assert files(folder) != before


@pytest.mark.service
def test_generating_into_mysql(tmp_path: Path, mysql: MySqlServer, rental: Rental) -> None:
    small = ("--listings", "2", "--bookings", "1", "--viewings", "1")
    database = mysql.create_database()
    rental(tmp_path, "generate", "--to", mysql.url(database), *small).ok()
    for url, parts in {
        mysql.url(database): (database, "apartments", "nothing was changed"),
        mysql.url("nowhere"): ("nowhere", "1049", "create the database"),
        mysql.url(database, "nobody", PASSWORD): ("nobody", "1045", "password"),
        f"mysql://root@127.0.0.1:{free_port()}/x": ("127.0.0.1", "2003", "server runs"),
    }.items():
        result = rental(tmp_path, "generate", "--to", url, *small)
        assert_refused(result, USAGE, *parts)
        assert_secret(result, PASSWORD)


@pytest.mark.slow
def test_a_full_disk_and_an_error_nobody_foresaw(loaded: Path, rental: Rental, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = warehouse_tables(loaded)
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        assert_refused(rental(loaded, "run"), FAILED, "No space left on device", "make room")
    monkeypatch.setattr(LocalLake, "check_writable", full)
    assert_refused(rental(loaded, "run"), FAILED, "No space left on device", "--debug")
    debug = rental(loaded, "run", "--debug")
    assert "Traceback" in debug.err
    assert debug.code == FAILED
    assert warehouse_tables(loaded) == before


@pytest.mark.slow
def test_a_reader_that_stops_reading(loaded: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "query", "FROM range(50000)", "--json", "--limit", "0"],
        cwd=loaded,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() in {0, 1}


@pytest.mark.slow
def test_no_temporary_folders_stay(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    for arguments in (("run", "--set", "warehouse.url=nonsense"), ("run", "--set", "source.url=nonsense"), ("run",)):
        rental_process(folder, *arguments, env={"TMPDIR": str(temporary)})
        assert list(temporary.iterdir()) == []


@pytest.mark.fast
def test_a_login_or_a_lake_that_needs_a_package_that_is_missing(
    folder: Path, rental: Rental, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(**_: object) -> None:
        raise RuntimeError("'cryptography' package is required for caching_sha2_password")

    monkeypatch.setattr("pymysql.connect", connect)
    result = rental(folder, "run", "--set", f"source.url=mysql://u:{PASSWORD[:4]}@db.example/x")
    assert_refused(result, USAGE, "mysql://u@db.example:3306/x", "cryptography", "install")
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert_refused(rental(folder, "run", "--set", "lake.url=s3://bucket/x"), USAGE, "boto3", "make setup")
