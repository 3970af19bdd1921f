"""All checks of a real Redshift, in schemas and a prefix of the lake that are made for them and removed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rental_analytics.doctor.redshift.claims import CLAIMS
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.redshift.twins import compare_runs
from rental_analytics.doctor.results import CheckResult
from rental_analytics.errors import ConfigurationError, RentalError
from rental_analytics.settings import Settings, parse_settings
from rental_analytics.sql.render import identifier
from rental_analytics.warehouses.redshift.data_api import DataApi
from rental_analytics.warehouses.redshift.tables import SCHEMAS, create_schema, held_schemas
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from rental_analytics.wiring import make_lake, make_warehouse

_CONFIG = """
[source]
url = {source}
[lake]
url = {lake}
[warehouse]
url = {warehouse}
iam_role = {role}
[quality]
max_rejected_share = 1
max_deleted_share = 1
[reference]
exchange_rates = "rates.csv"
"""
# The European Central Bank's are a hundred thousand rows, which say no more here.
_RATES = "rate_date,currency,usd_per_unit\n" + "".join(
    f"2020-01-01,{currency},{rate}\n"
    for currency, rate in {"EUR": "1.1", "GBP": "1.3", "CAD": "0.75", "CHF": "1.05", "JPY": "0.00712345"}.items()
)


@dataclass(frozen=True)
class Verification:
    """What is checked, and where.

    Args:
        warehouse: `redshift://...` of a database without the pipeline's schemas.
        lake: `s3://bucket/prefix`; a prefix below it is used.
        role: ARN of the role by which COPY reads the lake, or `default`.
        folder: for the source, the DuckDB file and the exchange rates.
        source: URL of the marketplace.
    """

    warehouse: str
    lake: str
    role: str
    folder: Path
    source: str

    def results(
        self, changes: Mapping[str, Callable[[], object]], not_removed: Callable[[str], object]
    ) -> Generator[CheckResult]:
        """Check all, and remove what was made, also after an error.

        Args:
            changes: by name of the run, what happens in the source before it.
            not_removed: given a line for what could not be removed.

        Raises:
            ConfigurationError: URLs or rights are wrong, or the database is in use.
            WarehouseUnavailableError: it does not answer.
        """
        (self.folder / "rates.csv").write_text(_RATES)
        prefix = f"{self.lake.rstrip('/')}/verify-{secrets.token_hex(4)}"
        duckdb = self._settings(f"{prefix}/duckdb", f"duckdb:///{self.folder}/warehouse.duckdb")
        redshift = self._settings(f"{prefix}/redshift", self.warehouse)
        # What the program would refuse is refused here before anything is asked of AWS.
        warehouse = make_warehouse(redshift)
        assert isinstance(warehouse, RedshiftWarehouse)
        api = DataApi(warehouse.target)
        check_unused(api)
        try:
            api.run([create_schema(schema) for schema in SCHEMAS])
            with closing(make_lake(redshift)) as lake:
                sandbox = Sandbox(api, lake, self.role)
                yield from (claim.result(sandbox) for claim in CLAIMS)
            yield from compare_runs(duckdb, redshift, changes)
        finally:
            _remove(api, [duckdb, redshift], not_removed)

    def _settings(self, lake: str, warehouse: str) -> Settings:
        values = {"source": self.source, "lake": lake, "warehouse": warehouse, "role": self.role}
        text = _CONFIG.format(**{name: json.dumps(value) for name, value in values.items()})
        return parse_settings(text, "verify", self.folder)


def check_unused(api: DataApi) -> None:
    """Refuse a database that has what the checks would remove.

    Raises:
        ConfigurationError: it has one of the pipeline's schemas.
    """
    found = api.query(held_schemas())
    if found.num_rows:
        raise ConfigurationError(
            f"The database has {', '.join(found.column(0).to_pylist())} already, and the checks remove them.",
            remedy="name an empty database.",
            reason="verification-database-in-use",
        )


def _remove(api: DataApi, lakes: list[Settings], not_removed: Callable[[str], object]) -> None:
    """Remove what was made, as far as that can be done."""

    def attempt(what: str, remove: Callable[[], object]) -> None:
        try:
            remove()
        except RentalError as error:
            not_removed(f"{what} was not removed: {error}")

    for schema in SCHEMAS:
        attempt(f"schema {schema}", partial(api.run, [f"DROP SCHEMA IF EXISTS {identifier(schema)} CASCADE"]))
    for settings in lakes:
        attempt(settings.lake.url, partial(_empty, settings))


def _empty(settings: Settings) -> None:
    with closing(make_lake(settings)) as lake:
        lake.delete(lake.paths(""))
