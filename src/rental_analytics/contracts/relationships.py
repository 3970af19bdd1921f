"""Whether what a table should be related to is there when it is checked, and can be compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rental_analytics.contracts.checks import AddsUpTo, DeclaredCheck, Relationships
from rental_analytics.contracts.model import CuratedModel, DerivedModel, Model
from rental_analytics.errors import ContractError


def check_relationships(curated: Iterable[CuratedModel], derived: Iterable[DerivedModel]) -> None:
    """See that every relationship has another end: of curated tables in those, of others in any table.

    Raises:
        ContractError: one has none, or ends in a column of another type.
    """
    loaded: dict[str, Model] = {model.relation: model for model in curated}
    rebuilt: dict[str, Model] = {model.relation: model for model in derived}
    for models, known in ((loaded, loaded), (rebuilt, loaded | rebuilt)):
        for model in models.values():
            for check in model.declared_checks:
                if isinstance(check.kind, Relationships):
                    _check_related(model, check, check.kind, known)
                if isinstance(check.kind, AddsUpTo):
                    _check_added(model, check, check.kind, rebuilt)


def _check_related(model: Model, check: DeclaredCheck, related: Relationships, known: Mapping[str, Model]) -> None:
    place = f"models/{model.layer}/{model.name}/model.yaml: {check.key}.relationships"
    other = known.get(related.to)
    if other is None or related.column not in other.columns:
        missing = f"column {related.to}.{related.column}" if other else f"table {related.to}"
        raise ContractError(
            f"{place}: there is no {missing} to compare with.",
            remedy=f"name one of {', '.join(other.columns if other else known)}.",
            reason="contract-relationship-unknown",
        )
    own, its = model.columns[check.columns[0]].declared_type, other.columns[related.column].declared_type
    if its != own:
        raise ContractError(
            f"{place}: {related.to}.{related.column} is {its}, and {check.columns[0]} is {own}.",
            remedy="name a column of the same type.",
            reason="contract-relationship-unlike",
        )


def _check_added(model: Model, check: DeclaredCheck, asked: AddsUpTo, rebuilt: Mapping[str, Model]) -> None:
    place = f"models/{model.layer}/{model.name}/model.yaml: {check.key}.adds_up_to"
    if model.relation not in rebuilt:
        raise ContractError(
            f"{place}: a loaded table is checked before those are made that it would add up to.",
            remedy="declare it in a metric or an intermediate table.",
            reason="contract-sums-of-loaded",
        )
    other = rebuilt.get(asked.to)
    named = {**dict.fromkeys(asked.by), **dict.fromkeys(asked.columns.values())}
    unknown = [name for name in named if other is None or name not in other.columns]
    if unknown:
        missing = f"column {asked.to}.{unknown[0]}" if other else f"table {asked.to}"
        raise ContractError(
            f"{place}: there is no {missing} to compare with.",
            remedy=f"name one of {', '.join(other.columns if other else rebuilt)}.",
            reason="contract-sums-unknown",
        )
