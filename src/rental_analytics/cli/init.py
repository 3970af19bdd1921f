"""`rental init`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rental_analytics.cli.app import app
from rental_analytics.cli.errors import is_about_name
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption
from rental_analytics.cli.output import output
from rental_analytics.errors import ConfigurationError


@app.command(epilog="Example: rental init --config company.toml")
def init(
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a commented configuration file."""
    from importlib.resources import files

    from rental_analytics.atomic import write_atomically

    if os.path.lexists(config) and not force:
        raise ConfigurationError(
            f"{config} exists already.", remedy="choose another --config, or add --force.", reason="file-exists"
        )
    template = (files("rental_analytics") / "rental.toml").read_text(encoding="utf-8")
    try:
        write_atomically(config, template)
    except OSError as error:
        if is_about_name(error):
            raise
        raise ConfigurationError(
            f"{config} cannot be written: {error.strerror}.",
            remedy="choose a folder you may write to.",
            reason="file-not-writable",
        ) from error
    output.show(f"Wrote {config}. Edit source.url, then: rental run")
