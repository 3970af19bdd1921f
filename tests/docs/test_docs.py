"""The documentation names everything there is, and nothing that is not."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from docs.pages import ROOT, anchors, blocks, links, make_targets, pages, paths, rental_commands, text_of
from rental_analytics import errors
from rental_analytics.cli import EXIT_CODES, app
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.mapping import check_table_settings
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.settings import Settings, TableSettings
from rental_analytics.warehouses.redshift.query import bounded

pytestmark = pytest.mark.fast

CLI: Any = typer.main.get_command(app)
COMMANDS = [
    pytest.param(arguments, id=f"{page}: rental {' '.join(arguments)}")
    for page, text in pages().items()
    for arguments in rental_commands(text)
]
USER_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.RentalError) and kind.__module__ == errors.__name__
]


def settings_keys(section: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Default by key, such as `source.url`."""
    keys: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        if name == "folder":
            continue
        kind = TableSettings if name == "tables" else field.annotation
        place = (*path, name, "<table>") if name == "tables" else (*path, name)
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            keys |= settings_keys(kind, place)
        else:
            keys[".".join(place)] = field.default
    return keys


def shown_default(value: Any) -> str:
    if value is PydanticUndefined:
        return "none, required"
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        sizes = {"hour": 3600, "minute": 60, "second": 1}
        unit = next(unit for unit, size in sizes.items() if seconds >= size)
        amount = seconds // sizes[unit]
        return f"`{amount} {unit}{'' if amount == 1 else 's'}`"
    return f"`{value}`"


def variable(key: str) -> str:
    return f"`RENTAL_{key.replace('.', '__').upper()}`"


def table_rows(page: str, first_cell: str) -> list[list[str]]:
    """Rows of a page whose first cell matches."""
    lines = [line.strip("| ").split(" | ") for line in pages()[page].splitlines() if line.startswith("|")]
    return [cells for cells in lines if re.fullmatch(first_cell, cells[0])]


def test_every_command_is_documented() -> None:
    shown = {arguments[0] for text in pages().values() for arguments in rental_commands(text) if arguments}

    assert CLI.commands.keys() - shown == set()


def test_every_command_has_help_with_an_example() -> None:
    lacking = [
        name for name, command in CLI.commands.items() if not command.help or "Example: rental" not in command.epilog
    ]

    assert lacking == []


@pytest.mark.parametrize("arguments", COMMANDS)
def test_commands_shown_exist(arguments: list[str]) -> None:
    rest = [argument for argument in arguments if argument != "--debug"]
    if not rest or rest[0].startswith("-"):
        CLI.make_context("rental", rest, resilient_parsing=True)
    elif len(rest) == 1:
        assert rest[0] in CLI.commands
    else:
        CLI.commands[rest[0]].make_context(rest[0], rest[1:])


@pytest.mark.parametrize(
    "arguments", [["run", "--no-such-option"], ["status", "one", "two"], ["run", "--as-of", "May"]]
)
def test_a_command_that_does_not_exist_is_seen(arguments: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such option|unexpected extra argument|does not match the format"):
        test_commands_shown_exist(arguments)


def test_every_option_is_in_the_documentation_or_the_help() -> None:
    lacking = [
        f"{name} {option.opts[0]}"
        for name, command in CLI.commands.items()
        for option in command.params
        if option.param_type_name == "option" and not option.help
    ]

    assert lacking == []


def test_every_rule_is_documented() -> None:
    text = pages()["docs/reference/rules.md"]
    models = load_contracts().curated.values()
    rules = {rule.name for model in models for rule in (*model.rules, *model.declared_checks)}

    assert {rule for rule in rules if f"`{rule}`" not in text} == set()


def test_amounts_in_the_reporting_currency_are_told_by_their_names_or_stand_beside_it() -> None:
    contracts = load_contracts()
    types = {
        f"{model.relation}.{name}": column.type
        for model in contracts.curated.values()
        for name, column in model.columns.items()
        if name.startswith("reporting_")
    }
    money = [
        model
        for model in contracts.presentation.values()
        if any(column.type == "DECIMAL(18,2)" for column in model.columns.values())
    ]

    assert types
    assert {name: kind for name, kind in types.items() if kind != "DECIMAL(18,2)"} == {}
    assert money
    assert [model.name for model in money if "currency" not in model.columns] == []


def test_a_process_may_delete_what_its_steps_delete() -> None:
    """The policy to copy against the folders of each step, which tests/runners/test_rights.py measures."""
    policies = [json.loads(code) for code in blocks(pages()["docs/reference/redshift.md"], "json")]
    deleting = [
        statement["Resource"]
        for policy in policies
        for statement in policy["Statement"]
        if statement["Action"] == "s3:DeleteObject"
    ]
    steps = table_rows("docs/reference/glue-jobs.md", "|".join(f"`{name}`" for name in STEP_NAMES))
    folders = {folder for cells in steps for folder in re.findall(r"`(.+?)`", cells[4])} | {"drafts/"}

    assert deleting == [[f"arn:aws:s3:::company-lake/rental/{folder}*" for folder in sorted(folders)]]


def test_queries_of_redshift_are_taken() -> None:
    page = pages()["docs/reference/redshift.md"]
    asked = [arguments[1] for arguments in rental_commands(page) if arguments[:1] == ["query"] and arguments[1:]]

    assert len(asked) > 3
    assert [sql for sql in asked if not bounded(sql, 10).startswith(sql)] == []


def test_every_setting_is_documented_with_default_and_variable() -> None:
    rows = {cells[0].strip("`"): cells[2:] for cells in table_rows("docs/reference/configuration.md", r"`\w+\..+`")}

    assert rows == {key: [shown_default(value), variable(key)] for key, value in settings_keys().items()}


def test_mappings_shown_can_be_meant() -> None:
    sources = load_contracts().sources
    shown = [tomllib.loads(code).get("tables", {}) for text in pages().values() for code in blocks(text, "toml")]
    mappings = [(name, TableSettings.model_validate(given)) for tables in shown for name, given in tables.items()]

    assert len(mappings) >= 5
    for name, settings in mappings:
        check_table_settings(sources[name], settings)


def test_every_error_is_documented_with_its_exit_code() -> None:
    rows = {cells[0].strip("`"): cells[1:3] for cells in table_rows("docs/reference/exit-codes.md", r"`\w+Error`")}

    assert rows == {kind.__name__: [str(kind.exit_code), "yes" if kind.transient else "no"] for kind in USER_ERRORS}


def test_exit_codes_of_the_help_are_documented() -> None:
    documented = {cells[0]: cells[1] for cells in table_rows("docs/reference/exit-codes.md", r"\d+")}
    told = dict(re.findall(r"(\d) ([^,.]+)", EXIT_CODES.replace("\n", " ")))

    assert told.items() <= documented.items()
    assert {str(kind.exit_code) for kind in USER_ERRORS} <= documented.keys()


def test_steps_modes_and_ops_tables_are_documented() -> None:
    reference = text_of("docs/reference/")

    assert [name for name in (*STEP_NAMES, *ReadMode, *ops_tables()) if f"`{name}`" not in reference] == []


def test_the_readme_fits_on_two_screens() -> None:
    assert len(pages()["README.md"].splitlines()) <= 120


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for text in pages().values() for name in make_targets(text)}

    assert {"demo", "test", "check"} <= named
    assert named - targets == set()


@pytest.mark.parametrize("page", pages())
def test_paths_shown_exist(page: str) -> None:
    assert [path for path in paths(pages()[page]) if not (ROOT / path).exists()] == []


def test_every_package_is_in_the_architecture() -> None:
    packages = {path.parent.name for path in (ROOT / "src" / "rental_analytics").glob("*/__init__.py")}
    named = {cells[0] for cells in table_rows("docs/architecture.md", r"`\w+/`")}

    assert {name for name in packages if f"`{name}/`" not in named} == set()


def test_every_page_is_in_the_list_of_pages() -> None:
    """docs/README.md links to all of docs/, so that no page is lost."""
    listed = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in links(pages()["docs/README.md"])}
    there = {ROOT / name for name in pages() if name.startswith("docs/") and name != "docs/README.md"}

    assert there - listed == set()


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for link in links(pages()[page]):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)

    assert broken == []


def test_decisions_are_numbered_without_gaps_and_have_the_same_headings() -> None:
    decisions = {name: text for name, text in pages().items() if name.startswith("docs/adr/")}
    numbers = [int(name.removeprefix("docs/adr/")[:4]) for name in decisions]
    headings = {name: re.findall(r"^## (.+)$", text, flags=re.MULTILINE) for name, text in decisions.items()}

    assert numbers == list(range(1, len(numbers) + 1))
    assert [name for name, found in headings.items() if found != ["Context", "Decision", "Consequences"]] == []


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert "\n## [Unreleased]\n" in pages()["CHANGELOG.md"]
