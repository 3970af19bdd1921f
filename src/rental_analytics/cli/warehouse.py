"""The warehouse of commands that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rental_analytics.settings import Settings
    from rental_analytics.warehouses.base import Warehouse


def warehouse_settings(config: Path, overrides: list[str] | None) -> Settings:
    """The configuration of a command that needs no source."""
    from rental_analytics.settings import load_settings

    return load_settings(config, overrides or (), needs_source=False)


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[Warehouse]:
    """The warehouse of a configuration, open for reading."""
    from rental_analytics.wiring import make_warehouse

    warehouse = make_warehouse(settings)
    warehouse.open(read_only=True)
    try:
        yield warehouse
    finally:
        warehouse.close()
