"""`source.tls_ca` is read once, from the configuration's folder on, and an error names it."""

import ssl
from pathlib import Path

import pytest

from rental_analytics.databases.mysql.authorities import tls_context
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import LARGEST_CONFIGURATION
from rental_analytics.settings import Settings, load_settings
from rental_analytics.wiring import make_database, project_files
from servers.certificates import make_authority

pytestmark = pytest.mark.fast

CONFIG = '[source]\nurl = "mysql://reader@db:3306/rental"\ntls_ca = "bundle.pem"\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "rental.toml").write_text(CONFIG)
    return load_settings(tmp_path / "rental.toml", ["source.tls=verify_identity"])


def refused(settings: Settings, reason: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"source\.tls_ca") as error:
        make_database(settings)
    assert error.value.reason == reason
    assert remedy in error.value.remedy


@pytest.mark.remedy("tls-ca-unreadable")
@pytest.mark.remedy("tls-ca-invalid")
def test_file_has_to_hold_certificates(settings: Settings, tmp_path: Path) -> None:
    bundle, authority = tmp_path / "bundle.pem", make_authority(tmp_path).file.read_bytes()
    refused(settings, "tls-ca-unreadable", "a PEM file with certificates of authorities")
    bundle.write_bytes(b"#" * (LARGEST_CONFIGURATION + 1))
    refused(settings, "tls-ca-unreadable", "a PEM file with certificates of authorities")
    for content in (b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", authority[:-40]):
        bundle.write_bytes(content)
        refused(settings, "tls-ca-invalid", "-----BEGIN CERTIFICATE-----")
    bundle.write_bytes(authority)
    made = make_database(settings)
    assert isinstance(made, MySqlDatabase)
    assert made._authorities == authority.decode()
    assert project_files(settings, tmp_path / "rental.toml")[bundle] == "the file of source.tls_ca"


@pytest.mark.remedy("tls-ca-not-used")
@pytest.mark.parametrize("tls", ["auto", "off", "required"])
def test_authority_that_nobody_would_ask_is_refused(settings: Settings, tmp_path: Path, tls: str) -> None:
    (tmp_path / "bundle.pem").write_bytes(make_authority(tmp_path).file.read_bytes())
    loose = load_settings(tmp_path / "rental.toml", [f"source.tls={tls}"])
    refused(loose, "tls-ca-not-used", "set source.tls to verify_identity")
    make_database(settings)


def test_authorities_are_loaded_by_who_asks_them(tmp_path: Path) -> None:
    for tls in ("auto", "required"):
        context = tls_context(tls, None)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
        assert context.cert_store_stats()["x509"] == 0
    authority = make_authority(tmp_path).file.read_text()
    for tls, by_name in (("verify_ca", False), ("verify_identity", True)):
        context = tls_context(tls, authority)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, by_name)
        assert context.cert_store_stats()["x509"] == 1
