"""Runs statements of Redshift in one transaction of PostgreSQL."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from servers.postgresql import PostgreSQL
from servers.redshift_copy import CopyJob, Storage, load
from servers.redshift_ddl import Plan, table_name
from servers.redshift_faults import Faults
from servers.redshift_lexer import SqlError, literal, quoted
from servers.redshift_parquet import CopyError
from servers.redshift_procedures import statements
from servers.redshift_results import Result, read_result
from servers.redshift_rights import role_name
from servers.redshift_sql import parse

if TYPE_CHECKING:
    from psycopg import Connection, Error

FINISHED, FAILED, ABORTED = "FINISHED", "FAILED", "ABORTED"
ENDED = {FINISHED, FAILED, ABORTED}
LOST = "ERROR: connection to the server was lost"
# A statement that runs once takes longer to compile than to run.
OPTIONS = "-c search_path=public,redshift_stand_in,pg_catalog -c client_min_messages=error -c jit=off"
_CANCELLED = "Query cancelled on user's request"
_query_ids = count(1001)
# PostgreSQL's are those of sessions that run many statements.
_process_ids = count(10_001)


class CancelledError(Exception):
    """Somebody cancelled the statement."""


@dataclass
class Part:
    """One SQL text."""

    sql: str
    status: str = "SUBMITTED"
    error: str | None = None
    rows: int = -1
    result: Result | None = None
    query_id: int = field(default_factory=lambda: next(_query_ids))


@dataclass
class Statement:
    """What one call of the Data API asked for."""

    parts: list[Part]
    database: str
    name: str
    is_batch: bool
    place: dict[str, str]
    user: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "SUBMITTED"
    error: str | None = None
    pid: int = 0
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    connection: "Connection[Any] | None" = None

    def become(self, status: str, error: str | None = None) -> None:
        self.error = error
        self.updated = time.time()
        self.status = status
        if status in ENDED:
            self.ended.set()

    def cancel(self) -> None:
        import psycopg

        self.cancelled.set()
        if connection := self.connection:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=5)


@dataclass
class Runner:
    """Where statements run."""

    postgresql: PostgreSQL
    storage: Storage
    faults: Faults

    def run(self, statement: Statement) -> None:
        """Run a statement to its end, whatever that is."""
        statement.become("STARTED")
        try:
            status, error = self._connected(statement)
        except SqlError as problem:
            status, error = FAILED, str(problem)
        except Exception as problem:  # noqa: BLE001 else the test would wait for ever
            status, error = FAILED, f"ERROR: (stand-in: its own failure) {problem!r}"
            # It may reach the session while that gets ready.
            if statement.cancelled.is_set():
                status, error = ABORTED, _CANCELLED
        _end(statement, status, error)

    def _connected(self, statement: Statement) -> tuple[str, str | None]:
        with self._session(statement.database) as connection:
            statement.connection = connection
            statement.pid = next(_process_ids)
            try:
                _become_user(statement, connection)
                return self._transaction(statement, connection)
            finally:
                statement.connection = None
                if statement.cancelled.is_set():
                    # The order to cancel may still be on its way.
                    connection.close()

    @contextmanager
    def _session(self, database: str) -> "Iterator[Connection[Any]]":
        import psycopg

        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self.postgresql.session(database, OPTIONS))
            except psycopg.OperationalError as problem:
                told = re.search(r"FATAL: .*", str(problem))
                raise SqlError(re.sub(r"\s+", " ", told[0]) if told else LOST) from None
            connection.autocommit = False
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection

    def _transaction(self, statement: Statement, connection: "Connection[Any]") -> tuple[str, str | None]:
        for number, part in enumerate(statement.parts, start=1):
            try:
                with _told_as_redshift_does(connection):
                    self._run_part(part, statement, connection)
                    if number == len(statement.parts):
                        connection.commit()
            except CancelledError:
                part.status = ABORTED
                return ABORTED, _CANCELLED
            except SqlError as problem:
                part.status, part.error = FAILED, str(problem)
                prefix = f"Query #{number} failed with " if statement.is_batch else ""
                return FAILED, prefix + str(problem)
            part.status = FINISHED
        return FINISHED, None

    def _run_part(self, part: Part, statement: Statement, connection: "Connection[Any]") -> None:
        part.status = "STARTED"
        killed, seconds = self.faults.next_statement(part.sql)
        if statement.cancelled.wait(seconds):
            raise CancelledError
        if killed:
            self.postgresql.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)")
        plan = parse(part.sql, statement.database)
        if isinstance(plan, CopyJob):
            part.rows = self._copy(plan, part, statement, connection)
        else:
            _run_plan(plan, part, statement, connection)
        if statement.cancelled.is_set():
            raise CancelledError

    def _copy(self, job: CopyJob, part: Part, statement: Statement, connection: "Connection[Any]") -> int:
        try:
            with _told_as_redshift_does(connection):
                return load(job, connection, self.storage)
        except SqlError as problem:
            # Else the note would wait for the statement's lock on the table.
            if not connection.closed:
                connection.rollback()
            self._note_load_error(problem, job, part, statement)
            raise

    def _note_load_error(self, problem: SqlError, job: CopyJob, part: Part, statement: Statement) -> None:
        """In a transaction of its own, so that it outlives the statement's."""
        details = problem if isinstance(problem, CopyError) else CopyError(str(problem))
        column = details.column
        values = [
            "100",
            str(part.query_id),
            str(part.query_id),
            str(statement.pid),
            literal(statement.database),
            f"to_regclass({literal(table_name(job.table))})::oid::bigint::int",
            "now()::timestamp",
            literal(details.file[:1024]),
            str(details.line),
            literal(column.name if column else ""),
            literal(column.type if column else ""),
            "15007" if column else "9001",
            f"left({literal(str(problem).removeprefix('ERROR: '))}, 512)",
        ]
        sql = f"INSERT INTO public.sys_load_error_detail VALUES ({', '.join(values)})"
        self.postgresql.execute(sql, statement.database)


def _become_user(statement: Statement, connection: "Connection[Any]") -> None:
    """A database user has the rights of its role in PostgreSQL; without such a role, and without a user, all."""
    name = role_name(statement.database, statement.user or "")
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        connection.execute(f"SET ROLE {quoted(name)}".encode())
    # A snapshot of this question would be older than what a LOCK waits for.
    connection.commit()


def _stands_in_for_owner(plan: Plan, connection: "Connection[Any]") -> bool:
    """Whether the user has a right of Redshift's that PostgreSQL leaves to owners."""
    found = connection.execute(
        'SELECT 1 FROM redshift_stand_in.owner_rights WHERE "right" = %s AND "schema" = %s '
        "AND pg_has_role(current_user, grantee, 'MEMBER')",
        list(plan.owner_right or ("", "")),
    ).fetchone()
    return found is not None


def _end(statement: Statement, status: str, error: str | None) -> None:
    if status != FINISHED:
        for part in statement.parts:
            part.result = None
            if part.status not in ENDED:
                part.status = ABORTED
    statement.become(status, error)


def _run_plan(plan: Plan, part: Part, statement: Statement, connection: "Connection[Any]") -> None:
    if plan.alone and len(statement.parts) > 1:
        raise SqlError("ERROR: ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
    for table in plan.plain_tables:
        sql = f"SELECT relkind FROM pg_class WHERE oid = {literal(table_name(table))}::regclass"
        if connection.execute(sql.encode()).fetchone() != ("r",):
            raise SqlError(f'ERROR: "{table[1]}" is not a table')
    part.rows = 0
    user = None
    if plan.owner_right and _stands_in_for_owner(plan, connection):
        user = connection.execute("SELECT current_user").fetchone()
        connection.execute("RESET ROLE")
    for sql in plan.sqls:
        with connection.cursor() as cursor:
            cursor.execute(sql.encode())
            if plan.returns_rows:
                part.result = read_result(cursor)
                part.rows = len(part.result.records)
            elif plan.kind in {"INSERT", "UPDATE", "DELETE", "MERGE"}:
                part.rows = cursor.rowcount
    if user:
        connection.execute(f"SET ROLE {quoted(user[0])}".encode())
    if plan.procedure:
        _run_procedure(plan.procedure, statement, connection)
    if plan.commits:
        connection.commit()


def _run_procedure(name: str, statement: Statement, connection: "Connection[Any]") -> None:
    sql = f"SELECT obj_description({literal(name)}::regprocedure, 'pg_proc')"
    ((body,),) = connection.execute(sql.encode()).fetchall()
    for text in statements(body):
        inner = parse(text, statement.database)
        assert isinstance(inner, Plan)
        _run_plan(inner, Part(text), statement, connection)


@contextmanager
def _told_as_redshift_does(connection: "Connection[Any]") -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise CancelledError from None
    except psycopg.Error as problem:
        raise SqlError(_message(problem, connection)) from None


def _message(problem: "Error", connection: "Connection[Any]") -> str:
    from psycopg import errors

    known = problem.diag
    length = re.match(r"bytes_(\d+)_", known.constraint_name or "")
    if connection.closed or isinstance(problem, errors.AdminShutdown):
        return LOST
    if isinstance(problem, errors.CheckViolation) and length:
        return f"ERROR: value too long for type character varying({length[1]})"
    if isinstance(problem, errors.NotNullViolation):
        return f"ERROR: Cannot insert a NULL value into column {known.column_name}"
    if isinstance(problem, errors.DivisionByZero):
        return "ERROR: Divide by zero"
    if isinstance(problem, errors.SerializationFailure):
        return f"ERROR: 1023 DETAIL: Serializable isolation violation on table - {known.message_primary}"
    if isinstance(problem, errors.CardinalityViolation) and "MERGE" in (known.message_primary or ""):
        return "ERROR: Found multiple matches to update the same tuple."
    return f"ERROR: {known.message_primary or problem}"
