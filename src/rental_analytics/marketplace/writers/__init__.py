"""Writing a marketplace to MySQL or SQLite."""

from rental_analytics.marketplace.writers.base import Target
from rental_analytics.marketplace.writers.connect import open_target

__all__ = ["Target", "open_target"]
