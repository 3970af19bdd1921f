"""A column with a ratio is the exact quotient of two others, halves rounded away from zero, on DuckDB."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from rental_analytics.contracts.columns import ModelColumn, Ratio
from rental_analytics.contracts.model import DerivedModel, Layer
from rental_analytics.sql.ratios import whole_query

pytestmark = pytest.mark.fast
LARGE = 4_000_000_007


def rows(query: str) -> list[tuple[Any, ...]]:
    import duckdb

    return duckdb.sql(query).fetchall()


def model(query: str) -> DerivedModel:
    """Two ratios of one query: of whole numbers, and of an amount of money that is no column of the table."""
    columns = {
        "share": ModelColumn(type="DECIMAL(9,6)", description="A share", ratio=Ratio(of="some", to="every")),
        "some": ModelColumn(type="BIGINT", description="Some"),
        "every": ModelColumn(type="BIGINT", description="All"),
        "mean": ModelColumn(type="DECIMAL(18,2)", description="A mean", ratio=Ratio(of="_total", to="every")),
    }
    return DerivedModel(
        name="shares",
        layer=Layer.PRESENTATION,
        description="Shares",
        definition="Shares",
        grain="one row per share",
        key=("some",),
        columns=columns,
        query=query,
    )


@pytest.mark.parametrize(
    ("some", "every", "total"),
    [
        (0, 1, "0.00"),
        (1, 3, "0.01"),
        (2, 3, "10.00"),
        (1, 2_000_000, "0.05"),
        (1, 2_000_001, "1.01"),
        (3, 2_000_000, "999999999999.99"),
        (LARGE - 1, LARGE, "0.01"),
        (7, 8, "0.04"),
        (1, 200, "1.00"),
        (-30, 468, "-0.05"),
        (30, -468, "0.05"),
        (-1, -2_000_000, "-999999999999.99"),
        (-1, 2_000_000, "1.00"),
    ],
)
def test_quotients_are_exact(some: int, every: int, total: str) -> None:
    query = f"SELECT {some}::BIGINT AS some, {every}::BIGINT AS every, {total}::DECIMAL(20,2) AS _total;\n"
    (found,) = rows(whole_query(model(query)))

    share = (Decimal(some) / every).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    mean = (Decimal(total) / every).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert found == (share, some, every, mean)


@pytest.mark.parametrize("kind", ["SMALLINT", "INTEGER", "BIGINT"])
def test_whole_numbers_of_every_size_are_divided(kind: str) -> None:
    query = f"SELECT 30000::{kind} AS some, 32000::{kind} AS every, 5.00::DECIMAL(18,2) AS _total"

    assert rows(whole_query(model(query))) == [(Decimal("0.937500"), 30_000, 32_000, Decimal("0.00"))]


def test_a_column_of_the_query_does_not_take_the_place_of_the_ratio() -> None:
    query = (
        "SELECT 5::BIGINT AS some, 10::BIGINT AS every, 1.00::DECIMAL(20,2) AS _total, 77 AS _dividend_1, 9 AS share"
    )

    assert rows(whole_query(model(query))) == [(Decimal("0.500000"), 5, 10, Decimal("0.10"))]


@pytest.mark.parametrize("every", ["0", "NULL"])
def test_nothing_to_divide_by(every: str) -> None:
    query = f"SELECT 5::BIGINT AS some, {every}::BIGINT AS every, 1.00::DECIMAL(20,2) AS _total"

    assert rows(whole_query(model(query))) == [(None, 5, None if every == "NULL" else 0, None)]


def test_a_model_without_ratios_is_its_query() -> None:
    plain = model("SELECT 1 AS some")
    plain = plain.model_copy(update={"columns": {"some": plain.columns["some"]}})

    assert whole_query(plain) == "SELECT 1 AS some"
