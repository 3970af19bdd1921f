"""The metrics as one self-contained HTML page."""

from rental_analytics.report.page import write_report

__all__ = ["write_report"]
