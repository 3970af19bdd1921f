"""Mutants of Python modules, by the operators of Cosmic Ray and two more: one for each place of a file.

Runs in the environment that has Cosmic Ray. Takes a seed, how many mutants, and the files; writes a JSON list.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from parso.python import tree  # before Cosmic Ray, which imports it in a circle
from sampling import shares, shuffled

# Others fail wherever they are run, which says nothing about the tests: `names & key` of two lists, `-True`.
_KEPT = re.compile(
    r"core/(Add|Replace(True|False|And|Or|Break|Continue)|ExceptionReplacer|NumberReplacer|ZeroIteration"
    r"|ReplaceComparison|ReplaceUnaryOperator_Delete|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul)$)"
)


class DropStatement(Operator):
    """Leaves out a statement that calls something, yields, or adds to a name."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "simple_stmt" and _does_something(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        node.children[0] = tree.Keyword("pass", node.children[0].start_pos, node.get_first_leaf().prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class DropElse(Operator):
    """Takes the first branch of a conditional expression, whatever its condition says."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "test" and node.children[1] == "if":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        return node.children[0]

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _does_something(statement: Any) -> bool:
    if statement.type in ("yield_expr", "raise_stmt"):
        return True
    if statement.type == "expr_stmt":
        return statement.children[1] == "+="
    return statement.type in ("atom_expr", "power") and statement.children[-1].type == "trailer"


Span = tuple[tuple[int, int], tuple[int, int]]


def _operators() -> Iterator[tuple[str, Operator]]:
    for name in plugins.operator_names():
        if _KEPT.match(name):
            yield name.removeprefix("core/"), plugins.get_operator(name)()
    yield "DropStatement", DropStatement()
    yield "DropElse", DropElse()


OPERATORS = dict(_operators())


def _hidden(source: str) -> list[Span]:
    """Where annotations are, which nobody evaluates, and decorators: that a class is frozen is for mypy to see."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found += node.decorator_list
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)) for node in found if node
    ]


def mutants(path: str, seed: str, most: int) -> Iterator[dict[str, Any]]:
    """One mutant of each of so many places, by an operator that the seed chooses."""
    source = Path(path).read_text()
    made = (_mutant(path, source, place, seed) for place in shuffled(sorted(_places(source).items()), f"{seed} {path}"))
    return islice(filter(None, made), most)


def _places(source: str) -> dict[Span, list[tuple[str, int]]]:
    """The places of a file, each with the operators that fit it and which of their places it is."""
    parsed, hidden = get_ast(source), _hidden(source)
    nodes = list(ast_nodes(parsed))
    places: dict[Span, list[tuple[str, int]]] = defaultdict(list)
    for name, operator in OPERATORS.items():
        for occurrence, (start, end) in enumerate(span for node in nodes for span in operator.mutation_positions(node)):
            if not any(first <= start and end <= last for first, last in hidden):
                places[start, end].append((name, occurrence))
    return places


def _mutant(path: str, source: str, place: tuple[Span, list[tuple[str, int]]], seed: str) -> dict[str, Any] | None:
    (start, _), choices = place
    for name, occurrence in shuffled(choices, f"{seed} {path} {start}"):
        mutated = mutate_code(source, OPERATORS[name], occurrence)
        if mutated is not None and _differs(mutated, source):
            return {"path": path, "line": start[0], "operator": name, "text": mutated}
    return None


def _differs(mutated: str, source: str) -> bool:
    """Whether it is another program: not where the `*` of a signature was taken for a product, nor a syntax error."""
    try:
        parsed = ast.parse(mutated)
    except SyntaxError:
        return False
    return _products(parsed) != _products(ast.parse(source)) or "/," not in mutated


def _products(parsed: ast.Module) -> int:
    return sum(isinstance(node, ast.Mult) for node in ast.walk(parsed))


def main() -> None:
    seed, most, *paths = sys.argv[1:]
    counts = {path: len(_places(Path(path).read_text())) for path in paths}
    found = [mutant for path, share in shares(counts, int(most)).items() for mutant in mutants(path, seed, share)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
