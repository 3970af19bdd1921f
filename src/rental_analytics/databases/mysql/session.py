"""What our sessions on a MySQL or MariaDB server set, so that nothing the server sets for others reaches us."""

from __future__ import annotations

from collections.abc import Mapping

UNLIMITED = str(2**64 - 1)
_NET_SECONDS = "900"
_ENCRYPTION = "'aes-128-ecb'"

# Values are said in full: DEFAULT would be what the server sets for others, but for variables without a global value.
_COMMON: Mapping[str, str] = {
    # What rows a SELECT gives, and whether it gives any.
    "sql_select_limit": UNLIMITED,
    "max_join_size": UNLIMITED,
    # After max_join_size, which turns it off.
    "sql_big_selects": "1",
    "sql_auto_is_null": "0",
    "autocommit": "1",
    # An init_connect may have stopped the clock. MariaDB takes this even where secure_timestamp refuses other values.
    "timestamp": "DEFAULT",
    # What values look like.
    "time_zone": "'+00:00'",
    "sql_mode": "''",
    "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4",
    "character_set_results": "utf8mb4",
    # Of the views of the source.
    "group_concat_max_len": "1073741824",
    "max_sort_length": "1024",
    "div_precision_increment": "4",
    "default_week_format": "0",
    "lc_time_names": "'en_US'",
    # A table that is locked or altered is waited for at most a minute, where the default is a day. MySQL takes LEAST of
    # two integers for a DECIMAL, which no variable of whole numbers takes.
    "lock_wait_timeout": "CAST(LEAST(@@lock_wait_timeout, 60) AS SIGNED)",
    # A server gives up on a reader that is busy writing, by default after a minute, or between two statements.
    "net_read_timeout": _NET_SECONDS,
    "net_write_timeout": _NET_SECONDS,
    "wait_timeout": "28800",
}
_MYSQL: Mapping[str, str] = {
    "max_execution_time": "0",
    "transaction_isolation": "'REPEATABLE-READ'",
    "cte_max_recursion_depth": "4294967295",
    "windowing_use_high_precision": "1",
    "block_encryption_mode": _ENCRYPTION,
    # The catalogue's figures, by which reads are split, are those of now.
    "information_schema_stats_expiry": "0",
}
_MARIADB: Mapping[str, str] = {
    "max_statement_time": "0",
    "tx_isolation": "'REPEATABLE-READ'",
    # A recursive view is cut there with no more than a warning.
    "max_recursive_iterations": "4294967295",
    "default_regex_flags": "''",
    "old_mode": "''",
    # The one value that cannot be said in full; it means now, whatever the server sets.
    "system_versioning_asof": "DEFAULT",
}


def _assigned(variables: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in variables.items())


# What only newer versions of MariaDB have, by the first of them.
_MARIADB_SINCE: Mapping[str, Mapping[str, str]] = {
    "100601": {"old_mode": "'UTF8_IS_UTF8MB3'"},
    "110200": {"block_encryption_mode": _ENCRYPTION},
}

# Each server takes what stands in a comment of its own kind and version for SQL, and the other one's for a comment.
SESSION = " ".join(
    [
        f"SET SESSION {_assigned(_COMMON)} /*!80003 , {_assigned(_MYSQL)} */ /*M!100304 , {_assigned(_MARIADB)} */",
        *(f"/*M!{version} , {_assigned(variables)} */" for version, variables in _MARIADB_SINCE.items()),
    ]
)
"""Statement for each new connection, on either server."""


def driver_variables() -> str:
    """What a JDBC driver sets as it connects, before a statement of ours can: `name=value,name=value`."""
    early = ("sql_select_limit", "max_join_size", "sql_big_selects")
    return ",".join([*(f"{name}={_COMMON[name]}" for name in early), "lock_wait_timeout=60"])
