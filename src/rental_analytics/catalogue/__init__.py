"""The documentation of a warehouse: data dictionary, metric catalogue, column-level lineage."""

from rental_analytics.catalogue.content import Content, read_content
from rental_analytics.catalogue.documentation import write_documentation

__all__ = ["Content", "read_content", "write_documentation"]
