"""Named places where the world outside this process changes, so that tests can end the process exactly there.

Nothing happens at them unless something was armed, and only tests do that: no setting, argument or variable can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

FAILPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "lock-taken": "The lake's run lock is held; nothing else has changed.",
        "draft-written": "An object of a local lake is whole under the name of a draft; its own name is not there yet.",
        "file-swept": "One leftover of an earlier run is gone; others may be there still.",
        "place-claimed": "The run has its place in the history; its parameters are not in `runs/`.",
        "warehouse-copied": "A DuckDB warehouse has a working copy; nothing has changed in it.",
        "run-begun": "The run's parameters are in the lake; the warehouse does not know it.",
        "run-recorded": "`ops.runs` says that the run is running; no step has begun.",
        "state-written": "A table's state is written but not published.",
        "state-published": "A table's state stands in the lake; no manifest names it.",
        "raw-written": "A table's rows are written but not published.",
        "raw-published": "A table's rows stand in the lake; no manifest names them.",
        "extract-manifest-due": "All tables are extracted; the manifest is not in the lake.",
        "extract-manifest-written": "The extract counts; the step is not recorded.",
        "rejected-written": "A table's rejected rows are written but not published.",
        "rejected-published": "A table's rejected rows stand in the lake; no manifest names them.",
        "curated-written": "A table's curated rows are written but not published.",
        "curated-published": "A table's curated rows stand in the lake; no manifest names them.",
        "transform-manifest-due": "All tables are transformed; the manifest is not in the lake.",
        "transform-manifest-written": "The transform counts; the step is not recorded.",
        "load-raw-begun": "The transaction that loads raw rows is open and empty.",
        "load-raw-table-loaded": "Raw rows of one more table are in the open transaction.",
        "load-raw-filled": "All raw rows and `ops.loads` are in the open transaction; it is not committed.",
        "load-raw-committed": "The warehouse has the raw rows; the lake does not say so.",
        "load-raw-manifest-due": "The warehouse has the raw rows and their freshness; the manifest is not in the lake.",
        "load-raw-manifest-written": "The raw load counts; the step is not recorded.",
        "load-curated-begun": "The transaction that loads curated rows is open and empty.",
        "load-curated-table-loaded": "Curated rows of one more table are in the open transaction.",
        "rejected-rows-added": "Curated and rejected rows are in the open transaction; `ops.loads` does not have them.",
        "load-curated-filled": "All curated rows and `ops.loads` are in the open transaction; it is not committed.",
        "load-curated-committed": "The warehouse has the curated rows; the lake does not say so.",
        "load-curated-manifest-due": "The warehouse has the curated rows; the manifest is not in the lake.",
        "load-curated-manifest-written": "The curated load counts; the step is not recorded.",
        "metrics-begun": "The transaction that rebuilds the metrics is open; it has the run's parameters.",
        "metrics-table-built": "One more metric is built anew and checked in the open transaction.",
        "metrics-filled": "All metrics are built in the open transaction; it is not committed.",
        "metrics-committed": "Readers see the new metrics; the lake does not say so.",
        "metrics-manifest-due": "The results of the checks are recorded too; the manifest is not in the lake.",
        "metrics-manifest-written": "The metrics count; the step is not recorded.",
        "step-recorded": "`ops.steps` has the step that just ended; the next has not begun.",
        "object-uploaded": "One more file of a table is in the bucket; its other files may not be.",
        "warehouse-publish-due": "The working copy says how the run ended, and is closed; readers see the last run's.",
        "warehouse-published": "Readers see what the run did; the folder of the working copy is still there.",
        "run-succeeded": "`ops.runs` says that the run succeeded; the lock is still held.",
        "lock-released": "The run is over and its lock is free; the process has not ended.",
    }
)

_action: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Tell what was armed that this place is reached.

    Raises:
        KeyError: `FAILPOINTS` does not know the name.
    """
    if name not in FAILPOINTS:
        raise KeyError(name)
    if _action is not None:
        _action(name)


def arm(action: Callable[[str], None] | None) -> None:
    """Call this with the name of every failpoint reached from now on; None disarms."""
    global _action  # noqa: PLW0603 one per process, as the process is what ends
    _action = action
