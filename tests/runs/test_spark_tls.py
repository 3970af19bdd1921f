"""`source.tls_ca`: an authority of one's own is trusted by Python and by both JDBC drivers, and no other one is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.databases.base import ParallelDatabase
from rental_analytics.databases.mysql.authorities import certificates_in
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.engines.spark import trust
from rental_analytics.engines.spark.errors import translated
from rental_analytics.engines.spark.trust import TrustStores
from rental_analytics.errors import ConfigurationError
from runs.harness import Pipeline, Source, failure
from servers.certificates import Authority, make_authority
from servers.mysql import KINDS, MySqlServer, start_mysql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.service

DRIVERS = ("com.mysql.cj.jdbc.Driver", "org.mariadb.jdbc.Driver")
PASSWORD = "geheim"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """It has the name of the first one, and another key."""
    return make_authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[MySqlServer]:
    with start_mysql(options=authority.issue("localhost"), kind=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def source(server: MySqlServer) -> Source:
    """A marketplace whose reader has to encrypt."""
    source = Source.mysql(server)
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("apartment_attributes", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    source.insert("user_viewing", {})
    server.execute(f"CREATE USER reader@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
    server.execute("GRANT ALL ON *.* TO reader@'%'")
    return source


def database(source: Source, tls: str, authorities: str | None, host: str = "localhost") -> MySqlDatabase:
    place, _, name = source.url.rpartition("@")[2].partition("/")
    port = int(place.rpartition(":")[2])
    return MySqlDatabase(host, port, "reader", PASSWORD, name, tls, authorities=authorities)


def read(spark: SparkSession, parallel: ParallelDatabase, driver: str, stores: TrustStores) -> list[Any]:
    """Rows by way of a JDBC driver, as the engine gives it what it needs."""
    access = parallel.access()
    properties = stores.properties(spark, parallel)
    reader = spark.read.format("jdbc").options(
        url=access.url, dbtable="bookings", driver=driver, sessionInitStatement=access.session
    )
    with translated():
        return reader.options(**access.properties, **properties).load().select("booking_id").collect()


def refused(call: Callable[[], object]) -> None:
    error = failure(call)
    assert isinstance(error, ConfigurationError)
    assert (error.reason, "source.tls_ca" in error.remedy) == ("certificate-not-valid", True)


@pytest.mark.parametrize("tls", ["verify_ca", "verify_identity"])
def test_own_authority_is_trusted_and_another_is_not(
    source: Source, authority: Authority, other: Authority, tls: str
) -> None:
    for authorities in (None, other.file.read_text()):
        refused(database(source, tls, authorities).server_time)
    # A bundle has many, with texts between them.
    bundle = "Für Kundinnen\n".encode() + other.file.read_bytes() + b"# more\r\n" + authority.file.read_bytes()
    own = certificates_in(bundle, "bundle.pem")
    assert own.count("BEGIN CERTIFICATE") == 2
    assert database(source, tls, own).server_time()
    elsewhere = database(source, tls, own, host="127.0.0.1")
    if tls == "verify_ca":
        assert elsewhere.server_time()
    else:
        refused(elsewhere.server_time)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("tls", ["verify_ca", "verify_identity"])
def test_spark_s_drivers_check_the_certificate_themselves(
    spark: SparkSession, source: Source, authority: Authority, other: Authority, tmp_path: Path, driver: str, tls: str
) -> None:
    """Python looks first: the driver alone is told of another authority, or another host."""
    own, another = authority.file.read_text(), other.file.read_text()
    parallel: Any = database(source, tls, own).parallel()
    stores = TrustStores(tmp_path)
    for authorities in (another, own, another + own):
        parallel.authorities = authorities
        if authorities == another:
            refused(lambda: read(spark, parallel, driver, stores))
        else:
            assert [row[0] for row in read(spark, parallel, driver, stores)] == [1]
    parallel._address = parallel._address.replace("localhost", "127.0.0.1")
    if tls == "verify_ca":
        assert len(read(spark, parallel, driver, stores)) == 1
    else:
        refused(lambda: read(spark, parallel, driver, stores))


@pytest.mark.remedy("certificate-not-valid")
def test_run_is_cured_by_the_authority(source: Source, authority: Authority, tmp_path: Path) -> None:
    run = pipeline(source, tmp_path / "run", "source.tls=verify_identity")
    refused(run.run)
    run.run(f"source.tls_ca={authority.file}", steps=("extract",))


def pipeline(source: Source, folder: Path, *settings: str) -> Pipeline:
    place = source.url.rpartition("@")[2].replace("127.0.0.1", "localhost")
    once = ("retries.attempts=1", f"source.password={PASSWORD}")
    return Pipeline(folder, f"mysql://reader@{place}", *once, *settings)


@pytest.mark.remedy("trust-store-not-written")
def test_store_for_spark_s_machines_lies_in_the_working_folder_for_a_while(
    spark: SparkSession, source: Source, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster the drivers are told nothing but a name; that executors find it, the tests of the cluster show."""
    parallel = database(source, "verify_identity", authority.file.read_text()).parallel()
    stores = TrustStores(None)
    with monkeypatch.context() as patch:
        patch.setattr(trust, "Path", ReadOnly)
        error = failure(lambda: stores.properties(spark, parallel))
    assert isinstance(error, ConfigurationError) and error.reason == "trust-store-not-written"
    before = set(Path.cwd().glob("*.p12"))
    assert len(read(spark, parallel, DRIVERS[0], stores)) == 1
    (made,) = set(Path.cwd().glob("*.p12")) - before
    assert stores.properties(spark, parallel)["trustCertificateKeyStoreUrl"] == f"file:{made.name}"
    stores.close()
    assert set(Path.cwd().glob("*.p12")) == before


class ReadOnly(type(Path())):  # type: ignore[misc]
    """A path on a file system that takes no files."""

    def write_bytes(self, content: bytes) -> int:
        raise OSError(30, "Read-only file system")
