"""The error for a metric that a warehouse cannot compute, whichever it is."""

from __future__ import annotations

from rental_analytics.contracts.model import DerivedModel
from rental_analytics.errors import WarehouseError
from rental_analytics.quality.rebuilt import AGAIN


def metric_failed(model: DerivedModel, reason: str, *, is_misfit: bool) -> WarehouseError:
    """The error for a metric whose query the warehouse refused.

    Args:
        is_misfit: a number was too large, which a query is rarely to blame for.
    """
    if is_misfit:
        return WarehouseError(
            f"A number of {model.relation} does not fit its column: {reason}",
            remedy='find the amounts that are too large to be true with `rental query "SELECT booking_id, listing_id, '
            'reporting_total_price FROM curated.bookings ORDER BY reporting_total_price DESC LIMIT 10"` and `rental '
            'query "SELECT listing_id, reporting_price FROM curated.listings ORDER BY reporting_price DESC LIMIT 10"`, '
            f"correct them in the source and {AGAIN}; the tables of the last run stay.",
            reason="metric-out-of-range",
            table=model.name,
        )
    return WarehouseError(
        f"models/{model.layer}/{model.name}/query.sql does not run: {reason}",
        remedy="correct the query, or the amounts that are too large where a number does not fit; the tables of the "
        "last run stay.",
        reason="metric-query-refused",
        table=model.name,
    )
