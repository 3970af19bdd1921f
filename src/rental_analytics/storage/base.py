"""The lake as the steps see it: immutable objects under one root, created once and never changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Lake(ABC):
    """A folder or a bucket prefix; paths are relative to it and use `/`."""

    url: str

    @abstractmethod
    def create(self, path: str, content: bytes) -> bool:
        """Write an object whole if none is there; False, and nothing written, if one is."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """Content of an object, or None where there is none."""

    @abstractmethod
    def paths(self, prefix: str) -> list[str]:
        """Paths below a prefix that ends in `/`, sorted."""

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects; those already gone are no error."""

    @abstractmethod
    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        """Local files with the objects' content, in the order asked for.

        Raises:
            LakeError: an object is missing.
        """

    @abstractmethod
    def check_writable(self) -> None:
        """Prove that objects can be written, read and removed.

        Raises:
            ConfigurationError: they cannot; names the lake and the remedy.
        """

    @contextmanager
    def writing(self, prefix: str) -> Iterator[Path]:
        """Give an empty local folder; what is in it at the end stands below `prefix`, replacing what stood there.

        Nothing is published when the block raises.
        """
        self.delete(self.paths(prefix))
        with self._output_folder(prefix) as folder:
            yield folder

    @abstractmethod
    @contextmanager
    def _output_folder(self, prefix: str) -> Iterator[Path]:
        """A local folder whose files are published below `prefix` when the block ends well."""
        yield Path()

    @abstractmethod
    def close(self) -> None:
        """Drop local copies and connections."""
