"""The file that a run changes: a copy of the published one, whose place it takes in the end.

See docs/adr/0031-a-run-works-on-a-copy.md.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from rental_analytics.atomic import write_atomically
from rental_analytics.disk import sync_folder, sync_path
from rental_analytics.failpoints import reach
from rental_analytics.warehouses.duckdb.errors import changed_during_run, held_by_run
from rental_analytics.warehouses.duckdb.file_state import Origin, boot_id, copy_file, log_of, take_rights

if sys.platform != "win32":
    import fcntl

_LOCK, _ORIGIN, _DRAFT = "lock", "origin.json", "draft"
_TRIES = 100
_TAKEN = {errno.EACCES, errno.EAGAIN}


class WorkingCopy:
    """A folder `<name>.work` beside the published file, and in it the file that a run opens; one process has it.

    It stays where a process dies, and the next one goes on from it, unless the published file was changed since.

    Args:
        named: the published file, or a link to it.
    """

    def __init__(self, named: Path) -> None:
        self.published = Path(os.path.realpath(named))
        self.folder = self.published.with_name(f"{self.published.name}.work")
        # The name of a file is that of its catalogue, which statements may say.
        self.file = self.folder / self.published.name
        self.is_left_by_another = False
        """Whether an earlier process made it."""
        self._named = named
        self._lock: int | None = None
        self._reading: int | None = None
        self._origin: Origin | None = None
        self._synced: Future[None] | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process has it."""
        return self._lock is not None

    def take(self) -> None:
        """Have the file to oneself, made of the published one or left by a process that died.

        Nobody opens the published file for writing from now on; whoever reads it is not asked.

        Raises:
            LockHeldError: another run has it.
            BlockingIOError: a program has the published file open for writing.
            OSError: a file cannot be used, or there is no room for a copy.
        """
        if self.is_held:
            return
        _check_usable(self.published)
        self.published.parent.mkdir(parents=True, exist_ok=True)
        self._lock, is_ours = self._locked(), False
        try:
            self._reading = _reading(self.published)
            self._origin = Origin.of(self.published)
            known = Origin.read(self.folder / _ORIGIN)
            self.is_left_by_another = bool(self.file.exists() and known and known.is_still(self._origin))
            if not self.is_left_by_another:
                is_ours = True
                self._make(self._origin)
        except BaseException:
            # Of what a process left that died, nothing is lost.
            self.let_go(discard=is_ours or not self.file.exists())
            raise
        reach("warehouse-copied")

    def _locked(self) -> int:
        place = self.folder / _LOCK
        for _ in range(_TRIES):
            with suppress(FileExistsError):
                # What `exist_ok` looks for may be gone by then: see below.
                self.folder.mkdir(mode=0o700)
            if self.folder.is_symlink():
                raise OSError(errno.ELOOP, f"{self.folder} is a link")
            try:
                # In a folder of another user, or one that others may write to, nothing would be private.
                self.folder.chmod(0o700)
                opened = os.open(place, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
            except FileNotFoundError:
                # The run before removed its folder just now.
                continue
            if not _has_lock(opened):
                holder = os.read(opened, 1000).decode(errors="replace")
                os.close(opened)
                raise held_by_run(self._named, holder)
            if _is_at(place, opened):
                os.truncate(opened, 0)
                os.write(opened, f"{sys.executable} (PID {os.getpid()})".encode())
                return opened
            os.close(opened)
        raise OSError(errno.EBUSY, f"{self.folder} comes and goes")

    def _make(self, origin: Origin) -> None:
        """Copy the published file, where there is one; a process that dies meanwhile leaves no file."""
        self._clear()
        early = origin.model_copy(update={"boot": boot_id() or "unknown"})
        (self.folder / _ORIGIN).write_text(early.model_dump_json(), encoding="utf-8")
        if origin.log:
            copy_file(log_of(self.published), log_of(self.file))
        if self._reading is not None:
            draft = self.folder / _DRAFT
            # Opened once more and closed, it would lose the lock that this process has on it.
            copy_file(self._reading, draft)
            take_rights(self.published, draft)
            draft.rename(self.file)
        pool = ThreadPoolExecutor(1)
        self._synced = pool.submit(self._sync, origin)
        pool.shutdown(wait=False)

    def _sync(self, origin: Origin) -> None:
        """Bring the copy to the disk while the run is busy elsewhere, and note that it is there."""
        for file, state in ((self.file, origin.file), (log_of(self.file), origin.log)):
            if state:
                sync_path(file)
        write_atomically(self.folder / _ORIGIN, origin.model_dump_json())
        sync_folder(self.folder)

    def wait_until_durable(self) -> None:
        """Return once the copy outlives a power failure: what the lake is told to be loaded is then on the disk.

        Raises:
            OSError: it cannot be brought there.
        """
        if self._synced:
            self._synced.result()
            self._synced = None

    def check_unchanged(self) -> None:
        """See that nobody put another file in the place of the published one, or changed it; it may be gone.

        Raises:
            WarehouseError: somebody did.
        """
        now = Origin.of(self.published)
        assert self._origin is not None
        is_same = self._reading is None or _is_at(self.published, self._reading)
        if now.file and not (is_same and self._origin.is_still(now)):
            raise changed_during_run(self._named)

    def publish(self) -> None:
        """Put the file, which is closed, in the place of the published one; who reads that keeps what he has open.

        Raises:
            OSError: it cannot be done; the file stays, for the next run.
        """
        if log_of(self.file).exists():
            raise OSError(errno.EBUSY, f"{log_of(self.file)} is left")
        if self.published.exists():
            take_rights(self.published, self.file)
        sync_path(self.file)
        reach("warehouse-publish-due")
        # With another file DuckDB would take the log for that one's. The copy has what is in it.
        log_of(self.published).unlink(missing_ok=True)
        self.file.replace(self.published)
        try:
            sync_folder(self.published.parent)
            reach("warehouse-published")
        finally:
            self.let_go(discard=True)

    def let_go(self, *, discard: bool) -> None:
        """Let other processes have it.

        Args:
            discard: remove it; else it stays for the next run.
        """
        if self._lock is None:
            return
        with suppress(OSError):
            self.wait_until_durable()
        held, self._lock, self._reading = (self._reading, self._lock), None, None
        try:
            if discard:
                with suppress(OSError):
                    self._clear()
                    (self.folder / _LOCK).unlink(missing_ok=True)
                    self.folder.rmdir()
        finally:
            for opened in held:
                if opened is not None:
                    os.close(opened)

    def _clear(self) -> None:
        """Remove all but the lock; first the file, without which the rest means nothing."""
        self.file.unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name == _LOCK:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _check_usable(path: Path) -> None:
    """DuckDB would wait for ever for what comes out of a pipe; and who may not write to a file does not replace it."""
    for file in (path, log_of(path)):
        if file.exists() and not file.is_file():
            raise OSError(errno.EINVAL, f"{file} is not a regular file")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, f"{path} may not be written to")


def _is_at(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def _reading(path: Path) -> int | None:
    """A descriptor that has DuckDB's lock of a reader on a file, which keeps writers away; None where there is no file.

    Raises:
        BlockingIOError: a writer has the file.
    """
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if sys.platform != "win32":
        try:
            fcntl.lockf(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            # Some file systems have no locks, and no writer has one there.
            if error.errno in _TAKEN:
                os.close(opened)
                raise BlockingIOError(error.errno, f"{path} is open for writing") from error
    return opened


def _has_lock(opened: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
