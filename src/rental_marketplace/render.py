"""SQL of the generator that depends on the tables of a company: templates, filled with what the schema names."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("rental_marketplace", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        autoescape=False,  # noqa: S701 the text is SQL, and nothing in it comes from outside
    )


def render(template: str, /, **values: Any) -> str:
    """Fill a template, such as `create_table`, which lies beside its only user."""
    return _environment().get_template(f"{template}.sql.j2").render(**values)
