"""Checks on a real Redshift what no stand-in can tell: docs/reference/verified.md has the claims."""
