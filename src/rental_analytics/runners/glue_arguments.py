"""The arguments of a Glue job: `--name value` or `--name=value`, among those that Glue adds for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, TypeVar

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import ConfigurationError
from rental_analytics.monitoring.text import shortened
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.runners.starts import Start

ARGUMENTS: Mapping[str, str] = {
    "step": f"The step to do: {', '.join(STEP_NAMES)}. Required.",
    "run_id": "The run it belongs to; the first step begins it. Required.",
    "config": "Path or s3://bucket/key of rental.toml. Required.",
    "upper_bound": "Moment up to which a new run reads the source, ISO 8601 in UTC; else the database's clock.",
    "as_of": "Last day the numbers of a new run include, YYYY-MM-DD; else the newest day seen.",
    "full_refresh": "true: a new run reads every table whole.",
    "backfill_from": "First day a new run re-reads, YYYY-MM-DD; with --backfill_to.",
    "backfill_to": "Last day a new run re-reads, itself included.",
    "set": "section.key=value pairs with blanks between them, stronger than the configuration.",
}
_REQUIRED = ("step", "run_id", "config")
# Like `config`, and no misspelling of it.
_OF_SPARK = {"conf"}
_LIKENESS = 0.8
_TRUTHS = {"true": True, "false": False}
Value = TypeVar("Value")


@dataclass(frozen=True)
class JobArguments:
    """What a job is asked to do; None is what was not given.

    Args:
        upper_bound: UTC, without a zone.
        overrides: `section.key=value`.
    """

    step: str
    run_id: str
    config: str
    upper_bound: datetime | None = None
    as_of: date | None = None
    full_refresh: bool | None = None
    backfill: tuple[date, date] | None = None
    overrides: tuple[str, ...] = ()

    def start(self) -> Start:
        """What begins now."""
        return Start(datetime.now(UTC), self.run_id, bool(self.full_refresh), self.backfill)

    def check_same(self, run: RunParameters) -> None:
        """See that a run has the parameters it is asked for: it keeps those it began with.

        Raises:
            ConfigurationError: it has others.
        """
        backfill = (run.backfill_from, run.backfill_to) if run.backfill_from else None
        differing = [
            name
            for name, wanted, own in (
                ("as_of", self.as_of, run.as_of),
                ("full_refresh", self.full_refresh, run.full_refresh),
                ("backfill_from and --backfill_to", self.backfill, backfill),
            )
            if wanted is not None and wanted != own
        ]
        if differing:
            raise ConfigurationError(
                f"Run {run.run_id} began with another --{differing[0]}.",
                remedy="give its jobs what it began with, or begin another run under another --run_id.",
                reason="job-arguments-changed",
            )

    def shown(self) -> dict[str, Any]:
        """What may stand in a log: of overrides their keys, since a value may be a secret."""
        keys = [override.partition("=")[0] for override in self.overrides]
        return vars(self) | {"overrides": keys, "backfill": [str(day) for day in self.backfill or ()]}


def parse_arguments(argv: Sequence[str]) -> JobArguments:
    """Read the arguments of a job. Empty values were not given; what is not ours is let pass.

    Raises:
        ConfigurationError: one is missing, misspelt, there twice or has a value that cannot be understood.
    """
    given = dict(_ours(argv))
    for name in _REQUIRED:
        if name not in given:
            raise _refused(f"The argument --{name} is missing.", "job-argument-missing")
    if given["step"] not in STEP_NAMES:
        raise ConfigurationError(
            f"There is no step {given['step']}.",
            remedy=f"give --step one of {', '.join(STEP_NAMES)}.",
            reason="step-unknown",
        )
    return JobArguments(
        step=given["step"],
        run_id=given["run_id"],
        config=given["config"],
        upper_bound=_read(given, "upper_bound", _moment),
        as_of=_read(given, "as_of", date.fromisoformat),
        full_refresh=_read(given, "full_refresh", lambda text: _TRUTHS[text.lower()]),
        backfill=_range(
            _read(given, "backfill_from", date.fromisoformat), _read(given, "backfill_to", date.fromisoformat)
        ),
        overrides=tuple(given.get("set", "").split()),
    )


def usage() -> str:
    """A line for each argument."""
    return "".join(f"--{name:<14} {told}\n" for name, told in ARGUMENTS.items())


def _ours(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Ours that have a value. A value that looks like an argument may have come in by another one's value."""
    seen: set[str] = set()
    for written, value in _pairs(argv):
        name = written.replace("-", "_")
        if name in ARGUMENTS:
            if name in seen:
                raise _refused(f"The argument --{name} is there twice.", "job-argument-repeated")
            seen.add(name)
            if value.strip().startswith("--"):
                raise _refused(f"The value of --{name} begins like an argument.", "job-argument-not-understood", name)
            if value.strip():
                yield name, value.strip()
        elif written not in _OF_SPARK and (likely := get_close_matches(name.lower(), ARGUMENTS, 1, _LIKENESS)):
            raise _refused(f"There is no argument --{written}; it may be --{likely[0]}.", "job-argument-misspelt")


def _pairs(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and values; a name that another one follows has an empty value."""
    waiting, name = list(argv), ""
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            # It may be a part of a secret.
            place = f"behind --{name}" if name else "before the first argument"
            raise _refused(f"There is an extra argument {place}.", "job-argument-stray")
        name, equals, value = word[2:].partition("=")
        if not equals and waiting and not waiting[0].startswith("--"):
            value = waiting.pop(0)
        yield name, value


def _read(given: Mapping[str, str], name: str, reading: Callable[[str], Value]) -> Value | None:
    if name not in given:
        return None
    try:
        return reading(given[name])
    except (ValueError, KeyError):
        raise _refused(
            f"The value {shortened(given[name])!r} of --{name} is not understood.", "job-argument-not-understood", name
        ) from None


def _moment(text: str) -> datetime:
    """A moment without a zone is one in UTC."""
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)


def _range(first: date | None, last: date | None) -> tuple[date, date] | None:
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise _refused("A backfill takes both --backfill_from and --backfill_to.", "job-backfill-incomplete")
    if last < first:
        raise _refused(f"--backfill_to {last} is before --backfill_from {first}.", "job-backfill-reversed")
    return first, last


def _refused(message: str, reason: str, name: str | None = None) -> ConfigurationError:
    meant = f"--{name}: {ARGUMENTS[name]}" if name else f"arguments are --{', --'.join(ARGUMENTS)}."
    return ConfigurationError(message, remedy=meant, reason=reason)
