"""Files from outside, looked at before they are read: a pipe would be waited for, and may never end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_CONFIGURATION = 2**20
"""Bytes of a configuration file that is read."""
# Opening a pipe that nobody writes to would wait for ever. Some of the flags are not known to every system.
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class NotRegularFileError(OSError):
    """A pipe, a socket, a device or a folder stands where a file is expected."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is not a regular file")


class LargeFileError(OSError):
    """A file has more bytes than are read.

    Args:
        size: bytes that it has at least.
        most: bytes that it may have.
    """

    def __init__(self, size: int, most: int) -> None:
        super().__init__(errno.EFBIG, f"it has {size:,} bytes, and at most {most:,} are read")
        self.size = size


def read_regular_file(path: Path, most: int, *, follow_link: bool = True) -> bytes:
    """Content of a file of at most `most` bytes.

    Args:
        follow_link: whether `path` itself may be a link.

    Raises:
        OSError: the file cannot be read; `NotRegularFileError` and `LargeFileError` where it is not one to be read.
    """
    try:
        opened = os.open(path, _READING if follow_link else _READING | _NO_LINK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise NotRegularFileError from error  # a socket
        raise
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise NotRegularFileError
        if found.st_size > most:
            raise LargeFileError(found.st_size, most)
        with os.fdopen(opened, "rb", closefd=False) as file:
            # It may have grown meanwhile.
            content = file.read(most + 1)
    finally:
        os.close(opened)
    if len(content) > most:
        raise LargeFileError(len(content), most)
    return content
