"""The warehouse of those who only read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rental_analytics.settings import Settings
    from rental_analytics.warehouses.base import Warehouse


def warehouse_settings(config: Path, overrides: Sequence[str] | None) -> Settings:
    """The configuration of a command that needs no source."""
    from rental_analytics.settings import load_settings

    return load_settings(config, overrides or (), needs_source=False)


def open_warehouse(settings: Settings) -> AbstractContextManager[Warehouse]:
    """The warehouse of a configuration, open for reading."""
    from rental_analytics.wiring import make_warehouse

    return reading(make_warehouse(settings))


@contextmanager
def reading(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse that is open for reading within the block, and sees what was published before it."""
    warehouse.open(read_only=True)
    try:
        yield warehouse
    finally:
        warehouse.close()
