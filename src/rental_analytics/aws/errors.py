"""What errors of AWS mean, whichever service they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rental_analytics.errors import ConfigurationError, RentalError

TRANSIENT_CODES = frozenset(
    {
        "ActiveSessionsExceededException",
        "ActiveStatementsExceededException",
        "DatabaseConnectionException",
        "InternalError",
        "InternalFailure",
        "InternalServerException",
        "InternalServiceError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes of requests that may succeed when they are sent again: S3, Secrets Manager, the Redshift Data API."""

_TRANSIENT_STATUS = {429, 500, 502, 503, 504}
_ABSENT = {"NoSuchBucket", "NoSuchKey", "ResourceNotFoundException", "404"}
_REFUSED = {"AccessDenied", "AccessDeniedException", "403", "DecryptionFailure", "KMSAccessDeniedException"}
_EXPIRED = (
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "LoginError",
    "LoginRefreshRequired",
    "LoginTokenLoadError",
)


def error_code(response: Mapping[str, Any]) -> str:
    """The code of a refused request, empty where there is none.

    Args:
        response: what a `ClientError` carries.
    """
    return str(response.get("Error", {}).get("Code", ""))


def is_transient(response: Mapping[str, Any]) -> bool:
    """Whether a refused request may succeed when it is sent again."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return error_code(response) in TRANSIENT_CODES or status in _TRANSIENT_STATUS


def setup_remedy(error: Exception, where: str) -> str:
    """What to do about an error that came before any request.

    Args:
        where: the key of the configuration that has the region.
    """
    from botocore import exceptions

    expired = tuple(getattr(exceptions, name) for name in _EXPIRED if hasattr(exceptions, name))
    if isinstance(error, expired):
        return "log in to AWS again, for example with `aws sso login`."
    lacking = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.MetadataRetrievalError,
        exceptions.ProfileNotFound,
        exceptions.ConfigParseError,
        exceptions.InvalidConfigError,
    )
    if isinstance(error, lacking):
        return (
            "give this process AWS credentials: a role of the machine, a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY."
        )
    if isinstance(error, exceptions.NoRegionError):
        return f"name the region in {where}, or in AWS_REGION."
    return f"check {where}, and the AWS configuration of this machine."


@contextmanager
def reading(what: str, where: str, right: str, unavailable: type[RentalError]) -> Iterator[None]:
    """Turn the errors of a client that reads something into those of the program.

    Args:
        what: subject of the error's message.
        where: remedy if it is not there.
        right: what the identity has to be allowed to.
        unavailable: raised for errors that are transient.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = error_code(error.response)
        if code in _ABSENT:
            raise ConfigurationError(
                f"{what} does not exist.", remedy=f"{where}.", reason="aws-resource-absent"
            ) from error
        if code in _REFUSED:
            raise ConfigurationError(
                f"{what} may not be read: {code}.", remedy=f"grant {right}.", reason="aws-access-refused"
            ) from error
        if is_transient(error.response):
            raise unavailable(
                f"{what} could not be read: {code}.", remedy="run again.", reason="aws-unavailable"
            ) from error
        raise ConfigurationError(
            f"{what} cannot be read: {code}.", remedy=f"{where}, and its state.", reason="aws-resource-unusable"
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        remedy = "check the network path to AWS, such as the VPC endpoint of the service."
        raise unavailable(f"{what} could not be read: {error}.", remedy=remedy, reason="aws-unreachable") from error
    except BotoCoreError as error:
        raise ConfigurationError(
            f"{what} cannot be read: {str(error).rstrip('.')}.",
            remedy=setup_remedy(error, "what names it"),
            reason="aws-not-configured",
        ) from error
