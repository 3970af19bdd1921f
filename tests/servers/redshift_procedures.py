"""Redshift's procedures without arguments: PostgreSQL has their names, owners and rights; a call runs their statements.

Their text is the comment of a procedure that does nothing.
"""

import re

from servers.redshift_ddl import Plan, table_name
from servers.redshift_lexer import Cursor, SqlError, all_tokens, literal

_CREATE = re.compile(
    r"\s*(?P<head>CREATE\s+PROCEDURE\s[^$]*)\$\$\s*BEGIN\b(?P<body>.*)\bEND\s*;\s*\$\$\s*LANGUAGE\s+plpgsql\s*",
    re.IGNORECASE | re.DOTALL,
)
# Others would commit, or have a result that somebody has to take.
KINDS = {"INSERT", "UPDATE", "DELETE", "CREATE TABLE", "DROP TABLE"}


def split_creation(sql: str) -> tuple[str, list[str]] | None:
    """What comes before the text of a procedure, and the statements of the text; None for any other statement."""
    found = _CREATE.fullmatch(sql)
    return (found["head"], statements(found["body"])) if found else None


def statements(body: str) -> list[str]:
    """The statements of a procedure's text, each of which ends with a semicolon."""
    found, words = [], list[str]()
    for token in all_tokens(body):
        if token.key == ";":
            found.append("".join(words).strip())
            words = []
        else:
            words.append(token.text)
    if "".join(words).strip() or not all(found):
        raise SqlError("ERROR: syntax error at end of input of a procedure")
    return found


def create_procedure(cursor: Cursor, body: list[str]) -> Plan:
    cursor.need("CREATE", "PROCEDURE")
    name = _name(cursor)
    cursor.need("AS")
    text = literal("".join(f"{statement};" for statement in body))
    create = f"CREATE PROCEDURE {name} LANGUAGE plpgsql AS 'BEGIN NULL; END'"
    return Plan("CREATE PROCEDURE", [create, f"COMMENT ON PROCEDURE {name} IS {text}"])


def call(cursor: Cursor) -> Plan:
    name = _name(cursor)
    return Plan("CALL", [f"CALL {name}"], procedure=name)


def drop_procedure(cursor: Cursor) -> Plan:
    return Plan("DROP PROCEDURE", [f"DROP PROCEDURE {_name(cursor)}"])


def _name(cursor: Cursor) -> str:
    name = table_name(cursor.qualified())
    cursor.need("(", ")")
    return f"{name}()"
