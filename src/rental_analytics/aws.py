"""What is asked of AWS outside the lake: an object by its URL, the login a secret holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from rental_analytics.errors import ConfigurationError, LakeUnavailableError, RentalError, SourceUnavailableError

_TRANSIENT = {
    "InternalError",
    "InternalServiceError",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_TRANSIENT_STATUS = {429, 500, 502, 503, 504}
_ABSENT = {"NoSuchBucket", "NoSuchKey", "ResourceNotFoundException", "404"}
_EXPIRED = (
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "LoginError",
    "LoginRefreshRequired",
    "LoginTokenLoadError",
)
_REFUSED = {"AccessDenied", "AccessDeniedException", "403", "DecryptionFailure", "KMSAccessDeniedException"}


def remedy_of(error: Exception, where: str) -> str:
    """What to do about an error that came before any request.

    Args:
        where: the key of the configuration that has the region.
    """
    from botocore import exceptions

    expired = tuple(getattr(exceptions, name) for name in _EXPIRED if hasattr(exceptions, name))
    if isinstance(error, expired):
        return "log in to AWS again, as by `aws sso login`."
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


def is_object_url(text: str) -> bool:
    """Whether a text means an object of a bucket."""
    return text.startswith("s3://")


def read_text_object(url: str) -> str:
    """Text of the object behind `s3://bucket/key`.

    Raises:
        ConfigurationError: it is not there, may not be read, or is no text.
        LakeUnavailableError: the bucket did not answer.
    """
    place = urlsplit(url)
    if not (place.netloc and place.path.strip("/")):
        raise ConfigurationError(f"{url!r} names no object.", remedy="write s3://bucket/folder/rental.toml.")
    with _asking(f"The object {url}", "check bucket and key", "s3:GetObject on it", LakeUnavailableError):
        answer = _client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        content: bytes = answer["Body"].read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{url} is no text in UTF-8.", remedy="upload a file that `rental init` wrote."
        ) from error


def secret_login(secret: str, region: str | None = None) -> Callable[[], tuple[str, str]]:
    """A function that fetches user and password, as they are when it is called, from AWS Secrets Manager.

    Its JSON has the keys `username` and `password`, as RDS writes them; others are ignored.

    Args:
        secret: ARN or name.
        region: where it is if the ARN does not say; None leaves that to boto3.

    The function raises:
        ConfigurationError: there is no such secret, it may not be read, or it is not of that form.
        SourceUnavailableError: Secrets Manager did not answer, or asked to slow down.
    """

    def fetch() -> tuple[str, str]:
        rights = "secretsmanager:GetSecretValue on it, and kms:Decrypt on its key"
        with _asking(f"The secret {secret}", "correct source.secret_arn", rights, SourceUnavailableError):
            answer = _client("secretsmanager", region=_region(secret) or region).get_secret_value(SecretId=secret)
            return _login(secret, answer.get("SecretString"))

    return fetch


def _login(secret: str, text: str | None) -> tuple[str, str]:
    """Nothing of what is in the secret may show in the error, so it has no cause."""
    try:
        values = json.loads(text or "")
    except ValueError:
        values = None
    login = [values.get(key) for key in ("username", "password")] if isinstance(values, dict) else []
    match login:
        case [str(user), str(password)] if user:
            return user, password
    raise ConfigurationError(
        f"The secret {secret} is no login.",
        remedy='let it hold JSON such as {"username": "reader", "password": "..."}, as RDS writes it.',
    ) from None


def _region(secret: str) -> str | None:
    parts = secret.split(":")
    return parts[3] or None if len(parts) > 5 and parts[0] == "arn" else None


def _client(service: str, region: str | None = None) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=20)
    return boto3.session.Session().client(service, region_name=region, config=config)


@contextmanager
def _asking(what: str, where: str, right: str, unavailable: type[RentalError]) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
    except ImportError as error:
        raise ConfigurationError(
            f"{what} cannot be read without the package boto3, which is not installed.",
            remedy="run `make setup`, or `pip install '.[s3]'`, in the folder of the project.",
        ) from error
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _ABSENT:
            raise ConfigurationError(f"{what} does not exist.", remedy=f"{where}.") from error
        if code in _REFUSED:
            raise ConfigurationError(f"{what} may not be read: {code}.", remedy=f"grant {right}.") from error
        if code in _TRANSIENT or status in _TRANSIENT_STATUS:
            raise unavailable(f"{what} could not be read: {code}.", remedy="run again.") from error
        raise ConfigurationError(f"{what} cannot be read: {code}.", remedy=f"{where}, and its state.") from error
    except (ConnectionError, HTTPClientError) as error:
        remedy = "check the network path to AWS, such as the VPC endpoint of the service."
        raise unavailable(f"{what} could not be read: {error}.", remedy=remedy) from error
    except BotoCoreError as error:
        raise ConfigurationError(
            f"{what} cannot be read: {str(error).rstrip('.')}.", remedy=remedy_of(error, "what names it")
        ) from error
