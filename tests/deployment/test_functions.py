"""Functions that a deployment runs, where the emulated AWS cannot show what they do."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from infra.parts.custom import FUNCTIONS
from rental_analytics.contracts.loader import load_contracts

pytestmark = pytest.mark.service


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """infra/functions/source.py as Lambda loads it, without waiting."""
    return loaded(monkeypatch, "source")


def loaded(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """A function as Lambda loads it, without waiting."""
    monkeypatch.syspath_prepend(FUNCTIONS)
    monkeypatch.setattr(__import__("answer"), "SECONDS_BETWEEN", 0)
    return __import__(name)


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
    source.patiently(call, source.ASLEEP)
    assert len(told) == 3


def test_cluster_that_does_not_wake_up_is_told(source: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    monkeypatch.setattr(__import__("answer"), "SECONDS_TO_WAIT", 0)
    call, told = refusing(*["DatabaseResumingException"] * 99)
    with pytest.raises(ClientError, match="DatabaseResuming"):
        source.patiently(call, source.ASLEEP)
    assert len(told) < 99


def test_other_refusals_are_not_repeated(source: ModuleType) -> None:
    from botocore.exceptions import ClientError

    call, told = refusing("AccessDeniedException", "DatabaseResumingException")
    with pytest.raises(ClientError, match="AccessDenied"):
        source.patiently(call, source.ASLEEP)
    assert told == ["AccessDeniedException"]


@pytest.mark.parametrize("refusals", [0, 2])
def test_code_is_copied_once_the_new_right_holds(monkeypatch: pytest.MonkeyPatch, refusals: int) -> None:
    from botocore.exceptions import ClientError

    module, answers, copied = loaded(monkeypatch, "job_code"), [], []

    class Bucket:
        def download_fileobj(self, bucket: str, key: str, file: Any) -> None:
            copied.append(key)
            if len(copied) <= refusals:
                raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("job.py", "pass")

        def upload_fileobj(self, content: Any, bucket: str, key: str) -> None:
            copied.append(f"{key}: {content.read().decode()}")

    monkeypatch.setattr(module.boto3, "client", lambda _: Bucket())
    monkeypatch.setattr(module, "answered", lambda work, event, _: answers.append(work(event)))
    asked = {"FromBucket": "uploads", "FromKey": "archive", "Bucket": "code", "Prefix": "jobs/1"}
    module.handler({**asked, "Files": {}, "Texts": {}}, None)
    assert copied == ["archive"] * (refusals + 1) + ["jobs/1/job.py: pass"]


def test_password_of_the_reader_stands_in_no_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit log of the database has each statement that makes or changes a user."""
    module, password, sent = loaded(monkeypatch, "source"), "Of-My-0wn", []

    class Client:
        def get_secret_value(self, **_: str) -> dict[str, str]:
            return {"SecretString": json.dumps({"username": "rental_reader", "password": password})}

        def execute_statement(self, **asked: str) -> None:
            sent.append(asked["sql"])

    monkeypatch.setattr(module.boto3, "client", lambda _: Client())
    place = dict.fromkeys(("Cluster", "Admin", "Reader", "Database"), "rental")
    module.prepare({**place, "Grants": ["GRANT SELECT ON a TO b"]})
    makes = [sql for sql in sent if "USER" in sql]
    assert len(makes) == 2 and all("$A$005$" in sql and "REQUIRE SSL" in sql for sql in makes)
    # A colon with a name would be a parameter of the Data API.
    assert not [sql for sql in makes if password in sql or ":" in sql]


@pytest.mark.parametrize(
    "text",
    ["short", "x" * 9_000, "ü" * 4_000, "夜" * 4_000, '\\"' * 2_000, "one\x1b[31m\ttwo\n\x00three"],
    ids=["short", "long", "two bytes", "three bytes", "escaped", "controls"],
)
def test_answer_of_a_failure_is_taken_by_cloudformation(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    loaded(monkeypatch, "source")
    module, sent = __import__("answer"), []
    monkeypatch.setattr(module.urllib.request, "urlopen", lambda request, timeout: sent.append(request.data) or Sent())

    def fail(_: dict[str, Any]) -> None:
        raise RuntimeError(text)

    event = dict.fromkeys(("StackId", "RequestId", "LogicalResourceId"), "arn:aws:cloudformation:" + "0" * 100)
    event |= {"RequestType": "Create", "ResponseURL": "https://answer", "ResourceProperties": ""}
    module.answered(fail, event, SimpleNamespace(function_name="f", log_group_name="/rental/bootstrap"))
    (body,) = sent
    answer = json.loads(body)
    assert 0 < len(body) <= 4096
    assert (answer["Status"], answer["Reason"].isprintable()) == ("FAILED", True)
    assert answer["Reason"].startswith("See the log /rental/bootstrap. RuntimeError: ")
    assert len(body) > 4080 or text == "short" or "three" in answer["Reason"]


class Sent:
    """What answers a request."""

    def close(self) -> None:
        """Do nothing."""


def test_source_tables_of_a_marketplace_whose_ids_are_texts(source: ModuleType) -> None:
    """Each column that contracts call an id, and no other one."""
    numbers, texts = (source.tables(texts=texts).splitlines() for texts in (False, True))
    changed = [(one.split()[:2], other.split()[:2]) for one, other in zip(numbers, texts, strict=True) if one != other]
    assert {(name, kind) for (name, _), (_, kind) in changed} == {
        (f"`{name}`", "VARCHAR(64)") for table in load_contracts().sources.values() for name in table.ids
    }
    assert len(changed) == sum(len(table.ids) for table in load_contracts().sources.values())
