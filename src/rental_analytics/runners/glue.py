"""The entry point of the Glue jobs: one step of a run, in a process that reaches only what the step uses."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rental_analytics.aws.objects import is_object_url, read_text_object
from rental_analytics.contracts.events import Failure
from rental_analytics.errors import RentalError, RunInterruptedError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.json_log import JsonListener, JsonLog
from rental_analytics.monitoring.streams import MessageStream
from rental_analytics.monitoring.text import visible
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.glue_arguments import JobArguments, parse_arguments, usage
from rental_analytics.runners.lifecycle import Beginning, RunLife, RunRequest
from rental_analytics.runners.starts import record_failed_start
from rental_analytics.settings import Settings, limit_math_threads, load_settings, parse_settings
from rental_analytics.storage.base import Lake
from rental_analytics.wiring import assembled_for_run, counting


class JobFailed(Exception):  # noqa: N818 the error's own class is the one that readers of Glue's message look for
    """A job failed; `str()` is one line that begins with the class of the error, such as `LakeError: ...`.

    Glue makes the ErrorMessage of a job run from the last line of the traceback, and from nothing else.

    Args:
        text: class, message and remedy; no secret stands in it.
        exit_code: that of the error's class; Python itself ends with 1.
    """

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def main(argv: Sequence[str]) -> None:
    """Do a job; what happens is told on standard output.

    Args:
        argv: as Glue hands them over, without the name of the script.

    Raises:
        JobFailed: the job failed. It has no context, so that nothing that may hold a secret is printed with it.
        SystemExit: 143, or 130, a signal ended the job.
    """
    if "--help" in argv:
        sys.stdout.write(usage())
        return
    began = time.monotonic()
    limit_math_threads()
    stream, interruption = MessageStream(sys.stdout), Interruption()
    log = JsonLog(stream)
    failed: JobFailed | None = None
    with interruption.watching(signal.SIGTERM), interruption.watching(signal.SIGINT):
        try:
            arguments = parse_arguments(argv)
            log = JsonLog(stream, run_id=arguments.run_id, step=arguments.step)
            _do(arguments, log, interruption, began)
        except BaseException as error:  # noqa: BLE001 nobody is above to handle it
            failed = _told(error, log, interruption)
        interruption.ignore_more()
    if failed and interruption.signal is not None:
        # Whoever sent it knows why; a process that is stopped is known by this code.
        MessageStream(sys.stderr).write(f"{failed}\n")
        sys.exit(interruption.exit_code)
    if failed:
        raise failed


def _do(arguments: JobArguments, log: JsonLog, interruption: Interruption, began: float) -> None:
    log.event("job_started", arguments=arguments.shown())
    settings = _settings(arguments)
    step = next(step for step in STEPS if step.name == arguments.step)
    start = arguments.start()

    def note(lake: Lake, error: BaseException) -> None:
        record_failed_start(lake, start, error)

    request = _request(arguments, begins=step is STEPS[0])
    events = EventStream(JsonListener(log))
    job = (step.name, began)
    with counting(settings, events, job), assembled_for_run(settings, note, step.uses, log.hide) as parts:
        (done,) = RunLife(parts, request, start, events, interruption).live([step]).steps
    log.event("job_succeeded", status=done.status, seconds=round(time.monotonic() - began, 3))


def _settings(arguments: JobArguments) -> Settings:
    if is_object_url(arguments.config):
        text = read_text_object(arguments.config)
        return parse_settings(text, arguments.config, Path.cwd(), arguments.overrides)
    return load_settings(Path(arguments.config), arguments.overrides)


def _told(error: BaseException, log: JsonLog, interruption: Interruption) -> JobFailed:
    """Tell an error in the log; the exception that stands for it."""
    if interruption.signal is not None and not isinstance(error, RunInterruptedError):
        error = RunInterruptedError(None, interruption.exit_code)
    code = error.exit_code if isinstance(error, RentalError | RunInterruptedError) else 1
    JsonListener(log).hear(Failure(error, code))
    line = str(error)
    if not isinstance(error, RentalError | RunInterruptedError):
        line = f"{' '.join(line.split())} Remedy: see the traceback in the job's log."
    return JobFailed(f"{type(error).__name__}: {visible(log.hidden(line))}", code)


def _request(arguments: JobArguments, *, begins: bool) -> RunRequest:
    """The first step begins the run, or goes on with the one it began before; the others find it."""
    return RunRequest(
        run_id=arguments.run_id,
        beginning=Beginning.EITHER if begins else Beginning.CONTINUED,
        full_refresh=bool(arguments.full_refresh),
        as_of=arguments.as_of,
        backfill=arguments.backfill,
        upper_bound=arguments.upper_bound,
        check=arguments.check_same,
        whole=False,
    )
