"""Finds the contract files by scanning folders and loads them; a wrong file is named with line, key and fix."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.model import (
    CuratedModel,
    DerivedModel,
    IntermediateModel,
    Layer,
    Model,
    PresentationModel,
)
from rental_analytics.contracts.relationships import check_relationships
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.errors import ContractError

if TYPE_CHECKING:
    from yaml import SafeLoader
else:  # the same in C, where PyYAML came with it
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Parsed = TypeVar("Parsed", bound=BaseModel)
SomeModel = TypeVar("SomeModel", bound=Model)
MODEL_FILES = ("model.yaml", "query.sql", "cases.yaml")


@dataclass(frozen=True)
class Contracts:
    """All contracts of the product, each mapping in the order of names."""

    sources: dict[str, SourceTable]
    curated: dict[str, CuratedModel]
    intermediate: dict[str, IntermediateModel]
    presentation: dict[str, PresentationModel]

    @property
    def table_names(self) -> frozenset[str]:
        """Names of all tables, of the source and of the warehouse."""
        return frozenset({*self.sources, *self.curated, *self.intermediate, *self.presentation})

    def with_settings(self, keys: Collection[str]) -> Contracts:
        """The same, where columns are optional that one of these keys of the configuration stands in for."""
        optional = {
            name: table.model_copy(
                update={
                    "columns": {
                        column: spec.model_copy(update={"required": spec.required and spec.setting not in keys})
                        for column, spec in table.columns.items()
                    }
                }
            )
            for name, table in self.sources.items()
        }
        return replace(self, sources=optional)

    def with_ids(self, ids: IdKind) -> Contracts:
        """The same, where the ids of the marketplace are of this kind."""
        if ids == "integer":
            return self
        return replace(
            self,
            sources={name: table.with_text_ids() for name, table in self.sources.items()},
            curated={name: _with_ids(model, ids) for name, model in self.curated.items()},
            intermediate={name: _with_ids(model, ids) for name, model in self.intermediate.items()},
            presentation={name: _with_ids(model, ids) for name, model in self.presentation.items()},
        )

    @cached_property
    def extraction_order(self) -> tuple[SourceTable, ...]:
        """Children before the parents they reference, so that no child's parent is missed.

        Raises:
            ContractError: tables reference each other in a circle.
        """
        children: dict[str, set[str]] = {name: set() for name in self.sources}
        for table in self.sources.values():
            for parent in set(table.references.values()) - {table.name}:
                children[parent].add(table.name)
        graph = {name: sorted(found) for name, found in children.items()}
        try:
            return tuple(self.sources[name] for name in TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = ", ".join(sorted(set(error.args[1])))
            raise ContractError(
                f"sources {circle} reference each other in a circle.",
                remedy="remove one of the references in sources/*.yaml.",
                reason="contract-references-circular",
            ) from error

    @cached_property
    def transform_order(self) -> tuple[CuratedModel, ...]:
        """Reference data first, then tables of the source, then those made of other curated tables."""

        def rank(model: CuratedModel) -> int:
            return 0 if model.reference else 1 if model.source else 2

        return tuple(sorted(self.curated.values(), key=rank))

    @cached_property
    def rebuild_order(self) -> tuple[DerivedModel, ...]:
        """Intermediate and presentation models, each behind those it reads.

        Raises:
            ContractError: models read each other in a circle.
        """
        models: dict[str, DerivedModel] = {
            model.relation: model for model in (*self.intermediate.values(), *self.presentation.values())
        }
        graph = {relation: sorted(model.reads & models.keys()) for relation, model in models.items()}
        try:
            return tuple(models[relation] for relation in TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = ", ".join(sorted(set(error.args[1])))
            raise ContractError(
                f"Models {circle} read each other in a circle.",
                remedy="take what they share into an intermediate model of its own.",
                reason="contract-models-circular",
            ) from error

    def read_by(self, model: DerivedModel) -> tuple[DerivedModel, ...]:
        """The intermediate models that a model rests on, in the order they are rebuilt."""
        needed = set(model.reads)
        for other in reversed(self.rebuild_order):
            needed |= other.reads if other.relation in needed else set()
        return tuple(other for other in self.rebuild_order if other.relation in needed)


def _with_ids(model: SomeModel, ids: IdKind) -> SomeModel:
    columns = {name: column.with_ids(ids) for name, column in model.columns.items()}
    return model.model_copy(update={"columns": columns})


def load_contracts(root: Traversable | None = None) -> Contracts:
    """Load `sources/` and `models/` below `root`, by default those that come with the package: them only once.

    Raises:
        ContractError: a file is missing, is no YAML, or does not fit its type.
    """
    return _loaded(root) if root else _of_package()


@cache
def _of_package() -> Contracts:
    return _loaded(files("rental_analytics"))


def _loaded(root: Traversable) -> Contracts:
    sources = [_source(file) for file in _children(root / "sources") if file.name.endswith((".yaml", ".yml"))]
    curated = [_model(folder, CuratedModel, Layer.CURATED) for folder in _folders(root, Layer.CURATED)]
    intermediate = [
        _model(folder, IntermediateModel, Layer.INTERMEDIATE) for folder in _folders(root, Layer.INTERMEDIATE)
    ]
    presentation = [
        _model(folder, PresentationModel, Layer.PRESENTATION) for folder in _folders(root, Layer.PRESENTATION)
    ]
    contracts = Contracts(
        {table.name: table for table in sources},
        {model.name: model for model in curated},
        {model.name: model for model in intermediate},
        {model.name: model for model in presentation},
    )
    _check_links(contracts)
    return contracts


def load_cases(model: Model, root: Traversable | None = None) -> tuple[Case, ...]:
    """Load the test cases that stand beside a model's query."""
    folder = (root or files("rental_analytics")) / "models" / model.layer / model.name
    text = _read(folder / "cases.yaml")
    document = _parse_yaml(text, _label(folder / "cases.yaml"))
    try:
        return TypeAdapter(tuple[Case, ...]).validate_python(document)
    except ValidationError as error:
        raise _contract_error(error, text, _label(folder / "cases.yaml")) from error


def _check_links(contracts: Contracts) -> None:
    for table in contracts.sources.values():
        for column, parent in table.references.items():
            if parent not in contracts.sources:
                raise ContractError(
                    f"sources/{table.name}.yaml: references.{column} names the unknown table {parent!r}.",
                    remedy=f"add sources/{parent}.yaml or correct the name.",
                    reason="contract-reference-unknown",
                )
    _check_derived(contracts)
    check_relationships(
        contracts.curated.values(), (*contracts.intermediate.values(), *contracts.presentation.values())
    )
    for model in contracts.curated.values():
        place = f"models/curated/{model.name}/model.yaml"
        if model.source and model.source not in contracts.sources:
            raise ContractError(
                f"{place}: source names the unknown table {model.source!r}.",
                remedy=f"add sources/{model.source}.yaml or correct the name.",
                reason="contract-source-unknown",
            )
        events = contracts.sources.get(model.source or "")
        if events and events.event_time and not (events.key or model.key or model.event_time):
            raise ContractError(
                f"{place}: event_time is missing, by which a backfill replaces events.",
                remedy=f"name the column that comes from {events.event_time}.",
                reason="contract-event-time-missing",
            )
        if model.versions_of and model.versions_of not in contracts.curated:
            raise ContractError(
                f"{place}: there is no curated model {model.versions_of!r}.",
                remedy="correct the name in the file.",
                reason="contract-model-unknown",
            )


def _check_derived(contracts: Contracts) -> None:
    for model in (*contracts.intermediate.values(), *contracts.presentation.values()):
        place = f"models/{model.layer}/{model.name}"
        if model.layer is Layer.INTERMEDIATE and model.name in contracts.presentation:
            raise ContractError(
                f"{place}: models/presentation/{model.name} has the same name.",
                remedy="rename one of the two folders.",
                reason="contract-name-taken",
            )
        for relation in sorted(model.reads):
            layer, _, name = relation.partition(".")
            if layer == Layer.PRESENTATION or (layer == Layer.INTERMEDIATE and name not in contracts.intermediate):
                raise ContractError(
                    f"{place}/query.sql reads {relation}, which is no curated or intermediate model.",
                    remedy="correct the name, or take what metrics share into a folder of models/intermediate.",
                    reason="contract-input-unknown",
                )


def _children(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda child: child.name) if folder.is_dir() else []


def _folders(root: Traversable, layer: Layer) -> list[Traversable]:
    children = _children(root / "models" / layer)
    return [child for child in children if child.is_dir() and not child.name.startswith(("_", "."))]


def _label(file: Traversable) -> str:
    parts = str(file).replace("\\", "/").split("/")
    start = max((parts.index(name) for name in ("sources", "models") if name in parts), default=0)
    return "/".join(parts[start:])


def _read(file: Traversable) -> str:
    if not file.is_file():
        raise ContractError(
            f"{_label(file)} is missing.",
            remedy=f"every model folder holds {', '.join(MODEL_FILES)}; add the file.",
            reason="contract-file-missing",
        )
    return file.read_text(encoding="utf-8")


def _source(file: Traversable) -> SourceTable:
    name = file.name.rsplit(".", 1)[0]
    return _validate(SourceTable, file, {"name": name})


def _model(folder: Traversable, kind: type[Parsed], layer: Layer) -> Parsed:
    query = _read(folder / "query.sql")
    _read(folder / "cases.yaml")
    given = {"name": folder.name, "layer": layer, "query": query}
    return _validate(kind, folder / "model.yaml", given)


def _validate(kind: type[Parsed], file: Traversable, given: dict[str, Any]) -> Parsed:
    text = _read(file)
    document = _parse_yaml(text, _label(file))
    if not isinstance(document, dict):
        raise ContractError(
            f"{_label(file)}:1: the file holds no keys.",
            remedy="write it as `key: value` lines; copy a neighbouring file.",
            reason="contract-file-empty",
        )
    if doubled := given.keys() & document.keys():
        raise ContractError(
            f"{_label(file)}: {sorted(doubled)[0]} is given by the path already.",
            remedy="remove that key.",
            reason="contract-key-doubled",
        )
    try:
        return kind.model_validate(document | given)
    except ValidationError as error:
        raise _contract_error(error, text, _label(file)) from error


class _UniqueKeyLoader(SafeLoader):
    """YAML allows a key twice and keeps the last; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _parse_yaml(text: str, label: str) -> Any:
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractError(
            f"{label}:{line}: not valid YAML: {error.problem}.", remedy="correct that line.", reason="contract-not-yaml"
        ) from error


def _contract_error(error: ValidationError, text: str, label: str) -> ContractError:
    first = error.errors()[0]
    told = first.get("ctx", {})
    path = (*first["loc"], *told.get("path", ()))
    line = _line_of(yaml.compose(text, Loader=yaml.SafeLoader), path)
    key = ".".join(str(part) for part in path) or "the file"
    remedies = {
        "extra_forbidden": "remove or correct this key.",
        "missing": "add this key.",
        "string_pattern_mismatch": "use lower-case letters, digits and underscores.",
    }
    return ContractError(
        f"{label}:{line}: {key}: {first['msg'].removeprefix('Value error, ')}.",
        remedy=told.get("remedy") or remedies.get(first["type"], "correct the value in the file."),
        reason="contract-invalid",
    )


def _line_of(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == str(part)]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
