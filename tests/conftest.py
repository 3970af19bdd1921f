"""What every test shares: a clean environment, the cost markers, the servers."""

import gc
import os
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from servers.chromium import Chromium, start_chromium
from servers.mysql import DEFAULT, KINDS, MySqlServer, start_mysql
from servers.postgresql import PostgreSQL, start_postgresql
from servers.redshift_stand_in import RedshiftStandIn, start_redshift_stand_in
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server, start_s3
from servers.spark import start_spark
from support.breadth import FULL

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ["plugins.slowest_files", "plugins.work_done_once"]

COST_MARKERS = {"fast": 0.1, "service": 2, "slow": 10}
"""Each test has one of these, with how long it takes compared with others."""
DEPLOYMENT = "tests/deployment/"
"""Tests that share an emulated AWS and synthesized templates."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected, which stays to the end, out of the garbage collector's way."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


# Before xdist, which looks for the groups then.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unnamed = [item.nodeid for item in items if _uses_spark(item) and not runs_with_spark(item.nodeid)]
    if unnamed:
        raise pytest.UsageError("The names of tests that use Spark have the word in them: " + ", ".join(unnamed))
    unmarked = [item.nodeid for item in items if not _costs(item)]
    if unmarked:
        raise pytest.UsageError("These tests have none of the markers fast, service and slow: " + ", ".join(unmarked))
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    if left_out and not FULL:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    for item in items:
        file = item.nodeid.partition("::")[0]
        if file.startswith(DEPLOYMENT):
            item.add_marker(pytest.mark.xdist_group(DEPLOYMENT))
        elif _shares_with_its_file(item):
            item.add_marker(pytest.mark.xdist_group(file))
    if "PYTEST_XDIST_WORKER" in os.environ:
        _begin_with_the_longest(items)


def _costs(item: pytest.Item) -> float:
    return sum(COST_MARKERS.get(mark.name, 0) for mark in item.iter_markers())


def _begin_with_the_longest(items: list[pytest.Item]) -> None:
    """Order what each worker is given, so that none has a long group left when the others have nothing to do.

    Xdist itself would go by the number of tests; `--no-loadscope-reorder` leaves it to us.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(_group(item), []).append(item)
    longest_first = sorted(groups.values(), key=lambda group: -sum(map(_costs, group)))
    items[:] = [item for group in longest_first for item in group]


def _group(item: pytest.Item) -> str:
    if runs_with_spark(item.nodeid):
        return SPARK
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else item.nodeid


def pytest_collection_finish(session: pytest.Session) -> None:
    """See that xdist has told the groups apart: else each worker makes what the tests of a file share."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    grouped = (item.nodeid for item in session.items if item.get_closest_marker("xdist_group"))
    if alone := next((nodeid for nodeid in grouped if "@" not in nodeid), None):
        raise pytest.UsageError(f"xdist has made no groups of tests, such as that of {alone}: is pytest too new?")


def _shares_with_its_file(item: pytest.Item) -> bool:
    """Whether a fixture is made once for the tests of a file, which one worker then runs."""
    fixtures: dict[str, Sequence[Any]] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    return any(found[-1].scope == "module" for found in fixtures.values())


def _uses_spark(item: pytest.Item) -> bool:
    parameters: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    return "spark" in getattr(item, "fixturenames", ()) or "spark" in parameters.values()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """One worker does all that needs Spark: it takes a gigabyte, and is slow until Java has compiled what it does.

    Tests of the deployment, and those that share a fixture of their file, are for one worker, too.
    """
    from xdist.scheduler import LoadGroupScheduling

    class Scheduling(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return SPARK if runs_with_spark(nodeid) else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


SPARK = "spark"
RUN_WITH_SPARK = "tests/parity/"


def runs_with_spark(nodeid: str) -> bool:
    """Whether a test belongs to the worker that has Spark."""
    return "spark" in nodeid.lower() or nodeid.startswith(RUN_WITH_SPARK)


@cache
def step_back() -> None:
    """Let those go first that have Spark or the deployment: they have most to do, and the others end with them."""
    os.nice(5)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    goes_first = runs_with_spark(item.nodeid) or item.nodeid.startswith(DEPLOYMENT)
    if "PYTEST_XDIST_WORKER" in os.environ and not goes_first:
        step_back()


def pytest_configure() -> None:
    if DEFAULT not in ("mysql", "mariadb"):
        raise pytest.UsageError(f"RENTAL_TEST_MYSQL is {DEFAULT!r}; it may be mysql or mariadb.")
    # Any example may take long on a busy machine; what is too long for a test is its time-out's to say.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if DEFAULT == "mariadb":
        terminalreporter.write_line("RENTAL_TEST_MYSQL=mariadb: nothing was tested on Oracle's MySQL.", yellow=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's settings or credentials, nor asks a cloud's metadata service for them."""
    for name in list(os.environ):
        if name.startswith(("RENTAL_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def mysql() -> Iterator[MySqlServer]:
    """One MySQL server for the whole session; take a database of your own with `create_database`.

    It is Oracle's, or MariaDB where RENTAL_TEST_MYSQL says so.
    """
    with start_mysql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[MySqlServer]:
    """One MariaDB server for the whole session."""
    if DEFAULT == "mariadb":
        yield request.getfixturevalue("mysql")
        return
    with start_mysql(kind="mariadb") as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def either_server(request: pytest.FixtureRequest) -> MySqlServer:
    """For what may differ between the two: the test runs on each."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, MySqlServer)
    return server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3 server for the whole session; take a bucket of your own with `create_bucket`."""
    with start_s3() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One PostgreSQL server for the whole session; take a database of your own with `create_database`."""
    with start_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redshift(postgresql: PostgreSQL, s3: S3Server) -> Iterator[RedshiftStandIn]:
    """One stand-in for Redshift for the whole session; take a database of your own with `create_database`."""
    with start_redshift_stand_in(postgresql, s3, {"default": (ACCESS_KEY, SECRET_KEY)}) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for the whole session; take a page of your own with `page`."""
    with start_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def spark() -> Iterator["SparkSession"]:
    """One Spark for the whole session, which every engine of kind `spark` in this process uses."""
    test = os.environ["PYTEST_CURRENT_TEST"]
    if not runs_with_spark(test):
        pytest.fail(f"{test} uses Spark: let its name say so, for one worker does all that needs it.")
    with start_spark() as session:
        yield session
