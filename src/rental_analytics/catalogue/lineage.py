"""What each column is made of: from the presentation tables back to the columns of the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import EXCHANGE_RATES, VALUE_OUT_OF_RANGE, CuratedModel, DerivedModel, Model
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.contracts.pipeline_columns import curated_columns, raw_columns
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.errors import ContractError
from rental_analytics.quality.rules import reject_rules
from rental_analytics.sql.lineage import ROWS, QueryLineage, TableColumn, Tables, query_lineage
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.render import render
from rental_analytics.steps.transform.transformation import candidates

SOURCE, REFERENCE, CONFIGURATION, PIPELINE = "source", "reference", "configuration", "pipeline"
"""Schemas and relations in which lineage ends: the tables of the marketplace's database, data sets that come with the
pipeline, the configuration, and the pipeline itself."""

MADE_BY_PIPELINE: Mapping[str, str] = {
    "run_id": "The name of a run",
    "loaded_at": "When a run started, by the clock of the machine that ran it",
    "upper_bound": "The moment up to which a run reads the source, by the clock of the database",
    "as_of": "The last day that the numbers include",
    "known_from": "The day up to which the first loaded run had read the source",
    "row_number": "The number that a run gives to each row it reads",
    "vanished_keys": "The keys that a run found gone from the source",
    "constant": "A value that the model's query itself says",
}
"""What the columns of relation `pipeline` are."""

RUN_PARAMETERS = "ops.run_parameters"
ENGINE_RELATIONS: Mapping[str, Mapping[str, tuple[TableColumn, ...]]] = {
    "raw_data.exchange_rate_fixings": {
        name: (("reference.exchange_rates", name),) for name in ("rate_date", "currency", "rate")
    },
    "raw_data.exchange_rate_days": {
        "rate_date": (("reference.exchange_rates", "rate_date"), (PIPELINE, "upper_bound")),
    },
    "raw_data.calendar_days": {"calendar_date": (("reference.calendar", "calendar_date"),)},
    "raw_data.marketplace_settings": {
        name: ((CONFIGURATION, f"marketplace.{name}"),) for name in ("reporting_currency", "default_currency")
    },
    "raw_data.booking_statuses": dict.fromkeys(("spelling", "status"), ((CONFIGURATION, "marketplace.statuses"),)),
}
"""Relations that queries of curated models find beside the source's tables; no warehouse has them."""
_RUN_PARAMETERS: Mapping[str, TableColumn] = {
    "run_id": (PIPELINE, "run_id"),
    "as_of": (PIPELINE, "as_of"),
    "reporting_currency": (CONFIGURATION, "marketplace.reporting_currency"),
    "known_from": (PIPELINE, "known_from"),
}
_LOOKUPS = frozenset({"raw_data.booking_statuses", EXCHANGE_RATES})
"""What a value found there is depends on the row it is found for: a status on its spelling, a rate on its day."""
_PIPELINE_COLUMNS = {
    "_row_id": "row_number",
    "_run_id": "run_id",
    "_extracted_at": "upper_bound",
    "_is_deleted": "vanished_keys",
    "is_deleted": "vanished_keys",
    "_loaded_at": "loaded_at",
}
_ANY_MOMENT = datetime.combine(date.min, time())
"""Up to which a run read: no lineage depends on it."""


@dataclass(frozen=True, order=True)
class ColumnName:
    """A column of a relation, such as `total_price` of `curated.bookings`; the column `*` stands for its rows.

    Relations in which lineage ends are `source.<table>`, with the source's own names of table and columns,
    `reference.<data set>`, `configuration`, whose columns are keys such as `marketplace.reporting_currency`, and
    `pipeline`, whose columns `MADE_BY_PIPELINE` describes.
    """

    relation: str
    column: str

    @property
    def is_origin(self) -> bool:
        """Whether lineage ends here."""
        return self.relation.partition(".")[0] in {SOURCE, REFERENCE, CONFIGURATION, PIPELINE}


Inputs = dict[ColumnName, frozenset[ColumnName]]


def column_lineage(contracts: Contracts, tables: Mapping[str, TableSettings] | None = None) -> Inputs:
    """The direct inputs of each column of `raw_data`, `curated`, `intermediate` and `presentation`.

    Those of `ops.run_parameters`, which queries read, are there too. Inputs are the columns that a value is computed
    from. What only filters, joins or groups is not among them: `row_lineage` has that. Where rows are counted the input
    is the column `*` of a relation, which has an entry too. What is made of no other column has an input all the same,
    a column of `pipeline` that says what it is made by. Columns that are kept though no contract names them are not
    here.

    Args:
        tables: what the configuration says of the source's tables, by our names: its names and constants.

    Raises:
        ContractError: a query reads a column that there is not.
    """
    return _Lineage(contracts, tables or {}).columns


def row_lineage(contracts: Contracts) -> dict[str, frozenset[ColumnName]]:
    """What decides which rows each curated, intermediate and presentation table has, by qualified name.

    These are the relations that its rows come from, as their column `*`, and the columns that filter, join or group
    rows, of rules that reject and of keys by which the newest row is kept too.

    Raises:
        ContractError: a query reads a column that there is not.
    """
    return _Lineage(contracts, {}).rows


def origins(lineage: Inputs, column: ColumnName) -> frozenset[ColumnName]:
    """The columns in which the lineage of a column ends."""
    seen, open_columns = set[ColumnName](), [column]
    while open_columns:
        inputs = lineage.get(open_columns.pop(), frozenset())
        open_columns += inputs - seen
        seen |= inputs
    return frozenset(found for found in seen if found not in lineage)


class _Lineage:
    """Goes through the layers once, from the source on."""

    def __init__(self, contracts: Contracts, tables: Mapping[str, TableSettings]) -> None:
        self.columns: Inputs = {}
        self.rows: dict[str, frozenset[ColumnName]] = {}
        self._contracts = contracts
        self._queries: dict[str, QueryLineage] = {}
        for source in contracts.sources.values():
            self._add_raw(source, tables.get(source.name) or TableSettings())
        for name, made_of in _RUN_PARAMETERS.items():
            self._add(RUN_PARAMETERS, name, [made_of])
        for model in contracts.transform_order:
            self._add_curated(model)
        for derived in contracts.rebuild_order:
            self._add_derived(derived)

    def _add(self, relation: str, column: str, inputs: Iterable[TableColumn]) -> None:
        found = frozenset(ColumnName(*made_of) for made_of in self._resolved(inputs))
        self.columns[ColumnName(relation, column)] = found or frozenset({ColumnName(PIPELINE, "constant")})

    def _add_raw(self, source: SourceTable, settings: TableSettings) -> None:
        relation, theirs = f"raw_data.{source.name}", f"{SOURCE}.{settings.name or source.name}"
        for name in source.columns:
            constant = CONFIGURATION, f"tables.{source.name}.constants.{name}"
            read = theirs, settings.columns.get(name, name)
            self._add(relation, name, [constant if name in settings.constants else read])
        for name, _, _ in raw_columns():
            self._add(relation, name, [(PIPELINE, _PIPELINE_COLUMNS[name])])
        self._add(relation, ROWS, [(theirs, ROWS)])

    def _add_curated(self, model: CuratedModel) -> None:
        query = self._query(model, candidates(model, _ANY_MOMENT))
        made = {**query.columns, **(self._moments(query) if model.versions_of else {})}
        for name in (*model.columns, *_added(model)):
            self._add(model.relation, name, made[name] if name in made else [(PIPELINE, _PIPELINE_COLUMNS[name])])
        rejecting = self._rejecting(model, query)
        newest = {made_of for name in filter(None, (*model.key, model.version)) for made_of in query.columns[name]}
        self._add_rows(model, query, {*rejecting, *newest})

    def _moments(self, query: QueryLineage) -> dict[str, frozenset[TableColumn]]:
        """What loads make of versions: they date them back, add what a row says later, and assume ones before."""
        found = query.columns["valid_from"] | query.columns["_first_valid_from"] | {(PIPELINE, "upper_bound")}
        moments = {"valid_from": found, "_version_at": found}
        if "is_assumed" in query.columns:
            moments["is_assumed"] = found | query.columns["is_active"]
        return moments

    def _add_rows(self, model: Model, query: QueryLineage, more: Iterable[TableColumn] = ()) -> None:
        self._add(model.relation, ROWS, query.rows)
        decided = self._resolved({*query.rows, *query.conditions, *more})
        self.rows[model.relation] = frozenset(ColumnName(*made_of) for made_of in decided)

    def _rejecting(self, model: CuratedModel, query: QueryLineage) -> Iterable[TableColumn]:
        """What the rules read that reject rows, but for the one that every column of a table has."""
        rules = [rule for rule in reject_rules(model) if rule.name != VALUE_OUT_OF_RANGE]
        tables = self._tables(model.reads, ("candidates", (*query.columns, "_row_id")))
        sql = render("steps/transform/current_rows", rules=rules, superseded=False)
        found = query_lineage(sql, tables, f"models/curated/{model.name}/model.yaml").columns["_broken_rules"]
        for relation, name in found:
            yield from query.columns[name] if relation == "candidates" else {(relation, name)}

    def _add_derived(self, model: DerivedModel) -> None:
        query = self._query(model, whole_query(model))
        for name in model.columns:
            self._add(model.relation, name, query.columns[name])
        self._add_rows(model, query)

    def _query(self, model: Model, sql: str) -> QueryLineage:
        place = f"models/{model.layer}/{model.name}"
        found = query_lineage(sql, self._tables({*model.reads, *ENGINE_RELATIONS}), f"{place}/query.sql")
        if missing := [name for name in model.columns if name not in found.columns]:
            raise ContractError(
                f"{place}/query.sql: it returns no column {missing[0]}, which model.yaml lists.",
                remedy="let the query return it, or remove it from model.yaml.",
                reason="query-lacks-column",
            )
        self._queries[model.relation] = found
        return found

    def _tables(self, relations: Iterable[str], *more: tuple[str, tuple[str, ...]]) -> Tables:
        read = tuple((relation, self._names(relation)) for relation in sorted(relations))
        return Tables((*read, *more), frozenset({RUN_PARAMETERS}), _LOOKUPS)

    def _names(self, relation: str) -> tuple[str, ...]:
        """The columns that a query may read of a relation."""
        if relation in ENGINE_RELATIONS:
            return tuple(ENGINE_RELATIONS[relation])
        layer, _, name = relation.partition(".")
        if relation == RUN_PARAMETERS:
            return tuple(ops_tables()[name].columns)
        if layer == "raw_data" and name in self._contracts.sources:
            return (*self._contracts.sources[name].columns, *(added for added, _, _ in raw_columns()))
        if layer == "curated" and name in self._contracts.curated:
            model = self._contracts.curated[name]
            return tuple(dict.fromkeys((*self._queries[relation].columns, *model.columns, *_added(model))))
        return tuple(self._contracts.intermediate[name].columns) if name in self._contracts.intermediate else ()

    def _resolved(self, found: Iterable[TableColumn]) -> frozenset[TableColumn]:
        """The same, where relations and columns that no warehouse has give way to what they are made of."""
        resolved = set[TableColumn]()
        for relation, name in found:
            if relation in ENGINE_RELATIONS:
                held = ENGINE_RELATIONS[relation]
                ends = held.get(name) or [part for parts in held.values() for part in parts]
                is_counted = name == ROWS
                resolved |= {
                    (end, ROWS if is_counted and end.startswith(REFERENCE) else column) for end, column in ends
                }
            elif relation in self._queries and ColumnName(relation, name) not in self.columns:
                resolved |= self._queries[relation].columns[name]
            else:
                resolved.add((relation, name))
        return frozenset(resolved)


def _added(model: CuratedModel) -> tuple[str, ...]:
    return tuple(name for name, _, _ in curated_columns(model))
