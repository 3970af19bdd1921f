"""A connection to a DuckDB file; what DuckDB refuses is an error of ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.ops import ops_tables
from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.render import identifier, identifiers
from rental_analytics.storage.scratch import ScratchFolder
from rental_analytics.warehouses.duckdb.errors import not_opened, refused
from rental_analytics.warehouses.duckdb.file_state import log_of

if TYPE_CHECKING:
    import duckdb

Rows = list[tuple[Any, ...]]


class Connection:
    """Opens the file of a warehouse, or the copy of it that a run works on.

    Args:
        path: the warehouse, as messages name it.
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

    def open_to_read(self) -> None:
        """Open the warehouse so that nothing can be changed; it keeps nobody out.

        Raises:
            LockHeldError: another process has it open for writing.
            ConfigurationError: it cannot be opened.
        """
        self.check_path()
        try:
            is_there = self.path.exists()
        except OSError as error:
            raise not_opened(self.path, error) from error
        if not is_there:
            raise ConfigurationError(
                f"There is no warehouse {self.path} yet.",
                remedy="make it with `rental run`; a first run that is at work makes it when it ends.",
                reason="warehouse-missing",
            )
        self._open(self.path, self._config | self._reading(), read_only=True)
        self.run("SET lock_configuration = true")

    def open_to_write(self, file: Path) -> None:
        """Open a file that is this process's alone; made when missing.

        Raises:
            ConfigurationError: it cannot be opened.
        """
        # What lies beside it was put aside by a process that was killed.
        spill = file.with_name(f"{file.name}.tmp")
        if spill.is_symlink():
            spill.unlink()
        shutil.rmtree(spill, ignore_errors=True)
        self._open(file, self._config, read_only=False)

    def check_path(self) -> None:
        """See that DuckDB takes the path for one.

        Raises:
            ConfigurationError: it does not.
        """
        if "?" in str(self.path):
            raise ConfigurationError(
                f"The warehouse {self.path} has a question mark in its path, where DuckDB expects options to begin.",
                remedy="choose another name in warehouse.url.",
                reason="warehouse-path-invalid",
            )

    def _open(self, file: Path, config: dict[str, Any], *, read_only: bool) -> None:
        import duckdb

        try:
            _check_regular(file)
            self._opened = duckdb.connect(str(file), read_only=read_only, config=config)
            # Moments with a zone become those of UTC, wherever the machine is.
            self._opened.execute("SET GLOBAL TimeZone = 'UTC'")
        except (duckdb.Error, OSError) as error:
            raise not_opened(self.path, error) from error

    def _reading(self) -> dict[str, Any]:
        """Options under which a user's statement reaches nothing but the warehouse."""
        self._scratch = ScratchFolder("rental-query")
        return {
            "enable_external_access": False,
            "python_enable_replacements": False,
            # Beside the warehouse a reader may not be allowed to write.
            "temp_directory": str(self._scratch.path / "spill"),
        }

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
            raise refused(self.path, error) from error

    def run(self, sql: str) -> Rows:
        """Rows of a statement; of one that changes rows, how many.

        Values stand in it as literals or come as Arrow: for each parameter, DuckDB looks for pandas several times.
        """
        import duckdb

        try:
            return self.session.execute(sql).fetchall()
        except duckdb.Error as error:
            raise refused(self.path, error) from error

    def row(self, sql: str) -> dict[str, Any]:
        """The single row of a query, by column name."""
        (values,) = self.run(sql)
        return dict(zip((column[0] for column in self.session.description), values, strict=True))

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

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None


def _check_regular(path: Path) -> None:
    """DuckDB would wait for ever for what comes out of a pipe."""
    for file in (path, log_of(path)):
        if file.exists() and not file.is_file():
            raise OSError(f"{file} is not a regular file")
