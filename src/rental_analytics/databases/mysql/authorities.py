"""Certificates of authorities: what `source.tls_ca` names, and how Python checks a server by it."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from rental_analytics.aws.objects import is_object_url, read_object
from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import LARGEST_CONFIGURATION, read_regular_file

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+?-----END CERTIFICATE-----")


_EXAMPLE = "a PEM file with certificates of authorities, such as the bundle that Amazon publishes for RDS"


def read_authorities(named: str, file: Path) -> str:
    """Certificates of `source.tls_ca`, from a file or a bucket.

    Args:
        named: as the configuration has it.
        file: what it means where it is no `s3://bucket/key`.

    Raises:
        ConfigurationError: it cannot be read, or holds no certificates.
        LakeUnavailableError: the bucket did not answer.
    """
    if is_object_url(named):
        return certificates_in(read_object(named, _EXAMPLE), named)
    try:
        return certificates_in(read_regular_file(file, LARGEST_CONFIGURATION), named)
    except OSError as error:
        raise ConfigurationError(
            f"source.tls_ca {named} cannot be read: {error.strerror}.",
            remedy=f"name {_EXAMPLE}.",
            reason="tls-ca-unreadable",
        ) from error


def certificates_in(content: bytes, place: str) -> str:
    """The certificates of a PEM file, without what else stands in it, such as their names.

    Args:
        place: the file, as errors name it.

    Raises:
        ConfigurationError: there is none, or one is damaged.
    """
    found = b"\n".join(_CERTIFICATE.findall(content.replace(b"\r\n", b"\n"))).decode("ascii")
    try:
        ssl.create_default_context(cadata=found + "\n")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"source.tls_ca {place} holds no certificates that can be read.",
            remedy="name a PEM file: one or many blocks that begin with -----BEGIN CERTIFICATE-----, such as the "
            "bundle that Amazon publishes for RDS.",
            reason="tls-ca-invalid",
        ) from error
    return found + "\n"


def tls_context(tls: str, authorities: str | None) -> ssl.SSLContext:
    """How a connection checks the server's certificate.

    Args:
        tls: as in `MySqlDatabase`.
        authorities: as in `MySqlDatabase`.
    """
    if not tls.startswith("verify"):
        # The authorities that a machine trusts, of which nobody asks, take longer to load than many a query.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context = ssl.create_default_context(cadata=authorities)
    context.check_hostname = tls == "verify_identity"
    if authorities:
        # As Java has it: whatever is named is trusted, an authority below another one too, and such as RDS has, whose
        # certificates Python 3.13 finds too loose.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
