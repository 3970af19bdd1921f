"""What a table means, for who reads its numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from rental_analytics.catalogue.metrics import metric_catalogue
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import DerivedModel, Model, PresentationModel

_WIDTH = 100
_HEAD = "<thead><tr><th>column</th><th>type</th><th>unit</th><th>meaning</th><th>computed as</th></tr></thead>"


@dataclass(frozen=True)
class ColumnDefinition:
    """A column: its type as contracts have it, and whether it may be NULL; unit and formula are those of numbers."""

    name: str
    type: str
    nullable: bool
    description: str
    unit: str = ""
    formula: str = ""

    @property
    def told(self) -> str:
        """What it means, in words."""
        return self.description + ("; may be NULL" if self.nullable and "NULL" not in self.description else "")


@dataclass(frozen=True)
class Definition:
    """A table of the warehouse as its contract has it; what only metrics have is empty for others.

    Args:
        relation: its name with the schema.
        definition: the published definition.
        key: the columns that tell its rows apart.
        period: how long a period is, such as `week`; None where there is none.
        owner: the role that answers for the numbers.
        attribution: the date that decides in which period a row counts.
        caveats: what the numbers do not know, and what misleads.
    """

    name: str
    relation: str
    description: str
    definition: str
    grain: str
    key: tuple[str, ...]
    period: str | None
    owner: str
    attribution: str
    caveats: tuple[str, ...]
    columns: tuple[ColumnDefinition, ...]

    def __str__(self) -> str:
        name, kind = (max(map(len, texts)) for texts in zip(*((c.name, c.type) for c in self.columns), strict=True))
        columns = [
            f"{c.name:<{name}}  {c.type:<{kind}}  {c.told}{f' = {c.formula}' if c.formula else ''}"
            for c in self.columns
        ]
        texts = [textwrap.fill(text, _WIDTH) for text in self._paragraphs()]
        caveats = [textwrap.fill(f"- {text}", _WIDTH, subsequent_indent="  ") for text in self.caveats]
        return "\n\n".join([self.relation, *texts, *(["\n".join(caveats)] if caveats else []), "\n".join(columns)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        rows = "".join(
            f"<tr><td><code>{escape(c.name)}</code></td>"
            + "".join(
                f'<td style="text-align: left">{escape(text)}</td>' for text in (c.type, c.unit, c.told, c.formula)
            )
            + "</tr>"
            for c in self.columns
        )
        texts = "".join(f"<p>{escape(text)}</p>" for text in self._paragraphs())
        caveats = "".join(f"<li>{escape(text)}</li>" for text in self.caveats)
        listed = f"<ul>{caveats}</ul>" if caveats else ""
        return (
            f"<h4><code>{escape(self.relation)}</code></h4>{texts}{listed}<table>{_HEAD}<tbody>{rows}</tbody></table>"
        )

    def _paragraphs(self) -> Iterator[str]:
        yield self.description
        if self.definition:
            yield self.definition
        key = f" Key: {', '.join(self.key)}." if self.key else ""
        yield f"{self.grain[0].upper()}{self.grain[1:]}.{key}"
        if self.owner:
            yield f"A row counts by: {self.attribution}. Owner: {self.owner}."


def definition_of(model: Model, contracts: Contracts) -> Definition:
    """What a model means."""
    metric = next((one for one in metric_catalogue(contracts, {}) if one.model is model), None)
    measures = {measure.name: measure for measure in metric.measures} if metric else {}
    told = metric.catalogue if metric else None
    period = model.period if isinstance(model, PresentationModel) else None
    return Definition(
        name=model.name,
        relation=model.relation,
        description=model.description,
        definition=model.definition if isinstance(model, DerivedModel) else "",
        grain=model.grain,
        key=model.key,
        period=str(period.length) if period else None,
        owner=told.owner if told else "",
        attribution=told.attribution if told else "",
        caveats=told.caveats if told else (),
        columns=tuple(
            ColumnDefinition(
                name,
                column.declared_type,
                column.nullable,
                column.description,
                measures[name].unit if name in measures else "",
                measures[name].formula if name in measures else "",
            )
            for name, column in model.columns.items()
        ),
    )
