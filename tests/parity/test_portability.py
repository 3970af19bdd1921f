"""Models hold nothing that engines take differently, and what would be is refused with the reason."""

from __future__ import annotations

from functools import cache

import pytest

from curated.raw_rows import EXTRACTED_AT
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceType
from rental_analytics.quality.conditions import condition
from rental_analytics.quality.rules import all_rules
from rental_analytics.sql.portability import unportable
from rental_analytics.sql.ratios import whole_query
from rental_analytics.steps.transform.transformation import candidates

pytestmark = pytest.mark.fast

RAW_TYPES = {
    SourceType.INTEGER: "BIGINT",
    SourceType.DECIMAL: "DECIMAL(38,10)",
    SourceType.FLOAT: "DOUBLE",
    SourceType.TEXT: "VARCHAR",
    SourceType.BOOLEAN: "BOOLEAN",
    SourceType.DATE: "DATE",
    SourceType.TIMESTAMP: "TIMESTAMP",
    SourceType.TIME: "BIGINT",
    SourceType.ANY: "UNKNOWN",
    SourceType.ID: "BIGINT",
    SourceType.TEXT_ID: "VARCHAR",
}
TECHNICAL = {"_row_id": "BIGINT", "_run_id": "VARCHAR", "_extracted_at": "TIMESTAMP", "_is_deleted": "BOOLEAN"}
REFERENCE = {
    "booking_statuses": {"spelling": "VARCHAR", "status": "VARCHAR"},
    "calendar_days": {"calendar_date": "DATE"},
    "marketplace_settings": {"reporting_currency": "VARCHAR", "default_currency": "VARCHAR"},
    "exchange_rate_days": {"rate_date": "DATE"},
    "exchange_rate_fixings": {"rate_date": "DATE", "currency": "VARCHAR", "rate": "DECIMAL(20,12)"},
}
CELLS = {
    **{"whole": "BIGINT", "exact": "DECIMAL(18,2)", "real": "DOUBLE", "words": "VARCHAR"},
    **{"day": "DATE", "moment": "TIMESTAMP", "flag": "BOOLEAN"},
}


@cache
def contracts(ids: IdKind = "integer") -> Contracts:
    return load_contracts().with_ids(ids)


@cache
def schema(ids: IdKind = "integer") -> dict[str, dict[str, dict[str, str]]]:
    raw = {
        name: {column: RAW_TYPES[wanted.type] for column, wanted in source.columns.items()} | TECHNICAL
        for name, source in contracts(ids).sources.items()
    }
    curated = {
        name: {column: str(wanted.type) for column, wanted in model.columns.items()}
        | TECHNICAL
        | {"is_deleted": "BOOLEAN"}
        for name, model in contracts(ids).curated.items()
    }
    intermediate = {
        name: {column: str(wanted.type) for column, wanted in model.columns.items()}
        for name, model in contracts(ids).intermediate.items()
    }
    texts = dict.fromkeys(("run_id", "reporting_currency"), "VARCHAR")
    run = {"run_parameters": texts | dict.fromkeys(("as_of", "known_from"), "DATE")}
    return {
        "raw_data": raw | REFERENCE,
        "curated": curated,
        "intermediate": intermediate,
        "ops": run,
        "test": {"cells": CELLS},
    }


MODELS = {**contracts().curated, **contracts().intermediate, **contracts().presentation}
KINDS_OF_IDS: tuple[IdKind, ...] = ("integer", "text")


@pytest.mark.parametrize("ids", KINDS_OF_IDS)
@pytest.mark.parametrize("name", MODELS)
def test_models_are_portable(name: str, ids: IdKind) -> None:
    model = {**contracts(ids).curated, **contracts(ids).intermediate, **contracts(ids).presentation}[name]
    checks = [condition(check) for check in model.declared_checks if check.is_of_rows]
    checks += [rule.when for rule in all_rules(model)] if isinstance(model, CuratedModel) else []
    query = candidates(model, EXTRACTED_AT) if isinstance(model, CuratedModel) else whole_query(model)
    conditions = "".join(f", ({check}) AS condition_{number}" for number, check in enumerate(checks))

    assert unportable(f"SELECT 1 AS one{conditions} FROM ({query}) AS made", schema(ids)) == []


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("UPPER(words)", "beyond A to Z"),
        ("LOWER(words)", "beyond A to Z"),
        ("words ILIKE 'a'", "beyond A to Z"),
        ("words COLLATE NOCASE = 'a'", "beyond A to Z"),
        ("REGEXP_MATCHES(words, 'a')", "regular expressions"),
        ("REGEXP_FULL_MATCH(words, 'a')", "regular expressions"),
        ("REGEXP_REPLACE(words, 'a', 'b')", "regular expressions"),
        ("REGEXP_EXTRACT(words, 'a')", "regular expressions"),
        ("words SIMILAR TO 'a'", "regular expressions"),
        ("words ~ 'a'", "regular expressions"),
        ("AVG(exact)", "average"),
        ("whole // 2", "Redshift has none"),
        ("exact / 3", "quotient of decimals"),
        ("whole / exact", "quotient of decimals"),
        ("CAST(exact AS BIGINT)", "Spark cuts"),
        ("CAST(exact * 100 AS INTEGER)", "Spark cuts"),
        ("CAST(real AS SMALLINT)", "Spark cuts"),
        ("CAST(ROUND(exact, 1) AS BIGINT)", "Spark cuts"),
        ("CAST(words AS BIGINT)", "texts such as"),
        ("TRY_CAST(words AS INTEGER)", "texts such as"),
        ("CAST(real AS DECIMAL(18,2))", "the bits of a DOUBLE"),
        ("CAST(real AS VARCHAR)", "1.0E16"),
        ("ROUND(real, 2)", "the bits of a DOUBLE"),
        ("CAST(words AS DATE)", "texts for a date"),
        ("TRY_CAST(words AS TIMESTAMP)", "texts for a date"),
        ("DATE_DIFF('month', day, day)", "boundaries"),
        ("DATE_DIFF('hour', moment, moment)", "boundaries"),
        ("EXTRACT(DOW FROM day)", "number or cut"),
        ("EXTRACT(SECOND FROM moment)", "number or cut"),
        ("SUBSTR(words, 0, 2)", "before the first"),
        ("SUBSTR(words, -2)", "before the first"),
        ("day + INTERVAL 1 DAY", "cast what they make"),
        ("TRIM(words)", "blank"),
        ("RTRIM(words)", "blank"),
        ("words LIKE '🏠_'", "first plane"),
        ("words LIKE words", "first plane"),
        ("REVERSE(words)", "no case"),
        ("CAST(whole / 2 AS BIGINT)", "Spark cuts"),
        ("LEFT(words, -1)", "other end"),
        ("RIGHT(words, -1)", "other end"),
        ("INITCAP(words)", "no case"),
        ("LOG(real)", "no case"),
        ("TRUNC(exact)", "no case"),
        ("CHR(8232)", "256 characters"),
        ("CHR(whole)", "256 characters"),
        ("HASH(words)", "no case"),
        ("RANDOM()", "no case"),
        ("CURRENT_DATE", "no case"),
        ("NOW()", "no case"),
        ("STRFTIME(day, '%G')", "no case"),
        ("DAYNAME(day)", "no case"),
        ("DATE_SUB('day', day, day)", "no case"),
        ("LIST_DISTINCT(STRING_SPLIT(words, ','))", "no case"),
        ("MEDIAN(whole)", "no case"),
    ],
)
def test_what_engines_take_differently_is_refused(expression: str, told: str) -> None:
    found = unportable(f"SELECT {expression} AS result FROM test.cells", schema())

    assert any(told in reason for reason in found), found


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(ROUND(exact, 0) AS BIGINT)",
        "CAST(ROUND(real) AS BIGINT)",
        "CAST(whole AS INTEGER)",
        "CAST(whole AS DECIMAL(18,2))",
        "CAST(exact AS DECIMAL(10,1))",
        "CAST(exact AS VARCHAR)",
        "CAST(moment AS DATE)",
        "CAST(day + INTERVAL 1 DAY AS DATE)",
        "moment + INTERVAL 1 DAY",
        "DATE '2024-01-01'",
        "whole / 2",
        "whole % 2",
        "DATE_DIFF('day', day, day)",
        "EXTRACT(YEAR FROM day)",
        "SUBSTR(words, 1, 2)",
        "words LIKE 'a%'",
        "TRANSLATE(words, 'A', 'a')",
    ],
)
def test_what_engines_agree_on_passes(expression: str) -> None:
    assert unportable(f"SELECT {expression} AS result FROM test.cells", schema()) == []
