"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rental_analytics import settings
from rental_analytics.errors import ConfigurationError

DEFAULT_CONFIG = settings.DEFAULT_CONFIG
ConfigOption = Annotated[
    Path, typer.Option("--config", envvar=settings.CONFIG_VARIABLE, help="Configuration file.", metavar="FILE")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one key of the configuration; may be repeated.", metavar="SECTION.KEY=VALUE"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunJsonOption = Annotated[bool, typer.Option("--json", help="Print a record of the run as JSON, also when it failed.")]
LogOption = Annotated[bool, typer.Option("--log-json", help="Log as JSON, one object per line, instead of text.")]
RunIdOption = Annotated[str | None, typer.Option("--run-id", help="Name of the new run.", metavar="ID")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Leave out the headline metrics at the end.")]


def check_run_id(option: str, given: str | None) -> None:
    """Refuse what no run can be called.

    Args:
        option: as the user wrote it.

    Raises:
        ConfigurationError: it is empty, too long, or has other characters.
    """
    from rental_analytics.contracts.base import RUN_ID
    from rental_analytics.monitoring.text import shortened

    if given is None or RUN_ID.fullmatch(given):
        return
    if not given.strip():
        raise ConfigurationError(
            f"{option} names no run: its value is empty.",
            remedy="name one, or leave the option out; `rental status` lists the runs there are.",
            reason="run-id-empty",
        )
    raise ConfigurationError(
        f"Run id {shortened(given)!r} of {option} cannot be used.",
        remedy="use at most 100 letters, digits, dots, dashes and underscores, a letter or digit first; "
        "`rental status` lists the runs there are.",
        reason="run-id-malformed",
    )
