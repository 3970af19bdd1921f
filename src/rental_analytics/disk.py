"""What a full disk looks like, what to say of it, and how files are brought to a disk."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from pathlib import Path

_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.ENOENT}
_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = re.compile(
    r"no space left on device|disk quota exceeded|not enough space|max_temp_directory_size", re.IGNORECASE
)
_QUOTED = re.compile(r'"(/[^"]+)"')


def is_full(error: BaseException) -> bool:
    """Whether an error, of the system or told in a library's words, comes of a disk without room."""
    return (isinstance(error, OSError) and error.errno in _NUMBERS) or bool(_WORDS.search(str(error)))


def full_disk_remedy(error: BaseException, folder: Path) -> str:
    """What to do about a full disk: names the folder and what its disk has left.

    Args:
        folder: what was written to, unless the error names a file.
    """
    named = _QUOTED.search(str(error))
    place = Path(named[1]).parent if named else folder.absolute()
    while place != place.parent and not _is_folder(place):
        place = place.parent
    usage = shutil.disk_usage(place)
    return (
        f"make room on the disk of {place}, where {_size(usage.free)} of {_size(usage.total)} are free, or let another "
        "disk take it (lake.url, warehouse.url, or TMPDIR for temporary files); then run again."
    )


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system knows how."""
    if sys.platform == "win32":
        return
    try:
        sync_path(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def sync_path(path: Path, flags: int = os.O_RDONLY) -> None:
    """Bring what is in a file to the disk."""
    opened = os.open(path, flags)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:
        return False


def _size(count: float) -> str:
    units = ["bytes", "KB", "MB", "GB", "TB"]
    while count >= 1024 and len(units) > 1:
        count, units = count / 1024, units[1:]
    return f"{count:,.{0 if units[0] == 'bytes' else 1}f} {units[0]}"
