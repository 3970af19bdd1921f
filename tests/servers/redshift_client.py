"""A database of the stand-in for Redshift as tests use it: through the Data API, waiting for the end."""

import time
from dataclasses import dataclass
from typing import Any

from servers.redshift_stand_in import RedshiftStandIn

WAIT_SECONDS = 20


@dataclass(frozen=True)
class Warehouse:
    """A database of the stand-in, through the Data API."""

    stand_in: RedshiftStandIn
    client: Any
    database: str

    def start(self, *sqls: str, **options: Any) -> str:
        """Hand in one statement, or a batch; its id."""
        place = {"WorkgroupName": "test-workgroup", "Database": self.database, **options}
        if len(sqls) == 1:
            return str(self.client.execute_statement(Sql=sqls[0], **place)["Id"])
        return str(self.client.batch_execute_statement(Sqls=list(sqls), **place)["Id"])

    def wait(self, statement: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.client.describe_statement(Id=statement)
            if answer["Status"] in {"FINISHED", "FAILED", "ABORTED"}:
                return answer
            time.sleep(0.01)
        raise TimeoutError(statement)

    def run(self, *sqls: str, **options: Any) -> dict[str, Any]:
        return self.wait(self.start(*sqls, **options))

    def done(self, *sqls: str) -> dict[str, Any]:
        """Run what must succeed."""
        answer = self.run(*sqls)
        assert answer["Status"] == "FINISHED", answer.get("Error")
        return answer

    def error(self, *sqls: str) -> str:
        """Run what must fail; the error."""
        answer = self.run(*sqls)
        assert answer["Status"] == "FAILED", answer
        return str(answer["Error"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The first page of a query's rows."""
        answer = self.client.get_statement_result(Id=self.done(sql)["Id"])
        return [
            tuple(None if "isNull" in field else next(iter(field.values())) for field in record)
            for record in answer["Records"]
        ]
