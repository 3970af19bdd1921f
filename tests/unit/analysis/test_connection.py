"""`rental_analytics.connect()` on a DuckDB file; on Redshift it is tested in tests/analysts."""

from __future__ import annotations

import ast
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import rental_analytics
from rental_analytics import connect
from rental_analytics.analysis.connection import Connection
from rental_analytics.analysis.result import Result
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.errors import ConfigurationError

pytestmark = pytest.mark.fast
METRICS = load_contracts().presentation
LARGE = 9_050_000_000_000_001
"""An id that a DOUBLE does not hold."""


def write(file: Path, *statements: str) -> None:
    """What a run does: another file takes the place of the one that is there."""
    import duckdb

    new = file.with_suffix(".new")
    with duckdb.connect(str(new)) as connection:
        for statement in statements:
            connection.execute(statement)
    new.replace(file)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and a warehouse with one metric, of which no row is in order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rental.toml").write_text('[warehouse]\nurl = "duckdb:///warehouse.duckdb"\n')
    write(
        tmp_path / "warehouse.duckdb",
        "CREATE SCHEMA presentation",
        "CREATE TABLE presentation.occupancy_rate_monthly AS "
        "SELECT DATE '2026-02-01' AS month_start, 2 AS booked_nights, 3 AS available_nights, "
        "0.666667 AS occupancy_rate "
        "UNION ALL SELECT DATE '2026-01-01', 0, 0, NULL",
    )
    return tmp_path


@pytest.fixture
def rental(folder: Path) -> Connection:
    return connect()


def refusal(act: Any, *arguments: Any, **options: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        act(*arguments, **options)
    return caught.value


def test_import_costs_nothing() -> None:
    """What `connect` needs is imported when it is called; even `typing` would take longer than the package."""
    package = ast.parse(Path(rental_analytics.__file__).read_text())
    imports = [ast.unparse(node) for node in package.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports == ["from __future__ import annotations"]


class TestConnect:
    def test_the_configuration_of_the_folder(self, folder: Path) -> None:
        assert connect().url == f"duckdb:///{folder / 'warehouse.duckdb'}"

    def test_a_configuration_by_name(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")
        assert connect(folder / "rental.toml").url == f"duckdb:///{folder / 'warehouse.duckdb'}"
        monkeypatch.setenv("RENTAL_CONFIG", str(folder / "rental.toml"))
        assert connect().url == f"duckdb:///{folder / 'warehouse.duckdb'}"

    def test_a_warehouse_by_its_url(self, folder: Path) -> None:
        (folder / "rental.toml").unlink()
        rental = connect(url="duckdb:///warehouse.duckdb", engine__memory="512MB", engine__threads=1)
        assert rental.query("SELECT current_setting('threads') AS threads").rows() == [{"threads": 1}]
        assert repr(rental) == f"<connection to duckdb:///{folder / 'warehouse.duckdb'}, for reading>"

    def test_a_url_beside_a_configuration(self, folder: Path) -> None:
        (folder / "warehouse.duckdb").rename(folder / "other.duckdb")
        rental = connect("rental.toml", url="duckdb:///other.duckdb")
        assert rental.url.endswith("other.duckdb")

    def test_errors_say_where_a_value_came_from(self, folder: Path) -> None:
        assert str(refusal(connect, engine__memory="much")).startswith("connect(): engine.memory: is not a size.")
        assert "connect(): engine.memry is not a known key" in str(refusal(connect, engine__memry="1GB"))

    @pytest.mark.remedy("argument-unknown")
    def test_an_argument_that_names_no_key(self, folder: Path) -> None:
        error = refusal(connect, memory="1GB")
        assert (error.reason, error.exit_code) == ("argument-unknown", 2)
        assert connect(engine__memory="1GB")

    def test_no_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        error = refusal(connect)
        assert error.reason == "configuration-missing"
        assert "connect(FILE)" in error.remedy

    def test_no_warehouse_yet(self, folder: Path) -> None:
        (folder / "warehouse.duckdb").unlink()
        error = refusal(connect)
        assert error.reason == "warehouse-missing"
        assert "`rental run`" in error.remedy

    def test_jupyter_shows_one_line(self, folder: Path) -> None:
        shown = refusal(connect, memory="1GB")._render_traceback_()
        assert shown == [f"ConfigurationError: {refusal(connect, memory='1GB')}"]


class TestQuery:
    def test_rows(self, rental: Connection) -> None:
        result = rental.query("SELECT booked_nights FROM presentation.occupancy_rate_monthly ORDER BY month_start")
        assert isinstance(result, Result)
        assert result.arrow().to_pydict() == {"booked_nights": [0, 2]}

    def test_parameters(self, rental: Connection) -> None:
        sql = "SELECT booked_nights FROM presentation.occupancy_rate_monthly WHERE month_start >= :since"
        assert rental.query(sql, {"since": date(2026, 2, 1)}).rows() == [{"booked_nights": 2}]
        assert rental.query("SELECT ':since' AS text").rows() == [{"text": ":since"}]

    @pytest.mark.parametrize("sql", ["DROP TABLE presentation.occupancy_rate_monthly", "CREATE TABLE x (a INT)"])
    def test_it_only_reads(self, rental: Connection, sql: str) -> None:
        assert refusal(rental.query, sql).reason == "query-not-reading"

    def test_what_the_last_run_published_is_seen(self, rental: Connection, folder: Path) -> None:
        before = rental.query("SELECT COUNT(*) AS rows FROM presentation.occupancy_rate_monthly").rows()
        write(
            folder / "warehouse.duckdb",
            "CREATE SCHEMA presentation",
            "CREATE TABLE presentation.occupancy_rate_monthly AS SELECT 1 AS booked_nights",
        )
        after = rental.query("SELECT COUNT(*) AS rows FROM presentation.occupancy_rate_monthly").rows()
        assert (before, after) == ([{"rows": 2}], [{"rows": 1}])

    def test_no_file_is_held_open(self, rental: Connection, folder: Path) -> None:
        import duckdb

        rental.query("SELECT 1 AS one")
        with closing(duckdb.connect(str(folder / "warehouse.duckdb"))) as writer:
            writer.execute("CREATE TABLE x (a INT)")
        assert not [name for name in opened() if name.startswith(str(folder))]

    @pytest.mark.remedy("warehouse-open-in-process")
    def test_the_notebook_has_the_file_open_itself(self, rental: Connection, folder: Path) -> None:
        import duckdb

        own = duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True)
        error = refusal(rental.query, "SELECT 1 AS one")
        assert error.reason == "warehouse-open-in-process"
        own.close()
        assert len(rental.query("SELECT 1 AS one")) == 1

    def test_threads_ask_in_turn(self, rental: Connection) -> None:
        others = [rental, connect(), connect()]
        answers: list[Any] = []

        def ask(connection: Connection) -> None:
            for _ in range(5):
                answers.append(connection.query("SELECT COUNT(*) AS rows FROM range(100000)").rows())  # noqa: PERF401

        threads = [threading.Thread(target=ask, args=(one,)) for one in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [[{"rows": 100_000}]] * 15


def opened() -> Iterator[str]:
    """Files that this process has open."""
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 a folder that changes while it is read
        try:
            yield os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        except OSError:
            continue


class TestMetrics:
    def test_all_of_them(self, rental: Connection) -> None:
        result = rental.metrics()
        assert result.columns == ["name", "description", "grain", "period"]
        rows = {row["name"]: row for row in result.rows()}
        assert list(rows) == list(METRICS)
        assert rows["occupancy_rate_monthly"]["period"] == "month"
        assert rows["seasonality_monthly"]["period"] is None
        assert all(row["description"] and row["grain"] for row in rows.values())

    def test_a_whole_table_in_the_order_of_its_key(self, rental: Connection) -> None:
        result = rental.metric("occupancy_rate_monthly")
        assert result.columns == list(METRICS["occupancy_rate_monthly"].columns)
        assert [row["month_start"] for row in result.rows()] == [date(2026, 1, 1), date(2026, 2, 1)]
        assert rental.metric("presentation.occupancy_rate_monthly").rows() == result.rows()

    @pytest.mark.remedy("metric-unknown")
    @pytest.mark.parametrize("name", ["occupancy", "ocupancy_rate_monthly", "occupancy_rate", "presentation.occupancy"])
    def test_a_name_that_is_nearly_right(self, rental: Connection, name: str) -> None:
        error = refusal(rental.metric, name)
        assert error.reason == "metric-unknown"
        assert "take one of occupancy_rate_monthly" in error.remedy
        assert rental.metric("occupancy_rate_monthly")

    def test_a_name_like_no_other(self, rental: Connection) -> None:
        assert set(METRICS) <= {
            *refusal(rental.metric, "zzz").remedy.replace(";", ",").replace("one of ", ", ").split(", ")
        }
        assert "curated.bookings" in refusal(rental.definition, "curated.booking").remedy

    @pytest.mark.remedy("metric-not-built")
    def test_a_metric_that_no_run_has_built(self, rental: Connection, folder: Path) -> None:
        error = refusal(rental.metric, "seasonality_monthly")
        assert error.reason == "metric-not-built"
        columns = ", ".join(
            f"NULL::{column.type} AS {name}" for name, column in METRICS["seasonality_monthly"].columns.items()
        )
        write(
            folder / "warehouse.duckdb",
            "CREATE SCHEMA presentation",
            f"CREATE TABLE presentation.seasonality_monthly AS SELECT {columns}",
        )
        assert len(rental.metric("seasonality_monthly")) == 1


class TestDefinition:
    def test_a_metric(self, rental: Connection) -> None:
        model = METRICS["occupancy_rate_monthly"]
        told = rental.definition("occupancy_rate_monthly")
        assert (told.relation, told.grain, told.key) == (model.relation, model.grain, model.key)
        assert (told.description, told.definition, told.period) == (model.description, model.definition, "month")
        assert [column.name for column in told.columns] == list(model.columns)
        assert model.catalogue is not None
        assert (told.owner, told.attribution) == (model.catalogue.owner, model.catalogue.attribution)
        assert told.caveats == model.catalogue.caveats
        column = told.columns[list(model.columns).index("occupancy_rate")]
        assert (column.unit, column.formula) == ("share of available nights", "booked_nights / available_nights")
        assert told == rental.definition("presentation.occupancy_rate_monthly")

    def test_a_curated_table(self, rental: Connection) -> None:
        told = rental.definition("curated.bookings")
        assert told.definition == ""
        assert told.columns[0].type == "ID"

    @pytest.mark.parametrize("name", [*METRICS, "curated.viewings", "intermediate.stay_months"])
    def test_all_of_it_is_shown(self, rental: Connection, name: str) -> None:
        told = rental.definition(name)
        page, text = told._repr_html_(), " ".join(str(told).split())
        parts = [told.relation, told.description, told.definition, told.owner, told.attribution, *told.caveats]
        for part in (*parts, *(column.name for column in told.columns), *(column.formula for column in told.columns)):
            assert " ".join(part.split()) in text
            assert part.replace("'", "&#x27;").replace("<", "&lt;").replace(">", "&gt;") in page
        assert repr(told) == str(told)


class TestResult:
    @pytest.fixture
    def result(self, rental: Connection) -> Result:
        return rental.query(
            f"SELECT {LARGE} AS id, CAST(0.10 AS DECIMAL(18,2)) AS money, DATE '2026-01-02' AS day, "
            "TIMESTAMP '2026-01-02 03:04:05' AS moment, TRUE AS flag, '<b>' AS text "
            "UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL"
        )

    def test_arrow_has_money_to_the_cent(self, result: Result) -> None:
        assert str(result.arrow().schema.field("money").type) == "decimal128(18, 2)"
        assert result.arrow().column("money").to_pylist() == [Decimal("0.10"), None]

    def test_rows(self, result: Result) -> None:
        first, second = result.rows()
        assert first == {
            "id": LARGE,
            "money": Decimal("0.10"),
            "day": date(2026, 1, 2),
            "moment": datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001
            "flag": True,
            "text": "<b>",
        }
        assert set(second.values()) == {None}

    def test_pandas(self, result: Result) -> None:
        frame = result.pandas()
        kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
        assert kinds["id"] == "Int64"
        assert kinds["money"] == "float64"
        assert kinds["day"].startswith("datetime64")
        assert kinds["moment"].startswith("datetime64")
        assert kinds["flag"] == "boolean"
        assert (frame.id[0], frame.money[0], frame.text[0]) == (LARGE, 0.1, "<b>")
        assert frame.isna().iloc[1].all()

    def test_pandas_with_decimals(self, result: Result) -> None:
        assert result.pandas(exact=True).money[0] == Decimal("0.10")
        assert str(result.pandas(exact=True).id.dtype) == "Int64"

    def test_polars(self, result: Result) -> None:
        frame = result.polars()
        assert str(frame.schema["money"]) == "Decimal(precision=18, scale=2)"
        assert frame.row(0)[:2] == (LARGE, Decimal("0.10"))

    def test_other_libraries_take_it_as_it_is(self, result: Result) -> None:
        import duckdb

        assert duckdb.sql("SELECT SUM(money) FROM result").fetchall() == [(Decimal("0.10"),)]

    @pytest.mark.remedy("analysis-package-missing")
    @pytest.mark.parametrize("package", ["pandas", "polars"])
    def test_a_package_that_is_missing(self, result: Result, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            error = refusal(getattr(result, package))
        assert error.reason == "analysis-package-missing"
        assert "'.[notebooks]'" in error.remedy
        assert len(getattr(result, package)()) == 2

    def test_jupyter_shows_the_first_rows(self, rental: Connection, result: Result) -> None:
        assert "<td>&lt;b&gt;</td>" in result._repr_html_()
        assert "<p>2 rows</p>" in result._repr_html_()
        many = rental.query("SELECT range AS number FROM range(1000)")
        assert many._repr_html_().count("<tr>") == 21
        assert "1,000 rows, of which 20 are shown" in many._repr_html_()
        assert len(repr(many).splitlines()) == 22
        assert "0 rows" in repr(rental.query("SELECT 1 AS one WHERE FALSE"))
