"""Mutants of SQL templates: one for each place where an operator, a join, a constant or a list of columns stands."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_INSIDE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)

_SQL = (
    (r"IS NOT DISTINCT FROM", ("IS DISTINCT FROM",)),
    (r"IS DISTINCT FROM", ("IS NOT DISTINCT FROM",)),
    (r"IS NOT NULL", ("IS NULL",)),
    (r"IS NULL", ("IS NOT NULL",)),
    (r"LEFT JOIN", ("INNER JOIN",)),
    (r"INNER JOIN", ("LEFT JOIN",)),
    (r"ANTI JOIN", ("SEMI JOIN",)),
    (r"SEMI JOIN", ("ANTI JOIN",)),
    (r"UNION ALL", ("UNION", "EXCEPT")),
    (r"INTERSECT", ("EXCEPT",)),
    (r"(?<=SELECT )DISTINCT ", ("",)),
    (r"\bNOT ", ("",)),
    (r"\bAND\b", ("OR",)),
    (r"\bOR\b", ("AND",)),
    (r"\bASC\b", ("DESC",)),
    (r"\bDESC\b", ("ASC",)),
    (r"\bMIN\(", ("MAX(",)),
    (r"\bMAX\(", ("MIN(",)),
    (r"\bTRUE\b", ("FALSE",)),
    (r"\bFALSE\b", ("TRUE",)),
    (r"<>", ("=",)),
    (r"<=", ("<", ">")),
    (r">=", (">", "<")),
    (r"(?<![<>])=", ("<>",)),
    (r"(?<![<>])<(?![<>=])", ("<=", ">")),
    (r"(?<![<>-])>(?![<>=])", (">=", "<")),
    (r"(?m)^ *(?:AND|OR) [^\n(]*$", ("",)),
    (r"(?<![\w.'\"(])(?<!DECIMAL)\b\d+\b|(?<=COALESCE\()\d+\b", ("+1", "-1")),
)
_JINJA = (
    (r"(?<=\{% if )not ", ("",)),
    (r"(?<=\{% if )(?!not )", ("not ",)),
    (r"\bkey(?= \| (?:identifiers|matching|same)\()", ("key[:1]",)),
    (r"\b(?:columns|compared)(?= \| )", ("{}[1:]", "{}[:-1]")),
)


def _spans(text: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Places and what may stand there instead; the first rule that fits a place has it, but for whole lines."""
    blank = _COMMENT.sub(lambda found: " " * len(found.group()), text)
    outside = _INSIDE.sub(lambda found: "¤" * len(found.group()), blank)
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    for rules, where in ((_SQL, outside), (_JINJA, blank)):
        for pattern, instead in rules:
            for found in re.finditer(pattern, where):
                start, end = found.span()
                whole_line = instead == ("",) and pattern.startswith("(?m)")
                taken = any(start < last and first < end for first, last, _ in spans)
                if whole_line or not taken:
                    spans.append((start, end, instead))
    return sorted(spans)


def mutants(path: str, seed: str) -> list[dict[str, Any]]:
    """One mutant of each place of a template."""
    text = Path(path).read_text()
    found = []
    for start, end, instead in _spans(text):
        was = text[start:end]
        chosen = random.Random(f"{seed} {path} {start} {end}").choice(instead)
        if was.isdigit():
            chosen = str(int(was) + int(chosen))
        chosen = chosen.replace("{}", was)
        operator = f"{was.strip() or 'condition'} to {chosen.strip() or 'nothing'}"
        mutated = text[:start] + chosen + text[end:]
        found.append({"path": path, "line": text.count("\n", 0, start) + 1, "operator": operator, "text": mutated})
    return found
