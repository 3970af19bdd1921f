"""What a read leaves for the next one to compare with: `state/` in the lake."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import ReadPlan
from rental_analytics.engines.base import RAW_COLUMNS, ExtractRequest
from rental_analytics.engines.hashes import ROW_HASHES, row_hash
from rental_analytics.engines.session import Folder, Session, empty_relation, inside
from rental_analytics.errors import LakeError, LakeUnavailableError
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake

_KIND_DEPTH = 3
"""Place, in the path of a state file, of the name that begins with its kind: `state/<table>/run_id=<id>/keys-...`."""


class ReadState:
    """The state the last run left of a table."""

    def __init__(self, session: Session, request: ExtractRequest, lake: Lake) -> None:
        self._session = session
        self._request = request
        self._lake = lake

    def files(self, kind: str) -> list[str]:
        """Where the files of one kind are."""
        previous = self._request.previous
        paths = [file.path for file in previous.state] if previous else []
        chosen = [path for path in paths if path.split("/")[_KIND_DEPTH].startswith(f"{kind}-")]
        try:
            return self._session.input(self._lake, chosen)
        except LakeUnavailableError:
            raise
        except LakeError:
            # A full refresh mends a lake that lost its state.
            if self._request.run.full_refresh:
                return []
            raise

    def recent_rows(self, columns: Sequence[tuple[str, str]]) -> str:
        """A query for the rows of the last run's overlap, in this run's column types."""
        previous, files = self._request.previous, self.files("recent")
        if previous is None or not files:
            return empty_relation(columns)
        had = {column.name for column in previous.columns}
        listed = ", ".join(
            f"TRY_CAST({identifier(name) if name in had else 'NULL'} AS {kind}) AS {identifier(name)}"
            for name, kind in columns
        )
        return f"SELECT {listed} FROM {self._session.parquet(files)} AS recent_state"

    def known(self, files: Sequence[str], facts: str) -> str:
        """A query for keys with what is known of them; a key that is no value of the key's type of today is gone."""
        listed = ", ".join(f"TRY_CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in self._key)
        return f"SELECT {listed}, _rows, {facts} FROM {self._session.parquet(files)} AS known_state"

    @property
    def comparable(self) -> bool:
        """Whether the last run's hashes were made as this run's will be."""
        previous = self._request.previous
        columns = [*_data(self._request.plan), *RAW_COLUMNS]
        return bool(
            previous
            and previous.state_method == ROW_HASHES
            and [(column.name, column.type) for column in previous.columns] == columns
        )

    def write_hashes(self, source: str, folder: Folder) -> tuple[list[LakeFile], str]:
        """Write the hashes of a table's rows; give the files and a relation."""
        plan = self._request.plan
        query = render("row_hashes", key=plan.key, row_hash=row_hash(self._session, _data(plan)), source=source)
        files = self._session.write(query, folder, "hashes")
        return files, self._session.parquet(inside(folder, files)) if files else self.no_hashes()

    def no_hashes(self) -> str:
        """A relation of hashes without rows."""
        return f"({empty_relation([*self._key, ('_rows', 'BIGINT'), ('_hash', 'VARCHAR')])})"

    @property
    def _key(self) -> list[tuple[str, str]]:
        return [(column.name, column.type) for column in self._request.plan.key_columns]


def _data(plan: ReadPlan) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in plan.columns]
