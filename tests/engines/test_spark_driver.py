"""The JDBC driver that Spark is given hands the password to nobody who asks for it in clear."""

import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.databases.mysql.jdbc import MySqlJdbc
from rental_analytics.engines.spark.driver import driver_class, without_giving_methods
from rental_analytics.engines.spark.engine import DRIVER_JARS, PROVIDED, SparkEngine
from servers.rogue import start_rogue

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PASSWORD = "open sesame"
METHODS = "META-INF/services/org.mariadb.jdbc.authentication.AuthenticationPlugin"


@pytest.mark.slow
def test_the_copy_lacks_the_methods_that_give_a_password_away(tmp_path: Path) -> None:
    original = DRIVER_JARS[0]
    copy = without_giving_methods(original, tmp_path)
    with zipfile.ZipFile(original) as before, zipfile.ZipFile(copy) as after:
        assert after.namelist() == before.namelist()
        changed = [name for name in before.namelist() if before.read(name) != after.read(name)]
        lost = set(before.read(METHODS).split()) - set(after.read(METHODS).split())
    assert changed == [METHODS]
    assert sorted(name.rsplit(b".", 1)[1] for name in lost) == [
        b"ClearPasswordPlugin",
        b"OldPasswordPlugin",
        b"SendPamAuthPacket",
    ]
    assert driver_class(copy) == driver_class(original) == "org.mariadb.jdbc.Driver"


@pytest.mark.fast
def test_another_driver_stays_as_it_is(tmp_path: Path) -> None:
    jar = tmp_path / "driver.jar"
    with zipfile.ZipFile(jar, "w") as written:
        written.writestr("META-INF/services/java.sql.Driver", "com.mysql.cj.jdbc.Driver")
    assert without_giving_methods(jar, tmp_path / "no such folder") == jar


@pytest.mark.fast
@pytest.mark.parametrize(("timeout", "connect", "silent"), [(60, "10000", "60000"), (2, "2000", "2000")])
def test_the_time_outs_are_those_of_the_source(timeout: float, connect: str, silent: str) -> None:
    jdbc = MySqlJdbc("db:3306", "rental", lambda: ("reader", PASSWORD), "required", timeout, lambda *_: [])
    properties = jdbc.access().properties
    assert (properties["connectTimeout"], properties["socketTimeout"]) == (connect, silent)
    assert properties["allowLocalInfile"] == properties["allowPublicKeyRetrieval"] == "false"


@pytest.mark.fast
def test_values_and_moments_are_those_of_the_source() -> None:
    jdbc = MySqlJdbc("db:3306", "rental", lambda: ("reader", PASSWORD), "required", 60, lambda *_: [])
    access = jdbc.access()
    expected = {"zeroDateTimeBehavior": "CONVERT_TO_NULL", "tinyInt1isBit": "false", "yearIsDateType": "false"}
    assert expected.items() <= access.properties.items()
    assert access.url.startswith("jdbc:mysql://db:3306/rental")
    assert "time_zone = '+00:00'" in access.session


@pytest.mark.slow
def test_spark_that_is_provided_has_the_driver_of_mysql(tmp_path: Path) -> None:
    """A Java machine that began before us takes no jar by its properties."""
    assert SparkEngine(PROVIDED)._driver == "com.mysql.cj.jdbc.Driver"
    with closing(SparkEngine(PROVIDED, driver=DRIVER_JARS[-1])) as engine:
        assert engine._driver == "org.mariadb.jdbc.Driver"
        assert "spark.jars" not in engine.options


@pytest.mark.service
def test_jar_of_ones_own_reaches_the_driver_of_a_spark_that_is_provided(spark: "SparkSession", tmp_path: Path) -> None:
    jar, mark = tmp_path / "driver.jar", "mark-of-the-test"
    with zipfile.ZipFile(jar, "w") as written:
        written.writestr("META-INF/services/java.sql.Driver", "com.mysql.cj.jdbc.Driver\n")
        written.writestr(mark, "")

    def loader() -> Any:
        return spark.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()

    assert loader().getResource(mark) is None
    with closing(SparkEngine(PROVIDED, driver=jar)) as engine:
        engine.start()
    assert loader().getResource(mark) is not None
    assert "com.mysql.cj.jdbc.Driver" in str(loader().loadClass("com.mysql.cj.jdbc.Driver"))


@pytest.mark.service
@pytest.mark.parametrize("driver", ["org.mariadb.jdbc.Driver", "com.mysql.cj.jdbc.Driver"])
@pytest.mark.parametrize("method", ["mysql_clear_password", "dialog", "mysql_old_password", "key", "file"])
def test_a_server_that_asks_gets_nothing(spark: "SparkSession", method: str, driver: str) -> None:
    first = "caching_sha2_password" if method == "key" else "mysql_native_password"
    with start_rogue(method, first=first) as rogue:
        jdbc = MySqlJdbc(f"127.0.0.1:{rogue.port}", "rental", lambda: ("reader", PASSWORD), "off", 5, lambda *_: [])
        access = jdbc.access()
        reader = spark.read.format("jdbc").options(
            url=access.url, dbtable="bookings", driver=driver, **access.properties
        )
        with pytest.raises(Exception, match=r"uthentication|system variables|link failure"):
            reader.load()
    assert PASSWORD.encode() not in rogue.heard
    assert len(rogue.heard) < 10
