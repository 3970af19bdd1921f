"""Making a marketplace in a database."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from rental_marketplace.errors import MarketplaceError
from rental_marketplace.ids import Ids
from rental_marketplace.options import (
    GenerationSummary,
    MarketplaceOptions,
    Progress,
    ignore_progress,
)
from rental_marketplace.plan import MarketplacePlan
from rental_marketplace.schema import tables_for
from rental_marketplace.writers import Target, open_target


def generate(
    url: str,
    options: MarketplaceOptions,
    *,
    password: str | None = None,
    replace: bool = False,
    on_progress: Progress | None = None,
) -> GenerationSummary:
    """Make the marketplace in the database at `url`; it appears whole or not at all.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `mysql://user[:password]@host[:port]/database`.
        password: for MySQL, instead of the one in the URL.
        replace: take the place of marketplace tables that hold rows; other tables stay.
        on_progress: called with a table's name and the rows of it written so far.

    Raises:
        MarketplaceError: a table holds rows and `replace` is not set, or the database cannot be reached or
            written.
    """
    with closing(open_target(url, password, bulk_load=True)) as target:
        if not replace:
            _refuse_to_overwrite(target)
        plan = MarketplacePlan(options)
        tables = tables_for(minimal=options.minimal)
        ids = Ids(options.ids)
        schema = {table.name: table.with_text_ids() if options.ids == "text" else table for table in tables}
        rows = {}
        with target.build(list(schema.values()), strict=options.dirty_rate == 0) as loader:
            for name, chunks in plan.tables():
                written = map(partial(ids.written, schema[name]), chunks)
                rows[name] = loader.load(schema[name], written, on_progress or ignore_progress)
    return GenerationSummary(rows, plan.planted)


def _refuse_to_overwrite(target: Target) -> None:
    occupied = target.occupied()
    if occupied:
        raise MarketplaceError(
            f"{target.label} already holds rows in {', '.join(occupied)}; nothing was changed.",
            remedy="choose another database, or add --replace, which drops what these tables hold.",
            reason="target-holds-rows",
        )
