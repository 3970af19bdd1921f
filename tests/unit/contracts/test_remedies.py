"""Errors of contract files: doing what their remedy says cures them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.test_loader import (
    APARTMENTS,
    BOOKINGS,
    CASES,
    CURATED,
    CURATED_MODEL,
    METRIC,
    METRIC_MODEL,
    root,
    shared,
)
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.errors import ContractError

pytestmark = pytest.mark.fast
__all__ = ["root", "shared"]

SOURCE = "sources/bookings.yaml"
MODEL = f"{CURATED}/model.yaml"
EVENTS = BOOKINGS.replace("key: [booking_id]\n", "")


def related(to: str, column: str) -> str:
    """The curated model with a column that is related to another one."""
    columns = (
        "  booked_on: {type: DATE, description: When it was booked}\n"
        "  replaced_id: {type: BIGINT, description: The booking before, checks: ["
        f"{{relationships: {{to: {to}, column: {column}}}}}]}}\n"
    )
    return CURATED_MODEL.replace("rules:", f"{columns}rules:")


def added(to: str, by: str, columns: str) -> str:
    """A check of the end of a file."""
    return f"checks:\n  - {{adds_up_to: {{to: {to}, by: {by}, columns: {columns}}}, name: sums}}\n"


def order(contracts: Contracts) -> object:
    return contracts.extraction_order


@pytest.mark.parametrize(
    ("reason", "file", "wrong", "remedy", "right"),
    [
        pytest.param(
            "contract-invalid",
            MODEL,
            CURATED_MODEL + "suorce: bookings\n",
            "remove or correct this key",
            CURATED_MODEL,
            marks=pytest.mark.remedy("contract-invalid"),
        ),
        pytest.param(
            "contract-not-yaml",
            SOURCE,
            "description: [\n",
            "correct that line",
            BOOKINGS,
            marks=pytest.mark.remedy("contract-not-yaml"),
        ),
        pytest.param(
            "contract-file-empty",
            SOURCE,
            "",
            "copy a neighbouring file",
            APARTMENTS,
            marks=pytest.mark.remedy("contract-file-empty"),
        ),
        pytest.param(
            "contract-key-doubled",
            SOURCE,
            "name: bookings\n" + BOOKINGS,
            "remove that key",
            BOOKINGS,
            marks=pytest.mark.remedy("contract-key-doubled"),
        ),
        pytest.param(
            "contract-reference-unknown",
            SOURCE,
            BOOKINGS.replace(": apartments}", ": apartment}"),
            "correct the name",
            BOOKINGS,
            marks=pytest.mark.remedy("contract-reference-unknown"),
        ),
        pytest.param(
            "contract-source-unknown",
            MODEL,
            CURATED_MODEL.replace("source: bookings", "source: booking"),
            "correct the name",
            CURATED_MODEL,
            marks=pytest.mark.remedy("contract-source-unknown"),
        ),
        pytest.param(
            "contract-model-unknown",
            MODEL,
            CURATED_MODEL.replace("source: bookings", "versions_of: none"),
            "correct the name",
            CURATED_MODEL,
            marks=pytest.mark.remedy("contract-model-unknown"),
        ),
        pytest.param(
            "contract-relationship-unknown",
            MODEL,
            related("curated.guests", "guest_id"),
            "name one of curated.bookings",
            related("curated.bookings", "booking_id"),
            marks=pytest.mark.remedy("contract-relationship-unknown"),
        ),
        pytest.param(
            "contract-relationship-unlike",
            MODEL,
            related("curated.bookings", "booked_on"),
            "name a column of the same type",
            related("curated.bookings", "booking_id"),
            marks=pytest.mark.remedy("contract-relationship-unlike"),
        ),
        pytest.param(
            "contract-sums-of-loaded",
            MODEL,
            CURATED_MODEL + added("presentation.bookings_daily", "booking_id", "[booking_id]"),
            "declare it in a metric",
            CURATED_MODEL,
            marks=pytest.mark.remedy("contract-sums-of-loaded"),
        ),
        pytest.param(
            "contract-sums-unknown",
            f"{METRIC}/model.yaml",
            METRIC_MODEL
            + added("presentation.bookings_daily", "calendar_date", "{bookings: rooms}").removeprefix("checks:\n"),
            "name one of calendar_date, bookings, city",
            METRIC_MODEL
            + added("presentation.bookings_daily", "calendar_date", "{bookings: bookings}").removeprefix("checks:\n"),
            marks=pytest.mark.remedy("contract-sums-unknown"),
        ),
        pytest.param(
            "contract-references-circular",
            "sources/apartments.yaml",
            APARTMENTS.replace("columns:", "references: {id: bookings}\ncolumns:"),
            "remove one of the references",
            APARTMENTS,
            marks=pytest.mark.remedy("contract-references-circular"),
        ),
    ],
)
def test_a_file_is_corrected(root: Path, reason: str, file: str, wrong: str, remedy: str, right: str) -> None:
    (root / file).write_text(wrong)
    refused(reason, remedy, lambda: order(load_contracts(root)))
    (root / file).write_text(right)
    assert order(load_contracts(root))


def refused(reason: str, remedy: str, call: Callable[[], object]) -> None:
    with pytest.raises(ContractError) as caught:
        call()
    assert caught.value.reason == reason, str(caught.value)
    assert remedy in caught.value.remedy


@pytest.mark.remedy("contract-file-missing")
def test_a_missing_file_is_added(root: Path) -> None:
    (root / CURATED / "cases.yaml").unlink()
    refused("contract-file-missing", "add the file", lambda: load_contracts(root))
    (root / CURATED / "cases.yaml").write_text(CASES)
    load_contracts(root)


@pytest.mark.remedy("contract-event-time-missing")
def test_the_event_time_of_events_without_a_key_is_named(root: Path) -> None:
    (root / SOURCE).write_text(EVENTS)
    keyless = CURATED_MODEL.replace("key: [booking_id]\n", "").replace("one row per booking", "one row per event")
    booked = "  booked_at: {type: TIMESTAMP, nullable: false, description: When}\nrules:"
    keyless = keyless.replace("rules:", booked)
    (root / MODEL).write_text(keyless)
    refused("contract-event-time-missing", "name the column that comes from booked_at", lambda: load_contracts(root))
    (root / MODEL).write_text(keyless + "event_time: booked_at\n")
    load_contracts(root)


@pytest.mark.remedy("contract-models-circular")
def test_what_models_share_is_taken_into_one_of_its_own(shared: Path) -> None:
    query = shared / "models" / "intermediate" / "b_stays" / "query.sql"
    text = query.read_text()
    query.write_text(text.replace("curated.bookings", "intermediate.a_nights"))
    refused(
        "contract-models-circular", "an intermediate model of its own", lambda: load_contracts(shared).rebuild_order
    )
    query.write_text(text)
    assert load_contracts(shared).rebuild_order


@pytest.mark.remedy("contract-input-unknown")
@pytest.mark.parametrize("wrong", ["intermediate.nights", "presentation.bookings_daily"])
def test_a_metric_reads_a_table_there_is(shared: Path, wrong: str) -> None:
    query = shared / METRIC / "query.sql"
    text = query.read_text()
    query.write_text(text.replace("intermediate.a_nights", wrong))
    refused("contract-input-unknown", "correct the name", lambda: load_contracts(shared))
    query.write_text(text)
    load_contracts(shared)


@pytest.mark.remedy("contract-name-taken")
def test_one_of_two_folders_with_one_name_is_renamed(shared: Path) -> None:
    folder = shared / "models" / "intermediate" / "a_nights"
    folder.rename(folder.with_name("bookings_daily"))
    refused("contract-name-taken", "rename one of the two", lambda: load_contracts(shared))
    folder.with_name("bookings_daily").rename(folder)
    load_contracts(shared)
