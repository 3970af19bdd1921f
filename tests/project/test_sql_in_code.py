"""How many statements are built by f-strings from more than identifiers and literals: fewer over time, never more.

A statement that puts conditions, column lists or queries together belongs into a template beside its module.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"

ALLOWED = {
    "rental_marketplace": 10,
    "rental_marketplace.writers": 3,
}

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
    """What a module or function assigns to names itself, leaving out the functions within it."""
    found: Scope = {}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assign):
            for target in child.targets:
                for place, value in parts_of(target, child.value):
                    found.setdefault(place, []).append(value)
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name, values in assignments(child).items():
                found.setdefault(name, []).extend(values)
    return found


def parts_of(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """The names in the target of an assignment, each with its value."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return [(place.id, part) for place, part in pairs if isinstance(place, ast.Name)]
    names = [place.id for place in ast.walk(target) if isinstance(place, ast.Name)]
    return [(name, value if isinstance(target, ast.Name) else ast.Constant(None)) for name in names]


def is_quoted(value: ast.expr, scope: Scope) -> bool:
    """Whether an expression can only be identifiers or literals."""
    if isinstance(value, ast.Call):
        called = value.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        return name in QUOTING
    if isinstance(value, ast.Name):
        bound = scope.get(value.id, [])
        return bool(bound) and all(isinstance(one, ast.Call) and is_quoted(one, {}) for one in bound)
    return False


@pytest.mark.fast
def test_no_package_gains_a_statement_built_by_an_f_string() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for line in built_statements(path.read_text()):
            package = ".".join(path.relative_to(ROOT).parent.parts)
            places.setdefault(package, []).append(f"{path.relative_to(ROOT.parent)}:{line}")
    found = Counter({package: len(lines) for package, lines in places.items()})
    allowed = Counter(ALLOWED)

    gained = {package: places[package] for package in found - allowed}
    assert not gained, f"write these statements, or as many others of the package, as templates: {gained}"
    lost = {package: found[package] for package in allowed - found}
    assert not lost, f"fewer are left, so lower ALLOWED to: {lost}"


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
        ("f'SELECT a FROM {source}'", True),
        ("f'SELECT a FROM t WHERE {condition()}'", True),
        ("def f(x):\n    x = identifier(x)\n    x = x + y\n    f'DROP TABLE {x}'", True),
        ("def f():\n    x = identifier('a')\ndef g(x):\n    f'DROP TABLE {x}'", True),
        ("f'{place} ALTER COLUMN {identifier(name)} TYPE {kind}'", True),
        ("f'UPDATE {name} AS target SET a = 1'", True),
        ("f'SELECT from {places} what you need'", True),
        ("f'Select what you need from {places}'", False),
        ("f'the rest: `rental query \"SELECT * FROM t LIMIT {most}\"`'", False),
        ("'SELECT a FROM t'", False),
    ],
)
def test_what_counts_as_built(source: str, built: bool) -> None:
    assert bool(built_statements(source)) == built
