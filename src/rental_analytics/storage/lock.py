"""One run at a time on a lake: a lock made of conditional creation, so a folder and a bucket serve alike."""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from rental_analytics.contracts.base import Contract
from rental_analytics.errors import LockHeldError, RentalError
from rental_analytics.storage.base import Lake

LOCKS = "locks/"
_CLAIM = re.compile(LOCKS + r"(\d{10})\.json")
_RENEWALS_PER_EXPIRY = 6
_LOST_RACES = 5
_LONGEST_AT_WORK = 10
_ENDED, _STOPPED = "ZXx", "Tt"
_held_by_this_process: set[str] = set()


class Claim(Contract):
    """What a process that takes the lock says of itself.

    Args:
        owner: name of its host.
        machine: host, start of its kernel and space of its process numbers, or None where these cannot be known.
        started: when the process started, in the kernel's own unit; tells it from a later one with its number.
        token: tells this claim from all others.
        run_id: run it was taken for.
        expires_at: it holds until then, unless it is renewed.
    """

    owner: str
    machine: str | None = None
    pid: int
    started: int | None = None
    token: str
    run_id: str | None = None
    acquired_at: AwareDatetime
    expires_at: AwareDatetime
    released: bool = False

    def stands(self, expiry: timedelta) -> bool:
        """Whether it keeps others out; `expiry` is how long a claim holds without being renewed."""
        if self.released:
            return False
        now = datetime.now(UTC)
        expired = self.expires_at <= now
        if self.machine is None or self.machine != _machine():
            return not expired
        if self.pid == os.getpid():
            return self.token in _held_by_this_process
        # A process that released its lock, while the lake did not take note of it, is at something else by now.
        abandoned = self.expires_at <= now - _LONGEST_AT_WORK * expiry
        return not abandoned and self._is_at_work(expired=expired)

    def _is_at_work(self, *, expired: bool) -> bool:
        """Whether its process lives on this machine; one that is stopped may keep others out until it expires."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        seen = _process(self.pid)
        if seen is None:
            return not expired
        state, started = seen
        return started == self.started and state not in _ENDED and not (expired and state in _STOPPED)


class RunLock:
    """Held by at most one run of a lake; renewed by a thread until it is released.

    Claims are `locks/<number>.json`. They are created, never replaced by another process, and the one with the highest
    number is the lock: who finds it released, expired, or left by a process of this machine that has ended, creates the
    next. A process that was suspended for longer than the expiry may find that somebody else did so: `check` tells,
    and is called before anything is committed.

    A process that is at work on this machine keeps the lock for ten expiries after it expired: ConnectorX keeps the
    interpreter to itself while it waits for the source, and then nothing is renewed. From other machines this cannot be
    seen: where they share a lake, the expiry has to be longer than the source takes to answer a statement.

    Expiry compares the owner's clock with the reader's. The clocks of machines that share a lake are assumed to differ
    by much less than the expiry. If one is further behind, its lock may be taken over while it runs, and `check` stops
    it; if one is further ahead, others wait longer for what it left.

    Args:
        expiry: how long the lock of a machine that vanished keeps others out.
    """

    def __init__(self, lake: Lake, expiry: timedelta = timedelta(minutes=2)) -> None:
        self._lake = lake
        self._expiry = expiry
        self._claim: Claim | None = None
        self._number = 0
        self._writing = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, run_id: str | None = None) -> None:
        """Take the lock. A call that failed since the lake did not answer may be repeated, or ended by `release`.

        Raises:
            LockHeldError: another process has it; names host, process and times.
        """
        claim = self._claim or self._new_claim(run_id)
        self._claim = claim
        _held_by_this_process.add(claim.token)
        try:
            self._create(claim)
            self.check()
        except LockHeldError:
            self._forget()
            raise
        self._lake.delete(path for number, path in self._claims() if number < self._number)
        self._stopped.clear()
        self._thread = threading.Thread(target=self._renew_until_stopped, args=(claim,), name="lock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that the lock is still ours; renews it when it has expired.

        Raises:
            LockHeldError: it is not, or was never taken.
        """
        claim = self._claim
        if claim is None:
            raise LockHeldError(f"The lock of the lake {self._lake.url} was not taken.", remedy="take it first.")
        self._check_newest(claim)
        if claim.expires_at <= datetime.now(UTC):
            self._renew()
            self._check_newest(claim)

    def release(self) -> None:
        """Let others in.

        Where the lake does not answer, a thread goes on trying. Other machines are let in by the expiry meanwhile, this
        process at once, and other processes of this machine by the end of this one, or ten expiries.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        claim = self._claim
        if claim is None:
            return
        self._forget()
        if not self._is_released(claim):
            retry = threading.Thread(target=self._release_until_done, args=(claim,), name="release", daemon=True)
            retry.start()

    def _is_released(self, claim: Claim) -> bool:
        """Say in the lake that the claim is released; False where the lake did not answer."""
        try:
            number, newest = self._newest()
            if newest is not None and newest.token == claim.token:
                self._lake.write(_path(number), _encode(newest.model_copy(update={"released": True})))
        except LockHeldError:
            return True
        except RentalError:
            return False
        return True

    def _release_until_done(self, claim: Claim) -> None:
        for _ in range(_RENEWALS_PER_EXPIRY * _LONGEST_AT_WORK):
            time.sleep(self._expiry.total_seconds() / _RENEWALS_PER_EXPIRY)
            if self._is_released(claim):
                return

    def _new_claim(self, run_id: str | None) -> Claim:
        now = datetime.now(UTC)
        return Claim(
            owner=socket.gethostname(),
            machine=_machine(),
            pid=os.getpid(),
            started=(_process(os.getpid()) or (None, None))[1],
            token=secrets.token_hex(16),
            run_id=run_id,
            acquired_at=now,
            expires_at=now + self._expiry,
        )

    def _create(self, claim: Claim) -> None:
        """Make this the newest claim, or raise `LockHeldError`."""
        for _ in range(_LOST_RACES):
            number, newest = self._newest()
            if newest is not None and newest.token == claim.token:
                return  # the answer to an earlier try was lost
            if newest is not None and newest.stands(self._expiry):
                raise self._held_by(newest)
            if number and newest is None:
                continue  # removed by somebody who took the lock meanwhile
            path, content = _path(number + 1), _encode(claim)
            # A write whose answer was lost, and which was sent again, finds its own content.
            if self._lake.create(path, content) or self._lake.read(path) == content:
                return
        raise LockHeldError(
            f"Other processes are taking the lock of the lake {self._lake.url}.", remedy="wait for them to finish."
        )

    def _claims(self) -> list[tuple[int, str]]:
        """Numbers and paths of the claims, newest last."""
        return [(int(match[1]), match[0]) for path in self._lake.paths(LOCKS) if (match := _CLAIM.fullmatch(path))]

    def _newest(self) -> tuple[int, Claim | None]:
        """Number of the newest claim, 0 where there is none, and the claim unless it has just been removed."""
        claims = self._claims()
        if not claims:
            return 0, None
        number, path = claims[-1]
        content = self._lake.read(path)
        if content is None:
            return number, None
        try:
            return number, Claim.model_validate_json(content)
        except ValidationError as error:
            raise LockHeldError(
                f"{self._lake.url}/{path} is no valid claim of the lock, or is just being written.",
                remedy="run again; if no other run is at work and this stays, remove the file.",
            ) from error

    def _check_newest(self, claim: Claim) -> None:
        number, newest = self._newest()
        if newest is None:
            raise LockHeldError(
                f"The claim of this run on the lake {self._lake.url} was removed.",
                remedy="see with `rental status` whether another run is at work, then run again.",
            )
        if newest.token != claim.token:
            raise self._held_by(newest, lost=True)
        self._number = number

    def _held_by(self, claim: Claim, *, lost: bool = False) -> LockHeldError:
        run = f" (run {claim.run_id})" if claim.run_id else ""
        what = "The lock was lost: another run took over" if lost else "Another run holds"
        until = f"its lock holds until {claim.expires_at:%Y-%m-%d %H:%M:%S} UTC unless it is renewed"
        if claim.expires_at <= datetime.now(UTC):
            until = "it is at work, though it could not renew its lock of late"
        return LockHeldError(
            f"{what} the lake {self._lake.url}: process {claim.pid} on {claim.owner}{run}, since "
            f"{claim.acquired_at:%Y-%m-%d %H:%M:%S} UTC; {until}.",
            remedy="wait for that run to finish, then run again; if its machine is gone, the lock ends by itself.",
        )

    def _renew_until_stopped(self, claim: Claim) -> None:
        while not self._stopped.wait(self._expiry.total_seconds() / _RENEWALS_PER_EXPIRY):
            try:
                self._check_newest(claim)
                self._renew()
            except LockHeldError:
                return  # the run finds out when it checks
            except Exception:  # noqa: BLE001, S112 tried again soon; `check` looks before anything is committed
                continue

    def _renew(self) -> None:
        if self._claim is not None:
            self._write(self._claim.model_copy(update={"expires_at": datetime.now(UTC) + self._expiry}))

    def _write(self, claim: Claim) -> None:
        with self._writing:
            self._lake.write(_path(self._number), _encode(claim))
            self._claim = claim

    def _forget(self) -> None:
        if self._claim is not None:
            _held_by_this_process.discard(self._claim.token)
        self._claim = None


def _path(number: int) -> str:
    return f"{LOCKS}{number:010d}.json"


def _encode(claim: Claim) -> bytes:
    return claim.model_dump_json(indent=2, exclude_none=True).encode()


def _machine() -> str | None:
    """Where process numbers mean the same process: not in another container, nor after a restart."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _process(pid: int) -> tuple[str, int] | None:
    """State and start of a process of this machine, as the kernel has them; None where it does not show them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
