"""Reads of tables whose rows have a key: incremental and snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import LakeFile, Proof
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import DELETES_OFFSET, FETCHED_OFFSET, ExtractRequest, Progress
from rental_analytics.engines.hashes import ROW_HASHES
from rental_analytics.engines.session import Folder, Selection, Session, empty_relation
from rental_analytics.engines.table_read import Read, TableRead, within_window
from rental_analytics.sql.render import identifiers, render
from rental_analytics.storage.base import Lake

_KEYS_PER_STATEMENT = 5_000
_MOST_KEYS = 100_000
KEYS_METHOD = "keys-and-cursors"


class Keyed(TableRead):
    """A table whose rows have a key: the census has every key, with its number of rows and its newest cursor."""

    whole = True

    def take_census(self) -> None:
        self.count_keys("census")

    def count_keys(self, name: str, condition: str | None = None) -> None:
        """Note the keys the source holds now, with number of rows and newest cursor, and for a backfill events."""
        plan, events = self.plan, self.events() if self.range else []
        columns = tuple(column for column in plan.columns if column.name in (*plan.key, plan.cursor, *events))
        with self.session.arriving(self.database, Selection(plan, columns, condition)) as arrival:
            self.session.table(name, self.keys(arrival.relation, events=events))

    def events(self) -> list[str]:
        """The event time, where the table has one beside its cursor."""
        return [name for name in self.plan.moments if self.plan.cursor and name != self.plan.cursor]

    def keys(self, source: str, *, unique: bool | None = None, events: Sequence[str] | None = None) -> str:
        """Keys of a relation, each with its number of rows, newest cursor and newest event."""
        events = self.events() if events is None else events
        return render(
            "read_keys",
            key=self.plan.key,
            newest=self.as_moment(self.plan.cursor),
            event=self.as_moment(events[0] if events else None),
            source=source,
            unique=self.plan.unique_key if unique is None else unique,
        )

    def no_keys(self) -> str:
        """A relation like `census` without rows."""
        key = [(column.name, column.type) for column in self.plan.key_columns]
        return empty_relation([*key, ("_rows", "BIGINT"), ("_newest", "TIMESTAMP"), ("_event", "TIMESTAMP")])

    def fetch_missed(self, folder: Folder) -> list[LakeFile]:
        """Ask for the rows of `missed_keys`; what came is in table `fetched_keys`."""
        count = self.missed_count = self.session.number("SELECT COUNT(*) FROM missed_keys")
        files: list[LakeFile] = []
        self.next_row = self.rows_end = self.first_row + FETCHED_OFFSET
        self.rows_end += FETCHED_OFFSET
        if count and count <= _MOST_KEYS and self.database.can_filter(self.plan):
            files = self.fetch_by_key(folder)
        elif count:
            files = self.fetch_from_all(folder)
        if files:
            self.session.table("fetched_keys", self.keys(self.relation(folder, files), unique=False))
        else:
            self.session.view("fetched_keys", self.no_keys())
        return files

    def check_missed(self) -> None:
        """Find out about the rows that did not come.

        Raises:
            ProofError: the source has them, so they were lost on the way.
        """
        if not self.missed_count:
            return
        key = self.plan.key
        self.check_none(render("lost_rows", key=key, whole=self.whole))
        if self.session.run(render("fetched_too_few", key=key)):
            # A row that does not come by its key either was deleted meanwhile, or gets lost each time: its key tells.
            self.count_keys("later_census")
            self.check_none(render("undelivered", key=key))

    def check_none(self, query: str) -> None:
        """Stop where a query finds keys of lost rows."""
        if count := self.session.number(f"SELECT COUNT(*) FROM ({query}) AS lost_keys"):
            (key,) = self.session.run(f"SELECT * FROM ({query}) AS lost_keys LIMIT 1")
            named = ", ".join(f"{name} {value}" for name, value in zip(self.plan.key, key, strict=True))
            raise self.shortfall(f"{count:,} rows did not arrive, such as the one with {named}")

    def fetch_by_key(self, folder: Folder) -> list[LakeFile]:
        """Ask for the rows of `missed_keys` alone."""
        missed = self.session.run(f"SELECT {identifiers(self.plan.key)} FROM missed_keys")
        files = []
        for start in range(0, len(missed), _KEYS_PER_STATEMENT):
            chosen = self.database.key_filter(self.plan, missed[start : start + _KEYS_PER_STATEMENT])
            files += self.write_rows(folder, f"missed-{start}", chosen)
        return files

    def fetch_from_all(self, folder: Folder) -> list[LakeFile]:
        """Many keys, or keys that change on their way, are picked out of the whole table."""
        aside = self.aside()
        read = self.write_rows(aside, "all", None)
        if not read:
            return []
        chosen = (
            f"SELECT * FROM {self.relation(aside, read)} AS all_rows "
            f"SEMI JOIN missed_keys USING ({identifiers(self.plan.key)})"
        )
        return self.session.write(chosen, folder, "missed")

    def find_living(self, held: str) -> None:
        """Keys that seem to be gone go to table `gone_keys`; those the source has after all, to `living_keys`.

        Raises:
            ProofError: a key is there as it was known: the census has lost it.
        """
        key = self.plan.key
        self.session.table("gone_keys", render("gone_keys", key=key, held=held))
        count = self.gone_count = self.session.number("SELECT COUNT(*) FROM gone_keys")
        if not count:
            self.session.view("living_keys", self.no_keys())
            return
        if count <= _KEYS_PER_STATEMENT and self.database.can_filter(self.plan):
            gone = self.session.run(f"SELECT {identifiers(key)} FROM gone_keys")
            self.count_keys("later_census", self.database.key_filter(self.plan, gone))
        else:
            self.count_keys("later_census")
        self.session.table("living_keys", render("living_keys", key=key))
        self.check_none(f"SELECT {identifiers(key)} FROM living_keys WHERE _unchanged")

    def write_deletes(self, raw: Folder) -> list[LakeFile]:
        """Write keys that vanished as rows of the raw table."""
        if not self.gone_count:
            return []
        key = identifiers(self.plan.key)
        gone = f"(SELECT {key} FROM gone_keys ANTI JOIN living_keys USING ({key}))"
        rows = render("deleted_rows", columns=self.data, key=self.plan.key, gone=gone)
        numbered = self.session.numbered(rows, self.first_row + DELETES_OFFSET)
        query = f"SELECT *, {self.constants(deleted=True)} FROM ({numbered}) AS deleted_rows"
        return self.session.write(query, raw, "deletes")

    def proven(self) -> Proof:
        window = self.window()
        within = within_window("_newest", window) if self.plan.cursor else "TRUE"
        if self.range:
            within = f"({within}) OR ({within_window('_event', window)})"
        rows, window_rows, key_hash = self.hashed("census", self.plan.key, within)
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
        self.whole = self.complete

    def expected(self, relation: str) -> str:
        """Condition for keys whose rows the window has to show."""
        moment, event = f"{relation}._newest", f"{relation}._event"
        if self.range:
            return f"({within_window(moment, self.range)}) OR ({within_window(event, self.range)})"
        return f"{moment} IS NULL OR {within_window(moment, self.window(), upper=False)}"

    def read(self, raw: Folder, state: Folder) -> Read:
        key = self.plan.key
        files, source = self.read_window(raw)
        self.session.table("read_keys", self.keys(source))
        self.session.view("known_keys", self.known_keys())
        self.session.table("missed_keys", self.missed(raw, files))
        files += self.fetch_missed(raw)
        self.check_missed()
        self.session.table("held_keys", render("held_keys", key=key))
        self.find_living("held_keys")
        deletes = self.write_deletes(raw)
        # A key that came back after the census is as it was for the lake: the next run sees that it changed.
        known = f"SELECT * FROM known_keys SEMI JOIN living_keys USING ({identifiers(key)})"
        kept = self.session.write(f"SELECT * FROM held_keys UNION ALL {known}", state, "keys")
        self.held = sum(file.rows for file in kept)
        columns = [name for name, _ in self.data]
        carried = render("carried_rows", columns=columns, recent=f"({self.state.recent_rows(self.data)})", key=key)
        return files, deletes, kept + self.write_recent(source, state, carried)

    def missed(self, raw: Folder, files: Sequence[LakeFile]) -> str:
        """Query for the keys that have to be asked for by key."""
        if self.complete:
            return render("missed_in_whole", key=self.plan.key)
        changed = self.no_keys() if self.plan.unique_key else self.keys(self.relation(raw, files))
        self.session.table("changed_keys", changed)
        return render(
            "missed_in_window",
            key=self.plan.key,
            expected=self.expected("census"),
            was_expected=self.expected("known_keys"),
            range_only=self.range is not None,
        )

    def known_keys(self) -> str:
        """The keys the lake holds, as the last run left them."""
        files = self.state.files("keys")
        return self.state.known(files, "_newest, _event") if files else self.no_keys()


class KeyedSnapshot(Keyed):
    """The whole table; rows of keys whose rows are as they were do not go on."""

    def read(self, raw: Folder, state: Folder) -> Read:
        key = self.plan.key
        self.state_method = ROW_HASHES
        self.complete = self.complete or not self.state.comparable
        folder = raw if self.complete else self.aside()
        files = self.write_rows(folder, "part", None)
        source = self.relation(folder, files)
        self.session.table("read_keys", self.keys(source))
        self.session.table("missed_keys", render("missed_in_whole", key=key))
        self.fetch_missed(self.aside())
        self.check_missed()
        kept, now = self.state.write_hashes(source, state)
        self.held = sum(file.rows for file in kept)
        known = self.state.files("hashes")
        self.session.view(
            "known_hashes",
            self.state.known(known, "_hash") if known else f"SELECT * FROM {self.state.no_hashes()} AS none",
        )
        self.session.view("known_keys", "SELECT *, CAST(NULL AS TIMESTAMP) AS _newest FROM known_hashes")
        self.session.view("held_keys", f"SELECT * FROM {now} AS hashes")
        if not self.complete:
            files = self.session.write(
                render("changed_rows", source=source, now="held_keys", known="known_hashes", key=key), raw
            )
        self.find_living("held_keys")
        return files, self.write_deletes(raw), kept
