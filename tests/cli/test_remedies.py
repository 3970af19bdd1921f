"""What commands and options are refused for: doing what the remedy says, the command succeeds."""

from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import Result, assert_refused

LONG = "x" * 300


def refused(result: Result, *parts: str) -> None:
    assert_refused(result, 2, *parts)


@pytest.mark.fast
@pytest.mark.remedy("configuration-missing")
@pytest.mark.remedy("file-exists")
@pytest.mark.remedy("file-not-writable")
@pytest.mark.remedy("path-not-usable")
def test_files_of_the_configuration(tmp_path: Path, rental: Rental) -> None:
    refused(rental(tmp_path, "grants", "--set", "lake.url=x"), "write one with `rental init`")
    rental(tmp_path, "init").ok()
    redshift = ("--set", "warehouse.url=redshift://workgroup/database")
    rental(tmp_path, "grants", "--loader", "IAM:etl", *redshift).ok()
    refused(rental(tmp_path, "init"), "choose another --config, or add --force")
    rental(tmp_path, "init", "--force").ok()
    rental(tmp_path, "init", "--config", "other.toml").ok()
    refused(rental(tmp_path, "init", "--config", "missing/x.toml"), "choose a folder you may write to")
    (tmp_path / "missing").mkdir()
    rental(tmp_path, "init", "--config", "missing/x.toml").ok()
    refused(rental(tmp_path, "init", "--config", LONG), "choose another one")
    rental(tmp_path, "init", "--config", LONG[:100]).ok()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "remedy", "right"),
    [
        pytest.param(
            ("run", "--step", "extrct"),
            "steps are extract, ",
            ("run", "--step", "extract"),
            marks=pytest.mark.remedy("step-unknown"),
        ),
        pytest.param(
            ("run", "--resume", ""),
            "name one, or leave the option out",
            ("run", "--step", "extract"),
            marks=pytest.mark.remedy("run-id-empty"),
        ),
        pytest.param(
            ("run", "--run-id", "a b"),
            "at most 100 letters, digits, dots, dashes and underscores",
            ("run", "--run-id", "a_b", "--step", "extract"),
            marks=pytest.mark.remedy("run-id-malformed"),
        ),
        pytest.param(
            ("run", "--resume", "first", "--full-refresh"),
            "leave out --run-id, --full-refresh and --as-of",
            ("run", "--resume", "first"),
            marks=pytest.mark.remedy("resume-with-parameters"),
        ),
        pytest.param(
            ("run", "--as-of", "2062-01-01"),
            "leave as_of out for the newest day in the data",
            ("run",),
            marks=pytest.mark.remedy("as-of-in-future"),
        ),
        pytest.param(
            ("backfill", "--from", "2024-03-31", "--to", "2024-03-01"),
            "the first day, then the last",
            ("backfill", "--from", "2024-03-01", "--to", "2024-03-31"),
            marks=pytest.mark.remedy("backfill-reversed"),
        ),
        pytest.param(
            ("query", "--csv", "--json", "SELECT 1"),
            "give one of them",
            ("query", "--csv", "SELECT 1"),
            marks=pytest.mark.remedy("options-exclude-each-other"),
        ),
        pytest.param(
            ("status", "--max-age", "10000 days"),
            "add --check",
            ("status", "--check"),
            marks=pytest.mark.remedy("options-exclude-each-other"),
        ),
        pytest.param(
            ("status", "second"),
            "`rental status` lists the runs there are",
            ("status", "first"),
            marks=pytest.mark.remedy("run-unknown"),
        ),
        pytest.param(
            ("report", "--out", ".."),
            "name a file: --out ../report.html",
            ("report", "--out", "../report.html"),
            marks=pytest.mark.remedy("report-path-is-folder"),
        ),
        pytest.param(
            ("report", "--out", "warehouse.duckdb"),
            "choose another file with --out",
            ("report", "--out", "x.html"),
            marks=pytest.mark.remedy("report-path-in-use"),
        ),
        pytest.param(
            ("report", "--out", "/dev/null"),
            "choose another file with --out",
            ("report", "--out", "x.html"),
            marks=pytest.mark.remedy("report-path-not-a-file"),
        ),
        pytest.param(
            ("report", "--out", "missing/x.html"),
            "choose another file with --out",
            ("report", "--out", "x.html"),
            marks=pytest.mark.remedy("report-folder-missing"),
        ),
        pytest.param(
            ("report", "--out", "rental.toml/x.html"),
            "choose another file with --out",
            ("report", "--out", "x.html"),
            marks=pytest.mark.remedy("report-not-writable"),
        ),
    ],
)
def test_an_option_is_corrected(
    loaded: Path, rental: Rental, wrong: tuple[str, ...], remedy: str, right: tuple[str, ...]
) -> None:
    refused(rental(loaded, *wrong), remedy)
    rental(loaded, *right).ok()


@pytest.mark.slow
@pytest.mark.remedy("metrics-missing")
def test_a_report_after_a_run(folder: Path, rental: Rental) -> None:
    rental(folder, "run", "--step", "extract").ok()
    refused(rental(folder, "report"), "start `rental run`, then `rental report`")
    rental(folder, "run").ok()
    rental(folder, "report").ok()
