"""Steps `load-raw` and `load-curated`: bring the lake's files into the warehouse, each manifest once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from rental_analytics.contracts.events import TableDone
from rental_analytics.contracts.manifest import (
    ExtractedTable,
    ExtractManifest,
    LakeFile,
    LoadedTable,
    LoadManifest,
    RunParameters,
    TransformedTable,
    TransformManifest,
)
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.pipeline_columns import curated_columns, raw_columns
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import LakeError, QualityError
from rental_analytics.quality.loaded import load_checks
from rental_analytics.sql.render import render
from rental_analytics.steps.base import Parts, StepContext, StepResult, StepWork, out_of_order
from rental_analytics.steps.findings import check_reads
from rental_analytics.steps.load.checks import check_loaded
from rental_analytics.steps.load.fit import check_fits
from rental_analytics.warehouses.base import Disposition, HeldAmounts, Load, OpsRows, Replaced, TableDetails, TableLoad


def run_raw(context: StepContext) -> StepResult:
    """Merge the raw files of this run, and of earlier ones that were not loaded, into schema `raw_data`.

    Raises:
        ContractError: a raw column cannot take what was read; nothing is loaded then.
    """
    _check_not_stopped(context)
    pending = context.manifests.pending_extracts(StepName.LOAD_RAW, through=context.run.sequence)
    check_reads(pending)
    check_fits(context, pending)
    loaded: dict[str, LoadedTable] = {}
    vanished = Counter[str]()
    with context.events.work(StepName.LOAD_RAW):
        for place, manifest in enumerate(pending):
            # What a full refresh read whole stands for all that was read before, and perhaps could not be loaded.
            later = pending[place + 1 :] if context.run.full_refresh else []
            whole = {name for extract in later for name, table in extract.tables.items() if table.complete}
            load = _raw_load(context, manifest, without=whole)
            keyed = {table.relation for table in load.tables if table.disposition is Disposition.MERGE}
            for relation, table in context.warehouse.load(load, context.lake).items():
                loaded[relation] = _sum(loaded.get(relation), table)
                vanished[relation.split(".")[1]] += table.deleted if relation in keyed else 0
            _record_freshness(context, manifest)
    for name, rows in vanished.items():
        if rows:
            told = "row was deleted in the source and is" if rows == 1 else "rows were deleted in the source and are"
            context.events.note(f"{rows:,} {told} now flagged as deleted", table=name)
    return _commit(context, StepName.LOAD_RAW, tuple(manifest.run_id for manifest in pending), loaded)


def run_curated(context: StepContext) -> StepResult:
    """Merge the curated files of this run into schema `curated`, with its accounting, in one transaction."""
    manifest = context.manifests.transform(context.run.run_id)
    if manifest is None:
        raise out_of_order(context, "it has no committed transform to load")
    _check_not_stopped(context)
    pending = context.manifests.pending_extracts(StepName.LOAD_CURATED, through=context.run.sequence)
    if manifest.covers != tuple(extract.run_id for extract in pending):
        raise LakeError(
            f"What run {manifest.run_id} transformed also holds rows that another run has loaded since.",
            remedy="start a new run with `rental run`.",
            reason="transform-outdated",
        )
    models = context.contracts.curated
    held = _held_currency(context)
    whole = context.run.full_refresh
    tables = [
        curated_load(models[name], table, models, held, whole=whole)
        for name, table in manifest.tables.items()
        if name in models
    ]
    load = Load(
        step=StepName.LOAD_CURATED,
        run_id=context.run.run_id,
        manifest_hash=context.manifests.fingerprint(manifest.run_id, StepName.TRANSFORM),
        loaded_at=context.run.started_at,
        upper_bound=context.run.upper_bound,
        tables=tuple(tables),
        follows=_last_loaded(context),
        reporting_currency=context.run.marketplace.reporting_currency,
        described={
            model.relation: _curated_details(model) for name, model in models.items() if name not in manifest.tables
        },
        ops_files=_rejected_files(manifest),
        ops_rows=_accounts(manifest, context.manifests.extract(manifest.run_id)),
    )
    with context.events.work(StepName.LOAD_CURATED):
        loaded = context.warehouse.load(load, context.lake)
    _commit(context, StepName.LOAD_CURATED, manifest.covers, loaded)
    # Exchange rates and the calendar are no rows of the marketplace.
    rows = sum(
        loaded[f"curated.{name}"].inserted for name, table in manifest.tables.items() if table.extracted is not None
    )
    return StepResult(rows, rows)


def _check_not_stopped(context: StepContext) -> None:
    """A step that is asked for alone does not lead around the check of the one before it."""
    run_id = context.run.run_id
    if context.manifests.transform(run_id) and not context.manifests.may_load(run_id):
        raise QualityError(
            f"Run {run_id} was stopped by a check of its rows, and nothing has let it through since.",
            remedy=f"correct the source, then `rental run`; to let its rows through "
            f"`rental run --resume {run_id} --set quality.max_rejected_share=1`.",
            reason="run-stopped-by-check",
        )


def account_stopped(parts: Parts, run: RunParameters) -> None:
    """Let `ops` tell what a transform made that is not loaded since a check stopped the run; may be repeated."""
    manifest = parts.manifests.transform(run.run_id)
    if manifest is None or parts.manifests.committed(run.run_id, StepName.LOAD_CURATED):
        return
    load = Load(
        step=StepName.LOAD_CURATED,
        run_id=run.run_id,
        manifest_hash=parts.manifests.fingerprint(run.run_id, StepName.TRANSFORM),
        loaded_at=run.started_at,
        upper_bound=run.upper_bound,
        tables=(),
        ops_files=_rejected_files(manifest),
        ops_rows=_accounts(manifest, parts.manifests.extract(run.run_id)),
    )
    if not parts.warehouse.loaded(StepName.LOAD_CURATED, load.manifest_hash):
        parts.warehouse.account(load, parts.lake)


def curated_load(
    model: CuratedModel,
    table: TransformedTable,
    models: Mapping[str, CuratedModel],
    held: str | None = None,
    *,
    whole: bool = False,
) -> TableLoad:
    """How a transformed table changes its warehouse table.

    Args:
        held: the currency of the amounts that are there, where it is another one than that of those that come.
        whole: the load is one of a full refresh.
    """
    if model.reference:
        disposition = Disposition.REPLACE
    elif model.versions_of:
        disposition = Disposition.VERSIONS
    else:
        disposition = Disposition.MERGE if model.key else Disposition.APPEND
    return TableLoad(
        relation=model.relation,
        columns=table.columns,
        key=model.key,
        disposition=disposition,
        files=table.files,
        deletes=table.deletes,
        withdrawn=table.withdrawn,
        complete=table.complete,
        soft_delete=model.soft_delete,
        checks=load_checks(model),
        versions_of=f"curated.{model.versions_of}" if model.versions_of else None,
        version=models[model.versions_of].version if model.versions_of else None,
        replaced=_replaced(model.event_time, table),
        held_amounts=_held_amounts(model, models, held) if held else None,
        ids=tuple(name for name, column in model.columns.items() if column.is_id) if whole else (),
        details=_curated_details(model),
    )


def _curated_details(model: CuratedModel) -> TableDetails:
    added = {name: description for name, _, description in curated_columns(model)}
    return TableDetails(
        description=model.description,
        descriptions=added | {name: column.description for name, column in model.columns.items()},
        required=(*model.required, "_run_id"),
        layout=model.layout,
    )


def _held_currency(context: StepContext) -> str | None:
    """What amounts in the warehouse are in, where that is not what they are to be in from now on."""
    if not context.run.full_refresh:
        return None
    found = context.warehouse.ask(render("steps/load/held_currency", step=StepName.LOAD_CURATED)).column(0).to_pylist()
    return found[0] if found and found[0] != context.run.marketplace.reporting_currency else None


def _held_amounts(model: CuratedModel, models: Mapping[str, CuratedModel], held: str) -> HeldAmounts | None:
    """Amounts that the files of a full refresh do not bring again: of deleted rows, and of versions of before."""
    if model.conversion:
        moment = model.conversion.moment if model.conversion.moment in model.columns else str(model.version)
        return HeldAmounts(model.conversion.into, held, moment)
    parent = models[model.versions_of] if model.versions_of else None
    if parent is None or parent.conversion is None or parent.conversion.into not in model.columns:
        return None
    if parent.conversion.moment in parent.columns:
        return HeldAmounts(parent.conversion.into, held, parent.conversion.moment, parent.relation)
    return HeldAmounts(parent.conversion.into, held, "_version_at")


def _last_loaded(context: StepContext) -> str | None:
    """What the lake takes for loaded last; a run that reads everything anew may begin on any warehouse."""
    if context.run.full_refresh:
        return None
    last = context.manifests.latest(StepName.LOAD_CURATED, before=context.run.sequence)
    return context.manifests.fingerprint(last.run_id, StepName.TRANSFORM) if last else ""


def _raw_load(context: StepContext, manifest: ExtractManifest, without: Collection[str]) -> Load:
    tables = []
    for name, table in manifest.tables.items():
        if name not in without:
            source = context.contracts.sources.get(name)
            tables.append(_raw_table(name, table, source, whole=context.run.full_refresh))
    return Load(
        step=StepName.LOAD_RAW,
        run_id=manifest.run_id,
        manifest_hash=context.manifests.fingerprint(manifest.run_id, StepName.EXTRACT),
        loaded_at=context.run.started_at,
        upper_bound=context.run.upper_bound,
        tables=tuple(tables),
        ops_rows={"proofs": list(_proofs(manifest))},
    )


def _replaced(moment: str | None, table: ExtractedTable | TransformedTable) -> Replaced | None:
    if moment is None or table.replaced_from is None or table.replaced_to is None:
        return None
    return Replaced(moment, table.replaced_from, table.replaced_to)


def _raw_table(name: str, table: ExtractedTable, source: SourceTable | None, *, whole: bool = False) -> TableLoad:
    cursor = source.change_cursor if source else None
    if table.mode is ReadMode.APPEND:
        disposition = Disposition.APPEND
    else:
        disposition = Disposition.MERGE if table.key else Disposition.REPLACE
    return TableLoad(
        relation=f"raw_data.{name}",
        columns=table.columns,
        key=table.key if disposition is Disposition.MERGE else (),
        disposition=disposition,
        files=table.files,
        deletes=table.deletes,
        newest_by=(cursor, "_row_id") if cursor else ("_row_id",),
        complete=table.complete,
        replaced=_replaced(source.event_time if source else None, table),
        ids=source.ids if source and whole else (),
        details=_raw_details(table, source, table.key if disposition is Disposition.MERGE else ()),
    )


_NOT_NAMED = "A column that the contract does not name, as the source has it"


def _raw_details(table: ExtractedTable, source: SourceTable | None, required: tuple[str, ...]) -> TableDetails:
    kept = dict.fromkeys((column.name for column in table.columns), _NOT_NAMED)
    known = source.columns.items() if source else ()
    added = {name: description for name, _, description in raw_columns()}
    return TableDetails(
        description=source.description if source else "A table that no contract names any more",
        descriptions=kept | {name: column.description for name, column in known} | added,
        required=required,
    )


def _rejected_files(manifest: TransformManifest) -> dict[str, list[LakeFile]]:
    return {"rejected_rows": [file for table in manifest.tables.values() for file in table.rejected_files]}


def _accounts(manifest: TransformManifest, extract: ExtractManifest | None) -> OpsRows:
    """What `ops` has of a run that transformed, and perhaps extracted: its rows, and what its checks found."""
    run_id = manifest.run_id
    accounting = [
        {
            "run_id": run_id,
            "table_name": name,
            "extracted": table.extracted,
            "curated": table.curated,
            "superseded": table.superseded,
            "rejected": table.rejected,
        }
        for name, table in manifest.tables.items()
        if table.extracted is not None
    ]
    found = [check for table in manifest.tables.values() for check in table.checks]
    found += extract.check_results if extract else ()
    return {"row_accounting": accounting, "check_results": [{"run_id": run_id} | check.record for check in found]}


def _proofs(manifest: ExtractManifest) -> Iterator[dict[str, object]]:
    for name, table in manifest.tables.items():
        if table.proof:
            yield {
                "run_id": manifest.run_id,
                "table_name": name,
                "read_mode": str(table.mode),
                "window_lower": table.proof.window_lower,
                "window_upper": table.proof.window_upper,
                "source_rows": table.proof.rows,
                "window_rows": table.proof.window_rows,
                "extracted_rows": table.rows,
                "deleted_keys": sum(file.rows for file in table.deletes),
                "key_hash": table.proof.key_hash,
            }


def _record_freshness(context: StepContext, manifest: ExtractManifest) -> None:
    """A run that is continued after a newer one read the source does not make its tables older."""
    known = context.warehouse.ask(render("steps/load/watermarks")).to_pylist()
    read = {row["table_name"]: row["run_id"] for row in known}
    places = {run_id: context.manifests.sequence(run_id) or 0 for run_id in {*read.values()}}
    rows = [
        row
        for row in _freshness(manifest)
        if row["table_name"] not in read or places[read[row["table_name"]]] <= manifest.sequence
    ]
    context.warehouse.record({"freshness": rows}, replacing=["table_name"])


def _freshness(manifest: ExtractManifest) -> Iterator[dict[str, object]]:
    for name, table in manifest.tables.items():
        if table.absent:
            continue
        yield {
            "table_name": name,
            "run_id": manifest.run_id,
            "read_mode": str(table.mode),
            "watermark": table.window_upper,
        }


def _commit(
    context: StepContext, step: StepName, covers: tuple[str, ...], loaded: dict[str, LoadedTable]
) -> StepResult:
    commit_load(context, context.run, step, covers, loaded)
    for relation, table in loaded.items():
        context.events.emit(TableDone(step, relation, table.inserted))
    rows = sum(table.inserted for table in loaded.values())
    return StepResult(rows, rows)


def commit_load(
    parts: Parts, run: RunParameters, step: StepName, covers: tuple[str, ...], loaded: dict[str, LoadedTable]
) -> None:
    """Say in the lake what a load changed in the warehouse."""
    parts.manifests.commit(
        LoadManifest.model_validate(
            {
                "step": step,
                "run_id": run.run_id,
                "sequence": run.sequence,
                "engine": parts.warehouse.name,
                "covers": covers,
                "tables": loaded,
            }
        )
    )


def _sum(first: LoadedTable | None, second: LoadedTable) -> LoadedTable:
    if first is None:
        return second
    return LoadedTable(inserted=first.inserted + second.inserted, deleted=first.deleted + second.deleted)


RAW_WORK = StepWork(run_raw)
CURATED_WORK = StepWork(run_curated, check=check_loaded)
