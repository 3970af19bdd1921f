"""The lake as the steps see it: immutable objects under one root, created once and never changed."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from rental_analytics.failpoints import reach

DRAFTS = "drafts/"
"""Where what is not finished lies. Redshift's COPY passes over names that begin with a dot or an underscore."""

OLD_DRAFTS = ".drafts/"
"""Where drafts lay before; what is still there is swept."""

LARGEST_RECORD = 64 * 2**20
"""Bytes of a record that is written, and read. A manifest has 400 for each file of 128 MB, so this is one of 20 TB."""


@dataclass(frozen=True)
class Stored:
    """An object as the lake holds it, told without reading it.

    Args:
        version: tells this very object from any that replaces it (an ETag); None where the lake has nothing such.
        checksums: of its whole content, by algorithm, as far as the lake's service knows them.
    """

    bytes: int
    version: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)


class Lake(ABC):
    """A folder or a bucket prefix; paths are relative to it and use `/`."""

    url: str

    def __init__(self) -> None:
        self.verified: dict[str, object] = {}
        """What was compared with its manifest by this process, so that it is not read again; by path."""

    @abstractmethod
    def create(self, path: str, content: bytes) -> bool:
        """Write an object whole if none is there; False, and nothing written, if one is."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write an object whole, in place of one that may be there; only for an owner who renews what it created."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """Content of a record, or None where there is none.

        Raises:
            LakeError: it has more than `LARGEST_RECORD` bytes, is no regular file, or cannot be read.
        """

    @abstractmethod
    def paths(self, prefix: str) -> list[str]:
        """Paths below a prefix that ends in `/`, sorted."""

    @abstractmethod
    def folders(self, prefix: str) -> list[str]:
        """Prefixes one level below a prefix that ends in `/`, which they end in too, sorted."""

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects; those already gone are no error."""

    @abstractmethod
    def remove_drafts(self) -> int:
        """Remove what processes that were killed left of objects they had not created yet; how many there were.

        The caller holds the run lock, so that no other process is publishing files.
        """

    @abstractmethod
    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        """Local files with the objects' content, in the order asked for.

        Raises:
            LakeError: an object is missing.
        """

    @abstractmethod
    def stored(self, path: str) -> Stored | None:
        """What the lake says of an object, or None where there is none."""

    def size(self, path: str) -> int | None:
        """Bytes of an object, or None where there is none."""
        stored = self.stored(path)
        return stored.bytes if stored else None

    @abstractmethod
    def idle(self, path: str) -> timedelta | None:
        """How long ago an object was last written, by the clock of whatever keeps the lake; None where there is none.

        No clock of a machine that uses the lake takes part, where the lake is not a disk of that machine.
        """

    @abstractmethod
    def open(self, path: str, version: str | None = None) -> BinaryIO:
        """An object to read parts of, closed by the caller; of a large one no more is fetched than is read.

        Args:
            version: the only one to read, where the lake has versions.

        Raises:
            LakeError: there is none, or it was replaced by another one.
        """

    @abstractmethod
    def digest(self, path: str) -> str:
        """SHA-256 of an object's content as the lake holds it, in hexadecimal digits; all of it is read.

        Raises:
            LakeError: there is none.
        """

    @abstractmethod
    def location(self, path: str) -> str:
        """Where programs on other machines find an object: an absolute path, or a URL."""

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A prefix for objects that go at the end of the block, or are swept when the process was killed."""
        prefix = f"{DRAFTS}engine-{uuid.uuid4().hex}/"
        try:
            yield prefix
        finally:
            self.delete(self.paths(prefix))

    @contextmanager
    def writing_in_place(self, prefix: str) -> Iterator[str]:
        """As `writing`, for an engine whose machines write to the lake themselves; gives the location of the prefix.

        What is written there exists for the pipeline only once a manifest names it.
        """
        kind = prefix.split("/", 1)[0]
        yield self.location(prefix)
        reach(f"{kind}-written")
        reach(f"{kind}-published")

    @abstractmethod
    def check_writable(self) -> None:
        """Prove that objects can be written, read and removed.

        Raises:
            ConfigurationError: they cannot; names the lake and the remedy.
        """

    @contextmanager
    def writing(self, prefix: str) -> Iterator[Path]:
        """Give an empty local folder; the files in it at the end stand below `prefix`, beside what stood there.

        Nothing is published when the block raises. Another process may work at the same step, so what stands below the
        prefix is left alone, and names have to be such that no other attempt gives them.

        Raises:
            LakeError: the files cannot be published whole.
            LockHeldError: another run took over and swept them away.
        """
        kind = prefix.split("/", 1)[0]
        with self._output_folder(prefix) as folder:
            yield folder
            reach(f"{kind}-written")
        reach(f"{kind}-published")

    @abstractmethod
    @contextmanager
    def _output_folder(self, prefix: str) -> Iterator[Path]:
        """A local folder whose files are published below `prefix` when the block ends well."""
        yield Path()

    @abstractmethod
    def close(self) -> None:
        """Drop local copies and connections."""
