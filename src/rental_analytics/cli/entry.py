"""The entry point: every error becomes one line and a documented exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from dataclasses import dataclass

from typer.exceptions import TyperException

from rental_analytics.cli.app import app
from rental_analytics.cli.errors import ReportedError, understood
from rental_analytics.cli.output import interruption, messages, secrets
from rental_analytics.cli.run_record import current_run, print_record, shown_or_noted
from rental_analytics.errors import RentalError, RunInterruptedError
from rental_analytics.monitoring.streams import ReaderLeftError, steady_streams
from rental_analytics.monitoring.text import visible
from rental_analytics.settings import limit_math_threads

# What Typer gives back for Ctrl-C.
_INTERRUPTED = 130
_RUNNING = {"run", "backfill"}
_HELP = {"--help", "-h"}


@dataclass(frozen=True)
class _End:
    """How a call ended.

    Args:
        line: what tells of it, or nothing.
        in_log: the JSON log has said so.
    """

    code: int
    line: str = ""
    error: BaseException | None = None
    in_log: bool = False


def main() -> None:
    """Run the program; `--debug` shows the traceback of an error before its line."""
    limit_math_threads()
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    interruption.signal = None
    current_run.reset()
    secrets.forget()
    with steady_streams(), interruption.watching(signal.SIGINT):
        is_run = bool(_RUNNING & set(arguments))
        messages.is_log = is_run and not messages.is_terminal
        end = _call(arguments)
        _show(end)
        if is_run and "--json" in arguments and not _HELP & set(arguments):
            said = str(end.error) if isinstance(end.error, RentalError) else end.line
            shown_or_noted(lambda: print_record(end.code, end.error, secrets.hidden(said)))
        interruption.ignore_more()
    sys.exit(end.code)


def _call(arguments: list[str]) -> _End:
    try:
        code = app(args=arguments, prog_name="rental", standalone_mode=False) or 0
        sys.stdout.flush()
    except ReaderLeftError:
        return _End(0)
    except ReportedError as reported:
        line, _ = _explained(reported.error, arguments)
        return _End(reported.exit_code, line, reported.error, in_log=True)
    except Exception as raised:  # noqa: BLE001 nobody is above to handle it
        error = understood(raised)
        line, code = _explained(error, arguments)
        return _End(code, line, error)
    if code == _INTERRUPTED:
        return _End(interruption.exit_code, _interrupted(arguments))
    return _End(code)


def _show(end: _End) -> None:
    if end.in_log:
        return
    if end.error and "--debug" in sys.argv:
        for line in "".join(traceback.format_exception(end.error)).splitlines():
            sys.stderr.write(visible(secrets.hidden(line)) + "\n")
    if end.line:
        messages.show(end.line, style="red")


def _explained(error: BaseException, arguments: list[str]) -> tuple[str, int]:
    """The line that tells an error, and the exit code."""
    if isinstance(error, RunInterruptedError):
        return str(error), error.exit_code
    if interruption.signal is not None:
        return _interrupted(arguments), interruption.exit_code
    if isinstance(error, RentalError):
        place = f" (step {error.step}, run {error.run_id})" if error.step else ""
        return f"Error{place}: {error}", error.exit_code
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        remedy = f"see `{context.command_path if context else 'rental'} --help`."
        text = " ".join(error.format_message().split()).removesuffix(".")
        return f"Error: {text}. Remedy: {remedy}" if text else "", error.exit_code
    text = " ".join(str(error).split()).removesuffix(".")
    return f"Error: {type(error).__name__}: {text}. Remedy: run again with --debug for the whole error.", 1


def _interrupted(arguments: list[str]) -> str:
    return str(RunInterruptedError(None, 0)) if _RUNNING & set(arguments) else "Interrupted."
