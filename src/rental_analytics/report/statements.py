"""The statements behind headlines, charts and rankings, made from what each metric says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rental_analytics.contracts.display import Chart, Headline, Period, PeriodColumn, Ranking, text_parts
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.sql.render import render

_LABELS = {Period.DAY: "to", Period.WEEK: "week of", Period.MONTH: "month of"}


@dataclass(frozen=True)
class _Value:
    """A column in the text of a headline; `otherwise` is what stands for NULL."""

    column: str
    style: str
    is_text: bool
    otherwise: Sequence[str | _Value] = ()


@dataclass(frozen=True)
class _Headline:
    """A headline as the template takes it."""

    title: str
    relation: str
    period: PeriodColumn
    period_label: str
    where: str | None
    is_aggregated: bool
    parts: Sequence[str | _Value]


def with_headline(models: Iterable[PresentationModel]) -> list[tuple[PresentationModel, Headline]]:
    """Metrics that have a headline, in the order they are shown."""
    found = [(model, model.headline) for model in models if model.headline]
    return sorted(found, key=lambda pair: _order(*pair))


def with_chart(models: Iterable[PresentationModel]) -> list[tuple[PresentationModel, Chart]]:
    """Metrics that are shown over time, in the order they are shown."""
    found = [(model, model.chart) for model in models if model.chart]
    return sorted(found, key=lambda pair: _order(*pair))


def with_ranking(models: Iterable[PresentationModel]) -> list[tuple[PresentationModel, Ranking]]:
    """Metrics shown as a ranking, in the order they are shown."""
    found = [(model, model.ranking) for model in models if model.ranking]
    return sorted(found, key=lambda pair: _order(*pair))


def _order(model: PresentationModel, shown: Headline | Chart | Ranking) -> tuple[int, str]:
    return shown.position, model.name


def headlines_query(models: Iterable[PresentationModel]) -> str | None:
    """The query for metric, period and value of every headline; None where no metric has one."""
    headlines = [_headline(model, headline) for model, headline in with_headline(models)]
    return render("report/headlines", headlines=headlines) if headlines else None


def chart_query(model: PresentationModel, chart: Chart) -> str:
    """The query for the start of every period and its number."""
    start, kind = model.shown_period.column, model.columns[chart.value].type
    return render("report/chart", chart=chart, relation=model.relation, start=start, type=kind)


def ranking_query(model: PresentationModel, ranking: Ranking) -> str:
    """The query for the first places of the last whole period, and the columns they show."""
    return render("report/ranking", ranking=ranking, relation=model.relation, period=model.shown_period)


def _headline(model: PresentationModel, headline: Headline) -> _Headline:
    return _Headline(
        title=headline.title,
        relation=model.relation,
        period=model.shown_period,
        period_label=f"{headline.period_label or _LABELS[model.shown_period.length]} ",
        where=headline.where,
        is_aggregated=headline.is_aggregated,
        parts=_parts(model, headline, headline.text),
    )


def _parts(model: PresentationModel, headline: Headline, text: str) -> list[str | _Value]:
    found: list[str | _Value] = []
    for part in text_parts(text):
        if isinstance(part, str):
            found.append(part)
            continue
        otherwise = headline.otherwise.get(part.column) if text is headline.text else None
        is_text = model.columns[part.column].type == "VARCHAR"
        replaced = _parts(model, headline, otherwise) if otherwise else ()
        found.append(_Value(part.column, part.style, is_text, replaced))
    return found
