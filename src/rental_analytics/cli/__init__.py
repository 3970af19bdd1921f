"""The command line: reads arguments, shows results; what happens is elsewhere."""

from rental_analytics.cli import asl, backfill, docs, generate, grants, init, query, report, run, status
from rental_analytics.cli.app import EXIT_CODES, app
from rental_analytics.cli.entry import main

COMMANDS = (init, generate, run, backfill, status, query, report, docs, grants, asl)
"""One module for each command; loading them adds the commands to `app`, in alphabetical order of their files."""

__all__ = ["COMMANDS", "EXIT_CODES", "app", "main"]
