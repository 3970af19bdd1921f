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
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from rental_analytics.contracts.base import Contract, Count, Instant, RunId
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
        renewed_at: when it was written last, by its owner's clock.
        expires_at: it holds until then, unless it is renewed; by its owner's clock too, so that only the time between
            the two means anything to others.
    """

    owner: str
    machine: str | None = None
    pid: Annotated[Count, Field(ge=1, le=2**31)]
    started: Count | None = None
    token: str
    run_id: RunId | None = None
    acquired_at: Instant
    renewed_at: Instant | None = None
    expires_at: Instant
    released: bool = False

    def overdue(self, idle: timedelta) -> timedelta:
        """For how long it has been expired, negative while it holds.

        Args:
            idle: how long ago it was written, by the lake's clock.
        """
        if self.renewed_at is None:
            # Of a version that noted no more.
            return datetime.now(UTC) - self.expires_at
        holds = self.expires_at - self.renewed_at
        # The clock of the lake was set back since: who is at work would have renewed the claim under the new one.
        return -idle - holds if idle < -holds else idle - holds

    def stands(self, expiry: timedelta, idle: timedelta) -> bool:
        """Whether it keeps others out.

        Args:
            expiry: how long a claim holds without being renewed.
            idle: how long ago it was written, by the lake's clock.
        """
        if self.released:
            return False
        overdue = self.overdue(idle)
        expired = overdue >= timedelta(0)
        if self.machine is None or self.machine != _machine():
            return not expired
        if self.pid == os.getpid():
            return self.token in _held_by_this_process
        # A process that released its lock, while the lake did not take note of it, is at something else by now.
        abandoned = overdue >= _LONGEST_AT_WORK * expiry
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

    A process that is at work on this machine keeps the lock for ten expiries after it expired: something may have kept
    the interpreter from it. From other machines this cannot be seen.

    Whether a claim has expired is told by one clock alone, that of whatever keeps the lake: how long ago the claim was
    written (`Lake.idle`) is compared with how long it holds. So the clocks of machines that share a lake may differ, or
    be set, as they like. In a folder it is the clock of the machine whose disk that is.

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
            raise LockHeldError(
                f"The lock of the lake {self._lake.url} was not taken.",
                remedy="take it first, as `rental run` does.",
                reason="lock-not-taken",
            )
        self._check_newest(claim)
        if claim.expires_at <= datetime.now(UTC):
            self._renew()
            self._check_newest(claim)

    def holder(self) -> Claim | None:
        """The claim that keeps others out, or None where the lock is free."""
        number, newest = self._newest()
        idle = self._lake.idle(_path(number)) if newest else None
        return newest if newest and idle is not None and newest.stands(self._expiry, idle) else None

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
            renewed_at=now,
            expires_at=now + self._expiry,
        )

    def _create(self, claim: Claim) -> None:
        """Make this the newest claim, or raise `LockHeldError`."""
        for _ in range(_LOST_RACES):
            number, newest = self._newest()
            if newest is not None and newest.token == claim.token:
                return  # the answer to an earlier try was lost
            if newest is not None:
                idle = self._lake.idle(_path(number))
                if idle is None:
                    continue  # removed by somebody who took the lock meanwhile
                if newest.stands(self._expiry, idle):
                    raise self._held_by(newest, idle, "lock-held")
            if number and newest is None:
                continue  # removed by somebody who took the lock meanwhile
            path, content = _path(number + 1), _encode(claim)
            # A write whose answer was lost, and which was sent again, finds its own content.
            if self._lake.create(path, content) or self._lake.read(path) == content:
                return
        raise LockHeldError(
            f"Other processes are taking the lock of the lake {self._lake.url}.",
            remedy="wait for them to finish, then run again.",
            reason="lock-contended",
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
                f"{self._lake.url}/{path} is not a valid claim of the lock, or is being written right now.",
                remedy="run again; if no other run is at work and this stays, remove the file.",
                reason="lock-invalid",
            ) from error

    def _check_newest(self, claim: Claim) -> None:
        number, newest = self._newest()
        if newest is None:
            raise LockHeldError(
                f"The claim of this run on the lake {self._lake.url} was removed.",
                remedy="see with `rental status` whether another run is at work; once none is, run again.",
                reason="lock-removed",
            )
        if newest.token != claim.token:
            raise self._held_by(newest, self._lake.idle(_path(number)) or timedelta(0), "lock-lost")
        self._number = number

    def _held_by(self, claim: Claim, idle: timedelta, reason: Literal["lock-held", "lock-lost"]) -> LockHeldError:
        run = f" (run {claim.run_id})" if claim.run_id else ""
        what = "The lock was lost: another run took over" if reason == "lock-lost" else "Another run holds"
        left = -claim.overdue(idle)
        until = f"its lock holds for {max(1, round(left.total_seconds())):,} more seconds unless it is renewed"
        if left <= timedelta(0):
            until = "it is at work, though it could not renew its lock of late"
        return LockHeldError(
            f"{what} the lake {self._lake.url}: process {claim.pid} on {claim.owner}{run}, since "
            f"{claim.acquired_at:%Y-%m-%d %H:%M:%S} UTC; {until}.",
            remedy="wait for that run to finish, then run again; if its machine is gone, the lock ends by itself.",
            reason=reason,
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
            now = datetime.now(UTC)
            self._write(self._claim.model_copy(update={"renewed_at": now, "expires_at": now + self._expiry}))

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
