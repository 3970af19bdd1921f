"""The rules that tests/conftest.py lays on every test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run_pytest(folder: Path, source: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run these tests in a new pytest that has our conftest."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    fast\n")
    (folder / "test_sample.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(TESTS)} | variables,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_test_without_a_cost_marker_stops_the_run(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, "def test_unmarked(): pass\n")

    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "none of the markers fast, service and slow: test_sample.py::test_unmarked" in run.stderr


def test_no_test_sees_settings_from_outside(tmp_path: Path) -> None:
    source = (
        "import os, pytest\n"
        "@pytest.mark.fast\n"
        "def test_environment():\n"
        "    assert not [name for name in os.environ if name.startswith('RENTAL_')]\n"
        "    assert 'AWS_PROFILE' not in os.environ\n"
    )
    run = run_pytest(tmp_path, source, RENTAL_SOURCE__URL="mysql://production", AWS_PROFILE="production")

    assert run.returncode == pytest.ExitCode.OK, run.stdout


def test_what_a_file_shares_is_made_by_one_worker(tmp_path: Path) -> None:
    source = (
        "import pytest\n"
        "@pytest.fixture(scope='module')\n"
        "def shared(): return 1\n"
        "@pytest.mark.fast\n"
        "@pytest.mark.parametrize('number', range(8))\n"
        "def test_sharing(shared, number): pass\n"
    )
    run = run_pytest(tmp_path, source, "-v", "-n", "2", "--dist", "loadgroup")

    assert run.returncode == pytest.ExitCode.OK, run.stdout
    workers = re.findall(r"\[(gw\d)\].* PASSED test_sample", run.stdout)
    assert len(workers) == 8
    assert len(set(workers)) == 1
