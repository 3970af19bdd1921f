"""A throwaway MariaDB server."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from servers.process import find_program, free_port, running, temporary_folder

if TYPE_CHECKING:
    from pymysql.connections import Connection

REMEDY = "Run scripts/install_mariadb.sh."
# Durability is worth nothing here, and the defaults cost time and disk.
FAST_OPTIONS = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=32M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-fast-shutdown=2",
    "--skip-name-resolve",
)
_database_numbers = count(1)


@dataclass(frozen=True)
class MariaDB:
    """A running server; `root` has no password and may come from loopback only."""

    host: str
    port: int

    def connect(self, database: str | None = None, user: str = "root", password: str = "") -> "Connection[Any]":
        import pymysql

        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            local_infile=True,
        )

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def create_database(self) -> str:
        """A new empty database's name, never used before in this session."""
        name = f"test_{next(_database_numbers)}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name

    def load_time_zone(self, name: str) -> None:
        """Make a time zone known by name, with its clock changes of the years 2020 to 2029."""
        changes, kinds = _clock_changes(ZoneInfo(name))
        self.execute("INSERT INTO time_zone (use_leap_seconds) VALUES ('N')", "mysql")
        ((number,),) = self.execute("SELECT MAX(time_zone_id) FROM time_zone", "mysql")
        rows = {
            "time_zone_name": [f"('{name}', {number})"],
            "time_zone_transition": [f"({number}, {second}, {kind})" for second, kind in changes],
            "time_zone_transition_type": [
                f"({number}, {kind}, {offset}, {int(is_summer)}, '{letters}')"
                for kind, (offset, is_summer, letters) in enumerate(kinds)
            ],
        }
        for table, values in rows.items():
            self.execute(f"INSERT INTO {table} VALUES {', '.join(values)}", "mysql")

    def url(self, database: str, user: str = "root", password: str | None = None) -> str:
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"mysql://{quote(user, safe='')}{secret}@{self.host}:{self.port}/{database}"


@contextmanager
def start_mariadb(options: Sequence[str] = ()) -> Iterator[MariaDB]:
    """Run a new server with these further options, such as `--default-time-zone=+07:00`."""
    program = find_program("mariadbd", REMEDY)
    with temporary_folder("mariadb-") as folder:
        data = folder / "data"
        # Without it the server refuses to run as root.
        account = ["--user=root"] if os.geteuid() == 0 else []
        _create_system_tables(data, account)
        server = MariaDB("127.0.0.1", free_port())
        command = [
            program,
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            f"--tmpdir={folder}",
            f"--bind-address={server.host}",
            f"--port={server.port}",
            "--character-set-server=utf8mb4",
            "--local-infile=1",
            *FAST_OPTIONS,
            *account,
            *options,
        ]
        with running(command, log=folder / "log", is_ready=lambda: _answers(server)):
            yield server


def _clock_changes(zone: ZoneInfo) -> tuple[list[tuple[int, int]], list[tuple[float, bool, str]]]:
    """When the clock changes, in seconds since 1970, and to which kind: offset, whether summer time, letters."""
    changes: list[tuple[int, int]] = []
    kinds: list[tuple[float, bool, str]] = []
    hour = datetime(2020, 1, 1, tzinfo=UTC)
    while hour.year < 2030:
        local = hour.astimezone(zone)
        kind = ((local.utcoffset() or timedelta()).total_seconds(), bool(local.dst()), local.tzname() or "")
        if kind not in kinds:
            kinds.append(kind)
        if not changes or changes[-1][1] != kinds.index(kind):
            changes.append((int(hour.timestamp()), kinds.index(kind)))
        hour += timedelta(hours=1)
    return changes, kinds


def _create_system_tables(data: Path, account: Sequence[str]) -> None:
    command = [
        find_program("mariadb-install-db", REMEDY),
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        *account,
    ]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(f"mariadb-install-db failed:\n{made.stdout}{made.stderr}")


def _answers(server: MariaDB) -> bool:
    import pymysql

    try:
        server.execute("SELECT 1")
    except pymysql.err.OperationalError:
        return False
    return True
