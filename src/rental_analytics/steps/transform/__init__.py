"""Step `transform`: curated rows made of raw ones."""
