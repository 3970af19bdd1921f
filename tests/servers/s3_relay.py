"""An HTTP relay in front of the S3 server that fails chosen requests itself."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers.s3 import S3Server

# What belongs to one connection only.
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Fault:
    """Requests that fail.

    Args:
        method: of the requests.
        part: of their paths.
        times: how many of them fail.
        status: what they are answered; 0 for the server's own answer, cut in the middle of the body.
        code: of the error, as S3 names it.
        done: whether the server does what was asked, and only the answer is lost.
    """

    method: str
    part: str
    times: int
    status: int = 500
    code: str = "InternalError"
    done: bool = False
    failed: int = 0


@dataclass(frozen=True)
class S3Relay(S3Server):
    """Looks like the server behind it."""

    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault for a request; counts it."""
        with self.lock:
            for fault in self.faults:
                if fault.method == method and fault.part in path and fault.failed < fault.times:
                    fault.failed += 1
                    return replace(fault)
        return None


@contextmanager
def start_s3_relay(server: S3Server, *faults: Fault) -> Iterator[S3Relay]:
    """Run a relay in a thread."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = relay.fault(self.command, self.path)
            if fault and fault.status and not fault.done:
                self.answer(fault.status, {"Content-Type": "application/xml"}, _error(fault.code))
                return
            with closing(http.client.HTTPConnection(server.host, server.port, timeout=60)) as connection:
                connection.request(self.command, self.path, body, dict(self.headers))
                response = connection.getresponse()
                headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_HEADERS}
                length = response.getheader("Content-Length") if self.command == "HEAD" else None
                content = response.read()
            if fault and fault.status:
                self.answer(fault.status, {"Content-Type": "application/xml"}, _error(fault.code))
            elif fault:
                self.answer(response.status, headers, content, cut=True)
            else:
                self.answer(response.status, headers, content, length=length)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = relay  # noqa: N815 names of the standard library

        def answer(
            self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False, length: str | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = cut

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        relay = S3Relay("127.0.0.1", listener.server_address[1], list(faults))
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown()
            thread.join()


def _error(code: str) -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>made up</Message></Error>'.encode()
