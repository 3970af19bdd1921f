"""Roles and rights of a warehouse on Redshift, as SQL for its administrator."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.render import render
from rental_analytics.warehouses.redshift.tables import SCHEMAS

_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, DROP"
"""What the statements of a load and of a rebuild need of a table; TRUNCATE is not among them, since it commits."""
_LONGEST_NAME = 127
_NAMES = "IAMR:name for that of an IAM role, IAM:name for that of an IAM user"
_PREFIXES = ("IAM:", "IAMR:")
_OPERATED = ("curated", "presentation", "ops")
"""Schemas that operators read."""
_TAKEN = {"public", "loader", "analyst", "operator", "iam:", "iamr:"}
"""PUBLIC is everybody, a user cannot have the name of a role, and a prefix alone is no name."""


def roles(
    loaders: Sequence[str] = (), analysts: Sequence[str] = (), operators: Sequence[str] = (), place: str = ""
) -> str:
    """Statements, each ended by a semicolon, that make `loader`, `analyst` and `operator` and give them to users.

    Args:
        loaders: users that run steps, such as `IAMR:load-raw`; each gets default privileges for the tables it makes.
        analysts: users that read the metrics.
        operators: users that also read what runs left: `ops`, with rejected rows, and `curated`.
        place: the database, for the comment on top.

    Raises:
        ConfigurationError: a user's name is empty, too long, or has a control character.
    """
    for name in (*loaders, *analysts, *operators):
        if not name.strip() or len(name.encode()) > _LONGEST_NAME or not name.isprintable():
            raise ConfigurationError(
                f"{name!r} is not the name of a database user.",
                remedy=f"name a user, {_NAMES}; 127 bytes at most.",
                reason="database-user-invalid",
            )
        if name.lower().startswith("arn:") or name.lower() in _TAKEN or "," in name or _odd_prefix(name):
            raise ConfigurationError(
                f"{name!r} is not what a database user is called.",
                remedy=f"name one user with each --loader, --analyst and --operator, {_NAMES}.",
                reason="database-user-invalid",
            )
    return render(
        "warehouses/redshift/roles",
        schemas=SCHEMAS,
        operated=_OPERATED,
        rights=_RIGHTS,
        loaders=list(dict.fromkeys(loaders)),
        analysts=list(dict.fromkeys(analysts)),
        operators=list(dict.fromkeys(operators)),
        place=" ".join(place.split()),
    )


def _odd_prefix(name: str) -> bool:
    return name.upper().startswith(_PREFIXES) and not name.startswith(_PREFIXES)
