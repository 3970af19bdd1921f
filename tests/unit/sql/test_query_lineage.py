"""What columns of a query are made of, construct by construct."""

from __future__ import annotations

import pytest

from rental_analytics.errors import ContractError
from rental_analytics.sql.lineage import QueryLineage, Tables, query_lineage

pytestmark = pytest.mark.fast

TABLES = Tables(
    (
        ("a.stays", ("id", "day", "price", "status")),
        ("a.hosts", ("id", "name")),
        ("a.run", ("as_of",)),
        ("a.codes", ("code", "meaning")),
    ),
    single=frozenset({"a.run"}),
    lookups=frozenset({"a.codes"}),
)


def of(sql: str) -> QueryLineage:
    return query_lineage(sql, TABLES, "query.sql")


def told(found: frozenset[tuple[str, str]]) -> str:
    return " ".join(sorted(f"{relation.removeprefix('a.')}.{column}" for relation, column in found))


@pytest.mark.parametrize(
    ("sql", "made_of"),
    [
        ("SELECT price AS x FROM a.stays", "stays.price"),
        ("SELECT price * 2 + id AS x FROM a.stays", "stays.id stays.price"),
        ("SELECT 'booked' AS x FROM a.stays", ""),
        ("SELECT CASE WHEN status = 'paid' THEN price ELSE 0 END AS x FROM a.stays", "stays.price stays.status"),
        ("SELECT SUM(price) AS x FROM a.stays GROUP BY day", "stays.price"),
        (
            "SELECT stays.price AS x FROM a.stays AS stays INNER JOIN a.hosts AS hosts ON stays.id = hosts.id",
            "stays.price",
        ),
        ("SELECT run.as_of - stays.day AS x FROM a.stays AS stays CROSS JOIN a.run AS run", "run.as_of stays.day"),
        ("SELECT price AS y, y + 1 AS x FROM a.stays", "stays.price"),
    ],
)
def test_expressions(sql: str, made_of: str) -> None:
    assert told(of(sql).columns["x"]) == made_of


@pytest.mark.parametrize(
    ("sql", "made_of"),
    [
        (
            "WITH one AS (SELECT price AS y FROM a.stays), two AS (SELECT y + 1 AS z FROM one) SELECT z AS x FROM two",
            "stays.price",
        ),
        # A CTE hides the alias of the table that it reads, and may have the same name.
        ("WITH stays AS (SELECT stays.day AS price FROM a.stays AS stays) SELECT price AS x FROM stays", "stays.day"),
        ("WITH one(y, x) AS (SELECT day, price FROM a.stays) SELECT x FROM one", "stays.price"),
        ("WITH one AS (SELECT * FROM a.stays) SELECT price AS x FROM one", "stays.price"),
        ("SELECT made.y AS x FROM (SELECT day AS y FROM a.stays) AS made", "stays.day"),
        ("SELECT price AS x FROM a.stays UNION ALL SELECT name FROM a.hosts", "hosts.name stays.price"),
        (
            "SELECT day, price AS x FROM a.stays"
            " UNION ALL (SELECT id, 0 FROM a.hosts UNION ALL SELECT id, name FROM a.hosts)",
            "hosts.name stays.price",
        ),
        ("WITH one AS (SELECT 1 AS y UNION ALL SELECT price FROM a.stays) SELECT SUM(y) AS x FROM one", "stays.price"),
        ("SELECT (SELECT MAX(name) FROM a.hosts) AS x FROM a.stays", "hosts.name"),
        # What a subquery compares with the query around it only chooses rows.
        ("SELECT (SELECT MAX(name) FROM a.hosts WHERE hosts.id = stays.id) AS x FROM a.stays", "hosts.name"),
        ("SELECT (SELECT MAX(hosts.name || stays.day) FROM a.hosts) AS x FROM a.stays", "hosts.name stays.day"),
        ("SELECT price IN (SELECT id FROM a.hosts) AS x FROM a.stays", "hosts.id stays.price"),
        (
            "SELECT LIST_FILTER(LIST_TRANSFORM(STRING_SPLIT(status, ','), LAMBDA day: TRIM(day)), LAMBDA y: y <> '')"
            " AS x FROM a.stays",
            "stays.status",
        ),
    ],
)
def test_queries_within_queries(sql: str, made_of: str) -> None:
    assert told(of(sql).columns["x"]) == made_of


@pytest.mark.parametrize(
    ("sql", "made_of"),
    [
        (
            "SELECT SUM(price) OVER (PARTITION BY id ORDER BY day ROWS UNBOUNDED PRECEDING) AS x FROM a.stays",
            "stays.day stays.price",
        ),
        ("SELECT LEAD(price) OVER (PARTITION BY id ORDER BY day) AS x FROM a.stays", "stays.day stays.price"),
        (
            "SELECT ROW_NUMBER() OVER (PARTITION BY id ORDER BY price DESC, day) AS x FROM a.stays",
            "stays.day stays.price",
        ),
        ("SELECT ROW_NUMBER() OVER () AS x FROM a.stays", "stays.*"),
        ("SELECT COUNT(*) OVER (PARTITION BY id) AS x FROM a.stays", "stays.*"),
        (
            "SELECT SUM(price) OVER late AS x FROM a.stays WINDOW late AS (PARTITION BY id ORDER BY day)",
            "stays.day stays.price",
        ),
        ("SELECT SUM(SUM(price)) OVER () AS x FROM a.stays GROUP BY id", "stays.price"),
    ],
)
def test_windows(sql: str, made_of: str) -> None:
    assert told(of(sql).columns["x"]) == made_of


@pytest.mark.parametrize(
    ("sql", "made_of"),
    [
        ("SELECT COUNT(*) AS x FROM a.stays", "stays.*"),
        ("SELECT COUNT(*) AS x FROM a.stays CROSS JOIN a.run", "stays.*"),
        ("SELECT COUNT(*) AS x FROM a.stays INNER JOIN a.hosts ON stays.id = hosts.id", "hosts.* stays.*"),
        ("SELECT COUNT(*) AS x FROM a.stays LEFT JOIN a.hosts ON stays.id = hosts.id", "stays.*"),
        ("SELECT COUNT(hosts.id) AS x FROM a.stays LEFT JOIN a.hosts ON stays.id = hosts.id", "hosts.* hosts.id"),
        ("SELECT COUNT(DISTINCT status) AS x FROM a.stays", "stays.* stays.status"),
        ("SELECT SUM(1) AS x FROM a.stays", "stays.*"),
        (
            "SELECT SUM(one.y) AS x FROM a.hosts"
            " LEFT JOIN (SELECT id, 1 AS y FROM a.stays) AS one ON hosts.id = one.id",
            "stays.*",
        ),
        (
            "WITH one AS (SELECT id FROM a.stays UNION ALL SELECT id FROM a.hosts) SELECT COUNT(*) AS x FROM one",
            "hosts.* stays.*",
        ),
        ("WITH one AS (SELECT id FROM a.stays GROUP BY id) SELECT COUNT(*) AS x FROM one", "stays.*"),
        ("WITH one AS (SELECT MAX(id) AS id FROM a.hosts) SELECT COUNT(*) AS x FROM a.stays CROSS JOIN one", "stays.*"),
        ("SELECT COUNT(*) FILTER (WHERE price > 1) AS x FROM a.stays", "stays.* stays.price"),
    ],
)
def test_rows_that_are_counted(sql: str, made_of: str) -> None:
    assert told(of(sql).columns["x"]) == made_of


def test_what_is_looked_up_depends_on_what_it_is_looked_up_by() -> None:
    found = of("SELECT codes.meaning AS x FROM a.stays LEFT JOIN a.codes AS codes ON stays.status = codes.code")

    assert told(found.columns["x"]) == "codes.meaning stays.status"


@pytest.mark.parametrize(
    ("sql", "conditions"),
    [
        ("SELECT price AS x FROM a.stays WHERE status = 'paid'", "stays.status"),
        ("SELECT SUM(price) AS x FROM a.stays GROUP BY day HAVING MAX(id) > 1", "stays.day stays.id"),
        ("SELECT day AS x, SUM(price) AS y FROM a.stays GROUP BY 1", "stays.day"),
        ("SELECT price AS x FROM a.stays LEFT JOIN a.hosts ON stays.id = hosts.id", "hosts.id stays.id"),
        ("SELECT price AS x FROM a.stays INNER JOIN a.hosts USING (id)", "hosts.id stays.id"),
        ("SELECT DISTINCT price AS x FROM a.stays", "stays.price"),
        ("SELECT price AS x FROM a.stays ORDER BY day LIMIT 3", "stays.day"),
        ("SELECT price AS x FROM a.stays ORDER BY day", ""),
        ("SELECT SUM(price) OVER (PARTITION BY id) AS x FROM a.stays", "stays.id"),
        (
            "SELECT price AS x FROM a.stays WHERE day > (SELECT MAX(name) FROM a.hosts WHERE id = 1)",
            "hosts.id hosts.name stays.day",
        ),
        (
            "SELECT price AS x FROM a.stays WHERE EXISTS (SELECT 1 FROM a.hosts WHERE hosts.id = stays.id)",
            "hosts.id stays.id",
        ),
        ("SELECT price AS x FROM a.stays UNION SELECT name FROM a.hosts", "hosts.name stays.price"),
        ("SELECT price AS x FROM a.stays UNION ALL SELECT name FROM a.hosts", ""),
        (
            "WITH one AS (SELECT price + id AS y FROM a.stays) SELECT y AS x FROM one WHERE y > 3",
            "stays.id stays.price",
        ),
    ],
)
def test_what_decides_the_rows(sql: str, conditions: str) -> None:
    assert told(of(sql).conditions) == conditions


def test_where_the_rows_come_from() -> None:
    assert told(of("SELECT price AS x FROM a.stays LEFT JOIN a.hosts ON stays.id = hosts.id").rows) == "stays.*"
    assert told(of("SELECT id FROM a.stays UNION ALL SELECT id FROM a.hosts").rows) == "hosts.* stays.*"
    assert told(of("SELECT MAX(price) AS x FROM a.stays").rows) == ""


@pytest.mark.remedy("query-not-resolved")
@pytest.mark.parametrize(
    ("wrong", "named"),
    [("SELECT prize FROM a.stays", "'prize'"), ("SELECT night.id FROM a.nights AS night", "a.nights")],
)
def test_a_name_that_does_not_exist(wrong: str, named: str) -> None:
    with pytest.raises(ContractError, match=rf"query\.sql: .*{named}") as raised:
        of(wrong)
    assert (raised.value.reason, raised.value.exit_code) == ("query-not-resolved", 2)
    assert raised.value.remedy == "correct the name in the query, or add the column to the model that it reads."

    assert told(of(wrong.replace("prize", "price").replace("nights", "stays")).rows) == "stays.*"
