"""An object of a bucket outside the lake, by its URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from rental_analytics.aws.errors import reading
from rental_analytics.aws.sessions import make_client
from rental_analytics.errors import ConfigurationError, LakeUnavailableError
from rental_analytics.regular_file import LARGEST_CONFIGURATION


def is_object_url(text: str) -> bool:
    """Whether a text means an object of a bucket."""
    return text.startswith("s3://")


def read_object(url: str, example: str) -> bytes:
    """Content of the object behind `s3://bucket/key`.

    Args:
        example: what the object should be, such as `a file that "rental init" wrote`.

    Raises:
        ConfigurationError: it is not there, may not be read, or is too large.
        LakeUnavailableError: the bucket did not answer.
    """
    place = urlsplit(url)
    if not (place.netloc and place.path.strip("/")):
        raise ConfigurationError(
            f"{url!r} names no object.", remedy="write s3://bucket/folder/rental.toml.", reason="object-url-malformed"
        )
    subject = f"The object {url}"
    client = make_client("s3", subject, "what names it")
    with reading(subject, "check bucket and key", f"s3:GetObject on {object_arn(url)}", LakeUnavailableError):
        answer = client.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        content: bytes = answer["Body"].read(LARGEST_CONFIGURATION + 1)
    if len(content) > LARGEST_CONFIGURATION:
        raise ConfigurationError(
            f"{url} has more than {LARGEST_CONFIGURATION:,} bytes, and is not read.",
            remedy=f"upload {example}.",
            reason="configuration-unreadable",
        )
    return content


def read_text_object(url: str) -> str:
    """Text of the configuration behind `s3://bucket/key`.

    Raises:
        ConfigurationError: it is not there, may not be read, is too large, or is no text.
        LakeUnavailableError: the bucket did not answer.
    """
    example = "a file that `rental init` wrote"
    try:
        return read_object(url, example).decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{url} is not valid UTF-8.", remedy=f"upload {example}.", reason="configuration-not-utf8"
        ) from error


def object_arn(url: str) -> str:
    """The ARN of an object, or of a bucket, by its URL, as a policy names it."""
    return f"arn:aws:s3:::{url.removeprefix('s3://')}"
