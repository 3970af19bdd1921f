"""What `make test` tries of matrices and random examples, and what `make matrix` does: every one.

See docs/adr/0030-two-breadths.md.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

FULL = "RENTAL_TEST_MATRIX" in os.environ
"""Whether every case, place and combination is tried."""


def examples(few: T, many: T) -> T:
    """How many random examples there are, or which of several that one test goes through."""
    return many if FULL else few


def sampled(cases: Iterable[Any], usual: Container[Any]) -> list[Any]:
    """Parameters of a test: those in `usual` are tried by each run of the suite, the others by `make matrix` alone."""
    return [case if case in usual else pytest.param(*_parts(case), marks=pytest.mark.exhaustive) for case in cases]


def _parts(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
