"""The page as a reader uses it, in Chromium: search, graph, keyboard, light and dark, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.contents import HOSTILE, hostile_content, packaged
from rental_analytics.catalogue.page import render_page
from servers.chromium import Chromium, Page

pytestmark = pytest.mark.service
METRIC = "presentation.stay_revenue_monthly"


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render_page(packaged()), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium: Chromium, file: Path) -> Iterator[Page]:
    with chromium.page() as page:
        page.open(file)
        yield page


def shown(page: Page, selector: str) -> bool:
    """Whether an element is to be seen."""
    found = page.evaluate(f"document.querySelector({json.dumps(selector)})?.checkVisibility() ?? false")
    assert isinstance(found, bool)
    return found


def texts(page: Page, selector: str) -> list[str]:
    """What the elements say that a selector finds."""
    found = page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")
    assert isinstance(found, list)
    return found


def search(page: Page, words: str) -> list[str]:
    """The names that are found, by pressing `/` and writing."""
    page.press("/")
    page.evaluate("document.activeElement.select()")
    page.write(words)
    page.wait_for("!document.getElementById('results').hidden")
    return texts(page, "#results [role=option] code")


def test_a_page_loads_nothing_and_complains_of_nothing(page: Page, file: Path) -> None:
    assert page.requests == [file.as_uri()]
    assert page.problems == []
    assert page.evaluate("[...document.scripts].filter((script) => script.src).length") == 0


def test_search_finds_metrics_tables_and_columns(page: Page) -> None:
    assert search(page, "stay_revenue_monthly")[0] == METRIC
    assert search(page, "revpar") == ["presentation.stay_revenue_city_monthly.revpar", f"{METRIC}.revpar"]
    assert search(page, "curated bookings")[0] == "curated.bookings"
    assert "source.bookings.checkin_date" in search(page, "first NIGHT")
    assert search(page, "no such thing") == []
    assert texts(page, "#results .nothing") == ["Nothing found"]
    assert len(search(page, "the")) == 30
    assert texts(page, "#results .nothing")[0].startswith("and ")


def test_search_is_used_by_keys_alone(page: Page) -> None:
    search(page, "revpar")
    page.press("ArrowDown")
    chosen = page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).dataset.target"
    )
    assert chosen == f"{METRIC}.revpar"
    page.press("Enter")

    assert page.evaluate("decodeURIComponent(location.hash)") == f"#{METRIC}.revpar"
    assert page.evaluate(
        f"(() => {{ const box = document.getElementById('{METRIC}.revpar').getBoundingClientRect();"
        "return box.top > 0 && box.bottom < innerHeight; })()"
    )
    assert not shown(page, "#results")


def test_escape_closes_what_was_found(page: Page) -> None:
    search(page, "revpar")
    page.press("Escape")

    assert not shown(page, "#results")
    assert page.evaluate("document.activeElement.id") == "query"


def test_a_graph_of_a_table_is_drawn_and_left_by_keys(page: Page) -> None:
    page.evaluate(f"document.querySelector('[aria-label=\"Lineage graph of {METRIC}\"]').focus()")
    page.press("Enter")
    page.wait_for("document.getElementById('graph').open && document.querySelector('#graph-canvas canvas') !== null")
    inputs = texts(page, "#graph-inputs button")

    assert {"curated.bookings", "raw_data.bookings", "source.bookings"} <= set(inputs)
    assert texts(page, "#graph-outputs") == ["nothing"]
    assert texts(page, "#graph-said")[0].startswith(f"Comes from {len(inputs)} and goes to 0 tables.")
    assert {"source", "curated", "presentation"} <= set(texts(page, "#graph-legend li"))
    page.press("Escape")
    assert not shown(page, "#graph")
    assert page.problems == []


def test_a_graph_of_a_column_shows_where_it_comes_from(page: Page) -> None:
    page.click("#open-graph")
    page.evaluate("document.getElementById('graph-name').select()")
    page.write("curated.bookings.booking_id")
    page.press("Tab")
    page.wait_for("document.getElementById('graph-said').textContent.includes('columns')")

    assert "source.bookings.booking_id" in texts(page, "#graph-inputs button")
    assert texts(page, "#graph-outputs button")
    page.evaluate("document.getElementById('graph-way').value = 'in'")
    page.evaluate("document.getElementById('graph-way').dispatchEvent(new Event('change'))")
    assert texts(page, "#graph-outputs") == ["nothing"]


def test_what_a_graph_shows_can_be_chosen(page: Page) -> None:
    page.click("#open-graph")
    page.click("#graph-inputs button")
    chosen = page.evaluate("document.getElementById('graph-name').value")

    assert chosen in page.evaluate("[...document.getElementById('graph-names').options].map((one) => one.value)")
    assert chosen not in texts(page, "#graph-inputs button")


def test_a_name_that_is_not_there_is_told(page: Page) -> None:
    page.click("#open-graph")
    page.evaluate("document.getElementById('graph-name').select()")
    page.write("curated.nothing")
    page.press("Tab")

    page.wait_for("document.getElementById('graph-said').textContent.startsWith('curated.nothing is no table')")


def test_a_click_into_the_graph_chooses_a_table(page: Page) -> None:
    page.click("#open-graph")
    page.evaluate("document.getElementById('graph-name').select()")
    page.write("source.bookings")
    page.press("Tab")
    page.wait_for("document.getElementById('graph-name').value === 'source.bookings'")
    before = set(texts(page, "#graph-outputs button"))
    page.click("#graph-fit")
    box = page.evaluate(
        "(() => { const box = document.getElementById('graph-canvas').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]; })()"
    )
    left, top, width, height = box
    for step in range(1, 200):
        page.click_at(left + width * (step % 20 + 0.5) / 20, top + height * (step // 20 + 0.5) / 10)
        if page.evaluate("document.getElementById('graph-name').value") != "source.bookings":
            break

    assert page.evaluate("document.getElementById('graph-name').value") in before


def test_a_page_is_whole_without_scripts(chromium: Chromium, file: Path) -> None:
    with chromium.page(scripts=False) as page:
        page.open(file, f"#{METRIC}")
        relations = {table.relation for table in packaged().tables}

        assert not shown(page, "#search")
        assert not shown(page, "#open-graph")
        assert not shown(page, "#graph")
        assert relations <= set(page.evaluate("[...document.querySelectorAll('.entry')].map((one) => one.id)"))
        assert page.evaluate("[...document.querySelectorAll('.entry')].every((one) => one.checkVisibility())")
        assert page.evaluate(f"document.getElementById('{METRIC}').getBoundingClientRect().top") < 200


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(chromium: Chromium, file: Path, dark: bool) -> None:
    """At least as much as the guidelines for accessible content ask: 4.5 to 1."""
    with chromium.page(dark=dark) as page:
        page.open(file)
        colours = page.evaluate(
            "Object.fromEntries(['page', 'card', 'code', 'mark', 'ink', 'muted', 'link'].map((name) =>"
            "[name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()]))"
        )
        is_dark = brightness(colours["page"]) < 0.2

    assert is_dark == dark
    for behind in ("page", "card", "code", "mark"):
        for words in ("ink", "muted", "link"):
            low, high = sorted((brightness(colours[behind]), brightness(colours[words])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (behind, words)


def brightness(colour: str) -> float:
    """The relative luminance of a colour such as #1c2024."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_hostile_texts_run_no_script_and_can_be_searched(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    file.write_text(render_page(hostile_content("".join(HOSTILE))), encoding="utf-8")
    with chromium.page() as page:
        page.open(file)

        assert search(page, "<img src=x onerror")[0] == "presentation.odd_daily"
        assert page.evaluate("document.querySelectorAll('main img, main script, #results img').length") == 0
        page.click("#open-graph")
        page.evaluate("document.getElementById('graph-name').value = 'presentation.odd_daily.odds'")
        page.evaluate("document.getElementById('graph-name').dispatchEvent(new Event('change'))")
        assert any("<img src=x onerror" in name for name in texts(page, "#graph-inputs button"))
        assert page.problems == []
        assert page.requests == [file.as_uri()]
