"""What a MySQL or MariaDB server's error codes mean to the reader of a run: a cause, and a remedy that cures it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rental_analytics.databases.base import ReadPlan
from rental_analytics.databases.reading_errors import SERVER_CODE, reading_error
from rental_analytics.errors import ConfigurationError, ContractError, RentalError, SourceError, SourceUnavailableError

_SERVER_WORDS = re.compile(r"ERROR \d+ \(\w+\): .*?(?= \}|$)")


@dataclass(frozen=True)
class Cause:
    """What stands behind some codes. In its texts `{place}` is the source, `{text}` what the server said.

    Args:
        reason: name of the cause.
        error: what is raised for it.
        message: what happened.
        remedy: what cures it; `{account}` is the user as in SQL, `{schema}` the database.
    """

    reason: str
    error: type[SourceError | ConfigurationError | ContractError]
    message: str
    remedy: str


_REFUSED_STATEMENT = "The database {place} refused a statement: {text}."
_NO_LOGIN = "The server refused the login to {place}: {text}."
_AGAIN = "The database {place} cannot be read now: {text}."

_CAUSES: dict[tuple[int, ...], Cause] = {
    (1045, 1698): Cause(
        "login-refused",
        ConfigurationError,
        _NO_LOGIN,
        "check user and password (RENTAL_SOURCE__PASSWORD, or the secret), and the hosts the user may come from.",
    ),
    (1044,): Cause(
        "database-denied",
        ConfigurationError,
        _NO_LOGIN,
        "let an administrator of the database run: GRANT SELECT ON `{schema}`.* TO {account}.",
    ),
    (1049,): Cause(
        "unknown-database",
        ConfigurationError,
        "There is no database {schema} in {place}.",
        "correct the name at the end of source.url.",
    ),
    (1142, 1143, 1370): Cause(
        "select-denied",
        ConfigurationError,
        "The user of {place} lacks a right: {text}.",
        "let an administrator of the database run: GRANT SELECT ON `{schema}`.* TO {account}.",
    ),
    (1227,): Cause(
        "session-setting-denied",
        ConfigurationError,
        "The user of {place} lacks a right: {text}.",
        "grant the right named to {account}, or give the user a role that has it by default.",
    ),
    (1130,): Cause(
        "host-not-allowed",
        ConfigurationError,
        _NO_LOGIN,
        "let an administrator of the database create a user for this host (or for '%') and grant it SELECT.",
    ),
    (1129,): Cause(
        "host-blocked",
        ConfigurationError,
        _NO_LOGIN,
        "let an administrator of the database run FLUSH HOSTS (MySQL 8.4: TRUNCATE TABLE "
        "performance_schema.host_cache), then run again.",
    ),
    (3118, 4151): Cause(
        "account-locked",
        ConfigurationError,
        _NO_LOGIN,
        "let an administrator of the database run: ALTER USER {account} ACCOUNT UNLOCK.",
    ),
    (3955, 4150): Cause(
        "account-blocked",
        ConfigurationError,
        _NO_LOGIN,
        "correct the password, then let an administrator of the database run: ALTER USER {account} ACCOUNT UNLOCK "
        "(MariaDB: FLUSH PRIVILEGES).",
    ),
    (1820, 1862): Cause(
        "password-expired",
        ConfigurationError,
        _NO_LOGIN,
        "set a new password with ALTER USER {account} IDENTIFIED BY '...', and put it in RENTAL_SOURCE__PASSWORD.",
    ),
    (3159,): Cause(
        "tls-required-by-server",
        ConfigurationError,
        "The server of {place} takes encrypted connections only: {text}.",
        "set source.tls to required, or better to verify_identity.",
    ),
    (1251, 2049, 2059): Cause(
        "login-method-unsupported",
        ConfigurationError,
        _NO_LOGIN,
        "give the user a method such as caching_sha2_password or, on MariaDB, mysql_native_password.",
    ),
    (1356, 1449): Cause(
        "view-broken",
        ContractError,
        "A view of {place} cannot be read: {text}.",
        "create the view again on tables and columns that exist, with a definer who may read them.",
    ),
    (1146,): Cause(
        "table-vanished",
        SourceError,
        _REFUSED_STATEMENT,
        "create the table, or a view of its name, and run again.",
    ),
    (1104,): Cause(
        "join-size-limited",
        SourceError,
        _REFUSED_STATEMENT,
        "let whatever stands between here and the server pass SET SESSION sql_big_selects = 1 on to it.",
    ),
    (1969, 3024): Cause(
        "statement-time-limited",
        SourceError,
        _REFUSED_STATEMENT,
        "take the time limit for statements from the user (MariaDB: ALTER USER {account} WITH MAX_STATEMENT_TIME 0) "
        "or from the proxy that sets it.",
    ),
    (1153,): Cause(
        "statement-too-long",
        SourceError,
        _REFUSED_STATEMENT,
        "raise the server's max_allowed_packet: a statement is longer than that.",
    ),
    (1461,): Cause(
        "too-many-prepared-statements",
        SourceUnavailableError,
        _AGAIN,
        "raise the server's max_prepared_stmt_count, or run again when fewer programs use it.",
    ),
    (1040, 1203, 1226): Cause(
        "too-many-connections",
        SourceUnavailableError,
        _AGAIN,
        "run again when fewer connections are open, or raise the server's max_connections or the user's limits.",
    ),
    (3032,): Cause(
        "server-offline-mode",
        SourceUnavailableError,
        _AGAIN,
        "let an administrator of the database run SET GLOBAL offline_mode = OFF, or wait for the end of maintenance.",
    ),
    (1205, 1213): Cause(
        "table-locked",
        SourceUnavailableError,
        _AGAIN,
        "run again once whoever locks the table has released it.",
    ),
    (1317, 1927, 4031): Cause(
        "statement-ended-by-server",
        SourceUnavailableError,
        _AGAIN,
        "run again; somebody, or a time limit of the server, ended the statement or its connection.",
    ),
    (1047, 1053): Cause(
        "server-not-ready",
        SourceUnavailableError,
        _AGAIN,
        "run again once the server is up.",
    ),
    (2002, 2003, 2006, 2013, 2055): Cause(
        "source-unreachable",
        SourceUnavailableError,
        "The database {place} cannot be reached: {text}.",
        "check that the server runs, and host, port and network path in source.url.",
    ),
}
_BY_CODE = {code: cause for codes, cause in _CAUSES.items() for code in codes}
LOGIN_REFUSED = frozenset({1045, 1698})
"""What a password that was changed meanwhile looks like."""


@dataclass(frozen=True)
class Place:
    """The source, as errors name it."""

    display_url: str
    user: str
    schema: str

    def error(self, code: int, text: str, table: str | None = None) -> RentalError:
        """The error for what a server said."""
        cause = _BY_CODE.get(code)
        words = {
            "place": self.display_url,
            "text": text.strip().removesuffix("."),
            "schema": self.schema,
            "account": _account(self.user),
        }
        if cause is None:
            return SourceError(
                _REFUSED_STATEMENT.format(**words),
                remedy="correct what the server's message names, such as a view (--debug shows all), then run again.",
                reason="statement-refused",
                table=table,
            )
        return cause.error(
            cause.message.format(**words), remedy=cause.remedy.format(**words), reason=cause.reason, table=table
        )


def server_error(text: str, plan: ReadPlan | None, place: Place) -> RentalError:
    """The error for what ConnectorX says of a server. A code of the server tells more than any words."""
    code = next((code for code in map(int, SERVER_CODE.findall(text)) if code in _BY_CODE), None)
    if code is None:
        return reading_error(text, plan, place.display_url)
    words = _SERVER_WORDS.search(text)
    return place.error(code, words[0] if words else text, plan.table.name if plan else None)


def _account(user: str) -> str:
    return "'" + user.replace("'", "''") + "'@'...'"
