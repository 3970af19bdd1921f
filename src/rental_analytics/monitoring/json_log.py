"""Structured logs: one JSON object a line; the fields are in docs/reference/logs.md."""

from __future__ import annotations

import json
import re
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.errors import RentalError, RunInterruptedError
from rental_analytics.monitoring.ledger import Ledger

Level = Literal["info", "warning", "error"]
SECONDS_BETWEEN = 60.0
"""How often a piece of work that goes on is told."""

_HIDDEN = "***"
# What is shorter stands in many words, and hiding it would tell what it is.
_SHORTEST_HIDDEN = 4


class JsonLog:
    """Writes lines that name run and step; what is to be hidden stands in none of them.

    Args:
        stream: where lines go; each is flushed.
        step: what the process does.
    """

    def __init__(self, stream: TextIO, *, run_id: str | None = None, step: str | None = None) -> None:
        self._stream = stream
        self._place = {"run_id": run_id, "step": step}
        self._hidden: list[str] = []
        self._writing = threading.Lock()

    def at(self, run_id: str, step: str | None = None) -> None:
        """Name this run and step from now on."""
        self._place = {"run_id": run_id, "step": step}

    def hide(self, secret: str) -> None:
        """Put asterisks in the place of a text from now on."""
        if len(secret) >= _SHORTEST_HIDDEN and secret not in self._hidden:
            self._hidden.append(secret)

    def hidden(self, text: str) -> str:
        """A text without what is to be hidden."""
        for secret in self._hidden:
            text = text.replace(secret, _HIDDEN)
        return text

    def event(self, name: str, level: Level = "info", **fields: Any) -> None:
        """Write one line; fields that are None are left out."""
        record = {"at": _moment(datetime.now(UTC)), "level": level, **self._place, "event": name, **fields}
        told = {key: self._shown(value) for key, value in record.items() if value is not None}
        line = json.dumps(told)
        with self._writing:
            self._stream.write(line + "\n")
            self._stream.flush()

    def failure(self, error: BaseException, *, debug: bool = False, **fields: Any) -> None:
        """Write the line of an error; one that nobody foresaw brings its traceback, and with `debug` any."""
        if isinstance(error, RentalError):
            told: dict[str, Any] = {"message": error.message, "remedy": error.remedy, "table": error.table}
        elif isinstance(error, RunInterruptedError):
            told = {"message": str(error)}
        else:
            told, debug = {"message": str(error)}, True
        if debug:
            told["traceback"] = "".join(traceback.format_exception(error))
        self.event("failed", "error", error=type(error).__name__, **told, **fields)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, Mapping):
            return {key: self._shown(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(part) for part in value]
        if isinstance(value, datetime):
            return _moment(value)
        return value if value is None or isinstance(value, bool | int | float) else self.hidden(str(value))


class JsonReporter:
    """Tells what a run does as lines of a log.

    Args:
        tables: names that a note or a piece of work may be about.
    """

    def __init__(self, log: JsonLog, tables: Collection[str]) -> None:
        self._log = log
        self._tables = frozenset(tables)

    @contextmanager
    def task(self, label: str) -> Iterator[Callable[[int], None]]:
        """Tell a piece of work when it ends, and now and then before, with its rows and seconds."""
        began = told = time.monotonic()
        rows = 0

        def tell(event: str) -> None:
            seconds = round(time.monotonic() - began, 3)
            self._log.event(event, work=label, table=self._table(label), rows=rows or None, seconds=seconds)

        def count(more: int) -> None:
            nonlocal rows, told
            rows += more
            if time.monotonic() - told >= SECONDS_BETWEEN:
                told = time.monotonic()
                tell("work_going_on")

        yield count
        tell("work_done")

    def note(self, text: str) -> None:
        """Tell one line; a retry is a warning."""
        level: Level = "warning" if "; again in " in text else "info"
        self._log.event("note", level, message=text, table=self._table(text))

    def _table(self, text: str) -> str | None:
        """The table a label ends with, or a note begins with."""
        words = re.findall(r"^(\w+):|(\w+)$", text)
        return next((word for pair in words for word in pair if word in self._tables), None)


class LoggedLedger:
    """Tells what a ledger takes note of."""

    def __init__(self, ledger: Ledger, log: JsonLog) -> None:
        self._ledger = ledger
        self._log = log
        self._told: RunRecord | StepRecord | None = None

    def note_run(self, record: RunRecord) -> None:
        """Tell the state of the run, then take note of it."""
        if self._is_new(record):
            self._log.event(f"run_{record.status}", as_of=record.as_of, engine=record.engine)
        self._ledger.note_run(record)

    def note_step(self, record: StepRecord) -> None:
        """Tell how an attempt ended, then take note of it."""
        level: Level = "error" if record.status == "failed" else "info"
        fields = record.model_dump(include={"seconds", "rows_in", "rows_out", "bytes", "error"})
        if self._is_new(record):
            self._log.event(f"step_{record.status}", level, **fields)
        self._ledger.note_step(record)

    def _is_new(self, record: RunRecord | StepRecord) -> bool:
        """What could not be noted comes again."""
        last, self._told = self._told, record
        return last is not record


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
