"""The tables of schema `ops`, from `ops.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml
from pydantic import TypeAdapter

from rental_analytics.contracts.base import Contract, Identifier, Sentence
from rental_analytics.contracts.manifest import FileColumn


class OpsTable(Contract):
    """A table of schema `ops`: columns by name, each with type and description."""

    description: Sentence
    columns: dict[Identifier, tuple[str, Sentence]]

    @property
    def file_columns(self) -> tuple[FileColumn, ...]:
        """Columns in order, typed."""
        return tuple(FileColumn(name=name, type=kind) for name, (kind, _) in self.columns.items())


@cache
def ops_tables() -> dict[str, OpsTable]:
    """All tables of schema `ops`, by name."""
    text = (files("rental_analytics.contracts") / "ops.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, OpsTable]).validate_python(yaml.safe_load(text))
