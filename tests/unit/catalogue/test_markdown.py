"""Markdown shows what its texts say, whatever is in them, and its links lead somewhere."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from catalogue.contents import HOSTILE, hostile_content, packaged
from docs.pages import anchors, links
from rental_analytics.catalogue.dictionary import PLACES
from rental_analytics.catalogue.markdown import code, fenced, paragraph, table, text
from rental_analytics.catalogue.markdown_pages import MARK, markdown_pages

pytestmark = pytest.mark.fast
PARSER = MarkdownIt("commonmark").enable("table")
PAGES = markdown_pages(packaged())
# What Markdown has no place for on a line.
ANYTHING = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40)


def shown(token: Token) -> str:
    """The text of an inline token, as a reader sees it; code written as HTML counts by its characters."""
    return "".join(child.content for child in token.children or () if child.type != "html_inline")


def one_line(words: str) -> str:
    return " ".join(words.split())


def cells(source: str) -> list[list[str]]:
    """The rows of the one table of a text, the first one its head."""
    rows: list[list[str]] = []
    for token in PARSER.parse(source):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            assert rows, "words outside of the table"
            rows[-1].append(shown(token))
    return rows


def kinds(source: str) -> list[str]:
    return [token.type for token in PARSER.parse(source)]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(words: str) -> None:
    (token,) = [token for token in PARSER.parse(paragraph(words)) if token.type == "inline"]

    assert kinds(paragraph(words)) == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in token.children or ()} <= {"text", "text_special"}
    assert shown(token) == one_line(words)
    assert kinds(f"# {text(words)}") == ["heading_open", "inline", "heading_close"]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_in_their_cell(words: str) -> None:
    made = table(("one", "two"), [(text(words), code(words)), (code(words), text(words))])
    seen = one_line(words)

    assert cells(made) == [["one", "two"], [seen, seen], [seen, seen]]


@given(ANYTHING, ANYTHING)
def test_any_words_stay_in_their_cell(one: str, other: str) -> None:
    made = table(("one", "two"), [(text(one), code(other))])

    assert cells(made) == [["one", "two"], [one_line(one), one_line(other)]]


@given(ANYTHING)
def test_any_words_are_one_paragraph(words: str) -> None:
    if one_line(words):
        assert kinds(paragraph(words)) == ["paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize("block", ["SELECT 1", "```\nSELECT 1\n```", "`````", ""])
def test_a_block_of_code_ends_where_it_ends(block: str) -> None:
    tokens = PARSER.parse(fenced(block, "sql"))

    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.rstrip("\n") == block


@pytest.mark.parametrize("words", HOSTILE)
def test_pages_of_hostile_texts_keep_their_shape(words: str) -> None:
    plain = {path: kinds(page) for path, page in markdown_pages(hostile_content("plain words")).items()}
    made = {path: kinds(page) for path, page in markdown_pages(hostile_content(words)).items()}

    assert made == plain
    assert not any("html_inline" in token.type for page in made.values() for token in PARSER.parse(str(page)))


def test_there_is_a_page_for_each_place_and_each_metric() -> None:
    assert set(PAGES) == {
        PurePosixPath("README.md"),
        PurePosixPath("lineage.md"),
        PurePosixPath("metrics/README.md"),
        *(PurePosixPath("dictionary", f"{place}.md") for place in PLACES),
        *(PurePosixPath("metrics", f"{metric.name}.md") for metric in packaged().metrics),
    }
    assert [path for path, page in PAGES.items() if not page.startswith(MARK)] == []


@pytest.mark.parametrize("path", PAGES, ids=map(str, PAGES))
def test_links_lead_somewhere(path: PurePosixPath) -> None:
    broken = []
    for link in links(PAGES[path]):
        target, _, anchor = link.partition("#")
        page = PurePosixPath(posixpath.normpath(path.parent / target))
        if page == PurePosixPath("index.html"):
            continue
        if page not in PAGES or (anchor and anchor not in anchors(PAGES[page].replace("\\", ""))):
            broken.append(link)

    assert broken == []


def test_every_table_and_column_is_on_the_page_of_its_place_and_in_the_lineage() -> None:
    lineage = PAGES[PurePosixPath("lineage.md")]
    for item in packaged().tables:
        page = PAGES[PurePosixPath("dictionary", f"{item.place}.md")]
        section = page.split(f"## {text(item.relation)}\n")[1].split("\n## ")[0]
        missing = [column.name for column in item.columns if f"\n| `{column.name}` | " not in section]
        assert missing == [], item.relation
        assert f"## {text(item.relation)}\n" in lineage


@pytest.mark.parametrize("metric", packaged().metrics, ids=lambda metric: metric.name)
def test_a_page_of_a_metric_has_all_of_it(metric: object) -> None:
    metric = next(one for one in packaged().metrics if one is metric)
    page = PAGES[PurePosixPath("metrics", f"{metric.name}.md")]
    headings = [line for line in page.splitlines() if line.startswith("## ")]

    assert metric.catalogue is not None
    assert f"```sql\n{metric.sql}\n```" in page
    assert headings[0] == "## Numbers"
    assert {"## Other columns", "## What to know", "## Example", "## Checks", "## SQL"} <= set(headings)
    for measure in metric.measures:
        assert (
            f"| `{measure.name}` | {text(measure.description)} | {text(measure.unit)} | {text(measure.formula)} |"
            in page
        )
    assert text(metric.model.definition) in page
    assert ("## Defined otherwise" in headings) == bool(metric.catalogue.elsewhere)
