"""`rental backfill`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from rental_analytics.cli.app import EXIT_CODES, app
from rental_analytics.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogOption,
    QuietOption,
    RunIdOption,
    RunJsonOption,
    SetOption,
    check_run_id,
)
from rental_analytics.cli.run import do_run
from rental_analytics.cli.run_log import logging
from rental_analytics.errors import ConfigurationError


@app.command(epilog=f"Example: rental backfill --from 2026-03-01 --to 2026-03-31. {EXIT_CODES}")
def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to re-read.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to re-read, itself included.")],
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    run_id: RunIdOption = None,
    quiet: QuietOption = False,
    log_json: LogOption = False,
    as_json: RunJsonOption = False,
) -> None:
    """Re-read a range of days, and rebuild what rests on it; the next run goes on where the last one stopped.

    Days are those of a row's change or event, in UTC. Tables without either are read whole.
    """
    from rental_analytics.runners.local import RunOptions

    with logging(log_json) as log:
        check_run_id("--run-id", run_id)
        if last < first:
            raise ConfigurationError(
                f"--to {last.date()} is before --from {first.date()}.",
                remedy="name the first day, then the last.",
                reason="backfill-reversed",
            )
        wanted = RunOptions(run_id=run_id, backfill=(first.date(), last.date()))
        do_run(config, overrides, wanted, log, headlines=not quiet and not as_json)
