"""The embedded engine: ConnectorX reads, DuckDB computes."""
