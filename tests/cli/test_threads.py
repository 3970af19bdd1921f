"""A machine that lets a process start no more threads: OpenBLAS must not send us the signal of Ctrl-C."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import PROGRAM, environment

# Root may start as many as it likes, so the process gets another real user and no rights beside root's files.
WITHOUT_RIGHTS = ["setpriv", "--ruid=65534", "--bounding-set=-all", "--inh-caps=-all"]
ONE_THREAD = ["prlimit", "--nproc=1"]


def unlimited() -> dict[str, str]:
    """The environment without what a command called in this process has left there."""
    return {name: value for name, value in environment().items() if name != "OPENBLAS_NUM_THREADS"}


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users may look into, as pytest's are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("prlimit")), reason="needs util-linux")
def test_a_command_needs_no_thread_for_numpy(loaded: Path, public: Path) -> None:
    Path(shutil.copytree(loaded, public / "loaded")).chmod(0o755)
    limited = [*(WITHOUT_RIGHTS if os.geteuid() == 0 else []), *ONE_THREAD]
    numpy = [*limited, sys.executable, "-c", "import numpy"]
    assert subprocess.run(numpy, capture_output=True, env=unlimited(), check=False).returncode != 0
    done = subprocess.run(
        [*limited, PROGRAM, "query", "SELECT 1 AS one"],
        cwd=public / "loaded",
        env=unlimited(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "one\n  1\n"), done.stderr
    assert "OpenBLAS" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", ["rental_analytics.cli", "rental_analytics.runners.glue"])
def test_numpy_is_imported_after_its_threads_are_limited(module: str) -> None:
    code = f"""
import os, sys
from {module} import main
assert not {{"numpy", "pyarrow", "duckdb", "boto3", "pyspark"}} & sys.modules.keys()
sys.argv = ["rental", "--version"]
try:
    main(["--step"]) if {"glue" in module} else main()
except (SystemExit, Exception) as end:
    assert type(end).__name__ in ("SystemExit", "JobFailed"), end
assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
"""
    subprocess.run([sys.executable, "-c", code], env=unlimited(), check=True, capture_output=True)
