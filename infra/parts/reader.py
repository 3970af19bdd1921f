"""The user by which `extract` reads the database, in SQL of MySQL."""

from __future__ import annotations

from rental_analytics.contracts.loader import load_contracts

READER = "rental_reader"


def reader_sql(database: str) -> list[str]:
    """Makes the user where it is not there, with a password to be put in."""
    return [
        f"CREATE USER IF NOT EXISTS '{READER}'@'%' IDENTIFIED BY '<password>' REQUIRE SSL",
        *reader_grants(database),
    ]


def reader_grants(database: str) -> list[str]:
    """What the user has to be allowed: the tables one by one, since in the name of a database `_` is any character."""
    return [f"GRANT SELECT ON `{database}`.`{table}` TO '{READER}'@'%'" for table in sorted(load_contracts().sources)]
