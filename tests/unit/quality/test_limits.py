"""Limits stop a run above the share they name, and not at it."""

from datetime import datetime

import pytest

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.configuration import QualitySettings
from rental_analytics.contracts.manifest import (
    CheckResult,
    ExtractedTable,
    LakeFile,
    TransformedTable,
    TransformManifest,
    ValueCount,
)
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.errors import QualityError
from rental_analytics.quality.limits import check_deleted, check_rejected

pytestmark = pytest.mark.fast
LIMITS = QualitySettings(max_rejected_share=0.2, min_rejected_rows=2, max_deleted_share=0.2, min_deleted_rows=10)
MOMENT = datetime(2026, 1, 1)  # noqa: DTZ001 as manifests have it


def made(rejected: int, extracted: int = 10, *checks: CheckResult) -> TransformManifest:
    table = TransformedTable(
        complete=False, columns=(), extracted=extracted, curated=extracted - rejected, rejected=rejected, checks=checks
    )
    return TransformManifest(
        run_id="now",
        sequence=2,
        tables={"bookings": table},
        reference_fingerprint="0" * 64,
        fixings_fingerprint="0" * 64,
    )


def result(name: str, severity: Severity, rows: int) -> CheckResult:
    return CheckResult(table_name="bookings", check_name=name, severity=severity, failed_rows=rows, sample="7")


@pytest.mark.parametrize(
    ("rejected", "extracted", "stops"), [(2, 10, False), (3, 10, True), (1, 1, False), (2, 2, True)]
)
def test_rejected_rows_stop_a_run_above_their_share(rejected: int, extracted: int, stops: bool) -> None:
    if not stops:
        check_rejected(made(rejected, extracted), LIMITS, "rental run")
        return
    with pytest.raises(QualityError) as caught:
        check_rejected(made(rejected, extracted), LIMITS, "rental run")
    assert (caught.value.reason, caught.value.table) == ("too-many-rows-rejected", "bookings")


def test_the_error_names_the_rules_that_reject_most_first() -> None:
    checks = (result("missing_user", Severity.REJECT, 1), result("missing_price", Severity.REJECT, 4))
    with pytest.raises(QualityError, match=r"missing_price 4, such as 7; missing_user 1, such as 7\."):
        check_rejected(made(5, 10, *checks), LIMITS, "rental run")


def test_the_error_names_the_values_that_are_to_blame_and_the_settings_that_accept_them() -> None:
    values = (ValueCount(value="no\x1b_show", rows=1200), ValueCount(value=None, rows=1))
    blamed = result("unknown_status", Severity.REJECT, 1201).model_copy(
        update={"values": values, "settings": ("marketplace.statuses",)}
    )
    with pytest.raises(QualityError) as caught:
        check_rejected(made(1201, 2000, blamed, result("missing_user", Severity.REJECT, 1)), LIMITS, "rental backfill")
    values_told = r"'no\x1b_show' 1,200, NULL 1; see marketplace.statuses"
    assert f"unknown_status 1,201, such as 7 ({values_told}); missing_user 1" in caught.value.message
    accepting = (
        "`rental backfill`; to accept them, name each status in marketplace.statuses as pending, confirmed or "
        'canceled, such as confirmed = ["no_show"], then `rental run --full-refresh`; to continue'
    )
    assert accepting in caught.value.remedy
    assert blamed.record.keys() == {"table_name", "check_name", "severity", "failed_rows", "sample"}


@pytest.mark.parametrize(("rejected", "told"), [(99, True), (100, False)])
def test_of_few_rows_the_remedy_tells_how_many_stop_no_run(rejected: int, told: bool) -> None:
    with pytest.raises(QualityError) as caught:
        check_rejected(made(rejected, 110), LIMITS, "rental run")
    assert ("fewer than quality.min_rejected_rows, 2, stop no run" in caught.value.remedy) is told


def test_a_broken_check_stops_a_run_if_its_severity_says_so() -> None:
    check_rejected(made(0, 10, result("odd", Severity.WARN, 10)), LIMITS, "rental run")
    with pytest.raises(QualityError, match="Check odd of bookings is broken by 1 row, such as 7"):
        check_rejected(made(0, 10, result("odd", Severity.FAIL, 1)), LIMITS, "rental run")


def read(*, held: int = 0, deletes: int = 0, rows: int = 0, key: bool = True, **values: object) -> ExtractedTable:
    def files(name: str, count: int) -> tuple[LakeFile, ...]:
        path = f"raw/bookings/run_id=now/{name}.parquet"
        return (LakeFile(path=path, rows=count, bytes=1),) if count else ()

    given: dict[str, object] = {"mode": ReadMode.INCREMENTAL, "complete": False, "window_upper": MOMENT} | values
    return ExtractedTable.model_validate(
        {"key": ("booking_id",) if key else (), "columns": (), "held": held}
        | {"files": files("part-0", rows), "deletes": files("deletes-0", deletes)}
        | given
    )


@pytest.mark.parametrize(
    ("table", "before", "stops"),
    [
        pytest.param(read(held=80, deletes=20), 100, False, id="at the limit"),
        pytest.param(read(held=79, deletes=21), 100, True, id="above it"),
        pytest.param(read(held=1, deletes=9), 10, False, id="too few to say anything"),
        pytest.param(read(held=79, complete=True), 100, True, id="read in full, and smaller"),
        pytest.param(read(held=120, complete=True), 100, False, id="read in full, and larger"),
        pytest.param(read(held=79, key=False), 100, True, id="without a key, and smaller"),
        pytest.param(
            read(rows=79, held=500, replaced_rows=100, replaced_from=MOMENT, replaced_to=MOMENT),
            500,
            True,
            id="a range with fewer rows",
        ),
        pytest.param(
            read(rows=80, held=20, replaced_rows=100, replaced_from=MOMENT, replaced_to=MOMENT),
            500,
            False,
            id="a range with enough rows",
        ),
    ],
)
def test_deleted_rows_stop_a_run_above_their_share(table: ExtractedTable, before: int, stops: bool) -> None:
    if not stops:
        check_deleted("bookings", table, read(held=before), LIMITS, "rental run")
        return
    with pytest.raises(QualityError) as caught:
        check_deleted("bookings", table, read(held=before), LIMITS, "rental run")
    assert caught.value.reason == "too-many-rows-vanished"
    assert "`rental run --set quality.max_deleted_share=1`" in caught.value.remedy
    assert ("rows of bookings in the range were" in caught.value.message) is bool(table.replaced_from)


def test_nothing_was_held_before_the_first_read() -> None:
    check_deleted("bookings", read(held=0, deletes=50), None, LIMITS, "rental run")
