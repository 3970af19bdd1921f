"""How a table is read into the lake, whichever engine computes, and how the read is proven.

Every read begins with a census: which keys the source holds, and how new their rows are. The rows are read after it, so
a row that the census had and the read lacks was either deleted meanwhile, which the source can be asked, or lost.
"""

from __future__ import annotations

from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Progress, Session
from rental_analytics.steps.extract.keyed_read import IncrementalRead, KeyedSnapshot
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.steps.extract.unkeyed_read import AppendRead, Snapshot
from rental_analytics.storage.base import Lake


def read_table(
    session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
) -> ExtractedTable:
    """Read one table into the lake and prove that nothing was lost on the way.

    Raises:
        SourceError: the database cannot be read, or holds a value that cannot be represented.
        ProofError: rows that the source held did not arrive.
    """
    kind = {
        ReadMode.INCREMENTAL: IncrementalRead,
        ReadMode.APPEND: AppendRead,
        ReadMode.SNAPSHOT: KeyedSnapshot if request.plan.key else Snapshot,
    }[request.plan.mode]
    return kind(session, request, database, lake, progress).run()
