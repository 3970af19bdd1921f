"""Redshift's roles and rights, written for PostgreSQL.

PostgreSQL's roles belong to the whole server, so the stand-in's carry their database's name in front. The rights to
drop and to alter, which PostgreSQL leaves to owners, are noted by schema in `redshift_stand_in.owner_rights`.
"""

from servers.redshift_ddl import Plan, table_name
from servers.redshift_lexer import Cursor, literal, quoted

_TABLE_RIGHTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRUNCATE"}
_SCHEMA_RIGHTS = {"USAGE", "CREATE"}
_DATABASE_RIGHTS = {"CREATE", "TEMP", "TEMPORARY", "USAGE"}
# Redshift grants these too; PostgreSQL knows no such rights, so they are read and left out.
_REDSHIFT_ONLY = {"ALTER", "DROP"}


def role_name(database: str, role: str) -> str:
    return f"{database}__{role.lower()}"


def create_role(cursor: Cursor, database: str) -> Plan:
    return Plan("CREATE ROLE", [f"CREATE ROLE {quoted(role_name(database, cursor.name()))}"])


def create_user(cursor: Cursor, database: str) -> Plan:
    """A user who logs in by IAM, and has no password."""
    name = role_name(database, cursor.name())
    cursor.need("PASSWORD", "DISABLE")
    return Plan("CREATE USER", [f"CREATE ROLE {quoted(name)}"])


def grant(cursor: Cursor, database: str, verb: str) -> Plan:
    """GRANT or REVOKE, of a role or of rights."""
    if cursor.take("ROLE"):
        roles = ", ".join(quoted(role_name(database, name)) for name in cursor.listed(cursor.name))
        return Plan(verb, [f"{verb} {roles} {_grantees(cursor, database, verb)}"])
    if verb == "GRANT" and cursor.take("ANALYZE"):
        # A right on the whole database, which PostgreSQL has not.
        _grantees(cursor, database, verb)
        return Plan(verb)
    if cursor.take("ASSUMEROLE"):
        # Everybody may name every role that the cluster has, also once that is taken from PUBLIC: it is not enforced.
        return _assumed_role(cursor, database, verb)
    rights = _rights(cursor)
    if cursor.take("FOR", "TABLES", "IN", "SCHEMA"):
        return _scoped(cursor, database, verb, rights)
    cursor.need("ON")
    start = cursor.position
    kind, target = _target(cursor, database)
    schemas = [token.text for token in cursor.tokens[start + 4 : cursor.position]] if target.startswith("ALL") else []
    who = _grantees(cursor, database, verb)
    kept = _kept(cursor, rights, kind)
    notes = _notes(verb, rights, [schema.strip('"') for schema in schemas if schema != ","], who)
    return Plan(verb, [*([f"{verb} {', '.join(kept)} ON {target} {who}"] if kept else []), *notes])


def _assumed_role(cursor: Cursor, database: str, verb: str) -> Plan:
    cursor.need("ON")
    if not cursor.take("ALL"):
        cursor.string()
    _grantees(cursor, database, verb)
    cursor.need("FOR")
    cursor.one_of("COPY", "ALL")
    return Plan(verb)


def _scoped(cursor: Cursor, database: str, verb: str, rights: list[str]) -> Plan:
    """Rights on all tables there are and those to come; here only those that PostgreSQL has not."""
    schemas = cursor.listed(cursor.name)
    who = _grantees(cursor, database, verb)
    if verb != "GRANT" or not set(rights) <= _REDSHIFT_ONLY:
        cursor.position = 1
        raise cursor.error()
    return Plan(verb, _notes(verb, rights, schemas, who))


def _notes(verb: str, rights: list[str], schemas: list[str], who: str) -> list[str]:
    if verb != "GRANT":
        return []
    grantees = [name.strip().strip('"') for name in who.removeprefix("TO ").split(",")]
    return [
        f"INSERT INTO redshift_stand_in.owner_rights VALUES ({literal(right)}, {literal(schema)}, {literal(grantee)})"
        for right in rights
        if right in _REDSHIFT_ONLY
        for schema in schemas
        for grantee in grantees
    ]


def default_privileges(cursor: Cursor, database: str) -> Plan:
    head = "ALTER DEFAULT PRIVILEGES"
    if cursor.take("FOR"):
        cursor.need("USER")
        head += f" FOR ROLE {', '.join(_role(name, database) for name in cursor.listed(cursor.name))}"
    schemas = list[str]()
    if cursor.take("IN", "SCHEMA"):
        schemas = cursor.listed(cursor.name)
        head += f" IN SCHEMA {', '.join(map(quoted, schemas))}"
    verb = cursor.one_of("GRANT", "REVOKE")
    rights = _rights(cursor)
    cursor.need("ON", "TABLES")
    who = _grantees(cursor, database, verb)
    kept = _kept(cursor, rights, "TABLE")
    notes = _notes(verb, rights, schemas, who)
    return Plan(head, [*([f"{head} {verb} {', '.join(kept)} ON TABLES {who}"] if kept else []), *notes])


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
