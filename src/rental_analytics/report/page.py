"""Fills the template and writes the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import ConfigurationError
from rental_analytics.report import charts, formats
from rental_analytics.report.content import Content, Query, read_content


def write_report(query: Query, models: Mapping[str, PresentationModel], out: Path) -> Path:
    """Write the metrics as one self-contained HTML page and give back its path.

    Args:
        query: answers a statement that only reads with an Arrow table.
        models: the metrics to show, by name.
        out: the file to write; a page that stands there is replaced.

    Raises:
        ConfigurationError: no run has built the metrics yet, or the file cannot be written.
    """
    if out.is_dir():
        raise ConfigurationError(
            f"The report cannot be written to {out}, which is a folder.",
            remedy=f"name a file: --out {out / 'report.html'}.",
        )
    page = render_page(read_content(query, models))
    draft = out.with_name(f".{out.name}.draft")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise ConfigurationError(
            f"The report cannot be written to {out}: {error.strerror or error}.",
            remedy="choose another file with --out.",
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
    for name in ("money", "percent", "count", "day", "moment"):
        environment.filters[name] = getattr(formats, name)
    return environment.get_template("report.html.j2").render(content=content, charts=charts)
