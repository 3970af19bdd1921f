"""What a read leaves for the next one to compare with: `state/` in the lake."""

from __future__ import annotations

from collections.abc import Container, Sequence

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.contracts.raw_files import RAW_COLUMNS
from rental_analytics.databases.base import ReadPlan
from rental_analytics.engines.base import Folder, Session, empty_relation, inside
from rental_analytics.errors import LakeError, LakeUnavailableError
from rental_analytics.sql.render import render
from rental_analytics.steps.extract.hashes import ROW_HASHES, row_hash
from rental_analytics.steps.extract.request import ExtractRequest
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
        state = previous.state if previous else ()
        chosen = [file for file in state if file.path.split("/")[_KIND_DEPTH].startswith(f"{kind}-")]
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
        return self._rows(files, columns, had)

    def known(self, files: Sequence[str], *facts: str) -> str:
        """A query for keys with what is known of them; a key that is no value of the key's type of today is gone."""
        return self._rows(files, self._key, self._request.plan.key, ("_rows", *facts))

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
        query = render(
            "steps/extract/row_hashes", key=plan.key, row_hash=row_hash(self._session, _data(plan)), source=source
        )
        files = self._session.write(query, folder, "hashes")
        return files, self._session.parquet(inside(folder, files)) if files else f"({self.no_hashes()})"

    def no_hashes(self) -> str:
        """A query for hashes that finds none."""
        return empty_relation([*self._key, ("_rows", "BIGINT"), ("_hash", "VARCHAR")])

    def _rows(
        self, files: Sequence[str], columns: Sequence[tuple[str, str]], had: Container[str], facts: Sequence[str] = ()
    ) -> str:
        """A query for the rows of state files that `had` some of these columns."""
        state = self._session.parquet(files)
        return render("steps/extract/state_rows", state=state, columns=columns, had=had, facts=facts)

    @property
    def _key(self) -> list[tuple[str, str]]:
        return [(column.name, column.type) for column in self._request.plan.key_columns]


def _data(plan: ReadPlan) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in plan.columns]
