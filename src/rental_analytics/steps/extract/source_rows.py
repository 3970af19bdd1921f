"""Rows of a source table on their way into Parquet files."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.contracts.raw_files import FETCHED_OFFSET, RAW_COLUMNS, ROW_ID_BITS
from rental_analytics.engines.base import Arrival, Folder, Progress, Selection, empty_relation, inside
from rental_analytics.errors import RentalError, number_of
from rental_analytics.sql.render import render
from rental_analytics.steps.extract.proof import shortfall
from rental_analytics.steps.extract.scope import ReadScope


class SourceRows:
    """Reads rows of the table into Parquet files, numbers them, and stops when fewer are written than were sent.

    `columns` are the table's columns with their types, `names` their names. `first_row` is the lowest number of a row.
    `zero_dates` counts, by column, the zero dates among the rows of files named `part`.
    """

    def __init__(self, scope: ReadScope, progress: Progress) -> None:
        self.columns = [(column.name, column.type) for column in scope.plan.columns]
        self.names = [name for name, _ in self.columns]
        self.first_row = scope.request.run.sequence << ROW_ID_BITS
        self.zero_dates: dict[str, int] = {}
        self._scope = scope
        self._progress = progress
        self._asides: list[Folder] = []
        self.number_from(0)

    def number_from(self, offset: int) -> None:
        """Number the rows that follow from an offset within the read on."""
        self._next_row = self.first_row + offset
        self._rows_end = self._next_row + FETCHED_OFFSET

    def aside(self) -> Folder:
        """A new folder for files that do not go to the lake."""
        self._asides.append(self._scope.session.temporary_folder())
        return self._asides[-1]

    def remove_asides(self) -> None:
        """Remove the folders whose files did not go to the lake."""
        for folder in self._asides:
            self._scope.session.remove(folder)

    def write(self, folder: Folder, name: str, condition: str | None, *, counted: bool = False) -> list[LakeFile]:
        """Read whole rows that meet a condition of the source's SQL; `counted` lets the statements count them too.

        Raises:
            ProofError: not all rows arrived.
        """
        files, arrival = self._write_once(folder, name, condition, counted)
        for place, silent in enumerate(arrival.silent):
            files += self._write_silent(folder, f"{name}-{place}", silent)
        return files

    def relation(self, folder: Folder, files: Sequence[LakeFile]) -> str:
        """Raw rows that were written to a folder."""
        if files:
            return self._scope.session.parquet(inside(folder, files))
        return f"({empty_relation([*self.columns, *RAW_COLUMNS])})"

    def as_raw(self, relation: str, *, deleted: bool = False) -> str:
        """A query for the rows of a relation that has `_row_id`, with the other columns of raw rows behind them."""
        run = self._scope.request.run
        return render(
            "steps/extract/raw_rows", rows=relation, run_id=run.run_id, extracted_at=run.upper_bound, deleted=deleted
        )

    def _write_silent(self, folder: Folder, name: str, condition: str | None) -> list[LakeFile]:
        """Where no row came no count came either: if there are rows, they are read once more."""
        database, plan = self._scope.database, self._scope.plan
        if not database.count(plan, condition):
            return []
        files, arrival = self._write_once(folder, name, condition, counted=True)
        missing = sum(database.count(plan, silent) for silent in arrival.silent)
        if missing:
            raise shortfall(self._scope, f"{number_of(missing, 'row')} did not arrive")
        return files

    def _write_once(
        self, folder: Folder, name: str, condition: str | None, counted: bool
    ) -> tuple[list[LakeFile], Arrival]:
        """Ask once and write what comes."""
        session, plan = self._scope.session, self._scope.plan
        selection = Selection(plan, plan.columns, condition, counted)
        with session.arriving(
            self._scope.database, selection, first_row=self._next_row, progress=self._progress
        ) as arrival:
            files = session.write(self.as_raw(arrival.relation), folder, name)
        written = sum(file.rows for file in files)
        expected = arrival.expected if counted else arrival.rows
        if written != expected:
            raise shortfall(self._scope, f"{number_of(expected - written, 'row')} did not arrive")
        self._next_row = arrival.next_row
        self._check_numbers()
        if name.startswith("part"):
            for column, count in arrival.zero_dates.items():
                self.zero_dates[column] = self.zero_dates.get(column, 0) + count
        return files, arrival

    def _check_numbers(self) -> None:
        if self._next_row > self._rows_end:
            table = self._scope.plan.table.name
            raise RentalError(
                f"Table {self._scope.plan.place} has more rows than one read can number.",
                remedy="put a view in its place that leaves out rows that are no longer needed.",
                reason="too-many-rows-to-number",
                table=table,
            )
