"""The tables of the documentation that come from the contracts.

`python tests/docs/generated.py` writes them into the pages, between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rental_analytics.contracts.loader import load_contracts

ROOT = Path(__file__).parents[2]
PLACES = {
    "columns": ROOT / "README.md",
    "rules": ROOT / "docs" / "reference" / "rules.md",
    "drift": ROOT / "docs" / "reference" / "schema-drift.md",
}
Row = tuple[str, ...]


def source_columns() -> str:
    rows: list[Row] = [("source table", "required columns", "optional columns")]
    for name, table in load_contracts().sources.items():
        columns = {True: list[str](), False: list[str]()}
        for column, spec in table.columns.items():
            columns[spec.required].append(f"`{column}`")
        rows.append((f"`{name}`", ", ".join(columns[True]), ", ".join(columns[False])))
    return _table(rows)


def rules() -> str:
    rows: list[Row] = [("table", "rule", "severity", "broken when")]
    for name, model in load_contracts().curated.items():
        rows += [(name, f"`{rule.name}`", rule.severity, f"`{rule.when}`") for rule in (*model.rules, *model.checks)]
        rows += [
            (name, f"`{rule.name}`", rule.severity, f"`{rule.column}` is not in `{rule.model}`")
            for rule in model.references
        ]
    return _table(rows)


def drift() -> str:
    """Each row is a case of tests/pipeline/test_schema_drift.py."""
    from pipeline.drift_cases import CASES

    return _table([("change", "`evolve`", "`freeze`"), *((case.change, case.evolve, case.freeze) for case in CASES)])


def written(name: str) -> str:
    """The table as it stands in its page."""
    return _pattern(name).search(PLACES[name].read_text())["table"]  # type: ignore[index]


def generate(name: str) -> str:
    return {"columns": source_columns, "rules": rules, "drift": drift}[name]()


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- generated: {name} -->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def _table(rows: list[Row]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(["", head, "|" + " --- |" * len(rows[0]), *body, "", ""])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    for name, page in PLACES.items():
        page.write_text(_pattern(name).sub(lambda _, name=name: generate(name), page.read_text()))  # type: ignore[misc]
