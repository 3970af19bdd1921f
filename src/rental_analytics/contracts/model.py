"""What we keep and what we report: the contracts of the curated and the presentation tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from rental_analytics.contracts.base import (
    QUERY_COLUMN,
    Contract,
    Identifier,
    Rule,
    Sentence,
    Severity,
    wrong_at,
)
from rental_analytics.contracts.catalogue import Catalogue, check_measures
from rental_analytics.contracts.checks import (
    DeclaredCheck,
    Expression,
    TableCheck,
    check_columns,
    check_none_rejects,
    check_not_said_twice,
    declared_checks,
)
from rental_analytics.contracts.columns import MOST_PLACES, NO_NUMBERS, ModelColumn, Ratio, decimal_places
from rental_analytics.contracts.display import Chart, Headline, PeriodColumn, Ranking, columns_of
from rental_analytics.contracts.manifest import FileColumn

VALUE_OUT_OF_RANGE = "value_out_of_range"
"""The rule that each value fits its column's type."""
UNIQUE_KEY = "unique_key"
"""The check that a table's key is unique."""


def not_null_name(column: str) -> str:
    """The check that a column with `nullable: false` is not NULL."""
    return f"{column}_not_null"


class Layer(StrEnum):
    """The warehouse schema a model is built in."""

    CURATED = "curated"
    INTERMEDIATE = "intermediate"
    PRESENTATION = "presentation"


class Layout(Contract):
    """How a warehouse of several machines lays out a table's rows; one that is a single file has no use for it.

    `distribution` is a column whose equal values stay together, `all` for a copy on every machine, or `auto` and
    `even`; `sort` are the columns rows are ordered by on disk.
    """

    distribution: Identifier = "auto"
    sort: tuple[Identifier, ...] = ()
    reason: Sentence

    @property
    def distribution_key(self) -> str | None:
        """The column rows are distributed by, None where no column decides."""
        return None if self.distribution in {"all", "auto", "even"} else self.distribution


class Conversion(Contract):
    """An amount of money that the pipeline adds in the reporting currency.

    `moment` is the column whose day decides the exchange rate; it may be one of the query's own, which begin with `_`.
    Rules find `_currency_known`, `_rate_date` and `_rate` beside the amount.
    """

    amount: Identifier
    currency: Identifier
    moment: str = Field(pattern=QUERY_COLUMN)
    into: Identifier


EXCHANGE_RATES = "curated.exchange_rates"
"""What a conversion reads."""
_READ = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+\.[a-z][a-z0-9_]*)", re.IGNORECASE)


class Model(Contract):
    """What all models share; name, layer and query come from the folder."""

    name: Identifier
    layer: Layer
    description: Sentence
    grain: Sentence
    key: tuple[Identifier, ...] = ()
    columns: dict[Identifier, ModelColumn] = Field(min_length=1)
    layout: Layout | None = None
    checks: tuple[TableCheck, ...] = ()
    query: str = Field(repr=False, min_length=1)

    @property
    def relation(self) -> str:
        """Qualified name in the warehouse, such as `curated.bookings`."""
        return f"{self.layer}.{self.name}"

    @property
    def reads(self) -> frozenset[str]:
        """Qualified names of the tables its query reads."""
        return frozenset(_READ.findall(self.query))

    @property
    def file_columns(self) -> tuple[FileColumn, ...]:
        """Columns in order, typed."""
        return tuple(
            FileColumn(name=name, type=column.type, max_bytes=column.max_bytes) for name, column in self.columns.items()
        )

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never NULL."""
        return tuple(name for name, column in self.columns.items() if not column.nullable)

    @property
    def declared_checks(self) -> tuple[DeclaredCheck, ...]:
        """The checks of its columns and its own, without what `key` and `nullable: false` say."""
        columns = {name: (column.values, column.checks) for name, column in self.columns.items()}
        return declared_checks(columns, self.checks)

    @property
    def _named_checks(self) -> list[str]:
        """Names that checks of the table have which are not declared."""
        return [UNIQUE_KEY, *(not_null_name(name) for name in self.required)]

    @model_validator(mode="after")
    def _key_exists(self) -> Self:
        for name in self.key:
            if name not in self.columns:
                raise ValueError(f"key column {name!r} is not listed under columns")
        laid_out = [self.layout.distribution_key, *self.layout.sort] if self.layout else []
        for name in filter(None, laid_out):
            if name not in self.columns:
                raise ValueError(f"layout column {name!r} is not listed under columns")
        checks = self.declared_checks
        check_not_said_twice(checks, self.required, self.key)
        check_columns(checks, {name: column.values for name, column in self.columns.items()}, self._named_checks)
        return self


class CuratedModel(Model):
    """A curated table, 1:1 with the source table it is made of.

    Exactly one of `source` (a table of `sources/`), `versions_of` (another curated model, all of whose valid row
    versions are kept) and `reference` (a data set the pipeline brings along) says what the query reads.
    `version` is the column that tells the newer of two rows with one key; `event_time` the one with the moment of a row
    that has no key, by which a backfill replaces rows.
    """

    source: Identifier | None = None
    versions_of: Identifier | None = None
    reference: Identifier | None = None
    version: str | None = Field(default=None, pattern=QUERY_COLUMN)
    event_time: Identifier | None = None
    conversion: Conversion | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def _named_checks(self) -> list[str]:
        return [*super()._named_checks, VALUE_OUT_OF_RANGE, *(rule.name for rule in self.rules)]

    @property
    def reads(self) -> frozenset[str]:
        """Qualified names of the tables that its query, its conversion and its rules read."""
        expressions = [check.kind.when for check in self.declared_checks if isinstance(check.kind, Expression)]
        conditions = [*(rule.when for rule in self.rules), *expressions]
        found = {relation for condition in conditions for relation in _READ.findall(condition)}
        return super().reads | found | ({EXCHANGE_RATES} if self.conversion else set())

    @property
    def soft_delete(self) -> bool:
        """Whether the table has `is_deleted`: rows of a keyed source table are flagged, not removed."""
        return bool(self.key) and self.source is not None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        inputs = [name for name in (self.source, self.versions_of, self.reference) if name]
        if len(inputs) != 1:
            raise ValueError("name exactly one of source, versions_of and reference")
        if self.version and self.version not in self.columns and not self.version.startswith("_"):
            raise ValueError(f"version column {self.version!r} is not listed under columns")
        if self.event_time and (self.key or self.event_time not in self.columns):
            raise ValueError(f"event_time {self.event_time!r} is a column of a table without a key")
        self._check_conversion()
        if any(column.ratio for column in self.columns.values()):
            raise ValueError("a ratio is for tables that are rebuilt whole, not for curated ones")
        for rule in self.rules:
            if rule.severity is Severity.FAIL:
                raise ValueError(f"rule {rule.name!r} is about one row: use severity reject or warn")
        names = [rule.name for rule in self.rules]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"two rules are named {doubled[0]!r}")
        if self.source:
            others = [check for check in self.declared_checks if not check.is_of_values]
            check_none_rejects(others, "use fail or warn: rules, and checks of the values of a column, reject rows.")
        else:
            check_none_rejects(self.declared_checks, "use fail or warn: only rows of a source table are rejected.")
        return self

    def _check_conversion(self) -> None:
        if self.conversion is None:
            return
        for key in ("amount", "currency", "moment", "into"):
            name = getattr(self.conversion, key)
            if name not in self.columns and not (key == "moment" and name.startswith("_")):
                raise wrong_at(
                    f"conversion.{key}",
                    f"there is no column {name!r}",
                    f"name one of the model's columns: {', '.join(self.columns)}.",
                )
        if self.source is None:
            raise wrong_at("conversion", "only what is made of a source table is converted", "remove it.")
        if self.conversion.into in {self.conversion.amount, self.conversion.currency, self.conversion.moment}:
            raise wrong_at(
                "conversion.into",
                "it is converted itself",
                "name a column of its own for the amount in the reporting currency.",
            )
        if not self.columns[self.conversion.into].type.startswith("DECIMAL"):
            raise wrong_at("conversion.into", f"it is {self.columns[self.conversion.into].type}", "make it a DECIMAL.")


class DerivedModel(Model):
    """A table that every run rebuilds whole, inside the warehouse, from curated and intermediate ones."""

    definition: Sentence

    @property
    def row_order(self) -> tuple[str, ...]:
        """The columns its rows are written in the order of."""
        return self.key

    @property
    def ratios(self) -> dict[str, Ratio]:
        """The columns that are added to those of the query."""
        return {name: column.ratio for name, column in self.columns.items() if column.ratio}

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if not self.key:
            raise ValueError("a table that is rebuilt whole needs a key: the columns of its grain")
        check_none_rejects(self.declared_checks, "use fail or warn: no row of a table that is rebuilt is rejected.")
        for name in self.ratios:
            self._check_ratio(name)
        return self

    def _check_ratio(self, name: str) -> None:
        ratio, places = self.ratios[name], decimal_places(self.columns[name].type)
        if places > MOST_PLACES:
            raise wrong_at(
                f"columns.{name}.type", f"a ratio has at most {MOST_PLACES} places", "take a DECIMAL with fewer."
            )
        for key, divided in ((f"columns.{name}.ratio.of", ratio.of), (f"columns.{name}.ratio.to", ratio.to)):
            if divided.startswith("_"):
                continue
            if divided not in self.columns or divided in self.ratios:
                raise wrong_at(
                    key,
                    f"the query has no column {divided!r}",
                    "name a column of the query, which is one of the model's or begins with `_`.",
                )
            kind = self.columns[divided].declared_type
            if kind in {*NO_NUMBERS, "DOUBLE"}:
                raise wrong_at(key, f"{divided!r} is {kind}", "name a column that holds whole numbers or decimals.")
            if kind.startswith("DECIMAL") and decimal_places(kind) > places:
                raise wrong_at(
                    key, f"{divided!r} is {kind}, with more places than {name!r}", f"give {name} as many places."
                )


class IntermediateModel(DerivedModel):
    """What several metrics share and none should say twice."""

    @property
    def row_order(self) -> tuple[str, ...]:
        """None: metrics read it whole, and sorting takes longer than it saves."""
        return ()


class PresentationModel(DerivedModel):
    """A metric, with its published definition.

    `period`, `headline`, `chart` and `ranking` say how it is shown; a metric without them is only described.
    `catalogue` explains its numbers.
    """

    period: PeriodColumn | None = None
    headline: Headline | None = None
    chart: Chart | None = None
    ranking: Ranking | None = None
    catalogue: Catalogue | None = None

    @property
    def shown_period(self) -> PeriodColumn:
        """The period of a metric that is shown."""
        assert self.period is not None
        return self.period

    @model_validator(mode="after")
    def _explains_its_numbers(self) -> Self:
        if self.catalogue:
            check_measures(self.catalogue, self.columns, self.key)
        return self

    @model_validator(mode="after")
    def _shows_its_columns(self) -> Self:
        shown = next((name for name in ("headline", "chart", "ranking") if getattr(self, name)), None)
        if self.period is None and shown:
            raise wrong_at(shown, "it shows a period, and the model names none", "add `period: {column, length}`.")
        for key, name in self._named_columns():
            if name not in self.columns:
                raise wrong_at(
                    key, f"there is no column {name!r}", f"name one of the model's columns: {', '.join(self.columns)}."
                )
        self._check_period()
        self._check_headline()
        self._check_chart()
        self._check_numbers()
        return self

    def _named_columns(self) -> Iterator[tuple[str, str]]:
        """Columns that the keys name which say how the metric is shown."""
        if self.period:
            yield "period.column", self.period.column
        if self.headline:
            yield from (("headline.text", name) for name in columns_of(self.headline.text))
            for replaced, text in self.headline.otherwise.items():
                yield "headline.otherwise", replaced
                yield from ((f"headline.otherwise.{replaced}", name) for name in columns_of(text))
        if self.chart:
            yield "chart.value", self.chart.value
        if self.ranking:
            yield "ranking.place", self.ranking.place
            yield from (("ranking.columns", name) for name in self.ranking.shown_columns)

    def _check_period(self) -> None:
        if self.period is None:
            return
        name = self.period.column
        if name not in self.key:
            raise wrong_at(
                "period.column", f"{name!r} is no column of the key", f"name one of the key: {', '.join(self.key)}."
            )
        if self.columns[name].type != "DATE":
            raise wrong_at(
                "period.column",
                f"{name!r} is {self.columns[name].type}",
                "name a DATE: the first day of the row's period.",
            )

    def _check_headline(self) -> None:
        if self.headline and len(self.key) > 1 and not (self.headline.where or self.headline.is_aggregated):
            raise wrong_at(
                "headline.text",
                "a period has several rows",
                "pick one of them by `where`, or take them together, as in `{bookings:sum}`.",
            )

    def _check_chart(self) -> None:
        if self.chart is None:
            return
        if (len(self.key) > 1) != (self.chart.aggregate is not None):
            rows = "several rows" if len(self.key) > 1 else "one row"
            remedy = "add `aggregate: sum`." if len(self.key) > 1 else "remove aggregate."
            raise wrong_at("chart.aggregate" if self.chart.aggregate else "chart", f"a period has {rows}", remedy)

    def _check_numbers(self) -> None:
        """What has a format is a number."""
        shown = [("chart.value", self.chart.value)] if self.chart else []
        if self.ranking:
            written = [place for place, column in enumerate(self.ranking.columns) if column.format]
            shown += [(f"ranking.columns.{place}", self.ranking.columns[place].values[0]) for place in written]
        for key, name in shown:
            kind = self.columns[name].declared_type
            if kind in NO_NUMBERS:
                raise wrong_at(key, f"{name!r} is {kind}", "name a column that holds numbers.")
