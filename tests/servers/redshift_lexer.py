"""Redshift's SQL as a list of words, and a cursor to read them one after the other."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
    |(?P<sign>::|<=|>=|<>|!=|\|\||!~|[-+*/%<>=(),.;:~^\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# PostgreSQL would cut a longer one; Redshift takes 127 bytes.
LONGEST_NAME = 63
# https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html
_RESERVED_TEXT = """
    AES128 AES256 ALL ALLOWOVERWRITE ANALYSE ANALYZE AND ANY ARRAY AS ASC AUTHORIZATION AZ64 BACKUP BETWEEN BINARY
    BLANKSASNULL BOTH BYTEDICT BZIP2 CASE CAST CHECK COLLATE COLUMN CONSTRAINT CREATE CREDENTIALS CROSS CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURRENT_USER_ID DEFAULT DEFERRABLE DEFLATE DEFRAG DELTA DELTA32K DESC
    DISABLE DISTINCT DO ELSE EMPTYASNULL ENABLE ENCODE ENCRYPT ENCRYPTION END EXCEPT EXPLICIT FALSE FOR FOREIGN FREEZE
    FROM FULL GLOBALDICT256 GLOBALDICT64K GRANT GROUP GZIP HAVING IDENTITY IGNORE ILIKE IN INITIALLY INNER INTERSECT
    INTERVAL INTO IS ISNULL JOIN LANGUAGE LEADING LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP LUN LUNS LZO LZOP MINUS
    MOSTLY16 MOSTLY32 MOSTLY8 NATURAL NEW NOT NOTNULL NULL NULLS OFF OFFLINE OFFSET OID OLD ON ONLY OPEN OR ORDER OUTER
    OVERLAPS PARALLEL PARTITION PERCENT PERMISSIONS PIVOT PLACING PRIMARY QUALIFY RAW READRATIO RECOVER REFERENCES
    REJECTLOG RESORT RESPECT RESTORE RIGHT SELECT SESSION_USER SIMILAR SNAPSHOT SOME SYSDATE SYSTEM TABLE TAG TDES
    TEXT255 TEXT32K THEN TIMESTAMP TO TOP TRAILING TRUE TRUNCATECOLUMNS TYPE UNION UNIQUE UNNEST UNPIVOT USER USING
    VERBOSE WALLET WHEN WHERE WITH WITHOUT
"""
RESERVED = frozenset(_RESERVED_TEXT.split())


class SqlError(Exception):
    """What Redshift would answer; the text starts with `ERROR:`."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str

    @property
    def key(self) -> str:
        """A keyword's or sign's name; nothing that was quoted has one."""
        return self.text.upper() if self.kind in {"word", "sign"} else ""


def tokenise(sql: str) -> list[Token]:
    """The words of one statement, strings with their quotes, spaces and comments left out."""
    return [token for token in all_tokens(sql) if token.kind != "space"]


def standard_strings(sql: str) -> str:
    """The statement with its backslash escapes worked off, as standard SQL writes strings."""
    tokens = all_tokens(sql)
    return "".join(literal(string_value(token)) if token.kind == "string" else token.text for token in tokens)


def string_value(token: Token) -> str:
    return _ESCAPE.sub(_unescaped, token.text[1:-1].replace("''", "'"))


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unescaped(escape: re.Match[str]) -> str:
    text = escape[1]
    return chr(int(text, 8)) if text[0] in "01234567" else _CONTROLS.get(text, text)


def all_tokens(sql: str) -> list[Token]:
    found, position = [], 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise SqlError(f'ERROR: syntax error at or near "{sql[position]}"')
        found.append(Token(str(match.lastgroup), match[0]))
        position = match.end()
    return found


@dataclass
class Cursor:
    """Reads a statement's words; whatever does not fit is a syntax error."""

    tokens: list[Token]
    position: int = field(default=0)

    def peek(self, *keys: str) -> bool:
        """Whether these keywords come next."""
        return [token.key for token in self.tokens[self.position : self.position + len(keys)]] == list(keys)

    def take(self, *keys: str) -> bool:
        """Step over these keywords if they come next."""
        if self.peek(*keys):
            self.position += len(keys)
            return True
        return False

    def need(self, *keys: str) -> None:
        if not self.take(*keys):
            raise self.error()

    def one_of(self, *keys: str) -> str:
        for key in keys:
            if self.take(key):
                return key
        raise self.error()

    def name(self, *, after_dot: bool = False) -> str:
        """An identifier, in small letters as Redshift keeps them."""
        token = self._next()
        if len(token.text.encode()) > LONGEST_NAME:
            raise SqlError(f"ERROR: (stand-in: a name has at most {LONGEST_NAME} bytes) {token.text}")
        if token.kind == "quoted":
            return token.text[1:-1].replace('""', '"').lower()
        if token.kind != "word" or (not after_dot and token.key in RESERVED):
            self.position -= 1
            raise self.error()
        return token.text.lower()

    def qualified(self) -> tuple[str, str]:
        """A table's schema and name."""
        first = self.name()
        return (first, self.name(after_dot=True)) if self.take(".") else ("public", first)

    def names(self) -> list[str]:
        """Names in brackets."""
        self.need("(")
        found = self.listed(self.name)
        self.need(")")
        return found

    def listed(self, read: Callable[[], T]) -> list[T]:
        """One or more, with commas between them."""
        found = [read()]
        while self.take(","):
            found.append(read())
        return found

    def string(self) -> str:
        return string_value(self._of_kind("string"))

    def integer(self) -> int:
        text = self._of_kind("number").text
        if not text.isdigit():
            raise self.error()
        return int(text)

    def raw(self) -> Token:
        """Any word."""
        return self._next()

    def end(self) -> None:
        if self.position < len(self.tokens):
            raise self.error()

    def error(self) -> SqlError:
        """What is wrong with the next word."""
        rest = self.tokens[self.position : self.position + 1]
        place = f'at or near "{rest[0].text}"' if rest else "at end of input"
        return SqlError(f"ERROR: syntax error {place}")

    def _of_kind(self, kind: str) -> Token:
        token = self._next()
        if token.kind != kind:
            self.position -= 1
            raise self.error()
        return token

    def _next(self) -> Token:
        if self.position >= len(self.tokens):
            raise self.error()
        self.position += 1
        return self.tokens[self.position - 1]
