"""Commit records in the lake: a file exists for the pipeline only once one of these names it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from rental_analytics.contracts.manifest import (
    ExtractManifest,
    LoadManifest,
    MetricsManifest,
    RunParameters,
    TransformManifest,
)
from rental_analytics.errors import ConfigurationError, LakeError, LockHeldError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import Lake
from rental_analytics.storage.identity import LakeIdentity, identified, lake_identity

Manifest = ExtractManifest | TransformManifest | LoadManifest | MetricsManifest
Record = TypeVar("Record", ExtractManifest, TransformManifest, LoadManifest, MetricsManifest, RunParameters)

_HISTORY = "history/"


class ManifestStore:
    """Reads and commits what runs leave in the lake.

    Run parameters are in `history/<sequence>.json` and `runs/<run>/run.json`, manifests in `runs/<run>/<step>.json`.

    Args:
        guard: called before each commit; raises where it must not happen.
    """

    def __init__(self, lake: Lake, guard: Callable[[], None] = lambda: None) -> None:
        self._lake = lake
        self._guard = guard

    def check_lock(self) -> None:
        """Call the guard: raises where nothing may be committed."""
        self._guard()

    def identity(self) -> LakeIdentity | None:
        """What tells the lake from others; None where no run has begun yet."""
        return lake_identity(self._lake)

    def identify(self) -> LakeIdentity:
        """What tells the lake from others, made where it is missing."""
        return identified(self._lake)

    def begin_run(self, run_id: str, started_at: datetime, upper_bound: datetime, **options: object) -> RunParameters:
        """Claim the next place in the history for a new run and fix its parameters.

        The call may be repeated with the same run and moments where it failed since the lake did not answer.

        Raises:
            ConfigurationError: the run id was used before.
            LockHeldError: another run claimed the place at the same moment.
        """
        if begun := self._read(_path(run_id, "run"), RunParameters):
            if (begun.started_at, begun.upper_bound) == (started_at, upper_bound):
                return begun
            raise ConfigurationError(
                f"Run {run_id} exists already.",
                remedy=f"choose another --run-id, or continue it with --resume {run_id}.",
            )
        names = self._lake.paths(_HISTORY)
        sequence = int(names[-1].removeprefix(_HISTORY).removesuffix(".json")) + 1 if names else 1
        values = {"run_id": run_id, "started_at": started_at, "upper_bound": upper_bound} | options
        try:
            run = RunParameters.model_validate(values | {"sequence": sequence})
        except ValidationError as error:
            raise ConfigurationError(
                f"Run id {run_id!r} cannot be used.",
                remedy="use at most 100 letters, digits, dots, dashes and underscores.",
            ) from error
        self._guard()
        if not self._create(f"{_HISTORY}{sequence:010d}.json", _encode(run)):
            raise LockHeldError("Another run is starting on this lake.", remedy="wait for it to finish.")
        reach("place-claimed")
        if not self._create(_path(run_id, "run"), _encode(run)):
            raise LockHeldError(f"Run {run_id} is being started by another process.", remedy="wait for it to finish.")
        reach("run-begun")
        return run

    def find_run(self, run_id: str) -> RunParameters:
        """Parameters of an earlier run.

        Raises:
            ConfigurationError: there is no such run.
        """
        if run := self._read(_path(run_id, "run"), RunParameters):
            return run
        raise ConfigurationError(
            f"There is no run {run_id} in this lake.", remedy="see `rental status` for the runs there are."
        )

    def history(self) -> Iterator[RunParameters]:
        """Runs, newest first; a claim whose run never came to be is none."""
        for path in reversed(self._lake.paths(_HISTORY)):
            record = self._read(path, RunParameters)
            if record is not None and self._read(_path(record.run_id, "run"), RunParameters) == record:
                yield record

    def extract(self, run_id: str) -> ExtractManifest | None:
        """What `extract` committed for a run, or None."""
        return self._read(_path(run_id, "extract"), ExtractManifest)

    def transform(self, run_id: str) -> TransformManifest | None:
        """What `transform` committed for a run, or None."""
        return self._read(_path(run_id, "transform"), TransformManifest)

    def load(self, run_id: str, step: str) -> LoadManifest | None:
        """What `load-raw` or `load-curated` committed for a run, or None."""
        return self._read(_path(run_id, step), LoadManifest)

    def metrics(self, run_id: str) -> MetricsManifest | None:
        """What `metrics` committed for a run, or None."""
        return self._read(_path(run_id, "metrics"), MetricsManifest)

    def committed(self, run_id: str, step: str) -> bool:
        """Whether a step of a run has committed."""
        return self._lake.read(_path(run_id, step)) is not None

    def fingerprint(self, run_id: str, step: str) -> str:
        """SHA-256 of a committed manifest as it is stored; it identifies the manifest in `ops.loads`."""
        return hashlib.sha256(self._lake.read(_path(run_id, step)) or b"").hexdigest()

    def commit(self, manifest: Manifest) -> None:
        """Make a step's result count.

        Raises:
            LockHeldError: the step was committed meanwhile by somebody else, or the guard saw that the lock was lost.
        """
        path, content = _path(manifest.run_id, manifest.step), _encode(manifest)
        reach(f"{manifest.step}-manifest-due")
        self._guard()
        if not self._create(path, content):
            raise LockHeldError(
                f"Step {manifest.step} of run {manifest.run_id} was committed by another process.",
                remedy="wait for it to finish, then look at `rental status`.",
            )
        reach(f"{manifest.step}-manifest-written")

    def latest_extract(self, before: int | None = None) -> ExtractManifest | None:
        """Newest committed extract, or that of a run that stands before `before` in the history."""
        earlier = (run for run in self.history() if before is None or run.sequence < before)
        found = (self.extract(run.run_id) for run in earlier)
        return next((manifest for manifest in found if manifest is not None), None)

    def pending_extracts(self, step: str, through: int) -> list[ExtractManifest]:
        """Committed extracts, oldest first, that no committed `step` has covered, up to place `through`."""
        pending: list[ExtractManifest] = []
        for run in self.history():
            if run.sequence > through:
                continue
            if run.sequence < through and self.committed(run.run_id, step):
                break
            if manifest := self.extract(run.run_id):
                pending.append(manifest)
        return pending[::-1]

    def latest(self, step: str, before: int | None = None) -> LoadManifest | None:
        """Newest committed load, or that of a run that stands before `before` in the history."""
        earlier = (run for run in self.history() if before is None or run.sequence < before)
        found = (self.load(run.run_id, step) for run in earlier)
        return next((manifest for manifest in found if manifest is not None), None)

    def _create(self, path: str, content: bytes) -> bool:
        """A write whose answer was lost, and which was sent again, finds its own content."""
        return self._lake.create(path, content) or self._lake.read(path) == content

    def _read(self, path: str, kind: type[Record]) -> Record | None:
        content = self._lake.read(path)
        if content is None:
            return None
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            raise LakeError(
                f"{self._lake.url}/{path} is not a valid manifest: {error.errors()[0]['msg']}.",
                remedy="restore the file, or run on a fresh lake and warehouse.",
            ) from error


def _path(run_id: str, step: str) -> str:
    return f"runs/{run_id}/{step}.json"


def _encode(record: BaseModel) -> bytes:
    return record.model_dump_json(indent=2, exclude_none=True).encode()
