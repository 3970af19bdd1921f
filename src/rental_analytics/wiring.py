"""Settings in, concrete parts out; the only place that knows which adapter stands behind which URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from rental_analytics.aws.objects import is_object_url
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.steps import Part, StepName
from rental_analytics.databases.base import Database
from rental_analytics.databases.mapping import check_table_settings
from rental_analytics.engines.base import Engine
from rental_analytics.errors import ConfigurationError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.settings import Settings, aws_region, find_java
from rental_analytics.steps.base import AbsentPart, Parts
from rental_analytics.storage.base import Lake
from rental_analytics.storage.lock import RunLock
from rental_analytics.warehouses.base import Warehouse

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")


def make_database(settings: Settings, hide: Callable[[str], None] = lambda _: None) -> Database:
    """The source behind `source.url`.

    Args:
        hide: told every secret that comes to be known, so that logs can leave it out.
    """
    url = settings.source.url
    known = "sqlite:///FILE or mysql://user@host:3306/database"
    parts = _split("source.url", url, known)
    if parts.scheme == "sqlite":
        from rental_analytics.databases.sqlite.database import SqliteDatabase

        if settings.source.secret_arn:
            raise ConfigurationError(
                "A SQLite file has no login.", remedy="remove source.secret_arn.", reason="secret-not-used"
            )
        return SqliteDatabase(_file(settings, url, "source.url"))
    if parts.scheme in {"mysql", "mariadb"}:
        from rental_analytics.databases.mysql.database import MySqlDatabase

        database = unquote(parts.path.lstrip("/"))
        if parts.query or parts.fragment or "@" in parts.path:
            raise ConfigurationError(
                f"source.url {_without_password(url)} has something after the database.",
                remedy="write mysql://user@host:3306/database; in a password, @ : / ? # and % are written as %40 %3A "
                "%2F %3F %23 and %25, or set RENTAL_SOURCE__PASSWORD, where they need no encoding.",
                reason="source-url-malformed",
            )
        secret_arn = settings.source.secret_arn
        if not (parts.hostname and (parts.username or secret_arn) and database):
            raise ConfigurationError(
                f"source.url {_without_password(url)} lacks a user, a host or a database.",
                remedy="write mysql://user@host:3306/database, and the password in RENTAL_SOURCE__PASSWORD.",
                reason="source-url-incomplete",
            )
        secret = settings.source.password
        password = secret.get_secret_value() if secret else unquote(parts.password or "")
        if secret_arn and password:
            raise ConfigurationError(
                "source.secret_arn names a secret, and there is a password in source.password or source.url too.",
                remedy="give one of them only.",
                reason="password-given-twice",
            )
        _hide_all(password, hide)
        return MySqlDatabase(
            host=parts.hostname,
            port=_port(parts.netloc, url) or 3306,
            user=unquote(parts.username or ""),
            password=password,
            database=database,
            tls=settings.source.tls,
            login=_secret_login(secret_arn, hide) if secret_arn else None,
            timeout=settings.source.timeout,
            authorities=_authorities(settings),
        )
    raise _unknown("source.url", url, known)


def _secret_login(secret_arn: str, hide: Callable[[str], None]) -> Callable[[], tuple[str, str]]:
    from rental_analytics.aws.secrets import secret_login

    fetch = secret_login(secret_arn, aws_region())

    def login() -> tuple[str, str]:
        user, password = fetch()
        _hide_all(password, hide)
        return user, password

    return login


def _authorities(settings: Settings) -> str | None:
    from rental_analytics.databases.mysql.authorities import read_authorities

    named = settings.source.tls_ca
    if named and not settings.source.tls.startswith("verify"):
        raise ConfigurationError(
            f"source.tls_ca is set, but with source.tls = {settings.source.tls} no certificate is checked.",
            remedy="set source.tls to verify_identity (or verify_ca), or remove source.tls_ca.",
            reason="tls-ca-not-used",
        )
    return read_authorities(named, settings.path(named)) if named else None


def _hide_all(password: str, hide: Callable[[str], None]) -> None:
    """As it is, and as it stands in a URL."""
    for form in (password, quote(password, safe="")):
        hide(form)


def make_lake(settings: Settings) -> Lake:
    """The lake behind `lake.url`."""
    url = settings.lake.url
    parts = _split("lake.url", url, "a folder or s3://bucket/prefix")
    if parts.scheme == "s3":
        from rental_analytics.storage.s3 import S3Lake

        if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
            raise _unknown("lake.url", url, "s3://bucket/prefix")
        return S3Lake(
            parts.netloc,
            parts.path.strip("/"),
            region=settings.lake.region or _warehouse_region(settings) or aws_region(),
            endpoint=settings.lake.endpoint,
        )
    if not url or (parts.scheme and len(parts.scheme) > 1):
        raise _unknown("lake.url", url, "a folder or s3://bucket/prefix")
    from rental_analytics.storage.local import LocalLake

    return LocalLake(settings.path(url))


def make_engine(settings: Settings) -> Engine:
    """The engine `engine.kind` names."""
    chosen = settings.engine
    if chosen.kind == "spark":
        from rental_analytics.engines.duckdb.staging import stage
        from rental_analytics.engines.spark.engine import PROVIDED, SparkEngine

        if chosen.master != PROVIDED:
            find_java()
        master = f"local[{chosen.threads or '*'}]" if chosen.master == "local" else chosen.master
        driver = settings.path(str(chosen.jdbc_driver)) if chosen.jdbc_driver else None
        verified = settings.source.tls.startswith("verify")
        return SparkEngine(master, chosen.memory, driver, chosen.spark, stage=stage, clear_passwords=verified)
    from rental_analytics.engines.duckdb.engine import DuckDbEngine

    return DuckDbEngine(chosen.memory, chosen.threads)


def make_warehouse(settings: Settings) -> Warehouse:
    """The warehouse behind `warehouse.url`."""
    url = settings.warehouse.url
    known = "duckdb:///FILE or redshift://workgroup/database?region=REGION"
    parts = _split("warehouse.url", url, known)
    if parts.scheme == "redshift":
        return _redshift(settings, parts)
    if parts.scheme != "duckdb":
        raise _unknown("warehouse.url", url, known)
    from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

    path = _file(settings, url, "warehouse.url")
    return DuckDbWarehouse(path, settings.engine.memory, settings.engine.threads)


@contextmanager
def counting(settings: Settings, events: EventStream, job: tuple[StepName, float] | None = None) -> Iterator[None]:
    """Send numbers of what happens in the block to where `monitoring` says; an error that ends it is one of them."""
    if not settings.monitoring.cloudwatch:
        yield
        return
    from rental_analytics.monitoring.cloudwatch import CloudWatchListener

    listener = CloudWatchListener(settings.monitoring, aws_region(), events, job)
    with events.heard_by(listener):
        try:
            yield
        except Exception as error:
            listener.fail(error)
            raise
        finally:
            listener.end()


def project_files(settings: Settings, config: Path) -> dict[Path, str]:
    """Files and folders on this machine that runs need, each with what it is called in messages.

    Args:
        config: the configuration file.
    """
    found = {config: "the configuration file"}
    # What DuckDB, SQLite and runs keep beside a file belongs to it.
    for key, url, scheme, beside in (
        ("warehouse.url", settings.warehouse.url, "duckdb:", ("", ".wal", ".tmp", ".work")),
        ("source.url", settings.source.url, "sqlite:", ("", "-journal", "-wal", "-shm")),
    ):
        # Of a URL that is not understood, no run has a file.
        with suppress(ConfigurationError):
            file = _file(settings, url, key) if url.startswith(scheme) else None
            found |= {file.with_name(file.name + ending): f"a file of {key}" for ending in beside if file}
    if not settings.lake.url.startswith("s3:"):
        found[settings.path(settings.lake.url)] = "the lake (lake.url)"
    authorities = settings.source.tls_ca
    for key, path in (
        ("reference.exchange_rates", settings.reference.exchange_rates),
        ("engine.jdbc_driver", settings.engine.jdbc_driver),
        ("source.tls_ca", None if authorities is None or is_object_url(authorities) else authorities),
    ):
        if path:
            found[settings.path(str(path))] = f"the file of {key}"
    return found


def _warehouse_region(settings: Settings) -> str | None:
    """The region Redshift is in, and so the lake it loads from; None where it is not named, or there is no Redshift."""
    parts = _split("warehouse.url", settings.warehouse.url, "duckdb:///FILE")
    return dict(parse_qsl(parts.query)).get("region") if parts.scheme == "redshift" else None


def _check_together(settings: Settings) -> None:
    """COPY reads Parquet from buckets of its own region only."""
    if not settings.warehouse.url.startswith("redshift:"):
        return
    if not settings.lake.url.startswith("s3://"):
        raise ConfigurationError(
            f"Redshift loads from a bucket, and lake.url is {_without_password(settings.lake.url)!r}.",
            remedy="point lake.url to s3://bucket/prefix, in the region of the warehouse.",
            reason="lake-not-in-s3",
        )
    regions = [settings.lake.region, _warehouse_region(settings)]
    if all(regions) and regions[0] != regions[1]:
        raise ConfigurationError(
            f"lake.region is {regions[0]}, and warehouse.url names {regions[1]}: "
            "Redshift loads from buckets of its own region.",
            remedy="correct the one that is wrong, or keep the lake in a bucket of the other region.",
            reason="lake-in-another-region",
        )


def _redshift(settings: Settings, parts: SplitResult) -> Warehouse:
    url = settings.warehouse.url
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(given)
    kind = options.get("type", "serverless")
    database = unquote(parts.path.lstrip("/"))
    named = re.fullmatch(r"[a-z0-9][a-z0-9-]*", parts.netloc) and database and "/" not in database
    known = {"region", "type", "user"} if kind == "cluster" else {"region", "type"}
    well_formed = named and not parts.fragment and len(options) == len(given) and all(options.values())
    if not well_formed or kind not in {"serverless", "cluster"} or set(options) - known:
        raise _unknown(
            "warehouse.url",
            url,
            "redshift://workgroup/database?region=REGION, or redshift://cluster/database?type=cluster&region=REGION "
            "(and user=NAME for a database user of the cluster); logins are those of IAM, so there is no password",
        )
    region = options.get("region")
    if region and not _REGION.fullmatch(region):
        raise ConfigurationError(
            f"warehouse.url names the region {region!r}, which is not an AWS region.",
            remedy="name it as AWS does, such as eu-west-1.",
            reason="region-unknown",
        )
    from rental_analytics.warehouses.redshift.data_api import Target
    from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse

    target = Target(parts.netloc, database, region or aws_region(), kind == "cluster", options.get("user"))
    return RedshiftWarehouse(target, settings.warehouse.iam_role, settings.warehouse.statement_timeout)


def grants(settings: Settings | None, loaders: Sequence[str], analysts: Sequence[str]) -> str:
    """SQL for roles and rights of the warehouse; without settings, of any that has users.

    Raises:
        ConfigurationError: the warehouse has no users.
    """
    from rental_analytics.warehouses.redshift.roles import roles

    if settings is None:
        return roles(loaders, analysts)
    url = settings.warehouse.url
    parts = _split("warehouse.url", url, "redshift://workgroup/database?region=REGION")
    if parts.scheme != "redshift":
        raise ConfigurationError(
            f"Roles and grants are for Redshift, and warehouse.url is {_without_password(url)!r}: "
            "whoever may read a DuckDB file may read all of it.",
            remedy="point warehouse.url to redshift://workgroup/database?region=REGION.",
            reason="grants-without-redshift",
        )
    return roles(loaders, analysts, f"redshift://{parts.netloc}{parts.path}")


@contextmanager
def assembled(
    settings: Settings, uses: frozenset[Part] = frozenset(Part), hide: Callable[[str], None] = lambda _: None
) -> Iterator[Parts]:
    """The parts of a pipeline; what holds files or connections is closed when the block ends.

    Args:
        uses: parts to make besides the lake; the others are neither made nor reached.
        hide: as in `make_database`.

    Raises:
        ConfigurationError: a URL is not understood, or what is configured of a table, or of its columns, cannot be.
    """
    contracts = load_contracts().with_ids(settings.marketplace.ids)
    if settings.marketplace.default_currency:
        contracts = contracts.with_settings({"marketplace.default_currency"})
    for name in settings.tables:
        if name not in contracts.sources:
            raise ConfigurationError(
                f"tables.{name}: there is no source table {name}.",
                remedy=f"known are {', '.join(contracts.sources)}; what the source calls one of them is its `name`.",
                reason="table-unknown",
            )
        check_table_settings(contracts.sources[name], settings.tables[name])
    with ExitStack() as stack:
        database, engine, warehouse = (cast(Any, AbsentPart(part)) for part in Part)
        lake = make_lake(settings)
        stack.callback(lake.close)
        if Part.DATABASE in uses:
            database = make_database(settings, hide)
        if Part.ENGINE in uses:
            engine = make_engine(settings)
            stack.callback(engine.close)
        if Part.WAREHOUSE in uses:
            warehouse = make_warehouse(settings)
            _check_together(settings)
            stack.callback(warehouse.close)
        lock = RunLock(lake, settings.lake.lock_expiry)
        yield Parts(contracts, database, lake, engine, warehouse, settings, lock, uses)


@contextmanager
def assembled_for_run(
    settings: Settings,
    failed: Callable[[Lake, BaseException], None],
    uses: frozenset[Part] = frozenset(Part),
    hide: Callable[[str], None] = lambda _: None,
) -> Iterator[Parts]:
    """As `assembled`; where the parts cannot be made, the lake is told why if it is there itself.

    Args:
        failed: takes note in the lake of a start that failed.
    """
    with ExitStack() as stack:
        try:
            parts = stack.enter_context(assembled(settings, uses, hide))
        except Exception as error:
            with suppress(Exception), closing(make_lake(settings)) as lake:
                failed(lake, error)
            raise
        yield parts


def _file(settings: Settings, url: str, key: str) -> Path:
    """As in SQLAlchemy: three slashes are relative to the configuration file, four absolute."""
    scheme, _, rest = url.partition("://")
    if not rest.startswith("/") or rest == "/":
        raise _unknown(key, url, f"{scheme}:///FILE")
    return settings.path(rest[1:])


def _split(key: str, url: str, known: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise _unknown(key, url, known) from None


def _port(netloc: str, url: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError as error:
        raise ConfigurationError(
            f"source.url {_without_password(url)} has no valid port.",
            remedy="the port is a number, such as 3306.",
            reason="source-port-invalid",
        ) from error


def _unknown(key: str, url: str, known: str) -> ConfigurationError:
    return ConfigurationError(
        f"{key} {_without_password(url)!r} is not understood.", remedy=f"use {known}.", reason="url-not-understood"
    )


def _without_password(url: str) -> str:
    """Also of a URL that was written wrongly: without its scheme, or with a password among its options."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, login = head.rpartition("://")
    shown = f"{scheme}{slashes}{login.partition(':')[0]}@{tail}" if at else url
    return re.sub(r"(?i)([?&][^=&]*(?:pass|pwd|secret|token|key|credential)[^=&]*)=[^&]*", r"\1=***", shown)
