"""What the system, DuckDB or another process has against using a DuckDB file, as errors of ours."""

from __future__ import annotations

import re
from pathlib import Path

from rental_analytics.disk import full_disk_remedy, is_full
from rental_analytics.errors import ConfigurationError, LockHeldError, WarehouseError


def held_by_run(path: Path, holder: str) -> LockHeldError:
    """The error for a run that meets another one.

    Args:
        holder: program and process id of that run, empty where they are not known.
    """
    return LockHeldError(
        f"Another run is at work on the warehouse {path}" + (f", in {holder}." if holder else "."),
        remedy="wait for that run to end, then run again.",
        reason="warehouse-locked",
    )


def open_for_writing(path: Path, holder: str = "") -> LockHeldError:
    """The error for a file that another program may change; with the run's copy in its place, that would be lost.

    Args:
        holder: program and process id, empty where they are not known.
    """
    return LockHeldError(
        f"Another program has the warehouse {path} open for writing" + (f": {holder}." if holder else "."),
        remedy="close that program (a DuckDB shell, a notebook), or let it open the file for reading only "
        "(`duckdb -readonly`, `read_only=True`), then try again.",
        reason="warehouse-open-for-writing",
    )


def not_opened(path: Path, error: Exception) -> Exception:
    """The error for a file that cannot be opened."""
    text = str(error).splitlines()[0]
    if "Conflicting lock" in text or "being used by another process" in text:
        holder = re.search(r"held in (.+? \(PID \d+\))", text)
        return open_for_writing(path, holder[1] if holder else "")
    if is_full(error):
        return refused(path, error)
    if "different configuration" in text:
        return ConfigurationError(
            f"This process has the warehouse {path} open already, in a way of its own.",
            remedy="close that connection, which `duckdb.connect` gave, or ask through it.",
            reason="warehouse-open-in-process",
        )
    return ConfigurationError(
        f"The warehouse {path} cannot be opened: {text}.",
        remedy="point warehouse.url to a DuckDB file, or a new name, in a folder you may write to.",
        reason="warehouse-not-opened",
    )


def not_copied(path: Path, error: OSError) -> Exception:
    """The error for a file of which no working copy can be made."""
    if is_full(error):
        return WarehouseError(
            f"The disk has no room for a run's copy of the warehouse {path}: {error.strerror or error}. Nothing has "
            "changed.",
            remedy=full_disk_remedy(error, path.parent),
            reason="disk-full",
        )
    return not_opened(path, error)


def left_unreadable(path: Path, folder: Path, error: BaseException) -> ConfigurationError:
    """The error for a working copy of an earlier run that cannot be opened."""
    text = str(error).splitlines()[0]
    return ConfigurationError(
        f"What an earlier run left in {folder} cannot be opened: {text}.",
        remedy=f"remove {folder}, then `rental run`, with --full-refresh if it asks for that; {path} is as that run "
        "found it.",
        reason="warehouse-copy-unreadable",
    )


def changed_during_run(path: Path) -> WarehouseError:
    """The error for a file that somebody else changed while a run was at work on its copy."""
    return WarehouseError(
        f"The warehouse {path} was changed or replaced while the run was at work; it stays as it is, without what the "
        "run did.",
        remedy="see who changes the file, then run again: a run goes on from the file as it is, with --full-refresh "
        "where it asks for that.",
        reason="warehouse-changed-during-run",
    )


def not_published(path: Path, folder: Path, error: Exception) -> WarehouseError:
    """The error for a working copy that cannot take the place of the file; it stays, and nothing is lost."""
    text = str(error).splitlines()[0]
    return WarehouseError(
        f"The run is done, but readers of the warehouse {path} do not see it yet: {text}.",
        remedy=f"see that {path.parent} can be written, and that {path.name} can be replaced there (a file that is "
        f"mounted by itself cannot); then run again, which goes on from {folder}.",
        reason="warehouse-not-published",
    )


def refused(path: Path, error: Exception) -> WarehouseError:
    """The error for a statement that DuckDB refuses."""
    if is_full(error):
        return WarehouseError(
            f"The warehouse {path} cannot grow: {str(error).splitlines()[0].rstrip('.')}.",
            remedy=full_disk_remedy(error, path.parent),
            reason="disk-full",
        )
    return WarehouseError(
        f"The warehouse {path} refused a statement: {str(error).splitlines()[0]}.",
        remedy="take back what was changed in the warehouse by hand, such as a table that was altered or replaced, "
        "and run again; --debug shows the whole error.",
        reason="warehouse-statement-refused",
    )
