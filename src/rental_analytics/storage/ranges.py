"""An object of a bucket as a file to read in parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import RawIOBase
from typing import Any


class RangedObject(RawIOBase):
    """Reads by asking for ranges.

    Args:
        fetch: gives the bytes from a place on, so many.
        size: bytes the object has.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place the next byte is read from."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted from the start, from here or from the end."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the object goes; how many bytes."""
        length = min(len(buffer), self._size - self._place)
        if length <= 0:
            return 0
        content = self._fetch(self._place, length)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
