"""A check of a curated table that stops the run: once the rows are corrected in the source, the next run loads them."""

from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.base import Check, Severity
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.errors import QualityError
from rental_analytics.quality import results
from runs.harness import Pipeline, Source, failure

CHECK = Check(name="stay_is_affordable", severity=Severity.FAIL, when="reporting_total_price > 1000")


@pytest.mark.slow
@pytest.mark.remedy("check-broken")
def test_rows_are_corrected_in_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_checks = results.kept_checks

    def with_one_more(model: CuratedModel) -> Any:
        """As if it stood in the table's YAML file."""
        return [*kept_checks(model), *([CHECK] if model.name == "bookings" else [])]

    monkeypatch.setattr(results, "kept_checks", with_one_more)
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "total_price": "5000.00"})
    pipeline = Pipeline(tmp_path / "run", source.url)
    error = failure(pipeline.run)
    assert isinstance(error, QualityError)
    assert error.reason == "check-broken"
    assert "Check stay_is_affordable of bookings is broken by 1 row" in error.message
    assert "correct the rows in the source, then `rental run`" in error.remedy
    source.execute("UPDATE bookings SET total_price = 500, updated_at = '2024-03-02 12:00:00' WHERE booking_id = 2")
    pipeline.run()
    assert pipeline.rows("SELECT SUM(reporting_total_price) FROM curated.bookings") == [(800,)]
