"""Quotients that a model declares, added to the columns of its query."""

from __future__ import annotations

from rental_analytics.contracts.columns import decimal_places
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.sql.render import render


def whole_query(model: DerivedModel) -> str:
    """The query of a model with all its columns, in DuckDB's dialect."""
    query = model.query.strip().rstrip(";")
    if not model.ratios:
        return query
    ratios = {
        name: {
            "number": number,
            "of": ratio.of,
            "to": ratio.to,
            "type": model.columns[name].type,
            "places": decimal_places(model.columns[name].type),
        }
        for number, (name, ratio) in enumerate(model.ratios.items(), start=1)
    }
    return render("sql/ratios", query=query, columns=list(model.columns), ratios=ratios)
