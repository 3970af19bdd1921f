"""Functions that a deployment runs, where the emulated AWS cannot show what they do."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from infra.parts.custom import FUNCTIONS
from rental_analytics.contracts.loader import load_contracts

pytestmark = pytest.mark.service


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """infra/functions/source.py as Lambda loads it, without waiting."""
    monkeypatch.syspath_prepend(FUNCTIONS)
    module = __import__("source")
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0)
    return module


def refusing(*codes: str) -> tuple[Callable[[], None], list[str]]:
    """A call that is refused with each of these codes, and then succeeds; and those it was refused with."""
    from botocore.exceptions import ClientError

    left, told = list(codes), []

    def call() -> None:
        if left:
            told.append(left.pop(0))
            raise ClientError({"Error": {"Code": told[-1], "Message": ""}}, "ExecuteStatement")

    return call, told


def test_cluster_that_wakes_up_is_waited_for(source: ModuleType) -> None:
    call, told = refusing("DatabaseResumingException", "DatabaseUnavailableException", "DatabaseResumingException")
    source.when_awake(call)
    assert len(told) == 3


def test_cluster_that_does_not_wake_up_is_told(source: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    monkeypatch.setattr(source, "SECONDS_TO_WAKE", 0)
    call, told = refusing(*["DatabaseResumingException"] * 99)
    with pytest.raises(ClientError, match="DatabaseResuming"):
        source.when_awake(call)
    assert len(told) < 99


def test_other_refusals_are_not_repeated(source: ModuleType) -> None:
    from botocore.exceptions import ClientError

    call, told = refusing("AccessDeniedException", "DatabaseResumingException")
    with pytest.raises(ClientError, match="AccessDenied"):
        source.when_awake(call)
    assert told == ["AccessDeniedException"]


def test_source_tables_of_a_marketplace_whose_ids_are_texts(source: ModuleType) -> None:
    """Each column that contracts call an id, and no other one."""
    numbers, texts = (source.tables(texts=texts).splitlines() for texts in (False, True))
    changed = [(one.split()[:2], other.split()[:2]) for one, other in zip(numbers, texts, strict=True) if one != other]
    assert {(name, kind) for (name, _), (_, kind) in changed} == {
        (f"`{name}`", "VARCHAR(64)") for table in load_contracts().sources.values() for name in table.ids
    }
    assert len(changed) == sum(len(table.ids) for table in load_contracts().sources.values())
