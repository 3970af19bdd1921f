"""A change of the deployment shows as the change of its templates: of what a company's account would get."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.templates import SNAPSHOTS, template_files
from tests.deployment.synthesized import EXAMPLES, synthesized

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_templates_are_those_that_are_kept(example: str) -> None:
    wanted = template_files(example, synthesized(example).templates)
    kept = {file.relative_to(ROOT) for file in (ROOT / SNAPSHOTS).glob(f"{example}-*.json")}
    assert kept == wanted.keys(), "run `make templates`, then read the diff"
    for path, text in wanted.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: run `make templates`, then read the diff"
