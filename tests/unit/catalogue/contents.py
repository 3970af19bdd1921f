"""Contents to make pages of: what comes with the package, and one whose texts are hostile to both formats."""

from __future__ import annotations

from functools import cache

from rental_analytics.catalogue.content import Content, Lineage, read_content
from rental_analytics.catalogue.dictionary import Check, Column, Place, Table
from rental_analytics.catalogue.lineage import ColumnName
from rental_analytics.catalogue.metrics import metric_catalogue
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.model import Layer, PresentationModel

HOSTILE = (
    "a | b",
    "`code` and ``more`` \\",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)> & &amp; &#124;",
    "# heading",
    "- item *bold* _em_ [link](http://x) ![image](y)",
    "1. one\n2. two\n\n```sql\nthree",
    "+ plus ~~~ {{ braces }} {% raw %} --- ===",
    "\\| end \\",
)
"""Texts that would be something else in Markdown or HTML."""


@cache
def packaged() -> Content:
    """What comes with the package."""
    return read_content(load_contracts())


def hostile_content(words: str) -> Content:
    """One table and one metric, all of whose texts are the same."""
    model = PresentationModel.model_validate(
        {
            "name": "odd_daily",
            "layer": Layer.PRESENTATION,
            "query": f"SELECT 1 -- {words}\nFROM curated.odd",
            "description": words,
            "definition": words,
            "grain": words,
            "key": ["calendar_date"],
            "columns": {
                "calendar_date": {"type": "DATE", "description": words},
                "odds": {"type": "BIGINT", "description": words},
                "rate": {"type": "DECIMAL(9,2)", "description": words, "ratio": {"of": "_odds", "to": "odds"}},
            },
            "checks": [{"name": "odd", "severity": "fail", "when": words}],
            "catalogue": {
                "owner": words,
                "attribution": words,
                "measures": {
                    "odds": {"unit": words, "formula": words, "adds_over": "all"},
                    "rate": {"unit": words, "numerator": words},
                },
                "caveats": [words],
                "elsewhere": [{"by": words, "definition": words, "source": words}],
            },
        }
    )
    row = {"calendar_date": words, "odds": words, "rate": words}
    case = Case(name=words, example=True, calculation=words, given={"curated.odd": (row,)}, expect=(row,))
    columns = tuple(Column(name, "VARCHAR", True, False, words, words) for name in model.columns)
    tables = (
        Table(Place.CURATED, "odd", words, columns, grain=words, notes=(words,), checks=(Check("odd", "warn", words),)),
        Table(Place.PRESENTATION, model.name, words, columns, grain=words, definition=words),
    )
    odds, ends = ColumnName("curated.odd", "odds"), ColumnName("reference.odd", words)
    lineage = Lineage(
        {ColumnName("presentation.odd_daily", "odds"): frozenset({odds, ends})},
        {"presentation.odd_daily": frozenset({odds, ColumnName("curated.odd", "*")})},
    )
    metrics = metric_catalogue(Contracts({}, {}, {}, {model.name: model}), {model.name: (case,)})
    return Content(tables, metrics, lineage)
