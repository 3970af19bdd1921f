"""Reads of tables whose rows have a key: incremental and snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rental_analytics.contracts.manifest import LakeFile, Proof
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import DELETES_OFFSET, ROW_ID_BITS, ExtractRequest, Progress
from rental_analytics.engines.session import Session, empty_relation
from rental_analytics.engines.table_read import Read, TableRead, comparable, no_hashes, row_hashes, within_window
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.storage.base import Lake

_KEYS_PER_STATEMENT = 5_000
_MOST_KEYS = 100_000
KEYS_METHOD = "keys-and-cursors"


class Keyed(TableRead):
    """A table whose rows have a key: the census has every key, with its number of rows and its newest cursor."""

    def take_census(self) -> None:
        self.count_keys("census")

    def count_keys(self, name: str) -> None:
        """Note the keys the source holds now, each with its number of rows and newest cursor."""
        plan = self.plan
        columns = [*plan.key_columns, *(column for column in plan.columns if column.name == plan.cursor)]
        # One column may be key and cursor.
        columns = list(dict.fromkeys(columns))
        sql = self.database.select(plan, columns)
        with self.session.arriving(self.database, sql, columns) as arrival:
            self.session.table(name, self.keys(f"(SELECT {self.converted(columns)} FROM {arrival.relation})"))

    def keys(self, source: str, *, unique: bool | None = None) -> str:
        """Keys of a relation, each with its number of rows and newest cursor."""
        single = self.plan.unique_key if unique is None else unique
        return render("read_keys", key=self.plan.key, newest=self.moment(), source=source, unique=single)

    def known(self, files: Sequence[Path], fact: str) -> str:
        """State of the last run; a key that is no value of the key's type of today is gone."""
        key = [(column.name, column.type) for column in self.plan.key_columns]
        listed = ", ".join(f"TRY_CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in key)
        return f"SELECT {listed}, _rows, {fact} FROM {self.session.parquet(files)}"

    def no_keys(self) -> str:
        """A relation like `census` without rows."""
        key = [(column.name, column.type) for column in self.plan.key_columns]
        return empty_relation([*key, ("_rows", "BIGINT"), ("_newest", "TIMESTAMP")])

    @property
    def expected(self) -> str:
        """Condition on the census for keys whose rows the read has to have."""
        return "TRUE"

    def find_missed(self, changed: str | None) -> int:
        """Keys that have to be asked for by key go to table `missed_keys`."""
        whole = self.complete or self.plan.mode is ReadMode.SNAPSHOT
        if not whole:
            self.session.table("changed_keys", self.keys(changed) if changed else self.no_keys())
        missed = render(
            "missed_keys",
            key=self.plan.key,
            expected=self.expected,
            whole=whole,
            range_only=self.range is not None,
        )
        self.session.table("missed_keys", missed)
        return self.session.number("SELECT COUNT(*) FROM missed_keys")

    def fetch_missed(self, folder: Path, count: int) -> list[LakeFile]:
        """Read the rows of `missed_keys`; what came is in table `fetched_keys`, what the source lost meanwhile is not.

        Raises:
            ProofError: a row came that had to be among those read before.
        """
        files: list[LakeFile] = []
        if count and count <= _MOST_KEYS and self.database.can_filter(self.plan):
            files = self.fetch_by_key(folder)
        elif count:
            files = self.fetch_from_all(folder)
        fetched = self.keys(self.relation(folder, files), unique=False) if files else self.no_keys()
        self.session.table("fetched_keys", fetched)
        short = self.short_keys("fetched_keys")
        if not short and self.session.run(render("absent_keys", key=self.plan.key)):
            # A row that does not come by its key either was deleted meanwhile, or gets lost each time: its key tells.
            self.count_keys("later_census")
            short = self.short_keys("later_census")
        if short:
            raise self.shortfall(f"{len(short):,} rows did not arrive, such as the one with {self.named(short[0])}")
        return files

    def short_keys(self, found: str) -> list[tuple[object, ...]]:
        """Keys of `missed_keys` whose rows are in the source, as `found` has it, and got lost on the way."""
        return self.session.run(
            render(
                "shortfall",
                key=self.plan.key,
                found=found,
                whole=self.complete or self.plan.mode is ReadMode.SNAPSHOT,
            )
        )

    def fetch_by_key(self, folder: Path) -> list[LakeFile]:
        """Ask for the rows of `missed_keys` alone."""
        missed = self.session.run(f"SELECT {identifiers(self.plan.key)} FROM missed_keys")
        files = []
        for start in range(0, len(missed), _KEYS_PER_STATEMENT):
            chosen = self.database.key_filter(self.plan, missed[start : start + _KEYS_PER_STATEMENT])
            files += self.write_rows(folder, f"missed-{start}", chosen)
        return files

    def fetch_from_all(self, folder: Path) -> list[LakeFile]:
        """Many keys, or keys that change on their way, are picked out of the whole table."""
        aside = self.session.temporary_folder()
        read = self.write_rows(aside, "all", None)
        if not read:
            return []
        chosen = (
            f"SELECT * FROM {self.relation(aside, read)} AS all_rows "
            f"SEMI JOIN missed_keys USING ({identifiers(self.plan.key)})"
        )
        return self.session.write(chosen, folder, "missed")

    def write_deletes(self, raw: Path, gone: str) -> list[LakeFile]:
        """Write keys that vanished as rows of the raw table."""
        query = render(
            "deleted_rows",
            columns=self.data,
            key=self.plan.key,
            first_row=(self.request.run.sequence << ROW_ID_BITS) + DELETES_OFFSET,
            constants=self.constants(deleted=True),
            gone=f"({gone})",
        )
        return self.session.write(query, raw, "deletes")

    def named(self, key: Sequence[object]) -> str:
        """A key for a message."""
        return ", ".join(f"{name} {value}" for name, value in zip(self.plan.key, key, strict=True))

    def proven(self) -> Proof:
        within = within_window("_newest", self.window()) if self.plan.cursor else "TRUE"
        rows, window_rows, key_hash = self.hashed("census", self.plan.key, within)
        window = self.window()
        return Proof(
            window_lower=window.lower, window_upper=window.upper, rows=rows, window_rows=window_rows, key_hash=key_hash
        )


class IncrementalRead(Keyed):
    """Rows of the window, and those of keys whose cursor is not the one the lake knows."""

    state_method = KEYS_METHOD

    def __init__(
        self, session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
    ) -> None:
        super().__init__(session, request, database, lake, progress)
        previous = request.previous
        self.complete = request.complete or previous is None or previous.state_method != self.state_method

    @property
    def expected(self) -> str:
        if self.complete:
            return "TRUE"
        within = within_window("census._newest", self.window(), upper=self.range is not None)
        return within if self.range else f"census._newest IS NULL OR {within}"

    def read(self, raw: Path, state: Path) -> Read:
        files, source = self.read_window(raw)
        self.session.table("read_keys", self.keys(source))
        self.session.view("known_keys", self.known_keys())
        changed = None if self.plan.unique_key or self.complete else self.relation(raw, files)
        count = self.find_missed(changed)
        files += self.fetch_missed(raw, count)
        self.session.table("held_keys", render("held_keys", key=self.plan.key))
        deletes = self.write_deletes(raw, render("gone_keys", key=self.plan.key))
        self.held = self.session.number("SELECT COUNT(*) FROM held_keys")
        kept = self.session.write("SELECT * FROM held_keys", state, "keys")
        key = identifiers(self.plan.key)
        return files, deletes, kept + self.write_recent(source, state, f"({key}) NOT IN (SELECT {key} FROM read_keys)")

    def known_keys(self) -> str:
        """The keys the lake holds, as the last run left them."""
        files = self.state_files("keys")
        return self.known(files, "_newest") if files else self.no_keys()


class KeyedSnapshot(Keyed):
    """The whole table; rows of keys whose rows are as they were do not go on."""

    def read(self, raw: Path, state: Path) -> Read:
        self.state_method = self.session.row_hash_method
        self.complete = self.complete or not comparable(self)
        folder = raw if self.complete else self.session.temporary_folder()
        files = self.write_rows(folder, "part", None)
        source = self.relation(folder, files)
        self.session.table("read_keys", self.keys(source))
        self.fetch_missed(self.session.temporary_folder(), self.find_missed(None))
        key = self.plan.key
        kept, now = row_hashes(self, source, state)
        files_known = self.state_files("hashes")
        known = f"({self.known(files_known, '_hash')})" if files_known else no_hashes(self)
        if not self.complete:
            files = self.session.write(render("changed_rows", source=source, now=now, known=known, key=key), raw)
        present = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in key)
        gone = (
            f"SELECT {identifiers(key)} FROM {known} AS known ANTI JOIN {now} AS now USING ({identifiers(key)}) "
            f"WHERE {present}"
        )
        self.held = sum(file.rows for file in kept)
        return files, self.write_deletes(raw, gone), kept
