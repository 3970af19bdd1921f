"""Standard output and standard error that cannot take what is printed: full, closed, or of an old encoding."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import PROGRAM, TIME, ask_warehouse, assert_refused, environment, rental_process

pytestmark = pytest.mark.slow

TITLE = "SELECT 'Москва — ü' AS title"


def shell(folder: Path, command: str, env: Mapping[str, str] | None = None) -> tuple[int, bytes, bytes]:
    """`rental` with redirections, as a shell does them; gives code, output and messages as bytes."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {PROGRAM} {command}"],
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=240,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "iso-8859-1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_what_an_encoding_cannot_take_is_escaped(loaded: Path, env: dict[str, str]) -> None:
    code, out, _ = shell(loaded, f'query "{TITLE}"', env)
    assert code == 0
    assert b"\\u041c" in out or "Москва".encode() in out
    code, out, _ = shell(loaded, f'query --json "{TITLE}"', env)
    assert json.loads(out.decode()) == [{"title": "Москва — ü"}]
    code, out, _ = shell(loaded, f'query --csv "{TITLE}"', env)
    assert list(csv.reader(io.StringIO(out.decode()))) == [["title"], ["Москва — ü"]]
    code, out, _ = shell(loaded, "report --out Москва.html", env)
    assert code == 0
    assert out.startswith(b"Report: ")


def test_a_run_succeeds_whatever_its_headlines_have(loaded: Path) -> None:
    import duckdb

    with duckdb.connect(str(loaded / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE curated.listings SET title = 'Москва'")
        connection.execute("UPDATE curated.listing_attributes SET city = 'Москва'")
    code, out, _ = shell(loaded, "run --step metrics", {"PYTHONIOENCODING": "iso-8859-1"})
    assert code == 0
    assert b"\\u041c" in out


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-", ">/dev/full", ">&-", ">/dev/full 2>&1", ">&- 2>&-"])
@pytest.mark.parametrize("options", ["", "--log-json", "--json"])
def test_a_run_ends_as_it_ended(loaded: Path, stream: str, options: str) -> None:
    code, out, err = shell(loaded, f"run --step load-raw --resume first {options} {stream}")
    assert code == 0
    if options == "--json" and not stream.startswith(">"):
        assert json.loads(out)["status"] == "succeeded"
    if options == "--json" and stream == ">/dev/full":
        assert err.endswith(b"The run succeeded. Standard output cannot be written: No space left on device.\n")
    assert ask_warehouse(loaded, "SELECT status FROM ops.runs") == [("succeeded",)]


@pytest.mark.remedy("output-not-writable")
def test_data_that_cannot_be_printed_are_one_error(loaded: Path) -> None:
    commands = ["query 'SELECT 1'", "query --csv 'FROM range(100000)'", "query --json 'SELECT 1'", "status"]
    for command in commands:
        for place, said in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
            code, out, err = shell(loaded, f"{command} {place}")
            assert (code, out) == (1, b""), command
            (line,) = err.decode().splitlines()
            assert line == (
                f"Error: Standard output cannot be written: {said}. "
                "Remedy: make room where it goes, or send it elsewhere."
            )
        assert shell(loaded, f"{command} >elsewhere")[0] == 0


def test_no_file_gets_the_number_of_a_closed_stream(loaded: Path) -> None:
    """Libraries print to standard error by its number: it must not be the warehouse's."""
    before = (loaded / "warehouse.duckdb").read_bytes()
    code, _, _ = shell(loaded, "query 'SELECT 1' <&- 2>&- >&-")
    assert code == 1
    assert (loaded / "warehouse.duckdb").read_bytes() == before


def test_a_reader_that_leaves_is_no_error(loaded: Path) -> None:
    for options in ("--csv", "--json", "--limit 0"):
        done = subprocess.run(
            ["/bin/bash", "-c", f"{PROGRAM} query {options} 'FROM range(300000)' | head -1; exit ${{PIPESTATUS[0]}}"],
            cwd=loaded,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1


def test_lines_of_a_run_have_times_and_others_have_none(loaded: Path, rental: Rental) -> None:
    result = rental_process(loaded, "run").ok()
    assert len(result.raw_err.splitlines()) >= 5
    assert all(TIME.match(line) for line in result.raw_err.splitlines())
    assert not TIME.search(result.out)
    failed = rental(loaded, "run", "--step", "none")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ Error: There is no step none\. .*\n", failed.raw_err)
    assert rental(loaded, "query", "SELEC").raw_err.startswith("Error: ")


def test_tables_are_plain_where_they_are_piped(loaded: Path, rental: Rental) -> None:
    sql = "SELECT 'a' AS text, 1 AS number, NULL AS nothing UNION ALL SELECT 'long text', 100, 'x' ORDER BY 2"
    assert rental(loaded, "query", sql).ok().out.splitlines() == [
        "text       number  nothing",
        "a               1",
        "long text     100  x",
    ]
    assert rental_process(loaded, "status").ok().out.isascii()
    plan = rental(loaded, "query", "EXPLAIN SELECT 1").ok().out
    assert len(plan.splitlines()) > 3
    assert "\\n" not in plan


def test_csv_and_json_have_all_rows_unless_they_are_limited(loaded: Path, rental: Rental) -> None:
    for form in ("--csv", "--json"):
        whole = rental(loaded, "query", form, "FROM range(2500)").ok()
        assert whole.out.count("\n") >= 2500
        assert whole.err == ""
        part = rental(loaded, "query", form, "--limit", "10", "FROM range(2500)").ok()
        assert part.out.count("\n") <= 13
        assert part.err == "There are more rows than 10; see --limit.\n"
    assert rental(loaded, "query", "--csv", "SELECT 1 AS a WHERE FALSE").ok().out == "a\r\n"
    assert_refused(rental(loaded, "query", "--csv", "--json", "SELECT 1"), 2, "--json and --csv")
    assert_refused(rental(loaded, "query", "--csv", "SELECT error('late') FROM range(3)"), 2, "late")


def test_a_record_tells_of_a_run_that_failed(loaded: Path, rental: Rental) -> None:
    started = rental(loaded, "run", "--json", "--set", "source.url=sqlite:///nowhere.db")
    record = json.loads(started.out)
    assert (started.code, record["exit_code"], record["run_id"], record["steps"]) == (2, 2, None, [])
    assert "nowhere.db" in record["error"]
    assert started.err.startswith("Error: There is no SQLite file")
    (loaded / "rates.csv").write_text("day,rate\n")
    failed = rental(loaded, "run", "--json", "--run-id", "second", "--full-refresh")
    record = json.loads(failed.out)
    assert (failed.code, record["status"], record["run_id"]) == (2, "failed", "second")
    assert [(step["step"], step["status"]) for step in record["steps"]] == [
        ("extract", "succeeded"),
        ("transform", "failed"),
    ]
    assert record["reason"] == "exchange-rates-not-read"
    for arguments in (("--sett", "x"), ("--as-of", "May"), ("--step", "none"), ("--log-json", "--step", "none")):
        result = rental(loaded, "run", "--json", *arguments)
        record = json.loads(result.out)
        assert (result.code, record["exit_code"], record["run_id"]) == (2, 2, None)
        assert record["error"]
