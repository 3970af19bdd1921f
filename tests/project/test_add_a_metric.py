"""A metric is one folder: that of the cookbook is added to a copy of the project, and all of it is right."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
COOKBOOK = ROOT / "docs" / "cookbooks" / "add-a-metric.md"
FILES = ("model.yaml", "query.sql", "cases.yaml", "reference.py")
CHOSEN = (
    "tests/models/metrics/test_metrics_cases.py",
    "tests/models/metrics/test_metrics_reference.py",
    "tests/unit/catalogue",
    "tests/unit/contracts",
    "tests/unit/report",
    "tests/warehouses/test_redshift_statements.py",
)
# Tests of metrics by their names are left out, and cases of metrics that were there.
OF_THE_NEW = "{} or not (test_metrics_cases or half_a_millionth or ranks_of_a_week)"
GENERATED_AND_CHECKED = """
import sys
sys.path.insert(0, "scripts")
import generate
sys.exit(generate.main([]) or generate.main(["--check"]))
"""
PARTS = ("src", "tests", "scripts", "docs", "infra", "README.md", "CONTRIBUTING.md", "pyproject.toml", ".sqlfluff")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the cookbook's metric in it."""
    leave = shutil.ignore_patterns("__pycache__", ".hypothesis", "*.pyc")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
        else:
            shutil.copyfile(ROOT / name, tmp_path / name)
    text = COOKBOOK.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:yaml|sql|python)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    folder = tmp_path / "src" / "rental_analytics" / "models" / "presentation" / metric()
    folder.mkdir()
    for name, block in zip(FILES, blocks, strict=True):
        (folder / name).write_text(block, encoding="utf-8")
    _leave_out_what_others_show(tmp_path)
    return tmp_path


def _leave_out_what_others_show(project: Path) -> None:
    """Only the new metric is compared with its reference on random marketplaces: those of the project were."""
    file = project / "tests" / "models" / "metrics" / "test_metrics_reference.py"
    all_models = "for model in contracts().rebuild_order}"
    text = file.read_text(encoding="utf-8")
    assert all_models in text
    only = all_models.replace("}", f" if model.name == {metric()!r}}}")
    file.write_text(text.replace(all_models, only), encoding="utf-8")


def metric() -> str:
    (name,) = set(re.findall(r"models/presentation/(\w+)", COOKBOOK.read_text(encoding="utf-8")))
    return str(name)


def run(project: Path, *command: str) -> str:
    """What a program prints that has to end well, in the copy and with its code."""
    program = (str(Path(sys.executable).with_name(command[0])), *command[1:])
    paths = {"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin", "HOME": str(project)}
    ended = subprocess.run(program, cwd=project, env=paths, check=False, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_metric_of_the_cookbook_needs_nothing_but_its_folder(project: Path) -> None:
    name = metric()
    folder = f"src/rental_analytics/models/presentation/{name}"
    written = run(project, "python", "-c", GENERATED_AND_CHECKED)
    assert {"wrote README.md", "wrote docs/reference/tables.md"} <= set(written.splitlines())
    assert f"wrote tests/warehouses/snapshots/presentation.{name}.sql" in written.splitlines()
    assert f"`{name}`" in (project / "README.md").read_text(encoding="utf-8")
    assert "everything generated is up to date" in written.splitlines()
    run(project, "ruff", "check", folder)
    run(project, "ruff", "format", "--check", folder)
    run(project, "sqlfluff", "lint", "--disable-progress-bar", folder)
    asked = ("python", "-m", "pytest", "-v", "-n", "0", "-m", "fast", "-p", "no:cacheprovider")
    ended = run(project, *asked, *CHOSEN, "-k", OF_THE_NEW.format(name))
    assert re.search(r"\d+ passed", ended), ended
    assert re.search(rf"tests/models/metrics/test_metrics_cases\.py\S*{name}\S* PASSED", ended), ended
