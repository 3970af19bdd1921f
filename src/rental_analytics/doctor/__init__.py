"""Checks of what a pipeline needs, each with its remedy."""
