"""Rights that the matrix cannot show to be needed, each with its reason: by role, then as `statement action`."""

_JOBS = "extract transform load-raw load-curated metrics"
_LOADS = "load-raw load-curated metrics"

UNASKED: dict[str, dict[str, str]] = {}
"""The emulated run asks for none of these."""

UNDETECTED: dict[str, dict[str, str]] = {}
"""The job asks for it, and does without."""
