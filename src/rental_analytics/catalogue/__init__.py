"""The documentation of a warehouse: data dictionary, metric catalogue, column-level lineage, semantic models."""

from rental_analytics.catalogue.content import Content, read_content
from rental_analytics.catalogue.documentation import write_documentation, write_files
from rental_analytics.catalogue.semantic import dbt_project, ossie_model

__all__ = ["Content", "dbt_project", "ossie_model", "read_content", "write_documentation", "write_files"]
