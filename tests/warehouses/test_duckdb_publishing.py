"""What a run makes of a DuckDB warehouse is seen when it is published, whole, whatever comes in between."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from rental_analytics.errors import LockHeldError, RentalError
from rental_analytics.warehouses.duckdb import file_state, working_copy
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from rental_analytics.warehouses.duckdb.working_copy import WorkingCopy
from runs.harness import failure
from support.reader import Reader

pytestmark = pytest.mark.fast

DIE = """
import duckdb, os, signal, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("INSERT INTO ops.steps (step) VALUES ('by hand')")
os.kill(os.getpid(), signal.SIGKILL)
"""


COME_AND_GO = """
import duckdb, sys, threading
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
seen = []
while not ended.is_set():
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        seen.append(connection.execute("SELECT COUNT(*) FROM ops.steps").fetchone()[0])
    if len(seen) == 1:
        print("begun", flush=True)
print(*seen)
"""


class Place:
    """A warehouse in a folder of its own; each call is a process of its own, as far as the files are concerned."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path.with_name(f"{path.name}.work")
        self.opened: list[DuckDbWarehouse] = []

    def open(self, *, read_only: bool = False) -> DuckDbWarehouse:
        warehouse = DuckDbWarehouse(self.path, threads=1)
        self.opened.append(warehouse)
        warehouse.open(read_only=read_only)
        return warehouse

    def work_on(self, step: str) -> DuckDbWarehouse:
        """A run that has done something."""
        warehouse = self.open()
        warehouse.record({"steps": [{"step": step}]})
        return warehouse

    def run(self, step: str) -> None:
        self.work_on(step).publish()

    def die(self, step: str) -> None:
        """A run that ends before it can publish."""
        self.work_on(step).close()

    def seen(self) -> list[str]:
        """What a reader sees who comes now."""
        warehouse = self.open(read_only=True)
        try:
            return steps(warehouse)
        finally:
            warehouse.close()

    def files(self) -> list[str]:
        """What is in the folder."""
        return sorted(file.name for file in self.path.parent.iterdir())

    def change(self, step: str = "by hand") -> None:
        """Somebody changes what is published in a DuckDB shell."""
        import duckdb

        with duckdb.connect(str(self.path)) as connection:
            connection.execute(f"INSERT INTO ops.steps (step) VALUES ('{step}')")


def steps(warehouse: DuckDbWarehouse) -> list[str]:
    return sorted(row["step"] for row in warehouse.query("SELECT step FROM ops.steps").to_pylist())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "warehouse.duckdb")
    place.run("first")
    yield place
    for warehouse in place.opened:
        warehouse.close()


def test_readers_see_what_was_published_last(place: Place) -> None:
    told = "SELECT step FROM ops.steps ORDER BY step"
    with Reader(place.path) as early:
        run = place.work_on("second")
        with Reader(place.path) as during:
            assert early.ask(told) == during.ask(told) == [("first",)]
            run.publish()
            with Reader(place.path) as late:
                assert late.ask(told) == [("first",), ("second",)]
            assert early.ask(told) == during.ask(told) == [("first",)]
    assert steps(run) == ["first", "second"]
    assert place.files() == ["warehouse.duckdb"]


def test_who_opens_the_file_while_it_is_replaced_has_one_or_the_other(place: Place) -> None:
    command = [sys.executable, "-c", COME_AND_GO, str(place.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as readers:
        assert readers.stdout and readers.stdout.readline() == "begun\n"
        for number in range(10):
            place.run(f"run {number}")
        told, _ = readers.communicate()
    assert readers.returncode == 0
    seen = [int(count) for count in told.split()]
    assert seen == sorted(seen)
    assert set(seen) <= set(range(1, 12))
    assert len(set(seen)) > 2


def test_a_run_goes_on_from_what_a_dead_one_left(place: Place) -> None:
    place.die("second")
    assert place.seen() == ["first"]
    place.run("third")
    assert place.seen() == ["first", "second", "third"]


def test_a_run_that_changes_nothing_leaves_nothing(place: Place) -> None:
    before = place.path.stat()
    place.open().close()
    assert place.files() == ["warehouse.duckdb"]
    after = place.path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    # Nor does it take away what a dead one left.
    place.die("second")
    place.open().close()
    place.run("third")
    assert place.seen() == ["first", "second", "third"]


def altered(place: Place) -> None:
    place.change()


def restored(place: Place) -> None:
    """From a backup, with the moment of the backup."""
    shutil.copy2(place.path.with_name("backup"), place.path)


def removed(place: Place) -> None:
    place.path.unlink()


@pytest.mark.parametrize(
    ("act", "left"),
    [(altered, ["by hand", "first", "second"]), (restored, ["first"]), (removed, [])],
    ids=["altered", "restored", "removed"],
)
def test_what_somebody_did_to_the_file_counts(place: Place, act: Callable[[Place], None], left: list[str]) -> None:
    """It is what readers see: a dead run's copy of what was there before is none of it any more."""
    shutil.copy2(place.path, place.path.with_name("backup"))
    place.run("second")
    place.die("dead")
    act(place)
    place.run("third")
    assert place.seen() == sorted([*left, "third"])


@pytest.mark.remedy("warehouse-changed-during-run")
@pytest.mark.parametrize("act", [altered, restored])
def test_the_file_is_changed_during_a_run(
    place: Place, act: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # DuckDB's own shells are kept out; somebody may have a file system without locks.
    monkeypatch.setattr(working_copy, "_reading", lambda path: os.open(path, os.O_RDONLY))
    shutil.copy2(place.path, place.path.with_name("backup"))
    place.run("second")
    run = place.work_on("third")
    act(place)
    seen = place.seen()
    error = failure(run.publish)
    assert (error.reason, error.exit_code) == ("warehouse-changed-during-run", 1)
    assert "then run again" in error.remedy
    run.close()
    assert place.seen() == seen
    place.run("fourth")
    assert place.seen() == sorted([*seen, "fourth"])


def test_a_file_that_is_removed_during_a_run_is_made_again(place: Place) -> None:
    run = place.work_on("second")
    place.path.unlink()
    run.publish()
    assert place.seen() == ["first", "second"]


def test_a_file_that_appears_during_the_first_run_stays(tmp_path: Path, place: Place) -> None:
    other = Place(tmp_path / "other.duckdb")
    run = other.work_on("second")
    shutil.copy(place.path, other.path)
    assert failure(run.publish).reason == "warehouse-changed-during-run"
    run.close()
    assert other.seen() == ["first"]


def test_no_shell_changes_the_file_during_a_run(place: Place) -> None:
    run = place.work_on("second")
    command = [sys.executable, "-c", DIE, str(place.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Conflicting lock" in done.stderr
    run.publish()
    assert place.seen() == ["first", "second"]


@pytest.fixture
def left_log(place: Place) -> Path:
    """The log of a shell that was killed before DuckDB brought its change into the file."""
    subprocess.run([sys.executable, "-c", DIE, str(place.path)], check=False, timeout=60)
    log = place.path.with_name("warehouse.duckdb.wal")
    assert log.exists()
    return log


def test_what_is_in_a_log_is_taken_along(place: Place, left_log: Path) -> None:
    place.run("second")
    assert place.seen() == ["by hand", "first", "second"]
    assert not left_log.exists()


def test_a_run_dies_between_the_log_and_the_file(place: Place, left_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = place.work_on("second")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse(errno.EIO))
        assert failure(run.publish).reason == "warehouse-not-published"
    run.close()
    assert not left_log.exists()
    assert place.seen() == ["first"]
    place.run("third")
    assert place.seen() == ["by hand", "first", "second", "third"]


def test_a_copy_that_a_power_failure_may_have_torn_is_not_used(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(WorkingCopy, "_sync", lambda *_: None)
        patched.setattr(working_copy, "boot_id", lambda: "the start before")
        place.die("second")
    place.run("third")
    assert place.seen() == ["first", "third"]


def test_a_copy_on_the_disk_outlives_the_machine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(working_copy, "boot_id", lambda: "the start before")
        patched.setattr(file_state, "boot_id", lambda: "the start before")
        place.die("second")
    place.run("third")
    assert place.seen() == ["first", "second", "third"]


def test_rights_and_links_stay(place: Place, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target = place.path.rename(tmp_path / "data" / "numbers.duckdb")
    place.path.symlink_to(target)
    target.chmod(0o640)
    os.setxattr(target, "user.team", b"numbers")
    run = place.work_on("second")
    assert [path.stat().st_mode & 0o777 for path in (target.with_name("numbers.duckdb.work"),)] == [0o700]
    run.publish()
    assert place.path.is_symlink()
    assert place.seen() == ["first", "second"]
    assert target.stat().st_mode & 0o777 == 0o640
    assert os.getxattr(target, "user.team") == b"numbers"
    assert place.files() == ["data", "warehouse.duckdb"]
    assert list((tmp_path / "data").iterdir()) == [target]


def test_a_file_that_may_not_be_written_to_is_not_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != place.path)
    error = failure(place.open)
    assert (error.reason, error.exit_code) == ("warehouse-not-opened", 2)


def test_a_folder_that_leads_away_is_not_used(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    place.work.symlink_to(tmp_path / "elsewhere")
    error = failure(place.open)
    assert (error.reason, str(place.work) in error.message) == ("warehouse-not-opened", True)
    place.work.unlink()
    place.work.mkdir(mode=0o777)
    run = place.work_on("second")
    assert place.work.stat().st_mode & 0o777 == 0o700
    run.publish()


def refuse(number: int) -> Callable[..., Any]:
    def refused(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refused


def test_no_room_for_a_copy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(working_copy, "copy_file", refuse(errno.ENOSPC))
        error = failure(place.open)
        assert (error.reason, error.exit_code) == ("disk-full", 1)
        assert f"make room on the disk of {place.path.parent}" in error.remedy
    assert place.files() == ["warehouse.duckdb"]
    place.run("second")
    assert place.seen() == ["first", "second"]


@pytest.mark.parametrize("places", [("copy_file_range",), ("copy_file_range", "sendfile")])
def test_file_systems_that_copy_nothing_themselves(
    place: Place, monkeypatch: pytest.MonkeyPatch, places: tuple[str, ...]
) -> None:
    for name in places:
        monkeypatch.setattr(os, name, refuse(errno.EOPNOTSUPP))
    place.run("second")
    assert place.seen() == ["first", "second"]


@pytest.mark.remedy("warehouse-not-published")
def test_a_file_that_cannot_be_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = place.work_on("second")
    with monkeypatch.context() as patched:
        # As a file that is mounted by itself.
        patched.setattr(Path, "replace", refuse(errno.EBUSY))
        error = failure(run.publish)
        assert (error.reason, error.exit_code) == ("warehouse-not-published", 1)
        assert "run again, which goes on" in error.remedy
        run.record({"steps": [{"step": "told"}]})
        assert failure(run.publish).reason == "warehouse-not-published"
    run.close()
    assert place.seen() == ["first"]
    place.run("third")
    assert place.seen() == ["first", "second", "third", "told"]


@pytest.mark.remedy("warehouse-copy-unreadable")
def test_a_copy_that_cannot_be_opened(place: Place) -> None:
    place.die("second")
    (place.work / "warehouse.duckdb").write_text("no database " * 1000)
    error = failure(place.open)
    assert (error.reason, error.exit_code) == ("warehouse-copy-unreadable", 2)
    assert f"remove {place.work}, then" in error.remedy
    shutil.rmtree(place.work)
    place.run("third")
    assert place.seen() == ["first", "third"]


@pytest.mark.parametrize("content", ["", "{", '{"file": 1}'])
def test_a_record_that_is_not_whole_is_none(place: Place, content: str) -> None:
    place.die("second")
    (place.work / "origin.json").write_text(content)
    place.run("third")
    assert place.seen() == ["first", "third"]


def test_runs_that_come_and_go_never_have_one_copy(place: Place) -> None:
    """The folder is removed by each that ends, while the other is about to take it."""
    wrong, taken = list[BaseException](), list[int]()

    def work() -> None:
        try:
            for _ in range(100):
                copy = WorkingCopy(place.path)
                try:
                    copy.take()
                except LockHeldError:
                    continue
                with (copy.folder / "alone").open("x"):
                    taken.append(1)
                copy.let_go(discard=True)
        except (OSError, RentalError) as error:
            wrong.append(error)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert taken
    assert place.seen() == ["first"]
