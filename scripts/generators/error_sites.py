"""Every place in the source that makes an error for users: its class, exit code, reason, and the words it prints.

Found in the syntax trees of `src/`. Where a helper takes words as arguments, each of its callers is a place of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
BASE = "RentalError"
_DEPTH = 3
_WORDS = ("message", "remedy", "reason")


@dataclass(frozen=True)
class ErrorClass:
    """A class of errors and what it gets from those above it."""

    name: str
    exit_code: int
    transient: bool


@dataclass(frozen=True)
class ErrorSite:
    """A place that makes an error; `{name}` stands for what is filled in, `None` is said nowhere."""

    file: str
    line: int
    error: ErrorClass
    message: str
    remedy: str
    reason: str

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


@dataclass
class _Function:
    """A function that may be a helper; nested ones are part of the outermost."""

    node: ast.FunctionDef
    file: str
    owner: str | None = None

    @property
    def parameters(self) -> list[str]:
        arguments = self.node.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        return names[1:] if self.owner and names[:1] in (["self"], ["cls"]) else names

    @property
    def all_parameters(self) -> set[str]:
        return {*self.parameters, *(argument.arg for argument in self.node.args.kwonlyargs)}

    @property
    def defaults(self) -> dict[str, ast.expr]:
        arguments = self.node.args
        positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        found = dict(zip(positional[::-1], arguments.defaults[::-1], strict=False))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is not None:
                found[argument.arg] = default
        return found


@dataclass
class _Made:
    """A call of an error's class, with its words as expressions, in the function it stands in."""

    error: ErrorClass
    words: dict[str, ast.expr | None]
    file: str
    line: int
    within: _Function | None
    names: Mapping[str, ast.expr] = field(default_factory=dict)


@cache
def trees() -> dict[str, ast.Module]:
    """Syntax trees by path from `src`."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


@cache
def error_classes() -> dict[str, ErrorClass]:
    """All classes of errors for users, by name."""
    nodes = {node.name: node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    known = {BASE: ErrorClass(BASE, exit_code=1, transient=False)}
    grown = True
    while grown:
        grown = False
        for name, node in nodes.items():
            parents = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in known]
            if name not in known and parents:
                known[name] = replace(known[parents[0]], name=name, **_own_values(node))
                grown = True
    return known


def _own_values(node: ast.ClassDef) -> dict[str, int | bool]:
    values: dict[str, int | bool] = {}
    for part in node.body:
        targets = (
            part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and target.id in {"exit_code", "transient"}:
                value = getattr(part, "value", None)
                if isinstance(value, ast.Constant):
                    values[target.id] = value.value  # type: ignore[assignment]
    return values


@cache
def error_sites() -> tuple[ErrorSite, ...]:
    """All places, in the order of files and lines; those that differ in their line alone come once."""
    found = (site for made in _all_made() for site in _resolved(made, _DEPTH))
    unique: dict[tuple[object, ...], ErrorSite] = {}
    for site in found:
        unique.setdefault((site.file, site.error, site.message, site.remedy, site.reason), site)
    return tuple(sorted(unique.values(), key=lambda site: (site.file, site.line)))


def _all_made() -> Iterator[_Made]:
    for file, tree in trees().items():
        for function, node in _calls(tree, file):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            error = error_classes().get(name)
            if name == "Cause":
                yield from _tabled(node, file, _constants(tree))
            if error is None and function and name in function.all_parameters:
                error = _class_of_parameter(function, name)
            if error is None and name == "cls":
                continue
            if error and (node.args or node.keywords) and not _passes_on(node):
                names = _constants(tree) | _assigned(function)
                yield _Made(error, _words_of(node), file, node.lineno, function, names)


def _tabled(node: ast.Call, file: str, names: Mapping[str, ast.expr]) -> Iterator[_Made]:
    """A row of a table of causes: reason, class, message, remedy."""
    reason, kind, message, remedy = node.args
    assert isinstance(kind, ast.Name)
    words: dict[str, ast.expr | None] = {"message": message, "remedy": remedy, "reason": reason}
    yield _Made(error_classes()[kind.id], words, file, node.lineno, None, names)


def _passes_on(node: ast.Call) -> bool:
    """Whether an error is made of another one, or of a row of a table, whose reason it keeps."""
    return any(word.arg == "reason" and isinstance(word.value, ast.Attribute) for word in node.keywords)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Names of a module that stand for a text."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_text(node.value)
    }


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _class_of_parameter(function: _Function, name: str) -> ErrorClass | None:
    """The class that a parameter such as `unavailable: type[RentalError]` stands for."""
    for argument in (*function.node.args.args, *function.node.args.kwonlyargs):
        kind = argument.annotation
        if argument.arg == name and isinstance(kind, ast.Subscript) and isinstance(kind.slice, ast.Name):
            return error_classes().get(kind.slice.id)
    return None


def _words_of(node: ast.Call) -> dict[str, ast.expr | None]:
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return {
        "message": node.args[0] if node.args else given.get("message"),
        "remedy": given.get("remedy"),
        "reason": given.get("reason"),
    }


@cache
def _functions() -> dict[str, list[_Function]]:
    """Functions by name."""
    found: dict[str, list[_Function]] = {}
    for file, tree in trees().items():
        for function in _outermost(tree, file):
            found.setdefault(function.node.name, []).append(function)
    return found


def _outermost(tree: ast.Module, file: str) -> Iterator[_Function]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield _Function(node, file)
        elif isinstance(node, ast.ClassDef):
            yield from (_Function(part, file, node.name) for part in node.body if isinstance(part, ast.FunctionDef))


def _calls(tree: ast.Module, file: str) -> Iterator[tuple[_Function | None, ast.Call]]:
    within = {id(node): function for function in _outermost(tree, file) for node in ast.walk(function.node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield within.get(id(node)), node


def _assigned(function: _Function | None) -> dict[str, ast.expr]:
    """Names of a function that are given a value once."""
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function.node) if function else ():
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            values.setdefault(node.target.id, []).extend([node.value, node.value])
    return {name: found[0] for name, found in values.items() if len(found) == 1}


def _resolved(made: _Made, depth: int) -> Iterator[ErrorSite]:
    function = made.within
    open_words = {
        word: expression.id
        for word, expression in made.words.items()
        if isinstance(expression, ast.Name) and function and expression.id in function.all_parameters
    }
    callers = list(_callers(function)) if function and open_words and depth else []
    if not callers:
        yield _site(made)
        return
    assert function is not None
    for file, line, outer, call in callers:
        given = _arguments(function, call)
        words = {
            word: given.get(open_words[word], function.defaults.get(open_words[word])) if word in open_words else value
            for word, value in made.words.items()
        }
        # Words of the helper itself keep its names, those of the caller have the caller's.
        names = {**made.names, **_constants(trees()[file]), **_assigned(outer)}
        yield from _resolved(_Made(made.error, words, file, line, outer, names), depth - 1)


def _callers(function: _Function) -> Iterator[tuple[str, int, _Function | None, ast.Call]]:
    """Calls of a helper: a private one is called in its own file."""
    name = function.node.name
    if name.startswith("__") or len([one for one in _functions()[name] if one.file == function.file]) > 1:
        return
    for file, tree in trees().items():
        if file != function.file and (name.startswith("_") or len(_functions()[name]) > 1):
            continue
        for outer, node in _calls(tree, file):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name and not (outer and outer.node is function.node):
                yield file, node.lineno, outer, node


def _arguments(function: _Function, call: ast.Call) -> dict[str, ast.expr]:
    given = dict(zip(function.parameters, call.args, strict=False))
    return given | {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _site(made: _Made) -> ErrorSite:
    texts = {word: _text(made.words[word], made.names) for word in _WORDS}
    return ErrorSite(made.file, made.line, made.error, **texts)


def _text(node: ast.expr | None, names: Mapping[str, ast.expr], depth: int = 4) -> str:
    """What an expression says, with `{name}` for what only a run knows."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return "" if node.value is None else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, names, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, {}, depth) if isinstance(node.value, ast.IfExp) else f"{{{_name(node.value)}}}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, names, depth) + _text(node.right, names, depth)
    if isinstance(node, ast.IfExp):
        return " / ".join(part for part in (_text(node.body, names, depth), _text(node.orelse, names, depth)) if part)
    if isinstance(node, ast.Name) and node.id in names and depth:
        found = _text(names[node.id], {name: value for name, value in names.items() if name != node.id}, depth - 1)
        return found if " " in found or "-" in found else f"{{{node.id}}}"
    if isinstance(node, ast.Call) and depth and (made := _made_text(node, names, depth - 1)):
        return made
    return f"{{{_name(node)}}}"


def _made_text(node: ast.Call, names: Mapping[str, ast.expr], depth: int) -> str:
    """What a call gives that fills in a text, or that calls a function of ours which returns texts; '' for others."""
    if isinstance(node.func, ast.Attribute):
        return _text(node.func.value, names, depth) if node.func.attr == "format" else ""
    functions = _functions().get(_name(node.func), [])
    if len(functions) != 1:
        return ""
    (function,) = functions
    known = _constants(trees()[function.file]) | _assigned(function)
    texts = [_text(part.value, known, depth) for part in ast.walk(function.node) if isinstance(part, ast.Return)]
    return " / ".join(dict.fromkeys(texts)) if all(" " in text for text in texts) else ""


def _name(node: ast.expr) -> str:
    """A short name for an expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_")
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Call):
        plain = {"join", "str", "repr", "sorted", "list", "len", "literal", "removesuffix", "removeprefix", "rstrip"}
        name = node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)
        if name in plain and (
            inner := node.args or ([node.func.value] if isinstance(node.func, ast.Attribute) else [])
        ):
            return _name(inner[0] if name == "join" or isinstance(node.func, ast.Name) else node.func.value)  # type: ignore[attr-defined]
        return name.lstrip("_")
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return "..."


def remedies_tested() -> dict[str, list[str]]:
    """Tests marked with `pytest.mark.remedy(reason)`, by reason."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "remedy":
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        place = f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
                        found.setdefault(str(argument.value), []).append(place)
    return found
