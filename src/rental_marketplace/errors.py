"""The one error of this package that a user meets."""

from __future__ import annotations

from rental_analytics.errors import ConfigurationError


class MarketplaceError(ConfigurationError):
    """The marketplace cannot be written: wrong option, unusable target, or data that would be lost."""
