"""How the curated models are built over the raw files of one or more runs, whichever engine computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rental_analytics.contracts.manifest import (
    RUN_ID_BYTES,
    CheckResult,
    ExtractedTable,
    FileColumn,
    LakeFile,
    TransformedTable,
)
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.engines.base import CAST_FAILED, Progress, Session, cast_failed
from rental_analytics.errors import RentalError
from rental_analytics.quality.results import (
    blamed_values,
    blaming,
    model_counts,
    model_results,
)
from rental_analytics.quality.rules import narrowed, reject_rules
from rental_analytics.sql.render import identifier, render
from rental_analytics.steps.raw_rows import common_types, raw_rows
from rental_analytics.steps.transform.request import TransformRequest
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
                if error.reason == CAST_FAILED:
                    raise cast_failed(error.message.partition(": ")[2].rstrip("."), model.name) from error
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
        is_read = any(model.relation in other.reads for other in self._request.models)
        if not (is_read or self._request.emit_reference):
            return _nothing(model)
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
                reason="model-does-not-add-up",
                table=model.name,
            )
        return made.model_copy(update={"extracted": extracted})

    def _made_of_nothing(self, model: CuratedModel, *, complete: bool) -> TransformedTable:
        """Where no row came, no statement is needed to say so."""
        update = {"complete": complete, "extracted": 0, "checks": model_results(model, {})}
        return _nothing(model).model_copy(update=update)

    def _show_candidates(self, model: CuratedModel, extracts: Sequence[ExtractedTable]) -> None:
        """Let the model's rows stand under `candidates`, as its query makes them of extracts."""
        source = self._request.sources[model.source or ""]
        self._session.view(f"raw_data.{source.name}", raw_rows(self._session, self._lake, source, extracts))
        self._session.view("candidates", candidates(model, self._request.run.upper_bound))

    def _keep_versions(self, model: CuratedModel) -> None:
        """Let models made of this one's row versions find them under its name."""
        if any(other.versions_of == model.name for other in self._request.models):
            source = model.source or ""
            self._show_candidates(
                model, (*self._request.earlier.get(source, ()), *self._request.extracts.get(source, ()))
            )
            keys = [narrowed(name, model.columns[name]) for name in model.key]
            valid = render("steps/transform/valid_versions", rules=reject_rules(model), keys=keys)
            self._session.table(model.relation, valid)

    def _versions(self, model: CuratedModel) -> TransformedTable:
        parent = next(other for other in self._request.models if other.name == model.versions_of)
        extracts = self._request.extracts.get(parent.source or "", ())
        names = [column.name for column in _file_columns(model)[:-1]]
        self._session.view("candidates", render("steps/transform/versions", names=names, query=model.query))
        return self._built(model, complete=any(extract.complete for extract in extracts))

    def _built(self, model: CuratedModel, *, complete: bool) -> TransformedTable:
        repeated = self._repeats_keys(model)
        superseded = self._find_superseded(model) if repeated else 0
        self._session.view(
            "current_rows", render("steps/transform/current_rows", rules=reject_rules(model), superseded=repeated)
        )
        curated, rejected = (
            f"curated/{model.name}/run_id={self._run_id}/",
            f"rejected/{model.name}/run_id={self._run_id}/",
        )
        columns = _file_columns(model)
        keys = {name: narrowed(name, model.columns[name]) for name in model.columns if name in model.key}
        with (
            self._session.output(self._lake, curated) as folder,
            self._session.output(self._lake, rejected) as aside,
        ):
            files = self._session.write(
                render("steps/transform/accepted", columns=columns[:-1], run_id=self._run_id), folder
            )
            counts = self._session.row(model_counts(model))
            deletes = withdrawn = rejects = list[LakeFile]()
            if model.soft_delete and self._has_deletes(model):
                vanished = render("steps/transform/vanished", keys=keys)
                deletes = self._session.write(vanished, folder, "deletes")
            if counts["rejected"]:
                broken = render("steps/transform/broken_rows", keys=keys)
                self._session.table("broken_rows", broken)
                rejects = self._session.write(self._rejected_rows(model), aside)
                if model.key:
                    withdrawn = self._session.write(render("steps/transform/withdrawn", keys=keys), folder, "withdrawn")
        self._progress(sum(file.rows for file in files))
        return TransformedTable(
            complete=complete,
            columns=tuple(columns),
            files=self._session.published(self._lake, curated, files),
            deletes=self._session.published(self._lake, curated, deletes),
            withdrawn=self._session.published(self._lake, curated, withdrawn),
            rejected_files=self._session.published(self._lake, rejected, rejects),
            curated=sum(file.rows for file in files),
            superseded=superseded,
            rejected=sum(file.rows for file in rejects),
            checks=self._results(model, counts),
        )

    def _results(self, model: CuratedModel, counts: Mapping[str, Any]) -> tuple[CheckResult, ...]:
        queries = blamed_values(model, counts)
        found = {name: [(row[0], int(row[1])) for row in self._session.run(sql)] for name, sql in queries.items()}
        return blaming(model, model_results(model, counts), found)

    def _repeats_keys(self, model: CuratedModel) -> bool:
        """Whether a key may stand in the rows twice; cheap to see for a source table, in its raw key columns."""
        if not model.key or model.reference:
            return False
        key = self._request.sources[model.source].key if model.source else ()
        if not key:
            return True
        raw = f"raw_data.{model.source}"
        return bool(self._session.run(render("steps/transform/repeated_key", relation=raw, key=key)))

    def _has_deletes(self, model: CuratedModel) -> bool:
        return any(extract.deletes for extract in self._request.extracts.get(model.source or "", ()))

    def _find_superseded(self, model: CuratedModel) -> int:
        """Rows that a newer one of the same key replaces go to table `superseded`; how many are rows, not deletes."""
        columns = [name for name in model.columns if name not in model.key and name != model.version]
        order = [name for name in (model.version, *columns) if name]
        self._session.table("superseded", render("steps/transform/superseded", key=model.key, order=order))
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
        return render("steps/transform/rejected", run_id=self._run_id, table=model.name, key=model.key, values=values)


def candidates(model: CuratedModel, upper_bound: datetime) -> str:
    """The query for a model's rows, with what rules may compare them with: the moment up to which the run read."""
    query = model.query
    if model.conversion:
        query = render("steps/transform/converted", query=query, **model.conversion.model_dump())
    return render("steps/transform/candidates", query=query, upper_bound=upper_bound)


def _has_rows(extracts: Sequence[ExtractedTable]) -> bool:
    return any(extract.files or extract.deletes for extract in extracts)


def _file_columns(model: CuratedModel) -> list[FileColumn]:
    columns = list(model.file_columns)
    if model.versions_of:
        columns.append(FileColumn(name="_first_valid_from", type="TIMESTAMP"))
    return [*columns, FileColumn(name="_run_id", type="VARCHAR", max_bytes=RUN_ID_BYTES)]


def _nothing(model: CuratedModel) -> TransformedTable:
    return TransformedTable(complete=False, columns=tuple(_file_columns(model)))
