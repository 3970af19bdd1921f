"""Which table or view of a source is which one of ours, by name and by the columns it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import CatalogueTable, Database
from rental_analytics.proposals.columns import ColumnProposal, covered, known_columns, propose_columns
from rental_analytics.proposals.names import Likeness, can_be_configured, likeness
from rental_analytics.sql.render import folded

_MOST_COMPARED = 20
_MOST_CANDIDATES = 5
# Words that say where a table stands, not what is in it.
_SAYS_NOTHING = frozenset({"tbl", "t", "vw", "v", "app", "dim", "fact", "fct", "stg", "raw"})


@dataclass(frozen=True)
class Candidate:
    """A table of the source that may be one of ours, and what its columns would be.

    Args:
        likeness: of its name.
    """

    found: CatalogueTable
    likeness: Likeness
    columns: Mapping[str, ColumnProposal]

    @property
    def covered(self) -> int:
        """How many needed columns it has for sure."""
        return covered(self.columns)

    @property
    def has_most(self) -> bool:
        """Whether it has more than half of the needed columns."""
        return self.covered > len(self.lacking)

    @property
    def lacking(self) -> list[str]:
        """The needed columns that it does not have for sure."""
        return [name for name, proposal in self.columns.items() if proposal.is_needed and not proposal.column]


@dataclass(frozen=True)
class TableProposal:
    """What is proposed for one of our tables.

    Args:
        candidates: what may be it, the likeliest first, the one that is meant if it is sure.
        is_sure: whether the first candidate is it.
    """

    table: SourceTable
    candidates: tuple[Candidate, ...]
    is_sure: bool

    @property
    def chosen(self) -> Candidate | None:
        """The table whose columns are proposed."""
        return self.candidates[0] if self.candidates else None

    @property
    def is_named_otherwise(self) -> bool:
        """Whether the configuration has to say what the source calls it."""
        return bool(self.candidates) and folded(self.candidates[0].found.name) != self.table.name


def propose_table(
    database: Database, table: SourceTable, catalogue: Mapping[str, CatalogueTable], amounts: frozenset[str]
) -> TableProposal:
    """Find the source's table for a contract.

    Args:
        amounts: our columns that hold money.
    """
    usable = [found for name, found in catalogue.items() if found.columns and can_be_configured(name)]
    named = [(likeness(found.name, table.name, table.synonyms, _SAYS_NOTHING), found) for found in usable]
    named = sorted((pair for pair in named if pair[0]), key=lambda pair: (-pair[0], len(pair[1].name), pair[1].name))
    compared = [
        Candidate(found, grade, propose_columns(database, table, found, amounts))
        for grade, found in named[:_MOST_COMPARED]
    ]
    candidates = [one for one in compared if one.likeness > Likeness.LIKELY or one.has_most]
    if not candidates:
        return TableProposal(table, _by_columns(database, table, usable, amounts), is_sure=False)
    sure = _sure(candidates)
    candidates.sort(key=lambda one: (one is not sure, -one.covered, -one.likeness))
    # What has less than half of the best one's columns is something else, such as the photos of a listing.
    kept = [one for one in candidates if 2 * one.covered >= candidates[0].covered]
    return TableProposal(table, tuple(kept[:_MOST_CANDIDATES]), is_sure=sure is not None)


def _sure(candidates: list[Candidate]) -> Candidate | None:
    """The one of our name; or the one of a known name, unless another one has as much of what is needed."""
    exact = [one for one in candidates if one.likeness is Likeness.EXACT]
    if exact:
        return exact[0] if len(exact) == 1 else None
    known = [one for one in candidates if one.likeness is Likeness.SYNONYM]
    best = max(known, key=lambda one: one.covered, default=None)
    if best is None or not best.covered or any(other.covered > best.covered for other in candidates):
        return None
    rivals = [other for other in known if other is not best and 2 * other.covered > best.covered]
    return None if rivals else best


def _by_columns(
    database: Database, table: SourceTable, usable: list[CatalogueTable], amounts: frozenset[str]
) -> tuple[Candidate, ...]:
    """Tables of other names that have the key and most of the columns, such as one that holds two of ours.

    Of a table without a key the columns say too little: who did what and when is in many a table.
    """
    if not table.key:
        return ()
    needed = sum(spec.required and not spec.setting for spec in table.columns.values())
    known = {found.name: known_columns(table, found) for found in usable}
    likeliest = sorted((found for found in usable if 2 * known[found.name] > needed), key=lambda one: -known[one.name])
    compared = [
        Candidate(found, Likeness.NONE, propose_columns(database, table, found, amounts))
        for found in likeliest[:_MOST_COMPARED]
    ]
    alike = [one for one in compared if one.has_most and all(one.columns[key].column for key in table.key)]
    return tuple(sorted(alike, key=lambda one: -one.covered)[:_MOST_CANDIDATES])
