"""What the commands print, and that what they print can be relied on."""

import io
import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Rental
from cli.program import (
    ANSI,
    PROGRAM,
    assert_refused,
    change_source,
    committed,
    environment,
    rental_process,
    rental_program,
    warehouse_tables,
)
from rental_analytics.cli import EXIT_CODES, app
from rental_analytics.settings import Settings, load_settings

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands if command.callback)
RUNNING = {"run", "backfill"} & set(COMMANDS)
STEPS = {"extract", "transform", "load-raw", "load-curated", "metrics"}


def words(text: str) -> str:
    return " ".join(ANSI.sub("", text).split())


@pytest.mark.fast
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(tmp_path: Path, rental: Rental, command: str) -> None:
    for option in ("--help", "-h"):
        shown = words(rental(tmp_path, command, option).ok().out)
        assert f"Example: rental {command}" in shown
        assert "--config" in shown or command in {"generate", "docs", "asl"}


@pytest.mark.fast
def test_exit_codes_are_documented(tmp_path: Path, rental: Rental) -> None:
    for arguments in ((), *((command,) for command in RUNNING)):
        assert words(EXIT_CODES) in words(rental(tmp_path, *arguments, "--help").ok().out)
    assert all(f"{code} " in EXIT_CODES for code in range(5))


@pytest.mark.slow
def test_backfill_reads_a_range_anew(loaded: Path, rental: Rental) -> None:
    change = "UPDATE bookings SET total_price = 1 WHERE booking_date >= '2024-03-01' AND booking_date < '2024-04-01'"
    change_source(loaded, change)
    record = json.loads(rental(loaded, "backfill", "--from", "2024-03-01", "--to", "2024-03-31", "--json").ok().out)
    assert {step["step"] for step in record["steps"]} == STEPS
    asked = "SELECT DISTINCT total_price FROM curated.bookings WHERE strftime(booked_at, '%Y-%m') = '2024-03'"
    assert json.loads(rental(loaded, "query", asked, "--json").ok().out) == [{"total_price": "1.00"}]
    window = "SELECT DISTINCT window_lower, window_upper FROM ops.proofs WHERE run_id <> 'first'"
    shown = json.loads(rental(loaded, "query", window, "--json").ok().out)
    assert shown == [{"window_lower": "2024-03-01T00:00:00", "window_upper": "2024-04-01T00:00:00"}]


@pytest.mark.slow
def test_help_keeps_a_password_of_the_environment(tmp_path: Path) -> None:
    shown = rental_process(tmp_path, "generate", "--help", env={"RENTAL_SOURCE__PASSWORD": "hush-hush"}).ok()
    assert "RENTAL_SOURCE__PASSWORD" in shown.out
    assert "hush" not in shown.out + shown.err


@pytest.mark.slow
def test_version_and_bare_call(tmp_path: Path) -> None:
    assert rental_program(tmp_path, "--version").ok().out.startswith("rental 0.")
    bare = rental_program(tmp_path)
    assert bare.code == 2
    assert "generate" in bare.out
    assert bare.err == ""


@pytest.mark.slow
def test_json_output_parses(folder: Path) -> None:
    small = ("--listings", "3", "--bookings", "2", "--viewings", "1", "--end-date", "2024-03-31", "--dirty-rate", "0.1")
    made = json.loads(rental_process(folder, "generate", "--to", "sqlite:///other.db", *small, "--json").ok().out)
    assert made["rows"]["apartments"] >= 3
    assert made["planted"]["bookings"]["negative_price"] >= 1
    moved = rental_process(folder, "generate", "--to", "sqlite:///other.db", "--advance", "1", "--json").ok()
    assert json.loads(moved.out)["first_day"].startswith("2024-")

    run = json.loads(rental_process(folder, "run", "--json", "--run-id", "r1").ok().out)
    assert run["run_id"] == "r1"
    assert {step["step"] for step in run["steps"]} == STEPS
    assert all(step["status"] == "succeeded" for step in run["steps"])

    status = json.loads(rental_process(folder, "status", "--json").ok().out)
    assert [(row["run_id"], row["status"]) for row in status["runs"]] == [("r1", "succeeded")]
    assert len(status["freshness"]) == 4
    one = json.loads(rental_process(folder, "status", "r1", "--json").ok().out)
    assert {row["step"] for row in one["run_steps"]} == STEPS
    assert {row["table_name"] for row in one["run_accounting"]} >= {"bookings", "listings"}


@pytest.mark.slow
def test_json_of_every_kind_of_value(loaded: Path, rental: Rental) -> None:
    sql = """SELECT 9007199254740993 AS big, 1.10::DECIMAL(9,2) AS money, DATE '2024-02-29' AS day,
        TIMESTAMP '2024-02-29 12:00:00.000001' AS moment, TIME '12:30:00' AS clock, 'NaN'::DOUBLE AS nan,
        '-Infinity'::DOUBLE AS infinite, NULL AS nothing, TRUE AS flag, [1.5::DOUBLE, 'NaN'::DOUBLE] AS list,
        {'a': DATE '2024-01-01'} AS struct, 'ü"' || chr(10) AS text"""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    rows = json.loads(rental(loaded, "query", "--json", sql).ok().out, parse_constant=refuse)
    assert rows == [
        {
            "big": 9007199254740993,
            "money": "1.10",
            "day": "2024-02-29",
            "moment": "2024-02-29T12:00:00.000001",
            "clock": "12:30:00",
            "nan": None,
            "infinite": None,
            "nothing": None,
            "flag": True,
            "list": [1.5, None],
            "struct": {"a": "2024-01-01"},
            "text": 'ü"\n',
        }
    ]
    assert json.loads(rental(loaded, "query", "--json", "SELECT 1 AS x WHERE FALSE").ok().out) == []


@pytest.mark.slow
def test_plain_output_has_no_escapes_and_wraps_no_value(loaded: Path, rental: Rental) -> None:
    long = "wide " * 60
    hostile = "chr(27) || '[31mred' || chr(7) || '[bold]not markup[/bold]'"
    outputs = [
        rental_process(loaded, "run"),
        rental_process(loaded, "status"),
        rental(loaded, "status", "first"),
        rental(loaded, "query", f"SELECT '{long}end' AS text, {hostile} AS hostile, 1 AS \"[red]name\""),
        rental(
            loaded,
            "generate",
            "--to",
            "sqlite:///x.db",
            "--listings=9",
            "--bookings=90",
            "--viewings=9",
            "--dirty-rate=0.5",
        ),
        rental(loaded, "init", "--config", "a-rather-long-name-[red]-" * 6 + ".toml"),
    ]
    for result in outputs:
        assert "\x1b" not in result.ok().out + result.err
        assert "\x07" not in result.out
    asked = outputs[3].out
    assert f"{long}end" in asked
    assert "\\x1b[31mred\\x07[bold]not markup[/bold]" in asked
    assert "[red]name" in asked
    planted = [line for line in outputs[4].out.splitlines() if line.startswith("planted bookings")]
    assert "missing_key" in planted[0] and planted[0][-1].isdigit()
    assert "a-rather-long-name-[red]-" * 6 + ".toml" in outputs[5].out


@pytest.mark.slow
@pytest.mark.remedy("query-file-unreadable")
def test_query_reads_a_file(
    loaded: Path, rental: Rental, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def ask(*arguments: str, folder: Path = loaded, **variables: str) -> Any:
        return json.loads(rental(folder, "query", "--json", *arguments, env=variables).ok().out)

    file = loaded / "question.sql"
    assert_refused(rental(loaded, "query", "--file", "question.sql"), 2, "cannot be read: No such file", "in UTF-8")
    file.write_bytes("SELECT 'é' AS text".encode("latin-1"))
    assert_refused(rental(loaded, "query", "--file", "question.sql"), 2, "it is not UTF-8")
    file.write_text("-- What is there?\nSELECT 'é' AS text;\n", encoding="utf-8-sig")
    assert ask("--file", "question.sql") == [{"text": "é"}]

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert ask("--file", "-") == [{"text": "é"}]

    for arguments in ((), ("SELECT 1", "--file", "question.sql")):
        assert_refused(rental(loaded, "query", *arguments), 2, "as an argument or in a file")

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert ask("SELECT 1 AS one", folder=elsewhere, RENTAL_CONFIG=str(loaded / "rental.toml")) == [{"one": 1}]


@pytest.mark.slow
def test_query_limits_what_it_shows(loaded: Path, rental: Rental) -> None:
    for limit, rows, told in (("10", 10, "more rows than 10"), ("0", 2000, ""), ("2000", 2000, "")):
        result = rental(loaded, "query", "--json", "--limit", limit, "FROM range(2000)").ok()
        assert len(json.loads(result.out)) == rows
        assert told in result.err
        assert bool(result.err) == bool(told)
    assert "(no rows)" in rental(loaded, "query", "FROM ops.runs WHERE FALSE").ok().out


def read_terminal(folder: Path, *arguments: str, columns: int = 120) -> tuple[int, str]:
    """Exit code of `rental` on a pseudo-terminal, and all it showed there."""
    master, slave = pty.openpty()
    variables = environment({"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40"})
    with subprocess.Popen(
        [PROGRAM, *arguments], cwd=folder, env=variables, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        shown = b"".join(chunks(master))
        os.close(master)
    return process.returncode, shown.decode()


def chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65_536)
        except OSError:  # Linux's way to say that the other end is closed
            return
        if not chunk:
            return
        yield chunk


@pytest.mark.slow
def test_a_terminal_shows_bars_with_rows(folder: Path) -> None:
    code, shown = read_terminal(folder, "run")
    assert code == 0, shown
    assert "\x1b[" in shown
    seen = ANSI.sub("", shown)
    for label, rows in (("extract bookings", "120 rows"), ("extract apartments", "30 rows"), ("transform", "rows")):
        assert any(label in line and rows in line for line in seen.replace("\r", "\n").splitlines()), seen
    assert "metrics: succeeded" in seen
    assert "Traceback" not in seen


@pytest.mark.slow
def test_a_terminal_shows_an_error_in_one_piece(configured: Path) -> None:
    code, shown = read_terminal(configured, "run")
    assert code == 2
    (line,) = [line for line in ANSI.sub("", shown).splitlines() if line.startswith("Error")]
    assert str(configured / "marketplace.db") in line
    assert "Remedy: " in line


@pytest.mark.fast
def test_init_writes_a_usable_configuration(tmp_path: Path, rental: Rental) -> None:
    assert "rental.toml" in rental(tmp_path, "init").ok().out
    file = tmp_path / "rental.toml"
    text = file.read_text()
    assert load_settings(file).source.url == "sqlite:///marketplace.db"
    for section in set(Settings.model_fields) - {"folder"}:
        assert f"[{section}]" in text or f"[{section}." in text, section
    for setting in commented_settings(text):
        load_settings(file, [setting])
    file.write_text("")
    rental(tmp_path, "init", "--force").ok()
    assert file.read_text() == text


def commented_settings(text: str) -> list[str]:
    """The `key = value` lines that a reader may uncomment, as values of `--set`."""
    section, found = "", []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        if bare.startswith("["):
            section = bare.strip("[]")
        elif line.startswith("# "):
            try:
                values = tomllib.loads(bare)
            except tomllib.TOMLDecodeError:
                continue
            for key, value in values.items():
                inner = value if isinstance(value, dict) else {"": value}
                texts = {name: json.dumps(one) if isinstance(one, list) else one for name, one in inner.items()}
                found += [f"{section}.{key}.{name}".rstrip(".") + f"={one}" for name, one in texts.items()]
    assert len(found) >= 5
    return found


@pytest.mark.slow
def test_status_of_a_failed_run_shows_the_error(folder: Path, rental: Rental) -> None:
    change_source(folder, "UPDATE bookings SET total_price = 'much'")
    failed = rental(folder, "run", "--run-id", "broken")
    assert failed.code == 1
    cause = "bookings.total_price holds 'much', which is no DECIMAL(12,2)"
    assert cause in failed.err
    listed = rental(folder, "status").ok().out
    assert "failed" in listed
    assert cause in listed
    shown = rental(folder, "status", "broken").ok().out
    assert cause in shown
    assert "Remedy: " in shown
    record = json.loads(rental(folder, "status", "broken", "--json").ok().out)
    assert record["run"][0]["status"] == "failed"
    assert [(step["step"], step["status"]) for step in record["run_steps"]] == [("extract", "failed")]
    assert cause in record["run_steps"][0]["error"]


@pytest.mark.slow
def test_steps_one_by_one_give_what_a_whole_run_gives(folder: Path, loaded: Path, rental: Rental) -> None:
    rental(folder, "run", "--step", "extract", "--run-id", "r1").ok()
    assert committed(folder) == {"r1": {"extract"}}
    assert warehouse_tables(folder) == {}
    rental(folder, "run", "--step", "load-raw", "--step", "transform", "--resume", "r1").ok()
    assert committed(folder) == {"r1": {"extract", "transform", "load-raw"}}
    assert {name.split(".")[0] for name in warehouse_tables(folder)} == {"raw_data"}
    rental(folder, "run", "--resume", "r1").ok()
    assert committed(folder) == {"r1": STEPS}
    assert warehouse_tables(folder, bookkeeping=False) == warehouse_tables(loaded, bookkeeping=False)

    again = json.loads(rental(folder, "run", "--resume", "r1", "--json").ok().out)
    assert {step["status"] for step in again["steps"]} == {"skipped"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("transform", "nothing was extracted"),
        ("load-curated", "no committed transform"),
        ("metrics", "no run has loaded curated tables yet"),
    ],
)
def test_a_step_that_has_nothing_to_work_on(folder: Path, rental: Rental, step: str, reason: str) -> None:
    result = rental(folder, "run", "--step", step, "--run-id", "r1")
    assert_refused(result, 1, f"step {step}, run r1", reason, "steps in order")
    assert committed(folder) == {"r1": set()}
    assert warehouse_tables(folder) == {}


@pytest.mark.slow
def test_a_second_run_changes_nothing(loaded: Path) -> None:
    before = warehouse_tables(loaded, bookkeeping=False)
    for _ in range(2):
        rental_process(loaded, "run").ok()
        assert warehouse_tables(loaded, bookkeeping=False) == before
    runs = json.loads(rental_process(loaded, "status", "--json").ok().out)["runs"]
    assert [run["status"] for run in runs] == ["succeeded"] * 3


@pytest.mark.slow
def test_paths_with_special_characters(folder: Path, rental: Rental) -> None:
    place = folder / "sp ace#%41 ü"
    place.mkdir()
    (folder / "marketplace.db").rename(place / "m%20.db")
    settings = {
        "source.url": "sqlite:///sp ace#%41 ü/m%20.db",
        "lake.url": "sp ace#%41 ü/la'ke",
        "warehouse.url": "duckdb:///sp ace#%41 ü/w'h [1].duckdb",
    }
    chosen = [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]
    rental(folder, "run", *chosen).ok()
    assert {path.name for path in place.iterdir()} == {"m%20.db", "la'ke", "w'h [1].duckdb"}
    assert "succeeded" in rental(folder, "status", *chosen).ok().out


@pytest.mark.slow
def test_an_empty_marketplace(configured: Path, rental: Rental) -> None:
    empty = ("--listings", "0", "--bookings", "0", "--viewings", "0")
    rental(configured, "generate", "--to", "sqlite:///marketplace.db", *empty).ok()
    for _ in range(2):
        rental(configured, "run").ok()
    assert "succeeded" in rental(configured, "status").ok().out
