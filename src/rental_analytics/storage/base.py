"""The lake as the steps see it: immutable objects under one root, created once and never changed."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rental_analytics.failpoints import reach

DRAFTS = ".drafts/"


class Lake(ABC):
    """A folder or a bucket prefix; paths are relative to it and use `/`."""

    url: str

    @abstractmethod
    def create(self, path: str, content: bytes) -> bool:
        """Write an object whole if none is there; False, and nothing written, if one is."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write an object whole, in place of one that may be there; only for an owner who renews what it created."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """Content of an object, or None where there is none."""

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
    def size(self, path: str) -> int | None:
        """Bytes of an object, or None where there is none."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """An object to read parts of, closed by the caller; of a large one no more is fetched than is read.

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
