from collections.abc import Iterator
from pathlib import Path

import pytest

from rental_marketplace.writers.pipe import feed

pytestmark = pytest.mark.fast

PARTS = [memoryview(bytes([number]) * 300_000) for number in range(20)]


def read_all(path: str) -> int:
    return len(Path(path).read_bytes())


def never() -> None:
    raise AssertionError


def test_everything_arrives() -> None:
    assert feed(iter(PARTS), read_all, never) == sum(map(len, PARTS))
    assert feed(iter([]), read_all, never) == 0


def test_reader_that_gives_up_tells_why() -> None:
    def gives_up(path: str) -> int:
        with Path(path).open("rb") as file:
            file.read(10)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        feed(iter(PARTS), gives_up, never)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ZeroDivisionError])
def test_reader_is_stopped_and_awaited_when_making_fails(failure: type[BaseException]) -> None:
    seen: list[str] = []

    def parts() -> Iterator[memoryview]:
        yield PARTS[0]
        raise failure

    def read(path: str) -> int:
        seen.append(f"read {read_all(path)}")
        return 0

    with pytest.raises(failure):
        feed(parts(), read, lambda: seen.append("stopped"))
    assert sorted(seen) == ["read 300000", "stopped"]
