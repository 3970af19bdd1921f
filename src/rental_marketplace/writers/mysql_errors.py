"""What a refusal of a MySQL or MariaDB server means to whoever writes a marketplace to it."""

from __future__ import annotations

from pymysql.constants import CR, ER

from rental_marketplace.errors import MarketplaceError

_NO_PASSWORD_GIVEN = 1698
"""MariaDB's own code; the others have names in PyMySQL."""


def target_error(code: int, text: str, place: str, user: str, schema: str) -> MarketplaceError:
    """The error for what a server said.

    Args:
        place: the database, as errors name it.
    """
    message = f"{place}: {text} ({code})."
    account = "'" + user.replace("'", "''") + "'@'...'"
    if code in {ER.ACCESS_DENIED_ERROR, _NO_PASSWORD_GIVEN}:
        return MarketplaceError(
            message, remedy="check user and password, and the hosts the user may come from.", reason="login-refused"
        )
    if code == ER.DBACCESS_DENIED_ERROR:
        return MarketplaceError(
            message,
            remedy=f"let an administrator of the database run: GRANT ALL ON `{schema}`.* TO {account}.",
            reason="database-denied",
        )
    if code == ER.BAD_DB_ERROR:
        return MarketplaceError(
            message, remedy="create the database first, or correct its name in the URL.", reason="unknown-database"
        )
    if code == ER.TABLEACCESS_DENIED_ERROR:
        return MarketplaceError(
            message,
            remedy="let an administrator of the database run: GRANT CREATE, DROP, ALTER, INDEX, SELECT, INSERT, "
            f"UPDATE, DELETE ON `{schema}`.* TO {account}.",
            reason="target-right-missing",
        )
    if code in {CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR}:
        return MarketplaceError(
            message, remedy="check host and port in the URL, and that the server runs.", reason="target-unreachable"
        )
    return MarketplaceError(
        message,
        remedy="correct what the server names, then run the command again: what it did not finish left nothing behind.",
        reason="target-refused",
    )
