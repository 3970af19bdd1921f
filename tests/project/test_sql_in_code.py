"""No f-string builds a statement from more than identifiers and literals.

A statement that puts conditions, column lists or queries together belongs into a template beside its module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"

STATEMENT = re.compile(
    # What stands in quotation marks is shown to a reader, who may run it.
    r"""(?<!["`])\b(
        SELECT\s
        | INSERT\s+INTO
        | UPDATE\s+\S+\s+(AS\s+\S+\s+)?SET
        | DELETE\s+FROM
        | CREATE\s+(OR\s+REPLACE|TEMP|TEMPORARY|TABLE|VIEW|SCHEMA|UNIQUE|INDEX)
        | DROP\s+(TABLE|VIEW|SCHEMA|INDEX|COLUMN)
        | ALTER\s+(TABLE|COLUMN)
        | ADD\s+COLUMN
    )""",
    re.VERBOSE,
)
QUOTING = {
    *("identifier", "identifiers", "table", "quote", "quoted", "_quote", "_quoted"),
    *("literal", "redshift_literal", "quoted_text"),
}
"""Functions that give a quoted identifier, several, or a literal, in the dialect of their module."""

Scope = dict[str, list[ast.expr]]
"""What is assigned to each name of a function or module."""


def built_statements(source: str) -> list[int]:
    """The lines of the f-strings in a module that build more of a statement than identifiers and literals."""
    return sorted(
        string.lineno
        for string, scope in strings_of(ast.parse(source), {})
        if STATEMENT.search("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in string.values))
        and not all(is_quoted(part.value, scope) for part in string.values if isinstance(part, ast.FormattedValue))
    )


def strings_of(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.JoinedStr, Scope]]:
    """The f-strings below a node, each with what is assigned to the names it sees."""
    if isinstance(node, ast.Module):
        scope = assignments(node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        # A parameter may be anything, and hides what stands around the function.
        parameters = [one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)]
        scope = {name: values for name, values in scope.items() if name not in parameters}
        own = assignments(node)
        scope |= {name: values for name, values in own.items() if name not in parameters}
    if isinstance(node, ast.JoinedStr):
        yield node, scope
    for child in ast.iter_child_nodes(node):
        yield from strings_of(child, scope)


def assignments(node: ast.AST) -> Scope:
    """What a module or function assigns to names itself, leaving out the functions within it.

    What a loop, `+=` or the like gives to a name may be anything.
    """
    found: Scope = {}
    for child in ast.iter_child_nodes(node):
        parts: list[tuple[str, ast.expr]] = []
        if isinstance(child, ast.Assign):
            parts = [part for target in child.targets for part in parts_of(target, child.value)]
            parts += [(name, value) for name, values in assignments(child.value).items() for value in values]
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            parts = [(child.id, ast.Constant(None))]
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts = [(name, value) for name, values in assignments(child).items() for value in values]
        for name, value in parts:
            found.setdefault(name, []).append(value)
    return found


def parts_of(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """The names in the target of an assignment, each with its value."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return [(place.id, part) for place, part in pairs if isinstance(place, ast.Name)]
    names = [place.id for place in ast.walk(target) if isinstance(place, ast.Name)]
    return [(name, value if isinstance(target, ast.Name) else ast.Constant(None)) for name in names]


def is_quoted(value: ast.expr, scope: Scope) -> bool:
    """Whether an expression can only be identifiers or literals, or is a constant text."""
    if isinstance(value, ast.Call):
        called = value.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        return name in QUOTING or is_listed(value)
    if isinstance(value, ast.Name):
        bound = scope.get(value.id, [])
        # Names in capitals are constants of a module.
        if value.id.isupper() and len(bound) == 1 and is_text(bound[0]):
            return True
        return bool(bound) and all(isinstance(one, ast.Call) and is_quoted(one, {}) for one in bound)
    return False


def is_listed(call: ast.Call) -> bool:
    """Whether a call is `", ".join(...)` of identifiers, literals or marks for values, one for each of something."""
    joined = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "join" else None
    each = call.args[0].elt if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) else None
    if not isinstance(joined, ast.Constant) or joined.value != ", " or each is None:
        return False
    return (isinstance(each, ast.Call) and is_quoted(each, {})) or (
        isinstance(each, ast.Constant) and each.value == "?"
    )


def is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


@pytest.mark.fast
def test_no_f_string_builds_a_statement() -> None:
    paths = sorted(ROOT.rglob("*.py"))
    found = [f"{path.relative_to(ROOT.parent)}:{line}" for path in paths for line in built_statements(path.read_text())]

    assert len(paths) > 200
    assert found == [], "write these statements as templates"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("source", "built"),
    [
        ("f'SELECT a FROM {identifier(name)}'", False),
        ("f'SELECT {identifiers(names)} FROM t WHERE a = {literal(a)}'", False),
        (
            "def f(x):\n    one, other = identifier(x), render.literal(x)\n    f'DELETE FROM {one} WHERE a = {other}'",
            False,
        ),
        ("A = 'a'\ndef f():\n    f'SELECT {A} FROM t'", False),
        ("f'INSERT INTO t ({\", \".join(_quote(name) for name in names)}) VALUES (1)'", False),
        ('f\'INSERT INTO t VALUES ({", ".join("?" for _ in names)})\'', False),
        ("f'SELECT a FROM {source}'", True),
        ("A = 'a'\ndef f(A):\n    f'SELECT {A} FROM t'", True),
        ("A = 'a'\nA += b\nf'SELECT {A} FROM t'", True),
        ("A = 'a' + b\nf'SELECT {A} FROM t'", True),
        ("def f():\n    a = 'b'\n    f'SELECT {a} FROM t'", True),
        ("x = identifier('a')\nfor x in names:\n    f'DROP TABLE {x}'", True),
        ("f'SELECT {\", \".join(names)} FROM t'", True),
        ("f'SELECT a FROM t WHERE {\" AND \".join(identifier(name) for name in names)}'", True),
        ('f\'SELECT {", ".join(f"{identifier(name)} + 1" for name in names)} FROM t\'', True),
        ("f'SELECT a FROM t WHERE {condition()}'", True),
        ("def f(x):\n    x = identifier(x)\n    x = x + y\n    f'DROP TABLE {x}'", True),
        ("def f():\n    x = identifier('a')\ndef g(x):\n    f'DROP TABLE {x}'", True),
        ("f'{place} ALTER COLUMN {identifier(name)} TYPE {kind}'", True),
        ("f'{place} ADD COLUMN {identifier(name)} {kind}'", True),
        ("f'UPDATE {name} AS target SET a = 1'", True),
        ("f'SELECT from {places} what you need'", True),
        ("f'Select what you need from {places}'", False),
        ("f'the rest: `rental query \"SELECT * FROM t LIMIT {most}\"`'", False),
        ("'SELECT a FROM t'", False),
    ],
)
def test_what_counts_as_built(source: str, built: bool) -> None:
    assert bool(built_statements(source)) == built
