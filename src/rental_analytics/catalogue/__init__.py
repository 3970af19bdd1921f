"""What the tables and numbers mean, and what they are made of."""
