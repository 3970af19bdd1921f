"""Another time of day for the program, and not for the database server, the lake's disk or the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

_REAL = datetime


@contextmanager
def clock_off_by(ahead: timedelta) -> Iterator[None]:
    """Let the clock of this machine, as the program reads it, be ahead; a negative time is behind."""

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, _REAL)

        def __getattr__(cls, name: str) -> Any:
            return getattr(_REAL, name)

    class Shifted(metaclass=Kind):
        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return _REAL(*arguments, **named)

        @staticmethod
        def now(zone: tzinfo | None = None) -> datetime:
            return _REAL.now(zone) + ahead

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            is_ours = name.startswith("rental_analytics.") and not name.startswith("rental_analytics.databases")
            if is_ours and getattr(module, "datetime", None) is _REAL:
                patch.setattr(module, "datetime", Shifted)
        yield
