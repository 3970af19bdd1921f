"""Tells what a run does: bars with rows and rate on a terminal, lines with their time elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from rental_analytics.contracts.events import Event, WorkAdvanced, WorkBegun, WorkEnded
from rental_analytics.monitoring.events import line_of
from rental_analytics.monitoring.text import Secrets, visible


class SteadyConsole(Console):
    """A console that shows texts as they are, but for characters that steer a terminal and for secrets.

    Args:
        secrets: what no line shows.
        options: as Rich's console takes them.
    """

    def __init__(self, secrets: Secrets | None = None, **options: Any) -> None:
        # Rich takes `:secret:` in an ARN for a picture.
        super().__init__(emoji=False, **options)
        self.secrets = secrets or Secrets()
        self.is_log = False
        """Whether lines begin with their time where nobody watches them."""

    @property
    def encoding(self) -> str:
        """Of the stream that is written to, which Rich asks only where it was given one."""
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def show(self, text: str, style: str = "") -> None:
        """Print a text as one line; it is neither markup nor wrapped."""
        shown = visible(self.secrets.hidden(text))
        if self.is_terminal:
            self.print(Text(shown, style), soft_wrap=True)
        else:
            self.plain_lines([shown])

    def plain_lines(self, lines: Iterable[str]) -> None:
        """Write lines that are visible already, without Rich's work on them."""
        begin = f"{now()} " if self.is_log else ""
        self.file.write("".join(f"{begin}{line}\n" for line in lines))
        if self.stderr:
            self.file.flush()


def now() -> str:
    """This moment as lines of a log have it: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class _RowsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        if not task.completed:
            return Text("")
        rate = f"  {task.speed:,.0f} rows/s" if task.speed else ""
        return Text(f"{task.completed:,.0f} rows{rate}", style="cyan")


class ConsoleListener:
    """Writes to a console; a terminal gets bars that move, a file or a pipe gets lines alone."""

    def __init__(self, console: SteadyConsole) -> None:
        self._console = console
        self._bars: Progress | None = None

    def hear(self, event: Event) -> None:
        """Show an event that a person is told of."""
        match event:
            case WorkBegun(work):
                self._bars = bars(self._console)
                self._bars.add_task(visible(work.label), total=None)
                self._bars.start()
            case WorkAdvanced(rows=rows) if self._bars:
                self._bars.update(self._bars.task_ids[0], completed=rows)
            case WorkEnded() if self._bars:
                self._bars.stop()
                self._bars = None
        if (line := line_of(event)) is not None:
            self._console.show(line)


def bars(console: SteadyConsole) -> Progress:
    """Bars with rows and rate for pieces of work; a file or a pipe gets none."""
    return Progress(
        SpinnerColumn("line" if console.options.ascii_only else "dots"),
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(bar_width=8),
        _RowsColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
