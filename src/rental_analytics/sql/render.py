"""SQL that depends on a contract: templates filled with identifiers and literals, never with text as it came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(name: str) -> str:
    """A name in lower case, from A to Z alone as databases fold it: the Kelvin sign is no k to them."""
    return name.translate(_LOWER)


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier; `schema.table` becomes two of them."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def user(name: str) -> str:
    """A database user as a quoted identifier; a dot is a part of the name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A value as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def timestamp_text(moment: datetime) -> str:
    """A UTC timestamp as all databases write it, with microseconds."""
    # Of a year before 1000, strftime writes fewer digits than four.
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def redshift_literal(text: object) -> str:
    r"""A value as Redshift's string literal, in which a backslash begins an escape; it has no place for U+0000."""
    return literal(str(text).replace("\\", "\\\\").replace("\x00", ""))


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


def differing(name: str, left: str, right: str) -> str:
    """A condition that two relations differ on a column, NULL being a value of its own."""
    one, other = (f"{identifier(side)}.{identifier(name)}" for side in (left, right))
    return f"({one} <> {other} OR ({one} IS NULL AND {other} IS NOT NULL) OR ({one} IS NOT NULL AND {other} IS NULL))"


def table(relation: str) -> str:
    """The table of a qualified name, by which the statement that changes it speaks of it."""
    return relation.rpartition(".")[2]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rental_analytics", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        autoescape=False,  # noqa: S701 the text is SQL; identifiers and literals pass through the filters
    )
    environment.filters.update(
        identifier=identifier,
        identifiers=identifiers,
        literal=literal,
        redshift_literal=redshift_literal,
        matching=matching,
        same=same,
        differing=differing,
        table=table,
        user=user,
    )
    return environment


def render(template: str, /, **values: Any) -> str:
    """Fill a template, such as `steps/extract/unseen`, which lies beside its only user.

    A value the template needs and does not get is an error.
    """
    return compiled(template).render(**values)


def compiled(template: str) -> Template:
    """A template that can be filled; each is compiled once in a process."""
    return _environment().get_template(f"{template}.sql.j2")
