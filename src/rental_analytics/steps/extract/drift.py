"""Schema drift: how a source table differs from what the last run saw; docs/reference/schema-drift.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest, FileColumn, SeenColumn
from rental_analytics.contracts.source_table import DriftPolicy, ReadMode
from rental_analytics.databases.base import ReadPlan
from rental_analytics.errors import ContractError
from rental_analytics.sql.render import folded
from rental_analytics.steps.base import StepContext


class DriftKind(StrEnum):
    """What became of a column, or of their order."""

    ADDED = "added"
    DROPPED = "dropped"
    RENAMED = "renamed"
    WIDENED = "widened"
    NARROWED = "narrowed"
    RETYPED = "retyped"
    INCOMPATIBLE = "incompatible"
    NULLABLE = "nullable"
    NOT_NULL = "not null"
    VALUES_ADDED = "values added"
    VALUES_REMOVED = "values removed"
    REORDERED = "reordered"


@dataclass(frozen=True)
class Drift:
    """One difference: `change` says what it was and is, `effect` what follows where the run goes on."""

    kind: DriftKind
    column: str
    change: str
    effect: str

    def __str__(self) -> str:
        return f"{self.change}; {self.effect}"


def check_drift(
    context: StepContext, plan: ReadPlan, previous: ExtractedTable | None, waiting: Sequence[ExtractManifest]
) -> tuple[str, ...]:
    """Notes that tell how the source table drifted since the last committed extract.

    Args:
        waiting: extracts that are not loaded into `raw_data` yet.

    Raises:
        ContractError: the policy is `freeze` and it did, or a column became what its raw column cannot take.
    """
    table = plan.table.name
    found = drifts(plan, previous) if previous else ()
    blocking = [drift for drift in found if drift.kind is DriftKind.INCOMPATIBLE]
    if blocking and not context.run.full_refresh:
        raise _incompatible(plan, "; ".join(map(str, blocking)))
    # Ids of the other kind a full refresh converts.
    _check_waiting(plan, waiting, converted=plan.table.ids if context.run.full_refresh else ())
    if previous and not context.run.full_refresh:
        _check_held(plan, previous)
    if found and context.settings.schema_drift(table) is DriftPolicy.FREEZE:
        raise ContractError(
            f"Table {plan.place} drifted, and its schema_drift is freeze: "
            f"{'; '.join(drift.change for drift in found)}.",
            remedy="undo the change in the source or hide it behind a view, or accept it with `rental run --set "
            f"source.schema_drift=evolve` once (tables.{table}.schema_drift where that is what freezes the table).",
            reason="schema-drift-frozen",
            table=table,
        )
    return tuple(map(str, found))


def drifts(plan: ReadPlan, previous: ExtractedTable) -> tuple[Drift, ...]:
    """Differences between the source as planned and as the last extract saw it; none where that kept no catalogue."""
    if not previous.catalogue:
        return ()
    return _Comparison(plan, previous).drifts()


class _Comparison:
    """Columns by the source's names; one that is ours under both is compared with itself, whatever it was called."""

    def __init__(self, plan: ReadPlan, previous: ExtractedTable) -> None:
        self._plan = plan
        self._previous = previous
        self._was = {folded(column.name): column for column in previous.catalogue}
        self._now = {folded(column.name): column for column in plan.catalogue}
        self._raw_was = {column.name: column.type for column in previous.columns if column.name in previous.present}
        self._raw_now = _arriving(plan)
        was, now = sources_before(previous), {name: folded(theirs) for name, theirs in plan.sources.items()}
        self._ours_was = {theirs: name for name, theirs in was.items()}
        self._ours_now = {theirs: name for name, theirs in now.items()}
        # Those that the source or the configuration calls otherwise since.
        self._moved = {
            was[name]: now[name]
            for name in was.keys() & now.keys()
            if was[name] != now[name] and was[name] in self._was and now[name] in self._now
        }

    def drifts(self) -> tuple[Drift, ...]:
        gone = [name for name in self._was if name not in self._now and name not in self._moved]
        come = [name for name in self._now if name not in self._was and name not in self._moved.values()]
        renamed = self._renamed(gone, come)
        found = [self._rename(old, new) for old, new in renamed.items()]
        found += [self._drop(name) for name in gone if name not in renamed]
        found += [self._addition(name) for name in come if name not in renamed.values()]
        moved = {*self._moved, *self._moved.values()}
        for was, now in [*self._moved.items(), *((name, name) for name in self._now.keys() & self._was.keys() - moved)]:
            found += self._changes(now, self._was[was], self._now[now])
        if self._was.keys() == self._now.keys() and list(self._was) != list(self._now):
            found.append(Drift(DriftKind.REORDERED, "", "its columns stand in another order", "nothing follows"))
        return tuple(sorted(found, key=lambda drift: list({**self._was, **self._now, "": 0}).index(drift.column)))

    def _shown(self, name: str) -> str:
        """A column as the reader knows it: by our name, and the source's where that is another one."""
        now = self._ours_now.get(name)
        relation = self._plan.relation if now else self._previous.relation or self._plan.table.name
        ours, table = now or self._ours_was.get(name), self._plan.table.name
        same = not ours or (folded(ours) == name and folded(relation) == table)
        return name if same else f"{ours} ({relation}.{name})"

    def _renamed(self, gone: list[str], come: list[str]) -> dict[str, str]:
        """A column that went and one that came, where no other of their type did."""
        old = {name: _plain(self._was[name].type) for name in gone}
        new = {name: _plain(self._now[name].type) for name in come}
        return {
            name: next(other for other in new if new[other] == kind)
            for name, kind in old.items()
            if list(old.values()).count(kind) == list(new.values()).count(kind) == 1
        }

    def _rename(self, old: str, new: str) -> Drift:
        change = (
            f"column {self._shown(old)} {self._was[old].type} is gone and {self._shown(new)} of that type is new, "
            f"probably {old} renamed"
        )
        ours = self._ours_was.get(old)
        known = ours in self._plan.table.columns and new not in self._ours_now
        setting = f"tables.{self._plan.table.name}.columns.{ours}"
        again = f'; {setting} = "{new}" or a view can give it the name {ours} again' if known else ""
        return Drift(
            DriftKind.RENAMED, old, change, f"{old}: {self._after_drop(old)}; {new}: {self._after_addition(new)}{again}"
        )

    def _drop(self, name: str) -> Drift:
        change = f"column {self._shown(name)} {self._was[name].type} is gone"
        return Drift(DriftKind.DROPPED, name, change, self._after_drop(name))

    def _after_drop(self, name: str) -> str:
        ours = self._ours_was.get(name)
        if ours is None:
            return "it was ignored before"
        if ours in self._plan.constants:
            return "every row has the value of the configuration from now on, and the table is read whole this time"
        mode = self._plan.mode
        read = "" if mode is self._previous.mode else f", and the table is read as {mode} from now on"
        if mode is ReadMode.SNAPSHOT:
            return f"it is NULL in every row from now on{read}"
        return f"it is NULL in rows that are read from now on, those loaded before keep their values{read}"

    def _addition(self, name: str) -> Drift:
        change = f"column {self._shown(name)} {self._now[name].type} is new"
        return Drift(DriftKind.ADDED, name, change, self._after_addition(name))

    def _after_addition(self, name: str) -> str:
        ours = self._ours_now.get(name)
        if ours is None:
            return "it is ignored, since the contract does not name it"
        mode = self._plan.mode
        if mode is not self._previous.mode:
            return f"the table is read as {mode} from now on, whole this time"
        if ours != name:
            return "the table is read whole this time"
        return {
            ReadMode.INCREMENTAL: "the table is read whole this time",
            ReadMode.SNAPSHOT: "every row has it from now on",
            ReadMode.APPEND: "it is NULL in rows loaded before",
        }[mode]

    def _changes(self, name: str, was: SeenColumn, now: SeenColumn) -> Iterator[Drift]:
        yield from self._type_changes(name, _plain(was.type), _plain(now.type))
        shown = self._shown(name)
        if (was.nullable, now.nullable) == (False, True):
            effect = "the curated table's rules decide about rows without it"
            yield Drift(DriftKind.NULLABLE, name, f"column {shown} was NOT NULL, may be NULL", effect)
        if (was.nullable, now.nullable) == (True, False):
            yield Drift(DriftKind.NOT_NULL, name, f"column {shown} may no longer be NULL", "nothing follows")

    def _type_changes(self, name: str, was: str, now: str) -> Iterator[Drift]:
        if was == now:
            return
        old, new, shown = _values(was), _values(now), self._shown(name)
        if added := [value for value in new if old and value not in old]:
            effect = "it arrives as text, and the curated table's rules decide about it"
            yield Drift(DriftKind.VALUES_ADDED, name, f"column {shown} may be {', '.join(added)}", effect)
        if removed := [value for value in old if new and value not in new]:
            effect = "rows loaded before keep it until they are read again"
            yield Drift(
                DriftKind.VALUES_REMOVED, name, f"column {shown} is never {', '.join(removed)} any more", effect
            )
        if added or removed:
            return
        change = f"column {shown} was {was}, is {now}"
        ours = self._ours_now.get(name) or self._ours_was.get(name, name)
        held, arriving = self._raw_was.get(ours), self._raw_now.get(ours)
        if arriving is None:
            yield Drift(DriftKind.RETYPED, name, change, "it is ignored, since the contract does not name it")
        elif held is None or held == arriving:
            yield Drift(DriftKind.RETYPED, name, change, f"it arrives as {arriving}, as before")
        else:
            yield self._raw_change(name, change, held, arriving)

    def _raw_change(self, name: str, change: str, held: str, arriving: str) -> Drift:
        fitting = common_type(held, arriving)
        if fitting is None:
            effect = f"its raw column has held {held} and cannot take {arriving}"
            return Drift(DriftKind.INCOMPATIBLE, name, change, effect)
        if fitting == held:
            return Drift(DriftKind.NARROWED, name, change, f"its raw column stays {held}")
        return Drift(DriftKind.WIDENED, name, change, f"its raw column grows from {held} to {fitting}")


def sources_before(previous: ExtractedTable) -> dict[str, str]:
    """What the source called the columns that the last extract read, in lower case."""
    read = [name for name in previous.present if name not in previous.constants]
    return {name: folded(previous.sources.get(name, name)) for name in read}


def held_types(
    columns: Iterable[FileColumn], present: Collection[str], previous: ExtractedTable | None
) -> dict[str, str]:
    """The narrowest types that hold what was read of each column before and what arrives now.

    A kind that a column had once, and which the run was let through without, is forgotten.
    """
    held = dict(_held(previous)) if previous else {}
    for column in columns:
        if column.name in present:
            before = held.get(column.name, column.type)
            held[column.name] = common_type(before, column.type) or column.type
    return held


def _held(previous: ExtractedTable) -> Mapping[str, str]:
    """Types by column; an extract of before they were carried on knows its own."""
    own = {column.name: column.type for column in previous.columns if column.name in previous.present}
    return previous.held_types or own


def _check_held(plan: ReadPlan, previous: ExtractedTable) -> None:
    """Stop before anything is read at a raw column that was wider before the last run."""
    table, held = plan.table.name, _held(previous)
    for name, arriving in _arriving(plan).items():
        # A column that was gone may have left a raw column of NULLs: only the warehouse knows, and the load asks it.
        if name in previous.present and name in held and not common_type(held[name], arriving):
            raise _incompatible(
                plan,
                f"raw_data.{table}.{name} is {held[name]} and cannot take {arriving}, which the source's column is now",
            )


def _check_waiting(plan: ReadPlan, waiting: Sequence[ExtractManifest], converted: Sequence[str] = ()) -> None:
    """A run that is loaded before this one must fit the same raw columns."""
    table = plan.table.name
    arriving = {name: kind for name, kind in _arriving(plan).items() if name not in converted}
    for manifest in waiting:
        extract = manifest.tables.get(table)
        read = {column.name: column.type for column in extract.columns} if extract else {}
        for name in set(extract.present if extract else ()) & read.keys() & arriving.keys():
            if not common_type(read[name], arriving[name]):
                raise ContractError(
                    f"Column {plan.place_of(name)} arrives as {arriving[name]}, but run {manifest.run_id}, which is "
                    f"not loaded yet, read it as {read[name]}.",
                    remedy=f"load that first with `rental run --resume {manifest.run_id} --step load-raw`.",
                    reason="column-changed-before-load",
                    table=table,
                )


def _arriving(plan: ReadPlan) -> dict[str, str]:
    return {column.name: column.type for column in plan.columns if column.is_present}


def _incompatible(plan: ReadPlan, told: str) -> ContractError:
    table = plan.table.name
    return ContractError(
        f"Table {plan.place} has changed in a way that raw_data.{table} cannot follow: {told}.",
        remedy=f"put a view with a CAST in the place of the table, or convert the column of raw_data.{table} in the "
        "warehouse (or drop that table) and `rental run --full-refresh`.",
        reason="raw-column-cannot-follow",
        table=table,
    )


def _plain(native: str) -> str:
    """A type without the display width of integers, which says nothing about their values."""
    return re.sub(r"\b((?:tiny|small|medium|big)?int)\(\d+\)", r"\1", native)


def _values(native: str) -> list[str]:
    """The values of an ENUM or SET, quoted as they stand; none for other types."""
    kind, _, listed = native.partition("(")
    return re.findall(r"'(?:[^']|'')*'", listed) if kind in {"enum", "set"} else []
