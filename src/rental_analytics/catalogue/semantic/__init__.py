"""The metrics as BI tools read them: semantic models in the formats of dbt and Apache Ossie."""

from rental_analytics.catalogue.semantic.dbt import dbt_project
from rental_analytics.catalogue.semantic.ossie import ossie_model

__all__ = ["dbt_project", "ossie_model"]
