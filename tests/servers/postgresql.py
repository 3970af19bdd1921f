"""A throwaway PostgreSQL server."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
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
_database_numbers = count(1)


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; `postgres` has no password and may come from loopback only."""

    host: str
    port: int

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

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives."""
        with closing(self.connect(database)) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self, template: str = "template0") -> str:
        """A new database's name, never used before in this session."""
        name = f"test_{next(_database_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
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
            yield server


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
