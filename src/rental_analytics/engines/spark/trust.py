"""A trust store for Java, where its programs have to trust other authorities than those they know."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.databases.base import ParallelDatabase
from rental_analytics.engines.spark.errors import translated
from rental_analytics.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Java wants one for the format. What is kept are certificates, which are public.
_PASSWORD = "rental-authorities"  # noqa: S105


class TrustStores:
    """Trust stores of one engine, made when a database needs one.

    Args:
        scratch: local folder for them where all tasks run on this machine. None where they do not: then a store lies in
            the working folder of Spark's driver, and Spark puts it into that of each executor before a task runs there.
    """

    def __init__(self, scratch: Path | None) -> None:
        self._scratch = scratch
        self._stores: dict[str, Path] = {}

    def properties(self, spark: SparkSession, database: ParallelDatabase) -> Mapping[str, str]:
        """Properties by which a JDBC driver trusts the authorities of a database; none where it has none of its own.

        Raises:
            ConfigurationError: the store cannot be written.
        """
        if database.authorities is None:
            return {}
        if database.authorities not in self._stores:
            self._stores[database.authorities] = self._made(spark, database.authorities)
        store = self._stores[database.authorities]
        return database.trusting(f"file:{store if self._scratch else store.name}", _PASSWORD)

    def _made(self, spark: SparkSession, authorities: str) -> Path:
        java: Any = spark.sparkContext._jvm
        folder = self._scratch or Path(java.java.lang.System.getProperty("user.dir"))
        store = folder / f"rental-authorities-{secrets.token_hex(4)}.p12"
        with translated():
            content = _store(spark, authorities)
        try:
            store.write_bytes(content)
        except OSError as error:
            raise ConfigurationError(
                f"Spark's driver needs a trust store for source.tls_ca, and {store} cannot be written: "
                f"{error.strerror}.",
                remedy="start the program in a folder in which it may write.",
                reason="trust-store-not-written",
            ) from error
        if not self._scratch:
            with translated():
                spark.sparkContext.addFile(str(store))
        return store

    def close(self) -> None:
        """Remove what lies in the working folder."""
        for store in self._stores.values():
            with suppress(OSError):
                store.unlink(missing_ok=True)
        self._stores.clear()


def _store(spark: SparkSession, authorities: str) -> bytes:
    """A store in the format PKCS12, made by Java itself."""
    java: Any = spark.sparkContext._jvm
    gateway: Any = spark.sparkContext._gateway
    password = gateway.new_array(java.char, len(_PASSWORD))
    for place, letter in enumerate(_PASSWORD):
        password[place] = letter
    store = java.java.security.KeyStore.getInstance("PKCS12")
    store.load(None, password)
    content = java.java.io.ByteArrayInputStream(bytearray(authorities.encode()))
    found = java.java.security.cert.CertificateFactory.getInstance("X.509").generateCertificates(content)
    for number, certificate in enumerate(found.toArray()):
        store.setCertificateEntry(f"authority-{number}", certificate)
    written = java.java.io.ByteArrayOutputStream()
    store.store(written, password)
    return bytes(written.toByteArray())
