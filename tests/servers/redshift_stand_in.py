"""A stand-in for Amazon Redshift, for tests.

It speaks the Redshift Data API over HTTP and runs the statements in PostgreSQL. It tests the flow of calls, the roles
that COPY takes, and the results of our SQL. It does NOT test Redshift's parser or planner: it takes only the kinds of
statement that `redshift_sql` names, refuses what Redshift is known to refuse, and leaves the rest to PostgreSQL, whose
scales of decimals, costs and limits differ. What passes here has not been shown to pass on Redshift.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers.postgresql import PostgreSQL
from servers.redshift_api import ApiError, DataApi
from servers.redshift_copy import Storage, clients_of
from servers.redshift_faults import Faults
from servers.redshift_rights import role_name
from servers.redshift_runner import Runner
from servers.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

if TYPE_CHECKING:
    from psycopg import Connection

TARGET = "RedshiftData."
CONTENT_TYPE = "application/x-amz-json-1.1"
Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class RedshiftStandIn:
    """A running stand-in, with the workgroup `test-workgroup` and the cluster `test-cluster`."""

    port: int
    faults: Faults
    _api: DataApi
    _postgresql: PostgreSQL
    _template: str

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def statements(self) -> Mapping[str, list[str]]:
        """Every SQL text that was received, in order, by database."""
        return self._api.texts

    def environment(self) -> dict[str, str]:
        """The variables that send any client of the Data API to this server."""
        return {
            "AWS_ENDPOINT_URL_REDSHIFT_DATA": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "redshift-data",
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def create_database(self) -> str:
        """A new empty database's name, never used before in this session."""
        return self._postgresql.create_database(self._template)

    def rest(self) -> None:
        """Wait for all that was begun to end."""
        self._api.rest()

    def execute(self, sql: str, database: str) -> list[tuple[Any, ...]]:
        """Run one statement of PostgreSQL past the Data API; the rows it gives."""
        return self._postgresql.execute(sql, database)

    def connect(self, database: str) -> "Connection[Any]":
        """A connection to PostgreSQL, past the Data API; each statement is a transaction."""
        return self._postgresql.connect(database)

    def session(self, database: str) -> AbstractContextManager["Connection[Any]"]:
        """The like for a block, which may have been used before and may be used again."""
        return self._postgresql.session(database)

    def role(self, database: str, name: str) -> str:
        """What a role of Redshift is called in PostgreSQL."""
        return role_name(database, name)


@contextmanager
def start_redshift_stand_in(
    postgresql: PostgreSQL, s3: S3Server, roles: Mapping[str, tuple[str, str]]
) -> Iterator[RedshiftStandIn]:
    """Run a stand-in; `roles` has the S3 credentials of each role that COPY may name, `default` among them."""
    with clients_of(s3, roles) as client, start_stand_in(postgresql, client) as stand_in:
        yield stand_in


@contextmanager
def start_stand_in(postgresql: PostgreSQL, client: Callable[[str], Any]) -> Iterator[RedshiftStandIn]:
    """Run a stand-in; `client` gives one of S3 for a role that COPY may name, and raises a KeyError for any other."""
    template = postgresql.create_database()
    postgresql.execute((Path(__file__).parent / "redshift_setup.sql").read_text(), template)
    faults = Faults()

    api = DataApi(Runner(postgresql, Storage(client), faults))
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(api, faults)) as listener:
        # A client may keep its connection open for good.
        listener.daemon_threads, listener.block_on_close = True, False
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield RedshiftStandIn(listener.server_address[1], faults, api, postgresql, template)
        finally:
            listener.shutdown()
            thread.join()
            api.close()


def _handler(api: DataApi, faults: Faults) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are sent one after the other; the second would wait for the first's receipt.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            operation = self.headers.get("X-Amz-Target", "").removeprefix(TARGET)
            request = json.loads(body)
            cut_before, throttled = faults.next_request(operation, request)
            if cut_before is True:
                self.cut()
                return
            if throttled:
                self.answer(*_refusal(throttled, "Too many statements; try again later."))
                return
            answer = _answer(api, operation, request)
            faults.answered(operation, request, answer[1])
            if cut_before is False:
                self.cut()
                return
            self.answer(*answer)

        def cut(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    return Handler


def _answer(api: DataApi, operation: str, request: Mapping[str, Any]) -> Answer:
    try:
        return 200, api.call(operation, request)
    except ApiError as problem:
        return _refusal(problem.kind, str(problem))


def _refusal(kind: str, message: str) -> Answer:
    return 400, {"__type": kind, "Message": message}
