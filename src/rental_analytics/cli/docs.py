"""`rental docs`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption
from rental_analytics.cli.output import output


class Format(StrEnum):
    """What is written."""

    PAGES = "pages"
    DBT = "dbt"
    OSSIE = "ossie"


_FOLDERS = {Format.PAGES: Path("docs-site"), Format.DBT: Path("rental-dbt"), Format.OSSIE: Path("rental-ossie")}


@app.command(epilog="Example: rental docs --format dbt --out metrics/dbt")
def docs(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder to write to: docs-site, rental-dbt or rental-ossie unless named. Other files in it stay, and "
            "those of before are replaced.",
            metavar="DIR",
        ),
    ] = None,
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Pages to read; or the metrics for BI tools, as a dbt project with semantic models that MetricFlow "
            "reads, or as a semantic model of Apache Ossie.",
        ),
    ] = Format.PAGES,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write what every table, column and metric is, and where it comes from, as one HTML page and as Markdown.

    With --format the metrics are written as BI tools read them.
    It needs no warehouse. Without a configuration file it is that of any marketplace.
    """
    from rental_analytics.analysis.warehouse import warehouse_settings
    from rental_analytics.catalogue import (
        dbt_project,
        ossie_model,
        read_content,
        write_documentation,
        write_files,
    )
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.databases.mapping import checked_contracts
    from rental_analytics.wiring import project_files

    folder = out or _FOLDERS[kind]
    in_general = config == DEFAULT_CONFIG and not config.exists() and not overrides
    settings = None if in_general else warehouse_settings(config, overrides)
    contracts = checked_contracts(settings) if settings else load_contracts()
    kept = project_files(settings, config) if settings else {}
    if kind is Format.PAGES:
        page = write_documentation(read_content(contracts, settings.tables if settings else None), folder, kept)
        output.show(f"Documentation: {page}")
        return
    files = dbt_project(contracts) if kind is Format.DBT else ossie_model(contracts)
    write_files(files, folder, kept)
    output.show(f"Metrics: {folder / next(iter(files))}")
