"""A company's own exchange rates, from a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import read_regular_file

if TYPE_CHECKING:
    import pyarrow as pa

HEADER = "rate_date,currency,usd_per_unit"
"""With the code of any currency in the place of usd."""
_COLUMNS = ("rate_date", "currency", "rate")
_VALUE = re.compile(r"([A-Za-z0-9]{1,16})_per_unit")
_LARGEST = 128 * 2**20
"""Bytes: rates of 170 currencies for 60 years."""
_BLANKS = " \t\r\n\u00a0"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_CODE = r"^[A-Z0-9]{1,16}$"
_FIRST_DAY = "1900-01-01"
"""Earlier days are slips of the keyboard, and every day from the first one on gets a rate."""
_RATE = r"^\d{1,7}(\.\d{1,12})?$"


def read_rates_file(path: Path) -> tuple[str, pa.Table]:
    """The currency that rates are in, and rates of a CSV in UTF-8, with or without a byte order mark.

    Its header is `rate_date,currency,usd_per_unit`, with the code of another currency where rates are in that one; the
    table has them in column `rate`. Codes are trimmed and upper-cased; dates are written 2024-12-31; a rate is above 0
    and has at most 7 digits before the point and 12 behind it. Days are from 1900 on. Further columns are ignored.

    Raises:
        ConfigurationError: the file is missing, or is not one to be read, or has other columns or values; names the
            line.
    """
    import pyarrow.compute as pc

    content = _content(path)
    value, table = _columns(path, content)
    texts = {name: pc.utf8_trim(table.column(name), characters=_BLANKS) for name in _COLUMNS}
    texts["currency"] = pc.ascii_upper(texts["currency"])
    _check(path, content, texts, value)
    return value.partition("_")[0].upper(), _typed(path, content, texts, value)


def _content(path: Path) -> bytes:
    try:
        content = read_regular_file(path, _LARGEST)
    except OSError as error:
        raise ConfigurationError(
            f"The exchange rates in {path} cannot be read: {error.strerror}.",
            remedy=f"point reference.exchange_rates to a CSV of at most 128 MB, with the header {HEADER}.",
            reason="exchange-rates-not-found",
        ) from error
    return content.removeprefix(b"\xef\xbb\xbf")


def _columns(path: Path, content: bytes) -> tuple[str, pa.Table]:
    """What the file calls its rates, and its columns, the rates as `rate`."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        names, value = _header(content)
        wanted = ["rate_date", "currency", value]
        reading = arrow_csv.ReadOptions(column_names=names, skip_rows=1)
        converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()), include_columns=wanted, strings_can_be_null=False
        )
        table = arrow_csv.read_csv(BytesIO(content), read_options=reading, convert_options=converting)
        return value, table.rename_columns(list(_COLUMNS))
    except (UnicodeDecodeError, pa.ArrowException, KeyError) as error:
        said = error.args[0] if isinstance(error, KeyError) else str(error)
        told = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(said).splitlines()[0].rstrip(".")
        raise ConfigurationError(
            f"The exchange rates in {path} cannot be read: {told}.",
            remedy=f"save it as a CSV in UTF-8 with commas and the header {HEADER}, or the code of another currency "
            "in the place of usd.",
            reason="exchange-rates-not-read",
        ) from error


def _header(content: bytes) -> tuple[list[str], str]:
    """Names of the columns, of which those that are read stand there once, and that of the rates among them."""
    line = content.split(b"\n", 1)[0].decode().strip(_BLANKS)
    names = [name.strip(_BLANKS + '"') for name in line.split(",")]
    values = [name for name in names if _VALUE.fullmatch(name)]
    if len(set(values)) > 1:
        raise KeyError(f"its header names rates in several currencies, {values[0]} and {values[1]}")
    value = values[0] if values else "usd_per_unit"
    if doubled := [name for name in ("rate_date", "currency", value) if names.count(name) > 1]:
        raise KeyError(f"its header names {doubled[0]} more than once")
    return names, value


def _check(path: Path, content: bytes, texts: dict[str, Any], value: str) -> None:
    """Stop at the first line with a value of the wrong form."""
    import pyarrow.compute as pc

    wanted = {
        "rate_date": (_DATE, "is no date", "write it as 2024-12-31"),
        "currency": (_CODE, "is no currency code", "write a code such as EUR"),
        "rate": (_RATE, "is no rate", "write at most 7 digits before the point and 12 behind it"),
    }
    for name, (pattern, problem, remedy) in wanted.items():
        fits = pc.match_substring_regex(texts[name], pattern)
        if not pc.all(fits, min_count=0).as_py():
            raise _wrong_value(
                path, content, texts[name], pc.index(fits, False).as_py(), (_told(name, value), problem, remedy)
            )


def _typed(path: Path, content: bytes, texts: dict[str, Any], value: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = pc.strptime(texts["rate_date"], format="%Y-%m-%d", unit="s", error_is_null=True)
    exists = pc.fill_null(pc.equal(pc.strftime(moments, format="%Y-%m-%d"), texts["rate_date"]), False)
    is_recent = pc.greater_equal(texts["rate_date"], _FIRST_DAY)
    rates = pc.cast(texts["rate"], pa.decimal128(20, 12))
    is_positive = pc.greater(rates, pa.scalar(0, pa.decimal128(1, 0)))
    for name, right, told in (
        ("rate_date", exists, ("rate_date", "is no date", "write a day that the calendar has")),
        ("rate_date", is_recent, ("rate_date", f"is before {_FIRST_DAY}", "write the day of the rate")),
        ("rate", is_positive, (value, "is no rate", "a rate is above 0")),
    ):
        if not pc.all(right, min_count=0).as_py():
            raise _wrong_value(path, content, texts[name], pc.index(right, False).as_py(), told)
    dates = pc.cast(moments, pa.date32())
    table = pa.table({"rate_date": dates, "currency": texts["currency"], "rate": rates})
    _check_once(path, content, table)
    return table


def _told(name: str, value: str) -> str:
    """What the file calls a column."""
    return value if name == "rate" else name


def _check_once(path: Path, content: bytes, table: pa.Table) -> None:
    """Stop where a day and currency stand twice."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbered = table.select(["rate_date", "currency"]).append_column(
        "place", pa.array(range(table.num_rows), pa.int64())
    )
    grouped = numbered.group_by(["rate_date", "currency"]).aggregate([("place", "min"), ("place", "max")])
    doubled = grouped.filter(pc.not_equal(grouped.column("place_min"), grouped.column("place_max")))
    if doubled.num_rows:
        first = doubled.sort_by("place_max").slice(0, 1).to_pylist()[0]
        lines = [_line(content, first[place]) for place in ("place_min", "place_max")]
        raise ConfigurationError(
            f"{path}: lines {lines[0]} and {lines[1]} name {first['currency']} twice on {first['rate_date']}.",
            remedy="remove one of the two lines.",
            reason="exchange-rate-twice",
        )


def _wrong_value(path: Path, content: bytes, texts: Any, place: int, told: tuple[str, str, str]) -> ConfigurationError:
    name, problem, remedy = told
    value = str(texts[place].as_py())
    shown = "is empty" if not value else f"{value[:40]!r} {problem}"
    return ConfigurationError(
        f"{path}:{_line(content, place)}: {name} {shown}.",
        remedy=f"{remedy}, or remove the line.",
        reason="exchange-rate-not-valid",
    )


def _line(content: bytes, place: int) -> int:
    """Line of a record, counted from 1; blank lines are no records."""
    reader = csv.reader(_lines(content))
    next(reader)
    records = 0
    for record in reader:
        if record and any(field.strip() for field in record) | (len(record) > 1):
            if records == place:
                return reader.line_num
            records += 1
    return reader.line_num


def _lines(content: bytes) -> Iterable[str]:
    return content.decode(errors="replace").splitlines()
