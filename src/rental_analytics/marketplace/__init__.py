"""A believable rental marketplace in SQLite or MySQL, for demos, tests and benchmarks."""

from rental_analytics.marketplace.advance import advance
from rental_analytics.marketplace.errors import MarketplaceError
from rental_analytics.marketplace.generation import generate
from rental_analytics.marketplace.options import AdvanceSummary, GenerationSummary, MarketplaceOptions

__all__ = [
    "AdvanceSummary",
    "GenerationSummary",
    "MarketplaceError",
    "MarketplaceOptions",
    "advance",
    "generate",
]
