"""Amazon Redshift as the warehouse: SQL through the Data API, files through COPY."""
