"""What a test can make go wrong in the stand-in for Amazon Redshift."""

import re
import threading
from collections.abc import Collection, Mapping
from typing import Any

THROTTLED = "ActiveStatementsExceededException"


BEGINNING = frozenset({"ExecuteStatement", "BatchExecuteStatement"})


class Faults:
    """Failures by number, counted from the call that asks for them; `requests`, `begun` and `sql_statements` count all.

    A request sent again, which has the token of the first, begins nothing new.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.begun = 0
        self.sql_statements = 0
        self._tokens: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No more failures; the counters go on."""
        with self._lock:
            self._cuts: dict[int, bool] = {}
            self._silences: dict[tuple[int, str], bool] = {}
            self._throttled: dict[int, str] = {}
            self._kills: set[int] = set()
            self._lost: list[str] = []
            self._seconds = 0.0

    def cut(self, number: int, before: bool) -> None:
        """Close the connection of this HTTP request (1 is the next) unanswered, before or after it is worked off."""
        with self._lock:
            self._cuts[self.requests + number] = before

    def silence(self, number: int, operations: Collection[str], before: bool) -> None:
        """Give no request of these operations an answer that is about what is begun next as `number`, however often."""
        with self._lock:
            self._silences |= {(self.begun + number, operation): before for operation in operations}

    def throttle(self, number: int, error: str = THROTTLED) -> None:
        """Answer this HTTP request with an error that asks for patience."""
        with self._lock:
            self._throttled[self.requests + number] = error

    def kill(self, number: int) -> None:
        """End the database's process just before this SQL statement (1 is the next)."""
        with self._lock:
            self._kills.add(self.sql_statements + number)

    def lose(self, sql: str, occurrence: int = 1) -> None:
        """End the database's process just before this text comes for the first, second, ... time from now on.

        Names of folders that are made anew for every load are left out of account.
        """
        with self._lock:
            self._lost = [_lasting(sql)] * occurrence

    @property
    def lost(self) -> bool:
        """Whether what was to be lost has come."""
        return not self._lost

    def slow(self, seconds: float) -> None:
        """Make every SQL statement wait first."""
        with self._lock:
            self._seconds = seconds

    def next_request(self, operation: str, request: Mapping[str, Any]) -> tuple[bool | None, str | None]:
        """Count a request: whether to cut it before (True) or after (False), and the error to answer with."""
        with self._lock:
            self.requests += 1
            cut = self._silences.get((self._number(operation, request), operation))
            return self._cuts.pop(self.requests, cut), self._throttled.pop(self.requests, None)

    def answered(self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Remember what was begun by which name it is asked for."""
        if operation in BEGINNING and "Id" in answer:
            with self._lock:
                self._numbers[str(answer["Id"])] = self._tokens[str(request.get("ClientToken"))]

    def _number(self, operation: str, request: Mapping[str, Any]) -> int | None:
        if operation not in BEGINNING:
            return self._numbers.get(str(request.get("Id")).partition(":")[0])
        token = str(request.get("ClientToken"))
        if token not in self._tokens:
            self.begun += 1
            self._tokens[token] = self.begun
        return self._tokens[token]

    def next_statement(self, sql: str) -> tuple[bool, float]:
        """Count a statement: whether to end the process, and how long to wait."""
        with self._lock:
            self.sql_statements += 1
            killed = self.sql_statements in self._kills
            self._kills.discard(self.sql_statements)
            if self._lost and _lasting(sql) == self._lost[0]:
                self._lost.pop()
                killed = killed or not self._lost
            return killed, self._seconds


def _lasting(sql: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "", sql)
