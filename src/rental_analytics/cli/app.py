"""The program, and the options that stand before a command."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from rental_analytics.cli.output import output

EXIT_CODES = """Exit codes: 0 fine, 1 the run failed, 2 usage or configuration, 3 data quality stopped the run,
4 another run or process holds the lock."""

app = typer.Typer(
    help="Turns a rental marketplace's MySQL database into trusted numbers in a warehouse.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.show(f"rental {version('rental-analytics')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Turns a rental marketplace's MySQL database into trusted numbers in a warehouse."""
