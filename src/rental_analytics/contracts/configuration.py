"""What can be configured: the sections of `rental.toml`, handed over whole to whatever a setting is for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from rental_analytics.contracts.marketplace import STATUSES, IdKind, MarketplaceFacts, Status, spelling
from rental_analytics.contracts.setting_types import (
    MOST_ROWS,
    Constant,
    Currency,
    Duration,
    Share,
    Texts,
    memory_size,
    metric_namespace,
    role_arn,
    thread_count,
    without_controls,
)
from rental_analytics.contracts.source_table import DriftPolicy, ReadMode
from rental_analytics.errors import ConfigurationError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    _no_controls = field_validator("*", mode="before")(without_controls)


class SourceSettings(_Section):
    """The marketplace's database: `sqlite:///FILE` or `mysql://user@host:3306/database`."""

    url: str = Field(repr=False)
    """Kept out of `repr`, since it may hold the password."""
    password: SecretStr | None = None
    secret_arn: str | None = Field(default=None, min_length=1)
    overlap: Duration = Field(default=timedelta(minutes=15), examples=["15 minutes"])
    timeout: Duration = Field(
        default=timedelta(seconds=60), ge=timedelta(seconds=1), le=timedelta(days=1), examples=["60 seconds"]
    )
    tls: Literal["auto", "off", "required", "verify_ca", "verify_identity"] = "auto"
    tls_ca: str | None = Field(default=None, min_length=1, examples=["rds-bundle.pem", "s3://bucket/rds-bundle.pem"])
    schema_drift: DriftPolicy = DriftPolicy.EVOLVE


class LakeSettings(_Section):
    """Where Parquet files go: a folder, or `s3://bucket/prefix`."""

    url: str = "lake"
    endpoint: str | None = None
    region: str | None = None
    lock_expiry: Duration = Field(default=timedelta(minutes=2), ge=timedelta(seconds=1), examples=["2 minutes"])


class EngineSettings(_Section):
    """What extracts and transforms."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: Annotated[str, AfterValidator(memory_size)] = Field(default="1GB", examples=["512MB", "4GB"])
    threads: Annotated[int | None, AfterValidator(thread_count)] = Field(default=None, ge=1)
    master: str = Field(default="local", min_length=1, examples=["local", "spark://host:7077", "provided"])
    jdbc_driver: Path | None = None
    spark: dict[str, str] = Field(default={}, repr=False)


class WarehouseSettings(_Section):
    """What is loaded: `duckdb:///FILE`, or `redshift://workgroup/database?region=REGION`."""

    url: str = "duckdb:///warehouse.duckdb"
    iam_role: Annotated[str, AfterValidator(role_arn)] = Field(
        default="default", examples=["default", "arn:aws:iam::123456789012:role/copy"]
    )
    statement_timeout: Duration = Field(default=timedelta(hours=1), ge=timedelta(seconds=1), examples=["1 hour"])


class QualitySettings(_Section):
    """Bounds that stop a run."""

    max_rejected_share: Share = 0.20
    min_rejected_rows: int = Field(default=1, ge=1, le=MOST_ROWS)
    max_deleted_share: Share = 0.20
    min_deleted_rows: int = Field(default=10, ge=1, le=MOST_ROWS)


class RetriesSettings(_Section):
    """How often what may pass is tried, and how long is waited in between."""

    attempts: int = Field(default=4, ge=1, le=1000)
    first_wait: Duration = Field(default=timedelta(seconds=1), examples=["1 second"])
    longest_wait: Duration = Field(default=timedelta(minutes=1), examples=["1 minute"])


class MonitoringSettings(_Section):
    """Numbers that are sent elsewhere while a run is at work."""

    cloudwatch: bool = False
    cloudwatch_namespace: Annotated[str, AfterValidator(metric_namespace)] = Field(
        default="Rental", examples=["Rental", "Company/Rental"]
    )
    pipeline: str = Field(default="rental", pattern=r"^[A-Za-z0-9._-]{1,80}$", examples=["rental", "rental-production"])
    late_after: Duration = Field(default=timedelta(days=2), ge=timedelta(hours=1), examples=["2 days"])


class ReferenceSettings(_Section):
    """Data sets that do not come from the marketplace."""

    exchange_rates: Path | None = None


class StatusSettings(_Section):
    """Further spellings of a booking's status; case, spaces, `_` and `-` make no difference."""

    pending: Texts = Field(default=(), examples=['["inquiry"]'])
    confirmed: Texts = Field(default=(), examples=['["no_show"]'])
    canceled: Texts = Field(default=(), examples=['["cancelled by guest"]'])

    @property
    def meanings(self) -> dict[str, Status]:
        """What each spelling means, normalised; those that are known without being named are left out."""
        return {name: status for name, status, _ in self._named() if name not in STATUSES}

    def _named(self) -> list[tuple[str, Status, str]]:
        listed: tuple[tuple[Status, tuple[str, ...]], ...] = (
            ("pending", self.pending),
            ("confirmed", self.confirmed),
            ("canceled", self.canceled),
        )
        return [(spelling(text), status, text) for status, texts in listed for text in texts]

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        seen: dict[str, tuple[Status, str]] = {}
        for name, status, text in self._named():
            if not name.strip():
                raise ValueError(f"{status} has a status without a letter or digit, {text!r}")
            if STATUSES.get(name, status) != status:
                raise ValueError(f"{text!r} stands for {STATUSES[name]} everywhere, and cannot be {status}")
            if name in seen:
                before, first = seen[name]
                raise ValueError(f"{text!r} of {status} stands twice, as {first!r} of {before} too")
            seen[name] = status, text
        return self


class MarketplaceSettings(_Section):
    """What differs from company to company in the rows of a marketplace."""

    ids: IdKind = "integer"
    reporting_currency: Currency = Field(default="USD", examples=["USD", "EUR"])
    default_currency: Currency | None = Field(default=None, examples=["EUR"])
    statuses: StatusSettings = StatusSettings()

    @property
    def facts(self) -> MarketplaceFacts:
        """What a run notes of them."""
        return MarketplaceFacts(
            ids=self.ids,
            reporting_currency=self.reporting_currency,
            default_currency=self.default_currency,
            statuses=self.statuses.meanings,
        )


SourceName = Annotated[str, Field(min_length=1, max_length=255)]


class TableSettings(_Section):
    """What the source calls one table and its columns, and how it is read where that should not follow from them.

    `columns` are the source's names by ours. `constants` are values, by our names, of columns that the source lacks.
    """

    mode: ReadMode | None = None
    schema_drift: DriftPolicy | None = None
    name: SourceName | None = None
    columns: dict[str, SourceName] = {}
    constants: dict[str, Constant] = {}
    optional: bool = False


class Configuration(BaseModel):
    """The whole configuration; `folder` is what relative paths start from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SourceSettings
    lake: LakeSettings = LakeSettings()
    engine: EngineSettings = EngineSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    quality: QualitySettings = QualitySettings()
    retries: RetriesSettings = RetriesSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    reference: ReferenceSettings = ReferenceSettings()
    marketplace: MarketplaceSettings = MarketplaceSettings()
    tables: dict[str, TableSettings] = Field(default_factory=dict)
    folder: Path = Field(default=Path(), exclude=True)

    def path(self, text: str) -> Path:
        """A path of the configuration, from the folder of its file on.

        Raises:
            ConfigurationError: it begins in the home folder of somebody this machine does not know.
        """
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError as error:
            raise ConfigurationError(
                f"{text} begins in a home folder that is not known on this machine.",
                remedy="write the whole path, such as /home/reader/lake.",
                reason="home-folder-unknown",
            ) from error

    @property
    def rates_file(self) -> Path | None:
        """A company's own exchange rates; None for those of the European Central Bank."""
        rates = self.reference.exchange_rates
        return self.path(str(rates)) if rates else None

    def table(self, name: str) -> TableSettings:
        """What is set for a source table."""
        return self.tables.get(name) or TableSettings()

    def schema_drift(self, table: str) -> DriftPolicy:
        """What a run does when the columns of a source table changed."""
        return self.table(table).schema_drift or self.source.schema_drift
