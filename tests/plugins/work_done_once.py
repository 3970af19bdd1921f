"""Work that gives the same each time is done once for a whole test session, not once for each run of the pipeline."""

import os
import shutil
import tempfile
from functools import cache

import pytest

from servers.templates import SHARED_FOLDER


def pytest_configure(config: pytest.Config) -> None:
    share_work()
    if SHARED_FOLDER not in os.environ:
        # Workers are started later, and have the variable of the process that starts them.
        folder = os.environ[SHARED_FOLDER] = tempfile.mkdtemp(prefix="servers-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(SHARED_FOLDER))


@cache
def share_work() -> None:
    """Let this process read once what AWS's clients are made from: nothing changes what it holds.

    Nor does it wait for the disk: no file of a test has to outlive a power failure. Programs that tests start do.
    """
    from botocore import loaders

    own = loaders.create_loader
    shared = own()
    loaders.create_loader = lambda path=None: shared if path is None else own(path)
    os.fsync = _checked


def _checked(file: int) -> None:
    """As `os.fsync`, but for the wait.

    Raises:
        OSError: no such file is open.
    """
    os.fstat(file)
