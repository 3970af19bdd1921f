"""A folder that the user may not look into: each command names it, and says what to do."""

from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import assert_refused
from support.rights import denied

pytestmark = pytest.mark.fast
CONFIGURATION = '[source]\nurl = "sqlite:///denied/marketplace.db"\n[warehouse]\nurl = "duckdb:///w.duckdb"\n'
MARKETPLACE = ("generate", "--listings", "1", "--bookings", "1", "--viewings", "1", "--to")


@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (("init", "--config", "denied/rental.toml"), 2, "choose a folder you may write to"),
        (("run", "--config", "denied/rental.toml"), 2, "check the path and its permissions"),
        (("run",), 1, "point source.url to a SQLite database that you may read"),
        (("status", "--set", "warehouse.url=duckdb:///denied/w.duckdb"), 2, "point warehouse.url to a DuckDB file"),
        ((*MARKETPLACE, "sqlite:///denied/marketplace.db"), 2, "Check that the folder is writable"),
        (
            ("run", "--set", "lake.url=denied/lake", "--set", "source.url=sqlite:///empty.db"),
            1,
            "let the user of this process read the files of the lake",
        ),
    ],
)
def test_a_folder_that_may_not_be_looked_into(
    rental: Rental, tmp_path: Path, arguments: tuple[str, ...], code: int, remedy: str
) -> None:
    (tmp_path / "rental.toml").write_text(CONFIGURATION)
    (tmp_path / "empty.db").touch()
    (tmp_path / "denied").mkdir()
    with denied(tmp_path / "denied"):
        said = assert_refused(rental(tmp_path, *arguments), code, "denied", "ermission denied", remedy)
    assert "PermissionError" not in said
