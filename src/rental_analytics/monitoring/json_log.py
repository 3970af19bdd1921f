"""Structured logs: one JSON object a line; the fields are in docs/reference/logs.md."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from rental_analytics.contracts.events import (
    Event,
    Failure,
    Note,
    Retry,
    RunChanged,
    Scope,
    StepEnded,
    WorkAdvanced,
    WorkBegun,
    WorkEnded,
)
from rental_analytics.errors import RentalError, RunInterruptedError
from rental_analytics.monitoring.events import line_of
from rental_analytics.monitoring.text import Secrets, visible_json

Level = Literal["info", "warning", "error"]
SECONDS_BETWEEN = 60.0
"""How often a piece of work that goes on is told."""


class LogStream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> int:
        """Write a text."""

    def flush(self) -> None:
        """Let go of what is held back."""


class JsonLog:
    """Writes lines that name run and step; what is to be hidden stands in none of them.

    Args:
        stream: where lines go; each is flushed.
        step: what the process does.
    """

    def __init__(self, stream: LogStream, *, run_id: str | None = None, step: str | None = None) -> None:
        self._stream = stream
        self._place = {"run_id": run_id, "step": step}
        self.secrets = Secrets()
        self.hide, self.hidden = self.secrets.hide, self.secrets.hidden
        self._writing = threading.Lock()

    def at(self, run_id: str, step: str | None = None) -> None:
        """Name this run and step from now on."""
        self._place = {"run_id": run_id, "step": step}

    def event(self, name: str, level: Level = "info", **fields: Any) -> None:
        """Write one line; fields that are None are left out."""
        record = {"at": _moment(datetime.now(UTC)), "level": level, **self._place, "event": name, **fields}
        told = {key: self._shown(value) for key, value in record.items() if value is not None}
        line = visible_json(json.dumps(told))
        with self._writing:
            self._stream.write(line + "\n")
            self._stream.flush()

    def failure(self, error: BaseException, *, debug: bool = False, **fields: Any) -> None:
        """Write the line of an error; one that nobody foresaw brings its traceback, and with `debug` any."""
        if isinstance(error, RentalError):
            told: dict[str, Any] = {"message": error.message, "remedy": error.remedy, "table": error.table}
            told["reason"] = error.reason or None
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


class JsonListener:
    """Tells what happens as lines of a log."""

    def __init__(self, log: JsonLog) -> None:
        self._log = log
        self._told = 0.0

    def hear(self, event: Event) -> None:
        """Write the line of an event."""
        match event:
            case Scope(run_id, step):
                self._log.at(run_id, step)
            case RunChanged(record):
                self._log.event(f"run_{record.status}", as_of=record.as_of, engine=record.engine)
            case StepEnded(record):
                level: Level = "error" if record.status == "failed" else "info"
                fields = record.model_dump(include={"seconds", "rows_in", "rows_out", "bytes", "error"})
                self._log.event(f"step_{record.status}", level, **fields)
            case WorkBegun():
                self._told = 0.0
            case WorkAdvanced(seconds=seconds) if seconds - self._told >= SECONDS_BETWEEN:
                self._told = seconds
                self._tell_work("work_going_on", event)
            case WorkEnded(failed=False):
                self._tell_work("work_done", event)
            case Note(table=table):
                self._log.event("note", message=line_of(event), table=table)
            case Retry():
                self._log.event(
                    "retry",
                    "warning",
                    message=line_of(event),
                    reason=event.reason or None,
                    wait=round(event.wait, 3),
                    attempt=event.attempt,
                    attempts=event.attempts,
                )
            case Failure(error, code, traced):
                self._log.failure(error, debug=traced, exit_code=code)

    def _tell_work(self, name: str, event: WorkAdvanced | WorkEnded) -> None:
        work, seconds = event.work, round(event.seconds, 3)
        self._log.event(name, work=work.label, table=work.table, rows=event.rows or None, seconds=seconds)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
