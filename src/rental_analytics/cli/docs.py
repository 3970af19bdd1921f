"""`rental docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption
from rental_analytics.cli.output import output


@app.command(epilog="Example: rental docs --out docs-site")
def docs(
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Folder to write to; other files in it stay, and pages of before are replaced.", metavar="DIR"
        ),
    ] = Path("docs-site"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write what every table, column and metric is, and where it comes from, as one HTML page and as Markdown.

    It needs no warehouse. Without a configuration file it is that of any marketplace.
    """
    from rental_analytics.analysis.warehouse import warehouse_settings
    from rental_analytics.catalogue import read_content, write_documentation
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.databases.mapping import checked_contracts
    from rental_analytics.wiring import project_files

    in_general = config == DEFAULT_CONFIG and not config.exists() and not overrides
    if in_general:
        page = write_documentation(read_content(load_contracts()), out, {})
    else:
        settings = warehouse_settings(config, overrides)
        content = read_content(checked_contracts(settings), settings.tables)
        page = write_documentation(content, out, project_files(settings, config))
    output.show(f"Documentation: {page}")
