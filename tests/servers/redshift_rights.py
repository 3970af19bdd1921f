"""Redshift's roles and rights, written for PostgreSQL.

PostgreSQL's roles belong to the whole server, so the stand-in's carry their database's name in front.
"""

from servers.redshift_ddl import Plan, table_name
from servers.redshift_lexer import Cursor, quoted

_TABLE_RIGHTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRUNCATE"}
_SCHEMA_RIGHTS = {"USAGE", "CREATE"}
_DATABASE_RIGHTS = {"CREATE", "TEMP", "TEMPORARY", "USAGE"}
# Redshift grants these too; PostgreSQL knows no such rights, so they are read and left out.
_REDSHIFT_ONLY = {"ALTER", "DROP"}


def role_name(database: str, role: str) -> str:
    return f"{database}__{role.lower()}"


def create_role(cursor: Cursor, database: str) -> Plan:
    return Plan("CREATE ROLE", [f"CREATE ROLE {quoted(role_name(database, cursor.name()))}"])


def grant(cursor: Cursor, database: str, verb: str) -> Plan:
    """GRANT or REVOKE, of a role or of rights."""
    if cursor.take("ROLE"):
        roles = ", ".join(quoted(role_name(database, name)) for name in cursor.listed(cursor.name))
        return Plan(verb, [f"{verb} {roles} {_grantees(cursor, database, verb)}"])
    rights = _rights(cursor)
    cursor.need("ON")
    kind, target = _target(cursor, database)
    who = _grantees(cursor, database, verb)
    kept = _kept(cursor, rights, kind)
    return Plan(verb, [f"{verb} {', '.join(kept)} ON {target} {who}"] if kept else [])


def default_privileges(cursor: Cursor, database: str) -> Plan:
    head = "ALTER DEFAULT PRIVILEGES"
    if cursor.take("FOR"):
        cursor.need("USER")
        head += f" FOR ROLE {', '.join(_role(name, database) for name in cursor.listed(cursor.name))}"
    if cursor.take("IN", "SCHEMA"):
        head += f" IN SCHEMA {', '.join(map(quoted, cursor.listed(cursor.name)))}"
    verb = cursor.one_of("GRANT", "REVOKE")
    rights = _rights(cursor)
    cursor.need("ON", "TABLES")
    who = _grantees(cursor, database, verb)
    kept = _kept(cursor, rights, "TABLE")
    return Plan(head, [f"{head} {verb} {', '.join(kept)} ON TABLES {who}"] if kept else [])


def _role(name: str, database: str) -> str:
    return name if name == "postgres" else quoted(role_name(database, name))


def _rights(cursor: Cursor) -> list[str]:
    if cursor.take("ALL"):
        cursor.take("PRIVILEGES")
        return ["ALL"]
    return cursor.listed(lambda: cursor.raw().key)


def _kept(cursor: Cursor, rights: list[str], kind: str) -> list[str]:
    known = {"TABLE": _TABLE_RIGHTS, "SCHEMA": _SCHEMA_RIGHTS, "DATABASE": _DATABASE_RIGHTS}[kind]
    for right in rights:
        if right not in known | _REDSHIFT_ONLY | {"ALL"}:
            cursor.position = 1
            raise cursor.error()
    names = ["CONNECT" if (kind, right) == ("DATABASE", "USAGE") else right for right in rights]
    return [name for name in names if name not in _REDSHIFT_ONLY]


def _target(cursor: Cursor, database: str) -> tuple[str, str]:
    if cursor.take("ALL", "TABLES", "IN", "SCHEMA"):
        return "TABLE", f"ALL TABLES IN SCHEMA {', '.join(map(quoted, cursor.listed(cursor.name)))}"
    if cursor.take("SCHEMA"):
        return "SCHEMA", f"SCHEMA {', '.join(map(quoted, cursor.listed(cursor.name)))}"
    if cursor.take("DATABASE"):
        return "DATABASE", f"DATABASE {quoted(cursor.name())}"
    cursor.take("TABLE")
    return "TABLE", f"TABLE {', '.join(table_name(table) for table in cursor.listed(cursor.qualified))}"


def _grantees(cursor: Cursor, database: str, verb: str) -> str:
    word = "TO" if verb == "GRANT" else "FROM"
    cursor.need(word)
    return f"{word} {', '.join(cursor.listed(lambda: _grantee(cursor, database)))}"


def _grantee(cursor: Cursor, database: str) -> str:
    if cursor.take("PUBLIC"):
        return "PUBLIC"
    cursor.take("ROLE")
    return _role(cursor.name(), database)
