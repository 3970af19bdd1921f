"""What the documentation shows of Python runs as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysts.conftest import Warehouses
from docs.pages import ROOT, blocks, pages

PAGES = ["docs/reference/python.md", "docs/cookbooks/twenty-questions.md"]


@pytest.mark.service
@pytest.mark.xdist_group("analysts")
@pytest.mark.parametrize("page", PAGES)
def test_python_shown_runs(page: str, warehouses: Warehouses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(pages()[page], "python")
    assert code
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rental.toml").symlink_to(warehouses.duckdb)
    (tmp_path / "analytics").symlink_to(ROOT / "analytics")
    monkeypatch.setenv("RENTAL_WAREHOUSE__URL", f"duckdb:///{warehouses.duckdb.parent / 'warehouse.duckdb'}")
    names: dict[str, Any] = {}
    for part in code:
        exec(part, names)
    assert len(names["rental"].metrics()) > 0
