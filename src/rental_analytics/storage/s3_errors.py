"""What a bucket refuses, each with its remedy."""

from __future__ import annotations

from typing import Any

from rental_analytics.aws.errors import error_code, is_transient
from rental_analytics.errors import LakeError, LakeUnavailableError

_GRANT = (
    "let the credentials list the bucket and read, write and delete in it (and use its KMS key); docs/reference/"
    "glue-jobs.md lists what each step does there."
)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_INVALID = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
    "NotSignedUp",
}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "KMS.DisabledException"}


def refused(place: str, refusal: Any) -> LakeError:
    """The error for what the bucket answered, with the remedy for it."""
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
        return LakeError(
            told,
            remedy=(
                "correct the AWS credentials of this process (its role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY), and lake.region."
            ),
            reason="s3-credentials-invalid",
        )
    if code == "RequestTimeTooSkewed":
        return LakeError(
            told,
            remedy="set the clock of this machine: AWS takes requests that are 15 minutes off at most.",
            reason="s3-clock-wrong",
        )
    if code == "NoSuchBucket":
        return LakeError(told, remedy="make the bucket, or correct its name in lake.url.", reason="s3-no-bucket")
    if code in _DENIED or status == 403:
        return LakeError(told, remedy=_GRANT, reason="s3-denied")
    return LakeError(
        told,
        remedy="check that the bucket exists, that lake.region is its region, and that the credentials are valid and "
        "may read, write and delete there.",
        reason="s3-refused",
    )
