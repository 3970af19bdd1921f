"""How Spark extracts and transforms, stage by stage: with 1, 2 and 4 tasks, and with data that grow 4 and 16 times.

All figures are Spark's own, of its event log. What grows faster than the rows is told, and tasks that hold others up;
both by CPU time, which other programs on the machine do not change much.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import runs as common

LARGEST = 20_000_000
"""Viewings of the largest size; there are 5 for each booking and 50 for each listing."""
TIME_TOLERANCE, SHUFFLE_TOLERANCE = 1.3, 1.1
"""CPU time and shuffled bytes may grow as the rows do, and this much faster: caches are small, and pages have edges."""
SHORT_SECONDS, FEW_BYTES = 3.0, 1_000_000
"""Of less than this nothing is said: the start of a statement and the partial sums of a count cost the same always."""
SKEW, SKEW_SECONDS, SKEW_ROWS = 3.0, 2.0, 200_000
"""A task is skewed that takes so much more than the median one, and more than this."""
SCHEMAS = ("raw_data", "curated", "presentation")
HIDDEN = ("_run_id", "_loaded_at", "_row_id", "_extracted_at")
"""What tells one run from another."""


@dataclass
class Stage:
    """One stage: a list of tasks that do the same to different rows."""

    tasks: list[dict[str, Any]] = field(default_factory=list)

    def seconds(self) -> list[float]:
        """CPU time of each task."""
        return [_metric(task, "Executor CPU Time") / 1e9 for task in self.tasks]

    def rows(self) -> list[int]:
        """Rows that came into each task."""
        return [
            _metric(task, "Input Metrics", "Records Read") + _metric(task, "Shuffle Read Metrics", "Total Records Read")
            for task in self.tasks
        ]

    def total(self, *path: str) -> int:
        return sum(_metric(task, *path) for task in self.tasks)

    def skew(self) -> str | None:
        seconds, rows = self.seconds(), self.rows()
        for name, values, least in (("CPU seconds", seconds, SKEW_SECONDS), ("rows", rows, SKEW_ROWS)):
            if len(values) > 1 and max(values) > max(SKEW * median(values), least):
                return f"a task of {len(values)} has {max(values):,.1f} {name}, the median one {median(values):,.1f}"
        return None


@dataclass
class Work:
    """What was done for one table in one step."""

    stages: list[Stage] = field(default_factory=list)
    first: float = float("inf")
    last: float = 0
    rows: int = 0

    @property
    def seconds(self) -> float:
        return (self.last - self.first) / 1000

    def total(self, *path: str) -> int:
        return sum(stage.total(*path) for stage in self.stages)

    @property
    def shuffled(self) -> int:
        return self.total("Shuffle Write Metrics", "Shuffle Bytes Written")

    @property
    def cpu_seconds(self) -> float:
        """Of the tasks alone: other programs on the machine do not count."""
        return self.total("Executor CPU Time") / 1e9

    @property
    def longest(self) -> Stage:
        """The stage whose tasks took longest."""
        return max(self.stages, key=lambda stage: sum(stage.seconds()))


@dataclass
class Measured:
    """One run: `works` by step and table, such as `extract bookings`."""

    size: int
    tasks: int
    works: dict[str, Work]
    step_seconds: dict[str, float]
    peak_bytes: int
    files: list[int]
    """Bytes of each file in the lake."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewings", type=int, default=LARGEST, help=f"of the largest size (default {LARGEST:,})")
    parser.add_argument("--growth", type=int, nargs="+", default=[1, 4, 16], help="sizes (default 1 4 16)")
    parser.add_argument("--tasks", type=int, nargs="+", default=[1, 2, 4], help="side by side, at the largest size")
    parser.add_argument("--usual-tasks", type=int, default=2, help="at the other sizes (default 2)")
    parser.add_argument("--compared", type=int, default=4, help="size whose warehouse is compared with DuckDB's")
    parser.add_argument("--memory", default="2GB", help="engine.memory (default 2GB)")
    parser.add_argument("--keep-logs", type=Path, help="folder for Spark's event logs (default: none is kept)")
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    print(f"{common.machine()}; the database server shares the cores, and more tasks than cores take turns\n")
    runs: list[Measured] = []
    with common.database(None, "mysql") as (url, environment):
        for size in sorted(wanted.growth):
            _fill(wanted, url, size, environment)
            is_largest = size == max(wanted.growth)
            for tasks in wanted.tasks if is_largest else [wanted.usual_tasks]:
                compared = size == wanted.compared and tasks == wanted.usual_tasks
                runs.append(_measured(wanted, url, environment, size, tasks, compared=compared))
                _print_run(wanted, runs[-1])
    told = [*_skewed(runs), *_grown(runs, wanted.usual_tasks)]
    _print_summary(wanted, runs)
    print("\n".join(told) or "No step grows faster than its input, and no task is skewed.")


def _fill(wanted: argparse.Namespace, url: str, size: int, environment: dict[str, str]) -> None:
    viewings = wanted.viewings * size // max(wanted.growth)
    options = argparse.Namespace(
        viewings=viewings, bookings=viewings // 5, listings=max(viewings // 50, 1), replace=True
    )
    with common.folder_for(None) as folder:
        began = time.monotonic()
        common.generate(options, url, folder, environment)
        print(f"{viewings:,} viewings generated in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _measured(
    wanted: argparse.Namespace, url: str, environment: dict[str, str], size: int, tasks: int, *, compared: bool
) -> Measured:
    with common.folder_for(None) as folder, _logs(wanted, f"{size}x-{tasks}") as logs:
        settings = _settings(url, wanted.memory, tasks, logs)
        (folder / "rental.toml").write_text(settings)
        steps = [] if compared else ["--step", "extract", "--step", "transform"]
        print(f"{size}x with {tasks} tasks ...", file=sys.stderr)
        answer, peak = _rental(["run", "--json", *steps], folder, environment)
        works = _works(next(logs.iterdir()))
        _count_rows(folder, works)
        files = [file.stat().st_size for file in (folder / "lake").rglob("*.parquet")]
        if compared:
            _compare(folder, settings, environment)
    seconds = {step["step"]: float(step["seconds"]) for step in answer["steps"]}
    return Measured(size, tasks, works, seconds, peak, files)


@contextmanager
def _logs(wanted: argparse.Namespace, name: str) -> Iterator[Path]:
    if wanted.keep_logs:
        folder = wanted.keep_logs / name
        folder.mkdir(parents=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="rental-benchmark-") as temporary:
        yield Path(temporary)


def _settings(url: str, memory: str, tasks: int, logs: Path) -> str:
    return f"""
[source]
url = "{url}"
[engine]
kind = "spark"
threads = {tasks}
memory = "{memory}"
[engine.spark]
"spark.eventLog.enabled" = "true"
"spark.eventLog.dir" = "{logs.absolute().as_uri()}"
"""


def _rental(command: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[dict[str, Any], int]:
    """What a run prints, and the most memory that its Java machine took."""
    peak = 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([common.RENTAL, *command], cwd=folder, env=environment, stdout=output)
        while process.poll() is None:
            peak = max(peak, _peak_of_children(process.pid))
            time.sleep(0.2)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        sys.exit(f"{text}rental {command[0]} ended with exit code {process.returncode}.")
    return json.loads(text), peak


def _peak_of_children(parent: int) -> int:
    """Where the system tells, as Linux does: the most memory that a process below another has had so far."""
    peak = 0
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                status = Path(f"/proc/{child}/status").read_text()
                found = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
                peak = max(peak, *found, _peak_of_children(int(child)))
        except OSError:
            continue
    return peak


def _works(log: Path) -> dict[str, Work]:
    """What Spark did, by what the engine says it is for."""
    works: dict[str, Work] = defaultdict(Work)
    labels: dict[int, str] = {}
    stages: dict[int, Stage] = {}
    with log.open() as lines:
        for line in lines:
            event = json.loads(line)
            if event["Event"] == "SparkListenerStageSubmitted":
                number = event["Stage Info"]["Stage ID"]
                labels[number] = (event.get("Properties") or {}).get("spark.job.description", "other")
            elif event["Event"] == "SparkListenerTaskEnd":
                work, number = works[labels[event["Stage ID"]]], event["Stage ID"]
                if number not in stages:
                    stages[number] = Stage()
                    work.stages.append(stages[number])
                stages[number].tasks.append(event)
                work.first = min(work.first, event["Task Info"]["Launch Time"])
                work.last = max(work.last, event["Task Info"]["Finish Time"])
    return works


def _metric(task: dict[str, Any], *path: str) -> int:
    found: Any = task.get("Task Metrics") or {}
    for name in path:
        found = found.get(name) or {}
    return int(found or 0)


def _count_rows(folder: Path, works: dict[str, Work]) -> None:
    """The rows of the source behind each work."""
    (run,) = (folder / "lake" / "runs").iterdir()
    for step, count in (("extract", "held"), ("transform", "curated")):
        tables = json.loads((run / f"{step}.json").read_text())["tables"]
        for name, table in tables.items():
            if f"{step} {name}" in works:
                works[f"{step} {name}"].rows = int(table[count] or 0)


def _compare(folder: Path, settings: str, environment: dict[str, str]) -> None:
    """Compare the warehouse in a folder with one that DuckDB makes of the same source."""
    with common.folder_for(None) as other:
        (other / "rental.toml").write_text(settings.replace('kind = "spark"', 'kind = "duckdb"'))
        answer, _ = _rental(["run", "--json"], other, environment)
        seconds = {step["step"]: step["seconds"] for step in answer["steps"]}
        print(f"DuckDB: extract {seconds['extract']:.1f} s, transform {seconds['transform']:.1f} s")
        for table, rows, different in _differences(folder / "warehouse.duckdb", other / "warehouse.duckdb"):
            if different:
                sys.exit(f"{table} is not the same with both engines: {different:,} of {rows:,} rows differ.")
            print(f"same with both engines: {table}, {rows:,} rows")
        print()


def _differences(one: Path, other: Path) -> Iterator[tuple[str, int, int]]:
    """For each table how many rows it has, and how many are in one warehouse alone."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one}' AS one (READ_ONLY); ATTACH '{other}' AS other (READ_ONLY)")
        listed = [
            connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
                f"WHERE database_name = '{name}' AND schema_name IN {SCHEMAS} ORDER BY 1"
            ).fetchall()
            for name in ("one", "other")
        ]
        if listed[0] != listed[1] or not listed[0]:
            sys.exit(f"The engines do not make the same tables: {listed}")
        for (table,) in listed[0]:
            rows = [f"SELECT COLUMNS(name -> name NOT IN {HIDDEN}) FROM {name}.{table}" for name in ("one", "other")]
            counts = [
                connection.execute(f"SELECT COUNT(*) FROM ({sql})").fetchall()[0][0]
                for sql in (rows[0], f"{rows[0]} EXCEPT ALL {rows[1]}", f"{rows[1]} EXCEPT ALL {rows[0]}")
            ]
            yield table, counts[0], counts[1] + counts[2]


def _skewed(runs: Sequence[Measured]) -> Iterator[str]:
    for run in runs:
        for name, work in run.works.items():
            for skew in filter(None, (stage.skew() for stage in work.stages)):
                yield f"SKEWED at {run.size}x with {run.tasks} tasks, {name}: {skew}"


def _grown(runs: Sequence[Measured], tasks: int) -> Iterator[str]:
    """What grew faster than its rows from one size to the next."""
    sizes = sorted((run for run in runs if run.tasks == tasks), key=lambda run: run.size)
    for smaller, larger in pairwise(sizes):
        for name, work in larger.works.items():
            before = smaller.works.get(name)
            if not before or not before.rows or not work.rows:
                continue
            growth = work.rows / before.rows
            place = f"from {smaller.size}x to {larger.size}x, {name}"
            one, other = before.cpu_seconds, work.cpu_seconds
            if other > max(one, SHORT_SECONDS) * growth * TIME_TOLERANCE:
                yield f"GROWS {place}: {one:.1f} to {other:.1f} CPU seconds with {growth:.1f} times the rows"
            shuffled, read = work.shuffled, work.total("Input Metrics", "Bytes Read")
            # What a smaller size does without a shuffle, since one side fits on every machine, is no measure.
            allowed = before.shuffled * growth * SHUFFLE_TOLERANCE if before.shuffled > FEW_BYTES else read
            if shuffled > max(allowed, FEW_BYTES):
                yield f"GROWS {place}: {shuffled:,} bytes shuffled, where {allowed:,.0f} would keep pace"


def _print_run(wanted: argparse.Namespace, run: Measured) -> None:
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in run.step_seconds.items())
    viewings = wanted.viewings * run.size // max(wanted.growth)
    print(f"{run.size}x, {viewings:,} viewings, {run.tasks} tasks side by side: {steps}; ", end="")
    print(f"Java's peak memory {run.peak_bytes / 1e6:,.0f} MB; {len(run.files)} files of the lake, ", end="")
    print(f"the largest {max(run.files) / 1e6:.1f} MB\n", flush=True)
    print(
        "| step and table | seconds | CPU s | rows | rows/s | read MB | written MB | shuffled MB | stages | tasks "
        "| task CPU s, longest / median | task rows, most / median |"
    )
    print("| --- |" + " ---: |" * 11)
    for name, work in sorted(run.works.items()):
        seconds, rows = work.longest.seconds(), work.longest.rows()
        columns = [
            f"{work.seconds:.1f}",
            f"{work.cpu_seconds:.1f}",
            f"{work.rows:,}",
            f"{work.rows / max(work.seconds, 1e-3):,.0f}",
            f"{work.total('Input Metrics', 'Bytes Read') / 1e6:,.1f}",
            f"{work.total('Output Metrics', 'Bytes Written') / 1e6:,.1f}",
            f"{work.shuffled / 1e6:,.1f}",
            f"{len(work.stages)}",
            f"{sum(len(stage.tasks) for stage in work.stages)}",
            f"{max(seconds):.1f} / {median(seconds):.1f}",
            f"{max(rows):,} / {median(rows):,.0f}",
        ]
        print(f"| {name} | {' | '.join(columns)} |")
    print(flush=True)


def _print_summary(wanted: argparse.Namespace, runs: Sequence[Measured]) -> None:
    print("| viewings | tasks | extract s | transform s | shuffled MB | peak MB |\n|" + " ---: |" * 6)
    for run in runs:
        shuffled = sum(work.shuffled for work in run.works.values()) / 1e6
        viewings = wanted.viewings * run.size // max(wanted.growth)
        extract, transform = run.step_seconds["extract"], run.step_seconds["transform"]
        print(f"| {viewings:,} | {run.tasks} | {extract:.1f} | {transform:.1f} | {shuffled:,.0f} | ", end="")
        print(f"{run.peak_bytes / 1e6:,.0f} |")
    print()


if __name__ == "__main__":
    main()
