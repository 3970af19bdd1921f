"""The rules and checks of the rows of a curated model, with those that are made from the types that it declares.

The query of a curated model leaves a column as wide as it came, and what it computes as wide as it is. So a value that
does not fit is seen, and its row rejected, where a cast inside the query would stop the run.
"""

from __future__ import annotations

from rental_analytics.contracts.base import Check, Rule, Severity
from rental_analytics.contracts.checks import AcceptedValues, DeclaredCheck
from rental_analytics.contracts.columns import ModelColumn
from rental_analytics.contracts.marketplace import MAX_ID_BYTES
from rental_analytics.contracts.model import VALUE_OUT_OF_RANGE, CuratedModel, not_null_name
from rental_analytics.quality.conditions import condition
from rental_analytics.sql.render import identifier, literal

FIRST_DATE, LAST_DATE = "1678-01-01", "2261-12-31"
"""Dates that every reader of a warehouse holds: pandas counts nanoseconds in 64 bits, from 1677-09-21 to 2262-04-11."""

TOO_LARGE = "9" * 38
"""Stands in raw rows for a DOUBLE that no exact number holds; no column of a model holds it either."""

_WHOLE = ("SMALLINT", "INTEGER", "BIGINT")
_MOMENTS = {"DATE": ("", ""), "TIMESTAMP": (" 00:00:00", " 23:59:59.999999")}


def reject_rules(model: CuratedModel) -> list[Rule]:
    """The rules that reject rows of a model, `value_out_of_range` last."""
    return [rule for rule in all_rules(model) if rule.severity is Severity.REJECT]


def all_rules(model: CuratedModel) -> list[Rule]:
    """The model's rules, and that each of its values fits its column where it comes from a source table.

    Of values that are not accepted a run names the commonest.
    """
    rules = [
        Rule(
            name=check.name,
            severity=check.severity,
            when=condition(check),
            description=check.description,
            value=check.columns[0] if isinstance(check.kind, AcceptedValues) else None,
        )
        for check in model.declared_checks
        if _is_rule(model, check)
    ]
    rules += model.rules
    conditions = [_misfit(name, column) for name, column in model.columns.items()] if model.source else []
    found = " OR ".join(filter(None, conditions))
    if not found:
        return rules
    description = "a value, or what is computed of it, does not fit its column's type"
    return [*rules, Rule(name=VALUE_OUT_OF_RANGE, severity=Severity.REJECT, when=found, description=description)]


def kept_checks(model: CuratedModel) -> list[Check]:
    """What holds of each row that is kept: the model's checks, and that columns which are never NULL are not."""
    return [
        *(
            Check(name=check.name, severity=check.severity, when=condition(check), description=check.description)
            for check in model.declared_checks
            if check.is_of_rows and not _is_rule(model, check)
        ),
        *(
            Check(name=not_null_name(name), severity=Severity.FAIL, when=f"{identifier(name)} IS NULL")
            for name in model.required
        ),
    ]


def _is_rule(model: CuratedModel, check: DeclaredCheck) -> bool:
    """Whether a check is made of every row that was read: it is of a column of it, and does not stop the run."""
    return model.source is not None and check.is_of_values and check.severity is not Severity.FAIL


def narrowed(name: str, column: ModelColumn) -> str:
    """A column in its declared type; NULL where it does not fit. No whole number is made of a fraction.

    Decimals are rounded to the places of a wider column's type.
    """
    value, kind = identifier(name), column.type
    cast = f"TRY_CAST({value} AS {kind})"
    if column.is_id and kind == "VARCHAR":
        return f"CASE WHEN {_fits_id(f'CAST({value} AS VARCHAR)')} THEN {cast} END"
    return f"CASE WHEN {value} % 1 = 0 THEN {cast} END" if kind in _WHOLE else cast


def _fits_id(value: str) -> str:
    """A condition that `is_id` holds of a text, for which Redshift takes two texts apart wherever we do."""
    return (
        f"{value} <> '' AND BIT_LENGTH({value}) <= {8 * MAX_ID_BYTES} AND NOT ENDS_WITH({value}, ' ') "
        f"AND NOT CONTAINS({value}, CHR(0))"
    )


def _misfit(name: str, column: ModelColumn) -> str:
    """A condition that a value does not fit its column, empty where each does."""
    value, kind = identifier(name), column.type
    if kind in _WHOLE or kind.startswith("DECIMAL") or column.is_id:
        return f"({value} IS NOT NULL AND {narrowed(name, column)} IS NULL)"
    if kind in _MOMENTS:
        first, last = _MOMENTS[kind]
        return f"({value} < {kind} {literal(FIRST_DATE + first)} OR {value} > {kind} {literal(LAST_DATE + last)})"
    return ""
