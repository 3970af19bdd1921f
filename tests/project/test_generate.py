"""What is generated and no longer right is named with the command that writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

import generate

pytestmark = pytest.mark.fast
PAGE, SNAPSHOT = Path("page.md"), generate.SNAPSHOTS / "curated.bookings.sql"
WANTED = {PAGE: "new\n", SNAPSHOT: "SELECT 1\n;\n\n"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generate, "generated", lambda root: WANTED)
    (tmp_path / generate.SNAPSHOTS).mkdir(parents=True)
    return tmp_path


def test_a_check_names_what_is_out_of_date_and_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / PAGE).write_text("old\n")
    (root / generate.SNAPSHOTS / "curated.gone.sql").write_text("SELECT 2\n;\n\n")

    assert generate.main(["--check"], root) == 1
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.endswith("is out of date")] == [
        "page.md is out of date",
        "tests/warehouses/snapshots/curated.bookings.sql is out of date",
        "tests/warehouses/snapshots/curated.gone.sql is out of date",
    ]
    assert "make generate" in printed
    assert (root / PAGE).read_text() == "old\n"


def test_what_was_generated_passes_the_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / generate.SNAPSHOTS / "curated.gone.sql").write_text("SELECT 2\n;\n\n")

    assert generate.main([], root) == 0
    assert {path: (root / path).read_text() for path in WANTED} == WANTED
    assert [file.name for file in (root / generate.SNAPSHOTS).iterdir()] == [SNAPSHOT.name]
    assert generate.main(["--check"], root) == 0


def test_an_unknown_option_is_refused(root: Path) -> None:
    assert generate.main(["--dry-run"], root) == 2
