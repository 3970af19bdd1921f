"""The command line: reads arguments, shows results; what happens is elsewhere."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from rental_analytics.errors import ConfigurationError, RentalError, RunInterruptedError
from rental_analytics.monitoring.console import SteadyConsole
from rental_analytics.monitoring.interruption import Interruption

if TYPE_CHECKING:
    import pyarrow as pa

    from rental_analytics.monitoring.json_log import JsonLog
    from rental_analytics.runners.local import RunOptions, RunOutcome
    from rental_analytics.warehouses.base import Warehouse

EXIT_CODES = """Exit codes: 0 fine, 1 the run failed, 2 usage or configuration, 3 data quality stopped the run,
4 another run or process holds the lock."""

app = typer.Typer(
    help="Turns a rental marketplace's MySQL database into trusted numbers in a warehouse.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
output = SteadyConsole()
messages = SteadyConsole(stderr=True)
interruption = Interruption()

ConfigOption = Annotated[Path, typer.Option("--config", help="Configuration file.", metavar="FILE")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one key of the configuration; may be repeated.", metavar="SECTION.KEY=VALUE"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LogOption = Annotated[
    bool, typer.Option("--log-json", help="Tell what happens as JSON, one object a line, in place of text.")
]
DEFAULT_CONFIG = Path("rental.toml")
# Columns of `rental status` that a terminal has no room for; --json has them.
_TOLD_BY_KIND = ["full_refresh", "backfill_from", "backfill_to"]
_LONG = {
    "runs": ["as_of", "engine", "error", *_TOLD_BY_KIND],
    "run": ["error", *_TOLD_BY_KIND],
    "run_steps": ["error"],
}
_SHOWN_RUNS = 20
# What Typer gives back for Ctrl-C.
_INTERRUPTED = 130


def _show_version(wanted: bool) -> None:
    if wanted:
        output.print(f"rental {version('rental-analytics')}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Turns a rental marketplace's MySQL database into trusted numbers in a warehouse."""


@app.command(epilog="Example: rental init --config company.toml")
def init(
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a commented configuration file."""
    from importlib.resources import files

    if config.exists() and not force:
        raise ConfigurationError(f"{config} exists already.", remedy="choose another --config, or add --force.")
    template = (files("rental_analytics") / "rental.toml").read_text(encoding="utf-8")
    try:
        config.write_text(template, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{config} cannot be written: {error.strerror}.", remedy="choose a folder you may write to."
        ) from error
    _print_line(f"Wrote {config}. Edit source.url, then: rental run")


@app.command(
    epilog="Example: rental generate --to sqlite:///marketplace.db --bookings 50000 && "
    "rental generate --to sqlite:///marketplace.db --advance 1"
)
def generate(
    to: Annotated[str, typer.Option("--to", help="sqlite:///FILE or mysql://user@host:3306/database.", metavar="URL")],
    listings: Annotated[int, typer.Option(min=0, help="Listings.")] = 2_000,
    bookings: Annotated[int, typer.Option(min=0, help="Bookings.")] = 60_000,
    viewings: Annotated[int, typer.Option(min=0, help="Viewings.")] = 300_000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same data.")] = 42,
    end_date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of data; yesterday by default.")
    ] = None,
    dirty_rate: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of bad rows to plant, of every kind the rules name.")
    ] = 0.0,
    minimal: Annotated[bool, typer.Option("--minimal", help="Only the required columns.")] = False,
    advance: Annotated[
        int | None, typer.Option(min=1, help="Move an existing marketplace forward by so many days instead.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite tables that are there.")] = False,
    password: Annotated[
        str | None,
        typer.Option(envvar="RENTAL_SOURCE__PASSWORD", help="Password of the MySQL user.", show_envvar=True),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a believable marketplace to try things on, in SQLite or MySQL."""
    from rental_analytics import marketplace

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
            )
            summary = marketplace.generate(to, wanted, password=password, replace=replace, on_progress=progress)
    _show_summary(summary, as_json=as_json)


@app.command(epilog=f"Example: rental run --set source.url=sqlite:///marketplace.db. {EXIT_CODES}")
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    step: Annotated[list[str] | None, typer.Option(help="Do only this step; may be repeated.", metavar="NAME")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every table whole.")] = False,
    resume: Annotated[str | None, typer.Option(help="Continue a run that stopped.", metavar="RUN_ID")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day the numbers include; the newest day seen by default."),
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="Name of the new run.", metavar="ID")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Leave out the headline metrics at the end.")] = False,
    log_json: LogOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline: extract, transform, load-raw, load-curated, metrics."""
    with _logging(log_json) as log:
        wanted = _run_options(step or [], resume, as_of, run_id, full_refresh=full_refresh)
        headlines = not quiet and (not step or "metrics" in step)
        _run(config, overrides, wanted, log, headlines=headlines, as_json=as_json)


def _run_options(
    step: list[str], resume: str | None, as_of: datetime | None, run_id: str | None, *, full_refresh: bool
) -> RunOptions:
    from rental_analytics.pipeline import STEP_NAMES
    from rental_analytics.runners.local import RunOptions

    for name in step:
        if name not in STEP_NAMES:
            raise ConfigurationError(f"There is no step {name}.", remedy=f"steps are {', '.join(STEP_NAMES)}.")
    for option, given in (("--resume", resume), ("--run-id", run_id)):
        if given is not None and not given.strip():
            raise ConfigurationError(
                f"{option} names no run: its value is empty.",
                remedy="name one, or leave the option out; `rental status` lists the runs there are.",
            )
    if resume and (run_id or full_refresh or as_of):
        raise ConfigurationError(
            "--resume continues a run with the parameters it was started with.",
            remedy="leave out --run-id, --full-refresh and --as-of.",
        )
    return RunOptions(tuple(step), full_refresh, resume, as_of.date() if as_of else None, run_id)


@app.command(epilog=f"Example: rental backfill --from 2026-03-01 --to 2026-03-31. {EXIT_CODES}")
def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to read anew.")],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to read anew, itself included.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    run_id: Annotated[str | None, typer.Option(help="Name of the new run.", metavar="ID")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Leave out the headline metrics at the end.")] = False,
    log_json: LogOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a range of days anew, and rebuild what rests on it; the next run goes on where the last one stopped.

    Days are those of a row's change or event, in UTC. Tables without either are read whole.
    """
    from rental_analytics.runners.local import RunOptions

    with _logging(log_json) as log:
        if run_id is not None and not run_id.strip():
            raise ConfigurationError("--run-id names no run: its value is empty.", remedy="name one, or leave it out.")
        if last < first:
            raise ConfigurationError(
                f"--to {last.date()} is before --from {first.date()}.", remedy="name the first day, then the last."
            )
        wanted = RunOptions(run_id=run_id, backfill=(first.date(), last.date()))
        _run(config, overrides, wanted, log, headlines=not quiet, as_json=as_json)


@contextmanager
def _logging(wanted: bool) -> Iterator[JsonLog | None]:
    """The log of a run whose user asked for one; it tells an error in place of the line a person would read."""
    if not wanted:
        yield None
        return
    from rental_analytics.monitoring.json_log import JsonLog

    log = JsonLog(sys.stderr)
    try:
        yield log
    except (Exception, KeyboardInterrupt) as error:
        _, code = _explained(error, sys.argv[1:])
        interrupted = interruption.signal is not None and not isinstance(error, RunInterruptedError)
        told = RunInterruptedError(None, code) if interrupted else error
        log.failure(told, debug="--debug" in sys.argv, exit_code=code)
        raise _ToldError(code) from error


class _ToldError(Exception):
    """What ended the program is in the log."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def _run(
    config: Path,
    overrides: list[str] | None,
    wanted: RunOptions,
    log: JsonLog | None,
    *,
    headlines: bool,
    as_json: bool,
) -> None:
    from rental_analytics.monitoring.console import ConsoleReporter
    from rental_analytics.monitoring.json_log import JsonReporter
    from rental_analytics.runners.local import LocalRunner
    from rental_analytics.settings import load_settings
    from rental_analytics.wiring import assembled

    settings = load_settings(config, overrides or ())
    hide = log.hide if log else lambda _: None
    with interruption.watching(signal.SIGTERM), assembled(settings, hide=hide) as parts:
        reporter = JsonReporter(log, parts.contracts.table_names) if log else ConsoleReporter(messages)
        outcome = LocalRunner(parts, reporter, interruption, log).run(wanted)
        if as_json:
            _print_json(_outcome_record(outcome))
        elif headlines:
            _show_headlines(parts.warehouse.ask(_headlines_sql()), outcome)


@app.command(epilog="Example: rental status --json")
def status(
    run_id: Annotated[str | None, typer.Argument(help="One run, with its steps and checks.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show runs, steps, rows, durations, quality and freshness."""
    from importlib.resources import files

    tables = {}
    folder = files("rental_analytics.monitoring") / "queries"
    names = ("run", "run_steps", "run_accounting", "run_checks") if run_id else ("runs", "freshness")
    with _reading(config, overrides) as warehouse:
        absent = _absent_columns(warehouse)
        for name in names:
            file = "runs" if name == "run" else name
            sql = (folder / f"{file}.sql").read_text(encoding="utf-8")
            tables[name] = warehouse.ask(
                sql.replace(":absent_columns", absent).replace(":run_id", _text_literal(run_id or ""))
            )
    if run_id and not tables["run"].num_rows:
        raise ConfigurationError(f"There is no run {run_id}.", remedy="`rental status` lists the runs there are.")
    shown = {name: table.slice(0, _SHOWN_RUNS) if name == "runs" else table for name, table in tables.items()}
    if as_json:
        _print_json({name: table.to_pylist() for name, table in shown.items()})
        return
    for name, table in shown.items():
        _print_table(table.drop_columns(_LONG.get(name, [])), title=name.replace("_", " "))
        if table.num_rows < tables[name].num_rows:
            _print_line(
                f'The newest {_SHOWN_RUNS} runs; all: rental query "SELECT * FROM ops.runs ORDER BY sequence DESC"'
            )
        for row in table.to_pylist():
            if row.get("error"):
                _print_line(f"{row.get('run_id') or row['step']}: {row['error']}")


@app.command(epilog='Example: rental query "SELECT * FROM presentation.occupancy_rate_monthly ORDER BY month_start"')
def query(
    sql: Annotated[str, typer.Argument(help="One statement that only reads.")],
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show; 0 for all.")] = 1000,
) -> None:
    """Ask the warehouse; nothing can be changed."""
    with _reading(config, overrides) as warehouse:
        table = warehouse.query(sql, limit + 1 if limit else None)
    shown = table.slice(0, limit) if limit else table
    if as_json:
        _print_json(shown.to_pylist())
    else:
        _print_table(shown)
    if shown.num_rows < table.num_rows:
        messages.print(f"There are more rows than {limit:,}; see --limit.", highlight=False)


@app.command(epilog="Example: rental report --out report.html")
def report(
    out: Annotated[Path, typer.Option("--out", help="File to write.", metavar="FILE")] = Path("report.html"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write the metrics as one self-contained HTML page."""
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.report import write_report

    with _reading(config, overrides) as warehouse:
        path = write_report(warehouse.ask, load_contracts().presentation, out)
    _print_line(f"Report: {path}")


@app.command(epilog="Example: rental grants --loader IAMR:load-raw --loader IAMR:metrics --analyst IAM:maria")
def grants(
    loader: Annotated[
        list[str] | None, typer.Option(help="User that runs steps; may be repeated.", metavar="USER")
    ] = None,
    analyst: Annotated[
        list[str] | None, typer.Option(help="User that reads the metrics; may be repeated.", metavar="USER")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Print the SQL for roles and rights of a warehouse on Redshift; nothing is run.

    Without a configuration file it is that of any database of Redshift.
    """
    from rental_analytics.settings import load_settings
    from rental_analytics.wiring import grants as grants_sql

    in_general = config == DEFAULT_CONFIG and not config.exists() and not overrides
    settings = None if in_general else load_settings(config, overrides or (), needs_source=False)
    sys.stdout.write(grants_sql(settings, loader or (), analyst or ()).rstrip() + "\n")
    if not loader:
        messages.print("No --loader is named: nobody but a table's owner may use the tables to come.", highlight=False)


@contextmanager
def _reading(config: Path, overrides: list[str] | None) -> Iterator[Warehouse]:
    from rental_analytics.settings import load_settings
    from rental_analytics.wiring import make_warehouse

    warehouse = make_warehouse(load_settings(config, overrides or (), needs_source=False))
    warehouse.open(read_only=True)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _absent_columns(warehouse: Warehouse) -> str:
    """Columns of `ops.runs` that a warehouse lacks which no run has opened since they came, as NULLs to select."""
    from rental_analytics.contracts.ops import ops_tables

    held = warehouse.columns("ops.runs")
    absent = [column for column in ops_tables()["runs"].file_columns if column.name not in held]
    return "".join(f", CAST(NULL AS {column.type}) AS {column.name}" for column in absent)


@contextmanager
def _counting() -> Iterator[Any]:
    """Show rows per table as they are written, on a terminal."""
    from rental_analytics.monitoring.console import ConsoleReporter

    reporter = ConsoleReporter(messages)
    with reporter.task("rows") as advance:
        seen: dict[str, int] = {}

        def count(table: str, rows: int) -> None:
            advance(rows - seen.get(table, 0))
            seen[table] = rows

        yield count


def _headlines_sql() -> str:
    from importlib.resources import files

    return (files("rental_analytics.monitoring") / "queries" / "headlines.sql").read_text(encoding="utf-8")


def _show_headlines(table: pa.Table, outcome: RunOutcome) -> None:
    _print_table(table, title=f"Run {outcome.run.run_id}: {outcome.seconds:.1f} s")


def _outcome_record(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "run_id": outcome.run.run_id,
        "seconds": round(outcome.seconds, 3),
        "steps": [
            {
                "step": step.step,
                "status": step.status,
                "seconds": round(step.seconds, 3),
                "rows_in": step.result.rows_in,
                "rows_out": step.result.rows_out,
                "bytes": step.result.bytes,
            }
            for step in outcome.steps
        ],
    }


def _show_summary(summary: Any, *, as_json: bool) -> None:
    from dataclasses import asdict

    record = asdict(summary)
    if as_json:
        _print_json(record)
        return
    for name, value in record.items():
        if isinstance(value, dict):
            for key, count in value.items():
                told = count if not isinstance(count, dict) else ", ".join(f"{k} {v:,}" for k, v in count.items() if v)
                if told:
                    _print_line(f"{name} {key}: {told}")
        else:
            _print_line(f"{name}: {value}")


def _print_line(text: str) -> None:
    output.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_table(table: pa.Table, title: str | None = None) -> None:
    from rental_analytics.monitoring.tables import print_table

    print_table(output, table, title)


def _print_json(record: Any) -> None:
    def encode(value: Any) -> str:
        return value.isoformat() if isinstance(value, date | time) else str(value)

    sys.stdout.write(json.dumps(_finite(record), default=encode, indent=2, ensure_ascii=False) + "\n")


def _finite(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: they become null."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _text_literal(text: str) -> str:
    from rental_analytics.sql.render import literal

    return literal(text)


def main() -> None:
    """Entry point: every error is one line and a documented exit code; `--debug` shows its traceback before."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    interruption.signal = None
    with interruption.watching(signal.SIGINT):
        try:
            code = app(args=arguments, prog_name="rental", standalone_mode=False)
            if code == _INTERRUPTED:
                code = _told(*_interrupted(arguments))
        except _ToldError as error:
            code = error.exit_code
        except Exception as error:  # noqa: BLE001 nobody is above to handle it
            code = _told(*_explained(error, arguments), error=error)
        interruption.ignore_more()
    sys.exit(code)


def _explained(error: BaseException, arguments: list[str]) -> tuple[str, int]:
    """The line that tells an error, and the exit code."""
    if isinstance(error, RunInterruptedError):
        return str(error), error.exit_code
    if interruption.signal is not None:
        return _interrupted(arguments)
    if isinstance(error, RentalError):
        place = f" (step {error.step}, run {error.run_id})" if error.step else ""
        return f"Error{place}: {error}", error.exit_code
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        remedy = f"see `{context.command_path if context else 'rental'} --help`."
        text = error.format_message().removesuffix(".")
        return f"Error: {text}. Remedy: {remedy}" if text else "", error.exit_code
    text = " ".join(str(error).split()).removesuffix(".")
    return f"Error: {type(error).__name__}: {text}. Remedy: run again with --debug for the whole error.", 1


def _interrupted(arguments: list[str]) -> tuple[str, int]:
    runs = {"run", "backfill"} & set(arguments)
    return str(RunInterruptedError(None, 0)) if runs else "Interrupted.", interruption.exit_code


def _told(line: str, code: int, error: BaseException | None = None) -> int:
    if error and "--debug" in sys.argv:
        traceback.print_exception(error)
    if line:
        messages.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    return code
