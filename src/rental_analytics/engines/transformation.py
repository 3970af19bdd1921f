"""How the curated models are built over the raw files of one or more runs, whichever engine computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rental_analytics.contracts.base import Check, Severity
from rental_analytics.contracts.manifest import (
    RUN_ID_BYTES,
    CheckResult,
    ExtractedTable,
    FileColumn,
    LakeFile,
    TransformedTable,
)
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.engines.base import Progress, TransformRequest
from rental_analytics.engines.raw_rows import common_types, raw_rows
from rental_analytics.engines.session import Session, below
from rental_analytics.errors import RentalError
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake


class Transformation:
    """Builds all models of a request once; `run` may be called once."""

    def __init__(self, session: Session, request: TransformRequest, lake: Lake, progress: Progress) -> None:
        self._session = session
        self._request = request
        self._lake = lake
        self._progress = progress
        self._run_id = request.run.run_id

    def run(self) -> dict[str, TransformedTable]:
        """Build the models in their order."""
        for name, table in self._request.reference.relations.items():
            self._session.load(name, table)
        made = {}
        for model in self._request.models:
            try:
                made[model.name] = self._made(model)
            except RentalError as error:
                error.table = model.name
                raise
        if not self._request.emit_reference:
            for model in self._request.models:
                if model.reference:
                    del made[model.name]
        return made

    def _made(self, model: CuratedModel) -> TransformedTable:
        self._session.begin(f"transform {model.name}")
        if model.reference:
            return self._reference(model)
        if model.versions_of:
            return self._versions(model)
        made = self._from_source(model)
        self._keep_versions(model)
        return made

    def _reference(self, model: CuratedModel) -> TransformedTable:
        """Reference data is small: it is kept at hand for the other models."""
        self._session.table(model.relation, model.query)
        self._session.view("candidates", f"SELECT *, 0 AS _row_id FROM {identifier(model.relation)} AS rows")
        return self._built(model, complete=True) if self._request.emit_reference else _nothing(model)

    def _from_source(self, model: CuratedModel) -> TransformedTable:
        extracts = self._request.extracts.get(model.source or "", ())
        complete = any(extract.complete for extract in extracts)
        if not _has_rows(extracts):
            return self._made_of_nothing(model, complete=complete)
        self._show_candidates(model, extracts)
        made = self._built(model, complete=complete)
        extracted = sum(extract.rows for extract in extracts)
        if extracted != made.curated + made.superseded + made.rejected:
            raise RentalError(
                f"Table {model.relation} does not add up: {extracted} extracted, but {made.curated} curated, "
                f"{made.superseded} superseded and {made.rejected} rejected.",
                remedy="the model's query must return each source row once; look at its joins.",
                table=model.name,
            )
        checks = (*made.checks, *self._source_checks(self._request.sources[model.source or ""]))
        return made.model_copy(update={"extracted": extracted, "checks": checks})

    def _made_of_nothing(self, model: CuratedModel, *, complete: bool) -> TransformedTable:
        """Where no row came, no statement is needed to say so."""
        source = self._request.sources[model.source or ""]
        checks = (*self._results(model, {}), *_source_results(source, {}))
        return _nothing(model).model_copy(update={"complete": complete, "extracted": 0, "checks": checks})

    def _show_candidates(self, model: CuratedModel, extracts: Sequence[ExtractedTable]) -> None:
        """Let the model's rows stand under `candidates`, as its query makes them of extracts."""
        source = self._request.sources[model.source or ""]
        self._session.view(f"raw_data.{source.name}", raw_rows(self._session, self._lake, source, extracts))
        self._session.view("candidates", model.query)

    def _source_checks(self, source: SourceTable) -> list[CheckResult]:
        if not source.checks:
            return []
        counts = self._session.row(render("source_checks", checks=source.checks, source=f"raw_data.{source.name}"))
        return _source_results(source, counts)

    def _keep_versions(self, model: CuratedModel) -> None:
        """Let models made of this one's row versions find them under its name."""
        if any(other.versions_of == model.name for other in self._request.models):
            source = model.source or ""
            self._show_candidates(
                model, (*self._request.earlier.get(source, ()), *self._request.extracts.get(source, ()))
            )
            rejecting = [rule for rule in model.rules if rule.severity is Severity.REJECT]
            self._session.table(model.relation, render("valid_versions", rules=rejecting))

    def _versions(self, model: CuratedModel) -> TransformedTable:
        parent = next(other for other in self._request.models if other.name == model.versions_of)
        extracts = self._request.extracts.get(parent.source or "", ())
        names = [column.name for column in _file_columns(model)[:-1]]
        self._session.view("candidates", render("versions", names=names, query=model.query))
        return self._built(model, complete=any(extract.complete for extract in extracts))

    def _built(self, model: CuratedModel, *, complete: bool) -> TransformedTable:
        rejecting = [rule for rule in model.rules if rule.severity is Severity.REJECT]
        repeated = self._repeats_keys(model)
        superseded = self._find_superseded(model) if repeated else 0
        self._session.view("current_rows", render("current_rows", rules=rejecting, superseded=repeated))
        curated, rejected = (
            f"curated/{model.name}/run_id={self._run_id}/",
            f"rejected/{model.name}/run_id={self._run_id}/",
        )
        columns = _file_columns(model)
        keys = [column for column in columns if column.name in model.key]
        with (
            self._session.output(self._lake, curated) as folder,
            self._session.output(self._lake, rejected) as aside,
        ):
            files = self._session.write(render("accepted", columns=columns[:-1], run_id=self._run_id), folder)
            counts = self._session.row(
                render("rule_counts", rules=model.rules, checks=_all_checks(model), key=model.key)
            )
            deletes = withdrawn = rejects = list[LakeFile]()
            if model.soft_delete and self._has_deletes(model):
                deletes = self._session.write(render("vanished", columns=keys), folder, "deletes")
            if counts["rejected"]:
                self._session.table("broken_rows", render("broken_rows", key=model.key))
                rejects = self._session.write(self._rejected_rows(model), aside)
                if model.key:
                    withdrawn = self._session.write(render("withdrawn", columns=keys), folder, "withdrawn")
        self._progress(sum(file.rows for file in files))
        return TransformedTable(
            complete=complete,
            columns=tuple(columns),
            files=below(curated, files),
            deletes=below(curated, deletes),
            withdrawn=below(curated, withdrawn),
            rejected_files=below(rejected, rejects),
            curated=sum(file.rows for file in files),
            superseded=superseded,
            rejected=sum(file.rows for file in rejects),
            checks=tuple(self._results(model, counts)),
        )

    def _repeats_keys(self, model: CuratedModel) -> bool:
        """Whether a key may stand in the rows twice; cheap to see for a source table, in its raw key columns."""
        if not model.key or model.reference:
            return False
        key = self._request.sources[model.source].key if model.source else ()
        if not key:
            return True
        raw = f"raw_data.{model.source}"
        return bool(self._session.run(render("repeated_key", relation=raw, key=key)))

    def _has_deletes(self, model: CuratedModel) -> bool:
        return any(extract.deletes for extract in self._request.extracts.get(model.source or "", ()))

    def _find_superseded(self, model: CuratedModel) -> int:
        """Rows that a newer one of the same key replaces go to table `superseded`; how many are rows, not deletes."""
        columns = [name for name in model.columns if name not in model.key and name != model.version]
        order = [name for name in (model.version, *columns) if name]
        self._session.table("superseded", render("superseded", key=model.key, order=order))
        return self._session.number("SELECT COUNT(*) FROM superseded WHERE (_row_id >> 39) % 2 = 0")

    def _rejected_rows(self, model: CuratedModel) -> str:
        """The query for the rejected rows, whose values stand as the source had them."""
        extracts = self._request.extracts.get(model.source or "", ())
        self._session.view("source_rows", raw_rows(self._session, self._lake, None, extracts))
        values = {
            name: self._session.text(f"source_rows.{identifier(name)}", kind)
            for name, kind in common_types(extracts).items()
            if not name.startswith("_")
        }
        return render("rejected", run_id=self._run_id, table=model.name, key=model.key, values=values)

    def _results(self, model: CuratedModel, counts: dict[str, Any]) -> list[CheckResult]:
        return [
            CheckResult(
                table_name=model.name,
                check_name=rule.name,
                severity=rule.severity,
                failed_rows=counts.get(rule.name) or 0,
                sample=counts.get(f"sample_of_{rule.name}"),
            )
            for rule in (*model.rules, *_all_checks(model))
        ]


def _has_rows(extracts: Sequence[ExtractedTable]) -> bool:
    return any(extract.files or extract.deletes for extract in extracts)


def _source_results(source: SourceTable, counts: dict[str, Any]) -> list[CheckResult]:
    return [
        CheckResult(
            table_name=source.name,
            check_name=check.name,
            severity=check.severity,
            failed_rows=counts.get(check.name) or 0,
        )
        for check in source.checks
    ]


def _all_checks(model: CuratedModel) -> list[Check]:
    """The model's checks, and that columns which are never NULL are not."""
    names = [name for name, column in model.columns.items() if not column.nullable]
    return [
        *model.checks,
        *(Check(name=f"{name}_not_null", severity=Severity.FAIL, when=f"{identifier(name)} IS NULL") for name in names),
    ]


def _file_columns(model: CuratedModel) -> list[FileColumn]:
    columns = list(model.file_columns)
    if model.versions_of:
        columns.append(FileColumn(name="_first_valid_from", type="TIMESTAMP"))
    return [*columns, FileColumn(name="_run_id", type="VARCHAR", max_bytes=RUN_ID_BYTES)]


def _nothing(model: CuratedModel) -> TransformedTable:
    return TransformedTable(complete=False, columns=tuple(_file_columns(model)))
