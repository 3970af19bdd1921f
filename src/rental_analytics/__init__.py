"""Turns a rental marketplace's MySQL database into trusted numbers in a warehouse.

`connect()` is for those who read them.
"""

from __future__ import annotations

# As that of `typing`, which would take longer to import than all of this.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import os

    from rental_analytics.analysis.connection import Connection

__all__ = ["connect"]


def connect(config: str | os.PathLike[str] | None = None, *, url: str | None = None, **overrides: object) -> Connection:
    """Ask the warehouse, in DuckDB or in Redshift, from Python.

    The connection only reads. It holds nothing open, so that it is in no run's way, and each question is answered from
    what the last run that ended has published.

    Args:
        config: the configuration file; by default the one that RENTAL_CONFIG names, or `rental.toml` in the current
            folder.
        url: the warehouse, such as `duckdb:///warehouse.duckdb` or `redshift://workgroup/database?region=eu-west-1`;
            in place of the one of the file, which then need not be there.
        overrides: single keys of the configuration, such as `engine__memory="4GB"`.

    Raises:
        ConfigurationError: the configuration is missing or wrong, or there is no warehouse yet.
        LockHeldError: another program has the DuckDB file open for writing.

    Example:
        >>> from rental_analytics import connect
        >>> rental = connect("demo/rental.toml")
        >>> rental.metrics()
        >>> rental.query("SELECT * FROM curated.listings WHERE price > :price", {"price": 100}).pandas()
    """
    from rental_analytics.analysis.connection import connected

    return connected(config, url, overrides)
