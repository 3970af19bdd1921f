"""Configuration: which source wins, what values mean, what is refused, and that no secret shows."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import ConfigurationError
from rental_analytics.settings import Settings, load_settings
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from rental_analytics.wiring import assembled, make_database, make_lake, make_warehouse

pytestmark = pytest.mark.fast

PASSWORD = "geh@im:/%#?ä"
MINIMAL = '[source]\nurl = "sqlite:///m.db"\n'
Configure = Callable[..., Settings]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Loads settings from a file with this text, and these overrides."""

    def load(text: str = MINIMAL, *overrides: str) -> Settings:
        file = tmp_path / "rental.toml"
        file.write_text(text)
        return load_settings(file, overrides)

    return load


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return str(caught.value)


def test_the_later_source_is_the_stronger(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configure().quality.max_rejected_share == 0.20
    text = MINIMAL + "[quality]\nmax_rejected_share = 0.3\n"
    assert configure(text).quality.max_rejected_share == 0.3
    monkeypatch.setenv("RENTAL_QUALITY__MAX_REJECTED_SHARE", "0.4")
    assert configure(text).quality.max_rejected_share == 0.4
    assert configure(text, "quality.max_rejected_share=0.5").quality.max_rejected_share == 0.5
    assert configure(text, "quality.max_rejected_share=0.5", "quality.max_rejected_share=0.6").quality == (
        configure(text, "quality.max_rejected_share=0.6").quality
    )


def test_sources_add_up_within_a_section(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTAL_ENGINE__MEMORY", "2GB")
    monkeypatch.setenv("RENTAL_TABLES__BOOKINGS__MODE", "snapshot")
    settings = configure(
        MINIMAL + '[engine]\nkind = "duckdb"\n[tables.apartments]\nmode = "snapshot"\n',
        "engine.threads=3",
        "tables.user_viewing.mode=append",
    )
    assert (settings.engine.memory, settings.engine.threads, settings.source.url) == ("2GB", 3, "sqlite:///m.db")
    assert {name: table.mode for name, table in settings.tables.items()} == {
        "apartments": ReadMode.SNAPSHOT,
        "bookings": ReadMode.SNAPSHOT,
        "user_viewing": ReadMode.APPEND,
    }


def test_what_the_source_calls_a_table(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """One name at a time, from wherever it is."""
    text = """
[tables.bookings]
name = "reservations"
columns = { booking_id = "id", total_price = "net" }
constants = { currency = "EUR", num_guests = 2, checkin_date = 2024-01-31 }
"""
    monkeypatch.setenv("RENTAL_TABLES__BOOKINGS__COLUMNS__TOTAL_PRICE", "price_total")
    monkeypatch.setenv("RENTAL_TABLES__BOOKINGS__CONSTANTS__PAYMENT_STATUS", "paid")
    settings = configure(MINIMAL + text, "tables.bookings.columns.user_id=the guest", "tables.bookings.optional=true")
    table = settings.table("bookings")
    assert (table.name, table.optional) == ("reservations", True)
    assert table.columns == {"booking_id": "id", "total_price": "price_total", "user_id": "the guest"}
    assert table.constants == {
        "currency": "EUR",
        "num_guests": 2,
        "checkin_date": date(2024, 1, 31),
        "payment_status": "paid",
    }
    assert settings.table("apartments").columns == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('name = ""', "tables.bookings.name"),
        ('columns = { total_price = "" }', "tables.bookings.columns.total_price"),
        ('columns = { total_price = "a\\nb" }', "tables.bookings.columns"),
        ("columns = { total_price = 5 }", "tables.bookings.columns.total_price"),
        ('constants = { currency = ["EUR"] }', "tables.bookings.constants.currency"),
        ('optional = "perhaps"', "tables.bookings.optional"),
    ],
)
def test_what_no_table_can_be_called(configure: Configure, text: str, key: str) -> None:
    told = refusal(lambda: configure(MINIMAL + f"[tables.bookings]\n{text}\n"))
    assert f": {key}: " in told


def test_the_environment_alone_can_give_the_source(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("rental_source__url", "sqlite:///other.db")
    assert configure("").source.url == "sqlite:///other.db"


def test_variables_of_others_do_not_disturb(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTAL_API_KEY", "x")
    monkeypatch.setenv("RENTALS__X", "x")
    assert configure().source.url == "sqlite:///m.db"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15 minutes", 900),
        ("1 minute", 60),
        ("0 seconds", 0),
        ("2hours", 7200),
        (" 1 day ", 86400),
        ("PT1H30M", 5400),
        ("00:10:00", 600),
        ("90", 90),
        ("3600", 3600),
        ("1h", 3600),
        ("15m", 900),
        ("30s", 30),
        ("2d", 172_800),
        ("1w", 604_800),
        ("90 min", 5400),
        ("90 MIN", 5400),
        ("90 minutes", 5400),
        ("1 week", 604_800),
        ("1.5 hours", 5400),
        ("1h 30m", 5400),
        ("1h30m", 5400),
        ("P2D", 172_800),
        ("01:30:00", 5400),
    ],
)
def test_durations(configure: Configure, text: str, seconds: int) -> None:
    assert configure(MINIMAL, f"source.overlap={text}").source.overlap == timedelta(seconds=seconds)
    assert configure(f'{MINIMAL}overlap = "{text}"\n').source.overlap == timedelta(seconds=seconds)


def test_a_duration_may_be_a_number_of_seconds(configure: Configure) -> None:
    assert configure(f"{MINIMAL}overlap = 60\n").source.overlap == timedelta(minutes=1)
    assert configure().source.overlap == timedelta(minutes=15)


def test_paths_start_from_the_folder_of_the_file(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    settings = configure(MINIMAL, "lake.url=data/lake", "warehouse.url=duckdb:///data/w%20h.duckdb")
    database, lake, warehouse = make_database(settings), make_lake(settings), make_warehouse(settings)
    assert isinstance(database, SqliteDatabase)
    assert isinstance(lake, LocalLake)
    assert isinstance(warehouse, DuckDbWarehouse)
    assert database.display_url == f"sqlite:///{tmp_path}/m.db"
    assert lake.root == tmp_path / "data" / "lake"
    assert warehouse.display_url == f"duckdb:///{tmp_path}/data/w%20h.duckdb"


def test_four_slashes_are_an_absolute_path(configure: Configure) -> None:
    settings = configure(
        MINIMAL, "source.url=sqlite:////srv/m.db", "lake.url=/srv/lake", "warehouse.url=duckdb:////srv/w.duckdb"
    )
    assert make_database(settings).display_url == "sqlite:////srv/m.db"
    assert make_lake(settings).url == "/srv/lake"
    assert make_warehouse(settings).display_url == "duckdb:////srv/w.duckdb"


def test_a_relative_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rental.toml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(Path("deep/rental.toml"))
    assert make_database(settings).display_url == f"sqlite:///{tmp_path}/deep/m.db"


@pytest.mark.parametrize("host", ["db.example", "127.0.0.1", "[::1]"])
def test_a_mysql_url(configure: Configure, host: str) -> None:
    url = f"mysql://re%40der:geh%40im%3A%2F%25%23%3F%C3%A4@{host}:3307/rental"
    database = make_database(configure(MINIMAL, f"source.url={url}"))
    assert isinstance(database, MySqlDatabase)
    assert database.display_url == f"mysql://re@der@{host}:3307/rental"
    assert database._connections.credentials == ("re@der", PASSWORD)
    assert database._connections._host == host.strip("[]")
    default = make_database(configure(MINIMAL, f"source.url=mysql://u@{host}/rental"))
    assert default.display_url == f"mysql://u@{host}:3306/rental"


def test_a_password_of_its_own_beats_the_one_in_the_url(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTAL_SOURCE__PASSWORD", PASSWORD)
    database = make_database(configure(MINIMAL, "source.url=mysql://u:other@h/x"))
    assert isinstance(database, MySqlDatabase)
    assert database._connections.credentials == ("u", PASSWORD)


def test_secrets_never_show(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTAL_SOURCE__PASSWORD", "hush-hush")
    settings = configure(MINIMAL, "source.url=mysql://u:psst@h/x")
    database = make_database(settings)
    for thing in (settings, settings.source, database):
        for shown in (repr(thing), str(thing), f"{thing}"):
            assert "hush" not in shown
            assert "psst" not in shown
    assert "hush" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("source.overlap", "soon", ("duration", "15 minutes")),
        ("source.overlap", "-5 minutes", ("15 minutes",)),
        ("source.overlap", "-PT5M", ("is negative", "15 minutes")),
        ("source.overlap", "1 month", ("is not a duration; write seconds as 90, other units as 30s",)),
        ("source.overlap", "15 m x", ("is not a duration", "15 minutes, 1h 30m, 2d or 1 week")),
        ("source.overlap", "1_000", ("is not a duration",)),
        ("source.overlap", "٣ days", ("is not a duration",)),
        ("source.overlap", "true", ("is not a duration",)),
        ("lake.lock_expiry", "999999999999999 weeks", ("longer than ten years",)),
        ("engine.kind", "oracle", ("'duckdb'",)),
        ("engine.memory", "lots", ("512MB or 4GB",)),
        ("engine.memory", "-1GB", ("512MB or 4GB",)),
        ("engine.threads", "0", ("greater than or equal to 1",)),
        ("engine.threads", "1.5", ("integer",)),
        ("quality.max_rejected_share", "nan", ("finite number",)),
        ("quality.max_rejected_share", "-0.1", ("greater than or equal to 0",)),
        ("quality.max_rejected_share", "1.1", ("less than or equal to 1",)),
        ("quality.max_rejected_share", "20%", ("number",)),
        ("tables.bookings.mode", "often", ("'incremental', 'append' or 'snapshot'",)),
        ("tables.bookings.mod", "append", ("is not a known key", "known are mode")),
        ("lake.ulr", "x", ("is not a known key", "url, endpoint, region")),
    ],
)
def test_a_wrong_value_is_named(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, key: str, value: str, parts: tuple[str, ...]
) -> None:
    told = [refusal(lambda: configure(MINIMAL, f"{key}={value}"))]
    assert told[0].startswith(f"--set {key}")
    variable = "RENTAL_" + key.replace(".", "__").upper()
    monkeypatch.setenv(variable, value)
    told.append(refusal(configure))
    assert told[1].startswith(variable)
    for text in told:
        assert all(part in text for part in (*parts, " Remedy: ")), text


def test_a_value_in_place_of_a_section_or_a_section_in_place_of_a_value(configure: Configure) -> None:
    told = refusal(lambda: configure(MINIMAL, "tables.bookings=append"))
    assert told.startswith("--set tables.bookings must be a section")
    for override in ("source.url.deeper=x", "folder.deeper=x"):
        assert override.rpartition(".")[0] in refusal(lambda given=override: configure(MINIMAL, given))
    assert "source.url" in refusal(lambda: configure(MINIMAL, "source.url=x", "source.url.deeper=x"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[source]\nurl = 5\n", ("source.url", "string")),
        ("source = 'sqlite:///m.db'\n", ("source must be a section", "[source]")),
        ("[[source]]\nurl = 'x'\n", ("source must be a section", "[source]")),
        ("folder = '/'\n" + MINIMAL, ("folder is not a known key",)),
        (MINIMAL + "[quality]\nmax_rejected_share = [1]\n", ("quality.max_rejected_share", "number")),
        (MINIMAL + "[reference]\nexchange_rates = 3\n", ("reference.exchange_rates", "path")),
        ("", ("source.url is missing", "RENTAL_SOURCE__URL", "rental init")),
    ],
)
def test_a_wrong_file_is_named(configure: Configure, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    told = refusal(lambda: configure(text))
    assert told.startswith(f"{tmp_path / 'rental.toml'}: ")
    assert all(part in told for part in parts), told


def test_the_place_of_a_wrong_value_is_the_one_that_counts(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MINIMAL + 'overlap = "soon"\n'
    assert (
        refusal(lambda: configure(text, "source.url=sqlite:///x.db"))
        .partition("rental.toml: ")[2]
        .startswith("source.overlap")
    )
    monkeypatch.setenv("RENTAL_SOURCE__OVERLAP", "later")
    assert refusal(lambda: configure(text)).startswith("RENTAL_SOURCE__OVERLAP: ")
    assert refusal(lambda: configure(text, "source.overlap=never")).startswith("--set source.overlap: ")
    monkeypatch.delenv("RENTAL_SOURCE__OVERLAP")
    monkeypatch.setenv("RENTAL_LAKE", '{"url": 5}')
    assert refusal(configure).startswith("RENTAL_LAKE: lake.url: ")


@pytest.mark.parametrize("override", ["quality", "quality=1", "=1", "", "url=sqlite:///x.db"])
def test_an_override_that_is_none(configure: Configure, override: str) -> None:
    told = refusal(lambda: configure(MINIMAL, override))
    assert told.startswith("--set quality is not" if override.startswith("quality") else "--set number 1 is not")
    assert "section.key=value" in told


@pytest.mark.parametrize(
    "override",
    ["source.password hunter2", "source.password:hunter2", "hunter2", "hunter=2", "source.password", "sourcehunter2"],
)
def test_an_override_that_is_none_does_not_show_its_value(configure: Configure, override: str) -> None:
    told = refusal(lambda: configure(MINIMAL, "lake.url=x", override))
    assert "hunter" not in told
    named = "source.password" if override.startswith("source.password") else "number 2"
    assert told.startswith(f"--set {named} is not of the form section.key=value.")


def test_a_table_nobody_knows(configure: Configure) -> None:
    settings = configure(MINIMAL, "tables.nowhere.mode=append")

    def assemble() -> None:
        with assembled(settings):
            pass

    told = refusal(assemble)
    assert "tables.nowhere" in told
    assert "apartment_attributes, apartments, bookings, user_viewing" in told


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("", ("sqlite:///FILE",)),
        ("marketplace.db", ("sqlite:///FILE",)),
        ("sqlite://", ("sqlite:///FILE",)),
        ("sqlite:///", ("sqlite:///FILE",)),
        ("sqlite://m.db", ("sqlite:///FILE",)),
        ("postgresql://u:hush@h/x", ("postgresql://u@h/x", "mysql://user@host:3306/database")),
        ("mysql://h/x", ("a user", "RENTAL_SOURCE__PASSWORD")),
        ("mysql://u:hush@/x", ("a host", "mysql://u@/x")),
        ("mysql://u:hush@h", ("a database", "mysql://u@h")),
        ("mysql://u:hush@h:0x/x", ("port", "mysql://u@h:0x/x")),
        ("mysql://u:hush@h:70000/x", ("port", "3306")),
        ("mysql://u:hu/sh@h/x", ("mysql://u@h/x", "%2F")),
        ("mysql://u:hu#sh@h/x", ("mysql://u@h/x", "%23")),
        ("mysql://u:hu?sh@h/x", ("mysql://u@h/x", "%3F")),
        ("mysql://u:hu@/sh@h/x", ("mysql://u@h/x", "%40")),
        ("mysql://u:a@hu/sh@h/x", ("mysql://u@h/x", "%40")),
        ("mysql://u:hush@h/x?ssl=true", ("mysql://u@h/x?ssl=true", "after the database")),
        ("mysql://u:hush@[::1/x", ("mysql://u@[::1/x",)),
    ],
)
def test_a_source_url_that_is_not_understood(configure: Configure, url: str, parts: tuple[str, ...]) -> None:
    settings = configure(MINIMAL, f"source.url={url}")
    told = refusal(lambda: make_database(settings))
    assert "source.url" in told
    assert "hu" not in told
    assert "sh@" not in told
    assert all(part in told for part in parts), told


@pytest.mark.parametrize("url", ["", "s3://", "s3:///prefix", "s3://bucket/a?b", "gs://bucket", "file:///lake"])
def test_a_lake_url_that_is_not_understood(configure: Configure, url: str) -> None:
    settings = configure(MINIMAL, f"lake.url={url}")
    told = refusal(lambda: make_lake(settings))
    assert "lake.url" in told
    assert "s3://bucket/prefix" in told


@pytest.mark.parametrize("url", ["", "w.duckdb", "duckdb://", "duckdb:///", "duckdb://w.duckdb", "oracle://w"])
def test_a_warehouse_url_that_is_not_understood(configure: Configure, url: str) -> None:
    settings = configure(MINIMAL, f"warehouse.url={url}")
    told = refusal(lambda: make_warehouse(settings))
    assert "warehouse.url" in told
    assert "duckdb:///FILE" in told
