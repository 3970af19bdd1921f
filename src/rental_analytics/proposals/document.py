"""A proposal as `rental.toml`: what is sure as keys, what is not as comments, and where the latter stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.errors import number_of
from rental_analytics.proposals.columns import ColumnProposal
from rental_analytics.proposals.names import can_be_configured, shown_name, toml_text, words
from rental_analytics.proposals.proposal import LOOKED_AT, ColumnValues, Proposal, likely_meaning
from rental_analytics.proposals.tables import Candidate, TableProposal
from rental_analytics.sql.render import folded

_EXAMPLE_URL = 'url = "sqlite:///marketplace.db"\n'
_REPLACED_FROM = "# [marketplace]\n"
_MOST_STATUSES, _MOST_NAMED = 20, 5
_LONGEST_TYPE = 40
# What a column that the source lacks could have in every row.
_EXAMPLES = {
    SourceType.TEXT: '"none"',
    SourceType.ANY: '"no"',
    SourceType.BOOLEAN: "false",
    SourceType.INTEGER: "1",
    SourceType.DECIMAL: "1",
    SourceType.FLOAT: "0.0",
}
_DELETED = {"deleted", "archived", "removed"}


@dataclass(frozen=True)
class OpenPoint:
    """What is left to decide.

    Args:
        line: of the document, from 1 on.
        key: of the configuration.
        text: what is to be decided.
    """

    line: int
    key: str
    text: str


class Document:
    """The text of a configuration, and what is left to decide in it.

    Args:
        template: the commented configuration without a database of one's own.
        source: what `[source]` says, by key; `url` has no password.
    """

    def __init__(self, template: str, source: dict[str, str], proposal: Proposal) -> None:
        head, marker, _ = template.partition(_REPLACED_FROM)
        begin, url, rest = head.partition(_EXAMPLE_URL)
        assert marker and url, "the template has another form"
        given = "".join(f"{key} = {toml_text(value)}\n" for key, value in source.items())
        if "tls" in source:
            rest = rest.replace('tls = "auto"\n', "")
        self._lines = (begin + given + rest).splitlines()
        self.open_points: list[OpenPoint] = []
        self._proposal = proposal
        self._marketplace()
        self._statuses()
        for table in proposal.tables:
            self._table(table)

    @property
    def text(self) -> str:
        """The whole file."""
        return "\n".join(self._lines) + "\n"

    def _add(self, *lines: str) -> None:
        self._lines += lines

    def _open(self, key: str, text: str) -> None:
        """Note that the next line is for a person to decide."""
        self.open_points.append(OpenPoint(len(self._lines) + 1, key, text))

    def _marketplace(self) -> None:
        proposal = self._proposal
        self._add("[marketplace]")
        if proposal.has_text_ids:
            self._add("# Ids are texts; whole numbers among them become texts, too.", 'ids = "text"')
        currencies = sorted({value.strip().upper() for one in proposal.currencies for value, _ in one.found if value})
        for one in proposal.currencies:
            self._note_failure(one)
        only = currencies[0] if len(currencies) == 1 and re.fullmatch("[A-Z]{3}", currencies[0]) else "EUR"
        listed = ", ".join(shown_name(one) for one in currencies[:_MOST_STATUSES])
        if currencies:
            self._add(f"# Currencies found: {listed}.")
        if currencies and "USD" not in currencies:
            self._open(
                "marketplace.reporting_currency", f"metrics are in USD unless you say otherwise; found: {listed}"
            )
        self._add("# What money in the metrics is in.", f'# reporting_currency = "{only}"')
        lacking = ", ".join(shown_name(place) for place in proposal.lacks_currency)
        if lacking:
            self._open(
                "marketplace.default_currency",
                f"say what {lacking} {'are' if proposal.unpriced else 'is, where it is empty,'} in; metrics are in USD "
                "unless reporting_currency says otherwise",
            )
            self._add(f"# No currency is known for {lacking}{'' if proposal.unpriced else ' where it is empty'}.")
        else:
            self._add("# For rows that do not say which currency their price is in.")
        self._add(f'# default_currency = "{only}"', "")

    def _note_failure(self, values: ColumnValues) -> None:
        if values.failure:
            self._add(f"# {shown_name(values.place)} could not be looked at: {comment(values.failure)}")

    def _statuses(self) -> None:
        values, unknown = self._proposal.statuses, self._proposal.unknown_statuses
        if values is None or not unknown:
            self._add("# [marketplace.statuses]")
            self._add(
                "# What a booking's status is called beside pending, confirmed, completed, checked out, canceled."
            )
            if values:
                self._note_failure(values)
            self._add('# confirmed = ["no_show"]', "")
            return
        whole = "" if values.is_whole else f" among {LOOKED_AT:,} rows"
        self._add("[marketplace.statuses]")
        self._add(
            f"# Found in {shown_name(values.place)}{whole}, and not known: these rows are rejected until you say what"
        )
        self._add("# they mean. Move each into one of the three lists, and remove the # before the list.")
        for value, rows in values.found:
            if value is None:
                self._add(f"# No value: {number_of(rows, 'row')}. These are rejected in any case.")
        for value, rows in unknown[:_MOST_STATUSES]:
            self._add(f"# {toml_text(value)}: {number_of(rows, 'row')}")
        if unknown[_MOST_STATUSES:]:
            self._add(f"# and {len(unknown) - _MOST_STATUSES} more: is it the column of the status?")
        self._open("marketplace.statuses", f"say what is meant by {_listed(unknown)}")
        likely: dict[str, list[str]] = {"pending": [], "confirmed": [], "canceled": []}
        for value, _ in unknown[:_MOST_STATUSES]:
            meaning = likely_meaning(value)
            if meaning and can_be_configured(value):
                likely[meaning].append(toml_text(value))
        for status, texts in likely.items():
            self._add(f"# {status} = [{', '.join(texts)}]")
        self._add("")

    def _table(self, proposal: TableProposal) -> None:
        name, chosen = proposal.table.name, proposal.chosen
        self._add(f"# {proposal.table.description}", f"[tables.{name}]")
        if chosen is None:
            self._open(f"tables.{name}", f'name your table, or set optional = true: "{name}" was not found')
            self._add("# No table by this or a similar name, and none with such columns, was found.", '# name = "..."')
            self._add("# optional = true", "")
            return
        if not proposal.is_sure:
            listed = " or ".join(shown_name(one.found.name) for one in proposal.candidates)
            self._open(f"tables.{name}.name", f"it may be {listed}")
            self._add("# Not sure; remove the # before one of them. The columns below are those of the first.")
            self._add(*(f"# name = {toml_text(one.found.name)}  # {_coverage(one)}" for one in proposal.candidates))
            self._add("# optional = true  # if there is none")
        elif proposal.is_named_otherwise:
            self._add(f"name = {toml_text(chosen.found.name)}")
        self._soft_deletes(name, chosen)
        self._columns(name, chosen)

    def _soft_deletes(self, name: str, chosen: Candidate) -> None:
        """Rows that stay when they are deleted would count on."""
        read = {one.column.name for one in chosen.columns.values() if one.column}
        for column in chosen.found.columns:
            if column.name not in read and not _DELETED.isdisjoint(words(column.name)):
                place = f"{chosen.found.name}.{column.name}"
                self._open(f"tables.{name}", f"rows that are deleted by {shown_name(place)} count as any other row")
                self._add(
                    f"# {shown_name(place)} seems to say which rows are deleted. They count as any other row, unless"
                )
                self._add("# a view leaves them out, or gives is_active = 0 for them: put the view's name above.")

    def _columns(self, name: str, chosen: Candidate) -> None:
        self._add("")
        header = len(self._lines)
        self._add(f"[tables.{name}.columns]")
        lacking: list[ColumnProposal] = []
        for one in chosen.columns.values():
            if one.is_named_otherwise and one.column:
                kind = comment(one.column.native[:_LONGEST_TYPE])
                self._add(f"{one.name} = {toml_text(one.column.name)}" + (f"  # {kind}" if kind else ""))
            elif one.column is None:
                self._open_column(name, chosen, one)
                lacking += [one] if self._may_be_constant(chosen, one) else []
            if one.column and one.remark:
                self._open(f"tables.{name}.columns.{one.name}", comment(one.remark))
                self._add(f"# {comment(one.remark)}.")
        if len(self._lines) == header + 1:
            # All columns have our names.
            del self._lines[header - 1 :]
        if lacking:
            self._add("", f"[tables.{name}.constants]")
            self._add("# Values for columns that the source lacks; whatever you named above needs none.")
            self._add(*(f"# {one.name} = {_EXAMPLES[one.spec.type]}" for one in lacking))
        self._add("")

    def _open_column(self, name: str, chosen: Candidate, one: ColumnProposal) -> None:
        """A column that nothing is sure to be."""
        candidates = [shown_name(column.name) for column in one.candidates]
        if not (one.is_needed or candidates or one.remark):
            return
        if one.is_open:
            self._open(f"tables.{name}.columns.{one.name}", comment(one.remark) or self._remedy(chosen, one))
        need = "needed" if one.is_needed else f"or {one.spec.setting}" if one.spec.setting else "optional"
        may_be = f" It may be {' or '.join(candidates)}." if candidates else ""
        self._add(f"# {one.name} ({one.spec.type.value}, {need}): {comment(one.spec.description)}.{may_be}")
        if one.remark:
            self._add(f"# {comment(one.remark)}.")
        example = toml_text(one.candidates[0].name) if one.candidates else '"..."'
        self._add(f"# {one.name} = {example}")

    def _remedy(self, chosen: Candidate, one: ColumnProposal) -> str:
        if one.candidates:
            return f"it may be {' or '.join(shown_name(column.name) for column in one.candidates)}"
        if self._may_be_constant(chosen, one):
            return "not found; name it, or give all rows one value in constants"
        return "not found; name it, or a view that has it"

    @staticmethod
    def _may_be_constant(chosen: Candidate, one: ColumnProposal) -> bool:
        """Not for ids, amounts, days and moments, which differ from row to row, nor where the source has that name."""
        own = one.name in {folded(column.name) for column in chosen.found.columns}
        return (
            one.is_needed and not (own or one.is_amount) and one.spec.type in _EXAMPLES and "id" not in words(one.name)
        )


def comment(text: str) -> str:
    """A text that cannot leave its comment."""
    return toml_text(text)[1:-1].replace('\\"', '"')


def _coverage(candidate: Candidate) -> str:
    lacking = candidate.lacking
    named = ", ".join(lacking[:_MOST_NAMED]) + (" and more" if lacking[_MOST_NAMED:] else "")
    return f"has {candidate.covered} of {candidate.covered + len(lacking)} needed columns" + (
        f", not {named}" if lacking else ""
    )


def _listed(values: Iterable[tuple[str, int]]) -> str:
    listed = [f"{toml_text(value)} ({number_of(rows, 'row')})" for value, rows in values]
    return ", ".join(listed[:_MOST_NAMED]) + (f" and {len(listed) - _MOST_NAMED} more" if listed[_MOST_NAMED:] else "")
