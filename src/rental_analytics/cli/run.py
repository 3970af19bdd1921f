"""`rental run`, and what `rental backfill` shares with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from rental_analytics.cli.output import interruption, messages, print_table, secrets
from rental_analytics.cli.run_log import logging
from rental_analytics.cli.run_record import current_run, shown_or_noted
from rental_analytics.errors import ConfigurationError

if TYPE_CHECKING:
    from rental_analytics.monitoring.json_log import JsonLog
    from rental_analytics.runners.lifecycle import RunOutcome
    from rental_analytics.runners.local import RunOptions
    from rental_analytics.steps.base import Parts
    from rental_analytics.storage.base import Lake


@app.command(epilog=f"Example: rental run --set source.url=sqlite:///marketplace.db. {EXIT_CODES}")
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    step: Annotated[list[str] | None, typer.Option(help="Do only this step; may be repeated.", metavar="NAME")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every table in full.")] = False,
    resume: Annotated[str | None, typer.Option(help="Continue a run that stopped.", metavar="RUN_ID")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Last day the numbers include, today (UTC) or earlier; the newest day seen by default.",
        ),
    ] = None,
    run_id: RunIdOption = None,
    quiet: QuietOption = False,
    log_json: LogOption = False,
    as_json: RunJsonOption = False,
) -> None:
    """Run the pipeline: extract, transform, load-raw, load-curated, metrics."""
    with logging(log_json) as log:
        wanted = _run_options(step or [], resume, as_of, run_id, full_refresh=full_refresh)
        do_run(config, overrides, wanted, log, headlines=not quiet and not as_json)


def _run_options(
    step: list[str], resume: str | None, as_of: datetime | None, run_id: str | None, *, full_refresh: bool
) -> RunOptions:
    from rental_analytics.monitoring.text import shortened
    from rental_analytics.pipeline import STEP_NAMES
    from rental_analytics.runners.local import RunOptions

    for name in step:
        if name not in STEP_NAMES:
            raise ConfigurationError(
                f"There is no step {shortened(name)}.",
                remedy=f"steps are {', '.join(STEP_NAMES)}.",
                reason="step-unknown",
            )
    for option, given in (("--resume", resume), ("--run-id", run_id)):
        check_run_id(option, given)
    if resume and (run_id or full_refresh or as_of):
        raise ConfigurationError(
            "--resume continues a run with the parameters it was started with.",
            remedy="leave out --run-id, --full-refresh and --as-of.",
            reason="resume-with-parameters",
        )
    return RunOptions(tuple(step), full_refresh, resume, as_of.date() if as_of else None, run_id)


def do_run(
    config: Path, overrides: list[str] | None, wanted: RunOptions, log: JsonLog | None, *, headlines: bool
) -> None:
    """Do a run in this process, and show its headline metrics."""
    import signal

    from rental_analytics.monitoring.console import ConsoleListener
    from rental_analytics.monitoring.events import EventStream
    from rental_analytics.monitoring.json_log import JsonListener
    from rental_analytics.pipeline import STEPS
    from rental_analytics.runners.local import LocalRunner
    from rental_analytics.settings import load_settings
    from rental_analytics.wiring import assembled_for_run, counting

    settings = load_settings(config, overrides or ())
    events = EventStream(current_run.progress, JsonListener(log) if log else ConsoleListener(messages))
    with (
        interruption.watching(signal.SIGTERM),
        counting(settings, events),
        assembled_for_run(settings, _noting(wanted), hide=_hiding(log)) as parts,
    ):
        outcome = LocalRunner(parts, events, interruption).run(wanted)
        if headlines and any(step.makes_numbers for step in STEPS if step.name in wanted.steps or not wanted.steps):
            shown_or_noted(lambda: _show_headlines(parts, outcome))


def _noting(wanted: RunOptions) -> Callable[[Lake, BaseException], None]:
    from rental_analytics.runners.starts import record_failed_start

    start = wanted.start()
    return lambda lake, error: record_failed_start(lake, start, error)


def _hiding(log: JsonLog | None) -> Callable[[str], None]:
    def hide(secret: str) -> None:
        secrets.hide(secret)
        if log:
            log.hide(secret)

    return hide


def _show_headlines(parts: Parts, outcome: RunOutcome) -> None:
    from rental_analytics.report.statements import headlines_query

    title = f"Run {outcome.run.run_id}: {outcome.seconds:.1f} s"
    if sql := headlines_query(parts.contracts.presentation.values()):
        print_table(parts.warehouse.ask(sql), title=title)
