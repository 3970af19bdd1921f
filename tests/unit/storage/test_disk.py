"""A full disk is told as one: which folder, and what is free there."""

import errno
from pathlib import Path

import pytest

from rental_analytics.disk import full_disk_remedy, is_full
from rental_analytics.engines.duckdb.engine import DuckDbEngine
from rental_analytics.engines.duckdb.session import DuckDbSession
from rental_analytics.errors import LakeError, RentalError, WarehouseError
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

pytestmark = pytest.mark.fast
SORT = "SELECT MAX(x) FROM (SELECT MD5(range::TEXT) AS x FROM range(3000000) ORDER BY x OFFSET 1)"


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (Exception('IO Error: Could not write file "/a/b": No space left on device'), True),
        (
            Exception("Out of Memory Error: failed to offload; limit was set by the 'max_temp_directory_size' setting"),
            True,
        ),
        (Exception("Out of Memory Error: could not allocate block of size 256 KiB (61 MiB/61 MiB used)"), False),
    ],
)
def test_what_a_full_disk_looks_like(error: Exception, expected: bool) -> None:
    assert is_full(error) == expected


def test_remedy_names_the_folder_of_the_file_and_what_is_free(tmp_path: Path) -> None:
    told = full_disk_remedy(
        Exception(f'Could not write file "{tmp_path}/gone/a.parquet": No space'), Path("/elsewhere")
    )
    assert told.startswith(f"make room on the disk of {tmp_path}, where ")
    assert "B of " in told
    assert full_disk_remedy(OSError(errno.ENOSPC, "x"), tmp_path).startswith(f"make room on the disk of {tmp_path}, ")


def test_spilling_engine(tmp_path: Path) -> None:
    engine = DuckDbEngine(memory="64MB", threads=1)
    engine._connection.execute("SET max_temp_directory_size = '1MB'")
    session = DuckDbSession(engine._connection.cursor(), tmp_path)
    with pytest.raises(RentalError) as caught:
        session.run(SORT)
    assert caught.value.reason == "disk-full"
    assert "engine.memory" not in caught.value.remedy
    engine._connection.execute("SET max_temp_directory_size = '4GB'")
    assert session.run(SORT)
    engine.close()


def test_memory_that_is_too_small_is_not_a_full_disk(tmp_path: Path) -> None:
    engine = DuckDbEngine(memory="64MB", threads=1)
    engine._connection.execute("SET temp_directory = ''")
    session = DuckDbSession(engine._connection.cursor(), tmp_path)
    with pytest.raises(RentalError, match=r"allocate|Out of Memory") as caught:
        session.run(SORT)
    assert "engine.memory" in caught.value.remedy
    engine.close()


@pytest.mark.remedy("disk-full")
def test_local_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LocalLake(tmp_path / "lake")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        for act in (lambda: lake.create("a", b""), lambda: lake.write("a", b"")):
            with pytest.raises(LakeError, match="No space left on device") as caught:
                act()
            assert caught.value.reason == "disk-full"
            assert f"make room on the disk of {tmp_path}/lake, where " in caught.value.remedy
    assert lake.create("a", b"")


def test_warehouse(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb", memory="64MB", threads=1)
    warehouse.open()
    warehouse._connection.run("SET max_temp_directory_size = '1MB'")
    with pytest.raises(WarehouseError, match="cannot grow") as caught:
        warehouse._connection.run(SORT)
    assert caught.value.reason == "disk-full"
    warehouse.close()
