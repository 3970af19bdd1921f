"""One object to ask either warehouse with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from rental_analytics.analysis.definition import Definition, definition_of
from rental_analytics.analysis.result import Result
from rental_analytics.analysis.warehouse import reading
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.model import Layer, Model, PresentationModel
from rental_analytics.errors import ConfigurationError
from rental_analytics.settings import configuration_file, load_settings, parse_settings
from rental_analytics.sql.parameters import bound
from rental_analytics.sql.render import identifier, identifiers
from rental_analytics.wiring import make_warehouse

if TYPE_CHECKING:
    from rental_analytics.settings import Settings
    from rental_analytics.warehouses.base import Warehouse

_CALL = "connect():"
"""How errors name what was handed to `connect`."""
_FEW = 3
_TURNS: defaultdict[str, Lock] = defaultdict(Lock)
"""By warehouse: who asks one that answers one question at a time in a process."""


class Connection:
    """The warehouse of a configuration, to read from.

    It holds nothing open: each question opens the warehouse and closes it again, and is answered from what the last run
    that ended has published. `url` is where the warehouse is.
    """

    def __init__(self, settings: Settings) -> None:
        self._warehouse = make_warehouse(settings)
        self.url = self._warehouse.display_url
        # That it is not there is told at once, and not by the first question.
        with self._reading():
            pass

    def __repr__(self) -> str:
        return f"<connection to {self.url}, for reading>"

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Result:
        """Rows of a statement that only reads, in the warehouse's own SQL.

        Args:
            sql: one SELECT; a test of the warehouse refuses whatever changes something.
            parameters: values for `:name` in it: numbers, texts, dates, moments, truth values, None, or lists of these.

        Raises:
            ConfigurationError: the statement is wrong, does not only read, or lacks a value.
        """
        with self._reading() as warehouse:
            text = sql if parameters is None else bound(sql, parameters, warehouse.dialect)
            return Result(warehouse.query(text))

    def metrics(self) -> Result:
        """All metrics there are: name, description, grain, and how long a period is (None where there is none)."""
        import pyarrow as pa

        models = _metrics().values()
        columns = {
            "name": [model.name for model in models],
            "description": [model.description for model in models],
            "grain": [model.grain for model in models],
            "period": [str(model.period.length) if model.period else None for model in models],
        }
        return Result(pa.table(columns, schema=pa.schema([(name, pa.string()) for name in columns])))

    def metric(self, name: str) -> Result:
        """A metric's whole table, in the order of its key.

        Raises:
            ConfigurationError: there is no such metric, or the warehouse does not have it yet.
        """
        model = _metric(name)
        columns, key = identifiers(model.columns), identifiers(model.key)
        with self._reading() as warehouse:
            try:
                return Result(warehouse.query(f"SELECT {columns} FROM {identifier(model.relation)} ORDER BY {key}"))
            except ConfigurationError as error:
                if error.reason != "query-failed":
                    raise
                raise ConfigurationError(
                    f"The warehouse {self.url} does not have {model.relation} as it is defined now.",
                    remedy="build it with `rental run`.",
                    reason="metric-not-built",
                ) from error

    def definition(self, name: str) -> Definition:
        """What a metric means: description, definition, grain, caveats and columns with their formulas.

        Args:
            name: the metric's; or that of another table with its schema, `curated` or `intermediate`.

        Raises:
            ConfigurationError: there is no such metric or table.
        """
        layer, _, _ = name.rpartition(".")
        if layer in {"", Layer.PRESENTATION}:
            return definition_of(_metric(name), load_contracts())
        others: dict[str, Model] = {model.relation: model for model in _others()}
        if name not in others:
            raise _unknown("table", name, list(others))
        return definition_of(others[name], load_contracts())

    @contextmanager
    def _reading(self) -> Iterator[Warehouse]:
        """The warehouse, open for one question."""
        turn: AbstractContextManager[object] = nullcontext() if self._warehouse.is_shared else _TURNS[self.url]
        with turn, reading(self._warehouse) as warehouse:
            yield warehouse


def connected(config: str | PathLike[str] | None, url: str | None, overrides: Mapping[str, object]) -> Connection:
    """What `rental_analytics.connect` gives.

    Raises:
        ConfigurationError: an override is not named `section__key`; or as of `connect`.
    """
    for name in overrides:
        if "__" not in name:
            raise ConfigurationError(
                f"{_CALL} there is no argument {name}.",
                remedy="name a key of the configuration with its section, as in connect(engine__memory='4GB').",
                reason="argument-unknown",
            )
    given = [f"{name.replace('__', '.')}={value}" for name, value in overrides.items()]
    given += [f"warehouse.url={url}"] if url else []
    if url and config is None:
        return Connection(parse_settings("", _CALL, Path.cwd(), given, needs_source=False, option=_CALL))
    file = Path(config) if config is not None else configuration_file()
    return Connection(load_settings(file.expanduser(), given, needs_source=False, option=_CALL))


def _metrics() -> dict[str, PresentationModel]:
    return load_contracts().presentation


def _others() -> list[Model]:
    contracts = load_contracts()
    return [*contracts.curated.values(), *contracts.intermediate.values()]


def _metric(name: str) -> PresentationModel:
    models = _metrics()
    found = models.get(name.removeprefix(f"{Layer.PRESENTATION}."))
    if found is None:
        raise _unknown("metric", name, list(models))
    return found


def _unknown(kind: str, name: str, known: list[str]) -> ConfigurationError:
    """The error for a name that nothing has, with those that are near it."""
    # A word that many names have, such as a period, tells nothing.
    words = Counter(word for other in known for word in {*_words(other)})
    telling = {word for word in _words(name) if 0 < words[word] <= _FEW}
    near = get_close_matches(name, known, n=_FEW, cutoff=0.6)
    near += [other for other in known if telling & {*_words(other)} and other not in near]
    return ConfigurationError(
        f"There is no {kind} {name!r}.",
        remedy=f"take one of {', '.join(near[: 2 * _FEW] or known)}; metrics() lists all metrics.",
        reason="metric-unknown",
    )


def _words(name: str) -> list[str]:
    return name.replace(".", "_").split("_")
