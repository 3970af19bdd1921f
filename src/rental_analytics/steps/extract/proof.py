"""What proves a read: no expected row is missing, and a hash of what was read."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.errors import ProofError, number_of
from rental_analytics.sql.render import render
from rental_analytics.steps.extract.hashes import key_hash
from rental_analytics.steps.extract.scope import ReadScope


def shortfall(scope: ReadScope, detail: str) -> ProofError:
    """The error for rows that did not arrive."""
    name, window = scope.plan.table.name, scope.window
    since = f"from {window.lower} " if window.lower else ""
    return ProofError(
        f"Table {scope.plan.place} was not read completely in the window {since}up to {window.upper} UTC: {detail}.",
        remedy="run again; nothing of this run counts. If it comes again, the connection, the disk or a view in "
        "the source loses rows.",
        reason="rows-not-arrived",
        table=name,
    )


def check_none_lost(scope: ReadScope, lost: str) -> None:
    """Stop where a query finds keys of lost rows.

    Raises:
        ProofError: it finds some; one is named.
    """
    session, key = scope.session, scope.plan.key
    if count := session.number(render("steps/extract/lost_keys", lost=lost, example=False)):
        (found,) = session.run(render("steps/extract/lost_keys", lost=lost, example=True))
        named = ", ".join(f"{name} {value}" for name, value in zip(key, found, strict=True))
        raise shortfall(scope, f"{number_of(count, 'row')} did not arrive, such as the one with {named}")


def count_and_hash(scope: ReadScope, counted: str, key: Sequence[str], condition: str = "TRUE") -> tuple[int, int, str]:
    """Rows of a relation of counted keys, those of them that meet a condition, and the hash of its keys and cursors."""
    query = render(
        "steps/extract/census_hash",
        counted=counted,
        condition=condition,
        key_hash=key_hash(scope.session, key, "_newest"),
    )
    rows, chosen, total = scope.session.run(query)[0]
    return int(rows), int(chosen), f"{int(total) % 2**64:016x}"
