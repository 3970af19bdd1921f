"""The lake in a local folder."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rental_analytics.errors import ConfigurationError, LakeError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import Lake

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}
_DRAFTS = ".drafts"
_TRIES = 3
Publish = Callable[[Path, Path], bool]


class LocalLake(Lake):
    """Objects are files below `root`; creation is atomic by hard link, so a reader never sees half of one."""

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
        draft = self.root / _DRAFTS / uuid.uuid4().hex
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(draft, content)
            return publish(draft, target)
        finally:
            draft.unlink(missing_ok=True)

    def remove_drafts(self) -> int:
        folder = self.root / _DRAFTS
        drafts = list(folder.iterdir()) if folder.is_dir() else []
        for draft in drafts:
            draft.unlink(missing_ok=True)
        return len(drafts)

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

    def check_writable(self) -> None:
        probe = self.root / _DRAFTS / f"probe-{uuid.uuid4().hex}"
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
        folder = self.root / prefix
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with suppress(OSError):
            folder.rmdir()  # only when it is empty

    def close(self) -> None:
        """Nothing is held open."""


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
