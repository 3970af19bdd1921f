"""What is asked of a transformation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rental_analytics.contracts.manifest import ExtractedTable, RunParameters
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.reference.data import ReferenceData


@dataclass(frozen=True)
class TransformRequest:
    """Models to build, in this order, from the extracts of one or more runs, oldest first.

    `earlier` has extracts that a later one, which holds the whole table, has replaced: their row versions are kept.
    `emit_reference` asks for the files of reference models too; without it they only serve the other models.
    """

    run: RunParameters
    models: tuple[CuratedModel, ...]
    sources: Mapping[str, SourceTable]
    extracts: Mapping[str, tuple[ExtractedTable, ...]]
    reference: ReferenceData
    emit_reference: bool
    earlier: Mapping[str, tuple[ExtractedTable, ...]] = field(default_factory=dict)
