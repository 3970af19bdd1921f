"""What the columns of a query are made of, and what only decides which rows it has; for SQL in DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import MappingSchema, exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from rental_analytics.errors import ContractError
from rental_analytics.sql.portability import parsed

ROWS = "*"
"""Stands for the rows of a table where they are counted, and no column of theirs is read."""

TableColumn = tuple[str, str]
"""Qualified name of a table, and a column of it or `ROWS`."""
_Found = frozenset[TableColumn]
_NOTHING: _Found = frozenset()


@dataclass(frozen=True)
class QueryLineage:
    """What a query makes its columns and rows of.

    Args:
        columns: what each column is made of, in the order of the columns; nothing for a constant.
        rows: the tables whose rows it has, joins or groups, each with the column `ROWS`.
        conditions: columns that decide which rows there are, or that rows are grouped or joined by.
    """

    columns: Mapping[str, frozenset[TableColumn]]
    rows: frozenset[TableColumn]
    conditions: frozenset[TableColumn]


@dataclass(frozen=True)
class Tables:
    """The tables that queries may read.

    Args:
        columns: qualified name and columns of each.
        single: tables that always have one row.
        lookups: tables of which a join takes what it looks up: such a value is made of what it is looked up by, too.
    """

    columns: tuple[tuple[str, tuple[str, ...]], ...]
    single: frozenset[str] = frozenset()
    lookups: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Their qualified names."""
        return frozenset(name for name, _ in self.columns)

    @property
    def schema(self) -> MappingSchema:
        """What sqlglot finds columns in; their types make no difference."""
        schema = MappingSchema(dialect="duckdb")
        for name, columns in self.columns:
            schema.add_table(name, dict.fromkeys(columns, "UNKNOWN"), dialect="duckdb", match_depth=False)
        return schema


@lru_cache(maxsize=256)
def query_lineage(sql: str, tables: Tables, label: str) -> QueryLineage:
    """What a query makes its columns and rows of.

    A column is made of all columns that its expression names, through CTEs, subqueries and set operations: conditions
    of `CASE` and the order of a window too, but not what a window is parted by, which groups rows as `GROUP BY` does.
    `COUNT` is made of the rows it is over, and so is an aggregate of constants. A `LEFT JOIN` is taken to add columns
    to rows that are there, and no rows.

    Raises:
        ContractError: it does not parse, or reads a table or a column that there is not; names `label`.
    """
    statement = parsed(sql, label)
    try:
        statement = qualify(statement, schema=tables.schema, dialect="duckdb", quote_identifiers=False)
        root = build_scope(statement)
        assert root is not None
        return _Resolver(root, tables).lineage()
    except OptimizeError as error:
        told = str(error).partition(" Line: ")[0].rstrip(".")
        raise ContractError(
            f"{label}: {told}.",
            remedy="correct the name in the query, or add the column to the model that it reads.",
            reason="query-not-resolved",
        ) from error


class _Resolver:
    """Follows the columns of one query to the tables that it reads."""

    def __init__(self, root: Any, tables: Tables) -> None:
        self._root = root
        self._tables = tables
        self._names = tables.names
        self._known: dict[tuple[int, str], _Found] = {}

    def lineage(self) -> QueryLineage:
        names = [str(name) for name in self._root.expression.named_selects]
        conditions = _union(map(self._conditions, self._root.traverse()))
        return QueryLineage(
            columns={name: self._column(self._root, name) for name in names},
            rows=self._rows(self._root),
            conditions=frozenset(found for found in conditions if found[1] != ROWS),
        )

    def _conditions(self, scope: Any) -> _Found:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation) and not _keeps_all(expression):
            return _union(self._column(scope, name) for name in expression.named_selects)
        return _union(self._inputs(part, scope) for part in _deciding(scope))

    def _column(self, scope: Any, name: str) -> _Found:
        key = id(scope), name
        if key not in self._known:
            self._known[key] = self._made_column(scope, name)
        return self._known[key]

    def _made_column(self, scope: Any, name: str) -> _Found:
        expression = scope.expression
        place = list(expression.named_selects).index(name)
        if branches := scope.set_operation_scopes:
            return _union(self._column(branch, branch.expression.named_selects[place]) for branch in branches)
        return self._inputs(expression.selects[place], scope) if isinstance(expression, exp.Select) else _NOTHING

    def _inputs(self, node: Any, scope: Any) -> _Found:
        """What a part of an expression names."""
        if isinstance(node, exp.Column):
            return self._named(node, scope)
        if isinstance(node, exp.Select | exp.SetOperation):
            inner = next(found for found in scope.subquery_scopes if found.expression is node)
            return _union(self._column(inner, name) for name in node.named_selects)
        found = _union(self._inputs(part, scope) for part in _parts(node, scope))
        counts = isinstance(node, exp.Count) or (not found and isinstance(node, exp.AggFunc | exp.Window))
        return found | self._counted(node, scope) if counts else found

    def _counted(self, node: Any, scope: Any) -> _Found:
        """The rows that an aggregate is over: of what is joined, those that its columns come from."""
        holders = [(column.table, _holder(column, scope)) for column in node.find_all(exp.Column)]
        if not holders:
            return self._joined_rows(scope)
        return _union(self._rows_of(holder.sources[table]) for table, holder in holders if holder)

    def _named(self, column: Any, scope: Any) -> _Found:
        holder = _holder(column, scope)
        if holder is None:
            return _NOTHING
        source = holder.sources[column.table]
        found = self._of_source(source, column.name)
        is_looked_up = not isinstance(source, Scope) and _qualified(source) in self._tables.lookups
        return found | self._looked_up_by(column.table, holder) if is_looked_up else found

    def _looked_up_by(self, table: str, scope: Any) -> _Found:
        """The columns of other tables that a join compares with those of this one."""
        joins = [join for join in scope.expression.args.get("joins") or () if join.this.alias_or_name == table]
        compared = [column for join in joins for column in join.args["on"].find_all(exp.Column)]
        return _union(self._named(column, scope) for column in compared if column.table != table)

    def _of_source(self, source: Any, name: str) -> _Found:
        if isinstance(source, Scope):
            return self._column(source, name)
        relation = _qualified(source)
        if relation not in self._names:
            raise OptimizeError(f"There is no table {relation} to read.")
        return frozenset({(relation, name)})

    def _rows(self, scope: Any) -> _Found:
        """The tables whose rows a query returns; none where it always returns one row."""
        if scope.set_operation_scopes:
            return _union(map(self._rows, scope.set_operation_scopes))
        select = scope.expression
        returns_rows = isinstance(select, exp.Select) and not _is_one_row(select)
        return self._joined_rows(scope) if returns_rows else _NOTHING

    def _joined_rows(self, scope: Any) -> _Found:
        """The tables whose rows a query joins."""
        select = scope.expression
        joined = [join for join in select.args.get("joins") or () if _adds_rows(join)]
        from_ = select.args.get("from_")
        names = [part.this.alias_or_name for part in (*([from_] if from_ else ()), *joined)]
        return _union(self._rows_of(scope.sources[name]) for name in names if name in scope.sources)

    def _rows_of(self, source: Any) -> _Found:
        found = self._rows(source) if isinstance(source, Scope) else self._of_source(source, ROWS)
        return frozenset(table for table in found if table[0] not in self._tables.single)


def _holder(column: Any, scope: Any) -> Any:
    """The query that has the table of a column: that itself, or for one that looks outside a query around it."""
    while scope is not None and column.table not in scope.sources:
        scope = scope.parent
    return scope


def _qualified(table: Any) -> str:
    return f"{table.db}.{table.name}" if table.db else str(table.name)


def _union(found: Iterable[_Found]) -> _Found:
    return frozenset().union(*found)


def _parts(node: Any, scope: Any) -> Iterator[Any]:
    """The parts of an expression; of a window that is named elsewhere, those it has there."""
    if isinstance(node, exp.Window) and node.alias:
        named = scope.expression.args.get("windows") or ()
        yield from (part for window in named if window.name == node.alias for part in _parts(window, scope))
    for part in node.iter_expressions():
        if not (isinstance(node, exp.Window) and part.arg_key == "partition_by"):
            yield part


def _deciding(scope: Any) -> Iterator[Any]:
    """Parts of a query that decide which rows it has, or how rows meet."""
    expression = scope.expression
    if not isinstance(expression, exp.Select):
        return
    yield from filter(None, (expression.args.get(name) for name in ("where", "group", "having", "qualify")))
    yield from filter(None, (join.args.get("on") for join in expression.args.get("joins") or ()))
    if expression.args.get("distinct"):
        yield from expression.selects
    if expression.args.get("limit") and expression.args.get("order"):
        yield expression.args["order"]
    for window in scope.find_all(exp.Window):
        yield from window.args.get("partition_by") or ()


def _keeps_all(operation: Any) -> bool:
    return isinstance(operation, exp.Union) and not operation.args.get("distinct")


def _adds_rows(join: Any) -> bool:
    return join.side != "LEFT" and join.kind not in {"SEMI", "ANTI"}


def _is_one_row(select: Any) -> bool:
    """Whether all rows are taken together to one."""
    if select.args.get("group"):
        return False
    found = (node for part in select.selects for node in part.walk(prune=lambda node: isinstance(node, exp.Query)))
    return any(isinstance(node, exp.AggFunc) and not _is_windowed(node) for node in found)


def _is_windowed(aggregate: Any) -> bool:
    above = aggregate.parent
    while isinstance(above, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        above = above.parent
    return isinstance(above, exp.Window)
