"""A company's own database, from `rental init --from` to metrics, with edits in `rental.toml` alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.companies import PASSWORD, Shop, run_twice
from runs.harness import Pipeline

SETTINGS = ("reference.exchange_rates=rates.csv", "engine.threads=1")
KINDS = [
    pytest.param("sqlite", marks=[pytest.mark.slow, pytest.mark.exhaustive]),
    pytest.param("mysql", marks=pytest.mark.service),
    pytest.param("mariadb", marks=[pytest.mark.service, pytest.mark.exhaustive]),
]
IDS = ["text", pytest.param("integer", marks=pytest.mark.exhaustive)]


@pytest.fixture(autouse=True)
def _password(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind != "sqlite":
        monkeypatch.setenv("RENTAL_SOURCE__PASSWORD", PASSWORD)


@pytest.fixture
def shop(request: pytest.FixtureRequest, kind: str, ids: str, tmp_path: Path) -> Shop:
    return Shop(kind, ids, request, tmp_path)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("kind", KINDS)
def test_from_a_company_to_its_metrics(shop: Shop, tmp_path: Path) -> None:
    run_twice(Pipeline(tmp_path / "run", shop.url, *SETTINGS, every_metric=True), shop)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("kind", KINDS)
def test_from_a_company_to_its_metrics_on_spark(shop: Shop, tmp_path: Path) -> None:
    run_twice(Pipeline(tmp_path / "run", shop.url, *SETTINGS, "engine.kind=spark", every_metric=True), shop)
