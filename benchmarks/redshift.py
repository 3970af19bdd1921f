"""What a load into Redshift takes of this program: the look at the files before COPY, and requests to the Data API.

The warehouse is the tests' stand-in, whose own speed says nothing of Redshift's. So times are told of the look at the
files alone, read as from a bucket that takes a while to answer, and of the rest how many statements and requests there
are: what they take on Redshift is a matter of its latency.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.ranges import RangedObject
from rental_analytics.warehouses.redshift import files as looked_at
from rental_analytics.warehouses.redshift.files import Room, check_files

if TYPE_CHECKING:
    from rental_analytics.contracts.manifest import LakeFile

ROOT = Path(__file__).parents[1]
RENTAL = Path(sys.executable).with_name("rental")
FILLED = ("load-raw", "load-curated", "metrics")
READ_AHEAD = 256 * 1024


class DistantLake(LocalLake):
    """A folder that answers as late as a bucket does, and counts what is asked of it."""

    def __init__(self, root: Path, latency: float) -> None:
        super().__init__(root)
        self.requests = self.bytes = 0
        self._latency = latency
        self._counting = threading.Lock()

    def size(self, path: str) -> int | None:
        self._asked(0)
        return super().size(path)

    def open(self, path: str) -> BinaryIO:
        file = self.root / path

        def fetch(start: int, length: int) -> bytes:
            self._asked(length)
            with file.open("rb") as content:
                content.seek(start)
                return content.read(length)

        return BufferedReader(RangedObject(fetch, file.stat().st_size), buffer_size=READ_AHEAD)

    def _asked(self, count: int) -> None:
        with self._counting:
            self.requests += 1
            self.bytes += count
        time.sleep(self._latency)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=100_000)
    parser.add_argument("--bookings", type=int, default=1_000_000)
    parser.add_argument("--viewings", type=int, default=5_000_000)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds until a bucket answers (default 30)")
    parser.add_argument("--beside", type=int, nargs="+", default=[1, 4], help="files looked at beside each other")
    parser.add_argument("--small", type=int, default=20, help="the loads are counted with a marketplace of 1/SMALL")
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="rental-benchmark-") as name:
        looks(wanted, Path(name) / "large")
        loads(wanted, Path(name) / "small")


def looks(wanted: argparse.Namespace, folder: Path) -> None:
    """Time the look at the files of a first run."""
    generate(wanted, folder, 1)
    rental(folder, ["run", "--quiet", "--run-id", "first", "--step", "extract", "--step", "transform"])
    files = tables(folder / "lake")
    size = sum(file.bytes for _, listed in files.values() for file in listed)
    rows = sum(file.rows for _, listed in files.values() for file in listed)
    sys.stdout.write(f"{len(files)} tables, {rows:,} rows, {size / 1e6:,.0f} MB of Parquet\n\n")
    sys.stdout.write("| files at once | seconds | CPU seconds | requests | MB read | peak of memory, MB |\n")
    sys.stdout.write("| ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for beside in wanted.beside:
        # Each in a process of its own, whose peak is its own.
        sys.stdout.flush()
        child = os.fork()
        if not child:
            sys.stdout.write(look(folder / "lake", files, wanted.latency / 1000, beside))
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit("The look at the files failed.")


def look(root: Path, files: dict[str, tuple[Room, Sequence[LakeFile]]], latency: float, beside: int) -> str:
    """Look once; a line of the table."""
    looked_at._AT_ONCE = beside
    lake = DistantLake(root, latency)
    began, cpu = time.monotonic(), time.process_time()
    check_files(lake, files)
    seconds, busy = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    return f"| {beside} | {seconds:.1f} | {busy:.1f} | {lake.requests} | {lake.bytes / 1e6:,.0f} | {peak:,.0f} |\n"


def tables(root: Path) -> dict[str, tuple[Room, Sequence[LakeFile]]]:
    """Files of the first run with the columns they have."""
    manifests = ManifestStore(LocalLake(root))
    found: dict[str, tuple[Room, Sequence[LakeFile]]] = {}
    for schema, manifest in (("raw_data", manifests.extract("first")), ("curated", manifests.transform("first"))):
        assert manifest is not None
        for name, table in manifest.tables.items():
            found[f"{schema}.{name}"] = (Room(f"{schema}.{name}", table.columns), table.files)
    return found


def loads(wanted: argparse.Namespace, folder: Path) -> None:
    """Count what a first and a later run send to the Data API."""
    with stand_in() as (database, environment, counters):
        generate(wanted, folder, wanted.small)
        settings = [
            *("--set", f"warehouse.url=redshift://test-workgroup/{database}"),
            *("--set", f"lake.url={environment.pop('LAKE')}", "--set", "quality.max_deleted_share=1"),
        ]
        sys.stdout.write("\n| run | step | statements | requests |\n| --- | --- | ---: | ---: |\n")
        for run_id in ("first", "later"):
            if run_id == "later":
                rental(folder, ["generate", "--to", "sqlite:///marketplace.db", "--advance", "1"])
            rental(folder, ["run", "--quiet", "--run-id", run_id, "--step", "extract", *settings], environment)
            rental(folder, ["run", "--quiet", "--resume", run_id, "--step", "transform", *settings], environment)
            for step in FILLED:
                before = counters()
                rental(folder, ["run", "--quiet", "--resume", run_id, "--step", step, *settings], environment)
                statements, requests = (now - then for now, then in zip(counters(), before, strict=True))
                sys.stdout.write(f"| {run_id} | {step} | {statements} | {requests} |\n")


@contextmanager
def stand_in() -> Iterator[tuple[str, dict[str, str], Any]]:
    """A database of the stand-in, the environment that leads to it, and its counters."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers.postgresql import start_postgresql
    from servers.redshift_stand_in import start_redshift_stand_in
    from servers.s3 import ACCESS_KEY, SECRET_KEY, start_s3

    roles = {"default": (ACCESS_KEY, SECRET_KEY)}
    with start_s3() as s3, start_postgresql() as server, start_redshift_stand_in(server, s3, roles) as redshift:
        environment = s3.environment() | redshift.environment() | {"LAKE": f"s3://{s3.create_bucket()}/lake"}
        faults = redshift.faults
        yield redshift.create_database(), environment, lambda: (faults.sql_statements, faults.requests)


def generate(wanted: argparse.Namespace, folder: Path, divided_by: int) -> None:
    folder.mkdir()
    last = datetime.now(UTC).date() - timedelta(days=30)
    sizes = [f"--{name}={getattr(wanted, name) // divided_by}" for name in ("listings", "bookings", "viewings")]
    rental(folder, ["generate", "--to", "sqlite:///marketplace.db", f"--end-date={last}", *sizes])
    rental(folder, ["init"])


def rental(folder: Path, command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run the program to its end; one that fails ends the benchmark."""
    sys.stderr.write(f"rental {' '.join(command[:6])} ...\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("RENTAL_", "AWS_"))}
    done = subprocess.run(
        [RENTAL, *command], cwd=folder, env=env | (environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stderr}rental {command[0]} ended with exit code {done.returncode}.")


if __name__ == "__main__":
    main()
