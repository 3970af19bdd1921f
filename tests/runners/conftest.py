import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runners.jobs import Jobs
from runs.harness import Pipeline, Source

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return few_rows(tmp_path)


def few_rows(folder: Path) -> Source:
    """A marketplace of a few rows in SQLite."""
    source = Source.sqlite(folder / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "apartment_id": 99, "updated_at": "2024-03-02"})
    source.insert("user_viewing", {}, {"user_id": 8})
    return source


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url, every_metric=True)


@pytest.fixture
def another_pipeline(source: Source, tmp_path: Path) -> Callable[..., Pipeline]:
    """Pipelines on the same source with lakes and warehouses of their own."""

    def make(name: str, *settings: str) -> Pipeline:
        return Pipeline(tmp_path / name, source.url, *settings, every_metric=True)

    return make


@pytest.fixture
def jobs(pipeline: Pipeline) -> Jobs:
    return Jobs(pipeline)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glue") / "dist"
    command = [ROOT / "scripts" / "build_glue.sh", "--out", folder, "--prefix", "s3://artifacts/glue/"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHON": sys.executable})
    return folder


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a virtual environment with these wheels and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    options = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, *built.glob("*.whl")]
    subprocess.run(command, check=True)
    return python
