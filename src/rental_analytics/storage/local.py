"""The lake in a local folder."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rental_analytics.errors import ConfigurationError, LakeError, LockHeldError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import DRAFTS, Lake

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.ENOENT}
_OWNED = ".owned"
_TRIES = 3
Publish = Callable[[Path, Path], bool]


class LocalLake(Lake):
    """Objects are files below `root`; creation is atomic by hard link, so a reader never sees half of one.

    What has its name is on the disk, and the name too: a power failure after a commit takes nothing of it back.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def create(self, path: str, content: bytes) -> bool:
        return self._put(path, content, _linked)

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content, _replaced)

    def _put(self, path: str, content: bytes, publish: Publish) -> bool:
        target = self.root / path
        try:
            for _ in range(_TRIES - 1):
                # The run that holds the lock may sweep a draft, or an empty folder, away.
                with suppress(FileNotFoundError):
                    return self._publish(target, content, publish)
            return self._publish(target, content, publish)
        except OSError as error:
            raise LakeError(
                f"The lake file {target} cannot be written: {error.strerror or error}.",
                remedy="make room on the disk, or point lake.url to a folder you may write to, and run again.",
            ) from error

    def _publish(self, target: Path, content: bytes, publish: Publish) -> bool:
        draft = self.root / DRAFTS / uuid.uuid4().hex
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            _make_folder(target.parent)
            _write_whole(draft, content)
            published = publish(draft, target)
            _sync_folder(target.parent)
            return published
        finally:
            draft.unlink(missing_ok=True)

    def remove_drafts(self) -> int:
        folder = self.root / DRAFTS
        drafts = list(folder.iterdir()) if folder.is_dir() else []
        return sum(_remove_draft(draft) for draft in drafts)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def paths(self, prefix: str) -> list[str]:
        folder = self.root / prefix
        if not folder.is_dir():
            return []
        found = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
        return sorted(file.relative_to(self.root).as_posix() for file in found)

    def folders(self, prefix: str) -> list[str]:
        folder = self.root / prefix
        found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        return sorted(f"{path.relative_to(self.root).as_posix()}/" for path in found)

    def delete(self, paths: Iterable[str]) -> None:
        """Folders that become empty go too, so that looking through those that are left stays quick."""
        for path in paths:
            file = self.root / path
            file.unlink(missing_ok=True)
            with suppress(OSError):
                for folder in file.relative_to(self.root).parents[:-1]:
                    (self.root / folder).rmdir()

    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        files = [self.root / path for path in paths]
        for file in files:
            if not file.is_file():
                raise LakeError(
                    f"A committed manifest names {file}, but the file is gone.",
                    remedy="restore the file, or run `rental run --full-refresh`.",
                )
        return files

    def size(self, path: str) -> int | None:
        file = self.root / path
        return file.stat().st_size if file.is_file() else None

    def open(self, path: str) -> BinaryIO:
        (file,) = self.local_copies([path])
        return file.open("rb")

    def location(self, path: str) -> str:
        return f"{self.root.absolute()}/{path}"

    @contextmanager
    def scratch(self) -> Iterator[str]:
        prefix = f"{DRAFTS}{uuid.uuid4().hex}/"
        try:
            yield prefix
        finally:
            shutil.rmtree(self.root / prefix, ignore_errors=True)

    def check_writable(self) -> None:
        probe = self.root / DRAFTS / f"probe-{uuid.uuid4().hex}"
        try:
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The lake folder {self.root} cannot be written: {error.strerror or error}.",
                remedy="point lake.url to a folder you may write to, or correct its permissions.",
            ) from error

    @contextmanager
    def _output_folder(self, prefix: str) -> Iterator[Path]:
        draft, target = self.root / DRAFTS / uuid.uuid4().hex, self.root / prefix
        try:
            with self._published_to(target):
                draft.mkdir(parents=True)
                (draft / _OWNED).touch()
            yield draft
            with self._published_to(target):
                _move_files(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @contextmanager
    def _published_to(self, target: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            # Only who holds the run lock removes drafts.
            raise LockHeldError(
                f"Files for {target} were removed before they were whole: another run took over the lake {self.url}.",
                remedy="wait for that run to finish, then run again.",
            ) from error
        except OSError as error:
            raise LakeError(
                f"Files cannot be written to {target}: {error.strerror or error}.",
                remedy="make room on the disk, or point lake.url to a folder you may write to, and run again.",
            ) from error

    def close(self) -> None:
        """Nothing is held open."""


def _move_files(draft: Path, target: Path) -> None:
    """Give the files of a draft folder their places, all of them or, where the folder was swept away, none."""
    files = sorted(file for file in draft.iterdir() if file.name != _OWNED)
    (draft / _OWNED).unlink()
    if files:
        for file in files:
            _sync(file, os.O_RDONLY)
        _make_folder(target)
        for file in files:
            file.replace(target / file.name)
        _sync_folder(target)


def _remove_draft(draft: Path) -> int:
    """Remove a draft; how many files it had. A folder goes whole at once: its owner may just be waking up."""
    if not draft.is_dir():
        draft.unlink(missing_ok=True)
        return 1
    doomed = draft.with_name(uuid.uuid4().hex)
    with suppress(FileNotFoundError):
        draft.rename(doomed)
    files = sum(1 for file in doomed.rglob("*") if file.name != _OWNED)
    shutil.rmtree(doomed, ignore_errors=True)
    return files


def _make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that their names are on the disk."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system knows how."""
    if sys.platform == "win32":
        return
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: Path, flags: int) -> None:
    opened = os.open(path, flags)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _write_whole(file: Path, content: bytes) -> None:
    with file.open("xb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _replaced(draft: Path, target: Path) -> bool:
    """Give the draft its name, whatever had it before, in one step."""
    draft.replace(target)
    return True


def _linked(draft: Path, target: Path) -> bool:
    """Give the draft its name unless that is taken, in one step."""
    reach("draft-written")
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Some file systems have no hard links; there the name is claimed first and the content follows.
        try:
            _write_whole(target, draft.read_bytes())
        except FileExistsError:
            return False
    return True
