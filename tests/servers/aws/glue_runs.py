"""Runs of Glue jobs and the states they go through; `glue_launch` has how a job's process is made."""

import os
import signal
import subprocess
import threading
import time
from contextvars import copy_context
from secrets import token_hex
from typing import Any

from servers.aws.control import on_reset, settings
from servers.aws.glue_launch import LaunchError, error_message, launch
from servers.aws.glue_logs import deliver
from servers.aws.rights import NotAllowedError

STARTING, RUNNING, STOPPING = "STARTING", "RUNNING", "STOPPING"
SUCCEEDED, FAILED, STOPPED, TIMEOUT = "SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"
UNDER_WAY = {STARTING, RUNNING, STOPPING}
_MOMENTS = ("StartedOn", "LastModifiedOn", "CompletedOn")


class GlueError(Exception):
    """An answer of Glue other than the one asked for."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Run:
    """One run of a job, with a thread and a process of its own."""

    def __init__(self, job: dict[str, Any], arguments: dict[str, str]) -> None:
        now = time.time()
        self.record: dict[str, Any] = {
            "Id": f"jr_{token_hex(32)}",
            "Attempt": 0,
            "JobName": job["Name"],
            "StartedOn": now,
            "LastModifiedOn": now,
            "JobRunState": STARTING,
            "Arguments": arguments,
            "PredecessorRuns": [],
            "AllocatedCapacity": int(job.get("NumberOfWorkers", 2)),
            "ExecutionTime": 0,
            "Timeout": int(job.get("Timeout", 2880)),
            "MaxCapacity": float(job.get("NumberOfWorkers", 2)),
            "WorkerType": job.get("WorkerType", "G.1X"),
            "NumberOfWorkers": int(job.get("NumberOfWorkers", 2)),
            "LogGroupName": "/aws-glue/jobs",
            "GlueVersion": job.get("GlueVersion", "0.9"),
        }
        if job.get("SecurityConfiguration"):
            self.record["SecurityConfiguration"] = job["SecurityConfiguration"]
        self.job = job
        self.thread = threading.Thread(target=copy_context().run, args=[self._work], daemon=True)
        self._stopped = threading.Event()
        self._abandoned = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> str:
        return str(self.record["JobRunState"])

    def stop(self) -> None:
        """Begin to stop; nothing is said to the process, which works on until it is killed."""
        self._become(STOPPING)
        self._stopped.set()

    def abandon(self) -> None:
        """Kill at once, for the emulator is reset."""
        self._abandoned = True
        self._stopped.set()
        self.kill()

    def cause(self) -> dict[str, Any]:
        """The run as Step Functions tells it: sorted, moments in milliseconds."""
        told = {name: int(value * 1000) if name in _MOMENTS else value for name, value in self.record.items()}
        return dict(sorted(told.items()))

    def _work(self) -> None:
        while self.job["Name"] in settings.held and not self._stopped.is_set():
            time.sleep(0.02)
        try:
            self._process, errors = launch(self.job, self.record)
        except (LaunchError, NotAllowedError) as problem:
            self._become(STOPPED if self._stopped.is_set() else FAILED, str(problem))
            return
        began = time.monotonic()
        self.record["JobRunState"] = STOPPING if self._stopped.is_set() else RUNNING
        state = self._watched(began + self.record["Timeout"] * settings.minute)
        self.kill()
        code = self._process.wait()
        self.record["ExecutionTime"] = int(time.monotonic() - began)
        if not self._abandoned:
            deliver(self.job, self.record, errors.parent)
        if state:
            self._become(state)
        elif code:
            self._become(FAILED, error_message(errors.read_text(errors="replace"), code))
        else:
            self._become(SUCCEEDED)

    def _watched(self, deadline: float) -> str | None:
        """The state the run ends in when the process does not end by itself."""
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._stopped.is_set():
                time.sleep(0 if self._abandoned else settings.stopping)
                return STOPPED
            try:
                self._process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            return None
        return TIMEOUT

    def kill(self) -> None:
        """End the process and all that it started."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def _become(self, state: str, error: str = "") -> None:
        self.record["LastModifiedOn"] = time.time()
        if state not in UNDER_WAY:
            self.record["CompletedOn"] = self.record["LastModifiedOn"]
        if error:
            self.record["ErrorMessage"] = error
        self.record["JobRunState"] = state


class Runs:
    """All runs, by job."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}
        self._lock = threading.Lock()

    def start(self, job: dict[str, Any], arguments: dict[str, str]) -> Run:
        """Begin a run.

        Raises:
            GlueError: as many runs as the job may have are under way.
        """
        most = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
        with self._lock:
            known = self._runs.setdefault(job["Name"], [])
            if sum(run.state in UNDER_WAY for run in known) >= most:
                message = f"Concurrent runs exceeded for {job['Name']}"
                raise GlueError("ConcurrentRunsExceededException", message)
            run = Run(dict(job), arguments)
            known.insert(0, run)
        run.thread.start()
        return run

    def of(self, job: str) -> list[Run]:
        """The newest first."""
        with self._lock:
            return list(self._runs.get(job, []))

    def find(self, job: str, run_id: str) -> Run:
        for run in self.of(job):
            if run.record["Id"] == run_id:
                return run
        raise GlueError("EntityNotFoundException", f"Job run {run_id} of job {job} was not found.")

    def end(self) -> None:
        """Kill and forget all."""
        with self._lock:
            ended = [run for runs in self._runs.values() for run in runs]
            self._runs.clear()
        for run in ended:
            run.abandon()
        for run in ended:
            run.thread.join(10)


runs = Runs()
on_reset.append(runs.end)
