"""A deployment's first days, played once: deployed twice, run, and run later with changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployment.real_deployment import DATABASE, Execution, RealDeployment, real_deployment
from deployment.secret_search import found_in, places
from rental_marketplace import advance
from runners.jobs import Jobs
from servers.aws.server import EmulatedAws
from servers.mysql import MySqlServer
from servers.postgresql import PostgreSQL
from support.breadth import FULL
from warehouses.twins import DuckDb, Rows

PASSWORD = 'it\'s "100%" {safe}%7B$&\\'
FIRST_DAY = ("first", "again") if FULL else ("first",)
"""Executions of the first run: `again` is another one with its name."""
DAYS = 3
REJECTED_ROWS = "SELECT table_name, rules FROM ops.rejected_rows"


class Local:
    """The same source, read by DuckDB on this machine."""

    def __init__(self, folder: Path, url: str) -> None:
        self._pipeline = DuckDb(folder, url)
        (folder / "rental.toml").write_text(f'[source]\nurl = "{url}"\n[engine]\nthreads = 1\n')

    def run(self, run_id: str, upper_bound: str) -> dict[str, Rows]:
        """A run's presentation tables."""
        end = Jobs(self._pipeline).do_all(run_id, upper_bound=upper_bound)
        assert end.code == 0, end.errors
        return self._pipeline.every("presentation")


@dataclass
class Seen:
    """What was seen.

    Args:
        changed_stacks: whether a second deployment changed it, for each stack.
        changed: stores of the emulator that the second deployment changed.
        executions: those of `FIRST_DAY`, and `later`.
        tables: of schema `presentation`, after each execution.
        local: the same after the runs on this machine.
        rejected: tables and rules of the rows in `ops.rejected_rows`, after the first execution.
        calls: of all roles, from the first deployment on.
        searched, leaks: how many places of each kind were searched for `PASSWORD`, and which hold it.
    """

    deployment: RealDeployment
    changed_stacks: list[bool] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    executions: dict[str, Execution] = field(default_factory=dict)
    tables: dict[str, dict[str, Rows]] = field(default_factory=dict)
    local: dict[str, dict[str, Rows]] = field(default_factory=dict)
    rejected: Rows = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    searched: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)


@contextmanager
def observed(aws: EmulatedAws, mysql: MySqlServer, postgresql: PostgreSQL, folder: Path) -> Iterator[Seen]:
    """Play it; the state before each job of `later` can be restored."""
    with real_deployment(aws, mysql, postgresql, folder) as deployment:
        seen = Seen(deployment)
        deployment.deploy()
        _deploy_again(seen)
        deployment.plant(PASSWORD)
        deployment.fill()
        _run(seen, Local(folder / "local", mysql.url(DATABASE)))
        seen.calls = aws.calls()
        seen.searched, seen.leaks = found_in(PASSWORD, places(deployment, seen.executions.values()))
        yield seen


def _deploy_again(seen: Seen) -> None:
    before = seen.deployment.aws.resources()
    seen.changed_stacks = [stack.is_changed for stack in seen.deployment.deploy().values()]
    after = seen.deployment.aws.resources()
    seen.changed = {store for store in before | after if before.get(store) != after.get(store)}


def _run(seen: Seen, local: Local) -> None:
    deployment, bound = seen.deployment, _now()
    for name in FIRST_DAY:
        execution = deployment.end(deployment.start(run_id="first", upper_bound=bound))
        seen.executions[name] = deployment.succeeded(execution)
        seen.tables[name] = deployment.presentation()
    seen.rejected = deployment.stand_in.execute(REJECTED_ROWS, deployment.database)
    seen.local["first"] = local.run("first", bound)
    advance(deployment.mysql.url(DATABASE), DAYS)
    bound = _now()
    seen.executions["later"] = deployment.succeeded(deployment.run_held(run_id="later", upper_bound=bound))
    seen.tables["later"] = deployment.presentation()
    seen.local["later"] = local.run("later", bound)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
