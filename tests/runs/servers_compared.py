"""The pipeline on two database servers: each against what its source holds, and the two against each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_marketplace import MarketplaceOptions, advance, generate
from runs.harness import Pipeline
from servers.mysql import MySqlServer

if TYPE_CHECKING:
    import duckdb

ORDER = {"apartments": "id", "apartment_attributes": "id", "bookings": "booking_id", "user_viewing": "id"}
LAST_DAY = date(2026, 6, 30)
# What tells one run from another; a delete is dated by the server's clock.
_HIDDEN = "_run_id|_loaded_at|_row_id|_extracted_at"
_BY_CLOCK = f"CASE WHEN valid_from::DATE > DATE '{LAST_DAY}' + 2 THEN NULL ELSE valid_from END AS valid_from"


class Compared:
    """A marketplace in a database of a server, and the pipeline on it.

    Args:
        all_rates: take the exchange rates that come with the project, not the few of `Pipeline`.
    """

    def __init__(self, server: MySqlServer, folder: Path, *, all_rates: bool = False) -> None:
        self.server = server
        self.database = server.create_database()
        self.url = server.url(self.database)
        self.pipeline = Pipeline(folder, self.url, every_metric=True)
        if all_rates:
            config = folder / "rental.toml"
            config.write_text(config.read_text().replace('[reference]\nexchange_rates = "rates.csv"\n', ""))

    def live(self, options: MarketplaceOptions) -> Iterator[str]:
        """Fill the database, run, let a day pass, run, run again on everything; gives a name after each run."""
        generate(self.url, options)
        self.pipeline.run()
        yield "first run"
        advance(self.url, 1, seed=options.seed, dirty_rate=options.dirty_rate)
        self.pipeline.run()
        yield "a day later"
        self.pipeline.run(full_refresh=True)
        yield "full refresh"

    def assert_raw_is_source(self) -> dict[str, int]:
        """Every row of the source is in `raw_data`, value by value, and no other; how many rows were compared."""
        return {table: self._assert_same_rows(table) for table in ORDER}

    def _assert_same_rows(self, table: str) -> int:
        import duckdb

        key, rows = ORDER[table], 0
        keyed = f"WHERE {key} IS NOT NULL" if table != "user_viewing" else ""
        with closing(duckdb.connect(str(self.pipeline.folder / "warehouse.duckdb"), read_only=True)) as warehouse:
            names = [name for name, *_ in warehouse.execute(f"DESCRIBE raw_data.{table}").fetchall() if name[0] != "_"]
            listed = ", ".join(names)
            raw = warehouse.execute(f"SELECT {listed} FROM raw_data.{table} WHERE NOT _is_deleted ORDER BY {key}")
            for expected, found in zip_longest(self._source(table, listed, keyed, key), _rows(raw)):
                assert found == expected, f"{self.server.kind}, raw_data.{table}"
                rows += 1
        return rows

    def _source(self, table: str, listed: str, where: str, key: str) -> Iterator[tuple[Any, ...]]:
        from pymysql.cursors import SSCursor

        with closing(self.server.connect(self.database)) as connection, connection.cursor(SSCursor) as cursor:
            cursor.execute(f"SELECT {listed} FROM {table} {where} ORDER BY {key}")
            yield from cursor


def assert_same_warehouses(one: Compared, other: Compared) -> dict[str, int]:
    """All tables of curated and presentation are equal; how many rows they have."""
    import duckdb

    with closing(duckdb.connect()) as connection:
        for name, compared in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{compared.pipeline.folder / 'warehouse.duckdb'}' AS {name} (READ_ONLY)")
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'one' "
            "AND schema_name IN ('curated', 'presentation') ORDER BY 1"
        ).fetchall()
        assert len(tables) > 10
        rows = {}
        for (table,) in tables:
            queries = [f"SELECT {_columns(connection, table)} FROM {name}.{table}" for name in ("one", "other")]
            for first, second in (queries, queries[::-1]):
                differing = connection.execute(f"{first} EXCEPT ALL {second} LIMIT 3").fetchall()
                assert differing == [], table
            rows[table] = connection.execute(f"SELECT COUNT(*) FROM one.{table}").fetchall()[0][0]
        return rows


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    chosen = f"COLUMNS(c -> NOT regexp_full_match(c, '{_HIDDEN}|_version_at'))"
    if not table.endswith("_versions"):
        return chosen
    return f"COLUMNS(c -> NOT regexp_full_match(c, '{_HIDDEN}|_version_at|valid_from')), {_BY_CLOCK}"


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := result.fetchmany(10_000):
        yield from batch
