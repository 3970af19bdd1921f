"""A company's own database, from `rental init --from` to metrics in the stand-in for Redshift."""

from pathlib import Path

import pytest

from runs.companies import PASSWORD, Shop, run_twice
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import Redshift

pytestmark = [pytest.mark.service, pytest.mark.exhaustive]


@pytest.mark.parametrize("ids", ["text", "integer"])
@pytest.mark.parametrize("kind", ["sqlite", "mysql", "mariadb"])
def test_from_a_company_to_its_metrics(
    aws: None,
    s3: S3Server,
    redshift: RedshiftStandIn,
    kind: str,
    ids: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(kind, ids, request, tmp_path)
    if kind != "sqlite":
        monkeypatch.setenv("RENTAL_SOURCE__PASSWORD", PASSWORD)
    pipeline = Redshift(tmp_path / "run", shop.url, f"s3://{s3.create_bucket()}/lake", redshift)
    pipeline.every_metric = True
    pipeline.settings = (*pipeline.settings, "reference.exchange_rates=rates.csv", "engine.threads=1")
    run_twice(pipeline, shop, pipeline.seen)
