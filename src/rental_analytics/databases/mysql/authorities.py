"""Certificates of authorities: what `source.tls_ca` names, and how Python checks a server by it."""

from __future__ import annotations

import re
import ssl

from rental_analytics.errors import ConfigurationError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+?-----END CERTIFICATE-----")


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
    context = ssl.create_default_context(cadata=authorities)
    context.check_hostname = tls == "verify_identity"
    context.verify_mode = ssl.CERT_REQUIRED if tls.startswith("verify") else ssl.CERT_NONE
    if authorities:
        # As Java has it: whatever is named is trusted, an authority below another one too, and such as RDS has, whose
        # certificates Python 3.13 finds too loose.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
