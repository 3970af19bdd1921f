"""The emulated AWS, with `failure_stack` or the real deployment in it."""

from collections.abc import Iterator

import pytest

from deployment.deployed import Deployed, deploy
from deployment.end_to_end import Seen, observed
from servers.aws.server import EmulatedAws, start_aws
from servers.mysql import MySqlServer
from servers.postgresql import PostgreSQL

# Time runs faster: a minute of a job's time-out is two seconds, and what was stopped is over after one.
FAST = {"minute": 2.0, "stopping": 1.0, "polling": 0.1}


@pytest.fixture(scope="session")
def aws() -> Iterator[EmulatedAws]:
    """One emulator for the whole session."""
    with start_aws() as server:
        yield server


@pytest.fixture(scope="session")
def stack(aws: EmulatedAws) -> Deployed:
    """`failure_stack`, deployed once, which `deployed` makes anew."""
    aws.reset()
    found = deploy(aws)
    aws.configure(**FAST)
    aws.snapshot("failures")
    return found


@pytest.fixture
def deployed(stack: Deployed) -> Deployed:
    """The stack as it was just after its deployment."""
    stack.aws.restore("failures")
    return stack


@pytest.fixture(scope="session")
def seen(
    aws: EmulatedAws, mysql: MySqlServer, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """What the real deployment did, from end to end."""
    with observed(aws, mysql, postgresql, tmp_path_factory.mktemp("end-to-end")) as found:
        yield found


@pytest.fixture
def empty(aws: EmulatedAws) -> EmulatedAws:
    """The emulator with nothing in it."""
    aws.reset()
    return aws
