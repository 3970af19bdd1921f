"""The census: the keys that the source holds."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import Proof
from rental_analytics.databases.base import ReadPlan
from rental_analytics.engines.base import Selection, empty_relation
from rental_analytics.sql.render import render
from rental_analytics.steps.extract.moments import as_moment, within_window
from rental_analytics.steps.extract.proof import count_and_hash
from rental_analytics.steps.extract.scope import ReadScope


def counted_keys(
    plan: ReadPlan, source: str, *, unique: bool | None = None, events: Sequence[str] | None = None
) -> str:
    """A query for the keys of a relation, each with its number of rows, newest cursor and newest event.

    Args:
        plan: how the table is read.
        source: the relation.
        unique: whether no two of its rows have one key; by default as the source promises.
        events: the event time, where the relation has it; by default as the table has.
    """
    events = _events(plan) if events is None else events
    return render(
        "steps/extract/counted_keys",
        key=plan.key,
        newest=as_moment(plan.cursor),
        event=as_moment(events[0] if events else None),
        source=source,
        unique=plan.unique_key if unique is None else unique,
    )


def no_keys(plan: ReadPlan) -> str:
    """A query for counted keys that finds none."""
    key = [(column.name, column.type) for column in plan.key_columns]
    return empty_relation([*key, ("_rows", "BIGINT"), ("_newest", "TIMESTAMP"), ("_event", "TIMESTAMP")])


def _events(plan: ReadPlan) -> list[str]:
    """The event time, where the table has one beside its cursor."""
    return [name for name in plan.moments if plan.cursor and name != plan.cursor]


class Census:
    """The keys that the source holds, each with its number of rows and newest cursor, for a backfill with its event.

    Made from key and cursor of every row of the table, before any row is read.
    """

    keys = "census"
    """Table of the keys as they were before any row was read."""

    later = "later_census"
    """Table of keys as they were when something was missing: the last that `take_again` found."""

    def __init__(self, scope: ReadScope) -> None:
        self._scope = scope

    def take(self) -> None:
        """Note the keys the source holds, before any row is read."""
        self._count(self.keys)

    def take_again(self, condition: str | None = None) -> None:
        """Note the keys the source holds now; a condition in its SQL keeps to some."""
        self._count(self.later, condition)

    def proof(self) -> Proof:
        """What the census counted in the window, and a hash of its keys and cursors."""
        plan, window = self._scope.plan, self._scope.window
        within = within_window("_newest", window) if plan.cursor else "TRUE"
        if self._scope.range:
            within = f"({within}) OR ({within_window('_event', window)})"
        rows, window_rows, key_hash = count_and_hash(self._scope, self.keys, plan.key, within)
        return Proof(
            window_lower=window.lower, window_upper=window.upper, rows=rows, window_rows=window_rows, key_hash=key_hash
        )

    def _count(self, name: str, condition: str | None = None) -> None:
        plan, session = self._scope.plan, self._scope.session
        events = _events(plan) if self._scope.range else []
        columns = tuple(column for column in plan.columns if column.name in (*plan.key, plan.cursor, *events))
        with session.arriving(self._scope.database, Selection(plan, columns, condition)) as arrival:
            session.table(name, counted_keys(plan, arrival.relation, events=events))
