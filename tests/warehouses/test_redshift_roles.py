"""The rights that `rental grants` gives, held against what the pipeline does.

PostgreSQL enforces what it knows: USAGE, CREATE, SELECT, INSERT, UPDATE, DELETE and default privileges. Redshift's
rights to drop and to alter what others own are the stand-in's own doing.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.warehouses.redshift.roles import roles
from rental_marketplace import MarketplaceOptions, advance, generate
from runs.harness import FEW_METRICS, Pipeline
from servers.redshift_client import Warehouse
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import reaching

LOADERS = ["IAMR:load-raw", "IAMR:load-curated", 'a "loader".x']
ANALYST, OPERATOR = "maria", "sam"
OPTIONS = MarketplaceOptions(listings=20, bookings=60, viewings=40, seed=3, end_date=date(2024, 3, 4))


def statements(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [one.strip() for one in "\n".join(lines).split(";\n") if one.strip(" ;\n")]


@pytest.fixture(scope="module")
def database(redshift: RedshiftStandIn) -> Iterator[Warehouse]:
    """A database with the roles and the users."""
    with closing(redshift.client()) as client:
        warehouse = Warehouse(redshift, client, redshift.create_database())
        for name in [*LOADERS, ANALYST, OPERATOR, "stranger"]:
            role = redshift.role(warehouse.database, name).replace('"', '""')
            redshift.execute(f'CREATE ROLE "{role}"', warehouse.database)
        for sql in statements(roles(LOADERS, [ANALYST], [OPERATOR])):
            warehouse.done(sql)
        yield warehouse


@pytest.fixture(scope="module")
def load(
    tmp_path_factory: pytest.TempPathFactory, s3: S3Server, redshift: RedshiftStandIn, database: Warehouse
) -> Callable[..., Any]:
    """Runs the pipeline with a user's rights; the first loader has done so once."""
    folder = tmp_path_factory.mktemp("roles")
    url = f"sqlite:///{folder / 'marketplace.db'}"
    lake = f"lake.url=s3://{s3.create_bucket()}/lake"
    generate(url, OPTIONS)

    def run(user: str, *steps: str, days: int = 0, **options: Any) -> str:
        if days:
            advance(url, days)
        place = f"redshift://test-cluster/{database.database}?type=cluster&user={user}"
        pipeline = Pipeline(folder / "run", url, lake, f"warehouse.url={place}", "quality.max_deleted_share=1")
        with pytest.MonkeyPatch.context() as patch, reaching(patch, s3, redshift):
            return pipeline.run(steps=steps, **options).run.run_id

    run(LOADERS[0])
    return run


def as_user(database: Warehouse, user: str, sql: str) -> dict[str, Any]:
    place = {"ClusterIdentifier": "test-cluster", "Database": database.database, "DbUser": user}
    return database.wait(database.client.execute_statement(Sql=sql, **place)["Id"])


def refused(database: Warehouse, user: str, sql: str) -> bool:
    answer = as_user(database, user, sql)
    return answer["Status"] == "FAILED" and "permission denied" in answer["Error"]


@pytest.mark.service
def test_analysts_read_the_metrics_operators_what_runs_left_and_others_nothing(
    load: Callable[..., Any], database: Warehouse
) -> None:
    tables = {
        f"{schema}.{table}"
        for schema, table in database.stand_in.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')",
            database.database,
        )
    }
    readable = {table for table in tables if not refused(database, ANALYST, f"SELECT COUNT(*) FROM {table}")}

    assert {f"presentation.{name}" for name in FEW_METRICS} == readable
    for sql in (
        "DELETE FROM presentation.occupancy_rate_monthly",
        "INSERT INTO presentation.occupancy_rate_monthly (month_start) VALUES (DATE '2024-01-01')",
        "UPDATE presentation.occupancy_rate_monthly SET month_start = DATE '2024-01-01'",
        "LOCK presentation.occupancy_rate_monthly",
        "CREATE TABLE presentation.own (id INTEGER)",
    ):
        assert refused(database, ANALYST, sql), sql
    assert "must be owner" in as_user(database, ANALYST, "DROP TABLE presentation.occupancy_rate_monthly")["Error"]

    # All tables were made after the roles: these are default privileges.
    for table in ("ops.runs", "ops.rejected_rows", "curated.bookings", "presentation.occupancy_rate_monthly"):
        assert not refused(database, OPERATOR, f"SELECT COUNT(*) FROM {table}"), table
        assert refused(database, OPERATOR, f"DELETE FROM {table}"), table
    assert refused(database, OPERATOR, "SELECT COUNT(*) FROM raw_data.bookings")

    for table in ("raw_data.bookings", "curated.bookings", "presentation.occupancy_rate_monthly", "ops.runs"):
        assert refused(database, "stranger", f"SELECT COUNT(*) FROM {table}"), table
    assert refused(database, "stranger", "CREATE TABLE presentation.own (id INTEGER)")


@pytest.mark.service
def test_loaders_work_on_tables_of_each_other(load: Callable[..., Any], database: Warehouse) -> None:
    run = load(LOADERS[1], "extract", "transform", "load-raw", days=2)
    load(LOADERS[0], "load-curated", resume=run)
    load(LOADERS[1], "metrics", resume=run)

    assert database.rows("SELECT COUNT(*) FROM ops.loads") == [(4,)]
    for number, user in enumerate(LOADERS):
        table = f"ops.stage_left_{number}"
        assert as_user(database, user, f"CREATE TABLE {table} (id INTEGER)")["Status"] == "FINISHED"
        other = LOADERS[number - 1]
        for sql in (f"LOCK {table}", f"ALTER TABLE {table} ADD COLUMN more INTEGER", f"DROP TABLE {table}"):
            answer = as_user(database, other, sql)
            assert answer["Status"] == "FINISHED", (sql, answer.get("Error"))


@pytest.mark.service
def test_all_but_the_roles_may_run_again(database: Warehouse) -> None:
    again = [sql for sql in statements(roles(LOADERS, [ANALYST], [OPERATOR])) if not sql.startswith("CREATE ROLE")]

    assert len(again) == len(statements(roles(LOADERS, [ANALYST], [OPERATOR]))) - 3
    for sql in again:
        database.done(sql)


@pytest.mark.fast
def test_rights_are_no_more_than_needed() -> None:
    text = roles(LOADERS, [ANALYST], [OPERATOR])

    assert "TRUNCATE" not in text
    assert "ALL TABLES" in text
    assert "TO PUBLIC" not in text
    assert 'GRANT ROLE loader TO "IAMR:load-raw";' in text
    assert 'GRANT ROLE loader TO "a ""loader"".x";' in text
    assert text.count("ALTER DEFAULT PRIVILEGES FOR USER") == len(LOADERS) * (5 + 1 + 3)
    assert "\n\n\n" not in text


@pytest.mark.fast
def test_one_without_loaders_says_so() -> None:
    assert "ALTER DEFAULT" not in roles()
    assert "--loader" in roles()


@pytest.mark.fast
@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 128])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not the name of a database user"):
        roles([name])
