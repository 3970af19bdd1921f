"""What each job does in the lake, folder by folder: the rights it needs, as docs/reference/glue-jobs.md has them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.pages import ROOT
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.storage.local import LocalLake
from runners.jobs import Jobs
from runs.harness import Pipeline, Source

pytestmark = pytest.mark.slow

Seen = dict[str, set[tuple[str, str]]]
VERBS = {
    "create": "write",
    "write": "write",
    "read": "read",
    "paths": "list",
    "folders": "list",
    "delete": "delete",
    "local_copies": "read",
    "_output_folder": "write",
}


def place(path: str) -> str:
    """Folder of a path, or the file where it stands in none."""
    head, slash, rest = path.partition("/")
    return "runs/*/records/" if head == "runs" and "/records/" in f"{rest}/" else head + slash


@pytest.fixture
def doing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Notes what is done in lakes for the step that is told."""
    current, seen = [""], defaultdict[str, set[tuple[str, str]]](set)

    for method, verb in VERBS.items():
        original = getattr(LocalLake, method)

        def noted(self: LocalLake, where: Any, *rest: Any, original: Any = original, verb: str = verb) -> Any:
            paths = [where] if isinstance(where, str) else list(where)
            seen[current[0]] |= {(verb, place(path)) for path in paths}
            return original(self, where if isinstance(where, str) else paths, *rest)

        monkeypatch.setattr(LocalLake, method, noted)

    def tell(step: str) -> None:
        current[0] = step

    tell.seen = seen  # type: ignore[attr-defined]
    yield tell


def test_rights_are_those_documented(
    jobs: Jobs, pipeline: Pipeline, source: Source, doing: Callable[[str], None]
) -> None:
    def do_all(run_id: str, *settings: str, **asked: str) -> None:
        for step in STEP_NAMES:
            doing(step)
            jobs.do(step, run_id, *settings, **asked)

    do_all("first")
    doing("extract")
    jobs.do("extract", "unfinished")
    leave_files(pipeline.folder / "lake", "unfinished")
    source.execute("UPDATE bookings SET user_id = NULL, updated_at = '2024-05-01' WHERE booking_id = 1")
    source.execute("DELETE FROM bookings WHERE booking_id = 2")
    do_all("later")
    source.execute("UPDATE bookings SET user_id = 7, updated_at = '2024-05-02' WHERE booking_id = 1")
    do_all("whole", full_refresh="true")
    for step in STEP_NAMES[2:]:
        doing(step)
        assert jobs.do(step, "whole", "warehouse.url=duckdb:////proc/none/warehouse.duckdb").code == 2
    seen: Seen = doing.seen  # type: ignore[attr-defined]
    assert {step: rights(seen[step]) for step in STEP_NAMES} == documented()


def rights(seen: set[tuple[str, str]]) -> list[list[str]]:
    return [sorted(where for done, where in seen if done == verb) for verb in ("list", "read", "write", "delete")]


def documented() -> dict[str, list[list[str]]]:
    """The table of the page, by step."""
    page = (ROOT / "docs" / "reference" / "glue-jobs.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", page, flags=re.MULTILINE)
    return {step: [sorted(re.findall(r"`([^`]+)`", cell)) for cell in cells] for step, *cells in rows}


def leave_files(lake: Path, run_id: str) -> None:
    """What a killed run may leave."""
    for kind in ("raw", "curated", "rejected"):
        file = lake / kind / "bookings" / f"run_id={run_id}" / "part-killed-0.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
