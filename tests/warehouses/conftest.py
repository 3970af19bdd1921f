from collections.abc import Callable
from pathlib import Path

import pytest

from runs.harness import Source
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import Twins, environment


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, s3: S3Server, redshift: RedshiftStandIn) -> None:
    """AWS clients of this process reach the test servers."""
    for name, value in environment(s3, redshift).items():
        monkeypatch.setenv(name, value)
    redshift.faults.clear()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source.sqlite(tmp_path / "marketplace.db")


@pytest.fixture
def twins(tmp_path: Path, aws: None, s3: S3Server, redshift: RedshiftStandIn) -> Callable[[str], Twins]:
    """Warehouses of both kinds over one lake of a source."""
    return lambda url: Twins(tmp_path / "twins", url, s3, redshift)
