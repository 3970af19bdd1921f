"""Values on which engines could differ, as tables for expressions to be run over."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

TEXTS = (
    *(
        None,
        "",
        " ",
        "  ",
        "abc",
        "ABC",
        "aBc",
        " both ",
        "\ttab\t",
        "\u00a0hard\u00a0",
        "null",
        "NULL",
        "aaa",
        "b",
        "Z",
    ),
    *("CONFİRMED", "ıI", "straße", "STRAẞE", "ſ", "chec\u212aed", "ΟΔΟΣ", "οδος", "ﬁ", "ŉ", "É", "e\u0301", "\u0301"),
    *("🏠é", "👩‍👩‍👧‍👦", "\U0010ffff", "\uffff", "\ufb00", "שלום \u202e", "北京", "\ufeffmark", "\u2028\u0085"),
    *("it's", '"', "\\", "a\\b", "a\\\\b", "\\N", "\\Q.\\E", "a%b", "a_b", "a\\%b", "axb", "100 %", "a\nb", "a\r\n\tb"),
    *(
        "a.b|c",
        "a,b,,c",
        ",",
        ",,",
        "b,a,é,Z,🏠, a,",
        "a/b",
        "</script>",
        "${x}",
        "${env:HOME}",
        "{key}",
        "$1",
        ":name?",
    ),
    *("\x01\x1f\x7f\x08\x0c", "a\0b", "--", "/* a */", "x" * 5000),
)
BAD_TEXTS = (
    *(
        "",
        " ",
        "abc",
        "12",
        " 12 ",
        "-12",
        "+12",
        "007",
        "-0",
        "9223372036854775807",
        "9223372036854775808",
        "1 2",
        "--1",
    ),
    *("1,5", "NaN", "true", "2024-02-30", "2023-02-29", "2024-13-01", "0", "1"),
)
EXACT_TEXTS = (
    "1.255",
    "-1.255",
    "0.005",
    "-0.005",
    "0.00499999999999999999999999999999999999999",
    "1e3",
    "1e-3",
    ".5",
    "-.5",
    "5.",
)
DAY_TEXTS = ("2024-02-29", "2024-3-5", "0001-01-02", "9999-12-31", "1582-10-10", "1969-12-31", "2024-03-05 10:00:00")
WHOLES = (None, -(2**63) + 1, -(2**53) - 1, -8, -7, -3, -2, -1, 0, 1, 2, 3, 7, 8, 200, 2**53 + 1, 2**63 - 1)
EXACTS = (
    *(
        None,
        "0",
        "0.01",
        "-0.01",
        "0.05",
        "-0.05",
        "0.49",
        "0.5",
        "-0.5",
        "0.51",
        "1.5",
        "-1.5",
        "2.5",
        "-2.5",
        "14.99",
    ),
    *("15", "-15", "1234.55", "1234.56", "9999999999999999.99", "-9999999999999999.99"),
)
RATES = ("1", "1.06830000", "0.00762345", "0.00000001", "0.5", "9999999999.99999999")
REALS = (
    *(
        None,
        0.0,
        -0.0,
        0.1,
        1 / 3,
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        0.49999999999999994,
        123.45,
        1e-3,
        1e-4,
        9.999e-5,
        1e-7,
        1e7,
    ),
    *(
        12345678.9,
        1e15,
        9999999999999998.0,
        1e16,
        1e17 + 16,
        2e23,
        1e23,
        1.7976931348623157e308,
        2.2250738585072014e-308,
    ),
    *(float("inf"), float("-inf"), float("nan"), 4503599627370497.5, -1234567890123.456),
)
DAYS = (
    *("0001-01-02", "0004-02-29", "1582-10-04", "1582-10-05", "1582-10-14", "1582-10-15", "1600-02-29", "1900-02-28"),
    *("1969-12-28", "1969-12-29", "1969-12-31", "1970-01-01", "1999-12-31", "2000-02-29", "2023-12-31", "2024-01-01"),
    *("2024-02-28", "2024-02-29", "2024-03-01", "2024-03-10", "2024-03-31", "2024-12-29", "2024-12-30", "2024-12-31"),
    *("2025-01-01", "2026-01-04", "2027-01-03", "9999-12-30"),
)
TIMES = ("00:00:00", "00:00:00.000001", "01:59:59.999999", "02:30:00", "12:00:00.1", "23:59:59.999999")


def tables() -> dict[str, pa.Table]:
    """Each with a number `n` per row."""
    moments = [datetime.fromisoformat(f"{day} {time}") for day in DAYS for time in TIMES]
    products = [(exact, rate) for exact in EXACTS for rate in RATES]
    columns = {
        "texts": {"word": pa.array(TEXTS, pa.string())},
        "bad_texts": {"word": pa.array(BAD_TEXTS, pa.string())},
        "exact_texts": {"word": pa.array(EXACT_TEXTS, pa.string())},
        "day_texts": {"word": pa.array(DAY_TEXTS, pa.string())},
        "wholes": {"whole": pa.array(WHOLES, pa.int64())},
        "exacts": {
            "exact": _decimals([exact for exact, _ in products], 18, 2),
            "rate": _decimals([rate for _, rate in products], 18, 8),
            "fraction": _decimals([None, "0", "0.5", "-0.05", "0.99"] * (len(products) // 5) + ["0.25"], 2, 2),
        },
        "reals": {"real": pa.array(REALS, pa.float64())},
        "days": {"day": pa.array([None, *map(date.fromisoformat, DAYS)], pa.date32())},
        "moments": {"moment": pa.array([None, *moments], pa.timestamp("us"))},
    }
    return {
        name: pa.table({"n": pa.array(range(len(next(iter(held.values())))), pa.int64()), **held})
        for name, held in columns.items()
    }


def _decimals(texts: list[str | None], precision: int, scale: int) -> pa.Array:
    return pa.array([Decimal(text) if text else None for text in texts], pa.decimal128(precision, scale))
