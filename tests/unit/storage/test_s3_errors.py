"""What a bucket refuses: whether trying again may help, and a remedy for what it said."""

from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, LakeError, LakeUnavailableError, RentalError
from rental_analytics.storage.s3 import S3Lake
from rental_analytics.storage.s3_errors import needed_right

pytestmark = pytest.mark.fast


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> S3Lake:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setattr("rental_analytics.storage.s3._CONFLICT_WAITS", (0.0, 0.0))
    return S3Lake("bucket", "lake", region="eu-west-1", endpoint="http://127.0.0.1:1")


def refusal(code: str, status: int) -> Exception:
    from botocore.exceptions import ClientError

    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


def answering(lake: S3Lake, monkeypatch: pytest.MonkeyPatch, *answers: Exception | None) -> list[Exception | None]:
    """Let the bucket answer a PUT with these, one after the other; what is left of them."""
    left = list(answers)

    def put(**_: object) -> None:
        if answer := left.pop(0):
            raise answer

    monkeypatch.setattr(lake._client, "put_object", put)
    return left


@pytest.mark.parametrize(
    ("code", "status", "reason", "told", "passes"),
    [
        pytest.param(
            *(
                "AccessDenied",
                403,
                "s3-denied",
                "allow these credentials s3:PutObject on arn:aws:s3:::bucket/lake/a (and",
                False,
            ),
            marks=pytest.mark.remedy("s3-denied"),
        ),
        ("403", 403, "s3-denied", "allow these credentials s3:PutObject on arn:aws:s3:::bucket/lake/a (and", False),
        (
            "SomethingNew",
            403,
            "s3-denied",
            "allow these credentials s3:PutObject on arn:aws:s3:::bucket/lake/a (and",
            False,
        ),
        pytest.param(
            *("ExpiredToken", 400, "s3-credentials-expired", "renew the credentials", False),
            marks=pytest.mark.remedy("s3-credentials-expired"),
        ),
        ("ExpiredTokenException", 400, "s3-credentials-expired", "renew the credentials", False),
        pytest.param(
            *("InvalidAccessKeyId", 403, "s3-credentials-invalid", "correct the AWS credentials", False),
            marks=pytest.mark.remedy("s3-credentials-invalid"),
        ),
        ("SignatureDoesNotMatch", 403, "s3-credentials-invalid", "correct the AWS credentials", False),
        pytest.param(
            *("RequestTimeTooSkewed", 403, "s3-clock-wrong", "set the clock", False),
            marks=pytest.mark.remedy("s3-clock-wrong"),
        ),
        ("NoSuchBucket", 404, "s3-no-bucket", "make the bucket", False),
        pytest.param(
            *("400", 400, "s3-refused", "that the credentials are valid", False),
            marks=pytest.mark.remedy("s3-refused"),
        ),
        pytest.param(
            *("SlowDown", 503, "s3-busy", "run again", True),
            marks=pytest.mark.remedy("s3-busy"),
        ),
        ("InternalError", 500, "s3-busy", "run again", True),
    ],
)
def test_refusal(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, code: str, status: int, reason: str, told: str, passes: bool
) -> None:
    answering(lake, monkeypatch, refusal(code, status), None)
    with pytest.raises(RentalError, match=f"The lake refused PutObject on s3://bucket/lake/a: {code}") as caught:
        lake.create("a", b"")
    assert caught.value.reason == reason
    assert isinstance(caught.value, ConfigurationError) == (status == 403)
    assert caught.value.transient == passes
    assert told in caught.value.remedy
    # Its remedy was done, and the bucket takes the same request.
    assert lake.create("a", b"")


@pytest.mark.remedy("s3-answer-damaged")
def test_answer_that_was_damaged_on_its_way(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import FlexibleChecksumError

    answering(lake, monkeypatch, FlexibleChecksumError(error_msg="Expected checksum a did not match b"), None)
    with pytest.raises(LakeUnavailableError, match="does not have the checksum") as caught:
        lake.write("a", b"")
    assert caught.value.reason == "s3-answer-damaged"
    assert "network" not in caught.value.remedy
    lake.write("a", b"")


CONFLICT, TAKEN = ("ConditionalRequestConflict", 409), ("PreconditionFailed", 412)
Answer = tuple[str, int] | None


def answers(*told: Answer) -> list[Exception | None]:
    return [refusal(*one) if one else None for one in told]


@pytest.mark.parametrize(
    ("told", "created"),
    [([None], True), ([TAKEN], False), ([CONFLICT, None], True), ([CONFLICT, CONFLICT, TAKEN], False)],
)
def test_conflict_is_tried_again_before_anything_is_decided(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, told: list[Answer], created: bool
) -> None:
    left = answering(lake, monkeypatch, *answers(*told))
    assert lake.create("a", b"") == created
    assert not left


@pytest.mark.remedy("lake-write-conflict")
def test_conflict_that_does_not_end_may_be_tried_by_the_runner(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(lake, monkeypatch, *answers(CONFLICT, CONFLICT, CONFLICT, None))
    with pytest.raises(LakeUnavailableError) as caught:
        lake.create("a", b"")
    assert caught.value.reason == "lake-write-conflict"
    assert lake.create("a", b"")


def test_a_disk_without_room_for_copies(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake._client, "download_file", full)
    with pytest.raises(LakeError, match="No space left on device") as caught:
        lake.local_copies(["a"])
    assert caught.value.reason == "disk-full"
    assert f"make room on the disk of {lake._folder}" in caught.value.remedy


def denied(text: str) -> str:
    return (
        "An error occurred while calling o42.parquet.\n: java.nio.file.AccessDeniedException: s3a://bucket/a: "
        f"com.amazonaws.services.s3.model.AmazonS3Exception: {text}"
    )


@pytest.mark.parametrize(
    ("text", "kind", "passes"),
    [
        (denied("Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403 Forbidden)"), "s3-denied", False),
        (denied("The token has expired (Status Code: 400; Error Code: ExpiredToken)"), "s3-denied", False),
        ("x.S3Exception: Please reduce your request rate (Status Code: 503)", "spark-lake-unavailable", True),
        (": java.io.IOException: No space left on device", "disk-full", False),
    ],
)
def test_what_spark_was_refused(text: str, kind: str, passes: bool) -> None:
    from rental_analytics.engines.spark.errors import _translated

    error = _translated(text)
    assert (error.reason, error.transient) == (kind, passes)
    if kind == "s3-denied":
        assert isinstance(error, ConfigurationError)
        assert "s3:ListBucket on arn:aws:s3:::bucket, and s3:GetObject" in error.remedy


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        ("ListObjectsV2", "s3:ListBucket on arn:aws:s3:::bucket"),
        ("ListMultipartUploads", "s3:ListBucketMultipartUploads on arn:aws:s3:::bucket"),
        ("HeadObject", "s3:GetObject on arn:aws:s3:::bucket/lake/a, and s3:ListBucket on arn:aws:s3:::bucket"),
        ("GetObject", "s3:GetObject on arn:aws:s3:::bucket/lake/a, and s3:ListBucket on arn:aws:s3:::bucket"),
        ("UploadPart", "s3:PutObject on arn:aws:s3:::bucket/lake/a"),
        ("DeleteObjects", "s3:DeleteObject on arn:aws:s3:::bucket/lake/a"),
        ("AbortMultipartUpload", "s3:AbortMultipartUpload on arn:aws:s3:::bucket/lake/a"),
    ],
)
def test_right_is_called_as_in_a_policy(operation: str, right: str) -> None:
    assert needed_right(operation, "s3://bucket/lake/a") == right
