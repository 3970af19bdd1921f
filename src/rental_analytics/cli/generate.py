"""`rental generate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from rental_analytics.cli.app import app
from rental_analytics.cli.options import JsonOption
from rental_analytics.cli.output import messages, output, print_json, secrets

_MOST_LISTINGS, _MOST_ROWS, _MOST_DAYS = 10**8, 10**10, 36_525
_MOST_SEED = 2**63 - 1


class IdKind(StrEnum):
    """What the ids of a marketplace are."""

    INTEGER = "integer"
    TEXT = "text"


@app.command(
    epilog="Example: rental generate --to sqlite:///marketplace.db --bookings 50000 && "
    "rental generate --to sqlite:///marketplace.db --advance 1"
)
def generate(
    to: Annotated[str, typer.Option("--to", help="sqlite:///FILE or mysql://user@host:3306/database.", metavar="URL")],
    listings: Annotated[int, typer.Option(min=0, max=_MOST_LISTINGS, help="Listings.")] = 2_000,
    bookings: Annotated[int, typer.Option(min=0, max=_MOST_ROWS, help="Bookings.")] = 60_000,
    viewings: Annotated[int, typer.Option(min=0, max=_MOST_ROWS, help="Viewings.")] = 300_000,
    seed: Annotated[int, typer.Option(min=0, max=_MOST_SEED, help="Same seed, same data.")] = 42,
    end_date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of data; yesterday by default.")
    ] = None,
    dirty_rate: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of bad rows to plant, of every kind the rules name.")
    ] = 0.0,
    ids: Annotated[
        IdKind, typer.Option(help='Ids that are whole numbers, or texts: UUIDs, for marketplace.ids = "text".')
    ] = IdKind.INTEGER,
    minimal: Annotated[bool, typer.Option("--minimal", help="Only the required columns.")] = False,
    advance: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_DAYS, help="Move an existing marketplace forward by so many days instead."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite tables that are there.")] = False,
    password: Annotated[
        str | None,
        typer.Option(envvar="RENTAL_SOURCE__PASSWORD", help="Password of the MySQL user.", show_envvar=True),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a believable marketplace to try things on, in SQLite or MySQL."""
    import rental_marketplace as marketplace

    secrets.hide(password or "")
    with _counting() as progress:
        if advance:
            summary: Any = marketplace.advance(
                to, advance, seed=seed, dirty_rate=dirty_rate, password=password, on_progress=progress
            )
        else:
            last = end_date.date() if end_date else datetime.now(UTC).date() - timedelta(days=1)
            wanted = marketplace.MarketplaceOptions(
                listings=listings,
                bookings=bookings,
                viewings=viewings,
                seed=seed,
                end_date=last,
                dirty_rate=dirty_rate,
                minimal=minimal,
                ids=ids.value,
            )
            summary = marketplace.generate(to, wanted, password=password, replace=replace, on_progress=progress)
    _show_summary(summary, as_json=as_json)


@contextmanager
def _counting() -> Iterator[Any]:
    """Show the rows written, whose number is told per table."""
    from rental_analytics.monitoring.console import bars

    with bars(messages) as shown:
        task = shown.add_task("rows", total=None)
        seen: dict[str, int] = {}

        def count(table: str, rows: int) -> None:
            shown.advance(task, rows - seen.get(table, 0))
            seen[table] = rows

        yield count


def _show_summary(summary: Any, *, as_json: bool) -> None:
    from dataclasses import asdict

    record = asdict(summary)
    if as_json:
        print_json(record)
        return
    for name, value in record.items():
        if not isinstance(value, dict):
            output.show(f"{name}: {value}")
            continue
        for key, count in value.items():
            shown = count if not isinstance(count, dict) else ", ".join(f"{k} {v:,}" for k, v in count.items() if v)
            if shown:
                output.show(f"{name} {key}: {shown}")
