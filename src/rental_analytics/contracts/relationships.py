"""Whether what rows should be related to is there when they are checked, and can be compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rental_analytics.contracts.checks import DeclaredCheck, Relationships
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
