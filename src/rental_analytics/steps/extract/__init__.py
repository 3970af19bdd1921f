"""Step `extract`: what is read of a source table, how, and how the read is proven."""
