"""A throwaway server that speaks MySQL's protocol: Oracle's MySQL, or MariaDB."""

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from servers.process import find_program, free_port, running, temporary_folder
from servers.templates import copy_of

if TYPE_CHECKING:
    from pymysql.connections import Connection

REMEDIES = {"mysql": "Run scripts/install_mysql.sh.", "mariadb": "Run scripts/install_mariadb.sh."}
DEFAULT = os.environ.get("RENTAL_TEST_MYSQL", "mysql")
"""Which server stands behind the fixture `mysql`; read before tests clean the environment."""

KINDS = ("mysql", "mariadb") if DEFAULT == "mysql" else ("mariadb",)
"""The servers of this test run."""

# Durability is worth nothing here, and the defaults cost time and disk.
_SMALL_LOG = {"mysql": "--innodb-redo-log-capacity=8M", "mariadb": "--innodb-log-file-size=8M"}
_FAST_OPTIONS = {
    "mysql": (
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=OFF",
        "--innodb-redo-log-capacity=64M",
        "--innodb-buffer-pool-size=64M",
        "--innodb-fast-shutdown=2",
        "--skip-log-bin",
        "--mysqlx=OFF",
        "--performance-schema=OFF",
        "--secure-file-priv=NULL",
    ),
    "mariadb": (
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=OFF",
        "--debug-no-sync",
        "--innodb-log-file-size=32M",
        "--innodb-buffer-pool-size=64M",
        "--innodb-fast-shutdown=2",
        "--skip-name-resolve",
    ),
}
_database_numbers = count(1)


@dataclass(frozen=True)
class MySqlServer:
    """A running server; `root` has no password and may come from loopback only.

    Args:
        kind: `mysql` or `mariadb`.
    """

    kind: str
    host: str
    port: int
    _kept: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def connect(
        self, database: str | None = None, user: str = "root", password: str = "", **options: Any
    ) -> "Connection[Any]":
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
            **options,
        )

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement, over a connection that is kept for the next; the rows it gives."""
        kept: KeptSession | None = getattr(self._kept, "session", None)
        if kept is None or kept.database != database:
            if kept is not None:
                kept.close()
            kept = self._kept.session = KeptSession(self, database)
        return kept.execute(sql)

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

    def authority(self) -> Path | None:
        """The certificate of an authority that vouches for the server, where it made one as it was set up."""
        ((_, folder),) = self.execute("SHOW VARIABLES LIKE 'datadir'")
        file = Path(folder) / "ca.pem"
        return file if file.is_file() else None

    def url(self, database: str, user: str = "root", password: str | None = None) -> str:
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"mysql://{quote(user, safe='')}{secret}@{self.host}:{self.port}/{database}"


class KeptSession:
    """Statements over one connection, and over another once that is lost."""

    def __init__(self, server: MySqlServer, database: str | None, **options: Any) -> None:
        self.database = database
        self._connect = lambda: server.connect(database, **options)
        self._connection = self._connect()

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives."""
        import pymysql

        try:
            self._connection.ping(reconnect=False)
        except pymysql.err.Error:
            self._connection = self._connect()
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def close(self) -> None:
        """End the connection; one that is lost has ended."""
        if self._connection.open:
            self._connection.close()


@contextmanager
def start_mysql(options: Sequence[str] = (), kind: str = DEFAULT) -> Iterator[MySqlServer]:
    """Run a new server with these further options, such as `--default-time-zone=+07:00`."""
    with temporary_folder(f"{kind}-") as folder:
        data = folder / "data"
        program = _program(kind)
        # Without it the server refuses to run as root.
        account = ["--user=root"] if os.geteuid() == 0 else []
        lasting = _lasting(options)
        copy_of(
            "-".join([kind, *(option.strip("-").replace("=", "-") for option in lasting)]),
            lambda folder: _create_system_tables(kind, program, folder, [*account, *lasting]),
            data,
        )
        server = MySqlServer(kind, "127.0.0.1", free_port())
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
            *_FAST_OPTIONS[kind],
            *account,
            *options,
        ]
        with running(command, log=folder / "log", is_ready=lambda: _answers(server)):
            yield server


def numbers(first: int, last: int) -> str:
    """A relation `numbers` with a column `seq` of whole numbers, which every server knows."""
    digits = " UNION ALL ".join(f"SELECT {digit}{' AS digit' if not digit else ''}" for digit in range(10))
    places = range(len(str(last)))
    value = " + ".join(f"d{place}.digit * {10**place}" for place in places)
    tables = " JOIN ".join(f"({digits}) AS d{place}" for place in places)
    return f"(SELECT * FROM (SELECT {value} AS seq FROM {tables}) AS n WHERE seq BETWEEN {first} AND {last}) AS numbers"


def _program(kind: str) -> str:
    """The path of the server's program; a missing one ends the whole test run."""
    if kind == "mariadb":
        return find_program("mariadbd", REMEDIES[kind])
    script = Path(__file__).parents[2] / "scripts" / "install_mysql.sh"
    found = subprocess.run([script, "--installed"], check=False, capture_output=True, text=True)
    if found.returncode:
        pytest.exit(f"The tests need the program mysqld. {REMEDIES[kind]}", returncode=1)
    return found.stdout.strip()


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


def _lasting(options: Sequence[str]) -> list[str]:
    """Options that a server takes only with the files it is first started with."""
    return [option for option in options if option.startswith("--lower-case-table-names")]


def _create_system_tables(kind: str, program: str, data: Path, account: Sequence[str]) -> None:
    if kind == "mysql":
        command = [program, "--no-defaults", f"--datadir={data}", "--initialize-insecure", _SMALL_LOG[kind], *account]
    else:
        command = [
            find_program("mariadb-install-db", REMEDIES[kind]),
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            _SMALL_LOG[kind],
            *account,
        ]
    # A server that starts removes every server's temporary tables from its folder for temporary files.
    alone = {**os.environ, "TMPDIR": str(data.parent)}
    made = subprocess.run(command, check=False, capture_output=True, text=True, env=alone)
    if made.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{made.stdout}{made.stderr}")


def _answers(server: MySqlServer) -> bool:
    import pymysql

    try:
        server.execute("SELECT 1")
    except pymysql.err.OperationalError:
        return False
    return True
