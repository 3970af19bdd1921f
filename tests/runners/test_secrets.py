"""The login from Secrets Manager: fetched when it is first needed, anew when it was changed, and never shown."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from rental_analytics.aws import secrets
from rental_analytics.aws.objects import read_text_object
from rental_analytics.aws.secrets import secret_login
from rental_analytics.errors import ConfigurationError, LakeUnavailableError, RentalError, SourceUnavailableError
from rental_analytics.runners.glue import JobFailed, main
from rental_analytics.settings import load_settings
from rental_analytics.wiring import make_database
from runners.jobs import Jobs, status
from runs.harness import Pipeline, Source, failure
from servers.mysql import MySqlServer
from servers.s3 import REGION, S3Server

PASSWORD = "geh@im:/%#?ä und lang"
NEW_PASSWORD = "ein anderes"
ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rental-AbCdEf"
_numbers = count(1)


@pytest.fixture
def cloud(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture
def keep(cloud: S3Server) -> Callable[..., str]:
    """Puts a text into a new secret; gives its ARN."""

    def put(text: str) -> str:
        with closing(cloud.client("secretsmanager")) as client:
            return str(client.create_secret(Name=f"rental-{next(_numbers)}", SecretString=text)["ARN"])

    return put


def login_text(password: str, user: str = "reader") -> str:
    """As RDS writes it."""
    return json.dumps({"username": user, "password": password, "host": "elsewhere", "port": 1, "dbname": "other"})


@pytest.mark.service
def test_login_is_that_of_the_secret(keep: Callable[..., str]) -> None:
    assert secret_login(keep(login_text(PASSWORD)))() == ("reader", PASSWORD)


@pytest.mark.service
@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        "{",
        "[]",
        json.dumps({"user": "reader", "password": PASSWORD}),
        json.dumps({"username": "reader"}),
        "{}",
    ],
)
def test_secret_that_is_no_login_is_told_without_its_content(keep: Callable[..., str], text: str) -> None:
    secret = keep(text)
    error = failure(secret_login(secret))
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith(f"The secret {secret} is not a login. Remedy: let it hold JSON")
    assert error.__cause__ is None and PASSWORD not in repr(error.__context__)


@pytest.mark.service
def test_secret_that_is_not_there_is_told(cloud: S3Server) -> None:
    error = failure(secret_login(f"arn:aws:secretsmanager:{REGION}:000000000000:secret:none-AbCdEf"))
    assert isinstance(error, ConfigurationError)
    assert "secret:none-AbCdEf does not exist. Remedy: correct source.secret_arn." in str(error)


class _Refusal(BaseHTTPRequestHandler):
    """Answers everything with one error."""

    status, code, regions = 400, "", list[str]()

    def do_POST(self) -> None:
        self.regions.append(self.headers["Authorization"].split("/")[2])
        self._refuse(json.dumps({"__type": self.code, "Message": "no."}))

    def do_GET(self) -> None:
        self._refuse(f"<Error><Code>{self.code}</Code><Message>no.</Message></Error>")

    def _refuse(self, body: str) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Makes AWS answer everything with an error."""
    handler = type("Handler", (_Refusal,), {"regions": _Refusal.regions})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, REGION)
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)

        def refuse(code: str, status: int) -> None:
            handler.code, handler.status = code, status

        yield refuse
        server.shutdown()


@pytest.mark.service
@pytest.mark.parametrize(
    ("code", "status", "kind", "told"),
    [
        ("AccessDeniedException", 400, ConfigurationError, "may not be read: AccessDeniedException. Remedy: grant sec"),
        ("DecryptionFailure", 400, ConfigurationError, "may not be read: DecryptionFailure. Remedy: grant"),
        ("InvalidRequestException", 400, ConfigurationError, "cannot be read: InvalidRequestException."),
        ("ThrottlingException", 400, SourceUnavailableError, "could not be read: ThrottlingException."),
        ("InternalServiceError", 500, SourceUnavailableError, "could not be read: InternalServiceError."),
    ],
)
def test_refusals_of_secrets_manager(
    refusing: Callable[[str, int], None], code: str, status: int, kind: type[RentalError], told: str
) -> None:
    refusing(code, status)
    _Refusal.regions.clear()
    error = failure(secret_login(ARN))
    assert (type(error), error.transient) == (kind, kind is SourceUnavailableError)
    assert f"The secret {ARN} {told}" in str(error)
    assert set(_Refusal.regions) == {"eu-west-1"}


@pytest.mark.service
@pytest.mark.parametrize(
    ("code", "status", "kind", "told"),
    [
        (
            "AccessDenied",
            403,
            ConfigurationError,
            "may not be read: AccessDenied. Remedy: grant s3:GetObject on arn:aws:s3:::bucket/rental.toml.",
        ),
        ("SlowDown", 503, LakeUnavailableError, "could not be read: SlowDown."),
    ],
)
def test_refusals_of_the_bucket_with_the_configuration(
    refusing: Callable[[str, int], None], code: str, status: int, kind: type[RentalError], told: str
) -> None:
    refusing(code, status)
    error = failure(read_text_object, "s3://bucket/rental.toml")
    assert type(error) is kind and f"The object s3://bucket/rental.toml {told}" in str(error)


@pytest.mark.slow
def test_cloud_that_cannot_be_reached_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    assert isinstance(failure(secret_login(ARN)), SourceUnavailableError)
    assert isinstance(failure(read_text_object, "s3://bucket/rental.toml"), LakeUnavailableError)


@pytest.mark.slow
def test_credentials_that_are_missing_are_told() -> None:
    error = failure(secret_login(ARN))
    assert isinstance(error, ConfigurationError) and "give this process AWS credentials" in error.remedy


@pytest.mark.fast
@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "s3:///key"])
def test_url_that_names_no_object(url: str) -> None:
    assert "names no object" in str(failure(read_text_object, url))


@pytest.mark.service
def test_object_that_is_not_there_or_no_text(cloud: S3Server) -> None:
    bucket = cloud.create_bucket()
    with closing(cloud.client()) as client:
        client.put_object(Bucket=bucket, Key="binary", Body=b"\xff\xfe\x00")
    assert "does not exist" in str(failure(read_text_object, f"s3://{bucket}/none.toml"))
    assert "is not valid UTF-8" in str(failure(read_text_object, f"s3://{bucket}/binary"))


@pytest.mark.service
def test_configuration_in_a_bucket_is_named_by_its_url(cloud: S3Server) -> None:
    bucket = cloud.create_bucket()
    with closing(cloud.client()) as client:
        client.put_object(Bucket=bucket, Key="rental.toml", Body=b"[source\n")
        client.put_object(Bucket=bucket, Key="other.toml", Body=b"[source]\npasword = 1\n")
    for name, told in (("rental.toml", " is not valid TOML"), ("other.toml", ": source.")):
        url = f"s3://{bucket}/{name}"
        with pytest.raises(JobFailed, match=re.escape(f"ConfigurationError: {url}{told}")) as failed:
            main(["--step", "extract", "--run_id", "nightly", "--config", url])
        assert failed.value.exit_code == 2


@pytest.mark.fast
@pytest.mark.parametrize(
    ("url", "password", "told"),
    [
        ("mysql://reader@db/rental", PASSWORD, "give one of them only"),
        ("mysql://reader:x@db/rental", "", "give one of them only"),
        ("sqlite:///m.db", "", "A SQLite file has no login"),
        ("mysql://db", "", "lacks a user, a host or a database"),
    ],
)
def test_secret_beside_another_login_is_refused(tmp_path: Path, url: str, password: str, told: str) -> None:
    file = tmp_path / "rental.toml"
    file.write_text(f'[source]\nurl = "{url}"\nsecret_arn = "{ARN}"\n')
    given = [f"source.password={password}"] if password else []
    error = failure(lambda: make_database(load_settings(file, given)))
    assert told in str(error) and PASSWORD not in str(error)


@pytest.fixture
def reader(mysql: MySqlServer) -> Iterator[tuple[str, str]]:
    """A database with a marketplace, and a user of it with a password."""
    database, user = mysql.create_database(), f"reader_{next(_numbers)}"
    mysql.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{PASSWORD}'")
    mysql.execute(f"GRANT SELECT ON {database}.* TO {user}@'%'")
    with closing(mysql.connect(database)) as connection, connection.cursor() as cursor:
        source = Source("", cursor.execute)
        source.create(optional=True)
        source.insert("apartments", {"id": 1})
        source.insert("bookings", {"booking_id": 1})
        source.insert("user_viewing", {})
    yield database, user
    mysql.execute(f"DROP USER {user}@'%'")


@pytest.mark.service
def test_jobs_on_a_bucket_with_configuration_and_login_from_aws(
    cloud: S3Server, keep: Callable[..., str], mysql: MySqlServer, reader: tuple[str, str], tmp_path: Path
) -> None:
    database, user = reader
    secret, bucket = keep(login_text(PASSWORD, user)), cloud.create_bucket()
    pipeline = Pipeline(
        tmp_path / "run",
        f"mysql://{mysql.host}:{mysql.port}/{database}",
        f"lake.url=s3://{bucket}/lake",
        f"source.secret_arn={secret}",
        f"warehouse.url=duckdb:///{tmp_path / 'run' / 'warehouse.duckdb'}",
        f"reference.exchange_rates={tmp_path / 'run' / 'rates.csv'}",
    )
    config = f"s3://{bucket}/config/rental.toml"
    with closing(cloud.client()) as client:
        client.upload_file(str(pipeline.folder / "rental.toml"), bucket, "config/rental.toml")
    jobs = Jobs(pipeline)
    end = jobs.do_all("nightly", config=config)
    assert end.code == 0, end.errors
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(1,)]
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]
    assert PASSWORD not in json.dumps(end.lines, ensure_ascii=False)
    with closing(cloud.client()) as client:
        for item in client.list_objects_v2(Bucket=bucket, Prefix="lake/")["Contents"]:
            assert PASSWORD.encode() not in client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
    # A password that is changed between two runs, or while one is at work, is fetched anew.
    mysql.execute(f"ALTER USER {user}@'%' IDENTIFIED BY '{NEW_PASSWORD}'")
    refused = jobs.do("extract", "refused", config=config)
    assert refused.code == 2 and refused.last_error.startswith("ConfigurationError: The server refused the login to")
    with closing(cloud.client("secretsmanager")) as client:
        client.put_secret_value(SecretId=secret, SecretString=login_text(NEW_PASSWORD, user))
    # The other jobs have no login.
    assert jobs.do("extract", "next", config=config).code == 0


@pytest.mark.service
def test_login_is_fetched_when_it_is_needed_and_once_more_when_it_is_refused(
    mysql: MySqlServer, reader: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, user = reader
    passwords, fetched, hidden = [PASSWORD], [0], list[str]()

    def login(secret: str, region: str | None) -> Callable[[], tuple[str, str]]:
        def fetch() -> tuple[str, str]:
            fetched[0] += 1
            return user, passwords[0]

        return fetch

    monkeypatch.setattr(secrets, "secret_login", login)
    file = tmp_path / "rental.toml"
    url = f"mysql://{mysql.host}:{mysql.port}/{database}"
    file.write_text(f'[source]\nurl = "{url}"\nsecret_arn = "{ARN}"\n')
    source = make_database(load_settings(file), hidden.append)
    assert (fetched[0], source.display_url) == (0, url)
    source.server_time()
    source.catalogue()
    assert fetched[0] == 1 and PASSWORD in hidden
    mysql.execute(f"ALTER USER {user}@'%' IDENTIFIED BY '{NEW_PASSWORD}'")
    passwords[0] = NEW_PASSWORD
    source.server_time()
    with source.read("SELECT COUNT(*) AS counted FROM bookings") as rows:
        assert rows.read_all().to_pylist() == [{"counted": 1}]
    assert fetched[0] == 2
    passwords[0] = "wrong"
    mysql.execute(f"ALTER USER {user}@'%' IDENTIFIED BY '{PASSWORD}'")
    error = failure(source.server_time)
    assert isinstance(error, ConfigurationError) and fetched[0] == 3
