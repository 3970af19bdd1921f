"""The rules of the source tree that no linter knows."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "rental_analytics"
MODEL_FILES = {"model.yaml", "query.sql", "cases.yaml"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def environment_uses(path: Path) -> list[int]:
    """The lines where this module touches the environment, however it names it."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            names = {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {alias.name for alias in node.names}
        else:
            continue
        if names & ENVIRONMENT:
            lines.append(node.lineno)
    return lines


@pytest.mark.fast
def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(PACKAGE)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := environment_uses(path)) and path != PACKAGE / "settings.py"
    }

    assert readers == {}


@pytest.mark.fast
@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['X']",
        "import os\nos.getenv('X')",
        "from os import environ",
        "from os import getenv as g",
    ],
)
def test_every_way_to_read_the_environment_is_seen(source: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(source)

    assert environment_uses(module)


@pytest.mark.fast
def test_every_model_folder_holds_the_same_three_files() -> None:
    folders = [folder for folder in (PACKAGE / "models").glob("*/*") if folder.is_dir()]

    assert folders
    assert {folder.name: {file.name for file in folder.iterdir()} for folder in folders} == {
        folder.name: MODEL_FILES for folder in folders
    }


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "src" / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src" / PACKAGE.name


def broken_contracts(package: Path) -> list[str]:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=package.parents[1],
        env={"PYTHONPATH": str(package.parent)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    return re.findall(r"^(.+) BROKEN", run.stdout, flags=re.MULTILINE)


@pytest.mark.slow
def test_import_law_is_kept(copied_package: Path) -> None:
    assert broken_contracts(copied_package) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("steps/extra.py", "rental_analytics.runners", "Imports go one way"),
        ("contracts/extra.py", "rental_analytics.sql", "Imports go one way"),
        ("runners/extra.py", "rental_analytics.wiring", "Imports go one way"),
        ("newcomer.py", "rental_analytics.errors", "Imports go one way"),
        ("steps/extra.py", "rental_analytics.engines.newcomer", "Only wiring imports concrete parts"),
        ("cli.py", "rental_analytics.engines.newcomer", "Only wiring imports concrete parts"),
        (
            "engines/base.py",
            "rental_analytics.engines.duckdb",
            "Adapters do not know each other, and base knows none",
        ),
        ("report/extra.py", "rental_analytics.marketplace", "Only the command line generates marketplaces"),
    ],
)
def test_import_law_stops(copied_package: Path, module: str, imported: str, contract: str) -> None:
    for adapter in ("duckdb", "newcomer"):
        (copied_package / "engines" / f"{adapter}.py").touch()
    with (copied_package / module).open("a") as file:
        file.write(f"\ndef offend() -> None:\n    import {imported}\n")

    assert contract in broken_contracts(copied_package)
