"""All claims about Redshift."""

from __future__ import annotations

from rental_analytics.doctor.redshift import changes, copying, queries, tables, transactions
from rental_analytics.doctor.redshift.claim import Claim

CLAIMS = tuple(
    found
    for theme in (transactions, changes, queries, tables, copying)
    for found in vars(theme).values()
    if isinstance(found, Claim)
)
"""In the order in which they are checked."""
