"""`rental report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rental_analytics.analysis.warehouse import open_warehouse, warehouse_settings
from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption
from rental_analytics.cli.output import output


@app.command(epilog="Example: rental report --out report.html")
def report(
    out: Annotated[
        Path, typer.Option("--out", help="File to write; a report that is there is replaced.", metavar="FILE")
    ] = Path("report.html"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write the metrics as one self-contained HTML page."""
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.report import write_report
    from rental_analytics.wiring import project_files

    settings = warehouse_settings(config, overrides)
    with open_warehouse(settings) as warehouse:
        path = write_report(warehouse.ask, load_contracts().presentation, out, project_files(settings, config))
    output.show(f"Report: {path}")
