"""Looks at files before COPY does: Redshift reads Parquet by position, and tells little of what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.columns import MAX_TEXT_BYTES
from rental_analytics.contracts.manifest import FileColumn, LakeFile
from rental_analytics.errors import LakeError, LakeUnavailableError, WarehouseError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.verification import check_rows, check_stored

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

_RESTORE = "restore the file as the run wrote it, or run `rental run --full-refresh`."
_BEYOND_ANY = "shorten the value in the source, then `rental run --full-refresh`; Redshift takes 65,535 bytes at most."
_AT_ONCE = 4
"""Files looked at beside each other: what takes time is to wait for the bucket."""
_WIDTHS = {"SMALLINT": "int16", "INTEGER": "int32", "BIGINT": "int64"}


@dataclass(frozen=True)
class Room:
    """What a table has room for.

    Args:
        table: how the table is called in messages.
        columns: in the order the files have to have.
        required: columns without NULL.
        remedy: what to do about a text that is too long, `{column}` and `{bytes}` standing for what is found.
        cuts: texts that no VARCHAR takes whole are cut on their way.
        key: columns by which rows are told apart.
    """

    table: str
    columns: tuple[FileColumn, ...]
    required: tuple[str, ...] = ()
    remedy: str = _BEYOND_ANY
    cuts: bool = False
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the files of a table hold: columns without any value, and the longest text of the others in bytes."""

    empty: frozenset[str]
    longest: dict[str, int]


def check_files(lake: Lake, loads: Mapping[str, tuple[Room, Sequence[LakeFile]]]) -> dict[str, Facts]:
    """See that COPY can take files as they lie in the lake; some are looked at beside each other.

    Args:
        loads: by a name of its own, what each table has room for and its files.

    Raises:
        LakeError: a file is missing, or is not the one its manifest names.
        WarehouseError: columns, types or values do not fit the table; names the column. Of several errors the first
            file's is raised.
    """
    asked = [(name, room, file) for name, (room, files) in loads.items() for file in files]
    found: dict[str, list[Facts]] = {name: [] for name in loads}
    stopped = Event()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looks = pool.map(lambda one: _check_file(lake, one[1], one[2], stopped), asked)
        try:
            for (name, *_), facts in zip(asked, looks, strict=True):
                found[name].append(facts)
        except BaseException:
            # The block waits for those at work, which look at this now and then.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: _together(room, found[name]) for name, (room, _) in loads.items()}


def _together(room: Room, files: Sequence[Facts]) -> Facts:
    names = frozenset(column.name for column in room.columns)
    longest: dict[str, int] = {}
    for facts in files:
        for name, size in facts.longest.items():
            longest[name] = max(size, longest.get(name, 0))
    return Facts(names.intersection(*(facts.empty for facts in files)), longest)


def _check_file(lake: Lake, room: Room, file: LakeFile, stopped: Event) -> Facts:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = lake.location(file.path)
    with _of_table(room):
        stored = check_stored(lake, file)
    with lake.open(file.path, stored.version) as content:
        try:
            with pq.ParquetFile(content) as parquet:
                _check_columns(room, place, parquet.schema_arrow)
                with _of_table(room):
                    check_rows(lake, file, parquet.metadata.num_rows)
                return _check_values(room, place, parquet, stopped)
        except (pa.ArrowException, OSError) as error:
            told = f"{place} is no Parquet file that can be read ({str(error).strip(' .')})"
            raise _unfit(room, f"{told}; nothing of {room.table} was loaded.") from error


@contextmanager
def _of_table(room: Room) -> Iterator[None]:
    """Let the error for a file that is another one say which table was not loaded."""
    try:
        yield
    except LakeUnavailableError:
        raise
    except LakeError as error:
        raise LakeError(
            f"{error.message.rstrip('.')}; nothing of {room.table} was loaded.",
            remedy=error.remedy,
            reason=error.reason,
            table=room.table,
        ) from error


def _check_columns(room: Room, place: str, schema: pa.Schema) -> None:
    """COPY takes the first column of a file for the first of the table, whatever their names."""
    wanted, names = Counter(column.name for column in room.columns), Counter(schema.names)
    if wanted != names:
        told = [
            f"it {verb} {', '.join(odd)}" for verb, odd in (("lacks", wanted - names), ("adds", names - wanted)) if odd
        ]
        raise _unfit(
            room,
            f"{place} has other columns than {room.table}: {' and '.join(told)}; nothing of {room.table} was loaded.",
        )
    for number, (column, found) in enumerate(zip(room.columns, schema, strict=True), start=1):
        if found.name != column.name:
            raise _unfit(
                room,
                f"Column {number} of {place} is {found.name}, and column {number} of {room.table} is {column.name}; "
                f"nothing of {room.table} was loaded.",
            )
        if not _fits(column.type, found.type):
            raise _unfit(
                room,
                f"Column {column.name} of {place} is {found.type}, and {column.type} in {room.table}; nothing of "
                f"{room.table} was loaded.",
            )


def _fits(kind: str, found: Any) -> bool:
    import pyarrow as pa

    if kind in _WIDTHS:
        return str(found) == _WIDTHS[kind]
    if kind.startswith("DECIMAL"):
        return bool(pa.types.is_decimal128(found)) and kind == f"DECIMAL({found.precision},{found.scale})"
    plain = {
        "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(),
        "DOUBLE": pa.float64(),
        "TIMESTAMP": pa.timestamp("us"),
        "VARCHAR": pa.string(),
    }
    return bool(found == plain.get(kind))


def _check_values(room: Room, place: str, parquet: ParquetFile, stopped: Event) -> Facts:
    nulls, rows = _null_counts(room, parquet), parquet.metadata.num_rows
    for name in room.required:
        if nulls.get(name):
            raise _unfit(
                room,
                f"Column {name} is NULL in {nulls[name]:,} of {rows:,} rows of {place}, and {room.table} takes no "
                f"NULL; nothing of {room.table} was loaded.",
                f"correct what makes {name} NULL, or let it be NULL in the contract, then `rental run --full-refresh`.",
                "null-in-required-column",
            )
    texts = [column.name for column in room.columns if column.type == "VARCHAR"]
    longest, blank_ended = _texts(parquet, texts, stopped)
    for column in room.columns:
        bound = min(column.max_bytes or MAX_TEXT_BYTES, MAX_TEXT_BYTES)
        if longest.get(column.name, 0) > bound and not room.cuts:
            size = longest[column.name]
            raise _unfit(
                room,
                f"Column {column.name} of {place} has a text of {size:,} bytes, and {room.table} takes {bound:,}; "
                f"nothing of {room.table} was loaded.",
                (room.remedy if size <= MAX_TEXT_BYTES else _BEYOND_ANY).format(column=column.name, bytes=size),
                "text-too-long",
            )
    for name in room.key:
        if name in blank_ended:
            raise _unfit(
                room,
                f"Column {name} of {place} has keys that end in a blank, and {room.table} takes them for the same "
                f"as without it; nothing of {room.table} was loaded.",
                f"take the blanks off the end of {name} in the source, or in a view of it, then "
                "`rental run --full-refresh`.",
                "key-ends-in-blank",
            )
    return Facts(frozenset(name for name, count in nulls.items() if count == rows), longest)


def _null_counts(room: Room, parquet: ParquetFile) -> dict[str, int]:
    """As the file's statistics have them; columns without are read."""
    counts: dict[str, int] = {}
    unknown: list[str] = []
    groups = [parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups)]
    for place, column in enumerate(room.columns):
        statistics = [group.column(place).statistics for group in groups]
        if all(found is not None and found.has_null_count for found in statistics):
            counts[column.name] = sum(found.null_count for found in statistics)
        else:
            unknown.append(column.name)
    if unknown:
        counts |= dict.fromkeys(unknown, 0)
        for batch in parquet.iter_batches(columns=unknown):
            for name in unknown:
                counts[name] += batch.column(name).null_count
    return counts


def _texts(parquet: ParquetFile, names: Sequence[str], stopped: Event) -> tuple[dict[str, int], set[str]]:
    """Bytes of the longest text of each column, and the columns with texts that end in a blank.

    Nothing else of the file is read.
    """
    import pyarrow.compute as pc

    longest, blank_ended = dict.fromkeys(names, 0), set[str]()
    if names:
        for batch in parquet.iter_batches(columns=list(names)):
            if stopped.is_set():
                break
            for name in names:
                column = batch.column(name)
                longest[name] = max(longest[name], pc.max(pc.binary_length(column)).as_py() or 0)
                if name not in blank_ended and pc.any(pc.ends_with(column, " ")).as_py():
                    blank_ended.add(name)
    return longest, blank_ended


def _unfit(room: Room, message: str, remedy: str = _RESTORE, reason: str = "file-does-not-fit") -> WarehouseError:
    return WarehouseError(message, remedy=remedy, reason=reason, table=room.table)
