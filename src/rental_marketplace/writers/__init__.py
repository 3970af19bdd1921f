"""Writing a marketplace to MySQL or SQLite."""

from rental_marketplace.writers.base import Target
from rental_marketplace.writers.connect import open_target

__all__ = ["Target", "open_target"]
