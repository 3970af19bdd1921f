"""`infra` knows of the pipeline what a deployment needs, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

INFRA = Path(__file__).parents[2] / "infra"
ALLOWED = (
    "rental_analytics.contracts",
    # What a company hands over is checked by what will read it.
    "rental_analytics.databases.mapping",
    "rental_analytics.errors",
    "rental_analytics.pipeline",
    "rental_analytics.reference.exchange_rates",
    "rental_analytics.runners.state_machine",
)


def test_infra_imports_only_what_a_deployment_needs() -> None:
    for file in INFRA.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.startswith(("rental_analytics", "rental_marketplace"))]
            assert [name for name in ours if not name.startswith(ALLOWED)] == [], file
