"""One run at a time: who holds the lock of a lake, who may take it, and who finds that it was lost."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import LakeError, LakeUnavailableError, LockHeldError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import Claim, RunLock
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.s3 import S3Lake
from servers.s3 import S3Server

NOW = datetime.now(UTC)
ROUNDS = 20
HOLD = """
import sys, time
from datetime import timedelta
from storage.test_lock import make_lake
from rental_analytics.storage.lock import RunLock
RunLock(make_lake(sys.argv[1]), timedelta(seconds=float(sys.argv[2]))).acquire("nightly")
print("held", flush=True)
time.sleep(600)
"""


def make_lake(place: str) -> Lake:
    bucket, _, endpoint = place.partition("@")
    return S3Lake(bucket, "lake", endpoint=endpoint) if endpoint else LocalLake(Path(place))


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a lake is: a folder, or a bucket@endpoint."""
    if request.param == "folder":
        return str(tmp_path / "lake")
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"{server.create_bucket()}@{server.endpoint_url}"


@pytest.fixture
def lake(place: str) -> Iterator[Lake]:
    lake = make_lake(place)
    yield lake
    lake.close()


def put(lake: Lake, number: int, **values: Any) -> None:
    """A claim of a process on another machine."""
    usual = {"owner": "far", "pid": 1, "token": f"t{number}", "acquired_at": NOW, "expires_at": later(60)}
    lake.write(f"locks/{number:010d}.json", Claim.model_validate(usual | values).model_dump_json().encode())


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def newest(lake: Lake) -> Claim:
    return Claim.model_validate_json(lake.read(lake.paths("locks/")[-1]) or b"")


def refusal(lock: RunLock) -> str:
    with pytest.raises(LockHeldError) as caught:
        lock.acquire()
    return str(caught.value)


@pytest.fixture
def holder(place: str) -> Iterator[subprocess.Popen[str]]:
    """Another process of this machine that holds the lock for a minute."""
    with holding(place, 60) as process:
        yield process
        process.kill()


def holding(place: str, expiry: float) -> subprocess.Popen[str]:
    paths = [str(folder) for folder in Path(__file__).parents[1:3]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", HOLD, place, str(expiry)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.service
def test_second_is_refused_until_the_first_releases(lake: Lake) -> None:
    first, second = RunLock(lake), RunLock(lake)
    first.acquire("nightly")
    told = refusal(second)
    assert f"process {os.getpid()} on " in told
    assert "(run nightly), since 20" in told
    assert "Remedy: wait" in told
    first.release()
    second.acquire()
    second.check()
    with pytest.raises(LockHeldError):
        first.check()
    second.release()
    assert lake.paths("locks/") == ["locks/0000000002.json"]
    assert newest(lake).released


@pytest.mark.service
def test_claim_of_another_machine_keeps_others_out_until_it_expires(lake: Lake) -> None:
    put(lake, 6, released=True)
    put(lake, 7)
    assert "process 1 on far" in refusal(RunLock(lake))
    put(lake, 7, expires_at=later(-1))
    lock = RunLock(lake)
    lock.acquire()
    assert lake.paths("locks/") == ["locks/0000000008.json"]
    lock.release()


@pytest.mark.service
def test_claim_is_renewed_while_it_is_held(lake: Lake) -> None:
    lock = RunLock(lake, timedelta(seconds=1))
    lock.acquire()
    acquired = newest(lake)
    time.sleep(2)
    assert newest(lake).expires_at > datetime.now(UTC)
    assert newest(lake).acquired_at == acquired.acquired_at
    lock.release()
    released = newest(lake)
    time.sleep(0.5)
    assert newest(lake) == released


@pytest.mark.service
def test_lock_of_a_killed_process_is_taken_over_at_once(lake: Lake, holder: subprocess.Popen[str]) -> None:
    assert f"process {holder.pid} on " in refusal(RunLock(lake))
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = RunLock(lake)
    lock.acquire()
    lock.release()


@pytest.mark.service
def test_number_of_a_dead_process_that_another_has_now(lake: Lake, holder: subprocess.Popen[str]) -> None:
    dead = newest(lake)
    put(lake, 2, **dead.model_dump() | {"token": "earlier", "started": 1})
    lock = RunLock(lake)
    lock.acquire()
    lock.release()
    own = newest(lake).model_copy(update={"token": "earlier", "released": False})
    put(lake, 4, **own.model_dump())
    lock.acquire()
    lock.release()


@pytest.mark.service
def test_stopped_process_loses_the_lock_when_it_expires_and_finds_out(place: str, lake: Lake) -> None:
    with holding(place, 2) as process:
        process.send_signal(signal.SIGSTOP)
        assert f"process {process.pid} on " in refusal(RunLock(lake))
        time.sleep(2.1)
        lock = RunLock(lake)
        lock.acquire()
        process.send_signal(signal.SIGCONT)
        time.sleep(1)
        lock.check()
        assert newest(lake).pid == os.getpid()
        lock.release()
        process.kill()


@pytest.mark.service
def test_process_at_work_that_could_not_renew_keeps_the_lock(lake: Lake, holder: subprocess.Popen[str]) -> None:
    put(lake, 1, **newest(lake).model_dump() | {"expires_at": later(-1)})
    told = refusal(RunLock(lake))
    assert f"process {holder.pid} on " in told
    assert "could not renew" in told


@pytest.mark.service
def test_process_at_work_whose_lock_expired_long_ago_has_lost_it(lake: Lake, holder: subprocess.Popen[str]) -> None:
    expiry = timedelta(seconds=3)
    for past, taken in ((29, False), (31, True)):
        put(lake, 1, **newest(lake).model_dump() | {"expires_at": later(-past)})
        lock = RunLock(lake, expiry)
        if taken:
            lock.acquire()
            lock.release()
        else:
            assert "could not renew" in refusal(lock)


@pytest.mark.service
def test_release_that_failed_is_made_up_for(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = RunLock(lake, timedelta(seconds=0.6))
    lock.acquire()

    def refuse(*_: object) -> None:
        raise LakeUnavailableError("away.", remedy="wait.")

    with monkeypatch.context() as patched:
        patched.setattr(type(lake), "write", refuse)
        lock.release()
        time.sleep(0.3)
        assert not newest(lake).released
    wait_until(lambda: newest(lake).released)


@pytest.mark.service
def test_release_that_comes_late_does_not_touch_the_next_holder(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = RunLock(lake, timedelta(seconds=0.6)), RunLock(lake)
    first.acquire()
    write = type(lake).write

    def refuse(self: Lake, path: str, content: bytes) -> None:
        if path.endswith("1.json"):
            raise LakeUnavailableError("away.", remedy="wait.")
        write(self, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(type(lake), "write", refuse)
        first.release()
        second.acquire()
    wait_until(lambda: not any(thread.name == "release" for thread in threading.enumerate()))
    second.check()
    assert lake.paths("locks/") == ["locks/0000000002.json"]
    second.release()


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.service
def test_lost_lock_stops_a_commit(lake: Lake) -> None:
    lock = RunLock(lake)
    lock.acquire()
    manifests = ManifestStore(lake, guard=lock.check)
    run = manifests.begin_run("first", NOW, NOW.replace(tzinfo=None))
    assert manifests.begin_run("first", NOW, NOW.replace(tzinfo=None)) == run
    put(lake, 2, owner="thief")
    with pytest.raises(LockHeldError, match=r"The lock was lost.*on thief"):
        manifests.begin_run("second", NOW, NOW.replace(tzinfo=None))
    lock.release()
    assert newest(lake).owner == "thief"
    assert not newest(lake).released
    assert len(lake.paths("history/")) == 1


@pytest.mark.service
def test_removed_claim_stops_a_commit(lake: Lake) -> None:
    lock = RunLock(lake)
    lock.acquire()
    lake.delete(lake.paths("locks/"))
    with pytest.raises(LockHeldError, match="was removed"):
        lock.check()
    lock.release()
    assert lake.paths("locks/") == []


@pytest.mark.service
def test_expired_lock_that_nobody_took_is_renewed_before_a_commit(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = RunLock(lake, timedelta(seconds=0.3))

    def refuse(*_: object) -> None:
        raise LakeUnavailableError("away.", remedy="wait.")

    with monkeypatch.context() as patched:
        lock.acquire()
        patched.setattr(type(lake), "write", refuse)
        time.sleep(0.5)
    lock.check()
    assert newest(lake).expires_at > datetime.now(UTC)
    lock.release()


@pytest.mark.service
def test_create_whose_answer_was_lost_is_no_refusal(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    create = type(lake).create

    def answered_twice(self: Lake, path: str, content: bytes) -> bool:
        create(self, path, content)
        return create(self, path, content)

    lock = RunLock(lake)
    with monkeypatch.context() as patched:
        patched.setattr(type(lake), "create", answered_twice)
        lock.acquire()
        ManifestStore(lake, lock.check).begin_run("first", NOW, NOW.replace(tzinfo=None))
    lock.release()


@pytest.mark.service
def test_acquire_that_failed_halfway_can_be_repeated_or_ended(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    create = type(lake).create

    def unanswered(self: Lake, path: str, content: bytes) -> bool:
        create(self, path, content)
        raise LakeUnavailableError("away.", remedy="wait.")

    repeated, ended = RunLock(lake), RunLock(lake)
    for lock in (repeated, ended):
        with monkeypatch.context() as patched:
            patched.setattr(type(lake), "create", unanswered)
            with pytest.raises(LakeError):
                lock.acquire()
        if lock is repeated:
            lock.acquire()
        lock.release()
        assert newest(lake).released


@pytest.mark.fast
def test_claim_that_cannot_be_read_keeps_others_out(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    lake.write("locks/0000000001.json", b"{")
    assert "locks/0000000001.json" in refusal(RunLock(lake))


@pytest.mark.fast
def test_commit_without_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockHeldError, match="was not taken"):
        RunLock(LocalLake(tmp_path)).check()


def race(place: str, environment: Mapping[str, str], together: Any, winners: Any) -> None:
    os.environ.update(environment)
    lake = make_lake(place)
    for number in range(ROUNDS):
        lock = RunLock(lake)
        together.wait(60)
        try:
            lock.acquire()
        except LockHeldError:
            pass
        else:
            winners.put(number)
        together.wait(60)
        lock.release()
    lake.close()


@pytest.mark.service
def test_of_two_processes_exactly_one_wins_every_time(place: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    together, winners = spawn.Barrier(2), spawn.SimpleQueue()
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    racers = [spawn.Process(target=race, args=(place, environment, together, winners)) for _ in range(2)]
    for racer in racers:
        racer.start()
    won = []
    for racer in racers:
        racer.join(120)
        assert racer.exitcode == 0
    while not winners.empty():
        won.append(winners.get())
    assert sorted(won) == list(range(ROUNDS))


@pytest.mark.service
@pytest.mark.parametrize("off", [-172_800, -60, 45, 60, 157_680_000])
def test_clocks_of_owner_and_reader_may_differ(lake: Lake, off: int) -> None:
    """A claim holds for as long as it says, counted by the lake's clock from when it was written."""

    def claim(holds: float) -> dict[str, Any]:
        return {"acquired_at": later(off), "renewed_at": later(off), "expires_at": later(off + holds)}

    put(lake, 1, **claim(60))
    assert "more seconds unless it is renewed" in refusal(RunLock(lake))
    put(lake, 2, **claim(0.5))
    time.sleep(2.1)
    lock = RunLock(lake)
    lock.acquire()
    lock.release()


@pytest.mark.fast
def test_claim_from_before_the_clock_of_the_disk_was_set_back(tmp_path: Path) -> None:
    """Whoever is at work renews its claim by the clock as it is now."""
    lake = LocalLake(tmp_path)
    put(lake, 1, renewed_at=later(0), expires_at=later(60))
    far = time.time() + 5 * 365 * 86_400
    os.utime(tmp_path / "locks" / "0000000001.json", (far, far))
    lock = RunLock(lake)
    lock.acquire()
    lock.release()
