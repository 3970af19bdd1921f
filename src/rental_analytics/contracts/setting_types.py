"""Types of the values in a configuration, each with its bounds; a message shows no value."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]*[\w+=,.@-]"
_UNITS = {
    unit: seconds
    for seconds, units in {
        1: "s sec secs second seconds",
        60: "m min mins minute minutes",
        3_600: "h hr hrs hour hours",
        86_400: "d day days",
        604_800: "w week weeks",
    }.items()
    for unit in units.split()
}
_PART = r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]+)"
_PARTS = rf"{_PART}(?:\s*{_PART})*"
_SECONDS = r"\d{1,15}(?:\.\d{1,6})?"
_NO_DURATION = (
    "is not a duration; write seconds as 90, other units as 30s, 15 minutes, 1h 30m, 2d or 1 week, a clock as "
    "01:30:00, or ISO 8601 as P2D"
)
_ISO_OR_CLOCK = TypeAdapter(timedelta)
_LONGEST = timedelta(days=3_660)
_TOO_LONG = "is longer than ten years"
_MEMORY = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_LEAST_MEMORY, _MOST_MEMORY = 32 * 10**6, 10**15
_BYTES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LEAST_THREAD_LIMIT, _THREADS_PER_CORE = 64, 8
_LONGEST_TEXT = 4_096
MOST_ROWS = 10**15


def _duration(value: object) -> timedelta:
    """Read a duration in any of the ways people write one; a bare number is of seconds."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        return timedelta(seconds=_seconds(text))
    except OverflowError:
        raise ValueError(_TOO_LONG) from None
    except ValueError:
        raise ValueError(_NO_DURATION) from None


def _seconds(text: str) -> float:
    if re.fullmatch(_SECONDS, text, re.ASCII):
        return float(text)
    if re.fullmatch(_PARTS, text, re.ASCII):
        parts = re.findall(_PART, text, re.ASCII)
        if all(unit in _UNITS for _, unit in parts):
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
    # Its error is one of values too, and is not shown: its words are those of a parser.
    return _ISO_OR_CLOCK.validate_python(text.upper()).total_seconds()


def _bounded(value: timedelta) -> timedelta:
    if value > _LONGEST:
        raise ValueError(_TOO_LONG)
    if value < timedelta(0):
        raise ValueError("is negative")
    return value


def memory_size(value: str) -> str:
    """A size such as `512MB`."""
    match = _MEMORY.fullmatch(value)
    if match is None:
        raise ValueError("is not a size")
    unit = _BYTES[match[2][0]] if match[2][1] == "B" else 1024 ** ("KMGT".index(match[2][0]) + 1)
    if not _LEAST_MEMORY <= float(match[1]) * unit <= _MOST_MEMORY:
        raise ValueError("must be from 32MB to 1000TB")
    return value


def thread_count(value: int | None) -> int | None:
    """More than the machine can use are of no use, and a hundred thousand end the process."""
    cores = os.cpu_count() or 1
    most = max(_LEAST_THREAD_LIMIT, _THREADS_PER_CORE * cores)
    if value is not None and value > most:
        raise ValueError(f"is more than the {most} that this machine with {cores} cores may have")
    return value


def without_controls(value: object) -> object:
    """No text of a configuration has a use for what ends or steers a line; the message does not show the value."""
    texts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
    for text in texts:
        if isinstance(text, str) and re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text):
            raise ValueError("has a control character, such as a line break")
        if isinstance(text, str) and len(text) > _LONGEST_TEXT:
            raise ValueError(f"is longer than {_LONGEST_TEXT:,} characters")
    return value


def currency_code(value: object) -> object:
    """A code such as EUR, trimmed and upper-cased."""
    if value is None:
        return None
    code = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Z0-9]{1,16}", code, re.ASCII):
        raise ValueError("is no currency code")
    return code


def list_of_texts(value: object) -> object:
    """A list as TOML has it, or in JSON as the command line has it; a text alone is a list of one."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("is not a list") from None


def metric_namespace(value: str) -> str:
    """A namespace of CloudWatch; those that begin with AWS/ are Amazon's own."""
    if not re.fullmatch(r"[A-Za-z0-9._/#:-]{1,255}", value) or value.upper().startswith("AWS/"):
        raise ValueError("is no namespace of one's own in CloudWatch: letters, digits and . _ / # : - only")
    return value


def _single_value(value: object) -> object:
    """A value as TOML has them, and no list or section of them."""
    if not isinstance(value, bool | int | float | str | date | time):
        raise ValueError("is not one value: a text, a number, true or false, a date or a moment")  # noqa: TRY004
    return value


def role_arn(value: str) -> str:
    """`default`, or ARNs of roles. Several are a chain, of which each assumes the next."""
    if value != "default" and not all(re.fullmatch(_ROLE, part, re.ASCII) for part in re.split(r",(?=arn:)", value)):
        raise ValueError(f"{value!r} is no ARN of an IAM role")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_bounded)]
Constant = Annotated[object, BeforeValidator(_single_value)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Currency = Annotated[str, BeforeValidator(currency_code)]
Texts = Annotated[tuple[str, ...], BeforeValidator(list_of_texts)]
