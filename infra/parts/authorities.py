"""The authorities by whose certificates `extract` knows the database."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.configuration import Configuration

BUNDLE = Path(__file__).parents[1] / "authorities" / "rds.pem"
"""Those of Amazon RDS and RDS Proxy; scripts/rds_authorities.py makes it."""

DOWNLOAD = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
_OTHER_DOWNLOADS = {
    "us-gov-": "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem",
    "cn-": "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem",
}
"""Where Amazon publishes the authorities of other partitions, by how their regions begin."""


def authorities_file(configuration: Configuration) -> Path | None:
    """The PEM file that a deployment's job trusts; None where it checks no certificate."""
    source = configuration.source
    return None if source.tls == "required" else source.tls_ca or BUNDLE


def known_authorities(file: Path) -> list[dict[str, Any]]:
    """The certificates of a PEM file, as `ssl` tells of them.

    Raises:
        ValueError: it cannot be read, or holds none.
    """
    try:
        return ssl.create_default_context(cadata=file.read_text(encoding="ascii")).get_ca_certs()
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{file} holds no certificates: name a PEM file, such as {DOWNLOAD}") from error
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error


def missing_region(region: str) -> str | None:
    """What to do where no authority of RDS in a region is known; None where one is."""
    names = [value for one in known_authorities(BUNDLE) for part in one["subject"] for _, value in part]
    if any(name.startswith(f"Amazon RDS {region} Root CA") for name in names):
        return None
    download = next((url for start, url in _OTHER_DOWNLOADS.items() if region.startswith(start)), DOWNLOAD)
    return (
        f"no authority of RDS in {region} is known here: correct deployment.region if there is no such region; if "
        f"there is, download {download} and name the file in source.tls_ca"
    )
