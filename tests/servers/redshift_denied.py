"""What sqlglot or PostgreSQL would take and Redshift refuses."""

from collections.abc import Sequence

from sqlglot import exp

from servers.redshift_lexer import RESERVED, SqlError, Token

_ANY = "*"
# Runs of words; `*` is any word.
_WORDS = (
    ("DISTINCT", "ON"),
    ("FILTER", "("),
    ("LATERAL",),
    ("ON", "CONFLICT"),
    ("RETURNING",),
    ("DISTINCT", "FROM"),
    ("ARRAY", "["),
    ("WINDOW", _ANY, "AS"),
    ("TRY_CAST",),
    ("GROUP", "BY", "ALL"),
    ("TABLESAMPLE",),
    ("(", "VALUES"),
    (";",),
)
_BY_FIRST_WORD = {words[0]: [other for other in _WORDS if other[0] == words[0]] for words in _WORDS}
_FUNCTIONS_TEXT = """
    AGE ARRAY_AGG ARRAY_LENGTH ARRAY_TO_STRING CARDINALITY CLOCK_TIMESTAMP CONCAT_WS DATE_BIN EVERY FORMAT
    GENERATE_SERIES GENERATE_SUBSCRIPTS GEN_RANDOM_UUID JSONB_AGG JSONB_BUILD_OBJECT JSON_AGG JSON_BUILD_OBJECT
    JUSTIFY_DAYS JUSTIFY_HOURS JUSTIFY_INTERVAL MAKE_DATE MAKE_INTERVAL MAKE_TIME MAKE_TIMESTAMP MAKE_TIMESTAMPTZ MODE
    NOW NUM_NONNULLS NUM_NULLS OVERLAY REGEXP_MATCH REGEXP_MATCHES REGEXP_SPLIT_TO_ARRAY REGEXP_SPLIT_TO_TABLE
    ROW_TO_JSON STARTS_WITH STATEMENT_TIMESTAMP STRING_AGG STRING_TO_ARRAY TO_JSON TO_JSONB TRANSACTION_TIMESTAMP
    UNNEST WIDTH_BUCKET XMLAGG
"""
_FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())
_TYPES_TEXT = """
    SMALLINT INT BIGINT DECIMAL DOUBLE FLOAT BOOLEAN VARCHAR CHAR TEXT DATE TIMESTAMP TIMESTAMPTZ INTERVAL
"""
_TYPES = frozenset(_TYPES_TEXT.split())
_RANKING = (
    exp.CumeDist,
    exp.DenseRank,
    exp.Lag,
    exp.Lead,
    exp.Ntile,
    exp.PercentRank,
    exp.Rank,
    exp.RowNumber,
)
_SORTED_AGGREGATES = (exp.PercentileCont, exp.Median, exp.GroupConcat)


def deny_in_words(tokens: Sequence[Token]) -> None:
    """Refuse what can be told from words next to each other."""
    keys = [token.key for token in tokens]
    for start, key in enumerate(keys):
        for words in _BY_FIRST_WORD.get(key, ()):
            found = keys[start : start + len(words)]
            if len(found) == len(words) and all(word in {_ANY, key} for word, key in zip(words, found, strict=True)):
                raise SqlError(f'ERROR: syntax error at or near "{" ".join(words)}" (stand-in: not in Redshift)')
        own = key.startswith("PG_") and key not in {"PG_BACKEND_PID", "PG_GET_CONSTRAINTDEF"}
        if (own or key in _FUNCTIONS) and keys[start + 1 : start + 2] == ["("]:
            raise SqlError(f"ERROR: function {key.lower()}() does not exist (stand-in: not in Redshift)")


def deny_in_tree(tree: exp.Expr) -> None:
    """Refuse what takes the parsed statement to see."""
    for node in tree.walk():
        if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
            raise SqlError('ERROR: syntax error at or near "VALUES" (stand-in: no VALUES as a table in Redshift)')
        if isinstance(node, exp.DataType) and node.this.name not in _TYPES:
            raise SqlError(f'ERROR: type "{node.sql().lower()}" does not exist (stand-in: not in Redshift)')
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise SqlError("ERROR: syntax error (stand-in: no parameters)")
        if isinstance(node, exp.Select):
            _check_select(node)
        if isinstance(node, exp.Or):
            _check_or(node)
        if isinstance(node, exp.Window):
            _check_window(node)
        _check_name(node)


def _check_name(node: exp.Expr) -> None:
    """A reserved word is no name, but for what comes after a dot."""
    first: exp.Expr | None = None
    if isinstance(node, exp.Table):
        first = node.args.get("db") or node.this
    elif isinstance(node, exp.Column):
        first = node.args.get("table") or node.this
    elif isinstance(node, exp.TableAlias):
        first = node.this
    if isinstance(first, exp.Identifier) and not first.quoted and first.name.upper() in RESERVED:
        raise SqlError(f'ERROR: syntax error at or near "{first.name}" (stand-in: a reserved word)')


def _check_select(select: exp.Select) -> None:
    source = select.args.get("from_")
    if select.args.get("qualify") and not (source and source.this.alias):
        raise SqlError('ERROR: syntax error at or near "QUALIFY" (stand-in: FROM needs an alias before QUALIFY)')
    orders = {order for node in select.expressions for order in _orders(node)}
    if len(orders) > 1:
        raise SqlError("ERROR: within group ORDER BY clauses for aggregate functions must be the same")


def _orders(node: exp.Expression) -> list[str]:
    found = [group.expression.sql() for group in node.find_all(exp.WithinGroup) if group.find(*_SORTED_AGGREGATES)]
    return found + [f"ORDER BY {median.this.sql()}" for median in node.find_all(exp.Median)]


def _check_window(window: exp.Window) -> None:
    """Aggregates over ordered rows name their frame, in rows; what ranks takes none."""
    function, frame = window.this, window.args.get("spec")
    if isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    if isinstance(function, _RANKING):
        if frame:
            raise SqlError("ERROR: syntax error (stand-in: functions that rank take no frame)")
    elif window.args.get("order") and not frame:
        raise SqlError("ERROR: Aggregate window functions with an ORDER BY clause require a frame clause")
    if frame and frame.args["kind"].upper() != "ROWS":
        raise SqlError(f"ERROR: {frame.args['kind'].upper()} clause of window functions not yet implemented")
    if frame and frame.args.get("exclude"):
        raise SqlError('ERROR: syntax error at or near "EXCLUDE" (stand-in: not in Redshift)')


def _check_or(node: exp.Or) -> None:
    for select in node.find_all(exp.Select):
        if _is_correlated(select):
            raise SqlError("ERROR: This type of correlated subquery pattern is not supported yet")


def _is_correlated(select: exp.Select) -> bool:
    """Whether a column names a table from outside; one without a table name is taken for the subquery's own."""
    own = {source.alias_or_name.lower() for source in select.find_all(exp.Table, exp.Subquery, exp.CTE)}
    return any(column.table and column.table.lower() not in own for column in select.find_all(exp.Column))
