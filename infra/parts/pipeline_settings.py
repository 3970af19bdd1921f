"""What a company decides about the pipeline itself: sections of `rental.toml`, below `[pipeline]` of its file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.faults import faults_of
from rental_analytics.contracts.configuration import Configuration as Settings
from rental_analytics.databases.mapping import checked_contracts
from rental_analytics.errors import ConfigurationError
from rental_analytics.reference.exchange_rates import read_fixings

Document = Mapping[str, Any]

SET_BY_DEPLOYMENT: Mapping[str, frozenset[str]] = {
    "source": frozenset({"url", "password", "secret_arn", "tls", "tls_ca"}),
    "lake": frozenset({"url", "endpoint", "region"}),
    "engine": frozenset({"kind", "master", "jdbc_driver", "memory", "threads"}),
    "warehouse": frozenset({"url", "iam_role"}),
    "monitoring": frozenset({"cloudwatch", "cloudwatch_namespace", "pipeline", "late_after"}),
}
"""Keys that other sections of the deployment's file decide, or that mean nothing to a Glue job."""

SECTIONS = frozenset(Settings.model_fields) - {"folder"}


_SECRET = re.compile(r"(?i)secret|password|token|access\.key|credential")


def faults(document: Document) -> Iterator[str]:
    """What is wrong with the sections, each by its key."""
    yield from _secrets(document, "pipeline")
    for section, values in document.items():
        for key in sorted(
            SET_BY_DEPLOYMENT.get(section, frozenset()) & set(values if isinstance(values, dict) else ())
        ):
            yield f"pipeline.{section}.{key}: the deployment sets it; leave it out"
    try:
        checked_contracts(_settings(document))
    except ConfigurationError as error:
        yield f"pipeline.{error}".rstrip(".")
    except ValidationError as error:
        yield from faults_of(error, Settings, "pipeline.")


def _settings(document: Document) -> Settings:
    return Settings.model_validate(_merged({"source": {"url": "mysql://host/rental"}}, document))


def _secrets(document: Document, place: str) -> Iterator[str]:
    """What would stand in a template, and in the bucket with the jobs' code, for all who may read these."""
    for name, value in document.items():
        key = f"{place}.{name}"
        if isinstance(value, dict):
            yield from _secrets(value, key)
        elif "{{resolve:" in json.dumps(value, default=str):
            yield f"{key}: CloudFormation would put what {{{{resolve:...}}}} names into the jobs' rental.toml"
        elif place.endswith("engine.spark") and _SECRET.search(name):
            yield f"{key}: it would stand in the template; jobs have the rights of their roles"


def rates_file(document: Document) -> Path | None:
    """A company's own exchange rates; None for those of the European Central Bank."""
    rates = document.get("reference", {}).get("exchange_rates")
    return Path(rates) if rates else None


def with_rates_found(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with an absolute path to the exchange rates.

    Raises:
        ConfigurationError: they cannot be read, are not such a file, or have none of the reporting currency.
    """
    rates = rates_file(document)
    found = folder.absolute() / rates if rates else None
    if found or "reporting_currency" in document.get("marketplace", {}):
        try:
            read_fixings(found, _settings(document).marketplace.reporting_currency)
        except ConfigurationError as error:
            about = "" if error.message.startswith("marketplace.") else "reference.exchange_rates: "
            message = f"pipeline.{about}{error.message}"
            raise ConfigurationError(message, remedy=error.remedy, reason=error.reason) from error
    if found is None:
        return document
    return {**document, "reference": {**document["reference"], "exchange_rates": str(found)}}


def rental_toml(own: str, document: Document, rates: str | None) -> str:
    """The configuration of the jobs.

    Args:
        own: what the deployment sets, as TOML; its comments remain.
        document: the sections below `[pipeline]`.
        rates: name of the exchange rates in a job's working folder.
    """
    added = dict(document)
    if rates:
        added["reference"] = {**added["reference"], "exchange_rates": rates}
    comments = "".join(f"{line}\n" for line in own.splitlines() if line.startswith("#"))
    sections = _merged(tomllib.loads(own), added)
    return comments + "".join(
        f"[{name}]\n" + "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in values.items()) + "\n"
        for name, values in sections.items()
    )


def _merged(own: Document, added: Document) -> dict[str, Any]:
    both = {name: {**own.get(name, {}), **added[name]} for name in added if isinstance(added[name], dict)}
    return {**own, **added, **both}


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, date | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
