"""How long the pipeline takes, and what it needs, on a generated marketplace in MySQL: a first run, then a day later.

The figures are those of the `rental run` processes alone: the database server's own work is not in their CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

ROOT = Path(__file__).parents[1]
RENTAL = Path(sys.executable).with_name("rental")
PASSWORD_VARIABLE = "RENTAL_SOURCE__PASSWORD"
SERVER_OPTIONS = {
    "mysql": ("--innodb-buffer-pool-size=1G", "--innodb-redo-log-capacity=1G"),
    "mariadb": ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"),
}
# Rows dated after the server's clock are read by every run, so the marketplace has to end before today.
DAYS_BEFORE_TODAY = 30


@dataclass(frozen=True)
class Measured:
    """A finished process: what it printed as JSON, and what it used."""

    answer: dict[str, Any]
    cpu_seconds: float
    peak_bytes: int

    @property
    def seconds(self) -> float:
        return float(self.answer["seconds"])

    @property
    def rows(self) -> int:
        """Rows read from the source."""
        return int(self.answer["steps"][0]["rows_in"])

    @property
    def step_seconds(self) -> dict[str, float]:
        return {step["step"]: float(step["seconds"]) for step in self.answer["steps"]}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--url",
        help="mysql://user@host:3306/database to fill, its password in the URL or in "
        f"{PASSWORD_VARIABLE}; by default a throwaway server is started",
    )
    parser.add_argument("--server", choices=sorted(SERVER_OPTIONS), default="mysql", help="which one (default mysql)")
    parser.add_argument("--listings", type=int, default=200_000)
    parser.add_argument("--bookings", type=int, default=2_000_000)
    parser.add_argument("--viewings", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=1, help="days between the two runs (default 1)")
    parser.add_argument("--memory", default="1GB", help="engine.memory (default 1GB)")
    parser.add_argument("--threads", type=int, help="engine.threads (default: one per core)")
    parser.add_argument("--folder", type=Path, help="where lake and warehouse go (default: a temporary folder)")
    parser.add_argument("--replace", action="store_true", help="overwrite marketplace tables that are at --url")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    with database(wanted.url, wanted.server) as (url, environment), folder_for(wanted.folder) as folder:
        generate(wanted, url, folder, environment)
        first = run(wanted, url, folder, environment)
        rental(["generate", "--to", url, "--advance", str(wanted.days)], folder, environment)
        second = run(wanted, url, folder, environment)
        lake = sum(file.stat().st_size for file in (folder / "lake").rglob("*.parquet"))
        warehouse = (folder / "warehouse.duckdb").stat().st_size
    if wanted.json:
        print(json.dumps(_record(wanted, first, second, lake, warehouse), indent=2))
    else:
        _print_tables(wanted, first, second, lake, warehouse)


@contextmanager
def database(url: str | None, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The marketplace's URL, without its password, and the environment that has the password."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RENTAL_")}
    environment[PASSWORD_VARIABLE] = os.environ.get(PASSWORD_VARIABLE, "")
    if url:
        parts = urlsplit(url)
        if parts.password:
            environment[PASSWORD_VARIABLE] = unquote(parts.password)
            login, _, place = parts.netloc.rpartition("@")
            url = urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}@{place}"))
        yield url, environment
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from servers.mysql import start_mysql

    with start_mysql(SERVER_OPTIONS[kind], kind) as server:
        yield server.url(server.create_database()), environment


@contextmanager
def folder_for(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="rental-benchmark-") as name:
            yield Path(name)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: the first run would not be a first run.")
    yield folder


def generate(wanted: argparse.Namespace, url: str, folder: Path, environment: dict[str, str]) -> None:
    end_date = datetime.now(UTC).date() - timedelta(days=DAYS_BEFORE_TODAY)
    sizes = [f"--{name}={getattr(wanted, name)}" for name in ("listings", "bookings", "viewings")]
    replace = ["--replace"] if wanted.replace else []
    rental(["generate", "--to", url, f"--end-date={end_date}", *sizes, *replace], folder, environment)
    rental(["init"], folder, environment)


def run(wanted: argparse.Namespace, url: str, folder: Path, environment: dict[str, str]) -> Measured:
    command = ["run", "--json", "--set", f"source.url={url}", "--set", f"engine.memory={wanted.memory}"]
    if wanted.threads:
        command += ["--set", f"engine.threads={wanted.threads}"]
    return rental(command, folder, environment)


def rental(command: list[str], folder: Path, environment: dict[str, str]) -> Measured:
    """Run the program to its end; one that fails ends the benchmark."""
    print(f"rental {command[0]} ...", file=sys.stderr)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([RENTAL, *command], cwd=folder, env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        sys.exit(f"{text}rental {command[0]} ended with exit code {process.returncode}.")
    answer = json.loads(text) if "--json" in command else {}
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(answer, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def _record(wanted: argparse.Namespace, first: Measured, second: Measured, lake: int, warehouse: int) -> dict[str, Any]:
    def told(run: Measured) -> dict[str, Any]:
        return {
            "seconds": run.seconds,
            "rows": run.rows,
            "cpu_seconds": round(run.cpu_seconds, 3),
            "peak_bytes": run.peak_bytes,
            "step_seconds": run.step_seconds,
        }

    return {
        "machine": machine(),
        "listings": wanted.listings,
        "bookings": wanted.bookings,
        "viewings": wanted.viewings,
        "memory": wanted.memory,
        "first": told(first),
        "second": told(second),
        "ratio": round(second.seconds / first.seconds, 4),
        "lake_bytes": lake,
        "warehouse_bytes": warehouse,
    }


def _print_tables(wanted: argparse.Namespace, first: Measured, second: Measured, lake: int, warehouse: int) -> None:
    print(f"{wanted.listings:,} listings, {wanted.bookings:,} bookings, {wanted.viewings:,} viewings; ", end="")
    print(f"engine.memory {wanted.memory}; {machine()}\n")
    days = "a day" if wanted.days == 1 else f"{wanted.days} days"
    print(f"| | first run | {days} later | ratio |\n| --- | ---: | ---: | ---: |")
    rows = [("seconds", first.seconds, second.seconds, ".1f")]
    rows += [(f"... {step}", seconds, second.step_seconds[step], ".1f") for step, seconds in first.step_seconds.items()]
    rows += [
        ("rows read", first.rows, second.rows, ",.0f"),
        ("rows read per second", first.rows / first.seconds, second.rows / second.seconds, ",.0f"),
        ("CPU seconds", first.cpu_seconds, second.cpu_seconds, ".1f"),
        ("peak memory, MB", first.peak_bytes / 1e6, second.peak_bytes / 1e6, ",.0f"),
    ]
    for name, one, two, form in rows:
        ratio = f"{two / one:.3f}" if one else ""
        print(f"| {name} | {one:{form}} | {two:{form}} | {ratio} |")
    print(f"\nAfter both runs: lake {lake / 1e6:,.0f} MB, warehouse {warehouse / 1e6:,.0f} MB.")


def machine() -> str:
    import duckdb

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    )


if __name__ == "__main__":
    main()
