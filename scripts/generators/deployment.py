"""The keys of a deployment's configuration, for docs/reference/deployment-configuration.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from infra.configuration import Configuration


def deployment_keys() -> list[tuple[str, ...]]:
    """A row for each key: its name with that of its section, its default, and what it is."""
    return [("key", "default", "meaning"), *_rows(Configuration, "")]


def _rows(section: type[BaseModel], path: str) -> Iterator[tuple[str, ...]]:
    told = described(section)
    for name, field in section.model_fields.items():
        inner = _section_of(field.annotation)
        key = f"{path}{name}"
        if inner is None or name in told:
            # What a text begins with belongs to the name before it.
            yield f"`{key}`", _default(field), told[name]
        if inner is not None:
            yield from _rows(inner, f"{key}.")


def described(section: type[BaseModel]) -> dict[str, str]:
    """What the docstring of a section says of its keys."""
    _, _, arguments = (inspect.getdoc(section) or "").partition("Args:\n")
    found = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", arguments, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_of(part))), None)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined and field.default_factory is None:
        return "none, required"
    value = field.default
    if value is None or value in ((), "", PydanticUndefined):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
