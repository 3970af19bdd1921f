"""The page with everything: one HTML file that loads nothing."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from rental_analytics.catalogue.content import Content, spoken
from rental_analytics.catalogue.dictionary import PLACES, Place
from rental_analytics.catalogue.lineage import ColumnName

PAGE_MARK = '<meta name="generator" content="rental docs">'
"""What the page has in its head, and no other file."""
_SCRIPTS = ("vendor/cytoscape.min.js", "vendor/cytoscape-dagre.min.js", "templates/page.js")


def render_page(content: Content) -> str:
    """The page as HTML; its own scripts are the only ones that a browser runs."""
    # The licences of the libraries stand in their first lines, and so in the page.
    scripts = [(files("rental_analytics.catalogue") / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return _template().render(
        content=content,
        lineage=content.lineage,
        places=PLACES,
        tabled=[place for place in PLACES if place is not Place.PRESENTATION],
        name=ColumnName,
        spoken=spoken,
        mark=PAGE_MARK,
        scripts=scripts,
        script_sources=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
        graph=_graph(content),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rental_analytics.catalogue"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html.j2")


def _digest(script: str) -> str:
    return b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")


def _graph(content: Content) -> dict[str, Any]:
    """The lineage as the script takes it: columns in a list, edges by their places in it, and edges of tables."""
    columns = list(content.lineage.columns)
    place = {name: number for number, name in enumerate(columns)}
    return {
        "columns": [[name.relation, name.column] for name in columns],
        "edges": [[place[start], place[end]] for start, end in content.lineage.edges],
        "tableEdges": content.lineage.table_edges,
    }
