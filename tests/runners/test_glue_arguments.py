"""How a job's arguments are read: ours among those of Glue, and nothing that was meant to be ours passed over."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.runners.glue_arguments import ARGUMENTS, JobArguments, parse_arguments
from runners.jobs import CONF, OF_GLUE

pytestmark = pytest.mark.fast

OTHERS = ["--run_id", "nightly", "--config", "rental.toml"]
REQUIRED = ["--step", "extract", *OTHERS]
ASKED = JobArguments("extract", "nightly", "rental.toml")


def moment(*clock: int) -> datetime:
    return datetime(2026, 3, 1, *clock, tzinfo=UTC).replace(tzinfo=None)


def test_arguments_stand_among_those_of_glue() -> None:
    assert parse_arguments([*OF_GLUE, *REQUIRED, *CONF]) == ASKED
    assert parse_arguments(["--step=extract", "--run-id=nightly", "--config=rental.toml"]) == ASKED


def test_empty_values_were_not_given() -> None:
    empty = [word for name in ARGUMENTS if f"--{name}" not in REQUIRED for word in (f"--{name}", "")]
    assert parse_arguments([*REQUIRED, *empty]) == ASKED
    assert parse_arguments([*REQUIRED, "--as_of", "--full_refresh", " "]) == ASKED


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--upper_bound", "2026-03-01T05:00:00Z"], "upper_bound", moment(5)),
        (["--upper_bound=2026-03-01T05:00:00.123+02:00"], "upper_bound", moment(3, 0, 0, 123000)),
        (["--upper_bound", "2026-03-01 05:00:00"], "upper_bound", moment(5)),
        (["--as_of", "2026-02-28"], "as_of", date(2026, 2, 28)),
        (["--full_refresh", "True"], "full_refresh", True),
        (["--full_refresh", "false"], "full_refresh", False),
        (
            ["--backfill_from", "2026-01-01", "--backfill_to", "2026-01-01"],
            "backfill",
            (date(2026, 1, 1), date(2026, 1, 1)),
        ),
        (["--set", " a.b=1\n c.d=x=y "], "overrides", ("a.b=1", "c.d=x=y")),
    ],
)
def test_values_are_read(words: list[str], field: str, value: Any) -> None:
    assert getattr(parse_arguments([*REQUIRED, *words]), field) == value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--upper_bond", "x"], "There is no argument --upper_bond; it may be --upper_bound."),
        (["--runid=x"], "it may be --run_id."),
        (["--Full-Refesh", "true"], "it may be --full_refresh."),
        (["--steps", "x"], "it may be --step."),
        (
            ["--upper_bound", "yesterday"],
            "'yesterday' of --upper_bound is not understood. Remedy: --upper_bound: Moment",
        ),
        (["--as_of", "2026-02-30"], "'2026-02-30' of --as_of"),
        (["--full_refresh", "yes"], "'yes' of --full_refresh"),
        (["--backfill_from", "2026-01-01"], "both --backfill_from and --backfill_to"),
        (["--backfill_from", "2026-01-02", "--backfill_to", "2026-01-01"], "is before --backfill_from"),
        (["--as-of", "2026-02-28", "--as_of", "2026-02-27"], "The argument --as_of is there twice."),
        (["--set", "a.b=1", "--set=source.url=mysql://elsewhere"], "The argument --set is there twice."),
        (["--as_of", "--step=metrics"], "The argument --step is there twice."),
        (["--set=--config=x"], "The value of --set begins like an argument."),
        (["--full_refresh", "true", "stray"], "There is an extra argument behind --full_refresh."),
    ],
)
def test_what_was_meant_otherwise_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_arguments([*REQUIRED, *words])
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["step", "run_id", "config"])
def test_what_is_required_may_not_be_empty(name: str) -> None:
    words = [word if REQUIRED[place - 1] != f"--{name}" else "" for place, word in enumerate(REQUIRED)]
    with pytest.raises(ConfigurationError, match=f"The argument --{name} is missing"):
        parse_arguments(words)


def test_values_of_overrides_are_not_shown() -> None:
    arguments = parse_arguments([*REQUIRED, "--set", "source.password=geheim lake.url=s3://bucket"])
    assert "geheim" not in str(arguments.shown())
    assert arguments.shown()["overrides"] == ["source.password", "lake.url"]


@pytest.mark.parametrize(
    ("reason", "wrong", "remedy", "right"),
    [
        pytest.param(
            "job-argument-missing",
            ["--step", "extract"],
            "arguments are --step, --run_id, --config",
            REQUIRED,
            marks=pytest.mark.remedy("job-argument-missing"),
        ),
        pytest.param(
            "step-unknown",
            [*OTHERS, "--step", "extrct"],
            "--step one of extract, transform, ",
            [*OTHERS, "--step", "extract"],
            marks=pytest.mark.remedy("step-unknown"),
        ),
        pytest.param(
            "job-argument-misspelt",
            [*REQUIRED, "--asof", "2026-03-01"],
            "--as_of",
            [*REQUIRED, "--as_of", "2026-03-01"],
            marks=pytest.mark.remedy("job-argument-misspelt"),
        ),
        pytest.param(
            "job-argument-repeated",
            [*REQUIRED, "--run_id", "weekly"],
            "arguments are --step",
            REQUIRED,
            marks=pytest.mark.remedy("job-argument-repeated"),
        ),
        pytest.param(
            "job-argument-stray",
            [*REQUIRED, "--full_refresh", "true", "secret"],
            "arguments are --step",
            [*REQUIRED, "--full_refresh", "true"],
            marks=pytest.mark.remedy("job-argument-stray"),
        ),
        pytest.param(
            "job-argument-not-understood",
            [*REQUIRED, "--as_of", "May"],
            "YYYY-MM-DD",
            [*REQUIRED, "--as_of", "2026-05-01"],
            marks=pytest.mark.remedy("job-argument-not-understood"),
        ),
        pytest.param(
            "job-backfill-incomplete",
            [*REQUIRED, "--backfill_from", "2026-03-01"],
            "--backfill_to",
            [*REQUIRED, "--backfill_from", "2026-03-01", "--backfill_to", "2026-03-02"],
            marks=pytest.mark.remedy("job-backfill-incomplete"),
        ),
        pytest.param(
            "job-backfill-reversed",
            [*REQUIRED, "--backfill_from", "2026-03-02", "--backfill_to", "2026-03-01"],
            "--backfill_from",
            [*REQUIRED, "--backfill_from", "2026-03-01", "--backfill_to", "2026-03-02"],
            marks=pytest.mark.remedy("job-backfill-reversed"),
        ),
    ],
)
def test_arguments_are_corrected(reason: str, wrong: list[str], remedy: str, right: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_arguments(wrong)
    assert caught.value.reason == reason
    assert remedy in caught.value.remedy
    assert "secret" not in str(caught.value)
    parse_arguments(right)
