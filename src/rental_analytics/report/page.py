"""Fills the template and writes the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rental_analytics.atomic import write_atomically
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import ConfigurationError
from rental_analytics.report import charts, formats
from rental_analytics.report.content import Content, Query, read_content
from rental_analytics.report.destination import MARK, check_destination


def write_report(
    query: Query, models: Mapping[str, PresentationModel], out: Path, project_files: Mapping[Path, str]
) -> Path:
    """Write the metrics as one self-contained HTML page and give back its path.

    Args:
        query: answers a statement that only reads with an Arrow table.
        models: the metrics to show, by name.
        out: the file to write; a report that stands there is replaced, and nothing else.
        project_files: what a run needs, and the report may not replace; see `check_destination`.

    Raises:
        ConfigurationError: no run has built the metrics yet, or the file cannot be written or may not be replaced.
    """
    try:
        check_destination(out, project_files)
        write_atomically(out, render_page(read_content(query, models)))
    except OSError as error:
        raise ConfigurationError(
            f"The report cannot be written to {out}: {error.strerror or error}.",
            remedy="choose another file with --out, in a folder you may write to and whose disk is not full.",
            reason="report-not-writable",
        ) from error
    return out


def render_page(content: Content) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("rental_analytics.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("count", "day", "moment"):
        environment.filters[name] = getattr(formats, name)
    return environment.get_template("report.html.j2").render(content=content, charts=charts, mark=MARK)
