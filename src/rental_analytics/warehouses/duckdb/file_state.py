"""How a file is copied, and what tells whether it was changed since."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

_NO_RANGES = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}
_CHUNK = 2**28
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class FileState(BaseModel):
    """A file at a moment: each commit of DuckDB's, and whoever puts another file there, changes one of these."""

    model_config = ConfigDict(frozen=True)

    size: int
    modified: int
    """Nanoseconds."""

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """That of a path, None where nothing is."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(size=found.st_size, modified=found.st_mtime_ns)


class Origin(BaseModel):
    """The files that a working copy was made of.

    Args:
        log: DuckDB's write-ahead log beside the file, None where there was none.
        boot: the copy may not outlive this start of the machine, since it is not on the disk yet; None if it is.
    """

    model_config = ConfigDict(frozen=True)

    file: FileState | None
    log: FileState | None
    boot: str | None = None

    @classmethod
    def of(cls, path: Path) -> Origin:
        """A file as it is now."""
        return cls(file=FileState.of(path), log=FileState.of(log_of(path)))

    @classmethod
    def read(cls, record: Path) -> Origin | None:
        """What a record says; None where there is none, or it was never whole."""
        try:
            return cls.model_validate_json(record.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def is_still(self, now: Origin) -> bool:
        """Whether a copy made then has all that is there now; the log goes when a copy is published."""
        is_whole = self.boot is None or self.boot == boot_id()
        return is_whole and self.file == now.file and now.log in {None, self.log}


def log_of(path: Path) -> Path:
    """DuckDB's write-ahead log of a file."""
    return path.with_name(f"{path.name}.wal")


def boot_id() -> str | None:
    """What tells one start of the machine from another; None where the system does not say."""
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return None


def copy_file(source: Path | int, target: Path) -> None:
    """Copy what is in a file to a new one; where the file system can, they share it until one of them changes.

    Args:
        source: a descriptor stays open, and what it stands at the beginning of is copied.

    Raises:
        OSError: there is no room, or one of them cannot be used.
    """
    with open(source, "rb", closefd=isinstance(source, Path)) as content, target.open("xb") as copy:
        if not _copied_by_the_system(content, copy):
            shutil.copyfileobj(content, copy, 2**20)


def _copied_by_the_system(content: BinaryIO, copy: BinaryIO) -> bool:
    if sys.platform != "linux":
        return False
    try:
        while os.copy_file_range(content.fileno(), copy.fileno(), _CHUNK):
            pass
    except OSError as error:
        if error.errno not in _NO_RANGES:
            raise
        return False
    return True


def take_rights(source: Path, target: Path) -> None:
    """Give a file the mode, the access list and, where that is allowed, the owner and group of another."""
    found = source.stat()
    for owner, group in ((found.st_uid, found.st_gid), (-1, found.st_gid)):
        with suppress(PermissionError):
            os.chown(target, owner, group)
            break
    shutil.copystat(source, target)
    os.utime(target)
