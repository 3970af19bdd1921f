"""Queries and expressions: windows, dates, rounding, casts, texts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from rental_analytics.doctor.redshift.claim import claim, need
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import redshift_literal


@claim
def literals_keep_backslashes(sandbox: Sandbox) -> str:
    text = "a\\b \\n 'c' \\\\ \" % é 🏠"
    seen = sandbox.rows(f"SELECT {redshift_literal(text)} AS text")[0][0]
    return need(seen == text, repr(seen))


@claim
def casts_keep_long_texts(sandbox: Sandbox) -> str:
    table = sandbox.table("name VARCHAR(1000)", rows=f"('{'x' * 600}')")
    size = len(sandbox.rows(redshift(f"SELECT CAST(name AS VARCHAR) AS name FROM {table}", "cast"))[0][0])
    return need(size == 600, f"{size} of 600 letters")


@claim
def correlated_not_exists(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows="(1), (2)")
    other = sandbox.table("id INTEGER", rows="(2)")
    seen = sandbox.rows(f"SELECT id FROM {table} AS a WHERE NOT EXISTS (SELECT 1 FROM {other} AS b WHERE b.id = a.id)")
    return need(seen == [(1,)], str(seen))


@claim
def scalar_subqueries_beside_aggregates(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows="(1), (2), (2)")
    other = sandbox.table("id INTEGER", rows="(2)")
    sql = f"""SELECT SUM(CASE WHEN id > 1 THEN 1 ELSE 0 END) AS large,
        (SELECT COUNT(*) FROM (SELECT id FROM {table} GROUP BY id HAVING COUNT(*) > 1) AS doubled) AS twice,
        (SELECT COUNT(*) FROM {table} AS a WHERE NOT EXISTS (SELECT 1 FROM {other} AS b WHERE b.id = a.id)) AS lost
        FROM {table}"""
    seen = sandbox.rows(redshift(sql, "subqueries"))
    return need(seen == [(2, 1, 1)], str(seen))


@claim
def window_frames(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows="(1), (2), (3)")
    sql = f"SELECT id, SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS pair FROM {table}"
    seen = sorted(sandbox.rows(redshift(sql, "window")))
    return need(seen == [(1, 1), (2, 3), (3, 5)], str(seen))


@claim
def window_aggregates_need_frames(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows="(1)")
    unframed = sandbox.refusal(f"SELECT SUM(id) OVER (ORDER BY id) AS n FROM {table}")
    framed = sandbox.refusal(f"SELECT SUM(id) OVER (ORDER BY id RANGE UNBOUNDED PRECEDING) AS n FROM {table}")
    return f"{unframed.message}; {framed.message}"


@claim
def date_arithmetic(sandbox: Sandbox) -> str:
    table = sandbox.table("day DATE", rows="(DATE '2024-02-28')")
    sql = f"""SELECT CAST(day + INTERVAL 2 DAY AS DATE) AS after_leap, CAST(DATE_TRUNC('week', day) AS DATE) AS monday,
        DATE_DIFF('day', day, DATE '2024-03-01') AS days FROM {table}"""
    seen = sandbox.rows(redshift(sql, "dates"))[0]
    return need(seen == (date(2024, 3, 1), date(2024, 2, 26), 2), str(seen))


@claim
def rounding_goes_away_from_zero(sandbox: Sandbox) -> str:
    table = sandbox.table("price DECIMAL(12,4)", rows="(2.5), (-2.5), (0.5)")
    seen = sorted(sandbox.rows(redshift(f"SELECT CAST(ROUND(price, 0) AS BIGINT) AS price FROM {table}", "round")))
    return need(seen == [(-3,), (1,), (3,)], str(seen))


@claim
def round_of_doubles(sandbox: Sandbox) -> str:
    table = sandbox.table("size DOUBLE PRECISION", rows="(0.5), (1.5), (2.5), (-2.5)")
    sql = f"SELECT CAST(ROUND(size) AS BIGINT) AS plain, CAST(ROUND(size, 0) AS BIGINT) AS digits FROM {table}"
    seen = sorted(sandbox.rows(redshift(sql, "round")))
    return need(seen == [(-3, -3), (1, 1), (2, 2), (3, 3)], str(seen))


@claim
def casts_cut_decimals(sandbox: Sandbox) -> str:
    """A cast alone; what was rounded before stays as it is."""
    table = sandbox.table("id INTEGER", "price DECIMAL(12,4)", rows="(1, 1.005), (2, -1.999)")
    seen = sandbox.rows(
        f"SELECT CAST(price AS DECIMAL(10,2)) AS cut, CAST(price AS INTEGER) AS whole, "
        f"CAST(ROUND(price, 2) AS DECIMAL(10,2)) AS rounded FROM {table} ORDER BY id"
    )
    wanted = [(Decimal("1.00"), 1, Decimal("1.01")), (Decimal("-1.99"), -1, Decimal("-2.00"))]
    return need(seen == wanted, str(seen))


@claim
def texts_compare_without_trailing_blanks(sandbox: Sandbox) -> str:
    table = sandbox.table("name VARCHAR(9)", rows="('a'), ('a '), ('b')")
    asked = {
        "=": f"SELECT COUNT(*) AS n FROM {table} WHERE name = 'a'",
        "<>": f"SELECT COUNT(*) AS n FROM {table} WHERE name <> 'a'",
        "DISTINCT": f"SELECT COUNT(DISTINCT name) AS n FROM {table}",
        "GROUP BY": f"SELECT MAX(n) AS n FROM (SELECT COUNT(*) AS n FROM {table} GROUP BY name) AS found",
        "PARTITION BY": "SELECT MAX(n) AS n FROM "
        f"(SELECT ROW_NUMBER() OVER (PARTITION BY name ORDER BY name) AS n FROM {table}) AS found",
        "JOIN": f"SELECT COUNT(*) AS n FROM {table} AS a INNER JOIN {table} AS b ON a.name = b.name",
        "LEN": f"SELECT MAX(LEN(name)) AS n FROM {table}",
    }
    found = sandbox.api.queries(list(asked.values()))
    seen = dict(zip(asked, (answer.column(0)[0].as_py() for answer in found), strict=True))
    wanted = {"=": 2, "<>": 1, "DISTINCT": 2, "GROUP BY": 2, "PARTITION BY": 2, "JOIN": 5, "LEN": 2}
    return need(seen == wanted, str(seen))
