"""A throwaway PostgreSQL server."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers.process import find_program, free_port, running, temporary_folder
from servers.templates import copy_of

if TYPE_CHECKING:
    from psycopg import Connection

REMEDY = "Run scripts/install_postgresql.sh."
# Durability is worth nothing here. Strings compare bytewise, as in Redshift.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_directories": "",
}
MOST_IDLE = 12
_database_numbers = count(1)


class IdleSessions:
    """Sessions that nobody uses now, by what they were opened with: to open one costs more than most statements."""

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[str, str], Connection[Any]]] = []
        self._lock = threading.Lock()

    def take(self, database: str, options: str) -> "Connection[Any] | None":
        with self._lock:
            for number, (opened, connection) in enumerate(self._kept):
                if opened == (database, options):
                    del self._kept[number]
                    return connection
        return None

    def keep(self, database: str, options: str, connection: "Connection[Any]") -> None:
        """Keep a session that is as it was when it was new."""
        with self._lock:
            self._kept.append(((database, options), connection))
            surplus, self._kept = self._kept[:-MOST_IDLE], self._kept[-MOST_IDLE:]
        for _, other in surplus:
            other.close()

    def close(self, database: str | None = None) -> None:
        """End those with a database, or all."""
        with self._lock:
            ended = [one for one in self._kept if database in {None, one[0][0]}]
            self._kept = [one for one in self._kept if one not in ended]
        for _, connection in ended:
            connection.close()


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; `postgres` has no password and may come from loopback only."""

    host: str
    port: int
    idle: IdleSessions = field(default_factory=IdleSessions)

    def connect(self, database: str = "postgres", *, autocommit: bool = True, **options: Any) -> "Connection[Any]":
        import psycopg

        return psycopg.connect(
            host=self.host,
            port=self.port,
            user="postgres",
            dbname=database,
            autocommit=autocommit,
            **options,
        )

    @contextmanager
    def session(self, database: str = "postgres", options: str = "") -> Iterator["Connection[Any]"]:
        """A connection for the block, each statement a transaction; what a block before it set is forgotten.

        One that the block closes, or that is lost, is not used again.
        """
        connection = self.idle.take(database, options) or self.connect(
            database, options=options, prepare_threshold=None
        )
        try:
            yield connection
        finally:
            if _renewed(connection):
                self.idle.keep(database, options, connection)
            else:
                connection.close()

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives."""
        with self.session(database) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self, template: str = "template0") -> str:
        """A new database's name, never used before in this session."""
        name = f"test_{next(_database_numbers)}"
        # A database that somebody is connected to cannot be copied.
        self.idle.close(template)
        # To write every page to the log, as it would, takes twice as long.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name


@contextmanager
def start_postgresql() -> Iterator[PostgreSQL]:
    """Run a new server."""
    # It refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with temporary_folder("postgresql-") as folder:
        data = folder / "data"
        copy_of("postgresql", lambda made: _create_system_tables(made, user), data)
        if user:
            for path in (folder, data, *data.rglob("*")):
                shutil.chown(path, user)
        server = PostgreSQL("127.0.0.1", free_port())
        settings = {**SETTINGS, "listen_addresses": server.host, "port": str(server.port)}
        command = [_program("postgres"), "-D", str(data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # Asked by SIGTERM, it would wait for its clients to leave.
        with running(
            command,
            log=folder / "log",
            is_ready=lambda: _answers(server),
            env=_environment(),
            user=user,
            stop_signal=signal.SIGINT,
        ):
            try:
                yield server
            finally:
                server.idle.close()


def _renewed(connection: "Connection[Any]") -> bool:
    """Whether a session is as it was when it was new."""
    import psycopg

    try:
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True
            connection.isolation_level = None
            connection.execute("DISCARD ALL")
    except psycopg.Error:
        return False
    return not connection.closed


def _program(name: str) -> str:
    # Debian keeps each version's programs in a folder of its own, off the PATH.
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else find_program(name, REMEDY)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _create_system_tables(data: Path, user: str | None) -> None:
    data.mkdir()
    if user:
        shutil.chown(data, user)
    command = [_program("initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8"]
    command += ["--locale=C", "--auth=trust", "--no-sync"]
    made = subprocess.run(command, check=False, capture_output=True, text=True, user=user, cwd="/", env=_environment())
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")


def _answers(server: PostgreSQL) -> bool:
    import psycopg

    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
