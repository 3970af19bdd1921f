"""One statement of Redshift: which kind it is, and what PostgreSQL is to run for it.

Only the kinds named here are known. Anything else is a syntax error, even where Redshift would take it.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from servers import redshift_ddl as ddl
from servers import redshift_procedures as procedures
from servers import redshift_queries as queries
from servers import redshift_rights as rights
from servers.redshift_copy import CopyJob, parse_copy
from servers.redshift_ddl import Plan, table_name
from servers.redshift_lexer import Cursor, SqlError, Token, quoted, tokenise

_ROWS: dict[str, Callable[[str], Plan]] = {
    "SELECT": queries.query,
    "WITH": queries.query,
    "(": queries.query,
    "EXPLAIN": queries.explain,
    "INSERT": queries.insert,
    "UPDATE": queries.update,
    "DELETE": queries.delete,
    "MERGE": queries.merge,
}
_TABLES: dict[tuple[str, ...], Callable[[Cursor], Plan]] = {
    ("CREATE", "SCHEMA"): ddl.create_schema,
    ("DROP", "SCHEMA"): ddl.drop_schema,
    ("CREATE", "TABLE"): ddl.create_table,
    ("DROP", "TABLE"): ddl.drop_table,
    ("ALTER", "TABLE"): ddl.alter_table,
    ("COMMENT", "ON"): ddl.comment,
    ("CALL",): procedures.call,
    ("DROP", "PROCEDURE"): procedures.drop_procedure,
}
_RIGHTS: dict[tuple[str, ...], Callable[[Cursor, str], Plan]] = {
    ("CREATE", "ROLE"): rights.create_role,
    ("CREATE", "USER"): rights.create_user,
    ("GRANT",): lambda cursor, database: rights.grant(cursor, database, "GRANT"),
    ("REVOKE",): lambda cursor, database: rights.grant(cursor, database, "REVOKE"),
    ("ALTER", "DEFAULT", "PRIVILEGES"): rights.default_privileges,
}


def parse(sql: str, database: str) -> Plan | CopyJob:
    """What to do for this statement; not to be changed."""
    if creation := procedures.split_creation(sql):
        return _procedure(*creation)
    cursor = Cursor(list(_words(sql)))
    for words, read in _RIGHTS.items():
        if cursor.take(*words):
            plan = read(cursor, database)
            cursor.end()
            return plan
    return _parsed(sql)


def _procedure(head: str, body: list[str]) -> Plan:
    for statement in body:
        plan = _parsed(statement)
        if isinstance(plan, CopyJob) or plan.kind not in procedures.KINDS:
            raise SqlError(f"ERROR: (stand-in: not known in a procedure) {statement[:60]}")
    cursor = Cursor(list(_words(head)))
    plan = procedures.create_procedure(cursor, body)
    cursor.end()
    return plan


@lru_cache(maxsize=4096)
def _words(sql: str) -> tuple[Token, ...]:
    tokens = tokenise(sql)
    while tokens and tokens[-1].key == ";":
        tokens.pop()
    if any(token.key == ";" for token in tokens):
        raise SqlError("ERROR: cannot insert multiple commands into a prepared statement")
    if not tokens:
        raise SqlError("ERROR: syntax error at end of input")
    return tuple(tokens)


@lru_cache(maxsize=4096)
def _parsed(sql: str) -> Plan | CopyJob:
    """What to do for a statement that means the same in every database."""
    tokens = _words(sql)
    if tokens[0].key in _ROWS:
        return _ROWS[tokens[0].key](re.sub(r"[;\s]+$", "", sql))
    cursor = Cursor(list(tokens))
    plan = _other(cursor)
    cursor.end()
    return plan


def _other(cursor: Cursor) -> Plan | CopyJob:
    for words, read in _TABLES.items():
        if cursor.take(*words):
            return read(cursor)
    if cursor.take("COPY"):
        return parse_copy(cursor)
    if cursor.take("LOCK"):
        cursor.take("TABLE")
        tables = ", ".join(table_name(table) for table in cursor.listed(cursor.qualified))
        return Plan("LOCK", [f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"])
    if cursor.take("SHOW"):
        return Plan("SHOW", [f"SHOW {quoted(cursor.name())}"], returns_rows=True)
    if cursor.take("ANALYZE"):
        return Plan("ANALYZE", [f"ANALYZE {table_name(cursor.qualified())}"])
    if cursor.take("TRUNCATE"):
        cursor.take("TABLE")
        return Plan("TRUNCATE", [f"TRUNCATE TABLE {table_name(cursor.qualified())}"], commits=True)
    word = cursor.raw().text
    raise SqlError(f'ERROR: syntax error (stand-in: unknown kind of statement) at or near "{word}"')
