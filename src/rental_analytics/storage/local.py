"""The lake in a local folder."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from rental_analytics.disk import full_disk_remedy, is_full, sync_folder, sync_path
from rental_analytics.errors import ConfigurationError, LakeError, LockHeldError
from rental_analytics.failpoints import reach
from rental_analytics.regular_file import LargeFileError, NotRegularFileError, read_regular_file
from rental_analytics.storage.base import DRAFTS, LARGEST_RECORD, OLD_DRAFTS, Lake, Stored
from rental_analytics.storage.records import not_a_record, not_readable, too_large

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}
_NOT_REGULAR = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}
_OWNED = ".owned"
_TRIES = 3
Publish = Callable[[Path, Path], bool]


class LocalLake(Lake):
    """Objects are files below `root`; creation is atomic by hard link, so a reader never sees half of one.

    What has its name is on the disk, and the name too: a power failure after a commit takes nothing of it back.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.url = str(root)

    def create(self, path: str, content: bytes) -> bool:
        return self._put(path, content, _linked)

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content, _replaced)

    def _put(self, path: str, content: bytes, publish: Publish) -> bool:
        target = self._place(path)
        try:
            for _ in range(_TRIES - 1):
                # The run that holds the lock may sweep a draft, or an empty folder, away.
                with suppress(FileNotFoundError):
                    return self._publish(target, content, publish)
            return self._publish(target, content, publish)
        except OSError as error:
            raise _not_written(f"The lake file {target} cannot be written", error, self.root) from error

    def _publish(self, target: Path, content: bytes, publish: Publish) -> bool:
        draft = self._place(DRAFTS) / uuid.uuid4().hex
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            _make_folder(target.parent)
            _write_whole(draft, content)
            published = publish(draft, target)
            sync_folder(target.parent)
            return published
        finally:
            draft.unlink(missing_ok=True)

    def remove_drafts(self) -> int:
        return sum(self._empty(self._place(folder)) for folder in (DRAFTS, OLD_DRAFTS))

    def _empty(self, folder: Path) -> int:
        with _looking(folder):
            drafts = list(folder.iterdir()) if folder.is_dir() else []
        with self._removing(folder):
            return sum(_remove_draft(draft) for draft in drafts)

    def read(self, path: str) -> bytes | None:
        place = self._place(path)
        try:
            return read_regular_file(place, LARGEST_RECORD, follow_link=False)
        except FileNotFoundError:
            return None
        except LargeFileError as error:
            raise too_large(str(place), error.size) from error
        except OSError as error:
            raise _not_read(place, error) from error

    def paths(self, prefix: str) -> list[str]:
        folder = self._place(prefix)
        found: list[str] = []
        for place, folders, files in os.walk(folder, onerror=_unless_absent):
            below = Path(place).relative_to(self.root).as_posix()
            found += [f"{below}/{name}" for name in files if not name.startswith(".")]
            self._check_plain(below, folders)
        return sorted(found)

    def _check_plain(self, folder: str, names: Iterable[str]) -> None:
        for name in names:
            self._place(f"{folder}/{name}")

    def folders(self, prefix: str) -> list[str]:
        folder = self._place(prefix)
        with _looking(folder):
            found = [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []
        return sorted(f"{path.relative_to(self.root).as_posix()}/" for path in found)

    def delete(self, paths: Iterable[str]) -> None:
        """Folders that become empty go too, so that looking through those that are left stays quick."""
        for path in paths:
            file = self._place(path)
            with self._removing(file):
                file.unlink(missing_ok=True)
            with suppress(OSError):
                for folder in file.relative_to(self.root).parents[:-1]:
                    (self.root / folder).rmdir()

    def _place(self, path: str) -> Path:
        """Where a path of the lake is; a link on the way could lead anywhere, so none is followed.

        Raises:
            LakeError: there is one, or the path points outside the lake or cannot be followed.
        """
        place = self.root
        for name in PurePosixPath(path).parts:
            place /= name
            with _looking(place):
                leads_away = name in {"..", "/"} or place.is_symlink()
            if leads_away:
                raise LakeError(
                    f"{place} is a link, or points outside the lake {self.url}; nothing is done there.",
                    remedy="put a folder in the place of the link, or mount there what it leads to; or let lake.url "
                    "name the folder in which the whole lake is.",
                    reason="lake-link",
                )
        return place

    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        files = [self._place(path) for path in paths]
        for file in files:
            with _looking(file):
                is_there = file.is_file()
            if not is_there:
                raise LakeError(
                    f"A committed manifest names {file}, but the file is gone.",
                    remedy="restore the file as the run wrote it, or run `rental run --full-refresh`.",
                    reason="lake-file-missing",
                )
        return files

    def stored(self, path: str) -> Stored | None:
        file = self._place(path)
        with _looking(file):
            return Stored(file.stat().st_size) if file.is_file() else None

    def idle(self, path: str) -> timedelta | None:
        """A file that is made beside it tells what time it is there: the folder may be another machine's."""
        file = self._place(path)
        try:
            written = file.stat().st_mtime
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _not_read(file, error) from error
        probe = self._place(DRAFTS) / f"clock-{uuid.uuid4().hex}"
        try:
            probe.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(probe, b"")
            return timedelta(seconds=probe.stat().st_mtime - written)
        except OSError as error:
            raise _not_written(f"The lake file {probe} cannot be written", error, self.root) from error
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)

    def open(self, path: str, version: str | None = None) -> BinaryIO:  # noqa: ARG002 a folder has no versions
        (file,) = self.local_copies([path])
        with _looking(file):
            return file.open("rb")

    def digest(self, path: str) -> str:
        (file,) = self.local_copies([path])
        with _looking(file), file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def location(self, path: str) -> str:
        return f"{self.root.absolute()}/{path}"

    @contextmanager
    def scratch(self) -> Iterator[str]:
        prefix = f"{DRAFTS}{uuid.uuid4().hex}/"
        try:
            yield prefix
        finally:
            shutil.rmtree(self._place(prefix), ignore_errors=True)

    def check_writable(self) -> None:
        probe = self._place(DRAFTS) / f"probe-{uuid.uuid4().hex}"
        try:
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The lake folder {self.root} cannot be written: {error.strerror or error}.",
                remedy="point lake.url to a folder you may write to, or correct its permissions.",
                reason="lake-folder-not-writable",
            ) from error

    @contextmanager
    def _output_folder(self, prefix: str) -> Iterator[Path]:
        draft, target = self._place(DRAFTS) / uuid.uuid4().hex, self._place(prefix)
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
    def _removing(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _not_written(f"{place} cannot be removed", error, self.root) from error

    @contextmanager
    def _published_to(self, target: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            # Only who holds the run lock removes drafts.
            raise LockHeldError(
                f"Files for {target} were removed before they were complete: another run took over the lake "
                f"{self.url}.",
                remedy="wait for that run to finish, then run again.",
                reason="lake-drafts-removed",
            ) from error
        except OSError as error:
            raise _not_written(f"Files cannot be written to {target}", error, self.root) from error

    def close(self) -> None:
        """Nothing is held open."""


@contextmanager
def _looking(place: Path) -> Iterator[None]:
    """Tell what the system has against looking at a place."""
    try:
        yield
    except OSError as error:
        raise _not_read(Path(error.filename or place), error) from error


def _unless_absent(error: OSError) -> None:
    """Tell why a folder cannot be looked through; one that is not there, or was just removed, has no files."""
    if not isinstance(error, FileNotFoundError):
        raise _not_read(Path(error.filename), error) from error


def _not_read(place: Path, error: OSError) -> LakeError:
    if isinstance(error, NotRegularFileError) or error.errno in _NOT_REGULAR:
        return not_a_record(str(place), "it is not a regular file, or not in a folder")
    return not_readable(place, error)


def _not_written(told: str, error: OSError, folder: Path) -> LakeError:
    told = f"{told}: {error.strerror or error}."
    if is_full(error):
        return LakeError(told, remedy=full_disk_remedy(error, folder), reason="disk-full")
    remedy = "point lake.url to a folder you may write to, and run again."
    return LakeError(told, remedy=remedy, reason="lake-not-writable")


def _move_files(draft: Path, target: Path) -> None:
    """Give the files of a draft folder their places, all of them or, where the folder was swept away, none."""
    files = sorted(file for file in draft.iterdir() if file.name != _OWNED)
    (draft / _OWNED).unlink()
    if files:
        for file in files:
            sync_path(file)
        _make_folder(target)
        for file in files:
            file.replace(target / file.name)
        sync_folder(target)


def _remove_draft(draft: Path) -> int:
    """Remove a draft; how many files it had. A folder goes whole at once: its owner may just be waking up."""
    if draft.is_symlink() or not draft.is_dir():
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
        sync_folder(path.parent)


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
