"""The expressions whose numbers an engine must give like any other: a change of them makes every snapshot read anew."""

from pathlib import Path
from typing import cast

import pytest

from rental_analytics.engines.duckdb.session import DuckDbSession
from rental_analytics.steps.extract.hashes import key_hash, row_hash

pytestmark = pytest.mark.fast
SESSION = DuckDbSession(cast("object", None), Path())  # type: ignore[arg-type] # it only writes expressions


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("VARCHAR", """CAST(LENGTH("a") AS VARCHAR) || ':' || "a\""""),
        ("TIMESTAMP", 'CAST(EPOCH_US("a") AS VARCHAR)'),
        ("DOUBLE", 'CAST(CAST(CAST("a" AS BIT) AS BIGINT) AS VARCHAR)'),
        ("INTEGER", 'CAST("a" AS VARCHAR)'),
        ("BOOLEAN", 'CAST("a" AS VARCHAR)'),
    ],
)
def test_texts_of_values(kind: str, text: str) -> None:
    joined = f"""CONCAT_WS('|', COALESCE({text}, '-'), COALESCE({text}, '-'))"""
    expected = f"CAST('0x' || SUBSTR(MD5({joined}), 1, 15) AS BIGINT)"
    assert row_hash(SESSION, [("a", kind), ("a", kind)]) == expected


def test_keys() -> None:
    moment = "COALESCE(CAST(EPOCH_US(moved) AS VARCHAR), '')"
    joined = f"""CONCAT_WS('|', CAST("a" AS VARCHAR), CAST("b" AS VARCHAR), {moment})"""
    assert key_hash(SESSION, ("a", "b"), "moved") == f"CAST('0x' || SUBSTR(MD5({joined}), 1, 8) AS BIGINT)"
