"""The columns that the pipeline adds to tables, behind those of their contracts."""

from __future__ import annotations

from collections.abc import Mapping

from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.raw_files import RAW_COLUMNS

_DESCRIPTIONS: Mapping[str, str] = {
    "_row_id": "Orders rows by run and place",
    "_run_id": "The run that read the row, or found its key deleted",
    "_extracted_at": "Upper bound of that run in UTC",
    "_is_deleted": "Whether the key was deleted in the source",
    "is_deleted": "Whether the key was deleted in the source; the other columns keep their last values",
    "_first_valid_from": "From when on a first known version counts, from which valid_from is computed",
    "_version_at": "Moment of the version itself, from which valid_from is computed",
    "_loaded_at": "Start of the run that loaded the row, or flagged it, in UTC",
}
PipelineColumn = tuple[str, str, str]
"""Name, type and description."""


def raw_columns() -> tuple[PipelineColumn, ...]:
    """Those of every table of `raw_data`."""
    return _described([*RAW_COLUMNS, ("_loaded_at", "TIMESTAMP")])


def curated_columns(model: CuratedModel) -> tuple[PipelineColumn, ...]:
    """Those of a table of `curated`, in the order of the table."""
    found = [("_run_id", "VARCHAR"), ("_loaded_at", "TIMESTAMP")]
    if model.soft_delete:
        found.append(("is_deleted", "BOOLEAN"))
    if model.versions_of:
        found = [("_first_valid_from", "TIMESTAMP"), *found, ("_version_at", "TIMESTAMP")]
    return _described(found)


def _described(columns: list[tuple[str, str]]) -> tuple[PipelineColumn, ...]:
    return tuple((name, kind, _DESCRIPTIONS[name]) for name, kind in columns)
