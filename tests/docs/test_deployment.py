"""What the pages say of a deployment's file is what the deployment takes and makes."""

from __future__ import annotations

import re
import tomllib

import pytest

from docs.pages import ROOT, blocks, pages
from generators.deployment import described
from infra.configuration import Configuration, load_configuration
from infra.parts.names import dpu_of
from rental_analytics.pipeline import STEPS

pytestmark = pytest.mark.fast

DEPLOY = "docs/cookbooks/deploy.md"
EXAMPLES = ROOT / "infra" / "examples"


def test_files_shown_are_taken() -> None:
    shown = [tomllib.loads(code) for code in blocks(pages()[DEPLOY], "toml")]
    # One is of a laptop that asks the warehouse.
    files = [document for document in shown if "url" not in document.get("warehouse", {})]
    assert len(files) == len(shown) - 1 == 2
    for document in files:
        Configuration.model_validate(document)


@pytest.mark.parametrize("example", ["minimal", "production"])
def test_costs_are_those_of_the_example(example: str) -> None:
    """Data processing units of the jobs that compute, and the capacity of the warehouse, as the table has them."""
    configuration = load_configuration(EXAMPLES / f"{example}.toml")
    lines = pages()[DEPLOY].partition("## What it costs")[2].splitlines()
    (head,) = (line.split(" | ") for line in lines if line.startswith("| | formula"))
    (column,) = (place for place, cell in enumerate(head) if f"`{example}.toml`" in cell)
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[column] for line in lines if line.startswith("| ")}
    reading, computing, *loading = (dpu_of(configuration, step) for step in STEPS)
    assert re.match(rf"{reading}(,| and) {computing} and {len(loading)} × {loading[0]} DPU", cells["Glue"])
    assert cells["Redshift Serverless"].startswith(f"{configuration.warehouse.base_capacity} ×")
    zones = (
        len(existing.subnets) if (existing := configuration.source.existing) else configuration.network.endpoint_zones
    )
    kind = "existing" if configuration.source.existing else "new"
    assert cells[f"endpoints, {kind} database"].startswith(f"{zones} zone")


@pytest.mark.parametrize(
    "section", [Configuration, *(field.annotation for field in Configuration.model_fields.values())]
)
def test_every_key_is_described(section: type) -> None:
    """Of the whole file, only the keys that are no sections."""
    fields = getattr(section, "model_fields", {})
    own = fields.keys() - (Configuration.model_fields.keys() - {"pipeline"} if section is Configuration else set())
    assert own <= described(section).keys() if fields else True
