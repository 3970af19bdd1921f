"""What a user may ask of Redshift: one statement that only reads."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rental_analytics.errors import ConfigurationError

_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Into, exp.Copy)
_TOLD = {"SHOW", "EXPLAIN"}


def bounded(sql: str, limit: int | None) -> str:
    """The statement, asking for no more rows than wanted where it does not say itself how many.

    Raises:
        ConfigurationError: it is not one statement that only reads.
    """
    text = sql.strip().rstrip(";").rstrip()
    try:
        statements: Any = [found for found in sqlglot.parse(text, read="redshift") if found is not None]
    except SqlglotError as error:
        told = " ".join(str(error).split())
        raise ConfigurationError(
            f"The query does not parse: {told}.", remedy="correct the SQL, which is Redshift's."
        ) from error
    if len(statements) != 1:
        raise ConfigurationError(
            f"One statement is expected, and {len(statements)} came.", remedy="send them one by one."
        )
    statement = statements[0]
    first = text.split(maxsplit=1)[0].upper()
    if isinstance(statement, exp.Query):
        if any(statement.find_all(*_CHANGES)):
            raise _not_reading("changes what is there")
        bound = (
            "" if limit is None or statement.args.get("limit") or statement.args.get("fetch") else f"\nLIMIT {limit}"
        )
        return text + bound
    if first in _TOLD and not any(statement.find_all(*_CHANGES)):
        return text
    raise _not_reading(f"begins with {first}")


def _not_reading(found: str) -> ConfigurationError:
    return ConfigurationError(
        f"A query only reads, and this statement {found}.",
        remedy="write a SELECT; to change the tables, change the source and `rental run`.",
    )
