"""The stream of what happens in a run, and the words for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rental_analytics.contracts.events import (
    Event,
    Note,
    Retry,
    StepEnded,
    Work,
    WorkAdvanced,
    WorkBegun,
    WorkEnded,
)
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import number_of


class Listener(Protocol):
    """Hears what happens; what it raises ends the run."""

    def hear(self, event: Event) -> None:
        """Take in one event."""


class EventStream:
    """Hands each event to every listener, one after the other."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def emit(self, event: Event) -> None:
        """Tell what happened."""
        for listener in tuple(self._listeners):
            listener.hear(event)

    @contextmanager
    def heard_by(self, *listeners: Listener) -> Iterator[None]:
        """Let more listeners hear what happens in the block, before those there are: what is told has been noted."""
        before = list(self._listeners)
        self._listeners = [*listeners, *before]
        try:
            yield
        finally:
            self._listeners = before

    def note(self, text: str, *, table: str | None = None, topic: str | None = None) -> None:
        """Tell something worth knowing; as `Note`."""
        self.emit(Note(text, table, topic))

    @contextmanager
    def work(self, step: StepName, table: str | None = None) -> Iterator[Callable[[int], None]]:
        """Tell of a piece of work while it lasts; what is given takes the rows that pass."""
        work, began, rows = Work(step, table), time.monotonic(), 0

        def advance(more: int) -> None:
            nonlocal rows
            rows += more
            self.emit(WorkAdvanced(work, rows, time.monotonic() - began))

        self.emit(WorkBegun(work))
        try:
            yield advance
        except BaseException:
            self.emit(WorkEnded(work, rows, time.monotonic() - began, failed=True))
            raise
        self.emit(WorkEnded(work, rows, time.monotonic() - began))


def line_of(event: Event) -> str | None:
    """The line that tells a person of an event; None where there is nothing to tell."""
    match event:
        case Note(text, table, topic):
            about = table or topic
            return f"{about}: {text}" if about else text
        case Retry():
            return (
                f"{event.what}: {event.message.removesuffix('.')}; again in {event.wait:.1f} s "
                f"(attempt {event.attempt} of {event.attempts})"
            )
        case StepEnded(record, rechecked):
            if record.status == "skipped":
                return f"{record.step}: done before" + (", checked again" if rechecked else "")
            if record.status == "succeeded":
                return f"{record.step}: succeeded, {number_of(record.rows_out, 'row')}, {record.seconds:.1f} s"
    return None
