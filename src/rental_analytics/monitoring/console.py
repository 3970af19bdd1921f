"""Tells what a run does: bars with rows and rate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Callable


class SteadyConsole(Console):
    """A console that shows texts as they are, and whose reader may leave: what comes after is not shown, and the work
    goes on.

    Args:
        options: as Rich's console takes them.
    """

    def __init__(self, **options: Any) -> None:
        # Rich takes `:secret:` in an ARN for a picture.
        super().__init__(emoji=False, **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)


class _RowsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        if not task.completed:
            return Text("")
        rate = f"  {task.speed:,.0f} rows/s" if task.speed else ""
        return Text(f"{task.completed:,.0f} rows{rate}", style="cyan")


class ConsoleReporter:
    """Writes to a console; a terminal gets bars that move, a file or a pipe gets a line per piece of work."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, label: str) -> Iterator[Callable[[int], None]]:
        """Show a piece of work while it lasts."""
        if not self._console.is_terminal:
            yield lambda _: None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=8),
            _RowsColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(label, total=None)
            yield lambda rows: progress.advance(task, rows)

    def note(self, text: str) -> None:
        """Show one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
