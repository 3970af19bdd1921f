"""The throwaway servers behave as the tests that use them assume."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from servers import process
from servers.chromium import Chromium
from servers.mysql import MySqlServer, start_mysql
from servers.postgresql import PostgreSQL
from servers.process import running
from servers.s3 import S3Server

MEBIBYTE = 1024 * 1024


@pytest.fixture
def client(s3: S3Server) -> Iterator[Any]:
    with closing(s3.client()) as client:
        yield client


@pytest.mark.service
def test_mysql_gives_each_test_its_own_database(mysql: MySqlServer) -> None:
    first, second = mysql.create_database(), mysql.create_database()
    mysql.execute("CREATE TABLE bookings (title VARCHAR(20))", first)
    mysql.execute("INSERT INTO bookings VALUES ('Zürich 🏠')", first)

    assert mysql.execute("SELECT title FROM bookings", first) == [("Zürich 🏠",)]
    assert mysql.execute("SHOW TABLES", second) == []


@pytest.mark.service
def test_mysql_loads_local_files(mysql: MySqlServer, tmp_path: Path) -> None:
    database = mysql.create_database()
    rows = tmp_path / "rows.tsv"
    rows.write_text("1\n2\n")
    mysql.execute("CREATE TABLE listings (id BIGINT)", database)
    mysql.execute(f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE listings", database)

    assert mysql.execute("SELECT SUM(id) FROM listings", database) == [(3,)]


@pytest.mark.service
def test_mysql_listens_on_loopback_only(mysql: MySqlServer) -> None:
    assert mysql.execute("SELECT @@bind_address, @@character_set_server") == [("127.0.0.1", "utf8mb4")]


@pytest.mark.service
def test_postgresql_gives_each_test_its_own_database(postgresql: PostgreSQL) -> None:
    first, second = postgresql.create_database(), postgresql.create_database()
    postgresql.execute("CREATE TABLE bookings AS SELECT 'Zürich 🏠' AS title", first)

    assert postgresql.execute("SELECT title FROM bookings", first) == [("Zürich 🏠",)]
    assert postgresql.execute("SELECT to_regclass('bookings')", second) == [(None,)]


@pytest.mark.service
def test_postgresql_is_in_utc_and_compares_bytes(postgresql: PostgreSQL) -> None:
    settings = "current_setting('TimeZone'), current_setting('listen_addresses'), 'Z' < 'a', 'z' < 'é'"

    assert postgresql.execute(f"SELECT {settings}") == [("UTC", "127.0.0.1", True, True)]


@pytest.mark.service
def test_chromium_tells_what_a_page_asks_for_and_what_goes_wrong(chromium: Chromium, tmp_path: Path) -> None:
    file, rules = tmp_path / "page.html", "default-src 'none'; script-src 'unsafe-inline'"
    file.write_text(
        f'<meta http-equiv="Content-Security-Policy" content="{rules}"><title>Zürich</title>'
        '<button onclick="document.title += 1">+</button><img src="there.png"><script>gone()</script>'
    )
    with chromium.page() as page:
        page.open(file)
        page.click("button")
        page.evaluate("document.querySelector('button').focus()")
        page.press("Enter")

        assert page.evaluate("document.title") == "Zürich11"
        assert any("there.png" in problem for problem in page.problems)
        assert any("gone is not defined" in problem for problem in page.problems)
        assert page.requests[0] == file.as_uri()
    with chromium.page(dark=True, scripts=False) as page:
        page.open(file)
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert not any("gone" in problem for problem in page.problems)


@pytest.mark.fast
def test_mysql_url_escapes_the_password() -> None:
    server = MySqlServer("mysql", "127.0.0.1", 3306)

    assert server.url("rental") == "mysql://root@127.0.0.1:3306/rental"
    assert server.url("rental", "reader", "p@ss/word") == "mysql://reader:p%40ss%2Fword@127.0.0.1:3306/rental"


@pytest.mark.service
def test_a_server_of_ones_own_takes_options_and_goes_away() -> None:
    with start_mysql(options=["--default-time-zone=+07:00", "--sql-mode="]) as server:
        assert server.execute("SELECT @@time_zone, @@sql_mode") == [("+07:00", "")]

    with pytest.raises(OSError, match="refused"):
        socket.create_connection((server.host, server.port), timeout=5)


@pytest.mark.service
def test_a_server_that_cannot_start_shows_its_log() -> None:
    with pytest.raises(RuntimeError, match=r"stopped with exit code(.|\n)*no-such-option"):
        start_mysql(options=["--no-such-option=1"]).__enter__()


@pytest.mark.slow
def test_a_server_that_never_answers_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START_SECONDS", 0.2)
    server = running(["sleep", "60"], log=tmp_path / "log", is_ready=lambda: False)

    with pytest.raises(RuntimeError, match="did not answer"):
        server.__enter__()


@pytest.mark.fast
def test_a_missing_server_program_ends_the_run() -> None:
    with pytest.raises(pytest.exit.Exception, match=r"no-such-program.*Install it\."):
        process.find_program("no-such-program", "Install it.")


@pytest.mark.service
def test_s3_refuses_to_overwrite_when_asked_to(s3: S3Server, client: Any) -> None:
    from botocore.exceptions import ClientError

    bucket = s3.create_bucket()
    client.put_object(Bucket=bucket, Key="lock", Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError) as refusal:
        client.put_object(Bucket=bucket, Key="lock", Body=b"second", IfNoneMatch="*")

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert client.get_object(Bucket=bucket, Key="lock")["Body"].read() == b"first"


@pytest.mark.service
def test_s3_takes_multipart_uploads(s3: S3Server, client: Any) -> None:
    bucket = s3.create_bucket()
    upload = client.create_multipart_upload(Bucket=bucket, Key="part-0.parquet")
    target = {"Bucket": bucket, "Key": "part-0.parquet", "UploadId": upload["UploadId"]}
    bodies = [b"a" * 5 * MEBIBYTE, b"b"]
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**target, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, start=1)
    ]
    client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})

    assert client.get_object(Bucket=bucket, Key="part-0.parquet")["Body"].read() == b"".join(bodies)


@pytest.mark.service
def test_s3_gives_each_test_its_own_bucket(s3: S3Server, client: Any) -> None:
    first, second = s3.create_bucket(), s3.create_bucket()
    client.put_object(Bucket=first, Key="key", Body=b"1")

    assert client.list_objects_v2(Bucket=second)["KeyCount"] == 0
