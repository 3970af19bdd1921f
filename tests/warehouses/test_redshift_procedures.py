"""Statements that are more than a transaction of the Data API takes become few."""

import re

import pytest

from generators.redshift_statements import rebuild_of
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.warehouses.redshift.data_api import BATCH
from rental_analytics.warehouses.redshift.procedures import LARGEST, as_procedures
from rental_analytics.warehouses.redshift.tables import HeldColumn

pytestmark = pytest.mark.fast


def test_a_procedure_holds_all_statements_in_their_order() -> None:
    made, called, dropped = as_procedures(["DELETE FROM a", "INSERT INTO a (x) SELECT x FROM b"], "ops.stage_1_s")

    assert re.sub(r"\s+", " ", made) == (
        'CREATE PROCEDURE "ops"."stage_1_s0"() AS $$ BEGIN DELETE FROM a; INSERT INTO a (x) SELECT x FROM b; END; $$'
        " LANGUAGE plpgsql"
    )
    assert (called, dropped) == ('CALL "ops"."stage_1_s0"()', 'DROP PROCEDURE "ops"."stage_1_s0"()')


def test_what_is_too_large_for_one_is_in_several() -> None:
    statements = [f"DELETE FROM t{number} WHERE name = '{'é' * 5_000}'" for number in range(20)]
    procedures = as_procedures(statements, "ops.stage_1_s")

    made = procedures[::3]
    assert len(made) == 3
    assert all(len(one.encode()) < 100_000 for one in made)
    assert re.findall(r"t\d+", "".join(made)) == [f"t{number}" for number in range(20)]
    assert LARGEST < 100_000


def test_no_statements_need_no_procedure() -> None:
    assert as_procedures([], "ops.stage_1_s") == []


def test_a_hundred_metrics_fit_in_one_transaction() -> None:
    """Even where each is made anew."""
    model = load_contracts().presentation["top_listings_weekly"]
    models = [model.model_copy(update={"name": f"m{number}"}) for number in range(100)]
    held = {f"presentation.m{number}": {"week_start": HeldColumn("DATE")} for number in range(100)}

    assert len(rebuild_of(models, held).swap()) <= BATCH
