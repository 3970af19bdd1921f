"""The emulated AWS, with `failure_stack` deployed."""

from collections.abc import Iterator

import pytest

from infra.deployed import Deployed, deploy
from servers.aws.server import EmulatedAws, start_aws

# Time runs faster: a minute of a job's time-out is two seconds, and what was stopped is over after one.
FAST = {"minute": 2.0, "stopping": 1.0, "polling": 0.1}


@pytest.fixture(scope="session")
def aws() -> Iterator[EmulatedAws]:
    """One emulator for the whole session."""
    with start_aws() as server:
        yield server


@pytest.fixture(scope="module")
def stack(aws: EmulatedAws) -> Iterator[Deployed]:
    aws.reset()
    found = deploy(aws)
    aws.configure(**FAST)
    aws.snapshot()
    yield found
    aws.reset()


@pytest.fixture
def deployed(stack: Deployed) -> Iterator[Deployed]:
    """The stack as it was just after its deployment."""
    yield stack
    stack.aws.restore()
