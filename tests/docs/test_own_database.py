"""The cookbook on a database of one's own, done as it says; its company is that of tests/runs/test_company.py."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.program import rental_process
from docs.pages import FENCE, blocks, pages, rental_commands
from rental_analytics.databases.sqlite.database import SqliteDatabase
from runs.harness import Source
from support.company import Company, edited

PAGE = pages()["docs/cookbooks/your-own-database.md"]
IDS = "text"
TABLES, _ = blocks(PAGE, "sql")
(EDITS,) = blocks(PAGE, "diff")


@pytest.mark.fast
def test_the_tables_are_those_of_the_company(tmp_path: Path) -> None:
    Company(Source.sqlite(tmp_path / "shop.db").execute, "sqlite", IDS)
    with closing(sqlite3.connect(tmp_path / "page.db")) as connection:
        connection.executescript(TABLES)
    there, shown = (SqliteDatabase(tmp_path / name).catalogue() for name in ("shop.db", "page.db"))
    del there["guests"]
    assert shown == there


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    Company(Source.sqlite(tmp_path / "shop.db").execute, "sqlite", IDS)
    shown = [text for language, text in FENCE.findall(PAGE) if not language]
    init, run, *queries = [command for command in rental_commands(PAGE) if command[1:] or command == ["run"]][:4]
    assert init[:2] == ["init", "--from"]

    made = rental_process(tmp_path, *init[:2], "sqlite:///shop.db").ok()
    assert made.out == shown.pop(0)
    config = tmp_path / "rental.toml"
    text = config.read_text()
    config.write_text(with_edits(text))
    assert with_edits(text) == edited(text)

    rental_process(tmp_path, *run).ok()
    assert len(queries) == len(shown) == 2
    for query in queries:
        assert rental_process(tmp_path, *query).ok().out.split() == shown.pop(0).split()


def with_edits(text: str) -> str:
    """A file in which lines were replaced as the page shows."""
    for edit in EDITS.strip().split("\n\n"):
        before, after = ("".join(f"{line[2:]}\n" for line in edit.splitlines() if line[0] == sign) for sign in "-+")
        assert len(re.findall(f"^{re.escape(before)}", text, re.MULTILINE)) == 1, before
        text = re.sub(f"^{re.escape(before)}", lambda _, after=after: after, text, flags=re.MULTILINE)
    return text
