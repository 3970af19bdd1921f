"""A believable rental marketplace in SQLite or MySQL, for demos, tests and benchmarks."""

from rental_marketplace.advance import advance
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.generation import generate
from rental_marketplace.options import AdvanceSummary, GenerationSummary, MarketplaceOptions

__all__ = [
    "AdvanceSummary",
    "GenerationSummary",
    "MarketplaceError",
    "MarketplaceOptions",
    "advance",
    "generate",
]
