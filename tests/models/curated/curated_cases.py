"""What an engine makes of a case of a curated model, next to what the case expects."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow.parquet as pq

from curated.raw_rows import EXTRACTED_AT, reference_data, write_extracts
from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.manifest import FileColumn, LakeFile, RunParameters, TransformedTable
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.model import VALUE_OUT_OF_RANGE, CuratedModel
from rental_analytics.engines.base import Engine
from rental_analytics.quality.rules import kept_checks, reject_rules
from rental_analytics.steps.transform.request import TransformRequest
from rental_analytics.steps.transform.transformation import Transformation
from rental_analytics.storage.base import Lake
from support.text_ids import in_order, ordered

Rows = Counter[tuple[Any, ...]]
RUN = RunParameters(
    run_id="transformed", sequence=9, started_at=datetime(2024, 6, 1, tzinfo=UTC), upper_bound=EXTRACTED_AT
)


@cache
def contracts(ids: IdKind = "integer") -> Contracts:
    return load_contracts().with_ids(ids)


def with_text_ids(model: CuratedModel, case: Case) -> Case | None:
    """The same case with texts as ids, in the order of the numbers; None if it is about numbers that are no ids."""
    source = contracts().curated[model.versions_of or model.name].source or ""
    own = {name for name, column in model.columns.items() if column.is_id}
    theirs = {*contracts().sources[source].ids} if source else set()
    given = {relation: [dict(row) for row in rows] for relation, rows in case.given.items()}
    numbers = [row[name] for rows in given.values() for row in rows for name in theirs if row.get(name) is not None]
    if any(not isinstance(number, int) or number >= 2**63 for number in numbers):
        return None
    rejected = in_order([dict(row) for row in case.rejected], own)
    for row in rejected:
        if "row_json" in row:
            row["row_json"] = {
                name: ordered(int(value)) if name in theirs else value for name, value in row["row_json"].items()
            }
    return case.model_copy(
        update={
            "given": {relation: in_order(rows, theirs) for relation, rows in given.items()},
            "expect": in_order([dict(row) for row in case.expect], own),
            "deleted": in_order([dict(row) for row in case.deleted], own),
            "rejected": rejected,
        }
    )


@dataclass(frozen=True)
class Outcome:
    """Rows by value; `rejected` holds row key and rules, `counts` failed rows per rule that any row broke."""

    curated: Rows
    deleted: Rows
    withdrawn: Rows
    rejected: Counter[tuple[str | None, str]]
    counts: dict[str, int]
    extracted: int
    superseded: int


def expected_outcome(model: CuratedModel, case: Case) -> Outcome:
    rejected = Counter((row_key(model, row), row["rules"]) for row in case.rejected)
    broken = Counter(rule for row in case.rejected for rule in row["rules"].split(","))
    source = f"raw_data.{model.source}"
    extracted = sum(not row.get("_is_deleted", False) for row in case.given.get(source, ()))
    superseded = extracted - len(case.expect) - len(case.rejected) if model.source else 0
    return Outcome(
        curated=_expected_rows(case.expect, _file_columns(model)),
        deleted=_expected_rows(case.deleted, _key_columns(model)),
        withdrawn=_expected_rows(_withdrawn_keys(model, case), _key_columns(model)),
        rejected=rejected,
        counts=dict(broken) | case.warned,
        extracted=extracted,
        superseded=superseded,
    )


def _withdrawn_keys(model: CuratedModel, case: Case) -> list[dict[str, Any]]:
    """A key whose newest row is set aside leaves the table; one with a fraction, or not whole, never stood there."""
    keys = [{name: row[name] for name in model.key if name in row} for row in case.rejected]
    whole = [key for key in keys if model.key and len(key) == len(model.key)]
    return [key for key in whole if all(_fits(model, name, value) for name, value in key.items())]


def _fits(model: CuratedModel, name: str, value: Any) -> bool:
    return model.columns[name].type == "VARCHAR" or (isinstance(value, int) and value < 2**63)


def actual_outcome(model: CuratedModel, made: TransformedTable, lake: Lake) -> Outcome:
    """Read what the engine wrote; the counts of the manifest have to be those of the files."""
    rejected = rejected_rows(made, lake)
    assert made.curated == sum(file.rows for file in made.files)
    assert made.rejected == len(rejected)
    assert made.columns == (*_file_columns(model), FileColumn(name="_run_id", type="VARCHAR", max_bytes=100))
    return Outcome(
        curated=_rows(made.files, lake, _file_columns(model)),
        deleted=_rows(made.deletes, lake, _key_columns(model)),
        withdrawn=_rows(made.withdrawn, lake, _key_columns(model)),
        rejected=Counter((row["row_key"], row["rules"]) for row in rejected),
        counts={check.check_name: check.failed_rows for check in made.checks if check.failed_rows},
        extracted=made.extracted or 0,
        superseded=made.superseded if model.source else 0,
    )


def transform(
    engine: Engine, lake: Lake, cases: Mapping[str, Case], ids: IdKind = "integer"
) -> dict[str, TransformedTable]:
    """Build models, and those they are made of, from the rows of a case for each; cases have no relation in common.

    All are reference data, or none is.
    """
    wanted = [contracts(ids).curated[name] for name in cases]
    names = {*cases, *(model.versions_of for model in wanted)}
    models = tuple(
        other for other in contracts(ids).transform_order if other.reference == "exchange_rates" or other.name in names
    )
    sources = {other.source: contracts(ids).sources[other.source] for other in models if other.source}
    relations = {f"raw_data.{name}": name for name in sources}
    given = dict[str, Sequence[Mapping[str, Any]]]()
    for name, case in cases.items():
        unknown = case.given.keys() - relations.keys() - reference_data({}).relations.keys()
        assert not unknown, f"{name} does not read {sorted(unknown)}"
        given |= case.given
    request = TransformRequest(
        run=RUN,
        models=models,
        sources=sources,
        extracts={
            name: write_extracts(lake, sources[name], given.get(relation, ())) for relation, name in relations.items()
        },
        reference=reference_data(given),
        emit_reference=any(model.reference for model in wanted),
    )
    with engine.session(lake) as session:
        return Transformation(session, request, lake, lambda rows: None).run()


def rejected_rows(made: TransformedTable, lake: Lake) -> list[dict[str, Any]]:
    """The rows set aside, `row_json` without its NULLs."""
    rows = _read(made.rejected_files, lake)
    for row in rows:
        source_row = json.loads(row["row_json"])
        row["row_json"] = {name: value for name, value in source_row.items() if value is not None}
    return rows


def row_key(model: CuratedModel, row: Mapping[str, Any]) -> str | None:
    """The key as it is stored beside a rejected row: empty where it is missing, NULL where the table has none."""
    unknown = row.keys() - {*model.key, "rules", "row_json"}
    assert not unknown, f"{sorted(unknown)} is no key column of {model.name}"
    return ",".join(str(row[name]) for name in model.key if name in row) if model.key else None


def rules(model: CuratedModel, severity: Severity) -> set[str]:
    """Those that a case of the model can break."""
    declared = {check.name for check in model.declared_checks if check.is_of_rows}
    found = (*model.rules, *(check for check in kept_checks(model) if check.name in declared), *reject_rules(model))
    return {rule.name for rule in found if rule.severity is severity and rule.name != VALUE_OUT_OF_RANGE}


def _file_columns(model: CuratedModel) -> tuple[FileColumn, ...]:
    columns = [
        FileColumn(name=name, type=column.type, max_bytes=column.max_bytes) for name, column in model.columns.items()
    ]
    if model.versions_of:
        columns.append(FileColumn(name="_first_valid_from", type="TIMESTAMP"))
    return tuple(columns)


def _key_columns(model: CuratedModel) -> tuple[FileColumn, ...]:
    return tuple(FileColumn(name=name, type=model.columns[name].type) for name in model.key)


def _expected_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[FileColumn]) -> Rows:
    expected: Rows = Counter()
    for row in rows:
        unknown = row.keys() - {column.name for column in columns}
        assert not unknown, f"a case expects the unknown columns {sorted(unknown)}"
        values = {column.name: _expected_value(row.get(column.name), column.type) for column in columns}
        expected[tuple(values.values())] += 1
    return expected


def _expected_value(value: Any, kind: str) -> Any:
    return Decimal(str(value)) if kind.startswith("DECIMAL") and value is not None else value


def _rows(files: Iterable[LakeFile], lake: Lake, columns: Sequence[FileColumn]) -> Rows:
    return Counter(tuple(row[column.name] for column in columns) for row in _read(files, lake))


def _read(files: Iterable[LakeFile], lake: Lake) -> list[dict[str, Any]]:
    paths = lake.local_copies(file.path for file in files)
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]
