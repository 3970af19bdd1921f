"""Tables: with frames on a terminal, as plain aligned text elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rental_analytics.monitoring.console import SteadyConsole
from rental_analytics.monitoring.text import visible
from rental_analytics.monitoring.values import cell, column_values, table_records

if TYPE_CHECKING:
    import pyarrow as pa

_GAP = "  "


def print_table(console: SteadyConsole, table: pa.Table, title: str | None = None) -> None:
    """Print rows side by side; one below the other where a terminal is too narrow to keep words whole."""
    if title:
        console.show(title, style="italic")
    if not console.is_terminal:
        _print_plain(console, table)
    else:
        _print_framed(console, table)
    if not table.num_rows:
        console.show("(no rows)")


def _print_framed(console: SteadyConsole, table: pa.Table) -> None:
    grid, dense = _grid(table), _grid(table, dense=True)
    unbounded = console.options.update(width=10_000)
    if Measurement.get(console, unbounded, grid).maximum <= console.width:
        console.print(grid)
    elif Measurement.get(console, unbounded, dense).minimum <= console.width:
        console.print(dense)
    else:
        _print_records(console, table)


def _print_plain(console: SteadyConsole, table: pa.Table) -> None:
    console.plain_lines(plain_lines(table))


def plain_lines(table: pa.Table) -> Iterator[str]:
    """Columns as wide as their longest value with two blanks in between, numbers to the right, a line for each row."""
    columns = []
    for field, values in zip(table.schema, _cells(table), strict=True):
        texts = [visible(field.name), *values]
        width = max(map(_width, texts))
        pads = [" " * (width - _width(text)) for text in texts]
        right = _is_numeric(field.type)
        columns.append([pad + text if right else text + pad for text, pad in zip(texts, pads, strict=True)])
    return (_GAP.join(row).rstrip() for row in zip(*columns, strict=True))


def _cells(table: pa.Table) -> list[list[str]]:
    return [[visible(cell(value)) for value in column_values(column)] for column in table.columns]


def _width(text: str) -> int:
    """Columns of a terminal that a visible text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _is_numeric(kind: object) -> bool:
    return str(kind).startswith(("int", "uint", "double", "float", "decimal"))


def _grid(table: pa.Table, *, dense: bool = False) -> Table:
    grid = Table(header_style="bold")
    if dense:
        grid.box, grid.show_edge, grid.pad_edge, grid.collapse_padding = box.SIMPLE_HEAD, False, False, True
    columns = _cells(table)
    for field, values in zip(table.schema, columns, strict=True):
        name = visible(field.name)
        longest = max((len(word) for value in (name, *values) for word in value.split()), default=1)
        grid.add_column(
            Text(name),
            justify="right" if _is_numeric(field.type) else "left",
            # What is typed again is never shortened, and words are not broken.
            no_wrap=field.name == "run_id" or not any(" " in value for value in values),
            overflow="fold",
            min_width=longest,
        )
    for row in zip(*columns, strict=True):
        grid.add_row(*map(Text, row))
    return grid


def _print_records(console: SteadyConsole, table: pa.Table) -> None:
    """A block for each row, a line for each column."""
    names = [visible(name) for name in table.column_names]
    width = max(map(_width, names))
    for number, row in enumerate(table_records(table), start=1):
        console.rule(f"[bold]row {number}", align="left", style="dim")
        for name, value in zip(names, row.values(), strict=False):
            console.print(
                Text.assemble((name.ljust(width), "bold"), _GAP, visible(cell(value))), highlight=False, soft_wrap=True
            )
