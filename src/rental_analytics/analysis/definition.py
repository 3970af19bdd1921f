"""What a table means, for who reads its numbers."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape

from rental_analytics.contracts.model import DerivedModel, Model, PresentationModel

_WIDTH = 100


@dataclass(frozen=True)
class ColumnDefinition:
    """A column: its type as contracts have it, and whether it may be NULL."""

    name: str
    type: str
    nullable: bool
    description: str


@dataclass(frozen=True)
class Definition:
    """A table of the warehouse as its contract has it.

    Args:
        relation: its name with the schema.
        definition: the published definition; empty for a curated table.
        key: the columns that tell its rows apart.
        period: how long a period is, such as `week`; None where there is none.
    """

    name: str
    relation: str
    description: str
    definition: str
    grain: str
    key: tuple[str, ...]
    period: str | None
    columns: tuple[ColumnDefinition, ...]

    @classmethod
    def of(cls, model: Model) -> Definition:
        """The definition that a model has."""
        period = model.period if isinstance(model, PresentationModel) else None
        return cls(
            name=model.name,
            relation=model.relation,
            description=model.description,
            definition=model.definition if isinstance(model, DerivedModel) else "",
            grain=model.grain,
            key=model.key,
            period=str(period.length) if period else None,
            columns=tuple(
                ColumnDefinition(name, column.declared_type, column.nullable, column.description)
                for name, column in model.columns.items()
            ),
        )

    def __str__(self) -> str:
        name, kind = (max(map(len, texts)) for texts in zip(*((c.name, c.type) for c in self.columns), strict=True))
        columns = (f"{c.name:<{name}}  {c.type:<{kind}}  {_told(c)}" for c in self.columns)
        paragraphs = (self.description, self.definition, self._grain)
        texts = (textwrap.fill(text, _WIDTH) for text in paragraphs if text)
        return "\n\n".join([self.relation, *texts, "\n".join(columns)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        rows = "".join(
            f"<tr><td><code>{escape(c.name)}</code></td><td>{escape(c.type)}</td>"
            f'<td style="text-align: left">{escape(_told(c))}</td></tr>'
            for c in self.columns
        )
        texts = "".join(f"<p>{escape(text)}</p>" for text in (self.description, self.definition, self._grain) if text)
        return f"<h4><code>{escape(self.relation)}</code></h4>{texts}<table>{_HEAD}<tbody>{rows}</tbody></table>"

    @property
    def _grain(self) -> str:
        key = f" Key: {', '.join(self.key)}." if self.key else ""
        return f"{self.grain[0].upper()}{self.grain[1:]}.{key}"


_HEAD = "<thead><tr><th>column</th><th>type</th><th>meaning</th></tr></thead>"


def _told(column: ColumnDefinition) -> str:
    return column.description + ("; may be NULL" if column.nullable and "NULL" not in column.description else "")
