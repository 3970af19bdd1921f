"""The promises of Makefile, .ci/run, constraints.txt and the repository's files."""

import os
import re
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MAXIMUM_BYTES = 1_000_000
PIN_FILES = ["constraints.txt", "constraints-spark.txt", "constraints-notebooks.txt", "constraints-lab.txt"]
NOT_INSTALLED = {"lab"}
"""Extras that no test needs."""
PUBLIC_TARGETS = [
    "help",
    "setup",
    "spark",
    "infra",
    "demo",
    "notebooks",
    "lab",
    "test",
    "check",
    "mutants",
    "matrix",
    "generate",
    "templates",
    "glue",
    "verify-aws",
    "verify-glue",
    "clean",
]


def pins() -> dict[str, str]:
    """Name and text of every pinned package, its hashes included."""
    text = "".join((ROOT / name).read_text() for name in PIN_FILES)
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    return {canonicalize_name(entry.split("==")[0]): entry for entry in entries if entry.strip()}


def installed_versions(package: str) -> dict[str, str]:
    """Name and version of everything that the package needs here, with all its extras."""
    versions: dict[str, str] = {}
    extras = distribution(package).metadata.get_all("Provides-Extra") or []
    waiting = [(package, "")] + [(package, extra) for extra in extras if extra not in NOT_INSTALLED]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            needed = canonicalize_name(requirement.name)
            versions[needed] = distribution(needed).version
            found = {(needed, wanted) for wanted in ["", *requirement.extras]} - seen
            seen |= found
            waiting += sorted(found)
    versions.pop(package, None)
    return versions


@pytest.mark.slow
def test_make_help_lists_every_public_target() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(["make", "help"], cwd=ROOT, env=env, check=True, capture_output=True, text=True)

    assert re.findall(r"^make (\S+) +\S", run.stdout, flags=re.MULTILINE) == PUBLIC_TARGETS


@pytest.mark.fast
def test_every_public_target_is_phony() -> None:
    assert f".PHONY: {' '.join(PUBLIC_TARGETS)}\n" in (ROOT / "Makefile").read_text()


@pytest.mark.fast
def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"

    assert script.read_text().rstrip().endswith("\nmake test")
    assert "set -euo pipefail" in script.read_text()


@pytest.mark.fast
@pytest.mark.parametrize(
    "path", [ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))], ids=lambda path: path.name
)
def test_scripts_are_executable(path: Path) -> None:
    assert os.access(path, os.X_OK)


@pytest.mark.fast
def test_constraints_pin_everything_installed() -> None:
    pinned = {name: entry.split("==")[1].split()[0] for name, entry in pins().items()}
    installed = installed_versions("rental-analytics")

    assert installed.items() <= pinned.items(), "run scripts/update_constraints.sh, then make setup"
    assert {"hatchling", "editables"} <= pinned.keys()


@pytest.mark.fast
def test_every_pin_has_hashes() -> None:
    assert [name for name, entry in pins().items() if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


@pytest.mark.fast
def test_constraints_name_no_place_to_install_from() -> None:
    text = "".join((ROOT / name).read_text() for name in PIN_FILES)

    assert not re.search(r"://|--(?!hash=)|#|/", text)


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git checkout")
def test_no_tracked_file_is_large() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]

    assert [path for path in paths if path.is_file() and path.stat().st_size > MAXIMUM_BYTES] == []


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["", "ruff", "python"])
def test_every_check_is_done_whatever_fails(tmp_path: Path, failing: str) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check.sh", tmp_path / "scripts")
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in ("ruff", "lint-imports", "mypy", "sqlfluff", "python"):
        (tools / name).write_text(f"#!/bin/sh\necho told by {name}\nexit {int(name == failing)}\n")
        (tools / name).chmod(0o755)
    done = subprocess.run([tmp_path / "scripts" / "check.sh", "--tests"], check=False, capture_output=True, text=True)

    outcomes = re.findall(r"^(ok|FAILED) +([\w-]+)", done.stdout, flags=re.MULTILINE)
    assert [name for _, name in outcomes] == ["ruff", "ruff", "lint-imports", "mypy", "sqlfluff", "python", "python"]
    assert {name for outcome, name in outcomes if outcome == "FAILED"} == {failing} - {""}
    assert (f"told by {failing}" in done.stdout) == bool(failing)
    assert done.returncode == bool(failing)
