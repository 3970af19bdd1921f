"""What happens in a run, as facts: who listens makes lines, records or numbers of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.contracts.steps import StepName


@dataclass(frozen=True)
class Scope:
    """What comes from now on belongs to this run, and to this step of it."""

    run_id: str
    step: StepName | None = None


@dataclass(frozen=True)
class RunChanged:
    """A run began, succeeded or failed."""

    record: RunRecord


@dataclass(frozen=True)
class StepEnded:
    """An attempt at a step ended.

    Args:
        rechecked: it was done before, and its check was made again.
    """

    record: StepRecord
    rechecked: bool = False


@dataclass(frozen=True)
class Work:
    """A piece of a step that takes time, of one table where it has one."""

    step: StepName
    table: str | None = None

    @property
    def label(self) -> str:
        """As it is called for a person, such as `extract bookings`."""
        return f"{self.step} {self.table}" if self.table else str(self.step)


@dataclass(frozen=True)
class WorkBegun:
    """A piece of work began."""

    work: Work


@dataclass(frozen=True)
class WorkAdvanced:
    """A piece of work goes on.

    Args:
        rows: so far.
        seconds: since it began.
    """

    work: Work
    rows: int
    seconds: float


@dataclass(frozen=True)
class WorkEnded:
    """A piece of work ended.

    Args:
        failed: an error ended it.
    """

    work: Work
    rows: int
    seconds: float
    failed: bool = False


@dataclass(frozen=True)
class TableDone:
    """A step has committed what it made of a table.

    Args:
        table: source table (extract), curated table (transform), or relation of the warehouse (loads, metrics).
        rows_in: rows it read or judged; None where the step does not count them by table.
        rows_out: rows it wrote: files to the lake, or rows to the warehouse.
        superseded: rows that a newer one of the same key stood for; None where the step looks for none.
        rejected: rows that broke a rule and were set aside; None where the step judges none.
    """

    step: StepName
    table: str
    rows_out: int
    rows_in: int | None = None
    superseded: int | None = None
    rejected: int | None = None


@dataclass(frozen=True)
class DataSeen:
    """How new the data in the warehouse are.

    Args:
        as_of: last day the numbers include.
        newest_day: newest day on which something happened, not after the upper bound's; None where nothing has.
        upper_bound: moment up to which the run read the source, UTC.
    """

    as_of: date | None
    newest_day: date | None
    upper_bound: datetime


@dataclass(frozen=True)
class Note:
    """Something worth knowing.

    Args:
        text: a sentence without a full stop.
        table: the table it is about.
        topic: what it is about where that is no table, such as a step.
    """

    text: str
    table: str | None = None
    topic: str | None = None


@dataclass(frozen=True)
class Retry:
    """Something failed with an error that may pass, and is tried again.

    Args:
        what: a step, or what comes before and between them.
        reason: name of the cause, as docs/reference/errors.md has it; may be empty.
        wait: seconds until then.
        attempt: the attempt that comes, of `attempts` in all.
    """

    what: str
    message: str
    reason: str
    wait: float
    attempt: int
    attempts: int


@dataclass(frozen=True)
class Failure:
    """An error ended the program.

    Args:
        exit_code: that of the error's class, with which a process of the command line ends.
        traced: its traceback is wanted, too.
    """

    error: BaseException
    exit_code: int
    traced: bool = False


Event = (
    Scope
    | RunChanged
    | StepEnded
    | WorkBegun
    | WorkAdvanced
    | WorkEnded
    | TableDone
    | DataSeen
    | Note
    | Retry
    | Failure
)
