"""`rental grants`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rental_analytics.analysis.warehouse import warehouse_settings
from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption
from rental_analytics.cli.output import messages


@app.command(epilog="Example: rental grants --loader IAMR:load-raw --loader IAMR:metrics --analyst IAM:maria")
def grants(
    loader: Annotated[
        list[str] | None, typer.Option(help="User that runs steps; may be repeated.", metavar="USER")
    ] = None,
    analyst: Annotated[
        list[str] | None, typer.Option(help="User that reads the metrics; may be repeated.", metavar="USER")
    ] = None,
    operator: Annotated[
        list[str] | None,
        typer.Option(help="User that also reads runs and rejected rows; may be repeated.", metavar="USER"),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Print the SQL for roles and rights of a warehouse on Redshift; nothing is run.

    Without a configuration file it is that of any database of Redshift.
    """
    from rental_analytics.wiring import grants as grants_sql

    in_general = config == DEFAULT_CONFIG and not config.exists() and not overrides
    settings = None if in_general else warehouse_settings(config, overrides)
    sys.stdout.write(grants_sql(settings, loader or (), analyst or (), operator or ()).rstrip() + "\n")
    if not loader:
        messages.show("No --loader is named: nobody but a table's owner may use the tables to come.")
