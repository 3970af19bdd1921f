"""Amazon Redshift, Serverless or a cluster, as the warehouse; reached through the Data API."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import CheckResult, LoadedTable
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import ConfigurationError, ContractError, LakeError, RentalError, WarehouseError
from rental_analytics.failpoints import reach
from rental_analytics.quality.asked import found
from rental_analytics.quality.rebuilt import Comparisons, stop_if_broken
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake
from rental_analytics.storage.verification import check_still
from rental_analytics.warehouses.base import FilledFrom, Load, OpsRows, QueryParameters, Warehouse, out_of_turn
from rental_analytics.warehouses.changes import newest_day
from rental_analytics.warehouses.redshift import ops
from rental_analytics.warehouses.redshift.data_api import BATCH, DataApi, StatementError, Target
from rental_analytics.warehouses.redshift.files import Facts, check_files
from rental_analytics.warehouses.redshift.load import LoadPlan, Statement
from rental_analytics.warehouses.redshift.query import bounded
from rental_analytics.warehouses.redshift.rebuild import Rebuild
from rental_analytics.warehouses.redshift.staging import copy_manifest
from rental_analytics.warehouses.redshift.tables import (
    CATALOGUE,
    SCHEMAS,
    STAGING,
    Catalogue,
    HeldColumn,
    TableShape,
    create_schema,
    growth,
    held_schemas,
    ops_shapes,
    read_catalogue,
)

if TYPE_CHECKING:
    import pyarrow as pa


_TIDYING = timedelta(seconds=30)
"""How long the removal of a staging table is waited for; whoever opens the warehouse next removes what is left."""


class RedshiftWarehouse(Warehouse):
    """A database of a workgroup or a cluster; the lake has to be a bucket of the same region.

    Args:
        role: ARN of the role by which COPY reads the lake, or `default` for the one attached as such.
        timeout: how long a statement is waited for.
    """

    name = "redshift"
    dialect = "redshift"
    is_shared = True

    def __init__(self, target: Target, role: str = "default", timeout: timedelta = timedelta(hours=1)) -> None:
        self.display_url = f"redshift://{target.name}/{target.database}"
        self.target = target
        self._api = DataApi(target, timeout)
        self._role = role
        self._known: Catalogue | None = None

    def open(self, *, read_only: bool = False) -> None:
        self._known = None
        if read_only:
            return
        self._make_schemas()
        self._fit([(shape, ()) for shape in ops_shapes()])
        # Left by processes that were killed; whoever opens holds the lock of the lake.
        left = [name for name in self._catalogue.tables if name.startswith(STAGING)]
        self._run(f"DROP TABLE IF EXISTS {identifier(name)}" for name in left)

    def _make_schemas(self) -> None:
        """The right to make schemas is asked for only where one is missing."""
        held = set(self._api.query(held_schemas()).column(0).to_pylist())
        self._run(create_schema(schema) for schema in SCHEMAS if schema not in held)

    @property
    def _catalogue(self) -> Catalogue:
        if self._known is None:
            self._known = read_catalogue(*self._api.queries([render(template) for template in CATALOGUE]))
        return self._known

    def _run(self, statements: Iterable[str]) -> None:
        """Run statements that may be repeated, in as few transactions as they fit."""
        for batch in _batches(statements):
            self._api.run(batch)
            self._known = None

    def _tidy(self, removals: Sequence[str]) -> None:
        """Remove staging tables without waiting long, since what comes behind it may be an error or an interruption."""
        with suppress(RentalError):
            for batch in _batches(removals):
                self._api.run(batch, _TIDYING)

    def _fit(self, wanted: Sequence[tuple[TableShape, Iterable[str]]]) -> None:
        """Make tables, or let them grow to what their contracts say, and tell in comments what they are.

        Args:
            wanted: each with its columns in which the files to come hold no value.
        """
        held = self._catalogue
        self._run(shape.create() for shape, _ in wanted if shape.relation not in held.tables)
        for shape, unfilled in wanted:
            if shape.relation in held.tables:
                self._grow(shape, unfilled, held)
        self._comment([shape for shape, _ in wanted])

    def _grow(self, shape: TableShape, unfilled: Iterable[str], catalogue: Catalogue) -> None:
        held, key = catalogue.tables[shape.relation], catalogue.keys.get(shape.relation, ())
        try:
            grown = growth(shape, held, (), unfilled, key)
        except ContractError:
            grown = growth(shape, held, self._empty_columns(shape, held), unfilled, key)
        self._run(grown.added)
        moves = not grown.longer
        try:
            for statement in grown.longer:
                self._run([statement])
        except StatementError:
            # Redshift lengthens no text whose encoding it chose to be one of some few.
            moves = True
        self._run(grown.moved if moves else ())

    def _comment(self, shapes: Sequence[TableShape]) -> None:
        """Bring comments up to date; only a table's owner may, and no load fails for want of words."""
        told = self._catalogue.comments
        by_table = [statements for shape in shapes if (statements := shape.comments(told))]
        try:
            for batch in _batches(chain.from_iterable(by_table)):
                self._api.run(batch)
        except RentalError:
            for statements in by_table:
                with suppress(RentalError):
                    self._api.run(statements)
        if by_table:
            self._known = None

    def _empty_columns(self, shape: TableShape, held: Mapping[str, HeldColumn]) -> list[str]:
        names = [column.name for column in shape.columns if column.name in held]
        found = self._api.query(render("warehouses/redshift/filled_columns", relation=shape.relation, columns=names))
        return [name for name, count in zip(names, found.columns, strict=True) if not count[0].as_py()]

    def loaded(self, step: str, manifest_hash: str) -> bool:
        return bool(self._api.query(ops.is_loaded(step, manifest_hash)).num_rows)

    def last_loaded(self, step: str) -> str | None:
        found = self._api.query(ops.last_loaded(step)).column(0).to_pylist()
        return str(found[0]) if found else None

    def lake(self) -> FilledFrom | None:
        found = self._api.query(ops.filled_from())
        if not found.num_rows:
            return None
        row = found.to_pylist()[0]
        return FilledFrom(str(row["lake_id"]), str(row["url"]), int(row["sequence"]))

    def attempts(self, run_id: str, step: str, begun: datetime) -> int:
        return int(self._api.query(ops.attempts(run_id, step, begun)).column(0)[0].as_py())

    def load(self, load: Load, lake: Lake) -> dict[str, LoadedTable]:
        nothing = {table.relation: LoadedTable(inserted=0) for table in load.tables}
        if self.loaded(load.step, load.manifest_hash):
            return nothing
        reach(f"{load.step}-begun")
        plan = LoadPlan(load, secrets.token_hex(4))
        with self._staged(plan, lake) as facts:
            arrived = self._check_staged(plan)
            accounts, changes = self._transactions(plan, facts)
            if accounts:
                self._api.run([change.sql for change in (*plan.guard(), *accounts)])
            reach(f"{load.step}-filled")
            try:
                counts = self._api.run([change.sql for change in changes])
            except StatementError as error:
                if self.loaded(load.step, load.manifest_hash):
                    return nothing
                if load.follows is not None and load.follows != (self.last_loaded(load.step) or ""):
                    raise out_of_turn(load, self.display_url) from error
                raise
        reach(f"{load.step}-committed")
        if load.step == StepName.LOAD_CURATED:
            self._analyze(load)
        return plan.loaded(changes, counts, arrived)

    def _transactions(self, plan: LoadPlan, facts: dict[str, Facts]) -> tuple[list[Statement], list[Statement]]:
        """All in one transaction; where it takes no more statements, accounts, which may be repeated, go ahead."""
        held = {
            relation: {name: column.sql_type for name, column in columns.items()}
            for relation, columns in self._catalogue.tables.items()
        }
        accounts, changes = list(plan.accounts()), list(plan.changes(facts, held))
        whole = [*plan.guard(), *accounts, *changes, *plan.entry()]
        if len(whole) <= BATCH:
            return [], whole
        whole = [*plan.guard(), *changes, *plan.entry()]
        if len(whole) > BATCH:
            raise ContractError(
                f"This load takes {len(whole)} statements, and a transaction of Redshift's Data API takes {BATCH}.",
                remedy="keep fewer tables in one warehouse; docs/reference/redshift.md says how many fit.",
                reason="load-too-large",
            )
        return accounts, whole

    @contextmanager
    def _staged(self, plan: LoadPlan, lake: Lake) -> Iterator[dict[str, Facts]]:
        """Check the files, make the tables fit, and copy to staging tables, which are gone at the end of the block."""
        with lake.scratch() as scratch:
            facts = check_files(lake, {staged.relation: (staged.room, staged.files) for staged in plan.staged})
            plan.shorten_texts(lake, scratch, facts)
            self._fit([(table.shape, table.unfilled(facts)) for table in plan.tables])
            self._comment(list(plan.described(self._catalogue.tables)))
            reach(f"{plan.step}-table-loaded")
            batches: list[list[str]] = []
            for number, staged in enumerate(plan.staged):
                manifest = f"{scratch}{number}.manifest" if staged.files else None
                if manifest:
                    lake.create(manifest, copy_manifest(lake, staged.files))
                batches.append(list(staged.statements(lake.location(manifest) if manifest else None, self._role)))
            if plan.preparations():
                batches.append(plan.preparations())
            try:
                files = [file for staged in plan.staged for file in staged.files]
                try:
                    self._copy(batches)
                except WarehouseError:
                    check_still(lake, files)
                    raise
                # COPY names no version of an object, so what was compared is looked at once more.
                check_still(lake, files)
                yield facts
            finally:
                self._tidy(plan.removals())

    def _copy(self, batches: Sequence[Sequence[str]]) -> None:
        try:
            self._api.run_beside(batches)
        except StatementError as error:
            if not error.statement.startswith("COPY") or error.process is None:
                raise
            raise self._not_copied(error) from error

    def _not_copied(self, error: StatementError) -> WarehouseError:
        """What Redshift noted of the rows it could not take."""
        rows: list[dict[str, Any]] = []
        with suppress(RentalError):
            rows = self._api.query(ops.load_errors(int(error.process or 0), error.created)).to_pylist()
        told = "; ".join(
            f"{str(row['file_name']).strip()}, column {str(row['column_name']).strip()} "
            f"({str(row['column_type']).strip()}): {str(row['error_message']).strip()}"
            for row in rows
        )
        return WarehouseError(
            error.message + (f" Its load errors: {told}." if told else ""),
            remedy="see that the role of warehouse.iam_role may read and decrypt the lake, that the bucket is in the "
            "region of the warehouse, and what the rows above say; then run again.",
            reason="copy-refused",
        )

    def _check_staged(self, plan: LoadPlan) -> dict[str, int]:
        """COPY says how many rows it took only in its logs, and no key keeps a row from coming twice.

        Gives the rows of each staging table.
        """
        tables = [{"relation": staged.copied, "key": ()} for staged in plan.staged]
        unique = [{"relation": staged.relation, "key": staged.unique} for staged in plan.staged]
        if not tables:
            return {}
        counted = self._api.query(redshift(render("warehouses/redshift/staged", tables=tables), "count of staged rows"))
        doubled = self._api.query(redshift(render("warehouses/redshift/staged", tables=unique), "count of staged keys"))
        rows = {row["place"]: row["staged_rows"] for row in counted.to_pylist()}
        twice = {row["place"]: row["doubled_keys"] for row in doubled.to_pylist()}
        newest = {plan.staged[row["place"]].relation: int(row["staged_rows"]) for row in doubled.to_pylist()}
        for place, staged in enumerate(plan.staged):
            if rows[place] != staged.rows:
                raise LakeError(
                    f"Of the {staged.rows:,} rows of {staged.room.table} in the lake {rows[place]:,} arrived; "
                    "nothing was loaded.",
                    remedy="run again; if it comes again, look at SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL.",
                    reason="rows-not-arrived",
                    table=staged.room.table,
                )
            if twice[place]:
                raise LakeError(
                    f"{twice[place]:,} keys of {staged.room.table} appear more than once in the files of one run; "
                    "nothing was loaded.",
                    remedy="run `rental run --full-refresh`; if it comes again, correct the key in the contract.",
                    reason="keys-doubled",
                    table=staged.room.table,
                )
        return newest

    def _analyze(self, load: Load) -> None:
        """Tell the planner what metrics are about to read; Redshift skips tables of which little changed."""
        with suppress(RentalError):
            self._api.run_beside([[f"ANALYZE {identifier(table.relation)}"] for table in load.tables])

    def account(self, load: Load, lake: Lake) -> None:
        plan = LoadPlan(load, secrets.token_hex(4))
        with self._staged(plan, lake):
            self._api.run([change.sql for change in plan.accounts()] or ["SELECT 1"])

    def newest_day(self, through: date = date.max) -> date | None:
        day = self.ask(newest_day(through)).column(0)[0].as_py()
        assert day is None or isinstance(day, date)
        return day

    def rebuild(
        self, models: Sequence[DerivedModel], parameters: QueryParameters, comparisons: Comparisons
    ) -> tuple[dict[str, LoadedTable], list[CheckResult]]:
        rebuild = Rebuild(models, parameters, secrets.token_hex(4), self._catalogue)
        reach("metrics-begun")
        try:
            self._build(rebuild)
            checked = found(rebuild.checks(comparisons), self._answers)
            stop_if_broken(models, checked.results)
            reach("metrics-filled")
            self._api.run(rebuild.swap())
        finally:
            self._tidy(rebuild.removals())
        reach("metrics-committed")
        self._known = None
        self._comment([rebuild.shape(model) for model in models])
        return {name: LoadedTable(inserted=rows) for name, rows in checked.rows.items()}, list(checked.results)

    def _answers(self, queries: Sequence[str]) -> list[dict[str, Any]]:
        """The only row of each query."""
        batches = _batches(redshift(query, "checks") for query in queries)
        return [answer.to_pylist()[0] for batch in batches for answer in self._api.queries(batch)]

    def _build(self, rebuild: Rebuild) -> None:
        for batch in _batches(rebuild.build()):
            try:
                self._api.run(batch)
            except StatementError as error:
                raise rebuild.not_run(error) from error
            reach("metrics-table-built")

    def record(self, rows: OpsRows, *, replacing: Sequence[str] = ()) -> None:
        statements: list[str] = []
        for name, entries in rows.items():
            if replacing and entries:
                statements.append(ops.deletion(name, entries, replacing))
            statements += ops.insertions(name, entries)
        if statements:
            self._api.run(statements)

    def fail_running(self, finished_at: datetime, error: str) -> None:
        self._api.run([ops.end_running(finished_at, error)])

    def columns(self, relation: str) -> dict[str, str]:
        return {name: column.type for name, column in self._catalogue.tables.get(relation, {}).items()}

    def ask(self, sql: str) -> pa.Table:
        return self._answer(redshift(sql, "query"))

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        return self._answer(bounded(sql, limit), limit)

    def _answer(self, sql: str, limit: int | None = None) -> pa.Table:
        try:
            return self._api.query(sql, limit)
        except StatementError as error:
            reason = error.message.partition("refused a statement: ")[2] or error.message
            raise ConfigurationError(
                f"The query failed: {reason}",
                remedy="correct the SQL, which is Redshift's; "
                '`rental query "SELECT table_schema, table_name FROM svv_tables"` lists the tables, and `rental run` '
                "fills them.",
                reason="query-failed",
            ) from error

    def publish(self) -> None:
        """Nothing is left to do: readers see each transaction."""

    def close(self) -> None:
        """Nothing is held: the Data API keeps no connection."""


def _batches(statements: Iterable[str]) -> Iterator[list[str]]:
    left = iter(statements)
    while batch := list(islice(left, BATCH)):
        yield batch
