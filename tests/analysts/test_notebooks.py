"""The notebooks run on either warehouse and say the same of it; where there is nothing to say, they say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import notebooks
from analysts.conftest import Warehouses
from analysts.questions import READ
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.redshift import refused_by_redshift
from rental_analytics.warehouses.duckdb.tables import create_table

NAMES = ["data_quality", "host_and_supply", "pricing_and_pace", "rental_performance", "user_engagement"]
PATHS = [pytest.param(path, id=path.stem) for path in notebooks.notebooks()]
MISSING = "**What is missing:** "
QUERY = re.compile(r'story\.ask\(\s*"""(.*?)"""', re.DOTALL)
WITHOUT_PICTURES = "import vl_convert\nvl_convert.vegalite_to_png = lambda *_, **__: bytes(24)"
"""Drawing takes most of the time."""


@pytest.mark.fast
def test_which_there_are() -> None:
    assert [path.stem for path in notebooks.notebooks()] == NAMES


@pytest.mark.fast
@pytest.mark.parametrize("path", PATHS)
def test_nothing_that_running_left_is_kept(path: Path) -> None:
    """`python scripts/notebooks.py strip` removes it."""
    assert notebooks.stripped(notebooks.read(path)) == path.read_text(encoding="utf-8")


@pytest.mark.fast
def test_what_running_left_is_seen(tmp_path: Path) -> None:
    import nbformat

    notebook = notebooks.read(notebooks.notebooks()[0])
    clean = notebooks.stripped(notebook)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="x")]
    cell.metadata["collapsed"], cell.execution_count = True, 3
    notebook.metadata["widgets"] = {}
    assert nbformat.writes(notebook) + "\n" != clean
    assert notebooks.stripped(notebook) == clean


@pytest.mark.fast
@pytest.mark.parametrize("path", PATHS)
def test_each_question_has_sql_a_picture_and_a_conclusion(path: Path) -> None:
    cells = {cell.id: cell for cell in notebooks.read(path).cells}
    asked = [name for name in cells if name.endswith("-question")]
    assert len(asked) >= 4
    for name in asked:
        assert re.match(r"## .+\?\n?", cells[name].source)
        answer = cells[name.replace("-question", "-answer")].source
        assert "picture(" in answer
        assert "conclude(" in answer
        assert "story.enough(" in answer
    assert all("-" not in name or name.endswith(("-question", "-data", "-answer")) for name in cells)


@pytest.mark.fast
@pytest.mark.parametrize("path", PATHS)
def test_the_sql_reads_what_analysts_may_read(path: Path) -> None:
    """On Redshift the role `analyst` has the presentation layer, and `operator` has `ops` beside it."""
    queries = [sql for cell in notebooks.read(path).cells for sql in QUERY.findall(cell.source)]
    assert queries
    schemas = {name.partition(".")[0] for sql in queries for name in READ.findall(sql)}
    assert schemas == ({"ops"} if path.stem == "data_quality" else {"presentation"})
    assert [found for sql in queries for found in refused_by_redshift(re.sub(r":(\w+)", "NULL", sql))] == []


@dataclass(frozen=True)
class Told:
    """What a notebook shows: texts in their order, and how many pictures."""

    texts: list[str]
    pictures: int

    @classmethod
    def by(cls, notebook: Any) -> Told:
        """Of one that was run."""
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        assert {output.output_type for output in outputs} <= {"display_data"}, outputs
        shown = [output.data for output in outputs]
        texts = [str(data["text/markdown"]) for data in shown if "text/markdown" in data]
        return cls(texts, sum("image/png" in data for data in shown))


@pytest.fixture(scope="module")
def manager() -> Iterator[Any]:
    """One Python for all of them: starting it takes longer than a notebook."""
    with notebooks.kernel() as started:
        yield started


def run(path: Path, manager: Any, variables: Mapping[str, str], *before: str) -> Any:
    """A notebook that was run where environment variables are these."""
    import nbformat

    notebook = notebooks.read(path)
    own = {name: value for name, value in variables.items() if name.startswith(("AWS_", "RENTAL_"))}
    cleared = "for name in [*os.environ]:\n    if name.startswith(('AWS_', 'RENTAL_')):\n        del os.environ[name]"
    first = ["import os", cleared, f"os.environ.update({own!r})", *before]
    notebook.cells.insert(0, nbformat.v4.new_code_cell("\n".join(first), id="first"))
    return notebooks.run(notebook, manager)


class Links(HTMLParser):
    """What a page would fetch, its pictures and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert tag not in {"script", "link", "iframe"}
        source = values.get("src") or ""
        if source.startswith("data:image/png;base64,"):
            self.pictures.append(values["alt"] or "")
        elif source:
            self.fetched.append(source)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.service
@pytest.mark.xdist_group("analysts")
@pytest.mark.parametrize("path", PATHS)
def test_both_warehouses(path: Path, manager: Any, warehouses: Warehouses) -> None:
    """The pictures are drawn once."""
    drawn = run(path, manager, {"RENTAL_CONFIG": str(warehouses.duckdb)})
    told = Told.by(drawn)
    asked = sum(cell.id.endswith("-question") for cell in drawn.cells)
    assert told.pictures >= asked
    assert sum(text.startswith("**Conclusion.**") for text in told.texts) >= asked
    assert not [text for text in told.texts if text.startswith(("*", MISSING)) and "Conclusion" not in text]
    assert not [text for text in told.texts if re.search(r"\b(nan|None|NaT|<NA>|not known)\b", text)]

    links = Links(notebooks.page(drawn, path.stem))
    assert links.fetched == []
    assert len(links.pictures) == told.pictures
    assert all(links.pictures)
    assert "story.ask(" in links.text
    assert "import altair" not in links.text

    variables = {**warehouses.variables, "RENTAL_CONFIG": str(warehouses.redshift)}
    other = Told.by(run(path, manager, variables, WITHOUT_PICTURES))
    assert other.pictures == told.pictures
    # Only the first line differs, which says where the warehouse is, and how long the steps took.
    assert [settled(text) for text in other.texts[1:]] == [settled(text) for text in told.texts[1:]]


def settled(text: str) -> str:
    """A text without what no two runs have in common: which step of a run took longest."""
    return re.sub(r"; no step took longer than .+? seconds", "", text)


@pytest.mark.slow
@pytest.mark.xdist_group("analysts")
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_there(path: Path, manager: Any, tmp_path: Path) -> None:
    """No configuration, no warehouse, one before its first metrics, and one of a marketplace without rows."""
    config, warehouse = tmp_path / "rental.toml", tmp_path / "warehouse.duckdb"
    variables = {"RENTAL_CONFIG": str(config)}

    def told() -> list[str]:
        found = Told.by(run(path, manager, variables, WITHOUT_PICTURES))
        assert found.pictures == 0
        assert not [text for text in found.texts if "Conclusion" in text]
        assert sum("Nothing is there to show yet" in text for text in found.texts) >= 4
        return found.texts

    assert told()[0].startswith(f"{MISSING}There is no configuration file {config}.")
    config.write_text('[warehouse]\nurl = "duckdb:///warehouse.duckdb"\n')
    assert told()[0].startswith(f"{MISSING}There is no warehouse {warehouse} yet. Remedy: make it with `rental run`")
    make(warehouse, filled=False)
    assert "The query failed" in told()[0]
    make(warehouse, filled=True)
    first, *rest = told()
    assert first == f"{MISSING}The warehouse duckdb:///{warehouse} has no bookings yet. `rental run` fills it."
    assert not [text for text in rest if MISSING in text]


def make(file: Path, *, filled: bool) -> None:
    """A warehouse with the tables of a run, all of them empty, or without any."""
    import duckdb

    contracts = load_contracts()
    with duckdb.connect(str(file)) as connection:
        if filled:
            connection.execute("CREATE SCHEMA presentation; CREATE SCHEMA ops")
            for model in contracts.presentation.values():
                connection.execute(create_table(model.relation, model.file_columns))
            for name, table in ops_tables().items():
                connection.execute(create_table(f"ops.{name}", table.file_columns))
