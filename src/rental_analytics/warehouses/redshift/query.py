"""What a user may ask of Redshift: one statement that only reads."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from rental_analytics.errors import ConfigurationError

_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Into, exp.Copy, exp.Lock)
_ACTING = {"pg_cancel_backend", "pg_terminate_backend", "set_config", "nextval", "setval"}
"""Functions that do something; Redshift asks a right for some, and for some none."""
_QUERIES = {"SELECT", "WITH", "("}


def bounded(sql: str, limit: int | None) -> str:
    """The statement, asking for no more rows than wanted where it does not say itself how many.

    Raises:
        ConfigurationError: it is not one statement that only reads.
    """
    text = _without_end(sql.strip())
    first = _first_word(text)
    if not first:
        raise ConfigurationError("The query is empty.", remedy="write a SELECT.", reason="query-not-one-statement")
    if first == "EXPLAIN":
        explained = _after_first_word(text)
        _parsed(_after_first_word(explained) if _first_word(explained) == "VERBOSE" else explained)
        return text
    if first == "SHOW":
        _stop_several(_tokens(text))
        return text
    query = _parsed(text)
    bounds = limit is None or query.args.get("limit") or query.args.get("fetch")
    return text if bounds else f"{text}\nLIMIT {limit}"


def _parsed(text: str) -> exp.Query:
    """The tree of a statement that is one query, and changes nothing."""
    tokens = _tokens(text)
    first = _first_word(text)
    if first not in _QUERIES:
        raise _not_reading(f"begins with {first or 'nothing'}")
    _stop_several(tokens)
    try:
        statement = sqlglot.parse_one(text, read="redshift")
    except ParseError as error:
        raise _not_parsed(_told(error)) from error
    except RecursionError as error:
        raise _not_parsed("it is nested too deeply") from error
    if not isinstance(statement, exp.Query) or any(statement.find_all(*_CHANGES)):
        raise _not_reading("changes what is there")
    for function in statement.find_all(exp.Anonymous):
        if function.name.lower() in _ACTING:
            raise _not_reading(f"calls {function.name.lower()}, which acts on the cluster")
    return statement


def _tokens(text: str) -> list[Any]:
    try:
        return list(sqlglot.tokenize(text, read="redshift"))
    except SqlglotError as error:
        raise _not_parsed(" ".join(str(error).split()).rstrip(".")) from error


def _first_word(text: str) -> str:
    """In capitals; comments before it are passed over."""
    tokens = _tokens(text)
    return str(tokens[0].text).upper() if tokens else ""


def _after_first_word(text: str) -> str:
    return text[_tokens(text)[0].end + 1 :]


def _without_end(text: str) -> str:
    """The text up to the semicolons that end it, and comments behind them."""
    place = len(text)
    for token in reversed(_tokens(text)):
        if token.token_type is not sqlglot.TokenType.SEMICOLON:
            break
        place = token.start
    return text[:place].rstrip()


def _stop_several(tokens: list[Any]) -> None:
    ends = [token for token in tokens if token.token_type is sqlglot.TokenType.SEMICOLON]
    if ends:
        raise ConfigurationError(
            f"One statement is expected, but there are {len(ends) + 1}.",
            remedy="send them one by one.",
            reason="query-not-one-statement",
        )


def _told(error: ParseError) -> str:
    """The first of a parser's complaints, without the colours it has for terminals."""
    first = error.errors[0] if error.errors else {}
    if not first:
        return " ".join(str(error).split()).rstrip(".")
    what = str(first["description"]).partition(" but got <")[0].rstrip(".")
    return f"{what} at {first['highlight']!r}, line {first['line']}"


def _not_parsed(told: str) -> ConfigurationError:
    return ConfigurationError(
        f"The query does not parse: {told}.", remedy="correct the SQL, which is Redshift's.", reason="query-failed"
    )


def _not_reading(found: str) -> ConfigurationError:
    return ConfigurationError(
        f"A query only reads, and this statement {found}.",
        remedy="write a SELECT, SHOW or EXPLAIN; what the tables hold follows the source and `rental run`.",
        reason="query-not-reading",
    )
