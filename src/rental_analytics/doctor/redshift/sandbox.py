"""Tables of its own on a Redshift, and files for them, in which claims are checked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from rental_analytics.doctor.results import DifferenceError
from rental_analytics.sql.render import render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.redshift.data_api import DataApi, StatementError, Target
from rental_analytics.warehouses.redshift.tables import Column, create_table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Sandbox:
    """Small tables in schema `ops` of a database that nobody else uses.

    Args:
        lake: bucket that COPY reads from.
        role: by which COPY reads it.
    """

    api: DataApi
    lake: Lake
    role: str
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def target(self) -> Target:
        """Where the tables are."""
        return self.api.target

    def new_name(self) -> str:
        """Name of a table that is not there yet."""
        return f"ops.verify_{next(self._numbers)}"

    def table(self, *columns: str, key: str = "", rows: str = "") -> str:
        """A new table, perhaps with rows.

        Args:
            columns: name and type of each.
            key: the column that is declared as the key.
            rows: in SQL, as they stand behind VALUES.
        """
        name = self.new_name()
        made = [Column(label, sql_type) for label, _, sql_type in (column.partition(" ") for column in columns)]
        self.api.run([create_table(name, made, (key,) if key else (), keep=False)])
        if rows:
            columns_made = [column.name for column in made]
            self.api.run([render("doctor/redshift/insert_rows", relation=name, columns=columns_made, rows=rows)])
        return name

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return [tuple(row.values()) for row in self.api.query(sql).to_pylist()]

    def refusal(self, *statements: str) -> StatementError:
        """The error of statements that must be refused.

        Raises:
            DifferenceError: they were taken.
        """
        try:
            self.api.run(statements)
        except StatementError as error:
            return error
        raise DifferenceError(f"it was taken: {statements[-1]}")

    def copied(self, content: pa.Table, columns: list[str], file: str = "a.parquet", **options: Any) -> str:
        """A table that COPY filled from a Parquet file.

        Args:
            columns: of the table, name and type of each.
            file: path of the file in a folder of its own.
            options: how pyarrow writes it.
        """
        import pyarrow.parquet as pq

        name = self.table(*columns)
        sink = io.BytesIO()
        pq.write_table(content, sink, **options)
        body = sink.getvalue()
        with self.lake.scratch() as scratch:
            self.lake.create(scratch + file, body)
            entry = {
                "url": self.lake.location(scratch + file),
                "mandatory": True,
                "meta": {"content_length": len(body)},
            }
            self.lake.create(f"{scratch}a.manifest", json.dumps({"entries": [entry]}).encode())
            manifest = self.lake.location(f"{scratch}a.manifest")
            copy = render(
                "warehouses/redshift/copy",
                relation=name,
                columns=content.column_names,
                manifest=manifest,
                role=self.role,
            )
            self.api.run([copy])
        return name
