"""A forked process ends as a program of its own does, and how it ended is told."""

import atexit
import os
import sys
from pathlib import Path

import pytest

from runs.forked import Ended, run_forked

pytestmark = pytest.mark.slow


def leave_word(file: str) -> None:
    atexit.register(Path(file).write_text, "left")
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stderr.write("told\n")
    sys.exit(3)


def test_what_a_program_does_at_its_end_is_done(tmp_path: Path) -> None:
    assert run_forked(leave_word, "word", folder=tmp_path, env={}) == Ended(3, "done\ntold\n")
    assert (tmp_path / "word").read_text() == "left"
    assert run_forked(leave_word, "word", folder=tmp_path, env={}, apart=True) == Ended(3, "done\n", "told\n")


def test_a_process_that_dies_before_it_begins(tmp_path: Path) -> None:
    ended = run_forked(os.getpid, folder=tmp_path / "missing", env={})
    assert ended == Ended(1, "")
