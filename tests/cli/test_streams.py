"""Standard output and standard error that cannot take what is printed: full, closed, or of an old encoding."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import PROGRAM, TIME, ask_warehouse, assert_refused, environment, rental_process, result_of
from cli.streams import CLOSED, run_redirected
from support.breadth import sampled

pytestmark = pytest.mark.slow

TITLE = "SELECT 'Москва — ü' AS title"
ONE_AFTER_THE_OTHER = """
import json, os, sys
from rental_analytics.cli import main
for number, arguments in enumerate(json.loads(sys.argv[1])):
    file = os.open(f"output-{number}", os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.close(file)
    sys.argv = ["rental", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    sys.stdout.flush()
"""
FULL = "/dev/full"
# What a shell does for each of these.
REDIRECTED = {
    "2>/dev/full": {2: FULL},
    "2>&-": {2: CLOSED},
    ">/dev/full": {1: FULL},
    ">&-": {1: CLOSED},
    ">/dev/full 2>&1": {1: FULL, 2: FULL},
    ">&- 2>&-": {1: CLOSED, 2: CLOSED},
}
USUAL = {"2>/dev/full", ">/dev/full", ">&- 2>&-"}
"""Each stream full, and each closed."""


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


def in_one_process(folder: Path, env: Mapping[str, str], *calls: Sequence[str]) -> list[bytes]:
    """What calls of `rental` print that have to end well, in one Python that is started with these variables."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(calls)],
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [(folder / f"output-{number}").read_bytes() for number in range(len(calls))]


@pytest.mark.parametrize(
    "env",
    sampled(
        [{"PYTHONIOENCODING": "iso-8859-1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}],
        [{"PYTHONIOENCODING": "iso-8859-1"}, {"LC_ALL": "C"}],
    ),
)
def test_what_an_encoding_cannot_take_is_escaped(loaded: Path, env: dict[str, str]) -> None:
    asked = [("query", TITLE), ("query", "--json", TITLE), ("query", "--csv", TITLE)]
    shown, as_json, as_csv, told = in_one_process(loaded, env, *asked, ("report", "--out", "Москва.html"))
    assert b"\\u041c" in shown or "Москва".encode() in shown
    assert json.loads(as_json.decode()) == [{"title": "Москва — ü"}]
    assert list(csv.reader(io.StringIO(as_csv.decode()))) == [["title"], ["Москва — ü"]]
    assert told.startswith(b"Report: ")


def test_a_run_succeeds_whatever_its_headlines_have(loaded: Path) -> None:
    import duckdb

    with duckdb.connect(str(loaded / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE curated.listings SET title = 'Москва'")
        connection.execute("UPDATE curated.listing_attributes SET city = 'Москва'")
    code, out, _ = shell(loaded, "run --step metrics", {"PYTHONIOENCODING": "iso-8859-1"})
    assert code == 0
    assert b"\\u041c" in out


@pytest.mark.parametrize("stream", sampled(REDIRECTED, USUAL))
def test_a_run_ends_as_it_ended(loaded: Path, stream: str) -> None:
    again = ("run", "--step", "load-raw", "--resume", "first")
    for options in ((), ("--log-json",)):
        ended = result_of(run_redirected, REDIRECTED[stream], *again, *options, folder=loaded)
        assert ended.code == 0, options
    code, out, err = shell(loaded, f"{' '.join(again)} --json {stream}")
    assert code == 0
    if not stream.startswith(">"):
        assert json.loads(out)["status"] == "succeeded"
    if stream == ">/dev/full":
        assert err.endswith(b"The run succeeded. Standard output cannot be written: No space left on device.\n")
    assert ask_warehouse(loaded, "SELECT status FROM ops.runs") == [("succeeded",)]


@pytest.mark.remedy("output-not-writable")
def test_data_that_cannot_be_printed_are_one_error(loaded: Path) -> None:
    """Each kind of output with streams as a shell gives them, and one kind with those of a shell."""
    line = "Error: Standard output cannot be written: {}. Remedy: make room where it goes, or send it elsewhere.\n"
    calls = [
        ("query", "SELECT 1"),
        ("query", "--csv", "FROM range(100000)"),
        ("query", "--json", "SELECT 1"),
        ("status",),
    ]
    for place, said in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        for arguments in calls:
            ended = result_of(run_redirected, REDIRECTED[place], *arguments, folder=loaded)
            assert (ended.code, ended.out, ended.err) == (1, "", line.format(said)), arguments
        assert shell(loaded, f"query 'SELECT 1' {place}") == (1, b"", line.format(said).encode())
    for arguments in calls:
        rental_process(loaded, *arguments).ok()


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
