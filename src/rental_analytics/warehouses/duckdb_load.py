"""How files of the lake change tables of a DuckDB warehouse, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import FileColumn, LakeFile, LoadedTable
from rental_analytics.errors import ContractError
from rental_analytics.failpoints import reach
from rental_analytics.sql.render import identifier, identifiers, literal, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Disposition, Load, TableLoad

Execute = Callable[[str], list[tuple[Any, ...]]]


class TableLoader:
    """Applies the tables of one load."""

    def __init__(self, execute: Execute, load: Load, lake: Lake) -> None:
        self._run = execute
        self._load = load
        self._lake = lake
        self._loaded_at = timestamp(load.loaded_at)

    def apply(self, table: TableLoad) -> LoadedTable:
        """Change one table by the files of its load."""
        self._fit_table(table)
        staged = self._stage(table)
        if table.disposition is Disposition.VERSIONS:
            return self._add_versions(table, staged)
        if table.disposition is not Disposition.MERGE and table.complete:
            self._run(f"DELETE FROM {identifier(table.relation)}")
            return LoadedTable(inserted=self._insert(table, staged))
        if table.disposition is Disposition.MERGE:
            return self._merge(table, staged)
        deleted = self._delete_replaced(table)
        return LoadedTable(inserted=self._insert(table, staged), deleted=deleted)

    def _delete_replaced(self, table: TableLoad) -> int:
        if table.replaced is None:
            return 0
        since, until = timestamp(table.replaced.since), timestamp(table.replaced.until)
        removed = self._run(
            render("delete_range", relation=table.relation, moment=table.replaced.moment, since=since, until=until)
        )
        return int(removed[0][0])

    def _merge(self, table: TableLoad, staged: str) -> LoadedTable:
        relation, key = table.relation, table.key
        occupied = bool(self._run(f"SELECT 1 FROM {identifier(relation)} LIMIT 1"))
        if occupied:
            for files in (table.withdrawn, table.files):
                if files:
                    source = staged if files is table.files else self._rows(files)
                    self._run(render("delete_keys", relation=relation, source=source, key=key))
        inserted = self._insert(table, staged)
        deleted = 0
        if occupied and table.deletes:
            deleted += self._flag("flag_deleted", table, self._rows(table.deletes))
        if occupied and table.complete:
            deleted += self._flag("flag_missing", table, staged)
        return LoadedTable(inserted=inserted, deleted=deleted)

    def _flag(self, template: str, table: TableLoad, source: str) -> int:
        changed = self._run(
            render(
                template,
                relation=table.relation,
                flag=_flag_column(table),
                source=source,
                key=table.key,
                run_id=self._load.run_id,
                loaded_at=self._loaded_at,
            )
        )
        return int(changed[0][0])

    def _add_versions(self, table: TableLoad, staged: str) -> LoadedTable:
        """The version's moment stays in `_version_at`; `valid_from` is what it counts from."""
        owner, columns = table.key[0], [column.name for column in table.columns]
        self._run(
            "CREATE OR REPLACE TEMP TABLE dated AS "
            + render("dated_versions", relation=table.relation, owner=owner, columns=columns, source=staged)
        )
        constants = self._constants(table) | {"_version_at": "valid_from"}
        self._run(render("delete_keys", relation=table.relation, source="dated", key=(owner, "_version_at")))
        inserted = self._run(
            render("insert", relation=table.relation, columns=columns, constants=constants, source="dated")
        )
        aligned = self._align_versions(table, owner)
        self._run(render("backdate", relation=table.relation, key=(owner,), source="dated"))
        return LoadedTable(inserted=int(inserted[0][0]) + aligned)

    def _align_versions(self, table: TableLoad, owner: str) -> int:
        """Make the last version say what the row itself says, whatever its cursor says about when it came to be so."""
        technical = {*table.key, "is_active", "_first_valid_from", "_run_id"}
        values = [column.name for column in table.columns if column.name not in technical]
        facts = {
            "relation": table.relation,
            "parent": table.versions_of,
            "owner": owner,
            "values": values,
            "now": timestamp(self._load.upper_bound),
            "run_id": self._load.run_id,
            "loaded_at": self._loaded_at,
        }
        self._run(render("remove_future_versions", **facts, moment=table.version))
        added = self._run(render("align_versions", **facts))
        return int(added[0][0])

    def _insert(self, table: TableLoad, staged: str) -> int:
        if not table.files:
            return 0
        columns = [column.name for column in table.columns]
        changed = self._run(
            render(
                "insert",
                relation=table.relation,
                columns=columns,
                constants=self._constants(table),
                source=staged,
            )
        )
        return int(changed[0][0])

    def _constants(self, table: TableLoad) -> dict[str, str]:
        flag = {"is_deleted": "FALSE"} if table.soft_delete else {}
        return {"_loaded_at": f"TIMESTAMP {literal(self._loaded_at)}"} | flag

    def _stage(self, table: TableLoad) -> str:
        """A view over the rows to load: once per key, where the table has one."""
        if not table.files:
            listed = ", ".join(f"CAST(NULL AS {column.type}) AS {identifier(column.name)}" for column in table.columns)
            query = f"SELECT {listed} WHERE FALSE"
        else:
            query = render(
                "stage",
                columns=[column.name for column in table.columns],
                source=self._rows(table.files),
                key=table.key,
                newest_by=table.newest_by if self._has_doubles(table) else (),
            )
        self._run(f"CREATE OR REPLACE TEMP VIEW staged AS {query}")
        return "staged"

    def _has_doubles(self, table: TableLoad) -> bool:
        if not (table.key and table.newest_by):
            return False
        keys = identifiers(table.key)
        counted = f"SELECT 1 FROM {self._rows(table.files)} GROUP BY {keys} HAVING COUNT(*) > 1 LIMIT 1"
        return bool(self._run(counted))

    def _rows(self, files: Sequence[LakeFile]) -> str:
        paths = self._lake.local_copies(file.path for file in files)
        listed = ", ".join(literal(path) for path in paths)
        return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"

    def _fit_table(self, table: TableLoad) -> None:
        """Make the table, or let it grow with the columns of the files."""
        wanted = table_columns(table)
        self._run(render("create_table", relation=table.relation, columns=wanted, replace=False))
        existing = {row[0]: row[1] for row in self._run(f"DESCRIBE {identifier(table.relation)}")}
        for column in wanted:
            place = f"ALTER TABLE {identifier(table.relation)}"
            held = existing.get(column.name)
            if held is None:
                self._run(f"{place} ADD COLUMN {identifier(column.name)} {column.type}")
                if column.name == _flag_column(table):
                    # Rows that are there were never found missing.
                    self._run(f"UPDATE {identifier(table.relation)} SET {identifier(column.name)} = FALSE")
                continue
            fitting = self._fitting_type(table, column, held)
            if fitting != held:
                emptied = "" if common_type(held, column.type) else f" USING CAST(NULL AS {fitting})"
                self._run(f"{place} ALTER COLUMN {identifier(column.name)} SET DATA TYPE {fitting}{emptied}")

    def _fitting_type(self, table: TableLoad, column: FileColumn, held: str) -> str:
        """Type that takes what the table holds and what the files bring; a column without a value fits any."""
        fitting = common_type(held, column.type)
        if fitting:
            return fitting
        if not self._has_values(identifier(table.relation), column.name):
            return column.type
        if not table.files or not self._has_values(self._rows(table.files), column.name):
            return held
        raise ContractError(
            f"Column {table.relation}.{column.name} is {held} in the warehouse and {column.type} in the files.",
            remedy=f"drop or convert {table.relation} in the warehouse, then `rental run --full-refresh`.",
            table=table.relation,
        )

    def _has_values(self, source: str, column: str) -> bool:
        return bool(self._run(f"SELECT 1 FROM {source} WHERE {identifier(column)} IS NOT NULL LIMIT 1"))

    def reference_checks(self) -> Iterator[dict[str, Any]]:
        """Results of the checks between tables, on the rows of this run."""
        keys = {table.relation: table.key for table in self._load.tables}
        for table in self._load.tables:
            for reference in table.references:
                parent = f"curated.{reference.model}"
                failed, sample = self._run(
                    render(
                        "unreferenced",
                        relation=table.relation,
                        column=reference.column,
                        parent=parent,
                        parent_key=keys[parent][0],
                        soft_delete=table.soft_delete,
                        run_id=self._load.run_id,
                    )
                )[0]
                yield {
                    "table_name": table.relation.split(".")[1],
                    "check_name": reference.name,
                    "severity": str(reference.severity),
                    "failed_rows": failed,
                    "sample": sample,
                }

    def add_ops_files(self) -> None:
        """Add rows that come as files, such as rejected rows, to schema `ops`."""
        for name, files in self._load.ops_files.items():
            if files:
                self._run(f"INSERT INTO {identifier(f'ops.{name}')} BY NAME SELECT * FROM {self._rows(files)}")
                reach("rejected-rows-added")


def table_columns(table: TableLoad) -> list[FileColumn]:
    """Columns of the warehouse table: those of the files, and what the load adds."""
    extra = [FileColumn(name="_loaded_at", type="TIMESTAMP")]
    if table.soft_delete:
        extra.append(FileColumn(name="is_deleted", type="BOOLEAN"))
    if table.disposition is Disposition.VERSIONS:
        extra.append(FileColumn(name="_version_at", type="TIMESTAMP"))
    return [*table.columns, *extra]


def timestamp(moment: datetime) -> str:
    """A UTC timestamp as the body of a SQL literal."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _flag_column(table: TableLoad) -> str:
    return "is_deleted" if table.soft_delete else "_is_deleted"
