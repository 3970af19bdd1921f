"""Statements that are more than one transaction of the Data API takes, put into procedures that it calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rental_analytics.sql.render import identifier, render

LARGEST = 90_000
"""Bytes of statements in one procedure; the Data API takes 100,000 for the one that makes it."""


def as_procedures(statements: Sequence[str], name: str) -> list[str]:
    """What makes procedures of `statements`, calls and drops them, in the order of the statements.

    All of it belongs in one transaction, so that nothing is left of a procedure whose transaction failed.

    Args:
        statements: changes of rows and tables, none of which commits.
        name: begins the names of the procedures, schema included, which nothing else has.
    """
    made = []
    for number, part in enumerate(_parts(statements)):
        procedure = f"{name}{number}"
        made += [
            render("warehouses/redshift/procedure", name=procedure, statements=part),
            f"CALL {identifier(procedure)}()",
            f"DROP PROCEDURE {identifier(procedure)}()",
        ]
    return made


def _parts(statements: Sequence[str]) -> Iterator[list[str]]:
    part, size = list[str](), 0
    for statement in statements:
        added = len(statement.encode())
        if part and size + added > LARGEST:
            yield part
            part, size = [], 0
        part.append(statement)
        size += added
    if part:
        yield part
