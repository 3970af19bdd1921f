"""Files of the lake are what their manifests say: noted when written, compared before a row is used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake, Stored
from rental_analytics.storage.records import not_readable

_AT_ONCE = 4
"""Files looked at beside each other: hashing leaves the interpreter to others, and a bucket is waited for."""
_SHA256 = "sha256"
_RESTORE = "restore the file as the run wrote it, or run `rental run --full-refresh`."
Result = TypeVar("Result")


def sealed(lake: Lake, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    """Files that this process has just published, with the checksum of what it wrote."""

    def seal(file: LakeFile) -> LakeFile:
        (copy,) = lake.local_copies([file.path])
        digest, stored = _digest(copy), lake.stored(file.path)
        noted = file.model_copy(
            update={"checksum": f"{_SHA256}:{digest}", "version": stored.version if stored else None}
        )
        lake.verified[file.path] = (noted, _signature(copy))
        return noted

    return tuple(_beside(seal, files))


def sealed_in_place(lake: Lake, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    """Files that other machines have just written to the lake, as its service knows them; their content is not read."""

    def seal(file: LakeFile) -> LakeFile:
        stored = lake.stored(file.path)
        if stored is None:
            raise _gone(lake, file)
        known = next((f"{name}:{value}" for name, value in stored.checksums.items()), None)
        return file.model_copy(update={"checksum": known, "version": stored.version})

    return tuple(_beside(seal, files))


def verified_copies(lake: Lake, files: Iterable[LakeFile]) -> list[Path]:
    """Local files with the content of those that a manifest names.

    A file is read to be compared when it is first asked for; after that only what the disk says of it is.

    Raises:
        LakeError: one is missing, or is another one than its manifest says.
    """

    def verify(file: LakeFile) -> Path:
        (copy,) = lake.local_copies([file.path])
        if lake.verified.get(file.path) != (file, _signature(copy)):
            signature = _signature(copy)
            _check_copy(lake, file, copy)
            lake.verified[file.path] = (file, signature)
        return copy

    return list(_beside(verify, list(files)))


def check_stored(lake: Lake, file: LakeFile) -> Stored:
    """Compare a file with its manifest where it lies, for programs that read it there; rows are theirs to compare.

    What the lake's service says of the object is enough where it is the very object that was written, or has the
    checksum of its content; else all of it is read.

    Raises:
        LakeError: it is missing, or is another one than its manifest says.
    """
    stored = lake.stored(file.path)
    if stored is None:
        raise _gone(lake, file)
    _check_bytes(lake, file, stored.bytes)
    if file.checksum and not (file.version and file.version == stored.version):
        name, _, wanted = file.checksum.partition(":")
        found = stored.checksums.get(name) or (lake.digest(file.path) if name == _SHA256 else None)
        if found != wanted:
            raise _changed(lake, file, f"its {name} is {found or 'not known to the lake'} and not {wanted}")
    elif file.version and file.version != stored.version and not file.checksum:
        raise _changed(lake, file, "another object has replaced it, and no checksum of its content was noted")
    lake.verified[file.path] = (file, stored.version)
    return stored


def check_all_stored(lake: Lake, files: Sequence[LakeFile]) -> None:
    """As `check_stored`, for several files, whose rows are counted too."""
    for _ in _beside(lambda file: _check_rows_in_place(lake, file), files):
        pass


def check_still(lake: Lake, files: Sequence[LakeFile]) -> None:
    """See that files which were compared where they lie have not been replaced since.

    Raises:
        LakeError: one has; what was read meanwhile may be either.
    """

    def look(file: LakeFile) -> None:
        known = lake.verified.get(file.path)
        if known is not None:
            stored = lake.stored(file.path)
            if stored is None:
                raise _gone(lake, file)
            if (file, stored.version) != known:
                raise _changed(lake, file, "it was replaced while it was read")

    for _ in _beside(look, files):
        pass


def check_rows(lake: Lake, file: LakeFile, rows: int) -> None:
    """See that a file has as many rows as its manifest says.

    Raises:
        LakeError: it has more or fewer.
    """
    if rows != file.rows:
        raise _changed(lake, file, f"it has {rows:,} rows and not {file.rows:,}")


def _check_rows_in_place(lake: Lake, file: LakeFile) -> None:
    stored = check_stored(lake, file)
    with lake.open(file.path, stored.version) as content:
        check_rows(lake, file, _rows(lake, file, content))


def _check_copy(lake: Lake, file: LakeFile, copy: Path) -> None:
    _check_bytes(lake, file, copy.stat().st_size)
    name, _, wanted = (file.checksum or "").partition(":")
    if name == _SHA256:
        found = _digest(copy)
        if found != wanted:
            raise _changed(lake, file, f"its {name} is {found} and not {wanted}")
    elif name or file.version:
        # Written where no process of ours saw the bytes: the lake says whether this is still the object.
        check_stored(lake, file)
    check_rows(lake, file, _rows(lake, file, copy))


def _rows(lake: Lake, file: LakeFile, content: object) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(content).num_rows)
    except PermissionError as error:
        raise not_readable(lake.location(file.path), error) from error
    except (pa.ArrowException, OSError) as error:
        raise _changed(lake, file, f"it is not a Parquet file that can be read ({str(error).strip(' .')})") from error


def _check_bytes(lake: Lake, file: LakeFile, found: int) -> None:
    if found != file.bytes:
        raise _changed(lake, file, f"it has {found:,} bytes and not {file.bytes:,}")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, _SHA256).hexdigest()
    except OSError as error:
        raise not_readable(path, error) from error


def _signature(path: Path) -> tuple[int, ...]:
    """What the disk says of a file, which differs when another one has its name or its content was written again."""
    status = path.stat()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _beside(look: Callable[[LakeFile], Result], files: Sequence[LakeFile]) -> Iterable[Result]:
    """Results in the order of the files; of several errors the first file's is raised."""
    if len(files) < 2:
        return [look(file) for file in files]
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        return list(pool.map(look, files))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _gone(lake: Lake, file: LakeFile) -> LakeError:
    return LakeError(
        f"A committed manifest names {lake.location(file.path)}, but the file is gone.",
        remedy=_RESTORE,
        reason="lake-file-missing",
    )


def _changed(lake: Lake, file: LakeFile, told: str) -> LakeError:
    return LakeError(
        f"{lake.location(file.path)} is not the file its manifest names: {told}.",
        remedy=_RESTORE,
        reason="lake-file-changed",
    )
