"""What the configuration may say of a database: its tables and columns beside the contracts."""
