"""What Spark and its Java machine raise, as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rental_analytics.databases.conversion import STOP_MARK, value_error
from rental_analytics.disk import is_full
from rental_analytics.engines.base import cast_failed
from rental_analytics.errors import (
    ConfigurationError,
    LakeUnavailableError,
    RentalError,
    SourceError,
    SourceUnavailableError,
)

_CAUSE = re.compile(r"^(?:Caused by: |: )?((?:[a-z]\w*\.)+\w+(?:Exception|Error)): (.*)$", re.MULTILINE)
_STOPPED = re.compile(r"Exception: (?:\[\w+\] )?" + re.escape(STOP_MARK) + r"\s*(.*)")
_LAKE = re.compile(
    r"AmazonS3Exception|S3Exception|SdkClientException|AWSClientIOException|AWSServiceThrottled|AWSStatus500"
)
_MISFIT = re.compile(r"\[(CAST_OVERFLOW|CAST_INVALID_INPUT|NUMERIC_VALUE_OUT_OF_RANGE|\w*ARITHMETIC_OVERFLOW)\b")
_DENIED = re.compile(
    r"Status Code: 40[13]\b|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|"
    r"NoAuthWithAWS"
)
_BUCKET = re.compile(r"s3[an]?://([^/\s:,]+)")
_SOURCE = re.compile(r"java\.sql\.SQL|org\.mariadb\.jdbc|com\.mysql\.cj")
_CERTIFICATE = re.compile(r"PKIX path|CertPathValidator|CertificateException|SSL hostname verification")
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
        return value_error(stopped[1])
    causes = _CAUSE.findall(text)
    name, first = causes[-1] if causes else ("", text.strip().splitlines()[0])
    if "stopped SparkContext" in text:
        return RentalError(
            "Spark stopped: the cluster did not answer, or ended.",
            remedy="look at the cluster's log; run again once it is up.",
            reason="spark-cluster-ended",
        )
    if "No suitable driver" in text or "ClassNotFoundException" in name:
        return ConfigurationError(
            f"Spark has no JDBC driver for MySQL: {first}.",
            remedy="install Debian's libmariadb-java, or name the driver's jar in engine.jdbc_driver; where "
            "engine.master is provided, start Spark with Connector/J's jar (on AWS Glue: --extra-jars).",
            reason="jdbc-driver-missing",
        )
    if _SOURCE.search(text):
        return _of_source(text, first)
    if _LAKE.search(text) and _DENIED.search(text):
        found = _BUCKET.search(text)
        bucket = f"arn:aws:s3:::{found[1] if found else 'BUCKET'}"
        return ConfigurationError(
            f"Spark's machines may not use the lake: {first}.",
            remedy=f"allow their credentials s3:ListBucket on {bucket}, and s3:GetObject, s3:PutObject and "
            f"s3:DeleteObject on {bucket}/*, and renew them where they have expired; docs/reference/spark.md says "
            "where Spark takes them from.",
            reason="s3-denied",
        )
    if is_full(Exception(text)):
        return RentalError(
            f"Spark stopped: {first}.",
            remedy="make room on the disks of Spark's machines (spark.local.dir, the lake), then run again.",
            reason="disk-full",
        )
    if _LAKE.search(text):
        return LakeUnavailableError(
            f"Spark's machines could not use the lake: {first}.",
            remedy="check the network, and that their credentials may read, write and delete there; then run again.",
            reason="spark-lake-unavailable",
        )
    if _MISFIT.search(text):
        return cast_failed(first)
    if "OutOfMemoryError" in text:
        return RentalError(
            f"Spark stopped: {first}.", remedy="raise engine.memory, then run again.", reason="engine-out-of-memory"
        )
    return RentalError(
        f"Spark stopped: {first}.",
        remedy="run again; if it comes again, --debug shows the whole error.",
        reason="engine-stopped",
    )


def _of_source(text: str, first: str) -> RentalError:
    if "Access denied" in text:
        # This machine was let in a moment ago: the password may have been changed since.
        denied = text[text.index("Access denied") :].splitlines()[0]
        return SourceUnavailableError(
            f"The source refused the login of Spark's machines: {denied}.",
            remedy="check that the user may log in from those machines; a changed password is fetched when run again.",
            reason="spark-login-refused",
        )
    if "does not support authentication protocol" in text or "RSA public key is not available" in text:
        return ConfigurationError(
            f"The password was not sent to the source: {first}.",
            remedy="set source.tls to verify_identity, or give the user another login method.",
            reason="password-not-sent",
        )
    if _CERTIFICATE.search(text):
        return ConfigurationError(
            f"Spark's machines do not trust the certificate of the source: {first}.",
            remedy="name the certificate of its authority in source.tls_ca, use a host name that it is made for, or "
            "set source.tls to required.",
            reason="certificate-not-valid",
        )
    if "PacketTooBigException" in text:
        return SourceError(
            f"A row is longer than the server's max_allowed_packet, and MySQL's driver takes none that is: {first}.",
            remedy="raise max_allowed_packet on the server, or name the jar of MariaDB's driver in engine.jdbc_driver; "
            "then run again.",
            reason="row-too-long-for-driver",
        )
    if _LOST.search(text):
        return SourceUnavailableError(
            f"Reading the source was interrupted: {first}.",
            remedy="run again once the server answers.",
            reason="source-connection-lost",
        )
    return SourceError(
        f"The source refused a statement: {first}.",
        remedy="correct the value or the view that the message names (--debug shows all of it), then run again.",
        reason="source-not-readable",
    )
