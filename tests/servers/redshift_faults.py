"""What a test can make go wrong in the stand-in for Amazon Redshift."""

import threading

THROTTLED = "ActiveStatementsExceededException"


class Faults:
    """Failures by number, counted from the call that asks for them; `requests` and `sql_statements` count all."""

    def __init__(self) -> None:
        self.requests = 0
        self.sql_statements = 0
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No more failures; the counters go on."""
        with self._lock:
            self._cuts: dict[int, bool] = {}
            self._throttled: dict[int, str] = {}
            self._kills: set[int] = set()
            self._seconds = 0.0

    def cut(self, number: int, before: bool) -> None:
        """Close the connection of this HTTP request (1 is the next) unanswered, before or after it is worked off."""
        with self._lock:
            self._cuts[self.requests + number] = before

    def throttle(self, number: int, error: str = THROTTLED) -> None:
        """Answer this HTTP request with an error that asks for patience."""
        with self._lock:
            self._throttled[self.requests + number] = error

    def kill(self, number: int) -> None:
        """End the database's process just before this SQL statement (1 is the next)."""
        with self._lock:
            self._kills.add(self.sql_statements + number)

    def slow(self, seconds: float) -> None:
        """Make every SQL statement wait first."""
        with self._lock:
            self._seconds = seconds

    def next_request(self) -> tuple[bool | None, str | None]:
        """Count a request: whether to cut it before (True) or after (False), and the error to answer with."""
        with self._lock:
            self.requests += 1
            return self._cuts.pop(self.requests, None), self._throttled.pop(self.requests, None)

    def next_statement(self) -> tuple[bool, float]:
        """Count a statement: whether to end the process, and how long to wait."""
        with self._lock:
            self.sql_statements += 1
            killed = self.sql_statements in self._kills
            self._kills.discard(self.sql_statements)
            return killed, self._seconds
