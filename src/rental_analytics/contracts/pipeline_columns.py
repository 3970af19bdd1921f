"""The columns that the pipeline adds to those of a contract, with what they mean."""

from __future__ import annotations

from rental_analytics.contracts.columns import ModelColumn
from rental_analytics.contracts.model import CuratedModel

_RUN_ID = ModelColumn(type="VARCHAR", description="The run that read the row, or found its key deleted")
_LOADED_AT = ModelColumn(
    type="TIMESTAMP", description="Start of the run that loaded the row, or flagged it as deleted, in UTC"
)

RAW_TABLE_COLUMNS = {
    "_row_id": ModelColumn(type="BIGINT", description="Number of the row, which orders rows by run and place"),
    "_run_id": _RUN_ID,
    "_extracted_at": ModelColumn(
        type="TIMESTAMP", description="Moment in UTC up to which that run read the source: its upper bound"
    ),
    "_is_deleted": ModelColumn(type="BOOLEAN", description="Whether the key was deleted in the source"),
    "_loaded_at": _LOADED_AT,
}
"""Behind the columns of every table of `raw_data`, in order."""


def curated_table_columns(model: CuratedModel) -> dict[str, ModelColumn]:
    """Behind the columns of a curated model, in the order of its table."""
    columns = {"_run_id": _RUN_ID, "_loaded_at": _LOADED_AT}
    if model.soft_delete:
        columns["is_deleted"] = ModelColumn(
            type="BOOLEAN", description="Whether the key was deleted in the source; the row keeps its last values"
        )
    if not model.versions_of:
        return columns
    begin = ModelColumn(
        type="TIMESTAMP", description="Moment in UTC from which this version would count if it were the first known one"
    )
    own = ModelColumn(
        type="TIMESTAMP", description="Moment in UTC at which the version itself began, whatever valid_from says"
    )
    return {"_first_valid_from": begin, **columns, "_version_at": own}
