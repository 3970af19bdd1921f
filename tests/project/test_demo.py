"""What `make demo` does, in SQLite and with SOURCE=mysql://... on a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers.mysql import MySqlServer

ROOT = Path(__file__).parents[2]
PRESENTATION = ROOT / "src" / "rental_analytics" / "models" / "presentation"


@pytest.fixture
def demo(tmp_path: Path) -> Callable[..., str]:
    """Runs the demo in a folder of its own; gives what it printed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "demo.sh", tmp_path / "scripts")
    program = tmp_path / ".venv" / "bin" / "rental"
    program.parent.mkdir(parents=True)
    program.symlink_to(Path(sys.executable).with_name("rental"))

    def run(**variables: str) -> str:
        command = [tmp_path / "scripts" / "demo.sh"]
        done = subprocess.run(command, env=os.environ | variables, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        # One headline for each metric, with its day.
        assert len(re.findall(r" 2026-\d\d-\d\d\b", done.stdout)) >= len(list(PRESENTATION.iterdir()))
        assert (tmp_path / "demo" / "report.html").is_file()
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_the_demo_runs_in_sqlite(demo: Callable[..., str]) -> None:
    assert "demo/marketplace.db" in demo()


@pytest.mark.service
def test_the_demo_runs_on_mysql(demo: Callable[..., str], mysql: MySqlServer, tmp_path: Path) -> None:
    database = mysql.create_database()
    mysql.execute("CREATE USER demo IDENTIFIED BY 'p@ss word'")
    mysql.execute(f"GRANT ALL ON {database}.* TO demo")
    for _ in range(2):  # a second demo takes the place of the first
        printed = demo(SOURCE=mysql.url(database, "demo", "p@ss word"))
    assert "p@ss" not in printed
    assert "p%40ss" not in printed
    assert str(mysql.port) in (tmp_path / "demo" / "lake" / "history" / "0000000001.json").read_text()
