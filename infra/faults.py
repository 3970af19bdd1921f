"""What is wrong with a file that was read, key by key, in words of the file and not of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_SECTION_TYPES = {"model_type", "model_attributes_type", "dict_type"}
_LIST_TYPES = {"tuple_type", "list_type"}
_BOOL_TYPES = {"bool_type", "bool_parsing"}


def faults_of(error: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Each fault, beginning with its key.

    Args:
        model: what the document was read as.
        prefix: where the document stands in the file, such as `pipeline.`.
    """
    for one in error.errors(include_url=False, include_input=False):
        key = prefix + ".".join(map(str, one["loc"]))
        yield _fault(one, key, model)


def _fault(one: ErrorDetails, key: str, model: type[BaseModel]) -> str:
    kind = one["type"]
    if kind == "extra_forbidden":
        return f"{key} is not a key; known are {', '.join(known_keys(model, one['loc'][:-1]))}"
    if kind in _SECTION_TYPES:
        return f"{key} has to be a section: write [{key}], and its keys below it"
    if kind in _LIST_TYPES:
        return f'{key} has to be a list, such as ["..."]'
    if kind in _BOOL_TYPES:
        return f"{key} has to be true or false, without quotes"
    if kind == "missing":
        return f"{key} is missing"
    said = one["msg"].removeprefix("Value error, ").rstrip(".")
    # A check of several keys names them itself.
    return said if not one["loc"] or said.startswith(key) else f"{key}: {said}"


def known_keys(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Keys that a section may have, by its place in the document."""
    found: Any = model
    for part in path:
        fields = getattr(found, "model_fields", {})
        # The keys of a table, such as those of `tables`, are names of the file's own.
        found = _section_in(fields[part].annotation) if part in fields else found
    return [name for name in getattr(found, "model_fields", {}) if name != "folder"]


def _section_in(annotation: Any) -> Any:
    """The section that a field holds: itself, an optional one, or one for each name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part)) is not None), None)
