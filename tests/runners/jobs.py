"""The pipeline as five jobs, each in this process or one of its own, with the arguments Glue would give them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rental_analytics.pipeline import STEPS
from rental_analytics.runners.glue import JobFailed, main
from rental_analytics.steps.base import Part
from runs.harness import Pipeline

SCRIPT = Path(__file__).parents[2] / "scripts" / "rental_glue_job.py"
# What Glue adds to the arguments of a job, as far as seen.
OF_GLUE = [
    *("--JOB_NAME", "rental-extract", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://bucket/tmp/"),
    *("--job-bookmark-option", "job-bookmark-disable", "--job-language", "python", "--enable-metrics", "true"),
    *("--enable-job-insights", "--extra-py-files", "s3://bucket/a.zip", "--encryption-type", "sse-kms"),
    *("--additional-python-modules", "s3://bucket/a.whl", "--continuous-log-logGroup", "/aws-glue/jobs"),
]
CONF = ["--conf", "spark.a=b --conf spark.c=d"]
# Places that are no place: what a step does not use is out of its reach.
NOWHERE = {
    Part.DATABASE: "source.url=mysql://nobody@127.0.0.1:1/none",
    Part.WAREHOUSE: "warehouse.url=duckdb:////proc/none/warehouse.duckdb",
}


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: exit code, lines of its log, text on standard error.

    The code of a job in this process is that of its error's class; a process of its own ends with 1.
    """

    code: int
    lines: list[dict[str, Any]]
    errors: str

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == name]

    @property
    def last_error(self) -> str:
        """What Glue makes its ErrorMessage of, without the class that the script raises."""
        return self.errors.splitlines()[-1].removeprefix(f"{JobFailed.__module__}.{JobFailed.__qualname__}: ")


class Jobs:
    """Runs the jobs of a pipeline's configuration.

    Args:
        settings: beside those of the pipeline.
    """

    def __init__(self, pipeline: Pipeline, *settings: str) -> None:
        self._config = pipeline.folder / "rental.toml"
        self._settings = [*pipeline.settings, *settings]

    def argv(self, step: str, run_id: str, *settings: str, **arguments: str) -> list[str]:
        uses = next(found.uses for found in STEPS if found.name == step)
        unreachable = [setting for part, setting in NOWHERE.items() if part not in uses]
        given = {
            "step": step,
            "run_id": run_id,
            "config": str(self._config),
            "set": " ".join([*self._settings, *unreachable, *settings]),
        } | arguments
        return [*OF_GLUE, *(word for name, value in given.items() for word in (f"--{name}", value)), *CONF]

    def do(self, step: str, run_id: str, *settings: str, **arguments: str) -> JobEnd:
        """One job, in this process."""
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
            code = 0
            try:
                main(self.argv(step, run_id, *settings, **arguments))
            except JobFailed as failed:
                # As Python prints it, though without what is above it.
                code = failed.exit_code
                errors.write("".join(traceback.format_exception_only(failed)))
            except SystemExit as stopped:
                code = int(str(stopped.code))
        return JobEnd(code, _lines(out.getvalue()), errors.getvalue())

    def do_all(self, run_id: str, *settings: str, **arguments: str) -> JobEnd:
        """All jobs, or those up to the first that fails, as a state machine would."""
        lines = []
        for step in STEPS:
            end = self.do(step.name, run_id, *settings, **arguments)
            lines += end.lines
            if end.code:
                return JobEnd(end.code, lines, end.errors)
        return JobEnd(0, lines, "")

    def start(self, step: str, run_id: str, *settings: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
        """One job, in a process of its own."""
        command = [sys.executable, str(SCRIPT), *self.argv(step, run_id, *settings)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(env))


def ended(process: subprocess.Popen[str]) -> JobEnd:
    out, errors = process.communicate(timeout=120)
    return JobEnd(process.returncode, _lines(out), errors)


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def status(pipeline: Pipeline, names: Sequence[str] = ("runs", "steps")) -> dict[str, Any]:
    """What `rental status` shows, without moments and durations."""
    runs = "run_id, sequence, status, as_of, engine, versions, full_refresh, backfill_from, backfill_to, error"
    steps = "run_id, step, status, attempt, rows_in, rows_out, error"
    found = {
        "runs": pipeline.rows(f"SELECT {runs}, finished_at IS NULL FROM ops.runs ORDER BY sequence"),
        "steps": pipeline.rows(f"SELECT {steps} FROM ops.steps ORDER BY started_at"),
    }
    return {name: found[name] for name in names}
