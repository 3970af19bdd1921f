"""A server that speaks TLS, and users that have to."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runs.crash_driver import run
from runs.forked import Ended, run_forked
from runs.harness import Source
from servers.mysql import start_mysql

pytestmark = pytest.mark.service
Read = Callable[..., Ended]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that vouches for itself, and its key beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    folder.chmod(0o755)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "certificate.pem"


@pytest.fixture(scope="module")
def encrypted(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """The first step of `rental run` on a database whose user must encrypt, each time by another process."""
    options = [f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_name('key.pem')}"]
    with start_mysql(options=options) as server:
        database = server.create_database()
        server.execute("CREATE USER reader@'%' IDENTIFIED BY 'secret' REQUIRE SSL")
        server.execute(f"GRANT ALL ON {database}.* TO reader@'%'")
        source = Source(server.url(database), lambda sql: server.execute(sql, database))
        source.create(optional=False)
        source.insert("bookings", {"booking_id": 1})
        folder = tmp_path_factory.mktemp("run")
        (folder / "rental.toml").write_text(
            f'[source]\nurl = "mysql://reader@localhost:{server.port}/{database}"\npassword = "secret"\n'
        )

        def read(tls: str, host: str = "localhost", **variables: str) -> Ended:
            variables["RENTAL_SOURCE__URL"] = f"mysql://reader@{host}:{server.port}/{database}"
            command = ("run", "--quiet", "--step", "extract", "--set", f"source.tls={tls}")
            return run_forked(run, *command, folder=folder, env=variables)

        yield read


@pytest.mark.parametrize("tls", ["auto", "required"])
def test_rows_travel_encrypted(encrypted: Read, tls: str) -> None:
    assert encrypted(tls).code == 0


def test_unencrypted_is_refused_by_the_server(encrypted: Read) -> None:
    refused = encrypted("off")
    assert refused.code == 2
    assert "refused the login" in refused.output


@pytest.mark.parametrize("tls", ["verify_ca", "verify_identity"])
@pytest.mark.remedy("certificate-not-valid")
def test_certificate_has_to_hold(encrypted: Read, certificate: Path, tls: str) -> None:
    refused = encrypted(tls)
    assert refused.code == 2
    assert "source.tls_ca" in refused.output
    assert encrypted(tls, SSL_CERT_FILE=str(certificate)).code == 0


def test_certificate_of_another_host_is_refused_before_a_login(encrypted: Read, certificate: Path) -> None:
    refused = encrypted("verify_identity", SSL_CERT_FILE=str(certificate), host="127.0.0.1")
    assert refused.code == 2
    assert "certificate" in refused.output and "r2d2" not in refused.output
