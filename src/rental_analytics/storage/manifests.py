"""Commit records in the lake: a file exists for the pipeline only once one of these names it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from rental_analytics.contracts.base import RUN_ID
from rental_analytics.contracts.manifest import (
    RUN_ID_BYTES,
    ExtractManifest,
    LoadManifest,
    MetricsManifest,
    RunParameters,
    StoppedTransform,
    TransformManifest,
)
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import ConfigurationError, LockHeldError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import Lake
from rental_analytics.storage.identity import LakeIdentity, identified, lake_identity
from rental_analytics.storage.records import encode_record, invalid, parse_record

Manifest = ExtractManifest | TransformManifest | LoadManifest | MetricsManifest
Record = TypeVar(
    "Record", ExtractManifest, TransformManifest, LoadManifest, MetricsManifest, RunParameters, StoppedTransform
)

_HISTORY = "history/"
_SEQUENCE = re.compile(_HISTORY + r"(\d{10})\.json")
_RESTORE = (
    "restore the file as the run wrote it; if that cannot be done, let lake.url name an empty folder or prefix and do "
    "`rental run --full-refresh`."
)


class ManifestStore:
    """Reads and commits what runs leave in the lake.

    Run parameters are in `history/<sequence>.json` and `runs/<run>/run.json`, manifests in `runs/<run>/<step>.json`,
    and what became of a run's check in `runs/<run>/marks/`.

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
        if begun := self._read(_run_path(run_id), RunParameters):
            if (begun.started_at, begun.upper_bound) == (started_at, upper_bound):
                return begun
            raise ConfigurationError(
                f"Run {run_id} exists already.",
                remedy=f"choose another --run-id, or continue it with --resume {run_id}.",
                reason="run-id-taken",
            )
        sequence = newest_sequence(self._lake) + 1
        values = {"run_id": run_id, "started_at": started_at, "upper_bound": upper_bound} | options
        try:
            run = RunParameters.model_validate(values | {"sequence": sequence})
        except ValidationError as error:
            raise ConfigurationError(
                f"Run id {run_id!r} cannot be used.",
                remedy="use at most 100 letters, digits, dots, dashes and underscores.",
                reason="run-id-malformed",
            ) from error
        self._guard()
        if not self._create(_claim(sequence), encode_record(run)):
            raise LockHeldError(
                "Another run is starting on this lake.",
                remedy="wait for it to finish, then run again.",
                reason="run-begun-beside",
            )
        reach("place-claimed")
        if not self._create(_run_path(run_id), encode_record(run)):
            raise LockHeldError(
                f"Run {run_id} is being started by another process.",
                remedy="wait for it to finish, then run again with another --run-id.",
                reason="run-id-begun-beside",
            )
        reach("run-begun")
        return run

    def find_run(self, run_id: str) -> RunParameters:
        """Parameters of an earlier run.

        Raises:
            ConfigurationError: there is no such run.
        """
        known = RUN_ID.fullmatch(run_id) and self._read(_run_path(run_id), RunParameters)
        if not known:
            raise ConfigurationError(
                f"There is no run {run_id[:RUN_ID_BYTES]} in this lake.",
                remedy="see `rental status` for the runs there are.",
                reason="run-unknown",
            )
        return known

    def sequence(self, run_id: str) -> int | None:
        """Place of a run in the history, or None where it is not a run of this lake."""
        run = self._read(_run_path(run_id), RunParameters) if RUN_ID.fullmatch(run_id) else None
        return run.sequence if run else None

    def history(self) -> Iterator[RunParameters]:
        """Runs, newest first; a claim whose run never came to be is none."""
        yield from self._runs(reversed(_places(self._lake)))

    def _runs(self, places: Iterable[int]) -> Iterator[RunParameters]:
        for place in places:
            record = self._read(_claim(place), RunParameters)
            if record is not None and self._read(_run_path(record.run_id), RunParameters) == record:
                yield record

    def recent(self) -> Iterator[RunParameters]:
        """Runs that can still be continued, newest first, and behind them the newest one whose rows are loaded."""
        for run in self.history():
            yield run
            if self.committed(run.run_id, StepName.LOAD_CURATED):
                return

    def first_loaded(self) -> RunParameters:
        """The oldest run whose rows are loaded.

        Raises:
            LookupError: there is none.
        """
        for run in self._runs(_places(self._lake)):
            if self.committed(run.run_id, StepName.LOAD_CURATED):
                return run
        raise LookupError("no run has loaded curated tables")

    def extract(self, run_id: str) -> ExtractManifest | None:
        """What `extract` committed for a run, or None."""
        return self._read(_path(run_id, StepName.EXTRACT), ExtractManifest)

    def transform(self, run_id: str) -> TransformManifest | None:
        """What `transform` committed for a run, or None."""
        return self._read(_path(run_id, StepName.TRANSFORM), TransformManifest)

    def load(self, run_id: str, step: StepName) -> LoadManifest | None:
        """What `load-raw` or `load-curated` committed for a run, or None."""
        return self._read(_path(run_id, step), LoadManifest)

    def metrics(self, run_id: str) -> MetricsManifest | None:
        """What `metrics` committed for a run, or None."""
        return self._read(_path(run_id, StepName.METRICS), MetricsManifest)

    def committed(self, run_id: str, step: StepName) -> bool:
        """Whether a step of a run has committed."""
        return self._lake.read(_path(run_id, step)) is not None

    def fingerprint(self, run_id: str, step: StepName) -> str:
        """SHA-256 of a committed manifest as it is stored; it identifies the manifest in `ops.loads`."""
        return hashlib.sha256(self._lake.read(_path(run_id, step)) or b"").hexdigest()

    def commit(self, manifest: Manifest) -> None:
        """Make a step's result count.

        Raises:
            LockHeldError: the step was committed meanwhile by somebody else, or the guard saw that the lock was lost.
        """
        path, content = _path(manifest.run_id, manifest.step), encode_record(manifest)
        reach(f"{manifest.step}-manifest-due")
        self._guard()
        if not self._create(path, content):
            raise LockHeldError(
                f"Step {manifest.step} of run {manifest.run_id} was committed by another process.",
                remedy=f"wait for it to finish; `rental run --resume {manifest.run_id}` does what it left to do.",
                reason="step-committed-beside",
            )
        reach(f"{manifest.step}-manifest-written")

    def latest_extract(self, before: int | None = None, without: Collection[str] = ()) -> ExtractManifest | None:
        """Newest committed extract that counts, or that of a run that stands before `before` in the history.

        Args:
            without: runs whose extracts count no more either.
        """
        replaced = set(without)
        for run in self.history():
            if before is None or run.sequence < before:
                manifest = self.extract(run.run_id)
                replaced.update(manifest.replaces if manifest else ())
                if manifest and run.run_id not in replaced:
                    return manifest
        return None

    def pending_extracts(self, step: StepName, through: int) -> list[ExtractManifest]:
        """Committed extracts, oldest first, that no committed `step` has covered, up to place `through`.

        Those that a later one replaces are left out.
        """
        pending: list[ExtractManifest] = []
        replaced = set[str]()
        for run in self.history():
            if run.sequence > through:
                continue
            if run.sequence < through and self.committed(run.run_id, step):
                break
            manifest = self.extract(run.run_id)
            replaced.update(manifest.replaces if manifest else ())
            if manifest and run.run_id not in replaced:
                pending.append(manifest)
        return pending[::-1]

    def mark_stopped(self, run_id: str, covers: Sequence[str]) -> None:
        """Note that what the named runs extracted could not be transformed as it is; may be repeated."""
        self._guard()
        self._lake.create(
            _mark(run_id, "stopped"), encode_record(StoppedTransform(run_id=run_id, covers=tuple(covers)))
        )

    def stopped(self, run_id: str) -> StoppedTransform | None:
        """What was noted when the transform of a run stopped, or None."""
        return self._read(_mark(run_id, "stopped"), StoppedTransform)

    def mark_passed(self, run_id: str) -> bool:
        """Note that a transform which was stopped is let through after all: its rows may be loaded from now on.

        Gives whether it was stopped until now.
        """
        stopped = self.stopped(run_id)
        if stopped is None or self.may_load(run_id):
            return False
        self._guard()
        self._lake.create(_mark(run_id, "passed"), encode_record(stopped))
        return True

    def may_load(self, run_id: str) -> bool:
        """Whether a step may have loaded what the transform of a run took in."""
        if not self.committed(run_id, StepName.TRANSFORM):
            return False
        return self.stopped(run_id) is None or self._lake.read(_mark(run_id, "passed")) is not None

    def latest(self, step: StepName, before: int | None = None) -> LoadManifest | None:
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
        place = f"{self._lake.url}/{path}"
        record = parse_record(content, kind, place, remedy=_RESTORE)
        if path not in _places_of(record):
            raise invalid(place, f"it belongs in {min(_places_of(record))}", _RESTORE)
        return record


def _claim(sequence: int) -> str:
    return f"{_HISTORY}{sequence:010d}.json"


def newest_sequence(lake: Lake) -> int:
    """Place in the history that was claimed last; 0 where none was."""
    return max(_places(lake), default=0)


def _places(lake: Lake) -> list[int]:
    """Places of the history that are taken, in order; files of other names are none."""
    return sorted(int(match[1]) for path in lake.paths(_HISTORY) if (match := _SEQUENCE.fullmatch(path)))


def _path(run_id: str, step: StepName) -> str:
    return f"runs/{run_id}/{step}.json"


def _run_path(run_id: str) -> str:
    return f"runs/{run_id}/run.json"


def _places_of(record: BaseModel) -> set[str]:
    """Where a record may stand, so that none is taken for that of another run or step."""
    match record:
        case RunParameters(run_id=run_id, sequence=sequence):
            return {_run_path(run_id), _claim(sequence)}
        case StoppedTransform(run_id=run_id):
            return {_mark(run_id, "stopped"), _mark(run_id, "passed")}
        case ExtractManifest() | TransformManifest() | LoadManifest() | MetricsManifest():
            return {_path(record.run_id, record.step)}
    return set()


def _mark(run_id: str, name: str) -> str:
    return f"runs/{run_id}/marks/{name}.json"
