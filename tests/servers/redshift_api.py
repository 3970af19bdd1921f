"""The operations of the Redshift Data API."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from servers.redshift_runner import ENDED, FINISHED, Part, Runner, Statement

WORKGROUP = "test-workgroup"
CLUSTER = "test-cluster"
MOST_STATEMENTS = 40
MOST_BYTES = 100_000
PAGE_ROWS = 500
LIST_PAGE = 100
PATIENCE = 0.5
"""Seconds a question about a statement is kept waiting for its end: most are over by then, and not asked for again."""
_KNOWN = {
    "WorkgroupName",
    "ClusterIdentifier",
    "Database",
    "DbUser",
    "SecretArn",
    "StatementName",
    "ClientToken",
    "WithEvent",
    "ResultFormat",
}


class ApiError(Exception):
    """An answer other than the one asked for."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class DataApi:
    """Takes calls, runs statements in threads of their own and remembers them."""

    def __init__(self, runner: Runner) -> None:
        self.texts: dict[str, list[str]] = defaultdict(list)
        self._runner = runner
        self._statements: dict[str, Statement] = {}
        self._tokens: dict[str, Statement] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "ExecuteStatement": self._execute,
            "BatchExecuteStatement": self._batch_execute,
            "DescribeStatement": self._describe,
            "GetStatementResult": self._result,
            "CancelStatement": self._cancel,
            "ListStatements": self._list,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"the stand-in has no {operation}")
        return self._operations[operation](request)

    def rest(self) -> None:
        """Wait for all that was begun to end."""
        for statement in list(self._statements.values()):
            statement.ended.wait(60)

    def close(self) -> None:
        """Stop what still runs."""
        for statement in list(self._statements.values()):
            if not statement.ended.is_set():
                statement.cancel()
        for thread in self._threads:
            thread.join(10)

    def _execute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._start(request, [request.get("Sql")], {"Sql"})

    def _batch_execute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        sqls = request.get("Sqls")
        if not isinstance(sqls, list) or not 1 <= len(sqls) <= MOST_STATEMENTS:
            raise _invalid(f"Sqls must have between 1 and {MOST_STATEMENTS} statements")
        return self._start(request, sqls, {"Sqls"})

    def _start(self, request: Mapping[str, Any], sqls: list[Any], own: set[str]) -> dict[str, Any]:
        for name in request.keys() - _KNOWN - own:
            raise _invalid(f"the stand-in does not know the parameter {name}")
        for sql in sqls:
            if not isinstance(sql, str) or not sql or len(sql.encode()) > MOST_BYTES:
                raise _invalid(f"a statement must have between 1 and {MOST_BYTES} bytes")
        if request.get("ResultFormat", "JSON") != "JSON":
            raise _invalid("the stand-in gives results as JSON only")
        place = _place(request)
        name = request.get("StatementName", "")
        statement = Statement(
            [Part(sql) for sql in sqls], request["Database"], name, "Sqls" in own, place, request.get("DbUser")
        )
        return _started(self._remembered(statement, request.get("ClientToken")))

    def _remembered(self, statement: Statement, token: str | None) -> Statement:
        """The statement, now running; or the one that came with the same token before."""
        with self._lock:
            if token is not None:
                first = self._tokens.setdefault(token, statement)
                if first is not statement:
                    return first
            self._statements[statement.id] = statement
            self.texts[statement.database] += [part.sql for part in statement.parts]
            thread = threading.Thread(target=self._runner.run, args=[statement], daemon=True)
            self._threads = [*(known for known in self._threads if known.is_alive()), thread]
            thread.start()
        return statement

    def _describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        statement, number = self._find(request)
        if number is not None:
            return {**_described_part(statement, number), "Database": statement.database}
        statement.ended.wait(PATIENCE)
        # The status first: what is read after it may be newer, never older.
        answer: dict[str, Any] = {"Status": statement.status}
        last = statement.parts[-1]
        answer |= {
            "Id": statement.id,
            "Database": statement.database,
            **statement.place,
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated,
            "Duration": int((statement.updated - statement.created) * 1e9),
            "RedshiftPid": statement.pid,
            "RedshiftQueryId": 0 if statement.is_batch else last.query_id,
            "ResultRows": -1 if statement.is_batch else last.rows,
            "ResultSize": 0,
            "HasResultSet": any(part.result is not None for part in statement.parts),
        }
        if statement.error:
            answer["Error"] = statement.error
        if statement.is_batch:
            answer["SubStatements"] = [_described_part(statement, n) for n in range(1, len(statement.parts) + 1)]
        else:
            answer["QueryString"] = last.sql
        return answer

    def _result(self, request: Mapping[str, Any]) -> dict[str, Any]:
        statement, number = self._find(request)
        if statement.is_batch and number is None:
            raise _invalid("BatchExecuteStatement result can only be retrieved with sub-statement id.")
        result = statement.parts[(number or 1) - 1].result
        if statement.status != FINISHED or result is None:
            message = "Query does not have result. Please check query status with DescribeStatement."
            raise ApiError("ResourceNotFoundException", message)
        start = _offset(request)
        end = start + PAGE_ROWS
        answer = {
            "Records": result.records[start:end],
            "ColumnMetadata": result.columns,
            "TotalNumRows": len(result.records),
        }
        return answer | ({"NextToken": str(end)} if end < len(result.records) else {})

    def _cancel(self, request: Mapping[str, Any]) -> dict[str, Any]:
        statement, _ = self._find(request)
        if statement.status in ENDED:
            raise _invalid(f"Could not cancel a query that is already in {statement.status} state")
        statement.cancel()
        return {"Status": True}

    def _list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted, prefix = request.get("Status", "ALL"), request.get("StatementName", "")
        database = request.get("Database")
        with self._lock:
            newest_first = list(self._statements.values())[::-1]
        found = [
            _listed(statement)
            for statement in newest_first
            if wanted in {"ALL", statement.status}
            and statement.name.startswith(prefix)
            and database in {None, statement.database}
        ]
        start = _offset(request)
        end = start + min(request.get("MaxResults") or LIST_PAGE, LIST_PAGE)
        return {"Statements": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})

    def _find(self, request: Mapping[str, Any]) -> tuple[Statement, int | None]:
        name, _, number = str(request.get("Id", "")).partition(":")
        statement = self._statements.get(name)
        if statement and not number:
            return statement, None
        if statement and statement.is_batch and number.isdigit() and 1 <= int(number) <= len(statement.parts):
            return statement, int(number)
        raise ApiError("ResourceNotFoundException", "Query does not exist.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _place(request: Mapping[str, Any]) -> dict[str, str]:
    place = {name: request[name] for name in ("WorkgroupName", "ClusterIdentifier") if request.get(name)}
    if len(place) != 1:
        raise _invalid("Either WorkgroupName or ClusterIdentifier must be given, not both")
    if not request.get("Database"):
        raise _invalid("Database must be given")
    if place not in ({"WorkgroupName": WORKGROUP}, {"ClusterIdentifier": CLUSTER}):
        raise _invalid("Redshift endpoint doesn't exist in this region.")
    return place


def _offset(request: Mapping[str, Any]) -> int:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise _invalid("Invalid NextToken")
    return int(token)


def _started(statement: Statement) -> dict[str, Any]:
    return {"Id": statement.id, "CreatedAt": statement.created, "Database": statement.database, **statement.place}


def _described_part(statement: Statement, number: int) -> dict[str, Any]:
    part = statement.parts[number - 1]
    answer = {
        "Id": f"{statement.id}:{number}",
        "Status": part.status,
        "QueryString": part.sql,
        "CreatedAt": statement.created,
        "UpdatedAt": statement.updated,
        "Duration": int((statement.updated - statement.created) * 1e9),
        "RedshiftQueryId": part.query_id,
        "ResultRows": part.rows,
        "ResultSize": 0,
        "HasResultSet": part.result is not None,
    }
    return answer | ({"Error": part.error} if part.error else {})


def _listed(statement: Statement) -> dict[str, Any]:
    texts = [part.sql for part in statement.parts]
    return {
        "Id": statement.id,
        "Status": statement.status,
        "StatementName": statement.name,
        "CreatedAt": statement.created,
        "UpdatedAt": statement.updated,
        "IsBatchStatement": statement.is_batch,
        **({"QueryStrings": texts} if statement.is_batch else {"QueryString": texts[0]}),
    }
