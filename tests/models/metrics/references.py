"""Finds the slow reference of every model: `reference.py` in its folder, with a function `rows`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

from metrics.marketplace import Marketplace, Row
from rental_analytics.contracts.model import Model

MODELS = Path(__file__).parents[3] / "src" / "rental_analytics" / "models"
Reference = Callable[[Marketplace], list[Row]]


def reference_of(model: Model, models: Path = MODELS) -> Reference:
    """The function that makes the model's rows; the error of a model without one says what to add."""
    file = models / model.layer / model.name / "reference.py"
    assert file.is_file(), (
        f"{file.relative_to(models.parent)} is missing: add the model once more, slow and obvious, as "
        "`def rows(marketplace: Marketplace) -> list[Row]`; copy a neighbouring folder's."
    )
    return _loaded(file)


@cache
def _loaded(file: Path) -> Reference:
    spec = importlib.util.spec_from_file_location(f"reference_of_{file.parent.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Reference = module.rows
    return found
