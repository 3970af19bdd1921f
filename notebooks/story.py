"""What the notebooks share: the warehouse, what to say where it has no answer, and pictures of one style.

The SQL of the notebooks is such that DuckDB and Redshift take it as it stands.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from IPython.display import Markdown, display

from rental_analytics import connect
from rental_analytics.errors import RentalError
from words import counted, day

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#2463c4", "#e07b39", "#2a9d8f", "#8f5fbf", "#c23b5a", "#9aa1a9"
"""Colours that most people tell apart: the first for what a picture is about, grey for what it is compared with."""
WIDTH = 720
_INK, _MUTED, _RULE = "#1c2024", "#5f6670", "#e3e5e8"
_SCALE = 2
"""Points of an image for one of the screen, so that it is sharp on every one."""
_LAST_DAY = "SELECT MAX(calendar_date) AS as_of FROM presentation.repeat_customer_rate_daily"


class Story:
    """A warehouse, and what is told of it.

    `as_of` is the last day that the numbers include; `open_month` and `open_week` are the first days of the month and
    the week that are not over by then. All are None where there are no numbers.
    """

    def __init__(self) -> None:
        self.rental = None
        self.as_of: date | None = None
        self.open_month: date | None = None
        self.open_week: date | None = None
        self._told: set[str] = set()
        try:
            self.rental = connect()
        except RentalError as error:
            self._note(str(error))
            return
        found = self.ask(_LAST_DAY)
        if not found.empty and not pd.isna(found.as_of[0]):
            self.as_of = found.as_of[0].date()
            tomorrow = self.as_of + timedelta(days=1)
            self.open_month = tomorrow.replace(day=1)
            self.open_week = tomorrow - timedelta(days=tomorrow.weekday())
            display(Markdown(f"Warehouse: `{self.rental.url}`. The numbers include days up to {day(self.as_of)}."))
        else:
            self._note(f"The warehouse {self.rental.url} has no bookings yet. `rental run` fills it.")

    def ask(self, sql: str, **parameters: Any) -> pd.DataFrame:
        """Rows of a query, with `:name` for a parameter; none where there is no warehouse, or it cannot answer."""
        if self.rental is None:
            return pd.DataFrame()
        try:
            return self.rental.query(sql, parameters).pandas()
        except RentalError as error:
            self._note(str(error))
            return pd.DataFrame()

    def enough(self, frame: pd.DataFrame, rows: int = 1, needs: str = "") -> bool:
        """Whether there are rows to speak of; else says that there are not, and what is needed."""
        if len(frame) >= rows:
            return True
        found = "Nothing is there to show yet" if frame.empty else f"Only {counted(len(frame), 'row')} there so far"
        display(Markdown(f"*{found}.{f' This needs {needs}.' if needs else ''}*"))
        return False

    def _note(self, text: str) -> None:
        """Say what is missing, once."""
        if text not in self._told:
            self._told.add(text)
            display(Markdown(f"**What is missing:** {text}"))


class Picture:
    """A chart in the notebooks' style, as an image that looks the same everywhere and needs neither network nor script.

    Texts of a drawing would have other widths where a reader's machine lacks the font.
    """

    def __init__(self, chart: Any, title: str, subtitle: str = "") -> None:
        heading = alt.TitleParams(title, subtitle=subtitle) if subtitle else alt.TitleParams(title)
        self.text = f"{title}; {subtitle}" if subtitle else title
        self.specification: dict[str, Any] = styled(chart.properties(title=heading)).to_dict()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        image = vl_convert.vegalite_to_png(self.specification, scale=_SCALE)
        width, height = (int.from_bytes(image[place : place + 4], "big") // _SCALE for place in (16, 20))
        shown = {"image/png": b64encode(image).decode(), "text/plain": self.text}
        return shown, {"image/png": {"alt": self.text, "width": width, "height": height}}


def styled(chart: Any) -> Any:
    """A chart with the colours, sizes and places of titles, axes and legends that all have."""
    return (
        chart.configure(background="white", padding=12, font="Arial, Helvetica, sans-serif")
        .configure_title(
            anchor="start", fontSize=16, color=_INK, subtitleColor=_MUTED, subtitleFontSize=12, offset=14, frame="group"
        )
        .configure_axis(
            labelColor=_MUTED,
            titleColor=_MUTED,
            gridColor=_RULE,
            domainColor=_RULE,
            tickColor=_RULE,
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=10,
            labelLimit=220,
        )
        .configure_legend(
            labelColor=_INK,
            titleColor=_MUTED,
            orient="top",
            labelFontSize=12,
            titleFontWeight="normal",
            labelLimit=400,
        )
        .configure_view(stroke=None)
    )


def picture(chart: Any, title: str, subtitle: str = "") -> None:
    """Show a chart."""
    display(Picture(chart, title, subtitle))


def conclude(*sentences: str) -> None:
    """Show what the numbers say."""
    text = " ".join(sentence for sentence in sentences if sentence)
    # In Markdown a dollar sign would begin a formula.
    display(Markdown(f"**Conclusion.** {text.replace('$', chr(92) + '$')}"))


def colours(domain: Sequence[str], values: Sequence[str]) -> Any:
    """A scale that gives each of some names its colour, in this order."""
    return alt.Scale(domain=list(domain), range=list(values))


def months_before(start: date | None, months: int) -> date | None:
    """The first day of the month that lies some months before that of a day."""
    if start is None:
        return None
    number = start.year * 12 + start.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def weeks_before(start: date | None, weeks: int) -> date | None:
    """The day that lies some weeks before a day."""
    return None if start is None else start - timedelta(weeks=weeks)
