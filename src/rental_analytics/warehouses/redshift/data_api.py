"""Statements sent through the Amazon Redshift Data API, and what came of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rental_analytics.aws.errors import error_code, is_transient, setup_remedy
from rental_analytics.aws.sessions import make_client
from rental_analytics.errors import ConfigurationError, RentalError, WarehouseError, WarehouseUnavailableError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 40
"""Most statements that one transaction of the Data API takes."""

_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.02, 2.0, 1.5
_MISSES = 3
"""How often in a row the service may leave a question unanswered, after the client's own attempts."""

_ENDED = {"FINISHED", "FAILED", "ABORTED"}
_REFUSED = {"AccessDeniedException"}
_EXPIRED = {"ExpiredTokenException", "ExpiredToken"}
_INVALID = {"UnrecognizedClientException", "InvalidSignatureException"}
_ABOUT_STATEMENT = re.compile(r"at 'sqls?\b|statement|query string", re.IGNORECASE)
_PASSING = re.compile(
    r"serializable isolation violation|could not serialize|conflict with concurrent transaction|deadlock detected"
    r"|connection (to \S+( \S+)? )?(was |has been )?(lost|closed|reset|refused|terminated|timed out)"
    r"|terminating connection|server closed the connection|shutting down|is being resumed|temporarily unavailable"
    r"|try again|internal error|Status 50[0-9]|SlowDown|cancel+ed on user|statement timeout",
    re.IGNORECASE,
)
_LASTING = re.compile(r"does not exist|syntax error|column .* is of type", re.IGNORECASE)
_NO_RIGHT = re.compile(r"permission denied|must be owner", re.IGNORECASE)
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist', re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where statements go: a Serverless workgroup or a cluster, and a database in it.

    Args:
        user: database user on a cluster; None for the one that belongs to the IAM identity.
    """

    name: str
    database: str
    region: str | None = None
    is_cluster: bool = False
    user: str | None = None

    @property
    def request(self) -> dict[str, str]:
        """The members of a request that name it."""
        named = {"ClusterIdentifier" if self.is_cluster else "WorkgroupName": self.name, "Database": self.database}
        return named | ({"DbUser": self.user} if self.user else {})


@dataclass(frozen=True)
class _Begun:
    """What was handed in as one transaction, and how long it may take."""

    identity: str
    statements: Sequence[str]
    timeout: timedelta
    at: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it was handed in."""
        return time.monotonic() - self.at

    @property
    def seconds_left(self) -> float:
        return self.timeout.total_seconds() - self.seconds


class DataApi:
    """Runs statements with the IAM credentials of this process, and waits for them.

    A statement that the process stops waiting for, for whatever reason, is cancelled. Nothing here repeats a statement:
    what may have happened is the caller's to find out.

    Args:
        timeout: how long a transaction is waited for, its turn and locks of others included.
    """

    def __init__(self, target: Target, timeout: timedelta = timedelta(hours=1)) -> None:
        self.target = target
        self.timeout = timeout
        self.name = "rental"
        # A request that is sent again carries the token of the first, by which the service knows it.
        self._client: Any = make_client(
            "redshift-data",
            "Redshift",
            "warehouse.url, as in redshift://workgroup/database?region=eu-west-1",
            region=target.region,
            read_timeout=30,
        )

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """Rows of one statement, the first ones if there is a limit."""
        answer = self._run([sql])
        return self._rows(answer["Id"], limit)

    def queries(self, statements: Sequence[str]) -> list[pa.Table]:
        """Rows of several statements, which see one state of the database."""
        if len(statements) == 1:
            return [self.query(statements[0])]
        answer = self._run(statements)
        return [self._rows(part["Id"]) for part in answer["SubStatements"]]

    def run(self, statements: Sequence[str], timeout: timedelta | None = None) -> list[int]:
        """Run statements, 40 at most, in one transaction; rows each changed, -1 where the service does not say.

        Args:
            timeout: in place of that of all statements.

        Raises:
            WarehouseError: one was refused, and none took effect; `statement` says which.
            WarehouseUnavailableError: it is not known whether they took effect.
        """
        answer = self._run(statements, timeout)
        return [int(part.get("ResultRows", -1)) for part in answer.get("SubStatements") or [answer]]

    def run_beside(self, batches: Sequence[Sequence[str]]) -> None:
        """Run several transactions at once, and wait for all.

        Raises:
            WarehouseError: one was refused; the others ended too, or were cancelled.
        """
        begun: list[_Begun] = []
        try:
            for batch in batches:
                begun.append(self._submit(batch))  # noqa: PERF401 what was begun has to be known when one fails
            for one in begun:
                self._wait(one)
        except BaseException:
            for one in begun:
                self._cancel(one)
            raise

    def _run(self, statements: Sequence[str], timeout: timedelta | None = None) -> dict[str, Any]:
        return self._wait(self._submit(statements, timeout))

    def _submit(self, statements: Sequence[str], timeout: timedelta | None = None) -> _Begun:
        common = self.target.request | {"StatementName": self.name}
        with self._translated():
            if len(statements) == 1:
                answer = self._client.execute_statement(Sql=statements[0], **common)
            else:
                answer = self._client.batch_execute_statement(Sqls=list(statements), **common)
        return _Begun(str(answer["Id"]), statements, timeout or self.timeout)

    def _wait(self, begun: _Begun) -> dict[str, Any]:
        try:
            answer = self._ended(begun)
        except BaseException:
            self._cancel(begun)
            raise
        if answer["Status"] != "FINISHED":
            raise self._failed(answer, begun.statements)
        return answer

    def _ended(self, begun: _Begun) -> dict[str, Any]:
        wait, misses = _FIRST_WAIT, 0
        answer: dict[str, Any] = {}
        while True:
            try:
                with self._translated():
                    answer = self._client.describe_statement(Id=begun.identity)
            except WarehouseUnavailableError:
                # The statement goes on, and asking again is better than not to know how it ended.
                misses += 1
                if misses > _MISSES:
                    raise
            else:
                misses = 0
                if answer["Status"] in _ENDED:
                    return answer
            if begun.seconds_left <= 0:
                raise self._timed_out(begun, answer)
            time.sleep(min(wait, max(begun.seconds_left, 0)))
            wait = min(wait * _GROWTH, _LONGEST_WAIT)

    def _cancel(self, begun: _Begun) -> None:
        """Statements that ended cannot be cancelled, and one that cannot be reached ends by itself."""
        with suppress(RentalError), self._translated():
            self._client.cancel_statement(Id=begun.identity)

    def _timed_out(self, begun: _Begun, answer: dict[str, Any]) -> WarehouseUnavailableError:
        parts = answer.get("SubStatements") or [answer]
        number = next((n for n, part in enumerate(parts) if part.get("Status") != "FINISHED"), 0)
        # Not more of a statement than tells what it does: the rest may be a user's, and long.
        words = begun.statements[number].split()
        told = " ".join(words[:3])[:100] + (" ..." if len(words) > 3 else "")
        seconds = begun.seconds
        waited = f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:,.0f} seconds"
        return WarehouseUnavailableError(
            f"Redshift {self.target.name}/{self.target.database}: {told} did not end within {waited} "
            f"(status {parts[number].get('Status', 'unknown')}), and was cancelled.",
            remedy="see in svv_transactions who holds a lock it needs, such as a session that is idle in a "
            "transaction, and end that; or raise warehouse.statement_timeout.",
            reason="warehouse-statement-timeout",
        )

    def _rows(self, identity: str, limit: int | None = None) -> pa.Table:
        from rental_analytics.warehouses.redshift.rows import arrow_table

        return arrow_table(self._pages(identity), limit)

    def _pages(self, identity: str) -> Iterator[dict[str, Any]]:
        request = {"Id": identity}
        while True:
            with self._translated():
                page: dict[str, Any] = self._client.get_statement_result(**request)
            yield page
            if not page.get("NextToken"):
                return
            request = {"Id": identity, "NextToken": page["NextToken"]}

    def _failed(self, answer: dict[str, Any], statements: Sequence[str]) -> RentalError:
        parts = answer.get("SubStatements") or []
        number = next((n for n, part in enumerate(parts) if part["Status"] in {"FAILED", "ABORTED"}), 0)
        text = " ".join(str(answer.get("Error") or (parts[number].get("Error") if parts else "")).split())
        told = text.removeprefix("ERROR: ").rstrip(".") or "it was cancelled"
        place = f"{self.target.name}/{self.target.database}"
        if _NO_DATABASE.search(text):
            return ConfigurationError(
                f"Redshift {place}: {told}.",
                remedy="correct the database at the end of warehouse.url.",
                reason="warehouse-database-unknown",
            )
        if _NO_RIGHT.search(text) and not statements[number].startswith("COPY"):
            return ConfigurationError(
                f"Redshift {place}: {told}.",
                remedy="give this user the role loader (or analyst, to read): docs/reference/redshift.md has the SQL.",
                reason="warehouse-right-missing",
            )
        if answer["Status"] == "ABORTED":
            return WarehouseUnavailableError(
                f"Redshift {place}: a statement was cancelled.",
                remedy="run again; nothing of it took effect.",
                reason="warehouse-statement-cancelled",
            )
        if _PASSING.search(text) and not _LASTING.search(text):
            return WarehouseUnavailableError(
                f"Redshift {place} refused a statement: {told}.",
                remedy="run again, a little later.",
                reason="warehouse-statement-ended",
            )
        error = StatementError(
            f"Redshift {place} refused a statement: {told}.",
            remedy="take back what was changed in the warehouse by hand, such as a table that was altered or replaced, "
            "and run again; --debug shows the whole error.",
            reason="warehouse-statement-refused",
        )
        error.statement, error.process = statements[number], answer.get("RedshiftPid")
        error.created = answer.get("CreatedAt")
        return error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

        place = f"{self.target.name}/{self.target.database}"
        try:
            yield
        except ClientError as error:
            raise _not_taken(place, error.response) from error
        except (ConnectionError, HTTPClientError) as error:
            raise WarehouseUnavailableError(
                f"Redshift {place} cannot be reached: {error}.",
                remedy="check the region in warehouse.url, and the way to AWS, such as the VPC endpoint of "
                "redshift-data.",
                reason="redshift-unreachable",
            ) from error
        except BotoCoreError as error:
            raise ConfigurationError(
                f"Redshift {place} cannot be used: {str(error).rstrip('.')}.",
                remedy=setup_remedy(error, "the region in warehouse.url"),
                reason="aws-not-configured",
            ) from error


def _not_taken(place: str, response: Mapping[str, Any]) -> RentalError:
    """The error for a request that the service refused."""
    code = error_code(response)
    text = _brief(str(response.get("Error", {}).get("Message", "")).rstrip(".")) or code
    if is_transient(response):
        return WarehouseUnavailableError(
            f"Redshift {place} did not take a request: {code}: {text}.",
            remedy="run again, a little later.",
            reason="redshift-busy",
        )
    if code in _REFUSED:
        return ConfigurationError(
            f"Redshift {place} may not be used: {text}.",
            remedy="allow redshift-data and redshift-serverless:GetCredentials (on a cluster, "
            "redshift:GetClusterCredentialsWithIAM) to the IAM identity of this process; "
            "docs/reference/redshift.md lists its rights.",
            reason="redshift-denied",
        )
    if code in _EXPIRED:
        return ConfigurationError(
            f"AWS refuses the credentials: {text}.",
            remedy="log in to AWS again, for example with `aws sso login`, or renew the credentials of this process.",
            reason="aws-credentials-expired",
        )
    if code in _INVALID:
        return ConfigurationError(
            f"AWS refuses the credentials: {text}.",
            remedy="correct the AWS credentials of this process (its role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY), and the clock of this machine.",
            reason="aws-credentials-invalid",
        )
    if code == "ValidationException" and _ABOUT_STATEMENT.search(text):
        return ConfigurationError(
            f"Redshift {place} does not take a statement: {text}.",
            remedy=f"shorten it: a statement has 100,000 bytes at most, and a transaction {BATCH} statements.",
            reason="statement-too-large",
        )
    return ConfigurationError(
        f"Redshift {place} cannot be used: {text}.",
        remedy="correct workgroup, database and region in warehouse.url.",
        reason="redshift-target-wrong",
    )


def _brief(text: str) -> str:
    """A message without the middle of what it quotes, which may be a whole statement."""
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-200:]}"


class StatementError(WarehouseError):
    """A statement was refused, and so was all of its transaction.

    `statement` is its text, `process` the number by which Redshift's system views know the session, `created` when it
    was handed in.
    """

    statement: str = ""
    process: int | None = None
    created: datetime | None = None
