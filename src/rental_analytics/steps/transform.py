"""Step `transform`: type, clean, deduplicate and convert; set bad rows aside."""

from __future__ import annotations

from collections.abc import Mapping

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import (
    CheckResult,
    ExtractedTable,
    ExtractManifest,
    TransformedTable,
    TransformManifest,
)
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.engines.base import TransformRequest
from rental_analytics.errors import ContractError, QualityError
from rental_analytics.reference.data import ReferenceData, load_reference_data
from rental_analytics.steps.base import StepContext, StepResult, out_of_order
from rental_analytics.steps.load import CURATED

_TOLD = 3
# Below this a share says little: one bad row is a large part of the few that a run every few minutes takes in.
_FEW_ROWS = 100
_Extracts = tuple[ExtractedTable, ...]


def run(context: StepContext) -> StepResult:
    """Transform what was extracted since the last run that was loaded, and commit it."""
    run = context.run
    pending = context.manifests.pending_extracts(CURATED, through=run.sequence)
    if not pending:
        raise out_of_order(context, "nothing was extracted that is not loaded yet")
    _note_taken_over(context, pending)
    _note_empty_range(context, pending[-1])
    last = _last_loaded(context)
    _check_new_models(context, pending, last)
    reference = load_reference_data(run.upper_bound.date(), context.settings.exchange_rates)
    _note_new_rates(context, reference, last)
    split = {name: _split(pending, name) for name in context.contracts.sources}
    request = TransformRequest(
        run=run,
        models=context.contracts.transform_order,
        sources=context.contracts.sources,
        extracts={name: since for name, (_, since) in split.items()},
        earlier={name: before for name, (before, _) in split.items()},
        reference=reference,
        emit_reference=run.full_refresh or last is None or last.reference_fingerprint != reference.fingerprint,
    )
    with context.reporter.task("transform") as progress:
        tables = context.engine.transform(request, context.lake, progress)
    tables = {name: _with_range(context, name, table, request.extracts) for name, table in tables.items()}
    context.manifests.commit(
        TransformManifest(
            run_id=run.run_id,
            sequence=run.sequence,
            engine=f"{context.engine.name} {context.engine.version}",
            covers=tuple(manifest.run_id for manifest in pending),
            tables=tables,
            reference_fingerprint=reference.fingerprint,
            fixings_fingerprint=reference.fixings,
        )
    )
    _note_rejected(context, tables)
    made = tables.values()
    written = [file for table in made for file in (*table.files, *table.deletes, *table.rejected_files)]
    return StepResult(
        sum(table.extracted or 0 for table in made),
        sum(table.curated for table in made if table.extracted is not None),
        sum(file.bytes for file in written),
    )


def _with_range(
    context: StepContext, name: str, table: TransformedTable, extracts: Mapping[str, tuple[ExtractedTable, ...]]
) -> TransformedTable:
    """A backfill's rows stand for all events of its range."""
    for extract in extracts.get(context.contracts.curated[name].source or "", ()):
        if extract.replaced_from:
            update = {"replaced_from": extract.replaced_from, "replaced_to": extract.replaced_to}
            return table.model_copy(update=update)
    return table


def check_quality(context: StepContext) -> None:
    """Stop before anything is loaded when too large a share of a table was rejected.

    Raises:
        QualityError: names the table, the share and the rules; `ops` tells which rows.
    """
    manifest = context.manifests.transform(context.run.run_id)
    run_id = context.run.run_id
    limit, least = context.settings.max_rejected_share, context.settings.min_rejected_rows
    for name, table in (manifest.tables if manifest else {}).items():
        if table.extracted and table.rejected >= least and table.rejected / table.extracted > limit:
            broken = [
                f"{check.check_name} {check.failed_rows:,}" + (f", such as {check.sample}" if check.sample else "")
                for check in _reasons(table)
            ]
            few = "; quality.min_rejected_rows is how many it takes" if table.rejected < _FEW_ROWS else ""
            raise QualityError(
                f"{table.rejected:,} of {table.extracted:,} rows of {name} were rejected "
                f"({table.rejected / table.extracted:.0%}, allowed are {limit:.0%}): {'; '.join(broken)}.",
                remedy=f"see `rental query \"FROM ops.rejected_rows WHERE run_id = '{run_id}'\"`; after correcting the "
                f"source `rental run`; to let them through "
                f"`rental run --resume {run_id} --set quality.max_rejected_share=1`{few}.",
                table=name,
            )
        for check in table.checks:
            if check.severity == "fail" and check.failed_rows:
                raise QualityError(
                    f"Check {check.check_name} of {check.table_name} is broken by {check.failed_rows:,} rows"
                    + (f", such as {check.sample}." if check.sample else "."),
                    remedy="correct the rows in the source; the check is in the table's YAML file.",
                    table=name,
                )


def _reasons(table: TransformedTable) -> list[CheckResult]:
    """The rules that rejected rows, the one that rejected most first."""
    broken = [check for check in table.checks if check.failed_rows and check.severity == Severity.REJECT]
    return sorted(broken, key=lambda check: -check.failed_rows)


def _note_rejected(context: StepContext, tables: Mapping[str, TransformedTable]) -> None:
    for name, table in tables.items():
        if table.rejected:
            reasons = [f"{check.check_name} {check.failed_rows:,}" for check in _reasons(table)]
            more = [f"{_counted(len(reasons) - _TOLD, 'more rule')}"] if len(reasons) > _TOLD else []
            context.reporter.note(
                f"{name}: {_counted(table.rejected, 'row')} rejected ({', '.join(reasons[:_TOLD] + more)}); "
                "see ops.rejected_rows"
            )


def _note_taken_over(context: StepContext, pending: list[ExtractManifest]) -> None:
    others = [manifest.run_id for manifest in pending if manifest.run_id != context.run.run_id]
    if others:
        more = f" and {_counted(len(others) - 1, 'run')} after it" if len(others) > 1 else ""
        context.reporter.note(f"transform: takes in what run {others[0]}{more} read")


def _note_empty_range(context: StepContext, newest: ExtractManifest) -> None:
    """Tables that are read whole have no range."""
    run = context.run
    ranged = [table for table in newest.tables.values() if table.mode is not ReadMode.SNAPSHOT]
    if run.backfill_from and ranged and not any(table.proof and table.proof.window_rows for table in ranged):
        context.reporter.note(f"transform: nothing in the range {run.backfill_from} to {run.backfill_to}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _check_new_models(context: StepContext, pending: list[ExtractManifest], last: TransformManifest | None) -> None:
    """A model that came after its source was loaded would lack the rows of earlier runs."""
    for model in context.contracts.curated.values():
        source = model.source or ""
        extracts = [manifest.tables[source] for manifest in pending if source in manifest.tables]
        if last and source and model.name not in last.tables and not any(extract.complete for extract in extracts):
            raise ContractError(
                f"The curated model {model.name} is new, but rows of {source} were loaded before it came.",
                remedy="fill it with `rental run --full-refresh`.",
                table=model.name,
            )


def _split(pending: list[ExtractManifest], name: str) -> tuple[_Extracts, _Extracts]:
    """A table's extracts before the last one that held the whole table, and from that one on."""
    extracts = tuple(manifest.tables[name] for manifest in pending if name in manifest.tables)
    starts = [place for place, extract in enumerate(extracts) if extract.complete]
    start = starts[-1] if starts else 0
    return extracts[:start], extracts[start:]


def _last_loaded(context: StepContext) -> TransformManifest | None:
    loaded = context.manifests.latest("load-curated", before=context.run.sequence)
    return context.manifests.transform(loaded.run_id) if loaded else None


def _note_new_rates(context: StepContext, reference: ReferenceData, last: TransformManifest | None) -> None:
    """Rows that do not change are not converted anew."""
    if last and last.fixings_fingerprint != reference.fixings and not context.run.full_refresh:
        context.reporter.note(
            "transform: the exchange rates have changed; rows loaded before keep the old ones until "
            "`rental run --full-refresh`"
        )
