"""Checks as contract files declare them: a kind, on a column or on a table, or an expression."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from rental_analytics.contracts.base import (
    MOST_LETTERS,
    Contract,
    Identifier,
    Sentence,
    Severity,
    SqlPredicate,
    wrong_at,
)
from rental_analytics.contracts.setting_types import Duration


class Values(StrEnum):
    """What a column holds, as far as it decides which checks it can have."""

    TEXT = "text"
    NUMBER = "number"
    REAL = "real"
    DATE = "date"
    TIMESTAMP = "timestamp"
    OTHER = "other"


def _finite(value: object) -> object:
    if isinstance(value, float) and value - value != 0:
        raise ValueError("it is not a number, a text or a date")
    if isinstance(value, datetime) and value.tzinfo:
        raise ValueError("a moment is written in UTC, without a zone")
    return value


Constant = Annotated[bool | int | float | str | datetime | date, AfterValidator(_finite)]
"""A value as YAML has it."""


class NotNull(Contract):
    """No row is NULL in the column."""


class AcceptedValues(Contract):
    """The column has one of these values."""

    values: tuple[Constant, ...]


class Range(Contract):
    """The column's value lies between two bounds: `min` and `max` belong to it, `above` and `below` do not."""

    min: Constant | None = None
    max: Constant | None = None
    above: Constant | None = None
    below: Constant | None = None

    @property
    def bounds(self) -> dict[str, Constant]:
        """Those that are given, by name."""
        return {name: value for name, value in self if value is not None}

    @model_validator(mode="after")
    def _is_one_range(self) -> Self:
        for pair in (("min", "above"), ("max", "below")):
            if len(self.bounds.keys() & set(pair)) == 2:
                raise wrong_at(pair[1], f"{pair[0]} and {pair[1]} are one bound", "remove one of them.")
        if not self.bounds:
            raise wrong_at("", "it has no bound", "name min or above, max or below, or one of each.")
        low, high = (self._bound(*names) for names in (("min", "above"), ("max", "below")))
        if low is None or high is None:
            return self
        try:
            is_empty = low > high or (low == high and {"min", "max"} != self.bounds.keys())  # type: ignore[operator]
        except TypeError:
            raise wrong_at("", "its bounds are of two kinds", "write two numbers, two dates or two moments.") from None
        if is_empty:
            raise wrong_at("", "nothing lies between its bounds", "let the lower one be lower than the upper one.")
        return self

    def _bound(self, *names: str) -> Constant | None:
        """One of them; of a day its midnight, as which it is compared with moments."""
        bound = next((self.bounds[name] for name in names if name in self.bounds), None)
        if isinstance(bound, date) and not isinstance(bound, datetime):
            return datetime.combine(bound, time())
        return bound


class Expression(Contract):
    """A predicate in DuckDB's SQL that is true for the rows that break the check."""

    when: SqlPredicate


class Unique(Contract):
    """No two rows agree in the columns; rows that are NULL in one of them agree with none."""


class Relationships(Contract):
    """The column's value stands in a column of another table, `to`."""

    to: Annotated[str, StringConstraints(pattern=r"^(curated|intermediate|presentation)\.[a-z][a-z0-9_]*$")]
    column: Identifier


class Freshness(Contract):
    """The newest value of a column is at most so old when the run's upper bound is taken."""

    column: Identifier
    within: Annotated[Duration, Field(gt=timedelta(0))]


class RowCountNearUsual(Contract):
    """The number of rows differs from the usual one by at most this share of it."""

    within: Annotated[float, Field(gt=0, allow_inf_nan=False)]


RowKind = NotNull | AcceptedValues | Range | Expression
"""What is asked of each row by itself."""
TableKind = Unique | Relationships | Freshness | RowCountNearUsual
"""What is asked of a row beside others, or of all rows together."""
ROW_KINDS = (NotNull, AcceptedValues, Range, Expression)
WHOLE_KINDS = (Freshness, RowCountNearUsual)
"""Kinds that no single row breaks."""


@dataclass(frozen=True)
class DeclaredCheck:
    """A check of a table.

    Args:
        columns: what it looks at, in the order in which they are named; none where an expression or a count says it.
        key: where its file declares it, such as `columns.status.checks.0`.
        values: what these columns hold.
    """

    name: str
    severity: Severity
    kind: RowKind | TableKind
    key: str
    columns: tuple[str, ...] = ()
    description: str | None = None
    values: tuple[Values, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns it looks at that hold texts, and no ids."""
        held = zip(self.columns, self.values, strict=True)
        return tuple(column for column, values in held if values is Values.TEXT)

    @property
    def is_of_rows(self) -> bool:
        """Whether each row by itself breaks it or does not."""
        return isinstance(self.kind, ROW_KINDS)

    @property
    def is_of_values(self) -> bool:
        """Whether a value of its column breaks it or does not."""
        return self.is_of_rows and bool(self.columns)

    @property
    def is_of_table(self) -> bool:
        """Whether the table breaks it, and no row of it."""
        return isinstance(self.kind, WHOLE_KINDS)


def _by_kind(given: Any) -> Any:
    """`not_null` is written for `{not_null: true}`, and `{not_null, severity: warn}` for the same with a severity."""
    if isinstance(given, str):
        return {given: True}
    if isinstance(given, dict):
        return {key: True if value is None and key in _PLAIN else value for key, value in given.items()}
    return given


_PLAIN = {"not_null", "unique"}


class _Entry(Contract):
    """An item of a list `checks`: exactly one kind, and how it is called, what it does and why it is there."""

    name: Identifier | None = None
    severity: Severity = Severity.FAIL
    description: Sentence | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_its_kind(cls, given: Any) -> Any:
        return _by_kind(given)

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if len(self.kinds) != 1:
            found = " and ".join(self.kinds) or "none"
            listed = ", ".join(name for name in type(self).model_fields if name not in _Entry.model_fields)
            raise wrong_at("", f"a check names one kind, and this one {found}", f"name one of {listed}.")
        return self

    @property
    def kinds(self) -> list[str]:
        """The kinds that are named."""
        return [name for name, value in self if value is not None and name not in _Entry.model_fields]

    def _declared(
        self, kind: RowKind | TableKind, key: str, columns: Sequence[str], subject: Sequence[str]
    ) -> DeclaredCheck:
        name = self.name or "_".join([*subject, self.kinds[0]])
        if len(name) > MOST_LETTERS:
            raise wrong_at(key, f"its name would be longer than {MOST_LETTERS} letters", "give it a `name`.")
        return DeclaredCheck(name, self.severity, kind, key, tuple(columns), self.description)


class ColumnCheck(_Entry):
    """A check of one column."""

    not_null: Literal[True] | None = None
    unique: Literal[True] | None = None
    accepted_values: Annotated[tuple[Constant, ...], Field(min_length=1)] | None = None
    range: Range | None = None
    relationships: Relationships | None = None

    def declared(self, column: str, key: str) -> DeclaredCheck:
        """As the check of a table."""
        kind: RowKind | TableKind | None = self.range or self.relationships
        if self.accepted_values:
            kind = AcceptedValues(values=self.accepted_values)
        elif self.not_null or self.unique:
            kind = NotNull() if self.not_null else Unique()
        assert kind is not None
        return self._declared(kind, key, [column], [column])


def _listed(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class TableCheck(_Entry):
    """A check of a table."""

    when: SqlPredicate | None = None
    unique: Annotated[tuple[Identifier, ...], BeforeValidator(_listed), Field(min_length=1)] | None = None
    freshness: Freshness | None = None
    row_count_near_usual: RowCountNearUsual | None = None

    @model_validator(mode="after")
    def _is_called_something(self) -> Self:
        if self.when and not self.name:
            raise wrong_at("", "an expression says nothing of what it is for", "add a `name`.")
        return self

    def declared(self, key: str) -> DeclaredCheck:
        """As the check of a table."""
        if self.unique:
            return self._declared(Unique(), key, self.unique, self.unique)
        if self.freshness:
            columns = [self.freshness.column]
            return self._declared(self.freshness, key, columns, columns)
        if self.row_count_near_usual:
            return self._declared(self.row_count_near_usual, key, (), ())
        assert self.when
        return self._declared(Expression(when=self.when), key, (), ())


def declared_checks(
    columns: Mapping[str, tuple[Values, Sequence[ColumnCheck]]], table: Sequence[TableCheck]
) -> tuple[DeclaredCheck, ...]:
    """All checks that a file declares: those of its columns in their order, then those of the table.

    Args:
        columns: what each column holds, and its checks.
    """
    found = (
        *(
            check.declared(column, f"columns.{column}.checks.{place}")
            for column, (_, checks) in columns.items()
            for place, check in enumerate(checks)
        ),
        *(check.declared(f"checks.{place}") for place, check in enumerate(table)),
    )
    held = {column: values for column, (values, _) in columns.items()}
    return tuple(
        replace(check, values=tuple(held.get(column, Values.OTHER) for column in check.columns)) for check in found
    )


_OF_RANGES = {Values.NUMBER, Values.REAL, Values.DATE, Values.TIMESTAMP}
_LISTED = {Values.NUMBER, Values.TEXT, Values.DATE}


def check_columns(checks: Sequence[DeclaredCheck], columns: Mapping[str, Values], taken: Collection[str]) -> None:
    """See that checks have names of their own, and columns that they can look at.

    Args:
        columns: what each column of the table holds.
        taken: names that other checks and rules of the table have.

    Raises:
        PydanticCustomError: one does not; names its key and the remedy.
    """
    names = {*taken}
    for check in checks:
        if check.name in names:
            raise wrong_at(check.key, f"there is a check {check.name!r} already", "give it a `name` of its own.")
        names.add(check.name)
        for column in check.columns:
            if column not in columns:
                raise wrong_at(
                    check.key, f"there is no column {column!r}", f"name one of the columns: {', '.join(columns)}."
                )
        match check.kind:
            case AcceptedValues(values=values):
                _check_constants(check, columns[check.columns[0]], values, _LISTED, "accepted_values")
            case Range() as asked:
                _check_constants(check, columns[check.columns[0]], asked.bounds.values(), _OF_RANGES, "range")
            case Freshness():
                if columns[check.columns[0]] not in {Values.DATE, Values.TIMESTAMP}:
                    raise wrong_at(
                        f"{check.key}.freshness.column",
                        f"{check.columns[0]!r} holds no moments",
                        "name a column of dates or timestamps.",
                    )


def _check_constants(
    check: DeclaredCheck, held: Values, constants: Collection[Constant], fitting: Collection[Values], kind: str
) -> None:
    key, column = f"{check.key}.{kind}", check.columns[0]
    if held not in fitting:
        listed = "numbers, dates and timestamps" if kind == "range" else "texts, exact numbers and dates"
        raise wrong_at(
            key, f"{kind} is for {listed}, which {column!r} does not hold", "say it by `when` in `checks` of the table."
        )
    for constant in constants:
        if not _is_of(constant, held):
            raise wrong_at(key, f"{str(constant)!r} is no {held} as {column!r} holds them", "correct the value.")


def _is_of(constant: Constant, held: Values) -> bool:
    if held is Values.TEXT:
        # Redshift takes a text for equal to the same with blanks behind it.
        return isinstance(constant, str) and "\0" not in constant and not constant.endswith(" ")
    if held in {Values.NUMBER, Values.REAL}:
        return isinstance(constant, int | float) and not isinstance(constant, bool)
    if held is Values.DATE:
        return isinstance(constant, date) and not isinstance(constant, datetime)
    return isinstance(constant, date)


def check_none_rejects(checks: Sequence[DeclaredCheck], remedy: str) -> None:
    """See that no check rejects rows, where none can be rejected.

    Raises:
        PydanticCustomError: one does.
    """
    for check in checks:
        if check.severity is Severity.REJECT:
            raise wrong_at(f"{check.key}.severity", f"check {check.name!r} cannot reject rows", remedy)


def check_not_said_twice(checks: Sequence[DeclaredCheck], required: Collection[str], key: Collection[str]) -> None:
    """See that no check says what `nullable: false` and `key` of a table say, which is checked anyway.

    Raises:
        PydanticCustomError: one does.
    """
    for check in checks:
        is_rule = check.severity is Severity.REJECT
        if isinstance(check.kind, NotNull) and check.columns[0] in required and not is_rule:
            raise wrong_at(check.key, "`nullable: false` says so already", "remove the check.")
        if isinstance(check.kind, Unique) and key and {*key} <= {*check.columns}:
            raise wrong_at(check.key, "the table's key is checked to be unique anyway", "remove the check.")
