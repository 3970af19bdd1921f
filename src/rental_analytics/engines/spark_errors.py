"""What Spark and its Java machine raise, as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rental_analytics.errors import (
    ConfigurationError,
    LakeUnavailableError,
    RentalError,
    SourceError,
    SourceUnavailableError,
)
from rental_analytics.sql.conversion import STOP_MARK

_CAUSE = re.compile(r"^(?:Caused by: |: )?((?:[a-z]\w*\.)+\w+(?:Exception|Error)): (.*)$", re.MULTILINE)
_STOPPED = re.compile(r"Exception: (?:\[\w+\] )?" + re.escape(STOP_MARK) + r"\s*(.*)")
_LAKE = re.compile(
    r"AmazonS3Exception|S3Exception|SdkClientException|AWSClientIOException|AWSServiceThrottled|AWSStatus500"
)
_SOURCE = re.compile(r"java\.sql\.SQL|org\.mariadb\.jdbc|com\.mysql\.cj")
_LOST = re.compile(
    r"SQLNonTransientConnectionException|SQLTransientConnectionException|CommunicationsException|SQLRecoverable|"
    r"SocketException|SocketTimeout|EOFException|Connection reset|Broken pipe|unexpected end of stream|Deadlock|"
    r"Lock wait timeout|server has gone away"
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of a block into ours."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise _translated(str(error)) from error


def _translated(text: str) -> RentalError:
    if stopped := _STOPPED.search(text):
        told = stopped[1].strip()
        return SourceError(f"{told}.", remedy="correct the value in the source, or the column's type in its contract.")
    causes = _CAUSE.findall(text)
    name, first = causes[-1] if causes else ("", text.strip().splitlines()[0])
    if "stopped SparkContext" in text:
        return RentalError("Spark stopped: the cluster did not answer, or ended.", remedy="look at the cluster's log.")
    if "No suitable driver" in text or "ClassNotFoundException" in name:
        return ConfigurationError(
            f"Spark has no JDBC driver for MySQL: {first}.",
            remedy="install Debian's libmariadb-java, or name the driver's jar in engine.jdbc_driver.",
        )
    if _SOURCE.search(text):
        return _of_source(text, first)
    if _LAKE.search(text):
        return LakeUnavailableError(
            f"Spark's machines could not use the lake: {first}.",
            remedy="check the network, and that their credentials may read, write and delete there; then run again.",
        )
    return RentalError(
        f"Spark stopped: {first}.",
        remedy="run again with --debug for the whole error; memory can be raised with engine.memory.",
    )


def _of_source(text: str, first: str) -> RentalError:
    if "Access denied" in text:
        # This machine was let in a moment ago: the password may have been changed since.
        denied = text[text.index("Access denied") :].splitlines()[0]
        return SourceUnavailableError(
            f"The source refused the login of Spark's machines: {denied}.",
            remedy="check that the user may log in from those machines; a changed password is fetched when run again.",
        )
    if _LOST.search(text):
        return SourceUnavailableError(
            f"Reading the source was interrupted: {first}.", remedy="run again once the server answers."
        )
    return SourceError(
        f"The source refused a statement: {first}.",
        remedy="look at the value or statement named; run with --debug for the whole error.",
    )
