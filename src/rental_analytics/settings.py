"""The configuration: `rental.toml`, the environment (`RENTAL_SECTION__KEY`), and `--set`, the later the stronger."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.errors import ConfigurationError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def _duration(value: object) -> object:
    """Read `15 minutes`; pydantic reads the rest, such as seconds or ISO 8601."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*(second|minute|hour|day)s?\s*", value)):
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Section):
    """The marketplace's database: `sqlite:///FILE` or `mysql://user@host:3306/database`."""

    url: str
    password: SecretStr | None = None
    overlap: Duration = timedelta(minutes=15)


class LakeSettings(_Section):
    """Where Parquet files go: a folder, or `s3://bucket/prefix`."""

    url: str = "lake"
    endpoint: str | None = None
    region: str | None = None


class EngineSettings(_Section):
    """What extracts and transforms."""

    kind: Literal["duckdb"] = "duckdb"
    memory: str = Field(default="1GB", pattern=r"^\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$")
    threads: int | None = Field(default=None, ge=1)


class WarehouseSettings(_Section):
    """What is loaded: `duckdb:///FILE`."""

    url: str = "duckdb:///warehouse.duckdb"


class QualitySettings(_Section):
    """Bounds that stop a run."""

    max_rejected_share: float = Field(default=0.20, ge=0, le=1)


class ReferenceSettings(_Section):
    """Data sets that do not come from the marketplace."""

    exchange_rates: Path | None = None


class TableSettings(_Section):
    """How one source table is read, where that should not follow from what it has."""

    mode: ReadMode | None = None


class Settings(BaseSettings):
    """The whole configuration; `folder` is what relative paths start from."""

    model_config = SettingsConfigDict(env_prefix="RENTAL_", env_nested_delimiter="__", extra="forbid", frozen=True)

    source: SourceSettings
    lake: LakeSettings = LakeSettings()
    engine: EngineSettings = EngineSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    quality: QualitySettings = QualitySettings()
    reference: ReferenceSettings = ReferenceSettings()
    tables: dict[str, TableSettings] = Field(default_factory=dict)
    folder: Path = Field(default=Path(), exclude=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 a signature of pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What `load_settings` hands over has the file's values in `_document`, weaker than the environment."""
        given = dict(getattr(init_settings, "init_kwargs", {}))
        document = given.pop("_document", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=given),
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=document),
        )

    def path(self, text: str) -> Path:
        """A path of the configuration, from the folder of its file on."""
        return self.folder / Path(text).expanduser()


def load_settings(file: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read the configuration.

    Args:
        file: `rental.toml`.
        overrides: `section.key=value`, stronger than file and environment.

    Raises:
        ConfigurationError: the file is missing or no TOML, or a key is unknown or has a wrong value; names file and key.
    """
    document = _read_toml(file)
    given = _overrides(overrides)
    try:
        return Settings(_document=document, folder=file.absolute().parent, **given)  # type: ignore[call-arg]
    except ValidationError as error:
        raise _readable(error, file, given) from error


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {file}.",
            remedy="write one with `rental init`, or name yours with --config FILE.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} is not valid TOML: {error}.", remedy="correct that line; text values stand in quotes."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.", remedy="check the path and its permissions."
        ) from error


def _overrides(overrides: Sequence[str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for override in overrides:
        name, equals, value = override.partition("=")
        path = name.strip().split(".")
        if not equals or len(path) < 2:
            raise ConfigurationError(
                f"--set {override!r} is not of the form section.key=value.",
                remedy="write for example --set quality.max_rejected_share=0.5.",
            )
        place = nested
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return nested


def _readable(error: ValidationError, file: Path, given: Mapping[str, Any]) -> ConfigurationError:
    first = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    variable = "RENTAL_" + "__".join(path).upper()
    where = f"{file}: {key}"
    if path and path[0] in given:
        where = f"--set {key}"
    elif variable in {name.upper() for name in os.environ}:
        where = variable
    if first["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(path[:-1]))
        return ConfigurationError(f"{where} is not a known key.", remedy=f"correct it; known are {known}.")
    if first["type"] == "missing":
        return ConfigurationError(
            f"{where} is missing.",
            remedy=f"add it to the file, or set {variable}; `rental init` writes an example.",
        )
    return ConfigurationError(f"{where}: {first['msg']}.", remedy="correct the value.")


def _known_keys(path: Sequence[str]) -> list[str]:
    kind: Any = Settings
    for part in path:
        field = kind.model_fields.get(part) if hasattr(kind, "model_fields") else None
        kind = field.annotation if field else TableSettings
    fields = getattr(kind, "model_fields", TableSettings.model_fields)
    return [name for name in fields if name != "folder"]
