"""`rental status`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from rental_analytics.analysis.warehouse import open_warehouse, warehouse_settings
from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rental_analytics.cli.output import messages, output, print_json, print_table
from rental_analytics.errors import ConfigurationError, RentalError

if TYPE_CHECKING:
    from datetime import timedelta

    import pyarrow as pa

    from rental_analytics.settings import Settings
    from rental_analytics.warehouses.base import Warehouse

# Columns that a terminal has no room for, or whose content others show; --json has them.
_ONLY_IN_JSON = {
    "runs": [
        "as_of",
        "engine",
        "full_refresh",
        "backfill_from",
        "backfill_to",
        "error",
        "reason",
        "sequence",
        "follows",
    ],
    "run": ["full_refresh", "backfill_from", "backfill_to", "error", "sequence", "follows"],
    "run_steps": ["error"],
    "freshness": ["run_id"],
}
_SHOWN_RUNS = 20


@app.command(epilog='Example: rental status --check --max-age "2 days"')
def status(
    run_id: Annotated[str | None, typer.Argument(help="One run, with its steps and checks.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if the last run failed, even before it began, or died.")
    ] = False,
    max_age: Annotated[
        str | None,
        typer.Option(help='With --check: also if the newest event is older, such as "2 days".', metavar="DURATION"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show runs, steps, rows, durations, quality and freshness."""
    from rental_analytics.settings import parse_duration

    if (run_id and check) or (max_age is not None and not check):
        raise ConfigurationError(
            "--check looks at the last run, and --max-age belongs to it.",
            remedy="leave out the run's id, or add --check.",
            reason="options-exclude-each-other",
        )
    age = parse_duration(max_age, "--max-age") if max_age is not None else None
    settings = warehouse_settings(config, overrides)
    with open_warehouse(settings) as warehouse:
        tables, unread = _one_run(warehouse, settings, run_id) if run_id else _all_runs(warehouse, settings)
    failed = _problem(settings, tables, age, unread) if check else None
    shown = {name: table.slice(0, _SHOWN_RUNS) if name == "runs" else table for name, table in tables.items()}
    if as_json:
        record = {name: table.to_pylist() for name, table in shown.items()}
        verdict = {"check": {"ok": failed is None, "reason": failed.reason if failed else None}} if check else {}
        print_json(record | verdict)
    else:
        _print(shown, more="runs" in tables and tables["runs"].num_rows > _SHOWN_RUNS)
    if failed:
        raise failed
    if unread:
        messages.show(f"Starts that failed are missing, since the lake could not be read: {unread}")


def _all_runs(warehouse: Warehouse, settings: Settings) -> tuple[dict[str, pa.Table], RentalError | None]:
    """Runs and freshness; the error that kept the lake from being read."""
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.monitoring.status import read_freshness, read_runs
    from rental_analytics.wiring import make_lake

    unread: RentalError | None = None
    try:
        with closing(make_lake(settings)) as lake:
            runs = read_runs(warehouse, lake)
    except RentalError as error:
        unread, runs = error, read_runs(warehouse, None)
    return {"runs": runs, "freshness": read_freshness(warehouse, load_contracts())}, unread


def _one_run(warehouse: Warehouse, settings: Settings, run_id: str) -> tuple[dict[str, pa.Table], None]:
    from rental_analytics.monitoring.status import ask_file, read_steps, read_unheard_run
    from rental_analytics.monitoring.text import shortened
    from rental_analytics.pipeline import STEP_NAMES
    from rental_analytics.wiring import make_lake

    run, steps = ask_file(warehouse, "runs", run_id), read_steps(warehouse, run_id, STEP_NAMES)
    if not run.num_rows:
        with closing(make_lake(settings)) as lake:
            run, steps = read_unheard_run(warehouse, lake, run_id, STEP_NAMES)
    if not run.num_rows:
        raise ConfigurationError(
            f"There is no run {shortened(run_id)}.",
            remedy="`rental status` lists the runs there are.",
            reason="run-unknown",
        )
    tables = {name: ask_file(warehouse, name, run_id) for name in ("run_accounting", "run_checks")}
    return {"run": run, "run_steps": steps} | tables, None


def _problem(
    settings: Settings, tables: dict[str, pa.Table], age: timedelta | None, unread: RentalError | None
) -> RentalError | None:
    from rental_analytics.monitoring.status import problem
    from rental_analytics.storage.lock import RunLock
    from rental_analytics.wiring import make_lake

    if unread:
        return unread
    with closing(make_lake(settings)) as lake:
        return problem(tables["runs"], tables["freshness"], RunLock(lake, settings.lake.lock_expiry), age)


def _print(tables: dict[str, pa.Table], *, more: bool) -> None:
    for name, table in tables.items():
        print_table(table.drop_columns(_ONLY_IN_JSON.get(name, [])), title=name.replace("_", " "))
        if name == "runs" and more:
            output.show(
                f'The newest {_SHOWN_RUNS} runs; all: rental query "SELECT * FROM ops.runs ORDER BY sequence DESC"'
            )
        for row in table.to_pylist():
            if row.get("error"):
                output.show(f"{row.get('run_id') or row['step']}: {row['error']}")
