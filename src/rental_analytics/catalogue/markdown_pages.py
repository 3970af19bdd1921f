"""The Markdown files: an index, a page per place of tables, a page per metric, and the lineage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from rental_analytics.catalogue.content import Content, Lineage, spoken
from rental_analytics.catalogue.dictionary import PLACES, Check, Column, Place, Table
from rental_analytics.catalogue.lineage import ColumnName
from rental_analytics.catalogue.markdown import anchor, bullets, code, fenced, link, page, paragraph, table, text
from rental_analytics.catalogue.metrics import Example, Grid, Metric

MARK = "<!-- Written by `rental docs`. -->"
"""What every Markdown file of ours begins with, and no other file."""
_UP = PurePosixPath("..")
_METRICS = PurePosixPath("metrics/README.md")
_LACKING = {Place.SOURCE: "may be missing"}


def markdown_pages(content: Content) -> dict[PurePosixPath, str]:
    """Every file by its path."""
    found = {PurePosixPath("README.md"): _index(content), PurePosixPath("lineage.md"): _lineage(content)}
    found |= {_dictionary_path(place): _dictionary(content, place) for place in PLACES}
    found[_METRICS] = page([MARK, "# Metrics", _metrics_table(content, PurePosixPath())])
    return found | {_metric_path(metric.name): _metric(metric, content) for metric in content.metrics}


def _index(content: Content) -> str:
    places = [
        (link(code(place), str(_dictionary_path(place))), text(description), str(len(content.of(place))))
        for place, description in PLACES.items()
    ]
    return page(
        [
            MARK,
            "# Catalogue",
            "Every number, every table and every column, and where each comes from. "
            "The same on one page, with search and a graph: [index.html](index.html).",
            "## Metrics",
            _metrics_table(content, _METRICS.parent),
            "## Tables",
            table(("place", "holds", "tables"), places),
            "Which column comes from which: [lineage](lineage.md).",
        ]
    )


def _metrics_table(content: Content, folder: PurePosixPath) -> str:
    rows = [
        (
            link(code(metric.name), str(folder / f"{metric.name}.md")),
            text(metric.model.description),
            text(metric.model.grain),
            text(metric.catalogue.owner) if metric.catalogue else "",
        )
        for metric in content.metrics
    ]
    return table(("metric", "answers", "has", "owner"), rows)


def _dictionary(content: Content, place: Place) -> str:
    sections = (part for item in content.of(place) for part in _table_section(item, content))
    return page([MARK, f"# {text(place)}", text(PLACES[place]), *sections])


def _table_section(item: Table, content: Content) -> Iterator[str]:
    yield f"## {text(item.relation)}"
    yield paragraph(item.description)
    yield paragraph(item.definition)
    grain = f"{paragraph(item.grain[0].upper() + item.grain[1:])}. " if item.grain else ""
    key = f"Key: {', '.join(map(code, item.key))}." if item.key else "It has no key."
    yield f"{grain}{key}"
    yield paragraph(" ".join(item.notes))
    made = [_relation_link(name, content, _UP / "dictionary") for name in content.lineage.table_inputs(item.relation)]
    yield f"Comes from {', '.join(made)}." if made else ""
    if item.place is Place.PRESENTATION:
        yield f"Its numbers are explained on [a page of their own](../metrics/{item.name}.md)."
    yield _columns(item, item.columns)
    yield _checks(item.checks)


def _columns(item: Table, columns: Iterable[Column]) -> str:
    rows = []
    for column in columns:
        described = text(column.description) + (f" ({text(column.origin)})" if column.origin else "")
        lacking = "yes" if column.may_lack else "no"
        rows.append((code(column.name), code(column.type), "yes" if column.is_key else "", lacking, described))
    return table(("column", "type", "key", _LACKING.get(item.place, "may be NULL"), "description"), rows)


def _checks(checks: Iterable[Check]) -> str:
    rows = [(code(check.name), text(check.severity), text(check.meaning)) for check in checks]
    return table(("check", "severity", "broken when"), rows) if rows else ""


def _metric(metric: Metric, content: Content) -> str:
    told, item = metric.catalogue, content.relations[metric.model.relation]
    numbers = {measure.name for measure in metric.measures}
    return page(
        [
            MARK,
            f"# {text(metric.name)}",
            paragraph(metric.model.description),
            f"**Definition.** {text(metric.model.definition)}",
            bullets(_facts(metric)),
            "## Numbers" if metric.measures else "",
            _measures(metric),
            "## Other columns",
            _columns(item, [column for column in item.columns if column.name not in numbers]),
            "## What to know" if told and told.caveats else "",
            bullets(paragraph(caveat) for caveat in told.caveats) if told else "",
            *_elsewhere(metric),
            *(_example(metric.example) if metric.example else ()),
            "## Checks" if item.checks else "",
            _checks(item.checks),
            "## SQL",
            fenced(metric.sql, "sql"),
            bullets(f"The pipeline adds {text(sentence)}." for sentence in metric.added),
            "## Where it comes from",
            *_made_of(metric, content),
        ]
    )


def _facts(metric: Metric) -> Iterator[str]:
    yield f"Table: {code(metric.model.relation)}"
    yield f"Grain: {text(metric.model.grain)}"
    yield f"Key: {', '.join(map(code, metric.model.key))}"
    if metric.catalogue:
        yield f"Owner: {text(metric.catalogue.owner)}"
        yield f"Attribution date: {text(metric.catalogue.attribution)}"


def _made_of(metric: Metric, content: Content) -> Iterator[str]:
    folder, relation = _UP / "dictionary", metric.model.relation
    yield bullets(_relation_link(name, content, folder) for name in metric.reads)
    if metric.rests_on:
        yield f"These rest on {', '.join(_relation_link(name, content, folder) for name in metric.rests_on)}."
    yield (
        f"Column by column: [lineage](../lineage.md#{anchor(relation)}). "
        f"In the dictionary: {_relation_link(relation, content, folder)}."
    )


def _measures(metric: Metric) -> str:
    rows = [
        (
            code(measure.name),
            text(measure.description),
            text(measure.unit),
            text(measure.formula),
            text(measure.numerator),
            text(measure.denominator),
            text(measure.adds),
        )
        for measure in metric.measures
    ]
    head = ("number", "is", "unit", "formula", "numerator", "denominator", "may be summed")
    return table(head, rows) if rows else ""


def _elsewhere(metric: Metric) -> Iterator[str]:
    if metric.catalogue and metric.catalogue.elsewhere:
        rows = [(text(other.by), text(other.definition), text(other.source)) for other in metric.catalogue.elsewhere]
        yield "## Defined otherwise"
        yield table(("by", "definition", "source"), rows)


def _example(example: Example) -> Iterator[str]:
    yield "## Example"
    yield f"{paragraph(example.name[0].upper() + example.name[1:])}."
    yield bullets(f"{code(name)}: {text(value)}" for name, value in example.parameters.items())
    yield "Given these rows, where columns that are left out are NULL and no row is deleted:"
    for grid in example.given:
        yield f"{code(grid.relation)}:"
        yield _grid(grid)
    yield "these follow:"
    yield _grid(example.expected)
    yield paragraph(example.calculation)


def _grid(grid: Grid) -> str:
    return table([code(name) for name in grid.columns], [[text(value) for value in row] for row in grid.rows])


def _lineage(content: Content) -> str:
    parts = [
        MARK,
        "# Lineage",
        "Which columns each column comes from, and which it goes to. "
        "What only filters, joins or groups decides which rows a table has, and stands behind its columns.",
    ]
    for item in content.tables:
        parts += [f"## {text(item.relation)}", *_table_lineage(item, content.lineage)]
    ends = [(code(spoken(origin.name)), text(origin.description)) for origin in content.origins]
    parts += ["## Where lineage ends", "Besides columns of the source:", table(("origin", "is"), ends)] if ends else []
    return page(parts)


def _table_lineage(item: Table, lineage: Lineage) -> Iterator[str]:
    rows = []
    for column in item.columns:
        name = ColumnName(item.relation, column.name)
        rows.append((code(column.name), _listed(lineage.inputs(name)), _listed(lineage.outputs(name))))
    yield table(("column", "comes from", "goes to"), rows)
    if deciding := lineage.rows_of(item.relation):
        yield f"Its rows are decided by {_listed(deciding)}."


def _listed(columns: Iterable[ColumnName]) -> str:
    return ", ".join(code(spoken(name)) for name in columns)


def _relation_link(relation: str, content: Content, folder: PurePosixPath) -> str:
    item = content.relations.get(relation)
    return link(code(relation), f"{folder / item.place}.md#{anchor(relation)}") if item else code(relation)


def _dictionary_path(place: Place) -> PurePosixPath:
    return PurePosixPath("dictionary", f"{place}.md")


def _metric_path(name: str) -> PurePosixPath:
    return _METRICS.with_name(f"{name}.md")
