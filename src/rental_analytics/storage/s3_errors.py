"""What a bucket refuses, each with its remedy."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from rental_analytics.aws.errors import error_code, is_transient
from rental_analytics.aws.objects import object_arn
from rental_analytics.errors import ConfigurationError, LakeError, LakeUnavailableError, RentalError

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_INVALID = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
    "NotSignedUp",
}
DENIED_CODES = frozenset({"AccessDenied", "AllAccessDisabled", "403", "KMS.DisabledException"})
"""Codes of requests that the credentials may not make."""

_OF_BUCKETS = {"ListObjectsV2": "s3:ListBucket", "ListMultipartUploads": "s3:ListBucketMultipartUploads"}
# Where a right is not called as the request is.
_OF_OBJECTS = {
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
}


def refused(place: str, refusal: Any) -> RentalError:
    """The error for what the bucket answered, with the remedy for it.

    Args:
        place: URL of the object or the prefix.
    """
    code = error_code(refusal.response)
    status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    told = f"The lake refused {refusal.operation_name} on {place}: {code}."
    if is_transient(refusal.response):
        return LakeUnavailableError(told, remedy="run again, a little later.", reason="s3-busy")
    if code in _EXPIRED:
        return LakeError(
            told,
            remedy="renew the credentials of this process, for example with `aws sso login`, and run again.",
            reason="s3-credentials-expired",
        )
    if code in _INVALID:
        return ConfigurationError(
            told,
            remedy=(
                "correct the AWS credentials of this process (its role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY), and lake.region."
            ),
            reason="s3-credentials-invalid",
        )
    if code == "RequestTimeTooSkewed":
        return ConfigurationError(
            told,
            remedy="set the clock of this machine: AWS takes requests that are 15 minutes off at most.",
            reason="s3-clock-wrong",
        )
    if code == "NoSuchBucket":
        return LakeError(told, remedy="make the bucket, or correct its name in lake.url.", reason="s3-no-bucket")
    if code in DENIED_CODES or status == 403:
        return ConfigurationError(
            told,
            remedy=f"allow these credentials {needed_right(refusal.operation_name, place)} (and the use of the "
            "bucket's KMS key); docs/reference/glue-jobs.md lists what each step does there.",
            reason="s3-denied",
        )
    return LakeError(
        told,
        remedy="check that the bucket exists, that lake.region is its region, and that the credentials are valid and "
        "may read, write and delete there.",
        reason="s3-refused",
    )


def needed_right(operation: str, url: str) -> str:
    """The right that a request needs, and on what, as a policy names both.

    Args:
        operation: name of the request, such as `PutObject`.
        url: `s3://bucket/key`.
    """
    bucket = object_arn(urlsplit(url).netloc)
    if action := _OF_BUCKETS.get(operation):
        return f"{action} on {bucket}"
    right = f"{_OF_OBJECTS.get(operation, f's3:{operation}')} on {object_arn(url)}"
    # Without it an absent object is refused, too.
    return f"{right}, and s3:ListBucket on {bucket}" if operation in {"GetObject", "HeadObject"} else right
