"""The tables of the documentation that come from the contracts and the code.

They stand in the pages between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from analysts.questions import questions as all_questions
from generators.deployment import deployment_keys
from generators.error_sites import ErrorSite, error_sites
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.model import DerivedModel, Model
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.quality.words import told_rules
from runs.drift_cases import CASES

Row = tuple[str, ...]


def metrics() -> str:
    models = load_contracts().presentation.items()
    return _table(
        [("table in `presentation`", "answers", "has"), *((f"`{name}`", m.description, m.grain) for name, m in models)]
    )


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
        rows += [
            (name, f"`{rule.name}`", rule.severity, f"`{rule.broken_when}`" if rule.is_sql else rule.broken_when)
            for rule in told_rules(model)
        ]
    return _table(rows)


def drift() -> str:
    """Each row is a case of tests/runs/test_schema_drift.py."""
    return _table([("change", "`evolve`", "`freeze`"), *((case.change, case.evolve, case.freeze) for case in CASES)])


def errors() -> str:
    """Every error for users, by exit code and reason."""
    codes = sorted({site.error.exit_code for site in error_sites()})
    return _page(_errors_of(code) for code in codes)


def _errors_of(code: int) -> str:
    sites = [site for site in error_sites() if site.error.exit_code == code]
    rows = {_error_row(site): None for site in sorted(sites, key=lambda site: (site.reason or "~", site.message))}
    head: Row = ("reason", "error", "what it says", "remedy")
    return f"### Exit code {code}\n{_table([head, *rows])}"


def _error_row(site: ErrorSite) -> Row:
    reason = f"`{site.reason}`" if site.reason else ""
    words = (re.sub(r"\s+", " ", text).strip() for text in (site.message, site.remedy))
    return (reason, f"`{site.error.name}`", *words)


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


def intermediate_tables() -> str:
    return _derived_tables(load_contracts().intermediate.values())


def presentation_tables() -> str:
    return _derived_tables(load_contracts().presentation.values())


def _derived_tables(models: Iterable[DerivedModel]) -> str:
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


def questions() -> str:
    rows: list[Row] = [("question", "file", "reads")]
    for question in all_questions():
        file = f"analytics/{question.name}.sql"
        reads = ", ".join(f"`{table}`" for table in question.reads)
        rows.append((question.words, f"[`{question.name}`](../../{file})", reads))
    return _table(rows)


def deployment() -> str:
    """Every key of a deployment's configuration."""
    return _table(deployment_keys())


def _model_section(model: Model, texts: list[str]) -> str:
    rows: list[Row] = [("column", "type", "NULL", "description")]
    rows += [
        (f"`{name}`", column.declared_type, "yes" if column.nullable else "no", column.description)
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


def _table(rows: list[Row]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(["", head, "|" + " --- |" * len(rows[0]), *body, "", ""])


REFERENCE = Path("docs/reference")
TABLES: dict[str, tuple[Path, Callable[[], str]]] = {
    "columns": (REFERENCE / "source-tables.md", source_columns),
    "metrics": (Path("README.md"), metrics),
    "rules": (REFERENCE / "rules.md", rules),
    "deployment": (REFERENCE / "deployment-configuration.md", deployment),
    "questions": (Path("docs/cookbooks/twenty-questions.md"), questions),
    "drift": (REFERENCE / "schema-drift.md", drift),
    "errors": (REFERENCE / "errors.md", errors),
    "raw_data": (REFERENCE / "tables.md", raw_tables),
    "curated": (REFERENCE / "tables.md", curated_tables),
    "intermediate": (REFERENCE / "tables.md", intermediate_tables),
    "presentation": (REFERENCE / "tables.md", presentation_tables),
    "ops": (REFERENCE / "tables.md", ops_pages),
}
"""What makes the text of each place, and the page it is in."""


def pages(root: Path) -> dict[Path, str]:
    """The pages below `root` as they should be, by path from there."""
    found: dict[Path, str] = {}
    for name, (page, generate) in TABLES.items():
        text = found.get(page) or (root / page).read_text(encoding="utf-8")
        place = re.compile(rf"(?<=<!-- generated: {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
        before, after = place.split(text, maxsplit=1)
        found[page] = f"{before}{generate()}{after}"
    return found
