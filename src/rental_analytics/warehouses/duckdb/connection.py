"""A connection to a DuckDB file: one process writes it at a time, and what DuckDB refuses is an error of ours."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.ops import ops_tables
from rental_analytics.disk import full_disk_remedy, is_full
from rental_analytics.errors import ConfigurationError, LockHeldError, WarehouseError
from rental_analytics.sql.render import identifier, identifiers
from rental_analytics.storage.scratch import ScratchFolder

if TYPE_CHECKING:
    import duckdb

Rows = list[tuple[Any, ...]]


class Connection:
    """Opens the file when it is first used.

    Args:
        path: the file; made when missing.
        memory: what DuckDB may use before it spills to disk, such as `1GB`.
        threads: how many threads it may use; None for one per core.
    """

    def __init__(self, path: Path, memory: str, threads: int | None) -> None:
        self.path = path
        self._config: dict[str, Any] = {
            "memory_limit": memory,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        } | ({"threads": threads} if threads else {})
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._scratch: ScratchFolder | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is held."""
        return self._opened is not None

    @property
    def session(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's own connection; what it refuses is an error of DuckDB's."""
        assert self._opened is not None
        return self._opened

    def open(self, *, read_only: bool) -> None:
        """Hold the file.

        Raises:
            LockHeldError: another process holds it.
            ConfigurationError: it cannot be opened.
        """
        import duckdb

        if read_only and not self._is_there():
            raise ConfigurationError(
                f"There is no warehouse {self.path} yet.",
                remedy="make it with `rental run`.",
                reason="warehouse-missing",
            )
        if "?" in str(self.path):
            raise ConfigurationError(
                f"The warehouse {self.path} has a question mark in its path, where DuckDB expects options to begin.",
                remedy="choose another name in warehouse.url.",
                reason="warehouse-path-invalid",
            )
        config = self._config | (self._reading() if read_only else {})
        try:
            if not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._check_regular()
            self._opened = duckdb.connect(str(self.path), read_only=read_only, config=config)
            # Moments with a zone become those of UTC, wherever the machine is.
            self._opened.execute("SET GLOBAL TimeZone = 'UTC'")
            if read_only:
                self._opened.execute("SET lock_configuration = true")
        except (duckdb.Error, OSError) as error:
            raise self._not_opened(error) from error
        if not read_only:
            # The file is ours alone: what lies beside it was put aside by a process that was killed.
            spill = self.path.with_name(f"{self.path.name}.tmp")
            if spill.is_symlink():
                spill.unlink()
            shutil.rmtree(spill, ignore_errors=True)

    def _is_there(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise self._not_opened(error) from error

    def _check_regular(self) -> None:
        """DuckDB would wait for ever for what comes out of a pipe."""
        for file in (self.path, Path(f"{self.path}.wal")):
            if file.exists() and not file.is_file():
                raise OSError(f"{file} is not a regular file")

    def _reading(self) -> dict[str, Any]:
        """Options under which a user's statement reaches nothing but the warehouse."""
        self._scratch = ScratchFolder("rental-query")
        return {
            "enable_external_access": False,
            "python_enable_replacements": False,
            # Beside the warehouse a reader may not be allowed to write.
            "temp_directory": str(self._scratch.path / "spill"),
        }

    def _not_opened(self, error: Exception) -> Exception:
        text = str(error).splitlines()[0]
        if "Conflicting lock" in text or "being used by another process" in text:
            holder = re.search(r"held in (.+? \(PID \d+\))", text)
            return LockHeldError(
                f"Another process holds the warehouse {self.path}"
                + (f": {holder[1]}." if holder else ".")
                + " A run is going on, or another program has it open.",
                remedy="wait for the run to end, or close the program that has it open (a DuckDB shell, a notebook), "
                "then try again.",
                reason="warehouse-locked",
            )
        if is_full(error):
            return self._refused(error)
        return ConfigurationError(
            f"The warehouse {self.path} cannot be opened: {text}.",
            remedy="point warehouse.url to a DuckDB file, or a new name, in a folder you may write to.",
            reason="warehouse-not-opened",
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it when it raises an error."""
        import duckdb

        session = self.session
        session.begin()
        try:
            yield
        except BaseException:
            session.rollback()
            raise
        try:
            session.commit()
        except duckdb.Error as error:
            raise self._refused(error) from error

    def run(self, sql: str) -> Rows:
        """Rows of a statement; of one that changes rows, how many.

        Values stand in it as literals or come as Arrow: for each parameter, DuckDB looks for pandas several times.
        """
        import duckdb

        try:
            return self.session.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._refused(error) from error

    def append(self, name: str, records: Sequence[Mapping[str, Any]], *, replacing: Sequence[str] = ()) -> None:
        """Add records to a table of schema `ops`, in place of those that agree with one of them on some columns."""
        if not records:
            return
        import pyarrow as pa

        columns, place = list(ops_tables()[name].columns), identifier(f"ops.{name}")
        content = pa.table({column: [record.get(column) for record in records] for column in columns})
        self.session.register("arriving", content)
        try:
            if replacing:
                known = identifiers(replacing)
                self.run(f"DELETE FROM {place} WHERE ({known}) IN (SELECT {known} FROM arriving)")
            self.run(f"INSERT INTO {place} ({identifiers(columns)}) SELECT * FROM arriving")
        finally:
            self.session.unregister("arriving")

    def _refused(self, error: Exception) -> WarehouseError:
        if is_full(error):
            return WarehouseError(
                f"The warehouse {self.path} cannot grow: {str(error).splitlines()[0].rstrip('.')}.",
                remedy=full_disk_remedy(error, self.path.parent),
                reason="disk-full",
            )
        return WarehouseError(
            f"The warehouse {self.path} refused a statement: {str(error).splitlines()[0]}.",
            remedy="take back what was changed in the warehouse by hand, such as a table that was altered or replaced, "
            "and run again; --debug shows the whole error.",
            reason="warehouse-statement-refused",
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None
