"""SQL that depends on a contract: templates filled with identifiers and literals, never with text as it came."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier; `schema.table` becomes two of them."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def literal(text: object) -> str:
    """A value as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifiers(names: Iterable[str], prefix: str = "") -> str:
    """Names as a comma-separated list, each behind `prefix.` where one is given."""
    lead = f"{identifier(prefix)}." if prefix else ""
    return ", ".join(lead + identifier(name) for name in names)


def matching(names: Iterable[str], left: str, right: str, operator: str = "=") -> str:
    """A condition that two relations agree on all the columns."""
    columns = [identifier(name) for name in names]
    return " AND ".join(f"{identifier(left)}.{name} {operator} {identifier(right)}.{name}" for name in columns)


def same(names: Iterable[str], left: str, right: str) -> str:
    """As `matching`, but NULL agrees with NULL."""
    return matching(names, left, right, "IS NOT DISTINCT FROM")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rental_analytics.sql"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 the text is SQL; identifiers and literals pass through the filters
    )
    environment.filters.update(
        identifier=identifier, identifiers=identifiers, literal=literal, matching=matching, same=same
    )
    return environment


def render(template: str, /, **values: Any) -> str:
    """Fill `templates/<template>.sql.j2`; a value the template needs and does not get is an error."""
    return _environment().get_template(f"{template}.sql.j2").render(**values)
