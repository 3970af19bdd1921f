"""`rental init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from rental_analytics.cli.app import app
from rental_analytics.cli.errors import is_about_name
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption
from rental_analytics.cli.output import output, secrets
from rental_analytics.errors import ConfigurationError, number_of

if TYPE_CHECKING:
    from rental_analytics.proposals.document import Document
    from rental_analytics.proposals.proposal import Proposal

_PASSWORD = "RENTAL_SOURCE__PASSWORD"  # noqa: S105 the name of a variable


@app.command(epilog="Example: rental init --from mysql://reader@db.example:3306/shop")
def init(
    config: ConfigOption = DEFAULT_CONFIG,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Database to map the tables of: sqlite:///FILE or mysql://user@host:3306/database. It is only read; "
            f"its password comes from {_PASSWORD}.",
            metavar="URL",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a commented configuration file; with --from, for the tables of a database."""
    from importlib.resources import files

    if os.path.lexists(config) and not force:
        raise ConfigurationError(
            f"{config} exists already.", remedy="choose another --config, or add --force.", reason="file-exists"
        )
    template = (files("rental_analytics") / "rental.toml").read_text(encoding="utf-8")
    if source is None:
        _write(config, template)
        output.show(f"Wrote {config}. Edit source.url, then: rental run")
        return
    proposal, document = _propose(config, template, source)
    _write(config, document.text)
    _tell(config, proposal, document, has_password=bool(urlsplit(source).password))


def _write(config: Path, text: str) -> None:
    from rental_analytics.atomic import write_atomically

    try:
        write_atomically(config, text)
    except OSError as error:
        if is_about_name(error):
            raise
        raise ConfigurationError(
            f"{config} cannot be written: {error.strerror}.",
            remedy="choose a folder you may write to.",
            reason="file-not-writable",
        ) from error


def _propose(config: Path, template: str, url: str) -> tuple[Proposal, Document]:
    from rental_analytics.contracts.loader import load_contracts
    from rental_analytics.proposals.document import Document
    from rental_analytics.proposals.proposal import propose
    from rental_analytics.settings import parse_settings, source_keys
    from rental_analytics.wiring import make_database

    settings = parse_settings("", str(config), config.absolute().parent, [f"source.url={url}"])
    database = make_database(settings, secrets.hide)
    proposal = propose(database, load_contracts())
    return proposal, Document(template, source_keys(settings), proposal)


def _tell(config: Path, proposal: Proposal, document: Document, *, has_password: bool) -> None:
    found = [table.candidates[0] for table in proposal.tables if table.is_sure]
    columns = sum(one.covered for one in found)
    output.show(
        f"Wrote {config}: {len(found)} of {number_of(len(proposal.tables), 'table')} and "
        f"{number_of(columns, 'needed column')} found."
    )
    if document.open_points:
        output.show("Left to decide there:")
    for number, point in enumerate(document.open_points, start=1):
        output.show(f"{number}. line {point.line}, {point.key}: {point.text}")
    named = "" if config == DEFAULT_CONFIG else f" --config {shlex.quote(str(config))}"
    first = f"set {_PASSWORD}, which is not in the file, and run" if has_password else "run"
    output.show(f"Then {first}: rental run{named}")
