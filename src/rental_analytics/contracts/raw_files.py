"""What the raw files of every table have behind the columns of their source, and how rows are numbered."""

from __future__ import annotations

ROW_ID_BITS = 40
"""A raw row's `_row_id` is the run's place in the history, shifted by this, plus the row's place in the run's read."""

DELETES_OFFSET = 1 << (ROW_ID_BITS - 1)
"""Vanished keys are numbered from here, so that bit 39 of `_row_id` tells them from rows."""

FETCHED_OFFSET = 1 << (ROW_ID_BITS - 3)
"""Rows that were asked for by their keys are numbered from here; engines may leave gaps between numbers."""

RAW_COLUMNS = (
    ("_row_id", "BIGINT"),
    ("_run_id", "VARCHAR"),
    ("_extracted_at", "TIMESTAMP"),
    ("_is_deleted", "BOOLEAN"),
)
"""Columns every raw file has behind those of its source table."""
