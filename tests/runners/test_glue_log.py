"""What a job tells: a JSON object a line, why it failed as the last line of standard error, and never a secret."""

import json
import os
import re
import signal
import subprocess
import time
import traceback
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cli.program import PROGRAM, rental_process
from rental_analytics.contracts.events import Retry
from rental_analytics.contracts.steps import StepName
from rental_analytics.engines.base import Session
from rental_analytics.errors import ProofError
from rental_analytics.monitoring import json_log
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.json_log import JsonListener, JsonLog
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.runners import glue
from rental_analytics.runners.glue import JobFailed, main
from rental_analytics.steps import metrics
from rental_analytics.steps.extract import step as extract
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import RunLock
from runners.jobs import SCRIPT, JobEnd, Jobs, ended, status
from runs.harness import Pipeline, Source

PASSWORD = "geheim-und-lang"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.fast
def test_every_line_names_moment_level_run_step_and_event() -> None:
    stream = StringIO()
    log = JsonLog(stream, run_id="nightly", step="extract")
    log.event("counted", rows=3, table=None, text="für\nzwei Zeilen")
    (line,) = lines(stream)
    assert MOMENT.fullmatch(line.pop("at"))
    assert line == {
        "level": "info",
        "run_id": "nightly",
        "step": "extract",
        "event": "counted",
        "rows": 3,
        "text": "für\nzwei Zeilen",
    }


@pytest.mark.fast
def test_work_and_notes_name_their_table() -> None:
    stream = StringIO()
    events = EventStream(JsonListener(JsonLog(stream)))
    with events.work(StepName.EXTRACT, "bookings") as advance:
        advance(2)
        advance(3)
    events.note("columns ignored: voucher", table="bookings")
    events.emit(Retry("extract", "the lake is away.", "lake-away", 1.04, 2, 4))
    work, note, retry = lines(stream)
    assert (work["work"], work["table"], work["rows"]) == ("extract bookings", "bookings", 5)
    assert work["seconds"] >= 0
    assert (note["table"], note["level"]) == ("bookings", "info")
    assert note["message"] == "bookings: columns ignored: voucher"
    assert retry["message"] == "extract: the lake is away; again in 1.0 s (attempt 2 of 4)"
    told = {name: retry.get(name) for name in ("event", "level", "reason", "attempt", "attempts", "wait", "table")}
    assert list(told.values()) == ["retry", "warning", "lake-away", 2, 4, 1.04, None]


@pytest.mark.fast
def test_work_that_takes_long_is_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(json_log, "SECONDS_BETWEEN", 0.0)
    events = EventStream(JsonListener(JsonLog(stream)))
    with events.work(StepName.EXTRACT, "bookings") as advance:
        advance(2)
    with pytest.raises(RuntimeError), events.work(StepName.EXTRACT, "bookings"):
        raise RuntimeError
    assert [(line["event"], line["rows"]) for line in lines(stream)] == [("work_going_on", 2), ("work_done", 2)]


@pytest.mark.fast
def test_failure_is_told_with_what_is_known() -> None:
    stream = StringIO()
    log = JsonLog(stream, run_id="nightly", step="extract")
    log.failure(ProofError("rows are gone.", remedy="look.", table="bookings"), exit_code=1)
    log.failure(KeyError("x"))
    known, unknown = lines(stream)
    expected = {"error": "ProofError", "message": "rows are gone.", "remedy": "look.", "table": "bookings"}
    assert expected.items() <= known.items() and "traceback" not in known
    assert unknown["error"] == "KeyError" and "KeyError: 'x'" in unknown["traceback"]


@pytest.mark.fast
def test_what_is_hidden_shows_nowhere() -> None:
    stream = StringIO()
    log = JsonLog(stream)
    log.hide(PASSWORD)
    log.hide("")
    log.hide("ab")
    log.event("told", message=f"with {PASSWORD}", nested={"list": [PASSWORD, Path(PASSWORD)]}, able=1)
    log.failure(RuntimeError(PASSWORD))
    assert PASSWORD not in stream.getvalue()
    assert lines(stream)[0]["message"] == "with ***"


@pytest.mark.fast
def test_usage_names_the_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    assert "--upper_bound" in capsys.readouterr().out


@pytest.mark.fast
def test_arguments_that_are_wrong_are_told_in_both_places(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JobFailed) as failed:
        main(["--JOB_NAME", "rental", "--stepp", "extract"])
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["event"], line["level"], line["exit_code"]) == ("failed", "error", 2)
    assert str(failed.value) == f"ConfigurationError: {line['message']} Remedy: {line['remedy']}"
    assert failed.value.exit_code == 2


@pytest.mark.fast
def test_exception_of_a_failed_job_is_one_line_that_hides_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, log: JsonLog, *__: object) -> None:
        log.hide(PASSWORD)
        raise RuntimeError(f"no login\nwith {PASSWORD}\u202e") from ValueError(f"inner {PASSWORD}")

    monkeypatch.setattr(glue, "_do", refuse)
    with pytest.raises(JobFailed) as failed:
        main(["--step", "extract", "--run_id", "nightly", "--config", "rental.toml"])
    shown = "".join(traceback.format_exception(failed.value))
    last = r"RuntimeError: no login with ***\u202e Remedy: see the traceback in the job's log."
    assert shown.splitlines()[-1] == f"rental_analytics.runners.glue.JobFailed: {last}"
    assert PASSWORD not in shown + capsys.readouterr().out
    assert (failed.value.__context__, failed.value.__cause__, failed.value.exit_code) == (None, None, 1)


@pytest.mark.slow
def test_job_tells_what_it_did(jobs: Jobs) -> None:
    end = jobs.do("extract", "nightly", full_refresh="false")
    events = [line["event"] for line in end.lines if line["event"] not in {"note", "work_done"}]
    assert events == ["job_started", "run_running", "step_succeeded", "job_succeeded"]
    assert {(line["run_id"], line["step"]) for line in end.lines} == {("nightly", "extract")}
    work = {line["table"]: line["rows"] for line in end.events("work_done")}
    assert work["bookings"] == 2
    (step,) = end.events("step_succeeded")
    assert step["rows_in"] == 7 and step["bytes"] > 0 and step["seconds"] > 0
    assert end.errors == ""


@pytest.mark.slow
def test_password_of_the_configuration_shows_nowhere(jobs: Jobs, pipeline: Pipeline) -> None:
    for setting in (
        f"source.url=mysql://reader:{PASSWORD}@127.0.0.1:1/rental",
        f"source.password={PASSWORD} source.url=mysql://reader@127.0.0.1:1/rental",
    ):
        end = jobs.do("extract", "nightly", setting, "retries.attempts=1")
        assert end.code == 1 and end.last_error.startswith("SourceUnavailableError: The database mysql://reader@")
        assert PASSWORD not in json.dumps(end.lines) + end.errors
        assert "source.url" in end.events("job_started")[0]["arguments"]["overrides"]


@pytest.mark.slow
def test_error_nobody_foresaw_is_told_with_its_class(
    jobs: Jobs, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in STEP_NAMES[:4]:
        assert jobs.do(step, "nightly").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(metrics.StepResult, "__init__", lambda *_: {}["gone"])
        end = jobs.do("metrics", "nightly")
    assert end.code == 1
    assert end.last_error == "KeyError: 'gone' Remedy: see the traceback in the job's log."
    assert "Traceback" in end.events("failed")[0]["traceback"]
    assert [run[2::7] for run in status(pipeline)["runs"]] == [("failed", "KeyError in run nightly")]
    assert jobs.do("metrics", "nightly").code == 0
    assert [run[2::7] for run in status(pipeline)["runs"]] == [("succeeded", None)]


@pytest.mark.slow
def test_job_that_finds_the_lock_held_stops(jobs: Jobs, pipeline: Pipeline) -> None:
    lock = RunLock(LocalLake(pipeline.folder / "lake"))
    lock.acquire("other")
    held = jobs.do("extract", "nightly")
    lock.release()
    assert (held.code, held.last_error.split(":")[0]) == (4, "LockHeldError")
    assert "(run other)" in held.last_error
    assert jobs.do("extract", "nightly").code == 0


@pytest.mark.slow
def test_configuration_that_is_missing_is_told(jobs: Jobs, tmp_path: Path) -> None:
    end = jobs.do("extract", "nightly", config=str(tmp_path / "none.toml"))
    assert end.code == 2 and "There is no configuration file" in end.last_error


@pytest.fixture
def environment() -> dict[str, str]:
    names = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "AWS_EC2_METADATA_DISABLED")
    return {name: os.environ[name] for name in names if name in os.environ}


@pytest.mark.slow
def test_signal_ends_a_job_in_order(
    jobs: Jobs, source: Source, pipeline: Pipeline, environment: dict[str, str]
) -> None:
    # SQLite counts on for a while: the job is at work in `extract` when the signal comes.
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) SELECT MAX(i) FROM n"
    source.execute("ALTER TABLE bookings RENAME TO all_bookings")
    source.execute(f"CREATE VIEW bookings AS SELECT * FROM all_bookings WHERE ({numbers}) > 0")
    process = jobs.start("extract", "nightly", env=environment)
    begun = wait_for(process, "run_running")
    process.send_signal(signal.SIGTERM)
    end = ended(process)
    end = JobEnd(end.code, begun + end.lines, end.errors)
    assert end.code == 143
    assert end.last_error == ("RunInterruptedError: Interrupted; continue with `rental run --resume nightly`.")
    source.execute("DROP VIEW bookings")
    source.execute("ALTER TABLE all_bookings RENAME TO bookings")
    assert jobs.do_all("nightly").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]


@pytest.mark.slow
def test_signal_that_a_library_swallows_counts_before_the_next_table(
    jobs: Jobs, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_table = extract.read_table
    read: list[str] = []

    def swallowing(session: Session, request: ExtractRequest, *rest: Any) -> Any:
        read.append(request.plan.table.name)
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        return read_table(session, request, *rest)

    # Once a signal came, a process goes on listening to it: that is not for the process of the tests.
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(extract, "read_table", swallowing)
        end = jobs.do("extract", "nightly")
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert (end.code, len(read)) == (143, 1)
    assert jobs.do_all("nightly").code == 0


def wait_for(process: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    assert process.stdout is not None
    seen = []
    for text in process.stdout:
        seen.append(json.loads(text))
        if seen[-1]["event"] == event:
            return seen
    raise AssertionError(f"{event} did not come: {seen}")


@pytest.mark.slow
def test_script_ends_with_a_traceback_whose_last_line_says_why(jobs: Jobs, environment: dict[str, str]) -> None:
    assert SCRIPT.is_file()
    good = ended(jobs.start("extract", "nightly", env=environment))
    assert (good.code, good.errors) == (0, "")
    bad = ended(jobs.start("metrics", "nightly", env=environment))
    assert bad.code == 1 and bad.events("failed")[0]["exit_code"] == 1
    assert bad.errors.startswith("Traceback")
    assert re.fullmatch(r"LakeError: Run nightly cannot do this step: .* Remedy: .*", bad.last_error)


@pytest.mark.slow
def test_run_in_one_process_tells_the_same(pipeline: Pipeline, environment: dict[str, str]) -> None:
    command = [str(PROGRAM), "run", "--log-json", "--quiet", "--run-id", "nightly"]
    where = {"cwd": pipeline.folder, "env": environment, "capture_output": True, "text": True}
    good = subprocess.run(command, check=False, **where)
    told = [json.loads(line) for line in good.stderr.splitlines()]
    assert (good.returncode, good.stdout) == (0, "")
    events = [(line.get("step"), line["event"]) for line in told if line["event"].startswith(("run_", "step_"))]
    steps = [(step, "step_succeeded") for step in STEP_NAMES]
    assert events == [(None, "run_running"), *steps, (None, "run_succeeded")]
    assert {line["run_id"] for line in told} == {"nightly"}
    # The others in a process that is forked, for Python is slow to start.
    again = rental_process(pipeline.folder, *command[1:], env=environment)
    *_, last = [json.loads(line) for line in again.raw_err.splitlines()]
    assert (again.code, last["event"], last["error"]) == (2, "failed", "ConfigurationError")
    assert last["message"] == "Run nightly exists already."
    assert last["exit_code"] == 2
    wrong = rental_process(pipeline.folder, *command[1:], "--step", "nothing", env=environment)
    assert (wrong.code, json.loads(wrong.raw_err)["message"]) == (2, "There is no step nothing.")
    absent = rental_process(pipeline.folder, *command[1:], "--config", "absent.toml", env=environment)
    assert (absent.code, json.loads(absent.raw_err)["exit_code"]) == (2, 2)
