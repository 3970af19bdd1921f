"""What a load hands to COPY lies in the folders that its role may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stacks.warehouse import COPIED
from rental_analytics.contracts.manifest import LOADED
from rental_analytics.storage.base import DRAFTS
from rental_analytics.warehouses.base import Load
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from rental_analytics.warehouses.redshift.load import LoadPlan
from runs.harness import Pipeline, Source

pytestmark = pytest.mark.slow


def test_every_file_of_a_load_may_be_read_by_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Load] = []
    make = DuckDbWarehouse.load
    monkeypatch.setattr(DuckDbWarehouse, "load", lambda self, load, lake: loads.append(load) or make(self, load, lake))
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", *({"id": number} for number in range(1, 5)))
    source.insert("bookings", *({"booking_id": number} for number in range(1, 9)))
    pipeline = Pipeline(tmp_path / "run", source.url, "quality.max_deleted_share=1")
    pipeline.run(run_id="first")
    # Keys that vanish, rows that change, and one that is rejected and so withdrawn.
    source.execute("DELETE FROM apartments WHERE id = 4")
    source.execute("UPDATE bookings SET total_price = -1, updated_at = '2024-03-05' WHERE booking_id = 3")
    pipeline.run(run_id="second")
    folders = {
        file.path.partition("/")[0] for load in loads for staged in LoadPlan(load, "t").staged for file in staged.files
    }
    assert folders == set(LOADED)
    assert folders | {DRAFTS.rstrip("/")} == set(COPIED)
