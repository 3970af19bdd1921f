"""Work that gives the same each time is done once for a whole test session, not once for each run of the pipeline."""

import os
import shutil
import sys
import tempfile
from functools import cache
from importlib.util import find_spec

import pytest

from servers.templates import SHARED_FOLDER

ASKED_FOR_BY_DUCKDB = "pandas"
"""DuckDB looks for it in all folders of `sys.path`, many times in each run, where it is not installed."""


def pytest_configure(config: pytest.Config) -> None:
    share_work()
    if SHARED_FOLDER not in os.environ:
        # Workers are started later, and have the variable of the process that starts them.
        folder = os.environ[SHARED_FOLDER] = tempfile.mkdtemp(prefix="servers-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(SHARED_FOLDER))


@cache
def share_work() -> None:
    """Let this process read the contracts once, and what AWS's clients are made from: nothing changes what they hold.

    Nor does it wait for the disk: no file of a test has to outlive a power failure. Programs that tests start do.
    """
    from botocore import loaders

    from rental_analytics import wiring

    wiring.load_contracts = cache(wiring.load_contracts)
    own = loaders.create_loader
    shared = own()
    loaders.create_loader = lambda path=None: shared if path is None else own(path)
    if find_spec(ASKED_FOR_BY_DUCKDB) is None:
        sys.meta_path.insert(0, _Missing)  # type: ignore[arg-type]
    os.fsync = _checked


class _Missing:
    """Finds at once that a package is not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == ASKED_FOR_BY_DUCKDB:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _checked(file: int) -> None:
    """As `os.fsync`, but for the wait.

    Raises:
        OSError: no such file is open.
    """
    os.fstat(file)
