"""What `make demo` does, in SQLite and with SOURCE=mysql://... on a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_marketplace import MarketplaceOptions, generate
from servers.mysql import MySqlServer
from support.breadth import examples

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.executable).with_name("rental")
SMALLER = f"""#!/bin/sh
case "$*" in
    *--advance*) ;;
    generate*) set -- "$@" --listings 300 --bookings 1500 --viewings 2000 ;;
esac
exec {INSTALLED} "$@"
"""
"""`rental` that generates a marketplace of fewer rows."""


@pytest.fixture
def demo(tmp_path: Path) -> Callable[..., str]:
    """Runs the demo in a folder of its own; gives what it printed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "demo.sh", tmp_path / "scripts")
    program = tmp_path / ".venv" / "bin" / "rental"
    program.parent.mkdir(parents=True)
    program.symlink_to(INSTALLED)

    def run(*, smaller: bool = False, **variables: str) -> str:
        if smaller:
            program.unlink()
            program.write_text(SMALLER)
            program.chmod(0o755)
        command = [tmp_path / "scripts" / "demo.sh"]
        done = subprocess.run(command, env=os.environ | variables, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        # What is on the books is known from today on, which is later than the demo's days.
        shown = [model for model in load_contracts().presentation.values() if model.headline]
        titles = {model.headline.title for model in shown if model.headline and model.name != "booking_pickup_daily"}
        assert {
            title for title in titles if re.search(rf"^{re.escape(title)} .*\b2026-\d\d-\d\d\b", done.stdout, re.M)
        } == titles
        assert (tmp_path / "demo" / "report.html").is_file()
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_the_demo_runs_in_sqlite(demo: Callable[..., str]) -> None:
    assert "demo/marketplace.db" in demo(smaller=examples(True, False))


@pytest.mark.exhaustive
@pytest.mark.service
def test_the_demo_runs_on_mysql(demo: Callable[..., str], mysql: MySqlServer, tmp_path: Path) -> None:
    """It takes the place of an earlier one, of which there are the folder and the tables."""
    database = mysql.create_database()
    mysql.execute("CREATE USER demo IDENTIFIED BY 'p@ss word'")
    mysql.execute(f"GRANT ALL ON {database}.* TO demo")
    earlier = MarketplaceOptions(listings=1, bookings=1, viewings=1, end_date=date(2026, 6, 30))
    generate(mysql.url(database), earlier)
    (tmp_path / "demo" / "lake").mkdir(parents=True)
    (tmp_path / "demo" / "warehouse.duckdb").write_text("of an earlier demo")
    printed = demo(smaller=True, SOURCE=mysql.url(database, "demo", "p@ss word"))
    assert "Removing demo/ of an earlier call" in printed
    assert "p@ss" not in printed
    assert "p%40ss" not in printed
    assert str(mysql.port) in (tmp_path / "demo" / "lake" / "history" / "0000000001.json").read_text()
    assert mysql.execute("SELECT COUNT(*) >= 300 FROM apartments", database) == [(1,)]
