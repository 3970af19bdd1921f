"""Databases in one file: read and converted in this process, and handed on as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Arrival, Progress, Selection, inside
from rental_analytics.engines.duckdb.session import DuckDbSession
from rental_analytics.sql.render import render

if TYPE_CHECKING:
    from rental_analytics.contracts.manifest import LakeFile


def stage(
    database: Database, selection: Selection, folder: Path, first_row: int | None, progress: Progress | None
) -> tuple[Arrival, list[str]]:
    """Write what a database sends to Parquet files in a folder; memory stays bounded.

    What the arrival tells is true once the files are written; they hold the rows converted and numbered.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        session = DuckDbSession(connection.cursor(), folder)
        with session.arriving(database, selection, first_row=first_row, progress=progress) as arrival:
            arrived = render("engines/duckdb/arrived", relation=arrival.relation)
            files: list[LakeFile] = session.write(arrived, str(folder))
    return arrival, inside(str(folder), files)
