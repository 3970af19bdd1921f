"""Functions of the deployment, with clients that only note what they are asked."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.fast

FUNCTIONS = Path(__file__).parents[2] / "infra" / "functions"


class Client:
    """Stands for every client that `infra/functions/warehouse.py` makes."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.refused: dict[str, str] = {}

    def get_namespace(self, **_: str) -> dict[str, Any]:
        return {"namespace": {"adminPasswordSecretArn": "arn:secret"}}

    def execute_statement(self, **asked: str) -> dict[str, str]:
        self.statements.append(asked["Sql"])
        return {"Id": asked["Sql"]}

    def describe_statement(self, Id: str) -> dict[str, str]:  # noqa: N803 as boto3 has it
        return {"Status": "FAILED", "Error": self.refused[Id]} if Id in self.refused else {"Status": "FINISHED"}


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, Client]]:
    client = Client()
    monkeypatch.syspath_prepend(FUNCTIONS)
    module = importlib.import_module("warehouse")
    monkeypatch.setattr(module.boto3, "client", lambda _: client)
    yield module, client
    for name in ("warehouse", "answer"):
        sys.modules.pop(name, None)


def asked(*analysts: str, operators: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "Namespace": "rental",
        "Workgroup": "rental",
        "Database": "marketplace",
        "Statements": ["CREATE ROLE analyst", *(f'GRANT ROLE analyst TO "{name}"' for name in analysts)],
        "Members": {"analyst": list(analysts), "operator": list(operators)},
    }


def test_analyst_who_is_listed_no_more_loses_the_role(warehouse: tuple[ModuleType, Client]) -> None:
    module, client = warehouse
    client.refused = {"CREATE ROLE analyst": "role analyst already exists"}
    module.run(asked("IAM:maria"), asked("IAM:maria", "IAM:jean"))
    assert client.statements[-1] == 'REVOKE ROLE analyst FROM "IAM:jean"'
    assert not [sql for sql in client.statements if sql.startswith("REVOKE") and "maria" in sql]


def test_operator_who_is_listed_as_analyst_alone_loses_the_other_role(warehouse: tuple[ModuleType, Client]) -> None:
    module, client = warehouse
    module.run(asked("IAM:maria"), asked("IAM:maria", operators=("IAM:maria",)))
    assert [sql for sql in client.statements if sql.startswith("REVOKE")] == ['REVOKE ROLE operator FROM "IAM:maria"']


def test_first_deployment_and_users_that_are_gone_need_nothing_revoked(warehouse: tuple[ModuleType, Client]) -> None:
    module, client = warehouse
    module.run(asked("IAM:maria"), {})
    assert not [sql for sql in client.statements if sql.startswith("REVOKE")]
    client.refused = {'REVOKE ROLE analyst FROM "IAM:maria"': 'user "IAM:maria" does not exist'}
    module.run(asked(), asked("IAM:maria"))


def test_any_other_refusal_ends_the_deployment(warehouse: tuple[ModuleType, Client]) -> None:
    module, client = warehouse
    client.refused = {'GRANT ROLE analyst TO "IAM:maria"': 'user "IAM:maria" does not exist'}
    with pytest.raises(RuntimeError, match="does not exist"):
        module.run(asked("IAM:maria"), {})
