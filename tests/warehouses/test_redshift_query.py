"""A user's statement on Redshift reads, and does nothing else."""

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.warehouses.redshift.query import bounded

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN COPY x FROM 's3://b/k' IAM_ROLE default",
        "EXPLAIN VERBOSE DELETE FROM x",
        "SELECT 1 INTO x",
        "WITH one AS (SELECT 1) DELETE FROM x",
        "UNLOAD ('SELECT 1') TO 's3://b/k' IAM_ROLE default",
        "COPY x FROM 's3://b/k' IAM_ROLE default",
        "CALL something()",
        "SET search_path TO x",
        "SELECT pg_terminate_backend(1)",
        "SELECT * FROM (SELECT PG_CANCEL_BACKEND(pid) FROM stv_sessions) AS ended",
        "SELECT set_config('x', 'y', FALSE)",
    ],
)
def test_what_does_more_than_read_is_refused(sql: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        bounded(sql, 10)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "EXPLAIN SELECT 1", "EXPLAIN VERBOSE SELECT 1", "SHOW TABLES", "(SELECT 1)"]
)
def test_what_reads_is_sent(sql: str) -> None:
    assert bounded(sql, None) == sql
