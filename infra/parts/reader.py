"""The user by which `extract` reads the database, in SQL of MySQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rental_analytics.contracts.loader import load_contracts

READER = "rental_reader"

Tables = Mapping[str, Mapping[str, Any]]
"""What `[pipeline.tables]` says, by our name of a table."""


def reader_sql(database: str, tables: Tables | None = None) -> list[str]:
    """Makes the user where it is not there, with a password to be put in."""
    return [
        f"CREATE USER IF NOT EXISTS '{READER}'@'%' IDENTIFIED BY '<password>' REQUIRE SSL",
        *reader_grants(database, tables),
    ]


def reader_grants(database: str, tables: Tables | None = None, *, optional: bool = False) -> list[str]:
    """What the user has to be allowed: the tables one by one, since in the name of a database `_` is any character.

    Args:
        optional: those on tables that may be missing, which MySQL refuses then; by default on the others.
    """
    said = tables or {}
    named = {table: said.get(table, {}) for table in sorted(load_contracts().sources)}
    # Two of our tables may be read from one of theirs.
    relations = dict.fromkeys(
        one.get("name", table) for table, one in named.items() if bool(one.get("optional", False)) is optional
    )
    return [f"GRANT SELECT ON {_quoted(database)}.{_quoted(name)} TO '{READER}'@'%'" for name in relations]


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
