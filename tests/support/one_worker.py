"""Tests that are for one worker, which the process that deals them out has to hear of.

xdist has groups of its own, but tells of them by changing the ids of tests, which pytest 9.2 does not let it any more:
the marks are ignored without a word (pytest-xdist issue 1386).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from servers.templates import SHARED_FOLDER

WHERE = "one_worker"


def ask(node: Any) -> None:
    """Let a worker that is to be started know where to tell of its groups."""
    node.workerinput[WHERE] = str(_file())


def tell(config: pytest.Config, groups: Mapping[str, str]) -> None:
    """Say which tests are for one worker; all workers would say the same, and the first one does.

    Args:
        groups: names by a test's id; the tests of one name go to one worker.
    """
    told: dict[str, Any] = getattr(config, "workerinput", {})
    if told.get("workerid") == "gw0":
        Path(told[WHERE]).write_text(json.dumps(dict(groups)), encoding="utf-8")


def groups_told() -> dict[str, str]:
    """What the workers said, once all have collected their tests."""
    told: dict[str, str] = json.loads(_file().read_text(encoding="utf-8"))
    return told


def _file() -> Path:
    return Path(os.environ[SHARED_FOLDER]) / f"groups-{os.getpid()}.json"
