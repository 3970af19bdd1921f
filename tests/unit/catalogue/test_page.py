"""The page with everything stands on its own, and shows its texts as they are."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser

import pytest

from catalogue.contents import HOSTILE, hostile_content, packaged
from rental_analytics.catalogue.page import PAGE_MARK, render_page

pytestmark = pytest.mark.fast
VOID = {"meta", "input"}
PAGE = render_page(packaged())


class Parsed(HTMLParser):
    """Texts, ids, attributes and scripts of a page; raises where an element is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes |= given.keys()
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.texts.append(data)

    @cached_property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


PARSED = Parsed(PAGE)


def test_the_page_needs_nothing_else_and_every_link_leads_somewhere() -> None:
    assert not {"src", "srcset", "data", "action", "style", "onclick", "onload"} & PARSED.attributes
    assert "link" not in PARSED.tags
    assert not re.search(r"@import|url\(", PAGE.partition("<script")[0])
    assert len(PARSED.ids) == len(set(PARSED.ids))
    assert {link.removeprefix("#") for link in PARSED.links} <= set(PARSED.ids)
    assert PAGE_MARK in PAGE[:1024]


def test_only_the_scripts_of_the_page_may_run() -> None:
    (rules,) = map(unescape, re.findall(r'Content-Security-Policy" content="([^"]+)"', PAGE))
    allowed = re.search(r"script-src ([^;]+);", rules)
    scripts = re.findall(r"<script>(.*?)</script>", PAGE, re.DOTALL)
    digests = [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]

    assert rules.startswith("default-src 'none';")
    assert allowed
    assert allowed[1].split() == digests
    assert len(digests) == 3
    assert "The Cytoscape Consortium" in scripts[0][:200]


def test_every_table_column_and_metric_is_there() -> None:
    names = {f"{table.relation}.{column.name}" for table in packaged().tables for column in table.columns}
    relations = {table.relation for table in packaged().tables}

    assert names | relations <= set(PARSED.ids)
    descriptions = {re.sub(r"\s+", " ", column.description) for table in packaged().tables for column in table.columns}
    assert {text for text in descriptions if text not in PARSED.text} == set()


@pytest.mark.parametrize("metric", packaged().metrics, ids=lambda metric: metric.name)
def test_every_metric_is_explained(metric: object) -> None:
    metric = next(one for one in packaged().metrics if one is metric)
    assert metric.catalogue is not None
    assert metric.example is not None
    told = [
        metric.model.definition,
        metric.example.calculation,
        *(measure.formula for measure in metric.measures),
        *metric.catalogue.caveats,
        *(other.source for other in metric.catalogue.elsewhere),
        metric.sql,
    ]

    assert [words for words in told if re.sub(r"\s+", " ", words) not in PARSED.text] == []


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_texts_are_shown_and_nothing_else(words: str) -> None:
    plain, made = Parsed(render_page(hostile_content("plain words"))), Parsed(render_page(hostile_content(words)))

    assert made.tags == plain.tags
    assert made.attributes == plain.attributes
    assert re.sub(r"\s+", " ", words).strip() in made.text
    assert [script for script in made.scripts if "alert(1)" in script and "<" in script] == []
