"""Redshift's queries and changes of rows, checked for what Redshift refuses and written for PostgreSQL."""

import re
from collections.abc import Callable
from typing import Any

from sqlglot import Dialect, exp, parse_one
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError

from servers.redshift_ddl import LONGEST_VARCHAR, Plan
from servers.redshift_denied import deny_in_tree, deny_in_words
from servers.redshift_lexer import SqlError, standard_strings, tokenise

UNITS = {"year", "quarter", "month", "week", "day", "hour", "minute", "second"}
_VARCHAR_BYTES = "256"
_DECIMAL_DIGITS = ("18", "0")
_CUTTING = {exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.DECIMAL}
_ALLOWED_PARTS: dict[type[exp.Expr], set[str]] = {
    exp.Select: {
        "with_",
        "expressions",
        "distinct",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "qualify",
        "order",
        "limit",
        "offset",
    },
    exp.Insert: {"this", "expression"},
    exp.Update: {"this", "expressions", "from_", "where"},
    exp.Delete: {"this", "using", "where"},
    exp.Merge: {"this", "using", "on", "whens"},
}


class _PlainStrings(Redshift):
    """Redshift's SQL after its backslash escapes have been worked off."""

    class Tokenizer(Redshift.Tokenizer):
        STRING_ESCAPES = ["'"]  # noqa: RUF012 as the parent has it


def query(sql: str) -> Plan:
    """SELECT, or WITH ... SELECT."""
    tree = _parse(sql, exp.Select, exp.SetOperation)
    return Plan("SELECT", [_postgres(tree)], returns_rows=True)


def explain(sql: str) -> Plan:
    """EXPLAIN [VERBOSE] of a query, which is not run."""
    explained = query(re.sub(r"^\s*EXPLAIN\s+(VERBOSE\s+)?", "", sql, count=1, flags=re.IGNORECASE))
    return Plan("EXPLAIN", [f"EXPLAIN {explained.sqls[0]}"], returns_rows=True)


def insert(sql: str) -> Plan:
    tree = _parse(sql, exp.Insert)
    _need(isinstance(tree.this, exp.Schema) and tree.this.expressions, "INSERT needs a column list")
    _need(isinstance(tree.expression, exp.Values | exp.Select | exp.SetOperation), "INSERT of VALUES or SELECT only")
    return Plan("INSERT", [_postgres(tree)])


def update(sql: str) -> Plan:
    tree = _parse(sql, exp.Update)
    _check_assignments(tree)
    return Plan("UPDATE", [_postgres(tree)])


def delete(sql: str) -> Plan:
    tree = _parse(sql, exp.Delete)
    _need(isinstance(tree.this, exp.Table) and not tree.this.alias, "DELETE takes no alias for its table")
    return Plan("DELETE", [_postgres(tree)])


def merge(sql: str) -> Plan:
    tree = _parse(sql, exp.Merge)
    target, source = tree.this, tree.args["using"]
    _need(isinstance(target, exp.Table) and not target.alias, "MERGE takes no alias for its target")
    _need(isinstance(source, exp.Table), "MERGE source must be a table")
    _need(tree.find(exp.Select) is None, "MERGE takes no subquery")
    whens = tree.args["whens"].expressions
    _need(
        [bool(when.args["matched"]) for when in whens] == [True, False]
        and not any(when.args.get("condition") or when.args.get("source") for when in whens),
        "MERGE needs WHEN MATCHED THEN UPDATE and WHEN NOT MATCHED THEN INSERT, without conditions",
    )
    changed, added = (when.args["then"] for when in whens)
    _need(isinstance(changed, exp.Update) and changed.expressions, "MERGE: WHEN MATCHED THEN UPDATE SET only")
    _need(
        isinstance(added, exp.Insert) and isinstance(added.this, exp.Tuple) and isinstance(added.expression, exp.Tuple),
        "MERGE: WHEN NOT MATCHED THEN INSERT (...) VALUES (...) only",
    )
    _check_assignments(changed)
    tables = [_lowered_name(table) for table in (target, source)]
    return Plan("MERGE", [_postgres(tree)], plain_tables=tables)


def _parse(sql: str, *kinds: type[exp.Expr]) -> Any:
    deny_in_words(tokenise(sql))
    tree: exp.Expr
    try:
        tree = parse_one(standard_strings(sql), read=_PlainStrings)
    except (ParseError, TokenError) as problem:
        raise SqlError(f"ERROR: syntax error: {str(problem).splitlines()[0]}") from None
    if not isinstance(tree, kinds):
        raise SqlError("ERROR: syntax error (stand-in: unknown kind of statement)")
    for node in tree.walk():
        if isinstance(node, exp.DML) and node is not tree and not isinstance(node.parent, exp.When):
            raise SqlError("ERROR: syntax error (stand-in: a query changes no rows)")
        allowed = _ALLOWED_PARTS.get(type(node))
        unknown = {name for name, part in node.args.items() if part} - allowed if allowed else set()
        if unknown and not isinstance(node.parent, exp.When):
            raise SqlError(f"ERROR: syntax error (stand-in: {node.key} with {', '.join(sorted(unknown))})")
    deny_in_tree(tree)
    return tree


def _need(condition: object, problem: str) -> None:
    if not condition:
        raise SqlError(f"ERROR: syntax error (stand-in: {problem})")


def _check_assignments(tree: exp.Expression) -> None:
    for assignment in tree.expressions:
        _need(isinstance(assignment, exp.EQ), "SET takes column = value")
        column = assignment.this
        _need(isinstance(column, exp.Column) and not column.table, "the columns of SET take no table name")


def _lowered_name(table: exp.Table) -> tuple[str, str]:
    return (table.db or "public").lower(), table.name.lower()


def _postgres(tree: exp.Expression) -> str:
    for identifier in tree.find_all(exp.Identifier):
        # Redshift folds even quoted names.
        identifier.set("this", identifier.name.lower())
    # From the innermost outwards: what is rewritten may hold what has been.
    for node in reversed(list(tree.walk())):
        if rewrite := _REWRITES.get(type(node)):
            node.replace(rewrite(node))
    try:
        return str(tree.sql(Dialect.get_or_raise("postgres"), identify=True, unsupported_level=ErrorLevel.RAISE))
    except UnsupportedError as problem:
        raise SqlError(f"ERROR: (stand-in: not to be had from PostgreSQL: {problem})") from None


def _catalogue(node: exp.Table) -> exp.Expression:
    """Redshift's catalogue tells more than PostgreSQL's."""
    if (node.db, node.name) == ("pg_catalog", "pg_constraint"):
        node.set("db", exp.to_identifier("redshift_stand_in"))
    return node


def _named_call(node: exp.Anonymous) -> exp.Expression:
    return _call("constraint_definition", *node.expressions) if node.name.lower() == "pg_get_constraintdef" else node


def _call(name: str, *arguments: exp.Expression | None) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])


def _timestamp(value: exp.Expression) -> exp.Expression:
    return exp.cast(value, exp.DType.TIMESTAMP)


def _unit(node: exp.Expression) -> exp.Expression:
    name = node.args["unit"].name.lower()
    unit = name if name in UNITS else name.removesuffix("s")
    _need(unit in UNITS, f"unknown date part {name}")
    return exp.Literal.string(unit)


def _date_add(node: exp.Expression) -> exp.Expression:
    number = exp.cast(node.expression, exp.DType.BIGINT)
    return _call("dateadd", _unit(node), number, _timestamp(node.this))


def _date_diff(node: exp.Expression) -> exp.Expression:
    return _call("datediff", _unit(node), _timestamp(node.expression), _timestamp(node.this))


def _truncated(node: exp.Expression) -> exp.Expression:
    # PostgreSQL would give a date's first moment a time zone.
    return _call("date_trunc", exp.Literal.string(node.args["unit"].name.lower()), _timestamp(node.this))


def _extracted(node: exp.Expression) -> exp.Expression:
    return exp.cast(exp.Floor(this=node.copy()), exp.DType.BIGINT if node.name == "EPOCH" else exp.DType.INT)


def _now(node: exp.Expression) -> exp.Expression:
    if node.args.get("sysdate"):
        return _timestamp(_call("transaction_timestamp"))
    # GETDATE() knows no fractions of a second.
    return _call("date_trunc", exp.Literal.string("second"), _timestamp(_call("statement_timestamp")))


def _cast(node: exp.Expression) -> exp.Expression:
    """A cast to VARCHAR(n) cuts after n bytes; without a length n is 256."""
    if node.args["to"].this in _CUTTING:
        return _cut(node)
    if node.args["to"].this not in {exp.DType.VARCHAR, exp.DType.TEXT}:
        return node
    given = node.args["to"].find(exp.DataTypeParam)
    length = _VARCHAR_BYTES if given is None else given.name
    number = exp.Literal.number(LONGEST_VARCHAR if length.upper() == "MAX" else length)
    text = _call("left_bytes", exp.cast(node.this, exp.DType.TEXT), number)
    kind = exp.DataType(this=exp.DType.VARCHAR, expressions=[exp.DataTypeParam(this=number.copy())])
    return exp.Cast(this=text, to=kind)


def _cut(node: exp.Expression) -> exp.Expression:
    """A cast of a decimal to another number cuts what has no place in it."""
    kind = node.args["to"]
    given = [parameter.name for parameter in kind.expressions]
    precision, scale = (*given, *_DECIMAL_DIGITS[len(given) :])
    if kind.this == exp.DType.DECIMAL:
        kind = exp.DataType.build(f"DECIMAL({precision}, {scale})")
    return exp.Cast(this=_call("cut", node.this, exp.Literal.number(scale)), to=kind)


def _known(node: exp.Expression) -> exp.Expression:
    """The first or last value of a window that is not NULL, which PostgreSQL cannot say."""
    names = {exp.FirstValue: "first_known", exp.LastValue: "last_known"}
    name = names.get(type(node.this))
    return _call(name, node.this.this) if name else node


def _concat(node: exp.Expression) -> exp.Expression:
    if len(node.expressions) != 2:
        raise SqlError("ERROR: function concat() with other than two arguments does not exist")
    first, second = (exp.cast(part, exp.DType.TEXT) for part in node.expressions)
    return exp.paren(exp.DPipe(this=first, expression=second))


_REWRITES: dict[type[exp.Expr], Callable[[Any], exp.Expression]] = {
    exp.Anonymous: _named_call,
    exp.Table: _catalogue,
    exp.Cast: _cast,
    exp.Concat: _concat,
    exp.IgnoreNulls: _known,
    exp.TsOrDsAdd: _date_add,
    exp.TsOrDsDiff: _date_diff,
    exp.DateDiff: _date_diff,
    exp.TimestampTrunc: _truncated,
    exp.DateTrunc: _truncated,
    exp.Extract: _extracted,
    exp.CurrentTimestamp: _now,
    exp.Avg: lambda node: _call("average", node.this),
    # sqlglot would make decimals of doubles.
    exp.Round: lambda node: _call("round", node.this, node.args.get("decimals")),
    exp.SHA2: lambda node: _call("sha2", node.this, node.args.get("length") or exp.Literal.number(256)),
}
