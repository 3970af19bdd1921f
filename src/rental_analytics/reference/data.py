"""The reference data of a run, as the relations that the curated models of that data read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.reference.exchange_rates import read_fixings

if TYPE_CHECKING:
    import pyarrow as pa

CALENDAR_START, CALENDAR_END = date(1970, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True)
class ReferenceData:
    """Arrow tables by relation, such as `raw_data.exchange_rate_fixings`.

    `fingerprint` changes with any of them, `fixings` only with the exchange rates that were fixed. `newest_fixing` is
    the last day up to the run's that has one.
    """

    relations: dict[str, pa.Table]
    fingerprint: str
    fixings: str = ""
    newest_fixing: date | None = None


def load_reference_data(
    through: date, rates_file: Path | None = None, marketplace: MarketplaceFacts | None = None
) -> ReferenceData:
    """Exchange rates up to a day, the calendar, and what the settings say of the marketplace.

    Args:
        through: last day that gets an exchange rate.
        rates_file: a company's own rates, see `read_fixings`; None for those of the European Central Bank.

    Raises:
        ConfigurationError: the file cannot be read, or the reporting currency has no rates.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    facts = marketplace or MarketplaceFacts()
    fixings = read_fixings(rates_file, facts.reporting_currency)
    dates = fixings.column("rate_date")
    first = pc.min(dates).as_py() if fixings.num_rows else through
    relations = {
        "raw_data.exchange_rate_fixings": fixings,
        "raw_data.exchange_rate_days": pa.table({"rate_date": _days(first, through)}),
        "raw_data.calendar_days": pa.table({"calendar_date": _days(CALENDAR_START, CALENDAR_END)}),
        **marketplace_relations(facts),
    }
    digest = hashlib.sha256()
    for column in fixings.columns:
        for chunk in column.chunks:
            for buffer in filter(None, chunk.buffers()):
                digest.update(buffer)
    fixed = digest.hexdigest()
    # A day to come says nothing of how old the rates are.
    newest = pc.max(dates.filter(pc.less_equal(dates, pa.scalar(through, pa.date32())))).as_py()
    fingerprint = hashlib.sha256(f"{fixed} {first}..{through}".encode()).hexdigest()
    return ReferenceData(relations, fingerprint, fixed, newest)


def marketplace_relations(facts: MarketplaceFacts) -> dict[str, pa.Table]:
    """The settings as a single row, and the statuses there are by their normalised spelling."""
    import pyarrow as pa

    settings = {"reporting_currency": [facts.reporting_currency], "default_currency": [facts.default_currency]}
    statuses = facts.all_statuses
    listed = {"spelling": list(statuses), "status": list(statuses.values())}
    return {
        name: pa.table({column: pa.array(values, pa.string()) for column, values in columns.items()})
        for name, columns in (("raw_data.marketplace_settings", settings), ("raw_data.booking_statuses", listed))
    }


def _days(first: date, last: date) -> pa.Array:
    import pyarrow as pa

    # NumPy would be quicker by 3 ms, and is not among the wheels of the Glue jobs.
    epoch = date(1970, 1, 1)
    return pa.array(range((first - epoch).days, (last - epoch).days + 1), pa.int32()).cast(pa.date32())
