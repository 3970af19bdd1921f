"""The rules of the source tree that no linter knows."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rental_analytics.contracts.steps import StepName

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
def test_steps_are_named_by_their_enumeration_alone() -> None:
    names = {str(name) for name in StepName}
    written = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno}: {node.value}"
        for path in sorted(PACKAGE.parent.rglob("*.py"))
        if path != PACKAGE / "contracts" / "steps.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]

    assert written == []


@pytest.mark.fast
def test_every_model_folder_holds_the_same_files() -> None:
    folders = [folder for folder in (PACKAGE / "models").glob("*/*") if folder.is_dir()]

    assert folders
    found = {folder: {file.name for file in folder.iterdir() if file.name != "__pycache__"} for folder in folders}
    wanted = {folder: MODEL_FILES | ({"reference.py"} if is_reported(folder) else set()) for folder in folders}
    assert found == wanted


@pytest.mark.fast
def test_no_query_of_a_model_has_more_than_80_lines() -> None:
    lines = {
        path.parent.name: len(path.read_text().splitlines()) for path in (PACKAGE / "models").glob("*/*/query.sql")
    }

    assert lines
    assert {name: count for name, count in lines.items() if count > 80} == {}


def is_reported(folder: Path) -> bool:
    """Whether a model is compared with a slow reference: all but curated ones are."""
    return folder.parent.name != "curated"


@pytest.mark.fast
def test_every_template_that_is_named_is_there() -> None:
    named = {
        f"{path.relative_to(PACKAGE)}: {node.args[0].value}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "render"
        and isinstance(node.args[0], ast.Constant)
    }

    assert len(named) > 20
    assert {name for name in named if not (PACKAGE / f"{name.partition(': ')[2]}.sql.j2").is_file()} == set()


@pytest.mark.fast
def test_no_code_names_a_metric() -> None:
    """What is special about a metric is said in its folder."""
    metrics = [folder.name for folder in (PACKAGE / "models" / "presentation").iterdir() if folder.is_dir()]
    code = [path for kind in ("*.py", "*.j2", "*.sql") for path in PACKAGE.rglob(kind)]
    outside = [path for path in code if PACKAGE / "models" not in path.parents]

    assert metrics
    assert {name: str(path) for path in outside for name in metrics if name in path.read_text()} == {}


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    shutil.copytree(PACKAGE.parent, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
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
        ("steps/extra.py", "rental_analytics.databases.newcomer.types", "Only wiring imports concrete parts"),
        (
            "engines/base.py",
            "rental_analytics.engines.duckdb.engine",
            "Adapters do not know each other, and base knows none",
        ),
        ("report/extra.py", "rental_marketplace", "Only the command line generates marketplaces"),
        (
            "../rental_marketplace/extra.py",
            "rental_analytics.disk",
            "The generator knows nothing of the pipeline but its kinds of errors",
        ),
    ],
)
def test_import_law_stops(copied_package: Path, module: str, imported: str, contract: str) -> None:
    for adapter in ("duckdb", "newcomer"):
        (copied_package / "engines" / f"{adapter}.py").touch()
    newcomer = copied_package / "databases" / "newcomer"
    newcomer.mkdir()
    for name in ("__init__.py", "types.py"):
        (newcomer / name).touch()
    with (copied_package / module).open("a") as file:
        file.write(f"\ndef offend() -> None:\n    import {imported}\n")

    assert contract in broken_contracts(copied_package)
