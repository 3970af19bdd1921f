"""The tables of the documentation that come from the contracts.

`python tests/docs/generated.py` writes them into the pages, between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.model import Model
from rental_analytics.contracts.ops import ops_tables

ROOT = Path(__file__).parents[2]
PLACES = {
    "columns": ROOT / "README.md",
    "rules": ROOT / "docs" / "reference" / "rules.md",
    "drift": ROOT / "docs" / "reference" / "schema-drift.md",
    **dict.fromkeys(("raw_data", "curated", "presentation", "ops"), ROOT / "docs" / "reference" / "tables.md"),
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


def raw_tables() -> str:
    sections = []
    for name, source in load_contracts().sources.items():
        facts = [_keyed(source.key)]
        if cursor := source.change_cursor:
            facts.append(f"Change cursor: `{cursor}`.")
        if moment := source.event_time:
            facts.append(f"Event time: `{moment}`.")
        rows: list[Row] = [("column", "kind", "may be missing", "description")]
        rows += [
            (f"`{column}`", spec.type, "" if spec.required else "yes", spec.description)
            for column, spec in source.columns.items()
        ]
        sections.append(_section(f"raw_data.{name}", [source.description, " ".join(facts)], rows))
    return _page(sections)


def curated_tables() -> str:
    sections = []
    for model in load_contracts().curated.values():
        origin = {
            model.source: f"Made of the source table `{model.source}`.",
            model.versions_of: f"Versions of `curated.{model.versions_of}`.",
            model.reference: "Comes with the package.",
        }
        flag = " Has `is_deleted`." if model.soft_delete else ""
        text = next(told for name, told in origin.items() if name) + flag
        sections.append(_model_section(model, [model.description, text]))
    return _page(sections)


def presentation_tables() -> str:
    models = load_contracts().presentation.values()
    return _page(_model_section(model, [model.description, model.definition]) for model in models)


def ops_pages() -> str:
    return _page(
        _section(
            f"ops.{name}",
            [table.description],
            [("column", "type", "description"), *((f"`{column}`", *told) for column, told in table.columns.items())],
        )
        for name, table in ops_tables().items()
    )


def written(name: str) -> str:
    """The table as it stands in its page."""
    return _pattern(name).search(PLACES[name].read_text())["table"]  # type: ignore[index]


def generate(name: str) -> str:
    return {
        "columns": source_columns,
        "rules": rules,
        "drift": drift,
        "raw_data": raw_tables,
        "curated": curated_tables,
        "presentation": presentation_tables,
        "ops": ops_pages,
    }[name]()


def _model_section(model: Model, texts: list[str]) -> str:
    rows: list[Row] = [("column", "type", "NULL", "description")]
    rows += [
        (f"`{name}`", column.type, "yes" if column.nullable else "no", column.description)
        for name, column in model.columns.items()
    ]
    grain = f"{model.grain[0].upper()}{model.grain[1:]}. {_keyed(model.key)}"
    return _section(model.relation, [*texts, grain], rows)


def _keyed(key: Iterable[str]) -> str:
    return f"Key: {', '.join(f'`{column}`' for column in key)}." if key else "It has no key."


def _section(relation: str, texts: list[str], rows: list[Row]) -> str:
    paragraphs = [textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) for text in texts]
    return "\n\n".join([f"### {relation}", *paragraphs]) + f"\n{_table(rows)}"


def _page(sections: Iterable[str]) -> str:
    return "\n" + "".join(sections)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- generated: {name} -->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def _table(rows: list[Row]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(["", head, "|" + " --- |" * len(rows[0]), *body, "", ""])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    for name, page in PLACES.items():
        page.write_text(_pattern(name).sub(lambda _, name=name: generate(name), page.read_text(), count=1))  # type: ignore[misc]
