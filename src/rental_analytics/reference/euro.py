"""Currencies that joined the euro, and the conversion rates that Council regulations fixed for ever."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

EURO_CONVERSIONS: dict[str, tuple[date, Decimal]] = {
    "ATS": (date(1999, 1, 1), Decimal("13.7603")),
    "BEF": (date(1999, 1, 1), Decimal("40.3399")),
    "DEM": (date(1999, 1, 1), Decimal("1.95583")),
    "ESP": (date(1999, 1, 1), Decimal("166.386")),
    "FIM": (date(1999, 1, 1), Decimal("5.94573")),
    "FRF": (date(1999, 1, 1), Decimal("6.55957")),
    "IEP": (date(1999, 1, 1), Decimal("0.787564")),
    "ITL": (date(1999, 1, 1), Decimal("1936.27")),
    "LUF": (date(1999, 1, 1), Decimal("40.3399")),
    "NLG": (date(1999, 1, 1), Decimal("2.20371")),
    "PTE": (date(1999, 1, 1), Decimal("200.482")),
    "GRD": (date(2001, 1, 1), Decimal("340.750")),
    "SIT": (date(2007, 1, 1), Decimal("239.640")),
    "CYP": (date(2008, 1, 1), Decimal("0.585274")),
    "MTL": (date(2008, 1, 1), Decimal("0.429300")),
    "SKK": (date(2009, 1, 1), Decimal("30.1260")),
    "EEK": (date(2011, 1, 1), Decimal("15.6466")),
    "LVL": (date(2014, 1, 1), Decimal("0.702804")),
    "LTL": (date(2015, 1, 1), Decimal("3.45280")),
    "HRK": (date(2023, 1, 1), Decimal("7.53450")),
    "BGN": (date(2026, 1, 1), Decimal("1.95583")),
}
"""By ISO 4217 code: the day the country adopted the euro, and units for one euro.

Regulations (EC) 2866/98, 1478/2000, 1086/2006, 1134/2007, 1135/2007, 694/2008, (EU) 671/2010, 870/2013, 851/2014,
2022/1208 and 2025/1408.
"""
